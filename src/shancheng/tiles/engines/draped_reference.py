"""Lines on the ground, in plain Python: lines made dense, and made ribbons.

All of it happens in longitude and latitude; lengths are taken with the metres per degree at each point.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Lines", "Ribbons", "densify", "ribbons"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.uint32]

SHORTEST_M = 0.01
"""Points closer to their neighbour than this are left out: they have no direction."""
CHUNK_SEGMENTS = 64
CHUNK_M = 500.0
MITRE_LIMIT = 2.0
"""Longest mitre in half widths; sharper turns get a bevel."""
CAP_LENGTH = math.sqrt(0.75)
"""An end is half a hexagon: it reaches this many half widths beyond the last point, half as wide."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Many lines as one array of points.

    Attributes:
        lonlat: Degrees, shape (n, 2).
        scale: Metres per degree of longitude and of latitude at each point, shape (n, 2).
        start: Where each line begins in the points, shape (lines + 1,).
    """

    lonlat: Floats
    scale: Floats
    start: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Ribbons:
    """Lines with a width, in pieces of limited length.

    Attributes:
        lonlat: Degrees of the vertices, shape (v, 2).
        point: The line's point that each vertex belongs to, shape (v,).
        triangles: Shape (t, 3), counter-clockwise from above, counted from the piece's first vertex.
        line: The line of each piece, shape (p,).
        vertex_start: Where each piece's vertices begin, shape (p + 1,).
        triangle_start: Where its triangles begin, shape (p + 1,).
    """

    lonlat: Floats
    point: Ints
    triangles: Indices
    line: Ints
    vertex_start: Ints
    triangle_start: Ints


def densify(lines: Lines, longest_m: float) -> Lines:
    """Lines with points at most so far from each other; points without a distance are left out.

    A line of which less than two points remain is kept as an empty one.
    """
    points: list[Floats] = []
    scales: list[Floats] = []
    start = [0]
    for first, last in itertools.pairwise(lines.start):
        kept = [first] if last > first else []
        for i in range(first + 1, last):
            length = _length_m(lines, kept[-1], i)
            if length < SHORTEST_M:
                continue
            n = math.ceil(length / longest_m)
            if len(kept) == 1:
                points.append(lines.lonlat[first])
                scales.append(lines.scale[first])
            for k in range(1, n + 1):
                t = k / n
                points.append(lines.lonlat[kept[-1]] * (1.0 - t) + lines.lonlat[i] * t)
                scales.append(lines.scale[kept[-1]] * (1.0 - t) + lines.scale[i] * t)
            kept.append(i)
        start.append(len(points))
    return Lines(
        np.array(points).reshape(-1, 2), np.array(scales).reshape(-1, 2), np.array(start, dtype=np.int64)
    )


def _length_m(lines: Lines, i: int, j: int) -> float:
    x, y = (lines.lonlat[j] - lines.lonlat[i]) * lines.scale[i]
    return math.sqrt(x * x + y * y)


def ribbons(lines: Lines, half_width_m: Floats) -> Ribbons:
    """Give lines a width.

    Args:
        lines: From `densify`.
        half_width_m: Of each line, shape (lines,).

    Returns:
        Pieces of at most `CHUNK_SEGMENTS` segments, cut after `CHUNK_M` metres. Turns get a mitre where the
        segments are long enough for it, else a bevel; open ends get half a hexagon, closed lines join.
    """
    builder = _Builder(lines)
    for line, (first, last) in enumerate(itertools.pairwise(lines.start)):
        if last - first > 1:
            builder.add(line, first, last, float(half_width_m[line]))
    return builder.result()


class _Builder:
    """Grows the arrays of the ribbons, line by line."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.lonlat: list[Floats] = []
        self.point: list[int] = []
        self.triangles: list[list[int]] = []
        self.line: list[int] = []
        self.vertex_start: list[int] = [0]
        self.triangle_start: list[int] = [0]

    def result(self) -> Ribbons:
        return Ribbons(
            np.array(self.lonlat).reshape(-1, 2),
            np.array(self.point, dtype=np.int64),
            np.array(self.triangles, dtype=np.uint32).reshape(-1, 3),
            np.array(self.line, dtype=np.int64),
            np.array(self.vertex_start, dtype=np.int64),
            np.array(self.triangle_start, dtype=np.int64),
        )

    def add(self, line: int, first: int, last: int, half_m: float) -> None:
        steps = [self._step(i) for i in range(first, last - 1)]
        closed = last - first > 3 and bool((self.lines.lonlat[first] == self.lines.lonlat[last - 1]).all())
        wrapped = [steps[-1] if closed else None, *steps, steps[0] if closed else None]
        joints = [_joint(before, after, half_m) for before, after in itertools.pairwise(wrapped)]
        pair = self._pair(first, _side(steps[0], joints[0], half_m))
        if not closed:
            cap = self._pair(first, *_cap(steps[0], half_m, -1.0))
            self._quad(cap, pair)
        segments, length = 0, 0.0
        for k, step in enumerate(steps):
            here, joint = first + k + 1, joints[k + 1]
            reached = self._pair(here, _side(step, joint, half_m))
            self._quad(pair, reached)
            pair = reached
            segments, length = segments + 1, length + step[2]
            if here == last - 1:
                break
            after = _side(steps[k + 1], joint, half_m)
            if joint is None:
                pair = self._pair(here, after)
                left_turn = step[0] * steps[k + 1][1] - step[1] * steps[k + 1][0] > 0
                self._triangle(
                    *((reached[1], pair[1], reached[0]) if left_turn else (reached[1], pair[0], reached[0]))
                )
            if segments >= CHUNK_SEGMENTS or length >= CHUNK_M:
                self._close(line)
                pair, segments, length = self._pair(here, after), 0, 0.0
        if not closed:
            self._quad(pair, self._pair(last - 1, *_cap(steps[-1], half_m, 1.0)))
        self._close(line)

    def _step(self, i: int) -> tuple[float, float, float]:
        """Direction and length in metres from a point to the next."""
        x, y = (self.lines.lonlat[i + 1] - self.lines.lonlat[i]) * self.lines.scale[i]
        length = math.sqrt(x * x + y * y)
        return x / length, y / length, length

    def _pair(
        self, point: int, side: tuple[float, float], along: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[int, int]:
        """Two vertices, left and right of a point."""
        at, scale = self.lines.lonlat[point], self.lines.scale[point]
        first = len(self.lonlat) - self.vertex_start[-1]
        for sign in (1.0, -1.0):
            offset = np.array([along[0] + sign * side[0], along[1] + sign * side[1]])
            self.lonlat.append(at + offset / scale)
            self.point.append(point)
        return first, first + 1

    def _quad(self, back: tuple[int, int], front: tuple[int, int]) -> None:
        self._triangle(back[1], front[1], front[0])
        self._triangle(back[1], front[0], back[0])

    def _triangle(self, a: int, b: int, c: int) -> None:
        self.triangles.append([a, b, c])

    def _close(self, line: int) -> None:
        self.line.append(line)
        self.vertex_start.append(len(self.lonlat))
        self.triangle_start.append(len(self.triangles))


Step = tuple[float, float, float]


def _joint(before: Step | None, after: Step | None, half_m: float) -> tuple[float, float] | None:
    """Offset of the left vertex at a turn, or None where the ends stay square."""
    if before is None or after is None:
        return None
    x, y = -(before[1] + after[1]), before[0] + after[0]
    square = x * x + y * y
    # Half the sum of the two normals is the cosine of half the turn; its inverse is the length of the mitre.
    if square < 4.0 / MITRE_LIMIT**2:
        return None
    shift = half_m * math.sqrt(max(0.0, 4.0 / square - 1.0))
    if shift > 0.5 * min(before[2], after[2]):
        return None
    return 2.0 * half_m * x / square, 2.0 * half_m * y / square


def _side(step: Step, joint: tuple[float, float] | None, half_m: float) -> tuple[float, float]:
    return (-step[1] * half_m, step[0] * half_m) if joint is None else joint


def _cap(step: Step, half_m: float, sign: float) -> tuple[tuple[float, float], tuple[float, float]]:
    reach = sign * half_m * CAP_LENGTH
    return (-step[1] * half_m * 0.5, step[0] * half_m * 0.5), (step[0] * reach, step[1] * reach)
