"""Boxes at any angle: which overlap, and which stay when the earlier drives out the later."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.shapes import directions

__all__ = ["Boxes", "first_come", "overlapping"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Boxes:
    """Rectangles on the plane: ``centre`` (n, 2), ``length_m`` along ``azimuth_rad``, ``width_m`` across."""

    centre: FloatArray
    length_m: FloatArray
    width_m: FloatArray
    azimuth_rad: FloatArray

    @property
    def bounds(self) -> FloatArray:
        """West, south, east, north of each, shape (n, 4)."""
        along = np.abs(directions(self.azimuth_rad))
        half = (along * self.length_m[:, None] + along[:, ::-1] * self.width_m[:, None]) / 2
        return np.concatenate([self.centre - half, self.centre + half], axis=1)


def overlapping(first: Boxes, second: Boxes | None = None) -> tuple[IntArray, IntArray]:
    """Pairs of boxes that overlap.

    Args:
        first: Some boxes.
        second: Others; None asks for pairs among the first, each once, the smaller index first.

    Returns:
        Indices into ``first`` and into ``second``, sorted by neither.
    """
    tree = shapely.STRtree(np.asarray(shapely.box(*first.bounds.T)))
    others = first if second is None else second
    j, i = tree.query(shapely.box(*others.bounds.T))
    if second is None:
        once = i < j
        i, j = i[once], j[once]
    touching = _overlap(first, i, others, j)
    return i[touching], j[touching]


def first_come(n: int, first: IntArray, second: IntArray) -> BoolArray:
    """Which of ``n`` things stay when, in their order, each drives out all later ones that it meets.

    In rounds: whatever meets nothing earlier that is still undecided stays, what it meets goes.

    Args:
        n: How many things there are.
        first: The earlier of each pair that meets, shape (p,).
        second: The later one, shape (p,).
    """
    kept, undecided = np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    while len(first):
        waits = np.zeros(n, dtype=np.bool_)
        waits[second] = True
        kept |= undecided & ~waits
        undecided &= waits
        undecided[second[kept[first]]] = False
        open_pairs = undecided[first] & undecided[second]
        first, second = first[open_pairs], second[open_pairs]
    return kept | undecided


def _overlap(a: Boxes, i: IntArray, b: Boxes, j: IntArray) -> BoolArray:
    """Whether no edge direction of either box separates a pair."""
    along_a, along_b = directions(a.azimuth_rad)[i], directions(b.azimuth_rad)[j]
    between = b.centre[j] - a.centre[i]
    cos = np.abs((along_a * along_b).sum(axis=1))
    sin = np.abs(along_a[:, 0] * along_b[:, 1] - along_a[:, 1] * along_b[:, 0])
    length_a, width_a, length_b, width_b = a.length_m[i], a.width_m[i], b.length_m[j], b.width_m[j]
    return np.asarray(
        (_along(between, along_a) <= length_a + length_b * cos + width_b * sin)
        & (_across(between, along_a) <= width_a + length_b * sin + width_b * cos)
        & (_along(between, along_b) <= length_b + length_a * cos + width_a * sin)
        & (_across(between, along_b) <= width_b + length_a * sin + width_a * cos)
    )


def _along(between: FloatArray, direction: FloatArray) -> FloatArray:
    return np.asarray(2 * np.abs((between * direction).sum(axis=1)))


def _across(between: FloatArray, direction: FloatArray) -> FloatArray:
    return np.asarray(2 * np.abs(between[:, 0] * direction[:, 1] - between[:, 1] * direction[:, 0]))
