"""Elevations in the colours of web map tiles: Terrarium and Terrain-RGB, one picture or a folder of them.

Both lie in Web Mercator. Of a folder the finest zoom that covers the wanted area is taken.
"""

import math
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from rasterio.transform import Affine

from shancheng.city.sources.dem_file import ENCODINGS, MAX_ZOOM, TERRARIUM, DemFile, Tile
from shancheng.errors import CoverageError, SourceFileError
from shancheng.geo.bounds import Bounds

__all__ = ["CRS", "read_tiles"]

CRS: Final = "EPSG:3857"
_HALF_M: Final = math.pi * 6_378_137.0
_SIDES: Final = (256, 512, 1024)
_SUFFIXES: Final = (".png", ".webp")
_MAX_TILES: Final = 1024
_MAX_BYTES: Final = 8 << 20
_MAX_LAT: Final = 85.0511
"""Where the square of Web Mercator ends."""

Values = npt.NDArray[np.float32]


def read_tiles(dem: DemFile, area: Bounds) -> tuple[Values, Affine]:
    """Read a picture, or those of a folder that meet an area.

    Args:
        dem: With its ``encoding``; with its ``tile`` where it is one picture.
        area: What is wanted of a folder.

    Returns:
        Metres, row 0 in the north, NaN where a tile is missing or a value is none; and the transform of pixel
        corners in Web Mercator.

    Raises:
        SourceFileError: A picture is damaged, or does not say where it lies or what its colours mean.
        CoverageError: A folder has no tile there.

    Source:
        Mapzen, “Terrain Tiles”, Terrarium; Mapbox, “Terrain-RGB v1”.
    """
    if dem.encoding is None:
        words = " or ".join(f"encoding={name}" for name in ENCODINGS)
        raise SourceFileError(f"{dem.path}: a picture does not say what its colours mean; add ,{words}")
    if dem.path.is_dir():
        return _read_folder(dem.path, dem.encoding, area)
    tile = dem.tile or _tile_of(dem.path)
    if tile is None:
        raise SourceFileError(f"{dem.path}: does not say where it lies; add ,tile=zoom/column/row")
    values = _read(dem.path, dem.encoding)
    return values, _transform(tile, values.shape[1])


def _tile_of(path: Path) -> Tile | None:
    """Zoom, column and row where the path ends in them, as tile servers lay them out."""
    words = path.with_suffix("").parts[-3:]
    if len(words) < 3 or not all(word.isdecimal() and len(word) < 9 for word in words):  # noqa: PLR2004
        return None
    zoom, column, row = (int(word) for word in words)
    return (zoom, column, row) if zoom <= MAX_ZOOM and max(column, row) < 2**zoom else None


def _read(path: Path, encoding: str) -> Values:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SourceFileError(f"{path}: {path.stat().st_size} bytes; a tile has at most {_MAX_BYTES}")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "WEBP")) as picture:
                if picture.width != picture.height or picture.width not in _SIDES:
                    shown = f"{picture.width} × {picture.height} pixels"
                    raise SourceFileError(f"{path}: {shown}; a tile has {_SIDES} on each side")
                pixels = np.asarray(picture.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning) as error:
        raise SourceFileError(f"{path}: cannot be read as a PNG or WebP tile ({error})") from error
    return _decode(pixels, encoding)


def _decode(pixels: npt.NDArray[np.uint8], encoding: str) -> Values:
    """Metres from colours; NaN where the pixel is transparent or has the colour of no data, black."""
    red, green, blue, alpha = (pixels[..., band].astype(np.float64) for band in range(4))
    if encoding == TERRARIUM:
        metres = red * 256 + green + blue / 256 - 32768
    else:
        metres = (red * 65536 + green * 256 + blue) * 0.1 - 10000
    void = (alpha == 0) | (red + green + blue == 0)
    return np.where(void, np.nan, metres).astype(np.float32)


def _transform(tile: Tile, side: int) -> Affine:
    zoom, column, row = tile
    span = 2 * _HALF_M / 2**zoom
    step = span / side
    return Affine(step, 0.0, -_HALF_M + column * span, 0.0, -step, _HALF_M - row * span)


# Folders


def _read_folder(folder: Path, encoding: str, area: Bounds) -> tuple[Values, Affine]:
    zooms = sorted((int(p.name) for p in folder.iterdir() if p.is_dir() and p.name.isdecimal()), reverse=True)
    for zoom in (zoom for zoom in zooms if zoom <= MAX_ZOOM):
        columns, rows = _span(area, zoom)
        if len(columns) * len(rows) > _MAX_TILES:
            continue
        found = {
            (column, row): path
            for column in columns
            for row in rows
            if (path := _path(folder, (zoom, column, row))) is not None
        }
        if found:
            return _joined(found, encoding, zoom)
    raise CoverageError(
        f"{folder}: has no tile at {area.west_deg:.4f} to {area.east_deg:.4f} E, {area.south_deg:.4f} to "
        f"{area.north_deg:.4f} N; needed: zoom/column/row.png, at most {_MAX_TILES} of them for the city"
    )


def _span(area: Bounds, zoom: int) -> tuple[range, range]:
    """Columns and rows that meet the area."""
    side = 2**zoom
    west, east = (int((lon + 180) / 360 * side) for lon in (area.west_deg, area.east_deg))
    north, south = (_row(lat, side) for lat in (area.north_deg, area.south_deg))
    return range(max(west, 0), min(east, side - 1) + 1), range(max(north, 0), min(south, side - 1) + 1)


def _row(lat_deg: float, side: int) -> int:
    lat = math.radians(min(max(lat_deg, -_MAX_LAT), _MAX_LAT))
    return int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * side)


def _path(folder: Path, tile: Tile) -> Path | None:
    zoom, column, row = tile
    stem = folder / str(zoom) / str(column) / str(row)
    return next((path for suffix in _SUFFIXES if (path := stem.with_suffix(suffix)).is_file()), None)


def _joined(found: dict[tuple[int, int], Path], encoding: str, zoom: int) -> tuple[Values, Affine]:
    pictures = {place: _read(path, encoding) for place, path in found.items()}
    sides = {picture.shape[1] for picture in pictures.values()}
    if len(sides) > 1:
        first = next(iter(found.values()))
        raise SourceFileError(f"{first}: tiles of one zoom have different sizes {sorted(sides)}")
    side = sides.pop()
    column0, row0 = (min(place[axis] for place in found) for axis in (0, 1))
    column1, row1 = (max(place[axis] for place in found) for axis in (0, 1))
    shape = ((row1 - row0 + 1) * side, (column1 - column0 + 1) * side)
    values = np.full(shape, np.nan, dtype=np.float32)
    for (column, row), picture in pictures.items():
        top, left = (row - row0) * side, (column - column0) * side
        values[top : top + side, left : left + side] = picture
    return values, _transform((zoom, column0, row0), side)
