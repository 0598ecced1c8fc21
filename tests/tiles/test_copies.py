"""Tiles are copied as the build that the pointer names, whatever happens to it meanwhile."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from shancheng.errors import TilesError
from shancheng.tiles import copies
from shancheng.tiles.copies import copy_tiles


def put_build(city: Path, name: str, *, report: bool = True) -> None:
    tiles = city / "tiles"
    (tiles / name / "buildings").mkdir(parents=True)
    (tiles / name / "buildings" / "0.glb").write_text(name)
    (tiles / "tileset.json").write_text(json.dumps({"extras": {"build": name}}))
    if report:
        (tiles / "report.json").write_text(json.dumps({"build": name}))


@pytest.fixture
def city(tmp_path: Path) -> Path:
    put_build(tmp_path / "city", "aaaaaaaa-1")
    return tmp_path / "city"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy"


def test_only_the_build_that_is_pointed_to(city: Path, target: Path) -> None:
    put_build(city, "bbbbbbbb-2")
    assert copy_tiles(city, target) == "bbbbbbbb-2"
    assert sorted(path.name for path in (target / "tiles").iterdir()) == [
        "bbbbbbbb-2",
        "report.json",
        "tileset.json",
    ]
    assert (target / "tiles" / "bbbbbbbb-2" / "buildings" / "0.glb").read_text() == "bbbbbbbb-2"


def test_a_report_of_another_build_stays(city: Path, target: Path) -> None:
    put_build(city, "bbbbbbbb-2", report=False)
    copy_tiles(city, target)
    assert not (target / "tiles" / "report.json").exists()


def test_a_city_without_tiles(tmp_path: Path, target: Path) -> None:
    assert copy_tiles(tmp_path, target) is None
    assert list(target.iterdir()) == []


def test_a_build_that_is_replaced_while_it_is_copied(
    city: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = shutil.copytree, []

    def interrupted(source: Any, to: Any, *rest: Any) -> Any:
        if not isinstance(source, Path):
            return real(source, to, *rest)  # a folder within
        calls.append(source.name)
        if len(calls) == 1:
            put_build(city, "bbbbbbbb-2")
            to.mkdir(parents=True)
            raise FileNotFoundError(source)
        return real(source, to)

    monkeypatch.setattr(copies.shutil, "copytree", interrupted)
    assert copy_tiles(city, target) == "bbbbbbbb-2"
    assert calls == ["aaaaaaaa-1", "bbbbbbbb-2"]
    assert not (target / "tiles" / "aaaaaaaa-1").exists()


def test_tiles_that_are_incomplete_are_named(city: Path, target: Path) -> None:
    shutil.rmtree(city / "tiles" / "aaaaaaaa-1")
    with pytest.raises(TilesError, match=r"tiles: the tiles change faster than they can be copied, or are"):
        copy_tiles(city, target)


@pytest.mark.parametrize("pointer", ['{"extras": {}}', "[]", "oops", '{"extras": {"build": "../evil"}}'])
def test_a_pointer_that_names_no_build(city: Path, target: Path, pointer: str) -> None:
    (city / "tiles" / "tileset.json").write_text(pointer)
    with pytest.raises(TilesError, match=r"tileset.json: names no build"):
        copy_tiles(city, target)
