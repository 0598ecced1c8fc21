"""The built-in city, made once for all tests, and its layers on the plane."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE
from shancheng.city.builtin.chongqing.recipe import build
from shancheng.city.sources.base import CityData


@dataclass(frozen=True)
class Layer:
    """A layer's columns as arrays, its geometry on the plane in metres."""

    columns: dict[str, npt.NDArray[Any]]
    shapes: npt.NDArray[Any]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]


@dataclass(frozen=True)
class BuiltCity:
    data: CityData
    layers: dict[str, Layer]

    @property
    def water(self) -> Any:
        return shapely.union_all(self.layers["water"].shapes)


@pytest.fixture(scope="session")
def chongqing() -> BuiltCity:
    data = build(None)
    layers = {}
    for name, table in data.layers.items():
        columns = {key: np.array(values, dtype=object) for key, values in table.to_pydict().items()}
        layers[name] = Layer(columns, PLANE.geometry_from_lonlat(shapely.from_wkb(columns["geometry"])))
    return BuiltCity(data, layers)
