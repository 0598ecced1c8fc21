"""Routes of public transport: their lines on the map, and what they say of rails and stations."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_colours import colour_of
from shancheng.city.sources.osm_cut import Picks, clip
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_layers import each_word, table_of, taken
from shancheng.city.sources.osm_lines import lines_of
from shancheng.city.sources.osm_rows import Rows, Shapes, points_of
from shancheng.city.sources.osm_same import Namesakes, coordinates_m
from shancheng.city.sources.osm_tags import RAIL_ROUTES
from shancheng.geo.bounds import Bounds

__all__ = ["Cut", "rail_lines", "routes_table", "station_lines"]

_NAMESAKE_M: Final = 500.0
"""How far from a station a stop of its name belongs to it."""
_NO_WAYS: Final = "none of its ways is in the file"
_OUTSIDE: Final = "none of its ways lies inside the extent"


@dataclass(frozen=True)
class Cut:
    """Ways of one layer, cut at the extent: all rows, the shapes that are left, and their rows."""

    rows: Rows
    shapes: Shapes
    keep: Picks


def routes_table(
    features: OsmFeatures, ways: Sequence[Cut], extent: Bounds, set_aside: list[SetAside]
) -> pa.Table:
    """One row a route relation: both directions of a line are routes of their own, as in the file."""
    all_ways = [*ways, _other_ways(features, extent)]
    lines = np.concatenate([cut.shapes for cut in all_ways])
    ids = np.concatenate([taken(cut.rows.ids, cut.keep) for cut in all_ways])
    place_of = {local_id: place for place, local_id in enumerate(ids)}
    places = [
        [place_of[way] for way in dict.fromkeys(route.ways) if way in place_of] for route in features.routes
    ]
    keep = np.flatnonzero([len(found) > 0 for found in places])
    _note_lost(features, all_ways, np.setdiff1d(np.arange(len(places)), keep), set_aside)
    tags = features.transit_routes.tags
    return table_of(
        "transit_routes",
        features.transit_routes,
        _multilines(lines, [places[row] for row in keep]),
        keep,
        line=taken(tags["ref"], keep),
        colour=taken(each_word(tags["colour"], colour_of), keep),
    )


def _other_ways(features: OsmFeatures, extent: Bounds) -> Cut:
    """Ways in no layer that routes run along: ferries, and roads that are being built."""
    named = {way for route in features.routes for way in route.ways}
    rows = Rows()
    rows.ids = [local_id for local_id in features.other_ways if local_id in named]
    return Cut(rows, *clip(lines_of([features.other_ways[local_id] for local_id in rows.ids]), extent))


def _multilines(lines: Shapes, places: list[list[int]]) -> Shapes:
    """One MultiLineString for each list of places."""
    if not places:
        return np.array([], dtype=object)
    route = np.repeat(np.arange(len(places)), [len(found) for found in places])
    parts, part_of = shapely.get_parts(lines[np.concatenate(places)], return_index=True)
    return np.asarray(shapely.multilinestrings(parts, indices=route[part_of]), dtype=object)


def _note_lost(features: OsmFeatures, ways: Iterable[Cut], lost: Picks, set_aside: list[SetAside]) -> None:
    known = {local_id for cut in ways for local_id in cut.rows.ids} if len(lost) else set()
    for row in lost:
        route = features.routes[row]
        reason = _NO_WAYS if known.isdisjoint(route.ways) else _OUTSIDE
        set_aside.append(SetAside("transit_routes", route.id, reason))


def rail_lines(features: OsmFeatures) -> tuple[Shapes, Shapes]:
    """Line and colour of each row of rail, from the routes along it and from its own tags; shapes (n,).

    Where several lines share a track, `line` names all, as `1;2`, and the colour is the first one's.
    """
    colours = each_word(features.transit_routes.tags["colour"], colour_of)
    tracks = set(features.rail.ids)
    by_way: dict[str, dict[str, str | None]] = defaultdict(dict)
    for row, ref in _rail_routes(features):
        # A train runs through half a country; only its tracks in this file count.
        for way in tracks.intersection(features.routes[row].ways):
            by_way[way][ref] = by_way[way].get(ref) or colours[row]
    lines = np.full(len(features.rail), None, dtype=object)
    colour = np.array([*each_word(features.rail.tags["colour"], colour_of), None], dtype=object)[:-1]
    for row, local_id in enumerate(features.rail.ids):
        if found := by_way.get(local_id):
            refs = sorted(found, key=_in_order)
            lines[row] = ";".join(refs)
            colour[row] = colour[row] or next((found[ref] for ref in refs if found[ref]), None)
    return lines, colour


def station_lines(features: OsmFeatures) -> list[list[str]]:
    """Lines that stop at each row of ``rail_stations``.

    A route stops at a station that it names, at one that shares a stop area with a stop that it names, and at
    the nearest one within 500 m that has the name of such a stop.
    """
    stations = features.rail_stations
    lines: dict[str, set[str]] = defaultdict(set)
    for row, ref in _rail_routes(features):
        for stop in features.routes[row].stops:
            lines[stop].add(ref)
    for area in features.stop_areas:
        shared = set().union(*(lines[member] for member in area if member in lines))
        for member in area:
            if shared:
                lines[member] |= shared
    for halt, station in _namesakes(features.halts, stations):
        lines[stations.ids[station]] |= lines.get(features.halts.ids[halt], set())
    return [sorted(lines.get(local_id, ()), key=_in_order) for local_id in stations.ids]


def _rail_routes(features: OsmFeatures) -> list[tuple[int, str]]:
    """Rows of routes on rails, and the name of each one's line."""
    rows = features.transit_routes
    named = [(row, rows.tags["ref"][row] or rows.names[row]) for row in range(len(rows))]
    return [(row, ref) for row, ref in named if ref and rows.kinds[row] in RAIL_ROUTES]


def _namesakes(halts: Rows, stations: Rows) -> list[tuple[int, int]]:
    """Pairs of halts and the nearest station of their name."""
    if len(halts) == 0 or len(stations) == 0:
        return []
    x, y = coordinates_m(np.concatenate([points_of(stations), points_of(halts)]))
    grid = Namesakes(_NAMESAKE_M)
    for row, name in enumerate(stations.names):
        if name:
            grid.add(name, x[row], y[row], row)
    pairs = []
    for row, name in enumerate(halts.names):
        station = grid.nearest(name, x[len(stations) + row], y[len(stations) + row]) if name else None
        if station is not None:
            pairs.append((row, station))
    return pairs


def _in_order(ref: str) -> tuple[tuple[int, int | str], ...]:
    """`2` before `10`, and both before `A`."""
    return tuple((0, int(word)) if word.isdecimal() else (1, word) for word in re.findall(r"\d+|\D+", ref))
