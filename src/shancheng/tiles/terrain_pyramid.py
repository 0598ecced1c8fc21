"""The terrain as a pyramid of grids with their errors, finest level first, a band of tiles at a time.

All levels cut the same hierarchy of triangles: a coarse level keeps every second sample of the next finer one
and inherits its errors, so that a ridge lost between coarse samples still counts. Only the finest level is
sampled from the raster, in bands, and is never whole in memory.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.constants import TERRAIN_LEAF_TOLERANCE_M
from shancheng.tiles.ground import Ground

__all__ = ["Band", "TerrainPlan", "bands"]

Singles = npt.NDArray[np.float32]

# Cells along a tile's edge. Over the built-in city, 64 instead of 128 cells halve what the first view loads
# (425 for 824 kB, 20 for 12 draw calls), for a fifth more on the disk.
TILE_CELLS = 64
# A full quadtree of seven levels has 5,461 tiles. A raster that needs more gets tiles of twice the cells, and
# beyond 8,192 samples is sampled at the seventh level's spacing.
MAX_LEVELS = 7
# Coarse tiles are seen from afar: a level's tolerance is twice what halving from level to level would make
# it.
_COARSE_FACTOR = 2.0
# Neighbours may differ by two levels before a gap could open; errors reach one and a half tolerances.
_SKIRT_LEVELS, _SKIRT_FACTOR = 2, 1.5
# How much wider than the raster's the finest spacing may be: a root cell is a little larger than its extent.
_SPACING_SLACK = 1.02
# Samples of the finest level in memory at a time, for heights and errors each.
_BAND_SAMPLES = 6_000_000


@dataclass(frozen=True, slots=True)
class TerrainPlan:
    """The grids of a city's terrain.

    Attributes:
        root_cell: The square that the tiles cover.
        n_cells: Cells along a tile's edge, a power of two.
        n_levels: Levels of the quadtree, all full.
        leaf_tolerance_m: Largest error that the finest level may leave out.
    """

    root_cell: RootCell
    n_cells: int
    n_levels: int
    leaf_tolerance_m: float = TERRAIN_LEAF_TOLERANCE_M

    @classmethod
    def of(cls, raster: Raster, root_cell: RootCell) -> "TerrainPlan":
        """The plan whose finest grid is as fine as the raster, within ``MAX_LEVELS``."""
        step = min(raster.step_lon_deg, raster.step_lat_deg) * _SPACING_SLACK
        n_levels = 1 + max(0, math.ceil(math.log2(root_cell.side_deg / (TILE_CELLS * step))))
        if n_levels <= MAX_LEVELS:
            return cls(root_cell, TILE_CELLS, n_levels)
        return cls(root_cell, 2 * TILE_CELLS, MAX_LEVELS)

    @property
    def leaf_step_deg(self) -> float:
        """Spacing of the finest grid."""
        return self.root_cell.side_deg / (self.n_cells << (self.n_levels - 1))

    @property
    def north_deg(self) -> float:
        """Latitude of row 0 of every grid."""
        return self.root_cell.south_deg + self.root_cell.side_deg

    def stride(self, level: int) -> int:
        """Finest steps in one step of a level's grid."""
        return 1 << (self.n_levels - 1 - level)

    def tolerance_m(self, level: int) -> float:
        """Largest error that a level may leave out."""
        finest = level == self.n_levels - 1
        return (
            self.leaf_tolerance_m if finest else _COARSE_FACTOR * self.leaf_tolerance_m * self.stride(level)
        )

    def skirt_m(self, level: int) -> float:
        """How deep the skirts of a level hang."""
        coarsest_neighbour = max(0, level - _SKIRT_LEVELS)
        return _SKIRT_FACTOR * (self.tolerance_m(level) + self.tolerance_m(coarsest_neighbour))

    def sag_m(self, level: int, scale: int) -> tuple[float, float]:
        """Rise of the ellipsoid above the middle of a hypotenuse of a scale: east-west, north-south."""
        length_deg = 2 * scale * self.stride(level) * self.leaf_step_deg
        along = math.radians(length_deg) * SEMI_MAJOR_M
        middle = math.radians(self.root_cell.south_deg + self.root_cell.side_deg / 2)
        across = along * math.cos(middle)
        return across**2 / (8 * SEMI_MAJOR_M), along**2 / (8 * SEMI_MAJOR_M)


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Some rows of tiles of one level, from the north.

    Attributes:
        level: Level of the tiles.
        tile_row: First row of tiles, counted from the north.
        n_tile_rows: Rows of tiles.
        grid_row: Row of ``heights`` where the first row of tiles begins.
        heights: Ellipsoidal heights, shape (rows, columns of the whole level).
        errors: Their errors, the same shape; right in the band's own rows.
    """

    level: int
    tile_row: int
    n_tile_rows: int
    grid_row: int
    heights: Singles
    errors: Singles


def bands(
    plan: TerrainPlan, ground: Ground, *, strict: bool = False, band_samples: int = _BAND_SAMPLES
) -> Iterator[Band]:
    """All levels, the finest first.

    Args:
        plan: The grids.
        ground: What to sample.
        strict: Errors add up down the hierarchy: tiles then keep their tolerance at every sample wherever
            their grid is fine enough, for about twice the triangles.
        band_samples: Samples of the finest level in memory at a time; changes no result.
    """
    from shancheng.tiles.engines.terrain_parallel import add_scale_errors

    finest = plan.n_levels - 1
    half = (plan.n_cells << finest) // 2 + 1
    heights, errors = np.empty((half, half), np.float32), np.empty((half, half), np.float32)
    for band in _finest_bands(plan, ground, strict=strict, band_samples=band_samples):
        yield band
        _keep_every_second(band, plan.n_cells, heights, errors)
    for level in range(finest - 1, -1, -1):
        scale = plan.n_cells // 2
        add_scale_errors(heights, errors, scale, 0, *plan.sag_m(level, scale), strict=strict)
        yield Band(level, 0, 1 << level, 0, heights, errors)
        heights, errors = heights[::2, ::2].copy(), errors[::2, ::2].copy()


def _finest_bands(plan: TerrainPlan, ground: Ground, *, strict: bool, band_samples: int) -> Iterator[Band]:
    from shancheng.tiles.engines.terrain_parallel import add_scale_errors, sample_grid

    level = plan.n_levels - 1
    n, across = plan.n_cells, 1 << level
    frame = (plan.root_cell.west_deg, plan.north_deg, plan.leaf_step_deg, 1)
    # A sample's error depends on samples less than a tile away, so a band needs a row of them on each side.
    tile_rows = max(1, band_samples // (n * (n * across + 1)) - 2)
    for tile_row in range(0, across, tile_rows):
        last = min(across, tile_row + tile_rows)
        first_seen, last_seen = max(0, tile_row - 1), min(across, last + 1)
        shape = ((last_seen - first_seen) * n + 1, across * n + 1)
        heights = sample_grid(ground.elevation, ground.undulation, *frame, first_seen * n, shape)
        errors = np.zeros_like(heights)
        for scale in (1 << k for k in range(n.bit_length() - 1)):
            sag = plan.sag_m(level, scale)
            add_scale_errors(heights, errors, scale, first_seen * n, *sag, strict=strict)
        yield Band(level, tile_row, last - tile_row, (tile_row - first_seen) * n, heights, errors)


def _keep_every_second(band: Band, n_cells: int, heights: Singles, errors: Singles) -> None:
    """Copy a band's own rows, every second sample of them, into the next coarser grid."""
    own = slice(band.grid_row, band.grid_row + band.n_tile_rows * n_cells + 1, 2)
    first = band.tile_row * n_cells // 2
    kept = slice(first, first + band.n_tile_rows * n_cells // 2 + 1)
    heights[kept], errors[kept] = band.heights[own, ::2], band.errors[own, ::2]
