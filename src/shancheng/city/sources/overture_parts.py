"""Parts of buildings and the buildings they belong to.

A building that is named as a parent is drawn by its parts alone. So a part keeps its parent only where the
parts together cover at least half of it, as with OpenStreetMap's own; else the building would vanish with
them.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.sources.vector_arrow import mask_of, pc

__all__ = ["with_sound_parents"]

_PARTS_COVER: Final = 0.5
_PARENT: Final = "parent_id"


def with_sound_parents(table: pa.Table) -> pa.Table:
    """Buildings whose parents are there and covered by their parts; other parts stand for themselves."""
    parents: Any = table.column(_PARENT).combine_chunks()
    said = np.flatnonzero(mask_of(parents.is_valid()))
    if not len(said):
        return table
    ids: Any = table.column("id").combine_chunks()
    owner = _places(ids, parents.take(pa.array(said)))
    known = owner >= 0
    keep = np.zeros(len(said), dtype=bool)
    keep[known] = _covered(table, said[known], owner[known])
    words = parents.to_numpy(zero_copy_only=False).astype(object)
    words[said[~keep]] = None
    column = pa.chunked_array([pa.array(words, pa.string())])
    return table.set_column(table.schema.get_field_index(_PARENT), table.schema.field(_PARENT), column)


def _places(ids: Any, wanted: Any) -> Any:  # noqa: ANN401 - Arrow arrays and row numbers
    """Rows of ids, -1 where there is none."""
    return pc.fill_null(pc.index_in(wanted, ids), -1).to_numpy(zero_copy_only=False)


def _covered(table: pa.Table, parts: Any, owner: Any) -> Any:  # noqa: ANN401
    """Whether the owner of each part is covered by half by all its parts."""
    wkb: Any = table.column("geometry")
    shapes = shapely.from_wkb(wkb.take(pa.array(np.concatenate([parts, owner]))).to_numpy())
    mine, whole = shapes[: len(parts)], shapes[len(parts) :]
    area = np.bincount(owner, weights=shapely.area(mine), minlength=table.num_rows)
    return area[owner] >= _PARTS_COVER * shapely.area(whole)
