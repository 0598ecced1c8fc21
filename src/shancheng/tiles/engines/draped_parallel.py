"""The functions for what lies on the ground, compiled by numba; their references say what they mean."""

import numpy as np

from shancheng.tiles.engines.draped_reference import (
    CAP_LENGTH,
    CHUNK_M,
    CHUNK_SEGMENTS,
    MITRE_LIMIT,
    SHORTEST_M,
    Floats,
    Indices,
    Ints,
    Lines,
    Ribbons,
)
from shancheng.tiles.engines.jit import kernel

__all__ = ["densify", "ribbons"]

_LARGEST_SQUARE = 4.0 / MITRE_LIMIT**2


def densify(lines: Lines, longest_m: float) -> Lines:
    """Lines with points at most so far from each other; points without a distance are left out."""
    start = np.zeros(len(lines.start), dtype=np.int64)
    nothing = np.empty((0, 2))
    _densify(lines.lonlat, lines.scale, lines.start, longest_m, start, nothing, nothing)
    lonlat, scale = np.empty((start[-1], 2)), np.empty((start[-1], 2))
    _densify(lines.lonlat, lines.scale, lines.start, longest_m, start, lonlat, scale)
    return Lines(lonlat, scale, start)


def ribbons(lines: Lines, half_width_m: Floats) -> Ribbons:
    """Give lines a width."""
    n_points, n_lines = len(lines.lonlat), len(half_width_m)
    # A point has at most one pair where it is reached, one where it is left, and one where a piece begins.
    lonlat = np.empty((6 * n_points + 4 * n_lines, 2))
    point = np.empty(len(lonlat), dtype=np.int64)
    triangles = np.empty((3 * n_points + 4 * n_lines, 3), dtype=np.uint32)
    line = np.empty(n_points + n_lines, dtype=np.int64)
    vertex_start, triangle_start = np.zeros(len(line) + 1, np.int64), np.zeros(len(line) + 1, np.int64)
    out = (lonlat, point, triangles, line, vertex_start, triangle_start)
    n = _ribbons(lines.lonlat, lines.scale, lines.start, half_width_m, *out)
    v, t = vertex_start[n], triangle_start[n]
    starts = (vertex_start[: n + 1].copy(), triangle_start[: n + 1].copy())
    return Ribbons(lonlat[:v].copy(), point[:v].copy(), triangles[:t].copy(), line[:n].copy(), *starts)


@kernel("void(f8[:,::1],f8[:,::1],i8[::1],f8,i8[::1],f8[:,::1],f8[:,::1])")
def _densify(
    lonlat: Floats,
    scale: Floats,
    start: Ints,
    longest: float,
    out_start: Ints,
    out: Floats,
    out_scale: Floats,
) -> None:
    """Count the points where ``out`` is empty, else write them."""
    done = 0
    for line in range(len(start) - 1):
        first = start[line]
        previous = first
        begun = False
        for i in range(first + 1, start[line + 1]):
            x = (lonlat[i, 0] - lonlat[previous, 0]) * scale[previous, 0]
            y = (lonlat[i, 1] - lonlat[previous, 1]) * scale[previous, 1]
            length = np.sqrt(x * x + y * y)
            if length < SHORTEST_M:
                continue
            n = int(np.ceil(length / longest))
            if not begun:
                begun = True
                if len(out) > 0:
                    for c in range(2):
                        out[done, c], out_scale[done, c] = lonlat[first, c], scale[first, c]
                done += 1
            for k in range(1, n + 1):
                if len(out) > 0:
                    t = k / n
                    for c in range(2):
                        out[done, c] = lonlat[previous, c] * (1.0 - t) + lonlat[i, c] * t
                        out_scale[done, c] = scale[previous, c] * (1.0 - t) + scale[i, c] * t
                done += 1
            previous = i
        out_start[line + 1] = done


@kernel("void(f8[:,::1],i8[::1],i8,f8[:,::1],i8,f8,f8,f8,f8)")
def _pair(
    out: Floats,
    out_point: Ints,
    at: int,
    lonlat_scale: Floats,
    point: int,
    side_x: float,
    side_y: float,
    along_x: float,
    along_y: float,
) -> None:
    """Write the vertices left and right of a point; ``lonlat_scale`` holds both, side by side."""
    for k in range(2):
        sign = 1.0 - 2.0 * k
        out[at + k, 0] = lonlat_scale[point, 0] + (along_x + sign * side_x) / lonlat_scale[point, 2]
        out[at + k, 1] = lonlat_scale[point, 1] + (along_y + sign * side_y) / lonlat_scale[point, 3]
        out_point[at + k] = point


@kernel("i8(u4[:,::1],i8,i8,i8)")
def _quad(triangles: Indices, at: int, back: int, front: int) -> int:
    """Two triangles between two pairs, each named by its left vertex."""
    triangles[at, 0], triangles[at, 1], triangles[at, 2] = back + 1, front + 1, front
    triangles[at + 1, 0], triangles[at + 1, 1], triangles[at + 1, 2] = back + 1, front, back
    return at + 2


@kernel("i8(f8[:,::1],f8[:,::1],i8[::1],f8[::1],f8[:,::1],i8[::1],u4[:,::1],i8[::1],i8[::1],i8[::1])")
def _ribbons(
    lonlat: Floats,
    scale: Floats,
    start: Ints,
    half_width: Floats,
    out: Floats,
    out_point: Ints,
    triangles: Indices,
    piece_line: Ints,
    vertex_start: Ints,
    triangle_start: Ints,
) -> int:
    n_points = len(lonlat)
    both = np.empty((n_points, 4))
    both[:, :2] = lonlat
    both[:, 2:] = scale
    step = np.empty((n_points, 3))
    joint = np.empty((n_points, 2))
    square_end = np.empty(n_points, dtype=np.bool_)
    pieces, v, t = 0, 0, 0
    for line in range(len(half_width)):
        first, last, half = start[line], start[line + 1] - 1, half_width[line]
        if last - first < 1:
            continue
        for i in range(first, last):
            x = (lonlat[i + 1, 0] - lonlat[i, 0]) * scale[i, 0]
            y = (lonlat[i + 1, 1] - lonlat[i, 1]) * scale[i, 1]
            length = np.sqrt(x * x + y * y)
            step[i, 0], step[i, 1], step[i, 2] = x / length, y / length, length
        closed = (
            last - first > 2 and lonlat[first, 0] == lonlat[last, 0] and lonlat[first, 1] == lonlat[last, 1]
        )
        for i in range(first, last + 1):
            before, after = i - 1, i
            if closed and i == first:
                before = last - 1
            if closed and i == last:
                after = first
            square_end[i] = True
            if before < first or after >= last:
                continue
            x, y = -(step[before, 1] + step[after, 1]), step[before, 0] + step[after, 0]
            square = x * x + y * y
            if square < _LARGEST_SQUARE:
                continue
            shift = half * np.sqrt(max(0.0, 4.0 / square - 1.0))
            if shift <= 0.5 * min(step[before, 2], step[after, 2]):
                square_end[i] = False
                joint[i, 0], joint[i, 1] = 2.0 * half * x / square, 2.0 * half * y / square
        base = v
        side_x, side_y = -step[first, 1] * half, step[first, 0] * half
        if not square_end[first]:
            side_x, side_y = joint[first, 0], joint[first, 1]
        _pair(out, out_point, v, both, first, side_x, side_y, 0.0, 0.0)
        pair = 0
        v += 2
        if not closed:
            reach = -half * CAP_LENGTH
            side_x, side_y = -step[first, 1] * half * 0.5, step[first, 0] * half * 0.5
            _pair(
                out, out_point, v, both, first, side_x, side_y, step[first, 0] * reach, step[first, 1] * reach
            )
            t = _quad(triangles, t, 2, 0)
            v += 2
        segments, length = 0, 0.0
        for i in range(first + 1, last + 1):
            before = i - 1
            side_x, side_y = -step[before, 1] * half, step[before, 0] * half
            if not square_end[i]:
                side_x, side_y = joint[i, 0], joint[i, 1]
            _pair(out, out_point, v, both, i, side_x, side_y, 0.0, 0.0)
            t = _quad(triangles, t, pair, v - base)
            pair = v - base
            v += 2
            segments += 1
            length += step[before, 2]
            if i == last:
                break
            if square_end[i]:
                side_x, side_y = -step[i, 1] * half, step[i, 0] * half
                _pair(out, out_point, v, both, i, side_x, side_y, 0.0, 0.0)
                turn = step[before, 0] * step[i, 1] - step[before, 1] * step[i, 0]
                triangles[t, 0], triangles[t, 2] = pair + 1, pair
                triangles[t, 1] = v - base + 1 if turn > 0.0 else v - base
                pair = v - base
                t += 1
                v += 2
            if segments >= CHUNK_SEGMENTS or length >= CHUNK_M:
                piece_line[pieces] = line
                pieces += 1
                vertex_start[pieces], triangle_start[pieces] = v, t
                base = v
                _pair(out, out_point, v, both, i, side_x, side_y, 0.0, 0.0)
                pair, segments, length = 0, 0, 0.0
                v += 2
        if not closed:
            reach = half * CAP_LENGTH
            end = last - 1
            side_x, side_y = -step[end, 1] * half * 0.5, step[end, 0] * half * 0.5
            _pair(out, out_point, v, both, last, side_x, side_y, step[end, 0] * reach, step[end, 1] * reach)
            t = _quad(triangles, t, pair, v - base)
            v += 2
        piece_line[pieces] = line
        pieces += 1
        vertex_start[pieces], triangle_start[pieces] = v, t
    return pieces
