"""Spread features over an additive quadtree: the first tile shows the biggest, and none is too large.

A feature goes to a cell that holds the whole of it, because viewers cull by cells: what overhangs would
vanish at the edge of the screen. Each tile keeps what fits no single child, then the largest of the rest up
to the capacity, and hands on the others; a tile of at most one and a half times the capacity keeps
everything.

Where the largest end is a round number, up to a tenth of the capacity before it is full. So a building that
grows and comes to a tile does not, as a rule, push another one out, that one another in its turn, and so on
through tiles all over the city.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.geo.quadtree import RootCell, morton, unmorton
from shancheng.tiles.constants import CAPACITY, CELL_MARGIN_DEG, MAX_LEVEL, SLACK_SHARE
from shancheng.tiles.items import Items

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Partition:
    """Tiles and their members; a parent comes before its children.

    Attributes:
        level: Of each tile, shape (t,); the root has 0.
        x: Cell number eastward, shape (t,).
        y: Cell number northward, shape (t,).
        order: Rows of the items, tile after tile, shape (n,).
        start: Where each tile's members begin in `order`, shape (t + 1,).
    """

    level: IntArray
    x: IntArray
    y: IntArray
    order: IntArray
    start: IntArray

    def __len__(self) -> int:
        return len(self.level)

    def members(self, tile: int) -> IntArray:
        """Rows of the items in a tile."""
        return self.order[self.start[tile] : self.start[tile + 1]]

    def tile_of_item(self) -> IntArray:
        """The tile of each item, shape (n,), by row."""
        tiles = np.empty(len(self.order), dtype=np.int64)
        tiles[self.order] = np.repeat(np.arange(len(self)), np.diff(self.start))
        return tiles

    def bounds_deg(self, items: Items) -> npt.NDArray[np.float64]:
        """West, south, east, north of each tile's members, shape (t, 4)."""
        ordered, first = items.bounds_deg[self.order], self.start[:-1]
        lowest = np.minimum.reduceat(ordered[:, :2], first, axis=0)
        return np.concatenate([lowest, np.maximum.reduceat(ordered[:, 2:], first, axis=0)], axis=1)

    def heights_m(self, items: Items) -> npt.NDArray[np.float64]:
        """Lowest and highest ellipsoidal height of each tile's members, shape (t, 2)."""
        ordered, first = items.heights_m[self.order], self.start[:-1]
        lowest = np.minimum.reduceat(ordered[:, 0], first)
        return np.stack([lowest, np.maximum.reduceat(ordered[:, 1], first)], axis=1)


def partition_items(
    items: Items, root_cell: RootCell, *, capacity: int = CAPACITY, max_level: int = MAX_LEVEL
) -> Partition:
    """Choose a tile for every item.

    Args:
        items: What to spread; every item must lie inside the root cell (see `inside`).
        root_cell: Cell of level 0.
        capacity: Items a tile takes before it hands on the rest.
        max_level: Deepest level, at most 16; a tile there keeps whatever reaches it.

    Returns:
        The tiles that hold something, parents first; none when there are no items.
    """
    from shancheng.tiles.engines.partition_parallel import assign  # compiled code, so only when needed

    if len(items) == 0:
        nothing = np.empty(0, dtype=np.int64)
        return Partition(nothing, nothing, nothing, nothing, np.zeros(1, dtype=np.int64))
    keys = sort_keys(items, root_cell, max_level)
    slack = capacity // SLACK_SHARE
    order, level, code, start = assign(keys.code, keys.deepest, keys.rank, capacity, slack, max_level)
    x, y = unmorton(code)
    return Partition(level, x, y, keys.rows[order], start)


@dataclass(frozen=True, slots=True)
class SortKeys:
    """Items in the order of the curve through all cells, with what decides their level.

    Attributes:
        rows: Row of each item, shape (n,).
        code: Morton code of its south-west corner at the deepest level, shape (n,), rising.
        deepest: Deepest level whose cell holds the whole item, shape (n,).
        rank: Key of the item, smaller for the larger one, shape (n,); unique.
    """

    rows: IntArray
    code: npt.NDArray[np.uint64]
    deepest: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.uint64]


def sort_keys(items: Items, root_cell: RootCell, max_level: int) -> SortKeys:
    """Quantise the items and sort them along the curve."""
    code, deepest = cells_of(items.bounds_deg, root_cell, max_level)
    rows = np.argsort(curve_keys(code, items.tie))
    rank = rank_keys(items.size_m.astype(np.float32), items.tie)
    return SortKeys(rows, code[rows].astype(np.uint64), deepest[rows], rank[rows])


def cells_of(
    bounds_deg: npt.NDArray[np.float64], root_cell: RootCell, max_level: int = MAX_LEVEL
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Where boxes lie on the curve: Morton code of the south-west corner, deepest level that holds the box.

    Args:
        bounds_deg: West, south, east, north of each, shape (n, 4), inside the root cell.
        root_cell: Cell of level 0.
        max_level: Level of the codes, at most 16.
    """
    west, south, east, north = bounds_deg.T
    x0, y0 = root_cell.quantise(west - CELL_MARGIN_DEG, south - CELL_MARGIN_DEG, max_level)
    x1, y1 = root_cell.quantise(east + CELL_MARGIN_DEG, north + CELL_MARGIN_DEG, max_level)
    differing = (x0 ^ x1) | (y0 ^ y1)
    deepest = max_level - np.frexp(differing.astype(np.float64))[1]
    return morton(x0, y0).astype(np.uint32), deepest.astype(np.uint8)


def curve_keys(code: npt.NDArray[np.uint32], tie: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Keys in whose order items lie on the curve; unique."""
    return (code.astype(np.uint64) << np.uint64(32)) | tie


def rank_keys(size_m: npt.NDArray[np.float32], tie: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Keys in whose order the largest item comes first; unique."""
    # Positive floats sort like their bits; the complement puts the largest first.
    largest_first = (~size_m.view(np.uint32)).astype(np.uint64)
    return (largest_first << np.uint64(32)) | tie


def inside(items: Items, root_cell: RootCell) -> npt.NDArray[np.bool_]:
    """Which items lie inside the root cell, shape (n,)."""
    return inside_cell(items.bounds_deg, root_cell)


def inside_cell(bounds_deg: npt.NDArray[np.float64], root_cell: RootCell) -> npt.NDArray[np.bool_]:
    """Which boxes, west, south, east, north, shape (n, 4), lie inside the root cell, shape (n,)."""
    root = root_cell.bounds
    west, south, east, north = bounds_deg.T
    inside_lon = (west >= root.west_deg) & (east <= root.east_deg)
    return np.asarray(inside_lon & (south >= root.south_deg) & (north <= root.north_deg))
