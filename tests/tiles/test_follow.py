"""Following the change feed: nothing is missed, nothing done twice, whenever the process ends."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from mountain_city import ROOT, city_table, mountain_raster

from shancheng.city import create
from shancheng.city.builtin import Recipe
from shancheng.city.manifest import LayerSource, TerrainSource, Title
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.db import feed
from shancheng.errors import StorageError
from shancheng.geo.bounds import Bounds
from shancheng.tiles.follow import FOLLOWER, follow, newest_change, note_done
from shancheng.tiles.make import current_build, make_tiles

SOURCE = LayerSource("by hand", "CC0-1.0", "nobody", "modelled")


def town(_progress: object = None) -> CityData:
    raster = mountain_raster()
    terrain = TerrainSource(
        "by hand", "CC0-1.0", "nobody", "modelled", raster.step_lon_deg, raster.step_lat_deg
    )
    box = ROOT.bounds
    places = layer_table("places", geometry=[], id=[], kind=[], provenance=[], rank=pa.array([], pa.int16()))
    layers = {"buildings": city_table(300), "places": places}
    return CityData(
        layers=layers,
        layer_sources=dict.fromkeys(layers, SOURCE),
        extent=Bounds(box.west_deg, box.south_deg, box.east_deg, box.north_deg),
        terrain=ElevationData(raster, terrain),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(create.BUILTIN, "town", Recipe("town", Title("镇", "Town"), town))
        city, _ = create.create_city(home, "town")
    city.close()
    return home / "town"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "town"))


@pytest.fixture
def city(folder: Path) -> Iterator[City]:
    with City.open(folder, write=True) as opened:
        yield opened


def raise_buildings(city: City, seed: int) -> None:
    table = city.layer("buildings")
    rows = table.to_pylist()
    for row in random.Random(seed).sample(rows, 5):  # noqa: S311  # no secret
        row["height_m"] += 1 + seed
    write_layer(city, "buildings", pa.Table.from_pylist(rows, table.schema), SOURCE)


def cursor(city: City) -> int:
    return feed.cursor(city.database, FOLLOWER)


def last(city: City) -> int:
    return max((row.seq for row in feed.read(city.database, 0)), default=0)


def build_name(city: City) -> str:
    build = current_build(city)
    assert build is not None
    return build.name


def test_the_first_run_makes_tiles_and_the_next_does_nothing(city: City) -> None:
    assert cursor(city) == 0
    report = follow(city)
    assert report is not None
    assert (build_name(city), cursor(city)) == (report.build, last(city))
    assert follow(city) is None
    assert follow(city) is None
    assert build_name(city) == report.build


def test_a_change_is_followed_once(city: City) -> None:
    first = follow(city)
    raise_buildings(city, 1)
    raise_buildings(city, 2)
    assert cursor(city) < last(city)
    report = follow(city)
    assert first is not None
    assert report is not None
    assert report.build != first.build
    layers = {layer.name: layer for layer in report.layers}
    assert layers["terrain"].reused == layers["terrain"].tiles
    assert cursor(city) == last(city)
    assert follow(city) is None


def test_the_profile_stays_unless_another_is_asked_for(city: City) -> None:
    follow(city, profile="normals")
    raise_buildings(city, 1)
    report = follow(city)
    assert report is not None
    assert report.profile == "normals"
    assert follow(city, profile="normals") is None
    other = follow(city, profile="compact")
    assert other is not None
    assert other.profile == "compact"


def test_a_change_that_tiles_do_not_show_moves_the_cursor(city: City) -> None:
    first = follow(city)
    with city.database.transaction() as connection:
        feed.append(connection, feed.FeedEntry("incident.opened", "urn:x", {}))
    assert follow(city) is None
    assert first is not None
    assert (build_name(city), cursor(city)) == (first.build, last(city))


def test_a_long_feed_is_read_to_its_end(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shancheng.tiles.follow._PAGE", 3)
    follow(city)
    with city.database.transaction() as connection:
        for number in range(10):
            feed.append(connection, feed.FeedEntry("incident.opened", f"urn:{number}", {}))
    assert newest_change(city) == last(city)
    assert follow(city) is None
    assert cursor(city) == last(city)


def test_what_changes_while_tiles_are_made_is_followed_next(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(city)
    raise_buildings(city, 1)

    def make_and_change(*args: object, **kwargs: object) -> object:
        report = make_tiles(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        raise_buildings(city, 2)
        return report

    with monkeypatch.context() as patch:
        patch.setattr("shancheng.tiles.follow.make_tiles", make_and_change)
        follow(city)
    assert cursor(city) < last(city)
    assert follow(city) is not None
    assert cursor(city) == last(city)


def test_the_cursor_never_goes_back(city: City) -> None:
    follow(city)
    there = cursor(city)
    note_done(city, there - 1)
    assert cursor(city) == there


def test_who_may_only_read_cannot_follow(folder: Path) -> None:
    with City.open(folder, write=False) as city, pytest.raises(StorageError, match="opened for reading"):
        follow(city)


FOLLOW = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from shancheng.city.store import City
from shancheng.tiles.follow import follow

module, name, count = import_module(sys.argv[2]), sys.argv[3], int(sys.argv[4])
original = getattr(module, name)
def deadly(*args, **kwargs):
    global count
    count -= 1
    if count < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)
setattr(module, name, deadly)
with City.open(Path(sys.argv[1]), write=True) as city:
    follow(city)
"""


@pytest.mark.parametrize(
    ("module", "name", "count", "is_done"),
    [
        ("shancheng.tiles.follow", "make_tiles", 0, False),
        ("shancheng.tiles.output", "_write", 1, False),
        ("shancheng.tiles.builds", "_flush_tree", 0, False),
        ("shancheng.tiles.builds", "write_atomically", 0, False),
        ("shancheng.tiles.builds", "write_atomically", 1, True),
        ("shancheng.tiles.make", "clear_states", 0, True),
        ("shancheng.tiles.follow", "note_done", 0, True),
    ],
)
def test_a_follower_that_is_killed_goes_on_where_it_was(
    folder: Path, module: str, name: str, count: int, *, is_done: bool
) -> None:
    with City.open(folder, write=True) as city:
        follow(city)
        raise_buildings(city, 1)
        before, done = build_name(city), cursor(city)
    command = [sys.executable, "-c", FOLLOW, str(folder), module, name, str(count)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with City.open(folder, write=True) as city:
        assert cursor(city) == done
        build = current_build(city)
        assert build is not None
        assert (build.up_to_date, build.name == before) == (is_done, not is_done)
        report = follow(city)
        assert (report is None) == is_done
        assert cursor(city) == last(city)
        build = current_build(city)
        assert build is not None
        assert build.up_to_date
        assert follow(city) is None
