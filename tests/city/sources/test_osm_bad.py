"""Extracts that are broken or hostile: a clear line or an entry set aside, in bounded time and memory."""

import contextlib
import math
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.schema import LAYERS, validate_layer
from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.osm_pbf import check_pbf
from shancheng.errors import SettingError, ShanchengError, SourceFileError
from shancheng.progress import NullProgress

LON, LAT = 106.58, 29.56
SIDE = 0.0002
Read = Callable[[], CityData]


def read(path: Path, **options: Any) -> CityData:
    return read_source("osm", path, SourceOptions(**options), NullProgress())


def rows(data: CityData, layer: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in data.layers[layer].to_pylist()}


@pytest.fixture
def xml(tmp_path: Path) -> Callable[[str], Path]:
    """``xml(body)``: an OSM XML file with that body."""

    def write(body: str, head: str = "") -> Path:
        path = tmp_path / "a.osm"
        path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>{head}<osm version="0.6">{body}</osm>')
        return path

    return write


SQUARE = "".join(
    f'<node id="{n}" lon="{LON + dx * SIDE}" lat="{LAT + dy * SIDE}"/>'
    for n, (dx, dy) in enumerate([(0, 0), (1, 0), (1, 1), (0, 1)], 1)
)
RING = '<nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>'
HOUSE = SQUARE + f'<way id="1">{RING}<tag k="building" v="yes"/></way>'


def test_a_file_by_hand(xml: Callable[..., Path]) -> None:
    assert list(rows(read(xml(HOUSE)), "buildings")) == ["w1"]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<!DOCTYPE osm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>', "&b;"),
        (
            '<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<node id="1" lon="1" lat="1"><tag k="x" v="&x;"/></node>',
        ),
        ("", '<node id="1" lon="1" lat="2"><tag k="place"'),
        ("", "<node id='one' lon='1' lat='2'/>"),
        ("", "<node id='1' lon='east' lat='2'/>"),
        ("", f'<node id="1" lon="1" lat="1"/><node id="1" lon="1" lat="1"/>{"<tag/>" * 3}'),
        ("", "<way id='1'><tag k='building' v='" + "x" * 70_000 + "'/></way>"),
    ],
)  # fmt: skip
def test_hostile_and_broken_xml(xml: Callable[..., Path], head: str, body: str) -> None:
    with pytest.raises(SourceFileError, match=r"a\.osm: (cannot be read|holds no building)") as raised:
        read(xml(body, head))
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    path.write_bytes(HOUSE.join(("<osm>", "</osm>")).replace('v="yes"', 'v="\x80\x81"').encode("latin-1"))
    with pytest.raises(SourceFileError, match="cannot be read as OpenStreetMap data"):
        read(path)


def test_swapped_axes_beyond_the_poles(xml: Callable[..., Path]) -> None:
    swapped = HOUSE.replace("lon=", "x=").replace("lat=", "lon=").replace("x=", "lat=")
    with pytest.raises(SourceFileError, match="a node lies outside of longitudes and latitudes"):
        read(xml(swapped))


def test_an_empty_file(tmp_path: Path) -> None:
    for name in ("a.osm.pbf", "a.osm"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(SourceFileError, match=rf"{name}: "):
            read(tmp_path / name)


def test_options_are_refused(xml: Callable[..., Path]) -> None:
    with pytest.raises(SettingError, match="crs: osm does not understand this option"):
        read(xml(HOUSE), crs="EPSG:4326")


@pytest.mark.parametrize("places", [0, 1, 2, 3])
def test_every_truncation_is_seen(osm_file: Any, tmp_path: Path, places: int) -> None:
    for number in range(50):
        osm_file.square(LON + 0.001 * number, LAT, SIDE, {"building": "yes", "name": f"House {number}"})
    path = osm_file.write(tmp_path / "a.osm.pbf")
    whole = path.read_bytes()
    for cut in np.linspace(1, len(whole) - 1, 12, dtype=int) + places:
        path.write_bytes(whole[: min(cut, len(whole) - 1)])
        with pytest.raises(SourceFileError, match=r"a\.osm\.pbf: "):
            read(path)


def test_flipped_bits_never_escape(osm_file: Any, tmp_path: Path) -> None:
    for number in range(20):
        osm_file.square(LON + 0.001 * number, LAT, SIDE, {"building": "yes", "name": f"House {number}"})
    osm_file.relation([("w", 1, "outline"), ("w", 2, "part")], {"type": "building", "building": "yes"})
    path = osm_file.write(tmp_path / "a.osm.pbf")
    whole = path.read_bytes()
    random = np.random.default_rng(7)
    for place in random.integers(0, len(whole), 60):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(random.integers(8))
        path.write_bytes(broken)
        try:
            read(path)
        except ShanchengError as error:
            assert "a.osm.pbf" in str(error)  # noqa: PT017 - most of them cannot be read


@pytest.mark.parametrize(
    ("old", "new"), [(b"ABCDEF", b"AB\0DEF"), (b"building", b"b\0ilding"), (b"zzz", b"z\0\0")]
)
def test_words_that_would_crash_osmium(tmp_path: Path, old: bytes, new: bytes) -> None:
    mutable = osmium.osm.mutable
    path = tmp_path / "a.osm.pbf"
    with osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none")) as writer:
        writer.add_node(mutable.Node(id=1, location=(LON, LAT), tags={"place": "town", "name": "ABCDEF"}))
        writer.add_way(mutable.Way(id=1, nodes=[1, 1], tags={"building": "yes", "zzz": "end"}))
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(SourceFileError, match=r"a word holds a zero byte.*needed: a whole \.osm\.pbf file"):
        read(path)


@pytest.mark.parametrize("word", [b"AB\xff\xfeEF", b"ABCDE\xe9", b"A\xed\xa0\x80EF"])
def test_words_that_are_no_text(tmp_path: Path, word: bytes) -> None:
    mutable = osmium.osm.mutable
    path = tmp_path / "a.osm.pbf"
    with osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none")) as writer:
        writer.add_node(mutable.Node(id=1, location=(LON, LAT), tags={"place": "town", "name": "ABCDEF"}))
    path.write_bytes(path.read_bytes().replace(b"ABCDEF", word))
    with pytest.raises(SourceFileError, match=r"'utf-8' codec.*needed: a whole \.osm\.pbf file"):
        read(path)


def test_long_words_are_sound(osm_file: Any, read_osm: Read) -> None:
    name = "长" * 200
    osm_file.square(LON, LAT, SIDE, {"building": "yes", "name": name, "empty": ""})
    row = rows(read_osm(), "buildings")["w1"]
    assert row["name"] == name


FULL_DISK = """
import gc, resource, sys
from pathlib import Path
from shancheng.city.sources import read_source
from shancheng.city.sources.base import SourceOptions
from shancheng.errors import StorageError
from shancheng.progress import NullProgress

resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    read_source("osm", Path(sys.argv[1]), SourceOptions(), NullProgress())
except StorageError as error:
    print(error)
gc.collect()
print("alive")
"""


def test_a_full_disk_does_not_end_the_process(osm_file: Any, tmp_path: Path) -> None:
    for number in range(200):
        osm_file.square(LON + 0.001 * number, LAT, SIDE, {"building": "yes", "name": f"House {number}"})
    path = osm_file.write(tmp_path / "a.osm.pbf")
    # osmium's writer ends the process when it is destroyed after a failure.
    command = [sys.executable, "-B", "-c", FULL_DISK, path]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    first, last = result.stdout.splitlines()
    assert "cannot be written (" in first
    assert last == "alive"


def blob(kind: bytes, content: bytes) -> bytes:
    """One block of a PBF file."""
    header = b"\x0a" + bytes([len(kind)]) + kind + b"\x18" + varint(len(content))
    return len(header).to_bytes(4, "big") + header + content


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


PACKED = zlib.compress(b"\0" * (40 << 20))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\1\1\1" + b"x" * 70_000, "no PBF"),
        (blob(b"OSMNonsense", b""), "none of OSMHeader and OSMData"),
        (
            blob(b"OSMData", b"\x10" + varint(40 << 20) + b"\x1a" + varint(len(PACKED)) + PACKED),
            "at most 33,554",
        ),
        (blob(b"OSMData", b"\x10\x64\x1a" + varint(len(PACKED)) + PACKED), "cannot be unpacked"),
        (blob(b"OSMData", b"\x1a" + varint(len(PACKED)) + PACKED), "a block of None bytes"),
        (blob(b"OSMData", b"\x22\x03abc"), "packed otherwise than by zlib"),
        (blob(b"OSMData", b"\x1a\x7fabc"), "a message is truncated"),
        (blob(b"OSMData", b"\x0a\x03\x0b\x01\x01"), "a message that is none"),
        (blob(b"OSMData", b"\xff" * 20), "a number without an end"),
        (blob(b"OSMData", b"\x10\x03\x1a\x03abc"), "cannot be unpacked"),
        (b"\0\0\0\x0f\x0a\7OSMData\x18" + varint(1 << 34), "at most 33,554,432 are allowed"),
        (blob(b"OSMData", b"\x0a\x02\x0a\x00")[:-2], "truncated"),
    ],
)
def test_frames_that_are_damaged(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=rf"a\.osm\.pbf: cannot be read .*({message})"):
        read(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120))
def test_no_bytes_break_the_check_of_frames(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.osm.pbf"
    for whole in (
        content,
        blob(b"OSMData", content),
        blob(b"OSMData", b"\x0a" + varint(len(content)) + content),
    ):
        path.write_bytes(whole)
        with contextlib.suppress(SourceFileError):
            check_pbf(path)


@pytest.mark.parametrize("name", ["a.opl", "a.o5m", "a.osm.gz", "a"])
def test_other_forms_are_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"n1 v1 Tplace=a%0%b x1 y1")
    with pytest.raises(
        SourceFileError, match=r"its name ends in .*needed: a whole \.osm\.pbf file, or \.osm in XML"
    ):
        read(tmp_path / name)


# Shapes


def test_rings_of_no_area_and_rings_that_cross_themselves(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    point, line = (LON, LAT), (LON + SIDE, LAT)
    tags = {"building": "yes"}
    osm_file.way([point, point, point], tags, closed=True)
    osm_file.way([point, line, point], tags, closed=True)
    osm_file.way([point], tags, closed=True)
    osm_file.way([point, (LON + SIDE, LAT + SIDE), line, (LON, LAT + SIDE)], tags, closed=True)
    osm_file.way([point, point], {"highway": "primary"})
    osm_file.way([point, line, point], {"landuse": "grass"}, closed=True)
    data = read_osm()
    assert list(rows(data, "buildings")) == ["w1"]
    assert rows(data, "roads") == rows(data, "green") == {}
    assert [(entry.layer, entry.id) for entry in data.set_aside] == [
        ("buildings", "w2"), ("buildings", "w3"), ("buildings", "w4"), ("buildings", "w5"), ("green", "w7"),
        ("roads", "w6"),
    ]  # fmt: skip


def test_absurd_words(osm_file: Any, read_osm: Read) -> None:
    for number, word in enumerate(
        ["nan", "inf", "-1", "1e999", "999999999999999999999", "0x10", "", " ", "重"]
    ):
        tags = dict.fromkeys(
            ("height", "building:levels", "min_height", "building:min_level", "roof:height", "roof:levels",
             "roof:angle", "roof:direction", "layer", "width", "lanes"), word,
        )  # fmt: skip
        osm_file.square(LON + 0.001 * number, LAT, SIDE, {**tags, "building": "yes", "roof:shape": "gabled"})
        osm_file.way([(LON, LAT), (LON + SIDE, LAT)], {**tags, "highway": "residential"})
        osm_file.node(LON, LAT, man_made="communications_tower", height=word)
        osm_file.node(LON, LAT, place="town", name=word, population=word)
    data = read_osm()
    for row in rows(data, "buildings").values():
        assert row["height_m"] == 8
        assert row["min_height_m"] == 0
        assert row["roof_height_m"] is None
        assert row["levels"] is None
    assert {(row["width_m"], row["layer"]) for row in rows(data, "roads").values()} == {
        (6, 0),
        (6, -1),
        (6, 9),
    }
    assert {row["height_m"] for row in rows(data, "base_stations").values()} == {None}
    assert {row["population"] for row in rows(data, "places").values()} == {None}


def test_ids_that_stand_twice(osm_file: Any, tmp_path: Path) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes", "name": "A"})
    osm_file.ways.append((1, osm_file.ways[0][1], {"building": "yes", "name": "B"}))
    with pytest.raises(SourceFileError, match="Way ID twice in input"):
        read(osm_file.write(tmp_path / "a.osm.pbf"))
    osm_file.ways.pop()
    osm_file.nodes += [(5, (LON, LAT), {"place": "town", "name": name}) for name in "AB"]
    assert [row["name"] for row in rows(read(osm_file.write(tmp_path / "b.osm.pbf")), "places").values()] == [
        "A"
    ]


@pytest.mark.slow
def test_a_house_with_a_million_corners(tmp_path: Path) -> None:
    count = 1_000_000
    angle = np.linspace(0, math.tau, count, endpoint=False)
    lon, lat = LON + 0.05 * np.cos(angle), LAT + 0.05 * np.sin(angle)
    path = tmp_path / "a.osm.pbf"
    mutable = osmium.osm.mutable
    with osmium.SimpleWriter(str(path)) as writer:
        for number, place in enumerate(zip(lon.tolist(), lat.tolist(), strict=True), 1):
            writer.add_node(mutable.Node(id=number, location=place, version=1))
        ring = [*range(1, count + 1), 1]
        writer.add_way(mutable.Way(id=1, nodes=ring, tags={"building": "yes", "name": "Big"}, version=1))
        writer.add_way(mutable.Way(id=2, nodes=ring, tags={"highway": "primary", "bridge": "yes"}, version=1))
    started = time.process_time()
    data = read(path)
    assert time.process_time() - started < 60
    assert (
        shapely.get_num_coordinates(shapely.from_wkb(data.layers["buildings"].column("geometry")[0].as_py()))
        > 9e5
    )
    assert data.layers["landmarks"].num_rows == 1


def test_ten_thousand_parts_in_one_house(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, 0.01, {"building": "yes"})
    for number in range(2500):
        osm_file.square(
            LON + 0.0002 * (number % 50), LAT + 0.0002 * (number // 50), SIDE, {"building:part": "yes"}
        )
    parents = {row["parent_id"] for row in rows(read_osm(), "buildings").values()}
    assert parents == {None, "w1"}


def test_more_kinds_than_anyone_means(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    for number in range(33_000):
        osm_file.node(LON, LAT, historic=f"kind {number % 32_999}", name=f"{number}")
    kinds = read_osm().layers["landmarks"].column("kind").to_pylist()
    assert len(kinds) == 33_000
    assert len(set(kinds)) == 30_000
    assert {"other", "kind 0"} <= set(kinds)


# Fuzzing

WORDS = """
    building building:part highway railway natural landuse leisure waterway man_made name height
    building:levels roof:shape roof:angle type route ref colour boundary admin_level public_transport tourism
    historic bridge area layer width place amenity telecom location wikidata tunnel aerialway
"""
MEANT = """
    yes no multipolygon building boundary administrative route subway bus station stop_area bridge primary
    pedestrian elevator rail tram_stop water coastline river tower bus_stop platform 8 12m #ff0000 gabled 45
    museum city -1 grass
"""
KEYS = st.sampled_from(WORDS.split())
VALUES = st.one_of(
    st.sampled_from(MEANT.split()),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)
TAGS = st.dictionaries(KEYS, VALUES, max_size=6)
REFS = st.integers(1, 12)
MEMBERS = st.tuples(
    st.sampled_from("nwr"), REFS, st.sampled_from(["", "outline", "part", "outer", "inner", "stop"])
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nodes=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), TAGS), min_size=4, max_size=10),
    ways=st.lists(st.tuples(st.lists(REFS, max_size=7), st.booleans(), TAGS), max_size=10),
    relations=st.lists(st.tuples(st.lists(MEMBERS, max_size=6), TAGS), max_size=6),
)
def test_no_extract_breaks_the_reader(
    tmp_path: Path, nodes: list[Any], ways: list[Any], relations: list[Any]
) -> None:
    path = tmp_path / "fuzz.osm.pbf"
    mutable = osmium.osm.mutable
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for number, (x, y, tags) in enumerate(nodes, 1):
            place = (LON + x * SIDE, LAT + y * SIDE)
            writer.add_node(mutable.Node(id=number, location=place, tags=tags, version=1))
        for number, (refs, closed, tags) in enumerate(ways, 1):
            ring = refs + refs[:1] if closed else refs
            writer.add_way(mutable.Way(id=number, nodes=ring, tags=tags, version=1))
        for number, (members, tags) in enumerate(relations, 1):
            writer.add_relation(mutable.Relation(id=number, members=members, tags=tags, version=1))
    try:
        data = read(path)
    except SourceFileError as error:
        assert "holds no building and no road" in str(error)  # noqa: PT017 - many are empty
        return
    for layer, table in data.layers.items():
        assert validate_layer(layer, table).schema.equals(LAYERS[layer])
        assert not shapely.is_empty(shapely.from_wkb(table.column("geometry").to_numpy())).any()
