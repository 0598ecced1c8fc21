"""Where a file's coordinates lie: its system and datum, and the signs that they are another's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.errors import BoundsError, SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import MAX_LAT_DEG, MAX_LON_DEG, Bounds
from shancheng.geo.crs import LONLAT, System, from_lonlat, system, to_lonlat
from shancheng.geo.gcj02 import bd09_from_gcj02, gcj02_from_wgs84, wgs84_from_bd09, wgs84_from_gcj02

__all__ = ["DATUMS", "Placement", "placement"]

LonLat = tuple[FloatArray, FloatArray]
_WGS84: Final = "wgs84"
_INTO: Final[dict[str, Callable[[FloatArray, FloatArray], LonLat]]] = {
    "gcj02": wgs84_from_gcj02,
    "bd09": wgs84_from_bd09,
}
DATUMS: Final = (_WGS84, *_INTO)

# Systems are used a little beyond the area they are meant for; three zones of UTM are 18 degrees wide.
_NEAR_DEG: Final = 1.0
_FAR_DEG: Final = 10.0
_EDGE_SAMPLES: Final = 21
# The two Chinese datums bend a box by metres, not more.
_DATUM_MARGIN_DEG: Final = 0.001


@dataclass(frozen=True)
class Placement:
    """From a file's x and y to longitude and latitude.

    Attributes:
        crs: What names the system to PROJ.
        facts: Of that system.
        datum: One of `DATUMS`.
        where: Names the file in errors.
    """

    crs: str
    facts: System
    datum: str
    where: str

    @property
    def is_lonlat(self) -> bool:
        """Nothing has to be computed."""
        return self.facts.is_lonlat and self.datum == _WGS84

    def to_lonlat(self, x: FloatArray, y: FloatArray) -> LonLat:
        """WGS-84 longitude and latitude in degrees; NaN where the system has no answer."""
        lon, lat = (x, y) if self.facts.is_lonlat else to_lonlat(self.crs, x, y)
        return _INTO[self.datum](lon, lat) if self.datum in _INTO else (lon, lat)

    def box(self, bounds: Bounds) -> tuple[float, float, float, float]:
        """A box in the file's own coordinates that holds the bounds whole: xmin, ymin, xmax, ymax."""
        lon, lat = _edge(bounds)
        margin = 0.0
        if self.datum in _INTO:
            lon, lat = gcj02_from_wgs84(lon, lat)
            lon, lat = bd09_from_gcj02(lon, lat) if self.datum == "bd09" else (lon, lat)
            margin = _DATUM_MARGIN_DEG
        x, y = (lon, lat) if self.facts.is_lonlat else from_lonlat(self.crs, lon, lat)
        margin = margin if self.facts.in_degrees else 0.01 * float(np.hypot(np.ptp(x), np.ptp(y)))
        if not np.isfinite(x).all() or not np.isfinite(y).all():
            raise SourceFileError(
                f"{self.where}: the bounds asked for lie outside what {self.facts.name} can express"
            )
        return (
            float(x.min() - margin),
            float(y.min() - margin),
            float(x.max() + margin),
            float(y.max() + margin),
        )

    def check(self, x: FloatArray, y: FloatArray, asked: Bounds | None = None) -> None:
        """Refuse coordinates that cannot be this system's; nothing is turned round silently.

        Args:
            x: Middles of some features, as the file has them, shape (n,).
            y: The same.
            asked: Where the user expects data.

        Raises:
            SourceFileError: They look swapped, or belong to another system.
        """
        middle = _middle(x, y)
        if middle is None:
            return
        if self._lies_well(*middle):
            self._check_asked(x, y, asked)
            return
        if self._lies_well(*middle[::-1]):
            raise SourceFileError(f"{self.where}: {self._shown(*middle)}{_SWAPPED}")
        if self.facts.in_degrees and not _possible(*middle):
            raise SourceFileError(
                f"{self.where}: {self._shown(*middle)}: no longitude and latitude; "
                f"the file is not in {self.facts.name}: give the right system with --crs"
            )
        if not self._lies_well(*middle, _FAR_DEG):
            raise SourceFileError(
                f"{self.where}: {self._shown(*middle)}: far outside the area of {self.facts.name} "
                f"({_area_text(self.facts.area)}); give the right system with --crs"
            )

    def _check_asked(self, x: FloatArray, y: FloatArray, asked: Bounds | None) -> None:
        """Whole-world systems hide a swap; where the user says what he expects, it shows."""
        if asked is None:
            return
        near = asked.expanded(_NEAR_DEG)
        if not _inside(near, *self.to_lonlat(x, y)).any() and _inside(near, *self.to_lonlat(y, x)).all():
            raise SourceFileError(f"{self.where}: {self._shown(float(x[0]), float(y[0]))}{_SWAPPED}")

    def _lies_well(self, x: float, y: float, margin_deg: float = _NEAR_DEG) -> bool:
        if self.facts.in_degrees and not _possible(x, y):
            return False
        lon, lat = self.to_lonlat(np.array([x]), np.array([y]))
        if not (np.isfinite(lon[0]) and np.isfinite(lat[0])):
            return False
        area = self.facts.area
        return area is None or bool(_inside(area.expanded(margin_deg), lon, lat)[0])

    def _shown(self, x: float, y: float) -> str:
        names = ("lon", "lat") if self.facts.in_degrees else ("x", "y")
        return f"{names[0]}={x:.8g}, {names[1]}={y:.8g}"


_SWAPPED: Final = ": the axes look swapped; needed: x before y, longitude before latitude"


def placement(
    where: str, said: str | None, crs: str | None, datum: str = _WGS84, *, needed: str = ""
) -> Placement:
    """How to place a file's coordinates.

    Args:
        where: Names the file in errors.
        said: The system that the file names, None where it does not.
        crs: The system that the user names; it goes before the file's.
        datum: One of `DATUMS`. The two Chinese ones are longitude and latitude by themselves.
        needed: What the file lacks, for the error.

    Raises:
        SettingError: The datum is unknown, or stands beside a system in metres.
        UnknownCRSError: Neither names a system, or PROJ does not know it.
    """
    if datum not in DATUMS:
        raise SettingError(f"datum={datum!r}: must be one of {', '.join(DATUMS)}")
    chosen = crs or said or (LONLAT if datum in _INTO else None)
    if chosen is None:
        raise UnknownCRSError(
            f"{where}: {needed or 'does not say its reference system'}; name it with --crs, such as EPSG:4326"
        )
    try:
        facts = system(chosen)
    except UnknownCRSError as error:
        raise UnknownCRSError(f"{where}: {error}") from error
    if datum in _INTO and not facts.in_degrees:
        raise SettingError(
            f"datum={datum}: {where} is in {facts.name}, but this datum is of longitudes and latitudes; "
            "leave it out, or name the right system with --crs"
        )
    return Placement(chosen, facts, datum, where)


def _edge(bounds: Bounds) -> LonLat:
    t = np.linspace(0.0, 1.0, _EDGE_SAMPLES)
    zero, one = np.zeros_like(t), np.ones_like(t)
    u, v = np.concatenate([t, t, zero, one]), np.concatenate([zero, one, t, t])
    return bounds.west_deg + u * bounds.width_deg, bounds.south_deg + v * bounds.height_deg


def _middle(x: FloatArray, y: FloatArray) -> tuple[float, float] | None:
    """A feature in the middle of all; the median of each axis, which a few astray do not move."""
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return None
    return float(np.median(x[finite])), float(np.median(y[finite]))


def _possible(x: float, y: float) -> bool:
    return abs(x) <= MAX_LON_DEG and abs(y) <= MAX_LAT_DEG


def _inside(bounds: Bounds, lon: FloatArray, lat: FloatArray) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (lon >= bounds.west_deg)
            & (lon <= bounds.east_deg)
            & (lat >= bounds.south_deg)
            & (lat <= bounds.north_deg)
        )


def _area_text(area: Bounds | None) -> str:
    if area is None:
        raise BoundsError("no area: nothing lies outside it")
    return f"{area.west_deg:g} to {area.east_deg:g} E, {area.south_deg:g} to {area.north_deg:g} N"
