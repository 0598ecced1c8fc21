import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from shancheng.city import geoparquet
from shancheng.city.geoparquet import read_layer, sorted_by_id, write_layer_file
from shancheng.city.schema import LAYERS, layer_table
from shancheng.errors import LayerChangedError, LayerSchemaError


def test_a_layer_comes_back_as_it_was(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    table = buildings(["a", "b"], levels=[3, None], roof_shape=["flat", None])
    write_layer_file(tmp_path / "buildings.parquet", table)
    back = read_layer(tmp_path / "buildings.parquet", "buildings")
    assert back.schema.equals(LAYERS["buildings"], check_metadata=False)
    assert back.to_pylist() == table.to_pylist()
    assert read_layer(tmp_path / "buildings.parquet", "buildings", ["id", "kind"]).column_names == [
        "id",
        "kind",
    ]


def test_the_metadata_is_geoparquet_1_1(tmp_path: Path) -> None:
    shapes = [shapely.box(7, 43, 8, 44), shapely.MultiPolygon([shapely.box(9, 45, 10, 46)])]
    table = layer_table("water", geometry=shapes, id=["a", "b"], kind="lake", provenance="surveyed")
    write_layer_file(tmp_path / "water.parquet", table)
    file = pq.ParquetFile(tmp_path / "water.parquet")
    geo = json.loads(file.metadata.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["MultiPolygon", "Polygon"]
    assert column["bbox"] == [7.0, 43.0, 10.0, 46.0]
    assert column["covering"]["bbox"] == {edge: ["bbox", edge] for edge in ("xmin", "ymin", "xmax", "ymax")}
    assert "crs" not in column  # which means OGC:CRS84
    wkb = file.read(columns=["geometry"]).column("geometry").to_pylist()
    assert all(a.equals(b) for a, b in zip(shapely.from_wkb(wkb), shapes, strict=True))
    assert {file.metadata.row_group(0).column(i).compression for i in range(file.metadata.num_columns)} == {
        "ZSTD"
    }


def types_of(table: pa.Table) -> Any:
    geo = geoparquet._Geo()
    geo.add(table)
    return geo.metadata()["columns"]["geometry"]["geometry_types"]


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)]), shapely.box(0, 0, 1, 1),
        shapely.MultiPoint([(0, 0)]), shapely.MultiLineString([[(0, 0), (1, 1)]]),
    ],
)  # fmt: skip
def test_geometry_types_are_those_that_shapely_sees(shape: shapely.Geometry) -> None:
    table = layer_table("green", geometry=[shape], id=["a"], kind="park", provenance="surveyed")
    assert types_of(table) == [shape.geom_type]


@pytest.mark.parametrize("flavour", ["iso", "extended"])
def test_the_third_dimension_is_seen_in_both_dialects_of_wkb(flavour: str) -> None:
    wkb = shapely.to_wkb(shapely.Point(1, 2, 3), flavor=flavour, byte_order=1)
    bbox = pa.array([{"xmin": 1.0, "ymin": 2.0, "xmax": 1.0, "ymax": 2.0}])
    table = pa.table({"geometry": pa.array([wkb], pa.binary()), "bbox": bbox})
    assert types_of(table) == ["Point Z"]


def test_what_is_no_wkb_has_no_type(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    table = buildings(["a", "b", "c"])
    wkb = [b"", b"nonsense", table.column("geometry")[2].as_py()]
    at = table.schema.get_field_index("geometry")
    spoilt = table.set_column(at, table.schema.field(at), pa.array(wkb, pa.binary()))
    assert types_of(spoilt) == ["Polygon"]
    write_layer_file(tmp_path / "buildings.parquet", spoilt)
    assert read_layer(tmp_path / "buildings.parquet", "buildings").column("geometry").to_pylist() == wkb


def test_equal_content_makes_equal_files(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    whole = sorted_by_id(buildings(["c", "a", "b"]))
    assert whole.column("id").to_pylist() == ["a", "b", "c"]
    pieces = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    again = read_back(tmp_path, whole)
    for name, rows in {
        "whole": whole, "pieces": pieces, "reader": pieces.to_reader(), "read": again
    }.items():  # fmt: skip
        write_layer_file(tmp_path / name, rows)
        assert (tmp_path / "whole").read_bytes() == (tmp_path / name).read_bytes(), name


def read_back(folder: Path, table: pa.Table) -> pa.Table:
    write_layer_file(folder / "buildings.parquet", table)
    return read_layer(folder / "buildings.parquet", "buildings")


def test_groups_are_full_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(geoparquet, "ROW_GROUP_ROWS", 7)
    ids = [f"n{number:03}" for number in range(40)]
    kinds = ["city", "town", "village", "town"] * 10
    points = shapely.points(np.linspace(7, 8, 40), np.full(40, 43.0))
    table = layer_table("places", geometry=points, id=ids, kind=kinds, provenance="surveyed", rank=1)
    edges = [0, 1, 1, 9, 12, 33, 40]
    pieces = pa.concat_tables([table.slice(a, b - a) for a, b in pairwise(edges)])
    for name, rows in {"whole": table, "pieces": pieces.to_reader()}.items():
        write_layer_file(tmp_path / name, rows)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    metadata = pq.ParquetFile(tmp_path / "whole").metadata
    assert [metadata.row_group(group).num_rows for group in range(6)] == [7, 7, 7, 7, 7, 5]
    assert read_layer(tmp_path / "whole", "places").column("kind").to_pylist() == kinds


def test_an_empty_layer_is_a_valid_file(tmp_path: Path) -> None:
    table = layer_table("green", geometry=[], id=[], kind=[], provenance=[])
    write_layer_file(tmp_path / "green.parquet", table)
    assert read_layer(tmp_path / "green.parquet", "green").num_rows == 0


def test_many_rows_make_row_groups_whose_ids_do_not_overlap(tmp_path: Path) -> None:
    n_rows = geoparquet.ROW_GROUP_ROWS + 10
    points = shapely.points(np.linspace(7, 8, n_rows), np.full(n_rows, 43.0))
    ids = [f"n{number:06}" for number in range(n_rows)]
    table = layer_table("places", geometry=points, id=ids, kind="city", provenance="surveyed", rank=1)
    write_layer_file(tmp_path / "places.parquet", table)
    metadata = pq.ParquetFile(tmp_path / "places.parquet").metadata
    first, second = (metadata.row_group(group).column(0).statistics for group in range(2))
    assert metadata.num_row_groups == 2
    assert first.max < second.min


def test_damaged_files_are_named(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    path = tmp_path / "buildings.parquet"
    with pytest.raises(LayerChangedError, match=r"buildings.parquet: is missing"):
        read_layer(path, "buildings")
    path.write_text("no parquet")
    with pytest.raises(LayerChangedError, match=r"buildings.parquet: not a Parquet file"):
        read_layer(path, "buildings")
    write_layer_file(path, buildings(["a"]))
    whole = bytearray(path.read_bytes())
    whole[4:200] = b"\x00" * 196
    path.write_bytes(whole)
    with pytest.raises((LayerChangedError, LayerSchemaError), match="buildings"):
        read_layer(path, "buildings")
