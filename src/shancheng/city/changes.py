"""What differs between two versions of a layer, and the indices that objects keep from one to the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.arrow import AnyChunked

__all__ = ["Changes", "Ids", "changes_between", "column_differs", "rows_of", "with_indices"]

Rows = npt.NDArray[np.int64]
_DERIVED: Final = frozenset({"id", "index", "bbox"})
# Rows compared at a time.
_SLICE: Final = 65_536


class Ids(Sequence[str]):
    """Local ids in order, equal to any sequence of the same.

    They stay an Arrow array, for a new layer can have ten million of them.
    """

    def __init__(self, ids: Any) -> None:  # noqa: ANN401 - a string array
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Ids": ...
    def __getitem__(self, place: int | slice) -> "str | Ids":
        if isinstance(place, slice):
            return Ids(self._ids[place])
        return str(self._ids[place].as_py())

    def __iter__(self) -> Iterator[str]:
        return (str(value) for value in self._ids.to_pylist())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ids):
            return bool(self._ids.equals(other._ids))
        return isinstance(other, Sequence) and not isinstance(other, str) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self[:10]))[:-1] + (", …)" if len(self) > 10 else ")")  # noqa: PLR2004


@dataclass(frozen=True)
class Changes:
    """Local ids, each list in order."""

    added: Sequence[str] = ()
    changed: Sequence[str] = ()
    removed: Sequence[str] = ()

    @property
    def count(self) -> int:
        """How many objects differ."""
        return len(self.added) + len(self.changed) + len(self.removed)


def changes_between(old: pa.Table | None, new: pa.Table) -> Changes:
    """Compare two versions of a layer by id.

    Args:
        old: None where there was none before.
        new: Of the same layer.
    """
    if old is None:
        return Changes(added=_ids(new.column("id")))
    place = rows_of(new.column("id"), old.column("id"))
    kept = np.flatnonzero(place >= 0)
    gone = np.ones(old.num_rows, dtype=bool)
    gone[place[kept]] = False
    changed = np.zeros(new.num_rows, dtype=bool)
    changed[kept[_differs(old, place[kept], new, kept)]] = True
    return Changes(
        added=_ids(new.column("id").filter(pa.array(place < 0))),
        changed=_ids(new.column("id").filter(pa.array(changed))),
        removed=_ids(old.column("id").filter(pa.array(gone))),
    )


def with_indices(table: pa.Table, old: pa.Table | None, next_index: int) -> tuple[pa.Table, int]:
    """The table with its dense integers: known ids keep theirs, new ids get unused ones in the table's order.

    Args:
        table: The new version; what its ``index`` holds is replaced.
        old: The version before, or None.
        next_index: The smallest index that was never given.

    Returns:
        The table, and the smallest index that is unused now.
    """
    index = np.full(table.num_rows, -1, dtype=np.int64)
    if old is not None and old.num_rows:
        place = rows_of(table.column("id"), old.column("id"))
        known = place >= 0
        index[known] = old.column("index").to_numpy()[place[known]]
    new = np.flatnonzero(index < 0)
    index[new] = next_index + np.arange(len(new))
    at = table.schema.get_field_index("index")
    column = pa.chunked_array([pa.array(index.astype(np.uint32))])
    return table.set_column(at, table.schema.field(at), column), next_index + len(new)


def column_differs(old: AnyChunked, old_rows: Rows, new: AnyChunked, new_rows: Rows) -> npt.NDArray[np.bool_]:
    """Which of some rows differ between two versions of a column; both lists of rows have shape (k,)."""
    differs = np.zeros(len(new_rows), dtype=bool)
    for first in range(0, len(new_rows), _SLICE):
        part = slice(first, first + _SLICE)
        differs[part] = _column_differs(_rows(old, old_rows[part]), _rows(new, new_rows[part]))
    return differs


def rows_of(ids: AnyChunked, among: AnyChunked) -> Rows:
    """Row of each id in ``among``, -1 where it is not there."""
    found: Any = pc.index_in(ids, value_set=among)
    filled: Any = pc.fill_null(found, -1)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def _differs(old: pa.Table, old_rows: Rows, new: pa.Table, new_rows: Rows) -> npt.NDArray[np.bool_]:
    """Which of some rows differ in a column that is not derived from others, shape (k,)."""
    differs = np.zeros(len(new_rows), dtype=bool)
    for name in (set(old.column_names) | set(new.column_names)) - _DERIVED:
        if name not in old.column_names or name not in new.column_names:
            differs[:] = True
            continue
        differs |= column_differs(old.column(name), old_rows, new.column(name), new_rows)
    return differs


def _column_differs(old: Any, new: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - any two arrays
    """Which rows differ; two missing values are equal, and so are two that are not a number."""
    if old.type != new.type:
        return np.ones(len(new), dtype=bool)
    return _array_differs(old, new)


def _rows(column: AnyChunked, rows: Rows) -> Any:  # noqa: ANN401 - any array
    """Some rows of a column as one array of plain values.

    Taking rows of a column in pieces first joins all of them. Both versions are in the order of ids, so a
    slice holds what is wanted and little else.
    """
    first, last = int(rows.min()), int(rows.max()) + 1
    piece: Any = column.slice(first, last - first)
    if isinstance(column.type, pa.DictionaryType):
        piece = piece.cast(column.type.value_type)
    array = pa.concat_arrays(piece.chunks)
    is_slice = last - first == len(rows) and bool((np.diff(rows) == 1).all())
    return array if is_slice else array.take(pa.array(rows - first))


def _array_differs(old: Any, new: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - any two arrays of a type
    differs: npt.NDArray[np.bool_] = _valid(old) != _valid(new)
    if pa.types.is_struct(new.type):
        both = _valid(old) & _valid(new)
        for place in range(new.type.num_fields):
            differs |= both & _array_differs(old.field(place), new.field(place))
        return differs
    if pa.types.is_list(new.type) or pa.types.is_large_list(new.type):
        return differs | _lists_differ(old, new)
    compared: Any = pc.not_equal(old, new)
    unequal: npt.NDArray[np.bool_] = np.asarray(pc.fill_null(compared, False).to_numpy(zero_copy_only=False))
    if pa.types.is_floating(new.type):
        nan: list[Any] = [pc.fill_null(pc.is_nan(side), False) for side in (old, new)]
        unequal = unequal & ~np.logical_and(*(side.to_numpy(zero_copy_only=False) for side in nan))
    return differs | unequal


def _lists_differ(old: Any, new: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - two arrays of lists
    """Which lists differ in length or in an element; the elements of missing lists count for nothing."""
    lengths = [np.asarray(pc.fill_null(pc.list_value_length(side), 0).to_numpy()) for side in (old, new)]
    differs: npt.NDArray[np.bool_] = lengths[0] != lengths[1]
    same = np.flatnonzero(~differs & (lengths[0] > 0))
    if len(same):
        # `flatten` leaves out what lies below missing lists.
        elements = _array_differs(old.take(pa.array(same)).flatten(), new.take(pa.array(same)).flatten())
        first = np.cumsum(lengths[0][same]) - lengths[0][same]
        differs[same] = np.logical_or.reduceat(elements, first)
    return differs


def _valid(array: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - any array
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def _ids(column: AnyChunked) -> Ids:
    array: Any = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return Ids(array.take(pc.array_sort_indices(array)))
