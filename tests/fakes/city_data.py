"""What tests ask of the data of a city that a source gave."""

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.progress import NullProgress


def read_with(source: str, path: Path, **options: Any) -> CityData:
    return read_source(source, path, SourceOptions(**options), NullProgress())


def column(data: CityData, name: str, layer: str = "buildings") -> list[Any]:
    return data.layers[layer].column(name).to_pylist()


def shapes(data: CityData, layer: str = "buildings", name: str = "geometry") -> Any:
    return shapely.from_wkb(data.layers[layer].column(name).to_numpy())


def aside(data: CityData) -> dict[str, str]:
    """Reasons by the ids of what was set aside."""
    return {entry.id: entry.reason for entry in data.set_aside}


def metres(shape: Any) -> Any:
    """A shape near Delft in metres, as far as areas go."""
    lat = np.radians(52.0)
    return shapely.transform(shape, lambda points: points * [111_320 * np.cos(lat), 111_240])
