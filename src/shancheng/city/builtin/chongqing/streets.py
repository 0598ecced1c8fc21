"""Generated streets: lines that follow the urban field, one family along the slope and one across it.

All candidate lines are traced at once; then, densest places first, each takes the part of it that keeps its
distance from the streets already laid (after Jobard and Lefer, "Creating evenly-spaced streamlines of
arbitrary density", 1997, with a raster of what is taken in place of their search).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.field import Mesh, UrbanField
from shancheng.city.builtin.chongqing.roads import MainRoad
from shancheng.city.builtin.chongqing.shapes import directions, resample

__all__ = ["Street", "lay_streets", "streets_in_use"]

SEED_STEP_M: Final = 84.0
STEP_M: Final = 22.0
STEPS_EACH_WAY: Final = 30
SHORTEST_STEPS: Final = 4
TAKEN_STEP_M: Final = 11.0
LEAST_DENSITY: Final = 0.10
SPACING_M: Final = ((0.66, 74.0, 92.0), (0.33, 92.0, 120.0), (0.0, 125.0, 170.0))
"""From which density on, how far streets along and across the slope keep from each other."""
LONG_M: Final = 620.0
PARALLEL_COS: Final = 0.72
LONGEST_TURN_COS: Final = 0.80

IN_USE_M: Final = 40.0
IN_USE_BUILDINGS: Final = 5
STRAIGHTEN_M: Final = 0.6

BoolMap = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Street:
    """A generated street: ``xy`` (n, 2) on the plane, a kind of OSM's ``highway`` and a width."""

    xy: FloatArray
    kind: str
    width_m: float


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
    streets: list[Street] = []
    for family in (0, 1):
        lines, valid = _trace(field, seeds, turned=family == 1)
        streets += _accept(field, lines, valid, taken, family)
    return streets


def streets_in_use(streets: Sequence[Street], buildings: npt.NDArray[Any]) -> list[Street]:
    """The streets with some buildings beside them, straightened where they hardly bend."""
    lines = np.array([shapely.linestrings(street.xy) for street in streets], dtype=object)
    near = shapely.STRtree(buildings).query(lines, predicate="dwithin", distance=IN_USE_M)[0]
    plain = shapely.simplify(lines, STRAIGHTEN_M)
    return [
        Street(shapely.get_coordinates(plain[row]), streets[row].kind, streets[row].width_m)
        for row in np.flatnonzero(np.bincount(near, minlength=len(lines)) >= IN_USE_BUILDINGS).tolist()
    ]


@dataclass(frozen=True)
class _Taken:
    """For each family, the cells too near to a street of that family; shape (2, n, n)."""

    mesh: Mesh
    cells: BoolMap

    @classmethod
    def empty(cls, mesh: Mesh) -> "_Taken":
        n = int(mesh.step_m * mesh.n / TAKEN_STEP_M) + 2
        fine = Mesh(mesh.west_m - mesh.step_m / 2, mesh.south_m - mesh.step_m / 2, TAKEN_STEP_M, n)
        return cls(fine, np.zeros((2, n, n), dtype=np.bool_))

    def at(self, family: int, xy: FloatArray) -> BoolMap:
        """Whether each point lies too near to a street of a family."""
        row, col = self.mesh.nearest(xy)
        return np.asarray(self.cells[family, row, col])

    def take(self, family: int, xy: FloatArray, spacing_m: FloatArray) -> None:
        """Mark the surroundings of a street's points."""
        row, col = self.mesh.nearest(xy)
        for spacing in np.unique(spacing_m):
            d_row, d_col = _disc(float(spacing) / TAKEN_STEP_M)
            here = spacing_m == spacing
            rows = np.clip(row[here, None] + d_row, 0, self.mesh.n - 1)
            cols = np.clip(col[here, None] + d_col, 0, self.mesh.n - 1)
            self.cells[family, rows, cols] = True


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


def _trace(field: UrbanField, seeds: FloatArray, *, turned: bool) -> tuple[FloatArray, BoolMap]:
    """Follow the field both ways from every seed.

    Returns:
        Points (n_seeds, 2 STEPS_EACH_WAY + 1, 2), the seed in the middle; whether each may carry a street.
    """
    n = len(seeds)
    lines = np.empty((n, 2 * STEPS_EACH_WAY + 1, 2))
    valid = np.zeros(lines.shape[:2], dtype=np.bool_)
    lines[:, STEPS_EACH_WAY] = seeds
    valid[:, STEPS_EACH_WAY] = field.density[field.mesh.nearest(seeds)] > LEAST_DENSITY
    for way in (-1, 1):
        at, going = seeds.copy(), way * _heading(field, seeds, turned=turned)
        alive = valid[:, STEPS_EACH_WAY].copy()
        for step in range(1, STEPS_EACH_WAY + 1):
            at = at + STEP_M * going
            heading = _heading(field, at, turned=turned)
            forward = (heading * going).sum(axis=1)
            going = np.where(forward[:, None] < 0, -heading, heading)
            alive &= np.abs(forward) > LONGEST_TURN_COS
            alive &= (field.density[field.mesh.nearest(at)] > LEAST_DENSITY) & field.mesh.inside(at)
            lines[:, STEPS_EACH_WAY + way * step] = at
            valid[:, STEPS_EACH_WAY + way * step] = alive
    return lines, valid


def _heading(field: UrbanField, xy: FloatArray, *, turned: bool) -> FloatArray:
    azimuth = field.azimuth_rad[field.mesh.nearest(xy)]
    return directions(azimuth + (np.pi / 2 if turned else 0.0))


def _spacing(field: UrbanField, xy: FloatArray, family: int) -> FloatArray:
    density = field.density[field.mesh.nearest(xy)]
    spacing = np.full(len(xy), SPACING_M[-1][1 + family])
    for least, *by_family in reversed(SPACING_M[:-1]):
        spacing[density >= least] = by_family[family]
    return spacing


def _take_main_road(taken: _Taken, field: UrbanField, road: MainRoad) -> None:
    """Keep streets of the family that runs with the road from running beside it."""
    xy = resample(road.xy, TAKEN_STEP_M)
    along = np.gradient(xy, axis=0)
    along /= np.hypot(*along.T)[:, None]
    turn = np.abs((along * _heading(field, xy, turned=False)).sum(axis=1))
    for family, runs_with in (
        (0, turn >= PARALLEL_COS),
        (1, np.sqrt(1 - np.minimum(turn, 1) ** 2) >= PARALLEL_COS),
    ):
        taken.take(family, xy[runs_with], _spacing(field, xy[runs_with], family) * 0.8)


def _accept(field: UrbanField, lines: FloatArray, valid: BoolMap, taken: _Taken, family: int) -> list[Street]:
    """Let the candidates in, one by one, each as far as it stays clear; the order is theirs."""
    streets = []
    for line, usable in zip(lines, valid, strict=True):
        if taken.at(family, line[STEPS_EACH_WAY]):
            continue
        free = usable & ~taken.at(family, line)
        first, last = _run_around(free, STEPS_EACH_WAY)
        if last - first < SHORTEST_STEPS:
            continue
        xy = line[first : last + 1]
        taken.take(family, xy, _spacing(field, xy, family))
        is_long = (last - first) * STEP_M >= LONG_M
        kind, width = ("tertiary", 11.0) if is_long and family == 0 else ("residential", 8.0)
        streets.append(Street(xy, kind, width))
    return streets


def _run_around(free: BoolMap, middle: int) -> tuple[int, int]:
    """First and last index of the unbroken run of true values that holds the middle one."""
    before = np.flatnonzero(~free[: middle + 1])
    after = np.flatnonzero(~free[middle:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = middle + int(after[0]) - 1 if len(after) else len(free) - 1
    return first, last
