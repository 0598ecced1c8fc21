"""What leads up the slope from street to street: hairpin bends for cars, flights of steps for feet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.field import Mesh, UrbanField
from shancheng.city.builtin.chongqing.packing import first_come
from shancheng.city.builtin.chongqing.streets import ALONG, LEAST_DENSITY, STEPS, WIDTH_M, Street

__all__ = ["hairpins", "stairs"]

HAIRPIN_STEEP: Final = 0.09
HAIRPIN_REACH_M: Final = (36.0, 150.0)
"""How far the ends of two streets may lie apart that one bend joins."""
LIKE_COS, UPHILL_COS, BESIDE_COS = 0.45, 0.6, 0.75
"""How much the streets point the same way, the way between their ends points uphill, and not ahead."""
BULGE: Final = 0.62
BEND_POINTS: Final = 13

STAIR_STEEP: Final = 0.12
STAIR_EVERY_M: Final = 90.0
STAIR_APART_M: Final = 58.0
STAIR_SHORTEST_M: Final = 22.0
CLIMB_M: Final = 6.0
CLIMBS: Final = 28
OFF_STREET_STEPS: Final = 2
"""So many steps may a climb take to leave its own street."""
CELL_M: Final = 8.0
FLIGHT_M: Final = 7.0
"""Steps run straight from landing to landing: their line may leave the steepest one by this much."""

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def hairpins(field: UrbanField, streets: Sequence[Street]) -> list[Street]:
    """Bends that join the ends of streets along a slope, one above the other, so that cars get up.

    Args:
        field: Of the slope.
        streets: Those ``ALONG`` it are joined.
    """
    along = [street for street in streets if street.family == ALONG]
    ends = np.concatenate([[street.xy[0], street.xy[-1]] for street in along])
    out = np.concatenate([[s.xy[0] - s.xy[1], s.xy[-1] - s.xy[-2]] for s in along])
    out /= np.hypot(*out.T)[:, None]
    first, second = _joined_ends(field, ends, out)
    bends = _bends(ends[first], out[first], ends[second], out[second])
    dry = (field.density[field.mesh.nearest(bends)] > LEAST_DENSITY).all(axis=1)
    kind = "residential"
    return [Street(bend, kind, WIDTH_M[kind], ALONG) for bend in bends[dry]]


def stairs(field: UrbanField, streets: Sequence[Street], rng: np.random.Generator) -> list[Street]:
    """Flights of steps straight up the slope, each from a street along it to the next street above.

    Args:
        field: Of the slope.
        streets: All that are there; where steps lie already, none are added.
        rng: Says where along a street they begin.
    """
    taken = _Streets.drawn(field.mesh, streets)
    starts, owner = _starts(field, streets, rng)
    paths, n_points = _climb(field, taken, starts, owner)
    long = n_points * CLIMB_M > STAIR_SHORTEST_M
    flights = [path[:n] for path, n in zip(paths[long], n_points[long].tolist(), strict=True)]
    lines = shapely.simplify(np.array([shapely.linestrings(xy) for xy in flights], dtype=object), FLIGHT_M)
    lines = lines[_apart(lines, streets)]
    return [Street(shapely.get_coordinates(line), STEPS, WIDTH_M[STEPS], -1) for line in lines]


def _joined_ends(field: UrbanField, ends: FloatArray, out: FloatArray) -> tuple[IntArray, IntArray]:
    """Pairs of ends that look the same way, one up the slope from the other; each end at most once."""
    points = np.asarray(shapely.points(ends))
    first, second = shapely.STRtree(points).query(points, predicate="dwithin", distance=HAIRPIN_REACH_M[1])
    once = first < second
    first, second = first[once], second[once]
    between = ends[second] - ends[first]
    apart = np.hypot(*between.T)
    rise = field.rise[field.mesh.nearest((ends[first] + ends[second]) / 2)]
    steepness = np.maximum(np.hypot(*rise.T), 1e-9)
    fits = (apart > HAIRPIN_REACH_M[0]) & (steepness > HAIRPIN_STEEP)
    fits &= (out[first] * out[second]).sum(axis=1) > LIKE_COS
    fits &= np.abs((between * rise).sum(axis=1)) > UPHILL_COS * np.maximum(apart, 1e-9) * steepness
    # Nobody bends forward into the slope: the way up lies beside both streets, not ahead of them.
    for end in (first, second):
        fits &= np.abs((between * out[end]).sum(axis=1)) < BESIDE_COS * apart
    order = np.argsort(apart[fits], kind="stable")
    first, second = first[fits][order], second[fits][order]
    kept = _once(first, second)
    return first[kept], second[kept]


def _once(first: IntArray, second: IntArray) -> BoolArray:
    """Which pairs stay when each uses up both its ends, the first pair first."""
    n = len(first)
    ends = np.concatenate([first, second])
    pair = np.tile(np.arange(n), 2)
    order = np.lexsort((pair, ends))
    same = ends[order][1:] == ends[order][:-1]
    # All pairs of an end meet; ends have few, so neighbours two and three apart are looked at as well.
    earlier, later = [pair[order][:-1][same]], [pair[order][1:][same]]
    for step in (2, 3, 4, 5):
        alike = ends[order][step:] == ends[order][:-step]
        earlier.append(pair[order][:-step][alike])
        later.append(pair[order][step:][alike])
    return first_come(n, np.concatenate(earlier), np.concatenate(later))


def _bends(a: FloatArray, out_a: FloatArray, b: FloatArray, out_b: FloatArray) -> FloatArray:
    """Cubic curves that leave ``a`` and reach ``b`` along their streets, shape (n, BEND_POINTS, 2)."""
    reach = BULGE * np.hypot(*(b - a).T)[:, None]
    t = np.linspace(0, 1, BEND_POINTS)[None, :, None]
    control_a, control_b = a + reach * out_a, b + reach * out_b
    return np.asarray(
        (1 - t) ** 3 * a[:, None]
        + 3 * (1 - t) ** 2 * t * control_a[:, None]
        + 3 * (1 - t) * t**2 * control_b[:, None]
        + t**3 * b[:, None]
    )


@dataclass(frozen=True)
class _Streets:
    """A fine mesh with the number of the street that lies in a cell, from 1; 0 where none does."""

    mesh: Mesh
    number: npt.NDArray[np.int32]

    @classmethod
    def drawn(cls, mesh: Mesh, streets: Sequence[Street]) -> "_Streets":
        fine = Mesh(mesh.west_m, mesh.south_m, CELL_M, int(mesh.step_m * (mesh.n - 1) / CELL_M) + 1)
        lines = _lines(street for street in streets if street.kind != STEPS)
        numbers = np.flatnonzero([street.kind != STEPS for street in streets]) + 1
        dense, owner = shapely.get_coordinates(shapely.segmentize(lines, CELL_M * 0.7), return_index=True)
        number = np.zeros((fine.n, fine.n), dtype=np.int32)
        number[fine.nearest(dense)] = numbers[owner]
        return cls(fine, number)

    def at(self, xy: FloatArray) -> npt.NDArray[np.int32]:
        """Number of the street at each point."""
        return np.asarray(self.number[self.mesh.nearest(xy)])


def _starts(
    field: UrbanField, streets: Sequence[Street], rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Points along the streets where the slope is steep, and the number of the street of each."""
    along = np.flatnonzero([street.family == ALONG for street in streets])
    lines = _lines(streets[index] for index in along.tolist())
    length = shapely.length(lines)
    count = (length / STAIR_EVERY_M).astype(np.int64)
    owner = np.repeat(np.arange(len(lines)), count)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    place = (nth + rng.random(len(owner))) / count[owner]
    xy = shapely.get_coordinates(shapely.line_interpolate_point(lines[owner], place, normalized=True))
    here = field.mesh.nearest(xy)
    steep = (field.steepness[here] > STAIR_STEEP) & (field.density[here] > LEAST_DENSITY)
    return xy[steep], along[owner[steep]] + 1


def _climb(
    field: UrbanField, taken: _Streets, starts: FloatArray, owner: IntArray
) -> tuple[FloatArray, IntArray]:
    """Walk up from each start to the first other street.

    Returns:
        Points (n, CLIMBS + 1, 2), and how many of them each path has: 0 where no street was met.
    """
    paths = np.repeat(starts[:, None], CLIMBS + 1, axis=1)
    n_points = np.zeros(len(starts), dtype=np.int64)
    walking = np.ones(len(starts), dtype=np.bool_)
    for step in range(1, CLIMBS + 1):
        here = field.mesh.nearest(paths[:, step - 1])
        rise = field.rise[here] / np.maximum(field.steepness[here], 1e-9)[:, None]
        paths[:, step] = paths[:, step - 1] + CLIMB_M * rise
        walking &= (field.density[here] > 0) & (field.steepness[here] > STAIR_STEEP / 2)
        met = taken.at(paths[:, step])
        arrived = walking & (met > 0) & (met != owner)
        n_points[arrived] = step + 1
        walking &= ~arrived & ((met == 0) | (step <= OFF_STREET_STEPS))
    return paths, n_points


def _apart(lines: npt.NDArray[Any], streets: Sequence[Street]) -> BoolArray:
    """Which lines keep away from the steps that are there and from each other, the earlier first."""
    there = _lines(street for street in streets if street.kind == STEPS)
    near_old = np.zeros(len(lines), dtype=np.bool_)
    near_old[shapely.STRtree(lines).query(there, predicate="dwithin", distance=STAIR_APART_M)[1]] = True
    first, second = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=STAIR_APART_M)
    open_pairs = (first < second) & ~near_old[first] & ~near_old[second]
    return first_come(len(lines), first[open_pairs], second[open_pairs]) & ~near_old


def _lines(streets: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - any iterable of streets
    return np.array([shapely.linestrings(street.xy) for street in streets], dtype=object)
