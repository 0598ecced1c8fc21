"""Walls under pitched roofs, compiled. `roofs_reference.py` is the twin in plain Python.

A roof is a height over the outline: a fold along the ridge, or the lowest of planes through the sides; over
an outline of several wings the highest of their roofs. The outline is cut where planes meet, as a whole where
it is convex and triangle by triangle where it is not, so every piece is level with one plane. A cut meets an
edge at a point that depends on the edge alone: pieces, and walls below them, share it, and nothing gapes.

All of it happens in metres along (s) and across (t) the ridge, from the middle of the outline's rectangle.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.tiles.engines.jit import kernel, types
from shancheng.tiles.engines.roof_codes import (
    ARCH,
    BARN,
    DEFAULT_PITCH,
    DEFAULT_SHARE,
    DENT_M,
    DOME,
    DOME_LEVELS,
    DOME_LEVELS_MANY,
    GABLE,
    GABLED,
    GAMBREL,
    HIPPED,
    LEVEL_M,
    MANY_CORNERS,
    MAX_MERGED,
    MAX_WINGS,
    ON_LINE_M,
    PROFILE_SIZE,
    PYRAMIDAL,
    RECTANGULAR,
    ROUND,
    SAME_M,
    SKILLION,
    SNAP_DEG,
    WING_AREA,
    WING_LINES,
    WING_MERGE_M,
    WING_REACH_M,
    WING_SKEW,
    WING_SKEW_M,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
_PAIRS = types.Array(types.float64, 2, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_FLAGS = types.Array(types.uint8, 1, "C", readonly=True)
_OUT = types.float64[::1]
_OUT_INTS = types.int64[::1]

_GABLE_T, _GABLE_F = GABLE
_BARN_T, _BARN_F = BARN
_METRES_PER_DEGREE = SEMI_MAJOR_M * np.pi / 180.0
_SNAP = np.cos(np.radians(SNAP_DEG))

# Kinds of cuts: along the ridge; at a distance from it; along the hips at either end; and of wings along the
# ridge, a border, the hips, and where two roofs meet.
_RIDGE, _FOLD, _HIP_AHEAD, _HIP_BEHIND = 0.0, 1.0, 2.0, 3.0
_WING_RIDGE, _WING_BORDER, _WING_HIP, _VALLEY = 4.0, 5.0, 6.0, 7.0
# A wing: its middle, 1 where its ridge runs along t, half length, half width, length of its hips, 1 where it
# has hips ahead and behind, 1 where the outline goes on ahead, behind, left and right.
_WING_SIZE = 12
_MAX_OPS = 9 * MAX_WINGS + MAX_WINGS * (MAX_WINGS - 1) // 2


@kernel(types.UniTuple(types.float64, 7)(_PAIRS, types.int64))
def _rectangle(xy: FloatArray, n: int) -> tuple[float, float, float, float, float, float, float]:
    """The smallest rectangle around corners: unit vector and middle, half length and half width, area filled.

    The vector runs along the longer side, to the east or, where that is neither, to the north.
    """
    best = np.inf
    ux, uy, half_s, half_t, mid_s, mid_t = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    twice = 0.0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        twice += xy[i, 0] * xy[j, 1] - xy[j, 0] * xy[i, 1]
        dx = xy[j, 0] - xy[i, 0]
        dy = xy[j, 1] - xy[i, 1]
        length = np.sqrt(dx * dx + dy * dy)
        dx /= length
        dy /= length
        s0 = t0 = np.inf
        s1 = t1 = -np.inf
        for k in range(n):
            s = xy[k, 0] * dx + xy[k, 1] * dy
            t = xy[k, 1] * dx - xy[k, 0] * dy
            s0 = min(s0, s)
            s1 = max(s1, s)
            t0 = min(t0, t)
            t1 = max(t1, t)
        area = (s1 - s0) * (t1 - t0)
        # Sides of one rectangle find it again and again; rounding must not choose among them.
        if area < best * (1.0 - 1e-9):
            best = area
            ux, uy = dx, dy
            half_s, half_t = (s1 - s0) / 2.0, (t1 - t0) / 2.0
            mid_s, mid_t = (s1 + s0) / 2.0, (t1 + t0) / 2.0
    x = mid_s * ux - mid_t * uy
    y = mid_s * uy + mid_t * ux
    if half_t > half_s * (1.0 + 1e-9):
        ux, uy = -uy, ux
        half_s, half_t = half_t, half_s
    if ux < -1e-12 or (ux <= 1e-12 and uy < 0.0):
        ux, uy = -ux, -uy
    return ux, uy, x, y, half_s, half_t, twice / 2.0 / max(best, 1e-12)


@kernel(types.UniTuple(types.float64, 2)(_PAIRS, types.int64))
def _longest(xy: FloatArray, n: int) -> tuple[float, float]:
    """Unit vector along the longest side."""
    best = 0.0
    ux, uy = 1.0, 0.0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        dx = xy[j, 0] - xy[i, 0]
        dy = xy[j, 1] - xy[i, 1]
        length = np.sqrt(dx * dx + dy * dy)
        if length > best * (1.0 + 1e-9):
            best = length
            ux, uy = dx / length, dy / length
    return ux, uy


@kernel(
    types.void(
        _PAIRS, types.int64, types.float64, types.float64, types.float64, types.float64, types.float64[:, ::1]
    )
)
def _turn(xy: FloatArray, n: int, x0: float, y0: float, ux: float, uy: float, st: FloatArray) -> None:
    """Corners from a middle, along a vector and to its left."""
    for i in range(n):
        st[i, 0] = (xy[i, 0] - x0) * ux + (xy[i, 1] - y0) * uy
        st[i, 1] = (xy[i, 1] - y0) * ux - (xy[i, 0] - x0) * uy


@kernel(types.boolean(_PAIRS, types.int64))
def _convex(xy: FloatArray, n: int) -> bool:
    """Whether a counter-clockwise ring has no dents."""
    for i in range(n):
        a = i - 1 if i > 0 else n - 1
        c = i + 1 if i + 1 < n else 0
        dx = xy[c, 0] - xy[a, 0]
        dy = xy[c, 1] - xy[a, 1]
        turn = (xy[i, 0] - xy[a, 0]) * dy - (xy[i, 1] - xy[a, 1]) * dx
        if turn < -DENT_M * np.sqrt(dx * dx + dy * dy):
            return False
    return True


@kernel(types.UniTuple(types.float64, 3)(_PAIRS, types.int64))
def _middle(xy: FloatArray, n: int) -> tuple[float, float, float]:
    """Centre of gravity of a ring, and 1 where it sees every side, else 0."""
    twice = x = y = 0.0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        cross = (xy[i, 0] - xy[0, 0]) * (xy[j, 1] - xy[0, 1]) - (xy[j, 0] - xy[0, 0]) * (xy[i, 1] - xy[0, 1])
        twice += cross
        x += cross * (xy[i, 0] + xy[j, 0] - 2.0 * xy[0, 0])
        y += cross * (xy[i, 1] + xy[j, 1] - 2.0 * xy[0, 1])
    x = xy[0, 0] + x / (3.0 * twice)
    y = xy[0, 1] + y / (3.0 * twice)
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        dx = xy[j, 0] - xy[i, 0]
        dy = xy[j, 1] - xy[i, 1]
        away = (y - xy[i, 1]) * dx - (x - xy[i, 0]) * dy
        if away < ON_LINE_M * np.sqrt(dx * dx + dy * dy):
            return x, y, 0.0
    return x, y, 1.0


@kernel(types.float64(types.float64[:, ::1], types.int64, types.float64, types.float64))
def _wing_height(wings: FloatArray, k: int, s: float, t: float) -> float:
    """Height of a wing's roof whose slopes rise one to one; below 0 outside its eaves."""
    along = t - wings[k, 1] if wings[k, 2] != 0.0 else s - wings[k, 0]
    away = s - wings[k, 0] if wings[k, 2] != 0.0 else t - wings[k, 1]
    height = wings[k, 4] - abs(away)
    if wings[k, 6] != 0.0:
        height = min(height, (wings[k, 3] - along) * wings[k, 4] / wings[k, 5])
    if wings[k, 7] != 0.0:
        height = min(height, (wings[k, 3] + along) * wings[k, 4] / wings[k, 5])
    return float(height)


@kernel(
    types.float64(
        _PAIRS, types.int64, types.int64, types.float64[:, ::1], types.float64, types.float64[:, ::1]
    )
)
def _side(st: FloatArray, v: int, op: int, ops: FloatArray, half_width: float, wings: FloatArray) -> float:
    """On which side of a cut a vertex lies, and how far in metres; 0 on it."""
    s = st[v, 0]
    t = st[v, 1]
    kind = ops[op, 0]
    if kind == _RIDGE:
        away = t
    elif kind == _FOLD:
        away = abs(t) - ops[op, 1]
    elif kind == _HIP_AHEAD:
        away = (s - ops[op, 1]) / ops[op, 2] * half_width - abs(t)
    elif kind == _HIP_BEHIND:
        away = (-s - ops[op, 1]) / ops[op, 2] * half_width - abs(t)
    elif kind == _VALLEY:
        away = _wing_height(wings, int(ops[op, 1]), s, t) - _wing_height(wings, int(ops[op, 2]), s, t)
    else:
        k = int(ops[op, 1])
        along = t - wings[k, 1] if wings[k, 2] != 0.0 else s - wings[k, 0]
        across = s - wings[k, 0] if wings[k, 2] != 0.0 else t - wings[k, 1]
        border = int(ops[op, 2])
        sign = 1.0 if border % 2 == 0 else -1.0
        if kind == _WING_RIDGE:
            away = across
        elif kind == _WING_HIP:
            reach = wings[k, 3] - wings[k, 5]
            away = (sign * along - reach) * wings[k, 4] / wings[k, 5] - abs(across)
        else:
            away = sign * (along if border < 2 else across) - wings[k, 3 if border < 2 else 4]
    return 0.0 if abs(away) < ON_LINE_M else away


@kernel(types.int64(_OUT, types.int64))
def _merged(lines: FloatArray, count: int) -> int:
    """Sort numbers and put those that are close into one; how many are left."""
    lines[:count].sort()
    left = 0
    i = 0
    while i < count:
        total = lines[i]
        j = i + 1
        while j < count and lines[j] - lines[j - 1] < WING_MERGE_M:
            total += lines[j]
            j += 1
        lines[left] = total / (j - i)
        left += 1
        i = j
    return left


@kernel(types.boolean(_PAIRS, types.int64, types.float64, types.float64))
def _holds(st: FloatArray, n: int, s: float, t: float) -> bool:
    """Whether a place lies inside a ring."""
    inside = False
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        if (st[i, 1] > t) != (st[j, 1] > t):
            at = st[i, 0] + (t - st[i, 1]) / (st[j, 1] - st[i, 1]) * (st[j, 0] - st[i, 0])
            if s < at:
                inside = not inside
    return inside


@kernel(
    types.boolean(types.boolean[:, ::1], types.int64, types.int64, types.int64, types.int64, types.boolean)
)
def _cells(cells: AnyArray, i0: int, i1: int, j0: int, j1: int, every: bool) -> bool:  # noqa: FBT001
    """Whether every cell of a block is taken, or any; there is nothing beyond the grid."""
    for i in range(i0, i1):
        for j in range(j0, j1):
            taken = 0 <= i < cells.shape[0] and 0 <= j < cells.shape[1] and cells[i, j]
            if taken != every:
                return not every
    return every


@kernel(types.int64(_PAIRS, types.int64, types.boolean, types.float64[:, ::1]))
def _find_wings(st: FloatArray, n: int, hipped: bool, wings: FloatArray) -> int:  # noqa: FBT001
    """The rectangles that an outline along the axes is made of, each as large as can be; 0 where it is not.

    They overlap: each runs on through the others as far as the outline goes.
    """
    xs = np.empty(n)
    ys = np.empty(n)
    nx = ny = 0
    area = 0.0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        ds = abs(st[j, 0] - st[i, 0])
        dt = abs(st[j, 1] - st[i, 1])
        if min(ds, dt) > max(WING_SKEW * max(ds, dt), WING_SKEW_M):
            return 0
        if ds >= dt:
            ys[ny] = (st[i, 1] + st[j, 1]) / 2.0
            ny += 1
        else:
            xs[nx] = (st[i, 0] + st[j, 0]) / 2.0
            nx += 1
        area += (st[i, 0] * st[j, 1] - st[j, 0] * st[i, 1]) / 2.0
    nx = _merged(xs, nx)
    ny = _merged(ys, ny)
    if nx < 2 or ny < 2 or nx > WING_LINES or ny > WING_LINES or nx + ny == 4:
        return 0
    cells = np.zeros((nx - 1, ny - 1), np.bool_)
    covered = 0.0
    for i in range(nx - 1):
        for j in range(ny - 1):
            cells[i, j] = _holds(st, n, (xs[i] + xs[i + 1]) / 2.0, (ys[j] + ys[j + 1]) / 2.0)
            if cells[i, j]:
                covered += (xs[i + 1] - xs[i]) * (ys[j + 1] - ys[j])
    if abs(covered - area) > WING_AREA * area:
        return 0
    bare = cells.copy()
    count = 0
    while bare.any():
        if count == MAX_WINGS:
            return 0
        best = 0.0
        b0 = b1 = c0 = c1 = 0
        for i0 in range(nx - 1):
            for i1 in range(i0 + 1, nx):
                for j0 in range(ny - 1):
                    for j1 in range(j0 + 1, ny):
                        size = (xs[i1] - xs[i0]) * (ys[j1] - ys[j0])
                        if size <= best * (1.0 + 1e-9) or not bare[i0:i1, j0:j1].any():
                            continue
                        if _cells(cells, i0, i1, j0, j1, True):
                            best = size
                            b0, b1, c0, c1 = i0, i1, j0, j1
        bare[b0:b1, c0:c1] = False
        wing = wings[count]
        half_s = (xs[b1] - xs[b0]) / 2.0
        half_t = (ys[c1] - ys[c0]) / 2.0
        wing[0] = (xs[b0] + xs[b1]) / 2.0
        wing[1] = (ys[c0] + ys[c1]) / 2.0
        upright = half_t > half_s * (1.0 + 1e-9)
        wing[2] = 1.0 if upright else 0.0
        wing[3] = half_t if upright else half_s
        wing[4] = half_s if upright else half_t
        wing[5] = wing[4]
        # Whether the outline goes on beyond its borders: in s ahead and behind, then in t.
        on = (
            _cells(cells, b1, b1 + 1, c0, c1, False),
            _cells(cells, b0 - 1, b0, c0, c1, False),
            _cells(cells, b0, b1, c1, c1 + 1, False),
            _cells(cells, b0, b1, c0 - 1, c0, False),
        )
        for border in range(4):
            wing[8 + border] = on[(border + 2) % 4 if upright else border]
        for end in range(2):
            wing[6 + end] = 1.0 if hipped else wing[8 + end]
        count += 1
    return count if count > 1 else 0


@kernel(types.int64(types.float64[:, ::1], types.int64, types.float64[:, ::1]))
def _wing_cuts(wings: FloatArray, count: int, ops: FloatArray) -> int:
    """Where the roofs of wings bend, end and meet; how many cuts."""
    o = 0
    for k in range(count):
        ops[o, 0] = _WING_RIDGE
        ops[o, 1] = k
        ops[o, 2] = 0.0
        o += 1
    for kind in (_WING_BORDER, _WING_HIP):
        for k in range(count):
            for border in range(4 if kind == _WING_BORDER else 2):
                if wings[k, (8 if kind == _WING_BORDER else 6) + border] != 0.0:
                    ops[o, 0] = kind
                    ops[o, 1] = k
                    ops[o, 2] = border
                    o += 1
    for k in range(count):
        for j in range(k):
            ops[o, 0] = _VALLEY
            ops[o, 1] = j
            ops[o, 2] = k
            o += 1
    return o


@kernel(types.float64(types.float64[:, ::1], types.int64, types.float64, types.float64))
def _wings_rise(wings: FloatArray, count: int, s: float, t: float) -> float:
    """Height of the highest roof over a place, at least 0."""
    height = 0.0
    for k in range(count):
        along = t - wings[k, 1] if wings[k, 2] != 0.0 else s - wings[k, 0]
        across = s - wings[k, 0] if wings[k, 2] != 0.0 else t - wings[k, 1]
        if abs(along) <= wings[k, 3] + WING_REACH_M and abs(across) <= wings[k, 4] + WING_REACH_M:
            height = max(height, _wing_height(wings, k, s, t))
    return float(height)


@kernel(
    types.int64(
        types.float64[:, ::1], types.int64, types.int64, types.int64, types.int64, types.float64,
        types.float64, types.int64, types.float64[:, ::1],
    )
)  # fmt: skip
def _crossing(
    st: FloatArray, corners: int, count: int, p: int, q: int, away_p: float, away_q: float, op: int,
    ops: FloatArray,
) -> int:  # fmt: skip
    """The vertex where a cut meets an edge; it is `count`, and new, where no cut has been there before."""
    if p > q:
        p, q = q, p
        away_p, away_q = away_q, away_p
    share = away_p / (away_p - away_q)
    s = st[p, 0] + share * (st[q, 0] - st[p, 0])
    t = st[p, 1] + share * (st[q, 1] - st[p, 1])
    if ops[op, 0] == _RIDGE:
        t = 0.0
    for v in range(corners, count):
        if abs(st[v, 0] - s) < SAME_M and abs(st[v, 1] - t) < SAME_M:
            return v
    st[count, 0] = s
    st[count, 1] = t
    return count


@kernel(types.boolean(_OUT, types.int64, types.int64, types.float64))
def _belongs(away: FloatArray, m: int, i: int, sign: float) -> bool:
    """Whether corner i of a piece that a cut divides belongs to one of its sides.

    Where the way crosses the cut over corners on it, the first of them belongs to both sides and the others
    to the side it goes to: both sides then have just one edge along the cut.
    """
    if away[i] != 0.0:
        return bool(away[i] * sign > 0.0)
    before = i - 1 if i > 0 else m - 1
    first = away[before] != 0.0
    while away[before] == 0.0:
        before = before - 1 if before > 0 else m - 1
    after = i + 1 if i + 1 < m else 0
    while away[after] == 0.0:
        after = after + 1 if after + 1 < m else 0
    if away[before] * away[after] > 0.0 or not first:
        return bool(away[after] * sign > 0.0)
    return True


@kernel(
    types.UniTuple(types.int64, 2)(
        types.float64[:, ::1], types.int64, types.int64, types.int64, types.float64[:, ::1], types.float64,
        types.float64[:, ::1], _OUT_INTS, _OUT_INTS, types.int64, _OUT_INTS, _OUT_INTS,
    )
)  # fmt: skip
def _cut(
    st: FloatArray, corners: int, count: int, op: int, ops: FloatArray, half_width: float, wings: FloatArray,
    start: IntArray, piece: IntArray, pieces: int, new_start: IntArray, new_piece: IntArray,
) -> tuple[int, int]:  # fmt: skip
    """Cut convex pieces along one line; numbers of vertices and of pieces then, -1 where there is no room."""
    made = 0
    end = 0
    new_start[0] = 0
    most = 0
    for k in range(pieces):
        most = max(most, start[k + 1] - start[k])
    away = np.empty(most)
    for k in range(pieces):
        a = start[k]
        b = start[k + 1]
        # A piece becomes two at most, with one more corner each, and each side meets the cut once.
        full = made + 3 > len(new_start) or end + 2 * (b - a) + 4 > len(new_piece)
        if full or count + 2 > len(st):
            return -1, 0
        above = below = False
        for i in range(a, b):
            away[i - a] = _side(st, piece[i], op, ops, half_width, wings)
            above = above or away[i - a] > 0.0
            below = below or away[i - a] < 0.0
        if not (above and below):
            for i in range(a, b):
                new_piece[end] = piece[i]
                end += 1
            made += 1
            new_start[made] = end
            continue
        m = b - a
        # Its two sides, one after the other.
        for turn in range(2):
            sign = 1.0 - 2.0 * turn
            for i in range(m):
                j = i + 1 if i + 1 < m else 0
                if _belongs(away, m, i, sign):
                    new_piece[end] = piece[a + i]
                    end += 1
                if away[i] * away[j] < 0.0:
                    p, q = piece[a + i], piece[a + j]
                    v = _crossing(st, corners, count, p, q, away[i], away[j], op, ops)
                    count = max(count, v + 1)
                    new_piece[end] = v
                    end += 1
            made += 1
            new_start[made] = end
    return count, made


@kernel(types.boolean(types.float64[:, ::1], types.int64, types.int64, types.int64))
def _goes_on(st: FloatArray, a: int, b: int, c: int) -> bool:
    """Whether the way from a over b to c turns left or not at all, and does not turn back."""
    dx = st[c, 0] - st[a, 0]
    dy = st[c, 1] - st[a, 1]
    px = st[b, 0] - st[a, 0]
    py = st[b, 1] - st[a, 1]
    if px * dy - py * dx < -DENT_M * np.sqrt(dx * dx + dy * dy):
        return False
    return bool(px * (st[c, 0] - st[b, 0]) + py * (st[c, 1] - st[b, 1]) > 0.0 or px * dy - py * dx > DENT_M)


@kernel(types.boolean(types.float64[:, ::1], _OUT, types.int64, types.int64, types.int64))
def _straight(st: FloatArray, height: FloatArray, a: int, b: int, c: int) -> bool:
    """Whether b lies between a and c, in height too."""
    dx = st[c, 0] - st[a, 0]
    dy = st[c, 1] - st[a, 1]
    px = st[b, 0] - st[a, 0]
    py = st[b, 1] - st[a, 1]
    length = np.sqrt(dx * dx + dy * dy)
    if length < ON_LINE_M or abs(px * dy - py * dx) > ON_LINE_M * length:
        return False
    share = (px * dx + py * dy) / (length * length)
    expected = height[a] + share * (height[c] - height[a])
    return bool(0.0 < share < 1.0 and abs(height[b] - expected) < LEVEL_M)


@kernel(types.boolean(types.float64[:, ::1], _OUT, _OUT_INTS, _OUT_INTS, types.int64, types.int64))
def _level(st: FloatArray, height: FloatArray, origin: IntArray, after: IntArray, h: int, g: int) -> bool:
    """Whether two faces lie in one plane: the corners of the smaller in that of the larger."""
    planes = np.zeros((2, 3))
    for k in range(2):
        first = h if k == 0 else g
        o = origin[first]
        e = after[first]
        while after[e] != first:
            p = origin[e]
            q = origin[after[e]]
            x0, y0, z0 = st[p, 0] - st[o, 0], st[p, 1] - st[o, 1], height[p] - height[o]
            x1, y1, z1 = st[q, 0] - st[o, 0], st[q, 1] - st[o, 1], height[q] - height[o]
            planes[k, 0] += y0 * z1 - z0 * y1
            planes[k, 1] += z0 * x1 - x0 * z1
            planes[k, 2] += x0 * y1 - y0 * x1
            e = after[e]
    larger = 0 if planes[0, 2] >= planes[1, 2] else 1
    if planes[larger, 2] <= 0.0:
        return False
    o = origin[h] if larger == 0 else origin[g]
    first = g if larger == 0 else h
    e = first
    while True:
        p = origin[e]
        fall = (st[p, 0] - st[o, 0]) * planes[larger, 0] + (st[p, 1] - st[o, 1]) * planes[larger, 1]
        if abs(height[p] - height[o] + fall / planes[larger, 2]) > LEVEL_M:
            return False
        e = after[e]
        if e == first:
            return True


@kernel(
    types.int64(
        types.float64[:, ::1], _OUT, types.int64, types.int64, _OUT_INTS, _OUT_INTS, types.int64,
        types.boolean[::1],
    )
)  # fmt: skip
def _merge(
    st: FloatArray, height: FloatArray, corners: int, count: int, start: IntArray, piece: IntArray,
    pieces: int, gone: AnyArray,
) -> int:  # fmt: skip
    """Make one of neighbours that are level and convex together, and drop vertices that then serve nobody.

    Source: S. Hertel and K. Mehlhorn, Fast triangulation of simple polygons, 1983: edges go one by one, if
    the corners at their ends stay convex.

    Args:
        st: Vertices.
        height: Their heights in metres.
        corners: Vertices before this one stay.
        count: Of vertices.
        start: In and out: first corner of each piece, then the end.
        piece: In and out: corners.
        pieces: How many.
        gone: Out: which vertices are dropped, shape (count,).

    Returns:
        How many pieces there are then.
    """
    edges = start[pieces]
    gone[:count] = False
    if edges > MAX_MERGED:
        return pieces
    origin = piece[:edges].copy()
    after = np.empty(edges, np.int64)
    before = np.empty(edges, np.int64)
    twin = np.full(edges, -1)
    alive = np.ones(edges, np.bool_)
    for k in range(pieces):
        for h in range(start[k], start[k + 1]):
            after[h] = h + 1 if h + 1 < start[k + 1] else start[k]
            before[h] = h - 1 if h > start[k] else start[k + 1] - 1
    for h in range(edges):
        for g in range(h + 1, edges):
            if origin[h] == origin[g] and origin[after[h]] == origin[after[g]]:
                return (
                    pieces  # two in one direction: none of our pieces have that, and it could not be undone
                )
            if origin[h] == origin[after[g]] and origin[g] == origin[after[h]]:
                twin[h] = g
                twin[g] = h
    users = np.zeros(count, np.int64)
    for h in range(edges):
        users[origin[h]] += 1
    changed = True
    while changed:
        changed = False
        for h in range(edges):
            g = twin[h]
            if not alive[h] or g < h:
                continue
            p = origin[h]
            q = origin[g]
            if not _goes_on(st, origin[before[h]], p, origin[after[after[g]]]):
                continue
            if not _goes_on(st, origin[before[g]], q, origin[after[after[h]]]):
                continue
            if not _level(st, height, origin, after, h, g):
                continue
            after[before[h]] = after[g]
            before[after[g]] = before[h]
            after[before[g]] = after[h]
            before[after[h]] = before[g]
            alive[h] = alive[g] = False
            users[p] -= 1
            users[q] -= 1
            changed = True
        for h in range(edges):
            v = origin[h]
            if not alive[h] or v < corners or users[v] > 2:
                continue
            b = before[h]
            if not _straight(st, height, origin[b], v, origin[after[h]]):
                continue
            g = twin[b]
            if users[v] == 1 and twin[h] < 0 and g < 0:
                users[v] = 0
            elif users[v] == 2 and twin[h] >= 0 and g >= 0 and after[twin[h]] == g:
                # The other side loses the vertex too; what is left of both sides belongs together.
                users[v] = 0
                other = twin[h]
                after[other] = after[g]
                before[after[g]] = other
                alive[g] = False
                twin[b] = other
                twin[other] = b
            else:
                continue
            after[b] = after[h]
            before[after[h]] = b
            alive[h] = False
            gone[v] = True
            changed = True
    made = end = 0
    start[0] = 0
    for h in range(edges):
        if not alive[h]:
            continue
        e = h
        while alive[e]:
            alive[e] = False
            piece[end] = origin[e]
            end += 1
            e = after[e]
        made += 1
        start[made] = end
    return made


@kernel(types.int64(types.float64[:, ::1], _OUT_INTS, types.int64, types.int64))
def _best_fan(st: FloatArray, piece: IntArray, a: int, b: int) -> int:
    """Which corner of a convex piece makes the fan whose thinnest triangle is the fattest."""
    n = b - a
    if n <= 3 or n > MANY_CORNERS:
        return 0
    best = -np.inf
    found = 0
    for first in range(n):
        p = piece[a + first]
        least = np.inf
        for i in range(1, n - 1):
            q = piece[a + (first + i) % n]
            r = piece[a + (first + i + 1) % n]
            area = (st[q, 0] - st[p, 0]) * (st[r, 1] - st[p, 1]) - (st[q, 1] - st[p, 1]) * (
                st[r, 0] - st[p, 0]
            )
            least = min(least, area)
        if least > best * (1.0 + 1e-9) + 1e-9:
            best = least
            found = first
    return found


@kernel(types.float64(types.float64, _FLOATS, _FLOATS, types.int64))
def _fall(away: float, at: FloatArray, share: FloatArray, size: int) -> float:
    """Height at a distance from the ridge, both as shares."""
    for i in range(1, size):
        if away <= at[i] or i == size - 1:
            return float(share[i - 1] + (away - at[i - 1]) / (at[i] - at[i - 1]) * (share[i] - share[i - 1]))
    return 0.0


@kernel(types.int64(types.int64, types.int64, types.int64, types.int64, types.uint32[:, ::1]))
def _add(o: int, a: int, b: int, c: int, out: AnyArray) -> int:
    """Write a triangle, unless two of its corners are one; the next place."""
    if a in (b, c) or b == c:
        return o
    out[o, 0] = a
    out[o, 1] = b
    out[o, 2] = c
    return o + 1


@kernel(types.int64(_OUT_INTS, _OUT, _OUT, types.int64, types.int64, types.uint32[:, ::1]))
def _clip_wall(ring: IntArray, x: FloatArray, y: FloatArray, left: int, o: int, out: AnyArray) -> int:
    """Cut a wall with a ragged top into triangles, the largest ear first; the next place."""
    while left > 3:
        best = -1.0
        ear = 0
        for i in range(left):
            a = (i - 1) % left
            c = (i + 1) % left
            turn = (x[i] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[i] - y[a])
            if turn <= best * (1.0 + 1e-9) + 1e-9:
                continue
            free = True
            for k in range(left):
                if k in (a, i, c):
                    continue
                inside = (x[i] - x[a]) * (y[k] - y[a]) - (x[k] - x[a]) * (y[i] - y[a]) >= -1e-9
                inside &= (x[c] - x[i]) * (y[k] - y[i]) - (x[k] - x[i]) * (y[c] - y[i]) >= -1e-9
                inside &= (x[a] - x[c]) * (y[k] - y[c]) - (x[k] - x[c]) * (y[a] - y[c]) >= -1e-9
                free = free and not inside
            if free:
                best = turn
                ear = i
        o = _add(o, ring[(ear - 1) % left], ring[ear], ring[(ear + 1) % left], out)
        for k in range(ear, left - 1):
            ring[k] = ring[k + 1]
            x[k] = x[k + 1]
            y[k] = y[k + 1]
        left -= 1
    return int(_add(o, ring[0], ring[1], ring[2], out))


@kernel(
    types.void(
        _INTS, _PAIRS, _INTS, types.Array(types.uint16, 2, "C", readonly=True), _INTS, _PAIRS, _INTS, _FLAGS,
        _FLAGS, _FLAGS, _FLOATS, _FLOATS, _FLOATS, types.float64[:, ::1], _OUT, types.uint32[:, ::1],
        _OUT_INTS, _OUT_INTS,
    )
)  # fmt: skip
def build_roofs(
    rows: IntArray,
    lonlat: FloatArray,
    corner_start: IntArray,
    triangles: AnyArray,
    triangle_start: IntArray,
    heights: FloatArray,
    entry: IntArray,
    floor: AnyArray,
    shape: AnyArray,
    across: AnyArray,
    roof_height: FloatArray,
    limit: FloatArray,
    direction: FloatArray,
    out_lonlat: FloatArray,
    out_height: FloatArray,
    out_triangles: AnyArray,
    out_vertex_start: IntArray,
    out_triangle_start: IntArray,
) -> None:
    """Walls, roofs and floors of buildings whose outline is one ring.

    Args:
        rows: Footprints, shape (m,).
        lonlat: Corners in degrees, counter-clockwise rings, shape (v, 2).
        corner_start: First corner of each footprint, shape (n + 1,).
        triangles: Of the footprints, corners counted from each one's first, shape (t, 3).
        triangle_start: First triangle of each footprint, shape (n + 1,).
        heights: Ellipsoidal heights of bottom and top of each footprint, shape (n, 2).
        entry: Place of each of `rows` in the arrays that follow, shape (m,).
        floor: 1 where a building needs a floor, shape (r,).
        shape: See `roof_codes`, none of them flat, shape (r,).
        across: 1 where the ridge runs along the short side, shape (r,).
        roof_height: From eaves to top in metres, NaN where it is not known, shape (r,).
        limit: What it may be at most, shape (r,).
        direction: Which way the main slope falls, degrees clockwise from north; NaN where it is not known.
        out_lonlat: Out: vertices, shape (V, 2).
        out_height: Out: their ellipsoidal heights, shape (V,).
        out_triangles: Out: vertices counted from the building's first, shape (T, 3).
        out_vertex_start: Out, shape (m + 1,).
        out_triangle_start: Out, shape (m + 1,).
    """
    most = 0
    for row in rows:
        most = max(most, corner_start[row + 1] - corner_start[row])
    size = 26 * most + 64
    xy = np.empty((most, 2))
    st = np.empty((size, 2))
    rise = np.empty(size)
    z = np.empty(size)
    low = np.empty(most, np.int64)
    start = np.empty(size, np.int64)
    new_start = np.empty(size, np.int64)
    piece = np.empty(3 * size, np.int64)
    new_piece = np.empty(3 * size, np.int64)
    chain = np.empty(64, np.int64)
    ops = np.empty((max(2 + PROFILE_SIZE, _MAX_OPS), 3))
    wings = np.empty((MAX_WINGS, _WING_SIZE))
    wall = np.empty(64, np.int64)
    wall_x = np.empty(64)
    wall_y = np.empty(64)
    gone = np.zeros(size, np.bool_)
    profile_t = np.empty(PROFILE_SIZE)
    profile_f = np.empty(PROFILE_SIZE)
    place = np.empty(2 * size, np.int64)
    vertex = 0
    triangle = 0
    for k in range(len(rows)):
        out_vertex_start[k] = vertex
        out_triangle_start[k] = triangle
        row = rows[k]
        e = entry[k]
        kind = shape[e]
        c0 = corner_start[row]
        n = corner_start[row + 1] - c0
        per_lat = _METRES_PER_DEGREE
        per_lon = _METRES_PER_DEGREE * np.cos(np.radians(lonlat[c0, 1]))
        for i in range(n):
            xy[i, 0] = (lonlat[c0 + i, 0] - lonlat[c0, 0]) * per_lon
            xy[i, 1] = (lonlat[c0 + i, 1] - lonlat[c0, 1]) * per_lat
        ux, uy, x0, y0, half_s, half_t, filled = _rectangle(xy, n)
        turned = across[e] != 0
        down_s = 0.0
        down_t = -1.0
        if np.isfinite(direction[e]):
            dx = np.sin(np.radians(direction[e]))
            dy = np.cos(np.radians(direction[e]))
            down_s = dx * ux + dy * uy
            down_t = dy * ux - dx * uy
            turned = abs(down_s) > abs(down_t) * (1.0 + 1e-9)
        if turned:  # the ridge runs along the shorter side
            ux, uy = -uy, ux
            half_s, half_t = half_t, half_s
            down_s, down_t = down_t, -down_s
        if kind == SKILLION:
            if not np.isfinite(direction[e]):
                down_s = 0.0
                down_t = -1.0
            if abs(down_t) > _SNAP:
                down_s = 0.0
                down_t = -1.0 if down_t < 0.0 else 1.0
            # From here on, t is up the slope.
            vx = -(down_s * ux - down_t * uy)
            vy = -(down_s * uy + down_t * ux)
            ux, uy = vy, -vx
        _turn(xy, n, x0, y0, ux, uy, st)
        if kind == SKILLION:
            least = highest = st[0, 1]
            for i in range(n):
                least = min(least, st[i, 1])
                highest = max(highest, st[i, 1])
            half_t = (highest - least) / 2.0
        half_s = max(half_s, ON_LINE_M)
        half_t = max(half_t, ON_LINE_M)

        # In which of the ways it is built.
        middle_x, middle_y, sees = _middle(xy, n)
        fan = kind in (PYRAMIDAL, DOME) and sees > 0.0
        convex = _convex(st, n)
        quad = n == 4 and filled >= RECTANGULAR and kind in (GABLED, HIPPED) and convex
        n_wings = 0
        wing_ux = wing_uy = 0.0
        if kind in (GABLED, HIPPED, PYRAMIDAL, DOME) and not fan and not convex:
            wing_ux, wing_uy = _longest(xy, n)
            _turn(xy, n, x0, y0, wing_ux, wing_uy, st)
            n_wings = _find_wings(st, n, kind != GABLED, wings)
            if n_wings > 0:
                ux, uy, wing_ux, wing_uy = wing_ux, wing_uy, ux, uy
            else:
                _turn(xy, n, x0, y0, ux, uy, st)

        building = True
        while building:
            # How high.
            span = min(half_s, half_t) if kind in (PYRAMIDAL, DOME) else half_t
            if n_wings > 0:
                span = wings[:n_wings, 4].max()
            high = roof_height[e]
            if not np.isfinite(high):
                high = DEFAULT_PITCH[kind] * (2.0 * span if kind == SKILLION else span)
                if kind != DOME:
                    high = min(high, DEFAULT_SHARE * limit[e])
            high = min(high, limit[e])
            top = heights[row, 1]

            # The cuts, and how the roof falls from its ridge.
            n_ops = 0
            n_profile = 0
            hip = 0.0
            if n_wings > 0:
                n_ops = _wing_cuts(wings, n_wings, ops)
            elif kind in (GABLED, GAMBREL, ROUND):
                if kind == GABLED:
                    n_profile = len(_GABLE_T)
                    profile_t[:n_profile] = _GABLE_T
                    profile_f[:n_profile] = _GABLE_F
                elif kind == GAMBREL:
                    n_profile = len(_BARN_T)
                    profile_t[:n_profile] = _BARN_T
                    profile_f[:n_profile] = _BARN_F
                else:
                    n_profile = PROFILE_SIZE
                    bow = min(high, half_t)
                    radius = (half_t * half_t + bow * bow) / (2.0 * bow)
                    for i in range(n_profile):
                        profile_t[i] = ARCH[i]
                        across_m = ARCH[i] * half_t
                        profile_f[i] = (
                            np.sqrt(max(radius * radius - across_m * across_m, 0.0)) - radius + bow
                        ) / bow
                ops[0, 0] = _RIDGE
                n_ops = 1
                for i in range(1, n_profile - 1):
                    ops[n_ops, 0] = _FOLD
                    ops[n_ops, 1] = profile_t[i] * half_t
                    n_ops += 1
            elif kind == HIPPED or (kind in (PYRAMIDAL, DOME) and not fan):
                hip = half_s if kind != HIPPED else min(half_s, half_t)
                ops[0, 0] = _RIDGE
                for i in range(2):
                    ops[1 + i, 0] = _HIP_AHEAD if i == 0 else _HIP_BEHIND
                    ops[1 + i, 1] = half_s - hip
                    ops[1 + i, 2] = hip
                n_ops = 3

            # Pieces, each in one plane.
            count = n
            pieces = 0
            start[0] = 0
            if quad:
                # Its eaves are level whatever its angles: two sides that run along the ridge, or all four.
                along = abs(st[1, 0] - st[0, 0]) + abs(st[3, 0] - st[2, 0])
                side = abs(st[2, 0] - st[1, 0]) + abs(st[0, 0] - st[3, 0])
                first = 0 if along >= side else 1  # the first side along the ridge
                rise[:n] = 0.0
                rise[n] = rise[n + 1] = 1.0
                a, b, c, d = first, (first + 1) % 4, (first + 2) % 4, (first + 3) % 4
                for end, p, q in ((n, b, c), (n + 1, d, a)):
                    share = 0.0 if kind == GABLED else hip / (half_s + half_s)
                    # The middle of one end, drawn in towards that of the other where the roof has hips.
                    for axis in range(2):
                        here = (st[p, axis] + st[q, axis]) / 2.0
                        there = (st[a, axis] + st[b, axis] + st[c, axis] + st[d, axis]) / 2.0 - here
                        st[end, axis] = here + share * (there - here)
                if hip > 0.0 and half_s - hip < ON_LINE_M:
                    st[n, 0] = (st[n, 0] + st[n + 1, 0]) / 2.0
                    st[n, 1] = (st[n, 1] + st[n + 1, 1]) / 2.0
                    count = n + 1
                    end = n
                else:
                    count = n + 2
                    end = n + 1
                for i, v in enumerate((a, b, n, end, c, d, end, n)):
                    piece[i] = v
                start[1] = 4
                start[2] = 8
                pieces = 2
                if kind == HIPPED:
                    for i, v in enumerate((b, c, n, d, a, end)):
                        piece[8 + i] = v
                    start[3] = 11
                    start[4] = 14
                    pieces = 4
            elif fan:
                levels = 1 if kind == PYRAMIDAL else DOME_LEVELS if n <= MANY_CORNERS else DOME_LEVELS_MANY
                s = (middle_x - x0) * ux + (middle_y - y0) * uy
                t = (middle_y - y0) * ux - (middle_x - x0) * uy
                end = 0
                for level in range(levels):
                    angle = level / levels * np.pi / 2.0
                    for i in range(n):
                        v = level * n + i
                        j = i + 1 if i + 1 < n else 0
                        rise[v] = np.sin(angle)
                        if level > 0:
                            st[v, 0] = s + (st[i, 0] - s) * np.cos(angle)
                            st[v, 1] = t + (st[i, 1] - t) * np.cos(angle)
                        piece[end] = v
                        piece[end + 1] = level * n + j
                        if level + 1 < levels:
                            piece[end + 2] = (level + 1) * n + j
                            piece[end + 3] = v + n
                            end += 4
                        else:
                            piece[end + 2] = levels * n
                            end += 3
                        pieces += 1
                        start[pieces] = end
                count = levels * n + 1
                st[count - 1, 0] = s
                st[count - 1, 1] = t
                rise[count - 1] = 1.0
            else:
                if convex:
                    for i in range(n):
                        piece[i] = i
                    start[1] = n
                    pieces = 1
                else:
                    for i in range(triangle_start[row], triangle_start[row + 1]):
                        for j in range(3):
                            piece[3 * pieces + j] = triangles[i, j]
                        pieces += 1
                        start[pieces] = 3 * pieces
                    rise[:n] = 0.0
                    pieces = _merge(st, rise, n, n, start, piece, pieces, gone)
                for op in range(n_ops):
                    count, pieces = _cut(
                        st, n, count, op, ops, half_t, wings, start, piece, pieces, new_start, new_piece
                    )
                    start, new_start = new_start, start
                    piece, new_piece = new_piece, piece
                    if count < 0:
                        break
                # What the caller has room for; an outline in so many pieces gets one roof over all.
                roof = start[pieces] - 2 * pieces
                if n_wings > 0 and (count < 0 or count > 25 * n + 64 or roof > 18 * n + 64):
                    n_wings = 0
                    ux, uy = wing_ux, wing_uy
                    _turn(xy, n, x0, y0, ux, uy, st)
                    continue
                least = np.inf
                highest = -np.inf
                for v in range(count):
                    away = abs(st[v, 1]) / half_t
                    if kind == SKILLION:
                        rise[v] = st[v, 1]
                    elif n_wings > 0:
                        rise[v] = _wings_rise(wings, n_wings, st[v, 0], st[v, 1])
                    elif n_profile > 0:
                        rise[v] = _fall(away, profile_t, profile_f, n_profile)
                    else:
                        rise[v] = min(1.0 - away, (half_s - abs(st[v, 0])) / hip)
                    least = min(least, rise[v])
                    highest = max(highest, rise[v])
                if not convex:
                    scale = 1.0 if n_wings > 0 or kind == SKILLION else half_t
                    for v in range(count):
                        rise[v] *= scale
                    pieces = _merge(st, rise, n, count, start, piece, pieces, gone)
                    for v in range(count):
                        rise[v] /= scale
                # Where an outline leaves out the middle of its rectangle, the roof still reaches its height.
                for v in range(count):
                    rise[v] = (rise[v] - least) / max(highest - least, 1e-9)
            building = False
        if quad or fan or convex:
            gone[:count] = False
        for v in range(count):
            z[v] = top - high * (1.0 - rise[v])

        # Corners on the ground, or where the wall has no height, the roof's own.
        bottom = heights[row, 0]
        total = count
        for i in range(n):
            low[i] = i
            if z[i] - bottom > SAME_M:
                low[i] = total
                total += 1
        # Walls.
        o = triangle
        for i in range(n):
            j = i + 1 if i + 1 < n else 0
            chain[0] = i
            chain[1] = j
            links = 2
            if quad and kind == GABLED and i % 2 != first:
                chain[1] = n if i == b else end
                chain[2] = j
                links = 3
            for op in range(0 if quad or fan else n_ops):
                at = 0
                while at + 1 < links:
                    p = chain[at]
                    q = chain[at + 1]
                    away_p = _side(st, p, op, ops, half_t, wings)
                    away_q = _side(st, q, op, ops, half_t, wings)
                    if away_p * away_q < 0.0:
                        v = _crossing(st, n, count, p, q, away_p, away_q, op, ops)
                        for m in range(links, at + 1, -1):
                            chain[m] = chain[m - 1]
                        chain[at + 1] = v
                        links += 1
                        at += 1
                    at += 1
            kept = 0
            for m in range(links):
                if not gone[chain[m]]:
                    chain[kept] = chain[m]
                    kept += 1
            links = kept
            if n_wings == 0:
                # The top is an arch, so its foot sees all of it.
                o = _add(o, low[i], low[j], j, out_triangles)
                for m in range(links - 1, 0, -1):
                    o = _add(o, low[i], chain[m], chain[m - 1], out_triangles)
                continue
            sides = 0
            for m in range(links + 2):
                v = low[i] if m == 0 else low[j] if m == 1 else chain[links + 1 - m]
                if m > 1 and v in (wall[0], wall[1]):
                    continue
                on = i if v == low[i] else j if v == low[j] else v
                wall[sides] = v
                wall_x[sides] = np.sqrt((st[on, 0] - st[i, 0]) ** 2 + (st[on, 1] - st[i, 1]) ** 2)
                wall_y[sides] = z[v] if v < count else bottom
                sides += 1
            if sides > 2:
                o = _clip_wall(wall, wall_x, wall_y, sides, o, out_triangles)
        for m in range(pieces):
            a = start[m]
            size_m = start[m + 1] - a
            first = _best_fan(st, piece, a, start[m + 1])
            for i in range(1, size_m - 1):
                p = piece[a + first]
                q = piece[a + (first + i) % size_m]
                o = _add(o, p, q, piece[a + (first + i + 1) % size_m], out_triangles)
        if floor[e]:
            for i in range(triangle_start[row], triangle_start[row + 1]):
                o = _add(o, low[triangles[i, 2]], low[triangles[i, 1]], low[triangles[i, 0]], out_triangles)

        # Vertices in the order in which triangles meet them, which the index codec likes.
        place[:total] = -1
        met = 0
        for i in range(triangle, o):
            for j in range(3):
                v = np.int64(out_triangles[i, j])
                if place[v] < 0:
                    place[v] = met
                    met += 1
                out_triangles[i, j] = place[v]
        for v in range(count):
            if place[v] < 0:
                continue
            to = vertex + place[v]
            out_height[to] = z[v]
            if v < n:
                out_lonlat[to, 0] = lonlat[c0 + v, 0]
                out_lonlat[to, 1] = lonlat[c0 + v, 1]
            else:
                x = x0 + st[v, 0] * ux - st[v, 1] * uy
                y = y0 + st[v, 0] * uy + st[v, 1] * ux
                out_lonlat[to, 0] = lonlat[c0, 0] + x / per_lon
                out_lonlat[to, 1] = lonlat[c0, 1] + y / per_lat
        for i in range(n):
            if low[i] >= count and place[low[i]] >= 0:
                to = vertex + place[low[i]]
                out_height[to] = bottom
                out_lonlat[to, 0] = lonlat[c0 + i, 0]
                out_lonlat[to, 1] = lonlat[c0 + i, 1]
        vertex += met
        triangle = o
    out_vertex_start[len(rows)] = vertex
    out_triangle_start[len(rows)] = triangle
