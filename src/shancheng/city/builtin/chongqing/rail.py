"""Rail transit, placed by hand: routes, their stops in order, the tracks between them, and the ropeway.

Each stretch from stop to stop becomes one track or, where it changes between tunnel and viaduct, several.
Where a tunnel runs and how deep it lies is not known to us; only viaducts have elevations, modelled over this
city's ground from the rail's rise at the stops and the decks of the bridges that it crosses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray
from shancheng.city.builtin.chongqing.rail_shape import CLEAR_M, Curve, heights, smooth_curve
from shancheng.city.builtin.chongqing.rail_tables import PathPart, Ropeway, Route, Station, Stop
from shancheng.city.builtin.chongqing.roads import bridge_axis
from shancheng.city.builtin.chongqing.tables import Bridge, read_path, read_table

__all__ = ["RailNetwork", "Track", "build_rail"]

TUNNEL: Final = "tunnel"
VIADUCT: Final = "viaduct"
STEEPEST: Final = {"monorail": 0.06, "subway": 0.05}
"""Rise over run: what public figures allow straddle monorails, and a little more than metros here climb."""
PORTAL_RISE: Final = 0.05
WIDTH_M: Final = {"monorail": 8.0, "subway": 9.0, "aerialway": 0.5}
ROPE_POINTS: Final = 41
BRIDGE_MARK: Final = "@"
PATH_SEPARATOR: Final = ";"

Ground = Callable[[FloatArray], FloatArray]
"""Elevation of the ground at points on the plane."""


@dataclass(frozen=True)
class Track:
    """Part of a stretch: points on the plane (n, 2) and their elevations (n,), None in a tunnel."""

    id: str
    name: str
    name_en: str
    kind: str
    line: str
    colour: str | None
    xy: FloatArray
    elevation_m: FloatArray | None
    source: str
    accuracy_m: float

    @property
    def tunnel(self) -> bool:
        """Whether it runs underground."""
        return self.elevation_m is None

    @property
    def width_m(self) -> float:
        """Of both tracks together, or of a rope."""
        return WIDTH_M[self.kind]


@dataclass(frozen=True)
class RailNetwork:
    """All stations, in the order of their table, and all tracks.

    ``elevation_m`` of the rail at each station's highest platform, NaN where all are underground.
    """

    stations: list[Station]
    elevation_m: FloatArray
    tracks: list[Track]


def build_rail(bridges: Sequence[Bridge], ground: Ground) -> RailNetwork:
    """Tracks and platforms over some ground.

    Args:
        bridges: Those that the paths name among them.
        ground: Elevations.

    Raises:
        ValueError: A stretch between tunnel and viaduct has no path, or a path begins or ends elsewhere.
    """
    places = _Places(read_table("rail_stations.csv", Station), bridges)
    stops, parts = read_table("rail_stops.csv", Stop), read_table("rail_path.csv", PathPart)
    tracks: list[Track] = []
    platforms = np.full(len(places.stations), np.nan)
    for route in read_table("rail_lines.csv", Route):
        own = [stop for stop in stops if stop.route == route.id]
        course = _course(route, own, [part for part in parts if part.route == route.id])
        made, at_stops = _lay(course, places, ground)
        tracks += made
        for station, elevation in at_stops.items():
            row = places.row[station]
            platforms[row] = np.fmax(platforms[row], elevation)
    tracks += [_rope(row, ground) for row in read_table("ropeways.csv", Ropeway)]
    return RailNetwork(places.stations, platforms, tracks)


class _Places:
    """What a path can name: stations by id, ends of bridges by ``@id.a`` and ``@id.b``."""

    def __init__(self, stations: list[Station], bridges: Sequence[Bridge]) -> None:
        self.stations = stations
        self.row = {station.id: row for row, station in enumerate(stations)}
        self.bridges = {bridge.id: bridge for bridge in bridges}
        self.station_xy = PLANE.from_lonlat([(station.lon, station.lat) for station in stations])

    def at(self, token: str) -> FloatArray:
        """Where a path's point is on the plane."""
        if token.startswith(BRIDGE_MARK):
            bridge, end = token.removeprefix(BRIDGE_MARK).split(".")
            return np.asarray(bridge_axis(self.bridges[bridge])["ab".index(end)])
        if token in self.row:
            return np.asarray(self.station_xy[self.row[token]])
        return np.asarray(PLANE.from_lonlat(read_path(token))[0])

    def bridge_between(self, first: str, second: str) -> Bridge | None:
        """The bridge whose two ends two points of a path are."""
        ids = {token.removeprefix(BRIDGE_MARK).split(".")[0] for token in (first, second)}
        both = first.startswith(BRIDGE_MARK) and second.startswith(BRIDGE_MARK) and len(ids) == 1
        return self.bridges[ids.pop()] if both else None


@dataclass(frozen=True)
class _Course:
    """A route as nodes: their tokens (k,), and pieces as (id, structure, first node, last node)."""

    route: Route
    tokens: list[str]
    pieces: list[tuple[str, str, int, int]]
    rise_m: dict[str, float]


def _course(route: Route, stops: list[Stop], parts: list[PathPart]) -> _Course:
    tokens = [stops[0].station]
    pieces: list[tuple[str, str, int, int]] = []
    pairs = list(zip(stops, [*stops[1:], *(stops[:1] if route.closed else [])], strict=False))
    for a, b in pairs:
        own = [p for p in parts if (p.from_station, p.to_station) == (a.station, b.station)]
        for structure, path in _structures(a, b, sorted(own, key=lambda p: p.part)):
            if path[0] != tokens[-1]:
                raise ValueError(f"route {route.id}: {path[0]} follows {tokens[-1]}; a path has a gap")
            first = len(tokens) - 1
            tokens += path[1:]
            number = sum(piece[0].startswith(_stretch_id(route, a, b)) for piece in pieces) + 1
            suffix = "" if len(own) < 2 else f"_{number}"  # noqa: PLR2004  # a stretch of one piece needs none
            pieces.append((_stretch_id(route, a, b) + suffix, structure, first, len(tokens) - 1))
        if tokens[-1] != b.station:
            raise ValueError(f"route {route.id}: the path to {b.station} ends at {tokens[-1]}")
    return _Course(route, tokens, pieces, {s.station: s.rise_m for s in stops if s.rise_m is not None})


def _stretch_id(route: Route, a: Stop, b: Stop) -> str:
    return f"line{route.id}_{a.station}_{b.station}"


def _structures(a: Stop, b: Stop, parts: list[PathPart]) -> list[tuple[str, list[str]]]:
    """Structure and path of each piece from stop to stop; straight where the table has none."""
    if parts:
        return [(p.structure, [token.strip() for token in p.path.split(PATH_SEPARATOR)]) for p in parts]
    if (a.rise_m is None) != (b.rise_m is None):
        raise ValueError(f"route {a.route}: {a.station} to {b.station} leaves the ground; state where")
    return [(TUNNEL if a.rise_m is None else VIADUCT, [a.station, b.station])]


def _lay(course: _Course, places: _Places, ground: Ground) -> tuple[list[Track], dict[str, float]]:
    """A route's tracks, and the elevation of the rail at its stops above ground."""
    nodes = np.array([places.at(token) for token in course.tokens])
    spans = _spans(course, places)
    curve = smooth_curve(nodes, _axes(nodes, spans), closed=bool(course.route.closed))
    elevation = _elevations(course, curve, spans, ground)
    tracks = []
    for piece_id, structure, first, last in course.pieces:
        points = slice(int(curve.node[first]), int(curve.node[last]) + 1)
        tracks.append(
            Track(
                piece_id,
                course.route.name,
                course.route.name_en,
                course.route.kind,
                course.route.line,
                course.route.colour,
                curve.xy[points],
                None if structure == TUNNEL else elevation[points],
                course.route.source,
                course.route.accuracy_m,
            )
        )
    at = {token: float(elevation[curve.node[node]]) for node, token in enumerate(course.tokens)}
    return tracks, {station: at[station] for station in course.rise_m}


def _spans(course: _Course, places: _Places) -> dict[int, Bridge]:
    """The bridge from a node to the next one, by the node."""
    pairs = enumerate(zip(course.tokens[:-1], course.tokens[1:], strict=True))
    spans = {node: places.bridge_between(*pair) for node, pair in pairs}
    return {node: bridge for node, bridge in spans.items() if bridge is not None}


def _axes(nodes: FloatArray, spans: dict[int, Bridge]) -> FloatArray:
    """On a bridge the track runs straight: its direction at both ends; NaN at other nodes."""
    axis = np.full(nodes.shape, np.nan)
    for node in spans:
        along = nodes[node + 1] - nodes[node]
        axis[node : node + 2] = along / np.hypot(*along)
    return axis


def _elevations(course: _Course, curve: Curve, spans: dict[int, Bridge], ground: Ground) -> FloatArray:
    """Elevations of the rail on viaducts and bridges, NaN in tunnels, shape (n,)."""
    floor, fixed = _floor(course, curve, ground(curve.xy)), np.zeros(len(curve.xy), dtype=np.bool_)
    for node, bridge in spans.items():
        points = slice(int(curve.node[node]), int(curve.node[node + 1]) + 1)
        if bridge.rail_elevation_m is None:
            raise ValueError(f"route {course.route.id}: {bridge.id} states no rail_elevation_m")
        floor[points], fixed[points] = bridge.rail_elevation_m, True
    known = {*_stop_nodes(course), *spans, *(node + 1 for node in spans)}
    elevation = np.full(len(curve.xy), np.nan)
    for first, last in _open_runs(course):
        points = slice(int(curve.node[first]), int(curve.node[last]) + 1)
        way, ends = curve.chainage_m[points], fixed[points].copy()
        ends[[0, -1]] = True
        at = curve.node[sorted({first, last, *(node for node in known if first <= node <= last)})]
        # Even between two stops: a track does not follow each dip of the ground.
        even = np.interp(way, curve.chainage_m[at], floor[at])
        elevation[points] = heights(np.maximum(floor[points], even), way, STEEPEST[course.route.kind], ends)
    return elevation


def _open_runs(course: _Course) -> list[tuple[int, int]]:
    """First and last nodes of what runs in the open without a break."""
    runs: list[tuple[int, int]] = []
    for _, structure, first, last in course.pieces:
        if structure == TUNNEL:
            continue
        if runs and runs[-1][1] == first:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs


def _floor(course: _Course, curve: Curve, ground_m: FloatArray) -> FloatArray:
    """The lowest that the rail may run: clear of the ground, on it at portals, as stated at stops."""
    portals = {node for run in _open_runs(course) for node in run} - _stop_nodes(course).keys()
    low = {**dict.fromkeys(portals, 0.0), **_stop_nodes(course)}
    clear = np.full(len(curve.xy), CLEAR_M)
    for node, rise in low.items():
        way = np.abs(curve.chainage_m - curve.chainage_m[curve.node[node]])
        clear = np.minimum(clear, rise + PORTAL_RISE * way)
    for node, rise in _stop_nodes(course).items():
        clear[curve.node[node]] = rise
    return np.asarray(ground_m + clear)


def _stop_nodes(course: _Course) -> dict[int, float]:
    """Rise at each node that is a stop above ground."""
    return {node: course.rise_m[token] for node, token in enumerate(course.tokens) if token in course.rise_m}


def _rope(row: Ropeway, ground: Ground) -> Track:
    """A rope as a parabola that hangs below the straight line between both stations."""
    ends = PLANE.from_lonlat([(row.lon_a, row.lat_a), (row.lon_b, row.lat_b)])
    share = np.linspace(0, 1, ROPE_POINTS)
    top = ground(ends) + np.array([row.rise_a_m, row.rise_b_m])
    straight = top[0] + share * (top[1] - top[0])
    return Track(
        row.id,
        row.name,
        row.name_en,
        "aerialway",
        "cableway",
        None,
        ends[0] + share[:, None] * (ends[1] - ends[0]),
        straight - 4 * row.sag_m * share * (1 - share),
        row.source,
        row.accuracy_m,
    )
