"""Walls under pitched roofs in plain Python; `roofs_parallel.py` says the same, compiled."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
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
Cut = Callable[[float, float], float]
Profile = tuple[FloatArray, FloatArray]

_METRES_PER_DEGREE = SEMI_MAJOR_M * math.pi / 180
# Of borders: ahead, behind, left, right.
_SIGNS = (1, -1, 1, -1)


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
    """As `roofs_parallel.build_roofs`."""
    v = o = 0
    for k, (row, e) in enumerate(zip(rows.tolist(), entry.tolist(), strict=True)):
        out_vertex_start[k], out_triangle_start[k] = v, o
        corners = lonlat[corner_start[row] : corner_start[row + 1]]
        cut = triangles[triangle_start[row] : triangle_start[row + 1]].astype(np.int64)
        per_degree = _METRES_PER_DEGREE * np.array([math.cos(math.radians(corners[0, 1])), 1])
        outline = _Outline((corners - corners[0]) * per_degree, cut)
        kind = int(shape[e])
        frame = outline.frame(kind, bool(across[e]), float(direction[e]))
        asked = float(roof_height[e]), float(limit[e])
        surface, frame, high = _built(kind, outline, frame, asked)
        faces, z, places = _solid(surface, outline, frame, heights[row], high, with_floor=bool(floor[e]))
        order = list(dict.fromkeys(itertools.chain.from_iterable(faces)))
        number = {vertex: place for place, vertex in enumerate(order)}
        out_lonlat[v : v + len(order)] = corners[0] + places[order] / per_degree
        out_height[v : v + len(order)] = z[order]
        out_triangles[o : o + len(faces)] = [[number[vertex] for vertex in face] for face in faces]
        v, o = v + len(order), o + len(faces)
    out_vertex_start[len(rows)], out_triangle_start[len(rows)] = v, o


@dataclass(frozen=True)
class _Frame:
    """Middle and axes of a roof: `u` along the ridge, half of its length and of its width."""

    middle: FloatArray
    u: FloatArray
    half_s: float
    half_t: float

    @property
    def axes(self) -> FloatArray:
        return np.array([self.u, [-self.u[1], self.u[0]]])


@dataclass(frozen=True)
class _Outline:
    """A ring in metres, counter-clockwise, and its triangles."""

    xy: FloatArray
    triangles: IntArray

    def frame(self, kind: int, across: bool, direction_deg: float) -> _Frame:  # noqa: FBT001
        middle, u, half_s, half_t = self.rectangle()[:4]
        down = np.array([0.0, -1.0])
        if math.isfinite(direction_deg):
            bearing = math.radians(direction_deg)
            down = np.array([u, [-u[1], u[0]]]) @ [math.sin(bearing), math.cos(bearing)]
            across = abs(down[0]) > abs(down[1]) * (1 + 1e-9)
        if across:
            u, half_s, half_t = np.array([-u[1], u[0]]), half_t, half_s
            down = np.array([down[1], -down[0]]) if math.isfinite(direction_deg) else down
        if kind == SKILLION:
            if abs(down[1]) > math.cos(math.radians(SNAP_DEG)):
                down = np.array([0.0, math.copysign(1.0, down[1])])
            up = -(down @ np.array([u, [-u[1], u[0]]]))
            u = np.array([up[1], -up[0]])
            half_t = float(np.ptp((self.xy - middle) @ up)) / 2
        return _Frame(middle, u, max(half_s, ON_LINE_M), max(half_t, ON_LINE_M))

    def rectangle(self) -> tuple[FloatArray, FloatArray, float, float, float]:
        """Middle, direction of the longer side, half of both sides, and the share that the ring fills."""
        best: tuple[FloatArray, FloatArray, float, float] | None = None
        least = math.inf
        for step in np.roll(self.xy, -1, axis=0) - self.xy:
            u = step / np.linalg.norm(step)
            axes = np.array([u, [-u[1], u[0]]])
            placed = self.xy @ axes.T
            low, high = placed.min(axis=0), placed.max(axis=0)
            area = float(np.prod(high - low))
            if area < least * (1 - 1e-9):
                least = area
                half = (high - low) / 2
                best = (low + high) / 2 @ axes, u, float(half[0]), float(half[1])
        assert best is not None
        middle, u, half_s, half_t = best
        if half_t > half_s * (1 + 1e-9):
            u, half_s, half_t = np.array([-u[1], u[0]]), half_t, half_s
        if u[0] < -1e-12 or (u[0] <= 1e-12 and u[1] < 0):
            u = -u
        x, y = self.xy.T
        area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
        return middle, u, half_s, half_t, area / max(least, 1e-12)

    def longest(self) -> FloatArray:
        """Unit vector along the longest side."""
        steps = np.roll(self.xy, -1, axis=0) - self.xy
        best, found = 0.0, steps[0]
        for step in steps:
            length = float(np.linalg.norm(step))
            if length > best * (1 + 1e-9):
                best, found = length, step / length
        return np.asarray(found)

    @property
    def convex(self) -> bool:
        before, after = np.roll(self.xy, 1, axis=0), np.roll(self.xy, -1, axis=0)
        way, off = after - before, self.xy - before
        turn = off[:, 0] * way[:, 1] - off[:, 1] * way[:, 0]
        return bool(np.all(turn >= -DENT_M * np.linalg.norm(way, axis=1)))

    def middle(self) -> FloatArray | None:
        """Centre of gravity, if it sees every side."""
        here = self.xy - self.xy[0]
        there = np.roll(here, -1, axis=0)
        cross = here[:, 0] * there[:, 1] - there[:, 0] * here[:, 1]
        centre = self.xy[0] + (cross[:, None] * (here + there)).sum(axis=0) / (3 * cross.sum())
        way, off = there - here, centre - self.xy
        away = off[:, 1] * way[:, 0] - off[:, 0] * way[:, 1]
        return centre if np.all(away >= ON_LINE_M * np.linalg.norm(way, axis=1)) else None


def _built(
    kind: int, outline: _Outline, frame: _Frame, asked: tuple[float, float]
) -> tuple["_Surface", _Frame, float]:
    """The roof, the frame it is in, and its height."""
    turned = replace(frame, u=outline.longest())
    wings = _wings(kind, outline, turned)
    if wings:
        high = _height(kind, max(wing.half_width for wing in wings), *asked)
        surface = _over_wings(outline, turned, wings)
        if surface is not None:
            return surface, turned, high
    span = min(frame.half_s, frame.half_t) if kind in (PYRAMIDAL, DOME) else frame.half_t
    high = _height(kind, span, *asked)
    return _surface(kind, outline, frame, high), frame, high


def _height(kind: int, span: float, wanted: float, limit: float) -> float:
    if not math.isfinite(wanted):
        wanted = float(DEFAULT_PITCH[kind]) * (2 * span if kind == SKILLION else span)
        if kind != DOME:
            wanted = min(wanted, DEFAULT_SHARE * limit)
    return min(wanted, limit)


@dataclass
class _Surface:
    """A roof: points along and across the ridge, how high each is between eaves (0) and top (1), and pieces.

    `chains` has the points over each side of the outline, both its corners included; `ragged` says that these
    may rise and fall more than once.
    """

    points: list[tuple[float, float]]
    rise: list[float] = field(default_factory=list)
    pieces: list[list[int]] = field(default_factory=list)
    chains: list[list[int]] = field(default_factory=list)
    ragged: bool = False


def _bare(outline: _Outline, frame: _Frame) -> _Surface:
    placed = (outline.xy - frame.middle) @ frame.axes.T
    n = len(placed)
    points = [(float(s), float(t)) for s, t in placed]
    return _Surface(points, chains=[[i, (i + 1) % n] for i in range(n)])


def _surface(kind: int, outline: _Outline, frame: _Frame, high: float) -> _Surface:
    surface = _bare(outline, frame)
    n = len(outline.xy)
    if kind in (GABLED, HIPPED) and n == 4 and outline.rectangle()[4] >= RECTANGULAR and outline.convex:
        _quadrangle(surface, frame, hipped=kind == HIPPED)
        return surface
    centre = outline.middle() if kind in (PYRAMIDAL, DOME) else None
    if centre is not None:
        middle = frame.axes @ (centre - frame.middle)
        _fan(surface, (float(middle[0]), float(middle[1])), kind)
        return surface
    _begin(surface, outline)
    profile = _profile(kind, high, frame)
    for cut in _cuts(kind, profile, frame):
        _slice(surface, cut, n)
    surface.rise = [_rise(kind, profile, frame, s, t) for s, t in surface.points]
    if not outline.convex:
        scale = 1.0 if kind == SKILLION else frame.half_t
        _merge(surface, [scale * rise for rise in surface.rise], n)
    surface.rise = _stretched(surface.rise)
    return surface


def _begin(surface: _Surface, outline: _Outline) -> None:
    """The outline itself where it is convex, else as few convex pieces as its triangles make."""
    surface.pieces = [list(range(len(outline.xy)))]
    if not outline.convex:
        surface.pieces = outline.triangles.tolist()
        _merge(surface, [0.0] * len(outline.xy), len(outline.xy))


def _stretched(rise: list[float]) -> list[float]:
    """The same from 0 to 1."""
    least, highest = min(rise), max(rise)
    return [(one - least) / max(highest - least, 1e-9) for one in rise]


@dataclass(frozen=True)
class _Wing:
    """A rectangle of an outline: its middle, which axis its ridge runs along, and its borders.

    `hips` and `on` are about its borders ahead and behind, and on left and right: whether the roof has a hip
    there, whether the outline goes on there.
    """

    middle: tuple[float, float]
    axis: int
    half_length: float
    half_width: float
    hips: tuple[bool, bool]
    on: tuple[bool, bool, bool, bool]

    def place(self, s: float, t: float) -> tuple[float, float]:
        """Along and across the ridge, from the middle."""
        away = s - self.middle[0], t - self.middle[1]
        return away[self.axis], away[1 - self.axis]

    def height(self, s: float, t: float) -> float:
        along, across = self.place(s, t)
        height = self.half_width - abs(across)
        for hip, sign in zip(self.hips, (1, -1), strict=True):
            height = min(height, self.half_length - sign * along) if hip else height
        return height

    def holds(self, s: float, t: float) -> bool:
        along, across = self.place(s, t)
        return abs(along) <= self.half_length + WING_REACH_M and abs(across) <= self.half_width + WING_REACH_M


def _wings(kind: int, outline: _Outline, frame: _Frame) -> list[_Wing]:
    """The rectangles that an outline along the axes is made of, where it is."""
    fan = kind in (PYRAMIDAL, DOME) and outline.middle() is not None
    if kind not in (GABLED, HIPPED, PYRAMIDAL, DOME) or fan or outline.convex:
        return []
    ring = (outline.xy - frame.middle) @ frame.axes.T
    there = np.roll(ring, -1, axis=0)
    step, middle = np.abs(there - ring), (ring + there) / 2
    if np.any(step.min(axis=1) > np.maximum(WING_SKEW * step.max(axis=1), WING_SKEW_M)):
        return []
    level = step[:, 0] >= step[:, 1]
    xs, ys = _merged(middle[~level, 0]), _merged(middle[level, 1])
    if min(len(xs), len(ys)) < 2 or max(len(xs), len(ys)) > WING_LINES or len(xs) + len(ys) == 4:
        return []
    centres = [
        [((a + b) / 2, (c + d) / 2) for c, d in itertools.pairwise(ys)] for a, b in itertools.pairwise(xs)
    ]
    cells = np.array([[_holds(ring, *centre) for centre in column] for column in centres])
    area = float(np.sum(ring[:, 0] * there[:, 1] - ring[:, 1] * there[:, 0])) / 2
    if abs(float(np.diff(xs) @ cells @ np.diff(ys)) - area) > WING_AREA * area:
        return []
    bare = cells.copy()
    wings: list[_Wing] = []
    while bare.any():
        if len(wings) == MAX_WINGS:
            return []
        block = _largest(xs, ys, cells, bare)
        bare[block[0] : block[1], block[2] : block[3]] = False
        wings.append(_wing(xs, ys, cells, block, hipped=kind != GABLED))
    return wings if len(wings) > 1 else []


def _merged(lines: FloatArray) -> list[float]:
    """Numbers in order, those that are close as one."""
    ordered = np.sort(lines)
    groups = np.split(ordered, np.flatnonzero(np.diff(ordered) >= WING_MERGE_M) + 1)
    return [float(group.mean()) for group in groups if len(group)]


def _holds(ring: FloatArray, s: float, t: float) -> bool:
    inside = False
    for (s0, t0), (s1, t1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (t0 > t) != (t1 > t) and s < s0 + (t - t0) / (t1 - t0) * (s1 - s0):
            inside = not inside
    return inside


def _largest(xs: list[float], ys: list[float], cells: AnyArray, bare: AnyArray) -> tuple[int, int, int, int]:
    """The largest block of taken cells that has a bare one."""
    best, found = 0.0, (0, 0, 0, 0)
    columns = list(itertools.combinations(range(len(xs)), 2))
    rows = list(itertools.combinations(range(len(ys)), 2))
    for (i0, i1), (j0, j1) in itertools.product(columns, rows):
        size = (xs[i1] - xs[i0]) * (ys[j1] - ys[j0])
        full = cells[i0:i1, j0:j1].all() and bare[i0:i1, j0:j1].any()
        if full and size > best * (1 + 1e-9):
            best, found = size, (i0, i1, j0, j1)
    return found


def _wing(
    xs: list[float], ys: list[float], cells: AnyArray, block: tuple[int, int, int, int], *, hipped: bool
) -> _Wing:
    i0, i1, j0, j1 = block
    half = (xs[i1] - xs[i0]) / 2, (ys[j1] - ys[j0]) / 2
    around = np.pad(cells, 1)
    on_s = bool(around[i1 + 1, j0 + 1 : j1 + 1].any()), bool(around[i0, j0 + 1 : j1 + 1].any())
    on_t = bool(around[i0 + 1 : i1 + 1, j1 + 1].any()), bool(around[i0 + 1 : i1 + 1, j0].any())
    axis = 1 if half[1] > half[0] * (1 + 1e-9) else 0
    on = (*on_t, *on_s) if axis else (*on_s, *on_t)
    hips = (True, True) if hipped else on[:2]
    middle = (xs[i0] + xs[i1]) / 2, (ys[j0] + ys[j1]) / 2
    return _Wing(middle, axis, half[axis], half[1 - axis], hips, on)


def _over_wings(outline: _Outline, frame: _Frame, wings: list[_Wing]) -> _Surface | None:
    """The highest of the wings' roofs; None where that takes more pieces than the caller has room for."""
    surface = _bare(outline, frame)
    surface.ragged = True
    n = len(outline.xy)
    _begin(surface, outline)
    for cut in _wing_cuts(wings):
        _slice(surface, cut, n)
    triangles = sum(len(piece) - 2 for piece in surface.pieces)
    if len(surface.points) > 25 * n + 64 or triangles > 18 * n + 64:
        return None
    heights = [
        max([wing.height(s, t) for wing in wings if wing.holds(s, t)] + [0.0]) for s, t in surface.points
    ]
    _merge(surface, heights, n)
    surface.rise = _stretched(heights)
    return surface


def _wing_cuts(wings: list[_Wing]) -> Iterator[Cut]:
    """Along ridges, at borders where the outline goes on, along hips, and where two roofs meet."""
    for wing in wings:
        yield lambda s, t, wing=wing: wing.place(s, t)[1]  # type: ignore[misc]
    for wing in wings:
        for border in np.flatnonzero(wing.on).tolist():
            yield functools.partial(_beyond, wing, border)
    for wing in wings:
        for end in np.flatnonzero(wing.hips).tolist():
            yield functools.partial(_hip_side, wing, end)
    for k, wing in enumerate(wings):
        for other in wings[:k]:
            yield lambda s, t, a=other, b=wing: a.height(s, t) - b.height(s, t)  # type: ignore[misc]


def _beyond(wing: _Wing, border: int, s: float, t: float) -> float:
    half = wing.half_length if border < 2 else wing.half_width
    return _SIGNS[border] * wing.place(s, t)[border // 2] - half


def _hip_side(wing: _Wing, end: int, s: float, t: float) -> float:
    along, across = wing.place(s, t)
    return _SIGNS[end] * along - (wing.half_length - wing.half_width) - abs(across)


def _profile(kind: int, high: float, frame: _Frame) -> Profile | None:
    if kind == ROUND:
        bow = min(high, frame.half_t)
        radius = (frame.half_t**2 + bow**2) / (2 * bow)
        fall = (np.sqrt(np.maximum(radius**2 - (ARCH * frame.half_t) ** 2, 0)) - radius + bow) / bow
        return ARCH, fall
    return {GABLED: GABLE, GAMBREL: BARN}.get(kind)


def _cuts(kind: int, profile: Profile | None, frame: _Frame) -> Iterator[Cut]:
    """Lines to cut along: each says how far on which side of it a point lies."""
    if kind == SKILLION:
        return
    yield lambda _s, t: t
    if profile is not None:
        for share in profile[0][1:-1].tolist():
            yield lambda _s, t, at=share * frame.half_t: abs(t) - at  # type: ignore[misc]
        return
    hip = _hip(kind, frame)
    for sign in (1, -1):
        yield lambda s, t, sign=sign: (  # type: ignore[misc]
            (sign * s - (frame.half_s - hip)) / hip * frame.half_t - abs(t)
        )


def _hip(kind: int, frame: _Frame) -> float:
    return min(frame.half_s, frame.half_t) if kind == HIPPED else frame.half_s


def _rise(kind: int, profile: Profile | None, frame: _Frame, s: float, t: float) -> float:
    away = abs(t) / frame.half_t
    if kind == SKILLION:
        return t
    if profile is not None:
        at, share = profile
        last = int(np.clip(np.searchsorted(at, away), 1, len(at) - 1))
        slope = (share[last] - share[last - 1]) / (at[last] - at[last - 1])
        return float(share[last - 1] + (away - at[last - 1]) * slope)
    return min(1 - away, (frame.half_s - abs(s)) / _hip(kind, frame))


def _slice(surface: _Surface, cut: Cut, corners: int) -> None:
    """Cut all pieces and chains along a line."""
    points = surface.points

    def side(vertex: int) -> float:
        away = cut(*points[vertex])
        return 0.0 if abs(away) < ON_LINE_M else away

    def crossing(p: int, q: int) -> int:
        p, q = min(p, q), max(p, q)
        share = side(p) / (side(p) - side(q))
        s = points[p][0] + share * (points[q][0] - points[p][0])
        t = points[p][1] + share * (points[q][1] - points[p][1])
        for vertex in range(corners, len(points)):
            if abs(points[vertex][0] - s) < SAME_M and abs(points[vertex][1] - t) < SAME_M:
                return vertex
        points.append((s, 0.0 if cut(0.0, 1.0) == cut(1.0, 1.0) == 1.0 else t))
        return len(points) - 1

    def belongs(away: list[float], i: int, sign: int) -> bool:
        if away[i] != 0:
            return away[i] * sign > 0
        turned = [*away[i + 1 :], *away[:i]]
        after = next(one for one in turned if one != 0)
        before = next(one for one in reversed(turned) if one != 0)
        if before * after > 0 or turned[-1] == 0:
            return after * sign > 0
        return True

    def parted(ring: list[int], sign: int) -> list[int]:
        kept = []
        away = [side(vertex) for vertex in ring]
        for i, (p, q) in enumerate(itertools.pairwise([*ring, ring[0]])):
            kept += [p] if belongs(away, i, sign) else []
            kept += [crossing(p, q)] if side(p) * side(q) < 0 else []
        return kept

    pieces = []
    for piece in surface.pieces:
        sides = [side(vertex) for vertex in piece]
        both = min(sides) < 0 < max(sides)
        pieces += [parted(piece, 1), parted(piece, -1)] if both else [piece]
    surface.pieces = pieces
    for number, chain in enumerate(surface.chains):
        longer = [chain[0]]
        for p, q in itertools.pairwise(chain):
            longer += [crossing(p, q), q] if side(p) * side(q) < 0 else [q]
        surface.chains[number] = longer


@dataclass(eq=False)
class _Edge:
    """One side of a piece: where it begins, its neighbours, and the same side of the piece beyond it."""

    origin: int
    after: "_Edge"
    before: "_Edge"
    twin: "_Edge | None" = None
    alive: bool = True

    @classmethod
    def ring(cls, piece: list[int]) -> list["_Edge"]:
        edges = [cls.__new__(cls) for _ in piece]
        for k, vertex in enumerate(piece):
            cls.__init__(edges[k], vertex, edges[(k + 1) % len(piece)], edges[k - 1])
        return edges

    def around(self) -> list["_Edge"]:
        """All sides of its piece, itself first."""
        found, edge = [self], self.after
        while edge is not self:
            found.append(edge)
            edge = edge.after
        return found

    def leave(self) -> None:
        """Its neighbours become each other's."""
        self.before.after, self.after.before = self.after, self.before
        self.alive = False


def _merge(surface: _Surface, heights: list[float], corners: int) -> None:
    """Make one of neighbours that are level and convex together, and drop vertices that then serve nobody."""
    edges = [edge for piece in surface.pieces for edge in _Edge.ring(piece)]
    if len(edges) > MAX_MERGED or not _paired(edges):
        return
    at = [np.array([*point, height]) for point, height in zip(surface.points, heights, strict=True)]
    changed = True
    while changed:
        changed = False
        for number, edge in enumerate(edges):
            later = edge.twin is not None and edges.index(edge.twin) > number if edge.alive else False
            if later and _one_plane(edge, at):
                _unite(edge)
                changed = True
        for edge in edges:
            if edge.alive and edge.origin >= corners and _dropped(edge, edges, at):
                for chain in surface.chains:
                    chain[:] = [vertex for vertex in chain if vertex != edge.origin]
                changed = True
    surface.pieces = []
    for edge in edges:
        if edge.alive:
            ring = edge.around()
            surface.pieces.append([one.origin for one in ring])
            for one in ring:
                one.alive = False


def _paired(edges: list[_Edge]) -> bool:
    """Find the twins; False where a side stands twice in one direction."""
    known = {(edge.origin, edge.after.origin): edge for edge in edges}
    for edge in edges:
        edge.twin = known.get((edge.after.origin, edge.origin))
    return len(known) == len(edges)


def _one_plane(edge: _Edge, at: list[FloatArray]) -> bool:
    """Whether the pieces on both sides are level and convex together."""
    twin = edge.twin
    assert twin is not None
    ends = (
        (edge.before.origin, edge.origin, twin.after.after.origin),
        (twin.before.origin, twin.origin, edge.after.after.origin),
    )
    return all(_goes_on(*(at[v] for v in end)) for end in ends) and _level(edge, twin, at)


def _goes_on(a: FloatArray, b: FloatArray, c: FloatArray) -> bool:
    way, half = (c - a)[:2], (b - a)[:2]
    turn = half[0] * way[1] - half[1] * way[0]
    ahead = half @ (c - b)[:2] > 0 or turn > DENT_M
    return bool(turn >= -DENT_M * np.linalg.norm(way) and ahead)


def _level(edge: _Edge, twin: _Edge, at: list[FloatArray]) -> bool:
    """Whether the corners of the smaller piece lie in the plane of the larger."""
    rings = [np.array([at[one.origin] for one in side.around()]) for side in (edge, twin)]
    planes = [np.cross(ring[1:-1] - ring[0], ring[2:] - ring[0]).sum(axis=0) for ring in rings]
    larger = 0 if planes[0][2] >= planes[1][2] else 1
    plane, off = planes[larger], rings[1 - larger] - rings[larger][0]
    if plane[2] <= 0:
        return False
    return bool(np.all(np.abs(off[:, 2] + off[:, :2] @ plane[:2] / plane[2]) <= LEVEL_M))


def _unite(edge: _Edge) -> None:
    twin = edge.twin
    assert twin is not None
    edge.before.after, twin.after.before = twin.after, edge.before
    twin.before.after, edge.after.before = edge.after, twin.before
    edge.alive = twin.alive = False


def _dropped(edge: _Edge, edges: list[_Edge], at: list[FloatArray]) -> bool:
    """Drop the vertex where a side begins, if it stands on a straight line where no other piece ends."""
    users = sum(one.alive and one.origin == edge.origin for one in edges)
    before = edge.before
    if users > 2 or not _straight(at[before.origin], at[edge.origin], at[edge.after.origin]):
        return False
    if users == 1 and edge.twin is None and before.twin is None:
        edge.leave()
        return True
    if users == 2 and edge.twin is not None and before.twin is edge.twin.after:
        before.twin.leave()
        before.twin, edge.twin.twin = edge.twin, before
        edge.leave()
        return True
    return False


def _straight(a: FloatArray, b: FloatArray, c: FloatArray) -> bool:
    way, half = c - a, b - a
    length = float(np.linalg.norm(way[:2]))
    if length < ON_LINE_M or abs(half[0] * way[1] - half[1] * way[0]) > ON_LINE_M * length:
        return False
    share = float(half[:2] @ way[:2]) / length**2
    return bool(0 < share < 1 and abs(half[2] - share * way[2]) < LEVEL_M)


def _quadrangle(surface: _Surface, frame: _Frame, *, hipped: bool) -> None:
    """Level eaves along two sides, or all four, whatever the angles."""
    at = np.array(surface.points)
    length = np.abs(np.roll(at, -1, axis=0) - at)[:, 0]
    first = 0 if length[0] + length[2] >= length[1] + length[3] else 1
    a, b, c, d = (first + np.arange(4)) % 4
    ends = np.array([(at[b] + at[c]) / 2, (at[d] + at[a]) / 2])
    hip = min(frame.half_s, frame.half_t)
    if hipped:
        share = hip / (2 * frame.half_s)
        ends = ends + share * (ends[::-1] - ends)
    near, far = 4, 5
    if hipped and frame.half_s - hip < ON_LINE_M:
        ends, far = ends.mean(axis=0, keepdims=True), 4
    surface.points += [(float(s), float(t)) for s, t in ends]
    surface.rise = [0.0] * 4 + [1.0] * len(ends)
    surface.pieces = [[int(a), int(b), near, far], [int(c), int(d), far, near]]
    if hipped:
        surface.pieces += [[int(b), int(c), near], [int(d), int(a), far]]
    else:
        surface.chains[int(b)].insert(1, near)
        surface.chains[int(d)].insert(1, far)


def _fan(surface: _Surface, middle: tuple[float, float], kind: int) -> None:
    """Levels of the outline, drawn in towards its middle, and the top."""
    outline = np.array(surface.points)
    n = len(outline)
    levels = 1 if kind == PYRAMIDAL else DOME_LEVELS if n <= MANY_CORNERS else DOME_LEVELS_MANY
    for level in range(levels):
        angle = level / levels * math.pi / 2
        surface.rise += [math.sin(angle)] * n
        if level:
            drawn = middle + (outline - middle) * math.cos(angle)
            surface.points += [(float(s), float(t)) for s, t in drawn]
        for i in range(n):
            here, there = level * n + i, level * n + (i + 1) % n
            above = [there + n, here + n] if level + 1 < levels else [levels * n]
            surface.pieces.append([here, there, *above])
    surface.points.append(middle)
    surface.rise.append(1.0)


def _solid(
    surface: _Surface,
    outline: _Outline,
    frame: _Frame,
    bottom_top: FloatArray,
    high: float,
    *,
    with_floor: bool,
) -> tuple[list[tuple[int, int, int]], FloatArray, FloatArray]:
    """Triangles, and height and place in metres from the first corner of every vertex."""
    bottom, top = bottom_top.tolist()
    z = [top - high * (1 - rise) for rise in surface.rise]
    n = len(outline.xy)
    places = frame.middle + np.array(surface.points) @ frame.axes
    places[:n] = outline.xy
    low = []
    for i in range(n):
        low.append(i if z[i] - bottom <= SAME_M else len(z))
        if low[-1] != i:
            z.append(bottom)
            places = np.vstack([places, outline.xy[i]])
    faces: list[tuple[int, int, int]] = []
    for i, chain in enumerate(surface.chains):
        j = (i + 1) % n
        if surface.ragged:
            faces += _clipped(low[i], low[j], chain, places, z)
            continue
        faces.append((low[i], low[j], j))
        faces += [(low[i], later, earlier) for earlier, later in reversed(list(itertools.pairwise(chain)))]
    points = np.array(surface.points)
    for piece in surface.pieces:
        ring = piece[_best_fan(points[piece]) :] + piece[: _best_fan(points[piece])]
        faces += [(ring[0], q, r) for q, r in itertools.pairwise(ring[1:])]
    if with_floor:
        faces += [(low[c], low[b], low[a]) for a, b, c in outline.triangles.tolist()]
    return [face for face in faces if len(set(face)) == 3], np.array(z), places


def _clipped(
    i: int, j: int, chain: list[int], places: FloatArray, z: list[float]
) -> list[tuple[int, int, int]]:
    """A wall with a ragged top cut into triangles, the largest ear first."""
    ring = [i, j, *(vertex for vertex in reversed(chain) if vertex not in (i, j))]
    at = [np.array([np.linalg.norm(places[vertex] - places[i]), z[vertex]]) for vertex in ring]

    def turn(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
        return float((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]))

    faces = []
    while len(ring) > 3:
        best, ear = -1.0, 0
        for k in range(len(ring)):
            a, b, c = at[k - 1], at[k], at[(k + 1) % len(ring)]
            others = [p for p in at if p is not a and p is not b and p is not c]
            inside = [min(turn(a, b, p), turn(b, c, p), turn(c, a, p)) >= -1e-9 for p in others]
            if turn(a, b, c) > best * (1 + 1e-9) + 1e-9 and not any(inside):
                best, ear = turn(a, b, c), k
        faces.append((ring[ear - 1], ring[ear], ring[(ear + 1) % len(ring)]))
        del ring[ear], at[ear]
    return [*faces, (ring[0], ring[1], ring[2])] if len(ring) == 3 else faces


def _best_fan(ring: FloatArray) -> int:
    """Which corner of a convex ring makes the fan whose thinnest triangle is the fattest."""
    n = len(ring)
    if n <= 3 or n > MANY_CORNERS:
        return 0
    best, found = -math.inf, 0
    for first in range(n):
        turned = np.roll(ring, -first, axis=0) - ring[first]
        areas = turned[1:-1, 0] * turned[2:, 1] - turned[1:-1, 1] * turned[2:, 0]
        if areas.min() > best * (1 + 1e-9) + 1e-9:
            best, found = float(areas.min()), first
    return found
