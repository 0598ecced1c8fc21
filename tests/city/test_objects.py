"""One object by its id: found in one row group, described for people, never with a solid or a long list."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city import geoparquet, objects
from shancheng.city.create import create_city
from shancheng.city.manifest import LayerSource
from shancheng.city.objects import find_object
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.errors import NotFoundError

Make = Callable[..., pa.Table]
OSM = LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed")
DRAWN = {"lod2_geometry", "lod2_textures", "lod2_uv", "lod2_semantics"}


def test_an_object_by_id_has_every_column_but_what_is_drawn(town_folder: Path) -> None:
    with City.open(town_folder) as city:
        row = find_object(city, "buildings", "h2")
        assert row is not None
        assert set(row) == (set(city.layer("buildings").column_names) - DRAWN) | {"surfaces"}
        assert row["geometry"]["type"] == "Polygon"
        assert row["bbox"] == pytest.approx((106.501, 29.5, 106.5015, 29.5005))
        assert (row["name"], row["height_m"], row["levels"]) == ("House h2", 9.0, None)
        assert (row["attributes"], row["surfaces"]) == (None, None)
        for absent in ("h", "h20", "H2", "", "重庆"):
            assert find_object(city, "buildings", absent) is None
        with pytest.raises(NotFoundError, match="layer='rail'"):
            find_object(city, "rail", "h2")


def test_only_the_row_group_that_holds_an_object_is_read(
    tmp_path: Path,
    town: Callable[..., None],
    city_data: CityData,
    monkeypatch: pytest.MonkeyPatch,
    buildings: Make,
) -> None:
    monkeypatch.setattr(geoparquet, "ROW_GROUP_ROWS", 10)
    ids = [f"w{number}" for number in range(100)]
    sources = {"buildings": city_data.layer_sources["buildings"]}
    town(replace(city_data, layers={"buildings": buildings(ids)}, layer_sources=sources))
    city, _ = create_city(tmp_path, "town")
    with geoparquet.open_layer(city.layer_path("buildings")) as file:
        assert file.metadata.num_row_groups == 10
        groups = [objects._groups_with(file, local_id) for local_id in sorted(ids)]
    assert groups == [[number // 10] for number in range(100)]
    for local_id in ids:
        row = find_object(city, "buildings", local_id)
        assert row is not None
        assert row["id"] == local_id


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '{"yearOfConstruction": 1902, "owner": {"name": "城"}}',
            {"yearOfConstruction": 1902, "owner": {"name": "城"}},
        ),
        ("{}", {}),
        ("[1, 2]", {"value": [1, 2]}),
        ("null", {"value": None}),
        ("no json", {"text": "no json"}),
        ("[" * 50_000, {"text": "[" * 50_000}),
    ],
)
def test_attributes_are_an_object(
    town_folder: Path, buildings: Make, text: str, shown: dict[str, Any]
) -> None:
    with City.open(town_folder, write=True) as city:
        write_layer(city, "buildings", buildings(["h1"], attributes=[text]), OSM)
        row = find_object(city, "buildings", "h1")
    assert row is not None
    assert row["attributes"] == shown


def test_a_solid_is_counted_and_not_sent(town_folder: Path, buildings: Make) -> None:
    wkb = shapely.to_wkb(shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]))
    table = buildings(
        ["h1"],
        lod=["2.2"],
        lod2_geometry=[wkb],
        lod2_semantics=[[3, 2, 2, 1, 200]],
        lod2_textures=[["a.jpg"] * 5],
        lod2_uv=[[0.0] * 40],
    )
    with City.open(town_folder, write=True) as city:
        write_layer(city, "buildings", table, OSM)
        row = find_object(city, "buildings", "h1")
    assert row is not None
    assert not DRAWN & set(row)
    assert row["lod"] == "2.2"
    assert row["surfaces"] == {"WallSurface": 2, "RoofSurface": 1, "GroundSurface": 1, "unknown": 1}
    assert len(json.dumps(row, default=str)) < 2000


def test_short_lists_are_shown_and_long_ones_are_not(town_folder: Path, buildings: Make) -> None:
    line = shapely.linestrings(np.stack([np.linspace(106.5, 106.501, 300), np.full(300, 29.5)], axis=1))
    rail = layer_table(
        "rail", id=["r1"], geometry=[line], kind="subway", provenance="surveyed", width_m=4.0,
        layer=pa.array([1], pa.int8()), bridge=[True], tunnel=[False],
        elevations_m=[np.linspace(200, 210, 300).tolist()],
    )  # fmt: skip
    station = layer_table(
        "rail_stations", id=["s1"], geometry=shapely.points([[106.5, 29.5]]), kind="subway",
        provenance="surveyed", lines=[["2", "环"]],
    )  # fmt: skip
    owners = buildings(["h1"]).append_column("owners", pa.array([["x"] * 1000]))
    with City.open(town_folder, write=True) as city:
        for name, table in (("rail", rail), ("rail_stations", station), ("buildings", owners)):
            write_layer(city, name, table, OSM)
        rows = [
            find_object(city, *which)
            for which in (("rail", "r1"), ("rail_stations", "s1"), ("buildings", "h1"))
        ]
    assert rows[0] is not None
    assert "elevations_m" not in rows[0]
    assert rows[1] is not None
    assert rows[1]["lines"] == ["2", "环"]
    assert rows[2] is not None
    assert "owners" not in rows[2]
