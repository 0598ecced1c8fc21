"""Builds below `tiles/`: their names, the pointer to the current one, and what a crash may leave behind.

A build is written into `.building-<pid>`, flushed to the disk as a whole, renamed to `<hash8>-<n>`, and only
then does `tileset.json`, the pointer, come to name it, by one rename. So whenever the process or the machine
stops, `tileset.json` names a whole build: the last one or the new one.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from shancheng.city.store import City
from shancheng.db.files import flush_folder, write_atomically

TILES_FOLDER = "tiles"
POINTER = "tileset.json"
REPORT = "report.json"
# In each build: what it was made from, so that it can be told whether it is still up to date.
INPUT = "build.json"

_BUILD_NAME = re.compile(r"[0-9a-f]{8}-[0-9]+")
_UNFINISHED = re.compile(r"\.building-([0-9]+)")


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """A build on disk.

    Attributes:
        name: Of its folder below `tiles/`.
        path: That folder.
        input_digest: Hash of what it was made from.
        profile: How its tiles are encoded.
        up_to_date: Whether the city still has that hash.
    """

    name: str
    path: Path
    input_digest: str
    profile: str
    up_to_date: bool


def current_build(city: City) -> BuildInfo | None:
    """The build that `tiles/tileset.json` points to; None before the first, or where it cannot be read."""
    from shancheng.tiles.make import input_digest

    folder = city.folder / TILES_FOLDER
    name = pointed_to(folder)
    if name is None:
        return None
    made_from = _read_json(folder / name / INPUT)
    if made_from is None:
        return None
    digest = str(made_from.get("input_digest"))
    return BuildInfo(
        name, folder / name, digest, str(made_from.get("profile")), up_to_date=digest == input_digest(city)
    )


def unfinished_folder(folder: Path, recycled: str | None = None) -> Path:
    """A folder for this process to build in; leftovers of processes that ended are removed first.

    Args:
        folder: The city's folder of tiles.
        recycled: Name of a build whose folder it shall be, with all that is in it, instead of an empty one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        match = _UNFINISHED.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)
    own = folder / f".building-{os.getpid()}"
    shutil.rmtree(own, ignore_errors=True)  # of a process before us that had our number
    if recycled is None:
        own.mkdir()
    else:
        (folder / recycled).rename(own)
        # Not written into: it may have another name.
        (own / INPUT).unlink(missing_ok=True)
    return own


def next_name(folder: Path, digest: str) -> str:
    """A name that no build here has or had while its neighbours were kept: `<hash8>-<n>`."""
    numbers = [int(name.partition("-")[2]) for name in _builds(folder)]
    return f"{digest[:8]}-{max(numbers, default=0) + 1}"


def put_in_place(unfinished: Path, name: str, pointer: dict[str, Any], report: dict[str, Any]) -> None:
    """Make a finished folder the current build, and remove all others but the one before."""
    folder = unfinished.parent
    before = pointed_to(folder)
    _flush_tree(unfinished)
    unfinished.rename(folder / name)
    flush_folder(folder)
    write_atomically(folder / POINTER, orjson.dumps(pointer))
    write_atomically(folder / REPORT, orjson.dumps(report, option=orjson.OPT_INDENT_2))
    for old in _builds(folder):
        if old not in (name, before):
            shutil.rmtree(folder / old, ignore_errors=True)


def _builds(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if _BUILD_NAME.fullmatch(path.name)]


def pointed_to(folder: Path) -> str | None:
    """Name of the build that the pointer names; None where there is none."""
    pointer = _read_json(folder / POINTER) or {}
    name = str(pointer.get("extras", {}).get("build"))
    return name if _BUILD_NAME.fullmatch(name) and (folder / name).is_dir() else None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return document if isinstance(document, dict) else None


def _flush_tree(folder: Path) -> None:
    """Bring everything below a folder to the disk.

    One call for the whole machine takes less than a tenth of a second, where a flush for each of a thousand
    small files takes seconds.
    """
    if hasattr(os, "sync"):
        os.sync()
        return
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def _is_alive(pid: int) -> bool:
    """Whether a process runs. Where that cannot be asked, the city's lock has to keep builders apart."""
    if os.name == "nt" or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
