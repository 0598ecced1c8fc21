"""The built-in city, made once for all tests, and its layers on the plane."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE
from shancheng.city.builtin.chongqing.field import Mesh, UrbanField
from shancheng.city.builtin.chongqing.recipe import build
from shancheng.city.builtin.chongqing.shells import Shell
from shancheng.city.sources.base import CityData


@dataclass(frozen=True)
class Layer:
    """A layer's columns as arrays of objects, made when asked for; its geometry on the plane in metres."""

    table: pa.Table
    shapes: npt.NDArray[Any]
    made: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in self.made:
            values = self.table.column(name).to_pylist()
            self.made[name] = np.fromiter(values, dtype=object, count=len(values))
        return self.made[name]


@dataclass
class BuiltCity:
    data: CityData
    layers: dict[str, Layer]

    @cached_property
    def water(self) -> Any:
        """All water as one geometry, prepared for many questions."""
        water = shapely.union_all(self.layers["water"].shapes)
        shapely.prepare(water)
        return water


def _field(rise_north: float, density: npt.NDArray[np.float64]) -> UrbanField:
    """Four kilometres square of one slope, rising to the north; streets run 17 degrees off east or north."""
    mesh = Mesh(-2000.0, -2000.0, 40.0, 101)
    none, shape = np.zeros((mesh.n, mesh.n)), (mesh.n, mesh.n)
    return UrbanField(
        mesh,
        density=density,
        height=np.full(shape, 0.5),
        old=none,
        works=none,
        campus=none,
        azimuth_rad=np.full(shape, np.pi / 2 if rise_north else 0.3),
        rise=np.stack([none, np.full(shape, rise_north)], axis=-1),
    )


@pytest.fixture(scope="session")
def flat_field() -> UrbanField:
    """Level and dense everywhere."""
    return _field(0.0, np.full((101, 101), 0.8))


@pytest.fixture(scope="session")
def half_field() -> UrbanField:
    """Level, and dense in its eastern half alone."""
    density = np.full((101, 101), 0.8)
    density[:, :50] = 0
    return _field(0.0, density)


@pytest.fixture(scope="session")
def sloping_field() -> UrbanField:
    """Dense on a slope of a quarter; streets run along it to the east."""
    return _field(0.25, np.full((101, 101), 0.8))


@pytest.fixture(scope="session")
def chongqing() -> BuiltCity:
    data = build(None)
    layers = {}
    for name, table in data.layers.items():
        shapes = shapely.from_wkb(table.column("geometry").to_numpy())
        layers[name] = Layer(table, PLANE.geometry_from_lonlat(shapes))
    return BuiltCity(data, layers)


@dataclass(frozen=True)
class ShellFacts:
    """What can be asked of a shell without the code that made it."""

    open_edges: int
    signed_volume_m3: float
    triangles: int

    @classmethod
    def of(cls, shell: Shell) -> "ShellFacts":
        """Edges that are not run both ways as often; the volume is above 0 where faces look outward."""
        edges: Counter[tuple[bytes, bytes]] = Counter()
        volume = 0.0
        origin = shell.faces[0][0]
        for face in shell.faces:
            keys = [np.round(point, 4).tobytes() for point in face + 0.0]
            edges.update((a, b) for a, b in zip(keys, [*keys[1:], keys[0]], strict=True) if a != b)
            corners = face - origin
            volume += float(np.cross(corners[1:-1], corners[2:]).sum(axis=0) @ corners[0]) / 6
        lone = sum(count != edges[b, a] for (a, b), count in list(edges.items()))
        return cls(lone, volume, sum(len(face) - 2 for face in shell.faces))


@pytest.fixture(scope="session")
def shell_facts() -> Any:
    """Facts of a shell, by calling it."""
    return ShellFacts.of
