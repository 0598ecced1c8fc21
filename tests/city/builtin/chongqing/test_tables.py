"""The package's data: only what may be carried, small, and readable."""

import importlib.util
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from shancheng.city.builtin.chongqing.extent import EXTENT
from shancheng.city.builtin.chongqing.tables import (
    Bridge,
    Centre,
    Landmark,
    Part,
    Place,
    Road,
    read_districts,
    read_elevation,
    read_path,
    read_table,
)

DATA = resources.files("shancheng.city.builtin.chongqing").joinpath("data")


def test_elevations_are_small_int16_without_voids() -> None:
    table = read_elevation()

    assert len(DATA.joinpath("elevation_30s.npz").read_bytes()) <= 150_000
    assert table.elevation_m.dtype == np.int16
    assert table.elevation_m.min() > 100
    assert table.step_deg == pytest.approx(1 / 120, rel=1e-6)


def test_nine_districts_with_rounded_borders() -> None:
    districts = read_districts()

    assert len(districts) == len({district.code for district in districts}) == 9
    assert all(district.geometry.is_valid for district in districts)
    assert len(DATA.joinpath("districts.geojson").read_bytes()) < 250_000


def test_ids_are_unique_and_parts_belong_to_a_landmark() -> None:
    landmarks = {mark.id for mark in read_table("landmarks.csv", Landmark)}
    parts = read_table("landmark_parts.csv", Part)

    assert len(landmarks) == len(read_table("landmarks.csv", Landmark)) >= 10
    assert len({part.id for part in parts}) == len(parts)
    assert {part.landmark for part in parts} <= landmarks
    assert all(part.min_height_m < part.height_m for part in parts)
    assert {part.landmark for part in parts if part.id == part.landmark} == {p.landmark for p in parts}


def test_bridges_roads_and_centres_are_named_in_both_languages() -> None:
    tables: tuple[tuple[str, type[Any]], ...] = (
        ("bridges.csv", Bridge),
        ("roads.csv", Road),
        ("centres.csv", Centre),
    )
    for name, row_type in tables:
        rows = read_table(name, row_type)
        assert all(row.name and row.name_en for row in rows), name
        assert len({row.id for row in rows}) == len(rows), name
    assert len(read_table("bridges.csv", Bridge)) >= 12


def test_places_lie_in_the_extent_and_have_names() -> None:
    places = read_table("places.csv", Place)

    assert len(places) > 30
    assert all(place.name and place.name_en for place in places)
    assert all(EXTENT.west_deg < place.lon < EXTENT.east_deg for place in places)
    assert all(EXTENT.south_deg < place.lat < EXTENT.north_deg for place in places)


def test_read_path() -> None:
    np.testing.assert_array_equal(read_path("106.5 29.5; 106.6 29.6"), [[106.5, 29.5], [106.6, 29.6]])


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that makes the tables, writing into an empty folder."""
    path = Path(__file__).resolve().parents[4] / "scripts" / "make_chongqing_tables.py"
    spec = importlib.util.spec_from_file_location("make_chongqing_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path)
    return module


@pytest.mark.shared_data
def test_the_script_makes_what_is_carried(script: ModuleType, shared_data: Path, tmp_path: Path) -> None:
    script.main(shared_data)

    for name in ("river_centrelines.csv", "districts.geojson", "places.csv"):
        assert (tmp_path / name).read_bytes() == DATA.joinpath(name).read_bytes(), name
    with np.load(tmp_path / "elevation_30s.npz") as made:
        np.testing.assert_array_equal(made["elevation_m"], read_elevation().elevation_m)


def test_the_script_picks_the_places_own_name(script: ModuleType) -> None:
    assert script.chinese_name("Shijialiang", ["新华路", "施家梁", "施家梁镇"]) == "施家梁"
    assert script.chinese_name("Yangjiaping", ["Yangjiaping", "九龙坡区", "杨家坪"]) == "杨家坪"
    assert script.chinese_name("Yudong", ["Yudong"]) == "鱼洞"
    assert script.chinese_name("Nowhere", []) == ""
