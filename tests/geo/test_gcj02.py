import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.geo.gcj02 import (
    bd09_from_gcj02,
    gcj02_from_bd09,
    gcj02_from_wgs84,
    wgs84_from_bd09,
    wgs84_from_gcj02,
)

# A margin inside the box around China; at its very edge GCJ-02 has no inverse.
LON = st.floats(72.02, 137.81)
LAT = st.floats(0.85, 55.81)


@given(LON, LAT)
def test_gcj02_round_trip(lon: float, lat: float) -> None:
    back = wgs84_from_gcj02(*gcj02_from_wgs84(lon, lat))
    np.testing.assert_allclose(back, (lon, lat), rtol=0, atol=1e-9)


@given(LON, LAT)
def test_bd09_round_trip(lon: float, lat: float) -> None:
    np.testing.assert_allclose(gcj02_from_bd09(*bd09_from_gcj02(lon, lat)), (lon, lat), rtol=0, atol=1e-9)
    bd09 = bd09_from_gcj02(*gcj02_from_wgs84(lon, lat))
    np.testing.assert_allclose(wgs84_from_bd09(*bd09), (lon, lat), rtol=0, atol=1e-9)


def test_offset_at_chongqing() -> None:
    lon, lat = gcj02_from_wgs84(106.55, 29.56)
    assert lon - 106.55 == pytest.approx(0.0037, abs=0.0001)
    assert lat - 29.56 == pytest.approx(-0.0029, abs=0.0001)


def test_published_values() -> None:
    # Test cases of eviltransform (Shanghai, Shenzhen, Beijing), latitude first there, printed to 0.1 m.
    wgs = np.array([(31.1774276, 121.5272106), (22.543847, 113.912316), (39.911954, 116.377817)])
    gcj = np.array([(31.17530398364597, 121.531541859215), (22.540796131694766, 113.9171764808363)])
    beijing = (39.91334545536069, 116.38404722455657)
    lon, lat = gcj02_from_wgs84(wgs[:, 1], wgs[:, 0])
    expected = np.vstack((gcj, beijing))
    np.testing.assert_allclose(lat, expected[:, 0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(lon, expected[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("lon", "lat"), [(7.42, 43.74), (72.0, 30.0), (137.9, 30.0), (105.0, 0.8), (105.0, 55.9), (-106.5, 29.5)]
)
def test_identity_outside_china(lon: float, lat: float) -> None:
    np.testing.assert_array_equal(gcj02_from_wgs84(lon, lat), (lon, lat))
    np.testing.assert_array_equal(wgs84_from_gcj02(lon, lat), (lon, lat))


def test_arrays_keep_their_shape() -> None:
    lon, lat = gcj02_from_wgs84(np.full((3, 4), 106.5), 29.5)
    assert lon.shape == lat.shape == (3, 4)
    assert [part.shape for part in wgs84_from_bd09([], [])] == [(0,), (0,)]
