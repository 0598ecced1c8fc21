"""Layers of a GTFS feed: stops, routes and shapes."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from shancheng.city.arrow import AnyArray
from shancheng.city.schema import APPROXIMATE, SURVEYED, layer_table
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.gtfs_kinds import STOP_KINDS, UNKNOWN_ROUTE, route_kind
from shancheng.city.sources.gtfs_lines import Ints, Lines, lines_through, patterns
from shancheng.city.sources.gtfs_table import Feed, Table
from shancheng.city.sources.osm_attributes import attributes_of
from shancheng.city.sources.osm_colours import colour_of
from shancheng.city.sources.osm_cut import Picks, clip
from shancheng.geo.bounds import Bounds

__all__ = ["Output", "Stops", "read_stops", "routes_table", "shapes_table", "stops_table"]

Shapes = npt.NDArray[Any]
_NO_PLACE: Final = "no place: stop_lat and stop_lon must be numbers from -90 to 90 and -180 to 180"
_NULL_ISLAND: Final = "lies at 0, 0, which stands for an unknown place"
_LONG: Final = "its id is longer than 255 characters"
_MOST_CHARACTERS: Final = 255
_SHOWN: Final = 40
_TWICE: Final = "its id stands more than once; the first counts"
_NO_LINE: Final = "no trip of it has a shape or two stops with a place"


@dataclass
class Output:
    """What all layers share: the feed's name, where it is cut, how far it can be trusted, what is lost."""

    feed: Feed
    name: str
    bounds: Bounds | None
    provenance: str
    set_aside: list[SetAside] = field(default_factory=list)

    def lost(self, layer: str, ids: npt.NDArray[np.object_], reason: str) -> None:
        """Set features aside."""
        self.set_aside.extend(SetAside(layer, str(local_id), reason) for local_id in ids)

    def cut(self, layer: str, shapes: Shapes) -> tuple[Shapes, Picks]:
        """Shapes within the bounds and their rows; the others are counted: the user asked for no more."""
        if self.bounds is None:
            return shapes, np.arange(len(shapes))
        cut, keep = clip(shapes, self.bounds)
        if len(keep) < len(shapes):
            self.feed.remarks.append(f"{layer}: {len(shapes) - len(keep):,} lie outside the bounds")
        return cut, keep


@dataclass(frozen=True)
class Stops:
    """Stops that have an id and a place, in the order of the file."""

    table: Table
    rows: Picks
    ids: npt.NDArray[np.object_]
    lonlat: npt.NDArray[np.float64]


def read_stops(table: Table, output: Output) -> Stops:
    """Stops that can be used; the others are set aside."""
    ids = _objects(table.text("stop_id"))
    lonlat = np.column_stack(
        [_floats(table.reals("stop_lon", -180, 180)), _floats(table.reals("stop_lat", -90, 90))]
    )
    first = _first_of_each(ids, "transit_stops", output)
    placed = np.isfinite(lonlat).all(axis=1)
    nowhere = placed & (lonlat == 0).all(axis=1)
    output.lost("transit_stops", ids[first & ~placed], _NO_PLACE)
    output.lost("transit_stops", ids[first & nowhere], _NULL_ISLAND)
    rows = np.flatnonzero(first & placed & ~nowhere)
    return Stops(table, rows, ids[rows], lonlat[rows])


def stops_table(stops: Stops, output: Output) -> pa.Table:
    """All of `stops.txt`: stops, stations, entrances, and what else has a place."""
    points, keep = output.cut("transit_stops", np.asarray(shapely.points(stops.lonlat), dtype=object))
    rows = stops.rows[keep]
    numbers = stops.table.integers("location_type", pa.int8(), 0, len(STOP_KINDS) - 1).fill_null(0)
    return layer_table(
        "transit_stops",
        geometry=points,
        id=stops.ids[keep],
        kind=np.array(STOP_KINDS, dtype=object)[numbers.to_numpy(zero_copy_only=False)[rows]],
        name=_objects(stops.table.text("stop_name"))[rows],
        attributes=_attributes(stops.table, rows, {"stop_id", "stop_name", "stop_lat", "stop_lon"}),
        provenance=output.provenance,
        source=output.name,
    )


def shapes_table(lines: Lines, kinds: dict[str, str], output: Output) -> pa.Table:
    """All of `shapes.txt` as lines; ``kinds`` says what runs on a shape."""
    output.lost("transit_shapes", np.array(lines.short, dtype=object), "fewer than two places")
    cut, keep = output.cut("transit_shapes", lines.lines)
    return layer_table(
        "transit_shapes",
        geometry=cut,
        id=lines.names[keep],
        kind=[kinds.get(str(name), UNKNOWN_ROUTE) for name in lines.names[keep]],
        provenance=output.provenance,
        source=output.name,
    )


@dataclass(frozen=True)
class _Routes:
    """Rows of `routes.txt` that count: ids, words of their kinds."""

    table: Table
    rows: Picks
    ids: npt.NDArray[np.object_]
    kinds: npt.NDArray[np.object_]


def routes_table(
    tables: dict[str, Table], stop_times: pa.Table, stops: Stops, lines: Lines, output: Output
) -> tuple[pa.Table, dict[str, str]]:
    """Routes, each with the different shapes of its trips, or with straight lines through their stops.

    Returns:
        The layer, and the kind of route that runs on each shape.
    """
    routes = _read_routes(tables["routes.txt"], output)
    trips = _trips(tables["trips.txt"], routes, lines)
    on_shape = np.unique(np.column_stack([trips.route, trips.shape])[trips.shape >= 0], axis=0)
    kinds = {str(lines.names[shape]): str(routes.kinds[route]) for route, shape in on_shape[::-1]}
    by_stops = _lines_by_stops(trips, stop_times, stops)
    route = np.concatenate([on_shape[:, 0], by_stops.route])
    parts = np.concatenate([lines.lines[on_shape[:, 1]], by_stops.lines])
    order = np.argsort(route, kind="stable")
    found = np.unique(route)
    whole = np.asarray(shapely.multilinestrings(parts[order], indices=np.searchsorted(found, route[order])))
    output.lost("transit_routes", np.delete(routes.ids, found), _NO_LINE)
    cut, keep = output.cut("transit_routes", whole if len(found) else np.empty(0, object))
    straight = np.isin(found[keep], by_stops.route)
    return _as_table(routes, found[keep], cut, straight, output), kinds


def _as_table(
    routes: _Routes, found: Picks, shapes: Shapes, straight: npt.NDArray[np.bool_], output: Output
) -> pa.Table:
    rows = routes.rows[found]
    text = {
        name: _objects(routes.table.text(f"route_{name}"))[rows]
        for name in ("short_name", "long_name", "color")
    }
    names = [long or short for long, short in zip(text["long_name"], text["short_name"], strict=True)]
    lines = [short or long for long, short in zip(text["long_name"], text["short_name"], strict=True)]
    drawn = np.where(straight, "straight lines between stops", "shapes.txt").astype(object)
    return layer_table(
        "transit_routes",
        geometry=shapes,
        id=routes.ids[found],
        kind=routes.kinds[found],
        name=names,
        line=lines,
        colour=[colour_of(word) for word in text["color"]],
        attributes=_attributes(routes.table, rows, {"route_id", "route_color"}, drawn=drawn),
        provenance=np.where(
            straight & (output.provenance == SURVEYED), APPROXIMATE, output.provenance
        ).astype(object),
        source=output.name,
    )


@dataclass(frozen=True)
class _Trips:
    """Trips of known routes: id, row of the route, row of the shape or -1."""

    ids: AnyArray
    route: Ints
    shape: Ints


@dataclass(frozen=True)
class _ByStops:
    """Straight lines through stops, and the route of each."""

    route: Ints
    lines: Shapes


def _read_routes(table: Table, output: Output) -> _Routes:
    ids = _objects(table.text("route_id"))
    numbers = table.integers("route_type", pa.int32(), 0, 1999).to_pylist()
    rows = np.flatnonzero(_first_of_each(ids, "transit_routes", output))
    kinds = np.array([*(route_kind(numbers[row]) for row in rows), None], dtype=object)[:-1]
    return _Routes(table, rows, ids[rows], kinds)


def _trips(table: Table, routes: _Routes, lines: Lines) -> _Trips:
    route = _places(table.text("route_id"), routes.ids)
    shape = _places(table.text("shape_id"), lines.names)
    known = route >= 0
    return _Trips(table.text("trip_id").filter(pa.array(known)), route[known], shape[known])


def _lines_by_stops(trips: _Trips, stop_times: pa.Table, stops: Stops) -> _ByStops:
    """One line for each sequence of stops that a route's trips without a shape have."""
    bare = np.flatnonzero(trips.shape < 0)
    if len(bare) == 0:
        return _ByStops(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))
    trip = _places(stop_times["trip_id"], _objects(trips.ids)[bare])
    stop = _places(stop_times["stop_id"], stops.ids)
    used = np.flatnonzero((trip >= 0) & (stop >= 0))
    trip, stop = trip[used], stop[used]
    begins = np.flatnonzero(
        np.concatenate([[True], trip[1:] != trip[:-1]]) if len(trip) else np.empty(0, bool)
    )
    number = np.repeat(np.arange(len(begins)), np.diff([*begins, len(trip)]))
    route = trips.route[bare][trip[begins]]
    seen = patterns(number, stop, len(stops.ids))
    chosen = np.unique(np.rec.fromarrays([route, seen]), return_index=True)[1]
    lines = lines_through(number, stops.lonlat[stop], len(begins))[chosen]
    whole = ~shapely.is_empty(lines)
    return _ByStops(route[chosen][whole], lines[whole])


# Columns


def _first_of_each(ids: npt.NDArray[np.object_], layer: str, output: Output) -> npt.NDArray[np.bool_]:
    """Rows with an id that no row before has; the others are set aside."""
    lengths = np.array([len(word or "") for word in ids], dtype=np.int64)
    named = (lengths > 0) & (lengths <= _MOST_CHARACTERS)
    unnamed = int((lengths == 0).sum())
    if unnamed:
        output.feed.remarks.append(f"{layer}: {unnamed:,} rows have no id and were left out")
    long = ids[lengths > _MOST_CHARACTERS]
    output.lost(layer, np.array([word[:_SHOWN] + "…" for word in long], dtype=object), _LONG)
    first = np.zeros(len(ids), dtype=bool)
    rows = np.flatnonzero(named)
    first[rows[np.unique(ids[rows].astype(str), return_index=True)[1]]] = True
    output.lost(layer, ids[named & ~first], _TWICE)
    return first


def _places(text: Any, among: npt.NDArray[np.object_]) -> Ints:  # noqa: ANN401 - a column of any kind
    """Where each text stands among others; -1 where it does not."""
    found = pc.index_in(text, value_set=pa.array(among, pa.string())).fill_null(-1)
    return np.asarray(
        found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(),
        dtype=np.int64,
    )


def _attributes(
    table: Table, rows: Picks, without: set[str], **more: npt.NDArray[np.object_]
) -> list[bytes | None]:
    """All other columns of a file, and some words of ours, as JSON."""
    names = [name for name in table.names if name not in without]
    columns = [_objects(table.text(name))[rows] for name in names]
    pairs = zip(*columns, *more.values(), strict=True) if columns or more else ((),) * len(rows)
    words = [*names, *more]
    said = [
        {name: value for name, value in zip(words, row, strict=True) if value is not None} for row in pairs
    ]
    return attributes_of(said)


def _objects(text: AnyArray) -> npt.NDArray[np.object_]:
    return np.asarray(text.to_numpy(zero_copy_only=False), dtype=object)


def _floats(numbers: AnyArray) -> npt.NDArray[np.float64]:
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
