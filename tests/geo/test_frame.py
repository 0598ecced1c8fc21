import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.geo.arrays import FloatArray
from shancheng.geo.ellipsoid import ecef_from_geodetic
from shancheng.geo.frame import COEFFICIENT_COUNT, LocalFrame, enu_coefficients, enu_fast


def ring(frame: LocalFrame, radius_m: float, height_m: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Geodetic points all around a frame's origin, at a distance along its tangent plane."""
    angle = np.linspace(0, 2 * np.pi, 73)
    flat = np.stack((radius_m * np.cos(angle), radius_m * np.sin(angle), np.zeros_like(angle)), axis=-1)
    lon, lat, _ = frame.geodetic_from_enu(flat)
    return lon, lat, np.full_like(lon, height_m)


def worst_error_m(lat_deg: float, radius_m: float, height_m: float) -> float:
    frame = LocalFrame(7.4, lat_deg, 0.0)
    lon, lat, height = ring(frame, radius_m, height_m)
    fast = enu_fast(enu_coefficients(7.4, lat_deg), lon - 7.4, lat - lat_deg, height)
    return float(np.abs(np.stack(fast, axis=-1) - frame.enu_from_geodetic(lon, lat, height)).max())


@pytest.mark.parametrize("lat_deg", [0.0, 29.56, -33.9, 43.7, 60.2, 75.0, -85.0])
@pytest.mark.parametrize("height_m", [-100.0, 0.0, 5000.0])
def test_fast_path_is_exact_near_its_origin(lat_deg: float, height_m: float) -> None:
    assert worst_error_m(lat_deg, 5_000.0, height_m) < 1e-8
    assert worst_error_m(lat_deg, 50_000.0, height_m) < 1e-4


@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-500, 9000), st.integers(0, 2**32 - 1))
def test_exact_round_trip(lon: float, lat: float, height: float, seed: int) -> None:
    frame = LocalFrame(lon, lat, height)
    enu = np.random.default_rng(seed).uniform(-50_000, 50_000, (8, 3))
    np.testing.assert_allclose(frame.enu_from_geodetic(*frame.geodetic_from_enu(enu)), enu, rtol=0, atol=1e-7)


def test_directions() -> None:
    frame = LocalFrame(106.55, 29.56, 200.0)
    np.testing.assert_allclose(frame.enu_from_geodetic(106.55, 29.56, 250.0), (0, 0, 50), atol=1e-8)
    east, north = frame.enu_from_geodetic([106.56, 106.55], [29.56, 29.57], 200.0)
    assert east[0] == pytest.approx(969, abs=1)
    assert abs(east[1]) < 0.1
    assert north[1] == pytest.approx(1108, abs=1)
    assert abs(north[0]) < 1e-6


def test_matrix_places_local_points() -> None:
    frame = LocalFrame(7.42, 43.74, 70.0)
    matrix = frame.ecef_from_enu_matrix()
    lon, lat, height = ring(frame, 2_000.0, 120.0)
    enu = frame.enu_from_geodetic(lon, lat, height)
    placed = np.column_stack((enu, np.ones(len(enu)))) @ matrix.T
    np.testing.assert_allclose(placed[:, :3], ecef_from_geodetic(lon, lat, height), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(placed[:, 3], 1.0)


def test_one_row_of_coefficients_a_point() -> None:
    origins = np.array([[7.4, 43.7], [106.5, 29.5], [24.9, 60.2]])
    coefficients = enu_coefficients(origins[:, 0], origins[:, 1])
    assert coefficients.shape == (3, COEFFICIENT_COUNT)
    each = [enu_fast(row, 0.01, -0.02, 30.0) for row in coefficients]
    together = enu_fast(coefficients, np.full(3, 0.01), np.full(3, -0.02), 30.0)
    np.testing.assert_array_equal(np.stack(together), np.array(each).T)
    assert enu_coefficients([], []).shape == (0, COEFFICIENT_COUNT)
