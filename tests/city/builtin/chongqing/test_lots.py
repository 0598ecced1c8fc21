"""Lots along streets: apart, off the roads, alike within an estate, the most wanted first."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.estates import (
    CAMPUS,
    CORE,
    FORMS,
    HALL,
    OLD,
    TOWER,
    Estates,
    lay_estates,
)
from shancheng.city.builtin.chongqing.extent import GRID
from shancheng.city.builtin.chongqing.field import UrbanField
from shancheng.city.builtin.chongqing.lots import PLANS, Lots, choose_lots
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.streets import Street, lay_streets

DRY = RiverField(
    np.full((GRID.n_rows, GRID.n_cols), 999, np.float32), np.zeros((GRID.n_rows, GRID.n_cols), np.float32)
)
LEVEL = np.full((GRID.n_rows, GRID.n_cols), 200, np.float32)
SITE = np.asarray(shapely.buffer(shapely.points([[0.0, 0.0]]), 300))


@pytest.fixture(scope="module")
def estates(flat_field: UrbanField) -> Estates:
    return lay_estates(flat_field, np.random.default_rng(4))


@pytest.fixture(scope="module")
def streets(flat_field: UrbanField) -> list[Street]:
    return lay_streets(flat_field, [], np.random.default_rng(5))


@pytest.fixture(scope="module")
def lots(flat_field: UrbanField, estates: Estates, streets: list[Street]) -> Lots:
    return choose_lots(
        4000,
        field=flat_field,
        estates=estates,
        streets=streets,
        main=[],
        keep_clear=SITE,
        ground=(LEVEL, GRID, DRY),
        rng=np.random.default_rng(6),
    )


def test_lots_are_apart_and_most_wanted_first(lots: Lots) -> None:
    shapes = np.asarray(shapely.polygons(lots.corners()))
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=0.5)

    assert len(lots) == 4000
    assert (np.diff(lots.wanted) <= 0).all()
    assert (first == second).all()


def test_lots_keep_off_streets_and_sites(lots: Lots, streets: list[Street]) -> None:
    shapes = np.asarray(shapely.polygons(lots.corners()))
    lines = np.array([shapely.linestrings(street.xy) for street in streets], dtype=object)
    strips = shapely.buffer(lines, 4.5, cap_style="flat")

    assert shapely.STRtree(shapes).query(strips, predicate="intersects").size == 0
    assert shapely.distance(shapes, SITE[0]).min() > 8.9


def test_sizes_follow_the_forms_plan_and_neighbours_are_alike(lots: Lots, estates: Estates) -> None:
    for form, plan in PLANS.items():
        own = lots.form == form
        assert (lots.length_m[own] <= plan.length[1]).all(), FORMS[form]
        assert (lots.length_m[own] >= 0.93 * plan.length[0]).all(), FORMS[form]
        assert (lots.width_m[own] <= plan.depth[1]).all(), FORMS[form]
    estate = estates.at(lots.centre)
    towers = lots.form == TOWER
    within = [np.ptp(lots.width_m[towers & (estate == one)]) for one in np.unique(estate[towers])]
    assert np.median(within) < 2.5 < np.ptp(lots.width_m[towers])


def test_fewer_lots_come_back_where_there_is_no_room(
    flat_field: UrbanField, estates: Estates, streets: list[Street]
) -> None:
    nowhere = replace(flat_field, density=np.where(np.arange(101) < 95, 0.0, flat_field.density))
    few = choose_lots(
        4000,
        field=nowhere,
        estates=estates,
        streets=streets,
        main=[],
        keep_clear=SITE,
        ground=(LEVEL, GRID, DRY),
        rng=np.random.default_rng(6),
    )

    assert 0 < len(few) < 1000
    assert few.centre[:, 0].min() > -2000 + 94 * 40


def test_no_lot_in_water_or_on_a_cliff(
    flat_field: UrbanField, estates: Estates, streets: list[Street]
) -> None:
    wet = RiverField(DRY.bank_m.copy(), DRY.level_m)
    wet.bank_m[:, GRID.x_m < 0] = -5
    cliff = LEVEL.copy()
    cliff += np.maximum(GRID.y_m - 500, 0).astype(np.float32)[:, None]
    dry = choose_lots(
        4000,
        field=flat_field,
        estates=estates,
        streets=streets,
        main=[],
        keep_clear=SITE,
        ground=(cliff, GRID, wet),
        rng=np.random.default_rng(6),
    )

    corners = dry.corners()
    assert len(dry) > 100
    assert corners[..., 0].min() > 0
    assert corners[..., 1].max() < 500


def test_estates_follow_what_the_place_is_wanted_for(flat_field: UrbanField) -> None:
    ones = np.ones_like(flat_field.density)
    rng = np.random.default_rng(9)
    for field, form, least in (
        (replace(flat_field, works=ones), HALL, 0.75),
        (replace(flat_field, old=ones), OLD, 0.95),
        (replace(flat_field, campus=ones), CAMPUS, 0.7),
    ):
        assert (lay_estates(field, rng).form == form).mean() > least, FORMS[form]
    low = lay_estates(replace(flat_field, height=0.3 * ones), rng)
    assert not (low.form == CORE).any()


def test_every_place_belongs_to_the_nearest_estate(estates: Estates) -> None:
    points = np.random.default_rng(1).uniform(-1500, 1500, (200, 2))
    seeds = estates.seed_xy.reshape(-1, 2)
    nearest = np.hypot(*(points[:, None] - seeds[None]).transpose(2, 0, 1)).argmin(axis=1)

    # Jitter may bring a seed nearer from two cells away; that is rare and harms nothing.
    assert (estates.at(points) == nearest).mean() > 0.98
