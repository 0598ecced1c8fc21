"""All rows of a layer of buildings that were ever prepared, as columns that a tile picks its members from.

Rows are only added: an edit adds the new state of what changed, and a census (`building_census.py`) says
which rows hold now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.building_rows import FACTS, Prepared
from shancheng.tiles.glb import Strings
from shancheng.tiles.heap import Heap
from shancheng.tiles.meshes import NO_PICTURE, Meshes

__all__ = ["BuildingHeap", "Rows"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

_LAYOUT: Mapping[str, tuple[Any, tuple[int, ...]]] = {
    "facts": (FACTS, ()),
    "floor": (np.uint8, ()),
    "heights": (np.float64, (2,)),
    "first_ring": (np.int64, ()),
    "first_corner": (np.int64, ()),
    "lonlat": (np.float64, (2,)),
    "first_triangle": (np.int64, ()),
    "triangles": (np.uint16, (3,)),
    "first_letter": (np.int64, ()),
    "letters": (np.uint8, ()),
    "mesh_row": (np.int64, ()),
    "mesh_box": (np.float64, (4,)),
    "mesh_first_vertex": (np.int64, ()),
    "mesh_first_triangle": (np.int64, ()),
    "mesh_lonlat": (np.float64, (2,)),
    "mesh_height": (np.float64, ()),
    "mesh_triangles": (np.uint32, (3,)),
    "mesh_uv": (np.float32, (2,)),
    "mesh_picture": (np.int32, ()),
}
# What counts from the first of all begins with 0, so that the last entry is the end.
_STARTS = (
    "first_ring",
    "first_corner",
    "first_triangle",
    "first_letter",
    "mesh_first_vertex",
    "mesh_first_triangle",
)


@dataclass(slots=True)
class _Vocabulary:
    """Words by the number that stands for each."""

    words: list[str]
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {word: place for place, word in enumerate(self.words)}

    def numbers(self, words: Sequence[str]) -> IntArray:
        """Numbers of some words; new ones are added."""
        for word in words:
            if word not in self.places:
                self.places[word] = len(self.words)
                self.words.append(word)
        return np.array([self.places[word] for word in words], np.int64)


@dataclass(frozen=True, slots=True)
class Rows:
    """The heap's columns as they are at a moment, read-only; n rows.

    Attributes:
        facts: `FACTS` of each row; `kind` is a place in `kinds`.
        floor: 1 where a building does not reach the ground, shape (n,).
        heights_m: Ellipsoidal heights of bottom and top, shape (n, 2).
        first_ring: First ring of each row's footprint, then the end, shape (n + 1,).
        first_corner: First corner of each ring, then the end.
        lonlat_deg: Corners.
        first_triangle: First triangle of each row's footprint, then the end, shape (n + 1,).
        triangles: Corners counted from the footprint's first one.
        first_letter: Where each row's local id begins in `letters`, then the end, shape (n + 1,).
        letters: UTF-8.
        meshes: Of rows that are no prisms, by rising row; names of pictures are those of the whole heap.
        boxes_deg: West, south, east, north of each mesh that is a solid; not a number for roofs.
        kinds: Words of `kind`.
    """

    facts: npt.NDArray[np.void]
    floor: npt.NDArray[np.uint8]
    heights_m: FloatArray
    first_ring: IntArray
    first_corner: IntArray
    lonlat_deg: FloatArray
    first_triangle: IntArray
    triangles: npt.NDArray[np.uint16]
    first_letter: IntArray
    letters: npt.NDArray[np.uint8]
    meshes: Meshes
    boxes_deg: FloatArray
    kinds: list[str]

    def __len__(self) -> int:
        return len(self.facts)

    def ids(self, rows: IntArray) -> Strings:
        """Local ids of some rows."""
        from shancheng.tiles.engines.members_parallel import gather_letters  # compiled code

        offsets = np.zeros(len(rows) + 1, np.uint32)
        np.cumsum(self.first_letter[rows + 1] - self.first_letter[rows], out=offsets[1:])
        letters = np.empty(int(offsets[-1]), np.uint8)
        gather_letters(rows, self.first_letter, self.letters, letters)
        return Strings(offsets, letters)

    def id_of(self, row: int) -> str:
        """Local id of a row."""
        return self.letters[self.first_letter[row] : self.first_letter[row + 1]].tobytes().decode()

    def meshes_of(self, rows: IntArray) -> Meshes:
        """Meshes of some rows, each of which has one, in this order."""
        return self.meshes.take(self.mesh_places(rows))

    def pictures_of(self, rows: IntArray) -> set[str]:
        """Names of the pictures on the meshes of some rows."""
        with_mesh = rows[np.isin(rows, self.meshes.rows)]
        return set(self.meshes_of(with_mesh).pictures)

    def mesh_places(self, rows: IntArray) -> IntArray:
        """Where the meshes of some rows stand in `meshes` and `boxes_deg`."""
        return np.searchsorted(self.meshes.rows, rows)


class BuildingHeap:
    """The heap, in memory or in a folder."""

    def __init__(self, heap: Heap, kinds: list[str], pictures: list[str], *, empty: bool) -> None:
        self._heap = heap
        self._kinds, self._pictures = _Vocabulary(kinds), _Vocabulary(pictures)
        if empty:
            heap.append(**{name: np.zeros(1, np.int64) for name in _STARTS})
            self._ends = dict.fromkeys(_STARTS, 0)
            self._count = 0
        else:
            self._ends = {name: int(heap.view(name)[-1]) for name in _STARTS}
            self._count = len(heap.view("facts"))

    @classmethod
    def in_memory(cls) -> "BuildingHeap":
        """An empty one that ends with the process."""
        return cls(Heap.in_memory(_LAYOUT), [], [], empty=True)

    @classmethod
    def in_folder(cls, folder: Path) -> "BuildingHeap":
        """An empty one in a new folder."""
        folder.mkdir(parents=True)
        return cls(Heap.in_folder(folder, _LAYOUT), [], [], empty=True)

    @classmethod
    def reopened(cls, folder: Path, state: Mapping[str, Any]) -> "BuildingHeap | None":
        """One as it was when it gave `state`; None where its files are not what they were."""
        heap = Heap.reopened(folder, _LAYOUT, state["columns"])
        return None if heap is None else cls(heap, list(state["kinds"]), list(state["pictures"]), empty=False)

    def __len__(self) -> int:
        return self._count

    @property
    def words(self) -> int:
        """How many kinds it knows; they are numbered with 16 bits."""
        return len(self._kinds.words)

    def append(self, prepared: Prepared) -> int:
        """Add rows; the number of the first of them."""
        first = self._count
        facts = prepared.facts.copy()
        facts["kind"] = self._kinds.numbers(prepared.kinds)[facts["kind"]]
        footprints, ids = prepared.footprints, prepared.ids
        self._heap.append(
            facts=facts,
            floor=prepared.floor,
            heights=prepared.heights_m,
            lonlat=footprints.lonlat_deg,
            triangles=footprints.triangles,
            letters=ids.data[ids.offsets[0] : ids.offsets[-1]],
            first_ring=self._shifted("first_ring", footprints.feature_ring_start),
            first_corner=self._shifted("first_corner", footprints.ring_start),
            first_triangle=self._shifted("first_triangle", footprints.triangle_start),
            first_letter=self._shifted("first_letter", ids.offsets - ids.offsets[0]),
        )
        self._append_meshes(prepared.meshes, prepared.boxes_deg, first)
        self._count += len(facts)
        return first

    def rows(self) -> Rows:
        """All rows as they are now."""
        view = self._heap.view
        meshes = Meshes(
            view("mesh_row"),
            view("mesh_lonlat"),
            view("mesh_height"),
            view("mesh_triangles"),
            view("mesh_first_vertex"),
            view("mesh_first_triangle"),
            view("mesh_uv"),
            view("mesh_picture"),
            tuple(self._pictures.words),
        )
        return Rows(
            view("facts"),
            view("floor"),
            view("heights"),
            view("first_ring"),
            view("first_corner"),
            view("lonlat"),
            view("first_triangle"),
            view("triangles"),
            view("first_letter"),
            view("letters"),
            meshes,
            view("mesh_box"),
            list(self._kinds.words),
        )

    def state(self) -> dict[str, Any]:
        """What `reopened` takes, as plain values; nothing is appended after this."""
        return {
            "columns": self._heap.states(),
            "kinds": self._kinds.words,
            "pictures": self._pictures.words,
        }

    def _shifted(self, name: str, start: IntArray) -> IntArray:
        """Entries of a column of starts that follow those that are there."""
        shifted = start[1:] + self._ends[name]
        self._ends[name] += int(start[-1])
        return shifted

    def _append_meshes(self, meshes: Meshes, boxes_deg: FloatArray, first: int) -> None:
        if len(meshes) == 0:
            return
        numbers = np.append(self._pictures.numbers(meshes.pictures), NO_PICTURE)
        uv, picture = meshes.uv, meshes.picture
        if not meshes.textured:
            uv = np.zeros((len(meshes.heights_m), 2), np.float32)
            picture = np.full(len(meshes.triangles), NO_PICTURE)
        self._heap.append(
            mesh_row=meshes.rows + first,
            mesh_box=boxes_deg,
            mesh_lonlat=meshes.lonlat_deg,
            mesh_height=meshes.heights_m,
            mesh_triangles=meshes.triangles,
            mesh_uv=uv,
            mesh_picture=numbers[picture],
            mesh_first_vertex=self._shifted("mesh_first_vertex", meshes.vertex_start),
            mesh_first_triangle=self._shifted("mesh_first_triangle", meshes.triangle_start),
        )
