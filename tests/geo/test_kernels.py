import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from shancheng.geo.arrays import Float32Array, FloatArray
from shancheng.geo.frame import enu_coefficients, enu_fast
from shancheng.geo.kernels import enu_fast_scalar, sample_bilinear
from shancheng.geo.raster import Raster

SEED = st.integers(0, 2**32 - 1)


@njit("void(f8[:,::1], f8[::1], f8[::1], f8[::1], f8[:,::1])", cache=True, error_model="numpy")
def enu_of_all(
    coefficients: FloatArray, dlon: FloatArray, dlat: FloatArray, h: FloatArray, out: FloatArray
) -> None:
    for i in range(len(dlon)):
        out[i, 0], out[i, 1], out[i, 2] = enu_fast_scalar(coefficients[i], dlon[i], dlat[i], h[i])


@njit("void(f4[:,::1], f8[::1], f8[::1], f8[::1], f8[::1])", cache=True, error_model="numpy")
def sample_all(
    values: Float32Array, place: FloatArray, lon: FloatArray, lat: FloatArray, out: FloatArray
) -> None:
    for i in range(len(lon)):
        out[i] = sample_bilinear(values, place[0], place[1], place[2], place[3], lon[i], lat[i])


def sampled(raster: Raster, lon: FloatArray, lat: FloatArray) -> FloatArray:
    out = np.empty(len(lon))
    place = (raster.west_deg, raster.north_deg, 1 / raster.step_lon_deg, 1 / raster.step_lat_deg)
    sample_all(raster.values, np.array(place), lon, lat, out)
    return out


@given(SEED)
@settings(max_examples=50)
def test_enu_equals_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coefficients = enu_coefficients(rng.uniform(-180, 180, 20), rng.uniform(-85, 85, 20))
    dlon, dlat = rng.uniform(-0.5, 0.5, (2, 20))
    h = rng.uniform(-500, 9000, 20)
    out = np.empty((20, 3))
    enu_of_all(coefficients, dlon, dlat, h, out)
    # The compiler may fuse a multiplication with an addition: the last bit is free.
    np.testing.assert_allclose(
        out, np.stack(enu_fast(coefficients, dlon, dlat, h), axis=-1), rtol=1e-15, atol=1e-9
    )


@given(SEED, st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=100)
def test_sample_equals_the_reference(seed: int, rows: int, cols: int) -> None:
    rng = np.random.default_rng(seed)
    raster = Raster(rng.normal(300, 100, (rows, cols)).astype(np.float32), 106.0, 30.0, 0.01, 0.02)
    lon = rng.uniform(105.95, raster.east_deg + 0.05, 30)
    lat = rng.uniform(raster.south_deg - 0.05, 30.05, 30)
    np.testing.assert_allclose(sampled(raster, lon, lat), raster.sample(lon, lat), rtol=1e-14, atol=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_point_that_is_nowhere_is_no_index(bad: float) -> None:
    raster = Raster(np.arange(12, dtype=np.float32).reshape(3, 4), 7.0, 44.0, 0.1, 0.1)
    lon, lat = np.array([bad, 7.1, bad]), np.array([43.9, bad, bad])
    expected = raster.sample(lon, lat)
    np.testing.assert_array_equal(sampled(raster, lon, lat), expected)
    assert np.isnan(expected).all() == np.isnan(bad)
