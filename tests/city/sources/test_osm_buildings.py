"""Simple 3D Buildings: parts and their outlines, roofs, heights with roofs, and what is kept of all tags."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.sources.base import CityData
from shancheng.city.sources.osm_attributes import MOST_BYTES, attributes_of
from shancheng.city.sources.osm_colours import colour_of
from shancheng.city.sources.osm_roofs import rises_m, roof_direction_deg, roof_orientation, roof_shape

LON, LAT = 106.58, 29.56
SIDE = 0.0002
Read = Callable[[], CityData]


def rows(data: CityData, layer: str = "buildings") -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in data.layers[layer].to_pylist()}


def parents(data: CityData) -> dict[str, str | None]:
    return {local_id: row["parent_id"] for local_id, row in rows(data).items()}


# Relations of the type `building`


def test_a_relation_says_whose_part_it_is(osm_file: Any, read_osm: Read) -> None:
    # The part overhangs: its middle lies on the neighbour, and by place alone it would be the neighbour's.
    outline = osm_file.square(LON, LAT, 2 * SIDE, {"building": "yes"})
    osm_file.square(LON + 2 * SIDE, LAT, 3 * SIDE, {"building": "yes"})
    part = osm_file.way(
        [
            (LON, LAT),
            (LON + 6 * SIDE, LAT),
            (LON + 6 * SIDE, LAT + 2 * SIDE),
            (LON, LAT + 2 * SIDE),
        ],
        {"building:part": "yes", "height": "30"},
        closed=True,
    )
    assert parents(read_osm()) == {"w1": None, "w2": None, "w3": "w2"}
    osm_file.relation([("w", outline, "outline"), ("w", part, "part")], {"type": "building"})
    assert parents(read_osm()) == {"w1": None, "w2": None, "w3": "w1"}


def test_a_relation_does_not_make_an_outline_vanish(osm_file: Any, read_osm: Read) -> None:
    outline = osm_file.square(LON, LAT, 4 * SIDE, {"building": "yes"})
    part = osm_file.square(LON, LAT, SIDE, {"building:part": "yes"})
    osm_file.relation([("w", outline, "outline"), ("w", part, "part")], {"type": "building"})
    assert parents(read_osm()) == {"w1": None, "w2": None}


def test_the_tags_of_a_relation_fill_those_of_its_outline(osm_file: Any, read_osm: Read) -> None:
    outline = osm_file.square(LON, LAT, SIDE, {"building": "yes", "name": "Own"})
    osm_file.relation(
        [("w", outline, "outline")],
        {"type": "building", "building": "office", "name": "Other", "name:en": "Tower", "height": "99"},
    )
    data = read_osm()
    row = rows(data)["w1"]
    assert (row["kind"], row["name"], row["name_en"]) == ("yes", "Own", "Tower")
    assert (row["height_m"], row["height_provenance"]) == (99, "surveyed")
    assert data.set_aside == []


def test_an_outline_without_tags_is_found_by_its_relation(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON - SIDE, LAT, SIDE, {"building": "yes"})
    bare = osm_file.square(LON, LAT, 2 * SIDE, {})
    part = osm_file.square(LON, LAT, 1.9 * SIDE, {"building:part": "yes"})
    members = [("w", bare, "outline"), ("w", part, "part")]
    osm_file.relation(members, {"type": "building", "building": "hotel", "name": "Grand"})
    data = read_osm()
    found = rows(data)
    assert (found["w2"]["kind"], found["w2"]["name"]) == ("hotel", "Grand")
    assert shapely.from_wkb(found["w2"]["geometry"]).area == pytest.approx(4 * SIDE**2)
    assert found["w3"]["parent_id"] == "w2"


def test_relations_that_lead_nowhere(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes"})
    osm_file.relation([("w", 999, "outline"), ("w", 998, "part")], {"type": "building", "building": "yes"})
    osm_file.relation([("w", 1, "part")], {"type": "building", "building": "yes"})
    osm_file.relation([("w", 1, "part"), ("r", 3, "outline")], {"type": "building"})
    osm_file.relation([("n", 1, "label")], {"type": "site", "building": "yes"})
    data = read_osm()
    assert list(rows(data)) == ["w1"]
    assert {entry.id: entry.reason for entry in data.set_aside} == {
        "r1": "not all ways of its outline are in the file",
        "r2": "a relation of the type building without an outline",
        "r4": "a relation of the type site encloses no area",
    }


def test_a_multipolygon_can_be_an_outline(osm_file: Any, read_osm: Read) -> None:
    outer = osm_file.square(LON, LAT, 4 * SIDE, {})
    inner = osm_file.square(LON + SIDE, LAT + SIDE, SIDE, {})
    part = osm_file.square(LON, LAT, 3.5 * SIDE, {"building:part": "yes"})
    osm_file.relation(
        [("w", outer, "outer"), ("w", inner, "inner")], {"type": "multipolygon", "building": "yes"}
    )
    osm_file.relation([("r", 1, "outline"), ("w", part, "part")], {"type": "building"})
    assert parents(read_osm()) == {"r1": None, "w3": "r1"}


def test_a_building_that_is_also_a_part_belongs_to_the_larger_one(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, 2 * SIDE, {"building": "church"})
    osm_file.square(LON, LAT, 1.9 * SIDE, {"building": "church", "building:part": "yes"})
    osm_file.square(LON + 0.001, LAT, SIDE, {"building": "yes", "building:part": "yes"})
    assert parents(read_osm()) == {"w1": None, "w2": "w1", "w3": None}


def test_two_that_claim_each_other_are_nobodys_ancestors(osm_file: Any, read_osm: Read) -> None:
    for _ in range(2):
        osm_file.square(LON, LAT, SIDE, {"building": "yes", "building:part": "yes"})
    osm_file.relation([("w", 1, "outline"), ("w", 2, "part")], {"type": "building"})
    osm_file.relation([("w", 2, "outline"), ("w", 1, "part")], {"type": "building"})
    assert parents(read_osm()) == {"w1": None, "w2": None}


def test_what_lies_underground_is_not_drawn_above(osm_file: Any, read_osm: Read) -> None:
    osm_file.square(LON, LAT, SIDE, {"building": "yes", "layer": "-1"})
    osm_file.square(LON + SIDE, LAT, SIDE, {"building": "parking", "location": "underground"})
    osm_file.square(LON, LAT, SIDE, {"natural": "water", "water": "reservoir", "covered": "yes"})
    data = read_osm()
    assert list(rows(data)) == ["w1"]
    assert rows(data, "water") == {}
    assert [(entry.layer, entry.id, entry.reason) for entry in data.set_aside] == [
        ("buildings", "w2", "lies underground"), ("water", "w3", "lies underground"),
    ]  # fmt: skip


# Roofs


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("flat", "flat"), ("gabled", "gabled"), ("hipped", "hipped"), ("pyramidal", "pyramidal"),
        ("dome", "dome"), ("onion", "onion"), ("Half-Hipped", "half-hipped"), ("half_hipped", "half-hipped"),
        ("gable", "gabled"), ("pitched", "gabled"), (" Gabled ", "gabled"), ("gabled;flat", "gabled"),
        ("shed", "skillion"), ("side hipped", "side_hipped"), ("barrel", "round"), ("many", None),
        ("9.0", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_words_for_roofs(text: str | None, word: str | None) -> None:
    assert roof_shape(text) == word


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("N", 0), ("ne", 45), ("SSW", 202.5), ("NNW", 337.5), ("90", 90), ("90.5°", 90.5), ("450", 90),
        ("-90", 270), ("360", 0), ("north-west", 315), ("South", 180), ("12,5", 12.5), ("up", math.nan),
        ("", math.nan), (None, math.nan), ("1e5", math.nan),
    ],
)  # fmt: skip
def test_directions_of_roofs(text: str | None, degrees: float) -> None:
    assert roof_direction_deg(text) == pytest.approx(degrees, nan_ok=True)


def test_orientations_of_roofs() -> None:
    assert [roof_orientation(word) for word in ("along", "across", "north", None)] == [
        "along", "across", None, None,
    ]  # fmt: skip


def test_roofs_become_columns(osm_file: Any, read_osm: Read) -> None:
    tags = {"building": "house", "height": "12", "roof:shape": "gabled", "roof:height": "3 m"}
    osm_file.square(LON, LAT, SIDE, {**tags, "roof:direction": "SW", "roof:orientation": "across"})
    osm_file.square(LON + SIDE, LAT, SIDE, {"building": "yes", "roof:shape": "many"})
    found = rows(read_osm())
    names = ("roof_shape", "roof_height_m", "roof_direction_deg", "roof_orientation")
    assert [found["w1"][name] for name in names] == ["gabled", 3, 225, "across"]
    assert [found["w2"][name] for name in names] == [None] * 4
    # The mapper's own word is not lost.
    assert json.loads(found["w2"]["attributes"])["roof:shape"] == "many"


def test_storeys_and_slopes_of_a_roof_give_its_height(osm_file: Any, read_osm: Read) -> None:
    low = {"building": "yes", "building:levels": "4"}
    for number, tags in enumerate(
        [
            {**low, "roof:levels": "2"},
            {**low, "roof:levels": "2", "roof:height": "5"},
            {**low, "roof:shape": "gabled", "roof:angle": "45"},
            {**low, "roof:shape": "skillion", "roof:angle": "45", "roof:levels": "1"},
            {**low, "roof:shape": "dome", "roof:angle": "45"},
            {**low, "height": "14", "roof:levels": "1"},
            {"building": "yes", "height": "3", "roof:levels": "1"},
        ]
    ):
        osm_file.way(
            [
                (LON + number * 0.001 + dx, LAT + dy)
                for dx, dy in ((0, 0), (2 * SIDE, 0), (2 * SIDE, SIDE), (0, SIDE))
            ],
            tags,
            closed=True,
        )
    found = rows(read_osm())
    side_m = SIDE * 111_320
    roof = {local_id: row["roof_height_m"] for local_id, row in found.items()}
    assert [roof[f"w{n}"] for n in (1, 2, 5, 6, 7)] == pytest.approx([6.4, 5, None, 3.2, None])
    assert roof["w3"] == pytest.approx(side_m / 2, rel=0.01)
    assert roof["w4"] == pytest.approx(side_m, rel=0.01)
    assert found["w1"]["height_m"] == pytest.approx(12.8 + 6.4)
    assert found["w3"]["height_m"] == pytest.approx(12.8 + side_m / 2, rel=0.01)
    assert (found["w6"]["height_m"], found["w6"]["levels"]) == (14, 4)
    assert {found[f"w{n}"]["height_provenance"] for n in range(1, 6)} == {"approximate"}


def test_slopes_that_say_nothing() -> None:
    house = np.array([shapely.box(0, 0, 1e-4, 1e-4)] * 5, dtype=object)
    rises = rises_m(["gabled"] * 5, ["0", "-10", "90", "steep", None], house)
    assert np.isnan(rises).all()
    assert rises_m([], [], np.array([], dtype=object)).shape == (0,)


# Attributes


def test_attributes_keep_all_but_people(osm_file: Any, read_osm: Read) -> None:
    tags = {
        "building": "retail", "name": "Shop", "name:zh": "店", "addr:street": "Main", "level": "1",
        "contact:phone": "+86 1", "contact:email": "a@example.com", "phone": "+86 2", "operator:phone": "3",
        "phone_1": "4", "email": "b@example.com", "fax": "5", "mobile": "6", "owner": "Mr X",
        "contact:facebook": "x", "source": "survey", "note": "seen", "fixme": "roof", "created_by": "JOSM",
        "communication:mobile_phone": "yes",
    }  # fmt: skip
    osm_file.square(LON, LAT, SIDE, tags)
    row = rows(read_osm())["w1"]
    assert json.loads(row["attributes"]) == {
        "building": "retail", "name:zh": "店", "addr:street": "Main", "level": "1",
        "communication:mobile_phone": "yes",
    }  # fmt: skip


def test_attributes_are_bounded() -> None:
    (text,) = attributes_of([{"building": "yes", "description": "x" * 5000, "z": "short", "a": "y" * 1500}])
    assert json.loads(text or b"") == {"building": "yes", "z": "short", "a": "y" * 1500}
    (many,) = attributes_of([{f"key{n:05d}": "value" for n in range(10_000)}])
    assert len(many or b"") <= MOST_BYTES
    assert len(json.loads(many or b"")) > 90
    (wide,) = attributes_of([{"a": "重" * 600, "b": '"' * 1000, "c": "\\" * 500}])
    assert len(wide or b"") <= MOST_BYTES
    assert set(json.loads(wide or b"")) == {"c"}
    assert attributes_of([{}, {"name": "x"}]) == [None, None]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#FF8800", "#ff8800"), ("ff8800", "#ff8800"), ("#f80", "#ff8800"), ("Red", "#ff0000"),
        ("blue;red", "#0000ff"), ("#ff88", None), ("rgb(1,2,3)", None), ("reddish", None), ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_colours(text: str | None, colour: str | None) -> None:
    assert colour_of(text) == colour
