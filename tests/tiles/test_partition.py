"""The partition: every item in a cell that holds it, the largest first, both engines alike."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.geo.quadtree import RootCell
from shancheng.tiles.engines import partition_parallel, partition_reference
from shancheng.tiles.items import Items
from shancheng.tiles.partition import Partition, inside, partition_items, sort_keys

ROOT = RootCell(106.5, 29.5, 0.0625)


def random_items(n: int, seed: int, *, clustered: bool = False) -> Items:
    rng = np.random.default_rng(seed)
    spread = ROOT.side_deg * (0.001 if clustered else 0.98)
    low = np.array([ROOT.west_deg, ROOT.south_deg]) + 0.0003 + rng.random((n, 2)) * spread
    bounds = np.concatenate([low, low + rng.random((n, 2)) * 0.0005], axis=1)
    size = np.round(rng.lognormal(2, 1, n), 1)  # rounded, so that there are ties
    heights = np.sort(rng.uniform(200, 500, (n, 2)), axis=1)
    return Items(bounds, size, heights, rng.permutation(n).astype(np.uint32))


def assert_good(partition: Partition, items: Items, capacity: int, max_level: int = 16) -> None:
    assert sorted(partition.order.tolist()) == list(range(len(items)))
    tiles = list(zip(partition.level.tolist(), partition.x.tolist(), partition.y.tolist(), strict=True))
    assert len(set(tiles)) == len(tiles)
    place = {tile: number for number, tile in enumerate(tiles)}
    for number, (level, x, y) in enumerate(tiles):
        cell = ROOT.cell_bounds(level, x, y)
        members = partition.members(number)
        assert len(members)
        west, south, east, north = items.bounds_deg[members].T
        assert (west > cell.west_deg).all()
        assert (south > cell.south_deg).all()
        assert (east < cell.east_deg).all()
        assert (north < cell.north_deg).all()
        if level:
            parent = place[level - 1, x // 2, y // 2]
            assert parent < number
            assert len(partition.members(parent)) >= capacity - capacity // 10
        children = [place.get((level + 1, 2 * x + dx, 2 * y + dy)) for dx in (0, 1) for dy in (0, 1)]
        below = [child for child in children if child is not None]
        if below:
            # Whoever is further down could have stayed only in the place of something at least as large.
            largest = max(items.size_m[partition.members(child)].max() for child in below)
            stuck = _straddles(items, members, level)
            kept = items.size_m[members[~stuck]]
            assert kept.size == 0 or kept.min() >= largest
        elif level < max_level:
            assert len(members) <= 1.5 * capacity or _straddles(items, members, level).all()


def _straddles(items: Items, members: Any, level: int) -> Any:
    """Which members fit no child of their cell."""
    west, south, east, north = items.bounds_deg[members].T
    first = ROOT.quantise(west - 5e-7, south - 5e-7, level + 1)
    last = ROOT.quantise(east + 5e-7, north + 5e-7, level + 1)
    return (first[0] != last[0]) | (first[1] != last[1])


@pytest.mark.parametrize("capacity", [1, 7, 100])
@pytest.mark.parametrize("clustered", [False, True])
def test_every_item_lies_in_its_cell_the_largest_first(capacity: int, *, clustered: bool) -> None:
    items = random_items(600, 1, clustered=clustered)
    assert_good(partition_items(items, ROOT, capacity=capacity), items, capacity)


@given(
    n=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
    capacity=st.integers(1, 40),
    slack=st.integers(0, 40),
    clustered=st.booleans(),
)
def test_engines_agree(n: int, seed: int, capacity: int, slack: int, *, clustered: bool) -> None:
    keys = sort_keys(random_items(n, seed, clustered=clustered), ROOT, 9)
    results = [
        engine.assign(keys.code, keys.deepest, keys.rank, capacity, slack, 9)
        for engine in (partition_parallel, partition_reference)
    ]
    for compiled, plain in zip(*results, strict=True):
        assert compiled.dtype == plain.dtype
        assert np.array_equal(compiled, plain)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    items = random_items(200, seed)
    rows = np.random.default_rng(seed).permutation(200)
    one, other = (partition_items(i, ROOT, capacity=20) for i in (items, items.take(rows)))
    assert np.array_equal(one.order, rows[other.order])
    assert np.array_equal(one.start, other.start)


def test_many_items_in_one_place_end_at_the_deepest_level() -> None:
    items = random_items(50, 3)
    items.bounds_deg[:] = [106.51, 29.51, 106.5100001, 29.5100001]
    partition = partition_items(items, ROOT, capacity=4, max_level=5)
    assert partition.level.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.diff(partition.start).tolist() == [4, 4, 4, 4, 4, 30]


def test_nothing_makes_no_tiles() -> None:
    partition = partition_items(random_items(0, 1), ROOT)
    assert len(partition) == 0
    assert partition.start.tolist() == [0]


def test_boxes_and_heights_of_tiles() -> None:
    items = random_items(300, 4)
    partition = partition_items(items, ROOT, capacity=30)
    bounds, heights = partition.bounds_deg(items), partition.heights_m(items)
    for tile in range(len(partition)):
        members = partition.members(tile)
        assert bounds[tile].tolist() == [
            *items.bounds_deg[members, :2].min(axis=0), *items.bounds_deg[members, 2:].max(axis=0)
        ]  # fmt: skip
        assert heights[tile].tolist() == [
            items.heights_m[members, 0].min(),
            items.heights_m[members, 1].max(),
        ]


def test_what_reaches_beyond_the_root_cell_is_known() -> None:
    items = random_items(4, 5)
    items.bounds_deg[1, 0] = ROOT.west_deg - 1e-9
    items.bounds_deg[2, 3] = ROOT.south_deg + ROOT.side_deg + 1e-9
    assert inside(items, ROOT).tolist() == [True, False, False, True]
