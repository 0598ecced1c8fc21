"""What each tile of buildings holds, compiled; `members_reference.py` is its plain twin."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.jit import kernel, types

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
AnyArray = npt.NDArray[Any]

_INTS = types.Array(types.int64, 1, "C", readonly=True)
_PAIRS = types.Array(types.float64, 2, "C", readonly=True)
_FLAGS = types.Array(types.uint8, 1, "C", readonly=True)
_FACTS = types.Array(types.uint32, 2, "C", readonly=True)


@kernel(
    types.void(
        _INTS, _INTS, _INTS, _FLAGS, _INTS, _INTS, _PAIRS, _INTS, _PAIRS, _FLAGS,
        types.float64[:, ::1], types.float64[:, ::1], types.int64[:, ::1],
    )
)  # fmt: skip
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
    """Boxes around the members of some tiles, and what their prisms need room for.

    Args:
        tiles: Numbers of the tiles, shape (k,).
        start: First member of each tile, then the end, shape (t + 1,).
        members: Row of each member, tile by tile, shape (m,).
        form: Of each member: 0 a prism, 1 a roof on the footprint, 2 a solid, shape (m,).
        first_ring: First ring of each row, then the end, shape (n + 1,).
        first_corner: First corner of each ring, then the end.
        lonlat: Corners in degrees.
        first_triangle: First triangle of each row, then the end, shape (n + 1,).
        heights: Ellipsoidal heights of bottom and top of each row, shape (n, 2).
        floor: 1 where a row needs a floor, shape (n,).
        bounds: Out: west, south, east, north of the footprints, shape (k, 4); those of solids do not count,
            and a tile of nothing else has infinite ones.
        reach: Out: lowest and highest ellipsoidal height, shape (k, 2).
        counts: Out: vertices and indices of prisms, shape (k, 2).
    """
    for k in range(len(tiles)):
        west = south = lowest = np.inf
        east = north = highest = -np.inf
        vertices = indices = 0
        for m in range(start[tiles[k]], start[tiles[k] + 1]):
            row = members[m]
            lowest = min(lowest, heights[row, 0])
            highest = max(highest, heights[row, 1])
            if form[m] == 2:
                continue
            first = first_corner[first_ring[row]]
            last = first_corner[first_ring[row + 1]]
            for i in range(first, last):
                west = min(west, lonlat[i, 0])
                east = max(east, lonlat[i, 0])
                south = min(south, lonlat[i, 1])
                north = max(north, lonlat[i, 1])
            if form[m] == 0:
                triangles = first_triangle[row + 1] - first_triangle[row]
                vertices += 2 * (last - first)
                indices += 6 * (last - first) + 3 * triangles * (1 + floor[row])
        bounds[k, 0] = west
        bounds[k, 1] = south
        bounds[k, 2] = east
        bounds[k, 3] = north
        reach[k, 0] = lowest
        reach[k, 1] = highest
        counts[k, 0] = vertices
        counts[k, 1] = indices


@kernel(types.void(_INTS, _INTS, _INTS, _INTS, _INTS, types.boolean[::1]))
def same_members(
    start: IntArray,
    members: IntArray,
    old_tile: IntArray,
    old_start: IntArray,
    old_members: IntArray,
    same: AnyArray,
) -> None:
    """Which tiles hold the same rows in the same order as before.

    Args:
        start: First member of each tile, then the end, shape (t + 1,).
        members: Row of each member, tile by tile.
        old_tile: Which of the old tiles had the same cell, -1 for none, shape (t,).
        old_start: As `start`, of the old tiles.
        old_members: As `members`, of the old tiles.
        same: Out, shape (t,).
    """
    for t in range(len(old_tile)):
        old = old_tile[t]
        same[t] = False
        if old < 0 or start[t + 1] - start[t] != old_start[old + 1] - old_start[old]:
            continue
        shift = old_start[old] - start[t]
        alike = True
        for m in range(start[t], start[t + 1]):
            if members[m] != old_members[m + shift]:
                alike = False
                break
        same[t] = alike


@kernel(types.void(_INTS, _INTS, _FLAGS, types.uint8[::1]))
def gather_letters(rows: IntArray, first_letter: IntArray, letters: AnyArray, out: AnyArray) -> None:
    """Texts of some rows, one after the other.

    Args:
        rows: Shape (k,).
        first_letter: First letter of each row's text, then the end, shape (n + 1,).
        letters: UTF-8.
        out: Out.
    """
    place = 0
    for row in rows:
        for i in range(first_letter[row], first_letter[row + 1]):
            out[place] = letters[i]
            place += 1


@kernel(
    types.void(
        _INTS, _FACTS, types.uint32[::1], types.uint32[::1], types.uint8[::1], types.uint16[::1],
        types.uint8[::1],
    )
)  # fmt: skip
def gather_facts(
    rows: IntArray,
    facts: AnyArray,
    index: AnyArray,
    height: AnyArray,
    levels: AnyArray,
    kind: AnyArray,
    provenance: AnyArray,
) -> None:
    """What property tables need of some rows.

    Args:
        rows: Shape (k,).
        facts: `FACTS` of all rows, each as six numbers of 32 bits, little end first.
        index: Out, shape (k,).
        height: Out: bits of a float32, shape (k,).
        levels: Out, shape (k,).
        kind: Out, shape (k,).
        provenance: Out, shape (k,).
    """
    for k in range(len(rows)):
        row = rows[k]
        index[k] = facts[row, 0]
        height[k] = facts[row, 1]
        kind[k] = facts[row, 4] & np.uint32(0xFFFF)
        levels[k] = (facts[row, 5] >> np.uint32(8)) & np.uint32(0xFF)
        provenance[k] = (facts[row, 5] >> np.uint32(16)) & np.uint32(0xFF)
