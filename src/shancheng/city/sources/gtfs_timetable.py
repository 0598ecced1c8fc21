"""The timetable of a GTFS feed as Parquet tables, typed and sorted, for scenes that run it.

Times are seconds after midnight of the service day and go on beyond 86,400; the feed's time zone stands in
each file's metadata. To the reference, that midnight is noon less twelve hours, which differs on the days
when clocks change.
"""

import io
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from shancheng.city.sources.gtfs_table import Feed, Table, pc

__all__ = ["timetable", "timetable_files"]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOST: Final = 10**9


def timetable(feed: Feed, tables: dict[str, Table]) -> dict[str, pa.Table]:
    """Tables by their names; ``feed`` is told what is left out."""
    made = {
        "stop_times": _stop_times(feed, tables),
        "trips": _trips(tables["trips.txt"]),
        "calendar": _calendar(tables["calendar.txt"]),
        "calendar_dates": _calendar_dates(tables["calendar_dates.txt"]),
    }
    if len(tables["frequencies.txt"]):
        made["frequencies"] = _frequencies(tables["frequencies.txt"])
    if not (len(made["calendar"]) or len(made["calendar_dates"])):
        feed.remarks.append("neither calendar.txt nor calendar_dates.txt says on which days trips run")
    return made


def timetable_files(tables: dict[str, pa.Table], timezone: str) -> dict[str, bytes]:
    """Parquet files by their path below the city's folder.

    Args:
        tables: By name.
        timezone: IANA name, `Australia/Brisbane`; empty where the feed does not say.
    """
    return {f"tables/gtfs_{name}.parquet": _parquet(table, timezone) for name, table in tables.items()}


def _stop_times(feed: Feed, tables: dict[str, Table]) -> pa.Table:
    source = tables["stop_times.txt"]
    table = pa.table(
        {
            "trip_id": source.text("trip_id"),
            "stop_sequence": source.integers("stop_sequence", pa.int32(), 0, _MOST),
            "stop_id": source.text("stop_id"),
            "arrival_s": source.seconds("arrival_time"),
            "departure_s": source.seconds("departure_time"),
            "headsign": source.text("stop_headsign"),
            "pickup_type": source.integers("pickup_type", pa.int8(), 0, 3),
            "drop_off_type": source.integers("drop_off_type", pa.int8(), 0, 3),
            "timepoint": source.integers("timepoint", pa.int8(), 0, 1),
            "shape_dist_traveled": source.reals("shape_dist_traveled", 0.0, 1e9),
        }
    )
    known = pc.and_(
        pc.is_in(table["trip_id"], value_set=tables["trips.txt"].text("trip_id")),
        pc.is_in(table["stop_id"], value_set=tables["stops.txt"].text("stop_id")),
    )
    usable = pc.and_(pc.fill_null(known, False), pc.is_valid(table["stop_sequence"]))
    lost = len(table) - (pc.sum(usable).as_py() or 0)
    if lost:
        feed.remarks.append(
            f"stop_times.txt: {lost:,} rows name no trip or stop of the feed, or no sequence; left out"
        )
    table = table.filter(usable)
    return table.take(pc.sort_indices(table, [("trip_id", "ascending"), ("stop_sequence", "ascending")]))


def _trips(source: Table) -> pa.Table:
    table = pa.table(
        {
            "trip_id": source.text("trip_id"),
            "route_id": source.text("route_id"),
            "service_id": source.text("service_id"),
            "headsign": source.text("trip_headsign"),
            "short_name": source.text("trip_short_name"),
            "direction_id": source.integers("direction_id", pa.int8(), 0, 1),
            "block_id": source.text("block_id"),
            "shape_id": source.text("shape_id"),
            "wheelchair_accessible": source.integers("wheelchair_accessible", pa.int8(), 0, 2),
            "bikes_allowed": source.integers("bikes_allowed", pa.int8(), 0, 2),
        }
    )
    return table.filter(pc.is_valid(table["trip_id"])).sort_by("trip_id")


def _calendar(source: Table) -> pa.Table:
    days = {day: pc.equal(source.integers(day, pa.int8(), 0, 1), 1) for day in _DAYS}
    table = pa.table(
        {
            "service_id": source.text("service_id"),
            **days,
            "start_date": source.dates("start_date"),
            "end_date": source.dates("end_date"),
        }
    )
    return table.sort_by("service_id")


def _calendar_dates(source: Table) -> pa.Table:
    table = pa.table(
        {
            "service_id": source.text("service_id"),
            "date": source.dates("date"),
            # 1: runs on that day as well; 2: does not.
            "exception_type": source.integers("exception_type", pa.int8(), 1, 2),
        }
    )
    return table.sort_by([("service_id", "ascending"), ("date", "ascending")])


def _frequencies(source: Table) -> pa.Table:
    table = pa.table(
        {
            "trip_id": source.text("trip_id"),
            "start_s": source.seconds("start_time"),
            "end_s": source.seconds("end_time"),
            "headway_s": source.integers("headway_secs", pa.int32(), 1, _MOST),
            "exact_times": source.integers("exact_times", pa.int8(), 0, 1),
        }
    )
    return table.sort_by([("trip_id", "ascending"), ("start_s", "ascending")])


def _parquet(table: pa.Table, timezone: str) -> bytes:
    output = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({"timezone": timezone}), output, compression="zstd", version="2.6"
    )
    return output.getvalue()
