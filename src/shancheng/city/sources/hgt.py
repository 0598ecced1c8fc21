"""SRTM's own form of elevations: ``N43E007.hgt``, big-endian int16, one degree square, also zipped."""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from shancheng.errors import SourceFileError
from shancheng.geo.raster import Raster

__all__ = ["is_hgt", "read_hgt"]

VOID: Final = -32768
_SIDES: Final = (1201, 3601)
_BYTES: Final = {side * side * 2: side for side in _SIDES}
_NAME: Final = re.compile(r"([NS])(\d{2})([EW])(\d{3})", re.IGNORECASE)
_RIGHT: Final = "needed: a tile named like N43E007 with 1201 × 1201 or 3601 × 3601 samples of two bytes"


def is_hgt(path: Path) -> bool:
    """Whether the name says that the file is one of these."""
    return path.suffix.lower() in {".hgt", ".zip"}


def read_hgt(path: Path) -> Raster:
    """Read a tile, zipped or not; voids are NaN.

    Args:
        path: ``N43E007.hgt``, ``N43E007.hgt.zip`` or ``N43E007.SRTMGL1.hgt.zip``.

    Returns:
        Metres above the geoid (EGM96); the outer samples lie on the whole degrees, as neighbouring tiles' do.

    Raises:
        SourceFileError: The name, the size or the archive is wrong.

    Source:
        NASA, “SRTM Topography”, section 2.1.2.
    """
    name, content = (path.name, _read(path)) if path.suffix.lower() != ".zip" else _read_zip(path)
    side = _BYTES.get(len(content))
    if side is None:
        raise SourceFileError(f"{path}: {len(content)} bytes; {_RIGHT}")
    south, west = _corner(path, name)
    values = np.frombuffer(content, dtype=">i2").reshape(side, side).astype(np.float32)
    values[values == VOID] = np.nan
    step = 1.0 / (side - 1)
    return Raster(values, west, south + 1.0, step, step)


def _corner(path: Path, name: str) -> tuple[float, float]:
    """Latitude and longitude of the south-western sample, which the name gives."""
    match = _NAME.match(name) or _NAME.match(path.name)
    if match is None:
        raise SourceFileError(f"{path}: {name!r} does not say where the tile lies; {_RIGHT}")
    lat, lon = int(match[2]), int(match[4])
    if lat > 90 or lon > 180:  # noqa: PLR2004
        raise SourceFileError(f"{path}: {match[0]} is no place on Earth; {_RIGHT}")
    return float(-lat if match[1] in "Ss" else lat), float(-lon if match[3] in "Ww" else lon)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > max(_BYTES):
            raise SourceFileError(f"{path}: {path.stat().st_size} bytes; {_RIGHT}")
        return path.read_bytes()
    except OSError as error:
        raise SourceFileError(f"{path}: cannot be read: {error.strerror}") from error


def _read_zip(path: Path) -> tuple[str, bytes]:
    """Name and content of the one tile in an archive; no more than a tile is ever unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            tiles = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".hgt")]
            if len(tiles) != 1:
                raise SourceFileError(f"{path}: holds {len(tiles)} .hgt files; needed: exactly one")
            # The directory may lie about the size: the limit holds for what is really unpacked.
            with archive.open(tiles[0]) as file:
                content = file.read(max(_BYTES) + 1)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise SourceFileError(f"{path}: not a zip archive that can be read ({error}); {_RIGHT}") from error
    if len(content) > max(_BYTES):
        raise SourceFileError(
            f"{path}: {tiles[0].filename} unpacks to more than {max(_BYTES)} bytes; {_RIGHT}"
        )
    return Path(tiles[0].filename).name, content
