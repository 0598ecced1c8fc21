"""GTFS feeds that are broken, hostile or odd: a clear line, an entry set aside or a remark, nothing else."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.sources import gtfs_files, read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.gtfs_table import Feed, read_table
from shancheng.errors import ShanchengError, SourceFileError
from shancheng.progress import NullProgress

SMALL = {
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nA,One,29.5,106.5\nB,Two,29.6,106.6\n",
    "routes.txt": "route_id,route_short_name,route_type\nR,1,3\n",
    "trips.txt": "route_id,service_id,trip_id\nR,S,T\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "T,08:00:00,08:00:00,A,1\nT,08:10:00,08:10:00,B,2\n",
}

Write = Callable[..., Path]


@pytest.fixture
def feed(tmp_path: Path) -> Write:
    """``feed(stops=...)``: a small feed as an archive with other files instead; None leaves one out."""

    def write(**files: str | bytes | None) -> Path:
        path = tmp_path / "feed.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**SMALL, **{f"{key}.txt": text for key, text in files.items()}}.items():
                if content is not None:
                    archive.writestr(name, content)
        return path

    return write


def read(path: Path) -> CityData:
    return read_source("gtfs", path, SourceOptions(), NullProgress())


def set_aside(data: CityData) -> dict[tuple[str, str], str]:
    return {(entry.layer, entry.id): entry.reason for entry in data.set_aside}


def remarks(data: CityData) -> str:
    return "\n".join(data.remarks)


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be unpacked"),
        (b"stop_id,stop_lat\n", "cannot be unpacked .*needed: a GTFS feed"),
        (b"PK\x03\x04" + b"\0" * 100, "cannot be unpacked"),
        (b"PK\x05\x06" + b"\0" * 18, "holds no stops.txt"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=message):
        read(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"no such file; needed: a GTFS feed"):
        read(tmp_path / "none.zip")
    with pytest.raises(
        SourceFileError, match=r"holds no stops\.txt, routes\.txt, trips\.txt, stop_times\.txt"
    ):
        read(tmp_path)


@pytest.mark.parametrize("name", ["stops", "routes", "trips", "stop_times"])
def test_a_file_that_must_be_there(feed: Write, name: str) -> None:
    with pytest.raises(SourceFileError, match=f"holds no {name}.txt"):
        read(feed(**{name: None}))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_archive(feed: Write, share: float) -> None:
    path = feed()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SourceFileError, match=r"feed\.zip: cannot be unpacked"):
        read(path)


def test_a_flipped_bit_is_seen(feed: Write) -> None:
    path = feed(stops=SMALL["stops.txt"] + "".join(f"N{n},x,29.5,106.5\n" for n in range(200)))
    whole = bytearray(path.read_bytes())
    whole[120] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(SourceFileError, match="cannot be unpacked"):
        read(path)


def test_a_feed_within_a_feed(tmp_path: Path, feed: Write) -> None:
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(feed(), "bus/google_transit.zip")
    with pytest.raises(
        SourceFileError, match=r"holds no stops.txt; bus/google_transit.zip has to be unpacked first"
    ):
        read(path)


def test_two_feeds_in_one_archive(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for folder in ("a", "b"):
            for name, text in SMALL.items():
                archive.writestr(f"{folder}/{name}", text)
    with pytest.raises(SourceFileError, match=r"holds 2 times stops.txt; needed: one feed"):
        read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in [*SMALL.items(), ("routes.txt", "route_id\n")]:
            archive.writestr(name, text)
    with pytest.raises(SourceFileError, match=r"holds routes\.txt twice"):
        read(path)


def test_names_that_lead_elsewhere_are_never_written(tmp_path: Path, feed: Write) -> None:
    path = feed()
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../../evil.txt", "/etc/evil.txt", "..\\evil.txt", "a/" * 500 + "x.txt"):
            archive.writestr(name, "evil")
    before = sorted(tmp_path.rglob("*"))
    assert read(path).layers["transit_stops"].num_rows == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_with_a_password(feed: Write) -> None:
    path = feed()
    whole = bytearray(path.read_bytes())
    # Bit 0 of the flags, in the local header and in the central directory.
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = whole.find(mark)
        while place >= 0:
            whole[place + offset] |= 1
            place = whole.find(mark, place + 4)
    path.write_bytes(whole)
    with pytest.raises(SourceFileError, match="has a password"):
        read(path)


def test_a_bomb(feed: Write) -> None:
    # Thirty megabytes of nothing shrink a thousandfold.
    with pytest.raises(SourceFileError, match="more than 200-fold is taken for a bomb"):
        read(feed(shapes=b"shape_id\n" + b"\n" * (30 << 20)))


def test_too_much_in_all(feed: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gtfs_files, "MAX_BYTES", 100)
    with pytest.raises(SourceFileError, match=r"its files come to .* bytes; at most 100 are taken"):
        read(feed())
    for name, text in SMALL.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SourceFileError, match="at most 100 are taken"):
        read(tmp_path)


def test_too_many_entries(feed: Write) -> None:
    path = feed()
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}", b"")
    with pytest.raises(SourceFileError, match="10,005 entries; at most 10,000"):
        read(path)


def test_an_archive_that_lies_about_sizes(feed: Write) -> None:
    path = feed()
    whole = bytearray(path.read_bytes())
    place = whole.find(b"PK\x01\x02")
    struct.pack_into("<I", whole, place + 24, 10)
    path.write_bytes(whole)
    with pytest.raises(
        SourceFileError, match=r"stops\.txt is larger than the archive says|cannot be unpacked"
    ):
        read(path)


# Tables


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("stops", "", r"stops\.txt: is empty"),
        ("stops", "\r\n\r\n", r"stops\.txt: is empty"),
        ("stops", "stop_id,stop_name\nA,x\n", r"has no column stop_lat, stop_lon; it has stop_id"),
        ("stops", "stop_id,stop_lat,stop_lat\n", "the column 'stop_lat' stands more than once"),
        ("stops", "stop_id,stop_lat,stop_lon\n", r"stops\.txt: no stop has a place"),
        ("stops", "stop_id,stop_lat,stop_lon\nA,29.5,106.5\n".encode("utf-16"), "is no text"),
        ("stops", b"stop_id,stop_lat,stop_lon\n\xff\xfe,29.5,106.5\n", r"is no text .*0xff"),
        ("stops", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is no text"),
        ("stops", ",".join(f"c{n}" for n in range(600)), "600 columns; at most 500"),
        ("stops", "x" * 100_000, "its first line is too long"),
        ("stops", "stop_id,stop_lat,stop_lon\nA,106.5,29.5\n", "stop 'A': no place: stop_lat and stop_lon"),
        ("stops", "stop_id,stop_lat,stop_lon\nA,0,0\n", "lies at 0, 0"),
        ("routes", "route_name\nx\n", r"routes\.txt: has no column route_id"),
        ("trips", "trip_id\nT\n", r"trips\.txt: has no column route_id"),
        ("stop_times", "trip_id,stop_id\nT,A\n", r"stop_times\.txt: has no column stop_sequence"),
        ("shapes", "shape_id,shape_pt_lat\n", r"shapes\.txt: has no column shape_pt_lon, shape_pt_sequence"),
    ],
)  # fmt: skip
def test_tables_that_are_none(feed: Write, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(SourceFileError, match=message) as raised:
        read(feed(**{name: content}))
    assert "feed.zip" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bad_stops_are_set_aside(feed: Write) -> None:
    text = (
        "stop_id,stop_name,stop_lat,stop_lon,location_type\nA,One,29.5,106.5,0\nB,Two,29.6,106.6,\n"
        "A,Again,29.7,106.7,\nN,x,nan,106.5,\nI,x,inf,106.5,\nH,x,1e999,106.5,\nP,x,91,106.5,\nW,x,29.5,181,\n"
        "Z,x,0.0,0,\nM,x,,,4\nT,x,tall,106.5,\n,nameless,29.5,106.5,\nK,kind,29.51,106.51,9\n"
    )
    data = read(feed(stops=text))
    assert data.layers["transit_stops"].column("id").to_pylist() == ["A", "B", "K"]
    assert data.layers["transit_stops"].column("kind").to_pylist() == ["stop"] * 3
    aside = set_aside(data)
    assert aside.pop(("transit_stops", "A")) == "its id stands more than once; the first counts"
    assert aside.pop(("transit_stops", "Z")) == "lies at 0, 0, which stands for an unknown place"
    assert {local_id for _, local_id in aside} == {"N", "I", "H", "P", "W", "M", "T"}
    assert all(reason.startswith("no place") for reason in aside.values())
    assert "1 rows have no id" in remarks(data)
    assert "stop_lat cannot be used and were left empty, the first is 'nan' in row 4" in remarks(data)
    assert "location_type cannot be used and were left empty, the first is '9' in row 13" in remarks(data)


def test_an_id_without_end(feed: Write) -> None:
    data = read(feed(stops="stop_id,stop_lat,stop_lon\nA,29.5,106.5\n" + "B" * 9_000_000 + ",29.5,106.5\n"))
    assert set_aside(data) == {
        ("transit_stops", "B" * 40 + "…"): "its id is longer than 255 characters",
        ("transit_routes", "R"): "no trip of it has a shape or two stops with a place",
    }


def test_bad_routes_and_shapes_are_set_aside(feed: Write) -> None:
    data = read(
        feed(
            routes="route_id,route_type,route_color\nR,3,red\nR,1,\nEMPTY,3,\nODD,x,#12\n",
            trips="route_id,service_id,trip_id,shape_id\nR,S,T,DOT\nNOBODY,S,T2,OK\nODD,S,T3,OK\n",
            shapes="shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nDOT,29.5,106.5,1\nDOT,29.5,106.5,2\n"
            "OK,29.5,106.5,1\nOK,29.6,106.6,2\nOK,95,106.6,3\nOK,29.7,106.6,x\n,29.7,106.6,1\n",
        )
    )
    assert set_aside(data) == {
        ("transit_routes", "EMPTY"): "no trip of it has a shape or two stops with a place",
        ("transit_routes", "R"): "its id stands more than once; the first counts",
        ("transit_shapes", "DOT"): "fewer than two places",
    }
    routes = {row["id"]: row for row in data.layers["transit_routes"].to_pylist()}
    assert (routes["R"]["kind"], routes["R"]["colour"]) == ("bus", "#ff0000")
    assert (routes["ODD"]["kind"], routes["ODD"]["colour"]) == ("unknown", None)
    # R has a shape of one point, so it runs from stop to stop.
    assert routes["R"]["provenance"] == "approximate"
    assert "route_type cannot be used" in remarks(data)


def test_a_timetable_with_holes(feed: Write) -> None:
    data = read(
        feed(
            stop_times="trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type\n"
            "T,25h,8:0:0,A,1,7\nT,08:60:00,-1:00:00,B,2,\nT,999:59:59,08:00,B,3,\nGHOST,08:00:00,08:00:00,A,1,\n"
            "T,08:00:00,08:00:00,GHOST,4,\nT,08:00:00,08:00:00,A,first,\nT,08:00:00\n",
            calendar="service_id,monday,start_date,end_date\nS,yes,20260230,soon\n",
        )
    )
    said = remarks(data)
    assert "stop_times.txt: 1 rows have not 6 columns and were left out, the first is 'T,08:00:00'" in said
    assert "stop_times.txt: 3 rows name no trip or stop of the feed, or no sequence; left out" in said
    assert "2 of arrival_time cannot be used and were left empty, the first is '25h' in row 1" in said
    assert "3 of departure_time cannot be used" in said
    assert "1 of pickup_type cannot be used" in said
    assert "1 of start_date cannot be used and were left empty, the first is '20260230'" in said
    assert data.layers["transit_routes"].num_rows == 1


def test_a_line_of_a_million_points(feed: Write) -> None:
    lines = "".join(f"S,{29.5 + n * 1e-7:.7f},{106.5 + n % 2 * 1e-7:.7f},{n}\n" for n in range(1_000_000))
    data = read(
        feed(
            shapes="shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n" + lines,
            trips="route_id,service_id,trip_id,shape_id\nR,S,T,S\n",
        )
    )
    assert data.layers["transit_shapes"].num_rows == 1
    assert len(data.layers["transit_shapes"].column("geometry")[0].as_py()) > 16_000_000


# Fuzzing

CELL = st.one_of(
    st.sampled_from(
        ["", "A", "B", "R", "T", "29.5", "106.5", "-91", "1e400", "nan", "08:00:00", "25:00:00", '"', '""',
         "'", "20260101", "1", "-1", "999999999999", "\0", "重", "a,b", "x\ny", " ", "\ufeff", "#ffffff"],
    ),
    st.text(max_size=6),
)  # fmt: skip
COLUMNS = {
    "stops.txt": ["stop_id", "stop_lat", "stop_lon", "stop_name", "location_type"],
    "routes.txt": ["route_id", "route_type", "route_color", "route_short_name"],
    "trips.txt": ["trip_id", "route_id", "shape_id", "direction_id"],
    "stop_times.txt": ["trip_id", "stop_id", "stop_sequence", "arrival_time"],
    "shapes.txt": ["shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"],
    "calendar.txt": ["service_id", "monday", "start_date"],
    "feed_info.txt": ["feed_publisher_name", "feed_publisher_url", "feed_start_date"],
}


@st.composite
def feeds(draw: st.DrawFn) -> dict[str, bytes]:
    """Feeds whose headers mostly fit and whose cells mostly do not; now and then bytes of any kind."""
    files = {}
    for name, columns in COLUMNS.items():
        if draw(st.integers(0, 9)) == 0:
            files[name] = draw(st.binary(max_size=60))
            continue
        rows = draw(st.lists(st.lists(CELL, min_size=0, max_size=len(columns) + 1), max_size=5))
        lines = [",".join(row) for row in [columns, *rows]]
        files[name] = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode("utf-8", "surrogatepass")
    return files


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=feeds(), whole=st.booleans())
def test_no_feed_breaks_the_reader(tmp_path: Path, files: dict[str, bytes], *, whole: bool) -> None:
    path = tmp_path / "fuzz.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, SMALL.get(name, content) if whole and name != "shapes.txt" else content)
    try:
        data = read(path)
    except ShanchengError as error:
        assert "fuzz.zip" in str(error)  # noqa: PT017 - most feeds here cannot be read
    else:
        assert data.layers["transit_stops"].num_rows > 0


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_table_reader(content: bytes) -> None:
    feed = Feed("feed.zip")
    try:
        found = read_table(feed, "stops.txt", content, ())
    except SourceFileError as error:
        assert str(error).startswith("feed.zip: stops.txt: ")  # noqa: PT017
        return
    for name in found.names:
        columns: list[Any] = [
            found.text(name), found.seconds(name), found.dates(name),
            found.reals(name, -90, 90), found.integers(name, found.seconds(name).type, 0, 9),
        ]  # fmt: skip
        assert {len(column) for column in columns} == {len(found)}
