"""The edited town with its first build; tests take copies."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from edited_town import CAPACITY, town

from shancheng.city import create
from shancheng.city.builtin import Recipe
from shancheng.city.manifest import Title
from shancheng.city.store import City
from shancheng.tiles import buildings
from shancheng.tiles.make import make_tiles


@pytest.fixture(scope="module", autouse=True)
def _small_tiles() -> Iterator[None]:
    """Many tiles of few buildings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buildings, "CAPACITY", CAPACITY)
        patch.setattr("shancheng.tiles.draped.CAPACITY", {"roads": 10, "green": 5})
        yield


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
    with City.open(folder, write=True) as opened:
        yield opened
