"""What differs between two cities: every kind of difference, none invented."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.changes import changes_between
from shancheng.city.diff import CityDiff, Found, LayerDiff, Moved, TerrainDiff, diff_cities
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.store import City
from shancheng.city.writing import write_ground, write_layer
from shancheng.errors import NotFoundError
from shancheng.geo.raster import Raster

Make = Callable[..., pa.Table]
OSM = LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed")
METRE_DEG = 1 / 111_320


def houses(spots: dict[str, tuple[float, float]], **columns: Any) -> pa.Table:
    """Square houses, each some metres north and east of the city's middle."""
    place = np.array(list(spots.values())).reshape(-1, 2) * METRE_DEG
    lon, lat = 106.5 + place[:, 0], 29.5 + place[:, 1]
    n = len(spots)
    given: dict[str, Any] = {
        "kind": "house", "provenance": "surveyed", "height_m": np.full(n, 9.0),
        "height_provenance": "surveyed", "min_height_m": 0.0, **columns,
    }  # fmt: skip
    boxes = shapely.box(lon, lat, lon + 1e-4, lat + 1e-4)
    return layer_table("buildings", id=list(spots), geometry=boxes, **given)


@pytest.fixture
def other_folder(town_folder: Path, tmp_path: Path) -> Path:
    """A copy of the town, to be changed."""
    return Path(shutil.copytree(town_folder, tmp_path / "other"))


def put(folder: Path, table: pa.Table, layer: str = "buildings") -> None:
    with City.open(folder, write=True) as city:
        write_layer(city, layer, table, OSM)


def differ(a: Path, b: Path, **asked: Any) -> CityDiff:
    with City.open(a, write=False) as old, City.open(b, write=False) as new:
        return diff_cities(old, new, **asked)


def buildings_of(found: CityDiff) -> LayerDiff:
    (layer,) = (layer for layer in found.layers if layer.layer == "buildings")
    return layer


def test_a_copy_is_the_same(town_folder: Path, other_folder: Path) -> None:
    found = differ(town_folder, other_folder)
    assert found == CityDiff(
        (LayerDiff("buildings", 3, 3), LayerDiff("places", 1, 1)), TerrainDiff(True, 0, 400, 0.0)
    )
    assert all(layer.same for layer in found.layers)


def test_added_removed_changed_and_moved(town_folder: Path, other_folder: Path) -> None:
    put(town_folder, houses({"a": (0, 0), "b": (50, 0), "c": (100, 0), "d": (150, 0)}))
    put(
        other_folder,
        houses({"b": (50, 0), "c": (100, 3), "d": (150, 0.1), "e": (0, 0)}, height_m=[9, 9, 30, 9]),
    )
    layer = buildings_of(differ(town_folder, other_folder))
    assert (layer.before, layer.after, layer.same) == (4, 4, False)
    assert (layer.added, layer.removed) == (Found(1, ("e",)), Found(1, ("a",)))
    assert layer.changed == Found(2, ("c", "d"))
    assert layer.columns == {"height_m": 1, "geometry": 2}
    # d moved by 10 cm, which is within the tolerance: its outline changed, it did not move.
    assert layer.moved.count == 1
    assert layer.moved.examples[0][0] == "c"
    assert layer.moved.farthest_m == pytest.approx(3.0, abs=0.02)


def test_how_far_objects_moved(town_folder: Path, other_folder: Path) -> None:
    names = [f"h{i:02}" for i in range(20)]
    put(town_folder, houses({name: (20 * i, 0) for i, name in enumerate(names)}))
    put(other_folder, houses({name: (20 * i, i) for i, name in enumerate(names)}))
    moved = buildings_of(differ(town_folder, other_folder, examples=2)).moved
    assert moved.count == 19
    assert moved.median_m == pytest.approx(10, rel=0.01)
    assert moved.farthest_m == pytest.approx(19, rel=0.01)
    assert moved.p95_m == pytest.approx(18.1, rel=0.01)
    assert [name for name, _ in moved.examples] == ["h19", "h18"]
    assert buildings_of(differ(town_folder, other_folder, tolerance_m=9.9)).moved.count == 10
    assert buildings_of(differ(town_folder, other_folder, tolerance_m=1000)).moved == Moved()


def test_a_layer_that_only_one_side_has(town_folder: Path, other_folder: Path, city_data: CityData) -> None:
    sensors = city_data.layers["places"].drop_columns(["population", "rank"])
    put(other_folder, sensors, "sensors")
    found = {layer.layer: layer for layer in differ(town_folder, other_folder).layers}
    assert found["sensors"] == LayerDiff("sensors", None, 1, added=Found(1, ("p1",)))
    back = {layer.layer: layer for layer in differ(other_folder, town_folder).layers}
    assert back["sensors"] == LayerDiff("sensors", 1, None, removed=Found(1, ("p1",)))
    assert not back["sensors"].same


def test_lists_pictures_and_extra_columns_are_compared(town_folder: Path, other_folder: Path) -> None:
    spots = {"a": (0.0, 0.0), "b": (50.0, 0.0), "c": (100.0, 0.0)}
    old = houses(spots, lod2_semantics=[[1, 2], None, [3]], attributes=['{"a": 1}', None, None])
    new = houses(spots, lod2_semantics=[[1, 3], None, [3]], attributes=['{"a": 1}', None, '{"b": 2}'])
    put(town_folder, old)
    put(other_folder, new.append_column("owner", pa.array(["x", "y", None])))
    layer = buildings_of(differ(town_folder, other_folder))
    assert layer.columns == {"lod2_semantics": 1, "attributes": 1, "owner": 3}
    assert layer.changed.count == 3


def test_the_index_and_the_order_of_rows_are_no_difference(town_folder: Path, other_folder: Path) -> None:
    spots = {"a": (0.0, 0.0), "b": (50.0, 0.0), "c": (100.0, 0.0)}
    put(town_folder, houses(spots))
    put(other_folder, houses({"z": (0, 0)}))
    put(other_folder, houses(spots).take([2, 0, 1]))
    layer = buildings_of(differ(town_folder, other_folder))
    assert layer.same
    assert layer.columns == {}


def test_empty_layers_and_no_common_ids(town_folder: Path, other_folder: Path) -> None:
    put(other_folder, houses({"z": (0, 0)}).slice(0, 0))
    layer = buildings_of(differ(town_folder, other_folder))
    assert (layer.after, layer.removed.count, layer.changed.count) == (0, 3, 0)
    put(other_folder, houses({"z": (0, 0)}))
    layer = buildings_of(differ(town_folder, other_folder, examples=0))
    assert (layer.added, layer.removed) == (Found(1, ()), Found(3, ()))


def test_the_ground(town_folder: Path, other_folder: Path, city_data: CityData) -> None:
    ground = city_data.terrain
    assert ground is not None
    values = ground.raster.values.copy()
    values[3, 4:6] += 2.5
    place = (ground.raster.west_deg, ground.raster.north_deg, 0.001, 0.001)
    with City.open(other_folder, write=True) as city:
        write_ground(city, ElevationData(Raster(values, *place), ground.source))
    assert differ(town_folder, other_folder).terrain == TerrainDiff(True, 2, 400, 2.5)
    with City.open(other_folder, write=True) as city:
        write_ground(city, ElevationData(Raster(values[:-1], *place), replace(ground.source, source="x")))
    terrain = differ(town_folder, other_folder).terrain
    assert terrain is not None
    assert (terrain.same_grid, terrain.same) == (False, False)


def test_only_some_layers(town_folder: Path, other_folder: Path) -> None:
    found = differ(town_folder, other_folder, layers=["places"])
    assert ([layer.layer for layer in found.layers], found.terrain) == (["places"], None)
    with pytest.raises(
        NotFoundError, match=r"layer='roads': neither city has it; they have buildings, places"
    ):
        differ(town_folder, other_folder, layers=["roads"])


def test_a_city_and_its_past(town_folder: Path, buildings: Make) -> None:
    before = datetime.now(UTC)
    put(town_folder, buildings(["h1", "h4"]))
    with City.open(town_folder, at=before) as old, City.open(town_folder, write=False) as new:
        layer = buildings_of(diff_cities(old, new))
    assert (layer.added.examples, layer.removed.examples) == (("h4",), ("h2", "h3"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    old=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), max_size=8),
    new=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), max_size=8),
)
def test_it_agrees_with_what_a_version_records(
    town_folder: Path, other_folder: Path, old: dict[str, int], new: dict[str, int]
) -> None:
    tables = [
        houses(dict.fromkeys(side, (0.0, 0.0)), height_m=np.array([*side.values()], dtype=float))
        for side in (old, new)
    ]
    put(town_folder, tables[0])
    put(other_folder, tables[1])
    layer = buildings_of(differ(town_folder, other_folder, examples=99))
    expected = changes_between(*tables)
    assert layer.added.examples == tuple(expected.added)
    assert layer.removed.examples == tuple(expected.removed)
    assert layer.changed.examples == tuple(expected.changed)
