"""Coordinate reference systems by name: the one place where transformers are made.

Always x, y and longitude, latitude, whatever order an authority prefers. PROJ is kept off the network, so a
transformation that would need a downloaded grid uses the best one without.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyproj
import pyproj.network
from pyproj.exceptions import CRSError, ProjError

from shancheng.errors import UnknownCRSError
from shancheng.geo.arrays import FloatArray

LONLAT = "OGC:CRS84"

pyproj.network.set_network_enabled(active=False)  # type: ignore[attr-defined]  # not in its __all__


def to_lonlat(crs: str | int, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """WGS-84 longitude and latitude of points in any system.

    Args:
        crs: What names a system to PROJ: "EPSG:2056", 2056, WKT, a PROJ string.
        x: Eastings or longitudes, in the system's unit.
        y: Northings or latitudes.

    Returns:
        Longitude and latitude in degrees; NaN where the system has no answer.

    Raises:
        UnknownCRSError: PROJ does not know ``crs``, or cannot get from it to longitude and latitude.
    """
    return _apply(transformer(crs, LONLAT), x, y)


def from_lonlat(
    crs: str | int, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Coordinates x, y in ``crs`` of WGS-84 points; the inverse of `to_lonlat`, with the same errors."""
    return _apply(transformer(LONLAT, crs), lon_deg, lat_deg)


@lru_cache(maxsize=64)
def transformer(source: str | int, target: str | int) -> pyproj.Transformer:
    """A transformer from one system to another, x before y on both sides; it may be used by many threads.

    Raises:
        UnknownCRSError: PROJ does not know one of them, or finds no way between them.
    """
    systems = (_system(source), _system(target))
    try:
        return pyproj.Transformer.from_crs(*systems, always_xy=True)
    except ProjError as error:
        raise UnknownCRSError(f"no transformation from {source!r} to {target!r}: {error}") from error


def _system(crs: str | int) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise UnknownCRSError(f"crs={crs!r}: not a known system; give one like EPSG:4326") from error


def _apply(change: pyproj.Transformer, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    x_in, y_in = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    out_x, out_y = (np.asarray(values, dtype=np.float64) for values in change.transform(x_in, y_in))
    # PROJ says "no answer" with infinity.
    lost = ~(np.isfinite(out_x) & np.isfinite(out_y))
    return np.where(lost, np.nan, out_x), np.where(lost, np.nan, out_y)
