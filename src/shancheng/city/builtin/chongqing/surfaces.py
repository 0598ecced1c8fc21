"""Fields over the whole grid of elevations: made band by band, and how steep they are."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import PLANE, Grid

__all__ = ["Float32Array", "by_bands", "gradient", "slope"]

Float32Array = npt.NDArray[np.float32]

BAND_ROWS: Final = 128


def by_bands(grid: Grid, make: Callable[[slice], Float32Array]) -> Float32Array:
    """The whole grid from bands of rows: each stays in the cache, and they are made side by side."""
    whole = np.empty((grid.n_rows, grid.n_cols), dtype=np.float32)

    def fill(first: int) -> None:
        rows = slice(first, min(first + BAND_ROWS, grid.n_rows))
        whole[rows] = make(rows)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        # All are made when the list is; a failure of any comes out of it.
        list(pool.map(fill, range(0, grid.n_rows, BAND_ROWS)))
    return whole


def slope(elevation_m: Float32Array, grid: Grid) -> Float32Array:
    """Steepness as rise over run, shape (n_rows, n_cols)."""
    rise_y, rise_x = gradient(elevation_m, grid)
    return np.hypot(rise_x, rise_y)


def gradient(elevation_m: Float32Array, grid: Grid) -> tuple[Float32Array, Float32Array]:
    """Rise per metre to the north and to the east, each of shape (n_rows, n_cols)."""
    per_degree = PLANE.metres_per_degree
    east, north = np.float32(per_degree[0] * grid.step_deg), np.float32(per_degree[1] * grid.step_deg)
    rise_y, rise_x = np.gradient(elevation_m)
    return np.asarray(-rise_y / north), np.asarray(rise_x / east)
