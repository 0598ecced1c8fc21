"""The root's geometric error: large things appear in time, and no screen needs too many tiles."""

import math

import numpy as np
import pytest

from shancheng.geo.quadtree import RootCell
from shancheng.tiles.lod import additive_error_m

ROOT = RootCell(106.5, 29.5, 0.125)
SIDE_M = math.radians(ROOT.side_deg) * 6378137.0


def test_what_is_still_to_come_decides() -> None:
    size = np.concatenate([np.full(100, 90.0), np.full(400, 50.0), np.full(1000, 30.0)])
    level = np.repeat([0, 3, 4], [100, 400, 1000])
    assert additive_error_m(size, level, ROOT) == pytest.approx(50 * 2**2 * 1.2, rel=0.2)
    assert SIDE_M / 64 < additive_error_m(size, level, ROOT) < SIDE_M / 16


def test_no_tower_pulls_the_whole_city_in() -> None:
    size = np.concatenate([np.full(1000, 20.0), [400.0]])
    assert additive_error_m(size, np.full(1001, 8), ROOT) <= SIDE_M / 16


def test_children_come_at_the_latest_when_their_parent_is_1024_pixels_wide() -> None:
    assert additive_error_m(np.array([9.0, 1.0]), np.array([0, 1]), ROOT) == pytest.approx(SIDE_M / 64)


def test_one_tile_and_none() -> None:
    assert additive_error_m(np.array([30.0, 80.0]), np.array([0, 0]), ROOT) == 80.0
    assert additive_error_m(np.empty(0), np.empty(0, np.int64), ROOT) == 0.0
