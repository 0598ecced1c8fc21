import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.beside import clear_leftovers
from shancheng.city.create import CreateOutcome, create_city
from shancheng.city.inputs import SourceInput
from shancheng.city.manifest import LayerSource, TerrainSource, Title
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData, SetAside, SourceOptions
from shancheng.city.store import City
from shancheng.db import feed
from shancheng.db.lock import CityLock
from shancheng.errors import (
    CityExistsError,
    CityLockedError,
    CoverageError,
    DiskFullError,
    LayerSchemaError,
    NotACityError,
    SettingError,
    ShanchengError,
    SourceFileError,
    StorageError,
)
from shancheng.geo.bounds import Bounds
from shancheng.geo.geoid import undulation_m
from shancheng.geo.raster import Raster

Town = Callable[..., None]
Offer = Callable[..., None]

pytestmark = pytest.mark.usefixtures("town")


def made(home: Path, **arguments: Any) -> CreateOutcome:
    city, outcome = create_city(home, "town", **arguments)
    city.close()
    return outcome


def names(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


def test_a_built_in_city(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    assert made(home) is CreateOutcome.CREATED
    assert names(home) == ["town"]
    with City.open(home / "town") as city:
        manifest = city.manifest
        assert (manifest.name, manifest.title.zh, manifest.created.builtin) == ("town", "镇", "town")
        assert manifest.root_cell.bounds.contains(manifest.extent)
        lon, lat = manifest.extent.centre
        assert (manifest.origin.lon_deg, manifest.origin.lat_deg) == (lon, lat)
        # The geoid lies about 39 m below the ellipsoid there.
        ground_m = float(city.terrain().sample(lon, lat))
        assert manifest.origin.ellipsoidal_height_m == pytest.approx(ground_m - 39, abs=1)
        rows = feed.read(city.database, 0)
        assert [(row.kind, row.subject) for row in rows] == [
            ("layer.written", "buildings"), ("layer.written", "places"), ("terrain.written", "terrain"),
        ]  # fmt: skip
    assert (home / "town" / "layers" / ".index" / "buildings.arrow").exists()


def test_asking_again_for_the_same_changes_nothing(tmp_path: Path) -> None:
    made(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert made(tmp_path) is CreateOutcome.UNCHANGED
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_asking_for_something_else_is_refused_unless_it_may_replace(
    tmp_path: Path, town: Town, city_data: CityData
) -> None:
    made(tmp_path)
    (tmp_path / "town" / "tiles").mkdir()
    aside = replace(city_data, set_aside=[SetAside("buildings", "w1", "broken")])
    town(aside, version="2")
    with pytest.raises(
        CityExistsError, match=r"made from the built-in town \(version 1\); asked for .*version 2"
    ):
        made(tmp_path)
    assert made(tmp_path, replace=True) is CreateOutcome.REPLACED
    assert names(tmp_path) == ["town"]
    with City.open(tmp_path / "town") as city:
        assert city.manifest.created.builtin_version == "2"
        assert city.set_aside() == [SetAside("buildings", "w1", "broken")]
        assert not (city.folder / "tiles").exists()
    assert made(tmp_path) is CreateOutcome.UNCHANGED
    assert made(tmp_path, replace=True) is CreateOutcome.REPLACED


def test_equal_input_makes_equal_files(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b")
    for name in ("city.toml", "terrain.tif", "layers/buildings.parquet", "layers/.index/buildings.arrow"):
        assert (tmp_path / "a" / "town" / name).read_bytes() == (
            tmp_path / "b" / "town" / name
        ).read_bytes(), name


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SourceFileError("bad"), OSError(5, "Input/output error")]
)
def test_nothing_half_written_is_left(tmp_path: Path, town: Town, error: BaseException) -> None:
    def fail(_progress: object) -> CityData:
        raise error

    town(build=fail)
    with pytest.raises((KeyboardInterrupt, ShanchengError)):
        made(tmp_path)
    assert names(tmp_path) == []


def test_a_failed_replacement_leaves_the_city(tmp_path: Path, town: Town, city_data: CityData) -> None:
    made(tmp_path)
    broken = city_data.layers["buildings"].drop_columns(["height_m"])
    town(replace(city_data, layers={"buildings": broken}), version="2")
    with pytest.raises(LayerSchemaError, match="height_m"):
        made(tmp_path, replace=True)
    assert names(tmp_path) == ["town"]
    with City.open(tmp_path / "town") as city:
        assert city.manifest.created.builtin_version == "1"


def test_a_city_in_use_is_not_replaced(tmp_path: Path) -> None:
    made(tmp_path)
    with CityLock(tmp_path / "town"), pytest.raises(CityLockedError, match=str(os.getpid())):
        made(tmp_path, replace=True)
    assert names(tmp_path) == ["town"]


def test_a_folder_that_is_no_city_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "letters.txt").write_text("dear")
    for replace_ in (False, True):
        with pytest.raises(NotACityError, match="exists and is no city"):
            made(tmp_path, replace=replace_)
    assert (tmp_path / "town" / "letters.txt").read_text() == "dear"


KILLED = """
import os, sys, time
from pathlib import Path
from shancheng.city import create
from shancheng.city.beside import clear_leftovers
from shancheng.city.builtin import Recipe
from shancheng.city.manifest import Title
def build(progress):
    print("building", flush=True)
    time.sleep(60)
create.BUILTIN["town"] = Recipe("town", Title("z", "e"), build, "9")
create.create_city(Path(sys.argv[1]), "town", replace=True)
"""


@pytest.mark.parametrize("had_one", [False, True])
def test_a_killed_creation_leaves_the_last_good_state_and_is_cleared(
    tmp_path: Path,
    had_one: bool,  # noqa: FBT001
) -> None:
    if had_one:
        made(tmp_path)
    builder = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert builder.stdout is not None
    assert builder.stdout.readline() == b"building\n"
    # While it lives, another creation does not take its folder away.
    clear_leftovers(tmp_path, "town")
    (beside,) = tmp_path.glob(".town.creating-*")
    builder.kill()
    builder.wait()
    builder.stdout.close()
    assert beside.exists()
    assert (tmp_path / "town").exists() is had_one
    assert made(tmp_path) is (CreateOutcome.UNCHANGED if had_one else CreateOutcome.CREATED)
    assert names(tmp_path) == ["town"]


def test_a_city_set_aside_by_a_killed_replacement_comes_back(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "town").rename(tmp_path / ".town.replaced-1-ab")
    assert made(tmp_path) is CreateOutcome.UNCHANGED
    shutil.copytree(tmp_path / "town", tmp_path / ".town.replaced-1-ab")
    made(tmp_path)
    assert names(tmp_path) == ["town"]


def test_a_young_folder_without_a_lock_is_left_to_its_maker(tmp_path: Path) -> None:
    young, old = tmp_path / ".town.creating-1-aa", tmp_path / ".town.creating-1-bb"
    for folder in (young, old):
        folder.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    made(tmp_path)
    assert names(tmp_path) == [".town.creating-1-aa", "town"]


def test_a_full_disk_is_seen_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 0))  # type: ignore[attr-defined]
    with pytest.raises(DiskFullError, match="needs"):
        made(tmp_path)
    assert names(tmp_path) == []


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file.home: cannot be made"):
        made(tmp_path / "file" / "home")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "Bad Name"}, "name='Bad Name'"),
        (
            {"name": "nowhere"},
            r"nowhere: is not built in \(built in: .*chongqing.*\); give --osm FILE or --from SOURCE FILE",
        ),
        ({"builtin": "nowhere"}, "nowhere: is not built in"),
        ({"dems": [Path("x.tif")]}, r"--dem x.tif: a built-in city has its own elevations"),
        ({"inputs": [SourceInput("osm", Path("x.pbf"))], "builtin": "town"}, "cannot be joined with files"),
    ],
)
def test_arguments_that_do_not_go_together(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        create_city(tmp_path, **{"name": "town", **arguments})
    assert names(tmp_path) == []


# From files


def test_a_city_from_files(tmp_path: Path, small_osm: Path, small_dem: Path) -> None:
    city, outcome = create_city(tmp_path, "small", inputs=[SourceInput("osm", small_osm)], dems=[small_dem])
    with city:
        assert outcome is CreateOutcome.CREATED
        assert [(entry.kind, entry.file) for entry in city.manifest.created.inputs] == [
            ("osm", small_osm.name), ("dem", small_dem.name),
        ]  # fmt: skip
        assert city.layer("buildings").num_rows == 12
        assert city.manifest.layers["buildings"].licence == "ODbL-1.0"
        assert city.manifest.terrain.provenance == "surveyed"
    renamed = tmp_path / "renamed.osm.pbf"
    shutil.copyfile(small_osm, renamed)
    assert (
        create_city(tmp_path, "small", inputs=[SourceInput("osm", renamed)], dems=[small_dem])[1]
        is CreateOutcome.UNCHANGED
    )
    with pytest.raises(CityExistsError, match=r"exists, made from small.osm.pbf"):
        create_city(tmp_path, "small", inputs=[SourceInput("osm", small_osm)])


def test_without_elevations_the_ground_is_level_and_says_so(tmp_path: Path, small_osm: Path) -> None:
    city, _ = create_city(tmp_path, "small", inputs=[SourceInput("osm", small_osm)])
    with city:
        assert not city.terrain().values.any()
        assert city.terrain().covers(city.manifest.root_cell.bounds)
        assert city.manifest.terrain.provenance == "modelled"
        assert "level at 0 m" in city.manifest.terrain.notes


@pytest.mark.parametrize(("kind", "asked"), [("osm", "--from osm"), ("dem", "--dem")])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file; {} needs a file"),
        (b"", "is empty; {} needs a file with data"),
        ("folder", "is an empty folder; {} needs data"),
    ],
)
def test_inputs_that_are_no_files(
    tmp_path: Path, small_osm: Path, kind: str, asked: str, content: bytes | str | None, said: str
) -> None:
    bad = tmp_path / "bad"
    if content == "folder":
        bad.mkdir()
    elif isinstance(content, bytes):
        bad.write_bytes(content)
    osm, dems = (bad, []) if kind == "osm" else (small_osm, [bad])
    home = tmp_path / "home"
    with pytest.raises(SourceFileError, match=f"bad: {said.format(asked)}"):
        create_city(home, "small", inputs=[SourceInput("osm", osm)], dems=dems)
    assert not home.exists()


def test_elevations_of_another_place_leave_nothing(
    tmp_path: Path, small_osm: Path, write_dem: Callable[..., Path]
) -> None:
    dem = write_dem(tmp_path / "elsewhere.tif", west=100.0, north=20.0)
    with pytest.raises(
        CoverageError, match=r"elsewhere.tif: covers 100.0000 to 100.0400 E.* but the city lies at 7.42"
    ):
        create_city(tmp_path / "home", "small", inputs=[SourceInput("osm", small_osm)], dems=[dem])
    assert names(tmp_path / "home") == []


# From several sources


def some(layer: str, ids: list[str], lon: float = 106.5, **columns: Any) -> CityData:
    """A layer of points or of square houses."""
    x = lon + 0.0005 * np.arange(len(ids))
    shapes = shapely.box(x, 29.5, x + 1e-4, 29.5001) if layer == "buildings" else shapely.points(x, 29.5)
    if layer == "buildings":
        columns = {"height_m": 9.0, "height_provenance": "modelled", "min_height_m": 0.0, **columns}
    table = layer_table(layer, id=ids, geometry=shapes, kind="x", provenance="surveyed", **columns)
    return CityData({layer: table}, {layer: LayerSource(f"{layer} by them", "CC0-1.0", "them", "surveyed")})


def files(tmp_path: Path, *names: str, **said: Any) -> list[SourceInput]:
    for name in names:
        (tmp_path / f"{name}.dat").write_text(name)
    return [SourceInput(name, tmp_path / f"{name}.dat", SourceOptions(**said)) for name in names]


def test_layers_of_several_sources_are_joined(tmp_path: Path, offer: Offer) -> None:
    offer(houses=some("buildings", ["h1", "h2"]), air=some("sensors", ["s1"]))
    city, _ = create_city(tmp_path / "home", "two", inputs=files(tmp_path, "houses", "air"))
    with city:
        assert city.layer_names() == ["buildings", "sensors"]
        assert [(entry.kind, entry.file) for entry in city.manifest.created.inputs] == [
            ("houses", "houses.dat"), ("air", "air.dat"),
        ]  # fmt: skip
        assert city.manifest.title == Title("two", "two")
        assert city.manifest.root_cell.bounds.contains(city.manifest.extent)


def test_one_layer_of_two_sources_is_joined_where_no_id_stands_twice(tmp_path: Path, offer: Offer) -> None:
    other = some("buildings", ["h3"], 106.51)
    source = LayerSource("more", "ODbL-1.0", "others", "approximate", date="2024")
    offer(houses=some("buildings", ["h1"]), more=replace(other, layer_sources={"buildings": source}))
    inputs = files(tmp_path, "houses", "more")
    city, _ = create_city(tmp_path / "home", "two", inputs=inputs)
    with city:
        rows = city.layer("buildings", ["id", "index", "source"]).to_pylist()
        credit = city.manifest.layers["buildings"]
    assert rows == [
        {"id": "h1", "index": 0, "source": "buildings by them"}, {"id": "h3", "index": 1, "source": "more"},
    ]  # fmt: skip
    assert (credit.licence, credit.provenance, credit.date) == ("CC0-1.0; ODbL-1.0", "approximate", "2024")
    offer(more=some("buildings", ["h1", "h9"]))
    with pytest.raises(
        SourceFileError, match=r"more.dat: buildings: 1 ids are also in .*houses.dat, such as h1"
    ):
        create_city(tmp_path / "home", "three", inputs=inputs)
    assert names(tmp_path / "home") == ["two"]


def test_the_extent_is_what_the_sources_know_else_nearly_all_features(tmp_path: Path, offer: Offer) -> None:
    crowd = some("buildings", [f"h{i}" for i in range(200)])
    astray = some("sensors", ["s1", "lost"])
    lost = layer_table(
        "sensors",
        id=["s1", "lost"],
        geometry=shapely.points([[106.51, 29.5], [0, 0]]),
        kind="x",
        provenance="surveyed",
    )
    offer(houses=crowd, air=replace(astray, layers={"sensors": lost}))
    inputs = files(tmp_path, "houses", "air")
    city, _ = create_city(tmp_path / "home", "robust", inputs=inputs)
    with city:
        extent = city.manifest.extent
        assert (extent.west_deg, extent.east_deg) == pytest.approx((106.5, 106.5996), abs=1e-3)
        assert [(entry.layer, entry.id) for entry in city.set_aside()] == [("sensors", "lost")]
    offer(houses=replace(crowd, extent=Bounds(106.0, 29.0, 107.0, 30.0)))
    city, _ = create_city(tmp_path / "home", "known", inputs=inputs)
    with city:
        assert city.manifest.extent == Bounds(106.0, 29.0, 107.0, 30.0)
    bounds = Bounds(106.49, 29.49, 106.505, 29.51)
    city, _ = create_city(tmp_path / "home", "asked", inputs=files(tmp_path, "houses", "air", bounds=bounds))
    with city:
        assert city.manifest.extent == bounds
        assert city.layer("buildings").num_rows == 11


def test_what_has_no_place_is_no_city(tmp_path: Path, offer: Offer) -> None:
    empty = some("sensors", ["s1"])
    offer(air=replace(empty, layers={"sensors": empty.layers["sensors"].slice(0, 0)}))
    with pytest.raises(SourceFileError, match=r"air.dat: no feature has a place"):
        create_city(tmp_path / "home", "none", inputs=files(tmp_path, "air"))


def test_options_tell_requests_apart(tmp_path: Path, offer: Offer) -> None:
    offer(air=some("sensors", ["s1"]), options=frozenset({"crs", "columns"}))
    said = {"crs": "EPSG:4490", "columns": {"name": "NAME", "kind": "TYPE"}}
    city, _ = create_city(tmp_path / "home", "town2", inputs=files(tmp_path, "air", **said))
    city.close()
    (entry,) = city.manifest.created.inputs
    assert entry.options == {"crs": "EPSG:4490", "columns": "kind=TYPE,name=NAME"}
    again = create_city(tmp_path / "home", "town2", inputs=files(tmp_path, "air", **said))
    assert again[1] is CreateOutcome.UNCHANGED
    with pytest.raises(
        CityExistsError, match=r"air.dat \(.* columns=kind=TYPE,name=NAME crs=EPSG:4490\); asked"
    ):
        create_city(tmp_path / "home", "town2", inputs=files(tmp_path, "air"))


def test_an_option_goes_to_the_sources_that_understand_it(tmp_path: Path, offer: Offer) -> None:
    seen: dict[str, SourceOptions] = {}

    def read(path: Path, options: SourceOptions, _progress: object) -> CityData:
        seen[path.stem] = options
        return some("sensors", ["s1"])

    offer(houses=some("buildings", ["h1"]))
    offer(air=read, options=frozenset({"crs", "layer"}))
    inputs = [
        replace(entry, layers=("sensors",)) for entry in files(tmp_path, "houses", "air", crs="EPSG:4490")
    ]
    city, _ = create_city(tmp_path / "home", "two", inputs=inputs)
    with city:
        assert city.layer_names() == ["buildings", "sensors"]
        assert [entry.options for entry in city.manifest.created.inputs] == [
            {}, {"layer": "sensors", "crs": "EPSG:4490"},
        ]  # fmt: skip
    assert (seen["air"].crs, seen["air"].layer) == ("EPSG:4490", "sensors")
    with pytest.raises(SettingError, match="datum: is not understood by houses, air"):
        create_city(tmp_path / "home", "no", inputs=files(tmp_path, "houses", "air", datum="bd09"))


def test_the_ground_is_the_sources_own_else_drawn_through_solids(tmp_path: Path, offer: Offer) -> None:
    raster = Raster(np.full((30, 30), 77.0, np.float32), 106.48, 29.52, 0.001, 0.001)
    own = ElevationData(raster, TerrainSource("Relief", "CC0-1.0", "them", "surveyed", 0.001, 0.001))
    offer(houses=replace(some("buildings", ["h1"]), terrain=own))
    city, _ = create_city(tmp_path / "home", "own", inputs=files(tmp_path, "houses"))
    with city:
        assert (city.manifest.terrain.source, city.terrain().values.max()) == ("Relief", 77.0)
    # The geoid lies about 39 m below the ellipsoid there, so this floor is at 100 m.
    floor_m = 100 + float(np.ravel(undulation_m([106.5], [29.5]))[0])
    x, y = 106.5, 29.5
    ring = [
        (x, y, floor_m),
        (x, y + 1e-4, floor_m),
        (x + 1e-4, y + 1e-4, floor_m),
        (x + 1e-4, y, floor_m),
        (x, y, floor_m),
    ]
    solid = shapely.to_wkb(shapely.MultiPolygon([shapely.Polygon(ring)]), flavor="iso", byte_order=1)
    offer(houses=some("buildings", ["h1"], lod="2.2", lod2_geometry=[solid], lod2_semantics=[[1]]))
    city, _ = create_city(tmp_path / "home", "drawn", inputs=files(tmp_path, "houses"))
    with city:
        assert city.manifest.terrain.provenance == "modelled"
        assert float(city.terrain().sample(x, y)) == pytest.approx(100, abs=1)
    city, _ = create_city(tmp_path / "home", "level", inputs=files(tmp_path, "houses"), dems=[])
    city.close()


def test_pictures_and_tables_are_below_the_city(tmp_path: Path, offer: Offer) -> None:
    picture = f"layers/textures/{'0' * 64}.jpg"
    wanted = {picture: b"jpg", "tables/gtfs/trips.parquet": b"trips"}
    offer(houses=replace(some("buildings", ["h1"]), files=wanted))
    city, _ = create_city(tmp_path / "home", "town2", inputs=files(tmp_path, "houses"))
    city.close()
    assert {path: (city.folder / path).read_bytes() for path in wanted} == wanted
    offer(houses=replace(some("buildings", ["h1"]), files={"../evil": b"x"}))
    with pytest.raises(SourceFileError, match="a source may write"):
        create_city(tmp_path / "home", "town3", inputs=files(tmp_path, "houses"))
    assert names(tmp_path / "home") == ["town2"]


def test_nothing_is_left_when_the_user_says_no(tmp_path: Path, offer: Offer) -> None:
    offer(houses=some("buildings", ["h1"]))

    def no(data: CityData) -> None:
        assert data.layers["buildings"].num_rows == 1
        raise SettingError("no")

    with pytest.raises(SettingError, match="no"):
        create_city(tmp_path / "home", "town2", inputs=files(tmp_path, "houses"), confirm=no)
    assert names(tmp_path / "home") == []


# Older versions


def make_older(folder: Path) -> None:
    """What an older program would have left, as far as this one looks."""
    toml = folder / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("schema_version = 2", "schema_version = 1"))


def test_a_city_of_an_older_version_gives_way_only_when_it_may(tmp_path: Path) -> None:
    made(tmp_path)
    make_older(tmp_path / "town")
    with pytest.raises(CityExistsError, match="exists, made by an older Shancheng from the built-in town"):
        made(tmp_path)
    assert made(tmp_path, replace=True) is CreateOutcome.REPLACED
    assert made(tmp_path) is CreateOutcome.UNCHANGED
