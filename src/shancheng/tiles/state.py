"""What builds leave for the next one, in `tiles/.state`: it only saves work, and may be deleted at any time.

Each build has a folder of its name there with a record: what each layer was made from, and what its buildings
were. A record is believed only where it carries its own hash and is of the form that this version writes;
the files that it names are believed only where they are as it says.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt
import orjson

from shancheng.tiles.heap import Heap
from shancheng.tiles.output import link_or_copy

__all__ = [
    "STATE_FOLDER",
    "BuildState",
    "clear_states",
    "copy_arrays",
    "new_folder",
    "read_arrays",
    "read_state",
    "write_arrays",
    "write_state",
]

STATE_FOLDER: Final = ".state"
_RECORD: Final = "record.json"
# Raised with every change of what is kept or means something else.
_FORMAT: Final = 1
_DIGEST_CHARACTERS: Final = 64

Layout = dict[str, tuple[Any, tuple[int, ...]]]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BuildState:
    """What a build left.

    Attributes:
        name: Of the build.
        folder: Where its arrays lie.
        values: The rest, as plain values.
    """

    name: str
    folder: Path
    values: dict[str, Any]

    @property
    def number(self) -> int:
        """The builds of a city are counted; later ones have larger numbers."""
        return int(self.name.rpartition("-")[2])


def read_state(tiles: Path, build: str) -> BuildState | None:
    """What a build left; None where that is missing, damaged or of another form.

    Args:
        tiles: The city's folder of tiles.
        build: Name of the build.
    """
    folder = tiles / STATE_FOLDER / build
    try:
        data = (folder / _RECORD).read_bytes()
    except OSError:
        return None
    digest, body = data[:_DIGEST_CHARACTERS], data[_DIGEST_CHARACTERS:]
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    values = orjson.loads(body)
    if values.get("format") != _FORMAT or values.get("build") != build:
        return None
    return BuildState(build, folder, values)


def new_folder(tiles: Path, build: str) -> Path:
    """An empty folder for what a build leaves."""
    folder = tiles / STATE_FOLDER / build
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_state(folder: Path, build: str, values: dict[str, Any]) -> None:
    """Leave a record; its arrays are in the folder already."""
    body = orjson.dumps({"format": _FORMAT, "build": build, **values})
    # Written whole into a folder that nobody reads before the build is in place.
    (folder / _RECORD).write_bytes(hashlib.sha256(body).hexdigest().encode() + body)


def write_arrays(folder: Path, arrays: Arrays) -> dict[str, Any]:
    """Leave arrays, each in a file of its name; what `read_arrays` needs to know of them."""
    layout = {name: (array.dtype, array.shape[1:]) for name, array in arrays.items()}
    heap = Heap.in_folder(folder, layout)
    heap.append(**arrays)
    return heap.states()


def read_arrays(folder: Path, layout: Layout, states: dict[str, Any]) -> Arrays | None:
    """Arrays that were left, mapped; None where the files are not what they were."""
    heap = Heap.reopened(folder, layout, states)
    return None if heap is None else {name: heap.view(name) for name in layout}


def copy_arrays(source: Path, target: Path, names: list[str]) -> None:
    """Leave the same arrays for another build too."""
    for name in names:
        if (source / name).exists():
            link_or_copy(str(source / name), str(target / name))


def clear_states(tiles: Path, kept: set[str]) -> None:
    """Remove what other builds left, and heaps that nobody refers to.

    Args:
        tiles: The city's folder of tiles.
        kept: Names of builds and heaps.
    """
    try:
        names = os.listdir(tiles / STATE_FOLDER)  # noqa: PTH208
    except FileNotFoundError:
        return
    for name in names:
        if name not in kept:
            shutil.rmtree(tiles / STATE_FOLDER / name, ignore_errors=True)
