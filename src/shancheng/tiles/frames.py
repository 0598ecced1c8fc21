"""The local frame of each tile, in the middle of what it holds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ecef_from_enu_rotation, ecef_from_geodetic
from shancheng.geo.frame import enu_coefficients
from shancheng.tiles.constants import QUANTUM_M, TAYLOR_REACH_M
from shancheng.tiles.glb import Placement

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of all tiles of a layer.

    Attributes:
        rows: What `place` of the engines takes: longitude, latitude and height of the origin, one over the
            quantum, 1 where the series does not reach and points have to go by way of ECEF, the origin's ECEF
            coordinates, the rotation from ENU to ECEF row by row; shape (t, 17).
        coefficients: Of the series, shape (t, 15).
    """

    rows: FloatArray
    coefficients: FloatArray

    @classmethod
    def of(cls, bounds_deg: FloatArray, heights_m: FloatArray) -> "Frames":
        """Frames in the middle of boxes.

        Args:
            bounds_deg: West, south, east, north of each tile's content, shape (t, 4).
            heights_m: Its lowest and highest ellipsoidal height, shape (t, 2).
        """
        lon, lat = (bounds_deg[:, :2] + bounds_deg[:, 2:]).T / 2
        height = heights_m.mean(axis=1)
        origin = ecef_from_geodetic(lon, lat, height)
        corner = ecef_from_geodetic(bounds_deg[:, 0], bounds_deg[:, 1], height)
        exact = np.linalg.norm(corner - origin, axis=1) > TAYLOR_REACH_M
        turn = ecef_from_enu_rotation(lon, lat).reshape(-1, 9)
        scale = np.full(len(lon), 1 / QUANTUM_M)
        rows = np.column_stack([lon, lat, height, scale, exact, origin, turn])
        return cls(np.ascontiguousarray(rows), np.ascontiguousarray(enu_coefficients(lon, lat)))

    def placement(self, tile: int) -> Placement:
        """A tile's frame as its file needs it."""
        lon, lat, height = self.rows[tile, :3].tolist()
        return Placement(lon, lat, height, QUANTUM_M)
