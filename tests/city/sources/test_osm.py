import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any

import osmium
import pyarrow as pa
import pytest
import shapely

from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.osm import read
from shancheng.errors import SourceFileError
from shancheng.progress import NullProgress

LON, LAT = 7.42, 43.73
SIDE = 0.0002


def rows(data: CityData, layer: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in data.layers[layer].to_pylist()}


def shape(row: dict[str, Any]) -> Any:
    return shapely.from_wkb(row["geometry"])


Read = Callable[[], CityData]


def test_buildings_and_their_heights(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(
        LON, LAT, SIDE, {"building": "yes", "height": "12,5 m", "name": "Tour", "name:en": "Tower"}
    )
    osm_file.square(
        LON + 0.001, LAT, SIDE, {"building": "hotel", "building:levels": "10", "roof:shape": "flat"}
    )
    osm_file.square(LON + 0.002, LAT, SIDE, {"building": "garage"})
    osm_file.square(LON + 0.003, LAT, SIDE, {"building": "no"})
    data = read_osm()
    found = rows(data, "buildings")
    assert sorted(found) == ["w1", "w2", "w3"]
    one = found["w1"]
    assert (one["name"], one["name_en"], one["kind"]) == ("Tour", "Tower", "yes")
    assert (one["height_m"], one["height_provenance"]) == (12.5, "surveyed")
    assert (one["provenance"], one["source"]) == ("surveyed", "OpenStreetMap")
    assert (one["accuracy_m"], one["valid_from"], one["parent_id"]) == (None, None, None)
    assert (
        shape(one)
        .normalize()
        .equals_exact(shapely.box(LON, LAT, LON + SIDE, LAT + SIDE).normalize(), tolerance=1e-9)
    )
    assert (found["w2"]["height_m"], found["w2"]["levels"], found["w2"]["roof_shape"]) == (32, 10, "flat")
    assert found["w2"]["height_provenance"] == "approximate"
    assert found["w3"]["height_provenance"] == "modelled"
    source = data.layer_sources["buildings"]
    assert (source.licence, source.attribution) == ("ODbL-1.0", "© OpenStreetMap contributors")


def test_a_multipolygon_keeps_its_court(osm_file: Any, read_osm: Read) -> None:
    outer = osm_file.square(LON, LAT, 4 * SIDE, {})
    inner = osm_file.square(LON + SIDE, LAT + SIDE, SIDE, {})
    members = [("w", outer, "outer"), ("w", inner, "inner")]
    osm_file.relation(members, {"type": "multipolygon", "building": "palace", "name": "Palais"})
    found = rows(read_osm(), "buildings")
    assert list(found) == ["r1"]
    assert shape(found["r1"]).geom_type == "Polygon"
    assert shape(found["r1"]).area == pytest.approx(15 * SIDE**2)


def test_an_outline_that_does_not_close_is_set_aside(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    osm_file.way([(LON, LAT), (LON + SIDE, LAT), (LON, LAT + SIDE)], {"building": "yes"})
    osm_file.way(
        [(LON, LAT), (LON + SIDE, LAT + SIDE), (LON + SIDE, LAT), (LON, LAT + SIDE)],
        {"building": "yes"},
        closed=True,
    )
    osm_file.relation([("w", 2, "outer")], {"type": "multipolygon", "building": "yes"})
    data = read_osm()
    assert list(rows(data, "buildings")) == ["w1"]
    assert [(entry.layer, entry.id) for entry in data.set_aside] == [
        ("buildings", "r1"), ("buildings", "w2"), ("buildings", "w3"),
    ]  # fmt: skip
    assert all("not closed" in entry.reason for entry in data.set_aside)


def test_parts_name_their_outline_when_they_fill_it(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, 4 * SIDE, {"building": "yes"})
    osm_file.square(LON, LAT, 3 * SIDE, {"building:part": "yes", "height": "50", "min_height": "10"})
    osm_file.square(LON + 3 * SIDE, LAT, SIDE, {"building:part": "roof"})
    osm_file.square(LON + 0.01, LAT, 4 * SIDE, {"building": "yes"})
    osm_file.square(LON + 0.01, LAT, SIDE, {"building:part": "tower", "height": "90"})
    osm_file.square(LON + 0.02, LAT, SIDE, {"building:part": "yes"})
    osm_file.square(LON + 0.03, LAT, SIDE, {"building": "hotel", "building:part": "no"})
    found = rows(read_osm(), "buildings")
    parents = {local_id: row["parent_id"] for local_id, row in found.items()}
    assert parents == {"w1": None, "w2": "w1", "w3": "w1", "w4": None, "w5": None, "w6": None, "w7": None}
    assert (found["w2"]["height_m"], found["w2"]["min_height_m"]) == (50, 10)
    assert found["w3"]["kind"] == "roof"


def test_a_part_belongs_to_the_smallest_outline_around_it(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, 10 * SIDE, {"building": "yes"})
    osm_file.square(LON, LAT, 2 * SIDE, {"building": "yes"})
    osm_file.square(LON, LAT, 1.9 * SIDE, {"building:part": "yes"})
    assert rows(read_osm(), "buildings")["w3"]["parent_id"] == "w2"


def street(osm_file: Any, tags: dict[str, str]) -> None:
    osm_file.way([(LON, LAT), (LON + 0.002, LAT + 0.001)], tags)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, {"width_m": 6, "layer": 0, "bridge": False, "tunnel": False}),
        ({"width": "7.5 m"}, {"width_m": 7.5}),
        ({"lanes": "3"}, {"width_m": 9.75}),
        ({"lanes": "3", "width": "8"}, {"width_m": 8}),
        ({"width": "wide", "lanes": "-1"}, {"width_m": 6}),
        ({"width": "5000"}, {"width_m": 6}),
        ({"bridge": "viaduct", "layer": "2"}, {"bridge": True, "layer": 2}),
        ({"bridge": "no", "layer": "high"}, {"bridge": False, "layer": 0}),
        ({"tunnel": "yes", "layer": "-1"}, {"tunnel": True, "layer": -1}),
        ({"tunnel": "building_passage"}, {"tunnel": False}),
        ({"layer": "400"}, {"layer": 9}),
    ],
)
def test_roads(osm_file: Any, read_osm: Read, tags: dict[str, str], expected: dict[str, Any]) -> None:
    street(osm_file, {"highway": "residential", **tags})
    row = rows(read_osm(), "roads")["w1"]
    assert {name: row[name] for name in expected} == expected
    assert row["kind"] == "residential"


def test_what_is_no_road(osm_file: Any, read_osm: Read) -> None:
    street(osm_file, {"highway": "primary", "name": "Avenue"})
    for kind in ("proposed", "construction", "platform", "corridor", "elevator"):
        street(osm_file, {"highway": kind})
    osm_file.square(LON, LAT, SIDE, {"highway": "platform", "area": "yes"})
    assert list(rows(read_osm(), "roads")) == ["w1"]


def test_a_square_is_a_road_with_an_area(osm_file: Any, read_osm: Read) -> None:
    street(osm_file, {"highway": "primary"})
    osm_file.square(LON, LAT, SIDE, {"highway": "pedestrian", "area": "yes", "name": "Place"})
    osm_file.square(LON + SIDE, LAT, SIDE, {"highway": "footway"})
    ring = osm_file.square(LON + 0.001, LAT, 4 * SIDE, {})
    hole = osm_file.square(LON + 0.001 + SIDE, LAT + SIDE, SIDE, {})
    osm_file.relation(
        [("w", ring, "outer"), ("w", hole, "inner")], {"type": "multipolygon", "highway": "pedestrian"}
    )
    found = rows(read_osm(), "roads")
    assert {local_id: shape(row).geom_type for local_id, row in found.items()} == {
        "w1": "LineString", "w2": "Polygon", "w3": "LineString", "r1": "Polygon",
    }  # fmt: skip
    assert (found["w2"]["kind"], found["w2"]["name"], found["w2"]["width_m"]) == ("pedestrian", "Place", 5)
    assert shape(found["r1"]).area == pytest.approx(15 * SIDE**2)


def test_rail_stations_and_places(osm_file: Any, read_osm: Read) -> None:
    street(osm_file, {"highway": "primary"})
    street(osm_file, {"railway": "subway", "tunnel": "yes", "colour": "#FF8800", "name": "Line 1"})
    street(osm_file, {"railway": "tram", "colour": "red"})
    street(osm_file, {"railway": "abandoned"})
    osm_file.node(LON, LAT, railway="station", station="subway", name="Centre")
    osm_file.node(LON, LAT, railway="switch")
    osm_file.node(LON, LAT, place="suburb", name="La Condamine")
    osm_file.node(LON, LAT, place="city", name="重庆", population="3,5", **{"name:en": "Chongqing"})
    osm_file.node(LON, LAT, place="city", name="Other", population="35000")
    osm_file.node(LON + 90, LAT, place="city", name="Far away")
    osm_file.node(LON, LAT, place="country", name="China")
    data = read_osm()
    rail = rows(data, "rail")
    assert {local_id: (row["kind"], row["colour"]) for local_id, row in rail.items()} == {
        "w2": ("subway", "#ff8800"), "w3": ("tram", "#ff0000"),
    }  # fmt: skip
    assert [row["kind"] for row in rows(data, "rail_stations").values()] == ["subway"]
    places = rows(data, "places")
    assert {row["name"]: (row["rank"], row["population"]) for row in places.values()} == {
        "La Condamine": (3, None), "重庆": (1, 3), "Other": (1, 35000),
    }  # fmt: skip
    assert data.title is not None
    assert (data.title.zh, data.title.en) == ("重庆", "Chongqing")


def test_water_and_green(osm_file: Any, read_osm: Read) -> None:
    street(osm_file, {"highway": "primary"})
    osm_file.square(LON, LAT, SIDE, {"natural": "water", "water": "lake", "name": "Lac"})
    osm_file.square(LON, LAT, SIDE, {"waterway": "riverbank"})
    osm_file.square(LON, LAT, SIDE, {"leisure": "swimming_pool"})
    osm_file.square(LON, LAT, SIDE, {"leisure": "park", "landuse": "grass"})
    osm_file.square(LON, LAT, SIDE, {"landuse": "commercial", "natural": "wood"})
    osm_file.square(LON, LAT, SIDE, {"landuse": "commercial"})
    osm_file.way([(LON, LAT), (LON + 0.001, LAT)], {"waterway": "river", "width": "20"})
    osm_file.way([(LON, LAT), (LON, LAT + 0.0005)], {"waterway": "stream", "tunnel": "culvert"})
    data = read_osm()
    water = rows(data, "water")
    assert {local_id: row["kind"] for local_id, row in water.items()} == {
        "w2": "lake", "w3": "river", "w4": "swimming_pool", "w8": "river",
    }  # fmt: skip
    assert (water["w2"]["provenance"], water["w8"]["provenance"]) == ("surveyed", "approximate")
    _, south, _, north = shape(water["w8"]).bounds
    assert (north - min(south, LAT - (north - LAT))) * 111_320 == pytest.approx(20, rel=0.01)
    assert {local_id: row["kind"] for local_id, row in rows(data, "green").items()} == {
        "w5": "park",
        "w6": "wood",
    }


# The extent


def test_the_header_box_cuts_lines_and_areas_and_keeps_buildings_whole(osm_file: Any, read_osm: Read) -> None:
    osm_file.box = (LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)
    osm_file.way([(LON - 0.5, LAT), (LON + 0.5, LAT)], {"highway": "primary"})
    osm_file.way([(LON - 0.5, LAT + 0.1), (LON + 0.5, LAT + 0.1)], {"highway": "primary"})
    osm_file.square(LON + 0.005, LAT - 0.005, 1.0, {"landuse": "forest"})
    osm_file.square(LON + 0.0099, LAT, SIDE, {"building": "yes"})
    osm_file.square(LON + 0.02, LAT, SIDE, {"building": "yes"})
    data = read_osm()
    extent = data.extent
    assert extent is not None
    assert extent.west_deg == pytest.approx(LON - 0.01)
    assert extent.east_deg == pytest.approx(LON + 0.0101)
    assert list(rows(data, "roads")) == ["w1"]
    assert shape(rows(data, "roads")["w1"]).bounds == pytest.approx((LON - 0.01, LAT, LON + 0.0101, LAT))
    assert shape(rows(data, "green")["w3"]).bounds[2] == pytest.approx(LON + 0.0101)
    assert list(rows(data, "buildings")) == ["w4"]
    assert [(entry.id, entry.reason) for entry in data.set_aside] == [("w5", "lies outside the extent")]


def test_a_header_box_far_too_large_is_cut_to_the_city(osm_file: Any, read_osm: Read) -> None:
    osm_file.box = (-10.0, 30.0, 30.0, 60.0)
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    extent = read_osm().extent
    assert extent is not None
    assert extent.west_deg == pytest.approx(LON - 0.005)
    assert extent.north_deg == pytest.approx(LAT + SIDE + 0.005)


def test_without_a_header_box_what_lies_far_astray_does_not_count(osm_file: Any, read_osm: Read) -> None:
    for number in range(300):
        osm_file.square(
            LON + 0.0003 * (number % 20), LAT + 0.0003 * (number // 20), SIDE, {"building": "yes"}
        )
    osm_file.square(100.0, 10.0, SIDE, {"building": "yes"})
    data = read_osm()
    extent = data.extent
    assert extent is not None
    assert (extent.west_deg, extent.south_deg) == pytest.approx((LON, LAT))
    assert extent.east_deg == pytest.approx(LON + 19 * 0.0003 + SIDE)
    assert [entry.id for entry in data.set_aside] == ["w301"]


def test_a_way_with_missing_nodes_keeps_its_longest_run(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    nodes = [osm_file.node(LON + 0.0001 * step, LAT) for step in range(5)]
    tags = {"highway": "primary"}
    osm_file.ways.append((50, [nodes[0], 9001, *nodes[1:4], 9002, nodes[4]], tags))
    osm_file.ways.append((51, [nodes[0], 9001], tags))
    data = read_osm()
    assert list(rows(data, "roads")) == ["w50"]
    assert shapely.get_num_coordinates(shape(rows(data, "roads")["w50"])) == 3
    assert [(entry.layer, entry.id) for entry in data.set_aside] == [("roads", "w51")]
    assert "fewer than two of its nodes" in data.set_aside[0].reason


def test_rows_are_in_the_order_of_ids_whatever_the_order_of_the_file(osm_file: Any, read_osm: Read) -> None:
    for number in range(12):
        osm_file.square(LON + 0.001 * number, LAT, SIDE, {"building": "yes"})
    ids = read_osm().layers["buildings"].column("id").to_pylist()
    assert ids == sorted(ids)
    assert len(ids) == 12


# The sea


def test_the_sea_lies_right_of_the_coast(osm_file: Any, read_osm: Read) -> None:
    osm_file.box = (LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)
    for dx in (-0.009, 0.009):
        osm_file.square(LON + dx, LAT - 0.009, SIDE, {"building": "yes"})
        osm_file.square(LON + dx, LAT - 0.0003, SIDE, {"building": "yes"})
    osm_file.way([(LON + 0.1, LAT), (LON - 0.1, LAT)], {"natural": "coastline"})
    osm_file.square(LON, LAT + 0.002, 0.001, {"natural": "coastline"})  # an island: land on its left
    data = read_osm()
    (sea,) = [row for row in rows(data, "water").values() if row["kind"] == "sea"]
    assert (sea["id"], sea["provenance"]) == ("sea", "approximate")
    _, south, _, north = shape(sea).bounds
    assert south == pytest.approx(LAT)
    assert shape(sea).area == pytest.approx(0.02 * (north - LAT) - 0.001**2, rel=1e-3)
    assert not shape(sea).contains(shapely.Point(LON + 0.0005, LAT + 0.0025))
    assert data.set_aside == []


def test_no_coast_no_sea(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    osm_file.way([(LON + 5, LAT), (LON + 6, LAT)], {"natural": "coastline"})
    assert rows(read_osm(), "water") == {}


def test_a_coast_that_contradicts_itself_is_left_out_and_said(osm_file: Any, read_osm: Read) -> None:
    osm_file.box = (LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)
    for dx in (-0.009, 0.009):
        osm_file.square(LON + dx, LAT - 0.009, SIDE, {"building": "yes"})
        osm_file.square(LON + dx, LAT + 0.009, SIDE, {"building": "yes"})
    osm_file.way([(LON + 0.1, LAT + 0.004), (LON - 0.1, LAT + 0.004)], {"natural": "coastline"})
    osm_file.way([(LON + 0.1, LAT - 0.004), (LON - 0.1, LAT - 0.004)], {"natural": "coastline"})
    data = read_osm()
    assert rows(data, "water") == {}
    assert [entry.reason for entry in data.set_aside] == [
        "The sea is left out: the coastline does not tell land from sea."
    ]
    assert "left out" in data.layer_sources["water"].notes


# What cannot be used


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.osm.pbf", b"no pbf at all"),
        ("a.osm.pbf", b"\x00" * 100),
        ("a.txt", b"text"),
        ("a.osm", b"<osm><node</osm>"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        SourceFileError, match=rf"{name}: cannot be read as OpenStreetMap data .*needed: a whole .osm.pbf"
    ):
        read(tmp_path / name, SourceOptions(), NullProgress())


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.osm.pbf", tmp_path):
        with pytest.raises(SourceFileError, match="no such file; needed: an OpenStreetMap extract"):
            read(path, SourceOptions(), NullProgress())


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file(osm_file: Any, tmp_path: Path, share: float) -> None:
    for number in range(200):
        osm_file.square(LON + 0.001 * number, LAT, SIDE, {"building": "yes", "name": f"House {number}"})
    path = osm_file.write(tmp_path / "a.osm.pbf")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SourceFileError, match=r"needed: a whole .osm.pbf file"):
        read(path, SourceOptions(), NullProgress())


def test_an_extract_without_a_city(osm_file: Any, read_osm: Read) -> None:
    with pytest.raises(SourceFileError, match="holds no building and no road"):
        read_osm()
    osm_file.node(LON, LAT, place="city", name="Ghost")
    with pytest.raises(SourceFileError, match="holds no building and no road"):
        read_osm()


def test_the_source_is_registered(small_osm: Path) -> None:
    assert read_source("osm", small_osm, SourceOptions(), NullProgress()).layers["buildings"].num_rows == 12


# Real data


@pytest.fixture(scope="module")
def monaco(shared_data: Path) -> CityData:
    return read(shared_data / "monaco" / "monaco_2023.osm.pbf", SourceOptions(), NullProgress())


def counted(column: pa.ChunkedArray) -> dict[str, int]:  # type: ignore[type-arg]
    return dict(collections.Counter(column.to_pylist()))


@pytest.mark.shared_data
def test_monaco_is_complete(monaco: CityData, shared_data: Path) -> None:
    areas: dict[str, dict[str, str]] = {}
    file = osmium.FileProcessor(str(shared_data / "monaco" / "monaco_2023.osm.pbf")).with_areas()
    for thing in file:
        if thing.is_area() and ("building" in thing.tags or "building:part" in thing.tags):
            areas[f"{'w' if thing.from_way() else 'r'}{thing.orig_id()}"] = dict(thing.tags)
    buildings = [local_id for local_id, tags in areas.items() if "building" in tags]
    parts = [local_id for local_id, tags in areas.items() if "building:part" in tags]
    assert (len(buildings), len(parts)) == (1283, 15)  # as the manifest counts them
    found = rows(monaco, "buildings")
    assert set(found) == {*buildings, *parts}
    # Two of the parts are buildings as well.
    assert len(found) == 1296
    assert {i for i in found if found[i]["levels"] is not None} == {
        i for i in areas if "building:levels" in areas[i]
    }
    assert {i for i in found if found[i]["height_provenance"] == "surveyed"} == {
        i for i in areas if "height" in areas[i]
    }
    assert counted(monaco.layers["buildings"].column("height_provenance")) == {
        "surveyed": 42, "approximate": 437, "modelled": 817,
    }  # fmt: skip
    assert found["w627772922"]["height_m"] == 170  # Tour Odéon, the upper part
    assert [entry.id for entry in monaco.set_aside if entry.layer == "buildings"] == [
        "r13453960",
        "r1369191",
        "r5197022",
    ]


@pytest.mark.shared_data
def test_monaco_lies_by_the_sea(monaco: CityData) -> None:
    (sea,) = [row for row in rows(monaco, "water").values() if row["kind"] == "sea"]
    area = shape(sea)
    assert area.is_valid
    port, palace, casino, offshore = (7.4265, 43.7345), (7.4203, 43.7315), (7.4283, 43.7393), (7.44, 43.735)
    assert [area.contains(shapely.Point(p)) for p in (port, palace, casino, offshore)] == [
        True,
        False,
        False,
        True,
    ]
    houses = shapely.from_wkb(monaco.layers["buildings"].column("geometry").to_numpy())
    wet = shapely.area(shapely.intersection(houses, area)).sum() / shapely.area(houses).sum()
    assert wet < 0.01
    assert "A coastline ends at 7.43917, 43.74901" in monaco.layer_sources["water"].notes


@pytest.mark.shared_data
def test_monaco_has_a_sensible_extent_and_name(monaco: CityData) -> None:
    extent = monaco.extent
    assert extent is not None
    assert (extent.west_deg, extent.south_deg) == pytest.approx((7.40895, 43.72335), abs=1e-4)
    assert (extent.east_deg, extent.north_deg) == pytest.approx((7.4482, 43.7517), abs=1e-3)
    assert monaco.title is not None
    assert (monaco.title.zh, monaco.title.en) == ("摩纳哥", "Monaco")
    assert monaco.layer_sources["roads"].date == "2023-12-26"
    assert counted(monaco.layers["roads"].column("kind"))["steps"] == 346
    for layer, table in monaco.layers.items():
        if layer != "buildings" and table.num_rows:
            boxes = table.column("bbox").combine_chunks()
            assert boxes.field("xmin").to_numpy().min() >= extent.west_deg
            assert boxes.field("ymax").to_numpy().max() <= extent.north_deg


@pytest.mark.shared_data
def test_helsinki_with_its_missing_nodes_and_parts(shared_data: Path) -> None:
    data = read(shared_data / "helsinki" / "Helsinki.osm.pbf", SourceOptions(), NullProgress())
    parts = [row for row in rows(data, "buildings").values() if row["parent_id"] is not None]
    assert len(parts) > 50
    assert data.layers["rail"].num_rows > 250
    assert {entry.layer for entry in data.set_aside} == {
        "buildings", "districts", "green", "rail", "roads", "transit_routes", "water",
    }  # fmt: skip
