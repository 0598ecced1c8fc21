"""Small cities and extracts, made by hand, for the tests of `city`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import osmium
import pyarrow as pa
import pytest
import rasterio
import shapely

from shancheng.city import create, sources
from shancheng.city.builtin import Recipe
from shancheng.city.manifest import LayerSource, TerrainSource, Title
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData, Source
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster

SOURCE = LayerSource(source="by hand", licence="CC0-1.0", attribution="nobody", provenance="modelled")


def _buildings(ids: Sequence[str], **columns: Any) -> pa.Table:
    lon = 106.5 + 0.001 * np.arange(len(ids))
    given: dict[str, Any] = {
        "kind": "house",
        "name": [f"House {local_id}" for local_id in ids],
        "provenance": "modelled",
        "height_m": np.full(len(ids), 9.0),
        "height_provenance": "modelled",
        "min_height_m": 0.0,
        **columns,
    }
    return layer_table(
        "buildings", id=list(ids), geometry=shapely.box(lon, 29.5, lon + 5e-4, 29.5005), **given
    )


@pytest.fixture
def buildings() -> Callable[..., pa.Table]:
    """``buildings(ids, **columns)``: a layer of square houses in a row."""
    return _buildings


@pytest.fixture
def city_data() -> CityData:
    """Three houses and a place on a slope."""
    places = layer_table(
        "places", id=["p1"], geometry=shapely.points([[106.501, 29.501]]), kind="city", name="重庆",
        name_en="Chongqing", provenance="surveyed", rank=1,
    )  # fmt: skip
    raster = Raster(np.arange(400, dtype=np.float32).reshape(20, 20), 106.49, 29.51, 0.001, 0.001)
    terrain = TerrainSource("by hand", "CC0-1.0", "nobody", "modelled", 0.001, 0.001)
    return CityData(
        layers={"buildings": _buildings(["h1", "h2", "h3"]), "places": places},
        layer_sources={"buildings": SOURCE, "places": SOURCE},
        extent=Bounds(106.495, 29.495, 106.505, 29.505),
        terrain=ElevationData(raster, terrain),
    )


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch, city_data: CityData) -> Callable[..., None]:
    """``town(data=..., version=...)``: a built-in recipe of that name for the time of a test."""

    def put(data: CityData = city_data, version: str = "1", build: Any = None) -> None:
        recipe = Recipe("town", Title("镇", "Town"), build or (lambda _progress: data), version)
        monkeypatch.setitem(create.BUILTIN, "town", recipe)

    put()
    return put


@pytest.fixture
def town_folder(tmp_path: Path, town: Callable[..., None]) -> Path:
    """A city folder made from the recipe."""
    assert town is not None
    city, _ = create.create_city(tmp_path / "home", "town")
    city.close()
    return city.folder


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``offer(name=CityData)``: sources of these names, whose every file holds that data."""
    entries: dict[str, Any] = {}
    monkeypatch.setattr(sources, "_entries", lambda: entries)

    def put(*, options: frozenset[str] = frozenset(), **given: CityData | Callable[..., CityData]) -> None:
        for name, data in given.items():
            read = data if callable(data) else lambda _path, _options, _progress, data=data: data
            layers = ("buildings", "sensors", "places") if callable(data) else tuple(data.layers)
            source = Source(name, name, layers, read, options)
            entries[name] = SimpleNamespace(value="test", load=lambda source=source: source)

    return put


class OsmFile:
    """An extract under construction."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, tuple[float, float], dict[str, str]]] = []
        self.ways: list[tuple[int, list[int], dict[str, str]]] = []
        self.relations: list[tuple[int, list[tuple[str, int, str]], dict[str, str]]] = []
        self.box: tuple[float, float, float, float] | None = None

    def node(self, lon: float, lat: float, **tags: str) -> int:
        self.nodes.append((len(self.nodes) + 1, (lon, lat), tags))
        return len(self.nodes)

    def way(
        self, points: Sequence[tuple[float, float]], tags: dict[str, str], *, closed: bool = False
    ) -> int:
        refs = [self.node(*point) for point in points]
        self.ways.append((len(self.ways) + 1, refs + refs[:1] if closed else refs, tags))
        return len(self.ways)

    def square(self, lon: float, lat: float, side: float, tags: dict[str, str]) -> int:
        corners = [(lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side)]
        return self.way(corners, tags, closed=True)

    def relation(self, members: list[tuple[str, int, str]], tags: dict[str, str]) -> int:
        self.relations.append((len(self.relations) + 1, members, tags))
        return len(self.relations)

    def write(self, path: Path) -> Path:
        header = osmium.io.Header()
        if self.box is not None:
            west, south, east, north = self.box
            header.add_box(osmium.osm.Box(osmium.osm.Location(west, south), osmium.osm.Location(east, north)))
        mutable = osmium.osm.mutable
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
            for number, location, tags in self.nodes:
                writer.add_node(mutable.Node(id=number, location=location, tags=tags, version=1))
            for number, refs, tags in self.ways:
                writer.add_way(mutable.Way(id=number, nodes=refs, tags=tags, version=1))
            for number, members, tags in self.relations:
                writer.add_relation(mutable.Relation(id=number, members=members, tags=tags, version=1))
        return path


@pytest.fixture
def osm_file() -> OsmFile:
    return OsmFile()


@pytest.fixture(scope="session")
def small_osm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve houses on a street near 7.42 E, 43.73 N."""
    file = OsmFile()
    for number in range(12):
        file.square(7.422 + number * 0.0005, 43.735, 0.0002, {"building": "house", "name": f"House {number}"})
    file.way([(7.421, 43.734), (7.429, 43.734)], {"highway": "residential", "name": "Long Street"})
    return file.write(tmp_path_factory.mktemp("osm") / "small.osm.pbf")


def _write_dem(
    path: Path, *, west: float = 7.41, north: float = 43.75, crs: str | None = "EPSG:4326"
) -> Path:
    """A hill of 48 × 48 samples, three arc seconds apart."""
    rows, cols = np.mgrid[0:48, 0:48]
    values = (60 + 40 * np.sin(rows / 9) * np.cos(cols / 7)).astype(np.int16)
    transform = rasterio.Affine(1 / 1200, 0, west, 0, -1 / 1200, north)
    profile = {"driver": "GTiff", "height": 48, "width": 48, "count": 1, "dtype": "int16", "crs": crs}
    with rasterio.open(path, "w", **profile, transform=transform) as file:
        file.write(values, 1)
    return path


@pytest.fixture(scope="session")
def write_dem() -> Callable[..., Path]:
    return _write_dem


@pytest.fixture(scope="session")
def small_dem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_dem(tmp_path_factory.mktemp("dem") / "small.tif")
