"""OpenStreetMap of an extent, by the Overpass API: one file of everything that has a part in it."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from shancheng.city.fetch.base import Endpoints, Fetched
from shancheng.city.fetch.download import next_block, storing
from shancheng.city.fetch.http import LINE_ERRORS, Pool, reason
from shancheng.db.files import write_atomically
from shancheng.errors import DownloadError, SettingError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["fetch_osm"]

_LIMIT_BYTES: Final = 2 << 30
_MOST_DEG2: Final = 1.0
_END: Final = b"</osm>"
_TIMEOUT_S: Final = 600


def fetch_osm(extent: Bounds, folder: Path, endpoints: Endpoints, pool: Pool, progress: Progress) -> Fetched:
    """Download OpenStreetMap's features of an extent.

    The answer is made while it is sent: it cannot be resumed, and a broken one is asked for again from its
    beginning. It is taken as whole when it ends as it should and the server has not added a complaint.

    Raises:
        SettingError: The extent is too large for this service.
        DownloadError: The service refuses, or the line keeps breaking.

    Source:
        OpenStreetMap wiki, “Overpass API/Overpass QL”.
    """
    if extent.width_deg * extent.height_deg > _MOST_DEG2:
        raise SettingError(
            f"buildings=osm: {extent.width_deg:.2f} × {extent.height_deg:.2f} degrees are too many for "
            "Overpass; download an extract (.osm.pbf) and add it: shancheng city add CITY osm FILE"
        )
    path = folder / "osm.osm"
    if not path.exists():
        body = _query(extent)
        write_atomically(path, lambda part: _receive(endpoints.overpass, body, part, pool, progress))
    return Fetched(
        "osm",
        (path,),
        licence="ODbL-1.0",
        attribution="© OpenStreetMap contributors",
        date=datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat(),
    )


def _query(extent: Bounds) -> bytes:
    box = f"{extent.south_deg:.7f},{extent.west_deg:.7f},{extent.north_deg:.7f},{extent.east_deg:.7f}"
    head = f"[out:xml][timeout:{_TIMEOUT_S}][maxsize:{_LIMIT_BYTES}][bbox:{box}];"
    # Nodes, ways and relations of the box, then what these are made of.
    return (head + "(node;<;);(._;>;);out meta;").encode()


def _receive(url: str, body: bytes, part: Path, pool: Pool, progress: Progress) -> None:
    for last, wait in pool.attempts():
        try:
            _try(url, body, part, pool, progress)
        except LINE_ERRORS as error:
            if last:
                raise DownloadError(f"{url}: {reason(error)}; tried {pool.tries} times") from error
            time.sleep(wait)
        else:
            return


def _try(url: str, body: bytes, part: Path, pool: Pool, progress: Progress) -> None:
    size, tail = 0, b""
    with (
        pool.stream(url, {"Content-Type": "text/plain"}, body) as answer,
        storing(part),
        part.open("wb") as file,
    ):
        while block := next_block(answer):
            size += len(block)
            if size > _LIMIT_BYTES:
                raise DownloadError(f"{url}: sends more than {_LIMIT_BYTES:,} bytes")
            file.write(block)
            tail = (tail + block)[-4096:]
            progress.step(f"downloading OpenStreetMap: {size >> 20} MB")
    if b"<remark>" in tail:
        words = tail.partition(b"<remark>")[2].partition(b"</remark>")[0].decode("utf-8", "replace").strip()
        raise DownloadError(f"{url}: {words}")
    if not tail.rstrip().endswith(_END):
        raise ConnectionError(f"the line broke after {size:,} bytes")
