"""The two obfuscated systems of Chinese web maps, GCJ-02 and BD-09, to and from WGS-84.

Convert at the boundary of a source, never later. Outside the box that the published code draws around China,
GCJ-02 is WGS-84; within a kilometre of that box's edge the two cannot be told apart, and no round trip is
promised. BD-09 is defined everywhere, on top of GCJ-02.

Source:
    The published constants and polynomials of `eviltransform`, `coordtransform` and their kin; the inverses
    are fixed-point iterations of the forward functions instead of the usual one-step estimates.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shancheng.geo.arrays import FloatArray

LonLat = tuple[FloatArray, FloatArray]

# The obfuscation is defined on the Krasovsky 1940 ellipsoid.
_SEMI_MAJOR_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_CHINA_LON_DEG = (72.004, 137.8347)
_CHINA_LAT_DEG = (0.8293, 55.8271)
_BD09_FREQUENCY = np.pi * 3000.0 / 180.0
_BD09_SHIFT_DEG = (0.0065, 0.006)
# Each round gains about two digits: the offset changes by less than 1 % of a step.
_INVERSE_ROUNDS = 10


def gcj02_from_wgs84(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> LonLat:
    """Longitude and latitude in GCJ-02 of WGS-84 points, any shape, degrees."""
    lon, lat = _float_pair(lon_deg, lat_deg)
    dlon, dlat = _offset_deg(lon, lat)
    inside = _in_china(lon, lat)
    return np.where(inside, lon + dlon, lon), np.where(inside, lat + dlat, lat)


def wgs84_from_gcj02(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> LonLat:
    """Longitude and latitude in WGS-84 of GCJ-02 points, any shape, degrees; within 1e-9 degree."""
    lon, lat = _float_pair(lon_deg, lat_deg)
    inside = _in_china(lon, lat)
    wgs_lon, wgs_lat = _invert(lambda x, y: (x + _offset_deg(x, y)[0], y + _offset_deg(x, y)[1]), lon, lat)
    return np.where(inside, wgs_lon, lon), np.where(inside, wgs_lat, lat)


def bd09_from_gcj02(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> LonLat:
    """Longitude and latitude in BD-09 of GCJ-02 points, any shape, degrees."""
    lon, lat = _float_pair(lon_deg, lat_deg)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD09_FREQUENCY)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD09_FREQUENCY)
    return radius * np.cos(angle) + _BD09_SHIFT_DEG[0], radius * np.sin(angle) + _BD09_SHIFT_DEG[1]


def gcj02_from_bd09(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> LonLat:
    """Longitude and latitude in GCJ-02 of BD-09 points, any shape, degrees; within 1e-9 degree."""
    lon, lat = _float_pair(lon_deg, lat_deg)
    return _invert(bd09_from_gcj02, lon, lat)


def wgs84_from_bd09(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> LonLat:
    """Longitude and latitude in WGS-84 of BD-09 points, any shape, degrees."""
    return wgs84_from_gcj02(*gcj02_from_bd09(lon_deg, lat_deg))


def _float_pair(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> LonLat:
    lon, lat = np.broadcast_arrays(
        np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    )
    return lon, lat


def _in_china(lon_deg: FloatArray, lat_deg: FloatArray) -> npt.NDArray[np.bool_]:
    west, east = _CHINA_LON_DEG
    south, north = _CHINA_LAT_DEG
    return (lon_deg >= west) & (lon_deg <= east) & (lat_deg >= south) & (lat_deg <= north)


def _invert(forward: Callable[[FloatArray, FloatArray], LonLat], lon: FloatArray, lat: FloatArray) -> LonLat:
    """The point that ``forward`` moves to (lon, lat)."""
    x, y = lon, lat
    for _ in range(_INVERSE_ROUNDS):
        image_x, image_y = forward(x, y)
        x, y = x + (lon - image_x), y + (lat - image_y)
    return x, y


def _offset_deg(lon_deg: FloatArray, lat_deg: FloatArray) -> LonLat:
    """How far GCJ-02 moves WGS-84 points, as if they all lay in China."""
    x, y = lon_deg - 105.0, lat_deg - 35.0
    common = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    root = np.sqrt(np.abs(x))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north_m = north_m + _waves(y, (20.0, 1.0), (40.0, 3.0)) + _waves(y, (160.0, 12.0), (320.0, 30.0))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east_m = east_m + _waves(x, (20.0, 1.0), (40.0, 3.0)) + _waves(x, (150.0, 12.0), (300.0, 30.0))
    lat = np.radians(lat_deg)
    w2 = 1.0 - _ECCENTRICITY_SQUARED * np.sin(lat) ** 2
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / (w2 * np.sqrt(w2))
    parallel_m = _SEMI_MAJOR_M / np.sqrt(w2) * np.cos(lat)
    return np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)


def _waves(value: FloatArray, *terms: tuple[float, float]) -> FloatArray:
    """Two thirds of the sum of ``amplitude * sin(value * pi / divisor)``."""
    total = np.zeros_like(value)
    for amplitude, divisor in terms:
        total = total + amplitude * np.sin(value * np.pi / divisor)
    return total * 2.0 / 3.0
