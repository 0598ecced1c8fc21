"""The ground under a city: elevations and the geoid, sampled together, so that no caller adds them up."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.errors import TilesError
from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster

__all__ = ["Ground"]

Floats = npt.NDArray[np.float64]

# The geoid's own grid. On it, bilinear samples of our small raster are those of the whole world's grid.
_GEOID_STEP_DEG = 0.25


@dataclass(frozen=True, eq=False)
class Ground:
    """The surface that everything stands on.

    Attributes:
        elevation: Metres above the geoid; beyond its edge the edge goes on.
        undulation: The geoid above the ellipsoid, metres, covering the root cell.
    """

    elevation: Raster
    undulation: Raster

    @classmethod
    def of(cls, elevation: Raster, root_cell: RootCell) -> "Ground":
        """The ground of a city.

        Raises:
            TilesError: Some elevation is not a number; a source fills its voids.
        """
        bad = int(np.count_nonzero(~np.isfinite(elevation.values)))
        if bad:
            raise TilesError(f"{bad} elevations are not finite: voids must be filled before tiles are made")
        return cls(elevation, _undulation_over(root_cell))

    @property
    def step_m(self) -> float:
        """Distance of the elevation samples along a meridian or a parallel, whichever is finer."""
        middle = math.radians((self.elevation.north_deg + self.elevation.south_deg) / 2)
        step_deg = min(self.elevation.step_lon_deg * math.cos(middle), self.elevation.step_lat_deg)
        return math.radians(step_deg) * SEMI_MAJOR_M

    def ellipsoidal_height_m(self, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """Height of the ground above the ellipsoid, shape (n,)."""
        height: Floats = self.elevation.sample(lon_deg, lat_deg) + self.undulation.sample(lon_deg, lat_deg)
        return height


def _undulation_over(root_cell: RootCell) -> Raster:
    bounds = root_cell.bounds
    west, south = (math.floor(edge / _GEOID_STEP_DEG) for edge in (bounds.west_deg, bounds.south_deg))
    east, north = (math.ceil(edge / _GEOID_STEP_DEG) for edge in (bounds.east_deg, bounds.north_deg))
    lon = np.arange(west, east + 1) * _GEOID_STEP_DEG
    lat = np.arange(north, south - 1, -1) * _GEOID_STEP_DEG
    values = undulation_m(*np.meshgrid(lon, lat)).astype(np.float32)
    return Raster(values, float(lon[0]), float(lat[0]), _GEOID_STEP_DEG, _GEOID_STEP_DEG)
