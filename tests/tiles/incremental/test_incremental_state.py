"""What one build leaves for the next is believed only where it fits, and goes when nobody needs it."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edited_town import (
    COUNT,
    add,
    assert_equals_full,
    build_of,
    edit,
    files_of,
    grow,
    near,
    remove,
    scatter,
)

from shancheng.city.store import City
from shancheng.tiles import building_memory, building_stock, output, reuse
from shancheng.tiles.make import make_tiles
from shancheng.tiles.report import TilesReport
from shancheng.tiles.state import STATE_FOLDER


def state_folder(city: City) -> Path:
    return city.folder / "tiles" / STATE_FOLDER


def damage_record(city: City) -> None:
    path = state_folder(city) / build_of(city).name / "record.json"
    path.write_bytes(path.read_bytes()[:-5] + b"xxxx}")


def lose_record(city: City) -> None:
    shutil.rmtree(state_folder(city))


def damage_heap(city: City) -> None:
    path = next(state_folder(city).glob("heap-*/lonlat"))
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)


def shorten_heap(city: City) -> None:
    path = next(state_folder(city).glob("heap-*/facts"))
    os.truncate(path, path.stat().st_size - 1)


def lose_members(city: City) -> None:
    (state_folder(city) / build_of(city).name / "members").unlink()


def touch_everything(city: City) -> None:
    for path in state_folder(city).rglob("*"):
        os.utime(path, ns=(1, 1))


def lengthen_heap(city: City) -> None:
    """As when a process that was adding rows is killed."""
    for path in state_folder(city).glob("heap-*/*"):
        with path.open("ab") as file:
            file.write(b"unfinished business")


def lose_tiles(city: City) -> None:
    for path in sorted(build_of(city).glob("buildings/*/*/*.glb"))[::3]:
        path.unlink()


def lose_terrain_tile(city: City) -> None:
    next(build_of(city).glob("terrain/1/*/*.gz")).unlink()


def shorten_tile(city: City) -> None:
    os.truncate(next(build_of(city).glob("buildings/0/0/0.glb")), 100)


DAMAGES = {
    damage_record: False, lose_record: False, damage_heap: False, shorten_heap: False, lose_members: False,
    touch_everything: True, lengthen_heap: True, lose_tiles: True, lose_terrain_tile: True,
    shorten_tile: True,
}  # fmt: skip


@pytest.mark.parametrize(("damage", "still_used"), DAMAGES.items())
def test_what_does_not_fit_is_not_believed(
    city: City, damage: Callable[[City], None], *, still_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    prepare = building_stock.prepare_rows
    monkeypatch.setattr(
        building_stock,
        "prepare_rows",
        lambda table, **rest: read.append(len(table)) or prepare(table, **rest),
    )
    for _ in range(2):  # with a build before last, too
        edit(city, lambda rows: scatter(rows, random.Random(5)))  # noqa: S311  # no secret
        edit(city, lambda rows: grow(rows, random.Random(6)))  # noqa: S311  # no secret
        make_tiles(city)
    damage(city)
    read.clear()
    edit(city, lambda rows: remove(rows, random.Random(3)))  # noqa: S311  # no secret
    report = make_tiles(city)
    assert (sum(read) < COUNT / 2) == still_used
    assert_equals_full(city, report)
    edit(city, lambda rows: add(rows, random.Random(3)))  # noqa: S311  # no secret
    assert_equals_full(city, make_tiles(city))


def test_a_lost_file_of_the_folder_that_is_built_in_is_made_again(city: City) -> None:
    for seed in range(3):
        edit(city, lambda rows, seed=seed: scatter(near(rows, random.Random(seed), 40), random.Random(seed)))  # noqa: S311
        make_tiles(city)
    current = build_of(city).name
    older = next(
        path
        for path in (city.folder / "tiles").iterdir()
        if path.name not in (current, STATE_FOLDER) and path.is_dir()
    )
    for pattern in ("buildings/*/*/*.glb", "terrain/*/*/*.glb.gz", "roads/*/*/*.glb"):
        for path in sorted(older.glob(pattern))[::4]:
            path.unlink()
    (older / "buildings" / "9").mkdir()
    edit(city, lambda rows: grow(rows, random.Random(9)))  # noqa: S311  # no secret
    assert_equals_full(city, make_tiles(city))


def test_without_a_delta_all_rows_are_read_and_equal_tiles_taken_over(city: City) -> None:
    edit(city, lambda rows: scatter(near(rows, random.Random(1), 40), random.Random(1)))  # noqa: S311
    for path in (city.folder / "layers" / ".index").glob("*.delta"):
        path.unlink()
    report = make_tiles(city)
    found = next(layer for layer in report.layers if layer.name == "buildings")
    assert 0 < found.reused < found.tiles
    assert_equals_full(city, report)


def test_a_worn_heap_is_begun_anew(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building_stock, "_MOST_OLD", 1)
    monkeypatch.setattr(building_stock, "_LEAST_OLD", 50)
    heaps = []
    for seed in range(4):
        edit(city, lambda rows, seed=seed: scatter(rows, random.Random(seed)))  # noqa: S311
        make_tiles(city)
        heaps.append([path.name for path in state_folder(city).glob("heap-*")])
    assert all(len(names) == 1 for names in heaps)
    assert len({names[0] for names in heaps}) > 1
    assert_equals_full(city, make_tiles(city))


def test_states_of_builds_that_are_gone_go_too(city: City) -> None:
    for seed in range(4):
        edit(city, lambda rows, seed=seed: scatter(rows, random.Random(seed)))  # noqa: S311
        make_tiles(city)
    names = {path.name for path in (city.folder / "tiles").iterdir() if path.is_dir()} - {STATE_FOLDER}
    assert {path.name for path in state_folder(city).iterdir() if not path.name.startswith("heap-")} == names
    assert len(names) == 2


def test_copies_do_where_there_are_no_second_names(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(output.errno.EPERM, "no links here")

    monkeypatch.setattr(output.os, "link", refuse)
    for seed in range(3):
        edit(city, lambda rows, seed=seed: scatter(rows, random.Random(seed)))  # noqa: S311
        report = make_tiles(city)
    assert {layer.name: layer.reused for layer in report.layers}["terrain"] > 0
    assert_equals_full(city, report)


def test_the_order_of_versions_of_the_tools_is_part_of_what_is_known(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reuse, "FORMAT", 0)
    report = make_tiles(city)
    # Equal files are found all the same, but nothing is believed unread.
    assert sum(layer.reused for layer in report.layers) == sum(layer.tiles for layer in report.layers)
    assert building_memory.TILE.itemsize > 0
    assert_equals_full_of_format(city, report)


def assert_equals_full_of_format(city: City, report: TilesReport) -> None:
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(city.folder, Path(place) / "town", ignore=shutil.ignore_patterns("tiles"))
        with City.open(Path(copy), write=False) as other:
            full = make_tiles(other, full=True)
            mine, its = (
                {name: digest for name, digest in files_of(folder).items() if name != "build.json"}
                for folder in (city.folder / "tiles" / report.build, other.folder / "tiles" / full.build)
            )
            assert mine == its
