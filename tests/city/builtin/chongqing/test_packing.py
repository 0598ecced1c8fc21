"""Overlaps of turned boxes against shapely; the rounds of first come, first served against a plain loop."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.builtin.chongqing.packing import Boxes, first_come, overlapping
from shancheng.city.builtin.chongqing.shapes import boxes


def _scattered(n: int, seed: int) -> Boxes:
    rng = np.random.default_rng(seed)
    return Boxes(
        rng.uniform(0, 300, (n, 2)),
        rng.uniform(5, 60, n),
        rng.uniform(5, 30, n),
        rng.uniform(0, 2 * np.pi, n),
    )


def _polygons(some: Boxes) -> np.ndarray:
    return np.asarray(shapely.polygons(boxes(some.centre, some.length_m, some.width_m, some.azimuth_rad)))


@given(st.integers(0, 10_000))
def test_pairs_are_those_that_shapely_finds(seed: int) -> None:
    some = _scattered(60, seed)
    shapes = _polygons(some)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    expected = {(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b}

    assert set(zip(*(side.tolist() for side in overlapping(some)), strict=True)) == expected


@given(st.integers(0, 10_000))
def test_pairs_of_two_sets_are_those_that_shapely_finds(seed: int) -> None:
    lots, roads = _scattered(40, seed), _scattered(25, seed + 1)
    second, first = shapely.STRtree(_polygons(lots)).query(_polygons(roads), predicate="intersects")
    expected = set(zip(first.tolist(), second.tolist(), strict=True))

    assert set(zip(*(side.tolist() for side in overlapping(lots, roads)), strict=True)) == expected


def test_bounds_hold_the_corners_and_touch_them() -> None:
    some = _scattered(50, 3)

    np.testing.assert_allclose(some.bounds, shapely.bounds(_polygons(some)), atol=1e-9)


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=120))
def test_the_earlier_drives_out_the_later(n: int, meetings: list[tuple[int, int]]) -> None:
    pairs = sorted({(min(a, b), max(a, b)) for a, b in meetings if a != b and max(a, b) < n})
    first, second = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    kept = np.ones(n, dtype=bool)
    for index in range(n):
        if kept[index]:
            kept[[b for a, b in pairs if a == index]] = False

    np.testing.assert_array_equal(first_come(n, first, second), kept)
