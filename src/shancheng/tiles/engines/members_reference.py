"""What each tile of buildings holds, in plain NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.building_rows import FACTS

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
AnyArray = npt.NDArray[Any]

_PRISM, _SOLID = 0, 2


def measure_members(
    tiles: IntArray,
    start: IntArray,
    members: IntArray,
    form: AnyArray,
    first_ring: IntArray,
    first_corner: IntArray,
    lonlat: FloatArray,
    first_triangle: IntArray,
    heights: FloatArray,
    floor: AnyArray,
    bounds: FloatArray,
    reach: FloatArray,
    counts: IntArray,
) -> None:
    """As `members_parallel.measure_members`."""
    for k, tile in enumerate(tiles.tolist()):
        own = slice(start[tile], start[tile + 1])
        rows, kinds = members[own], form[own]
        reach[k] = heights[rows, 0].min(), heights[rows, 1].max()
        flat = rows[kinds != _SOLID]
        corners = [lonlat[first_corner[first_ring[row]] : first_corner[first_ring[row + 1]]] for row in flat]
        all_corners = np.concatenate([np.empty((0, 2)), *corners])
        bounds[k, :2] = all_corners.min(axis=0, initial=np.inf)
        bounds[k, 2:] = all_corners.max(axis=0, initial=-np.inf)
        prisms = rows[kinds == _PRISM]
        n_corners = first_corner[first_ring[prisms + 1]] - first_corner[first_ring[prisms]]
        n_triangles = first_triangle[prisms + 1] - first_triangle[prisms]
        indices = 6 * n_corners + 3 * n_triangles * (1 + floor[prisms])
        counts[k] = 2 * n_corners.sum(), indices.sum()


def same_members(
    start: IntArray,
    members: IntArray,
    old_tile: IntArray,
    old_start: IntArray,
    old_members: IntArray,
    same: AnyArray,
) -> None:
    """As `members_parallel.same_members`."""
    for t, old in enumerate(old_tile.tolist()):
        own = members[start[t] : start[t + 1]]
        same[t] = old >= 0 and np.array_equal(own, old_members[old_start[old] : old_start[old + 1]])


def gather_letters(rows: IntArray, first_letter: IntArray, letters: AnyArray, out: AnyArray) -> None:
    """As `members_parallel.gather_letters`."""
    texts = [letters[first_letter[row] : first_letter[row + 1]] for row in rows.tolist()]
    out[:] = np.concatenate([np.empty(0, np.uint8), *texts])


def gather_facts(
    rows: IntArray,
    facts: AnyArray,
    index: AnyArray,
    height: AnyArray,
    levels: AnyArray,
    kind: AnyArray,
    provenance: AnyArray,
) -> None:
    """As `members_parallel.gather_facts`."""
    chosen = facts.view(FACTS)[:, 0][rows]
    index[:], height[:] = chosen["index"], chosen["height_m"].copy().view(np.uint32)
    levels[:], kind[:], provenance[:] = chosen["levels"], chosen["kind"], chosen["provenance"]
