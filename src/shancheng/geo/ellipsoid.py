"""The WGS-84 ellipsoid: geodetic coordinates to and from ECEF, and the local axes at a point.

Everything here is exact to float64 and vectorised; `geo/frame.py` has the fast path for many near points.

Source:
    NIMA TR8350.2, table 3.1 (WGS-84 defining parameters).
"""

import numpy as np
import numpy.typing as npt

from shancheng.geo.arrays import FloatArray

SEMI_MAJOR_M = 6378137.0
FLATTENING = 1.0 / 298.257223563
SEMI_MINOR_M = SEMI_MAJOR_M * (1.0 - FLATTENING)
ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)
SECOND_ECCENTRICITY_SQUARED = ECCENTRICITY_SQUARED / (1.0 - ECCENTRICITY_SQUARED)

# Three rounds reach float64's limit from the Earth's core to beyond the geostationary orbit.
_LATITUDE_ROUNDS = 3


def ecef_from_geodetic(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, ellipsoidal_height_m: npt.ArrayLike
) -> FloatArray:
    """Earth-centred coordinates of geodetic points.

    Args:
        lon_deg: Longitudes, any shape that broadcasts with the others.
        lat_deg: Geodetic latitudes.
        ellipsoidal_height_m: Heights above the ellipsoid.

    Returns:
        ECEF x, y, z in metres, shape (..., 3).
    """
    lon = np.radians(np.asarray(lon_deg, dtype=np.float64))
    lat = np.radians(np.asarray(lat_deg, dtype=np.float64))
    height = np.asarray(ellipsoidal_height_m, dtype=np.float64)
    lon, lat, height = np.broadcast_arrays(lon, lat, height)
    normal_m = SEMI_MAJOR_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    axis_distance = (normal_m + height) * np.cos(lat)
    z = (normal_m * (1.0 - ECCENTRICITY_SQUARED) + height) * np.sin(lat)
    return np.stack((axis_distance * np.cos(lon), axis_distance * np.sin(lon), z), axis=-1)


def geodetic_from_ecef(ecef: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Geodetic coordinates of Earth-centred points.

    Args:
        ecef: x, y, z in metres, shape (..., 3).

    Returns:
        Longitude in degrees (-180 to 180), latitude in degrees and height above the ellipsoid in metres, each
        of shape (...).

    Source:
        B. R. Bowring, Transformation from spatial to geographical coordinates, Survey Review 23 (1976),
        iterated.
    """
    xyz = np.asarray(ecef, dtype=np.float64)
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    axis_distance = np.hypot(x, y)
    reduced = np.arctan2(z, (1.0 - FLATTENING) * axis_distance)
    lat = reduced
    for _ in range(_LATITUDE_ROUNDS):
        lat = np.arctan2(
            z + SECOND_ECCENTRICITY_SQUARED * SEMI_MINOR_M * np.sin(reduced) ** 3,
            axis_distance - ECCENTRICITY_SQUARED * SEMI_MAJOR_M * np.cos(reduced) ** 3,
        )
        reduced = np.arctan2((1.0 - FLATTENING) * np.sin(lat), np.cos(lat))
    # This form of the height has no division by cos(lat), so it holds at the poles.
    height = (
        axis_distance * np.cos(lat)
        + z * np.sin(lat)
        - SEMI_MAJOR_M * np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    )
    return np.degrees(np.arctan2(y, x)), np.degrees(lat), height


def ecef_from_enu_rotation(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> FloatArray:
    """Rotation from local east, north, up to ECEF.

    Args:
        lon_deg: Longitudes of the local origins.
        lat_deg: Geodetic latitudes of the local origins.

    Returns:
        Matrices of shape (..., 3, 3) whose columns are the east, north and up unit vectors in ECEF:
        ``vector_ecef = ecef_from_enu @ vector_enu``.
    """
    lon, lat = np.broadcast_arrays(
        np.radians(np.asarray(lon_deg, dtype=np.float64)), np.radians(np.asarray(lat_deg, dtype=np.float64))
    )
    sin_lon, cos_lon, sin_lat, cos_lat = np.sin(lon), np.cos(lon), np.sin(lat), np.cos(lat)
    east = np.stack((-sin_lon, cos_lon, np.zeros_like(lon)), axis=-1)
    north = np.stack((-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat), axis=-1)
    up = np.stack((cos_lat * cos_lon, cos_lat * sin_lon, sin_lat), axis=-1)
    return np.stack((east, north, up), axis=-1)
