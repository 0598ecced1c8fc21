import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shancheng.errors import InputError
from shancheng.geo.fill import fill_voids


def test_known_samples_stay_and_a_plane_is_continued_between_them() -> None:
    rows, cols = np.mgrid[0:64, 0:80].astype(np.float64)
    plane = 100 + rows - 0.5 * cols
    holes = plane.copy()
    holes[10:20, 30:45] = np.nan
    filled = fill_voids(holes)
    known = np.isfinite(holes)
    np.testing.assert_array_equal(filled[known], plane[known].astype(np.float32))
    assert np.abs(filled - plane).max() < 3


def test_one_known_sample_fills_everything() -> None:
    values = np.full((37, 5), np.nan)
    values[36, 0] = 12.5
    np.testing.assert_array_equal(fill_voids(values), np.full((37, 5), 12.5, np.float32))


def test_a_full_grid_comes_back_and_an_empty_one_is_refused() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(fill_voids(values), values)
    with pytest.raises(InputError, match="no number at all"):
        fill_voids(np.full((3, 3), np.nan))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 33), st.integers(1, 33)), seed=st.integers(0, 2**31), share=st.floats(0, 1)
)
def test_filled_values_stay_between_the_known_ones(shape: tuple[int, int], seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(200, 50, shape)
    values[rng.random(shape) < share] = np.nan
    values.flat[rng.integers(values.size)] = 200.0
    filled = fill_voids(values)
    assert filled.min() >= np.nanmin(values) - 1e-3
    assert filled.max() <= np.nanmax(values) + 1e-3
