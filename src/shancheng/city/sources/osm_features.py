"""All that one OpenStreetMap file holds for our layers, as raw columns of words and shapes."""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_rows import Rows
from shancheng.geo.bounds import Bounds

__all__ = ["OsmFeatures", "Route"]

_BUILDING_KEYS: Final = (
    "height",
    "building:height",
    "building:levels",
    "building:part",
    "min_height",
    "building:min_level",
    "roof:shape",
    "roof:height",
    "roof:levels",
    "roof:angle",
    "roof:direction",
    "roof:orientation",
)
_WAY_KEYS: Final = ("width", "lanes", "layer", "bridge", "tunnel")


@dataclass(frozen=True)
class Route:
    """Where one route of a line runs: local ids of its ways and of what it stops at, in its order."""

    id: str
    ways: list[str]
    stops: list[str]


@dataclass
class OsmFeatures:
    """Rows by layer, and what joins them.

    Attributes:
        header_bounds: None where the file does not say.
        road_areas: Squares: roads as areas.
        waterways: Rivers drawn as lines.
        halts: Where trains halt, beside their stations.
        other_ways: Nodes of ways in none of the layers that routes may run along: ferries, roads being built.
        routes: One for each row of ``transit_routes``.
        stop_areas: Local ids of what belongs to one station.
        parts_of: Local id of a part → that of its outline, as relations of the type `building` say.
    """

    header_bounds: Bounds | None = None
    date: str = ""
    buildings: Rows = field(default_factory=partial(Rows, _BUILDING_KEYS))
    parts: Rows = field(default_factory=partial(Rows, _BUILDING_KEYS))
    roads: Rows = field(default_factory=partial(Rows, _WAY_KEYS))
    road_areas: Rows = field(default_factory=partial(Rows, _WAY_KEYS))
    rail: Rows = field(default_factory=partial(Rows, (*_WAY_KEYS, "colour")))
    rail_stations: Rows = field(default_factory=partial(Rows, ("railway",)))
    elevators: Rows = field(default_factory=Rows)
    water: Rows = field(default_factory=Rows)
    waterways: Rows = field(default_factory=partial(Rows, ("width", "tunnel")))
    coastline: Rows = field(default_factory=Rows)
    green: Rows = field(default_factory=Rows)
    bridges: Rows = field(default_factory=partial(Rows, ("width",)))
    landmarks: Rows = field(default_factory=partial(Rows, ("height",)))
    districts: Rows = field(default_factory=Rows)
    places: Rows = field(default_factory=partial(Rows, ("population", "name:zh-Hans", "name:zh")))
    base_stations: Rows = field(default_factory=partial(Rows, ("height",)))
    transit_stops: Rows = field(default_factory=partial(Rows, ("ref",)))
    transit_routes: Rows = field(default_factory=partial(Rows, ("ref", "colour")))
    halts: Rows = field(default_factory=Rows)
    other_ways: dict[str, bytes] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    stop_areas: list[list[str]] = field(default_factory=list)
    parts_of: dict[str, str] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
