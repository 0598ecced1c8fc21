"""The source `overture`: the examples of its schema, GeoParquet, linear references, credit, bad input."""

import datetime as dt
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.sources import overture_geojson, read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.overture import read, read_overture
from shancheng.city.sources.overture_files import OvertureFile, overture_files_for, wanted_types
from shancheng.city.sources.overture_segments import cut_lines, pieces_of, rules_of
from shancheng.city.sources.overture_types import BETWEEN
from shancheng.errors import InputError, SettingError, SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.progress import NullProgress

LON, LAT = 106.55, 29.56
SIDE = 0.0002

Load = Callable[..., CityData]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """``load(feature, ...)``: GeoJSON features, read."""

    def made(*features: dict[str, Any], **options: Any) -> CityData:
        path = tmp_path / "a.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return read(path, SourceOptions(**options), NullProgress())

    return made


def feature(kind: str, shape: Any, local_id: str = "f1", **properties: Any) -> dict[str, Any]:
    from shancheng.city.sources.overture_types import THEMES

    return {
        "type": "Feature",
        "id": local_id,
        "geometry": shapely.geometry.mapping(shape),
        "properties": {"theme": THEMES[kind], "type": kind, "version": 0, **properties},
    }


def square(lon: float = LON, side: float = SIDE) -> Any:
    return shapely.box(lon, LAT, lon + side, LAT + side)


LINE = shapely.LineString([(LON, LAT), (LON + 0.01, LAT)])


def rows(data: CityData, layer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data.layers[layer].to_pylist()
    return found


def counted(data: CityData) -> tuple[dict[str, int], list[str]]:
    taken = {layer: table.num_rows for layer, table in data.layers.items() if table.num_rows}
    return taken, sorted(one.reason for one in data.set_aside)


# --- the schema's own examples

# What is not taken as one row of one layer: how many rows, or why none.
CLASS = "no layer of a city holds this class"
EXAMPLES: dict[str, dict[str, int] | str] = {
    "addresses/address.yaml": "address: an address; no layer holds addresses",
    "addresses/address_all_missing_address_levels.yaml": "address: an address; no layer holds addresses",
    "addresses/address_missing_address_level.yaml": "address: an address; no layer holds addresses",
    "addresses/address_postal_city.yaml": "address: an address; no layer holds addresses",
    "base/bathymetry-example.yaml": "bathymetry: a depth of the sea; no layer holds depths",
    "base/infrastructure-example.yaml": {"bridges": 1},
    "base/infrastructure-height-example.yaml": f"infrastructure power/generator: {CLASS}",
    "base/land-cover-example.yaml": (
        "land_cover: cover seen from space lies over land and land_use; those are taken"
    ),
    "base/land-sand-example.yaml": f"land sand/dune: {CLASS}",
    "base/land-use-example.yaml": {"green": 1},
    "common/timestamp/timestamp-utc.yaml": {"places": 1},
    "common/timestamp/timestamp-with-tz-offset.yaml": "connector: joins segments; the road itself is in them",
    "divisions/division/country.yaml": f"division country/-: {CLASS}",
    "divisions/division/dependency.yaml": f"division dependency/-: {CLASS}",
    "divisions/division/multiple_capital_division.yaml": f"division region/-: {CLASS}",
    "divisions/division/perspectives.yaml": f"division country/-: {CLASS}",
    "divisions/division/population.yaml": f"division region/-: {CLASS}",
    "divisions/division/region.yaml": f"division region/-: {CLASS}",
    "divisions/division_area/country_maritime.yaml": f"division_area country/maritime: {CLASS}",
    "divisions/division_area/region_land.yaml": f"division_area region/land: {CLASS}",
    "places/place-with-operating-status.yaml": "is closed for good",
    "transportation/segment/missing-update-time.json": f"segment water/-: {CLASS}",
    "transportation/segment/rail/rail-tunnel.yaml": {"rail": 2},
    "transportation/segment/road/road-abandoned.yaml": "is abandoned",
    "transportation/segment/road/road-indoors.yaml": "lies inside a building",
    "transportation/segment/road/road-level.yaml": {"roads": 3},
    "transportation/segment/road/road-with-lr-width.yaml": {"roads": 2},
}
FOLDERS: list[tuple[str, dict[str, int] | str]] = [
    ("base/water", {"water": 1}),
    ("buildings/", {"buildings": 1}),
    ("common/", {"roads": 1}),
    ("divisions/division/", {"places": 1}),
    ("divisions/division_area/", f"division_area country/land: {CLASS}"),
    ("divisions/division_boundary/", "division_boundary: a border line; the areas are in division_area"),
    ("places/", {"places": 1}),
    ("transportation/segment/rail/", {"rail": 1}),
    ("transportation/segment/", {"roads": 1}),
]


def expected_of(name: str) -> dict[str, int] | str:
    if "connector" in Path(name).name and name.startswith(
        ("transportation/connector", "transportation/docusaurus")
    ):
        return "connector: joins segments; the road itself is in them"
    if name.startswith("transportation/docusaurus/"):
        return {"roads": 1}
    return EXAMPLES.get(name) or next(found for start, found in FOLDERS if name.startswith(start))


def plain(value: Any) -> Any:
    """What YAML gives, as JSON holds it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def examples(shared_data: Path, folder: str) -> Iterator[tuple[str, str]]:
    """Name and JSON text of each file."""
    with tarfile.open(shared_data / "overture" / "overture_schema_examples.tar.gz") as archive:
        for member in archive:
            if member.isfile() and member.name.removeprefix("./").startswith(f"{folder}/"):
                content = archive.extractfile(member)
                assert content is not None
                text = content.read().decode()
                name = member.name.removeprefix("./").removeprefix(f"{folder}/")
                yield name, text if name.endswith(".json") else json.dumps(plain(yaml.safe_load(text)))


@pytest.mark.shared_data
def test_every_example_is_taken_or_set_aside_with_its_reason(shared_data: Path, tmp_path: Path) -> None:
    found, wanted = {}, {}
    for name, text in examples(shared_data, "examples"):
        path = tmp_path / "one.geojson"
        path.write_text(text, encoding="utf-8")
        taken, reasons = counted(read(path, SourceOptions(), NullProgress()))
        found[name] = taken or reasons[0]
        wanted[name] = expected_of(name)
        assert len(reasons) == (0 if taken else 1)
    assert len(found) == 116
    assert found == wanted
    assert set(EXAMPLES) <= set(found)


@pytest.mark.shared_data
def test_counterexamples_are_taken_set_aside_or_refused(shared_data: Path, tmp_path: Path) -> None:
    outcomes = {"taken": 0, "set aside": 0, "refused": 0}
    for _, text in examples(shared_data, "counterexamples"):
        path = tmp_path / "one.geojson"
        path.write_text(text, encoding="utf-8")
        try:
            taken, reasons = counted(read(path, SourceOptions(), NullProgress()))
        except SourceFileError:
            outcomes["refused"] += 1
        else:
            outcomes["taken" if taken else "set aside"] += 1
            assert taken or reasons
    # Refused are two files that are no JSON and an empty object. Taken are those whose fault lies in what no
    # column of ours holds, such as an unknown class, or a height below zero, which counts as none.
    assert outcomes == {"taken": 59, "set aside": 54, "refused": 3}


@pytest.mark.shared_data
def test_all_examples_of_a_theme_at_once(shared_data: Path, tmp_path: Path) -> None:
    texts = [text for name, text in examples(shared_data, "examples") if name.startswith("buildings/")]
    path = tmp_path / "buildings.geojsonl"
    path.write_text("\n".join(json.dumps(json.loads(text)) for text in texts), encoding="utf-8")
    data = read(path, SourceOptions(), NullProgress())
    assert data.layers["buildings"].num_rows == len(texts) == 16
    assert any("ids stand more than once" in one for one in data.remarks)


# --- buildings


def test_buildings(load: Load) -> None:
    sources = [{"property": "", "dataset": "OpenStreetMap", "record_id": "w34633854@71"}]
    data = load(
        feature(
            "building",
            square(),
            "b1",
            height=443.2,
            num_floors=102,
            subtype="commercial",
            names={"primary": "ESB"},
            **{"class": "office"},
            roof_shape="hipped",
            roof_height=5.0,
            roof_direction=23.4,
            roof_orientation="across",
            sources=sources,
            facade_color="#ffffff",
        ),
        feature(
            "building",
            square(LON + 0.001),
            "b2",
            num_floors=4,
            subtype="residential",
            names={"primary": "楼", "common": {"en": "Tower", "zh": "楼"}},
            sources=[{"property": "", "dataset": "Microsoft ML Buildings"}],
        ),
        feature("building", square(LON + 0.002), "b3", height=-3, num_floors=-1),
        feature("building", square(LON + 0.003), "b4", is_underground=True),
    )
    first, second, third = rows(data, "buildings")
    assert (first["id"], first["kind"], first["name"], first["source"]) == (
        "b1",
        "office",
        "ESB",
        "OpenStreetMap",
    )
    assert (first["height_m"], first["height_provenance"]) == (pytest.approx(443.2), "surveyed")
    assert (first["roof_shape"], first["roof_height_m"], first["roof_orientation"]) == (
        "hipped",
        5.0,
        "across",
    )
    assert first["roof_direction_deg"] == pytest.approx(23.4)
    kept = orjson.loads(first["attributes"])
    assert kept["sources"] == [{"property": "", "dataset": "OpenStreetMap"}]
    assert kept["properties"] == {"facade_color": "#ffffff", "version": 0}
    assert "names" not in kept
    assert (second["kind"], second["name_en"], second["height_provenance"]) == (
        "residential",
        "Tower",
        "approximate",
    )
    assert orjson.loads(second["attributes"])["names"]["common"] == {"en": "Tower", "zh": "楼"}
    assert third["height_provenance"] == "modelled"
    assert orjson.loads(third["attributes"])["height"] == -3
    assert [(one.id, one.reason) for one in data.set_aside] == [("b4", "lies underground")]


def test_parts_have_their_buildings_where_they_cover_them(load: Load) -> None:
    data = load(
        feature("building", square(), "whole", has_parts=True),
        feature(
            "building_part",
            square(side=SIDE * 0.8),
            "half",
            building_id="whole",
            min_height=15.0,
            height=40.0,
        ),
        feature("building", square(LON + 0.001), "bare", has_parts=True),
        feature("building_part", square(LON + 0.001, SIDE / 10), "small", building_id="bare"),
        feature("building_part", square(LON + 0.002), "lost", building_id="elsewhere"),
    )
    parents = {row["id"]: row["parent_id"] for row in rows(data, "buildings")}
    assert parents == {"whole": None, "half": "whole", "bare": None, "small": None, "lost": None}
    assert next(row for row in rows(data, "buildings") if row["id"] == "half")["min_height_m"] == 15.0


# --- transportation


def test_roads_and_rail(load: Load) -> None:
    data = load(
        feature(
            "segment",
            LINE,
            "r1",
            subtype="road",
            subclass="link",
            **{"class": "motorway"},
            level_rules=[{"value": 2}],
            width_rules=[{"value": 9.5}],
            road_flags=[{"values": ["is_bridge"]}],
            names={"primary": "甲路"},
        ),
        feature("segment", LINE, "r2", subtype="road", **{"class": "unknown"}),
        feature(
            "segment",
            LINE,
            "r3",
            subtype="rail",
            **{"class": "standard_gauge"},
            rail_flags=[{"values": ["is_tunnel"]}],
        ),
        feature("segment", LINE, "r4", subtype="water"),
    )
    one, two = rows(data, "roads")
    assert (one["kind"], one["width_m"], one["layer"], one["bridge"], one["tunnel"]) == (
        "motorway_link",
        9.5,
        2,
        True,
        False,
    )
    assert (two["kind"], two["width_m"], two["layer"], two["bridge"]) == ("road", 6.0, 0, False)
    (rail,) = rows(data, "rail")
    assert (rail["kind"], rail["tunnel"], rail["width_m"]) == ("rail", True, pytest.approx(3.2))
    assert [(one.id, one.reason) for one in data.set_aside] == [("(1 feature)", f"segment water/-: {CLASS}")]


def test_a_segment_is_cut_where_its_rules_change(load: Load) -> None:
    data = load(
        feature(
            "segment",
            LINE,
            "s",
            subtype="road",
            **{"class": "primary"},
            level_rules=[{"value": 1, "between": [0.25, 0.5]}],
            road_flags=[
                {"values": ["is_bridge"], "between": [0.25, 0.5]},
                {"values": ["is_under_construction"], "between": [0.9, 1.0]},
            ],
            width_rules=[{"value": 10.0}, {"value": 20.0, "between": [0.0, 0.25]}],
        )
    )
    found = rows(data, "roads")
    assert [row["id"] for row in found] == ["s@0-0.25", "s@0.25-0.5", "s@0.5-0.9"]
    assert [(row["bridge"], row["layer"], row["width_m"]) for row in found] == [
        (False, 0, 20),
        (True, 1, 10),
        (False, 0, 10),
    ]
    ends = [shapely.get_coordinates(shapely.from_wkb(row["geometry"]))[:, 0] for row in found]
    np.testing.assert_allclose(np.concatenate(ends), LON + 0.01 * np.array([0, 0.25, 0.25, 0.5, 0.5, 0.9]))
    assert [(one.id, one.reason) for one in data.set_aside] == [("s", "is under construction")]


def test_rules_without_a_range_are_counted(load: Load) -> None:
    rules = [
        {"value": 1, "between": [0.5]},
        {"value": 2, "between": [0.6, 0.4]},
        {"value": 3, "between": [-1, 2]},
    ]
    data = load(feature("segment", LINE, "s", subtype="road", level_rules=rules, road_flags=[]))
    assert [row["layer"] for row in rows(data, "roads")] == [0]
    assert any(one.startswith("3 rules have no range along their segment") for one in data.remarks)


COORDINATE = st.floats(-1e-2, 1e-2).map(lambda value: round(value, 6))
SHARE = st.floats(0, 1).map(lambda value: round(value, 3))


@settings(max_examples=100)
@given(
    lines=st.lists(
        st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=6), min_size=1, max_size=4
    ),
    ranges=st.lists(st.tuples(st.integers(0, 3), SHARE, SHARE, st.integers(-3, 3)), max_size=6),
)
def test_pieces_make_up_their_segments(lines: list[Any], ranges: list[tuple[int, float, float, int]]) -> None:
    shapes = np.array(
        [*(shapely.LineString(np.add(line, (LON, LAT))) for line in lines), None], dtype=object
    )[:-1]
    per_row: list[list[dict[str, Any]]] = [[] for _ in lines]
    for row, start, end, value in ranges:
        if row < len(lines):
            per_row[row].append({"value": value, "between": [start, end]})
    column = pa.array(per_row, pa.list_(pa.struct([("value", pa.int32()), ("between", BETWEEN)])))
    rules = rules_of(column)
    pieces = pieces_of(shapes, [rules])
    cut = cut_lines(shapes, pieces)
    values = pieces.values(rules, np.zeros(len(pieces.row)))
    for row in range(len(lines)):
        mine = np.flatnonzero(pieces.row == row)
        assert pieces.start[mine[0]] == 0
        assert pieces.end[mine[-1]] == pytest.approx(1)
        np.testing.assert_array_equal(pieces.start[mine[1:]], pieces.end[mine[:-1]])
        total = sum(shapely.length(cut[piece]) for piece in mine)
        assert total == pytest.approx(shapely.length(shapes[row]), rel=1e-6, abs=1e-12)
        joined = [shapely.get_coordinates(cut[piece]) for piece in mine]
        for before, after in pairwise(joined):
            np.testing.assert_array_equal(before[-1], after[0])
        if len(mine) > 1:
            middle = (pieces.start[mine] + pieces.end[mine]) / 2
            for piece, share in zip(mine, middle, strict=True):
                holding = [
                    one["value"] for one in per_row[row] if one["between"][0] < share < one["between"][1]
                ]
                assert values[piece] in (holding or [0])


# --- other themes


def test_water_green_bridges_and_stations(load: Load) -> None:
    point = shapely.Point(LON, LAT)
    data = load(
        feature("water", square(), "w1", subtype="ocean", **{"class": "ocean"}),
        feature("water", LINE, "w2", subtype="river", **{"class": "river"}),
        feature("water", point, "w3", subtype="physical", **{"class": "spring"}),
        feature("land", square(), "l1", subtype="forest", **{"class": "wood"}),
        feature("land_use", square(), "u1", subtype="park", **{"class": "park"}),
        feature("land_use", square(), "u2", subtype="residential", **{"class": "residential"}),
        feature("infrastructure", square(), "i1", subtype="bridge", **{"class": "bridge"}),
        feature(
            "infrastructure",
            point,
            "i2",
            subtype="communication",
            height=45.0,
            **{"class": "mobile_phone_tower"},
        ),
        feature("infrastructure", square(), "i3", subtype="transit", **{"class": "subway_station"}),
        feature("infrastructure", point, "i4", subtype="transit", **{"class": "bus_stop"}),
        feature("infrastructure", point, "i5", subtype="pedestrian", **{"class": "bench"}),
    )
    taken, reasons = counted(data)
    assert taken == {
        "water": 2,
        "green": 2,
        "bridges": 1,
        "base_stations": 1,
        "rail_stations": 1,
        "transit_stops": 1,
    }
    assert reasons == [
        f"infrastructure pedestrian/bench: {CLASS}",
        f"land_use residential/residential: {CLASS}",
        f"water physical/spring: {CLASS}",
    ]
    assert rows(data, "base_stations")[0]["height_m"] == 45.0
    river = shapely.from_wkb(rows(data, "water")[1]["geometry"])
    assert river.geom_type == "Polygon"
    assert {row["provenance"] for row in rows(data, "water")} == {"surveyed", "approximate"}


def test_divisions(load: Load) -> None:
    point = shapely.Point(LON, LAT)
    data = load(
        feature(
            "division",
            point,
            "d1",
            subtype="locality",
            population=50781,
            names={"primary": "Roskilde"},
            **{"class": "city"},
        ),
        feature("division", point, "d2", subtype="neighborhood"),
        feature("division", point, "d3", subtype="country"),
        feature(
            "division_area",
            square(),
            "a1",
            subtype="county",
            is_land=True,
            **{"class": "land"},
            names={"primary": "渝中区"},
        ),
        feature("division_area", square(), "a2", subtype="county", **{"class": "maritime"}),
        feature("division_area", square(), "a3", subtype="region", **{"class": "land"}),
        feature("place", point, "p1", categories={"primary": "cafe"}, names={"primary": "咖啡"}),
    )
    places = {row["id"]: row for row in rows(data, "places")}
    assert (places["d1"]["kind"], places["d1"]["rank"], places["d1"]["population"]) == ("city", 1, 50781)
    assert (places["d2"]["rank"], places["p1"]["kind"], places["p1"]["rank"]) == (5, "cafe", 9)
    assert [row["name"] for row in rows(data, "districts")] == ["渝中区"]
    assert len(data.set_aside) == 3


# --- credit


def test_credit_of_mixed_rows(load: Load) -> None:
    mixed = load(
        feature("building", square(), "a", sources=[{"property": "", "dataset": "OpenStreetMap"}]),
        feature(
            "building",
            square(LON + 1e-3),
            "b",
            sources=[{"property": "", "dataset": "Microsoft ML Buildings"}],
        ),
    ).layer_sources["buildings"]
    assert mixed.licence == "ODbL-1.0"
    assert (
        mixed.attribution == "© OpenStreetMap contributors, Microsoft ML Buildings, Overture Maps Foundation"
    )
    assert mixed.notes == "Rows by data set, in the column source: OpenStreetMap 1, Microsoft ML Buildings 1."
    pois = load(
        feature("place", shapely.Point(1, 2), sources=[{"property": "", "dataset": "meta"}])
    ).layer_sources["places"]
    assert (pois.licence, pois.attribution) == ("CDLA-Permissive-2.0", "meta, Overture Maps Foundation")


# --- GeoParquet

BUILDING = pa.schema(
    [
        ("id", pa.string()),
        ("geometry", pa.binary()),
        ("bbox", pa.struct([(edge, pa.float32()) for edge in ("xmin", "xmax", "ymin", "ymax")])),
        ("version", pa.int32()),
        (
            "sources",
            pa.list_(
                pa.struct([("property", pa.string()), ("dataset", pa.string()), ("confidence", pa.float64())])
            ),
        ),
        (
            "names",
            pa.struct(
                [
                    ("primary", pa.string()),
                    ("common", pa.map_(pa.string(), pa.string())),
                    ("rules", pa.list_(pa.struct([("value", pa.string())]))),
                ]
            ),
        ),
        ("class", pa.string()),
        ("height", pa.float64()),
        ("num_floors", pa.int32()),
        ("has_parts", pa.bool_()),
    ]
)


def write_buildings(path: Path | io.BytesIO, n: int, *, group: int = 1000, **changes: Any) -> None:
    shapes = [square(LON + 0.001 * row) for row in range(n)]
    boxes = [dict(zip(("xmin", "ymin", "xmax", "ymax"), shape.bounds, strict=True)) for shape in shapes]
    columns: dict[str, Any] = {
        "id": [f"b{row}" for row in range(n)],
        "geometry": [shapely.to_wkb(shape) for shape in shapes],
        "bbox": boxes,
        "version": [0] * n,
        "sources": [[{"property": "", "dataset": "OpenStreetMap", "confidence": None}]] * n,
        "names": [{"primary": f"n{row}", "common": [("en", f"e{row}")], "rules": None} for row in range(n)],
        "class": ["office"] * n,
        "height": [10.0 + row for row in range(n)],
        "num_floors": [None] * n,
        "has_parts": [False] * n,
    }
    table = pa.table(columns, schema=BUILDING)
    for name, column in changes.items():
        table = (
            table.drop_columns(name)
            if column is None
            else table.set_column(table.schema.get_field_index(name), name, column)
        )
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path, row_group_size=group)


def test_a_folder_in_the_publishers_layout(tmp_path: Path) -> None:
    folder = tmp_path / "2026-10-21.0"
    write_buildings(folder / "theme=buildings" / "type=building" / "part-0.parquet", 3)
    write_buildings(folder / "theme=transportation" / "type=connector" / "part-0.parquet", 5)
    data = read(folder, SourceOptions(), NullProgress())
    assert [row["height_m"] for row in rows(data, "buildings")] == [10, 11, 12]
    assert [row["name_en"] for row in rows(data, "buildings")] == ["e0", "e1", "e2"]
    assert data.layer_sources["buildings"].date == "2026-10-21"
    assert [(one.id, one.reason) for one in data.set_aside] == [
        ("(5 features)", "connector: joins segments; the road itself is in them")
    ]
    assert orjson.loads(rows(data, "buildings")[0]["attributes"]) == {
        "class": "office",
        "has_parts": False,
        "names": {"primary": "n0", "common": {"en": "e0"}},
        "sources": [{"property": "", "dataset": "OpenStreetMap"}],
        "version": 0,
    }


def test_bounds_read_a_little_of_a_big_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "type=building" / "a.parquet"
    write_buildings(path, 500, group=50)
    groups: list[list[int]] = []
    plain_read = pq.ParquetFile.iter_batches

    def watched(self: Any, *args: Any, row_groups: Any = None, **kwargs: Any) -> Any:
        groups.append(list(row_groups))
        return plain_read(self, *args, row_groups=row_groups, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    bounds = Bounds(LON + 0.1205, LAT, LON + 0.1305, LAT + SIDE)
    data = read(path, SourceOptions(bounds=bounds), NullProgress())
    assert groups == [[2]]
    assert [row["id"] for row in rows(data, "buildings")] == [f"b{row}" for row in range(121, 131)]
    assert data.extent == bounds
    nothing = read(path, SourceOptions(bounds=Bounds(0, 0, 1, 1)), NullProgress())
    assert nothing.layers == {}


def test_files_from_anywhere() -> None:
    content = io.BytesIO()
    write_buildings(content, 4)
    reads: list[int] = []

    class Remote(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            reads.append(size or 0)
            return super().read(size)

    file = OvertureFile(
        "https://bucket/a.parquet", pa.PythonFile(Remote(content.getvalue()), mode="r"), "building"
    )
    data = read_overture(
        [file], NullProgress(), bounds=Bounds(LON, LAT, LON + 0.0012, LAT + 1), date="2026-10-21"
    )
    assert data.layers["buildings"].num_rows == 2
    assert reads
    assert data.layer_sources["buildings"].date == "2026-10-21"


def test_what_a_download_has_to_bring() -> None:
    assert wanted_types(("buildings",)) == [("buildings", "building"), ("buildings", "building_part")]
    assert ("transportation", "segment") in wanted_types()
    assert ("base", "land_cover") not in wanted_types()


def test_lines_and_areas_end_at_the_bounds(load: Load) -> None:
    ocean = shapely.box(LON - 20, LAT - 20, LON + 20, LAT)
    bow_tie = shapely.Polygon([(LON, LAT), (LON + 1, LAT + 1), (LON + 1, LAT), (LON, LAT + 1)])
    bounds = Bounds(LON - 0.01, LAT - 0.01, LON + 0.005, LAT + 0.01)
    data = load(
        feature("water", ocean, "w", subtype="ocean", **{"class": "ocean"}),
        feature("segment", LINE, "s", subtype="road"),
        feature("building", square(LON + 0.0049), "b"),
        feature("land_use", bow_tie, "u", subtype="park", **{"class": "park"}),
        bounds=bounds,
    )
    (water,) = rows(data, "water")
    np.testing.assert_allclose(
        shapely.from_wkb(water["geometry"]).bounds, (LON - 0.01, LAT - 0.01, LON + 0.005, LAT)
    )
    assert shapely.from_wkb(rows(data, "roads")[0]["geometry"]).bounds[2] == pytest.approx(LON + 0.005)
    assert shapely.from_wkb(rows(data, "buildings")[0]["geometry"]).equals(square(LON + 0.0049))
    assert shapely.from_wkb(rows(data, "green")[0]["geometry"]).area > 0
    assert any("3 lines and areas are cut at the bounds" in one for one in data.remarks)


def test_the_type_of_a_file(tmp_path: Path) -> None:
    write_buildings(tmp_path / "building.parquet", 1)
    write_buildings(tmp_path / "x.parquet", 1)
    write_buildings(tmp_path / "y.parquet", 1, has_parts=None)
    kinds = {Path(one.where).name: one.kind for one in overture_files_for(tmp_path / "x.parquet")}
    assert kinds == {"x.parquet": "building"}
    assert overture_files_for(tmp_path / "building.parquet")[0].kind == "building"
    with pytest.raises(SettingError, match=r"y.parquet: does not say which type of Overture it holds"):
        overture_files_for(tmp_path / "y.parquet")


def test_geojson_whose_features_do_not_say_their_type(tmp_path: Path) -> None:
    made = feature("building", square())
    del made["properties"]["type"], made["properties"]["theme"]
    path = tmp_path / "building.geojson"
    path.write_text(json.dumps(made), encoding="utf-8")
    assert read(path, SourceOptions(), NullProgress()).layers["buildings"].num_rows == 1
    other = path.rename(tmp_path / "some.geojson")
    assert "no type of Overture" in read(other, SourceOptions(), NullProgress()).set_aside[0].reason


# --- bad input


def test_missing_empty_and_foreign(tmp_path: Path) -> None:
    options, quiet = SourceOptions(), NullProgress()
    with pytest.raises(SourceFileError, match="no such file or folder"):
        read(tmp_path / "none", options, quiet)
    with pytest.raises(SourceFileError, match="holds no file of Overture Maps"):
        read(tmp_path, options, quiet)
    path = tmp_path / "a.geojson"
    for content, message in (
        (b"", "is empty"),
        (b"hello", "no GeoJSON"),
        (b"[]", "neither a Feature nor a FeatureCollection"),
        (b'{"type":"FeatureCollection","features":[]}', "holds no feature"),
        (b"[" * 100_000, "no GeoJSON"),
        (b'{"type":"FeatureCollection","features":[{"type":"Feat', "no GeoJSON"),
    ):
        path.write_bytes(content)
        with pytest.raises(SourceFileError, match=message):
            read(path, options, quiet)


def test_large_geojson_is_refused(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overture_geojson, "MAX_BYTES", 100)
    with pytest.raises(SourceFileError, match="at most 100, use GeoParquet for more"):
        load(feature("building", square()))


def test_features_of_another_kind_are_named(load: Load) -> None:
    good = feature("building", square(), "good")
    data = load(
        good,
        feature("building", square(), "tall", height="tall"),
        feature("building", square(), "half", num_floors=1.5),
        feature("building", square(), "true", num_floors=True),
        feature("segment", LINE, "rules", subtype="road", level_rules={"value": 1}),
        {**good, "id": 7},
        {**good, "id": "bare", "properties": None},
        {"type": "Feature", "id": "odd", "properties": {"type": "fake"}},
        "text",  # type: ignore[arg-type]
    )
    assert data.layers["buildings"].column("id").to_pylist() == ["good"]
    assert [(one.layer, one.id, one.reason.partition(": needed")[0]) for one in data.set_aside][:5] == [
        ("buildings", "tall", "height='tall'"),
        ("buildings", "half", "num_floors=1.5"),
        ("buildings", "true", "num_floors=True"),
        ("roads", "rules", "level_rules={'value': 1}"),
        ("buildings", "feature 6", "id=7"),
    ]
    assert len(data.set_aside) == 8


def test_bad_shapes_and_swapped_axes(load: Load) -> None:
    broken = feature("building", square(), "broken")
    broken["geometry"] = {"type": "Polygon", "coordinates": [0, 1]}
    data = load(broken, feature("building", LINE, "line"), feature("building", square(), "good"))
    assert [(one.id, one.reason[:20]) for one in data.set_aside] == [
        ("broken", "no geometry, or one "),
        ("line", "a LineString cannot "),
    ]
    with pytest.raises(SourceFileError, match="the axes look swapped"):
        load(feature("building", shapely.box(LAT, LON, LAT + 1e-3, LON + 1e-3)))


def test_columns_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "type=building" / "a.parquet"
    for name, column, message in (
        ("height", pa.array(["x", "y"]), "height is of type string; needed: double"),
        ("names", pa.array(["x", "y"]), "names is of type string; needed: struct"),
        ("id", pa.array([1, 2]), "id is of type int64; needed: string"),
        ("sources", pa.array([1, 2]), "sources is of type int64; needed: list"),
    ):
        write_buildings(path, 2, **{name: column})
        with pytest.raises(SourceFileError, match=message):
            read(path, SourceOptions(), NullProgress())
    write_buildings(path, 2, names=None, sources=None, height=None)
    assert {
        row["height_provenance"] for row in rows(read(path, SourceOptions(), NullProgress()), "buildings")
    } == {"modelled"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "type=building" / "a.parquet"
    write_buildings(path, 3)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = read(path, SourceOptions(), NullProgress())
    except InputError as error:
        message = str(error)
    else:
        message = "a.parquet"
        assert sum(table.num_rows for table in found.layers.values()) <= 3
    assert "a.parquet" in message


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["value", "between", "values", "primary", "type", "coordinates"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
KEYS = [
    "type",
    "theme",
    "subtype",
    "class",
    "names",
    "height",
    "level_rules",
    "road_flags",
    "width_rules",
    "sources",
]
KINDS = ["building", "segment", "water", "place", "division"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    properties=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    geometry=JSON,
    keep=st.booleans(),
)
def test_random_features(
    load: Load,
    kind: str,
    properties: dict[str, Any],
    geometry: Any,
    keep: bool,  # noqa: FBT001
) -> None:
    made = feature(kind, LINE if kind == "segment" else square())
    made["properties"] |= properties
    if not keep:
        made["geometry"] = geometry
    try:
        data = load(made)
    except InputError:
        return
    assert sum(table.num_rows for table in data.layers.values()) + len(data.set_aside) >= 1


def test_the_source_is_found_by_name(tmp_path: Path) -> None:
    write_buildings(tmp_path / "building.parquet", 2)
    data = read_source("overture", tmp_path / "building.parquet", SourceOptions(), NullProgress())
    assert data.layers["buildings"].num_rows == 2
    with pytest.raises(SettingError, match="overture does not understand this option; it knows bounds"):
        read_source("overture", tmp_path / "building.parquet", SourceOptions(crs="EPSG:4326"), NullProgress())
