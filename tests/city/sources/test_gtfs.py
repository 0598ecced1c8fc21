"""GTFS feeds written here, and the real one of Cairns."""

import collections
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import shapely

from shancheng.city.schema import LAYERS
from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.gtfs_kinds import route_kind
from shancheng.errors import SettingError
from shancheng.geo.bounds import Bounds
from shancheng.progress import NullProgress

FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone,agency_phone\n"
    "1,City Buses,https://buses.example,Asia/Shanghai,+86 1\n",
    "stops.txt": "stop_id,stop_code,stop_name,stop_lat,stop_lon,location_type,parent_station\n"
    "A,1,解放碑,29.5594,106.5727,0,S\n"
    "B,,Second,29.5600,106.5800,,\n"
    "C,,Third,29.5700,106.5900,0,\n"
    "S,,Station,29.5595,106.5728,1,\n"
    "E,,Exit 1,29.5596,106.5729,2,S\n",
    "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type,route_color,"
    "route_text_color\nR1,1,1,First Line,1,E4002B,FFFFFF\n"
    "R2,1,,Night Bus,3,,\n",
    "trips.txt": "route_id,service_id,trip_id,trip_headsign,direction_id,shape_id\n"
    "R1,WD,T1,Third,0,SH1\n"
    "R1,WD,T2,解放碑,1,SH2\n"
    "R1,WD,T3,Third,0,SH1\n"
    "R2,WE,T4,Third,0,\n"
    "R2,WE,T5,Third,0,\n"
    "R2,WE,T6,Second,0,\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type\n"
    "T1,23:59:30,24:00:00,A,1,0\nT1,24:10:00,24:10:30,B,2,\nT1,25:10:00,,C,10,1\n"
    "T2,6:00:00,06:00:00,C,1,\nT2,06:30:00,06:30:00,A,2,\n"
    "T3,07:00:00,07:00:00,A,1,\nT3,07:30:00,07:30:00,C,2,\n"
    "T4,01:00:00,01:00:00,A,1,\nT4,01:10:00,01:10:00,C,2,\n"
    "T5,02:10:00,02:10:00,C,20,\nT5,02:00:00,02:00:00,A,3,\n"
    "T6,03:00:00,03:00:00,A,1,\nT6,03:10:00,03:10:00,B,2,\n",
    "shapes.txt": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
    "SH1,29.5600,106.5800,2\nSH1,29.5594,106.5727,1\nSH1,29.5700,106.5900,3\n"
    "SH2,29.5700,106.5900,1\nSH2,29.5594,106.5727,2\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,"
    "start_date,end_date\nWD,1,1,1,1,1,0,0,20260105,20261231\nWE,0,0,0,0,0,1,1,20260101,20261231\n",
    "calendar_dates.txt": "service_id,date,exception_type\nWD,20260217,2\nWE,20260217,1\n",
}  # fmt: skip

Feed = Callable[..., Path]


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    """``feed(**files)``: the feed above as an archive, with other files instead; None leaves one out."""

    def write(**files: str | bytes | None) -> Path:
        path = tmp_path / "feed.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**FEED, **{f"{key}.txt": text for key, text in files.items()}}.items():
                if content is not None:
                    archive.writestr(name, content)
        return path

    return write


def read(path: Path, **options: Any) -> CityData:
    return read_source("gtfs", path, SourceOptions(**options), NullProgress())


def rows(data: CityData, layer: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in data.layers[layer].to_pylist()}


def attributes(row: dict[str, Any]) -> dict[str, str]:
    return dict(json.loads(row["attributes"] or "{}"))


def table(data: CityData, name: str) -> pa.Table:
    return pq.read_table(io.BytesIO(data.files[f"tables/gtfs_{name}.parquet"]))


def points(row: dict[str, Any]) -> list[list[tuple[float, float]]]:
    return [list(line.coords) for line in shapely.from_wkb(row["geometry"]).geoms]


A, B, C = (106.5727, 29.5594), (106.58, 29.56), (106.59, 29.57)


def test_stops(feed: Feed) -> None:
    data = read(feed())
    stops = rows(data, "transit_stops")
    assert {stop: row["kind"] for stop, row in stops.items()} == {
        "A": "stop", "B": "stop", "C": "stop", "S": "station", "E": "entrance",
    }  # fmt: skip
    one = stops["A"]
    assert (one["name"], one["provenance"], one["source"]) == ("解放碑", "surveyed", "feed.zip")
    assert attributes(one) == {"stop_code": "1", "location_type": "0", "parent_station": "S"}
    assert shapely.from_wkb(one["geometry"]).coords[0] == A
    assert attributes(stops["B"]) == {}
    assert all(data.layers[layer].schema.equals(LAYERS[layer]) for layer in data.layers)


def test_routes_follow_the_different_shapes_of_their_trips(feed: Feed) -> None:
    data = read(feed())
    routes = rows(data, "transit_routes")
    one = routes["R1"]
    assert (one["kind"], one["name"], one["line"], one["colour"]) == ("subway", "First Line", "1", "#e4002b")
    assert attributes(one)["drawn"] == "shapes.txt"
    assert attributes(one)["route_text_color"] == "FFFFFF"
    assert points(one) == [[A, B, C], [C, A]]
    shapes = rows(data, "transit_shapes")
    assert {name: row["kind"] for name, row in shapes.items()} == {"SH1": "subway", "SH2": "subway"}
    assert list(shapely.from_wkb(shapes["SH1"]["geometry"]).coords) == [A, B, C]


def test_a_route_without_shapes_runs_straight_from_stop_to_stop(feed: Feed) -> None:
    night = rows(read(feed()), "transit_routes")["R2"]
    assert (night["kind"], night["line"], night["colour"]) == ("bus", "Night Bus", None)
    assert (attributes(night)["drawn"], night["provenance"]) == (
        "straight lines between stops",
        "approximate",
    )
    # T4 and T5 stop at the same, whatever their numbers; T6 elsewhere.
    assert sorted(points(night)) == [[A, B], [A, C]]


def test_a_feed_without_optional_files(feed: Feed) -> None:
    data = read(feed(shapes=None, calendar=None, agency=None))
    assert data.layers["transit_shapes"].num_rows == 0
    assert sorted(points(rows(data, "transit_routes")["R1"])) == [[A, B, C], [A, C], [C, A]]
    assert table(data, "calendar").num_rows == 0
    assert table(data, "calendar").schema.metadata == {b"timezone": b""}
    assert data.layer_sources["transit_stops"].attribution == "unknown"
    assert data.remarks == ("its licence is unknown; name it with --licence",)
    neither = read(feed(calendar=None, calendar_dates=None))
    assert any("on which days" in remark for remark in neither.remarks)


def test_the_timetable(feed: Feed) -> None:
    data = read(feed())
    times = table(data, "stop_times")
    assert times.schema.metadata == {b"timezone": b"Asia/Shanghai"}
    assert [(row["stop_id"], row["arrival_s"], row["departure_s"]) for row in times.to_pylist()[:3]] == [
        ("A", 86370, 86400), ("B", 87000, 87030), ("C", 90600, None),
    ]  # fmt: skip
    assert times.column("trip_id").to_pylist() == sorted(times.column("trip_id").to_pylist())
    assert [row["stop_id"] for row in times.to_pylist() if row["trip_id"] == "T5"] == ["A", "C"]
    trips = table(data, "trips").to_pylist()
    assert [row["trip_id"] for row in trips] == ["T1", "T2", "T3", "T4", "T5", "T6"]
    assert (trips[1]["direction_id"], trips[1]["headsign"], trips[1]["shape_id"]) == (1, "解放碑", "SH2")
    days = {row["service_id"]: row for row in table(data, "calendar").to_pylist()}
    assert (days["WD"]["monday"], days["WD"]["sunday"]) == (True, False)
    assert days["WD"]["start_date"] == dt.date(2026, 1, 5)
    assert table(data, "calendar_dates").to_pylist() == [
        {"service_id": "WD", "date": dt.date(2026, 2, 17), "exception_type": 2},
        {"service_id": "WE", "date": dt.date(2026, 2, 17), "exception_type": 1},
    ]
    assert "tables/gtfs_frequencies.parquet" not in data.files


def test_trips_by_frequency(feed: Feed) -> None:
    text = "trip_id,start_time,end_time,headway_secs\nT1,06:00:00,26:00:00,300\n"
    (row,) = table(read(feed(frequencies=text)), "frequencies").to_pylist()
    assert row == {"trip_id": "T1", "start_s": 21600, "end_s": 93600, "headway_s": 300, "exact_times": None}


def test_who_is_credited(feed: Feed) -> None:
    plain = read(feed()).layer_sources["transit_routes"]
    assert (plain.attribution, plain.attribution_url) == ("City Buses", "https://buses.example")
    assert (plain.licence, plain.source, plain.date) == ("unknown", "feed.zip", "2026-01-01")
    info = (
        "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date\nBureau,javascript:x,zh,20260301\n"
    )
    published = read(feed(feed_info=info)).layer_sources["transit_routes"]
    assert (published.attribution, published.attribution_url, published.date) == ("Bureau", "", "2026-03-01")
    words = "organization_name,is_producer\nOne,1\nTwo,1\nOne,1\n"
    assert read(feed(attributions=words)).layer_sources["transit_stops"].attribution == "One, Two"
    told = read(feed(), licence="CC-BY-4.0", attribution="© City", provenance="approximate")
    assert told.layer_sources["transit_shapes"].licence == "CC-BY-4.0"
    assert told.layer_sources["transit_shapes"].attribution == "© City"
    assert {row["provenance"] for row in rows(told, "transit_stops").values()} == {"approximate"}
    assert told.remarks == ()


def test_what_lies_outside_the_bounds_is_cut(feed: Feed) -> None:
    bounds = Bounds(106.57, 29.55, 106.585, 29.565)
    data = read(feed(), bounds=bounds)
    assert data.extent == bounds
    assert "C" not in rows(data, "transit_stops")
    assert "transit_stops: 1 lie outside the bounds" in data.remarks
    assert data.set_aside == []
    west, south, east, north = shapely.from_wkb(rows(data, "transit_routes")["R1"]["geometry"]).bounds
    assert (west, south) == A
    assert (east, north) == pytest.approx((106.585, 29.565), abs=1e-9)
    assert table(data, "stop_times").num_rows == 13


def test_the_extent_forgets_a_stop_far_astray(feed: Feed) -> None:
    near = "".join(f"N{n},,{29.55 + 0.0002 * (n // 20)},{106.57 + 0.0002 * (n % 20)},,\n" for n in range(400))
    text = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n" + near + "FAR,,10,20,,\n"
    data = read(feed(stops=text))
    assert data.extent is not None
    assert data.extent.west_deg == pytest.approx(106.565)
    assert data.extent.north_deg == pytest.approx(29.5588)
    assert "FAR" in rows(data, "transit_stops")


def test_one_stop_has_a_neighbourhood(feed: Feed) -> None:
    data = read(feed(stops="stop_id,stop_lat,stop_lon\nA,29.5,106.5\n"))
    assert data.extent is not None
    assert data.extent.width_deg == pytest.approx(0.01)


def test_a_folder_and_an_archive_with_a_folder_are_feeds_too(feed: Feed, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for name, text in FEED.items():
        (folder / name).write_text(text, encoding="utf-8-sig", newline="\r\n")
    (folder / "notes.txt").write_text("not of the feed")
    nested = tmp_path / "nested.zip"
    with zipfile.ZipFile(nested, "w") as archive:
        archive.writestr("__MACOSX/feed/stops.txt", b"\0")
        for name, text in FEED.items():
            archive.writestr(f"feed/{name}", text)
    expected = read(feed())
    for path in (folder, nested):
        data = read(path)
        assert data.files == expected.files
        for layer, found in data.layers.items():
            same = ["source"]
            assert found.drop_columns(same).equals(expected.layers[layer].drop_columns(same)), layer


def test_quotes_blanks_and_unknown_columns(feed: Feed) -> None:
    text = (
        '\ufeffstop_id , "stop_name",stop_lat,stop_lon,weird:column,stop_phone,\r\n'
        '"A","Square ""of"" the\nPeople, East", 29.5 ,"106.5",x,1234,\r\n'
        "B,  ,29.6,106.6,,,\r\n"
    )
    found = rows(read(feed(stops=text)), "transit_stops")
    assert found["A"]["name"] == 'Square "of" the\nPeople, East'
    assert attributes(found["A"]) == {"weird:column": "x", "stop_phone": "1234"}
    assert found["B"]["name"] is None


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (0, "tram"), (1, "subway"), (2, "rail"), (3, "bus"), (4, "ferry"), (5, "cable_tram"),
        (6, "aerial_lift"), (7, "funicular"), (11, "trolleybus"), (12, "monorail"), (109, "rail"),
        (201, "coach"), (401, "subway"), (405, "monorail"), (704, "bus"), (800, "trolleybus"), (900, "tram"),
        (1000, "ferry"), (1300, "aerial_lift"), (1400, "funicular"), (1501, "taxi"), (1700, "other"),
        (8, "unknown"), (1999, "unknown"), (None, "unknown"), (-1, "unknown"),
    ],
)  # fmt: skip
def test_kinds_of_routes(number: int | None, word: str) -> None:
    assert route_kind(number) == word


def test_a_provenance_that_is_none(feed: Feed) -> None:
    with pytest.raises(SettingError, match="provenance='guessed': must be one of"):
        read(feed(), provenance="guessed")


def test_the_same_feed_gives_the_same_bytes(feed: Feed) -> None:
    first, second = read(feed()), read(feed())
    assert first.files == second.files
    assert all(first.layers[layer].equals(second.layers[layer]) for layer in first.layers)


@pytest.mark.shared_data
def test_cairns_is_complete(shared_data: Path) -> None:
    data = read(shared_data / "gtfs" / "cairns_gtfs.zip")
    # As the manifest counts them.
    assert data.layers["transit_stops"].num_rows == 416
    assert table(data, "stop_times").num_rows == 37_790
    # As the files' own lines count them.
    assert {name: table(data, name).num_rows for name in ("trips", "calendar", "calendar_dates")} == {
        "trips": 1339, "calendar": 4, "calendar_dates": 9,
    }  # fmt: skip
    assert (data.layers["transit_routes"].num_rows, data.layers["transit_shapes"].num_rows) == (22, 54)
    assert data.set_aside == []
    route = rows(data, "transit_routes")["110-423"]
    assert (route["line"], route["name"], route["colour"], route["kind"]) == (
        "110", "City - Palm Cove", "#7bc142", "bus",
    )  # fmt: skip
    assert collections.Counter(data.layers["transit_shapes"].column("kind").to_pylist()) == {"bus": 54}
    assert data.extent is not None
    assert data.extent.west_deg == pytest.approx(145.6579, abs=1e-4)
    assert data.layer_sources["transit_stops"].date == "2014-05-26"
    # Every stop lies near a route: longitudes and latitudes are where they belong.
    lines = shapely.union_all(shapely.from_wkb(data.layers["transit_routes"].column("geometry").to_numpy()))
    stops = shapely.from_wkb(data.layers["transit_stops"].column("geometry").to_numpy())
    assert (shapely.distance(stops, lines) < 0.002).mean() > 0.95
    arrival = table(data, "stop_times").column("arrival_s")
    assert arrival.null_count == 65  # the feed leaves them empty: the bus passes when it passes
    assert pc.max(arrival).as_py() == 29 * 3600 + 39 * 60
