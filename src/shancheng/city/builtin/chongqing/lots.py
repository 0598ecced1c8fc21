"""Where generated buildings may stand: lots along the streets that touch nothing else.

Candidates are laid on both sides of every street, two deep, as boxes of a drawn size. Those in water, on
steep ground, on roads, parks and landmarks fall out; of those that overlap, the more wanted one stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray, Grid
from shancheng.city.builtin.chongqing.field import UrbanField
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.roads import MainRoad
from shancheng.city.builtin.chongqing.shapes import boxes, resample
from shancheng.city.builtin.chongqing.streets import Street
from shancheng.city.builtin.chongqing.terrain import slope

__all__ = ["FORMS", "Lots", "choose_lots"]

CANDIDATES_PER_LOT: Final = 5
"""So many of the most wanted candidates are tried; about a third of them find room."""
FORMS: Final = ("old", "slab", "tower", "hall")
OLD, SLAB, TOWER, HALL = range(4)

PITCH_M: Final = 23.0
SETBACK_M: Final = (2.5, 5.0)
SECOND_ROW_M: Final = (27.0, 36.0)
GAP_M: Final = 3.0
LEAST_DENSITY: Final = 0.12
DRY_M: Final = 52.0
STEEPEST: Final = 0.58
ROAD_MARGIN_M: Final = 2.0
LANE_MARGIN_M: Final = 1.0
BRIDGE_MARGIN_M: Final = 12.0
SITE_MARGIN_M: Final = 9.0
PIECE: Final = 3
NO_FRONTAGE: Final = "trunk"

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lots:
    """Boxes for buildings on the plane, each of shape (n,) but ``centre`` (n, 2).

    ``length_m`` lies along ``azimuth_rad``, the direction of the street; ``form`` indexes ``FORMS``;
    ``density`` and ``height`` are the urban field's.
    """

    centre: FloatArray
    length_m: FloatArray
    width_m: FloatArray
    azimuth_rad: FloatArray
    form: IntArray
    density: FloatArray
    height: FloatArray
    wanted: FloatArray

    def __len__(self) -> int:
        """How many lots there are."""
        return len(self.form)

    def take(self, which: IntArray | BoolArray) -> "Lots":
        """The lots of an index or mask, in that order."""
        return Lots(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def corners(self, margin_m: float = 0.0) -> FloatArray:
        """Corners of the boxes with a margin, shape (n, 4, 2)."""
        return boxes(self.centre, self.length_m + 2 * margin_m, self.width_m + 2 * margin_m, self.azimuth_rad)


def choose_lots(
    n_lots: int,
    *,
    field: UrbanField,
    streets: Sequence[Street],
    main: Sequence[MainRoad],
    keep_clear: npt.NDArray[Any],
    ground: tuple[npt.NDArray[np.float32], Grid, RiverField],
    rng: np.random.Generator,
) -> Lots:
    """The most wanted lots that touch neither each other nor anything else, most wanted first.

    Args:
        n_lots: How many to choose; fewer come back where there is no room for more.
        field: Density and height that are wanted.
        streets: Generated streets, with lots along them.
        main: Main roads, with lots along all but expressways and bridges.
        keep_clear: Landmarks' sites and parks, polygons on the plane.
        ground: Elevations, their grid and the banks.
        rng: Draws sizes and breaks ties.
    """
    fronts = [(s.xy, s.width_m) for s in streets]
    fronts += [(r.xy, r.width_m) for r in main if not r.bridge and r.kind != NO_FRONTAGE]
    lots = _candidates(fronts, field, rng)
    lots = lots.take(_buildable(lots, *ground))
    lots = lots.take(np.argsort(-lots.wanted, kind="stable")[: CANDIDATES_PER_LOT * n_lots])
    boxes_m = np.asarray(shapely.polygons(lots.corners(GAP_M / 2)))
    free = ~_touched(boxes_m, _obstacles(streets, main, keep_clear))
    lots, boxes_m = lots.take(free), boxes_m[free]
    return lots.take(_first_come(boxes_m)[:n_lots])


def _candidates(fronts: list[tuple[FloatArray, float]], field: UrbanField, rng: np.random.Generator) -> Lots:
    at, along, half_road = _frontage(fronts)
    at = np.tile(at, (4, 1)) + np.tile(along, (4, 1)) * rng.uniform(-0.5, 0.5, (4 * len(at), 1)) * PITCH_M
    where = field.mesh.nearest(at)
    used = np.flatnonzero(field.density[where] > LEAST_DENSITY)
    density, height = field.density[where][used], field.height[where][used]
    # Four candidates at each point: on either side of the road, in the first and in the second row.
    copy, point = np.divmod(used, len(along))
    side, row = np.where(copy % 2 == 0, 1.0, -1.0), copy // 2
    along = along[point]
    form = _forms(height, row, rng)
    length, width = _sizes(form, rng)
    setback = half_road[point] + rng.uniform(*SETBACK_M, len(used)) + width / 2
    setback += row * rng.uniform(*SECOND_ROW_M, len(used))
    right = np.stack([along[:, 1], -along[:, 0]], axis=-1)
    wanted = 1.45 * density + 0.12 * np.log(length * width / 400) - 0.10 * row
    return Lots(
        centre=at[used] + (side * setback)[:, None] * right,
        length_m=length,
        width_m=width,
        azimuth_rad=np.arctan2(along[:, 0], along[:, 1]),
        form=form,
        density=density,
        height=height,
        wanted=wanted + rng.normal(0, 0.22, len(used)),
    )


def _frontage(fronts: list[tuple[FloatArray, float]]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points along all roads, the roads' direction there and half their width."""
    points, along, half = [], [], []
    for xy, width_m in fronts:
        dense = resample(xy, PITCH_M)
        direction = np.gradient(dense, axis=0)
        points.append(dense)
        along.append(direction / np.hypot(direction[:, :1], direction[:, 1:]))
        half.append(np.full(len(dense), width_m / 2))
    return np.concatenate(points), np.concatenate(along), np.concatenate(half)


def _forms(height: FloatArray, row: IntArray, rng: np.random.Generator) -> IntArray:
    """Towers where the city is tall, old houses where it is low, slabs between, a hall now and then."""
    tower = np.clip(0.08 + 0.62 * height, 0.08, 0.68)
    old = np.clip(0.62 - 0.60 * height, 0.12, 0.62) + 0.06 * row
    hall = 0.05
    drawn = rng.random(len(height))
    form = np.full(len(height), SLAB)
    form[drawn < tower + old + hall] = HALL
    form[drawn < tower + old] = OLD
    form[drawn < tower] = TOWER
    return form


def _sizes(form: IntArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Length along the street and width of each lot in metres."""
    n = len(form)
    area = np.select(
        [form == OLD, form == SLAB, form == TOWER],
        [rng.uniform(90, 430, n), rng.uniform(520, 1200, n), rng.uniform(680, 1500, n)],
        rng.uniform(1100, 2400, n),
    )
    ratio = np.select(
        [form == OLD, form == SLAB, form == TOWER],
        [rng.uniform(0.7, 2.2, n), rng.uniform(2.2, 4.2, n), rng.uniform(0.8, 1.5, n)],
        rng.uniform(0.9, 2.0, n),
    )
    return np.sqrt(area * ratio), np.sqrt(area / ratio)


def _buildable(lots: Lots, elevation_m: npt.NDArray[np.float32], grid: Grid, rivers: RiverField) -> BoolArray:
    corners = lots.corners(GAP_M / 2)
    dry = (grid.sample(rivers.bank_m, corners) > DRY_M).all(axis=1)
    steepness = grid.sample(slope(elevation_m, grid), np.concatenate([corners, lots.centre[:, None]], axis=1))
    return np.asarray(dry & (steepness < STEEPEST).all(axis=1))


def _obstacles(
    streets: Sequence[Street], main: Sequence[MainRoad], keep_clear: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    roads = [(street.xy, street.width_m / 2 + LANE_MARGIN_M) for street in streets]
    roads += [(r.xy, r.width_m / 2 + (BRIDGE_MARGIN_M if r.bridge else ROAD_MARGIN_M)) for r in main]
    # Short pieces have tight bounding boxes: the search tree then finds little in vain.
    pieces = [(xy[i : i + PIECE + 1], reach) for xy, reach in roads for i in range(0, len(xy) - 1, PIECE)]
    lines = np.array([shapely.linestrings(xy) for xy, _ in pieces], dtype=object)
    strips = shapely.buffer(lines, [reach for _, reach in pieces], quad_segs=2, cap_style="square")
    return np.concatenate([strips, shapely.buffer(keep_clear, SITE_MARGIN_M)])


def _touched(shapes: npt.NDArray[Any], obstacles: npt.NDArray[Any]) -> BoolArray:
    tree = shapely.STRtree(shapes)
    shapely.prepare(obstacles)
    touched = np.zeros(len(shapes), dtype=np.bool_)
    touched[tree.query(obstacles, predicate="intersects")[1]] = True
    return touched


def _first_come(shapes: npt.NDArray[Any]) -> IntArray:
    """Indices of the shapes that stay when each drives out all later ones that it touches."""
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    later = first < second
    first, second = first[later], second[later]
    order = np.lexsort((second, first))
    second = second[order]
    starts = np.searchsorted(first[order], np.arange(len(shapes) + 1))
    gone = np.zeros(len(shapes), dtype=np.bool_)
    for index in range(len(shapes)):
        if not gone[index]:
            gone[second[starts[index] : starts[index + 1]]] = True
    return np.flatnonzero(~gone)
