"""Centre lines, widths and levels of the two rivers, and the ground cut to them."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import GRID, PLANE
from shancheng.city.builtin.chongqing.rivers import River, read_rivers, river_field, water_surface
from shancheng.city.builtin.chongqing.tables import RiverPoint, read_table


@pytest.fixture(scope="module")
def rivers() -> tuple[River, ...]:
    return read_rivers()


def test_levels_fall_downstream_and_agree_at_the_meeting(rivers: tuple[River, ...]) -> None:
    jialing, yangtze = rivers
    for river in rivers:
        assert (np.diff(river.level_m) < 0).all(), river.id
        assert (np.diff(river.chainage_m) > 0).all(), river.id
    meeting = jialing.xy[-1]
    nearest = int(np.argmin(np.hypot(*(yangtze.xy - meeting).T)))
    assert jialing.level_m[-1] == pytest.approx(yangtze.level_m[nearest], abs=0.05)
    assert 160 < jialing.level_m[-1] < 165


def test_widths_are_about_the_published_ones(rivers: tuple[River, ...]) -> None:
    jialing, yangtze = rivers
    assert 2 * jialing.half_width_m.mean() == pytest.approx(380, rel=0.1)
    assert 2 * yangtze.half_width_m.mean() == pytest.approx(650, rel=0.1)


def test_smoothed_line_stays_on_the_carried_points(rivers: tuple[River, ...]) -> None:
    lines = {river.id: river.line for river in rivers}
    away = [
        shapely.distance(lines[p.river], shapely.points(PLANE.from_lonlat([(p.lon, p.lat)])[0]))
        for p in read_table("river_centrelines.csv", RiverPoint)
        if (p.river, p.seq) >= ("jialing", 3)
    ]
    assert np.median(away) < 10
    assert np.percentile(away, 95) < 80


def test_surfaces_touch_without_overlap_and_the_meeting_is_open_water(rivers: tuple[River, ...]) -> None:
    surfaces = water_surface(rivers)
    assert shapely.intersection(surfaces["jialing"], surfaces["yangtze"]).area == pytest.approx(0, abs=1.0)
    assert shapely.distance(surfaces["jialing"], surfaces["yangtze"]) == 0
    meeting = shapely.points(PLANE.from_lonlat([(106.587, 29.568)])[0])
    assert shapely.contains(surfaces["yangtze"], meeting)


def test_field_agrees_with_the_surfaces(rivers: tuple[River, ...]) -> None:
    field = river_field(rivers, GRID)
    surface = shapely.union_all(list(water_surface(rivers).values()))
    rng = np.random.default_rng(1)
    rows, cols = rng.integers(0, GRID.n_rows, 20_000), rng.integers(0, GRID.n_cols, 20_000)
    near = np.abs(field.bank_m[rows, cols]) < 600
    rows, cols = rows[near], cols[near]
    points = shapely.points(GRID.x_m[cols], GRID.y_m[rows])
    signed = np.where(shapely.contains(surface, points), -1, 1) * shapely.distance(
        shapely.boundary(surface), points
    )
    bank = field.bank_m[rows, cols]

    clear = np.abs(bank) > 8
    assert near.sum() > 500
    np.testing.assert_array_equal(np.sign(bank[clear]), np.sign(signed[clear]))
    land = bank > 8
    assert np.abs(bank[land] - signed[land]).max() < 25


def test_ground_in_the_rivers_is_the_water_level(chongqing: Any, rivers: tuple[River, ...]) -> None:
    field = river_field(rivers, GRID)
    ground = chongqing.data.terrain.raster.values
    wet = field.bank_m < 0

    assert np.abs(ground[wet] - field.level_m[wet]).max() < 0.06
    ashore = (field.bank_m > 60) & (field.bank_m < 1000)
    assert (ground[ashore] > field.level_m[ashore] + 3).all()
