"""Solids out of WKB: checked, each face laid into its plane, corners welded; compiled.

`solids_reference.py` is the plain twin. Faces are cut into triangles by `ears_parallel.triangulate`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.tiles.engines.jit import kernel, types
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

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_OUT = types.float64[::1]
_OUT_PAIRS = types.float64[:, ::1]
_OUT_INTS = types.int64[::1]
_POINT_BYTES = 24
_METRES_PER_DEGREE = SEMI_MAJOR_M * np.pi / 180.0


@kernel(types.int64(_BYTES, types.int64))
def _u32(data: AnyArray, at: int) -> int:
    """Little-endian number of four bytes."""
    low = np.int64(data[at]) | np.int64(data[at + 1]) << 8
    return low | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24  # type: ignore[return-value]


@kernel(types.void(_BYTES, types.int64, types.Array(types.uint8, 1, "C"), _OUT))
def _point(data: AnyArray, at: int, scratch: AnyArray, out: FloatArray) -> None:
    """Longitude, latitude and height at a place that need not be a multiple of eight."""
    scratch[:] = data[at : at + _POINT_BYTES]
    out[:] = scratch.view(np.float64)


@kernel(types.UniTuple(types.int64, 2)(_BYTES, types.int64, types.int64, types.int64, types.int64))
def _header(data: AnyArray, at: int, end: int, kind: int, other: int) -> tuple[int, int]:
    """The count of parts or rings of a geometry of one of two kinds, and where they begin; -1 otherwise."""
    if end - at < 9 or data[at] != 1:
        return -1, at
    found = _u32(data, at + 1)
    if found not in (kind, other):
        return -1, at
    return _u32(data, at + 5), at + 9


@kernel(types.UniTuple(types.int64, 2)(_BYTES, types.int64, types.int64))
def _faces(data: AnyArray, at: int, end: int) -> tuple[int, int]:
    """How many polygons there are and where the first begins; -1 where it cannot be read."""
    count, _ = _header(data, at, end, POLYGON_Z[0], POLYGON_Z[1])
    if count >= 0:
        return 1, at
    return _header(data, at, end, MULTI_POLYGON_Z[0], MULTI_POLYGON_Z[1])


@kernel(
    types.int64(
        _BYTES, types.int64, types.int64, types.Array(types.uint8, 1, "C"), _OUT, _OUT, _OUT, types.int64
    )
)
def _ring_newell(
    data: AnyArray, at: int, count: int, scratch: AnyArray, origin: FloatArray, box: FloatArray,
    normal: FloatArray, status: int,
) -> int:  # fmt: skip
    """Box of a ring's points and its doubled area as a vector, both added to; the status of the face.

    Source: Newell's method, as in Sutherland, Sproull and Schumacker, 1974.
    """
    now = np.empty(3)
    before = np.empty(3)
    per_lon = _METRES_PER_DEGREE * np.cos(np.radians(origin[1]))
    normal[:] = 0.0
    for i in range(-1, count):
        _point(data, at + _POINT_BYTES * (i if i >= 0 else count - 1), scratch, now)
        if not (np.isfinite(now[0]) and np.isfinite(now[1]) and np.isfinite(now[2])):
            return NOT_FINITE
        if abs(now[0]) > 180.0 or abs(now[1]) > 90.0 or not LOWEST_M <= now[2] <= HIGHEST_M:
            return OUT_OF_RANGE
        for axis in range(3):
            box[axis] = min(box[axis], now[axis])
            box[3 + axis] = max(box[3 + axis], now[axis])
        now[0] = (now[0] - origin[0]) * per_lon
        now[1] = (now[1] - origin[1]) * _METRES_PER_DEGREE
        now[2] -= origin[2]
        if i >= 0:
            normal[0] += (before[1] - now[1]) * (before[2] + now[2])
            normal[1] += (before[2] - now[2]) * (before[0] + now[0])
            normal[2] += (before[0] - now[0]) * (before[1] + now[1])
        before[:] = now
    return status


@kernel(types.void(_BYTES, _INTS, _INTS, types.int64[:, ::1], _OUT_PAIRS, types.uint8[::1]))
def measure_solids(
    data: AnyArray, offsets: IntArray, ends: IntArray, sizes: IntArray, boxes: FloatArray, status: AnyArray
) -> None:
    """Check solids and say how large they are.

    Args:
        data: WKB of all.
        offsets: Where each begins, shape (n,).
        ends: Where each ends, shape (n,); where it begins if there is none.
        sizes: Out: faces, rings, points, and faces without area, shape (n, 4).
        boxes: Out: west, south, lowest, east, north, highest, shape (n, 6).
        status: Out: see `solid_codes`, shape (n,).
    """
    scratch = np.empty(_POINT_BYTES, np.uint8)
    origin = np.empty(3)
    normal = np.empty(3)
    for k in range(len(offsets)):
        at = offsets[k]
        end = ends[k]
        sizes[k] = 0
        boxes[k, :3] = np.inf
        boxes[k, 3:] = -np.inf
        if end <= at:
            status[k] = NOTHING
            continue
        faces, at = _faces(data, at, end)
        found = GOOD if faces >= 0 else UNREADABLE
        started = False
        for _ in range(faces):
            rings, at = _header(data, at, end, POLYGON_Z[0], POLYGON_Z[1])
            if rings < 0:
                found = UNREADABLE
                break
            in_face = 0
            area = 0.0
            for r in range(rings):
                if end - at < 4:
                    found = UNREADABLE
                    break
                count = _u32(data, at)
                at += 4
                if end - at < _POINT_BYTES * count:
                    found = UNREADABLE
                    break
                in_face += count
                if count > 0:
                    if not started:
                        _point(data, at, scratch, origin)
                        started = True
                    found = _ring_newell(data, at, count, scratch, origin, boxes[k], normal, found)
                if r == 0 and count > 0:
                    area = np.sqrt((normal**2).sum())
                at += _POINT_BYTES * count
                if found != GOOD:
                    break
            sizes[k, 0] += 1
            sizes[k, 1] += rings
            sizes[k, 2] += in_face
            if not area >= LEAST_TWICE_AREA_M2:
                sizes[k, 3] += 1
            if found == GOOD and (sizes[k, 2] > MAX_POINTS or in_face > MAX_FACE_POINTS):
                found = TOO_MANY
            if found != GOOD:
                break
        if found == GOOD and sizes[k, 0] == sizes[k, 3]:
            found = NO_AREA
        if found == GOOD:
            box = boxes[k]
            wide = max(box[3] - box[0], box[4] - box[1]) > MAX_WIDTH_DEG
            if wide or box[5] - box[2] > MAX_HEIGHT_M:
                found = TOO_LARGE
        status[k] = found


@kernel(types.boolean(_OUT_PAIRS, types.int64, types.int64))
def _same(xyz: FloatArray, a: int, b: int) -> bool:
    return bool(xyz[a, 0] == xyz[b, 0] and xyz[a, 1] == xyz[b, 1] and xyz[a, 2] == xyz[b, 2])


@kernel(types.void(_OUT_PAIRS, types.int64[:, ::1], _OUT_INTS, types.int64, types.int64))
def _reverse(points: FloatArray, grid: IntArray, source: IntArray, first: int, last: int) -> None:
    while first < last - 1:
        last -= 1
        for axis in range(3):
            points[first, axis], points[last, axis] = points[last, axis], points[first, axis]
        for axis in range(2):
            grid[first, axis], grid[last, axis] = grid[last, axis], grid[first, axis]
        source[first], source[last] = source[last], source[first]
        first += 1


@kernel(types.float64(types.int64[:, ::1], types.int64, types.int64))
def _twice_area(grid: IntArray, first: int, last: int) -> float:
    total = 0.0
    for i in range(first, last):
        j = i + 1 if i + 1 < last else first
        total += float(grid[i, 0] - grid[first, 0]) * float(grid[j, 1] - grid[first, 1])
        total -= float(grid[j, 0] - grid[first, 0]) * float(grid[i, 1] - grid[first, 1])
    return total


@kernel(
    types.void(
        _BYTES, _INTS, _INTS, _INTS, _OUT_PAIRS, types.int64[:, ::1], _OUT_INTS, _OUT_INTS, _OUT_INTS,
        _OUT_INTS, _OUT_INTS,
    )
)  # fmt: skip
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
    """Faces of some good solids, each laid into its plane; there outer rings turn left and holes right.

    Faces without area keep their place but no ring; holes without area are left out.

    Args:
        data: See `measure_solids`.
        offsets: Likewise.
        ends: Likewise.
        rows: Which solids, shape (m,).
        points: Out: longitude, latitude, height of corners, rings open and no corner repeated, shape (p, 3).
        grid: Out: the same in the plane of their face, whole steps, shape (p, 2).
        source: Out: which of the face's points in the WKB each is, shape (p,).
        ring_start: Out: first corner of each ring, then the end, shape (r + 1,).
        face_start: Out: first ring of each face, then the end, shape (f + 1,).
        solid_start: Out: first face of each solid, then the end, shape (m + 1,).
        face_points: Out: points that each face has in the WKB, shape (f,).
    """
    scratch = np.empty(_POINT_BYTES, np.uint8)
    origin = np.empty(3)
    normal = np.empty(3)
    box = np.empty(6)
    v = r = f = 0
    for k in range(len(rows)):
        solid_start[k] = f
        end = ends[rows[k]]
        faces, at = _faces(data, offsets[rows[k]], end)
        started = False
        per_lon = 0.0
        for _ in range(faces):
            rings, at = _header(data, at, end, POLYGON_Z[0], POLYGON_Z[1])
            face_start[f] = r
            face_points[f] = 0
            usable = False
            for ring in range(rings):
                count = _u32(data, at)
                at += 4
                if count > 0 and not started:
                    _point(data, at, scratch, origin)
                    started = True
                    per_lon = _METRES_PER_DEGREE * np.cos(np.radians(origin[1]))
                if ring == 0:
                    normal[:] = 0.0
                    if count > 0:
                        _ring_newell(data, at, count, scratch, origin, box, normal, GOOD)
                    length = np.sqrt((normal**2).sum())
                    usable = length >= LEAST_TWICE_AREA_M2
                    if usable:
                        normal /= length
                        # Two axes of the plane: the first is level, unless the face itself nearly is.
                        ux = uy = uz = 0.0
                        if abs(normal[2]) < NEARLY_LEVEL:
                            ux, uy = -normal[1], normal[0]
                        else:
                            uy, uz = -normal[2], normal[1]
                        length = np.sqrt(ux * ux + uy * uy + uz * uz)
                        ux /= length
                        uy /= length
                        uz /= length
                        wx = normal[1] * uz - normal[2] * uy
                        wy = normal[2] * ux - normal[0] * uz
                        wz = normal[0] * uy - normal[1] * ux
                first = v
                if usable:
                    for i in range(count):
                        _point(data, at + _POINT_BYTES * i, scratch, points[v])
                        if v > first and _same(points, v, v - 1):
                            continue
                        x = (points[v, 0] - origin[0]) * per_lon
                        y = (points[v, 1] - origin[1]) * _METRES_PER_DEGREE
                        z = points[v, 2] - origin[2]
                        grid[v, 0] = np.int64(np.rint((x * ux + y * uy + z * uz) * GRID_PER_M))
                        grid[v, 1] = np.int64(np.rint((x * wx + y * wy + z * wz) * GRID_PER_M))
                        source[v] = face_points[f] + i
                        v += 1
                    while v - 1 > first and _same(points, v - 1, first):
                        v -= 1
                face_points[f] += count
                at += _POINT_BYTES * count
                area = _twice_area(grid, first, v) if v - first >= 3 else 0.0
                if area == 0.0 or not usable:
                    v = first
                    usable = usable and ring > 0
                    continue
                if (area < 0.0) != (ring > 0):
                    _reverse(points, grid, source, first, v)
                ring_start[r] = first
                r += 1
            f += 1
    solid_start[len(rows)] = f
    face_start[f] = r
    ring_start[r] = v


@kernel(types.void(_BYTES, _INTS, _INTS, _INTS, _OUT_INTS))
def count_points(
    data: AnyArray, offsets: IntArray, ends: IntArray, rows: IntArray, face_points: IntArray
) -> None:
    """Points of each face of some good solids, as the WKB has them, shape (f,)."""
    f = 0
    for row in rows:
        faces, at = _faces(data, offsets[row], ends[row])
        for _ in range(faces):
            rings, at = _header(data, at, ends[row], POLYGON_Z[0], POLYGON_Z[1])
            face_points[f] = 0
            for _ in range(rings):
                count = _u32(data, at)
                face_points[f] += count
                at += 4 + _POINT_BYTES * count
            f += 1


@kernel(
    types.void(
        types.int64[:, ::1], types.int64[:, ::1], _INTS, _INTS,
        types.Array(types.int64, 2, "C", readonly=True), _OUT_INTS, types.uint32[:, ::1], _OUT_INTS,
        _OUT_INTS, _OUT_INTS,
    )
)  # fmt: skip
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
    """Corners of a solid that are equal in all things become one vertex; triangles that lose a corner go.

    Args:
        bits: Coordinates of each corner, as the bits of its numbers, shape (p, 3).
        more: What else must be equal, shape (p, 2).
        point_start: First corner of each solid, then the end, shape (m + 1,).
        triangle_start: First triangle of each solid, then the end, shape (m + 1,).
        triangles: Corners counted from the first of all, shape (t, 3).
        kept: Out: the corner that each vertex was, shape (v,).
        out_triangles: Out: vertices counted from the solid's first, shape (T, 3).
        origin: Out: the triangle that each of them was, shape (T,).
        out_vertex_start: Out, shape (m + 1,).
        out_triangle_start: Out, shape (m + 1,).
    """
    most = 1
    for k in range(len(point_start) - 1):
        most = max(most, point_start[k + 1] - point_start[k])
    size = 4
    while size < 2 * most:
        size *= 2
    table = np.empty(size, np.int64)
    number = np.empty(most, np.int64)
    vertex = triangle = 0
    for k in range(len(point_start) - 1):
        out_vertex_start[k] = vertex
        out_triangle_start[k] = triangle
        p0 = point_start[k]
        mask = 4
        while mask < 2 * (point_start[k + 1] - p0):
            mask *= 2
        table[:mask] = -1
        mask -= 1
        number[: point_start[k + 1] - p0] = -1
        for t in range(triangle_start[k], triangle_start[k + 1]):
            for j in range(3):
                p = triangles[t, j]
                if number[p - p0] >= 0:
                    continue
                mixed = np.int64(1)
                for axis in range(3):
                    mixed = (mixed ^ bits[p, axis]) * np.int64(-7046029254386353131)
                    mixed ^= (mixed >> 32) & np.int64(0xFFFFFFFF)
                for axis in range(2):
                    mixed = (mixed ^ more[p, axis]) * np.int64(-7046029254386353131)
                    mixed ^= (mixed >> 32) & np.int64(0xFFFFFFFF)
                slot = mixed & mask
                while True:
                    v = table[slot]
                    if v < 0:
                        table[slot] = vertex
                        kept[vertex] = p
                        v = vertex
                        vertex += 1
                        break
                    other = kept[v]
                    equal = more[p, 0] == more[other, 0] and more[p, 1] == more[other, 1]
                    for axis in range(3):
                        equal = equal and bits[p, axis] == bits[other, axis]
                    if equal:
                        break
                    slot = (slot + 1) & mask
                number[p - p0] = v - out_vertex_start[k]
            a = number[triangles[t, 0] - p0]
            b = number[triangles[t, 1] - p0]
            c = number[triangles[t, 2] - p0]
            if a not in (b, c) and b != c:
                out_triangles[triangle, 0] = a
                out_triangles[triangle, 1] = b
                out_triangles[triangle, 2] = c
                origin[triangle] = t
                triangle += 1
    out_vertex_start[len(point_start) - 1] = vertex
    out_triangle_start[len(point_start) - 1] = triangle
