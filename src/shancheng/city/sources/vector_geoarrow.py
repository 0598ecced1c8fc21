"""Shapes from GeoParquet 1.1's own encodings: lists of lists of x and y, as GeoArrow has them."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.sources.vector_arrow import Array, mask_of, offsets_of, pc
from shancheng.city.sources.vector_shapes import Shapes

__all__ = ["ENCODINGS", "shapes_of_arrow"]

_T = shapely.GeometryType
# Kind of geometry, and how deep its corners lie in lists.
_KINDS: Final[dict[str, tuple[_T, int]]] = {
    "point": (_T.POINT, 0),
    "linestring": (_T.LINESTRING, 1),
    "polygon": (_T.POLYGON, 2),
    "multipoint": (_T.MULTIPOINT, 1),
    "multilinestring": (_T.MULTILINESTRING, 2),
    "multipolygon": (_T.MULTIPOLYGON, 3),
}
ENCODINGS: Final = tuple(_KINDS)


def shapes_of_arrow(column: Array, encoding: str) -> Shapes:
    """Shapes of a column, None where it is null; shape (n,).

    Raises:
        ValueError: The column is not nested as its encoding says.
    """
    kind, depth = _KINDS[encoding]
    valid = mask_of(column.is_valid())
    inner = column.drop_null()
    offsets: list[Any] = []
    for _ in range(depth):
        if not (pa.types.is_list(inner.type) or pa.types.is_large_list(inner.type)):
            raise ValueError(f"geometry of type {column.type} is no {encoding}")
        offsets.insert(0, offsets_of(inner).astype(np.int64))
        inner = inner.flatten()
    if not pa.types.is_struct(inner.type) or {"x", "y"} - {field.name for field in inner.type}:
        raise ValueError(f"geometry of type {column.type} is no {encoding}: its corners have no x and y")
    points = np.column_stack([_numbers(pc.struct_field(inner, name)) for name in ("x", "y")])
    shapes: Shapes = np.full(len(column), None, dtype=object)
    shapes[valid] = _built(kind, points, tuple(offsets))
    return shapes


def _built(kind: _T, points: Any, offsets: tuple[Any, ...]) -> Shapes:  # noqa: ANN401 - arrays of numbers
    if kind == _T.POINT:
        return np.asarray(shapely.points(points), dtype=object)
    try:
        return np.asarray(shapely.from_ragged_array(kind, points, offsets), dtype=object)
    except shapely.errors.GEOSException as error:
        raise ValueError(f"a geometry cannot be built: {error}") from error


def _numbers(column: Array) -> Any:  # noqa: ANN401
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False))
