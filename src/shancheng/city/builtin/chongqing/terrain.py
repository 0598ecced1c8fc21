"""The ground: measured 30-arc-second elevations refined to one second, with the two rivers cut in.

What is measured stays: the surface goes through it where nothing else is known. Ridge and gully detail below
0.9 km is modelled, spot heights are public facts, and the banks are shaped after a city that climbs from two
rivers.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray, Grid
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.tables import Elevation, SpotHeight

__all__ = ["ground", "slope", "upsample"]

Float32Array = npt.NDArray[np.float32]

NOISE_SIZE: Final = 2048
STRIKE_AZIMUTH_DEG: Final = 18.0
"""Direction of the parallel ridges, east of north; gullies run across it."""
GULLY_STRETCH: Final = 2.6
LONGEST_M: Final = 1900.0
SHORTEST_M: Final = 170.0

BEACH_M: Final = 16.0
"""Level ground beside the water line, so that the water's edge lies on the ground between two samples."""
QUAY_M: Final = 52.0
TERRACE_M: Final = 80.0
BANK_M: Final = 290.0
"""Distances from the water line: the top of the quay wall, the end of the road's terrace, the slope's end."""
QUAY_SHARE: Final = 0.5
QUAY_MAX_M: Final = 24.0
LEAST_RISE_M: Final = 9.0
MIX_REACH_M: Final = 420.0
MIX_M: Final = 16.0
"""A 0.9 km cell on a bank is partly water: how much higher its land lies than the cell, at the bank."""


def ground(
    table: Elevation,
    grid: Grid,
    rivers: RiverField,
    spots: Sequence[SpotHeight],
    rng: np.random.Generator,
) -> Float32Array:
    """Elevation of the ground and of the water's surface.

    Args:
        table: The measured elevations; they must cover the grid.
        grid: Samples to be filled.
        rivers: Banks and water levels on the same grid.
        spots: Known elevations that the ground is bent to.
        rng: Chooses the detail; equal states give equal grounds.

    Returns:
        Metres above the geoid to the decimetre, shape (n_rows, n_cols).
    """
    coarse = upsample(table, grid)
    surface = coarse + _detail(coarse, grid, rivers, rng)
    surface += MIX_M * np.exp(-((np.maximum(rivers.bank_m, 0) / np.float32(MIX_REACH_M)) ** 2))
    surface += _bend(surface, grid, spots)
    return np.round(_with_banks(surface, rivers), 1).astype(np.float32)


def upsample(table: Elevation, grid: Grid) -> Float32Array:
    """The cubic B-spline through the measured elevations, at the grid's samples.

    It is twice smooth, so that no cell border shows in the shading; row by row and column by column it is one
    matrix each way.
    """
    n_rows, n_cols = table.elevation_m.shape
    rows = (table.north_deg - grid.lat_deg) / table.step_deg
    cols = (grid.lon_deg - table.west_deg) / table.step_deg
    across = (
        _spline_matrix(rows, n_rows) @ table.elevation_m.astype(np.float64) @ _spline_matrix(cols, n_cols).T
    )
    return across.astype(np.float32)


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


def _spline_matrix(at: FloatArray, n_knots: int) -> FloatArray:
    """Weights (n, n_knots) that take values at knots 0..n_knots-1 to the interpolating spline at ``at``."""
    knots = np.arange(n_knots, dtype=np.float64)
    return _mirrored_basis(at, n_knots) @ np.linalg.inv(_mirrored_basis(knots, n_knots))


def _mirrored_basis(at: FloatArray, n_knots: int) -> FloatArray:
    """Each knot's basis function at each place; beyond each end, coefficients mirror those inside."""
    basis = _cubic_basis(at[:, None] - np.arange(-1, n_knots + 1)[None, :])
    inner = basis[:, 1:-1].copy()
    inner[:, 1] += basis[:, 0]
    inner[:, -2] += basis[:, -1]
    return inner


def _cubic_basis(distance: FloatArray) -> FloatArray:
    t = np.abs(distance)
    near = 2 / 3 - t**2 + t**3 / 2
    far = (2 - np.minimum(t, 2)) ** 3 / 6
    return np.where(t < 1, near, far)


def _detail(coarse: Float32Array, grid: Grid, rivers: RiverField, rng: np.random.Generator) -> Float32Array:
    """Hills everywhere and gullies down the flanks; less near the rivers, where the city levelled it."""
    steepness = slope(coarse, grid)
    hills, gullies = _noise_pair(grid, rng)
    calm = np.clip(rivers.bank_m / np.float32(900), 0.15, 1)
    hills *= (6 + 40 * steepness) * calm
    # A crease where the noise changes sign: valleys are sharp, crests are round.
    gullies = np.abs(gullies)
    gullies = (gullies - gullies.mean()) * np.clip(150 * steepness - 3, 0, 42) * calm
    return np.asarray(hills + gullies)


def _noise_pair(grid: Grid, rng: np.random.Generator) -> tuple[Float32Array, Float32Array]:
    """Two band-limited random fields of unit deviation: alike in all directions, drawn out across strike."""
    step_m = PLANE.metres_per_degree[1] * grid.step_deg
    ky = np.fft.fftfreq(NOISE_SIZE, step_m).astype(np.float32)[:, None]
    kx = np.fft.rfftfreq(NOISE_SIZE, step_m).astype(np.float32)[None, :]
    strike = np.radians(STRIKE_AZIMUTH_DEG)
    # Rows grow southwards: ky counts south.
    along = kx * np.float32(np.sin(strike)) - ky * np.float32(np.cos(strike))
    across = kx * np.float32(np.cos(strike)) + ky * np.float32(np.sin(strike))
    white = np.fft.rfft2(rng.standard_normal((NOISE_SIZE, NOISE_SIZE), dtype=np.float32))
    hills = _filtered(white, np.hypot(kx, ky), power=-2.3)
    gullies = _filtered(white.conj(), np.hypot(along, across * np.float32(GULLY_STRETCH)), power=-1.9)
    window = np.s_[: grid.n_rows, : grid.n_cols]
    return hills[window], gullies[window]


def _filtered(spectrum: npt.NDArray[np.complexfloating], wave: Float32Array, power: float) -> Float32Array:
    """Noise whose amplitude falls with the wave number between the longest and the shortest wave."""
    safe = np.maximum(wave, np.float32(1e-9))
    band = safe ** np.float32(power) * np.exp(-((np.float32(1 / LONGEST_M) / safe) ** 4))
    band *= np.exp(-((wave * np.float32(SHORTEST_M)) ** 2))
    field = np.fft.irfft2(spectrum * band, s=(NOISE_SIZE, NOISE_SIZE)).astype(np.float32)
    return np.asarray(field / field.std())


def _bend(surface: Float32Array, grid: Grid, spots: Sequence[SpotHeight]) -> Float32Array:
    """What to add so that the surface passes through the spot heights: one smooth bump around each."""
    at = PLANE.from_lonlat([(spot.lon, spot.lat) for spot in spots])
    radius = np.array([spot.radius_m for spot in spots])
    missing = np.array([spot.elevation_m for spot in spots]) - grid.sample(surface, at)
    distance = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    heights = np.linalg.solve(np.exp(-0.5 * (distance / radius[None, :]) ** 2), missing)
    bend = np.zeros_like(surface)
    for (x, y), r, height in zip(at, radius, heights, strict=True):
        bump_x = np.exp(-0.5 * ((grid.x_m - x) / r) ** 2)
        bump_y = np.exp(-0.5 * ((grid.y_m - y) / r) ** 2) * height
        bend += np.outer(bump_y, bump_x).astype(np.float32)
    return bend


def _with_banks(surface: Float32Array, rivers: RiverField) -> Float32Array:
    """The surface above the water line: a beach, a quay wall, a terrace for the road, then the slope."""
    rise = np.maximum(surface - rivers.level_m, np.float32(LEAST_RISE_M))
    quay = np.minimum(rise * np.float32(QUAY_SHARE), np.float32(QUAY_MAX_M))
    up_quay = _smooth_step(rivers.bank_m, BEACH_M, QUAY_M)
    up_slope = _smooth_step(rivers.bank_m, TERRACE_M, BANK_M)
    return np.asarray(rivers.level_m + quay * up_quay + (rise - quay) * up_slope)


def _smooth_step(values: Float32Array, low: float, high: float) -> Float32Array:
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
