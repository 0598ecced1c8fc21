"""Lines of a GTFS feed: its shapes, and where it has none, the straight way from stop to stop."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from shancheng.city.arrow import AnyArray
from shancheng.city.sources.gtfs_table import Table

__all__ = ["Ints", "Lines", "codes_of", "patterns", "shape_lines"]

Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[Any]
_LAST: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Lines:
    """Lines by the name of their shape, and the names of those with fewer than two places."""

    names: npt.NDArray[np.object_]
    lines: Shapes
    short: list[str]


def shape_lines(table: Table) -> Lines:
    """Lines of `shapes.txt`, in the order of names; points without a place or a number are left out."""
    name, codes = codes_of(table.text("shape_id"))
    order_in = _integers(table, "shape_pt_sequence")
    lonlat = np.column_stack([_floats(table, "shape_pt_lon", 180.0), _floats(table, "shape_pt_lat", 90.0)])
    usable = (codes >= 0) & (order_in < _LAST) & np.isfinite(lonlat).all(axis=1)
    rows = np.flatnonzero(usable)
    rows = rows[np.lexsort((order_in[rows], codes[rows]))]
    lines = lines_through(codes[rows], lonlat[rows], len(name))
    whole = ~shapely.is_empty(lines)
    return Lines(name[whole], lines[whole], [str(word) for word in name[~whole]])


def lines_through(line: Ints, lonlat: npt.NDArray[np.float64], count: int) -> Shapes:
    """Lines through points that stand in the order of their lines; empty where fewer than two differ."""
    fresh = np.ones(len(line), dtype=bool)
    fresh[1:] = (line[1:] != line[:-1]) | (lonlat[1:] != lonlat[:-1]).any(axis=1)
    enough = np.bincount(line[fresh], minlength=count) > 1
    kept = fresh & enough[line]
    lines = np.full(count, shapely.LineString(), dtype=object)
    found, place = np.unique(line[kept], return_inverse=True)
    if len(found):
        lines[found] = shapely.linestrings(lonlat[kept], indices=place)
    return lines


def patterns(trip: Ints, stop: Ints, n_stops: int) -> npt.NDArray[np.uint64]:
    """A number for what each trip stops at, equal for equal sequences.

    Args:
        trip: Trip of each stop time, 0, 1, …, without gaps and sorted; within a trip in its order.
        stop: What is stopped at, from 0.
        n_stops: How many stops there are.
    """
    if len(trip) == 0:
        return np.empty(0, dtype=np.uint64)
    first = np.flatnonzero(np.concatenate([[True], trip[1:] != trip[:-1]]))
    place = np.arange(len(trip)) - np.repeat(first, np.diff([*first, len(trip)]))
    # Sums of random numbers, one for a stop times one for its place: of a million sequences two agree by
    # chance less than once in a million feeds.
    random = np.random.default_rng(0)
    of_stop = random.integers(0, 2**64, n_stops, dtype=np.uint64)
    of_place = random.integers(0, 2**64, int(place.max()) + 1, dtype=np.uint64) | np.uint64(1)
    return np.asarray(np.add.reduceat(of_stop[stop] * of_place[place], first), dtype=np.uint64)


def codes_of(text: AnyArray) -> tuple[npt.NDArray[np.object_], Ints]:
    """The different words of a column in their order, and the number of each row's word; null is -1."""
    encoded: Any = pc.dictionary_encode(text)
    words = np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False), dtype=object)
    order = np.argsort(words.astype(str), kind="stable") if len(words) else np.empty(0, dtype=np.int64)
    rank = np.empty(len(words) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(words)), -1
    codes = encoded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return words[order], rank[codes]


def _integers(table: Table, name: str) -> Ints:
    column = table.integers(name, pa.int64(), 0, 10**9)
    return np.asarray(column.fill_null(_LAST).to_numpy(zero_copy_only=False), dtype=np.int64)


def _floats(table: Table, name: str, limit: float) -> npt.NDArray[np.float64]:
    return np.asarray(table.reals(name, -limit, limit).to_numpy(zero_copy_only=False), dtype=np.float64)
