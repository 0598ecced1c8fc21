"""Where no lot may lie: in water, on steep ground, on roads, on the sites of landmarks, parks and rails."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import CORE, FloatArray, Grid
from shancheng.city.builtin.chongqing.field import STEEPEST
from shancheng.city.builtin.chongqing.packing import Boxes, overlapping
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.roads import MainRoad
from shancheng.city.builtin.chongqing.streets import Street
from shancheng.city.builtin.chongqing.surfaces import slope

__all__ = ["LANE_MARGIN_M", "ROAD_MARGIN_M", "buildable", "on_roads", "on_sites"]

DRY_M: Final = 52.0
ROAD_MARGIN_M: Final = 2.0
LANE_MARGIN_M: Final = 0.7
BRIDGE_MARGIN_M: Final = 12.0
SITE_MARGIN_M: Final = 9.0
PIECE_M: Final = 30.0
BEYOND_CORE_DEG: Final = 0.02

BoolArray = npt.NDArray[np.bool_]


def buildable(
    points: FloatArray, elevation_m: npt.NDArray[np.float32], grid: Grid, rivers: RiverField
) -> BoolArray:
    """Which groups of points all lie between four samples that are dry and not too steep.

    Args:
        points: On the plane, shape (n, k, 2).
        elevation_m: The ground on ``grid``.
        grid: Of the ground and the banks.
        rivers: The banks.

    Returns:
        Shape (n,).
    """
    window = grid.window(CORE.expanded(BEYOND_CORE_DEG))
    part = grid.part(*window)
    good = (rivers.bank_m[window] > DRY_M) & (slope(elevation_m[window], part) < STEEPEST)
    good[:-1] &= good[1:]
    good[:, :-1] &= good[:, 1:]
    col = ((points[..., 0] - part.x_m[0]) / (part.x_m[1] - part.x_m[0])).astype(np.int64)
    row = ((points[..., 1] - part.y_m[0]) / (part.y_m[1] - part.y_m[0])).astype(np.int64)
    inside = (col >= 0) & (row >= 0) & (col < part.n_cols - 1) & (row < part.n_rows - 1)
    row, col = np.clip(row, 0, part.n_rows - 1), np.clip(col, 0, part.n_cols - 1)
    return np.asarray((inside & good[row, col]).all(axis=1))


def on_roads(lots: Boxes, streets: Sequence[Street], main: Sequence[MainRoad]) -> BoolArray:
    """Which boxes lie on some road, shape (n,)."""
    strips = [(street.xy, street.width_m / 2 + LANE_MARGIN_M) for street in streets]
    strips += [(r.xy, r.width_m / 2 + (BRIDGE_MARGIN_M if r.bridge else ROAD_MARGIN_M)) for r in main]
    lines = np.array([shapely.linestrings(xy) for xy, _ in strips], dtype=object)
    xy, owner = shapely.get_coordinates(shapely.segmentize(lines, PIECE_M), return_index=True)
    same = owner[1:] == owner[:-1]
    a, b = xy[:-1][same], xy[1:][same]
    reach = np.array([reach for _, reach in strips])[owner[1:][same]]
    # Square ends reach as far as the strip is wide: they cover the corners between pieces.
    pieces = Boxes((a + b) / 2, np.hypot(*(b - a).T) + 2 * reach, 2 * reach, np.arctan2(*(b - a).T))
    hit = np.zeros(len(lots.centre), dtype=np.bool_)
    hit[overlapping(lots, pieces)[0]] = True
    return hit


def on_sites(corners: FloatArray, sites: npt.NDArray[Any]) -> BoolArray:
    """Which boxes, given by their corners (n, 4, 2), come too near to some polygons on the plane."""
    areas = shapely.buffer(sites, SITE_MARGIN_M)
    shapely.prepare(areas)
    shapes = np.asarray(shapely.polygons(corners))
    hit = np.zeros(len(shapes), dtype=np.bool_)
    hit[shapely.STRtree(shapes).query(areas, predicate="intersects")[1]] = True
    return hit
