"""Local ids: the source's own where it has one, else a hash of the source's row; unique in any case."""

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.city.sources.vector_arrow import Array, only_where, pc

__all__ = ["MAX_ID", "own_ids", "row_hashes", "unique"]

MAX_ID: Final = 200
"""Characters of a local id; a longer one counts as none."""
_HEX: Final = 20
"""80 bits, as in ``city.ids.row_id``: of a hundred million rows two share one with a chance below 10^-8."""


def own_ids(text: Array) -> Array:
    """Ids as the source has them, null where one is missing or too long to be one."""
    return only_where(pc.less_equal(pc.utf8_length(text), MAX_ID), text)


def row_hashes(wkb: Array, attributes: Array) -> Array:
    """``h`` and 20 hexadecimal digits of each row's geometry and attributes as the file has them, shape (n,).

    Args:
        wkb: Geometry in the file's own coordinates, so that another version of PROJ changes no id.
        attributes: All columns of the row as JSON text.
    """
    digest = hashlib.sha256
    rows = zip(wkb.to_pylist(), attributes.to_pylist(), strict=True)
    return pa.array(
        ["h" + digest((shape or b"") + (text or "").encode()).hexdigest()[:_HEX] for shape, text in rows],
        pa.string(),
    )


def unique(ids: Array) -> tuple[Array, int, str]:
    """The same ids, where the second of two gets ``~2`` behind it, the third ``~3``, in the file's order.

    Returns:
        Ids; how many were changed; one that stands more than once.
    """
    codes = ids.dictionary_encode()
    code = codes.indices.to_numpy(zero_copy_only=False)
    if len(codes.dictionary) == len(ids):
        return ids, 0, ""
    nth = _occurrence(code)
    again = np.flatnonzero(nth)
    words = ids.to_numpy(zero_copy_only=False).astype(object)
    taken = set(codes.dictionary.to_pylist())
    for row in again.tolist():
        number = int(nth[row]) + 1
        while f"{words[row]}~{number}" in taken:
            number += 1
        words[row] = f"{words[row]}~{number}"
        taken.add(words[row])
    example = codes.dictionary[int(code[again[0]])].as_py()
    return pa.array(words, pa.string()), len(again), str(example)


def _occurrence(code: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """How many of the same stand before each, shape (n,)."""
    order = np.argsort(code, kind="stable")
    ranked = code[order]
    new = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    start = np.maximum.accumulate(np.where(new, np.arange(len(code)), 0))
    nth = np.empty(len(code), dtype=np.int64)
    nth[order] = np.arange(len(code)) - start
    return nth
