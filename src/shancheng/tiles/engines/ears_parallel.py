"""Polygons cut into triangles by ear clipping; compiled. `ears_reference.py` does it by mapbox_earcut.

Corners stand on a grid of whole steps (`constants.GRID_DEG`), where every predicate is exact. Degrees serve
as well as metres: turning and stretching a polygon changes no triangulation.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.codes import AREA_TOLERANCE, CROSSING, GOOD, TOO_COMPLEX
from shancheng.tiles.engines.footprints_parallel import twice_area
from shancheng.tiles.engines.jit import kernel, types

# Corners looked at while one feature is cut, about a second; ten thousand corners need a fortieth of it.
STEP_BUDGET = 1_000_000_000

IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

_INTS = types.int64[::1]


@kernel(types.int64(types.int64[:, ::1], types.int64, types.int64, types.int64))
def _turn(g: IntArray, a: int, b: int, c: int) -> int:
    """Twice the signed area of a triangle of nodes; exact."""
    return int((g[b, 0] - g[a, 0]) * (g[c, 1] - g[a, 1]) - (g[b, 1] - g[a, 1]) * (g[c, 0] - g[a, 0]))


@kernel(types.boolean(types.int64[:, ::1], _INTS, _INTS, types.int64, types.int64))
def _sees(g: IntArray, following: IntArray, preceding: IntArray, node: int, other: int) -> bool:
    """Whether the way from a corner towards another begins inside the polygon."""
    before = _turn(g, preceding[node], node, other) >= 0
    after = _turn(g, node, following[node], other) >= 0
    if _turn(g, preceding[node], node, following[node]) > 0:
        return bool(before and after)
    return bool(before or after)


@kernel(types.int64(types.int64[:, ::1], _INTS, _INTS, types.int64, types.int64))
def _bridge(g: IntArray, following: IntArray, preceding: IntArray, start: int, hole: int) -> int:
    """The corner of the outer ring that the leftmost corner of a hole can be joined to; -1 if there is none.

    A ray goes left from the hole to the nearest edge. The edge's left end is seen, unless corners stand in
    the triangle between ray and end: then the one under the smallest angle is. (D. Eberly, Triangulation by
    ear clipping, 2002.)
    """
    hx = g[hole, 0]
    hy = g[hole, 1]
    found = -1
    hit = -np.inf
    node = start
    while True:
        nxt = following[node]
        if g[node, 0] == hx and g[node, 1] == hy and _sees(g, following, preceding, node, following[hole]):
            return node
        if g[node, 1] >= hy >= g[nxt, 1] and g[node, 1] != g[nxt, 1]:
            share = (g[node, 1] - hy) / (g[node, 1] - g[nxt, 1])
            x = g[node, 0] + share * (g[nxt, 0] - g[node, 0])
            if hit < x <= hx:
                hit = x
                found = node if g[node, 0] < g[nxt, 0] else nxt
        node = nxt
        if node == start:
            break
    if found < 0 or hit == hx:
        return found
    end = found
    ex = g[end, 0]
    ey = g[end, 1]
    least = np.inf
    node = end
    while True:
        x = g[node, 0]
        y = g[node, 1]
        if ex <= x < hx and min(hy, ey) <= y <= max(hy, ey):
            # Between the ray (y = hy) and the line from the hole's corner to the end of the edge.
            beside = abs(float(y - hy)) * (hx - ex) <= abs(float(ey - hy)) * (hx - x)
            left_of_hit = hit + (ex - hit) * (abs(float(y - hy)) / max(abs(float(ey - hy)), 1.0))
            if beside and x >= left_of_hit and _sees(g, following, preceding, node, hole):
                slope = abs(float(y - hy)) / (hx - x)
                if slope < least or (slope == least and x > g[found, 0]):
                    found = node
                    least = slope
        node = following[node]
        if node == end:
            break
    return found


@kernel(types.int64(types.int64[:, ::1], _INTS, _INTS, _INTS, _INTS, types.int64, types.int64))
def _join_holes(
    g: IntArray,
    following: IntArray,
    preceding: IntArray,
    corner: IntArray,
    ring_start: IntArray,
    rings: int,
    nodes: int,
) -> int:
    """Join holes to the outer ring, leftmost first, by doubled corners; the number of nodes then, or -1."""
    leftmost = ring_start[1:rings].copy()
    for r in range(1, rings):
        for i in range(ring_start[r], ring_start[r + 1]):
            best = leftmost[r - 1]
            if g[i, 0] < g[best, 0] or (g[i, 0] == g[best, 0] and g[i, 1] < g[best, 1]):
                leftmost[r - 1] = i
    for k in range(rings - 1):
        first = k
        for m in range(k + 1, rings - 1):
            i = leftmost[m]
            best = leftmost[first]
            if g[i, 0] < g[best, 0] or (g[i, 0] == g[best, 0] and g[i, 1] < g[best, 1]):
                first = m
        leftmost[k], leftmost[first] = leftmost[first], leftmost[k]
        hole = leftmost[k]
        outer = _bridge(g, following, preceding, 0, hole)
        if outer < 0:
            return -1
        after = following[outer]
        before = preceding[hole]
        if g[outer, 0] == g[hole, 0] and g[outer, 1] == g[hole, 1]:
            # They touch: the hole's own corner serves as the twin, for edges without length hide who sees
            # whom.
            following[outer] = following[hole]
            preceding[following[hole]] = outer
            following[hole] = after
            preceding[after] = hole
            continue
        outer_twin = nodes
        hole_twin = nodes + 1
        nodes += 2
        for twin, node in ((outer_twin, outer), (hole_twin, hole)):
            g[twin, 0] = g[node, 0]
            g[twin, 1] = g[node, 1]
            corner[twin] = corner[node]
        following[outer] = hole
        preceding[hole] = outer
        following[before] = hole_twin
        preceding[hole_twin] = before
        following[hole_twin] = outer_twin
        preceding[outer_twin] = hole_twin
        following[outer_twin] = after
        preceding[after] = outer_twin
    return nodes


@kernel(types.boolean(types.int64[:, ::1], _INTS, _INTS, types.int64, types.int64, types.int64, types.int64))
def _enters(
    g: IntArray, following: IntArray, preceding: IntArray, node: int, before: int, at: int, after: int
) -> bool:
    """Whether an edge of a node that stands at a triangle's corner leads into the triangle."""
    out = following[node]
    back = preceding[node]
    if _turn(g, before, at, out) > 0 and _turn(g, at, after, out) > 0:
        return True
    return bool(_turn(g, before, at, back) > 0 and _turn(g, at, after, back) > 0)


@kernel(types.boolean(types.int64[:, ::1], _INTS, _INTS, types.int64, types.int64))
def _blocks(g: IntArray, following: IntArray, preceding: IntArray, ear: int, node: int) -> bool:
    """Whether a node keeps a corner from being cut off.

    It does when it lies in the corner's triangle or on its edges. Where rings touch, nodes stand at the
    triangle's own corners; those do when their edges lead into it.
    """
    a = preceding[ear]
    c = following[ear]
    if _turn(g, a, ear, node) < 0 or _turn(g, ear, c, node) < 0 or _turn(g, c, a, node) < 0:
        return False
    x = g[node, 0]
    y = g[node, 1]
    if x == g[ear, 0] and y == g[ear, 1]:
        return node != ear and _enters(g, following, preceding, node, a, ear, c)
    if x == g[a, 0] and y == g[a, 1]:
        return node != a and _enters(g, following, preceding, node, c, a, ear)
    if x == g[c, 0] and y == g[c, 1]:
        return node != c and _enters(g, following, preceding, node, ear, c, a)
    return True


@kernel(types.boolean(types.int64[:, ::1], types.int64, types.int64, types.int64))
def _folds(g: IntArray, a: int, b: int, c: int) -> bool:
    """Whether the way from a over b to c, known to be straight, turns back or stands still at b."""
    back = (g[a, 0] - g[b, 0]) * (g[c, 0] - g[b, 0]) + (g[a, 1] - g[b, 1]) * (g[c, 1] - g[b, 1])
    return bool(back >= 0)


@kernel(
    types.int64(
        types.int64[:, ::1], _INTS, _INTS, _INTS, types.int64, types.uint16[:, ::1], types.int64, types.int64
    )
)
def _clip_ears(
    g: IntArray,
    following: IntArray,
    preceding: IntArray,
    corner: IntArray,
    nodes: int,
    out: AnyArray,
    o: int,
    budget: int,
) -> int:
    """Cut triangles off a ring of nodes until two are left; the budget that remains, negative if too little.

    Only corners that turn right or straight can stand in an ear, so they are kept at the front of a list.
    """
    blocking = np.empty(nodes, np.int64)
    place = np.full(nodes, -1)
    n_blocking = 0
    node = 0
    for _ in range(nodes):
        if _turn(g, preceding[node], node, following[node]) <= 0:
            place[node] = n_blocking
            blocking[n_blocking] = node
            n_blocking += 1
        node = following[node]
    left = nodes
    stop = node
    force = 0
    while left > 2:
        a = preceding[node]
        c = following[node]
        turn = _turn(g, a, node, c)
        if turn == 0 and _folds(g, a, node, c):
            ear = True
        elif force == 0:
            ear = turn > 0
        else:  # no ear is left: straight corners first, then ears with something in them, then anything
            ear = turn == 0 if force == 1 else turn > 0 or force > 2
        if turn > 0 and force == 0:
            x0 = min(g[a, 0], g[node, 0], g[c, 0])
            x1 = max(g[a, 0], g[node, 0], g[c, 0])
            y0 = min(g[a, 1], g[node, 1], g[c, 1])
            y1 = max(g[a, 1], g[node, 1], g[c, 1])
            for k in range(n_blocking):
                x = g[blocking[k], 0]
                y = g[blocking[k], 1]
                near = x0 <= x <= x1 and y0 <= y <= y1
                if not near:
                    continue
                budget -= 40  # as long as forty comparisons of the other kind
                if _blocks(g, following, preceding, node, blocking[k]):
                    ear = False
                    budget -= k
                    break
        if ear:
            budget -= n_blocking
        budget -= 1
        if budget < 0:
            return budget
        if not ear:
            node = c
            if node == stop:
                force += 1
            continue
        out[o, 0] = corner[a]
        out[o, 1] = corner[node]
        out[o, 2] = corner[c]
        o += 1
        following[a] = c
        preceding[c] = a
        left -= 1
        # Taking every second corner keeps triangles fat, where walking on would make a fan. Where the rest
        # folds onto itself the fold goes first: a later ear could take it for an edge.
        onward = following[c] if left > 3 else c
        for changed in (node, a, c):
            turn = _turn(g, preceding[changed], changed, following[changed])
            blocks = changed != node and turn <= 0
            if blocks and turn == 0 and _folds(g, preceding[changed], changed, following[changed]):
                onward = changed
            if blocks and place[changed] < 0:
                place[changed] = n_blocking
                blocking[n_blocking] = changed
                n_blocking += 1
            elif not blocks and place[changed] >= 0:
                n_blocking -= 1
                moved = blocking[n_blocking]
                blocking[place[changed]] = moved
                place[moved] = place[changed]
                place[changed] = -1
        node = onward
        stop = node
        force = 0
    return budget


@kernel(types.int64(_INTS, _INTS, types.int64, types.int64))
def _full_count(part_start: IntArray, ring_start: IntArray, first: int, last: int) -> int:
    """Triangles of some parts when every hole needs a bridge: c corners and h holes make c + 2 h - 2."""
    r0 = part_start[first]
    r1 = part_start[last]
    return int(ring_start[r1] - ring_start[r0] + 2 * (r1 - r0) - 4 * (last - first))


@kernel(
    types.void(
        types.int64[:, ::1],
        _INTS,
        _INTS,
        _INTS,
        _INTS,
        types.int64,
        types.int64,
        types.uint8[::1],
        types.uint16[:, ::1],
    )
)
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
    """Cut the features from `first` to `last` into counter-clockwise triangles.

    Args:
        grid: Corners in whole steps, shape (v, 2), from `footprints_parallel.read_wkb`, like the next.
        ring_start: Shape (r + 1,).
        part_start: Shape (p + 1,).
        feature_start: Shape (n + 1,).
        triangle_start: Where each feature's triangles go, shape (n + 1,).
        first: First feature.
        last: The one after the last.
        status: In and out, shape (n,): CROSSING where the triangles' area is not the rings' within one per
            cent.
        triangles: Out: corners counted from the feature's first one, shape (t, 3).
    """
    longest = 0
    most_rings = 0
    for p in range(feature_start[first], feature_start[last]):
        longest = max(longest, ring_start[part_start[p + 1]] - ring_start[part_start[p]])
        most_rings = max(most_rings, part_start[p + 1] - part_start[p])
    size = longest + 2 * most_rings
    g = np.empty((size, 2), np.int64)
    following = np.empty(size, np.int64)
    preceding = np.empty(size, np.int64)
    corner = np.empty(size, np.int64)
    local_start = np.empty(most_rings + 1, np.int64)
    for i in range(first, last):
        if status[i] != GOOD:
            continue
        o = triangle_start[i]
        v0 = ring_start[part_start[feature_start[i]]]
        budget = STEP_BUDGET
        expected = 0.0
        for p in range(feature_start[i], feature_start[i + 1]):
            r0 = part_start[p]
            rings = part_start[p + 1] - r0
            base = ring_start[r0]
            nodes = ring_start[r0 + rings] - base
            for r in range(rings + 1):
                local_start[r] = ring_start[r0 + r] - base
            for k in range(nodes):
                g[k, 0] = grid[base + k, 0]
                g[k, 1] = grid[base + k, 1]
                corner[k] = base + k - v0
                following[k] = k + 1
                preceding[k] = k - 1
            for r in range(rings):
                following[local_start[r + 1] - 1] = local_start[r]
                preceding[local_start[r]] = local_start[r + 1] - 1
                expected += twice_area(g, local_start[r], local_start[r + 1])
            if 4 * rings * nodes > budget:
                status[i] = TOO_COMPLEX
                break
            if rings > 1:
                nodes = _join_holes(g, following, preceding, corner, local_start, rings, nodes)
                if nodes < 0:
                    status[i] = CROSSING
                    break
            budget = _clip_ears(g, following, preceding, corner, nodes, triangles, o, budget)
            if budget < 0:
                status[i] = TOO_COMPLEX
                break
            o += nodes - 2
            while o < triangle_start[i] + _full_count(part_start, ring_start, feature_start[i], p + 1):
                triangles[o] = 0  # holes that touch need no bridge
                o += 1
        if status[i] != GOOD:
            continue
        covered = 0.0
        for t in range(triangle_start[i], o):
            covered += abs(_turn(grid, v0 + triangles[t, 0], v0 + triangles[t, 1], v0 + triangles[t, 2]))
        if not abs(covered - expected) <= AREA_TOLERANCE * expected:
            status[i] = CROSSING
