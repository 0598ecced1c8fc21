"""What a build of buildings leaves for the next, and what of it that one can use.

Prepared rows hold while the ground and our ways stay the same; a tile holds while its members, their order,
and how they look stay the same. Rows never change in the heap, so equal row numbers are equal buildings.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.city.deltas import Delta
from shancheng.geo.quadtree import morton
from shancheng.tiles.building_census import DRAWN_COLUMNS, Census
from shancheng.tiles.building_heap import BuildingHeap, Rows
from shancheng.tiles.building_tiles import Codes
from shancheng.tiles.metadata import enum_dtype
from shancheng.tiles.partition import Partition
from shancheng.tiles.state import BuildState, read_arrays, write_arrays

__all__ = ["TILE", "BuildingMemory", "OldTiles", "Remembered", "tiles_of"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

TILE = np.dtype(
    [
        ("level", np.uint8),
        ("code", np.uint32),
        ("members", np.uint32),
        ("triangles", np.uint32),
        ("raw", np.uint32),
        ("zipped", np.uint32),
        ("since", np.uint32),
        ("lowest_m", np.float64),
        ("highest_m", np.float64),
    ]
)
"""What is known of a tile: its cell, how many members and triangles it has, sizes of its files, number of the
build that wrote them, and the heights of its content."""

_LAYOUT: dict[str, tuple[Any, tuple[int, ...]]] = {
    "drawn": (np.uint32, (DRAWN_COLUMNS,)),
    "members": (np.uint32, ()),
    "tiles": (TILE, ()),
}


@dataclass(frozen=True, slots=True)
class OldTiles:
    """Tiles of an earlier build.

    Attributes:
        number: Of that build.
        tiles: What is known of each, shape (t,).
        members: Row of each member, tile by tile.
        kinds: Names of the enum of kinds.
        unreadable: Names of pictures that could not be read.
    """

    number: int
    tiles: npt.NDArray[np.void]
    members: IntArray
    kinds: list[str]
    unreadable: frozenset[str] = frozenset()

    @property
    def start(self) -> IntArray:
        """First member of each tile, then the end, shape (t + 1,)."""
        return np.concatenate([[0], np.cumsum(self.tiles["members"], dtype=np.int64)])

    @property
    def cells(self) -> npt.NDArray[np.uint64]:
        """A number for each tile's cell, shape (t,)."""
        return _cells(self.tiles["level"], self.tiles["code"])

    def place_of(self, partition: Partition) -> IntArray:
        """Which of these tiles has the cell of each new one, -1 for none."""
        wanted = _cells(partition.level, morton(partition.x, partition.y))
        own = self.cells
        order = np.argsort(own)
        if len(own) == 0:
            return np.full(len(wanted), -1)
        found = order[np.minimum(np.searchsorted(own, wanted, sorter=order), len(own) - 1)]
        return np.where(own[found] == wanted, found, -1)

    def unchanged(self, partition: Partition, rows: Rows, codes: Codes, names: list[str]) -> IntArray:
        """Which of these tiles each new one equals in every byte, -1 for none, shape (t,).

        Args:
            partition: The new tiles; its `order` are rows of the same heap.
            rows: That heap.
            codes: Code of each of the heap's kinds.
            names: Names that they stand for.
        """
        from shancheng.tiles.engines.members_parallel import same_members  # compiled code

        place = self.place_of(partition)
        same = np.zeros(len(place), np.bool_)
        same_members(partition.start, partition.order, place, self.start, self.members, same)
        if names != self.kinds:
            same &= ~self._renumbered(partition, rows, codes)
        return np.where(same, place, -1)

    def _renumbered(self, partition: Partition, rows: Rows, codes: Codes) -> BoolArray:
        """Which new tiles hold a kind whose number, or the width of whose number, is another than it was."""
        old = {name: place for place, name in enumerate(self.kinds)}
        other_width = enum_dtype(self.kinds) != codes.dtype
        numbered = zip(rows.kinds, codes.tolist(), strict=True)
        moved = np.array([other_width or old.get(word, -1) != code for word, code in numbered])
        changed = moved[rows.facts["kind"][partition.order]]
        return np.logical_or.reduceat(changed, partition.start[:-1]) if len(partition) else changed


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a build left of its buildings, found to be whole.

    Attributes:
        heap: With all its rows.
        heap_name: Name of the heap's folder.
        census: Which of the rows hold.
        source: Hash of the layer's file.
        tiles: Its tiles, or None where they look otherwise now.
    """

    heap: BuildingHeap
    heap_name: str
    census: Census
    source: str
    tiles: OldTiles | None


@dataclass(slots=True)
class BuildingMemory:
    """What a build of buildings may take over, and where it leaves its own.

    Attributes:
        heaps: Folder of all heaps.
        folder: Where the arrays of this build go.
        build: Its name.
        number: Its number.
        source: Hash of the layer's file.
        ground: Hash of what prepared rows depend on besides.
        look: Hash of what tiles depend on besides.
        before: What the build before left, or None.
        recycled: What the build left whose files lie in the output's folder already, or None.
        delta: What leads from an older version of the layer, named by its hash, to this one.
        left: Out: what `write_state` is to keep of the buildings.
    """

    heaps: Path
    folder: Path
    build: str
    number: int
    source: str
    ground: str
    look: str
    before: BuildState | None
    recycled: BuildState | None
    delta: Callable[[str], Delta | None]
    left: dict[str, Any] = field(default_factory=dict)

    def recall(self) -> Remembered | None:
        """What the build before left, where its rows can be used."""
        values = None if self.before is None else self.before.values.get("buildings")
        if self.before is None or not values or values["ground"] != self.ground:
            return None
        arrays = read_arrays(self.before.folder, _LAYOUT, values["arrays"])
        heap = BuildingHeap.reopened(self.heaps / values["heap"], values["heap_state"])
        if arrays is None or heap is None:
            return None
        census = Census.from_json(arrays["drawn"], values["census"])
        old = _old_tiles(self.before, values, arrays) if values["look"] == self.look else None
        return Remembered(heap, values["heap"], census, values["source"], old)

    def recall_recycled(self) -> OldTiles | None:
        """Tiles whose files lie in the output's folder; None where that holds nothing or is not known."""
        values = None if self.recycled is None else self.recycled.values.get("buildings")
        if self.recycled is None or not values:
            return None
        arrays = read_arrays(self.recycled.folder, _LAYOUT, values["arrays"])
        return None if arrays is None else _old_tiles(self.recycled, values, arrays)

    def new_heap(self) -> tuple[BuildingHeap, str]:
        """An empty heap of this build's own, and its name."""
        name = f"heap-{self.build}"
        shutil.rmtree(self.heaps / name, ignore_errors=True)
        return BuildingHeap.in_folder(self.heaps / name), name

    def leave(
        self,
        heap: BuildingHeap,
        heap_name: str,
        census: Census,
        partition: Partition,
        tiles: npt.NDArray[np.void],
        kinds: list[str],
        unreadable: Iterable[str],
    ) -> None:
        """Keep what the next build can use."""
        arrays = {
            "drawn": census.drawn,
            "members": partition.order.astype(np.uint32),
            "tiles": tiles,
        }
        self.left = {
            "source": self.source,
            "ground": self.ground,
            "look": self.look,
            "heap": heap_name,
            "heap_state": heap.state(),
            "census": census.to_json(),
            "kinds": kinds,
            "unreadable": sorted(unreadable),
            "arrays": write_arrays(self.folder, arrays),
        }


def tiles_of(partition: Partition) -> npt.NDArray[np.void]:
    """What is known of new tiles before they are made."""
    tiles = np.zeros(len(partition), TILE)
    tiles["level"] = partition.level
    tiles["code"] = morton(partition.x, partition.y)
    tiles["members"] = np.diff(partition.start)
    return tiles


def _old_tiles(state: BuildState, values: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> OldTiles:
    members = arrays["members"].astype(np.int64)
    unreadable = frozenset(values["unreadable"])
    return OldTiles(state.number, arrays["tiles"], members, values["kinds"], unreadable)


def _cells(level: npt.NDArray[Any], code: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return (level.astype(np.uint64) << np.uint64(32)) | code.astype(np.uint64)
