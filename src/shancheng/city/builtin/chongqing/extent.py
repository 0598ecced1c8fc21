"""Where the built-in city lies, its grid of elevations, and a flat plane in metres to build it on."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.geo.bounds import Bounds

__all__ = [
    "CENTRE_LAT_DEG",
    "CENTRE_LON_DEG",
    "CORE",
    "EXTENT",
    "GRID",
    "PLANE",
    "FloatArray",
    "Grid",
    "Plane",
]

FloatArray = npt.NDArray[np.float64]

CENTRE_LON_DEG: Final = 106.56
CENTRE_LAT_DEG: Final = 29.56
EXTENT: Final = Bounds(106.12, 29.125, 107.125, 30.13)
"""The nine central districts. A square, because tiles divide a square: ground would end inside of it."""
CORE: Final = Bounds(106.40, 29.45, 106.70, 29.67)
"""What is built up: both banks of both rivers from the ridge Zhongliang to Tongluo, and Chayuan behind."""

STEP_DEG: Final = 1.0 / 3600.0
GRID_MARGIN: Final = 2
"""Samples beyond the extent, so that the root cell's own margin is covered too."""


@dataclass(frozen=True)
class Plane:
    """East and north in metres of a centre, by one scale each way.

    Lengths are true to 0.3% within 30 km and to 0.7% at the extent's corners, which a modelled city does not
    notice.
    """

    lon_deg: float
    lat_deg: float

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Length of a degree of longitude and of latitude at the centre, on the WGS-84 ellipsoid.

        Source:
            Series of the National Geospatial-Intelligence Agency, "Length of a degree of latitude and
            longitude".
        """
        phi = np.radians(self.lat_deg)
        east = 111412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi) + 0.118 * np.cos(5 * phi)
        north = 111132.92 - 559.82 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi) - 0.0023 * np.cos(6 * phi)
        return float(east), float(north)

    def from_lonlat(self, lonlat: npt.ArrayLike) -> FloatArray:
        """Metres east and north of the centre, shape (n, 2), from degrees of the same shape."""
        degrees = np.asarray(lonlat, dtype=np.float64)
        return (degrees - (self.lon_deg, self.lat_deg)) * self.metres_per_degree

    def to_lonlat(self, xy: npt.ArrayLike) -> FloatArray:
        """The inverse of ``from_lonlat``."""
        metres = np.asarray(xy, dtype=np.float64)
        return metres / self.metres_per_degree + (self.lon_deg, self.lat_deg)

    def geometry_to_lonlat(self, geometry: Any) -> Any:  # noqa: ANN401 - one shapely geometry or an array of them
        """Shapely geometries in degrees, rounded to 1e-7 (1 cm), from metres."""
        return shapely.transform(geometry, lambda xy: np.round(self.to_lonlat(xy), 7))

    def geometry_from_lonlat(self, geometry: Any) -> Any:  # noqa: ANN401 - the same
        """Shapely geometries in metres from degrees."""
        return shapely.transform(geometry, self.from_lonlat)


PLANE: Final = Plane(CENTRE_LON_DEG, CENTRE_LAT_DEG)


@dataclass(frozen=True)
class Grid:
    """A regular grid of samples in degrees, row 0 in the north; x and y are its axes on the plane."""

    west_deg: float
    north_deg: float
    step_deg: float
    n_rows: int
    n_cols: int

    @property
    def lon_deg(self) -> FloatArray:
        """Longitudes of the columns, shape (n_cols,)."""
        return self.west_deg + self.step_deg * np.arange(self.n_cols, dtype=np.float64)

    @property
    def lat_deg(self) -> FloatArray:
        """Latitudes of the rows, shape (n_rows,), falling."""
        return self.north_deg - self.step_deg * np.arange(self.n_rows, dtype=np.float64)

    @property
    def x_m(self) -> FloatArray:
        """Metres east of the plane's centre of the columns."""
        return (self.lon_deg - PLANE.lon_deg) * PLANE.metres_per_degree[0]

    @property
    def y_m(self) -> FloatArray:
        """Metres north of the plane's centre of the rows, falling."""
        return (self.lat_deg - PLANE.lat_deg) * PLANE.metres_per_degree[1]

    def window(self, area: Bounds) -> tuple[slice, slice]:
        """Rows and columns of the samples in and right around an area, cut to the grid."""
        rows = (self.north_deg - area.north_deg, self.north_deg - area.south_deg)
        cols = (area.west_deg - self.west_deg, area.east_deg - self.west_deg)
        return self._around(*rows, self.n_rows), self._around(*cols, self.n_cols)

    def _around(self, first_deg: float, last_deg: float, n: int) -> slice:
        first, last = round(first_deg / self.step_deg) - 1, round(last_deg / self.step_deg) + 2
        return slice(min(max(first, 0), n), min(max(last, 0), n))

    def part(self, rows: slice, cols: slice) -> "Grid":
        """The grid of a window of this one."""
        return Grid(
            self.west_deg + self.step_deg * cols.start,
            self.north_deg - self.step_deg * rows.start,
            self.step_deg,
            rows.stop - rows.start,
            cols.stop - cols.start,
        )

    def sample(self, values: npt.NDArray[np.floating[Any]], xy: FloatArray) -> FloatArray:
        """Bilinear values at points on the plane, clamped to the grid's edge.

        Args:
            values: Shape (n_rows, n_cols).
            xy: Metres, shape (..., 2).

        Returns:
            Shape (...).
        """
        lonlat = PLANE.to_lonlat(xy)
        col = np.clip((lonlat[..., 0] - self.west_deg) / self.step_deg, 0.0, self.n_cols - 1.001)
        row = np.clip((self.north_deg - lonlat[..., 1]) / self.step_deg, 0.0, self.n_rows - 1.001)
        c, r = col.astype(np.int64), row.astype(np.int64)
        u, v = col - c, row - r
        north = values[r, c] * (1 - u) + values[r, c + 1] * u
        south = values[r + 1, c] * (1 - u) + values[r + 1, c + 1] * u
        return np.asarray(north * (1 - v) + south * v, dtype=np.float64)


def _grid_of(extent: Bounds) -> Grid:
    n_cols = round((extent.east_deg - extent.west_deg) / STEP_DEG) + 1 + 2 * GRID_MARGIN
    n_rows = round((extent.north_deg - extent.south_deg) / STEP_DEG) + 1 + 2 * GRID_MARGIN
    west = extent.west_deg - GRID_MARGIN * STEP_DEG
    north = extent.north_deg + GRID_MARGIN * STEP_DEG
    return Grid(west, north, STEP_DEG, n_rows, n_cols)


GRID: Final = _grid_of(EXTENT)
