"""An export is of one moment, whatever is done to the city meanwhile, and is a city."""

import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from shancheng.city import export
from shancheng.city.export import export_city
from shancheng.city.geoparquet import write_layer_file
from shancheng.city.history import history_of
from shancheng.city.manifest import LayerSource
from shancheng.city.store import City
from shancheng.city.versions import read_history, read_versions
from shancheng.city.writing import write_layer
from shancheng.db.files import sha256_file
from shancheng.db.lock import CityLock
from shancheng.errors import (
    CityExistsError,
    DiskFullError,
    LayerChangedError,
    NotACityError,
    SettingError,
    StorageError,
)

Make = Callable[..., pa.Table]
OSM = LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def check_consistent(folder: Path) -> None:
    """Every file is the version that its own database names, and opens as such."""
    with City.open(folder, write=False) as city:
        for name in city.layer_names():
            version = city.layer_version(name)
            assert version.version >= 1
            assert sha256_file(city.layer_path(name)) == version.sha256
        assert sha256_file(city.terrain_path) == city.terrain_sha256
        city.terrain()


def test_an_export_is_the_city(town_folder: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in town_folder.rglob("*")}
    copied = export_city(town_folder, tmp_path / "copy")
    assert copied == tmp_path / "copy"
    with City.open(town_folder, write=False) as city, City.open(copied, write=False) as copy:
        assert copy.input_digest() == city.input_digest()
        assert copy.manifest == city.manifest
        assert copy.layer("buildings").equals(city.layer("buildings"))
        assert copy.layer_version("buildings") == city.layer_version("buildings")
    assert {path: path.stat().st_mtime_ns for path in town_folder.rglob("*")} == before
    with CityLock(copied), City.open(copied) as copy:
        write_layer(copy, "places", copy.layer("places").slice(0, 0), OSM)


def test_a_city_in_use_is_exported(town_folder: Path, tmp_path: Path, buildings: Make) -> None:
    with CityLock(town_folder), City.open(town_folder) as city:
        write_layer(city, "buildings", buildings(["h1"]), OSM)
        copied = export_city(town_folder, tmp_path / "copy")
        write_layer(city, "buildings", buildings(["h2"]), OSM)
    check_consistent(copied)
    with City.open(copied) as copy:
        assert copy.layer("buildings").column("id").to_pylist() == ["h1"]
        assert copy.manifest.layers["buildings"] == OSM


def test_history_goes_along_or_not(town_folder: Path, tmp_path: Path, buildings: Make) -> None:
    before = datetime.now(UTC)
    with City.open(town_folder, write=True) as city:
        write_layer(city, "buildings", buildings(["h1"]), OSM)
    whole = export_city(town_folder, tmp_path / "whole")
    short = export_city(town_folder, tmp_path / "short", history=False)
    with City.open(whole, at=before) as city:
        assert city.layer("buildings").num_rows == 3
    assert not (short / "layers" / ".versions").exists()
    kept = {
        entry.record.version.version: entry.kept
        for entry in history_of(short)
        if entry.record.version.layer == "buildings"
    }
    assert kept == {1: False, 2: True}


def test_pictures_tables_and_what_was_set_aside_go_along(
    town_folder: Path, tmp_path: Path, buildings: Make
) -> None:
    shown, unseen = f"{'a' * 64}.jpg", f"{'b' * 64}.jpg"
    textures = town_folder / "layers" / "textures"
    textures.mkdir()
    for name in (shown, unseen):
        (textures / name).write_bytes(name.encode())
    (town_folder / "tables" / "gtfs").mkdir(parents=True)
    (town_folder / "tables" / "gtfs" / "trips.parquet").write_bytes(b"trips")
    (town_folder / "tables" / ".half.tmp").write_bytes(b"half")
    with City.open(town_folder, write=True) as city:
        write_layer(city, "buildings", buildings(["h1"], lod2_textures=[[shown]]), OSM)
    copied = export_city(town_folder, tmp_path / "copy")
    assert [path.name for path in (copied / "layers" / "textures").iterdir()] == [shown]
    assert (copied / "tables" / "gtfs" / "trips.parquet").read_bytes() == b"trips"
    assert not (copied / "tables" / ".half.tmp").exists()
    aside = "layers/set_aside.json"
    assert (copied / aside).read_bytes() == (town_folder / aside).read_bytes()


def test_tiles_are_copied_by_whoever_knows_them(town_folder: Path, tmp_path: Path) -> None:
    def copy_tiles(source: Path, to: Path) -> None:
        assert source == town_folder
        (to / "tiles").mkdir()

    assert (export_city(town_folder, tmp_path / "copy", copy_tiles=copy_tiles) / "tiles").is_dir()


def test_a_tar_file_holds_the_city(town_folder: Path, tmp_path: Path) -> None:
    archive = export_city(town_folder, tmp_path / "town.tar", tar=True)
    with tarfile.open(archive) as tar:
        assert {name.split("/")[0] for name in tar.getnames()} == {"town"}
        tar.extractall(tmp_path / "out", filter="data")
    check_consistent(tmp_path / "out" / "town")
    assert not (tmp_path / "out" / "town" / ".lock").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_is_there_gets_the_copy_inside(town_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    assert export_city(town_folder, tmp_path / "backups") == tmp_path / "backups" / "town"
    assert export_city(town_folder, tmp_path / "backups", tar=True) == tmp_path / "backups" / "town.tar"
    with pytest.raises(CityExistsError, match=r"backups/town: exists; an export replaces nothing"):
        export_city(town_folder, tmp_path / "backups")


@pytest.mark.parametrize("name", ["My Backup", ".hidden"])
def test_a_name_that_no_city_can_have_is_refused(town_folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="name="):
        export_city(town_folder, tmp_path / name)


def test_what_is_no_city_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(NotACityError):
        export_city(tmp_path, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_change_behind_our_back_is_taken_over_first(
    town_folder: Path, tmp_path: Path, buildings: Make
) -> None:
    write_layer_file(town_folder / "layers" / "buildings.parquet", buildings(["h1", "new"]))
    copied = export_city(town_folder, tmp_path / "copy")
    check_consistent(copied)
    with City.open(copied) as copy:
        assert copy.layer("buildings").column("id").to_pylist() == ["h1", "new"]
        assert copy.layer_version("buildings").version == 2


def test_a_broken_layer_is_named_and_nothing_is_left(town_folder: Path, tmp_path: Path) -> None:
    (town_folder / "layers" / "buildings.parquet").write_text("oops")
    with pytest.raises(LayerChangedError, match=r"buildings.parquet: not a Parquet file"):
        export_city(town_folder, tmp_path / "copy")
    with CityLock(town_folder), pytest.raises(StorageError, match=r"buildings.parquet: is not version 1"):
        export_city(town_folder, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_folder_that_is_read_only_is_exported(town_folder: Path, tmp_path: Path) -> None:
    for path in [*town_folder.rglob("*"), town_folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        check_consistent(export_city(town_folder, tmp_path / "copy"))
    finally:
        for path in [town_folder, *town_folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_full_disk_is_seen_ahead_and_leaves_nothing(
    town_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 0))  # type: ignore[attr-defined]
    with pytest.raises(DiskFullError, match="needs"):
        export_city(town_folder, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("at", ["_copy_version", "_put_in_place"])
def test_a_failure_half_way_leaves_nothing(
    town_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(export, at, fail)
    with pytest.raises(StorageError, match="Input/output error"):
        export_city(town_folder, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_what_a_killed_export_left_is_cleared_away(town_folder: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from shancheng.city import export; "
        "export._flush = lambda: os.kill(os.getpid(), signal.SIGKILL); "
        "export.export_city(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    target = tmp_path / "copy"
    done = subprocess.run([sys.executable, "-c", program, str(town_folder), str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert len(list(tmp_path.glob(".copy.exporting-*"))) == 1
    check_consistent(export_city(town_folder, target))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "home"]


# While others write

WRITER = """
import sys, time
from pathlib import Path
import numpy as np, shapely
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import layer_table
from shancheng.city.store import City
from shancheng.city.writing import write_layer
folder, reopen = Path(sys.argv[1]), sys.argv[2] == "reopen"
def houses(turn):
    n = 50 + turn % 7
    lon = 106.5 + 1e-4 * np.arange(n)
    return layer_table("buildings", id=[f"t{turn % 3}-{i}" for i in range(n)],
        geometry=shapely.box(lon, 29.5, lon + 5e-5, 29.5005), kind="house", name=f"turn {turn}",
        provenance="surveyed", height_m=float(turn), height_provenance="surveyed", min_height_m=0.0)
def sensors(turn):
    return layer_table("sensors", id=[f"s{turn}"], geometry=shapely.points([[106.5, 29.5]]), kind="air",
        name=f"turn {turn}", provenance="surveyed")
city, turn = City.open(folder, write=True), 0
print("writing", flush=True)
while True:
    turn += 1
    source = LayerSource(f"turn {turn}", "ODbL-1.0", f"credit {turn}", "surveyed")
    write_layer(city, "buildings", houses(turn), source)
    write_layer(city, "sensors", sensors(turn), source)
    if reopen:
        city.close()
        city = City.open(folder, write=True)
"""


@contextmanager
def writer(folder: Path, how: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), how], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"writing\n"
        yield
        assert process.poll() is None, "the writer died"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("how", ["stays", "reopen"])
def test_every_export_beside_a_writer_is_of_one_moment(town_folder: Path, tmp_path: Path, how: str) -> None:
    seen = set()
    with writer(town_folder, how):
        for number in range(20):
            copied = export_city(town_folder, tmp_path / f"copy-{number}", history=number % 5 == 0)
            check_consistent(copied)
            with City.open(copied, write=False) as city:
                turn = city.manifest.layers["buildings"].source
                names = city.layer("buildings").column("name").unique().to_pylist()
                if turn == "by hand":
                    continue
                # Data, credit and database are of one turn; the layer written next is at most one behind.
                assert names == [turn]
                number_of_turn = int(turn.split()[1])
                if city.has_layer("sensors"):
                    other = int(city.layer("sensors").column("name")[0].as_py().split()[1])
                    assert number_of_turn - other in (0, 1)
                assert city.manifest.layers["buildings"].attribution == f"credit {number_of_turn}"
                seen.add(turn)
    assert len(seen) > 3


def test_reading_versions_beside_a_writer_never_fails_nor_goes_back(town_folder: Path) -> None:
    last, end = 0, time.monotonic() + 60
    with writer(town_folder, "reopen"):
        while last < 20 and time.monotonic() < end:
            versions = read_versions(town_folder / "shancheng.db")
            assert versions["buildings"].version >= last
            last = versions["buildings"].version
            assert len(read_history(town_folder / "shancheng.db")) >= last
    assert last >= 20
