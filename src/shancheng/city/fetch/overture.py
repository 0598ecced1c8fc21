"""Overture Maps from its public bucket: of each file only the row groups that lie in the extent.

What was brought is kept file by file below ``FOLDER/<release>/``, in the publisher's own layout, so that a
second call goes on where the first stopped, and the source ``overture`` reads the folder as it is.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shancheng.city.fetch.base import Endpoints, Fetched
from shancheng.city.fetch.http import Pool
from shancheng.city.fetch.range_file import RangeFile
from shancheng.city.sources.base import SourceOptions
from shancheng.city.sources.overture_files import wanted_types
from shancheng.db.files import write_atomically
from shancheng.errors import DownloadError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["fetch_overture", "newest_release"]

_LIST_BYTES: Final = 16 << 20
_MOST_FILES: Final = 20_000
_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")


def fetch_overture(
    extent: Bounds,
    folder: Path,
    endpoints: Endpoints,
    pool: Pool,
    progress: Progress,
    *,
    types: Sequence[tuple[str, str]] | None = None,
    release: str | None = None,
) -> Fetched:
    """Download what lies in an extent.

    Args:
        extent: In degrees.
        folder: Where downloads go.
        endpoints: Of the publisher.
        pool: Sends the requests.
        progress: Told how far it is.
        types: Theme and type of what is wanted; all that the source reads where it is left out.
        release: Such as ``2026-10-21.0``; the newest where it is left out.

    Raises:
        DownloadError: The bucket refuses, or holds something else.
    """
    chosen = release or newest_release(endpoints, pool)
    for theme, kind in wanted_types() if types is None else types:
        keys = list(_keys(endpoints, pool, f"release/{chosen}/theme={theme}/type={kind}/"))
        for number, key in enumerate(keys):
            progress.step(f"Overture {kind}: file {number + 1} of {len(keys)}", number / len(keys))
            local = folder / chosen / f"theme={theme}" / f"type={kind}" / Path(key).name
            if not local.exists():
                local.parent.mkdir(parents=True, exist_ok=True)
                table = _rows_inside(f"{endpoints.overture}/{quote(key)}", pool, extent)
                write_atomically(local, partial(pq.write_table, table))
    return Fetched(
        "overture",
        (folder / chosen,),
        licence="ODbL-1.0 and CDLA-Permissive-2.0, by row: see each row's source",
        attribution="© OpenStreetMap contributors, Overture Maps Foundation",
        date=chosen.partition(".")[0],
        options=SourceOptions(bounds=extent),
    )


def newest_release(endpoints: Endpoints, pool: Pool) -> str:
    """Name of the newest release in the bucket."""
    prefixes = [name for page in _pages(endpoints, pool, "release/", delimiter="/") for name in page[1]]
    names = sorted(name.removeprefix("release/").rstrip("/") for name in prefixes)
    if not names:
        raise DownloadError(f"{endpoints.overture}: lists no release; needed: a bucket of Overture Maps")
    return names[-1]


# The listing


def _keys(endpoints: Endpoints, pool: Pool, prefix: str) -> Iterator[str]:
    found = 0
    for keys, _ in _pages(endpoints, pool, prefix):
        for key in keys:
            if key.endswith(".parquet") and key.startswith(prefix) and "/" not in key[len(prefix) :]:
                found += 1
                yield key
    if found == 0:
        raise DownloadError(f"{endpoints.overture}/{prefix}: holds no Parquet file")


def _pages(
    endpoints: Endpoints, pool: Pool, prefix: str, *, delimiter: str = ""
) -> Iterator[tuple[list[str], list[str]]]:
    """Keys and common prefixes of the listing, page by page.

    Source:
        Amazon S3 API reference, ListObjectsV2.
    """
    token, seen = "", 0
    while True:
        url = f"{endpoints.overture}/?list-type=2&prefix={quote(prefix, safe='')}"
        url += f"&delimiter={quote(delimiter, safe='')}" if delimiter else ""
        url += f"&continuation-token={quote(token, safe='')}" if token else ""
        root = _parse(url, pool.read(url, limit=_LIST_BYTES)[0])
        keys = [entry.text or "" for entry in root.iterfind("./{*}Contents/{*}Key")]
        prefixes = [entry.text or "" for entry in root.iterfind("./{*}CommonPrefixes/{*}Prefix")]
        yield keys, prefixes
        seen += len(keys) + len(prefixes)
        token = root.findtext("./{*}NextContinuationToken") or ""
        if not token or not (keys or prefixes):
            return
        if seen > _MOST_FILES:
            raise DownloadError(f"{endpoints.overture}/{prefix}: lists more than {_MOST_FILES:,} files")


def _parse(url: str, content: bytes) -> Any:  # noqa: ANN401 - an Element
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DownloadError(f"{url}: the listing holds a DOCTYPE, which none does")
    try:
        return ET.fromstring(content)  # noqa: S314 - no DOCTYPE, so no entities
    except ET.ParseError as error:
        raise DownloadError(f"{url}: no listing of a bucket: {error}") from error


# The rows


def _rows_inside(url: str, pool: Pool, extent: Bounds) -> pa.Table:
    """Rows of a remote file whose boxes meet the extent."""
    try:
        with pq.ParquetFile(pa.PythonFile(RangeFile(url, pool), mode="r")) as file:
            groups = [row for row in range(file.num_row_groups) if _meets(file, row, extent)]
            table = file.read_row_groups(groups) if groups else file.schema_arrow.empty_table()
        return table.filter(pa.array(_inside(table, extent)))
    except (pa.ArrowException, KeyError, TypeError) as error:
        raise DownloadError(f"{url}: not a file of Overture Maps: {error}") from error


def _meets(file: pq.ParquetFile, group: int, extent: Bounds) -> bool:
    """Whether a row group may hold something of the extent, by its statistics."""
    meta = file.metadata.row_group(group)
    places = {meta.column(number).path_in_schema: number for number in range(meta.num_columns)}
    wanted = {
        "xmin": ("min", extent.east_deg, -1.0),
        "ymin": ("min", extent.north_deg, -1.0),
        "xmax": ("max", extent.west_deg, 1.0),
        "ymax": ("max", extent.south_deg, 1.0),
    }
    for edge, (end, limit, sign) in wanted.items():
        place = places.get(f"bbox.{edge}")
        statistics = None if place is None else meta.column(place).statistics
        if (
            statistics is not None
            and statistics.has_min_max
            and sign * getattr(statistics, end) < sign * limit
        ):
            return False
    return True


def _inside(table: pa.Table, extent: Bounds) -> Any:  # noqa: ANN401 - a mask
    boxes: Any = table.column("bbox")
    xmin, ymin, xmax, ymax = (pc.struct_field(boxes, edge).to_numpy() for edge in _EDGES)
    meets_lon = (xmin <= extent.east_deg) & (xmax >= extent.west_deg)
    return np.asarray(meets_lon & (ymin <= extent.north_deg) & (ymax >= extent.south_deg), dtype=bool)
