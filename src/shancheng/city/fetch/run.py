"""Fetching what a user asks for, one publisher after another; reading and adding it is left to the caller."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shancheng.city.fetch.base import Endpoints, Fetched
from shancheng.city.fetch.glo30 import fetch_glo30
from shancheng.city.fetch.http import Pool
from shancheng.city.fetch.overpass import fetch_osm
from shancheng.city.fetch.overture import fetch_overture
from shancheng.errors import SettingError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["BUILDINGS", "DEMS", "Wanted", "fetch"]

BUILDINGS: Final = ("overture", "osm")
DEMS: Final = ("glo30",)


@dataclass(frozen=True)
class Wanted:
    """What to fetch; None for what is not asked for.

    Attributes:
        buildings: One of `BUILDINGS`; with them come the other layers that the publisher has.
        dem: One of `DEMS`.
        release: Of Overture; the newest where it is left out.
    """

    buildings: str | None = None
    dem: str | None = None
    release: str | None = None


def fetch(
    wanted: Wanted, extent: Bounds, folder: Path, endpoints: Endpoints, pool: Pool, progress: Progress
) -> list[Fetched]:
    """Download all that is wanted for an extent; what is there already is not asked for again.

    Args:
        wanted: What to fetch.
        extent: Of the city.
        folder: Where downloads are kept; made when missing.
        endpoints: Of the publishers.
        pool: Sends the requests.
        progress: Told how far it is.

    Raises:
        SettingError: Nothing is wanted, a publisher is not known, or the extent is too large for one.
        DownloadError: Something cannot be had; what came so far stays, and the next call goes on.
        DiskFullError, StorageError: It cannot be written.
    """
    _check(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    if wanted.dem is not None:
        found.append(fetch_glo30(extent, folder / "glo30", endpoints, pool, progress))
    if wanted.buildings == "overture":
        place, release = folder / "overture", wanted.release
        found.append(fetch_overture(extent, place, endpoints, pool, progress, release=release))
    if wanted.buildings == "osm":
        (folder / "osm").mkdir(exist_ok=True)
        found.append(fetch_osm(extent, folder / "osm", endpoints, pool, progress))
    return found


def _check(wanted: Wanted) -> None:
    if wanted.buildings is None and wanted.dem is None:
        raise SettingError("nothing to fetch; give --buildings overture, --buildings osm or --dem glo30")
    for name, value, known in (("buildings", wanted.buildings, BUILDINGS), ("dem", wanted.dem, DEMS)):
        if value is not None and value not in known:
            raise SettingError(f"{name}={value}: must be {' or '.join(known)}")
