"""Geometries of any source: read, placed, and looked at one by one with array functions.

Self-intersecting outlines are kept, as from every source: tiles repair what can be repaired and say so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.schema import LAYERS
from shancheng.city.sources.vector_arrow import pc
from shancheng.errors import SettingError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import MAX_LAT_DEG, MAX_LON_DEG, Bounds

__all__ = [
    "MAX_VERTICES",
    "Shapes",
    "Sound",
    "allowed_types",
    "bounds_of",
    "middles",
    "plain_wkb",
    "read_wkb",
    "sound_shapes",
]

Shapes = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Place = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

MAX_VERTICES: Final = 500_000
"""Corners of one feature; an outline with more is no object of a city but a coast or a mistake."""
_SMALLEST_M2: Final = 1e-4
_DEGREE_M: Final = 111_320.0
_MOST_TO_REPAIR: Final = 1_000

_T = shapely.GeometryType
_POINTS: Final = (_T.POINT,)
_LINES: Final = (_T.LINESTRING, _T.MULTILINESTRING)
_AREAS: Final = (_T.POLYGON, _T.MULTIPOLYGON)
_BY_LAYER: Final[dict[str, tuple[_T, ...]]] = {
    "roads": _LINES + _AREAS,
    "rail": _LINES + _AREAS,
    "bridges": _LINES + _AREAS,
    # A line in water is a river drawn as one; it is widened.
    "water": _AREAS + _LINES,
    "transit_routes": _LINES,
    "transit_shapes": _LINES,
    "buildings": _AREAS,
    "building_elements": _AREAS,
    "green": _AREAS,
    "districts": _AREAS,
}
_NAMES: Final = {
    _T.POINT: "Point",
    _T.LINESTRING: "LineString",
    _T.LINEARRING: "LinearRing",
    _T.POLYGON: "Polygon",
    _T.MULTIPOINT: "MultiPoint",
    _T.MULTILINESTRING: "MultiLineString",
    _T.MULTIPOLYGON: "MultiPolygon",
    _T.GEOMETRYCOLLECTION: "GeometryCollection",
}
_GOOD: Final = ""


@dataclass(frozen=True)
class Sound:
    """The shapes of a batch that can be used, in degrees, and why the others cannot.

    Attributes:
        shapes: Shape (k,).
        keep: Their rows, shape (k,).
        reasons: One a row of the batch, empty where it is kept or lies elsewhere, shape (n,).
        elsewhere: Rows that are sound but outside the bounds asked for.
    """

    shapes: Shapes
    keep: Ints
    reasons: npt.NDArray[np.object_]
    elsewhere: int


def allowed_types(layer: str) -> tuple[_T, ...]:
    """Kinds of geometry that a layer holds.

    Raises:
        SettingError: There is no such layer.
    """
    if layer not in LAYERS:
        raise SettingError(f"layer={layer!r}: must be one of {', '.join(LAYERS)}")
    return _BY_LAYER.get(layer, _POINTS)


def read_wkb(wkb: Any) -> Shapes:  # noqa: ANN401 - an Arrow array or bytes objects
    """Shapes of well-known binary; None where it is missing or cannot be read. Shape (n,)."""
    values = wkb.to_numpy(zero_copy_only=False) if hasattr(wkb, "to_numpy") else np.asarray(wkb, dtype=object)
    with np.errstate(invalid="ignore"):  # a corner that is not a number is looked at later
        return np.asarray(shapely.from_wkb(values, on_invalid="ignore"), dtype=object)


def plain_wkb(shapes: Shapes, wkb: Any) -> Any:  # noqa: ANN401 - an Arrow array of bytes
    """WKB of shapes as layers have it: little-endian, two dimensions; what is that already stays. Shape (n,).

    Args:
        shapes: Shape (n,).
        wkb: What they were read from, if they are still the same; None where they are not.
    """
    if wkb is None:
        return pa.array(shapely.to_wkb(shapes, byte_order=1, output_dimension=2), pa.binary())
    other = np.flatnonzero(~_is_plain(shapes, wkb))
    if not len(other):
        return wkb.cast(pa.binary())
    values = wkb.to_numpy(zero_copy_only=False)
    values[other] = shapely.to_wkb(shapes[other], byte_order=1, output_dimension=2)
    return pa.array(values, pa.binary())


def _is_plain(shapes: Shapes, wkb: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401
    """Whether bytes are those that would be written: points, lines and polygons of the right head and length.

    Source:
        OGC 06-103r4, 8.2: a byte for the byte order, four for the kind (1 point, 2 line, 3 polygon, 1000 more
        with heights), a count of rings, a count of corners before each list of them.
    """
    if not len(shapes):
        return np.zeros(0, dtype=bool)
    flat, starts, ends = _bytes_of(wkb)
    head = flat[np.minimum(starts[:, None] + np.arange(9), len(flat) - 1)]
    words = head[:, 1:].copy().view("<u4").astype(np.int64)
    code, rings = np.where(head[:, 0] == 1, words[:, 0], 0), words[:, 1]
    counts = np.select([code == 2, code == 3], [1, 1 + rings], 0)  # noqa: PLR2004 - as the source has it
    size = 5 + 4 * counts + 16 * shapely.get_num_coordinates(shapes)
    return np.asarray((code >= 1) & (code <= 3) & (ends - starts == size))  # noqa: PLR2004


def _bytes_of(wkb: Any) -> tuple[npt.NDArray[np.uint8], Ints, Ints]:  # noqa: ANN401
    """All bytes of a binary array, and where each value starts and ends, shape (n,)."""
    _, offsets, data = wkb.buffers()
    width = np.int64 if pa.types.is_large_binary(wkb.type) else np.int32
    ends = np.frombuffer(offsets, dtype=width)[wkb.offset : wkb.offset + len(wkb) + 1].astype(np.int64)
    return np.frombuffer(data or b"\0", dtype=np.uint8), ends[:-1], ends[1:]


def middles(shapes: Shapes) -> tuple[FloatArray, FloatArray]:
    """Middles of the boxes of shapes, NaN for those without; shape (n,) each."""
    boxes = shapely.bounds(shapes).reshape(-1, 4)
    return (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2


def sound_shapes(
    layer: str, shapes: Shapes, place: Place | None = None, bounds: Bounds | None = None
) -> Sound:
    """Sort the shapes of a batch into those a layer can hold and those it cannot.

    Args:
        layer: A key of ``LAYERS``.
        shapes: As the file has them; None where there is none. Shape (n,).
        place: From the file's x, y to longitude and latitude; None where they are that already.
        bounds: Only what meets them is kept.
    """
    shapes = _single(shapes)
    reasons: npt.NDArray[np.object_] = np.full(len(shapes), _GOOD, dtype=object)
    kinds = shapely.get_type_id(shapes)
    _note(reasons, kinds < 0, "no geometry, or one that cannot be read")
    _note_types(reasons, kinds, layer)
    _note(reasons, shapely.is_empty(shapes), "its geometry is empty")
    corners = shapely.get_num_coordinates(shapes)
    _note(reasons, corners > MAX_VERTICES, f"more than {MAX_VERTICES:,} corners")
    _placed(shapes, reasons, place)
    left = np.flatnonzero(reasons == _GOOD)
    boxes = shapely.bounds(shapes[left]).reshape(-1, 4)
    _note_range(reasons, left, boxes)
    _note_small(reasons, shapes)
    inside = _meets(boxes, bounds) if bounds is not None else np.ones(len(left), dtype=bool)
    keep = left[inside & (reasons[left] == _GOOD)]
    return Sound(shapes[keep], keep, reasons, int((~inside & (reasons[left] == _GOOD)).sum()))


def _single(shapes: Shapes) -> Shapes:
    """A collection of one is that one."""
    kinds = shapely.get_type_id(shapes)
    multi = (kinds >= _T.MULTIPOINT) & (kinds <= _T.MULTIPOLYGON)
    multi &= shapely.get_num_geometries(shapes) == 1
    single = shapes.copy()
    single[multi] = shapely.get_geometry(shapes[multi], 0)
    return single


def _note(reasons: npt.NDArray[np.object_], wrong: Any, reason: str) -> None:  # noqa: ANN401 - a mask
    """The first reason stays."""
    reasons[np.asarray(wrong) & (reasons == _GOOD)] = reason


def _note_types(reasons: npt.NDArray[np.object_], kinds: Any, layer: str) -> None:  # noqa: ANN401
    allowed = allowed_types(layer)
    needed = ", ".join(_NAMES[kind] for kind in allowed)
    for kind in np.unique(kinds[kinds >= 0]).tolist():
        if kind not in allowed:
            name = _NAMES.get(_T(kind), "curve") if kind <= max(_T) else "curve"
            _note(reasons, kinds == kind, f"a {name} cannot stand in {layer}; needed: {needed}")


def _placed(shapes: Shapes, reasons: npt.NDArray[np.object_], place: Place | None) -> None:
    """Move the good shapes to longitude and latitude; those with a corner nowhere get a reason."""
    rows = np.flatnonzero(reasons == _GOOD)
    points, owner = shapely.get_coordinates(shapes[rows], return_index=True)
    lost = _lost(points, owner, len(rows))
    _note_rows(reasons, rows[lost], "a coordinate is not a number")
    if place is None:
        return
    rows = rows[~lost]
    points = points[~lost[owner]]
    corners = shapely.get_num_coordinates(shapes[rows])
    moved = np.column_stack(place(points[:, 0], points[:, 1])) if len(points) else points
    lost = _lost(moved, np.repeat(np.arange(len(rows)), corners), len(rows))
    _note_rows(reasons, rows[lost], "its coordinates lie outside what the reference system can express")
    good = rows[~lost]
    # Heights are of an unknown datum; they are dropped with the third dimension.
    flat = shapely.force_2d(shapes[good])
    shapes[good] = shapely.set_coordinates(flat, moved[np.repeat(~lost, corners)])


def _lost(points: FloatArray, owner: Ints, n: int) -> npt.NDArray[np.bool_]:
    lost = np.zeros(n, dtype=bool)
    lost[owner[~np.isfinite(points).all(axis=1)]] = True
    return lost


def _note_rows(reasons: npt.NDArray[np.object_], rows: Ints, reason: str) -> None:
    reasons[rows] = reason


def _note_range(reasons: npt.NDArray[np.object_], rows: Ints, boxes: FloatArray) -> None:
    wrong = (np.abs(boxes[:, [0, 2]]) > MAX_LON_DEG).any(axis=1)
    wrong |= (np.abs(boxes[:, [1, 3]]) > MAX_LAT_DEG).any(axis=1)
    _note_rows(reasons, rows[wrong], "a coordinate is outside longitude -180 to 180 or latitude -90 to 90")


def _note_small(reasons: npt.NDArray[np.object_], shapes: Shapes) -> None:
    """Areas without area and lines without length. A bow tie has none either, but its two wings do."""
    rows = np.flatnonzero(reasons == _GOOD)
    dimension = shapely.get_dimensions(shapes[rows])
    areas = rows[dimension == 2]  # noqa: PLR2004 - of a surface
    flat = areas[shapely.area(shapes[areas]) * _DEGREE_M**2 < _SMALLEST_M2]
    # Repair takes up to the square of the corners.
    few = flat[shapely.get_num_coordinates(shapes[flat]) <= _MOST_TO_REPAIR]
    crossing = few[~shapely.is_valid(shapes[few])]
    wings = shapely.area(shapely.make_valid(shapes[crossing])) * _DEGREE_M**2
    _note_rows(reasons, np.setdiff1d(flat, crossing[wings >= _SMALLEST_M2]), "its outline has no area")
    lines = rows[dimension == 1]
    _note_rows(reasons, lines[shapely.length(shapes[lines]) == 0], "its line has no length")


def _meets(boxes: FloatArray, bounds: Bounds) -> npt.NDArray[np.bool_]:
    return np.asarray(
        (boxes[:, 0] <= bounds.east_deg)
        & (boxes[:, 2] >= bounds.west_deg)
        & (boxes[:, 1] <= bounds.north_deg)
        & (boxes[:, 3] >= bounds.south_deg)
    )


def bounds_of(table: pa.Table) -> Bounds | None:
    """Bounds of a layer by its column of boxes; None where it is empty."""
    if not table.num_rows:
        return None
    boxes: Any = table.column("bbox")
    ends = (("xmin", "min"), ("ymin", "min"), ("xmax", "max"), ("ymax", "max"))
    return Bounds(*(pc.min_max(pc.struct_field(boxes, edge))[end].as_py() for edge, end in ends))
