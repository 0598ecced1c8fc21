"""Whole builds: complete or not there at all, whatever happens on the way."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mountain_city import ROOT, city_table, mountain_raster

from shancheng.city import create
from shancheng.city.builtin import Recipe
from shancheng.city.manifest import LayerSource, TerrainSource, Title
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.store import City
from shancheng.errors import DiskFullError, SettingError, StorageError
from shancheng.geo.bounds import Bounds
from shancheng.tiles import builds, output
from shancheng.tiles.make import current_build, make_tiles
from shancheng.tiles.state import STATE_FOLDER

LAYERS = ["terrain", "water", "buildings"]


def town(_progress: Any = None) -> CityData:
    raster = mountain_raster()
    source = LayerSource("by hand", "CC0-1.0", "nobody", "modelled")
    terrain = TerrainSource(
        "by hand", "CC0-1.0", "somebody", "modelled", raster.step_lon_deg, raster.step_lat_deg
    )
    water = layer_table("water", id=[], kind=[], provenance=[], geometry=[])
    box = ROOT.bounds
    return CityData(
        layers={"buildings": city_table(400), "water": water},
        layer_sources={"buildings": source, "water": source},
        extent=Bounds(box.west_deg, box.south_deg, box.east_deg, box.north_deg),
        terrain=ElevationData(raster, terrain),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city with a first build; tests take copies."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(create.BUILTIN, "town", Recipe("town", Title("镇", "Town"), town))
        city, _ = create.create_city(home, "town")
    with city:
        make_tiles(city)
    return home / "town"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "town"))


@pytest.fixture
def city(folder: Path) -> Iterator[City]:
    with City.open(folder, write=False) as opened:
        yield opened


def digest(build: Path) -> str:
    """Hash over names and contents of all files of a build."""
    files = sorted(path for path in build.rglob("*") if path.is_file())
    lines = [f"{p.relative_to(build)} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def folders(city: City) -> list[str]:
    entries = (city.folder / "tiles").iterdir()
    return sorted(path.name for path in entries if path.is_dir() and path.name != STATE_FOLDER)


def test_a_build_is_whole_and_pointed_to(city: City) -> None:
    build = current_build(city)
    assert build is not None
    assert build.up_to_date
    assert folders(city) == [build.name]
    pointer = json.loads((city.folder / "tiles" / "tileset.json").read_bytes())
    uris = [child["content"]["uri"] for child in pointer["root"]["children"]]
    assert uris == [f"{build.name}/{layer}/tileset.json" for layer in LAYERS]
    errors = [child["geometricError"] for child in pointer["root"]["children"]]
    assert max(errors) < pointer["root"]["geometricError"] < pointer["geometricError"]
    for uri, child in zip(uris, pointer["root"]["children"], strict=True):
        root = json.loads((city.folder / "tiles" / uri).read_bytes())["root"]
        assert child["boundingVolume"] == root["boundingVolume"]
        outer = pointer["root"]["boundingVolume"]["region"]
        assert outer[4] <= root["boundingVolume"]["region"][4]
        assert root["boundingVolume"]["region"][5] <= outer[5]


def test_the_report_tells_what_was_made(city: City) -> None:
    report = json.loads((city.folder / "tiles" / "report.json").read_bytes())
    build = current_build(city)
    assert build is not None
    assert (report["build"], report["input_digest"]) == (build.name, build.input_digest)
    layers = {layer["name"]: layer for layer in report["layers"]}
    assert list(layers) == LAYERS
    assert layers["buildings"]["features"] == 400
    assert layers["water"]["tiles"] == 0
    assert layers["terrain"]["triangles"] > 0
    assert report["set_aside"] == []


def test_the_credit_stands_in_the_tiles(city: City) -> None:
    build = current_build(city)
    assert build is not None
    credit = {
        layer: json.loads((build.path / layer / "tileset.json").read_bytes())["asset"]["copyright"]
        for layer in LAYERS
    }
    assert credit == {"terrain": "somebody", "water": "nobody", "buildings": "nobody"}


@pytest.mark.parametrize("full", [False, True])
def test_a_second_build_equals_the_first_and_only_the_last_two_stay(city: City, *, full: bool) -> None:
    first = current_build(city)
    assert first is not None
    names = [first.name, *(make_tiles(city, full=full).build for _ in range(3))]
    assert [int(name.split("-")[1]) for name in names] == [1, 2, 3, 4]
    assert folders(city) == sorted(names[-2:])
    second = current_build(city)
    assert second is not None
    assert second.name == names[-1]
    assert digest(second.path) == digest(city.folder / "tiles" / names[-2])


def test_other_layers_or_code_make_a_build_out_of_date(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tiles(city, layers=["buildings"])
    build = current_build(city)
    assert build is not None
    assert not build.up_to_date
    assert {path.name for path in build.path.iterdir()} == {"buildings", "build.json"}
    make_tiles(city)
    monkeypatch.setattr("shancheng.tiles.make.FORMAT", 0)
    build = current_build(city)
    assert build is not None
    assert not build.up_to_date


def test_profiles_differ_and_unknown_names_are_refused(city: City) -> None:
    first = current_build(city)
    make_tiles(city, profile="normals")
    second = current_build(city)
    assert first is not None
    assert second is not None
    assert (first.profile, second.profile) == ("compact", "normals")
    assert digest(first.path / "buildings") != digest(second.path / "buildings")
    with pytest.raises(SettingError, match="profile=huge: must be one of compact"):
        make_tiles(city, profile="huge")
    with pytest.raises(SettingError, match="layer=roads: must be one of terrain, water, buildings"):
        make_tiles(city, layers=["roads"])


class Steps:
    """Remembers the progress."""

    def __init__(self) -> None:
        self.fractions: list[float] = []

    def step(self, text: str, fraction: float | None = None) -> None:
        assert text
        if fraction is not None:
            self.fractions.append(fraction)


@pytest.mark.parametrize("full", [False, True])
def test_progress_rises_to_the_end(city: City, *, full: bool) -> None:
    steps = Steps()
    make_tiles(city, progress=steps, full=full)
    assert steps.fractions == sorted(steps.fractions)
    assert steps.fractions[-1] == 1.0


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"extras": {"build": "../.."}}', '{"extras": {"build": "12345678-9"}}']
)
def test_a_pointer_that_points_nowhere_is_no_build(city: City, damage: str) -> None:
    (city.folder / "tiles" / "tileset.json").write_text(damage)
    assert current_build(city) is None


# --- what goes wrong


def assert_as_before(city: City, before: str) -> None:
    build = current_build(city)
    assert build is not None
    assert build.up_to_date
    assert folders(city) == [before]


def test_a_full_disk_is_foreseen(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folders(city)[0]
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  # as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1 << 40, 1 << 40, 1 << 20))
    with pytest.raises(DiskFullError, match=r"needs .* MiB free, has 1\.0 MiB"):
        make_tiles(city)
    assert_as_before(city, before)


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [(errno.ENOSPC, DiskFullError, "disk is full"), (errno.EACCES, StorageError, "cannot be written")],
)
def test_a_disk_that_refuses_leaves_the_old_build(
    city: City, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception], words: str
) -> None:
    before = folders(city)[0]
    write = output._write

    def refuse(path: str, data: bytes) -> None:
        if path.endswith("buildings/0/0/0.glb"):
            raise OSError(number, os.strerror(number), path)
        write(path, data)

    monkeypatch.setattr(output, "_write", refuse)
    with pytest.raises(error, match=words):
        make_tiles(city, full=True)
    assert_as_before(city, before)


def test_an_interrupt_leaves_the_old_build(city: City) -> None:
    before = folders(city)[0]

    class Impatient(Steps):
        def step(self, text: str, fraction: float | None = None) -> None:
            if text == "buildings" and fraction is not None and fraction > 0.8:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_tiles(city, progress=Impatient(), full=True)
    assert_as_before(city, before)


BUILD = """
import os, signal, sys
from pathlib import Path
from shancheng.city.store import City
from shancheng.tiles import builds
from shancheng.tiles.make import make_tiles

place, count = sys.argv[2], int(sys.argv[3])
if place:
    original = getattr(builds, place)
    def deadly(*args, **kwargs):
        global count
        count -= 1
        if count < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    setattr(builds, place, deadly)
with City.open(Path(sys.argv[1]), write=False) as city:
    print("go", flush=True)
    make_tiles(city)
"""


def start(folder: Path, place: str = "", count: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BUILD, str(folder), place, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def assert_whole_then_finish(folder: Path, expected: str) -> None:
    """The pointer names a whole build; the next run cleans up and succeeds."""
    with City.open(folder, write=False) as city:
        build = current_build(city)
        assert build is not None
        assert build.up_to_date
        assert digest(build.path) == expected
        make_tiles(city)
        assert not [name for name in folders(city) if name.startswith(".")]
        assert len(folders(city)) <= 2
        last = current_build(city)
        assert last is not None
        assert digest(last.path) == expected


@pytest.mark.parametrize(
    ("place", "count"),
    [
        ("_flush_tree", 0),
        ("flush_folder", 0),
        ("write_atomically", 0),
        ("write_atomically", 1),
        ("_builds", 1),
    ],
)
def test_killed_between_the_last_steps(folder: Path, place: str, count: int) -> None:
    assert hasattr(builds, place)
    expected = digest(next(path for path in (folder / "tiles").iterdir() if path.is_dir()))
    process = start(folder, place, count)
    assert process.wait(timeout=120) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    assert_whole_then_finish(folder, expected)


def test_killed_at_random_moments(folder: Path) -> None:
    expected = digest(next(path for path in (folder / "tiles").iterdir() if path.is_dir()))
    moments = random.Random(7)  # noqa: S311  # no secret
    killed = 0
    for _ in range(6):
        process = start(folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        time.sleep(moments.uniform(0, 1.2))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
        with City.open(folder, write=False) as city:
            build = current_build(city)
            assert build is not None
            assert digest(build.path) == expected
    assert killed
    assert_whole_then_finish(folder, expected)


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(city: City) -> None:
    tiles = city.folder / "tiles"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getppid()):
        (tiles / f".building-{pid}" / "terrain").mkdir(parents=True)
    make_tiles(city)
    assert [name for name in folders(city) if name.startswith(".")] == [f".building-{os.getppid()}"]
