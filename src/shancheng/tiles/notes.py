"""Which rows are drawn in a simpler form than they ask for: counted for reports, known by row for edits."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Note", "Notes"]

IntArray = npt.NDArray[np.int64]

Note = tuple[str, int, int]
"""A reason, the row, and how often it holds there."""


@dataclass(slots=True)
class Notes:
    """Notes on the rows of a table; each counts at least once."""

    entries: list[Note] = field(default_factory=list)

    def add(self, reason: str, rows: IntArray, counts: IntArray | None = None) -> None:
        """Note a reason for some rows, shape (k,), once each or as often as `counts` says; 0 is no note."""
        often = np.ones(len(rows), np.int64) if counts is None else np.asarray(counts)
        held = often > 0
        self.entries += [
            (reason, row, count) for row, count in zip(rows[held].tolist(), often[held].tolist(), strict=True)
        ]

    @property
    def totals(self) -> dict[str, int]:
        """How often each reason holds, in the order of the reasons."""
        return totals(self.entries)


def totals(entries: Iterable[Note]) -> dict[str, int]:
    """As `Notes.totals`, of any notes."""
    found: Counter[str] = Counter()
    for reason, _, count in entries:
        found[reason] += count
    return dict(sorted(found.items()))
