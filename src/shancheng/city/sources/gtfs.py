"""GTFS as a source: stops, routes and shapes of public transport as layers, the timetable as tables.

Files come from ``gtfs_files.py``, columns from ``gtfs_table.py``; ``gtfs_layers.py`` makes the layers and
``gtfs_timetable.py`` the tables. Vehicle positions (gtfs-realtime) are live data and not read here.

Source: GTFS Schedule Reference, gtfs.org.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc

from shancheng.city.manifest import LayerSource
from shancheng.city.schema import PROVENANCES, SURVEYED
from shancheng.city.sources.base import CityData, Source, SourceOptions
from shancheng.city.sources.gtfs_files import FILES, read_files
from shancheng.city.sources.gtfs_layers import (
    Output,
    Stops,
    read_stops,
    routes_table,
    shapes_table,
    stops_table,
)
from shancheng.city.sources.gtfs_lines import shape_lines
from shancheng.city.sources.gtfs_table import Feed, Table, read_table
from shancheng.city.sources.gtfs_timetable import timetable, timetable_files
from shancheng.city.sources.osm_cut import robust_bounds
from shancheng.errors import SettingError, SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["SOURCE", "read"]

UNKNOWN: Final = "unknown"
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "stops.txt": ("stop_id", "stop_lat", "stop_lon"),
    "routes.txt": ("route_id",),
    "trips.txt": ("trip_id", "route_id"),
    "stop_times.txt": ("trip_id", "stop_id", "stop_sequence"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "calendar.txt": ("service_id",),
    "calendar_dates.txt": ("service_id", "date"),
    "frequencies.txt": ("trip_id",),
}
_MOST_NAMED: Final = 5
_MARGIN_DEG: Final = 0.005
"""About half a kilometre: even one stop has a neighbourhood."""
_URL: Final = re.compile(r"https?://\S{1,500}", re.IGNORECASE)


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a GTFS feed.

    Args:
        path: A zip archive, or a folder with its files.
        options: ``bounds`` cuts the layers; ``licence``, ``attribution`` and ``provenance`` say what the feed
            does not.
        progress: Told what is being read.

    Returns:
        `transit_stops`, `transit_routes` and `transit_shapes`, the timetable in ``files``, and the extent of
        the stops.

    Raises:
        SourceFileError: It is no feed, is damaged, or none of its stops has a place.
        SettingError: ``provenance`` is none of the three.
    """
    if options.provenance is not None and options.provenance not in PROVENANCES:
        raise SettingError(f"provenance={options.provenance!r}: must be one of {', '.join(PROVENANCES)}")
    progress.step(f"reading {path.name}", None)
    feed = Feed(str(path))
    files = read_files(path)
    tables = {name: read_table(feed, name, files.get(name), _REQUIRED.get(name, ())) for name in FILES}
    del files
    output = Output(feed, path.name, options.bounds, options.provenance or SURVEYED)
    progress.step("sorting the feed into layers", None)
    return _city_data(tables, options, output)


def _city_data(tables: dict[str, Table], options: SourceOptions, output: Output) -> CityData:
    stops = read_stops(tables["stops.txt"], output)
    if len(stops.rows) == 0:
        raise _no_stops(output)
    lines = shape_lines(tables["shapes.txt"])
    times = timetable(output.feed, tables)
    routes, kinds = routes_table(tables, times["stop_times"], stops, lines, output)
    layers = {
        "transit_stops": stops_table(stops, output),
        "transit_routes": routes,
        "transit_shapes": shapes_table(lines, kinds, output),
    }
    source = _source(tables, options, output)
    return CityData(
        layers=layers,
        layer_sources=dict.fromkeys(layers, source),
        extent=_extent(stops, options.bounds),
        set_aside=sorted(output.set_aside, key=lambda entry: (entry.layer, entry.id, entry.reason)),
        files=timetable_files(times, _first(tables["agency.txt"], "agency_timezone") or ""),
        remarks=tuple(output.feed.remarks),
    )


def _no_stops(output: Output) -> SourceFileError:
    example = output.set_aside[0] if output.set_aside else None
    why = f"; stop {example.id!r}: {example.reason}" if example else ""
    return output.feed.fail("stops.txt", f"no stop has a place that can be used{why}")


def _extent(stops: Stops, bounds: Bounds | None) -> Bounds:
    """Where the stops lie, without those far astray; within the bounds, if there are any."""
    if bounds is not None:
        return bounds
    return robust_bounds(np.column_stack([stops.lonlat, stops.lonlat])).expanded(_MARGIN_DEG)


def _source(tables: dict[str, Table], options: SourceOptions, output: Output) -> LayerSource:
    """Who made the feed: as the user says, else as its own files do."""
    info, agency = tables["feed_info.txt"], tables["agency.txt"]
    makers = (
        _named(tables["attributions.txt"], "organization_name")
        or _named(info, "feed_publisher_name")
        or _named(agency, "agency_name")
    )
    if options.licence is None:
        output.feed.remarks.append("its licence is unknown; name it with --licence")
    link = _first(info, "feed_publisher_url") or _first(agency, "agency_url") or ""
    return LayerSource(
        source=output.name,
        licence=options.licence or UNKNOWN,
        attribution=options.attribution or ", ".join(makers) or UNKNOWN,
        attribution_url=link if _URL.fullmatch(link) else "",
        provenance=output.provenance,
        date=_date(tables),
    )


def _date(tables: dict[str, Table]) -> str:
    """The day from which the feed counts."""
    days = [
        pc.min(table.dates(column)).as_py()
        for table, column in (
            (tables["feed_info.txt"], "feed_start_date"),
            (tables["calendar.txt"], "start_date"),
            (tables["calendar_dates.txt"], "date"),
        )
    ]
    return next((day.isoformat() for day in days if day is not None), "")


def _named(table: Table, column: str) -> list[str]:
    words = [word for word in table.text(column).to_pylist() if word]
    return list(dict.fromkeys(str(word)[:200] for word in words))[:_MOST_NAMED]


def _first(table: Table, column: str) -> str | None:
    return next(iter(_named(table, column)), None)


SOURCE = Source(
    "gtfs",
    "GTFS feed of public transport (.zip, or its folder)",
    ("transit_stops", "transit_routes", "transit_shapes"),
    read,
    frozenset({"bounds", "licence", "attribution", "provenance"}),
)
