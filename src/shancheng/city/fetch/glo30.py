"""Copernicus GLO-30: elevations of the whole Earth at about 30 m, one Cloud Optimized GeoTIFF a degree."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from shancheng.city.fetch.base import Endpoints, Fetched
from shancheng.city.fetch.download import download
from shancheng.city.fetch.http import Pool
from shancheng.city.terrain import write_terrain
from shancheng.errors import MissingDownloadError, SettingError
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from shancheng.progress import Progress

__all__ = ["fetch_glo30", "tile_names"]

LICENCE: Final = "Copernicus DEM licence (GLO-30: free, credit due)"
ATTRIBUTION: Final = (
    "© DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH 2014-2018, provided under COPERNICUS by the "
    "European Union and ESA; all rights reserved"
)
_LIMIT_BYTES: Final = 256 << 20
_MOST_TILES: Final = 36
_MARGIN_DEG: Final = 0.002
_SEA_STEPS: Final = 64


def fetch_glo30(
    extent: Bounds, folder: Path, endpoints: Endpoints, pool: Pool, progress: Progress
) -> Fetched:
    """Download the tiles under an extent.

    Args:
        extent: Of the city's elevations.
        folder: Where downloads go.
        endpoints: Of the publisher.
        pool: Sends the requests.
        progress: Told how far it is.

    Raises:
        SettingError: The extent takes too many tiles.
        DownloadError: They cannot be had.

    Source:
        “Copernicus DEM Product Handbook”, 5.0, section 3, file names; the heights are above EGM2008.
    """
    tiles = list(tile_names(extent))
    if len(tiles) > _MOST_TILES:
        raise SettingError(
            f"dem=glo30: the extent takes {len(tiles)} tiles, at most {_MOST_TILES} are fetched"
        )
    paths = [_tile(tile, folder, endpoints, pool, progress) for tile in tiles]
    return Fetched(
        "elevation",
        tuple(paths),
        licence=LICENCE,
        attribution=ATTRIBUTION,
        date=datetime.now(UTC).date().isoformat(),
        notes="Surface heights, roofs and treetops included; above EGM2008, taken as EGM96 (within 1 m).",
    )


def tile_names(extent: Bounds) -> Iterator[tuple[str, int, int]]:
    """Name, south and west of the tiles that meet an extent and a little around it."""
    south, north = (
        math.floor(edge) for edge in (extent.south_deg - _MARGIN_DEG, extent.north_deg + _MARGIN_DEG)
    )
    west, east = (math.floor(edge) for edge in (extent.west_deg - _MARGIN_DEG, extent.east_deg + _MARGIN_DEG))
    for lat in range(south, north + 1):
        for lon in range(west, east + 1):
            ns, ew = "N" if lat >= 0 else "S", "E" if lon >= 0 else "W"
            yield f"Copernicus_DSM_COG_10_{ns}{abs(lat):02d}_00_{ew}{abs(lon):03d}_00_DEM", lat, lon


def _tile(
    tile: tuple[str, int, int], folder: Path, endpoints: Endpoints, pool: Pool, progress: Progress
) -> Path:
    name, south, west = tile
    path = folder / f"{name}.tif"
    try:
        return download(f"{endpoints.glo30}/{name}/{name}.tif", path, pool, progress, limit=_LIMIT_BYTES)
    except MissingDownloadError:
        return _sea(folder / f"{name}_sea.tif", south, west)


def _sea(path: Path, south: int, west: int) -> Path:
    """Level water: there are no tiles where there is no land."""
    step = 1 / _SEA_STEPS
    values = np.zeros((_SEA_STEPS + 1, _SEA_STEPS + 1), dtype=np.float32)
    write_terrain(path, Raster(values, float(west), float(south + 1), step, step))
    return path
