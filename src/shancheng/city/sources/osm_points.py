"""Layers of points from OpenStreetMap: stations, stops, elevators and base stations."""

import numpy as np
import pyarrow as pa

from shancheng.city.heights import MAX_HEIGHT_M, parse_length_m
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_layers import each_word, points_table
from shancheng.city.sources.osm_routes import station_lines
from shancheng.city.sources.osm_rows import Rows, Shapes, points_of
from shancheng.city.sources.osm_same import merged
from shancheng.geo.bounds import Bounds

__all__ = ["base_stations_table", "heights_m", "stations_table", "stops_table"]

_STATION_M = 300.0
"""A station's point and its building may lie this far apart."""
_PLATFORM_M = 40.0


def stations_table(features: OsmFeatures, extent: Bounds) -> pa.Table:
    """Stations with the lines that stop there.

    A station is often mapped twice, as a point and as a building: of one kind and name within 300 m the point
    with `railway` stays. Stops of trams are not merged: each is a place where one boards.
    """
    rows = features.rail_stations
    lines, points = station_lines(features), points_of(rows)
    words = [
        (f"{kind}\n{name}",) if name and kind != "tram_stop" else ()
        for kind, name in zip(rows.kinds, rows.names, strict=True)
    ]
    order = [
        2 * (railway is None) + (local_id[0] != "n")
        for railway, local_id in zip(rows.tags["railway"], rows.ids, strict=True)
    ]
    rows, keep = merged(rows, points, words, order, _STATION_M)
    listed = np.empty(len(rows), dtype=object)
    listed[:] = [lines[row] for row in keep]
    return points_table("rail_stations", rows, extent, points[keep], lines=listed)


def stops_table(rows: Rows, extent: Bounds) -> pa.Table:
    """Stops; a platform with the number or the name of a stop within 40 m is that stop's."""
    points = points_of(rows)
    platform = np.array([kind == "platform" for kind in rows.kinds], dtype=bool)
    words = [
        tuple(word for word in (ref, name) if word)
        for ref, name in zip(rows.tags["ref"], rows.names, strict=True)
    ]
    rows, keep = merged(rows, points, words, platform, _PLATFORM_M, stays=~platform)
    return points_table("transit_stops", rows, extent, points[keep])


def base_stations_table(rows: Rows, extent: Bounds) -> pa.Table:
    """Masts and antennas of mobile networks; their height where it is stated."""
    return points_table("base_stations", rows, extent, height_m=heights_m(rows))


def heights_m(rows: Rows) -> Shapes:
    """Stated heights, NaN where there is none that can be; shape (n,)."""
    stated = np.array(each_word(rows.tags["height"], parse_length_m), dtype=np.float32)
    return np.where((stated > 0) & (stated <= MAX_HEIGHT_M), stated, np.float32(np.nan))
