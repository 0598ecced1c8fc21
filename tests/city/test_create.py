import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shancheng.city import create
from shancheng.city.create import CreateOutcome, create_city
from shancheng.city.sources.base import CityData, SetAside
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

Town = Callable[..., None]

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
    create._clear_leftovers(tmp_path, "town")
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
        ({"name": "nowhere"}, r"nowhere: is not built in \(built in: .*chongqing.*\); give --osm FILE"),
        ({"builtin": "nowhere"}, "nowhere: is not built in"),
        ({"dems": [Path("x.tif")]}, r"--dem x.tif: a built-in city has its own elevations"),
        ({"osm": Path("x.pbf"), "builtin": "town"}, "cannot be joined with --osm"),
    ],
)
def test_arguments_that_do_not_go_together(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        create_city(tmp_path, **{"name": "town", **arguments})
    assert names(tmp_path) == []


# From files


def test_a_city_from_files(tmp_path: Path, small_osm: Path, small_dem: Path) -> None:
    city, outcome = create_city(tmp_path, "small", osm=small_osm, dems=[small_dem])
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
    assert create_city(tmp_path, "small", osm=renamed, dems=[small_dem])[1] is CreateOutcome.UNCHANGED
    with pytest.raises(CityExistsError, match=r"exists, made from small.osm.pbf"):
        create_city(tmp_path, "small", osm=small_osm)


def test_without_elevations_the_ground_is_level_and_says_so(tmp_path: Path, small_osm: Path) -> None:
    city, _ = create_city(tmp_path, "small", osm=small_osm)
    with city:
        assert not city.terrain().values.any()
        assert city.terrain().covers(city.manifest.root_cell.bounds)
        assert city.manifest.terrain.provenance == "modelled"
        assert "level at 0 m" in city.manifest.terrain.notes


@pytest.mark.parametrize("kind", ["osm", "dem"])
@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"", "is empty"), ("folder", "is a folder")]
)
def test_inputs_that_are_no_files(
    tmp_path: Path, small_osm: Path, kind: str, content: bytes | str | None, said: str
) -> None:
    bad = tmp_path / "bad"
    if content == "folder":
        bad.mkdir()
    elif isinstance(content, bytes):
        bad.write_bytes(content)
    osm, dems = (bad, []) if kind == "osm" else (small_osm, [bad])
    home = tmp_path / "home"
    with pytest.raises(SourceFileError, match=f"bad: {said}; --{kind} needs a file"):
        create_city(home, "small", osm=osm, dems=dems)
    assert not home.exists()


def test_elevations_of_another_place_leave_nothing(
    tmp_path: Path, small_osm: Path, write_dem: Callable[..., Path]
) -> None:
    dem = write_dem(tmp_path / "elsewhere.tif", west=100.0, north=20.0)
    with pytest.raises(
        CoverageError, match=r"elsewhere.tif: covers 100.0000 to 100.0400 E.* but the city lies at 7.42"
    ):
        create_city(tmp_path / "home", "small", osm=small_osm, dems=[dem])
    assert names(tmp_path / "home") == []
