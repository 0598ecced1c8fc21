"""Elevators, base stations, landmarks, districts and bridges of OpenStreetMap."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.sources.base import CityData

LON, LAT = 106.58, 29.56
STEP = 0.001
Read = Callable[[], CityData]


def rows(data: CityData, layer: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in data.layers[layer].to_pylist()}


def shape(row: dict[str, Any]) -> Any:
    return shapely.from_wkb(row["geometry"])


@pytest.fixture
def town(osm_file: Any) -> Any:
    """An extract with a street along the whole extent, `w1`."""
    osm_file.way([(LON, LAT), (LON + 10 * STEP, LAT + 10 * STEP)], {"highway": "primary"})
    return osm_file


# Elevators and base stations


def test_elevators_are_points(town: Any, read_osm: Read) -> None:
    node = town.node(LON, LAT, highway="elevator", level="0;3")
    area = town.square(LON, LAT, 0.0001, {"highway": "elevator", "area": "yes", "name": "凯旋路电梯"})
    shaft = town.square(LON, LAT, 0.0001, {"building": "yes", "highway": "elevator"})
    line = town.way([(LON, LAT), (LON + STEP, LAT)], {"highway": "elevator"})
    found = rows(read_osm(), "elevators")
    assert set(found) == {f"n{node}", f"w{area}", f"w{shaft}", f"w{line}"}
    assert {shape(row).geom_type for row in found.values()} == {"Point"}
    assert found[f"w{area}"]["name"] == "凯旋路电梯"
    assert json.loads(found[f"n{node}"]["attributes"])["level"] == "0;3"


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"man_made": "mast", "tower:type": "communication", "height": "40"}, "mast"),
        ({"man_made": "tower", "communication:mobile_phone": "yes"}, "tower"),
        ({"man_made": "communications_tower"}, "communications_tower"),
        ({"man_made": "mast", "communication:lte": "yes"}, "mast"),
        ({"telecom": "antenna"}, "antenna"),
        ({"telecom": "bts"}, "bts"),
        ({"communication:mobile_phone": "yes"}, "antenna"),
        ({"communication:mobile_phone": "no"}, None),
        ({"man_made": "mast"}, None),
        ({"man_made": "tower", "tower:type": "bell_tower"}, None),
        ({"telecom": "exchange"}, None),
    ],
)
def test_base_stations(town: Any, read_osm: Read, tags: dict[str, str], kind: str | None) -> None:
    town.node(LON, LAT, **tags)
    found = list(rows(read_osm(), "base_stations").values())
    assert [row["kind"] for row in found] == ([] if kind is None else [kind])
    assert [row["height_m"] for row in found] == [40 if "height" in tags else None] * len(found)


def test_antennas_on_a_house(town: Any, read_osm: Read) -> None:
    tags = {"building": "office", "communication:mobile_phone": "yes", "height": "5000"}
    house = town.square(LON, LAT, STEP, tags)
    data = read_osm()
    row = rows(data, "base_stations")[f"w{house}"]
    assert (row["kind"], row["height_m"]) == ("antenna", None)  # five kilometres are a slip of the keyboard
    assert f"w{house}" in rows(data, "buildings")


# Landmarks


def known(row: dict[str, Any]) -> tuple[str, int, float | None]:
    return row["kind"], row["rank"], row["height_m"]


def test_landmarks_and_their_ranks(town: Any, read_osm: Read) -> None:
    wiki = {"wikidata": "Q1", "wikipedia": "zh:碑"}
    town.node(LON, LAT, historic="monument", name="解放碑", **wiki)
    town.node(LON, LAT, tourism="museum", name="Museum", wikidata="Q2")
    town.node(LON, LAT, tourism="viewpoint", name="View")
    town.node(LON, LAT, man_made="tower", name="TV tower", height="170 m")
    town.node(LON, LAT, historic="yes", name="Old gate")
    town.node(LON, LAT, historic="memorial", name="A plaque")
    town.node(LON, LAT, historic="memorial", name="A known one", wikidata="Q3")
    town.node(LON, LAT, tourism="attraction")
    town.node(LON, LAT, tourism="hotel", name="Hotel")
    town.node(LON, LAT, historic="no", name="New")
    found = {row["name"]: known(row) for row in rows(read_osm(), "landmarks").values()}
    assert found == {
        "解放碑": ("monument", 2, None), "Museum": ("museum", 3, None), "View": ("viewpoint", 5, None),
        "TV tower": ("tower", 2, 170), "Old gate": ("historic", 4, None),
        "A known one": ("memorial", 3, None),
    }  # fmt: skip


def test_buildings_that_are_landmarks(town: Any, read_osm: Read) -> None:
    town.square(LON, LAT, 0.0002, {"building": "yes", "name": "Known", "wikidata": "Q1"})
    town.square(LON + STEP, LAT, 0.0002, {"building": "office", "name": "High", "building:levels": "40"})
    town.square(LON + 2 * STEP, LAT, 0.0002, {"building": "office", "building:levels": "60"})
    town.square(LON + 3 * STEP, LAT, STEP, {"building": "retail", "name": "Large"})
    town.square(LON + 5 * STEP, LAT, 0.0002, {"building": "house", "name": "Villa"})
    arts = {"building": "public", "tourism": "museum", "name": "Arts"}
    museum = town.square(LON + 6 * STEP, LAT, 0.0002, arts)
    low = {"building": "yes", "name": "Tower", "height": "20"}
    tower = town.square(LON + 7 * STEP, LAT, 0.0002, low)
    town.square(LON + 7 * STEP, LAT, 0.00019, {"building:part": "yes", "height": "354.5"})
    data = read_osm()
    found = {row["name"]: known(row) for row in rows(data, "landmarks").values()}
    assert found == {
        "Known": ("building", 3, None), "High": ("office", 4, None), "Large": ("retail", 4, None),
        "Arts": ("museum", 4, None), "Tower": ("building", 2, 354.5),
    }  # fmt: skip
    assert {f"w{museum}", f"w{tower}"} <= set(rows(data, "landmarks"))
    assert rows(data, "buildings")[f"w{tower}"]["height_m"] == 20


def test_a_sight_that_is_mapped_twice_is_one(town: Any, read_osm: Read) -> None:
    town.node(LON, LAT, tourism="attraction", name="Great Hall")
    town.square(LON, LAT, STEP, {"building": "yes", "name": "great hall", "wikidata": "Q5", "height": "65"})
    town.node(LON + 8 * STEP, LAT, tourism="attraction", name="Great Hall")
    found = rows(read_osm(), "landmarks")
    assert len(found) == 2
    assert (found["w2"]["rank"], found["w2"]["height_m"]) == (3, 65)
    assert json.loads(found["w2"]["attributes"])["also"].startswith("n")


# Districts


def test_districts(town: Any, read_osm: Read) -> None:
    town.box = (LON, LAT, LON + 10 * STEP, LAT + 10 * STEP)
    border = {"type": "boundary", "boundary": "administrative"}
    ring = town.square(LON + STEP, LAT + STEP, STEP, {})
    town.relation([("w", ring, "outer")], {**border, "admin_level": "6", "name": "渝中区", "ref": "500103"})
    part = town.square(LON + 5 * STEP, LAT, 20 * STEP, {})
    codes = {"ref:INSEE": "06", "ref:a": "b"}
    town.relation([("w", part, "outer")], {**border, "admin_level": "8", "name": "Cut", **codes})
    whole = town.square(LON - STEP, LAT - STEP, 20 * STEP, {})
    town.relation([("w", whole, "outer")], {**border, "admin_level": "5", "name": "City"})
    town.relation([("w", ring, "outer"), ("w", 999, "outer")], {**border, "admin_level": "9", "name": "Torn"})
    town.relation([("w", ring, "outer")], {**border, "admin_level": "4", "name": "Province"})
    town.relation([("w", ring, "outer")], {"type": "boundary", "boundary": "political", "admin_level": "8"})
    data = read_osm()
    found = rows(data, "districts")
    assert {local_id: (row["kind"], row["name"], row["code"]) for local_id, row in found.items()} == {
        "r1": ("admin_level_6", "渝中区", "500103"), "r2": ("admin_level_8", "Cut", "06"),
    }  # fmt: skip
    assert shape(found["r2"]).bounds == pytest.approx((LON + 5 * STEP, LAT, LON + 10 * STEP, LAT + 10 * STEP))
    assert {entry.id: entry.reason for entry in data.set_aside} == {
        "r3": "covers the whole extent: it is no part of the city",
        "r4": "not all ways of its outline are in the file",
    }


# Bridges


@pytest.fixture
def river(town: Any) -> Any:
    """The town with a river ten metres wide across it, from west to east in the middle."""
    town.way(
        [(LON, LAT + 5 * STEP), (LON + 10 * STEP, LAT + 5 * STEP)], {"waterway": "river", "width": "100"}
    )
    return town


def across(river: Any, place: int, first: float, last: float, **tags: str) -> int:
    """A way from south to north."""
    lon = LON + place * STEP
    number: int = river.way(
        [(lon, LAT + first * STEP), (lon, LAT + last * STEP)], {"highway": "primary", **tags}
    )
    return number


def test_named_ways_over_water_are_bridges(river: Any, read_osm: Read) -> None:
    shared = river.node(LON + STEP, LAT + 5 * STEP)
    south, north = river.node(LON + STEP, LAT + 4 * STEP), river.node(LON + STEP, LAT + 6 * STEP)
    tags = {"highway": "primary", "bridge": "yes", "name": "Ring road", "bridge:name": "嘉陵江大桥"}
    side = across(river, 2, 4, 6, bridge="yes", name="Ring road")
    across(river, 3, 4, 6, bridge="yes")  # nobody knows its name
    across(river, 4, 4, 6, name="In the way of the water")  # no bridge
    across(river, 5, 7, 8, bridge="yes", name="Over land")
    across(river, 6, 4, 6, bridge="no", name="None")
    rail = river.way(
        [(LON + 7 * STEP, LAT + 4 * STEP), (LON + 7 * STEP, LAT + 6 * STEP)],
        {"railway": "monorail", "bridge": "viaduct", "name": "Line 2"},
    )
    river.ways.append((50, [south, shared], {**tags, "width": "20"}))
    river.ways.append((51, [shared, north], {**tags, "bridge:structure": "cable-stayed"}))
    found = rows(read_osm(), "bridges")
    assert {local_id: (row["kind"], row["name"], row["width_m"]) for local_id, row in found.items()} == {
        "w50": ("cable_stayed", "嘉陵江大桥", 20),
        f"w{side}": ("bridge", "Ring road", 10),
        f"w{rail}": ("viaduct", "Line 2", pytest.approx(2.4)),
    }
    assert shapely.get_coordinates(shape(found["w50"])) == pytest.approx(
        np.array([(LON + STEP, LAT + step * STEP) for step in (4, 5, 6)])
    )
    assert json.loads(found["w50"]["attributes"])["ways"] == "w50;w51"
    assert found["w50"]["deck_elevation_m"] is None


def test_a_drawn_bridge_stands_for_the_ways_on_it(river: Any, read_osm: Read) -> None:
    drawn = river.square(
        LON + 0.5 * STEP, LAT + 4 * STEP, 2 * STEP,
        {"man_made": "bridge", "name": "Bridge", "bridge:structure": "arch", "layer": "1", "width": "25"},
    )  # fmt: skip
    across(river, 1, 4, 6, bridge="yes", name="On it")
    beside = across(river, 5, 4, 6, bridge="yes", name="Beside it")
    data = read_osm()
    found = rows(data, "bridges")
    assert set(found) == {f"w{drawn}", f"w{beside}"}
    assert (found[f"w{drawn}"]["kind"], found[f"w{drawn}"]["width_m"]) == ("arch", 25)
    assert shape(found[f"w{drawn}"]).geom_type == "Polygon"
    assert sum(row["bridge"] for row in rows(data, "roads").values()) == 2


def test_steps_and_tunnels_of_roads(town: Any, read_osm: Read) -> None:
    steps = town.way([(LON, LAT), (LON, LAT + STEP)], {"highway": "steps", "step_count": "120", "layer": "1"})
    tunnel = town.way([(LON, LAT), (LON + STEP, LAT)], {"highway": "trunk", "tunnel": "yes", "layer": "-2"})
    found = rows(read_osm(), "roads")
    assert (found[f"w{steps}"]["kind"], found[f"w{steps}"]["layer"]) == ("steps", 1)
    assert json.loads(found[f"w{steps}"]["attributes"])["step_count"] == "120"
    assert (found[f"w{tunnel}"]["tunnel"], found[f"w{tunnel}"]["layer"]) == (True, -2)
