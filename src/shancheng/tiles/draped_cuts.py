"""Polygons cut along the cells of the quadtree, and finer where the ground is to be followed; then triangles.

Cutting goes from coarse to fine, so that each step meets small polygons, and a square that lies wholly inside
a polygon is not computed with again.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import mapbox_earcut
import numpy as np
import numpy.typing as npt
import shapely

from shancheng.geo.quadtree import RootCell
from shancheng.tiles.draped_pieces import Floats, Ints, metres_per_degree

__all__ = ["CellGrid", "Cut", "CutTriangles", "cut_along", "triangulate"]

# A cut-out with this share of its square's area is the whole square.
_WHOLE_SHARE = 1.0 - 1e-9
# Cut-outs smaller than this share of their square are what rounding leaves along a line.
_SMALLEST_SHARE = 1e-9
# Each step cuts a square into this many along each side.
_FACTOR = 4
# More of the area than this missing or added means that a polygon was not understood.
_AREA_TOLERANCE = 1e-6
# Corners that are one corner but for rounding become one at this many decimals of a degree (0.01 mm).
_DECIMALS = 10


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Cells of one level of the quadtree, and how many times finer the ground is followed.

    Attributes:
        west_deg: West edge of the root.
        south_deg: South edge of the root.
        side_deg: Side of the root.
        n_cells: Cells along the root's side, a power of two.
        finer: Fine cells along a cell's side, a power of two.
    """

    west_deg: float
    south_deg: float
    side_deg: float
    n_cells: int
    finer: int

    @classmethod
    def over(cls, root_cell: RootCell, largest_m: float, finest_m: float) -> "CellGrid":
        """The coarsest cells and the coarsest fine cells that are at most so large."""
        side_m = root_cell.side_deg * float(metres_per_degree(np.array([root_cell.south_deg]))[0, 1])
        n_cells = 1 << max(0, math.ceil(math.log2(side_m / largest_m)))
        finer = 1 << max(0, math.ceil(math.log2(side_m / n_cells / finest_m)))
        return cls(root_cell.west_deg, root_cell.south_deg, root_cell.side_deg, n_cells, finer)

    def steps(self, *, finely: bool) -> list[int]:
        """Squares along the root's side, from coarse to fine, each a multiple of the one before."""
        last = self.n_cells * (self.finer if finely else 1)
        return [
            min(last, _FACTOR**k) for k in range(1, 1 + max(1, math.ceil(math.log(last, _FACTOR) - 1e-9)))
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Polygons that each lie in one square of a grid.

    Attributes:
        polygons: Shape (p,).
        row: Of the feature, shape (p,).
        x: Column of the square, from the west, shape (p,).
        y: Row of the square, from the south, shape (p,).
        whole: Which of them are their whole square, shape (p,).
    """

    polygons: npt.NDArray[Any]
    row: Ints
    x: Ints
    y: Ints
    whole: npt.NDArray[np.bool_]

    def take(self, which: npt.NDArray[Any]) -> "Cut":
        """Some of the polygons."""
        return Cut(self.polygons[which], self.row[which], self.x[which], self.y[which], self.whole[which])


@dataclass(frozen=True, slots=True, eq=False)
class CutTriangles:
    """Triangles: corners in degrees (t, 3, 2), counter-clockwise; row and quadtree cell of each, (t,)."""

    corners: Floats
    row: Ints
    cell: Ints


def cut_along(polygons: npt.NDArray[Any], row: Ints, grid: CellGrid, *, finely: bool) -> Cut:
    """Cut valid polygons; what lies beyond the root is left out.

    Args:
        polygons: Shape (p,).
        row: Of the feature, shape (p,).
        grid: Cells.
        finely: Cut along the fine cells too.
    """
    zero = np.zeros(len(polygons), dtype=np.int64)
    cut = Cut(polygons, row, zero, zero, np.zeros(len(polygons), dtype=np.bool_))
    before = 1
    for across in grid.steps(finely=finely):
        cut = _divide(cut, grid, before, across)
        before = across
    return cut


def triangulate(cut: Cut, grid: CellGrid, *, finely: bool) -> tuple[CutTriangles, list[int]]:
    """Triangles of all polygons, and the rows of features of which some polygon resists; these have none.

    Args:
        cut: From `cut_along`.
        grid: The same grid.
        finely: The same choice.
    """
    per_cell = grid.finer if finely else 1
    cell = (cut.y // per_cell) * grid.n_cells + cut.x // per_cell
    whole, rest = np.flatnonzero(cut.whole), np.flatnonzero(~cut.whole)
    corners, owner = _earcut(cut.polygons[rest])
    area = shapely.area(cut.polygons[rest])
    drawn = np.bincount(owner, _double_areas(corners), minlength=len(rest)) / 2
    bad = np.unique(cut.row[rest[np.abs(drawn - area) > _AREA_TOLERANCE * area]])
    corners = np.concatenate([_halves(cut.polygons[whole]), corners])
    owner = np.concatenate([np.repeat(whole, 2), rest[owner]])
    kept = ~np.isin(cut.row[owner], bad)
    corners, owner = np.round(corners[kept], _DECIMALS), owner[kept]
    return CutTriangles(corners, cut.row[owner], cell[owner]), [int(row) for row in bad]


def _divide(cut: Cut, grid: CellGrid, before: int, across: int) -> Cut:
    """Cut squares of a grid with `before` of them along the root into those of one with `across`."""
    factor = across // before
    square = grid.side_deg / across
    bounds = shapely.bounds(cut.polygons).reshape(-1, 4)
    x0, x1 = _range(bounds[:, 0], bounds[:, 2], grid.west_deg, square, cut.x * factor, factor)
    y0, y1 = _range(bounds[:, 1], bounds[:, 3], grid.south_deg, square, cut.y * factor, factor)
    wide, high = np.maximum(x1 - x0 + 1, 0), np.maximum(y1 - y0 + 1, 0)
    source = np.repeat(np.arange(len(cut.row)), wide * high)
    place = np.arange(len(source)) - np.repeat(np.cumsum(wide * high) - wide * high, wide * high)
    x, y = x0[source] + place % wide[source], y0[source] + place // wide[source]
    boxes = _boxes(grid, across, x, y)
    whole = cut.whole[source]
    shapes = boxes.copy()
    shapes[~whole] = shapely.intersection(cut.polygons[source[~whole]], boxes[~whole])
    return _polygons_of(Cut(shapes, cut.row[source], x, y, whole), boxes)


def _range(
    low_deg: Floats, high_deg: Floats, start_deg: float, square_deg: float, first: Ints, count: int
) -> tuple[Ints, Ints]:
    """First and last of `count` squares from `first` on that something from low to high may touch."""
    lowest = np.floor((low_deg - start_deg) / square_deg).astype(np.int64)
    highest = np.floor((high_deg - start_deg) / square_deg).astype(np.int64)
    return np.maximum(lowest, first), np.minimum(highest, first + count - 1)


def _boxes(grid: CellGrid, across: int, x: Ints, y: Ints) -> npt.NDArray[Any]:
    """Squares whose neighbours share their edges to the last bit."""
    west, east = (grid.west_deg + grid.side_deg * (edge / across) for edge in (x, x + 1))
    south, north = (grid.south_deg + grid.side_deg * (edge / across) for edge in (y, y + 1))
    return np.array(shapely.box(west, south, east, north), dtype=object).reshape(len(x))


def _polygons_of(cut: Cut, boxes: npt.NDArray[Any]) -> Cut:
    """The polygons among what an intersection gave: it also gives lines, points and collections."""
    parts, source = shapely.get_parts(cut.polygons, return_index=True)
    share = shapely.area(parts) / shapely.area(boxes)[source]
    kept = share > _SMALLEST_SHARE
    source = source[kept]
    whole = cut.whole[source] | (share[kept] >= _WHOLE_SHARE)
    polygons = np.where(whole, boxes[source], parts[kept])
    return Cut(polygons, cut.row[source], cut.x[source], cut.y[source], whole)


def _halves(squares: npt.NDArray[Any]) -> Floats:
    """Two triangles for each square, shape (2 s, 3, 2)."""
    west, south, east, north = shapely.bounds(squares).reshape(-1, 4).T
    lower = [(west, south), (east, south), (east, north)]
    upper = [(west, south), (east, north), (west, north)]
    corners = np.array([[np.stack(corner, axis=1) for corner in half] for half in (lower, upper)])
    return np.asarray(corners.transpose(2, 0, 1, 3).reshape(-1, 3, 2), dtype=np.float64)


def _earcut(polygons: npt.NDArray[Any]) -> tuple[Floats, Ints]:
    """Triangles of polygons, shape (t, 3, 2), counter-clockwise, and the polygon of each."""
    rings, owner = shapely.get_rings(polygons, return_index=True)
    lonlat = shapely.get_coordinates(rings)
    end = np.cumsum(shapely.get_num_coordinates(rings))
    # A ring repeats its first corner at its end; earcut wants it once.
    lonlat = np.delete(lonlat, end - 1, axis=0)
    end = end - np.arange(1, len(end) + 1)
    first_ring = np.searchsorted(owner, np.arange(len(polygons) + 1)).tolist()
    start = np.concatenate([[0], end]).astype(np.int64)
    found: list[npt.NDArray[Any]] = [np.empty(0, dtype=np.int64)]
    for first, last in itertools.pairwise(first_ring):
        low, high = start[first], start[last]
        # Counted from the first corner: the differences are exact, and small numbers keep all their digits.
        shape = lonlat[low:high] - lonlat[low]
        ends = (end[first:last] - low).astype(np.uint32)
        found.append(mapbox_earcut.triangulate_float64(shape, ends).astype(np.int64) + low)
    corners = lonlat[np.concatenate(found)].reshape(-1, 3, 2)
    corners = np.where((_double_areas(corners) < 0)[:, None, None], corners[:, ::-1], corners)
    return corners, np.repeat(np.arange(len(polygons)), [len(indices) // 3 for indices in found[1:]])


def _double_areas(corners: Floats) -> Floats:
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas: Floats = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return areas
