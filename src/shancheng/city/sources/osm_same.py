"""Namesakes that lie near each other: the same thing mapped twice, and stops that belong to a station."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
import shapely

from shancheng.city.sources.osm_cut import Picks
from shancheng.city.sources.osm_plane import flat
from shancheng.city.sources.osm_rows import Rows, Shapes

__all__ = ["ALSO", "Namesakes", "coordinates_m", "merged"]

ALSO: Final = "also"
"""Key of `attributes` under which the ids of doubles stand."""
_MOST_LISTED: Final = 32
_MOST_IN_A_CELL: Final = 32


class Namesakes:
    """Points by name, to be asked for those near a place.

    A cell of the grid holds at most 32 of one name, so that a file full of the same thing takes no longer.
    """

    def __init__(self, within_m: float) -> None:
        self._within_m = within_m
        self._cells: dict[tuple[str, int, int], list[tuple[float, float, int]]] = {}

    def add(self, name: str, x_m: float, y_m: float, row: int) -> None:
        """Put a point in; one without a place is nowhere near anything."""
        if not math.isfinite(x_m):
            return
        cell = self._cells.setdefault((name.casefold(), *self._cell(x_m, y_m)), [])
        if len(cell) < _MOST_IN_A_CELL:
            cell.append((x_m, y_m, row))

    def nearest(self, name: str, x_m: float, y_m: float) -> int | None:
        """The nearest of that name, of equally near ones the first; None where there is none."""
        if not math.isfinite(x_m):
            return None
        column, line = self._cell(x_m, y_m)
        key = name.casefold()
        around = (
            (math.hypot(x - x_m, y - y_m), row)
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for x, y, row in self._cells.get((key, column + dx, line + dy), ())
        )
        gap, row = min(around, default=(math.inf, -1))
        return row if gap <= self._within_m else None

    def _cell(self, x_m: float, y_m: float) -> tuple[int, int]:
        return math.floor(x_m / self._within_m), math.floor(y_m / self._within_m)


def merged(
    rows: Rows,
    points: Shapes,
    words: Sequence[tuple[str, ...]],
    order: npt.ArrayLike,
    within_m: float,
    *,
    stays: npt.NDArray[np.bool_] | None = None,
) -> tuple[Rows, Picks]:
    """Rows without those that are another one's double.

    Args:
        rows: Rows of one layer; the attributes of those that stay name the ids of their doubles.
        points: Where they lie, degrees, shape (n,).
        words: Names of each row; doubles have one in common.
        order: The smallest is the one that stays, of equals the first; shape (n,).
        within_m: How far doubles may lie apart.
        stays: Rows that stay in any case, and of which alone others can be doubles; shape (n,). Without it
            any row can be another one's double.

    Returns:
        The rows that stay, and their numbers.
    """
    x, y = coordinates_m(points)
    grid = Namesakes(within_m)
    times = Counter(word.casefold() for found in words for word in found)
    words = [tuple(word for word in found if times[word.casefold()] > 1) for found in words]
    doubles: dict[int, list[str]] = {}
    keep = np.ones(len(rows), dtype=bool)
    for row in np.argsort(np.asarray(order), kind="stable").tolist():
        if not words[row]:
            continue
        fixed = stays is not None and bool(stays[row])
        first = None if fixed else _first(grid, words[row], x[row], y[row])
        if first is not None:
            keep[row] = False
            doubles.setdefault(first, []).append(rows.ids[row])
        elif fixed or stays is None:
            for word in words[row]:
                grid.add(word, x[row], y[row], row)
    for row, ids in doubles.items():
        known = orjson.loads(rows.attributes[row] or b"{}")
        rows.attributes[row] = orjson.dumps({**known, ALSO: ";".join(ids[:_MOST_LISTED])})
    left = np.flatnonzero(keep)
    return rows.only(left.tolist()), left


def _first(grid: Namesakes, words: tuple[str, ...], x_m: float, y_m: float) -> int | None:
    found = (grid.nearest(word, x_m, y_m) for word in words)
    return next((row for row in found if row is not None), None)


def coordinates_m(points: Shapes) -> tuple[list[float], list[float]]:
    """Metres east and north; NaN where a point is empty."""
    x, y = shapely.bounds(flat(points)).reshape(-1, 4)[:, :2].T
    return x.tolist(), y.tolist()
