from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.geo import geoid
from shancheng.geo.geoid import undulation_m

# NGA, EGM96 test file OUTPUT.DAT: latitude, longitude, undulation in metres from the full 360-degree model.
NGA_POINTS = [
    (38.6281550, 269.7791550, -31.628),
    (-14.6212170, 305.0211140, -2.969),
    (46.8743190, 102.4487290, -43.575),
    (-23.6174460, 133.8747120, 15.871),
    (38.6254730, 359.9995000, 50.066),
    (-0.4667440, 0.0023000, 17.329),
]
# What bilinear interpolation between points 15 minutes apart costs there.
BILINEAR_TOLERANCE_M = 0.06


@pytest.mark.parametrize(("lat", "lon", "expected"), NGA_POINTS)
def test_published_points(lat: float, lon: float, expected: float) -> None:
    assert float(undulation_m(lon, lat)) == pytest.approx(expected, abs=BILINEAR_TOLERANCE_M)


def test_many_points_at_once() -> None:
    lat, lon, expected = np.array(NGA_POINTS).T
    np.testing.assert_allclose(undulation_m(lon, lat), expected, atol=BILINEAR_TOLERANCE_M)
    assert undulation_m([], []).shape == (0,)


@given(st.floats(-180, 180), st.floats(-90, 90), st.sampled_from([-720.0, -360.0, 360.0]))
def test_longitude_is_a_circle(lon: float, lat: float, turn: float) -> None:
    assert float(undulation_m(lon + turn, lat)) == pytest.approx(float(undulation_m(lon, lat)), abs=1e-6)


@given(st.floats(-90, 90))
def test_nothing_tears_at_the_antimeridian(lat: float) -> None:
    east, west = undulation_m([179.9999999, -179.9999999], lat)
    assert east == pytest.approx(west, abs=1e-4)


@pytest.mark.parametrize(("lat", "expected"), [(90.0, 13.61), (-90.0, -29.53)])
def test_a_pole_has_one_value(lat: float, expected: float) -> None:
    np.testing.assert_allclose(undulation_m(np.linspace(-180, 180, 50), lat), expected, atol=0.011)


def test_nan_stays_nan() -> None:
    assert np.isnan(undulation_m([np.nan, 7.0], [43.0, np.nan])).all()


def test_packing_keeps_any_grid() -> None:
    # Random numbers of the full range: every difference overflows somewhere.
    grid = np.random.default_rng(3).integers(-32768, 32768, geoid.GRID_SHAPE, dtype=np.int16)
    np.testing.assert_array_equal(geoid.unpack_grid(geoid.pack_grid(grid)), grid)


def test_the_packaged_file_is_small() -> None:
    packaged = resources.files("shancheng.geo") / "data/egm96_15.npz"
    assert len(packaged.read_bytes()) < 600_000


@pytest.mark.shared_data
def test_the_packaged_file_is_its_source(shared_data: Path) -> None:
    raw = np.frombuffer((shared_data / "geoid/egm96_15.gtx").read_bytes(), dtype=">f4", offset=40).reshape(
        geoid.GRID_SHAPE
    )
    lat = -90 + 0.25 * np.arange(721)
    lon = -180 + 0.25 * np.arange(1440)
    error = np.abs(undulation_m(lon[None, :], lat[:, None]) - raw.astype(np.float64))
    assert error.max() <= 0.005 + 1e-6
