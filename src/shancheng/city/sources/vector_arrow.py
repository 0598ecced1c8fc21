"""Arrow's functions as readers of tables use them: without stubs, that know too little; nulls are decided."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

__all__ = ["Array", "Mask", "mask_of", "offsets_of", "only_where", "pc"]

pc: Final[Any] = pyarrow.compute
Array = Any
"""An Arrow array of any type."""
Mask = npt.NDArray[np.bool_]


def mask_of(truth: Array) -> Mask:
    """An array of truth as NumPy's, shape (n,); null is no."""
    filled = pc.fill_null(truth, pa.scalar(value=False))
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=bool)


def only_where(truth: Array | Mask, column: Array) -> Array:
    """The column's values where that is true, null elsewhere."""
    chosen = pa.array(truth) if isinstance(truth, np.ndarray) else truth
    return pc.if_else(pc.fill_null(chosen, pa.scalar(value=False)), column, pa.scalar(None, column.type))


def offsets_of(lists: Array) -> npt.NDArray[np.int32]:
    """Where each list begins in its flattened values, then the end, shape (n + 1,); a null is empty."""
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
