"""A copy of the tiles that a city shows, while others may replace them."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

import orjson

from shancheng.errors import TilesError
from shancheng.tiles.builds import POINTER, REPORT, TILES_FOLDER

__all__ = ["copy_tiles"]

_ATTEMPTS: Final = 5
_BUILD_NAME: Final = re.compile(r"[0-9a-f]{8}-[0-9]+")


def copy_tiles(city: Path, to: Path) -> str | None:
    """Copy the build that ``tiles/tileset.json`` points to, and the pointer; it may be removed meanwhile.

    Args:
        city: A city's folder.
        to: The folder of the copy; it holds no tiles yet.

    Returns:
        The build's name; None where the city has no tiles.

    Raises:
        TilesError: The tiles are replaced faster than they can be copied, or are incomplete.
    """
    source, target = city / TILES_FOLDER, to / TILES_FOLDER
    for _ in range(_ATTEMPTS):
        pointer = _read(source / POINTER)
        if pointer is None:
            return None
        build = _build_of(source / POINTER, pointer)
        try:
            shutil.copytree(source / build, target / build)
        except (FileNotFoundError, shutil.Error):
            shutil.rmtree(target, ignore_errors=True)
            continue
        (target / POINTER).write_bytes(pointer)
        report = _read(source / REPORT)
        if report is not None and _names(report, build):
            (target / REPORT).write_bytes(report)
        return build
    raise TilesError(f"{source}: the tiles change faster than they can be copied, or are incomplete")


def _build_of(path: Path, pointer: bytes) -> str:
    """The build that a pointer names.

    Raises:
        TilesError: It names none.
    """
    try:
        name = orjson.loads(pointer)["extras"]["build"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        name = None
    if not isinstance(name, str) or not _BUILD_NAME.fullmatch(name):
        raise TilesError(f"{path}: names no build; `shancheng tiles make` makes one")
    return name


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _names(report: bytes, build: str) -> bool:
    document: Any = orjson.loads(report)
    return isinstance(document, dict) and document.get("build") == build
