"""Rectangles packed onto a sheet: in rows, the highest first, as small a sheet as will do."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

__all__ = ["Layout", "packed"]

IntArray = npt.NDArray[np.int64]

_SIDES = (64, 128, 256, 512, 1024, 2048)
# Where the largest sheet is too small, everything shrinks by this, again and again.
_SHRINK = 0.85


@dataclass(frozen=True, slots=True)
class Layout:
    """Where rectangles lie on a sheet.

    Attributes:
        SEAM: Pixels around each that belong to it too, so that neighbours do not shine through.
        size: Width and height of the sheet, each a power of two.
        boxes: Left, upper, width, height of each rectangle without its seam, shape (k, 4).
    """

    SEAM: ClassVar[int] = 2

    size: tuple[int, int]
    boxes: IntArray


def packed(wanted: IntArray) -> Layout:
    """Pack rectangles.

    Args:
        wanted: Width and height of each, at least 1, shape (k, 2); less is what they get on a full sheet.
    """
    sizes = np.asarray(wanted)
    while True:
        for number, height in enumerate(_SIDES):
            for width in _SIDES[number : number + 2]:
                boxes = _rows(sizes, width, height)
                if boxes is not None:
                    return Layout((width, height), boxes)
        if sizes.max() <= 1:
            raise ValueError(f"{len(sizes)} rectangles: too many for one sheet")
        sizes = np.maximum((sizes * _SHRINK).astype(np.int64), 1)


def _rows(sizes: IntArray, width: int, height: int) -> IntArray | None:
    """Rectangles row by row on a sheet of this size, or None where they do not fit."""
    outer = sizes + 2 * Layout.SEAM
    if outer.prod(axis=1).sum() > width * height or outer[:, 0].max() > width:
        return None
    boxes = np.empty((len(sizes), 4), np.int64)
    boxes[:, 2:] = sizes
    x = y = row_height = 0
    for k in np.lexsort((-outer[:, 0], -outer[:, 1])).tolist():
        across, down = outer[k].tolist()
        if x + across > width:
            x, y, row_height = 0, y + row_height, 0
        row_height = max(row_height, down)
        if y + row_height > height:
            return None
        boxes[k, :2] = x + Layout.SEAM, y + Layout.SEAM
        x += across
    return boxes
