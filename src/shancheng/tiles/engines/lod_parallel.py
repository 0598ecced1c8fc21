"""Shares of sizes, compiled; `lod_reference.py` is its plain twin."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.jit import kernel, types

_SIZES = types.Array(types.uint32, 1, "C", readonly=True)
_LEVELS = types.Array(types.uint8, 1, "C", readonly=True)

# Sizes are counted by their upper bits, then those that share the wanted ones by the next, and so on.
_DIGITS = ((20, 12), (8, 12), (0, 8))


@kernel(types.void(_SIZES, _LEVELS, types.float64, types.uint32[::1], types.int64[::1]))
def shares_below(
    bits: npt.NDArray[Any],
    level: npt.NDArray[Any],
    share: float,
    found: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
) -> None:
    """For each level, the size that a share of all things on deeper levels stays below.

    Args:
        bits: Sizes as float32, not negative, and these as uint32, shape (n,).
        level: Level of each thing, shape (n,).
        share: From 0 to 1.
        found: Out: size of the thing at place floor(share * (k - 1)) of the k on deeper levels, in the same
            form; 0 where there are none; shape (levels,).
        counts: Out: how many those are, shape (levels,).
    """
    levels = len(found)
    by_level = np.zeros(levels + 1, np.int64)
    for i in range(len(bits)):
        by_level[min(int(level[i]), levels)] += 1
    deeper = np.int64(0)
    for above in range(levels - 1, -1, -1):
        deeper += by_level[above + 1]
        counts[above] = deeper
        found[above] = 0
    place = np.empty(levels, np.int64)
    for above in range(levels):
        place[above] = np.int64(share * (counts[above] - 1))
    histogram = np.empty((levels, 4096), np.int64)
    for digit in range(3):
        shift = np.uint32(20) if digit == 0 else np.uint32(8) if digit == 1 else np.uint32(0)
        mask = np.uint32(255) if digit == 2 else np.uint32(4095)
        known = np.uint32(0) if digit == 0 else np.uint32(0xFFF00000) if digit == 1 else np.uint32(0xFFFFFF00)
        histogram[:] = 0
        for i in range(len(bits)):
            for above in range(min(int(level[i]), levels)):
                if (bits[i] & known) == found[above]:
                    histogram[above, (bits[i] >> shift) & mask] += 1
        for above in range(levels):
            if counts[above] == 0:
                continue
            value = 0
            while place[above] >= histogram[above, value]:
                place[above] -= histogram[above, value]
                value += 1
            found[above] |= np.uint32(value) << shift
