"""CityJSON and CityJSONSeq: what real files hold, what each kind of geometry becomes, every bad input."""

import collections
import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import shapely
from PIL import Image

from shancheng.city.schema import SURFACES
from shancheng.city.sources import cityjson, cityjson_geometry
from shancheng.city.sources.base import CityData
from shancheng.errors import SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import to_lonlat
from shancheng.geo.geoid import undulation_m

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))
from city_data import aside, column, metres, read_with, shapes
from models import (
    FACES,
    building,
    document,
    features,
    header,
    houses,
    solid,
    whole_numbers,
    write_json,
    write_sequence,
)

Json = dict[str, Any]
read = partial(read_with, "cityjson")


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., CityData]:
    """``model(document, **options)``: what becomes of a document."""

    def run(value: Any, **options: Any) -> CityData:
        return read(write_json(tmp_path / "town.city.json", value), **options)

    return run


# Real files


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "crs", "rows", "aside_count"),
    [
        # The manifest counts 81 uses of land and 54 generic objects (walls, quays, a weir) as neither.
        (
            "cityjson/delft.json",
            None,
            {"buildings": 160, "bridges": 3, "roads": 143, "green": 126, "water": 3},
            {"its use of land is not known to be green": 81, "no layer takes a GenericCityObject": 54},
        ),
        # 49 buildings without geometry of their own, and their 161 parts.
        ("cityjson/zurich_subset_lod2.json", None, {"buildings": 49 + 161}, {}),
        ("cityjson/rotterdam_subset.json", "EPSG:28992", {"buildings": 16}, {}),
        ("cityjson/multi_lod.json", "EPSG:7415", {"buildings": 10}, {}),
        ("cityjson/tyler_3dbag_feature_x71.city.jsonl", None, {"buildings": 1}, {}),
        ("cityjson/tyler_3dbag_x00.city.json", None, {"buildings": 1}, {}),
        ("citygml/citygml4j_lod2_buildings_v2.json", None, {"buildings": 100}, {}),
        ("citygml/citygml4j_lod2_buildings_as_CityJSON_features.jsonl", "EPSG:3068", {"buildings": 100}, {}),
    ],
)
def test_real_files_load_with_the_counts_of_the_manifest(
    shared_data: Path, name: str, crs: str | None, rows: dict[str, int], aside_count: dict[str, int]
) -> None:
    data = read(shared_data / name, crs=crs)
    assert {layer: table.num_rows for layer, table in data.layers.items()} == rows
    assert collections.Counter(entry.reason for entry in data.set_aside) == aside_count
    for layer in data.layers:
        assert shapely.is_valid(shapes(data, layer)).all()


@pytest.mark.shared_data
def test_delft_lies_where_its_own_extent_says(shared_data: Path) -> None:
    path = shared_data / "cityjson/delft.json"
    west, south, _, east, north, _ = orjson.loads(path.read_bytes())["metadata"]["geographicalExtent"]
    lon, lat = to_lonlat("EPSG:28992", [west, east], [south, north])
    data = read(path)
    everything = [edge for layer in data.layers for edge in shapes(data, layer)]
    found = shapely.total_bounds(everything)
    # The grid is turned a little against north, and what is set aside reaches to the edges too.
    np.testing.assert_allclose(found, [lon[0], lat[0], lon[1], lat[1]], rtol=0, atol=4e-4)
    assert any("NAP" in remark for remark in data.remarks)
    assert collections.Counter(column(data, "kind", "roads"))["footway"] == 73


@pytest.mark.shared_data
def test_delft_heights_fit_what_its_attributes_say(shared_data: Path) -> None:
    data = read(shared_data / "cityjson/delft.json")
    stated = [json.loads(text) for text in column(data, "attributes")]
    top = np.array([float(one["measuredHeight"]) for one in stated])
    bottom = np.array([float(one["min-height-surface"]) for one in stated])
    # The file's measuredHeight is an elevation: the roof's, to the centimetre.
    assert np.abs(np.array(column(data, "height_m")) - (top - bottom)).max() < 0.02
    assert set(column(data, "height_provenance")) == {"surveyed"}


@pytest.mark.shared_data
def test_zurich_has_roofs_walls_and_parents_around_their_parts(shared_data: Path) -> None:
    data = read(shared_data / "cityjson/zurich_subset_lod2.json")
    table = data.layers["buildings"].to_pydict()
    rows = {identity: row for row, identity in enumerate(table["id"])}
    parts = [row for row, parent in enumerate(table["parent_id"]) if parent is not None]
    assert len(parts) == 161
    found = shapes(data)
    for row in parts:
        parent = rows[table["parent_id"][row]]
        assert table["lod2_geometry"][parent] is None
        assert found[parent].buffer(1e-7).covers(found[row])
        assert table["height_m"][parent] >= table["height_m"][row] - 1e-3
    kinds = collections.Counter(code for codes in table["lod2_semantics"] if codes for code in codes)
    wanted = orjson.loads((shared_data / "cityjson/zurich_subset_lod2.json").read_bytes())["CityObjects"]
    named = [
        geometry["semantics"]["surfaces"][value]["type"]
        for one in wanted.values()
        for geometry in one.get("geometry", [])
        for value in geometry["semantics"]["values"]
    ]
    assert {SURFACES[code]: count for code, count in kinds.items()} == collections.Counter(named)


@pytest.mark.shared_data
def test_pictures_of_rotterdam_are_missing_and_counted(shared_data: Path) -> None:
    data = read(shared_data / "cityjson/rotterdam_subset.json", crs="EPSG:28992")
    assert not data.files
    assert column(data, "lod2_textures") == [None] * 16
    assert "74 pictures were not taken: missing." in data.remarks
    assert any("faces lost their picture" in remark for remark in data.remarks)


@pytest.mark.shared_data
def test_the_most_detailed_model_of_each_building_is_taken(shared_data: Path) -> None:
    data = read(shared_data / "cityjson/multi_lod.json", crs="EPSG:7415")
    assert set(column(data, "lod")) == {"2.2"}
    assert all(1 in codes and 3 in codes for codes in column(data, "lod2_semantics"))


@pytest.mark.shared_data
def test_a_document_and_a_sequence_of_the_same_buildings_are_equal(shared_data: Path) -> None:
    one = read(shared_data / "citygml/citygml4j_lod2_buildings_v2.json").layers["buildings"].sort_by("id")
    other = (
        read(shared_data / "citygml/citygml4j_lod2_buildings_as_CityJSON_features.jsonl", crs="EPSG:3068")
        .layers["buildings"]
        .sort_by("id")
    )
    for name in (
        "id",
        "name",
        "height_m",
        "levels",
        "roof_shape",
        "lod",
        "geometry",
        "lod2_geometry",
        "lod2_semantics",
    ):
        assert one.column(name).to_pylist() == other.column(name).to_pylist(), name
    assert collections.Counter(one.column("roof_shape").to_pylist()) == {"gabled": 100}


# Houses


def test_a_house_keeps_its_faces_its_meaning_and_its_attributes(model: Callable[..., CityData]) -> None:
    data = model(document(3))
    corners = houses(3)
    assert column(data, "id") == ["h0", "h1", "h2"]
    assert column(data, "lod") == ["2.2"] * 3
    assert column(data, "roof_shape") == ["gabled"] * 3
    assert column(data, "levels") == [1, 2, 3]
    assert json.loads(column(data, "attributes")[1])["owner"] == "o1"
    np.testing.assert_allclose(column(data, "height_m"), np.ptp(corners[..., 2], axis=1), atol=1e-3)
    codes = [SURFACES.index(kind) for kind, _ in FACES]
    assert column(data, "lod2_semantics") == [codes] * 3
    solids = shapes(data, name="lod2_geometry")
    assert shapely.get_num_geometries(solids).tolist() == [7] * 3
    xyz = shapely.get_coordinates(shapely.get_geometry(solids[2], 0), include_z=True)
    lon, lat = to_lonlat("EPSG:28992", *corners[2][[0, 3, 2, 1, 0], :2].T)
    above = corners[2][[0, 3, 2, 1, 0], 2] + undulation_m(lon, lat)
    np.testing.assert_allclose(xyz, np.column_stack([lon, lat, above]), rtol=0, atol=1e-6)
    expected = shapely.polygons(
        np.stack(to_lonlat("EPSG:28992", *corners[:, :4, :2].T), axis=-1).swapaxes(0, 1)
    )
    off = shapely.symmetric_difference(metres(shapes(data)), metres(expected))
    assert shapely.area(off).max() < 0.01


def test_a_sequence_is_read_as_a_document_is(
    tmp_path: Path, model: Callable[..., CityData], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model(document(40)).layers["buildings"]
    path = write_sequence(tmp_path / "town.city.jsonl", 40)
    assert read(path).layers["buildings"].drop_columns("source").equals(whole.drop_columns("source"))
    # Batches change nothing.
    monkeypatch.setattr(cityjson, "_POOL", 25)
    monkeypatch.setattr(cityjson, "_AT_ONCE", 100)
    for found in (read(path), model(document(40))):
        table = found.layers["buildings"]
        assert table.column("id").to_pylist() == whole.column("id").to_pylist()
        assert table.column("height_m").equals(whole.column("height_m"))
        far = shapely.hausdorff_distance(
            shapely.from_wkb(table.column("geometry").to_numpy()),
            shapely.from_wkb(whole.column("geometry").to_numpy()),
        )
        assert far.max() < 1e-9


@pytest.mark.parametrize(
    "kind", ["Solid", "MultiSolid", "CompositeSolid", "MultiSurface", "CompositeSurface"]
)
def test_all_kinds_of_faces_are_read(model: Callable[..., CityData], kind: str) -> None:
    geometry = solid(0)
    shell, values = geometry["boundaries"][0], geometry["semantics"]["values"][0]
    nested = {"Solid": [shell], "MultiSolid": [[shell]], "CompositeSolid": [[shell]]}.get(kind, shell)
    meant = {"Solid": [values], "MultiSolid": [[values]], "CompositeSolid": [[values]]}.get(kind, values)
    geometry |= {"type": kind, "boundaries": nested}
    geometry["semantics"]["values"] = meant
    data = model(document(1, CityObjects={"a": {"type": "Building", "geometry": [geometry]}}))
    plain = model(document(1))
    for name in ("geometry", "lod2_geometry", "lod2_semantics", "height_m"):
        assert column(data, name) == column(plain, name)


def test_inner_shells_are_left_out_and_counted(model: Callable[..., CityData]) -> None:
    geometry = solid(0)
    geometry["boundaries"].append([[[corner + 10 for corner in face]] for _, face in FACES])
    geometry["semantics"]["values"].append([0] * 7)
    data = model(document(2, CityObjects={"a": {"type": "Building", "geometry": [geometry]}}))
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [7]
    assert "1 inner shells were left out." in data.remarks


def test_a_solid_that_is_inside_out_is_turned(model: Callable[..., CityData]) -> None:
    geometry = solid(0)
    for face in geometry["boundaries"][0]:
        face[0].reverse()
    data = model(document(1, CityObjects={"a": {"type": "Building", "geometry": [geometry]}}))
    ground, *_, roof = shapely.get_parts(shapes(data, name="lod2_geometry")[0])
    assert not ground.exterior.is_ccw
    assert roof.exterior.is_ccw
    assert "1 solids were inside out and have been turned." in data.remarks


def test_levels_are_chosen_for_each_object(model: Callable[..., CityData]) -> None:
    footprint = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]}
    objects = {
        "both": {"type": "Building", "geometry": [footprint, solid(0)]},
        "flat": {"type": "Building", "attributes": {"measuredHeight": 7.25}, "geometry": [footprint]},
        "storeys": {"type": "Building", "attributes": {"storeysAboveGround": 2}, "geometry": [footprint]},
        "bare": {"type": "Building", "geometry": [footprint]},
        "third": {"type": "Building", "geometry": [solid(0, "3"), solid(0, "4")]},
        "number": {"type": "Building", "geometry": [{**solid(0), "lod": 2}]},
    }
    table = model(document(1, CityObjects=objects)).layers["buildings"].to_pydict()
    rows = {identity: row for row, identity in enumerate(table["id"])}
    found = {
        identity: (table["lod"][row], table["lod2_geometry"][row] is not None)
        for identity, row in rows.items()
    }
    assert found == {
        "both": ("2.2", True),
        "flat": ("0", False),
        "storeys": ("0", False),
        "bare": ("0", False),
        "third": ("3", True),
        "number": ("2", True),
    }
    heights = {
        one: (round(table["height_m"][rows[one]], 2), table["height_provenance"][rows[one]]) for one in rows
    }
    assert heights["flat"] == (7.25, "surveyed")
    assert heights["storeys"] == (6.4, "approximate")
    assert heights["bare"] == (8.0, "modelled")


def test_windows_and_doors_are_known(model: Callable[..., CityData]) -> None:
    geometry = solid(0, "3")
    geometry["semantics"]["surfaces"] += [{"type": "Window"}, {"type": "Door"}, {"type": "+Chimney"}]
    geometry["semantics"]["values"] = [[0, 3, 4, 5, None, 2, 2]]
    data = model(document(1, CityObjects={"a": {"type": "Building", "geometry": [geometry]}}))
    names = [SURFACES[code] for code in column(data, "lod2_semantics")[0]]
    assert names == ["GroundSurface", "Window", "Door", "unknown", "unknown", "RoofSurface", "RoofSurface"]


def test_semantics_that_do_not_fit_are_dropped_and_counted(model: Callable[..., CityData]) -> None:
    for values in ([[0, 1]], [[9] * 7], ["x"], 5, [[[0]] * 7], {"a": 1}):
        geometry = solid(0)
        geometry["semantics"]["values"] = values
        data = model(document(1, CityObjects={"a": {"type": "Building", "geometry": [geometry]}}))
        assert set(column(data, "lod2_semantics")[0]) == {0}
        assert "1 geometries have semantics that do not fit their faces." in data.remarks


# Parts


def test_parts_know_their_parent_and_a_bare_parent_gets_their_outline(model: Callable[..., CityData]) -> None:
    objects = {
        "p1": {"type": "BuildingPart", "parents": ["b"], "geometry": [solid(0)]},
        "b": {"type": "Building", "children": ["p1", "p2"], "attributes": {"name": "Town hall"}},
        "p2": {"type": "BuildingPart", "parents": ["b"], "geometry": [solid(10)]},
    }
    table = model(document(2, CityObjects=objects)).layers["buildings"].to_pydict()
    assert table["id"] == ["b", "p1", "p2"]
    assert table["parent_id"] == [None, "b", "b"]
    assert table["name"] == ["Town hall", None, None]
    assert table["lod2_geometry"][0] is None
    whole, *parts = shapely.from_wkb(np.array(table["geometry"], dtype=object))
    assert metres(whole).area == pytest.approx(metres(parts[0]).area + metres(parts[1]).area, abs=0.05)
    corners = houses(2)[..., 2]
    assert table["height_m"][0] == pytest.approx(np.ptp(corners), abs=1e-3)


def test_a_part_beside_a_solid_parent_stands_on_its_own(model: Callable[..., CityData]) -> None:
    objects = {
        "b": {"type": "Building", "children": ["p"], "geometry": [solid(0)]},
        "p": {"type": "BuildingPart", "parents": ["b"], "geometry": [solid(10)]},
        "c": {"type": "Building", "children": ["q"], "geometry": [solid(20)]},
        "q": {"type": "BuildingPart", "parents": ["c"], "geometry": [solid(20)]},
        "lost": {"type": "BuildingPart", "parents": ["nobody"], "geometry": [solid(30)]},
        "loop1": {
            "type": "BuildingPart",
            "parents": ["loop2"],
            "children": ["loop2"],
            "geometry": [solid(40)],
        },
        "loop2": {
            "type": "BuildingPart",
            "parents": ["loop1"],
            "children": ["loop1"],
            "geometry": [solid(50)],
        },
    }
    table = model(document(6, CityObjects=objects)).layers["buildings"].to_pydict()
    parents = dict(zip(table["id"], table["parent_id"], strict=True))
    # A parent is drawn by its parts alone: one that these do not cover would lose its own faces.
    assert parents == {"b": None, "p": None, "c": None, "q": "c", "lost": None, "loop1": None, "loop2": None}
    said = dict(zip(table["id"], table["attributes"], strict=True))
    assert json.loads(said["p"]) == {"parents": ["b"]}


def test_installations_belong_to_the_shell_of_their_building(model: Callable[..., CityData]) -> None:
    chimney = {"type": "MultiSurface", "lod": "2.2", "boundaries": [[[10, 11, 15, 14]], [[11, 12, 16, 15]]]}
    objects = {
        "b": {"type": "Building", "children": ["i", "room"], "geometry": [solid(0)]},
        "i": {"type": "BuildingInstallation", "parents": ["b"], "geometry": [chimney]},
        "room": {"type": "BuildingRoom", "parents": ["b"], "geometry": [solid(0)]},
        "stray": {"type": "BuildingInstallation", "geometry": [chimney]},
    }
    data = model(document(2, CityObjects=objects))
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [9]
    assert len(column(data, "lod2_semantics")[0]) == 9
    assert set(aside(data)) == {"room", "stray"}
    assert aside(data)["room"] == "lies inside a building"


# Other objects


def flat(first: int) -> list[Json]:
    return [
        {"type": "MultiSurface", "lod": "1", "boundaries": [[[first + corner for corner in (0, 1, 2, 3)]]]}
    ]


def test_each_type_goes_to_its_layer(model: Callable[..., CityData]) -> None:
    given = {
        "Bridge": "bridges", "Road": "roads", "TransportSquare": "roads", "Railway": "rail",
        "PlantCover": "green", "SolitaryVegetationObject": "green", "WaterBody": "water", "Waterway": "water",
    }  # fmt: skip
    none = ("Tunnel", "CityFurniture", "GenericCityObject", "OtherConstruction", "CityObjectGroup", "+Noise")
    objects: Json = {kind: {"type": kind, "geometry": flat(10 * n)} for n, kind in enumerate(given)}
    objects |= {kind: {"type": kind, "geometry": flat(0)} for kind in none}
    objects["park"] = {"type": "LandUse", "attributes": {"function": "1110"}, "geometry": flat(0)}
    objects["yard"] = {"type": "LandUse", "attributes": {"function": "1010"}, "geometry": flat(0)}
    data = model(document(len(given), CityObjects=objects))
    found = {identity: layer for layer in data.layers for identity in column(data, "id", layer)}
    assert found == {**given, "park": "green"}
    assert set(aside(data)) == {*none, "yard"}
    assert aside(data)["Tunnel"] == "no layer takes a Tunnel"
    assert column(data, "kind", "rail") == ["rail"]
    assert dict(zip(column(data, "id", "roads"), column(data, "kind", "roads"), strict=True)) == {
        "Road": "road", "TransportSquare": "pedestrian",
    }  # fmt: skip
    assert shapes(data, "roads")[0].geom_type == "Polygon"


def test_a_bridge_is_a_solid_with_a_deck(model: Callable[..., CityData]) -> None:
    objects = {"b": {"type": "Bridge", "geometry": [solid(0, "2")]}}
    data = model(document(1, CityObjects=objects))
    corners = houses(1)[0]
    assert column(data, "lod", "bridges") == ["2"]
    assert shapely.get_num_geometries(shapes(data, "bridges", "lod2_geometry")).tolist() == [7]
    deck = column(data, "deck_elevation_m", "bridges")[0]
    assert corners[4, 2] < deck < corners[8, 2]


def test_a_network_of_roads_is_lines(model: Callable[..., CityData]) -> None:
    lines = {"type": "MultiLineString", "lod": "0.1", "boundaries": [[0, 10, 20], [30, 40]]}
    objects = {
        "r": {"type": "Road", "geometry": [lines]},
        "w": {"type": "WaterBody", "geometry": [lines]},
        "bad": {"type": "Road", "geometry": [{**lines, "boundaries": [[0, 999]]}]},
        "both": {"type": "Road", "geometry": [lines, *flat(0)]},
    }
    data = model(document(5, CityObjects=objects))
    found = dict(zip(column(data, "id", "roads"), shapes(data, "roads"), strict=True))
    assert [len(line.coords) for line in found["r"].geoms] == [3, 2]
    assert found["both"].geom_type == "Polygon"
    assert aside(data)["w"] == "its geometry is lines, not faces"
    assert "outside the list of vertices" in aside(data)["bad"]


def test_templates_stand_where_their_instances_say(model: Callable[..., CityData]) -> None:
    corners = (houses(1)[0] - houses(1)[0].mean(axis=0)).round(3)
    template = {**solid(0, "2"), "boundaries": solid(0)["boundaries"]}
    turned = [0, -2, 0, 5, 2, 0, 0, -3, 0, 0, 2, 1, 0, 0, 0, 1]
    instance = {"type": "GeometryInstance", "template": 0, "boundaries": [10], "transformationMatrix": turned}
    objects = {
        "good": {"type": "Building", "geometry": [instance]},
        "other": {"type": "Building", "geometry": [{**instance, "template": 7}]},
        "no matrix": {"type": "Building", "geometry": [{**instance, "transformationMatrix": [1, 2]}]},
        "nan": {"type": "Building", "geometry": [{**instance, "transformationMatrix": ["x"] * 16}]},
        "nowhere": {"type": "Building", "geometry": [{**instance, "boundaries": [99999]}]},
    }
    data = model(
        document(
            2,
            CityObjects=objects,
            **{"geometry-templates": {"templates": [template], "vertices-templates": corners.tolist()}},
        )
    )
    assert column(data, "id") == ["good"]
    assert set(aside(data)) == set(objects) - {"good"}
    placed = (
        np.column_stack([-2 * corners[:, 1] + 5, 2 * corners[:, 0] - 3, 2 * corners[:, 2] + 1])
        + houses(2)[1, 0]
    )
    lon, _ = to_lonlat("EPSG:28992", *placed.T[:2])
    xyz = shapely.get_coordinates(shapes(data, name="lod2_geometry")[0], include_z=True)
    np.testing.assert_allclose(np.sort(np.unique(xyz[:, 0].round(9))), np.unique(lon.round(9)), atol=2e-9)
    assert column(data, "height_m")[0] == pytest.approx(np.ptp(placed[:, 2]), abs=1e-3)


def test_templates_do_not_multiply_without_end(
    model: Callable[..., CityData], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cityjson_geometry, "_MOST_FROM_TEMPLATES", 25)
    unit = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    instance = {"type": "GeometryInstance", "template": 0, "boundaries": [0], "transformationMatrix": unit}
    objects = {f"t{n}": {"type": "Building", "geometry": [instance]} for n in range(4)}
    corners = (houses(1)[0] - houses(1)[0].mean(axis=0)).tolist()
    data = model(
        document(
            1,
            CityObjects=objects,
            **{"geometry-templates": {"templates": [solid(0)], "vertices-templates": corners}},
        )
    )
    assert data.layers["buildings"].num_rows == 2
    assert all("from templates" in reason for reason in aside(data).values())


def test_a_relief_is_the_ground(model: Callable[..., CityData]) -> None:
    side = 20
    x, y = np.meshgrid(np.arange(side + 1), np.arange(side + 1))
    points = np.column_stack([84_990 + 5.0 * x.ravel(), 446_990 + 5.0 * y.ravel(), 0.1 * x.ravel()]).round(3)
    cells = [(r * (side + 1) + c) for r in range(side) for c in range(side)]
    tin = [[[n, n + 1, n + side + 2]] for n in cells] + [[[n, n + side + 2, n + side + 1]] for n in cells]
    first = len(points)
    surface = {"type": "CompositeSurface", "lod": "1", "boundaries": [*tin, [[0, 1, 2, 3]]]}
    value = document(
        4,
        CityObjects={
            "ground": {"type": "TINRelief", "geometry": [surface]},
            **{f"h{n}": building(n, first + 10 * n) for n in range(4)},
        },
        vertices=whole_numbers(points) + whole_numbers(houses(4)),
    )  # fmt: skip
    data = model(value)
    assert data.terrain is not None
    assert data.layers["buildings"].num_rows == 4
    lon, lat = to_lonlat("EPSG:28992", 85_040.0, 447_040.0)
    assert float(data.terrain.raster.sample(lon, lat)) == pytest.approx(1.0, abs=0.02)
    assert "1 faces of the relief are no triangles and were left out." in data.remarks
    alone = model({**value, "CityObjects": {"ground": value["CityObjects"]["ground"]}})
    assert alone.terrain is not None
    assert alone.extent is not None
    assert alone.layers == {}


# Pictures


def pictured(images: list[str], values: Any) -> Json:
    geometry = solid(0)
    geometry["texture"] = {"winter": {"values": values}}
    return document(
        1,
        CityObjects={"a": {"type": "Building", "geometry": [geometry]}},
        appearance={
            "textures": [{"type": "PNG", "image": image} for image in images],
            "vertices-texture": [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.25]],
        },
    )


def png(colour: tuple[int, int, int]) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(content, "PNG")
    return content.getvalue()


PLAIN = [[[None]]]


def test_pictures_lie_on_their_faces(tmp_path: Path, model: Callable[..., CityData]) -> None:
    (tmp_path / "a.png").write_bytes(png((1, 2, 3)))
    (tmp_path / "b.png").write_bytes(png((3, 2, 1)))
    values = [
        [[[0, 0, 1, 2, 3]], [[None]], [[1, 0, 1, 2, 4, 3]], [[None]], [[None]], [[0, 3, 2, 1, 0]], [[None]]]
    ]
    data = model(pictured(["a.png", "b.png"], values))
    textures = column(data, "lod2_textures")[0]
    assert [name is not None for name in textures] == [True, False, True, False, False, True, False]
    assert textures[0] == textures[5] != textures[2]
    assert data.files[f"layers/textures/{textures[2]}"] == png((3, 2, 1))
    uv = np.array(column(data, "lod2_uv")[0]).reshape(-1, 2)
    # Four corners and the first again, five and the first again, four and the first again.
    assert uv[:5].tolist() == [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    assert uv[5:11].tolist() == [[0, 0], [1, 0], [1, 1], [0.5, 0.25], [0, 1], [0, 0]]
    assert uv[11:].tolist() == [[0, 1], [1, 1], [1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize(
    "values",
    [
        [[[[0, 0, 1]], *PLAIN * 6]],
        [[[[9, 0, 1, 2, 3]], *PLAIN * 6]],
        [[[[0, 0, 1, 2, 99]], *PLAIN * 6]],
        [[[["x", 0, 1, 2, 3]], *PLAIN * 6]],
        [PLAIN * 3],
        [7],
        None,
    ],
)
def test_pictures_that_do_not_fit_leave_the_face_plain(
    tmp_path: Path, model: Callable[..., CityData], values: Any
) -> None:
    (tmp_path / "a.png").write_bytes(png((1, 2, 3)))
    data = model(pictured(["a.png"], values))
    assert column(data, "lod2_textures") == [None]
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [7]
    assert any("picture" in remark for remark in data.remarks)


def test_a_picture_outside_the_folder_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png((1, 2, 3)))
    folder = tmp_path / "model"
    folder.mkdir()
    value = pictured(["../secret.png"], [[[[0, 0, 1, 2, 3]], *PLAIN * 6]])
    data = read(write_json(folder / "a.json", value))
    assert not data.files
    assert "1 pictures were not taken: outside the file's folder." in data.remarks


def test_features_of_a_sequence_bring_their_own_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((1, 2, 3)))
    one = pictured(["a.png"], [[[[0, 0, 1, 2, 3]], *PLAIN * 6]])
    lines = [header(), {**one, "type": "CityJSONFeature", "id": "a"}, *features(2)]
    path = tmp_path / "town.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    data = read(path)
    assert [names is None for names in column(data, "lod2_textures")] == [False, True, True]
    assert len(column(data, "lod2_uv")[0]) == 10


# Options


def test_options_are_understood(model: Callable[..., CityData]) -> None:
    value = document(9, metadata={})
    with pytest.raises(
        UnknownCRSError, match=r"town\.city\.json: does not say its reference system.*--crs EPSG:7415"
    ):
        model(value)
    data = model(value, crs="EPSG:7415", licence="CC0-1.0", attribution="The town", provenance="modelled")
    source = data.layer_sources["buildings"]
    assert (source.licence, source.attribution, source.provenance) == ("CC0-1.0", "The town", "modelled")
    assert set(column(data, "provenance")) == {"modelled"} == set(column(data, "height_provenance"))
    west, south, east, north = shapes(data)[4].bounds
    near = model(document(9), bounds=Bounds(west, south, east, north))
    assert column(near, "id") == ["h4"]
    assert "8 objects lie outside the bounds and were left out." in near.remarks
    with pytest.raises(SourceFileError, match="within the bounds"):
        model(document(2), bounds=Bounds(0, 0, 1, 1))
    with pytest.raises(SettingError, match="layer"):
        model(document(1), layer="buildings")
    with pytest.raises(UnknownCRSError, match="crs='Atlantis'"):
        model(value, crs="Atlantis")


def test_the_files_own_facts_are_credited(model: Callable[..., CityData]) -> None:
    metadata = {
        "referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415",
        "title": "Delft",
        "referenceDate": "2024-05-01",
        "pointOfContact": {"contactName": "Survey", "organization": "City of Delft"},
    }
    data = model(document(1, metadata=metadata))
    source = data.layer_sources["buildings"]
    assert (source.attribution, source.date) == ("City of Delft", "2024-05-01")
    assert data.title is not None
    assert data.title.en == "Delft"


def test_another_system_than_the_files_is_used_when_asked_and_told(model: Callable[..., CityData]) -> None:
    data = model(document(1), crs="EPSG:28992")
    assert any(
        "names https://www.opengis.net" in remark and "EPSG:28992 was used" in remark
        for remark in data.remarks
    )
    assert not any("was used" in remark for remark in model(document(1)).remarks)


def test_the_extent_is_that_of_everything_but_for_strays(model: Callable[..., CityData]) -> None:
    data = model(document(9))
    assert data.extent is not None
    np.testing.assert_allclose(
        [data.extent.west_deg, data.extent.south_deg, data.extent.east_deg, data.extent.north_deg],
        shapely.total_bounds(shapes(data)),
    )
    value = document(200)
    value["vertices"][:10] = [[x + 90_000_000, y, z] for x, y, z in value["vertices"][:10]]
    stray = model(value)
    assert stray.layers["buildings"].num_rows == 200
    assert stray.extent is None
