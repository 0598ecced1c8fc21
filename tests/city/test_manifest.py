import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shancheng.city.manifest import (
    Created,
    Home,
    InputFile,
    LayerSource,
    Manifest,
    Origin,
    TerrainSource,
    Title,
    credit_text,
    layer_credit,
    parse_manifest,
    read_created,
    read_manifest,
    terrain_credit,
)
from shancheng.errors import NewerSchemaError, NotACityError, OlderSchemaError
from shancheng.geo.bounds import Bounds
from shancheng.geo.quadtree import RootCell

MANIFEST = Manifest(
    name="monaco",
    title=Title(zh="摩纳哥", en="Monaco"),
    extent=Bounds(7.4, 43.7, 7.45, 43.76),
    root_cell=RootCell(7.39, 43.7, 0.0625),
    origin=Origin(7.42, 43.73, 61.5),
    created=Created(inputs=(InputFile("osm", "monaco.osm.pbf", 537903, "ab" * 32, {"crs": "EPSG:4326"}),)),
    terrain=TerrainSource("SRTM", "public domain", "NASA", "surveyed", 1 / 1200, 1 / 1200, voids_filled=12),
    layers={"buildings": LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed", notes='says "so"\nand more')},
    home=Home(7.42, 43.73, 60.0, 315.0, -30.0, 1800.0),
)


@pytest.mark.parametrize(
    "manifest",
    [
        MANIFEST,
        replace(MANIFEST, home=None, layers={}),
        replace(MANIFEST, created=Created(builtin="town", builtin_version="2")),
    ],
)
def test_what_is_written_is_read_back(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "city.toml"
    path.write_text(manifest.to_toml(), encoding="utf-8")
    assert read_manifest(path) == manifest


def test_the_text_has_the_keys_that_the_design_names() -> None:
    document = tomllib.loads(MANIFEST.to_toml())
    assert document["schema_version"] == 2
    assert document["title"] == {"zh": "摩纳哥", "en": "Monaco"}
    assert document["extent"] == {"west": 7.4, "south": 43.7, "east": 7.45, "north": 43.76}
    assert document["root_cell"] == {"west": 7.39, "south": 43.7, "side": 0.0625}
    assert document["origin"] == {"lon": 7.42, "lat": 43.73, "ellipsoidal_height_m": 61.5}
    assert document["home"]["azimuth_deg"] == 315.0
    assert document["layers"]["buildings"]["licence"] == "ODbL-1.0"


def without(path: str) -> dict[str, Any]:
    document = tomllib.loads(MANIFEST.to_toml())
    *tables, key = path.split(".")
    table = document
    for name in tables:
        table = table[name]
    del table[key]
    return document


@pytest.mark.parametrize(
    "key", ["name", "extent", "extent.west", "root_cell.side", "title.zh", "origin.lat", "terrain.licence"]
)
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(NotACityError, match=f"here: the key '{key.rsplit('.', 1)[-1]}' is missing"):
        parse_manifest(without(key), "here")


@pytest.mark.parametrize(
    ("table", "key", "value", "said"),
    [
        ("extent", "west", 500.0, "west=500"),
        ("extent", "west", "far", "far"),
        ("terrain", "voids_filled", "many", "voids_filled='many': must be of type int"),
        ("terrain", "step_lon_deg", True, "step_lon_deg=True: must be of type float"),
        ("root_cell", "side", -1.0, "side=-1.0: must be positive"),
        ("title", "zh", None, "here: "),
    ],
)
def test_a_wrong_value_is_named(table: str, key: str, value: Any, said: str) -> None:
    document = tomllib.loads(MANIFEST.to_toml())
    if value is None:
        document[table] = "Monaco"
    else:
        document[table][key] = value
    with pytest.raises(NotACityError, match=said):
        parse_manifest(document, "here")


def test_whole_numbers_do_for_real_ones_and_unknown_keys_are_passed_over() -> None:
    document = tomllib.loads(MANIFEST.to_toml())
    document["terrain"] |= {"step_lon_deg": 1, "colour": "blue"}
    assert parse_manifest(document, "here").terrain.step_lon_deg == 1.0


def test_a_newer_schema_is_refused_and_a_missing_one_is_no_city() -> None:
    document = tomllib.loads(MANIFEST.to_toml())
    with pytest.raises(
        NewerSchemaError, match="schema_version=3: by a newer Shancheng; this one reads up to 2"
    ):
        parse_manifest({**document, "schema_version": 3}, "here")
    for version in ("1", 0, None):
        with pytest.raises(NotACityError, match="must be a whole number from 1"):
            parse_manifest({**document, "schema_version": version}, "here")


def test_an_older_schema_is_refused_with_what_to_do() -> None:
    document = {**tomllib.loads(MANIFEST.to_toml()), "schema_version": 1}
    with pytest.raises(
        OlderSchemaError, match=r"schema_version=1: by an older .* city create monaco ... --replace"
    ):
        parse_manifest(document, "here")


def test_what_a_city_was_made_from_is_read_of_any_version(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    path.write_text(MANIFEST.to_toml().replace("schema_version = 2", "schema_version = 1"), encoding="utf-8")
    assert read_created(path) == MANIFEST.created
    path.write_text('created = "yesterday"')
    with pytest.raises(NotACityError, match="does not say what the city was made from"):
        read_created(path)


@pytest.mark.parametrize("options", ["EPSG:4326", {"crs": 4326}])
def test_options_are_texts(options: Any) -> None:
    document = tomllib.loads(MANIFEST.to_toml())
    document["created"]["inputs"][0]["options"] = options
    with pytest.raises(NotACityError, match=r"options=.*: must be a table of texts"):
        parse_manifest(document, "here")


def test_a_source_goes_into_a_file_and_back() -> None:
    source = MANIFEST.layers["buildings"]
    assert layer_credit(credit_text(source)) == source
    assert terrain_credit(credit_text(MANIFEST.terrain)) == MANIFEST.terrain
    for text in (None, "", "[]", "{}", '{"source": 1}', b"\xff", "null"):
        assert layer_credit(text) is None
        assert terrain_credit(text) is None


def test_what_is_no_manifest(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    with pytest.raises(NotACityError, match=r"no city, its city.toml cannot be read"):
        read_manifest(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(NotACityError, match="cannot be read"):
        read_manifest(path)
    path.write_text("not = = toml")
    with pytest.raises(NotACityError, match="not TOML"):
        read_manifest(path)


def test_options_tell_requests_apart() -> None:
    asked = MANIFEST.created
    other = Created(inputs=(replace(asked.inputs[0], options={}),))
    assert other.arguments != asked.arguments


def test_file_names_do_not_tell_requests_apart_but_contents_do() -> None:
    asked = MANIFEST.created
    renamed = Created(inputs=(replace(asked.inputs[0], file="other.pbf"),))
    other = Created(inputs=(replace(asked.inputs[0], sha256="cd" * 32),))
    assert renamed.arguments == asked.arguments
    assert other.arguments != asked.arguments
    assert Created(builtin="town", builtin_version="1").arguments != Created(builtin="town").arguments
