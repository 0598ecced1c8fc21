"""Footprints: areas, turning sense and directions; paths: ends and spacing."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.builtin.chongqing.shapes import boxes, crosses, l_shapes, regular_polygon, smooth_path

sizes = st.floats(1, 200)
azimuths = st.floats(-7, 7)


@given(length=sizes, width=sizes, azimuth=azimuths, a=st.floats(0.1, 0.45), b=st.floats(0.1, 0.45))
def test_footprints_have_their_area_and_turn_left(
    length: float, width: float, azimuth: float, a: float, b: float
) -> None:
    centre, notch = np.array([[10.0, -20.0]]), np.array([[a, b]])
    size = (centre, np.array([length]), np.array([width]), np.array([azimuth]))
    area = length * width
    for corners, expected in (
        (boxes(*size), area),
        (l_shapes(*size, notch=notch), area * (1 - a * b)),
        (crosses(*size, notch=notch), area * (1 - 4 * a * b)),
    ):
        polygon = shapely.polygons(corners[0])
        assert shapely.is_valid(polygon)
        assert shapely.is_ccw(shapely.get_exterior_ring(polygon))
        assert polygon.area == pytest.approx(expected, rel=1e-6)


def test_length_lies_along_the_azimuth() -> None:
    east = boxes(np.zeros((1, 2)), np.array([100.0]), np.array([10.0]), np.array([np.pi / 2]))[0]

    np.testing.assert_allclose(np.ptp(east, axis=0), [100, 10], atol=1e-9)


def test_regular_polygon_is_as_wide_as_asked() -> None:
    octagon = regular_polygon(np.zeros(2), 20.0, 8)

    assert shapely.is_ccw(octagon.exterior)
    assert octagon.minimum_clearance > 0
    assert np.hypot(*shapely.get_coordinates(octagon).T) == pytest.approx(10.0)


def test_smooth_path_keeps_its_ends_and_spacing() -> None:
    corner = np.array([[0.0, 0.0], [500.0, 0.0], [500.0, 700.0]])
    path = smooth_path(corner, 25.0)

    np.testing.assert_allclose(path[[0, -1]], corner[[0, -1]])
    assert np.hypot(*np.diff(path, axis=0).T).max() <= 25.0
    assert shapely.hausdorff_distance(shapely.linestrings(path), shapely.linestrings(corner)) < 150
