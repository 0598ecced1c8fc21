import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.geo import crs
from shancheng.geo.ellipsoid import (
    SEMI_MAJOR_M,
    SEMI_MINOR_M,
    ecef_from_enu_rotation,
    ecef_from_geodetic,
    geodetic_from_ecef,
)

LON = st.floats(-180, 180)
LAT = st.floats(-90, 90)


def test_ecef_is_that_of_proj() -> None:
    rng = np.random.default_rng(1)
    lon = rng.uniform(-180, 180, 500)
    lat = rng.uniform(-90, 90, 500)
    height = rng.uniform(-500, 9000, 500)
    expected = np.stack(crs.transformer("EPSG:4979", "EPSG:4978").transform(lon, lat, height), axis=-1)
    np.testing.assert_allclose(ecef_from_geodetic(lon, lat, height), expected, rtol=0, atol=1e-6)


def test_geodetic_is_that_of_proj() -> None:
    # PROJ takes one step of Bowring's iteration, which is exact only near the ground.
    rng = np.random.default_rng(2)
    away = rng.normal(size=(500, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    ecef = away * (SEMI_MAJOR_M, SEMI_MAJOR_M, SEMI_MINOR_M) + away * rng.uniform(-500, 9000, (500, 1))
    lon, lat, height = geodetic_from_ecef(ecef)
    by_proj = crs.transformer("EPSG:4978", "EPSG:4979").transform(ecef[:, 0], ecef[:, 1], ecef[:, 2])
    proj_lon, proj_lat, proj_height = np.array(by_proj)
    metres_per_degree = 111_320
    np.testing.assert_allclose(lon * metres_per_degree, proj_lon * metres_per_degree, rtol=0, atol=1e-6)
    np.testing.assert_allclose(lat * metres_per_degree, proj_lat * metres_per_degree, rtol=0, atol=1e-6)
    np.testing.assert_allclose(height, proj_height, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [
        (0.0, 0.0, (SEMI_MAJOR_M, 0.0, 0.0)),
        (90.0, 0.0, (0.0, SEMI_MAJOR_M, 0.0)),
        (0.0, 90.0, (0.0, 0.0, SEMI_MINOR_M)),
        (0.0, -90.0, (0.0, 0.0, -SEMI_MINOR_M)),
    ],
)
def test_axes(lon: float, lat: float, expected: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(ecef_from_geodetic(lon, lat, 0.0), expected, atol=1e-9)


@given(LON, LAT, st.floats(-11_000, 1e6))
def test_round_trip(lon: float, lat: float, height: float) -> None:
    ecef = ecef_from_geodetic(lon, lat, height)
    np.testing.assert_allclose(ecef_from_geodetic(*geodetic_from_ecef(ecef)), ecef, rtol=0, atol=1e-8)


@given(LON, LAT)
def test_rotation_is_proper_and_its_third_column_points_up(lon: float, lat: float) -> None:
    rotation = ecef_from_enu_rotation(lon, lat)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-15)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    climb = ecef_from_geodetic(lon, lat, 1000.0) - ecef_from_geodetic(lon, lat, 0.0)
    np.testing.assert_allclose(rotation[:, 2] * 1000.0, climb, atol=1e-8)


def test_rotation_columns_follow_longitude_and_latitude() -> None:
    lon, lat, step = 106.55, 29.56, 1e-6
    here = ecef_from_geodetic(lon, lat, 0.0)
    rotation = ecef_from_enu_rotation(lon, lat)
    for column, there in ((0, (lon + step, lat)), (1, (lon, lat + step))):
        way = ecef_from_geodetic(*there, 0.0) - here
        np.testing.assert_allclose(way / np.linalg.norm(way), rotation[:, column], atol=1e-7)


def test_shapes_broadcast_and_nothing_is_a_valid_answer() -> None:
    assert ecef_from_geodetic(np.zeros((4, 1)), np.zeros(3), 0.0).shape == (4, 3, 3)
    assert ecef_from_geodetic([], [], []).shape == (0, 3)
    assert ecef_from_enu_rotation(np.zeros(5), np.zeros(5)).shape == (5, 3, 3)
    assert [part.shape for part in geodetic_from_ecef(np.empty((0, 3)))] == [(0,)] * 3
