"""The mountain city of `tests/fakes` and the tiles made of it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.buildings import make_buildings
from shancheng.tiles.profiles import PROFILES
from shancheng.tiles.report import LayerReport

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))

from mountain_city import ROOT, city_table, mountain_raster  # after the path


@pytest.fixture(scope="session")
def mountain() -> Raster:
    return mountain_raster()


@pytest.fixture(scope="session")
def root_cell() -> RootCell:
    return ROOT


@pytest.fixture(scope="session")
def random_city() -> Callable[..., pa.Table]:
    """`random_city(n, seed)`: a layer of n buildings."""
    return city_table


@dataclass(frozen=True)
class Built:
    """A layer and the tileset made of it."""

    table: pa.Table
    folder: Path
    report: LayerReport


@pytest.fixture(scope="session", params=["compact", "plain", "normals"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """3,000 buildings in tiles of each profile."""
    table = city_table(3000)
    folder = tmp_path_factory.mktemp(request.param)
    report = make_buildings(
        table,
        mountain_raster(),
        ROOT,
        folder,
        profile=PROFILES[request.param],
        id_prefix="urn:shancheng:test:buildings:",
        copyright="© nobody",
    )
    return Built(table, folder, report)
