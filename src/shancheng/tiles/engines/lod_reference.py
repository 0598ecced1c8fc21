"""Shares of sizes, in plain NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt


def shares_below(
    bits: npt.NDArray[Any],
    level: npt.NDArray[Any],
    share: float,
    found: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
) -> None:
    """As `lod_parallel.shares_below`."""
    for above in range(len(found)):
        deeper = np.sort(bits[level > above])
        counts[above] = len(deeper)
        found[above] = deeper[int(share * (len(deeper) - 1))] if len(deeper) else 0
