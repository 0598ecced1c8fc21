"""OpenStreetMap as a source of a city: buildings, roads, rail, water, sea, green, stations and places.

Which features count and what their tags mean is in ``osm_tags.py``; reading is in ``osm_read.py``. Here
features become layers: heights, widths, parents of parts, and the cut at the extent.

An extent is the file's own box, where its header has one, cut to the roads and buildings and half a kilometre
around them; else the robust bounds of roads and buildings. Ways of an extract run far outside its box: lines
and areas are cut at the extent, buildings are kept whole or set aside.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from shancheng.city.manifest import LayerSource, Title
from shancheng.city.schema import SURVEYED
from shancheng.city.sources.base import CityData, SetAside, Source, SourceOptions
from shancheng.city.sources.osm_cut import areas_of, extent_of, including, inside, shapes_of
from shancheng.city.sources.osm_layers import (
    SOURCE_NAME,
    areas_table,
    buildings_table,
    places_table,
    points_table,
    ways_table,
)
from shancheng.city.sources.osm_read import OsmFeatures, Rows, read_features
from shancheng.city.sources.osm_tags import PLACE_RANK, RAIL_WIDTH_M, ROAD_WIDTH_M
from shancheng.city.sources.osm_water import SEA, water_table
from shancheng.errors import SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["SOURCE", "osm_source", "read"]


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
        path: ``.osm.pbf`` or another form that osmium reads.
        options: None is understood.
        progress: Told what is being read.

    Returns:
        All layers, in the order of ids, and the extent; no elevations.

    Raises:
        SourceFileError: The file is missing, truncated, of another kind, or holds no building and no road.
    """
    progress.step(f"reading {path.name}", None)
    features = read_features(path)
    if not (features.buildings.ids or features.parts.ids or features.roads.ids):
        raise SourceFileError(
            f"{path}: holds no building and no road; needed: an extract of an inhabited area"
        )
    progress.step("sorting features into layers", None)
    return _city_data(features)


def _city_data(features: OsmFeatures) -> CityData:
    set_aside = list(features.set_aside)
    shapes = {
        "buildings": np.concatenate([areas_of(features.buildings), areas_of(features.parts)]),
        "roads": shapes_of(features.roads),
    }
    extent = extent_of(features.header_bounds, shapes["buildings"], shapes["roads"])
    kept = inside(shapes["buildings"], extent)
    extent = including(extent, shapes["buildings"][kept])
    layers = {
        "buildings": buildings_table(features, shapes["buildings"], kept, set_aside),
        "roads": ways_table("roads", features.roads, shapes["roads"], ROAD_WIDTH_M, extent),
        "rail": ways_table("rail", features.rail, shapes_of(features.rail), RAIL_WIDTH_M, extent),
        "rail_stations": points_table("rail_stations", features.rail_stations, extent),
        "water": water_table(features, extent, set_aside),
        "green": areas_table("green", features.green, extent, set_aside),
        "places": places_table(features.places, extent),
    }
    source = osm_source(features.date)
    sources = dict.fromkeys(layers, source)
    sources["water"] = replace(source, notes=_sea_notes(set_aside))
    title = _title(features.places, extent)
    return CityData(layers=layers, layer_sources=sources, title=title, extent=extent, set_aside=set_aside)


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


SOURCE = Source(
    "osm",
    "OpenStreetMap extract (.osm.pbf, .osm)",
    ("buildings", "roads", "rail", "rail_stations", "water", "green", "places"),
    read,
)
