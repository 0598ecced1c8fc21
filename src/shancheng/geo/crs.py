"""Coordinate reference systems by name: the one place where transformers are made.

Always x, y and longitude, latitude, whatever order an authority prefers. PROJ is kept off the network, so a
transformation that would need a downloaded grid uses the best one without.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyproj
import pyproj.network
from pyproj.exceptions import CRSError, ProjError

from shancheng.errors import BoundsError, UnknownCRSError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import Bounds

LONLAT = "OGC:CRS84"
_NORTHWARD = ("north", "south")
_AXES_IN_SPACE = 3

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


@dataclass(frozen=True)
class System:
    """What a reader has to know of a system before it trusts coordinates in it.

    Attributes:
        name: As its authority calls it, with its code where it has one.
        in_degrees: Its coordinates are longitude and latitude in degrees.
        is_lonlat: It is WGS-84 itself: nothing has to be computed.
        area: Where it is meant to be used; None where that is not said.
    """

    name: str
    in_degrees: bool
    is_lonlat: bool
    area: Bounds | None


@lru_cache(maxsize=64)
def system(crs: str | int) -> System:
    """Facts of a system.

    Raises:
        UnknownCRSError: PROJ does not know it, or it is geocentric or local: no x and y on the ground.
    """
    found = _system(crs)
    flat = found.to_2d() if not found.is_geocentric else found
    if not (flat.is_projected or flat.is_geographic):
        raise UnknownCRSError(
            f"crs={_short(found, crs)}: neither projected nor longitude and latitude; give one like EPSG:4326"
        )
    degrees = flat.is_geographic and all(axis.unit_name == "degree" for axis in flat.axis_info)
    lonlat = bool(flat.equals(pyproj.CRS(LONLAT), ignore_axis_order=True))
    return System(_short(found, crs), bool(degrees), lonlat, _area(found))


def _short(found: pyproj.CRS, crs: str | int) -> str:
    authority = found.to_authority()
    named = ":".join(authority) if authority else str(crs)
    return found.name if len(named) > len("ESRI:1234567") else named


def _area(found: pyproj.CRS) -> Bounds | None:
    try:
        return Bounds(*found.area_of_use.bounds) if found.area_of_use else None
    except BoundsError:  # across the antimeridian
        return None


@dataclass(frozen=True, slots=True)
class SpaceSystem:
    """What a reader of coordinates in space has to know of their system: order of the axes, and heights.

    Attributes:
        name: Of the whole system, `Amersfoort / RD New + NAP height`.
        horizontal: Its horizontal part, as `to_lonlat` takes it.
        north_first: Whether its authority puts northing or latitude first.
        ellipsoidal: Whether its third axis is a height above the ellipsoid.
        vertical: Name of the system of heights above a geoid or sea level; empty where it has none.
        height_to_m: Metres in one unit of its heights; negative where they count down.
        area: Where it is meant to be used; None where that is not known or lies across the antimeridian.
    """

    name: str
    horizontal: str
    north_first: bool
    ellipsoidal: bool
    vertical: str
    height_to_m: float
    area: Bounds | None


@lru_cache(maxsize=64)
def space_system(crs: str | int) -> SpaceSystem:
    """Take a system apart into where and how high.

    Raises:
        UnknownCRSError: PROJ does not know it, or it has no horizontal part with two axes: a geocentric or a
            vertical system.
    """
    whole = _system(crs)
    parts = whole.sub_crs_list if whole.is_compound else [whole]
    flat = parts[0].source_crs if parts[0].is_bound and parts[0].source_crs else parts[0]
    if not (flat.is_geographic or flat.is_projected) or flat.is_geocentric:
        raise UnknownCRSError(
            f"crs={crs!r}: {whole.type_name} without easting and northing or longitude and latitude; "
            "needed: a projected or geographic system"
        )
    upward = parts[1] if len(parts) > 1 else None
    height = (upward or flat).axis_info[-1]
    in_space = upward is not None or len(flat.axis_info) == _AXES_IN_SPACE
    factor = float(height.unit_conversion_factor) if in_space else 1.0
    return SpaceSystem(
        name=whole.name,
        horizontal=parts[0].to_2d().to_wkt(),
        north_first=flat.axis_info[0].direction in _NORTHWARD
        and flat.axis_info[1].direction not in _NORTHWARD,
        ellipsoidal=upward is None and in_space,
        vertical=upward.name if upward is not None else "",
        height_to_m=-factor if height.direction == "down" else factor,
        area=_area(flat),
    )


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
