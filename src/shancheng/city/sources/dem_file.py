"""How a file of elevations is named: its path, and what the file itself cannot say, as ``FILE,key=value``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shancheng.errors import SettingError

__all__ = ["ENCODINGS", "DemFile", "dem_file"]

TERRARIUM: Final = "terrarium"
TERRAIN_RGB: Final = "terrain-rgb"
ENCODINGS: Final = (TERRARIUM, TERRAIN_RGB)
MAX_ZOOM: Final = 22

Tile = tuple[int, int, int]


@dataclass(frozen=True)
class DemFile:
    """A file or, of tiles, a folder.

    Attributes:
        path: Where it lies.
        crs: Reference system, where the file does not hold it.
        encoding: One of `ENCODINGS`, for pictures whose colours are elevations.
        tile: Zoom, column and row of such a picture; None for a folder laid out as ``zoom/column/row.png``.
    """

    path: Path
    crs: str | None = None
    encoding: str | None = None
    tile: Tile | None = None


def dem_file(text: str | Path) -> DemFile:
    """A file from the words of a user: ``fuji.png,encoding=terrain-rgb,tile=10/906/404``.

    Raises:
        SettingError: A key or a value is not known.
    """
    if isinstance(text, Path) and text.exists():
        return DemFile(text)
    path, given = _split(str(text))
    unknown = sorted(set(given) - {"crs", "encoding", "tile"})
    if unknown:
        raise SettingError(f"{text}: {unknown[0]}= is not known; known: crs=, encoding=, tile=")
    encoding = given.get("encoding")
    if encoding is not None and encoding not in ENCODINGS:
        raise SettingError(f"{text}: encoding={encoding}: must be {' or '.join(ENCODINGS)}")
    tile = _tile(str(text), given["tile"]) if "tile" in given else None
    return DemFile(Path(path), given.get("crs"), encoding, tile)


def _split(text: str) -> tuple[str, dict[str, str]]:
    """The path and what stands behind it; commas in the path itself are left alone."""
    given: dict[str, str] = {}
    while not Path(text).exists():
        head, comma, last = text.rpartition(",")
        key, equals, value = last.partition("=")
        if not (comma and equals and key.isidentifier()):
            break
        text, given[key] = head, value
    return text, given


def _tile(text: str, words: str) -> Tile:
    parts = words.split("/")
    if len(parts) == 3 and all(part.isdecimal() and len(part) < 9 for part in parts):  # noqa: PLR2004
        zoom, column, row = (int(part) for part in parts)
        if zoom <= MAX_ZOOM and column < 2**zoom and row < 2**zoom:
            return zoom, column, row
    raise SettingError(f"{text}: tile={words}: must be zoom/column/row, such as 10/906/404")
