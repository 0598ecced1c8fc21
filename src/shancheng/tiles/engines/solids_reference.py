"""Solids in plain Python, one after the other; `solids_parallel.py` says the same, compiled."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.tiles.engines.solid_codes import (
    GOOD,
    GRID_PER_M,
    HIGHEST_M,
    LEAST_TWICE_AREA_M2,
    LOWEST_M,
    MAX_FACE_POINTS,
    MAX_HEIGHT_M,
    MAX_POINTS,
    MAX_WIDTH_DEG,
    MULTI_POLYGON_Z,
    NEARLY_LEVEL,
    NO_AREA,
    NOT_FINITE,
    NOTHING,
    OUT_OF_RANGE,
    POLYGON_Z,
    TOO_LARGE,
    TOO_MANY,
    UNREADABLE,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]
Face = list[FloatArray]

_METRES_PER_DEGREE = SEMI_MAJOR_M * np.pi / 180


def measure_solids(
    data: AnyArray, offsets: IntArray, ends: IntArray, sizes: IntArray, boxes: FloatArray, status: AnyArray
) -> None:
    """As `solids_parallel.measure_solids`; of a bad solid only its status is the same."""
    for k, (at, end) in enumerate(zip(offsets.tolist(), ends.tolist(), strict=True)):
        faces = _parsed(data[at:end].tobytes())
        status[k] = NOTHING if end <= at else _status(faces)
        if faces is None or status[k] != GOOD:
            continue
        points = np.concatenate([ring for face in faces for ring in face if len(ring)])
        flat = sum(_length(_normal(face, points[0])) < LEAST_TWICE_AREA_M2 for face in faces)
        sizes[k] = len(faces), sum(map(len, faces)), len(points), flat
        boxes[k] = [*points.min(axis=0), *points.max(axis=0)]


def _status(faces: list[Face] | None) -> int:
    if faces is None:
        return UNREADABLE
    rings = [ring for face in faces for ring in face]
    points = np.concatenate([*rings, np.empty((0, 3))])
    if not np.isfinite(points).all():
        return NOT_FINITE
    inside = (np.abs(points[:, :2]) <= [180, 90]).all(axis=1)
    if not (inside & (points[:, 2] >= LOWEST_M) & (points[:, 2] <= HIGHEST_M)).all():
        return OUT_OF_RANGE
    if len(points) > MAX_POINTS or max((sum(map(len, face)) for face in faces), default=0) > MAX_FACE_POINTS:
        return TOO_MANY
    if all(_length(_normal(face, points[:1].sum(axis=0))) < LEAST_TWICE_AREA_M2 for face in faces):
        return NO_AREA
    wide, deep, high = np.ptp(points, axis=0)
    return TOO_LARGE if max(wide, deep) > MAX_WIDTH_DEG or high > MAX_HEIGHT_M else GOOD


def _parsed(wkb: bytes) -> list[Face] | None:
    """Rings of each face, or None where it is no MultiPolygon Z."""
    try:
        order, kind, count = struct.unpack_from("<BII", wkb)
        if order == 1 and kind in POLYGON_Z:
            return [_face(wkb, 0)[0]]
        faces, at = [], 9
        for _ in range(count if order == 1 and kind in MULTI_POLYGON_Z else -1):
            face, at = _face(wkb, at)
            faces.append(face)
    except (struct.error, ValueError):
        return None
    return faces if order == 1 and kind in MULTI_POLYGON_Z else None


def _face(wkb: bytes, at: int) -> tuple[Face, int]:
    order, kind, count = struct.unpack_from("<BII", wkb, at)
    if order != 1 or kind not in POLYGON_Z:
        raise ValueError(kind)
    at += 9
    rings: Face = []
    for _ in range(count):
        (points,) = struct.unpack_from("<I", wkb, at)
        rings.append(np.frombuffer(wkb, "<f8", 3 * points, at + 4).reshape(-1, 3))
        at += 4 + 24 * points
    return rings, at


def _metres(points: FloatArray, origin: FloatArray) -> FloatArray:
    scale = [_METRES_PER_DEGREE * np.cos(np.radians(origin[1])), _METRES_PER_DEGREE, 1]
    return np.asarray((points - origin) * scale)


def _normal(face: Face, origin: FloatArray) -> FloatArray:
    """Doubled area of the outer ring as a vector, square metres."""
    if not face or not len(face[0]):
        return np.zeros(3)
    here = _metres(face[0], origin)
    return np.asarray(np.cross(here - here[0], np.roll(here, -1, axis=0) - here[0]).sum(axis=0))


def _length(vector: FloatArray) -> float:
    return float(np.linalg.norm(vector))


def count_points(
    data: AnyArray, offsets: IntArray, ends: IntArray, rows: IntArray, face_points: IntArray
) -> None:
    """As `solids_parallel.count_points`."""
    counts = [
        sum(map(len, face))
        for row in rows.tolist()
        for face in _parsed(data[offsets[row] : ends[row]].tobytes()) or []
    ]
    face_points[: len(counts)] = counts


def read_solids(
    data: AnyArray,
    offsets: IntArray,
    ends: IntArray,
    rows: IntArray,
    points: FloatArray,
    grid: IntArray,
    source: IntArray,
    ring_start: IntArray,
    face_start: IntArray,
    solid_start: IntArray,
    face_points: IntArray,
) -> None:
    """As `solids_parallel.read_solids`."""
    v = r = f = 0
    for k, row in enumerate(rows.tolist()):
        solid_start[k] = f
        faces = _parsed(data[offsets[row] : ends[row]].tobytes()) or []
        origin = next(ring[0] for face in faces for ring in face if len(ring))
        for face in faces:
            face_start[f], face_points[f] = r, sum(map(len, face))
            for corners, placed, numbers in _rings(face, origin):
                ring_start[r] = v
                points[v : v + len(corners)] = corners
                grid[v : v + len(corners)] = placed
                source[v : v + len(corners)] = numbers
                v, r = v + len(corners), r + 1
            f += 1
    solid_start[len(rows)], face_start[f], ring_start[r] = f, r, v


def _rings(face: Face, origin: FloatArray) -> list[tuple[FloatArray, IntArray, IntArray]]:
    """Corners, their places in the face's plane, and which of its points they are, ring by ring."""
    normal = _normal(face, origin)
    if _length(normal) < LEAST_TWICE_AREA_M2:
        return []
    plane = _plane(normal / _length(normal))
    first, found = 0, []
    for ring, corners in enumerate(face):
        kept = [i for i in range(len(corners)) if i == 0 or np.any(corners[i] != corners[i - 1])]
        while len(kept) > 1 and np.all(corners[kept[-1]] == corners[kept[0]]):
            kept.pop()
        placed = np.rint(_metres(corners[kept], origin) @ plane * GRID_PER_M).astype(np.int64)
        area = _twice_area(placed)
        if area != 0:
            turn = slice(None, None, -1 if (area < 0) != (ring > 0) else 1)
            found.append((corners[kept][turn], placed[turn], first + np.array(kept)[turn]))
        elif ring == 0:
            return []
        first += len(corners)
    return found


def _plane(normal: FloatArray) -> FloatArray:
    """Two axes of a plane as columns, the second to the left of the first seen from where the normal goes."""
    u = np.cross([0, 0, 1] if abs(normal[2]) < NEARLY_LEVEL else [1, 0, 0], normal)
    u /= _length(u)
    return np.stack([u, np.cross(normal, u)], axis=1)


def _twice_area(ring: IntArray) -> float:
    if len(ring) < 3:
        return 0.0
    here = (ring - ring[0]).astype(np.float64)
    there = np.roll(here, -1, axis=0)
    return float(np.sum(here[:, 0] * there[:, 1] - there[:, 0] * here[:, 1]))


def weld(
    bits: IntArray,
    more: IntArray,
    point_start: IntArray,
    triangle_start: IntArray,
    triangles: AnyArray,
    kept: IntArray,
    out_triangles: AnyArray,
    origin: IntArray,
    out_vertex_start: IntArray,
    out_triangle_start: IntArray,
) -> None:
    """As `solids_parallel.weld`."""
    v = o = 0
    for k in range(len(point_start) - 1):
        out_vertex_start[k], out_triangle_start[k] = v, o
        number: dict[bytes, int] = {}
        for t in range(triangle_start[k], triangle_start[k + 1]):
            corners = []
            for p in triangles[t].tolist():
                key = bits[p].tobytes() + more[p].tobytes()
                if key not in number:
                    number[key] = len(number)
                    kept[v + number[key]] = p
                corners.append(number[key])
            if len(set(corners)) == 3:
                out_triangles[o], origin[o] = corners, t
                o += 1
        v += len(number)
    out_vertex_start[len(point_start) - 1], out_triangle_start[len(point_start) - 1] = v, o
