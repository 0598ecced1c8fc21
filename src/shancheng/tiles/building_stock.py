"""A layer's buildings ready to be spread over tiles: read whole, or only what changed since the last time."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from shancheng.geo.quadtree import RootCell
from shancheng.tiles.building_census import Census, Told
from shancheng.tiles.building_heap import BuildingHeap, Rows
from shancheng.tiles.building_memory import BuildingMemory, OldTiles, Remembered
from shancheng.tiles.building_rows import pieces_of, prepare_rows
from shancheng.tiles.forms import ROOF, SOLID
from shancheng.tiles.ground import Ground
from shancheng.tiles.mapping import mapped
from shancheng.tiles.notes import totals

__all__ = ["Stock"]

# The heap is begun anew when it holds so many times what is drawn, and so many rows more.
_MOST_OLD, _LEAST_OLD = 2, 50_000
_MOST_WORDS = 60_000


@dataclass(slots=True)
class Stock:
    """A layer's buildings: all rows that were prepared, and which of them hold.

    Attributes:
        heap: The rows, growing.
        heap_name: Name of its folder, where it has one.
        rows: The rows as they are.
        census: Which hold.
        before: Tiles of the build before, whose members are rows of the same heap.
    """

    heap: BuildingHeap
    heap_name: str
    rows: Rows
    census: Census
    before: OldTiles | None = None

    @classmethod
    def of(
        cls,
        source: pa.Table | Path,
        ground: Ground,
        root_cell: RootCell,
        memory: BuildingMemory | None,
        workers: int,
    ) -> "Stock":
        """From what the build before left and what changed since, else from the whole layer."""
        remembered = None if memory is None else memory.recall()
        if remembered is not None and memory is not None:
            edited = cls._edited(remembered, memory, ground, root_cell, workers)
            if edited is not None:
                return edited
        heap, name = (BuildingHeap.in_memory(), "") if memory is None else memory.new_heap()
        told = _read_into(heap, pieces_of(source), ground, root_cell, workers)
        rows = heap.rows()
        return cls(heap, name, rows, Census.of_all(rows, told))

    @classmethod
    def _edited(
        cls, old: Remembered, memory: BuildingMemory, ground: Ground, root_cell: RootCell, workers: int
    ) -> "Stock | None":
        """Only what changed is read; None where nobody says what did, or too much of the heap is old."""
        if old.source == memory.source:
            return cls(old.heap, old.heap_name, old.heap.rows(), old.census, old.tiles)
        delta = memory.delta(old.source)
        if delta is None or _is_worn(old.heap, len(delta.rows), len(old.census.drawn)):
            return None
        first = len(old.heap)
        told = _read_into(old.heap, pieces_of(delta.rows), ground, root_cell, workers)
        rows = old.heap.rows()
        added = np.arange(first, len(rows))
        gone = np.concatenate([delta.gone, rows.facts["index"][first:]])
        return cls(old.heap, old.heap_name, rows, old.census.edited(rows, gone, added, told), old.tiles)

    def notes(self) -> dict[str, int]:
        """For the layer's report."""
        facts, drawn = self.rows.facts, self.census.rows
        told = self.census.told
        others = np.union1d(self.census.replaced, np.fromiter(told.reasons, np.int64))
        repaired = sum(int(np.count_nonzero(facts["repaired"][rows])) for rows in (drawn, others))
        found = {"replaced_by_parts": len(self.census.replaced), "repaired": repaired}
        if len(self.rows.meshes):
            forms = np.bincount(facts["form"][drawn], minlength=SOLID + 1).tolist()
            names = {"roofs": forms[ROOF], "solids": forms[SOLID]}
            found |= {name: count for name, count in names.items() if count}
        return found | totals(told.notes)


def _is_worn(heap: BuildingHeap, added: int, drawn: int) -> bool:
    rows = len(heap) + added
    return rows > _MOST_OLD * drawn + _LEAST_OLD or heap.words > _MOST_WORDS


def _read_into(
    heap: BuildingHeap, pieces: Iterable[pa.Table], ground: Ground, root_cell: RootCell, workers: int
) -> Told:
    """Prepare rows and add them to a heap; what is to be said of them."""
    told = Told()
    for prepared in mapped(partial(prepare_rows, ground=ground, root_cell=root_cell), pieces, workers):
        told.add(prepared, heap.append(prepared))
    return told
