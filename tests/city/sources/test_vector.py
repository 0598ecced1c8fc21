"""The source `vector`: formats, columns, reference systems, ids, layers of our own."""

import gc
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from shancheng.city.geoparquet import write_layer_file
from shancheng.city.schema import LAYERS
from shancheng.city.sources import read_source, vector_build, vector_opened
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.vector import read
from shancheng.errors import SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import from_lonlat
from shancheng.geo.gcj02 import bd09_from_gcj02, gcj02_from_wgs84
from shancheng.progress import NullProgress

LON, LAT = 106.55, 29.56
SIDE = 0.0002

Load = Callable[..., CityData]


def load(path: Path, **options: Any) -> CityData:
    return read(path, SourceOptions(**options), NullProgress())


def squares(n: int, *, lon: float = LON, lat: float = LAT) -> Any:
    west = lon + 0.001 * np.arange(n)
    return shapely.box(west, lat, west + SIDE, lat + SIDE)


def geo(crs: Any = "OGC:CRS84", *, covering: bool = False, encoding: str = "WKB") -> dict[str, str]:
    column: dict[str, Any] = {"encoding": encoding, "geometry_types": []}
    if crs is None:
        column["crs"] = None
    elif crs != "OGC:CRS84":
        column["crs"] = json.loads(pyproj.CRS(crs).to_json())
    if covering:
        column["covering"] = {"bbox": {edge: ["bbox", edge] for edge in ("xmin", "ymin", "xmax", "ymax")}}
    document = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return {"geo": json.dumps(document)}


def write_parquet(path: Path, shapes: Any, crs: Any = "OGC:CRS84", **columns: Any) -> Path:
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(shapes))})
    pq.write_table(table.replace_schema_metadata(geo(crs)), path)
    return path


def write_gdal(path: Path, shapes: Any, crs: str | None = "EPSG:4326", **columns: Any) -> Path:
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(shapes))})
    kind = shapes[0].geom_type if len(shapes) else "Polygon"
    options = {} if crs is None else {"crs": crs}
    pyogrio.write_arrow(table, path, geometry_name="geometry", geometry_type=kind, **options)
    return path


def write_geojson(path: Path, shapes: Any, *rows: dict[str, Any], **members: Any) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": row,
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
        }
        for shape, row in zip(shapes, rows or [{}] * len(shapes), strict=True)
    ]
    path.write_text(
        json.dumps({"type": "FeatureCollection", **members, "features": features}), encoding="utf-8"
    )
    return path


def rows(data: CityData, layer: str = "buildings") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data.layers[layer].to_pylist()
    return found


def use(data: CityData) -> dict[str, tuple[str, bool]]:
    return {one.ours: (one.theirs, one.guessed) for one in data.column_use}


# --- formats


@pytest.mark.parametrize("ending", ["parquet", "geojson", "geojsonl", "gpkg", "shp", "fgb", "shp.zip"])
def test_every_format_gives_the_same_rows(tmp_path: Path, ending: str) -> None:
    columns = {
        "key": ["a", "b", "c"],
        "height": [12.5, None, 30.0],
        "floors": [None, 4, 9],
        "name": ["大楼", None, "Z"],
    }
    path = tmp_path / f"parcels.{ending}"
    if ending == "parquet":
        write_parquet(path, squares(3), **columns)
    elif ending == "shp.zip":
        write_gdal(tmp_path / "parcels.shp", squares(3), **columns)
        with zipfile.ZipFile(path, "w") as archive:
            for part in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
                archive.write(tmp_path / f"parcels{part}", f"inside/parcels{part}")
    else:
        write_gdal(path, squares(3), **columns)
    data = load(path, layer="buildings", columns={"id": "key"}, licence="CC0-1.0")
    # FlatGeobuf sorts by place.
    found = sorted(rows(data), key=lambda row: row["id"])
    assert [row["id"] for row in found] == ["a", "b", "c"]
    assert [(row["height_m"], row["height_provenance"]) for row in found] == [
        (12.5, "surveyed"),
        (pytest.approx(12.8), "approximate"),
        (30.0, "surveyed"),
    ]
    assert [row["name"] for row in found] == ["大楼", None, "Z"]
    assert [row["levels"] for row in found] == [None, 4, 9]
    assert shapely.from_wkb(found[0]["geometry"]).equals(squares(1)[0])
    assert data.extent == Bounds(LON, LAT, LON + 0.002 + SIDE, LAT + SIDE)
    assert data.set_aside == []


def test_upper_case_names_of_a_shapefile_and_its_sidecars(tmp_path: Path) -> None:
    write_gdal(tmp_path / "a.shp", squares(2), HEIGHT=[3.0, 4.0])
    for part in ("shp", "shx", "dbf", "prj", "cpg"):
        (tmp_path / f"a.{part}").rename(tmp_path / f"B.{part.upper()}")
    data = load(tmp_path / "B.SHP", layer="buildings")
    assert [row["height_m"] for row in rows(data)] == [3.0, 4.0]
    assert use(data)["height_m"] == ("HEIGHT", True)


def test_chinese_text_of_a_shapefile_that_does_not_say_its_encoding(tmp_path: Path) -> None:
    write_gdal(tmp_path / "a.shp", squares(1), name=["abcdefgh"])
    (tmp_path / "a.cpg").unlink()
    dbf = bytearray((tmp_path / "a.dbf").read_bytes().replace(b"abcdefgh", "解放碑塔".encode("gb18030")))
    dbf[29] = 0
    (tmp_path / "a.dbf").write_bytes(dbf)
    data = load(tmp_path / "a.shp", layer="buildings")
    assert rows(data)[0]["name"] == "解放碑塔"
    assert any("gb18030" in remark for remark in data.remarks)


def test_geopackage_with_several_tables_wants_one_named(tmp_path: Path) -> None:
    path = write_gdal(tmp_path / "a.gpkg", squares(1), height=[5.0])
    table = pa.table({"height": [9.0], "geometry": pa.array(shapely.to_wkb(squares(1)))})
    pyogrio.write_arrow(
        table,
        path,
        layer="towers",
        geometry_name="geometry",
        geometry_type="Polygon",
        crs="EPSG:4326",
        append=True,
    )
    with pytest.raises(SettingError, match="holds a, towers; name one of these with --table"):
        load(path, layer="buildings")
    assert rows(load(path, layer="buildings", table="towers"))[0]["height_m"] == 9.0


def test_geopackage_keeps_its_own_keys_as_ids(tmp_path: Path) -> None:
    data = load(write_gdal(tmp_path / "a.gpkg", squares(3)), layer="buildings")
    assert [row["id"] for row in rows(data)] == ["1", "2", "3"]


def test_numbers_as_ids_of_geojson(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", squares(2))
    document = json.loads(path.read_text())
    for feature, number in zip(document["features"], (70, 12), strict=True):
        feature["id"] = number
    path.write_text(json.dumps(document))
    assert [row["id"] for row in rows(load(path, layer="buildings"))] == ["70", "12"]


def test_a_line_that_is_no_feature_is_listed(tmp_path: Path) -> None:
    feature = '{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[106.5,29.5]}}'
    path = tmp_path / "a.geojsonl"
    path.write_text(f"{feature}\n{feature[:-9]}\n\n{feature}\n")
    data = load(path, layer="sensors")
    assert data.layers["sensors"].num_rows == 2
    assert [(one.id, one.reason[:8]) for one in data.set_aside] == [("line 2", "no JSON:")]


def test_geoparquet_with_arrow_encoding(tmp_path: Path) -> None:
    corner = pa.struct([("x", pa.float64()), ("y", pa.float64())])
    ring = [{"x": x, "y": y} for x, y in shapely.get_coordinates(squares(1)[0])]
    column = pa.array([[ring], None], pa.list_(pa.list_(corner)))
    table = pa.table({"height": [7.0, 8.0], "geometry": column})
    pq.write_table(table.replace_schema_metadata(geo(encoding="polygon")), tmp_path / "a.parquet")
    data = load(tmp_path / "a.parquet", layer="buildings")
    assert shapely.from_wkb(rows(data)[0]["geometry"]).equals(squares(1)[0])
    assert [one.id for one in data.set_aside] == ["row 2"]


def test_big_files_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("vector_geoparquet", "vector_gdal"):
        monkeypatch.setattr(f"shancheng.city.sources.{module}.BATCH_ROWS", 100)
    heights = np.arange(1.0, 1001.0) / 10
    for path in (
        write_parquet(tmp_path / "a.parquet", squares(1000), height=heights),
        write_gdal(tmp_path / "a.gpkg", squares(1000), height=heights),
        write_gdal(tmp_path / "a.geojson", squares(1000), height=heights),
    ):
        data = load(path, layer="buildings")
        table = data.layers["buildings"]
        assert table.num_rows == 1000
        assert table.column("index").to_pylist() == list(range(1000))
        np.testing.assert_allclose(table.column("height_m").to_numpy(), heights, rtol=1e-6)
    assert vector_opened.BATCH_ROWS == 65_536


def test_the_collector_is_on_again_whatever_happens(tmp_path: Path) -> None:
    load(write_parquet(tmp_path / "a.parquet", squares(1)), layer="buildings")
    assert gc.isenabled()
    with pytest.raises(SourceFileError, match="swapped"):
        load(write_parquet(tmp_path / "b.parquet", squares(1, lon=LAT, lat=LON)), layer="buildings")
    assert gc.isenabled()


# --- columns


def test_guessed_columns_are_shown_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        squares(2),
        osm_id=["w1", "w2"],
        高度=["12 m", None],
        层数=[3, 5],
        名称=["甲", "乙"],
        用途=["office", None],
        year=[1990, None],
        tags=[{"roof": "flat"}, None],
    )
    data = load(path, layer="buildings")
    assert use(data) == {
        "id": ("osm_id", True),
        "kind": ("用途", True),
        "name": ("名称", True),
        "height_m": ("高度", True),
        "levels": ("层数", True),
    }
    first, second = rows(data)
    assert (first["kind"], first["name"], first["height_m"]) == ("office", "甲", 12.0)
    assert (second["kind"], second["levels"], second["height_provenance"]) == ("yes", 5, "approximate")
    assert orjson.loads(first["attributes"]) == {"year": 1990, "tags": {"roof": "flat"}}
    assert second["attributes"] is None


def test_given_columns_go_before_guesses_and_none_can_be_asked_for(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(1), height=[3.0], h2=[50.0], type=["office"])
    data = load(path, layer="buildings", columns={"height_m": "h2", "kind": ""})
    assert use(data) == {"height_m": ("h2", False)}
    row = rows(data)[0]
    assert (row["height_m"], row["kind"]) == (50.0, "yes")
    assert orjson.loads(row["attributes"]) == {"height": 3, "type": "office"}


def test_feet_are_never_guessed_and_refused_when_given(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(1), HEIGHT_FT=[100.0])
    data = load(path, layer="buildings")
    assert "height_m" not in use(data)
    assert rows(data)[0]["height_provenance"] == "modelled"
    with pytest.raises(
        SettingError, match="height_m='HEIGHT_FT': feet by its name; needed: a column in metres"
    ):
        load(path, layer="buildings", columns={"height_m": "HEIGHT_FT"})


def test_unknown_columns_are_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(1), height=[1.0])
    with pytest.raises(SettingError, match="has no such column; it has height"):
        load(path, layer="buildings", columns={"height_m": "hight"})
    with pytest.raises(SettingError, match="no column of ours; must be one of id, kind, name"):
        load(path, layer="buildings", columns={"heigth_m": "height"})


def test_absurd_values_are_counted_and_kept_as_attributes(tmp_path: Path) -> None:
    heights = [9.0, float("nan"), 99_999.0, -3.0]
    data = load(write_parquet(tmp_path / "a.parquet", squares(4), height=heights), layer="buildings")
    assert [row["height_provenance"] for row in rows(data)] == [
        "surveyed",
        "modelled",
        "modelled",
        "modelled",
    ]
    kept = [row["attributes"] and orjson.loads(row["attributes"]) for row in rows(data)]
    assert kept == [None, None, {"height": 99999}, {"height": -3}]
    assert any(remark.startswith("buildings.height_m: 2 values cannot be used") for remark in data.remarks)


def test_a_column_of_sentences_is_no_column_of_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_build, "MAX_KINDS", 3)
    path = write_parquet(tmp_path / "a.parquet", squares(5), type=list("abcde"))
    with pytest.raises(SettingError, match="kind='type': more than 3 different kinds"):
        load(path, layer="buildings")
    assert len(rows(load(path, layer="buildings", columns={"kind": ""}))) == 5


def test_roads_take_widths_lanes_levels_and_words_of_truth(tmp_path: Path) -> None:
    lines = [shapely.LineString([(LON, LAT + 0.001 * i), (LON + 0.001, LAT + 0.001 * i)]) for i in range(4)]
    path = write_parquet(
        tmp_path / "a.parquet",
        np.array(lines, dtype=object),
        fclass=["primary", "steps", "motorway", "odd"],
        width=["12", None, None, None],
        lanes=[None, None, 4, None],
        layer=[0, None, 2, -1],
        bridge=["F", "F", "T", "viaduct"],
        tunnel=[0, 1, 0, 0],
    )
    found = rows(load(path, layer="roads"), "roads")
    assert [row["kind"] for row in found] == ["primary", "steps", "motorway", "odd"]
    assert [row["width_m"] for row in found] == [12.0, 2.0, 13.0, 6.0]
    assert [row["layer"] for row in found] == [0, 0, 2, -1]
    assert [row["bridge"] for row in found] == [False, False, True, True]
    assert [row["tunnel"] for row in found] == [False, True, False, False]


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_every_layer_can_be_filled(tmp_path: Path, layer: str) -> None:
    shapes = [shapely.Point(LON, LAT), shapely.LineString([(LON, LAT), (LON + SIDE, LAT)]), squares(1)[0]]
    path = write_parquet(
        tmp_path / "a.parquet", np.array(shapes, dtype=object), id=["p", "l", "a"], rank=[1, 2, 3]
    )
    data = load(path, layer=layer, provenance="approximate")
    table = data.layers[layer]
    assert table.num_rows + len(data.set_aside) == 3
    assert table.num_rows >= 1
    assert set(table.column("provenance").to_pylist()) == {"approximate"}
    assert all("cannot stand in" in one.reason for one in data.set_aside)


def test_lines_in_water_become_areas(tmp_path: Path) -> None:
    line = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
    path = write_parquet(
        tmp_path / "a.parquet",
        np.array([line, line], dtype=object),
        kind=["river", "river"],
        width=[40.0, None],
    )
    found = rows(load(path, layer="water"), "water")
    assert [row["provenance"] for row in found] == ["approximate", "approximate"]
    for row, width_m in zip(found, (40.0, 12.0), strict=True):
        west, south, east, north = shapely.from_wkb(row["geometry"]).bounds
        assert (north - south) * 111_320 == pytest.approx(width_m, rel=1e-3)
        assert (east - west) * 111_320 * np.cos(np.radians(LAT)) == pytest.approx(96.83 + width_m, rel=1e-2)


def test_words_of_roofs(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        squares(4),
        roof_shape=["Gabled", "pitched", "many", None],
        roof_direction=["SW", "90", "round", None],
        roof_orientation=["along", "ACROSS", "odd", None],
    )
    found = rows(load(path, layer="buildings"))
    assert [row["roof_shape"] for row in found] == ["gabled", "gabled", None, None]
    assert [row["roof_direction_deg"] for row in found] == [225, 90, None, None]
    assert [row["roof_orientation"] for row in found] == ["along", "across", None, None]
    assert orjson.loads(found[2]["attributes"]) == {
        "roof_direction": "round",
        "roof_orientation": "odd",
        "roof_shape": "many",
    }


def test_heights_are_not_better_known_than_their_buildings(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet", squares(2), height=[9.0, 9.0], provenance=["modelled", "odd"]
    )
    data = load(path, layer="buildings", provenance="approximate")
    assert [(row["provenance"], row["height_provenance"]) for row in rows(data)] == [
        ("modelled", "modelled"),
        ("approximate", "approximate"),
    ]
    with pytest.raises(SettingError, match="provenance='sure': must be one of surveyed"):
        load(path, layer="buildings", provenance="sure")


# --- reference systems


@pytest.mark.parametrize("crs", ["EPSG:2056", "EPSG:21781"])
@pytest.mark.parametrize("ending", ["parquet", "gpkg", "shp", "geojson"])
def test_projected_coordinates_are_placed(tmp_path: Path, crs: str, ending: str) -> None:
    lonlat = squares(2, lon=8.54, lat=47.37)
    x, y = from_lonlat(crs, *shapely.get_coordinates(lonlat).T)
    shapes = shapely.set_coordinates(lonlat.copy(), np.column_stack([x, y]))
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        write_parquet(path, shapes, crs)
    else:
        write_gdal(path, shapes, crs)
    data = load(path, layer="buildings")
    found = shapely.from_wkb([row["geometry"] for row in rows(data)])
    # A Shapefile turns its rings the other way round.
    np.testing.assert_allclose(shapely.bounds(found), shapely.bounds(lonlat), atol=2e-7)


def test_geojson_is_longitude_and_latitude_unless_its_old_member_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    swiss = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2056"}}
    write_geojson(path, [shapely.Point(2_600_000, 1_200_000)], crs=swiss)
    lon, lat, *_ = shapely.from_wkb(rows(load(path, layer="sensors"), "sensors")[0]["geometry"]).bounds
    assert (lon, lat) == (pytest.approx(7.43863, abs=1e-5), pytest.approx(46.95108, abs=1e-5))
    write_geojson(path, [shapely.Point(LON, LAT)], crs={"type": "EPSG", "properties": {"code": 4326}})
    assert load(path, layer="sensors").extent == Bounds(LON, LAT, LON, LAT)
    write_geojson(path, [shapely.Point(LON, LAT)], crs=None)
    with pytest.raises(UnknownCRSError, match=r"crs is null.*--crs"):
        load(path, layer="sensors")
    assert load(path, layer="sensors", crs="EPSG:4326").extent == Bounds(LON, LAT, LON, LAT)


def test_the_old_member_counts_behind_the_features_too(tmp_path: Path) -> None:
    path = write_geojson(
        tmp_path / "a.geojson", [shapely.Point(1, 2)], {"crs": "not this one", "x": {"crs": None}}
    )
    assert load(path, layer="sensors").extent == Bounds(1, 2, 1, 2)
    path.write_text(path.read_text()[:-1] + ', "crs": null, "name": "a"}')
    with pytest.raises(UnknownCRSError, match="crs is null"):
        load(path, layer="sensors")


def test_of_two_old_members_the_last_counts(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [shapely.Point(1, 2)], crs=None)
    swiss = '"crs": {"type": "name", "properties": {"name": "EPSG:2056"}}, "features"'
    path.write_text(path.read_text().replace('"features"', swiss).replace("[1.0, 2.0]", "[2600000, 1200000]"))
    data = load(path, layer="sensors")
    assert data.extent is not None
    assert data.extent.west_deg == pytest.approx(7.43863, abs=1e-5)


def test_missing_systems_are_asked_for(tmp_path: Path) -> None:
    shapes = squares(1)
    write_gdal(tmp_path / "a.shp", shapes)
    (tmp_path / "a.prj").unlink()
    with pytest.raises(UnknownCRSError, match=r"a.shp: has no .prj; name it with --crs, such as EPSG:4326"):
        load(tmp_path / "a.shp", layer="buildings")
    assert len(rows(load(tmp_path / "a.shp", layer="buildings", crs="EPSG:4326"))) == 1
    with pytest.raises(UnknownCRSError, match="names no reference system"):
        load(write_parquet(tmp_path / "a.parquet", shapes, None), layer="buildings")
    pq.write_table(pa.table({"geometry": pa.array(shapely.to_wkb(shapes))}), tmp_path / "b.parquet")
    with pytest.raises(UnknownCRSError, match="--crs"):
        load(tmp_path / "b.parquet", layer="buildings")
    with pytest.raises(UnknownCRSError, match="crs='EPSG:0': not a known system"):
        load(tmp_path / "b.parquet", layer="buildings", crs="EPSG:0")
    with pytest.raises(UnknownCRSError, match="neither projected nor longitude and latitude"):
        load(tmp_path / "b.parquet", layer="buildings", crs="EPSG:4978")


def test_the_users_system_goes_before_the_files(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [shapely.Point(2_600_000, 1_200_000)], "EPSG:4326")
    data = load(path, layer="sensors", crs="EPSG:2056")
    assert data.extent is not None
    assert 7.4 < data.extent.west_deg < 7.5
    assert any("read as EPSG:2056, as asked" in remark for remark in data.remarks)


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_chinese_datums_are_converted(tmp_path: Path, datum: str) -> None:
    true = squares(3)
    lon, lat = gcj02_from_wgs84(*shapely.get_coordinates(true).T)
    lon, lat = bd09_from_gcj02(lon, lat) if datum == "bd09" else (lon, lat)
    moved = shapely.set_coordinates(true.copy(), np.column_stack([lon, lat]))
    path = write_parquet(tmp_path / "a.parquet", moved)
    bounds = Bounds(LON - 1e-5, LAT, LON + 0.0015, LAT + SIDE)
    data = load(path, layer="buildings", datum=datum, bounds=bounds)
    found = shapely.from_wkb([row["geometry"] for row in rows(data)])
    np.testing.assert_allclose(shapely.get_coordinates(found), shapely.get_coordinates(true[:2]), atol=1e-8)
    with pytest.raises(SettingError, match="datum='gcj-02': must be one of wgs84, gcj02, bd09"):
        load(path, layer="buildings", datum="gcj-02")
    with pytest.raises(SettingError, match="this datum is of longitudes and latitudes"):
        load(path, layer="buildings", datum=datum, crs="EPSG:3857")


# --- bounds


def write_sorted(path: Path, n: int, *, group: int) -> Path:
    shapes = squares(n)
    edges = ("xmin", "ymin", "xmax", "ymax")
    boxes = pa.StructArray.from_arrays([pa.array(edge) for edge in shapely.bounds(shapes).T], names=edges)
    table = pa.table({"n": np.arange(n), "geometry": pa.array(shapely.to_wkb(shapes)), "bbox": boxes})
    pq.write_table(table.replace_schema_metadata(geo(covering=True)), path, row_group_size=group)
    return path


def test_bounds_read_only_row_groups_that_meet_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sorted(tmp_path / "a.parquet", 1000, group=100)
    read_groups: list[list[int]] = []
    plain = pq.ParquetFile.iter_batches

    def watched(self: Any, *args: Any, row_groups: Any = None, **kwargs: Any) -> Any:
        read_groups.append(list(row_groups))
        return plain(self, *args, row_groups=row_groups, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    bounds = Bounds(LON + 0.2505, LAT, LON + 0.3495, LAT + 1e-4)
    data = load(path, layer="buildings", bounds=bounds)
    assert read_groups == [[2, 3]]
    kept = [orjson.loads(row["attributes"])["n"] for row in rows(data)]
    assert kept == list(range(251, 350))


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "parquet"])
def test_bounds_of_other_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    (write_parquet if ending == "parquet" else write_gdal)(path, squares(100), n=np.arange(100))
    data = load(path, layer="buildings", bounds=Bounds(LON + 0.0101, LAT, LON + 0.0201, LAT + 1))
    assert [orjson.loads(row["attributes"])["n"] for row in rows(data)] == list(range(10, 21))
    none = load(path, layer="buildings", bounds=Bounds(0, 0, 1, 1))
    assert none.layers["buildings"].num_rows == 0
    assert none.extent is None


# --- ids


def test_rows_without_ids_get_a_hash_of_the_row(tmp_path: Path) -> None:
    first = load(write_parquet(tmp_path / "a.parquet", squares(3), year=[1, 2, 3]), layer="buildings")
    ids = [row["id"] for row in rows(first)]
    assert len(set(ids)) == 3
    assert all(len(one) == 21 and one[0] == "h" for one in ids)
    turned = write_parquet(tmp_path / "b.parquet", squares(3)[::-1], year=[3, 2, 1])
    assert [row["id"] for row in rows(load(turned, layer="buildings"))] == ids[::-1]
    changed = write_parquet(tmp_path / "c.parquet", squares(3), year=[1, 2, 4])
    assert [row["id"] for row in rows(load(changed, layer="buildings"))][:2] == ids[:2]
    assert any("3 rows have no id of their own" in remark for remark in first.remarks)


def test_a_guessed_column_with_duplicates_holds_no_ids(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(3), id=["a", "b", "a"])
    guessed = load(path, layer="buildings")
    assert all(row["id"].startswith("h") for row in rows(guessed))
    assert [orjson.loads(row["attributes"])["id"] for row in rows(guessed)] == ["a", "b", "a"]
    assert any("'id' holds values that stand more than once" in remark for remark in guessed.remarks)
    given = load(path, layer="buildings", columns={"id": "id"})
    assert [row["id"] for row in rows(given)] == ["a", "b", "a~2"]
    assert any("1 ids stand more than once, such as 'a'" in remark for remark in given.remarks)


def test_missing_and_endless_ids_are_hashed(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(3), id=["a", None, "x" * 5000])
    ids = [row["id"] for row in rows(load(path, layer="buildings"))]
    assert ids[0] == "a"
    assert [one[0] for one in ids[1:]] == ["h", "h"]


def test_equal_rows_are_told_apart_in_the_files_order(tmp_path: Path) -> None:
    shapes = np.array([squares(1)[0]] * 3, dtype=object)
    ids = [row["id"] for row in rows(load(write_parquet(tmp_path / "a.parquet", shapes), layer="buildings"))]
    assert ids == [ids[0], f"{ids[0]}~2", f"{ids[0]}~3"]


# --- layers of our own


def test_a_layer_of_ours_is_taken_as_it_is(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    table = buildings(["h1", "h2"])
    path = tmp_path / "anything.parquet"
    write_layer_file(path, table)
    data = load(path)
    assert data.layers["buildings"].to_pylist() == table.to_pylist()
    assert load(path, bounds=Bounds(0, 0, 1, 1)).layers["buildings"].num_rows == 0
    write_layer_file(path, table.set_column(0, "id", pa.array(["h1", "h1"])))
    with pytest.raises(SourceFileError, match="not the layer that its columns promise"):
        load(path)


def test_pictures_of_our_own_layers_come_along(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    name = "a" * 64 + ".jpg"
    table = buildings(["h1"], lod2_textures=[[name, None]], lod2_uv=[[0.0, 1.0]])
    write_layer_file(tmp_path / "buildings.parquet", table)
    without = load(tmp_path / "buildings.parquet")
    assert (without.files, rows(without)[0]["lod2_textures"], rows(without)[0]["lod2_uv"]) == ({}, None, None)
    assert any("its surfaces stay plain" in remark for remark in without.remarks)
    (tmp_path / "textures").mkdir()
    (tmp_path / "textures" / name).write_bytes(b"picture")
    data = load(tmp_path / "buildings.parquet")
    assert data.files == {f"layers/textures/{name}": b"picture"}
    assert rows(data)[0]["lod2_textures"] == [name, None]


def test_layers_with_the_same_columns_go_by_the_files_name(tmp_path: Path) -> None:
    from shancheng.city.schema import layer_table

    table = layer_table("green", id=["g"], kind="park", provenance="surveyed", geometry=squares(1))
    write_layer_file(tmp_path / "green.parquet", table)
    write_layer_file(tmp_path / "other.parquet", table)
    assert list(load(tmp_path / "green.parquet").layers) == ["green"]
    with pytest.raises(SettingError, match=r"may be .*water.*; name one with --layer"):
        load(tmp_path / "other.parquet")
    assert list(load(tmp_path / "other.parquet", layer="green").layers) == ["green"]


# --- credit, options


def test_the_credit_is_the_users_or_unknown(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(1))
    unknown = load(path, layer="buildings")
    assert unknown.layer_sources["buildings"].licence == "unknown"
    assert any("its licence is unknown" in remark for remark in unknown.remarks)
    known = load(path, layer="buildings", licence="CC-BY-4.0", attribution="Stadt", provenance="approximate")
    source = known.layer_sources["buildings"]
    assert (source.licence, source.attribution, source.provenance) == ("CC-BY-4.0", "Stadt", "approximate")
    assert known.remarks[-1:] != unknown.remarks[-1:]


def test_the_layer_has_to_be_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(1))
    with pytest.raises(SettingError, match="name one with --layer: buildings"):
        load(path)
    with pytest.raises(SettingError, match="layer='houses': must be one of buildings"):
        load(path, layer="houses")


def test_the_source_is_found_by_name(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", squares(1))
    data = read_source("vector", path, SourceOptions(layer="buildings"), NullProgress())
    assert data.layers["buildings"].num_rows == 1


# --- real data


@pytest.mark.shared_data
def test_monaco_as_geoparquet_has_47_elevators(shared_data: Path) -> None:
    path = shared_data / "monaco" / "monaco_nofilter_noclip_compact.parquet"
    data = load(path, layer="elevators", licence="ODbL-1.0", attribution="© OpenStreetMap contributors")
    table = data.layers["elevators"]
    assert table.num_rows == 47
    assert table.num_rows + len(data.set_aside) == 7906
    assert "n1662811584" in table.column("id").to_pylist()
    assert set(table.column("kind").to_pylist()) == {"elevator"}


@pytest.mark.shared_data
def test_monaco_as_geoparquet_fills_layers_by_tags(shared_data: Path) -> None:
    path = shared_data / "monaco" / "monaco_nofilter_noclip_compact.parquet"
    counts = {
        layer: load(path, layer=layer).layers[layer].num_rows for layer in ("buildings", "roads", "rail")
    }
    assert counts == {"buildings": 1283, "roads": 2825, "rail": counts["rail"]}
    with pytest.raises(SettingError, match="OpenStreetMap's tags, which fill buildings"):
        load(path, layer="districts")


@pytest.mark.shared_data
def test_districts_of_chongqing(shared_data: Path) -> None:
    path = shared_data / "chongqing" / "cnmaps_9core_districts_wgs84.geojson"
    data = load(path, layer="districts", licence="MIT")
    found = {row["name"]: row["code"] for row in rows(data, "districts")}
    assert len(found) == 9
    assert found["渝中区"] == "500103"
