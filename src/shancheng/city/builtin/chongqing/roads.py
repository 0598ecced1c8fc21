"""Bridges and main roads, placed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from shapely.ops import substring

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray
from shancheng.city.builtin.chongqing.shapes import resample, smooth_path
from shancheng.city.builtin.chongqing.tables import Bridge, RiversideRoad, Road, read_path

__all__ = ["MainRoad", "bridge_axis", "main_roads"]

STEP_M: Final = 25.0
PATH_SEPARATOR: Final = ";"
BRIDGE_MARK: Final = "@"


@dataclass(frozen=True)
class MainRoad:
    """A road by hand: ``xy`` (n, 2) on the plane."""

    id: str
    name: str
    name_en: str
    kind: str
    width_m: float
    xy: FloatArray
    bridge: bool
    source: str
    accuracy_m: float


def bridge_axis(bridge: Bridge) -> FloatArray:
    """Both ends of a bridge's deck on the plane, shape (2, 2)."""
    return PLANE.from_lonlat([(bridge.lon_a, bridge.lat_a), (bridge.lon_b, bridge.lat_b)])


def main_roads(
    roads: Sequence[Road],
    riverside: Sequence[RiversideRoad],
    bridges: Sequence[Bridge],
    water: Any,  # noqa: ANN401 - a shapely geometry
) -> list[MainRoad]:
    """All roads by hand: through points, along the water's edge, and over the bridges.

    Args:
        roads: Paths through points; ``@bridge.a`` stands for a bridge's end.
        riverside: Roads at a distance from the water line.
        bridges: Each also carries a road.
        water: The rivers' surface on the plane.
    """
    ends = {f"{b.id}.{end}": xy for b in bridges for end, xy in zip("ab", bridge_axis(b), strict=True)}
    return [
        *(_through_points(road, ends) for road in roads),
        *(_along_water(road, water) for road in riverside),
        *(_over_bridge(bridge) for bridge in bridges),
    ]


def _through_points(road: Road, ends: dict[str, FloatArray]) -> MainRoad:
    points = [point.strip() for point in road.path.split(PATH_SEPARATOR)]
    vertices = [
        ends[point.removeprefix(BRIDGE_MARK)]
        if point.startswith(BRIDGE_MARK)
        else PLANE.from_lonlat(read_path(point))[0]
        for point in points
    ]
    xy = smooth_path(np.array(vertices), STEP_M)
    return MainRoad(
        road.id, road.name, road.name_en, road.kind, road.width_m, xy, False, road.source, road.accuracy_m
    )


def _along_water(road: RiversideRoad, water: Any) -> MainRoad:  # noqa: ANN401 - a shapely geometry
    """The shorter way along the line that keeps the road's distance from the water."""
    ring = shapely.get_exterior_ring(shapely.simplify(shapely.buffer(water, road.offset_m), 3.0))
    at_a, at_b = (
        shapely.line_locate_point(ring, shapely.points(PLANE.from_lonlat([end])[0]))
        for end in ((road.lon_a, road.lat_a), (road.lon_b, road.lat_b))
    )
    low, high = min(at_a, at_b), max(at_a, at_b)
    if high - low <= ring.length / 2:
        xy = shapely.get_coordinates(substring(ring, low, high))
    else:
        around = [substring(ring, high, ring.length), substring(ring, 0.0, low)]
        xy = np.concatenate([shapely.get_coordinates(piece) for piece in around])
    xy = smooth_path(resample(xy, 4 * STEP_M), STEP_M)
    return MainRoad(
        road.id, road.name, road.name_en, road.kind, road.width_m, xy, False, road.source, road.accuracy_m
    )


def _over_bridge(bridge: Bridge) -> MainRoad:
    return MainRoad(
        f"{bridge.id}_deck",
        bridge.name,
        bridge.name_en,
        "primary",
        bridge.width_m,
        bridge_axis(bridge),
        True,
        bridge.source,
        bridge.accuracy_m,
    )
