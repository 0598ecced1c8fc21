"""When a viewer asks for the next level of an additive quadtree.

Implicit tiling gives one number, the root's geometric error, and halves it with each level. A viewer goes on
to a tile's children when the tile's error covers more than its target (16 pixels by default). Two wishes pull
at it:

* Nothing large may be missing. The error of a level should be the size of the largest feature still to come,
  so the root's error should be that size times 2^level for the worst level. One tower deep in the tree must
  not pull the whole city in, so not the largest counts but the size that nine in ten of those to come stay
  below.
* A screen must not need too many tiles. When a tile's error is a fixed share of its cell's side, every tile
  that is refined covers about as many pixels, and their number is bounded however large the city is, as for
  map tiles.

So the first wish is granted between two bounds of the second: children are asked for at the latest when their
parent's cell is 1,024 pixels wide, and never before it is 256.
"""

import math

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.geo.quadtree import RootCell
from shancheng.tiles.constants import ERROR_TARGET_PX

_LATEST_PX, _EARLIEST_PX = 1024.0, 256.0
_SHARE_BELOW = 0.9


def additive_error_m(
    size_m: npt.NDArray[np.floating], level: npt.NDArray[np.integer], root_cell: RootCell
) -> float:
    """Geometric error of the root tile of an additive layer.

    Args:
        size_m: Of each feature, shape (n,).
        level: Of the tile that each feature is in, shape (n,).
        root_cell: Cell of level 0.
    """
    if len(size_m) == 0:
        return 0.0
    wished = (_sizes_below(size_m, level) * 2.0 ** np.arange(int(level.max()))).tolist()
    side_m = math.radians(root_cell.side_deg) * SEMI_MAJOR_M
    if not wished:  # one tile holds everything: the error only tells when the city itself is worth drawing
        return min(float(size_m.max()), side_m)
    latest, earliest = side_m * ERROR_TARGET_PX / _LATEST_PX, side_m * ERROR_TARGET_PX / _EARLIEST_PX
    return float(np.clip(max(wished), latest, earliest))


def _sizes_below(size_m: npt.NDArray[np.floating], level: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """For each level above the deepest, the size that nine in ten of what is deeper stay below."""
    from shancheng.tiles.engines.lod_parallel import shares_below  # compiled code, so only when needed

    levels = int(level.max())
    found, counts = np.zeros(levels, np.uint32), np.zeros(levels, np.int64)
    bits = np.ascontiguousarray(size_m, np.float32).view(np.uint32)
    shares_below(bits, np.ascontiguousarray(level, np.uint8), _SHARE_BELOW, found, counts)
    return found.view(np.float32).astype(np.float64)
