"""Polygons out of WKB, checked and cleaned; compiled. `footprints_reference.py` is its plain twin."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.constants import MAX_VERTICES
from shancheng.tiles.engines.codes import (
    GOOD,
    INV_GRID,
    MAX_EXTENT_DEG,
    NO_AREA,
    NOT_FINITE,
    OUT_OF_RANGE,
    TOO_FEW,
    TOO_MANY,
    TOO_WIDE,
    UNREADABLE,
)
from shancheng.tiles.engines.jit import kernel, types

_POLYGON, _MULTI_POLYGON = 3, 6
_POINT_BYTES = 16

IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.int64[::1]


@kernel(types.int64(_BYTES, types.int64))
def _u32(data: AnyArray, at: int) -> int:
    """Little-endian number of four bytes."""
    low = np.int64(data[at]) | np.int64(data[at + 1]) << 8
    return low | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24  # type: ignore[return-value]


@kernel(types.UniTuple(types.int64, 2)(_BYTES, types.int64, types.int64))
def _header(data: AnyArray, at: int, end: int) -> tuple[int, int]:
    """Geometry type at a place and its count of parts or rings; type 0 where it cannot be read."""
    if end - at < 9 or data[at] != 1:
        return 0, 0
    return _u32(data, at + 1), _u32(data, at + 5)


@kernel(types.UniTuple(types.int64, 3)(_BYTES, types.int64, types.int64))
def _polygon_size(data: AnyArray, at: int, end: int) -> tuple[int, int, int]:
    """Rings and points of the polygon at a place, and where it ends; -1 where it cannot be read."""
    kind, rings = _header(data, at, end)
    at += 9
    points = 0
    if kind != _POLYGON:
        return 0, 0, -1
    for _ in range(rings):
        if end - at < 4:
            return 0, 0, -1
        count = _u32(data, at)
        at += 4 + _POINT_BYTES * count
        if at > end:
            return 0, 0, -1
        points += count
    return rings, points, at


@kernel(types.void(_BYTES, _INTS, types.int64[:, ::1], types.uint8[::1]))
def measure_wkb(data: AnyArray, offsets: IntArray, sizes: IntArray, status: AnyArray) -> None:
    """Parts, rings and points of each feature, before cleaning.

    Args:
        data: All features' WKB.
        offsets: Where each begins, shape (n + 1,).
        sizes: Out: parts, rings, points, shape (n, 3).
        status: Out: GOOD, UNREADABLE or TOO_MANY, shape (n,).
    """
    for i in range(len(offsets) - 1):
        at = offsets[i]
        end = offsets[i + 1]
        kind, parts = _header(data, at, end)
        if kind == _POLYGON:
            parts = 1
        elif kind == _MULTI_POLYGON:
            at += 9
        else:
            parts = -1
        all_rings = 0
        all_points = 0
        for _ in range(parts):
            rings, points, at = _polygon_size(data, at, end)
            if at < 0:
                parts = -1
                break
            all_rings += rings
            all_points += points
        status[i] = UNREADABLE if parts < 0 else GOOD
        if all_points > MAX_VERTICES:
            status[i] = TOO_MANY
        if status[i] != GOOD:
            parts = all_rings = all_points = 0
        sizes[i, 0] = parts
        sizes[i, 1] = all_rings
        sizes[i, 2] = all_points


@kernel(types.float64(types.int64[:, ::1], types.int64, types.int64))
def twice_area(grid: IntArray, first: int, last: int) -> float:
    """Twice the signed area of an open ring; positive counter-clockwise."""
    total = 0.0
    x = grid[first, 0]
    y = grid[first, 1]
    for i in range(first + 1, last - 1):
        total += (grid[i, 0] - x) * (grid[i + 1, 1] - y) - (grid[i + 1, 0] - x) * (grid[i, 1] - y)
    return total


@kernel(types.void(types.int64[:, ::1], types.float64[:, ::1], types.int64, types.int64))
def _reverse(grid: IntArray, lonlat: AnyArray, first: int, last: int) -> None:
    while first < last - 1:
        last -= 1
        for axis in range(2):
            grid[first, axis], grid[last, axis] = grid[last, axis], grid[first, axis]
            lonlat[first, axis], lonlat[last, axis] = lonlat[last, axis], lonlat[first, axis]
        first += 1


@kernel(
    types.int64(
        types.Array(types.float64, 1, "C", readonly=True),
        types.int64,
        types.int64,
        types.float64[:, ::1],
        types.int64[:, ::1],
        types.int64,
    )
)
def _read_ring(points: AnyArray, at: int, count: int, lonlat: AnyArray, grid: IntArray, v: int) -> int:
    """Copy a ring without repeated points and without its closing one; where it ends, or minus a status."""
    first = v
    for i in range(at, at + 2 * count, 2):
        lon = points[i]
        lat = points[i + 1]
        if not (np.isfinite(lon) and np.isfinite(lat)):
            return -NOT_FINITE
        if abs(lon) > 180.0 or abs(lat) > 90.0:
            return -OUT_OF_RANGE
        x = np.int64(np.rint(lon * INV_GRID))
        y = np.int64(np.rint(lat * INV_GRID))
        if v > first and grid[v - 1, 0] == x and grid[v - 1, 1] == y:
            continue
        grid[v, 0] = x
        grid[v, 1] = y
        lonlat[v, 0] = lon
        lonlat[v, 1] = lat
        v += 1
    while v - 1 > first and grid[v - 1, 0] == grid[first, 0] and grid[v - 1, 1] == grid[first, 1]:
        v -= 1
    return v


@kernel(types.boolean(types.int64[:, ::1], types.int64, types.int64))
def _too_wide(grid: IntArray, first: int, last: int) -> bool:
    limit = np.int64(MAX_EXTENT_DEG * INV_GRID)
    for axis in range(2):
        low = high = grid[first, axis]
        for i in range(first, last):
            low = min(low, grid[i, axis])
            high = max(high, grid[i, axis])
        if high - low > limit:
            return True
    return False


@kernel(
    types.void(
        _BYTES,
        _INTS,
        types.uint8[::1],
        types.float64[:, ::1],
        types.int64[:, ::1],
        _INTS,
        _INTS,
        _INTS,
        types.Array(types.uint8, 1, "C"),
    )
)
def read_wkb(
    data: AnyArray,
    offsets: IntArray,
    status: AnyArray,
    lonlat: AnyArray,
    grid: IntArray,
    ring_start: IntArray,
    part_start: IntArray,
    feature_start: IntArray,
    scratch: AnyArray,
) -> None:
    """Clean rings of all features: open, no repeated points, outer ones counter-clockwise, holes clockwise.

    Rings of less than three corners or without area are left out, with their holes if they are outer ones.

    Args:
        data: All features' WKB.
        offsets: Where each begins, shape (n + 1,).
        status: In and out, shape (n,); only GOOD features are read, and a bad one leaves nothing behind.
        lonlat: Out: corners in degrees, shape (v, 2).
        grid: Out: the same in whole steps of the grid, shape (v, 2).
        ring_start: Out: first corner of each ring, then the end; shape (r + 1,).
        part_start: Out: first ring of each part, then the end; shape (p + 1,).
        feature_start: Out: first part of each feature, then the end; shape (n + 1,).
        scratch: As many bytes as the longest ring's points have.
    """
    v = r = p = 0
    for i in range(len(offsets) - 1):
        feature_start[i] = p
        if status[i] != GOOD:
            continue
        v0, r0, p0 = v, r, p
        at = offsets[i]
        kind, parts = _header(data, at, offsets[i + 1])
        if kind == _POLYGON:
            parts = 1
        else:
            at += 9
        problem = TOO_FEW
        for _ in range(parts):
            _, rings = _header(data, at, offsets[i + 1])
            at += 9
            part_start[p] = r
            outer = True
            for k in range(rings):
                count = _u32(data, at)
                n_bytes = _POINT_BYTES * count
                scratch[:n_bytes] = data[at + 4 : at + 4 + n_bytes]
                at += 4 + n_bytes
                if not outer:
                    continue
                end = _read_ring(scratch[:n_bytes].view(np.float64), 0, count, lonlat, grid, v)
                if end < 0:
                    problem = -end
                    parts = -1
                    break
                area = twice_area(grid, v, end) if end - v >= 3 else 0.0
                if end - v >= 3 and area == 0.0:
                    problem = NO_AREA
                if area == 0.0:
                    outer = k > 0
                    continue
                if (area < 0.0) != (k > 0):
                    _reverse(grid, lonlat, v, end)
                ring_start[r] = v
                v = end
                r += 1
            if parts < 0:
                break
            if r > part_start[p]:
                p += 1
        if parts >= 0 and p > p0:
            problem = TOO_WIDE if _too_wide(grid, v0, v) else GOOD
        if problem != GOOD:
            v, r, p = v0, r0, p0
        status[i] = problem
    feature_start[len(offsets) - 1] = p
    part_start[p] = r
    ring_start[r] = v
