"""What is drawn, along the curve, in plain NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.partition import curve_keys, rank_keys

AnyArray = npt.NDArray[Any]


def merge(first: AnyArray, gone: AnyArray, second: AnyArray, merged: AnyArray) -> int:
    """As `census_parallel.merge`."""
    both = np.concatenate([first[~gone[first[:, 1]]], second])
    merged[: len(both)] = both[np.argsort(curve_keys(both[:, 2], both[:, 1]))]
    return len(both)


def sort_keys(drawn: AnyArray, code: AnyArray, deepest: AnyArray, rank: AnyArray) -> None:
    """As `census_parallel.sort_keys`."""
    code[:], deepest[:] = drawn[:, 2], drawn[:, 4]
    rank[:] = rank_keys(drawn[:, 3].copy().view(np.float32), drawn[:, 1])
