"""What ``up`` does with a built-in city that an older version of the program made."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from shancheng.city.builtin import BUILTIN, Recipe
from shancheng.city.create import create_city
from shancheng.city.manifest import LayerSource, TerrainSource, Title, read_manifest
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.cli.building import ensure_city
from shancheng.cli.progress import TerminalProgress
from shancheng.errors import OlderSchemaError
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster

SOURCE = LayerSource("by hand", "CC0-1.0", "nobody", "modelled")


def _data() -> CityData:
    places = layer_table(
        "places",
        id=["p1"],
        geometry=shapely.points([[106.5, 29.5]]),
        kind="city",
        provenance="modelled",
        rank=1,
    )
    terrain = TerrainSource("by hand", "CC0-1.0", "nobody", "modelled", 0.001, 0.001)
    return CityData(
        layers={"places": places},
        layer_sources={"places": SOURCE},
        extent=Bounds(106.495, 29.495, 106.505, 29.505),
        terrain=ElevationData(Raster(np.zeros((30, 30), np.float32), 106.49, 29.51, 0.001, 0.001), terrain),
    )


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def put(version: str) -> None:
        monkeypatch.setitem(BUILTIN, "town", Recipe("town", Title("镇", "Town"), lambda _: _data(), version))

    put("1")
    return put


def ensured(home: Path) -> str:
    """Have the city; what was said on the way."""
    stream = io.StringIO()
    ensure_city("town", home, TerminalProgress(stream))
    return stream.getvalue()


def version_of(home: Path) -> str:
    return read_manifest(home / "town" / "city.toml").created.builtin_version


def make_older(folder: Path) -> None:
    toml = folder / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("schema_version = 2", "schema_version = 1"))


def add_something(home: Path) -> None:
    with City.open(home / "town", write=True) as city:
        write_layer(city, "places", city.layer("places").slice(0, 0), SOURCE)


def test_what_is_current_is_left_alone(tmp_path: Path, recipe: Callable[[str], None]) -> None:
    recipe("1")
    create_city(tmp_path, "town")[0].close()
    before = (tmp_path / "town" / "city.toml").stat().st_mtime_ns
    assert ensured(tmp_path) == ""
    assert (tmp_path / "town" / "city.toml").stat().st_mtime_ns == before


def test_an_older_one_that_nobody_touched_is_made_anew(tmp_path: Path, recipe: Callable[[str], None]) -> None:
    create_city(tmp_path, "town")[0].close()
    recipe("2")
    assert "of an older version; it is made anew" in ensured(tmp_path)
    assert version_of(tmp_path) == "2"
    make_older(tmp_path / "town")
    assert "it is made anew" in ensured(tmp_path)
    assert version_of(tmp_path) == "2"


def test_what_somebody_added_to_is_kept_and_the_way_told(
    tmp_path: Path, recipe: Callable[[str], None]
) -> None:
    create_city(tmp_path, "town")[0].close()
    add_something(tmp_path)
    recipe("2")
    assert "shancheng city create town --replace" in ensured(tmp_path)
    assert version_of(tmp_path) == "1"
    make_older(tmp_path / "town")
    with pytest.raises(OlderSchemaError, match=r"by an older Shancheng.*--replace"):
        ensured(tmp_path)
