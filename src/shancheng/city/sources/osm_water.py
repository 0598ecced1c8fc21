"""The water layer from OpenStreetMap: areas, rivers drawn as lines, and the sea."""

from typing import Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.heights import parse_length_m
from shancheng.city.schema import APPROXIMATE, SURVEYED
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_coast import sea_of
from shancheng.city.sources.osm_cut import clip, inside
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_layers import each_word, note_empty, table_of, valid_areas
from shancheng.city.sources.osm_plane import metres_per_degree
from shancheng.city.sources.osm_rows import Rows, Shapes, shapes_of
from shancheng.city.sources.osm_tags import NO, WATERWAY_WIDTH_M
from shancheng.geo.bounds import Bounds

__all__ = ["SEA", "water_table"]

SEA: Final = "sea"
"""Kind and local id of the sea."""
_MAX_WIDTH_M: Final = 1000.0
_CURVE: Final = 4


def water_table(features: OsmFeatures, extent: Bounds, set_aside: list[SetAside]) -> pa.Table:
    """Water of all kinds, cut at the extent; a river's line gets its width, the coastline its sea."""
    shapes, keep = valid_areas("water", features.water, set_aside)
    rows = features.water.only(keep.tolist())
    n_surveyed = len(rows)
    streams, widened = _streams(features.waterways, extent, set_aside)
    rows = rows.joined(streams.with_keys(()))
    shapes = np.concatenate([shapes, widened, _add_sea(rows, features, extent, set_aside)])
    provenance = np.where(np.arange(len(shapes)) < n_surveyed, SURVEYED, APPROXIMATE).astype(object)
    cut, left = clip(shapes, extent)
    return table_of("water", rows, cut, left, provenance=provenance[left])


def _streams(waterways: Rows, extent: Bounds, set_aside: list[SetAside]) -> tuple[Rows, Shapes]:
    """Rivers drawn as lines, widened to areas: the line is surveyed, the width mostly by kind."""
    lines = shapes_of(waterways)
    note_empty("water", waterways, lines, set_aside)
    open_air = np.array([word in NO for word in waterways.tags["tunnel"]], dtype=bool)
    chosen = np.flatnonzero(inside(lines, extent) & open_air)
    streams = waterways.only(chosen.tolist())
    widths = np.array(each_word(streams.tags["width"], parse_length_m), dtype=np.float64)
    usual = np.array([WATERWAY_WIDTH_M[kind] for kind in streams.kinds], dtype=np.float64)
    widths = np.where((widths > 0) & (widths <= _MAX_WIDTH_M), widths, usual)
    scale = metres_per_degree(extent.centre[1])
    plane = shapely.transform(lines[chosen], lambda lonlat: lonlat * scale)
    areas = shapely.buffer(plane, widths / 2, quad_segs=_CURVE)
    return streams, np.asarray(shapely.transform(areas, lambda xy: xy / scale), dtype=object)


def _add_sea(rows: Rows, features: OsmFeatures, extent: Bounds, set_aside: list[SetAside]) -> Shapes:
    sea = sea_of(shapes_of(features.coastline), extent)
    for lon, lat in sea.continued:
        reason = (
            f"A coastline ends at {lon:.5f}, {lat:.5f}, inside the extent, "
            "and was drawn on straight to its edge."
        )
        set_aside.append(SetAside("water", SEA, reason))
    if sea.fault:
        set_aside.append(SetAside("water", SEA, f"The sea is left out: {sea.fault}."))
    if shapely.is_empty(sea.area):
        return np.array([], dtype=object)
    rows.added.append((SEA, SEA, {}, b""))
    rows.flush()
    return np.array([sea.area], dtype=object)
