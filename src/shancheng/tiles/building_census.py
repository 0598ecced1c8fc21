"""Which rows of the heap are a layer's buildings at present, and which of those are drawn.

Made anew from all rows, or from the census before and what an edit removed and added; both ways give the
same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.tiles.building_heap import Rows
from shancheng.tiles.building_rows import GOOD, Prepared
from shancheng.tiles.notes import Note
from shancheng.tiles.partition import curve_keys
from shancheng.tiles.report import REPLACED, SetAside

__all__ = ["DRAWN_COLUMNS", "Census", "Told"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.uint32]

_ROW, _INDEX, _CODE, _SIZE, _DEEPEST = range(5)
DRAWN_COLUMNS = 5
"""Of something drawn: its row of the heap, `index`, `code`, bits of `size_m` and `deepest` (see `FACTS`)."""

_SLICE = 1 << 20


@dataclass(slots=True)
class Told:
    """What is to be said of single rows: of few, as a rule.

    Attributes:
        reasons: Why rows cannot be drawn.
        parents: Ids of the buildings that rows are parts of.
        notes: What is drawn in a simpler form than it asks for.
    """

    reasons: dict[int, str] = field(default_factory=dict)
    parents: dict[int, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def add(self, prepared: Prepared, first: int) -> None:
        """Add what is said of rows that were prepared and are in the heap from `first` on."""
        self.reasons.update((row + first, reason) for row, reason in prepared.reasons.items())
        self.parents.update((row + first, parent) for row, parent in prepared.parents.items())
        self.notes += [(reason, row + first, count) for reason, row, count in prepared.notes]

    def only(self, rows: set[int]) -> "Told":
        """What is said of those of its rows that are not among these."""
        return Told(
            {row: reason for row, reason in self.reasons.items() if row not in rows},
            {row: parent for row, parent in self.parents.items() if row not in rows},
            [note for note in self.notes if note[1] not in rows],
        )

    def rows(self) -> IntArray:
        """All rows of which something is said."""
        noted = {row for _, row, _ in self.notes}
        return np.fromiter({*self.reasons, *self.parents, *noted}, np.int64)


@dataclass(frozen=True, slots=True)
class Census:
    """A layer's buildings.

    Attributes:
        drawn: What is drawn, along the curve through all cells, shape (m, 5); see `DRAWN_COLUMNS`.
        told: What is to be said of rows.
        replaced: Rows that are not drawn because their parts are, rising, shape (k,).
    """

    drawn: Indices
    told: Told
    replaced: IntArray

    @classmethod
    def of_all(cls, rows: Rows, told: Told) -> "Census":
        """The census of a heap all whose rows hold."""
        everything = np.arange(len(rows))
        replaced = _with_ids(rows, everything, told.parents.values())
        good = rows.facts["state"] == GOOD
        good[replaced] = False
        return cls(_along_curve(rows, np.flatnonzero(good)), told, replaced)

    def edited(self, rows: Rows, gone: Indices, added: IntArray, told: Told) -> "Census":
        """The census after an edit.

        Args:
            rows: The heap, with what was added.
            gone: Values of `index` of all buildings that were removed, replaced or newly added.
            added: New rows of the heap.
            told: What is to be said of the new rows alone.
        """
        kept_replaced = self.replaced[~_among(rows.facts["index"][self.replaced], gone)]
        spoken = self.told.rows()
        forgotten = set(spoken[_among(rows.facts["index"][spoken], gone)].tolist())
        kept_told = self.told.only(forgotten)
        both = Told(
            {**kept_told.reasons, **told.reasons},
            {**kept_told.parents, **told.parents},
            [*kept_told.notes, *told.notes],
        )
        parents = set(both.parents.values())
        if parents == set(self.told.parents.values()):
            replaced = np.concatenate([kept_replaced, _with_ids(rows, added, parents)])
            fresh = np.setdiff1d(added, replaced)
        else:
            kept_drawn = self.rows[~_among(self.drawn[:, _INDEX], gone)]
            silent = np.fromiter(kept_told.reasons, np.int64)
            present = np.unique(np.concatenate([kept_drawn, kept_replaced, silent, added]))
            replaced = _with_ids(rows, present, parents)
            gone = np.concatenate([gone, rows.facts["index"][replaced]])
            fresh = np.setdiff1d(np.concatenate([kept_replaced, added]), replaced)
        fresh = fresh[rows.facts["state"][fresh] == GOOD]
        return Census(_merged(self.drawn, gone, _along_curve(rows, fresh)), both, np.sort(replaced))

    @property
    def rows(self) -> IntArray:
        """Rows of the heap that are drawn, along the curve, shape (m,)."""
        return self.drawn[:, _ROW].astype(np.int64)

    @property
    def size_m(self) -> npt.NDArray[np.float32]:
        """Sizes of what is drawn, along the curve, shape (m,)."""
        return np.ascontiguousarray(self.drawn[:, _SIZE]).view(np.float32)

    def sort_keys(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
        """Code, deepest level and rank of what is drawn, for the partition."""
        from shancheng.tiles.engines.census_parallel import sort_keys  # compiled code, so only when needed

        count = len(self.drawn)
        keys = np.empty(count, np.uint64), np.empty(count, np.uint8), np.empty(count, np.uint64)
        sort_keys(self.drawn, *keys)
        return keys

    def set_aside(self, rows: Rows, layer: str) -> list[SetAside]:
        """Buildings that are not drawn, and why, by their ids."""
        reasons = {**self.told.reasons, **dict.fromkeys(self.replaced.tolist(), REPLACED)}
        found = [SetAside(layer, rows.id_of(row), reason) for row, reason in reasons.items()]
        return sorted(found, key=lambda entry: entry.id)

    def to_json(self) -> dict[str, Any]:
        """All but `drawn`, as plain values."""
        return {
            "reasons": list(self.told.reasons.items()),
            "parents": list(self.told.parents.items()),
            "notes": self.told.notes,
            "replaced": self.replaced.tolist(),
        }

    @classmethod
    def from_json(cls, drawn: Indices, values: dict[str, Any]) -> "Census":
        """What `to_json` told, and `drawn`."""
        notes = [(str(reason), int(row), int(count)) for reason, row, count in values["notes"]]
        told = Told(dict(values["reasons"]), dict(values["parents"]), notes)
        return cls(drawn, told, np.array(values["replaced"], np.int64))


def _along_curve(rows: Rows, some: IntArray) -> Indices:
    """What is drawn of some rows, along the curve, shape (k, 5)."""
    drawn = np.empty((len(some), DRAWN_COLUMNS), np.uint32)
    drawn[:, _ROW] = some
    for place, name in ((_INDEX, "index"), (_CODE, "code"), (_DEEPEST, "deepest")):
        drawn[:, place] = rows.facts[name][some]
    drawn[:, _SIZE] = rows.facts["size_m"][some].view(np.uint32)
    return drawn[np.argsort(curve_keys(drawn[:, _CODE], drawn[:, _INDEX]))]


def _merged(drawn: Indices, gone: Indices, others: Indices) -> Indices:
    """What was drawn, without what is gone, and others in between."""
    from shancheng.tiles.engines.census_parallel import merge  # compiled code, so only when needed

    most = max((int(index.max()) for index in (drawn[:, _INDEX], gone) if len(index)), default=0)
    is_gone = np.zeros(most + 1, np.bool_)
    is_gone[gone] = True
    merged = np.empty((len(drawn) + len(others), DRAWN_COLUMNS), np.uint32)
    return merged[: merge(drawn, is_gone, others, merged)]


def _among(index: Indices, some: Indices) -> BoolArray:
    """Which are among some; by a table of all, since indices are dense."""
    if len(index) == 0 or len(some) == 0:
        return np.zeros(len(index), np.bool_)
    table = np.zeros(int(max(index.max(), some.max())) + 1, np.bool_)
    table[some] = True
    return table[index]


def _with_ids(rows: Rows, some: IntArray, ids: Iterable[str]) -> IntArray:
    """Those of some rows that have one of these ids."""
    wanted: Any = pa.array(sorted(set(ids)), pa.large_string())
    if len(wanted) == 0 or len(some) == 0:
        return np.empty(0, np.int64)
    found = []
    for first in range(0, len(some), _SLICE):
        piece = some[first : first + _SLICE]
        texts = rows.ids(piece)
        buffers: list[Any] = [texts.offsets.astype(np.int64), texts.data]
        parts = [None, *(pa.py_buffer(buffer) for buffer in buffers)]
        array: Any = pa.Array.from_buffers(pa.large_string(), len(piece), parts)
        found.append(piece[pc.is_in(array, value_set=wanted).to_numpy(zero_copy_only=False)])
    return np.concatenate(found)
