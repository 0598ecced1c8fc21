"""Parks near their circles and each its own shape; woods on steep ground, off the banks and the city."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import CORE, PLANE
from shancheng.city.builtin.chongqing.green import BEYOND_CORE_DEG, park_circles
from shancheng.city.builtin.chongqing.tables import GreenSpot, read_table


def test_parks_are_as_large_as_their_circles_and_hold_their_middle() -> None:
    spots = read_table("green.csv", GreenSpot)
    parks = park_circles(spots)
    radius = np.array([spot.radius_m for spot in spots])

    assert shapely.is_valid(parks).all()
    np.testing.assert_allclose(shapely.area(parks), np.pi * radius**2, rtol=0.08)
    middles = shapely.points(PLANE.from_lonlat([(spot.lon, spot.lat) for spot in spots]))
    assert shapely.contains(parks, middles).all()
    east = shapely.bounds(parks)[:, 2] - shapely.get_x(middles)
    assert len(np.unique(np.round(east / radius, 4))) == len(spots)


def test_a_parks_shape_does_not_depend_on_the_others() -> None:
    spots = read_table("green.csv", GreenSpot)

    assert park_circles(spots[3:4])[0].equals(park_circles(spots)[3])


def test_woods_lie_around_the_core_and_hold_no_generated_house(chongqing: Any) -> None:
    green, buildings = chongqing.layers["green"], chongqing.layers["buildings"]
    woods = green.shapes[green["kind"] == "wood"]
    west, south, east, north = shapely.total_bounds(shapely.from_wkb(green["geometry"]))
    area = CORE.expanded(BEYOND_CORE_DEG + 0.01)

    assert shapely.area(woods).sum() > 100e6
    assert area.west_deg < west < CORE.west_deg
    assert area.north_deg > north > CORE.north_deg
    assert (area.south_deg < south, area.east_deg > east) == (True, True)
    generated = buildings.shapes[buildings["provenance"] == "modelled"]
    inside = shapely.STRtree(generated).query(woods, predicate="contains")[1]
    assert len(inside) < 0.01 * len(generated)
    assert shapely.intersects(woods, chongqing.water).sum() == pytest.approx(0, abs=1)
