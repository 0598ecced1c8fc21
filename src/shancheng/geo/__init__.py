"""Where things are: ellipsoid, frames, rasters, quadtree, geoid, map systems; it knows nothing of cities.

`geo.kernels` (numba) and `geo.crs` (PROJ) are imported by those who need them, not from here.
"""

from shancheng.geo.bounds import Bounds
from shancheng.geo.ellipsoid import ecef_from_enu_rotation, ecef_from_geodetic, geodetic_from_ecef
from shancheng.geo.frame import LocalFrame, enu_coefficients, enu_fast
from shancheng.geo.gcj02 import (
    bd09_from_gcj02,
    gcj02_from_bd09,
    gcj02_from_wgs84,
    wgs84_from_bd09,
    wgs84_from_gcj02,
)
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell, morton, unmorton
from shancheng.geo.raster import Raster

__all__ = [
    "Bounds",
    "LocalFrame",
    "Raster",
    "RootCell",
    "bd09_from_gcj02",
    "ecef_from_enu_rotation",
    "ecef_from_geodetic",
    "enu_coefficients",
    "enu_fast",
    "gcj02_from_bd09",
    "gcj02_from_wgs84",
    "geodetic_from_ecef",
    "morton",
    "undulation_m",
    "unmorton",
    "wgs84_from_bd09",
    "wgs84_from_gcj02",
]
