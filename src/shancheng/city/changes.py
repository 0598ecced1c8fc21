"""What differs between two versions of a layer, and the indices that objects keep from one to the next."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.arrow import AnyChunked

__all__ = ["Changes", "changes_between", "with_indices"]

Rows = npt.NDArray[np.int64]
_DERIVED: Final = frozenset({"id", "index", "bbox"})


@dataclass(frozen=True)
class Changes:
    """Local ids, each list in order."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

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
    place = _rows_of(new.column("id"), old.column("id"))
    kept = np.flatnonzero(place >= 0)
    gone = np.ones(old.num_rows, dtype=bool)
    gone[place[kept]] = False
    differs = _differs(old.take(place[kept]), new.take(kept))
    return Changes(
        added=_ids(new.column("id").take(np.flatnonzero(place < 0))),
        changed=_ids(new.column("id").take(kept[differs])),
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
        place = _rows_of(table.column("id"), old.column("id"))
        known = place >= 0
        index[known] = old.column("index").to_numpy()[place[known]]
    new = np.flatnonzero(index < 0)
    index[new] = next_index + np.arange(len(new))
    at = table.schema.get_field_index("index")
    column = pa.chunked_array([pa.array(index.astype(np.uint32))])
    return table.set_column(at, table.schema.field(at), column), next_index + len(new)


def _rows_of(ids: AnyChunked, among: AnyChunked) -> Rows:
    """Row of each id in ``among``, -1 where it is not there."""
    found: Any = pc.index_in(ids, value_set=among)
    filled: Any = pc.fill_null(found, -1)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def _differs(old: pa.Table, new: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows differ in a column that is not derived from others; both tables are in the same order."""
    differs = np.zeros(new.num_rows, dtype=bool)
    for name in set(old.column_names) | set(new.column_names):
        if name in _DERIVED:
            continue
        if name not in old.column_names or name not in new.column_names:
            differs[:] = True
        else:
            differs |= _column_differs(old.column(name), new.column(name))
    return differs


def _column_differs(old: AnyChunked, new: AnyChunked) -> npt.NDArray[np.bool_]:
    if isinstance(new.type, pa.DictionaryType):
        return _column_differs(old.cast(pa.string()), new.cast(pa.string()))
    if pa.types.is_nested(new.type) or old.type != new.type:
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        return np.array([a != b for a, b in pairs], dtype=bool)
    compared: Any = pc.not_equal(old, new)
    unequal: Any = pc.fill_null(compared, False)
    only_one: Any = pc.xor(pc.is_null(old), pc.is_null(new))
    return np.asarray(unequal.to_numpy() | only_one.to_numpy(), dtype=bool)


def _ids(column: AnyChunked) -> tuple[str, ...]:
    return tuple(sorted(str(value) for value in column.to_pylist()))
