"""Filling what is empty in a regular grid from what is known: smooth, deterministic, in linear time.

A pyramid of ever coarser means reaches across any gap (“push-pull”); a few rounds of relaxation then take the
steps of the pyramid out of what it filled. Known samples stay as they are.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.errors import InputError
from shancheng.geo.arrays import Float32Array, FloatArray

__all__ = ["fill_voids"]

_ROUNDS: Final = 24
"""Rounds of relaxation: the pyramid leaves steps of one or two samples, which are gone after about ten."""

Mask = npt.NDArray[np.bool_]


def fill_voids(values: npt.NDArray[np.floating]) -> Float32Array:
    """The same grid with a number in every sample.

    Args:
        values: Any unit, NaN where nothing is known, shape (rows, cols).

    Returns:
        float32, shape (rows, cols): known samples unchanged, the others between the least and the largest
        known one.

    Raises:
        InputError: Nothing is known at all.
    """
    known = np.isfinite(values)
    if not known.any():
        raise InputError("grid: holds no number at all; filling needs at least one")
    filled = _spread(np.where(known, values, 0.0).astype(np.float64), known)
    if not known.all():
        _relax(filled, ~known)
    return filled.astype(np.float32)


def _spread(values: FloatArray, known: Mask) -> FloatArray:
    """Fill from a grid of half the size, which is filled in the same way."""
    if known.all():
        return values
    weight = _pooled(known.astype(np.float64))
    coarse = np.divide(_pooled(values * known), weight, out=np.zeros_like(weight), where=weight > 0)
    filled = _doubled(_spread(coarse, weight > 0))
    return np.where(known, values, filled[: values.shape[0], : values.shape[1]])


def _pooled(values: FloatArray) -> FloatArray:
    """Sums of squares of four; what is missing at an odd edge counts as nothing."""
    rows, cols = values.shape
    even = np.pad(values, ((0, rows % 2), (0, cols % 2)))
    sums: FloatArray = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).sum(axis=(1, 3))
    return sums


def _doubled(values: FloatArray) -> FloatArray:
    """Twice the size, bilinear between the centres of the coarse samples."""
    for axis in (0, 1):
        first = np.concatenate([np.take(values, [0], axis), np.delete(values, -1, axis)], axis)
        last = np.concatenate([np.delete(values, 0, axis), np.take(values, [-1], axis)], axis)
        pair = np.stack([0.75 * values + 0.25 * first, 0.75 * values + 0.25 * last], axis + 1)
        shape = list(values.shape)
        shape[axis] *= 2
        values = pair.reshape(shape)
    return values


def _relax(values: FloatArray, free: Mask) -> None:
    """Move free samples towards the mean of their four neighbours, in place."""
    for _ in range(_ROUNDS):
        padded = np.pad(values, 1, mode="edge")
        mean = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        np.copyto(values, mean / 4, where=free)
