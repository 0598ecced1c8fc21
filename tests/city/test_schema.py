from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city.schema import LAYERS, conform, layer_table, validate_layer
from shancheng.errors import LayerSchemaError

SQUARE = [shapely.box(7.0, 43.0, 7.5, 43.25)]
COMMON = [
    "id", "index", "kind", "name", "name_en", "provenance", "accuracy_m", "source", "valid_from", "valid_to",
    "attributes",
]  # fmt: skip


def building(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "id": ["w1"], "kind": ["yes"], "provenance": "surveyed", "height_m": [12.5],
        "height_provenance": "modelled", "min_height_m": 0,
    }  # fmt: skip
    return layer_table("buildings", geometry=SQUARE, **{**columns, **changes})


def test_every_standard_layer_has_a_schema_with_the_common_columns() -> None:
    names = "buildings roads rail rail_stations water green bridges landmarks districts places"
    more = (
        "base_stations compute_sites elevators sensors transit_stops transit_routes transit_shapes "
        "building_elements"
    )
    assert set(LAYERS) == {*names.split(), *more.split()}
    for schema in LAYERS.values():
        assert schema.names[: len(COMMON)] == COMMON
        assert schema.names[-2:] == ["geometry", "bbox"]


def test_a_table_from_columns_has_exactly_the_schema_and_the_boxes() -> None:
    table = building(name=["Tower"], valid_from=[datetime(2006, 1, 1, tzinfo=UTC)])
    assert table.schema.equals(LAYERS["buildings"])
    row = table.to_pylist()[0]
    assert row["bbox"] == {"xmin": 7.0, "ymin": 43.0, "xmax": 7.5, "ymax": 43.25}
    assert shapely.from_wkb(row["geometry"]).equals(SQUARE[0])
    assert row["geometry"][0] == 1  # little endian
    assert (row["name"], row["name_en"], row["levels"]) == ("Tower", None, None)
    assert row["valid_from"] == datetime(2006, 1, 1, tzinfo=UTC)


def test_geometry_may_be_wkb_and_columns_may_be_arrow() -> None:
    wkb = [shapely.to_wkb(SQUARE[0])]
    words = pa.array(["surveyed"]).dictionary_encode()
    table = layer_table(
        "places",
        geometry=wkb,
        id=pa.array(["n1"]),
        kind="city",
        provenance=words,
        rank=np.array([1], np.int64),
    )
    assert table.schema.equals(LAYERS["places"])
    assert table.column("bbox").to_pylist()[0]["xmax"] == 7.5


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_every_layer_may_be_empty(layer: str) -> None:
    required = {field.name: [] for field in LAYERS[layer] if not field.nullable}
    columns = {name: value for name, value in required.items() if name not in {"index", "bbox", "geometry"}}
    table = layer_table(layer, geometry=[], **columns)
    assert table.num_rows == 0
    assert table.schema.equals(LAYERS[layer])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"height_m": None}, r"buildings.height_m: required"),
        ({"colour": "red"}, r"unknown columns \['colour'\]"),
        ({"id": ["a", "b"]}, r"buildings.id: 2 values for 1"),
        ({"height_m": ["tall"]}, r"buildings.height_m: "),
        ({"provenance": "guessed"}, r"buildings.provenance: 'guessed' must be one of surveyed"),
        ({"height_provenance": "guessed"}, r"buildings.height_provenance: 'guessed'"),
        ({"id": [None]}, r"buildings.id: 1 values are missing"),
    ],
)
def test_a_wrong_column_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LayerSchemaError, match=said):
        building(**changes)


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(LayerSchemaError, match="clouds: no such layer"):
        layer_table("clouds", geometry=[])


@pytest.mark.parametrize("column", ["id", "index"])
def test_what_must_be_unique_is_checked(column: str) -> None:
    twice = pa.concat_tables([building(), building(id=["w2"])])
    fixed = twice.set_column(1, twice.schema.field(1), pa.array([0, 1], pa.uint32()))
    assert validate_layer("buildings", fixed).num_rows == 2
    broken = twice if column == "index" else pa.concat_tables([building(), building()])
    with pytest.raises(LayerSchemaError, match=r"buildings\.(id|index): .* stands more than once"):
        validate_layer("buildings", broken)


def test_wider_types_of_other_tools_are_taken_and_other_kinds_refused() -> None:
    table = building()
    at = table.schema.get_field_index("height_m")
    wide = table.set_column(at, "height_m", pa.array([12.5], pa.float64()))
    wide = wide.set_column(0, "id", pa.array(["w1"], pa.large_string()))
    wide = wide.set_column(2, "kind", pa.array(["yes"]))
    assert validate_layer("buildings", wide).schema.equals(LAYERS["buildings"])
    with pytest.raises(LayerSchemaError, match=r"buildings.height_m: type string, needed: float"):
        validate_layer("buildings", table.set_column(at, "height_m", pa.array(["12.5"])))
    with pytest.raises(LayerSchemaError, match=r"columns \['height_m'\] are missing"):
        validate_layer("buildings", table.drop_columns(["height_m"]))


def test_a_number_that_does_not_fit_is_refused() -> None:
    table = building(levels=[3])
    at = table.schema.get_field_index("levels")
    with pytest.raises(LayerSchemaError, match=r"buildings.levels"):
        validate_layer("buildings", table.set_column(at, "levels", pa.array([70_000], pa.int64())))


def test_extra_columns_are_kept_behind() -> None:
    table = building().append_column("owner", pa.array(["city"]))
    checked = validate_layer("buildings", table)
    assert checked.column_names == [*LAYERS["buildings"].names, "owner"]


def test_conform_narrows_the_index_of_dictionaries() -> None:
    words = pa.chunked_array([pa.array(["yes", None, "no"]).dictionary_encode()])
    table = conform("rail", pa.table({"source": words}))
    assert table.schema.field("source").type == pa.dictionary(pa.int16(), pa.string())
    assert table.column("source").to_pylist() == ["yes", None, "no"]


def test_shapes_and_their_bytes_as_a_pair() -> None:
    shapes = np.array([shapely.box(0, 0, 1, 2)], dtype=object)
    columns = {"id": ["a"], "kind": "park", "provenance": "surveyed"}
    pair = layer_table("green", geometry=(shapes, pa.array(shapely.to_wkb(shapes))), **columns)
    assert pair.equals(layer_table("green", geometry=shapes, **columns))
