"""The smooth surface through elevations on a coarse grid: a cubic B-spline.

No matrix is multiplied or inverted: libraries for that change the last bits with the number of threads.
"""

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import FloatArray, Grid
from shancheng.city.builtin.chongqing.surfaces import Float32Array, by_bands
from shancheng.city.builtin.chongqing.tables import Elevation

__all__ = ["upsample"]

IntArray = npt.NDArray[np.int64]


def upsample(table: Elevation, grid: Grid) -> Float32Array:
    """The cubic B-spline through the measured elevations, at the grid's samples.

    It is twice smooth, so that no cell border shows in the shading.
    """
    values = table.elevation_m.astype(np.float64)
    # The coefficients of one axis after the other: a spline of two variables is one of each.
    knots = _spline_coefficients(_spline_coefficients(values).T).T
    row, row_weights = _spline_weights((table.north_deg - grid.lat_deg) / table.step_deg, values.shape[0])
    col, col_weights = _spline_weights((grid.lon_deg - table.west_deg) / table.step_deg, values.shape[1])

    def make(rows: slice) -> Float32Array:
        lines = sum(knots[row[rows, k]] * row_weights[rows, k, None] for k in range(4))
        single = np.asarray(lines, dtype=np.float32)
        parts = (single[:, col[:, k]] * col_weights[:, k].astype(np.float32) for k in range(4))
        return np.asarray(sum(parts))

    return by_bands(grid, make)


def _spline_coefficients(values: FloatArray) -> FloatArray:
    """Of the cubic B-spline through rows of values; beyond each end, coefficients mirror those inside.

    Solves ``(c[i-1] + 4 c[i] + c[i+1]) / 6 = values[i]`` by elimination.
    """
    n = len(values)
    upper, found = np.empty(n), 6 * values.astype(np.float64)
    # The mirrored coefficient makes the first row 4 c[0] + 2 c[1], the last one 2 c[n-2] + 4 c[n-1].
    upper[0], found[0] = 0.5, found[0] / 4
    for i in range(1, n):
        lower = 2.0 if i == n - 1 else 1.0
        pivot = 4 - lower * upper[i - 1]
        upper[i], found[i] = 1 / pivot, (found[i] - lower * found[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        found[i] -= upper[i] * found[i + 1]
    return found


def _spline_weights(at: FloatArray, n: int) -> tuple[IntArray, FloatArray]:
    """The four coefficients that each place depends on, mirrored into the range; their weights (m, 4)."""
    before = np.clip(np.floor(at), 0, n - 2).astype(np.int64)
    places = before[:, None] + np.arange(-1, 3)
    weights = _cubic_basis(at[:, None] - places)
    mirrored = np.abs(places)
    return np.where(mirrored > n - 1, 2 * (n - 1) - mirrored, mirrored), weights


def _cubic_basis(distance: FloatArray) -> FloatArray:
    t = np.abs(distance)
    near = 2 / 3 - t**2 + t**3 / 2
    far = (2 - np.minimum(t, 2)) ** 3 / 6
    return np.where(t < 1, near, far)
