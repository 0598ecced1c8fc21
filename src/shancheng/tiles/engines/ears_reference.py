"""Polygons cut into triangles by mapbox_earcut; `ears_parallel.py` is the compiled twin.

The two cut differently, but what they cover is the same.
"""

from typing import Any

import mapbox_earcut
import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.codes import GOOD

IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


def triangulate(
    grid: IntArray,
    ring_start: IntArray,
    part_start: IntArray,
    feature_start: IntArray,
    triangle_start: IntArray,
    first: int,
    last: int,
    status: AnyArray,
    triangles: AnyArray,
) -> None:
    """As `ears_parallel.triangulate`; triangles that earcut does without are zero."""
    for i in range(first, last):
        if status[i] != GOOD:
            continue
        v0 = ring_start[part_start[feature_start[i]]]
        cut = []
        for p in range(feature_start[i], feature_start[i + 1]):
            ends = ring_start[part_start[p] : part_start[p + 1] + 1]
            corners = (grid[ends[0] : ends[-1]] - grid[ends[0]]).astype(np.float64)
            found = mapbox_earcut.triangulate_float64(corners, (ends[1:] - ends[0]).astype(np.uint32))
            cut.append(found.astype(np.int64).reshape(-1, 3) + ends[0] - v0)
        every = np.concatenate(cut)
        if np.any(_twice_area(grid[v0 + every]) < 0):
            every = every[:, ::-1]
        out = triangles[triangle_start[i] : triangle_start[i + 1]]
        out[:] = 0
        out[: len(every)] = every


def _twice_area(corners: IntArray) -> IntArray:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return np.asarray((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))
