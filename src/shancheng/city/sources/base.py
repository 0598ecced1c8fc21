"""What a source is: it reads a file in the world's form and returns layers in ours.

Adding a source is adding a file beside this one with a `SOURCE` in it, and an entry point of the group
``shancheng.sources`` in ``pyproject.toml``; a package outside does the same in its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.city.manifest import Home, LayerSource, TerrainSource, Title
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from shancheng.progress import Progress

__all__ = [
    "SOURCES_GROUP",
    "CityData",
    "ColumnUse",
    "ElevationData",
    "SetAside",
    "Source",
    "SourceOptions",
]

SOURCES_GROUP: Final = "shancheng.sources"


@dataclass(frozen=True)
class SetAside:
    """One feature that could not be taken over, and why: counted and listed, never silently dropped."""

    layer: str
    id: str
    reason: str


@dataclass(frozen=True)
class ElevationData:
    """Ground of a city: ``raster`` in metres above the geoid, without voids, longitude and latitude.

    ``filled`` marks the samples that nobody measured, of the raster's shape; None where there are none.
    """

    raster: Raster
    source: TerrainSource
    filled: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class ColumnUse:
    """Which column of a file fills one of ours, and whether that was guessed from its name."""

    ours: str
    theirs: str
    guessed: bool


@dataclass(frozen=True)
class CityData:
    """All that a source knows of a city. ``layer_sources`` has a key for each of ``layers`` and ``streams``.

    ``extent`` is None where the source does not know it; ``terrain`` where it has no elevations.

    Attributes:
        files: What stands beside the layers, by its path below the city's folder: pictures in
            ``layers/textures/``, named by their hash, and tables in ``tables/``.
        column_use: Shown to the user before anything is written.
        remarks: What the user should know: a datum that was approximated, a version that was assumed.
        streams: Layers of a new city that are too large for memory, as tables one after the other; each is
            read once.
    """

    layers: dict[str, pa.Table]
    layer_sources: dict[str, LayerSource]
    title: Title | None = None
    extent: Bounds | None = None
    set_aside: list[SetAside] = field(default_factory=list)
    terrain: ElevationData | None = None
    home: Home | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    column_use: tuple[ColumnUse, ...] = ()
    remarks: tuple[str, ...] = ()
    streams: dict[str, Iterable[pa.Table]] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceOptions:
    """What the user says of a file. A source refuses what it does not understand; nothing is guessed.

    Attributes:
        layer: Which layer to fill, where the file does not say.
        crs: Reference system of the coordinates, where the file does not say; such as ``EPSG:4490``.
        datum: `wgs84`, or the Chinese `gcj02` or `bd09` to be converted.
        columns: Column of the file for a column of ours.
        bounds: Only what lies there.
        licence: Of the data, as an SPDX identifier or a name.
        attribution: Who is to be credited, in plain text.
        provenance: One of the three, where the source cannot know.
        table: Which table of the file, where it holds several.
    """

    layer: str | None = None
    crs: str | None = None
    datum: str = "wgs84"
    columns: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds | None = None
    licence: str | None = None
    attribution: str | None = None
    provenance: str | None = None
    table: str | None = None


Read = Callable[[Path, SourceOptions, Progress], CityData]


@dataclass(frozen=True)
class Source:
    """One way to read a file into a city's data.

    Attributes:
        name: What the user calls it, `osm`.
        title: What it reads, `OpenStreetMap extract (.osm.pbf, .osm)`.
        layers: Layers that it may fill.
        options: Fields of `SourceOptions` that it understands.
        read: Reads one file, or a folder where the format is one.
    """

    name: str
    title: str
    layers: tuple[str, ...]
    read: Read
    options: frozenset[str] = frozenset()
