"""A build that takes over what did not change equals a full one, file by file and byte by byte."""

import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from edited_town import (
    EDITS,
    SOURCE,
    Rows,
    add,
    assert_equals_full,
    build_of,
    edit,
    files_of,
    grow,
    inodes,
    name,
    near,
    put_solids_on,
    remove,
    scatter,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.sources.base import ElevationData
from shancheng.city.store import City
from shancheng.city.writing import write_ground, write_layer
from shancheng.geo.raster import Raster
from shancheng.tiles import building_stock
from shancheng.tiles.make import make_tiles


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.lists(st.sampled_from(EDITS), min_size=1, max_size=3), min_size=1, max_size=4), st.randoms()
)
def test_any_edits_give_what_a_full_build_gives(
    made: Path, steps: list[list[Callable[[Rows, random.Random], None]]], chosen: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(made, Path(place) / "town")
        with City.open(Path(copy), write=True) as city:
            for edits in steps:
                edit(city, lambda rows, edits=edits: [change(rows, chosen) for change in edits] and None)
                report = make_tiles(city)
            assert_equals_full(city, report)


@pytest.mark.parametrize("change", EDITS)
def test_each_edit_gives_what_a_full_build_gives(city: City, change: Any) -> None:
    chosen = random.Random(change.__name__)  # noqa: S311  # no secret
    for _ in range(2):
        edit(city, lambda rows: change(rows, chosen))
        report = make_tiles(city)
    assert_equals_full(city, report)
    if change is put_solids_on:
        assert next(layer for layer in report.layers if layer.name == "buildings").notes["solids"] > 0


def test_pictures_that_cannot_be_read_stay_counted(city: City) -> None:
    for path in (city.folder / "layers" / "textures").iterdir():
        path.write_bytes(b"no picture")
    for seed in (1, 2):
        edit(city, lambda rows, seed=seed: put_solids_on(rows, random.Random(seed)))  # noqa: S311
        make_tiles(city)
    edit(city, lambda rows: scatter(near(rows, random.Random(5), 40), random.Random(5)))  # noqa: S311
    report = make_tiles(city)
    notes = next(layer for layer in report.layers if layer.name == "buildings").notes
    assert notes["pictures that cannot be read"] > 0
    assert_equals_full(city, report)

    def without_solids(rows: Rows) -> None:
        for row in rows:
            row["lod2_geometry"] = row["lod2_textures"] = row["lod2_uv"] = None

    edit(city, without_solids)
    report = make_tiles(city)
    notes = next(layer for layer in report.layers if layer.name == "buildings").notes
    assert "pictures that cannot be read" not in notes


def test_tiles_that_an_edit_does_not_touch_are_the_same_files(city: City) -> None:
    chosen = random.Random(1)  # noqa: S311  # no secret
    for _ in range(4):
        before = build_of(city)
        old_files, old_inodes = files_of(before), inodes(before)
        edit(city, lambda rows: scatter(near(rows, chosen, 40), chosen))
        report = make_tiles(city)
        after = build_of(city)
        new_files, new_inodes = files_of(after), inodes(after)
        changed = {name for name in new_files if old_files.get(name) != new_files[name]}
        assert {name for name in new_inodes if old_inodes.get(name) != new_inodes[name]} == changed
        tiles = {name for name in new_files if name.endswith(".glb")}
        assert 0 < len({name for name in changed if name.endswith(".glb")}) < len(tiles) / 2
        assert {name.split("/")[0] for name in changed} == {"buildings", "build.json"}
        layers = {layer.name: layer for layer in report.layers}
        assert layers["terrain"].reused == layers["terrain"].tiles
        made_anew = layers["buildings"].tiles - layers["buildings"].reused
        assert made_anew == len([name for name in changed if name.endswith(".glb")])


def test_a_change_that_tiles_do_not_show_writes_no_tile(city: City) -> None:
    before = inodes(build_of(city))
    edit(city, lambda rows: name(rows, random.Random(1)))  # noqa: S311  # no secret
    make_tiles(city)
    after = inodes(build_of(city))
    assert {path for path in after if after[path] != before.get(path)} == {"build.json"}


def test_only_changed_rows_are_read(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    prepare = building_stock.prepare_rows

    def counted(table: pa.Table, *args: Any, **kwargs: Any) -> Any:
        read.append(len(table))
        return prepare(table, *args, **kwargs)

    monkeypatch.setattr(building_stock, "prepare_rows", counted)
    edit(city, lambda rows: scatter(rows, random.Random(1)))  # noqa: S311  # no secret
    make_tiles(city)
    assert 0 < sum(read) <= 30


def test_several_versions_at_once(city: City) -> None:
    chosen = random.Random(4)  # noqa: S311  # no secret
    for change in (grow, remove, add):
        edit(city, lambda rows, change=change: change(rows, chosen))
    report = make_tiles(city)
    assert {layer.name: layer.reused > 0 for layer in report.layers}["buildings"]
    assert_equals_full(city, report)


def test_a_layer_that_returns_to_what_it_was(city: City) -> None:
    first = files_of(build_of(city))
    table = city.layer("buildings")
    edit(city, lambda rows: grow(rows, random.Random(1)))  # noqa: S311  # no secret
    make_tiles(city)
    write_layer(city, "buildings", table, SOURCE)
    make_tiles(city)
    again = files_of(build_of(city))
    assert {path for path in again if again[path] != first[path]} == set()


@pytest.mark.parametrize("layer", ["roads", "green"])
def test_other_layers_take_over_equal_files(city: City, layer: str) -> None:
    before = build_of(city)
    old = files_of(before), inodes(before)
    edit(city, lambda rows: rows.pop(3) and None, layer)
    report = make_tiles(city)
    after = build_of(city)
    new = files_of(after), inodes(after)
    changed = {path for path in new[0] if old[0].get(path) != new[0][path]}
    assert changed
    assert {path for path in new[1] if old[1].get(path) != new[1][path]} == changed
    found = next(entry for entry in report.layers if entry.name == layer)
    assert 0 < found.reused < found.tiles
    assert_equals_full(city, report)


def test_another_ground_moves_what_stands_on_it(city: City) -> None:
    old = files_of(build_of(city))
    raster = city.terrain()
    values = raster.values.copy()
    values[20:40, 20:40] += 5
    ground = ElevationData(
        Raster(values, raster.west_deg, raster.north_deg, raster.step_lon_deg, raster.step_lat_deg),
        city.manifest.terrain,
    )
    write_ground(city, ground)
    with City.open(city.folder, write=True) as again:
        report = make_tiles(again)
        new = files_of(build_of(again))
        kept = {path for path in new if path.endswith(".glb") and old.get(path) == new[path]}
        # Far from where it was raised, tiles of all layers are as they were.
        assert {path.split("/")[0] for path in kept} == {"terrain", "buildings", "roads", "green"}
        assert sum(layer.reused for layer in report.layers) == len(kept)
        assert_equals_full(again, report)


def test_another_credit_or_profile_makes_every_tile_anew_but_reads_no_row(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("no row has to be prepared")

    with monkeypatch.context() as patch:
        patch.setattr(building_stock, "prepare_rows", refuse)
        table = city.layer("buildings")
        write_layer(city, "buildings", table, replace(SOURCE, attribution="somebody else"))
        report = make_tiles(city)
        assert {layer.name: layer.reused for layer in report.layers}["buildings"] == 0
        normals = make_tiles(city, profile="normals")
    assert_equals_full(city, normals, "normals")
    assert_equals_full(city, make_tiles(city))


def test_a_layer_that_goes_leaves_nothing(city: City) -> None:
    make_tiles(city, layers=["terrain", "buildings"])
    make_tiles(city, layers=["buildings"])
    report = make_tiles(city, layers=["buildings"])
    build = city.folder / "tiles" / report.build
    assert {path.name for path in build.iterdir()} == {"buildings", "build.json"}
    assert_equals_full(city, make_tiles(city))
