"""OpenStreetMap as a source of a city: nearly every layer that a city has.

Which features count and what their tags mean is in ``osm_tags.py``; reading is in ``osm_read.py``. Here
features become layers and are cut at the extent.

An extent is the file's own box, where its header has one, cut to the roads and buildings and half a kilometre
around them; else the robust bounds of roads and buildings. Ways of an extract run far outside its box: lines
and areas are cut at the extent, buildings are kept whole or set aside.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.manifest import LayerSource, Title
from shancheng.city.schema import SURVEYED
from shancheng.city.sources.base import CityData, SetAside, Source, SourceOptions
from shancheng.city.sources.osm_bridges import bridges_table
from shancheng.city.sources.osm_buildings import buildings_table, wholes_of
from shancheng.city.sources.osm_cut import clip, extent_of, including, inside
from shancheng.city.sources.osm_districts import districts_table
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_landmarks import landmarks_table
from shancheng.city.sources.osm_layers import (
    SOURCE_NAME,
    areas_table,
    note_empty,
    places_table,
    points_table,
    valid_areas,
    ways_table,
)
from shancheng.city.sources.osm_points import base_stations_table, stations_table, stops_table
from shancheng.city.sources.osm_read import read_features
from shancheng.city.sources.osm_routes import Cut, rail_lines, routes_table
from shancheng.city.sources.osm_rows import Rows, Shapes, shapes_of
from shancheng.city.sources.osm_tags import PLACE_RANK, RAIL_WIDTH_M, ROAD_WIDTH_M
from shancheng.city.sources.osm_water import SEA, water_table
from shancheng.errors import SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["SOURCE", "osm_source", "read"]

LAYERS: Final = (
    "buildings",
    "roads",
    "rail",
    "rail_stations",
    "elevators",
    "water",
    "green",
    "bridges",
    "landmarks",
    "districts",
    "places",
    "base_stations",
    "transit_stops",
    "transit_routes",
)


def osm_source(date: str = "") -> LayerSource:
    """Where a layer from OpenStreetMap comes from, with the credit that its licence asks for."""
    return LayerSource(
        source=SOURCE_NAME,
        licence="ODbL-1.0",
        attribution="© OpenStreetMap contributors",
        attribution_url="https://www.openstreetmap.org/copyright",
        provenance=SURVEYED,
        date=date,
    )


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:  # noqa: ARG001 - of all sources
    """Read an OpenStreetMap extract.

    Args:
        path: ``.osm.pbf``, or ``.osm`` in XML.
        options: None is understood.
        progress: Told what is being read.

    Returns:
        All layers, in the order of ids, and the extent; no elevations.

    Raises:
        SourceFileError: The file is missing, truncated, of another kind, or holds no building and no road.
    """
    progress.step(f"reading {path.name}", None)
    with _collector_paused():
        features = read_features(path)
        progress.step("sorting features into layers", None)
        data = _city_data(features)
    if data is None:
        raise SourceFileError(
            f"{path}: holds no building and no road; needed: an extract of an inhabited area"
        )
    return data


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Nothing here makes cycles, but millions of objects, which the collector would look at over and over."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _city_data(features: OsmFeatures) -> CityData | None:
    """All layers; None where no building and no road says where the city is."""
    set_aside = list(features.set_aside)
    buildings = np.concatenate([shapes_of(features.buildings), shapes_of(features.parts)])
    roads, rail = _lines("roads", features.roads, set_aside), _lines("rail", features.rail, set_aside)
    if shapely.is_empty(buildings).all() and shapely.is_empty(roads).all():
        return None
    extent = extent_of(features.header_bounds, buildings, roads)
    kept = inside(buildings, extent)
    extent = including(extent, buildings[kept])
    wholes = wholes_of(features, buildings)
    cut_roads = Cut(features.roads, *clip(roads, extent))
    cut_rail = Cut(features.rail, *clip(rail, extent))
    layers = {
        "buildings": buildings_table(features, buildings, kept, wholes, set_aside),
        "roads": _roads_table(features, cut_roads, extent, set_aside),
        "rail": _rail_table(features, cut_rail),
        "rail_stations": stations_table(features, extent),
        "elevators": points_table("elevators", features.elevators, extent),
        "water": water_table(features, extent, set_aside),
        "green": areas_table("green", features.green, extent, set_aside),
        "districts": districts_table(features.districts, extent, set_aside),
        "places": places_table(features.places, extent),
        "base_stations": base_stations_table(features.base_stations, extent),
        "transit_stops": stops_table(features.transit_stops, extent),
        "transit_routes": routes_table(features, (cut_roads, cut_rail), extent, set_aside),
    }
    layers["landmarks"] = landmarks_table(features, layers["buildings"], wholes, extent)
    layers["bridges"] = bridges_table(features, (cut_roads, cut_rail), layers["water"], extent, set_aside)
    source = osm_source(features.date)
    sources = dict.fromkeys(layers, source)
    sources["water"] = replace(source, notes=_sea_notes(set_aside))
    return CityData(
        layers=layers,
        layer_sources=sources,
        title=_title(features.places, extent),
        extent=extent,
        set_aside=sorted(set_aside, key=lambda entry: (entry.layer, entry.id, entry.reason)),
    )


def _lines(layer: str, rows: Rows, set_aside: list[SetAside]) -> Shapes:
    """Lines of ways; those of which too little is in the file are empty, and set aside."""
    shapes = shapes_of(rows)
    note_empty(layer, rows, shapes, set_aside)
    return shapes


def _roads_table(features: OsmFeatures, lines: Cut, extent: Bounds, set_aside: list[SetAside]) -> pa.Table:
    """Roads as lines, and squares as areas."""
    squares, sound = valid_areas("roads", features.road_areas, set_aside)
    cut, left = clip(squares, extent)
    return ways_table(
        "roads",
        features.roads.joined(features.road_areas),
        np.concatenate([lines.shapes, cut]),
        np.concatenate([lines.keep, len(features.roads) + sound[left]]),
        ROAD_WIDTH_M,
    )


def _rail_table(features: OsmFeatures, tracks: Cut) -> pa.Table:
    line, colour = rail_lines(features)
    return ways_table(
        "rail", features.rail, tracks.shapes, tracks.keep, RAIL_WIDTH_M, line=line, colour=colour
    )


def _sea_notes(set_aside: list[SetAside]) -> str:
    return " ".join(entry.reason for entry in set_aside if entry.layer == "water" and entry.id == SEA)


def _title(places: Rows, extent: Bounds) -> Title | None:
    """The name of the largest place in the extent, among equals of the one nearest to its centre."""
    points = shapes_of(places)
    centre = shapely.Point(*extent.centre)
    named = [row for row in np.flatnonzero(inside(points, extent)) if places.names[row] is not None]
    if not named:
        return None
    best = min(named, key=lambda row: (PLACE_RANK[places.kinds[row]], shapely.distance(points[row], centre)))
    name = places.names[best] or ""
    name_zh = places.tags["name:zh-Hans"][best] or places.tags["name:zh"][best]
    return Title(zh=name_zh or name, en=places.names_en[best] or name)


SOURCE = Source("osm", "OpenStreetMap extract (.osm.pbf, .osm)", LAYERS, read)
