"""Overture's linear references: a segment whose level, width or flags change along it becomes several ways.

A rule without `between` holds for the whole segment; one with it from one share of its length to another. A
segment is cut where a rule that matters begins or ends, so that a bridge is as long as it is.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.sources.vector_arrow import Array, Mask, mask_of, offsets_of, pc
from shancheng.city.sources.vector_shapes import Shapes
from shancheng.geo.arrays import FloatArray

__all__ = ["Pieces", "Rules", "cut_lines", "pieces_of", "rules_of"]

Ints = npt.NDArray[np.int64]
_SHARE_STEP: Final = 1e-9
_MOST_PIECES: Final = 200
"""Of one segment; one with more is kept whole with what holds for all of it."""


@dataclass(frozen=True)
class Rules:
    """Rules of many segments: whose, from where to where, what; shape (r,). ``bad`` ones have no range."""

    row: Ints
    start: FloatArray
    end: FloatArray
    value: Any
    bad: int


@dataclass(frozen=True)
class Pieces:
    """Parts of segments in the order of segments: whose, and from which share of the length to which."""

    row: Ints
    start: FloatArray
    end: FloatArray

    @property
    def is_part(self) -> Mask:
        """Which are less than their segment, shape (p,)."""
        return np.asarray((self.start > 0) | (self.end < 1))

    def flagged(self, rules: Rules, chosen: Mask) -> Mask:
        """Pieces on which one of the chosen rules holds, shape (p,)."""
        first, last = self._covered(rules)
        change = np.zeros(len(self.row) + 1, dtype=np.int64)
        np.add.at(change, first[chosen], 1)
        np.add.at(change, np.maximum(first, last)[chosen], -1)
        return np.asarray(np.cumsum(change)[:-1] > 0)

    def values(self, rules: Rules, otherwise: FloatArray) -> FloatArray:
        """The value that holds on each piece, shape (p,); where several do, the last."""
        found = otherwise.copy()
        first, last = self._covered(rules)
        counts = np.maximum(last - first, 0)
        places = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(
            counts.sum()
        )
        found[places] = np.repeat(np.asarray(rules.value, dtype=np.float64), counts)
        return found

    def _covered(self, rules: Rules) -> tuple[Ints, Ints]:
        """Pieces whose middle lies within each rule: a range of them, shape (r,) each."""
        middle = self.row * 2.0 + (self.start + self.end) / 2
        first = np.searchsorted(middle, rules.row * 2.0 + rules.start, side="left")
        return first, np.searchsorted(middle, rules.row * 2.0 + rules.end, side="right")


def rules_of(column: Array, name: str = "value") -> Rules:
    """Rules of a column, one list a segment.

    Args:
        column: Lists of records with ``between`` and the named field.
        name: Of the field that holds the value; of lists of words every word makes a rule.
    """
    row = np.repeat(np.arange(len(column)), np.diff(offsets_of(column)))
    records = column.flatten()
    start, end, good = _ranges(pc.struct_field(records, "between"))
    values = pc.struct_field(records, name)
    if pa.types.is_list(values.type):
        words = np.diff(offsets_of(values))
        row, start, end, good = (
            np.repeat(row, words),
            np.repeat(start, words),
            np.repeat(end, words),
            np.repeat(good, words),
        )
        values = values.flatten()
    said = mask_of(values.is_valid())
    keep = good & said
    chosen = values.filter(pa.array(keep))
    return Rules(row[keep], start[keep], end[keep], chosen.to_numpy(zero_copy_only=False), int((~good).sum()))


def _ranges(between: Array) -> tuple[FloatArray, FloatArray, Mask]:
    n = len(between)
    start, end, good = np.zeros(n), np.ones(n), np.ones(n, dtype=bool)
    said = mask_of(between.is_valid())
    offsets = offsets_of(between)
    flat = pc.fill_null(between.flatten(), np.nan).to_numpy(zero_copy_only=False)
    pair = said & (np.diff(offsets) == 2)  # noqa: PLR2004 - from, to
    first = offsets[:-1][pair]
    start[pair], end[pair] = flat[first], flat[first + 1]
    with np.errstate(invalid="ignore"):
        good[said] = (
            pair[said] & (start[said] >= 0) & (end[said] <= 1) & (end[said] - start[said] > _SHARE_STEP)
        )
    return start, end, good


def pieces_of(lines: Shapes, rules: list[Rules]) -> Pieces:
    """Where segments have to be cut so that each rule holds on whole pieces; what is no line stays whole."""
    n_rows = len(lines)
    row = np.concatenate([np.arange(n_rows), np.arange(n_rows), *(part.row for part in rules for _ in "ab")])
    share = np.concatenate(
        [np.zeros(n_rows), np.ones(n_rows), *(side for part in rules for side in (part.start, part.end))]
    )
    # Shares that differ by less than a step are one cut.
    steps = np.round(share / _SHARE_STEP).astype(np.int64)
    cuts = np.unique(np.column_stack([row, steps]), axis=0)
    whole = np.bincount(cuts[:, 0], minlength=n_rows) > _MOST_PIECES
    whole |= (shapely.get_type_id(lines) != shapely.GeometryType.LINESTRING) | ~(shapely.length(lines) > 0)
    cuts = cuts[~whole[cuts[:, 0]] | np.isin(cuts[:, 1], (0, round(1 / _SHARE_STEP)))]
    same = cuts[1:, 0] == cuts[:-1, 0]
    share = cuts[:, 1] * _SHARE_STEP
    return Pieces(cuts[:-1, 0][same], share[:-1][same], share[1:][same])


def cut_lines(lines: Shapes, pieces: Pieces) -> Shapes:
    """The shape of each piece; a segment that is one piece stays as it is. Shape (p,)."""
    shapes: Shapes = lines[pieces.row]
    chosen = np.flatnonzero(pieces.is_part)
    if not len(chosen):
        return shapes
    owners, line = np.unique(pieces.row[chosen], return_inverse=True)
    share, points, owner = _shares(lines[owners])
    shapes[chosen] = _pieces(share, points, owner, line, pieces.start[chosen], pieces.end[chosen])
    return shapes


def _shares(lines: Shapes) -> tuple[FloatArray, FloatArray, Ints]:
    """How far along its line each corner lies, 0 to 1, by length on the ground; the corners; their line."""
    points, owner = shapely.get_coordinates(lines, return_index=True)
    squeeze = np.cos(np.radians(np.clip(points[:, 1], -89.0, 89.0)))
    step = np.hypot(np.diff(points[:, 0]) * squeeze[1:], np.diff(points[:, 1]))
    step[owner[1:] != owner[:-1]] = 0.0
    run = np.concatenate([[0.0], np.cumsum(step)])
    first = np.searchsorted(owner, np.arange(len(lines)))
    last = np.searchsorted(owner, np.arange(len(lines)), side="right") - 1
    length = run[last] - run[first]
    share = (run - run[first][owner]) / np.where(length > 0, length, 1.0)[owner]
    return np.clip(share, 0.0, 1.0), points, owner


def _pieces(
    share: FloatArray, points: FloatArray, owner: Ints, line: Ints, start: FloatArray, end: FloatArray
) -> Shapes:
    key = owner * 2.0 + share
    inner_from = np.searchsorted(key, line * 2.0 + start, side="right")
    inner_to = np.searchsorted(key, line * 2.0 + end, side="left")
    inner = np.maximum(inner_to - inner_from, 0)
    size = inner + 2
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    corners = np.empty((int(size.sum()), 2))
    corners[first] = _points_at(key, points, line * 2.0 + start)
    corners[first + size - 1] = _points_at(key, points, line * 2.0 + end)
    within = np.repeat(inner_from - np.concatenate([[0], np.cumsum(inner)[:-1]]), inner) + np.arange(
        inner.sum()
    )
    corners[
        np.repeat(first + 1 - np.concatenate([[0], np.cumsum(inner)[:-1]]), inner) + np.arange(inner.sum())
    ] = points[within]
    return np.asarray(
        shapely.linestrings(corners, indices=np.repeat(np.arange(len(line)), size)), dtype=object
    )


def _points_at(key: FloatArray, points: FloatArray, wanted: FloatArray) -> FloatArray:
    """Points between corners; ``key`` is two for each line, and the share along it."""
    after = np.searchsorted(key, wanted, side="left")
    before = np.maximum(after - 1, 0)
    gap = key[after] - key[before]
    t = np.where(gap > 0, (key[after] - wanted) / np.where(gap > 0, gap, 1.0), 0.0)
    # Of a corner itself nothing is mixed in, which keeps the ends of neighbours equal to the last bit.
    return np.asarray(points[after] - t[:, None] * (points[after] - points[before]))
