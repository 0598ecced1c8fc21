"""A regular grid of numbers in longitude and latitude: elevations, coverage, noise, anything a cell holds."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.errors import BoundsError, InputError
from shancheng.geo.arrays import Float32Array, FloatArray
from shancheng.geo.bounds import Bounds

_DIMENSIONS = 2


@dataclass(frozen=True, eq=False)
class Raster:
    """Samples on a grid; row 0 is the NORTHERN row, and positions are those of the samples' CENTRES.

    Attributes:
        values: float32, C-contiguous, shape (rows, cols), in the caller's unit; other numbers are converted.
        west_deg: Longitude of the centre of sample [0, 0].
        north_deg: Latitude of the centre of sample [0, 0].
        step_lon_deg: Distance between columns, positive.
        step_lat_deg: Distance between rows, positive (rows go south).

    Raises:
        InputError: ``values`` is empty or not two-dimensional.
        BoundsError: A position is not finite, or a step is not positive.
    """

    values: Float32Array
    west_deg: float
    north_deg: float
    step_lon_deg: float
    step_lat_deg: float

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        if self.values.ndim != _DIMENSIONS or values.size == 0:
            raise InputError(
                f"raster of shape {self.values.shape}: needs two dimensions and at least one sample"
            )
        object.__setattr__(self, "values", values)
        for name in ("step_lon_deg", "step_lat_deg"):
            step = getattr(self, name)
            if not (math.isfinite(step) and step > 0):
                raise BoundsError(f"{name}={step}: must be positive")
        if not (math.isfinite(self.west_deg) and math.isfinite(self.north_deg)):
            raise BoundsError(f"west={self.west_deg}, north={self.north_deg}: must be finite")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def east_deg(self) -> float:
        """Longitude of the centres of the last column."""
        return self.west_deg + (self.shape[1] - 1) * self.step_lon_deg

    @property
    def south_deg(self) -> float:
        """Latitude of the centres of the last row."""
        return self.north_deg - (self.shape[0] - 1) * self.step_lat_deg

    def sample(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> FloatArray:
        """Bilinear values at points; beyond the outer samples the nearest edge value holds.

        Args:
            lon_deg: Longitudes, any shape that broadcasts with the latitudes.
            lat_deg: Latitudes.

        Returns:
            float64 values, NaN where a coordinate or one of the four samples around it is NaN.
        """
        rows, cols = self.shape
        col = np.clip(
            (np.asarray(lon_deg, dtype=np.float64) - self.west_deg) * (1 / self.step_lon_deg), 0.0, cols - 1
        )
        row = np.clip(
            (self.north_deg - np.asarray(lat_deg, dtype=np.float64)) * (1 / self.step_lat_deg), 0.0, rows - 1
        )
        # A NaN must not become an index; it still reaches the result through the fractions.
        col0 = np.where(col > 0, col, 0.0).astype(np.int64)
        row0 = np.where(row > 0, row, 0.0).astype(np.int64)
        col1 = np.minimum(col0 + 1, cols - 1)
        row1 = np.minimum(row0 + 1, rows - 1)
        fx, fy = col - col0, row - row0
        v = self.values
        top = v[row0, col0].astype(np.float64) * (1.0 - fx) + v[row0, col1].astype(np.float64) * fx
        bottom = v[row1, col0].astype(np.float64) * (1.0 - fx) + v[row1, col1].astype(np.float64) * fx
        result: FloatArray = top * (1.0 - fy) + bottom * fy
        return result

    def covers(self, bounds: Bounds) -> bool:
        """Whether the samples speak for all of ``bounds``, each for half a step around its centre."""
        half_lon, half_lat = self.step_lon_deg / 2, self.step_lat_deg / 2
        return (
            self.west_deg - half_lon <= bounds.west_deg
            and bounds.east_deg <= self.east_deg + half_lon
            and self.south_deg - half_lat <= bounds.south_deg
            and bounds.north_deg <= self.north_deg + half_lat
        )
