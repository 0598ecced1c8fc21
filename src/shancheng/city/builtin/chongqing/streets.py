"""Generated streets: lines that follow the urban field, one family along the slope and one across it.

All candidate lines are traced at once; then, densest places first, each takes the part of it that keeps its
distance from the streets already laid (after Jobard and Lefer, "Creating evenly-spaced streamlines of
arbitrary density", 1997, with a raster of what is taken in place of their search). Where a street across the
slope would be too steep for a car, it is a flight of steps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.field import Mesh, UrbanField
from shancheng.city.builtin.chongqing.roads import MainRoad
from shancheng.city.builtin.chongqing.shapes import directions, resample

__all__ = ["ALONG", "LEAST_DENSITY", "STEPS", "Street", "lay_streets", "streets_in_use"]

SEED_STEP_M: Final = 84.0
STEP_M: Final = 22.0
STEPS_EACH_WAY: Final = 30
SHORTEST_STEPS: Final = 4
TAKEN_STEP_M: Final = 11.0
LEAST_DENSITY: Final = 0.10
SPACING_M: Final = ((0.72, 72.0, 104.0), (0.42, 84.0, 140.0), (0.0, 100.0, 190.0))
"""From which density on, how far streets along and across the slope keep from each other."""
LONG_M: Final = 620.0
PARALLEL_COS: Final = 0.72
LONGEST_TURN_COS: Final = 0.80
SEEDS_AT_ONCE: Final = 256

ALONG, ACROSS = 0, 1
STEPS: Final = "steps"
WIDTH_M: Final = {"tertiary": 11.0, "residential": 8.0, STEPS: 4.0}
STEEP: Final = 0.16
"""Rise over run of the steepest street that a car takes; beyond, there are steps."""
IN_USE_CELL_M: Final = 80.0
IN_USE_BUILDINGS: Final = 2
STRAIGHTEN_M: Final = 0.6

BoolMap = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Street:
    """A generated street: ``xy`` (n, 2) on the plane, a kind of OSM's ``highway`` and a width.

    ``family`` is ``ALONG`` the slope, where houses have their fronts, or ``ACROSS`` it.
    """

    xy: FloatArray
    kind: str
    width_m: float
    family: int


def lay_streets(field: UrbanField, main: Sequence[MainRoad], rng: np.random.Generator) -> list[Street]:
    """Streets for the whole field, clear of each other and of the main roads.

    Args:
        field: Where streets may lie and how they run.
        main: Roads that are there already; streets cross them but do not run beside them.
        rng: Jitters the seeds and breaks ties.
    """
    seeds = _seeds(field, rng)
    taken = _Taken.empty(field.mesh)
    for road in main:
        _take_main_road(taken, field, road)
    along = [_street(xy, ALONG) for xy in _lines(field, seeds, taken, ALONG)]
    across = [part for xy in _lines(field, seeds, taken, ACROSS) for part in _by_steepness(field, xy)]
    return along + across


def streets_in_use(streets: Sequence[Street], centres: FloatArray) -> list[Street]:
    """The streets with some buildings beside them, straightened where they hardly bend.

    Args:
        streets: All of them.
        centres: Of the buildings, shape (n, 2).
    """
    lines = shapely.simplify(
        np.array([shapely.linestrings(street.xy) for street in streets], dtype=object), STRAIGHTEN_M
    )
    dense, owner = shapely.get_coordinates(shapely.segmentize(lines, IN_USE_CELL_M / 2), return_index=True)
    near = _counts_around(centres, dense)
    most = np.zeros(len(lines), dtype=np.int64)
    np.maximum.at(most, owner, near)
    return [
        replace(streets[row], xy=shapely.get_coordinates(lines[row]))
        for row in np.flatnonzero(most >= IN_USE_BUILDINGS).tolist()
    ]


def _counts_around(points: FloatArray, places: FloatArray) -> IntArray:
    """How many points lie in the square cell of each place, shape (n_places,)."""
    corner = places.min(axis=0)
    size = ((places.max(axis=0) - corner) / IN_USE_CELL_M).astype(np.int64) + 1
    cell = ((points - corner) / IN_USE_CELL_M).astype(np.int64)
    inside = ((points >= corner) & (cell < size)).all(axis=1)
    counts = np.zeros(size, dtype=np.int64)
    np.add.at(counts, tuple(cell[inside].T), 1)
    return np.asarray(counts[tuple(((places - corner) / IN_USE_CELL_M).astype(np.int64).T)])


@dataclass(frozen=True)
class _Taken:
    """For each family, the cells too near to a street of that family; shape (2, n, n)."""

    mesh: Mesh
    cells: BoolMap

    @property
    def margin(self) -> int:
        """Cells between the edge and where streets may lie."""
        return int(max(max(spacing) for _, *spacing in SPACING_M) / TAKEN_STEP_M) + 1

    @classmethod
    def empty(cls, mesh: Mesh) -> "_Taken":
        # The margin holds the surroundings of a street on the very edge.
        margin_m = max(max(spacing) for _, *spacing in SPACING_M) + 2 * TAKEN_STEP_M
        n = int((mesh.step_m * mesh.n + 2 * margin_m) / TAKEN_STEP_M)
        fine = Mesh(mesh.west_m - margin_m, mesh.south_m - margin_m, TAKEN_STEP_M, n)
        return cls(fine, np.zeros((2, n, n), dtype=np.bool_))

    def take(self, family: int, row: IntArray, col: IntArray, spacing_m: FloatArray) -> None:
        """Mark the surroundings of a street's points, given by their cells."""
        inside = (row > self.margin) & (row < self.mesh.n - self.margin)
        inside &= (col > self.margin) & (col < self.mesh.n - self.margin)
        cells, flat = self.cells[family].reshape(-1), row * self.mesh.n + col
        for spacing in set(spacing_m.tolist()):
            d_row, d_col = _disc(spacing / TAKEN_STEP_M)
            here = flat[inside & (spacing_m == spacing)]
            cells[here[:, None] + (d_row * self.mesh.n + d_col)] = True


@cache
def _disc(radius: float) -> tuple[IntArray, IntArray]:
    reach = np.arange(-int(radius), int(radius) + 1)
    d_row, d_col = np.meshgrid(reach, reach, indexing="ij")
    inside = d_row**2 + d_col**2 <= radius**2
    return d_row[inside], d_col[inside]


def _seeds(field: UrbanField, rng: np.random.Generator) -> FloatArray:
    """Jittered points where anything is built, densest places first, shape (n, 2)."""
    mesh = field.mesh
    along = np.arange(0.0, mesh.step_m * (mesh.n - 1), SEED_STEP_M)
    x, y = np.meshgrid(mesh.west_m + along, mesh.south_m + along)
    xy = np.stack([x, y], axis=-1).reshape(-1, 2)
    xy += rng.uniform(-0.4, 0.4, xy.shape) * SEED_STEP_M
    density = field.density[mesh.nearest(xy)]
    built = density > LEAST_DENSITY
    xy, density = xy[built], density[built]
    order = np.argsort(-np.round(density, 1) - rng.uniform(0, 0.09, len(xy)), kind="stable")
    return xy[order]


def _trace(field: UrbanField, seeds: FloatArray, family: int) -> tuple[FloatArray, BoolMap]:
    """Follow the field both ways from every seed.

    Returns:
        Points (n_seeds, 2 STEPS_EACH_WAY + 1, 2), the seed in the middle; whether each may carry a street.
    """
    n = len(seeds)
    lines = np.empty((n, 2 * STEPS_EACH_WAY + 1, 2))
    valid = np.zeros(lines.shape[:2], dtype=np.bool_)
    headings = directions(field.azimuth_rad + family * np.pi / 2)
    usable = field.density > LEAST_DENSITY
    middle = field.mesh.nearest(seeds)
    lines[:, STEPS_EACH_WAY], valid[:, STEPS_EACH_WAY] = seeds, usable[middle]
    for way in (-1, 1):
        at, going = seeds.copy(), way * headings[middle]
        alive = valid[:, STEPS_EACH_WAY].copy()
        for step in range(1, STEPS_EACH_WAY + 1):
            at = at + STEP_M * going
            here = field.mesh.nearest(at)
            heading = headings[here]
            forward = (heading * going).sum(axis=1)
            going = np.where(forward[:, None] < 0, -heading, heading)
            alive &= (np.abs(forward) > LONGEST_TURN_COS) & usable[here] & field.mesh.inside(at)
            lines[:, STEPS_EACH_WAY + way * step] = at
            valid[:, STEPS_EACH_WAY + way * step] = alive
    return lines, valid


def _spacing(field: UrbanField, xy: FloatArray, family: int) -> FloatArray:
    density = field.density[field.mesh.nearest(xy)]
    spacing = np.full(density.shape, SPACING_M[-1][1 + family])
    for least, *by_family in reversed(SPACING_M[:-1]):
        spacing[density >= least] = by_family[family]
    return spacing


def _take_main_road(taken: _Taken, field: UrbanField, road: MainRoad) -> None:
    """Keep streets of the family that runs with the road from running beside it."""
    xy = resample(road.xy, TAKEN_STEP_M)
    along = np.gradient(xy, axis=0)
    along /= np.hypot(*along.T)[:, None]
    turn = np.abs((along * directions(field.azimuth_rad[field.mesh.nearest(xy)])).sum(axis=1))
    for family, runs_with in (
        (ALONG, turn >= PARALLEL_COS),
        (ACROSS, np.sqrt(1 - np.minimum(turn, 1) ** 2) >= PARALLEL_COS),
    ):
        cells = taken.mesh.nearest(xy[runs_with])
        taken.take(family, *cells, _spacing(field, xy[runs_with], family) * 0.8)


def _lines(field: UrbanField, seeds: FloatArray, taken: _Taken, family: int) -> Iterator[FloatArray]:
    """Let the candidates in, one by one, each as far as it stays clear; the order is the seeds'."""
    lines, valid = _trace(field, seeds, family)
    rows, cols = taken.mesh.nearest(lines)
    spacing = _spacing(field, lines, family)
    cells = taken.cells[family]
    for start in range(0, len(lines), SEEDS_AT_ONCE):
        some = slice(start, start + SEEDS_AT_ONCE)
        # Most seeds lie beside a street by now: asking for many at once is quick, asking again is needed.
        open_seeds = ~cells[rows[some, STEPS_EACH_WAY], cols[some, STEPS_EACH_WAY]]
        for index in (start + np.flatnonzero(open_seeds)).tolist():
            free = valid[index] & ~cells[rows[index], cols[index]]
            if not free[STEPS_EACH_WAY]:
                continue
            first, last = _run_around(free, STEPS_EACH_WAY)
            if last - first < SHORTEST_STEPS:
                continue
            # Every second point is enough: the discs around them are far wider than the way between.
            marked = slice(first, last + 1, 2)
            taken.take(family, rows[index, marked], cols[index, marked], spacing[index, marked])
            yield lines[index, first : last + 1]


def _run_around(free: BoolMap, middle: int) -> tuple[int, int]:
    """First and last index of the unbroken run of true values that holds the middle one."""
    before = np.flatnonzero(~free[: middle + 1])
    after = np.flatnonzero(~free[middle:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = middle + int(after[0]) - 1 if len(after) else len(free) - 1
    return first, last


def _street(xy: FloatArray, family: int) -> Street:
    is_long = (len(xy) - 1) * STEP_M >= LONG_M
    kind = "tertiary" if is_long and family == ALONG else "residential"
    return Street(xy, kind, WIDTH_M[kind], family)


def _by_steepness(field: UrbanField, xy: FloatArray) -> list[Street]:
    """A line across the slope as pieces of street and flights of steps."""
    way = np.diff(xy, axis=0)
    middle = field.mesh.nearest((xy[1:] + xy[:-1]) / 2)
    climb = np.abs((field.rise[middle] * way).sum(axis=1)) / np.hypot(*way.T)
    # The mean of three: a single steep piece does not make steps, nor a single level one a street.
    steep = np.convolve(np.pad(climb, 1, mode="edge"), np.ones(3) / 3, mode="valid") > STEEP
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(steep)) + 1, [len(steep)]])
    return [
        Street(xy[a : b + 1], STEPS, WIDTH_M[STEPS], ACROSS) if steep[a] else _street(xy[a : b + 1], ACROSS)
        for a, b in pairwise(cuts.tolist())
    ]
