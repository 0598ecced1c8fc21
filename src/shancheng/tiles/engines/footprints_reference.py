"""Polygons out of WKB, checked and cleaned; `footprints_parallel.py` is the compiled twin."""

import math
import struct
from itertools import pairwise
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

Point = tuple[float, float]
Ring = list[Point]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


def measure_wkb(data: AnyArray, offsets: IntArray, sizes: IntArray, status: AnyArray) -> None:
    """As `footprints_parallel.measure_wkb`."""
    for i, wkb in enumerate(_features(data, offsets)):
        parts = parse(wkb)
        points = sum(len(ring) for rings in parts or () for ring in rings)
        status[i] = UNREADABLE if parts is None else TOO_MANY if points > MAX_VERTICES else GOOD
        sizes[i] = 0
        if status[i] == GOOD and parts is not None:
            sizes[i] = len(parts), sum(map(len, parts)), points


def read_wkb(
    data: AnyArray,
    offsets: IntArray,
    status: AnyArray,
    lonlat: AnyArray,
    grid: IntArray,
    ring_start: IntArray,
    part_start: IntArray,
    feature_start: IntArray,
    scratch: AnyArray,  # noqa: ARG001  # the compiled twin needs it
) -> None:
    """As `footprints_parallel.read_wkb`."""
    v = r = p = 0
    for i, wkb in enumerate(_features(data, offsets)):
        feature_start[i] = p
        parts = parse(wkb) if status[i] == GOOD else None
        if parts is None:
            continue
        status[i], cleaned = clean(parts)
        for rings in cleaned:
            part_start[p] = r
            p += 1
            for ring in rings:
                ring_start[r] = v
                r += 1
                lonlat[v : v + len(ring)] = ring
                grid[v : v + len(ring)] = [_step(point) for point in ring]
                v += len(ring)
    feature_start[-1], part_start[p], ring_start[r] = p, r, v


def parse(wkb: bytes) -> list[list[Ring]] | None:
    """Parts, rings and points of a polygon or multipolygon; None where it is something else or cut short."""
    try:
        order, kind, count = struct.unpack_from("<BII", wkb)
        if order != 1 or kind not in (3, 6):
            return None
        at = 0 if kind == 3 else 9
        parts: list[list[Ring]] = []
        for _ in range(1 if kind == 3 else count):
            order, inner, rings = struct.unpack_from("<BII", wkb, at)
            if order != 1 or inner != 3:
                return None
            at += 9
            parts.append([])
            for _ in range(rings):
                (points,) = struct.unpack_from("<I", wkb, at)
                numbers = struct.unpack_from(f"<{2 * points}d", wkb, at + 4)
                parts[-1].append(list(zip(numbers[::2], numbers[1::2], strict=True)))
                at += 4 + 16 * points
    except struct.error:
        return None
    return parts


def clean(parts: list[list[Ring]]) -> tuple[int, list[list[Ring]]]:
    """Status and clean rings of a feature; a bad one has none."""
    problem = TOO_FEW
    result = []
    for rings in parts:
        kept: list[Ring] = []
        for k, ring in enumerate(rings):
            for lon, lat in ring:
                if not (math.isfinite(lon) and math.isfinite(lat)):
                    return NOT_FINITE, []
                if abs(lon) > 180 or abs(lat) > 90:
                    return OUT_OF_RANGE, []
            open_ring = _open(ring)
            area = _ring_area(open_ring)
            if len(open_ring) >= 3 and area == 0:
                problem = NO_AREA
            if area == 0:
                if k == 0:
                    break
                continue
            kept.append(open_ring if (area > 0) == (k == 0) else open_ring[::-1])
        if kept:
            result.append(kept)
    if not result:
        return problem, []
    steps = np.array([_step(point) for rings in result for ring in rings for point in ring])
    if np.any(np.ptp(steps, axis=0) > int(MAX_EXTENT_DEG * INV_GRID)):
        return TOO_WIDE, []
    return GOOD, result


def _features(data: AnyArray, offsets: IntArray) -> list[bytes]:
    return [data[a:b].tobytes() for a, b in pairwise(offsets.tolist())]


def _step(point: Point) -> tuple[int, int]:
    return round(point[0] * INV_GRID), round(point[1] * INV_GRID)


def _open(ring: Ring) -> Ring:
    kept: Ring = []
    for point in ring:
        if not kept or _step(kept[-1]) != _step(point):
            kept.append(point)
    while len(kept) > 1 and _step(kept[-1]) == _step(kept[0]):
        kept.pop()
    return kept


def _ring_area(ring: Ring) -> int:
    """Twice the signed area, exactly."""
    steps = [_step(point) for point in ring]
    turned = steps[1:] + steps[:1]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(steps, turned, strict=True)) if len(ring) >= 3 else 0
