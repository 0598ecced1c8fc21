"""Generated streets: apart from each other, dry, along the slope; steps and bends where it is steep."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import GRID, FloatArray
from shancheng.city.builtin.chongqing.field import UrbanField
from shancheng.city.builtin.chongqing.stairs import hairpins, stairs
from shancheng.city.builtin.chongqing.streets import (
    ACROSS,
    ALONG,
    STEPS,
    Street,
    lay_streets,
    streets_in_use,
)


@pytest.fixture
def slope_streets(sloping_field: UrbanField) -> list[Street]:
    return lay_streets(sloping_field, [], np.random.default_rng(5))


def _lines(streets: list[Street]) -> Any:
    return np.array([shapely.linestrings(street.xy) for street in streets], dtype=object)


def test_streets_of_one_family_keep_their_distance(flat_field: UrbanField) -> None:
    streets = lay_streets(flat_field, [], np.random.default_rng(5))
    for family, spacing in ((ALONG, 72.0), (ACROSS, 104.0)):
        shapes = _lines([street for street in streets if street.family == family])
        first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=spacing - 24)
        assert len(shapes) > 20
        assert (first == second).all()
    assert {street.kind for street in streets} == {"tertiary", "residential"}


def test_streets_stay_where_there_is_a_city(half_field: UrbanField) -> None:
    streets = lay_streets(half_field, [], np.random.default_rng(5))

    assert streets
    assert min(street.xy[:, 0].min() for street in streets) > -2000 + 49 * 40


def test_streets_across_a_steep_slope_are_steps(slope_streets: list[Street]) -> None:
    kinds = {family: {s.kind for s in slope_streets if s.family == family} for family in (ALONG, ACROSS)}

    assert kinds[ACROSS] == {STEPS}
    assert STEPS not in kinds[ALONG]


def test_bends_join_streets_one_above_the_other(
    sloping_field: UrbanField, slope_streets: list[Street]
) -> None:
    bends = hairpins(sloping_field, slope_streets)
    ends = {tuple(end) for street in slope_streets if street.family == ALONG for end in street.xy[[0, -1]]}

    assert len(bends) > 3
    used = [tuple(end) for bend in bends for end in bend.xy[[0, -1]]]
    assert len(set(used)) == len(used)
    for bend in bends:
        assert tuple(bend.xy[0]) in ends
        assert tuple(bend.xy[-1]) in ends
        # Up the slope, which rises to the north.
        assert abs(bend.xy[-1, 1] - bend.xy[0, 1]) > 30


def test_steps_lead_straight_up_from_street_to_street(sloping_field: UrbanField) -> None:
    contour = [
        Street(np.array([[-900.0, y], [900.0, y]]), "residential", 8.0, ALONG) for y in range(-800, 801, 100)
    ]
    flights = stairs(sloping_field, contour, np.random.default_rng(2))

    assert len(flights) > 100
    for flight in flights:
        assert flight.kind == STEPS
        climb = flight.xy[-1] - flight.xy[0]
        assert climb[1] == pytest.approx(100, abs=15)
        assert abs(climb[0]) < 1
    first, second = shapely.STRtree(_lines(flights)).query(_lines(flights), predicate="dwithin", distance=50)
    assert (first == second).all()


def test_level_ground_has_no_steps_and_no_bends(flat_field: UrbanField) -> None:
    streets = lay_streets(flat_field, [], np.random.default_rng(5))

    assert hairpins(flat_field, streets) == []
    assert stairs(flat_field, streets, np.random.default_rng(2)) == []


def test_streets_without_houses_are_dropped() -> None:
    streets = [
        Street(np.array([[0.0, y], [100.0, y], [200.0, y]]), "residential", 8.0, ALONG) for y in (0.0, 900.0)
    ]
    houses = np.array([[50.0, 12.0], [60.0, 12.0], [70.0, 12.0]])
    used = streets_in_use(streets, houses)

    assert len(used) == 1
    np.testing.assert_array_equal(used[0].xy, [[0, 0], [200, 0]])


def _climb(lines: Any, ground: FloatArray) -> float:
    """Mean rise over run along lines."""
    coordinates, owner = shapely.get_coordinates(shapely.segmentize(lines, 30.0), return_index=True)
    rise = np.abs(np.diff(GRID.sample(ground, coordinates)))
    run = np.hypot(*np.diff(coordinates, axis=0).T)
    same = np.diff(owner) == 0
    return float(rise[same].sum() / run[same].sum())


def test_in_the_city_streets_follow_the_slope_and_steps_climb_it(chongqing: Any) -> None:
    roads, ground = chongqing.layers["roads"], chongqing.data.terrain.raster.values
    contour, steps = (roads.shapes[roads["kind"] == kind] for kind in ("tertiary", "steps"))

    assert len(steps) > 1000
    assert _climb(contour, ground) < 0.08
    assert _climb(steps, ground) > 0.18
