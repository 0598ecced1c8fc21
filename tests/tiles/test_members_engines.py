"""Kernels that find out what tiles hold, against their NumPy twins."""

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from hypothesis import given
from hypothesis import strategies as st
from mountain_city import footprints

from shancheng.tiles.building_rows import FACTS
from shancheng.tiles.engines import (
    census_parallel,
    census_reference,
    lod_parallel,
    lod_reference,
    members_parallel,
    members_reference,
    partition_parallel,
)
from shancheng.tiles.footprints import read_footprints

SEEDS = st.integers(0, 2**32 - 1)


def some_tiles(rng: np.random.Generator, n_rows: int) -> tuple[Any, Any]:
    """Rows spread over tiles, none of them empty: start of each, and members."""
    members = rng.permutation(n_rows)
    cuts = np.unique(rng.integers(1, n_rows, 3)) if n_rows > 1 else np.empty(0, np.int64)
    return np.concatenate([[0], cuts, [n_rows]]).astype(np.int64), members.astype(np.int64)


@given(st.integers(1, 20), SEEDS)
def test_measures_of_members_agree(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = read_footprints(pa.array(shapely.to_wkb(footprints(n, rng)), pa.binary()))
    start, members = some_tiles(rng, n)
    tiles = rng.permutation(len(start) - 1)[: rng.integers(0, len(start))].astype(np.int64)
    form, floor = (rng.integers(0, most, n).astype(np.uint8) for most in (3, 2))
    heights = np.sort(rng.uniform(0, 900, (n, 2)), axis=1)
    results = []
    for engine in (members_parallel, members_reference):
        out = np.empty((len(tiles), 4)), np.empty((len(tiles), 2)), np.empty((len(tiles), 2), np.int64)
        engine.measure_members(
            tiles, start, members, form, found.feature_ring_start, found.ring_start, found.lonlat_deg,
            found.triangle_start, heights, floor, *out,
        )  # fmt: skip
        results.append(out)
    for compiled, plain in zip(*results, strict=True):
        assert np.array_equal(compiled, plain)


@given(st.integers(1, 30), SEEDS)
def test_which_tiles_are_the_same_agrees(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, members = some_tiles(rng, n)
    old_start, old_members = (start, members.copy()) if rng.random() < 0.7 else some_tiles(rng, n)
    old_members[rng.random(n) < 0.1] += 1
    old_tile = rng.integers(-1, len(old_start) - 1, len(start) - 1)
    if len(old_start) == len(start) and rng.random() < 0.7:
        old_tile = np.arange(len(start) - 1)
    results = []
    for engine in (members_parallel, members_reference):
        same = np.zeros(len(old_tile), np.bool_)
        engine.same_members(start, members, old_tile, old_start, old_members, same)
        results.append(same)
    assert np.array_equal(*results)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=20), SEEDS)
def test_letters_agree(texts: list[str], seed: int) -> None:
    encoded = [text.encode() for text in texts]
    first = np.concatenate([[0], np.cumsum([len(text) for text in encoded])]).astype(np.int64)
    letters = np.frombuffer(b"".join(encoded), np.uint8)
    rows = np.random.default_rng(seed).integers(0, len(texts), 7)
    expected = b"".join(encoded[row] for row in rows)
    for engine in (members_parallel, members_reference):
        out = np.empty(len(expected), np.uint8)
        engine.gather_letters(rows, first, letters, out)
        assert out.tobytes() == expected


@given(st.integers(1, 30), SEEDS)
def test_facts_agree(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    facts = rng.integers(0, 2**32, (n, FACTS.itemsize // 4)).astype(np.uint32)
    rows = rng.integers(0, n, 9)
    results = []
    for engine in (members_parallel, members_reference):
        out = [np.empty(9, kind) for kind in (np.uint32, np.uint32, np.uint8, np.uint16, np.uint8)]
        engine.gather_facts(rows, facts, *out)
        results.append(out)
    for compiled, plain in zip(*results, strict=True):
        assert np.array_equal(compiled, plain)


def some_drawn(rng: np.random.Generator, index: Any) -> Any:
    """Things drawn, along the curve, with these indices."""
    count = len(index)
    size = np.round(rng.lognormal(2, 1, count), 1).astype(np.float32)
    drawn = np.stack(
        [
            rng.integers(0, 1000, count), index, rng.integers(0, 9, count), size.view(np.uint32),
            rng.integers(0, 17, count),
        ], axis=1,
    ).astype(np.uint32)  # fmt: skip
    return drawn[np.lexsort((drawn[:, 1], drawn[:, 2]))]


@given(st.integers(0, 40), st.integers(0, 20), SEEDS)
def test_merging_agrees(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = rng.permutation(n + k + 5)
    first, second = some_drawn(rng, index[:n]), some_drawn(rng, index[n : n + k])
    gone = rng.random(n + k + 5) < 0.3
    results = []
    for engine in (census_parallel, census_reference):
        merged = np.zeros((n + k, 5), np.uint32)
        count = engine.merge(first, gone, second, merged)
        results.append(merged[:count])
    assert np.array_equal(*results)
    assert len(results[0]) == n + k - np.count_nonzero(gone[first[:, 1]])


@given(st.integers(0, 40), SEEDS)
def test_sort_keys_agree(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = some_drawn(rng, rng.permutation(n))
    results = []
    for engine in (census_parallel, census_reference):
        keys = np.empty(n, np.uint64), np.empty(n, np.uint8), np.empty(n, np.uint64)
        engine.sort_keys(drawn, *keys)
        results.append(keys)
    for compiled, plain in zip(*results, strict=True):
        assert np.array_equal(compiled, plain)


@given(st.integers(0, 200), st.integers(1, 9), st.floats(0, 1), SEEDS)
def test_shares_of_sizes_agree(n: int, levels: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = np.round(rng.lognormal(2, 2, n), 1).astype(np.float32).view(np.uint32)
    level = rng.integers(0, levels + 2, n).astype(np.uint8)
    results = []
    for engine in (lod_parallel, lod_reference):
        found, counts = np.ones(levels, np.uint32), np.empty(levels, np.int64)
        engine.shares_below(bits, level, share, found, counts)
        results.append((found, counts))
    for compiled, plain in zip(*results, strict=True):
        assert np.array_equal(compiled, plain)


@given(st.integers(1, 6000), st.integers(0, 300), SEEDS)
def test_sifting_keeps_the_smallest_in_front(n: int, k: int, seed: int) -> None:
    values = np.random.default_rng(seed).permutation(n).astype(np.uint64) << np.uint64(40)
    k = min(k, n - 1)
    sifted = values.copy()
    front = partition_parallel.sift(sifted, k)
    assert k < front <= n
    assert np.array_equal(np.sort(sifted), np.sort(values))
    assert np.array_equal(np.sort(sifted[:front])[: k + 1], np.sort(values)[: k + 1])
    assert partition_parallel.kth_smallest(sifted[:front], k) == np.sort(values)[k]


def test_sifting_many_values_leaves_few_in_front() -> None:
    values = np.random.default_rng(1).permutation(100_000).astype(np.uint64)
    assert partition_parallel.sift(values, 1000) < 3000


@given(st.integers(0, 2**64 - 2), st.integers(0, 2**64 - 2))
def test_the_roundest_number_lies_between(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b) + 1
    found = int(partition_parallel.roundest(np.uint64(low), np.uint64(high)))
    assert low < found <= high
    zeros = (found & -found).bit_length() - 1
    # No number between has one zero more at its end.
    step = 1 << (zeros + 1)
    assert (high // step) * step <= low
