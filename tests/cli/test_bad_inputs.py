"""What a user can get wrong, one by one: one error line that names it, exit code 1, nothing half-written.

Each runs the program itself, because libraries below us write to stderr on their own.
"""

import json
import shutil
import socket
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shancheng.db.lock import CityLock

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def refused(run: Run, home: Path, *arguments: str | Path, names: str) -> str:
    """Run, and check all that every refusal has in common; returns the error line."""
    before = snapshot(home)
    done = run(*arguments, "--home", home)
    lines = done.stderr.splitlines()
    errors = [line for line in lines if not line.startswith("· ")]
    assert done.returncode == 1, done.stderr
    assert len(errors) == 1, done.stderr
    assert errors[0] == lines[-1]
    assert errors[0].startswith("error: ")
    assert names in errors[0]
    assert done.stdout == ""
    assert snapshot(home) == before
    return errors[0]


def snapshot(home: Path) -> dict[str, tuple[int, int]]:
    """Every file below the home folder, but for what opening a database or a lock may touch."""
    touched = (".lock", "shancheng.db", "shancheng.db-wal", "shancheng.db-shm")
    return {
        str(path.relative_to(home)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name not in touched
    } | {str(path.relative_to(home)) + "/": (0, 0) for path in home.rglob("*") if path.is_dir()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def made(home: Path, small_city: Path) -> Path:
    """A complete city in the home folder."""
    shutil.copytree(small_city, home / "small")
    return home / "small"


def text_file(folder: Path, _osm: Path, _dem: Path, suffix: str) -> Path:
    path = folder / f"text{suffix}"
    path.write_text("this is a letter to a friend\n" * 100)
    return path


def truncated(folder: Path, osm: Path, dem: Path, suffix: str) -> Path:
    source = osm if suffix == ".osm.pbf" else dem
    path = folder / f"short{suffix}"
    content = source.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


def empty(folder: Path, _osm: Path, _dem: Path, suffix: str) -> Path:
    path = folder / f"empty{suffix}"
    path.write_bytes(b"")
    return path


def missing(folder: Path, _osm: Path, _dem: Path, suffix: str) -> Path:
    return folder / f"missing{suffix}"


def a_folder(folder: Path, _osm: Path, _dem: Path, suffix: str) -> Path:
    path = folder / f"folder{suffix}"
    path.mkdir()
    return path


def unknown_kind(folder: Path, osm: Path, dem: Path, suffix: str) -> Path:
    path = folder / "data.xyz"
    shutil.copy(osm if suffix == ".osm.pbf" else dem, path)
    return path


WRONG_FILES = [missing, text_file, truncated, empty, a_folder]


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_wrong_osm_file(
    shancheng: Run, home: Path, tmp_path: Path, small_osm: Path, small_dem: Path, wrong: Any
) -> None:
    path = wrong(tmp_path, small_osm, small_dem, ".osm.pbf")
    refused(shancheng, home, "city", "create", "small", "--osm", path, "--dem", small_dem, names=path.name)


@pytest.mark.parametrize("wrong", WRONG_FILES)
@pytest.mark.parametrize("suffix", [".tif", ".hgt"])
def test_a_wrong_elevation_file(
    shancheng: Run, home: Path, tmp_path: Path, small_osm: Path, small_dem: Path, suffix: str, wrong: Any
) -> None:
    path = wrong(tmp_path, small_osm, small_dem, suffix)
    refused(shancheng, home, "city", "create", "small", "--osm", small_osm, "--dem", path, names=path.name)


def test_an_elevation_archive_without_elevations(
    shancheng: Run, home: Path, tmp_path: Path, small_osm: Path
) -> None:
    path = tmp_path / "N43E007.hgt.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    refused(shancheng, home, "city", "create", "small", "--osm", small_osm, "--dem", path, names=path.name)


def test_an_elevation_archive_that_is_none(
    shancheng: Run, home: Path, tmp_path: Path, small_osm: Path
) -> None:
    path = tmp_path / "N43E007.hgt.zip"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    refused(shancheng, home, "city", "create", "small", "--osm", small_osm, "--dem", path, names=path.name)


def test_an_unknown_crs(
    shancheng: Run, home: Path, tmp_path: Path, small_osm: Path, write_dem: Callable[..., Path]
) -> None:
    path = write_dem(tmp_path / "nowhere.tif", crs=None)
    line = refused(
        shancheng, home, "city", "create", "small", "--osm", small_osm, "--dem", path, names=path.name
    )
    assert "CRS" in line or "reference system" in line


def test_an_extract_without_a_building(
    shancheng: Run, home: Path, tmp_path: Path, small_dem: Path, write_osm: Callable[..., Path]
) -> None:
    path = write_osm(tmp_path / "nothing.osm.pbf", n_buildings=0)
    refused(shancheng, home, "city", "create", "small", "--osm", path, "--dem", small_dem, names=path.name)


def test_elevations_that_do_not_cover_the_city(
    shancheng: Run, home: Path, tmp_path: Path, small_osm: Path, write_dem: Callable[..., Path]
) -> None:
    path = write_dem(tmp_path / "elsewhere.tif", west=106.0, north=30.0)
    line = refused(
        shancheng, home, "city", "create", "small", "--osm", small_osm, "--dem", path, names=path.name
    )
    assert "cover" in line


def test_elevations_without_a_city(shancheng: Run, home: Path, small_dem: Path) -> None:
    refused(shancheng, home, "city", "create", "small", "--dem", small_dem, names="--osm")


@pytest.mark.parametrize("name", ["Small", "../small", ".small", "", "a/b", "重庆", "x" * 100])
def test_a_name_that_is_none(shancheng: Run, home: Path, small_osm: Path, small_dem: Path, name: str) -> None:
    refused(shancheng, home, "city", "create", name, "--osm", small_osm, "--dem", small_dem, names=repr(name))


COMMANDS = [("up", "--port", "0"), ("city", "info"), ("tiles", "make")]


def on(command: tuple[str, ...], name: str) -> list[str]:
    words = 1 if command[0] == "up" else 2
    return [*command[:words], name, *command[words:]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_city_that_is_not_there(shancheng: Run, home: Path, command: tuple[str, ...]) -> None:
    refused(shancheng, home, *on(command, "atlantis"), names="atlantis")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_no_city(shancheng: Run, home: Path, command: tuple[str, ...]) -> None:
    (home / "small").mkdir()
    (home / "small" / "holiday.txt").write_text("sun")
    refused(shancheng, home, *on(command, "small"), names=str(home / "small"))
    assert [path.name for path in (home / "small").iterdir()] == ["holiday.txt"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_in_place_of_a_city(shancheng: Run, home: Path, command: tuple[str, ...]) -> None:
    (home / "small").write_text("no folder")
    refused(shancheng, home, *on(command, "small"), names="small")


@pytest.mark.parametrize("text", ["", "schema_version = ", "schema_version = 2\nname = 7\n"])
def test_a_city_toml_that_cannot_be_read(shancheng: Run, home: Path, made: Path, text: str) -> None:
    (made / "city.toml").write_text(text)
    refused(shancheng, home, "city", "info", "small", names="city.toml")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_city_from_a_newer_version(
    shancheng: Run, home: Path, made: Path, command: tuple[str, ...]
) -> None:
    toml = made / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("schema_version = 2", "schema_version = 999"))
    refused(shancheng, home, *on(command, "small"), names="999")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_city_from_an_older_version(
    shancheng: Run, home: Path, made: Path, command: tuple[str, ...]
) -> None:
    toml = made / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("schema_version = 2", "schema_version = 1"))
    refused(shancheng, home, *on(command, "small"), names="by an older Shancheng")


@pytest.mark.parametrize("command", [("up", "--port", "0"), ("tiles", "make")])
def test_a_database_from_a_newer_version(
    shancheng: Run, home: Path, made: Path, command: tuple[str, ...]
) -> None:
    connection = sqlite3.connect(made / "shancheng.db")
    connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    connection.commit()
    connection.close()
    refused(shancheng, home, *on(command, "small"), names="999")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_layer_that_was_cut_short(shancheng: Run, home: Path, made: Path, command: tuple[str, ...]) -> None:
    path = made / "layers" / "buildings.parquet"
    path.write_bytes(path.read_bytes()[:500])
    refused(shancheng, home, *on(command, "small"), names="buildings")


@pytest.mark.parametrize("command", [("up", "--port", "0"), ("tiles", "make")])
def test_a_locked_city(shancheng: Run, home: Path, made: Path, command: tuple[str, ...]) -> None:
    with CityLock(made) as lock:
        lock.announce("http://127.0.0.1:8765")
        line = refused(shancheng, home, *on(command, "small"), names="http://127.0.0.1:8765")
    assert "process" in line


def test_replacing_a_locked_city(
    shancheng: Run, home: Path, made: Path, tmp_path: Path, small_dem: Path, write_osm: Callable[..., Path]
) -> None:
    other = write_osm(tmp_path / "other.osm.pbf", n_buildings=3)
    with CityLock(made) as lock:
        lock.announce("http://127.0.0.1:8765")
        refused(
            shancheng, home, "city", "create", "small", "--osm", other, "--dem", small_dem, "--replace",
            names="http://127.0.0.1:8765",
        )  # fmt: skip


def test_a_city_made_from_something_else(
    shancheng: Run, home: Path, made: Path, tmp_path: Path, small_dem: Path, write_osm: Callable[..., Path]
) -> None:
    other = write_osm(tmp_path / "other.osm.pbf", n_buildings=3)
    assert made.is_dir()
    line = refused(
        shancheng, home, "city", "create", "small", "--osm", other, "--dem", small_dem, names="small"
    )
    assert "--replace" in line


def test_a_port_in_use_is_told_before_anything_is_built(shancheng: Run, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused(shancheng, home, "up", "chongqing", "--port", port, names=f"port={port}")


def test_a_port_that_is_none(shancheng: Run, home: Path) -> None:
    refused(shancheng, home, "up", "chongqing", "--port", "70000", names="port=70000")


def test_a_host_of_another_machine(shancheng: Run, home: Path) -> None:
    refused(shancheng, home, "up", "chongqing", "--host", "192.0.2.1", names="192.0.2.1")


def test_an_allowed_host_that_is_none(shancheng: Run, home: Path) -> None:
    refused(shancheng, home, "up", "chongqing", "--allowed-host", "http://x/", names="http://x/")


def test_a_home_that_is_a_file(shancheng: Run, tmp_path: Path, small_osm: Path, small_dem: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    done = shancheng("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", home)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert str(home) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_too_small_is_told_ahead(
    shancheng: Run, tmp_path: Path, small_osm: Path, small_dem: Path
) -> None:
    with small_disk(tmp_path / "disk", "size=1m") as home:
        line = refused(
            shancheng,
            home,
            "city",
            "create",
            "small",
            "--osm",
            small_osm,
            "--dem",
            small_dem,
            names=str(home),
        )
    assert "needs" in line


# No room for another file although there is space: nothing tells this ahead. Few stop the layers, more
# the tiles.
@pytest.mark.parametrize("files", [2, 6, 10, 14, 18, 24])
def test_a_disk_that_is_full_on_the_way(
    shancheng: Run, tmp_path: Path, small_osm: Path, small_dem: Path, files: int
) -> None:
    with small_disk(tmp_path / "disk", f"size=256m,nr_inodes={files}") as home:
        done = shancheng("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", home)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("· ")]
        assert done.returncode == 1, done.stderr
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("error: ")
        assert "full" in lines[0] or "No space left" in lines[0], lines
        assert not list(home.glob(".small.creating-*"))
        assert not list(home.glob("small/tiles/tileset.json"))
        if (home / "small").exists():
            assert shancheng("city", "info", "small", "--home", home).returncode == 0


def test_debug_shows_the_traceback(shancheng: Run, home: Path) -> None:
    done = shancheng("city", "info", "atlantis", "--home", home, env={"SHANCHENG_DEBUG": "1"})
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "NotACityError" in done.stderr


def test_the_snapshot_sees_a_new_file(tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    (tmp_path / "x.json").write_text(json.dumps({}))
    assert snapshot(tmp_path) != before
