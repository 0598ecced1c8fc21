"""The partition, compiled; `partition_reference.py` says the same in plain Python."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.jit import kernel

IntArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.uint64]
LevelArray = npt.NDArray[np.uint8]


@kernel("uint64(uint64[::1], int64)")
def kth_smallest(values: CodeArray, k: int) -> Any:  # noqa: ANN401 - uint64
    """The value that has k smaller ones (quickselect); rearranges `values`, which must be unique."""
    low = 0
    high = len(values) - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        i = low
        j = high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@kernel("int64(uint64[::1], int64)")
def sift(values: CodeArray, k: int) -> int:
    """Bring the k + 1 smallest values, and not many more, to the front; how many there are in front.

    A bound for them is taken from a sample; where that fails, all values count as being in front.
    """
    n = len(values)
    step = 32
    sampled = n // step
    wanted = (k + 1) * sampled // n
    # Four deviations of what a sample of that size may miss, and some.
    wanted += 4 * int(np.sqrt(wanted)) + 8
    if 4 * wanted > sampled:
        return n
    sample = np.empty(sampled, np.uint64)
    for i in range(sampled):
        sample[i] = values[i * step]
    bound = kth_smallest(sample, wanted)
    front = 0
    for i in range(n):
        value = values[i]
        if value <= bound:
            values[i] = values[front]
            values[front] = value
            front += 1
    return front if front > k else n


@kernel("uint64(uint64, uint64)")
def roundest(low: Any, high: Any) -> Any:  # noqa: ANN401 - uint64
    """The number above `low` and up to `high`, which is larger, that ends in the most zeros."""
    differing = low ^ high
    zeros = np.uint64(0)
    while differing > np.uint64(1):
        differing >>= np.uint64(1)
        zeros += np.uint64(1)
    return (high >> zeros) << zeros


@kernel(
    "int64(uint64[::1], uint8[::1], uint64[::1], int64, int64, int64,"
    " int64[::1], int64[::1], uint64[::1], int64[::1])"
)
def _assign(
    code: CodeArray,
    deepest: LevelArray,
    rank: CodeArray,
    capacity: int,
    slack: int,
    max_level: int,
    order: IntArray,
    tile_level: IntArray,
    tile_code: CodeArray,
    tile_start: IntArray,
) -> int:
    """Walk the tree depth first; a node's items are one run of the curve, so its children's are too."""
    n = len(code)
    rest = np.arange(n).astype(np.int32)
    ranks = np.empty(n, np.uint64)
    stack = np.empty((4 * max_level + 4, 3), np.int64)
    stack[0, 0] = 0
    stack[0, 1] = n
    stack[0, 2] = 0
    depth = 1
    tiles = 0
    done = 0
    while depth > 0:
        depth -= 1
        first = stack[depth, 0]
        last = stack[depth, 1]
        level = stack[depth, 2]
        tile_level[tiles] = level
        tile_code[tiles] = code[rest[first]] >> np.uint64(2 * (max_level - level))
        tile_start[tiles] = done
        tiles += 1
        if level == max_level or 2 * (last - first) <= 3 * capacity:
            order[done : done + last - first] = rest[first:last]
            done += last - first
            continue
        movable = 0
        for i in range(first, last):
            if deepest[rest[i]] > level:
                ranks[movable] = rank[rest[i]]
                movable += 1
        room = capacity - (last - first - movable)
        all_stay = room >= movable
        limit: Any = np.uint64(0)  # ranks below this one stay
        if room > 0 and not all_stay:
            few = sift(ranks[:movable], room)
            first_out = kth_smallest(ranks[:few], room)
            limit = roundest(kth_smallest(ranks[:room], max(room - slack, 1) - 1), first_out)
        kept = first
        for i in range(first, last):
            item = rest[i]
            if deepest[item] <= level or all_stay or rank[item] < limit:
                order[done] = item
                done += 1
            else:
                rest[kept] = item
                kept += 1
        shift = np.uint64(2 * (max_level - level - 1))
        end = kept
        for quadrant in range(3, -1, -1):
            begin = end
            while begin > first and (code[rest[begin - 1]] >> shift) & np.uint64(3) == quadrant:
                begin -= 1
            if begin < end:
                stack[depth, 0] = begin
                stack[depth, 1] = end
                stack[depth, 2] = level + 1
                depth += 1
            end = begin
    tile_start[tiles] = done
    return tiles


def assign(
    code: CodeArray, deepest: LevelArray, rank: CodeArray, capacity: int, slack: int, max_level: int
) -> tuple[IntArray, IntArray, CodeArray, IntArray]:
    """Tiles of items sorted along the curve.

    Args:
        code: Morton codes at `max_level`, shape (n,), rising.
        deepest: Deepest level whose cell holds the item, shape (n,).
        rank: Unique key of each item, smaller for the larger one, shape (n,).
        capacity: Items a tile takes at most before it hands on the rest.
        slack: By how many fewer it may take, so that the cut lies at a round number.
        max_level: Deepest level.

    Returns:
        Order of the items tile by tile, shape (n,); level and Morton code of each tile, shape (t,); where its
        items begin, shape (t + 1,).
    """
    n = len(code)
    order, level = np.empty(n, np.int64), np.empty(n, np.int64)
    tile_code, start = np.empty(n, np.uint64), np.empty(n + 1, np.int64)
    tiles = _assign(code, deepest, rank, capacity, slack, max_level, order, level, tile_code, start)
    return order, level[:tiles].copy(), tile_code[:tiles].copy(), start[: tiles + 1].copy()
