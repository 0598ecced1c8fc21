"""A layer of ours from batches of a table of features: checked, placed, mapped, numbered.

Every source that reads a table goes through here, so that all check the same things in the same words.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.schema import LAYERS, SURVEYED, layer_table, validate_layer
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.vector_arrow import Array, only_where, pc
from shancheng.city.sources.vector_attributes import (
    MAX_ATTRIBUTES_BYTES,
    fragments,
    map_fragments,
    objects,
    sized,
)
from shancheng.city.sources.vector_columns import Mapped
from shancheng.city.sources.vector_crs import Placement
from shancheng.city.sources.vector_ids import own_ids, row_hashes, unique
from shancheng.city.sources.vector_rows import View, layer_columns
from shancheng.city.sources.vector_shapes import Shapes, Sound, bounds_of, middles, plain_wkb, sound_shapes
from shancheng.city.sources.vector_tags import TagRules, flattened, in_layer
from shancheng.city.sources.vector_values import texts
from shancheng.city.sources.vector_water import areas_of_lines
from shancheng.errors import SettingError
from shancheng.geo.bounds import Bounds

__all__ = ["Batch", "Builder", "Built", "Listed", "uncollected"]

MAX_LISTED: Final = 10_000
"""Set-aside rows that are listed one by one for each reason; what is more is counted in one entry."""
MAX_KINDS: Final = 10_000
_ID_COLUMN: Final = "id"


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        columns: All but the geometry, by the file's names, shape (n,) each.
        shapes: In the file's coordinates, None where there is none; shape (n,).
        wkb: The same as the file has it; None where it has it in another form.
        label: What a row is called that has no id: `row 7`, `line 8`.
        place: What a row's hash begins with where the file has no WKB.
    """

    columns: Mapping[str, Array]
    shapes: Shapes
    wkb: Array | None
    label: Callable[[int], str]
    place: Array | None = None


@contextmanager
def uncollected() -> Iterator[None]:
    """A while without Python's collector of cycles.

    Shapes come by the hundred thousand and none is part of a cycle; looking at them again and again would
    take an eighth of an import's time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Listed:
    """Set-aside rows: listed one by one, up to a limit for each reason, and all of them counted."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.counts: Counter[str] = Counter()
        self._entries: list[SetAside] = []

    def add(self, local_id: str, reason: str) -> None:
        """One more row."""
        self.counts[reason] += 1
        if self.counts[reason] <= MAX_LISTED:
            self._entries.append(SetAside(self.layer, local_id, reason))

    def entries(self) -> list[SetAside]:
        """All, with one entry for those of a reason that are too many to list."""
        more = [
            SetAside(self.layer, "…", f"{count - MAX_LISTED:,} more rows: {reason}")
            for reason, count in self.counts.items()
            if count > MAX_LISTED
        ]
        return [*self._entries, *more]


@dataclass(frozen=True)
class Built:
    """A layer that is whole. ``bounds`` is None where it is empty."""

    table: pa.Table
    set_aside: list[SetAside]
    remarks: tuple[str, ...]
    bounds: Bounds | None


@dataclass
class Builder:
    """Takes batches, gives a layer.

    Attributes:
        layer: A key of ``LAYERS``.
        mapped: Columns of the file for ours.
        place: Where the file's coordinates lie.
        source: Of rows that do not say theirs.
        provenance: Likewise.
        bounds: Only what meets them.
        own_id: Whether the column of ids holds ids; else rows are hashed.
        tags: How a column of OpenStreetMap's tags is read, where there is one.
    """

    layer: str
    mapped: Mapped
    place: Placement
    source: str
    provenance: str = SURVEYED
    bounds: Bounds | None = None
    own_id: bool = True
    tags: TagRules | None = None
    listed: Listed = field(init=False)

    def __post_init__(self) -> None:
        self.listed = Listed(self.layer)
        self._tables: list[pa.Table] = []
        self._ids: list[Array] = []
        self._kinds: set[str] = set()
        self._rejected: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._notes: Counter[str] = Counter()
        self._hashed = 0
        self._checked = False

    def add(self, batch: Batch) -> None:
        """Take over the rows of a batch that can be, and list the others.

        Raises:
            SourceFileError: The coordinates are another system's, or their axes are swapped.
            SettingError: The column of kinds holds no kinds.
        """
        if not self._checked and len(batch.shapes):
            self._checked = True
            self.place.check(*middles(batch.shapes), self.bounds)
        columns = flattened(batch.columns, self.tags)
        place = None if self.place.is_lonlat else self.place.to_lonlat
        sound = sound_shapes(self.layer, batch.shapes, place, self.bounds)
        sound = in_layer(self.layer, sound, columns, self.tags)
        self._list(batch, columns, sound)
        self._notes["elsewhere"] += sound.elsewhere
        kept = _taken(columns, sound.keep)
        view = View(kept, self.mapped.theirs, len(sound.keep))
        ours = layer_columns(self.layer, view, self.provenance, self.source)
        self._check_kinds(ours["kind"])
        self._note_rejected(view)
        parts = _Parts({name: column for name, column in kept.items() if not self._is_tags(name)})
        if self.tags is not None:
            tags = map_fragments(kept[self.tags.column], self.tags.used(self.mapped.theirs))
            parts.add(self.tags.column, tags)
        self._ids.append(self._batch_ids(batch, sound, view, parts))
        shapes, more = areas_of_lines(self.layer, sound.shapes, ours, view)
        same = place is None and shapes is sound.shapes and batch.wkb is not None
        wkb = plain_wkb(shapes, _rows_of(batch.wkb, sound.keep) if same else None)
        self._append((shapes, wkb), {**ours, **more, "attributes": self._attributes(view, parts)})

    def _append(self, geometry: tuple[Shapes, Array], columns: dict[str, Any]) -> None:
        numbers = pa.array(np.arange(len(geometry[0]))).cast(pa.string())
        self._tables.append(layer_table(self.layer, geometry=geometry, id=numbers, **columns))

    def finish(self) -> Built:
        """The layer, in the file's order, with what is to be said of it."""
        schema = LAYERS[self.layer]
        table = pa.concat_tables(self._tables) if self._tables else schema.empty_table()
        ids, changed, example = unique(_joined(self._ids))
        if changed:
            self._notes["changed"] = changed
            self._examples["changed"] = example
        number = schema.get_field_index(_ID_COLUMN)
        table = table.set_column(number, schema.field(_ID_COLUMN), ids)
        index = pa.array(np.arange(len(ids), dtype=np.uint32))
        table = table.set_column(schema.get_field_index("index"), schema.field("index"), index)
        return Built(
            validate_layer(self.layer, table.unify_dictionaries()),
            self.listed.entries(),
            tuple(self._remarks()),
            bounds_of(table),
        )

    def _list(self, batch: Batch, columns: Mapping[str, Array], sound: Sound) -> None:
        bad = np.flatnonzero(sound.reasons != "")
        if not len(bad):
            return
        name = self.mapped.theirs.get(_ID_COLUMN)
        text = None if name is None else texts(columns[name].take(pa.array(bad)))
        if text is not None and self.tags is not None:
            text = self.tags.short_ids(text)
        known = None if text is None else text.to_pylist()
        for place, row in enumerate(bad.tolist()):
            said = known[place] if known is not None else None
            self.listed.add(said or batch.label(row), str(sound.reasons[row]))

    def _check_kinds(self, kinds: Array) -> None:
        self._kinds.update(kinds.unique().to_pylist())
        if len(self._kinds) > MAX_KINDS:
            raise SettingError(
                f"columns: kind={self.mapped.theirs['kind']!r}: more than {MAX_KINDS:,} different kinds; "
                "needed: a column of a few words, or kind= for none"
            )

    def _note_rejected(self, view: View) -> None:
        for ours, rejected in view.rejected.items():
            count = int(rejected.sum())
            raw = view.raw(ours)
            if count and raw is not None:
                self._rejected[ours] += count
                self._examples.setdefault(ours, str(raw[int(np.argmax(rejected))].as_py())[:80])

    def _is_tags(self, name: str) -> bool:
        return self.tags is not None and (name == self.tags.column or name in self.tags.virtual)

    def _batch_ids(self, batch: Batch, sound: Sound, view: View, parts: "_Parts") -> Array:
        ids = own_ids(view.text(_ID_COLUMN)) if self.own_id and _ID_COLUMN in view.theirs else None
        if ids is not None and self.tags is not None:
            ids = self.tags.short_ids(ids)
        if ids is not None and not ids.null_count:
            return ids
        place = batch.wkb if batch.place is None else batch.place
        place = pa.array(shapely.to_wkb(batch.shapes), pa.binary()) if place is None else place
        hashes = row_hashes(_rows_of(place, sound.keep), objects(parts.of(parts.names), view.n_rows))
        self._hashed += view.n_rows if ids is None else ids.null_count
        return hashes if ids is None else pc.coalesce(ids, hashes)

    def _attributes(self, view: View, parts: "_Parts") -> Array:
        """What is not taken over: columns that are not used, and values that could not be."""
        used = {name: ours for ours, name in view.theirs.items()}
        if not self.own_id:
            used.pop(view.theirs.get(_ID_COLUMN, ""), None)
        rest = parts.of([name for name in parts.names if name not in used])
        for name, ours in used.items():
            rejected = view.rejected.get(ours)
            if name in parts.names and rejected is not None and rejected.any():
                for part in parts.of([name]).values():
                    rest[name] = only_where(pa.array(rejected), part)
        text, long = sized(objects(rest, view.n_rows))
        self._notes["long"] += long
        return text

    def _remarks(self) -> Iterable[str]:
        for ours, count in sorted(self._rejected.items()):
            yield (
                f"{self.layer}.{ours}: {count:,} values cannot be used, such as {self._examples[ours]!r}; "
                "they stay in attributes"
            )
        if self._notes["changed"]:
            yield (
                f"{self.layer}: {self._notes['changed']:,} ids stand more than once, "
                f"such as {self._examples['changed']!r}; the second got ~2 behind it, and so on"
            )
        if self._hashed:
            yield f"{self.layer}: {self._hashed:,} rows have no id of their own; theirs is a hash of the row"
        if self._notes["elsewhere"]:
            yield f"{self.layer}: {self._notes['elsewhere']:,} rows lie outside the bounds asked for"
        if self._notes["long"]:
            yield (
                f"{self.layer}: {self._notes['long']:,} rows say more than {MAX_ATTRIBUTES_BYTES:,} bytes "
                "in other columns; those are left out"
            )


class _Parts:
    """JSON of each column as it is asked for, in the order of names, so that a row's hash keeps."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self._columns = dict(columns)
        self._known: dict[str, Array] = {}
        self.names = sorted(columns)

    def add(self, name: str, part: Array) -> None:
        """A part that is made elsewhere."""
        self._known[name] = part
        self.names = sorted({*self.names, name})

    def of(self, names: Iterable[str]) -> dict[str, Array]:
        """Parts of some columns; a column that JSON cannot hold has none."""
        wanted = list(names)
        missing = {name: self._columns[name] for name in wanted if name not in self._known}
        self._known.update(fragments(missing))
        return {name: self._known[name] for name in wanted if name in self._known}


def _rows_of(column: Array, keep: Any) -> Array:  # noqa: ANN401 - row numbers
    return column if len(keep) == len(column) else column.take(pa.array(keep))


def _taken(columns: Mapping[str, Array], keep: Any) -> dict[str, Array]:  # noqa: ANN401 - row numbers
    return {name: _rows_of(column, keep) for name, column in columns.items()}


def _joined(arrays: list[Array]) -> Array:
    return pa.concat_arrays(arrays) if arrays else pa.array([], pa.string())
