"""CityJSON that is broken, hostile or anything: one clear line or an entry of what was set aside."""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.sources import cityjson_files
from shancheng.city.sources.base import CityData
from shancheng.errors import InputError, SourceFileError, UnknownCRSError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))
from city_data import aside, column, metres, read_with, shapes
from models import building, document, features, header, solid, write_json, write_sequence

Json = dict[str, Any]
read = partial(read_with, "cityjson")


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., CityData]:
    """``model(document, **options)``: what becomes of a document."""

    def run(value: Any, **options: Any) -> CityData:
        return read(write_json(tmp_path / "town.city.json", value), **options)

    return run


# Bad input: the file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n", "no JSON, or cut off"),
        (b'{"type": "CityJSON", "vers', "no JSON, or cut off"),
        (b"\x89PNG\r\n\x1a\n", "no JSON, or cut off"),
        (b"[1, 2]", "type='list': must be 'CityJSON'"),
        (b'{"type": "FeatureCollection"}', "type='FeatureCollection': must be 'CityJSON'"),
        (b'{"type": "CityJSON"}', "version=None: must be one of"),
        (b'{"type": "CityJSON", "version": "9.0"}', "version='9.0': must be one of"),
        (b'{"type": "CityJSON", "version": "2.0"}', "transform=null: needs a scale"),
        (b"[" * 100_000, "no JSON, or cut off"),
    ],
)
def test_files_that_are_no_cityjson_say_so(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "town.json"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders_say_so(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="no such file"):
        read(tmp_path / "nothing.json")
    with pytest.raises(SourceFileError, match="is a folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    "transform",
    [
        {"scale": [1, 1], "translate": [0, 0, 0]},
        {"scale": [1, 0, 1], "translate": [0, 0, 0]},
        {"scale": ["a", 1, 1], "translate": [0, 0, 0]},
        {"scale": [1, 1, 1]},
        {"scale": None, "translate": None},
        [1, 2, 3],
        {"scale": [True, 1, 1], "translate": [0, 0, 0]},
    ],
)
def test_a_transform_is_six_numbers(model: Callable[..., CityData], transform: Any) -> None:
    with pytest.raises(SourceFileError, match="needs a scale and a translate of three numbers each"):
        model(document(1, transform=transform))


def test_a_transform_that_is_not_a_number_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "town.json"
    path.write_text(json.dumps(document(1)).replace("0.001", "NaN"), encoding="utf-8")
    with pytest.raises(SourceFileError, match="no JSON"):
        read(path)


@pytest.mark.parametrize(
    "vertices",
    [None, {}, [1, 2, 3], [[1, 2]], [[1, 2, 3], [1, 2, 3, 4]], [[1, 2, "x"]], [[[1], 2, 3]]],
)
def test_vertices_are_triples_of_numbers(model: Callable[..., CityData], vertices: Any) -> None:
    with pytest.raises(SourceFileError, match="vertices: must be a list of lists of 3 numbers"):
        model(document(1, vertices=vertices))


@pytest.mark.parametrize("objects", [None, [], 7, "x"])
def test_city_objects_stand_by_their_ids(model: Callable[..., CityData], objects: Any) -> None:
    with pytest.raises(SourceFileError, match=r"CityObjects|no city object"):
        model(document(1, CityObjects=objects))


def test_a_document_without_objects_says_so(model: Callable[..., CityData]) -> None:
    with pytest.raises(SourceFileError, match="holds no city object"):
        model(document(1, CityObjects={}))


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("https://www.opengis.net/def/crs/EPSG/0/999999", "crs='EPSG:999999'"),
        ("the usual one", "referenceSystem='the usual one': not a known form"),
        ("https://www.opengis.net/def/crs/EPSG/0/2056", "while it is used in"),
        ("https://www.opengis.net/def/crs/EPSG/0/4978", "needed: a projected or geographic system"),
        ("https://www.opengis.net/def/crs/EPSG/0/4326", "are none of it"),
    ],
)
def test_a_wrong_system_is_named(model: Callable[..., CityData], system: str, message: str) -> None:
    with pytest.raises(UnknownCRSError, match=message) as caught:
        model(document(1, metadata={"referenceSystem": system}))
    assert "town.city.json" in str(caught.value)


def test_swapped_axes_are_an_error(model: Callable[..., CityData]) -> None:
    value = document(1)
    value["transform"]["translate"] = [447_000.0, 85_000.0, 0.0]
    value["vertices"] = [[y, x, z] for x, y, z in value["vertices"]]
    with pytest.raises(SourceFileError, match="axes swapped"):
        model(value)


def test_one_document_that_is_too_large_points_to_sequences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cityjson_files, "_LARGEST", 1000)
    with pytest.raises(SourceFileError, match="CityJSONSeq"):
        read(write_json(tmp_path / "town.json", document(10)))


# Bad input: sequences


def lines_of(tmp_path: Path, *lines: Any, name: str = "town.city.jsonl") -> Path:
    path = tmp_path / name
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def test_broken_sequences_name_the_line(tmp_path: Path) -> None:
    first, second = features(2)
    cases: list[tuple[list[Any], str]] = [
        ([header(), first, '{"type": "CityJSONFeat'], "line 3 is no JSON, or cut off"),
        ([header(), first, {"type": "Feature"}], "line 3: type='Feature'"),
        ([header(), [1]], "line 2: type=None"),
        ([first, second], "0 headers lie beside it"),
        (["{}", first], "its first line is no CityJSON header"),
        (["not json", first], "its first line is no CityJSON header"),
        ([header()], "holds no city object"),
        ([header(), {**first, "CityObjects": 7}], "CityObjects: must be an object"),
        ([header(), {**first, "vertices": 7}], "vertices: must be a list"),
    ]
    for lines, message in cases:
        with pytest.raises(SourceFileError, match=message):
            read(lines_of(tmp_path, *lines))


def test_empty_lines_and_a_sequence_under_another_name_are_fine(tmp_path: Path) -> None:
    first, second = features(2)
    assert read(lines_of(tmp_path, header(), "", first, "  ", second)).layers["buildings"].num_rows == 2
    path = lines_of(tmp_path, header(), first, second, name="town.json")
    assert read(path).layers["buildings"].num_rows == 2


def test_a_header_beside_a_feature_is_found_and_two_are_not_guessed_at(tmp_path: Path) -> None:
    path = lines_of(tmp_path, *features(3), name="part.city.jsonl")
    write_json(tmp_path / "whole.json", document(2))
    write_json(tmp_path / "metadata.json", header())
    data = read(path)
    assert data.layers["buildings"].num_rows == 3
    assert "The header of the sequence was read from metadata.json." in data.remarks
    assert read(tmp_path / "metadata.json").layers["buildings"].num_rows == 3
    write_json(tmp_path / "metadata2.json", header())
    with pytest.raises(SourceFileError, match="2 headers lie beside it"):
        read(path)


def test_ids_that_stand_twice_are_set_aside(tmp_path: Path) -> None:
    first, second = features(2)
    data = read(lines_of(tmp_path, header(), first, second, first))
    assert column(data, "id") == ["h0", "h1"]
    assert aside(data) == {"h0": "its id stands more than once; the first counts"}


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cityjson_files, "_LONGEST_LINE", 2000)
    path = lines_of(tmp_path, header(), {**next(features(1)), "padding": "x" * 5000})
    with pytest.raises(SourceFileError, match="line 2 is longer than"):
        read(path)


# Bad input: objects


def with_boundaries(boundaries: Any, kind: str = "Solid") -> Json:
    return {"type": "Building", "geometry": [{"type": kind, "lod": "2", "boundaries": boundaries}]}


@pytest.mark.parametrize(
    "broken",
    [
        with_boundaries(None),
        with_boundaries([]),
        with_boundaries([[]]),
        with_boundaries([[[]]]),
        with_boundaries([[[[]]]]),
        with_boundaries(7),
        with_boundaries("abc"),
        with_boundaries([[[["a", "b", "c"]]]]),
        with_boundaries([[[[0, 1, 99_999]]]]),
        with_boundaries([[[[0, 1, -1]]]]),
        with_boundaries([[[[0, 1, 2.5]]]]),
        with_boundaries([[[[0, 1, None]]]]),
        with_boundaries([[[[0, 1, [2]]]]]),
        with_boundaries([[[[0, 1, 10**30]]]]),
        with_boundaries([[[[0, 1, 2**63]]]]),
        with_boundaries([[[0, 1, 2]]]),
        with_boundaries([[0, 1, 2]], "MultiSurface"),
        with_boundaries([[[[[0, 1, 2]]]]], "MultiSurface"),
        with_boundaries({"a": [0]}, "MultiSurface"),
        with_boundaries([[[0, 1]]], "MultiSurface"),
        with_boundaries([[[0, 0, 0]]], "MultiSurface"),
        with_boundaries([[[0, 1, 5, 4]]], "MultiSurface"),
        with_boundaries([0, 1], "MultiPoint"),
        with_boundaries([[[0, 1, 2]]], "Banana"),
        {"type": "Building", "geometry": "here"},
        {"type": "Building", "geometry": [7]},
        {"type": "Building", "geometry": [{}]},
        {"type": "Building", "geometry": [{"type": "Solid"}]},
        {"type": "Building", "geometry": [{"type": ["Solid"]}]},
        {"type": "Building"},
        {"type": 7},
        {},
        None,
        [],
    ],
)
def test_one_broken_object_is_set_aside_and_the_others_stay(
    model: Callable[..., CityData], broken: Any
) -> None:
    data = model(document(2, CityObjects={"a": building(0, 0), "broken": broken, "z": building(1, 10)}))
    assert column(data, "id") == ["a", "z"]
    assert list(aside(data)) == ["broken"]
    assert aside(data)["broken"]
    with pytest.raises(SourceFileError, match=r"none of its 1 city objects can be used \(.*"):
        model(document(2, CityObjects={"broken": broken}))


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        ([0, 0, 10**12], "elevation from"),
        ([0, 0, -(10**7)], "elevation from"),
        ([10**15, 10**15, 0], "none of its polygons"),
        ([1e300, 0, 0], "none of its polygons"),
    ],
)
def test_absurd_coordinates_set_their_object_aside(
    model: Callable[..., CityData], move: list[Any], reason: str
) -> None:
    value = document(3)
    value["vertices"][10:20] = [
        [a + b for a, b in zip(vertex, move, strict=True)] for vertex in value["vertices"][10:20]
    ]
    data = model(value)
    assert column(data, "id") == ["h0", "h2"]
    assert reason in aside(data)["h1"]


def test_a_tower_of_two_kilometres_and_a_house_of_fifty_are_set_aside(model: Callable[..., CityData]) -> None:
    value = document(3)
    value["vertices"][8][2] += 2_000_000
    value["vertices"][10][0] += 50_000_000
    data = model(value)
    assert column(data, "id") == ["h2"]
    assert "height 2" in aside(data)["h0"]
    assert "must be at most 1000 m" in aside(data)["h0"]
    assert "km across" in aside(data)["h1"]


def test_faces_that_cross_themselves_and_zero_areas_are_lived_with(model: Callable[..., CityData]) -> None:
    geometry = solid(0)
    geometry["boundaries"][0] += [[[0, 1, 0]], [[4, 6, 5, 7]], [[0, 0, 0, 0]]]
    geometry["semantics"]["values"][0] += [0, 0, 0]
    geometry["boundaries"][0][0] = [[0, 2, 3, 1]]
    data = model(document(1, CityObjects={"a": {"type": "Building", "geometry": [geometry]}}))
    assert shapely.is_valid(shapes(data)).all()
    assert any("polygons without an area" in remark for remark in data.remarks)
    assert (
        len(column(data, "lod2_semantics")[0])
        == shapely.get_num_geometries(shapes(data, name="lod2_geometry"))[0]
    )


def test_a_million_corners_in_one_ring_are_read(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    ring = np.column_stack(
        [1e6 + 5e5 * np.cos(angle), 1e6 + 5e5 * np.sin(angle), np.zeros_like(angle)]
    ).astype(int)
    value = {
        **header(),
        "CityObjects": {
            "lake": {
                "type": "WaterBody",
                "geometry": [{"type": "MultiSurface", "lod": "1", "boundaries": [[list(range(len(ring)))]]}],
            }
        },
        "vertices": ring.tolist(),
    }
    path = tmp_path / "lake.json"
    path.write_bytes(orjson.dumps(value))
    start = time.perf_counter()
    data = read(path)
    assert metres(shapes(data, "water")[0]).area == pytest.approx(np.pi * 500**2, rel=0.01)
    assert time.perf_counter() - start < 60


# Bad input: anything


NUMBERS = st.integers(-5, 60) | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.sampled_from(["type", "values", "lod", "a"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
RINGS = st.lists(st.lists(st.integers(-1, 31), max_size=6), max_size=2)
SHELLS = st.lists(st.lists(RINGS, max_size=4), max_size=2)
TYPES = [
    "Solid",
    "MultiSurface",
    "CompositeSurface",
    "MultiSolid",
    "GeometryInstance",
    "MultiLineString",
    "x",
]
MEANT = st.just([{"type": "RoofSurface"}, {"type": "GroundSurface"}])
GEOMETRIES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "lod": st.sampled_from(["0", "1", "2.2", "3", "9", 2, None]),
        "boundaries": SHELLS | SHELLS.map(lambda one: one[0] if one else one) | ANYTHING,
        "semantics": st.fixed_dictionaries({"surfaces": MEANT, "values": ANYTHING}) | ANYTHING,
        "texture": st.fixed_dictionaries({"t": st.fixed_dictionaries({"values": ANYTHING})}) | ANYTHING,
        "template": ANYTHING,
        "transformationMatrix": ANYTHING,
    },
)
KINDS = ["Building", "BuildingPart", "BuildingInstallation", "Bridge", "Road", "WaterBody", "PlantCover"]
SAID = st.sampled_from(["name", "class", "measuredHeight", "storeysAboveGround", "roofType"])
OBJECTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "TINRelief", "Tunnel"])},
    optional={
        "geometry": st.lists(GEOMETRIES, max_size=3) | ANYTHING,
        "attributes": st.dictionaries(SAID, ANYTHING, max_size=4) | ANYTHING,
        "parents": st.lists(st.sampled_from("abcd"), max_size=2) | ANYTHING,
        "children": st.lists(st.sampled_from("abcd"), max_size=3) | ANYTHING,
    },
)
MEMBERS = ["vertices", "transform", "metadata", "appearance", "geometry-templates", "version"]


def outcome(path: Path) -> CityData | str:
    """The city, or the one line that says why there is none; any other exception fails the test."""
    try:
        return read(path)
    except InputError as error:
        return str(error)


@given(
    objects=st.dictionaries(st.sampled_from("abcd"), OBJECTS | ANYTHING, min_size=1),
    changes=st.dictionaries(st.sampled_from(MEMBERS), ANYTHING, max_size=1),
)
def test_any_document_becomes_a_city_or_one_clear_line(
    tmp_path_factory: pytest.TempPathFactory, objects: Json, changes: Json
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    look = {"textures": [{"image": "no.png"}], "vertices-texture": [[0, 0], [1, 1], [0, 1]]}
    path.write_bytes(orjson.dumps({**document(3, appearance=look), "CityObjects": objects, **changes}))
    found = outcome(path)
    if isinstance(found, str):
        assert "any.json" in found
        return
    taken = {identity for layer in found.layers for identity in column(found, "id", layer)}
    for layer in found.layers:
        assert shapely.is_valid(shapes(found, layer)).all()
    # A relief is the ground, and an installation is part of its building; all else is a row or set aside.
    elsewhere = {
        identity
        for identity, one in objects.items()
        if isinstance(one, dict) and one.get("type") in ("TINRelief", "BuildingInstallation")
    }
    assert taken | set(aside(found)) | elsewhere >= set(objects)


@given(cut=st.floats(0, 1), junk=st.binary(max_size=8), at=st.floats(0, 1))
def test_any_damage_to_a_sequence_is_one_clear_line_or_none(
    tmp_path_factory: pytest.TempPathFactory, cut: float, junk: bytes, at: float
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    content = write_sequence(folder / "town.jsonl", 4).read_bytes()
    place = int(at * len(content))
    damaged = content[:place] + junk + content[place:]
    (folder / "town.jsonl").write_bytes(damaged[: int(cut * len(damaged))])
    found = outcome(folder / "town.jsonl")
    assert "town.jsonl" in found if isinstance(found, str) else found.layers["buildings"].num_rows <= 4
