"""Columns of a layer as arrays, and its geometries with those set aside that cannot be drawn."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from shancheng.tiles.draped_pieces import Wrong

__all__ = ["areal_rows", "column", "read_geometries", "words"]


def words(table: pa.Table, name: str) -> list[str]:
    """A column of texts; null is the empty text."""
    return [str(word) if word is not None else "" for word in table.column(name).to_pylist()]


def column(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column as an array; nulls become NaN or None."""
    return np.asarray(table.column(name).to_numpy())


def areal_rows(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Rows whose geometry is a polygon or several, shape (n,): roads and bridges may be drawn as areas."""
    # The second byte of little-endian WKB is the low one of the type's number.
    kind: Any = pc.binary_slice(table.column("geometry").cast(pa.binary()), 1, 2)
    polygonal: Any = pc.is_in(kind, value_set=pa.array([b"\x03", b"\x06"]))
    return np.asarray(polygonal.to_numpy(), dtype=np.bool_)


def read_geometries(
    table: pa.Table, types: tuple[shapely.GeometryType, ...], what: str, wanted: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[Any], list[Wrong]]:
    """Geometries of the wanted rows that are sound, None in all others.

    Args:
        table: A layer.
        types: Types that will do.
        what: How to call them in a message.
        wanted: Rows to look at, shape (n,).

    Returns:
        Geometries, shape (n,), and the wanted rows that have none.
    """
    geometries = np.array(shapely.from_wkb(column(table, "geometry"), on_invalid="ignore"), dtype=object)
    geometries[~wanted] = None
    missing = wanted & shapely.is_missing(geometries)
    empty = wanted & ~missing & shapely.is_empty(geometries)
    kind = shapely.get_type_id(geometries)
    other = wanted & ~missing & ~empty & ~np.isin(kind, [int(entry) for entry in types])
    infinite = (
        wanted & ~missing & ~np.isfinite(shapely.bounds(geometries).reshape(-1, 4)).all(axis=1) & ~empty
    )
    wrong = [Wrong(int(row), "the geometry is not readable WKB") for row in np.flatnonzero(missing)]
    wrong += [Wrong(int(row), "the geometry is empty") for row in np.flatnonzero(empty)]
    names = {int(entry): entry.name for entry in shapely.GeometryType}
    wrong += [
        Wrong(int(row), f"geometry of type {names[int(kind[row])]}: must be {what}")
        for row in np.flatnonzero(other)
    ]
    wrong += [Wrong(int(row), "a coordinate is not finite") for row in np.flatnonzero(infinite & ~other)]
    geometries[empty | other | infinite] = None
    return geometries, wrong
