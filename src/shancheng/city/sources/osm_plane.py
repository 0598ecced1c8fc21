"""Degrees as metres, near enough for widths, gaps and lengths within one city."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

__all__ = ["flat", "metres_per_degree"]

_DEGREE_M: Final = 111_320.0


def metres_per_degree(lat_deg: float) -> npt.NDArray[np.float64]:
    """Length of a degree of longitude and of latitude, shape (2,), within 0.6%."""
    return np.array([np.cos(np.radians(lat_deg)), 1.0]) * _DEGREE_M


def flat(shapes: npt.NDArray[Any], lat_deg: float | None = None) -> npt.NDArray[Any]:
    """Shapes in metres on a plane, at the scale of a latitude, else of their own middle."""
    if lat_deg is None:
        south, north = shapely.bounds(shapes).reshape(-1, 4)[:, 1::2].T
        known = np.isfinite(south)
        if not known.any():
            return shapes
        lat_deg = float(south[known].min() + north[known].max()) / 2
    scale = metres_per_degree(lat_deg)
    return np.asarray(shapely.transform(shapes, lambda lonlat: lonlat * scale), dtype=object)
