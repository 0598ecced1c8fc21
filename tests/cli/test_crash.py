"""Killed at any moment, a command leaves the last good state, and running it again finishes the work."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_city import environment, program

from shancheng.city.store import City
from shancheng.tiles.make import current_build

Run = Callable[..., "subprocess.CompletedProcess[str]"]
# Seconds after the first sign of life; the last ones are after a small city's end on a fast machine.
DELAYS = [0.0, 0.1, 0.3, 0.9]


def kill_after(delay_s: float, *arguments: str | Path) -> None:
    """Start the program, wait until it says something and then a little, and kill it."""
    process = subprocess.Popen(
        program(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stderr is not None
    process.stderr.readline()
    time.sleep(delay_s)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize("delay_s", DELAYS)
def test_killed_while_creating(
    shancheng: Run, tmp_path: Path, small_osm: Path, small_dem: Path, delay_s: float
) -> None:
    create = ("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", tmp_path)
    kill_after(delay_s, *create)
    if (tmp_path / "small").exists():
        with City.open(tmp_path / "small", write=False) as city:
            assert city.layer("buildings").num_rows == 12
    done = shancheng(*create)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    with City.open(tmp_path / "small", write=False) as city:
        build = current_build(city)
        assert build is not None
        assert build.up_to_date


@pytest.mark.parametrize("delay_s", DELAYS)
def test_killed_while_making_tiles(shancheng: Run, tmp_path: Path, small_city: Path, delay_s: float) -> None:
    folder = Path(shutil.copytree(small_city, tmp_path / "small"))
    with City.open(folder, write=False) as city:
        before = current_build(city)
    assert before is not None
    kill_after(delay_s, "tiles", "make", "small", "--home", tmp_path)
    with City.open(folder, write=False) as city:
        after = current_build(city)
    assert after is not None
    assert after.up_to_date
    assert (after.path / "buildings" / "tileset.json").is_file()
    assert shancheng("tiles", "make", "small", "--home", tmp_path).returncode == 0
    builds = [path for path in (folder / "tiles").iterdir() if path.is_dir() and path.name[0] != "."]
    assert len(builds) <= 2


@pytest.mark.parametrize("delay_s", DELAYS)
def test_killed_while_adding(
    shancheng: Run, tmp_path: Path, small_city: Path, write_osm: Callable[..., Path], delay_s: float
) -> None:
    folder = Path(shutil.copytree(small_city, tmp_path / "small"))
    osm = write_osm(tmp_path / "other.osm.pbf", n_buildings=3)
    add = ("city", "add", "small", "osm", osm, "--layer", "buildings", "--home", tmp_path)
    kill_after(delay_s, *add)
    with City.open(folder, write=False) as city:
        assert city.layer("buildings").num_rows in (3, 12)
        build = current_build(city)
    assert build is not None
    assert (build.path / "buildings" / "tileset.json").is_file()
    done = shancheng(*add)
    assert done.returncode == 0, done.stderr
    with City.open(folder, write=False) as city:
        assert city.layer("buildings").num_rows == 3
        assert city.layer_version("buildings").version == 2
        build = current_build(city)
        assert build is not None
        assert build.up_to_date
