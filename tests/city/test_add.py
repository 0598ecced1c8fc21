"""Adding to a city: what is planned, what is put in, what is set aside, and what a kill leaves."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city.add import Addition, LayerPlan, carry_out, plan_addition, plan_ground
from shancheng.city.history import history_of
from shancheng.city.inputs import SourceInput
from shancheng.city.manifest import LayerSource, TerrainSource
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import (
    CityData,
    ColumnUse,
    ElevationData,
    SetAside,
    SourceOptions,
)
from shancheng.city.sources.dem_file import DemFile
from shancheng.city.store import City
from shancheng.errors import LayerSchemaError, SettingError, SourceFileError, StorageError
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from shancheng.progress import NullProgress

Make = Callable[..., pa.Table]
Offer = Callable[..., None]
SURVEY = LayerSource("City survey", "CC-BY-4.0", "The city", "surveyed", date="2026-05-01")
PROGRESS = NullProgress()


def sensors(ids: list[str], lon: float = 106.5, lat: float = 29.5) -> pa.Table:
    places = shapely.points([[lon + 0.0001 * i, lat] for i in range(len(ids))])
    return layer_table("sensors", id=ids, geometry=places, kind="air", provenance="surveyed")


def given(tmp_path: Path, source: str = "fake", **said: Any) -> SourceInput:
    path = tmp_path / f"{source}.dat"
    path.write_text("data")
    layers = said.pop("layers", ())
    return SourceInput(source, path, SourceOptions(**said), layers)


def added(folder: Path, *inputs: SourceInput, keep: bool = False) -> Addition:
    with City.open(folder, write=True) as city:
        addition = plan_addition(city, inputs, keep=keep, progress=PROGRESS)
        carry_out(city, addition, PROGRESS)
    return addition


def data_of(**layers: pa.Table) -> CityData:
    return CityData(layers=layers, layer_sources=dict.fromkeys(layers, SURVEY))


def test_a_new_layer(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    offer(fake=data_of(sensors=sensors(["s1", "s2"])))
    addition = added(town_folder, given(tmp_path))
    assert addition.plans == (LayerPlan("sensors", None, 2, 2, 0),)
    with City.open(town_folder) as city:
        assert city.layer("sensors").column("id").to_pylist() == ["s1", "s2"]
        assert city.manifest.layers["sensors"] == SURVEY
        assert city.layer_version("buildings").version == 1
    record = history_of(town_folder)[0].record
    assert (record.how, record.inputs[0]["file"], record.inputs[0]["kind"]) == ("added", "fake.dat", "fake")


def test_a_layer_is_replaced_and_ids_keep_their_index(
    town_folder: Path, tmp_path: Path, offer: Offer, buildings: Make
) -> None:
    offer(fake=data_of(buildings=buildings(["h2", "h9"])))
    addition = added(town_folder, given(tmp_path))
    assert addition.plans == (LayerPlan("buildings", 3, 2, 1, 2),)
    with City.open(town_folder) as city:
        columns = (city.layer("buildings").column(name).to_pylist() for name in ("id", "index"))
        assert dict(zip(*columns, strict=True)) == {"h2": 1, "h9": 3}


def test_keep_leaves_the_other_objects_and_names_both_sources(
    town_folder: Path, tmp_path: Path, offer: Offer, buildings: Make
) -> None:
    offer(fake=data_of(buildings=buildings(["h2", "h9"], height_m=[50.0, 9.0])))
    addition = added(town_folder, given(tmp_path), keep=True)
    assert addition.plans == (LayerPlan("buildings", 3, 4, 1, 0),)
    with City.open(town_folder) as city:
        rows = {row["id"]: row for row in city.layer("buildings").to_pylist()}
        source = city.manifest.layers["buildings"]
    assert list(rows) == ["h1", "h2", "h3", "h9"]
    assert rows["h2"]["height_m"] == 50.0
    assert {name: row["source"] for name, row in rows.items()} == {
        "h1": "by hand", "h2": "City survey", "h3": "by hand", "h9": "City survey",
    }  # fmt: skip
    assert (source.source, source.licence) == ("by hand; City survey", "CC0-1.0; CC-BY-4.0")
    assert (source.attribution, source.provenance) == ("nobody; The city", "modelled")
    versions = len(history_of(town_folder))
    added(town_folder, given(tmp_path), keep=True)
    assert len(history_of(town_folder)) == versions


def test_adding_the_same_twice_changes_nothing(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    offer(fake=data_of(sensors=sensors(["s1"])))
    added(town_folder, given(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in town_folder.rglob("*.parquet")}
    with City.open(town_folder, write=True) as city:
        addition = plan_addition(city, [given(tmp_path)], progress=PROGRESS)
        assert carry_out(city, addition, PROGRESS) == []
    assert {path: path.stat().st_mtime_ns for path in town_folder.rglob("*.parquet")} == before


def test_planning_writes_nothing(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    offer(fake=data_of(sensors=sensors(["s1"])))
    before = {path: path.stat().st_mtime_ns for path in town_folder.rglob("*")}
    with City.open(town_folder, write=False) as city:
        addition = plan_addition(city, [given(tmp_path)], progress=PROGRESS)
        with pytest.raises(StorageError, match="opened for reading"):
            carry_out(city, addition, PROGRESS)
    assert {path: path.stat().st_mtime_ns for path in town_folder.rglob("*")} == before


# Where it lies


def test_what_lies_outside_is_set_aside_with_a_way_out(
    town_folder: Path, tmp_path: Path, offer: Offer
) -> None:
    far = pa.concat_tables([sensors(["s1"]), sensors(["far"], lon=120.0)])
    far = far.set_column(1, far.schema.field(1), pa.array([0, 1], pa.uint32()))
    offer(fake=data_of(sensors=far))
    added(town_folder, given(tmp_path))
    with City.open(town_folder) as city:
        assert city.layer("sensors").column("id").to_pylist() == ["s1"]
        (entry,) = city.set_aside()
    assert (entry.layer, entry.id) == ("sensors", "far")
    assert "outside the city (106.4" in entry.reason
    assert "city create NAME --bounds" in entry.reason


def test_a_building_must_lie_inside_whole_and_a_road_need_not(
    town_folder: Path, tmp_path: Path, offer: Offer
) -> None:
    with City.open(town_folder) as city:
        east, north = city.manifest.root_cell.bounds.east_deg, 29.5
    shapes = [shapely.box(east - 0.001, north, east + 0.001, north + 0.001)]
    lines = [shapely.LineString([(east - 0.001, north), (east + 0.001, north)])]
    house = {"height_m": 9.0, "height_provenance": "modelled", "min_height_m": 0.0}
    common = {"kind": "x", "provenance": "surveyed"}
    inside = shapely.box(106.5, 29.5, 106.5005, 29.5005)
    road = {"width_m": 6.0, "layer": pa.array([0], pa.int8()), "bridge": [False], "tunnel": [False]}
    offer(
        fake=data_of(
            buildings=layer_table(
                "buildings", id=["b0", "b1"], geometry=[*shapes, inside], **common, **house
            ),
            roads=layer_table("roads", id=["r"], geometry=lines, **common, **road),
        )
    )
    addition = added(town_folder, given(tmp_path))
    assert [entry.id for entry in addition.data.set_aside] == ["b0"]
    with City.open(town_folder) as city:
        assert city.layer("roads").column("id").to_pylist() == ["r"]


def test_a_layer_that_lies_elsewhere_whole_replaces_nothing(
    town_folder: Path, tmp_path: Path, offer: Offer
) -> None:
    offer(fake=data_of(sensors=sensors(["s1", "s2"], lon=12.0)))
    with (
        City.open(town_folder, write=True) as city,
        pytest.raises(SourceFileError, match=r"all 2 of sensors lie outside the city .*--crs or --datum"),
    ):
        plan_addition(city, [given(tmp_path)], progress=PROGRESS)


def test_of_very_many_outside_some_are_listed_and_all_are_counted(
    town_folder: Path, tmp_path: Path, offer: Offer
) -> None:
    n = 10_500
    lonlat = np.column_stack([np.where(np.arange(n) < 1, 106.5, 20.0), np.full(n, 29.5)])
    table = layer_table(
        "sensors",
        id=[f"s{i}" for i in range(n)],
        geometry=shapely.points(lonlat),
        kind="air",
        provenance="surveyed",
    )
    offer(fake=data_of(sensors=table))
    addition = added(town_folder, given(tmp_path))
    assert len(addition.data.set_aside) == 10_001
    assert addition.data.set_aside[-1].id == "(and 499 more)"


def test_bounds_are_for_every_source(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    offer(fake=data_of(sensors=sensors(["s1", "s2", "s3"])))
    added(town_folder, given(tmp_path, bounds=Bounds(106.4, 29.4, 106.50005, 29.6)))
    with City.open(town_folder) as city:
        assert city.layer("sensors").column("id").to_pylist() == ["s1"]
    assert history_of(town_folder)[0].record.inputs[0]["options"] == {"bounds": "106.4,29.4,106.50005,29.6"}


# What is set aside, beside, remarked


def test_set_aside_is_kept_for_each_layer(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    first = replace(data_of(sensors=sensors(["s1"])), set_aside=[SetAside("sensors", "x", "broken")])
    offer(fake=first)
    added(town_folder, given(tmp_path))
    offer(fake=replace(data_of(places=_places()), set_aside=[SetAside("places", "p", "no name")]))
    added(town_folder, given(tmp_path))
    with City.open(town_folder) as city:
        assert {(entry.layer, entry.id) for entry in city.set_aside()} == {("sensors", "x"), ("places", "p")}
    offer(fake=data_of(sensors=sensors(["s2"])))
    added(town_folder, given(tmp_path))
    with City.open(town_folder) as city:
        assert [entry.layer for entry in city.set_aside()] == ["places"]


def _places() -> pa.Table:
    points = shapely.points([[106.5, 29.5]])
    return layer_table("places", id=["p2"], geometry=points, kind="city", provenance="surveyed", rank=1)


def test_pictures_and_tables_are_written_below_the_city(
    town_folder: Path, tmp_path: Path, offer: Offer
) -> None:
    picture = f"layers/textures/{'0' * 64}.jpg"
    files = {picture: b"jpg", "tables/gtfs/stop_times.parquet": b"one"}
    offer(fake=replace(data_of(sensors=sensors(["s1"])), files=files))
    added(town_folder, given(tmp_path))
    assert (town_folder / picture).read_bytes() == b"jpg"
    seen = (town_folder / picture).stat().st_mtime_ns
    files = {**files, "tables/gtfs/stop_times.parquet": b"two"}
    offer(fake=replace(data_of(sensors=sensors(["s1", "s2"])), files=files))
    added(town_folder, given(tmp_path))
    assert (town_folder / "tables/gtfs/stop_times.parquet").read_bytes() == b"two"
    assert (town_folder / picture).stat().st_mtime_ns == seen
    assert not list(town_folder.rglob("*.tmp"))


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "city.toml",
        "layers/buildings.parquet",
        "layers/textures/../../city.toml",
        f"layers/textures/{'0' * 64}.svg",
        "tables/../city.toml",
        "tables/.hidden",
        "/etc/passwd",
        "tables/a\0b",
    ],
)
def test_a_source_cannot_write_elsewhere(town_folder: Path, tmp_path: Path, offer: Offer, path: str) -> None:
    offer(fake=replace(data_of(sensors=sensors(["s1"])), files={path: b"x"}))
    with pytest.raises(SourceFileError, match="a source may write"):
        added(town_folder, given(tmp_path))
    with City.open(town_folder) as city:
        assert not city.has_layer("sensors")


def test_columns_and_remarks_are_there_to_be_shown(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    use = ColumnUse("height_m", "HEIGHT", guessed=True)
    offer(
        fake=replace(data_of(sensors=sensors(["s1"])), column_use=(use,), remarks=("NAP is taken as EGM96",))
    )
    addition = added(town_folder, given(tmp_path))
    assert addition.data.column_use == (use,)
    assert addition.remarks == ("NAP is taken as EGM96",)


# The ground


def _ground(height_m: float) -> ElevationData:
    raster = Raster(np.full((30, 30), height_m, np.float32), 106.48, 29.52, 0.001, 0.001)
    return ElevationData(raster, TerrainSource("Relief", "CC-BY-4.0", "them", "surveyed", 0.001, 0.001))


def test_a_ground_of_the_source_is_taken_where_the_city_has_none_or_when_asked(
    town_folder: Path, tmp_path: Path, offer: Offer
) -> None:
    offer(fake=replace(data_of(sensors=sensors(["s1"])), terrain=_ground(7)))
    addition = added(town_folder, given(tmp_path))
    assert addition.ground is None
    assert "--layer terrain takes it" in addition.remarks[0]
    addition = added(town_folder, given(tmp_path, layers=("terrain",)))
    assert (addition.plans, addition.remarks) == ((), ())
    with City.open(town_folder, write=True) as city:
        assert city.terrain().values.max() == 7
        assert city.manifest.terrain.source == "Relief"
        city.change_manifest(replace(city.manifest, terrain=replace(city.manifest.terrain, source="none")))
    offer(fake=replace(data_of(sensors=sensors(["s2"])), terrain=_ground(8)))
    assert added(town_folder, given(tmp_path)).ground is not None


def test_elevations_replace_the_ground(
    town_folder: Path, tmp_path: Path, write_dem: Callable[..., Path]
) -> None:
    dem = write_dem(tmp_path / "hill.tif", west=106.48, north=29.52)
    said = SourceOptions(licence="public domain", attribution="NASA")
    with City.open(town_folder, write=True) as city:
        origin = city.manifest.origin
        addition = plan_ground(city, [DemFile(dem)], said, PROGRESS)
        (version,) = carry_out(city, addition, PROGRESS)
        assert (version.layer, version.version) == ("terrain", 2)
    with City.open(town_folder) as city:
        assert (city.manifest.terrain.licence, city.manifest.terrain.attribution) == ("public domain", "NASA")
        assert city.manifest.origin == origin
        assert city.terrain().values.max() > 60


# What is asked for


def test_layers_choose_among_what_a_source_brings(
    town_folder: Path, tmp_path: Path, offer: Offer, buildings: Make
) -> None:
    offer(fake=data_of(buildings=buildings(["h9"]), sensors=sensors(["s1"])))
    added(town_folder, given(tmp_path, layers=("sensors",)))
    with City.open(town_folder) as city:
        assert city.layer("buildings").num_rows == 3
        assert city.layer("sensors").num_rows == 1


def test_a_source_that_fills_one_layer_is_told_which(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    seen: list[SourceOptions] = []

    def read(_path: Path, options: SourceOptions, _progress: object) -> CityData:
        seen.append(options)
        return data_of(sensors=sensors(["s1"]))

    offer(options=frozenset({"layer", "crs"}), table=read)
    added(town_folder, given(tmp_path, "table", layers=("sensors",), crs="EPSG:4490"))
    assert (seen[0].layer, seen[0].crs, seen[0].bounds) == ("sensors", "EPSG:4490", None)
    with (
        City.open(town_folder, write=True) as city,
        pytest.raises(SettingError, match="fills one layer at a time"),
    ):
        plan_addition(city, [given(tmp_path, "table", layers=("sensors", "places"))], progress=PROGRESS)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"layers": ("houses",)}, "layer='houses': must be one of buildings"),
        ({"layers": ("roads",)}, "layer='roads': fake fills sensors"),
        ({"crs": "EPSG:4490"}, "crs: is not understood by fake"),
        ({"datum": "gcj02"}, "datum: is not understood by fake"),
        ({"columns": {"a": "b"}}, "columns: is not understood by fake"),
    ],
)
def test_what_nobody_understands_is_refused(
    town_folder: Path, tmp_path: Path, offer: Offer, said: dict[str, Any], message: str
) -> None:
    offer(fake=data_of(sensors=sensors(["s1"])))
    with City.open(town_folder, write=True) as city, pytest.raises(SettingError, match=message):
        plan_addition(city, [given(tmp_path, **said)], progress=PROGRESS)


def test_an_unknown_source_is_refused_with_the_known_ones(town_folder: Path, tmp_path: Path) -> None:
    with (
        City.open(town_folder, write=True) as city,
        pytest.raises(SettingError, match=r"source='dwg': must be one of .*osm"),
    ):
        plan_addition(city, [given(tmp_path, "dwg")], progress=PROGRESS)


def test_what_brings_nothing_is_refused(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    offer(fake=CityData({}, {}))
    with City.open(town_folder, write=True) as city, pytest.raises(SourceFileError, match="brings no layer"):
        plan_addition(city, [given(tmp_path)], progress=PROGRESS)


def test_an_empty_layer_is_a_valid_answer(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    offer(fake=data_of(sensors=sensors(["s1"]).slice(0, 0)))
    added(town_folder, given(tmp_path))
    with City.open(town_folder) as city:
        assert city.layer("sensors").num_rows == 0


def test_a_source_that_makes_a_wrong_table_changes_nothing(
    town_folder: Path, tmp_path: Path, offer: Offer, buildings: Make
) -> None:
    offer(fake=data_of(sensors=sensors(["s1"]), buildings=buildings(["h9"]).drop_columns(["height_m"])))
    with pytest.raises(LayerSchemaError, match="height_m"):
        added(town_folder, given(tmp_path))
    with City.open(town_folder) as city:
        assert city.layer_names() == ["buildings", "places"]


def test_files_of_one_source_are_taken_as_one(town_folder: Path, tmp_path: Path, offer: Offer) -> None:
    tables = {"one.dat": sensors(["s1"]), "two.dat": sensors(["s2"])}

    def read(path: Path, _options: SourceOptions, _progress: object) -> CityData:
        return data_of(sensors=tables[path.name])

    offer(fake=read)
    for name in tables:
        (tmp_path / name).write_text(name)
    inputs = [SourceInput("fake", tmp_path / name) for name in tables]
    added(town_folder, *inputs)
    with City.open(town_folder) as city:
        assert city.layer("sensors").column("id").to_pylist() == ["s1", "s2"]
        assert city.manifest.layers["sensors"] == SURVEY
    tables["two.dat"] = sensors(["s1"])
    with (
        City.open(town_folder, write=True) as city,
        pytest.raises(SourceFileError, match=r"two.dat: sensors: 1 ids are also in .*one.dat, such as s1"),
    ):
        plan_addition(city, inputs, progress=PROGRESS)


# Crashes

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_add
from shancheng.city import add, files, kept, store, writing
from shancheng.city.sources.base import CityData
from shancheng.city.schema import layer_table
from shancheng.city.inputs import InputFile
from shancheng.city.versions import TERRAIN
module, name, when = sys.argv[2:]
target = {{"add": add, "writing": writing, "store": store, "kept": kept}}[module]
real = getattr(target, name)
def dying(*arguments, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(target, name, dying)
data = test_add.killing_data()
with store.City.open(Path(sys.argv[1]), write=True) as city:
    plans = tuple(add._plan(city, layer, table, keep=False) for layer, table in data.layers.items())
    record = InputFile("fake", "fake.dat", 1, "0" * 64)
    addition = add.Addition(data, plans, test_add._ground(7), (record,))
    add.carry_out(city, addition, test_add.PROGRESS)
"""


def killing_data() -> CityData:
    boxes = shapely.box([106.5, 106.501], 29.5, [106.5005, 106.5015], 29.5005)
    houses = layer_table(
        "buildings", id=["h1", "new"], geometry=boxes, kind="house", provenance="surveyed", height_m=12.0,
        height_provenance="surveyed", min_height_m=0.0,
    )  # fmt: skip
    return data_of(buildings=houses, sensors=sensors(["s1"]))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("add", "write_files"),
        ("writing", "keep"),
        ("writing", "write_layer_file"),
        ("store", "write_atomically"),
        ("writing", "record"),
        ("add", "write_ground"),
        ("writing", "write_terrain"),
        ("add", "write_set_aside"),
    ],
)
def test_killed_at_any_step_the_city_has_the_old_or_the_new(
    town_folder: Path, module: str, name: str, when: str
) -> None:
    program = KILLED.format(tests=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", program, str(town_folder), module, name, when],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    with City.open(town_folder, write=True) as city:
        houses = city.layer("buildings").column("id").to_pylist()
        assert houses in (["h1", "h2", "h3"], ["h1", "new"])
        source = city.manifest.layers["buildings"]
        assert source.source == ("City survey" if "new" in houses else "by hand")
        assert city.layer_version("buildings").version == (2 if "new" in houses else 1)
        assert city.has_layer("sensors") in (True, False)
        # Index 2 was h3's and is given to nobody else.
        index = dict(zip(houses, city.layer("buildings").column("index").to_pylist(), strict=True))
        assert index.get("new", 3) >= 3
        data = killing_data()
        addition = Addition(data, (), _ground(7), ())
        carry_out(city, addition, PROGRESS)
    with City.open(town_folder) as city:
        assert city.layer("buildings").column("id").to_pylist() == ["h1", "new"]
        assert city.layer("sensors").num_rows == 1
        assert city.terrain().values.max() == 7
        assert city.manifest.layers["buildings"] == SURVEY
        assert city.manifest.terrain.source == "Relief"
    assert not list(town_folder.rglob("*.tmp"))
