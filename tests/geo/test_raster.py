import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.errors import BoundsError, InputError
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster


def plane(rows: int = 5, cols: int = 7) -> Raster:
    """A raster whose value is 1000 (lon - 106) + 500 (lat - 29), which bilinear sampling keeps exactly."""
    lon = 106.0 + 0.1 * np.arange(cols)
    lat = 29.8 - 0.2 * np.arange(rows)
    values = 1000 * (lon[None, :] - 106) + 500 * (lat[:, None] - 29)
    return Raster(values.astype(np.float32), 106.0, 29.8, 0.1, 0.2)


def test_edges_are_centres_of_samples() -> None:
    raster = plane()
    assert raster.shape == (5, 7)
    assert raster.east_deg == pytest.approx(106.6)
    assert raster.south_deg == pytest.approx(29.0)


def test_row_zero_is_north() -> None:
    raster = Raster(np.array([[10.0], [20.0]], dtype=np.float32), 7.0, 44.0, 1.0, 1.0)
    assert raster.sample(7.0, 44.0) == 10
    assert raster.sample(7.0, 43.0) == 20


@given(st.floats(106.0, 106.6), st.floats(29.0, 29.8))
def test_a_plane_is_kept(lon: float, lat: float) -> None:
    expected = 1000 * (lon - 106) + 500 * (lat - 29)
    assert plane().sample(lon, lat) == pytest.approx(expected, abs=1e-3)


@given(st.floats(100, 110), st.floats(25, 35))
def test_beyond_the_edge_the_edge_holds(lon: float, lat: float) -> None:
    raster = plane()
    inside = raster.sample(np.clip(lon, 106.0, raster.east_deg), np.clip(lat, raster.south_deg, 29.8))
    assert raster.sample(lon, lat) == pytest.approx(float(inside), abs=1e-6)


def test_a_void_stays_local() -> None:
    values = plane().values.copy()
    values[2, 3] = np.nan
    raster = Raster(values, 106.0, 29.8, 0.1, 0.2)
    assert np.isnan(raster.sample(106.29, 29.41))
    assert np.isfinite(raster.sample(106.05, 29.75))


def test_one_sample_is_everywhere() -> None:
    raster = Raster(np.array([[42.0]], dtype=np.float32), 7.0, 44.0, 1.0, 1.0)
    np.testing.assert_array_equal(raster.sample([6, 7, 8], 44.0), 42.0)
    assert raster.sample([], []).shape == (0,)


def test_other_numbers_become_contiguous_float32() -> None:
    raster = Raster(np.arange(12, dtype=np.int16).reshape(3, 4)[:, ::-1], 7.0, 44.0, 1.0, 1.0)  # type: ignore[arg-type]
    assert raster.values.dtype == np.float32
    assert raster.values.flags.c_contiguous
    assert raster.values[0, 0] == 3


def test_covers_reaches_half_a_step_beyond_the_centres() -> None:
    raster = plane()
    assert raster.covers(Bounds(106.0, 29.0, 106.6, 29.8))
    assert raster.covers(Bounds(105.951, 28.901, 106.649, 29.899))
    assert not raster.covers(Bounds(105.949, 29.0, 106.6, 29.8))
    assert not raster.covers(Bounds(106.0, 28.899, 106.6, 29.8))
    assert not raster.covers(Bounds(106.0, 29.0, 106.651, 29.8))
    assert not raster.covers(Bounds(106.0, 29.0, 106.6, 29.901))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (3,), (1, 2, 3)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="two dimensions"):
        Raster(np.zeros(shape, dtype=np.float32), 7.0, 44.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((7.0, 44.0, 0.0, 1.0), "step_lon_deg=0"),
        ((7.0, 44.0, 1.0, -1.0), "step_lat_deg=-1"),
        ((7.0, 44.0, np.nan, 1.0), "step_lon_deg=nan"),
        ((np.nan, 44.0, 1.0, 1.0), "west=nan"),
        ((7.0, np.inf, 1.0, 1.0), "north=inf"),
    ],
)
def test_wrong_positions_are_refused(numbers: tuple[float, ...], named: str) -> None:
    with pytest.raises(BoundsError, match=named):
        Raster(np.zeros((2, 2), dtype=np.float32), *numbers)
