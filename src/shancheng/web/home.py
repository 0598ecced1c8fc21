"""The first view of a city whose folder names none: all of it, from the south, at a slant."""

import math
from typing import Final

from shancheng.geo.bounds import Bounds
from shancheng.web.models import Home

__all__ = ["default_home"]

AZIMUTH_DEG: Final = 0.0
PITCH_DEG: Final = -35.0
METRES_PER_DEGREE: Final = 111_320.0
# With the viewer's 45 degrees of sight the whole extent is in the picture, and little around it.
DISTANCE_PER_DIAGONAL: Final = 0.9
SHORTEST_M: Final = 300.0


def default_home(extent: Bounds, ground_m: float) -> Home:
    """A view of the whole extent.

    Args:
        extent: The city's extent.
        ground_m: Ellipsoidal height of the ground at the extent's centre.
    """
    lon, lat = extent.centre
    width_m = extent.width_deg * METRES_PER_DEGREE * math.cos(math.radians(lat))
    height_m = extent.height_deg * METRES_PER_DEGREE
    distance_m = max(DISTANCE_PER_DIAGONAL * math.hypot(width_m, height_m), SHORTEST_M)
    return Home(
        lon=lon,
        lat=lat,
        ellipsoidal_height_m=ground_m,
        azimuth_deg=AZIMUTH_DEG,
        pitch_deg=PITCH_DEG,
        distance_m=distance_m,
    )
