"""What is drawn, along the curve, compiled; `census_reference.py` is its plain twin.

A thing drawn is a row of five numbers: row of the heap, index, code of its cell, bits of its size as float32,
deepest level that holds it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.jit import kernel, types

AnyArray = npt.NDArray[Any]

_DRAWN = types.Array(types.uint32, 2, "C", readonly=True)
_FLAGS = types.Array(types.boolean, 1, "C", readonly=True)


@kernel(types.boolean(_DRAWN, types.int64, _DRAWN, types.int64))
def _comes_before(first: AnyArray, i: int, second: AnyArray, j: int) -> bool:
    """Whether one thing comes before another on the curve."""
    if first[i, 2] != second[j, 2]:
        return bool(first[i, 2] < second[j, 2])
    return bool(first[i, 1] < second[j, 1])


@kernel(types.int64(_DRAWN, _FLAGS, _DRAWN, types.uint32[:, ::1]))
def merge(first: AnyArray, gone: AnyArray, second: AnyArray, merged: AnyArray) -> int:
    """Two stretches along the curve as one, without what is gone from the first.

    Args:
        first: Shape (n, 5).
        gone: Whether each index is gone; longer than the largest index of `first`.
        second: Shape (k, 5).
        merged: Out, shape (n + k, 5) or more.

    Returns:
        How many there are.
    """
    count = 0
    j = 0
    for i in range(len(first)):
        if gone[first[i, 1]]:
            continue
        while j < len(second) and _comes_before(second, j, first, i):
            for column in range(5):
                merged[count, column] = second[j, column]
            count += 1
            j += 1
        for column in range(5):
            merged[count, column] = first[i, column]
        count += 1
    while j < len(second):
        for column in range(5):
            merged[count, column] = second[j, column]
        count += 1
        j += 1
    return count


@kernel(types.void(_DRAWN, types.uint64[::1], types.uint8[::1], types.uint64[::1]))
def sort_keys(drawn: AnyArray, code: AnyArray, deepest: AnyArray, rank: AnyArray) -> None:
    """What `partition_parallel.assign` takes.

    Args:
        drawn: Shape (n, 5).
        code: Out, shape (n,).
        deepest: Out, shape (n,).
        rank: Out, shape (n,).
    """
    for i in range(len(drawn)):
        code[i] = np.uint64(drawn[i, 2])
        deepest[i] = np.uint8(drawn[i, 4])
        # Positive floats sort like their bits; the complement puts the largest first.
        rank[i] = (np.uint64(~drawn[i, 3] & np.uint32(0xFFFFFFFF)) << np.uint64(32)) | np.uint64(drawn[i, 1])
