"""The ground: measured 30-arc-second elevations refined to one second, with the two rivers cut in.

What is measured stays: the surface goes through it where nothing else is known. Ridge and valley detail below
0.9 km is modelled, spot heights are public facts, and the banks are terraced after a city that climbs from
two rivers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shancheng.city.builtin.chongqing.extent import PLANE, Grid
from shancheng.city.builtin.chongqing.relief import Detail
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.spline import upsample
from shancheng.city.builtin.chongqing.surfaces import Float32Array, by_bands
from shancheng.city.builtin.chongqing.tables import Elevation, SpotHeight

__all__ = ["ground"]

BEACH_M: Final = 16.0
"""Level ground beside the water line, so that the water's edge lies on the ground between two samples."""
QUAY_M: Final = 52.0
TERRACES_M: Final = ((80.0, 150.0), (186.0, 300.0))
"""Distances from the water line: the top of the quay wall; where each slope above it begins and ends. Between
them lie terraces: the riverside road's, and the lower town's."""
QUAY_SHARE: Final = 0.5
QUAY_MAX_M: Final = 24.0
LOWER_SLOPE_SHARE: Final = 0.45
LEAST_RISE_M: Final = 9.0
LEAST_BUMP: Final = 1e-5


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
    surface = upsample(table, grid)
    detail = Detail.drawn(surface, grid, rng)
    surface = by_bands(grid, lambda rows: detail.surface(rows, rivers))
    bumps = _bend(surface, grid, spots)
    return by_bands(grid, lambda rows: _shaped(surface, grid, rivers, bumps, rows))


def _shaped(
    surface: Float32Array, grid: Grid, rivers: RiverField, bumps: Sequence["_Bump"], rows: slice
) -> Float32Array:
    """Rows of the surface with the spot heights' bumps and the banks, to the decimetre."""
    shaped = surface[rows].copy()
    for bump in bumps:
        north = np.exp(-0.5 * ((grid.y_m[rows] - bump.y_m) / bump.radius_m) ** 2)
        east = np.exp(-0.5 * ((grid.x_m - bump.x_m) / bump.radius_m) ** 2)
        near = np.ix_(north > LEAST_BUMP, east > LEAST_BUMP)
        bumped = bump.height_m * np.outer(north[north > LEAST_BUMP], east[east > LEAST_BUMP])
        shaped[near] += bumped.astype(np.float32)
    return np.round(_with_banks(shaped, rivers.bank_m[rows], rivers.level_m[rows]), 1)


@dataclass(frozen=True)
class _Bump:
    """One spot height's part in bending the surface."""

    x_m: float
    y_m: float
    radius_m: float
    height_m: float


def _bend(surface: Float32Array, grid: Grid, spots: Sequence[SpotHeight]) -> list[_Bump]:
    """What to add so that the surface passes through the spot heights: one smooth bump around each."""
    at = PLANE.from_lonlat([(spot.lon, spot.lat) for spot in spots])
    radius = np.array([spot.radius_m for spot in spots])
    missing = np.array([spot.elevation_m for spot in spots]) - grid.sample(surface, at)
    distance = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    heights = np.linalg.solve(np.exp(-0.5 * (distance / radius[None, :]) ** 2), missing)
    return [
        _Bump(float(x), float(y), float(r), float(height))
        for (x, y), r, height in zip(at, radius, heights, strict=True)
    ]


def _with_banks(surface: Float32Array, bank_m: Float32Array, level_m: Float32Array) -> Float32Array:
    """The surface above the water line, terraced.

    A beach, a quay wall, the road's terrace, a slope, the lower town's terrace, the slope to the upper town.
    """
    rise = np.maximum(surface - level_m, np.float32(LEAST_RISE_M))
    quay = np.minimum(rise * np.float32(QUAY_SHARE), np.float32(QUAY_MAX_M))
    lower, upper = (_smooth_step(bank_m, *ends) for ends in TERRACES_M)
    share = np.float32(LOWER_SLOPE_SHARE) * lower + np.float32(1 - LOWER_SLOPE_SHARE) * upper
    up_quay = _smooth_step(bank_m, BEACH_M, QUAY_M)
    return np.asarray(level_m + quay * up_quay + (rise - quay) * share)


def _smooth_step(values: Float32Array, low: float, high: float) -> Float32Array:
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
