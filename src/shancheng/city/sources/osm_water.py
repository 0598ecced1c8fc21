"""The water layer from OpenStreetMap: areas, rivers drawn as lines, and the sea."""

from typing import Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.heights import parse_length_m
from shancheng.city.schema import APPROXIMATE, SURVEYED
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_coast import sea_of
from shancheng.city.sources.osm_cut import Picks, Shapes, clip, inside, shapes_of
from shancheng.city.sources.osm_layers import table_of, taken, valid_areas
from shancheng.city.sources.osm_read import OsmFeatures, Rows
from shancheng.city.sources.osm_tags import WATERWAY_WIDTH_M
from shancheng.geo.bounds import Bounds

__all__ = ["SEA", "water_table"]

SEA: Final = "sea"
"""Kind and local id of the sea."""
_DEGREE_M: Final = 111_320.0
_MAX_WIDTH_M: Final = 1000.0
_CURVE: Final = 4


def water_table(features: OsmFeatures, extent: Bounds, set_aside: list[SetAside]) -> pa.Table:
    """Water of all kinds, cut at the extent; a river's line gets its width, the coastline its sea."""
    shapes, keep = valid_areas("water", features.water, set_aside)
    rows = _only(features.water, keep)
    n_surveyed = len(rows)
    shapes = np.concatenate(
        [shapes, _add_streams(rows, features.waterways, extent), _add_sea(rows, features, extent, set_aside)]
    )
    provenance = np.where(np.arange(len(shapes)) < n_surveyed, SURVEYED, APPROXIMATE).astype(object)
    cut, left = clip(shapes, extent)
    return table_of("water", rows, cut, left, provenance=provenance[left])


def _only(rows: Rows, keep: Picks) -> Rows:
    only = Rows()
    only.ids, only.kinds = list(taken(rows.ids, keep)), list(taken(rows.kinds, keep))
    only.names, only.names_en = list(taken(rows.names, keep)), list(taken(rows.names_en, keep))
    return only


def _add_streams(rows: Rows, waterways: Rows, extent: Bounds) -> Shapes:
    """Rivers drawn as lines, widened to areas: the line is surveyed, the width mostly by kind."""
    lines = shapes_of(waterways)
    shapes = []
    scale = np.array([np.cos(np.radians(extent.centre[1])), 1.0]) * _DEGREE_M
    for row in np.flatnonzero(inside(lines, extent)):
        if waterways.tags["tunnel"][row] not in {None, "no"}:
            continue
        width_m = parse_length_m(waterways.tags["width"][row])
        if not 0 < width_m <= _MAX_WIDTH_M:
            width_m = WATERWAY_WIDTH_M[waterways.kinds[row]]
        flat = shapely.transform(lines[row], lambda xy: xy * scale)
        shapes.append(
            shapely.transform(shapely.buffer(flat, width_m / 2, quad_segs=_CURVE), lambda xy: xy / scale)
        )
        _append(rows, waterways.ids[row], waterways.kinds[row], waterways.names[row], waterways.names_en[row])
    return np.array(shapes, dtype=object)


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
    _append(rows, SEA, SEA, None, None)
    return np.array([sea.area], dtype=object)


def _append(rows: Rows, local_id: str, kind: str, name: str | None, name_en: str | None) -> None:
    rows.ids.append(local_id)
    rows.kinds.append(kind)
    rows.names.append(name)
    rows.names_en.append(name_en)
