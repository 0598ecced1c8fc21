"""What a source is: it reads a file in the world's form and returns layers in ours.

Adding a source is adding a file beside this one and a line in ``sources/__init__.py``, or an entry point
of the group ``shancheng.sources`` in another package.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from shancheng.city.manifest import Home, LayerSource, TerrainSource, Title
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from shancheng.progress import Progress

__all__ = ["SOURCES_GROUP", "CityData", "ElevationData", "SetAside", "Source"]

SOURCES_GROUP: Final = "shancheng.sources"


@dataclass(frozen=True)
class SetAside:
    """One feature that could not be taken over, and why: counted and listed, never silently dropped."""

    layer: str
    id: str
    reason: str


@dataclass(frozen=True)
class ElevationData:
    """Ground of a city: ``raster`` in metres above the geoid, without voids, longitude and latitude."""

    raster: Raster
    source: TerrainSource


@dataclass(frozen=True)
class CityData:
    """All that a source knows of a city. ``layers`` and ``layer_sources`` have the same keys.

    ``extent`` is None where the source does not know it; ``terrain`` where it has no elevations.
    """

    layers: dict[str, pa.Table]
    layer_sources: dict[str, LayerSource]
    title: Title | None = None
    extent: Bounds | None = None
    set_aside: list[SetAside] = field(default_factory=list)
    terrain: ElevationData | None = None
    home: Home | None = None


Source = Callable[[Path, Progress], CityData]
"""Reads one file into a city's data."""
