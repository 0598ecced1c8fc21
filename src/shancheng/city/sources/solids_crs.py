"""Where coordinates of CityJSON and CityGML lie: how these formats name systems, order of axes, heights.

A name that a file gives is taken apart here and never handed to PROJ as it is: PROJ also reads files.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.errors import SourceFileError, UnknownCRSError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import SpaceSystem, space_system, to_lonlat
from shancheng.geo.geoid import undulation_m

__all__ = ["NamedSystem", "Placement", "given_system", "named_system"]

_CODE: Final = r"(EPSG|OGC|ESRI|IGNF)"
_URN: Final = re.compile(
    rf"(?:^urn:(?:x-)?ogc:def:|,)crs[:,](?:crs:)?{_CODE}:(?:[^:,]*:)?(\w+)", re.IGNORECASE
)
_URL: Final = re.compile(rf"https?://(?:www\.)?opengis\.net/def/crs/{_CODE}/[^/&]+/(\w+)", re.IGNORECASE)
_OLD_URL: Final = re.compile(r"https?://www\.opengis\.net/gml/srs/epsg\.xml#(\d+)", re.IGNORECASE)
_SHORT: Final = re.compile(rf"{_CODE}::?(\w+)(?:\+(\d+))?", re.IGNORECASE)
# Names of the German state surveys, registered by the AdV; their coordinates run east, north.
_ADV: Final = {
    "ETRS89_UTM31": 25831,
    "ETRS89_UTM32": 25832,
    "ETRS89_UTM33": 25833,
    "DE_DHDN_3GK2": 31466,
    "DE_DHDN_3GK3": 31467,
    "DE_DHDN_3GK4": 31468,
    "DE_DHDN_3GK5": 31469,
}
_ADV_HEIGHTS: Final = {"DE_DHHN92_NH": 5783, "DE_DHHN2016_NH": 7837}
_MARGIN_DEG: Final = 1.0
"""Real data reaches a little beyond where its system is meant for; farther away, it is in another one."""
_SAMPLE: Final = 1000
_ABSURD_M: Final = 1e9


@dataclass(frozen=True, slots=True)
class NamedSystem:
    """A system as PROJ knows it, and whether its name asks for the authority's order of axes.

    URNs and URLs do (OGC 09-048r5); short names such as ``EPSG:25832`` mean x before y by custom.
    """

    crs: str
    authority_order: bool


def named_system(text: str) -> NamedSystem | None:
    """The system that a file names; None where the name has none of the usual forms."""
    text = text.strip()
    for pattern in (_URN, _URL):
        codes = pattern.findall(text)
        if codes:
            first, rest = codes[0], codes[1:]
            return NamedSystem(
                "+".join([f"{first[0].upper()}:{first[1]}", *(code for _, code in rest)]), True
            )
    if old := _OLD_URL.fullmatch(text):
        return NamedSystem(f"EPSG:{old[1]}", authority_order=False)
    if short := _SHORT.fullmatch(text):
        height = f"+{short[3]}" if short[3] else ""
        return NamedSystem(f"{short[1].upper()}:{short[2]}{height}", authority_order=False)
    return _adv(text)


def given_system(text: str) -> NamedSystem:
    """The system that the user names, in any form that PROJ knows."""
    return named_system(text) or NamedSystem(text, authority_order=False)


def _adv(text: str) -> NamedSystem | None:
    prefix, _, name = text.partition("crs:")
    if prefix.lower() != "urn:adv:":
        return None
    place, _, height = name.partition("*")
    if place not in _ADV:
        return None
    code = _ADV_HEIGHTS.get(height)
    return NamedSystem(f"EPSG:{_ADV[place]}" + (f"+{code}" if code else ""), authority_order=False)


@dataclass(slots=True)
class Placement:
    """Takes coordinates of one system to WGS-84; the order of axes is settled by the first that it sees.

    Attributes:
        where: What to name in errors: the file.
        system: As the file or the user names it.
        x_first: Whether the format itself fixes x before y, as CityJSON does.
        remarks: What was settled and on what grounds, for the user.
    """

    where: str
    system: NamedSystem
    x_first: bool
    remarks: list[str] = field(default_factory=list)
    _space: SpaceSystem | None = None
    _swapped: bool | None = None

    def geodetic(self, xyz: FloatArray, handedness: Callable[[], int]) -> FloatArray:
        """Longitude, latitude and metres above the geoid.

        Args:
            xyz: As they stand in the file, shape (n, 3).
            handedness: Asked once, where two orders are possible: positive where solids have their faces
                outward with the first axis as x, negative with the second, 0 where nothing tells.

        Returns:
            Shape (n, 3); NaN where the system has no answer.

        Raises:
            UnknownCRSError: The system is not known, or the coordinates do not lie where it is used.
            SourceFileError: The axes are swapped in a format that fixes them.
        """
        space = self._known()
        if self._swapped is None:
            self._settle(xyz, space, handedness)
        x, y = (xyz[:, 1], xyz[:, 0]) if self._swapped else (xyz[:, 0], xyz[:, 1])
        lon, lat = to_lonlat(space.horizontal, x, y)
        with np.errstate(over="ignore"):
            elevation = xyz[:, 2] * space.height_to_m
        if space.ellipsoidal:
            elevation = elevation - undulation_m(lon, lat)
        # Beyond any height, but small enough to be computed with: what is absurd is refused by name later.
        elevation = np.where(np.isfinite(elevation), np.clip(elevation, -_ABSURD_M, _ABSURD_M), np.nan)
        return np.column_stack([lon, lat, elevation])

    def _known(self) -> SpaceSystem:
        if self._space is None:
            try:
                self._space = space_system(self.system.crs)
            except UnknownCRSError as error:
                raise UnknownCRSError(f"{self.where}: {error}") from error
            self.remarks.append(_heights_remark(self._space, self.system.crs))
        return self._space

    def _settle(self, xyz: FloatArray, space: SpaceSystem, handedness: Callable[[], int]) -> None:
        finite = xyz[np.isfinite(xyz).all(axis=1)]
        if len(finite) == 0:
            return
        sample = finite[:: max(1, len(finite) // _SAMPLE)]
        stated = not self.x_first and self.system.authority_order and space.north_first
        inside = {order: _lies_in(sample, space, swapped=order) for order in (stated, not stated)}
        if not any(inside.values()):
            raise UnknownCRSError(self._elsewhere(sample, space, swapped=stated))
        if not inside[stated]:
            self._refuse_swapped()
            self._swapped = not stated
            self.remarks.append(self._told("only in this order they lie where the system is used"))
        elif all(inside.values()) and space.north_first and not self.x_first and self._against(handedness()):
            self._swapped = not stated
            self.remarks.append(self._told("only in this order the solids have their faces outward"))
        else:
            self._swapped = stated

    def _against(self, handedness: int) -> bool:
        """Whether the solids speak against the order that the name asks for."""
        return handedness > 0 if self.system.authority_order else handedness < 0

    def _refuse_swapped(self) -> None:
        if self.x_first:
            raise SourceFileError(
                f"{self.where}: coordinates in {self.system.crs} have their axes swapped; "
                "needed: easting or longitude before northing or latitude, whatever the system says"
            )

    def _told(self, why: str) -> str:
        order = f"the {'second' if self._swapped else 'first'} axis of the coordinates was taken as x"
        return f"{self.system.crs}: {order}, against the order that its name asks for: {why}."

    def _elsewhere(self, sample: FloatArray, space: SpaceSystem, *, swapped: bool) -> str:
        lon, lat = _middle(sample, space, swapped=swapped)
        if not np.isfinite([lon, lat]).all():
            found = f"coordinates such as {sample[0, 0]:g}, {sample[0, 1]:g} are none of it"
        else:
            found = f"coordinates lie at longitude {lon:.3f}, latitude {lat:.3f}"
        used = "" if space.area is None else f", while it is used in {_shown(space.area)}"
        named = f"{self.where}: crs={self.system.crs} ({space.name})"
        return f"{named}: {found}{used}; give the right one with --crs"


def _heights_remark(space: SpaceSystem, crs: str) -> str:
    if space.vertical:
        return f"Heights above {space.vertical} are taken as heights above the geoid EGM96."
    if space.ellipsoidal:
        return f"Heights above the ellipsoid of {crs} are taken as heights above that of WGS-84."
    return f"{crs} says nothing of heights: they are taken as metres above the geoid EGM96."


def _lies_in(sample: FloatArray, space: SpaceSystem, *, swapped: bool) -> bool:
    """Whether the middle of the sample lies where the system is used."""
    lon, lat = _middle(sample, space, swapped=swapped)
    if not np.isfinite([lon, lat]).all():
        return False
    if space.area is None:
        return True
    area = space.area.expanded(_MARGIN_DEG)
    return area.west_deg <= lon <= area.east_deg and area.south_deg <= lat <= area.north_deg


def _middle(sample: FloatArray, space: SpaceSystem, *, swapped: bool) -> tuple[float, float]:
    x, y = (sample[:, 1], sample[:, 0]) if swapped else (sample[:, 0], sample[:, 1])
    lon, lat = to_lonlat(space.horizontal, x, y)
    # PROJ wraps a latitude beyond the pole; as it stands it is no latitude.
    wrong: npt.NDArray[np.bool_] = ~(np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90))  # noqa: PLR2004
    if wrong.mean() > 0.5:  # noqa: PLR2004
        return float("nan"), float("nan")
    return float(np.median(lon[~wrong])), float(np.median(lat[~wrong]))


def _shown(area: Bounds) -> str:
    return f"{area.west_deg:g} to {area.east_deg:g} E, {area.south_deg:g} to {area.north_deg:g} N"
