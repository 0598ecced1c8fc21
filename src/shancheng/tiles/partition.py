"""Spread features over an additive quadtree: the first tile shows the biggest, and none is too large.

A feature goes to a cell that holds the whole of it, because viewers cull by cells: what overhangs would
vanish at the edge of the screen. Each tile keeps what fits no single child, then the largest of the rest up
to the capacity, and hands on the others; a tile of at most one and a half times the capacity keeps
everything.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.geo.quadtree import RootCell, morton, unmorton
from shancheng.tiles.constants import CAPACITY, CELL_MARGIN_DEG, MAX_LEVEL
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
    order, level, code, start = assign(keys.code, keys.deepest, keys.rank, capacity, max_level)
    x, y = unmorton(code)
    return Partition(level, x, y, keys.rows[order], start)


@dataclass(frozen=True, slots=True)
class SortKeys:
    """Items in the order of the curve through all cells, with what decides their level.

    Attributes:
        rows: Row of each item, shape (n,).
        code: Morton code of its south-west corner at the deepest level, shape (n,), rising.
        deepest: Deepest level whose cell holds the whole item, shape (n,).
        rank: Place of the item when the largest comes first, shape (n,); unique.
    """

    rows: IntArray
    code: npt.NDArray[np.uint64]
    deepest: IntArray
    rank: IntArray


def sort_keys(items: Items, root_cell: RootCell, max_level: int) -> SortKeys:
    """Quantise the items and sort them along the curve."""
    tie = items.tie.astype(np.uint64)
    west, south, east, north = items.bounds_deg.T
    x0, y0 = root_cell.quantise(west - CELL_MARGIN_DEG, south - CELL_MARGIN_DEG, max_level)
    x1, y1 = root_cell.quantise(east + CELL_MARGIN_DEG, north + CELL_MARGIN_DEG, max_level)
    code = morton(x0, y0)
    rows = np.argsort((code << np.uint64(32)) | tie)
    differing = (x0 ^ x1) | (y0 ^ y1)
    deepest = max_level - np.frexp(differing.astype(np.float64))[1]
    # Positive floats sort like their bits; the complement puts the largest first.
    largest_first = (~items.size_m.astype(np.float32).view(np.uint32)).astype(np.uint64)
    rank = np.empty(len(items), dtype=np.int64)
    rank[np.argsort((largest_first << np.uint64(32)) | tie)] = np.arange(len(items))
    return SortKeys(rows, code[rows], deepest[rows].astype(np.int64), rank[rows])


def inside(items: Items, root_cell: RootCell) -> npt.NDArray[np.bool_]:
    """Which items lie inside the root cell, shape (n,)."""
    root = root_cell.bounds
    west, south, east, north = items.bounds_deg.T
    inside_lon = (west >= root.west_deg) & (east <= root.east_deg)
    return np.asarray(inside_lon & (south >= root.south_deg) & (north <= root.north_deg))
