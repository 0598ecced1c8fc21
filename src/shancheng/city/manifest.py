"""``city.toml``: what a city folder says of itself, as frozen records and as text.

Reading checks every key and names the one that is wrong; where the file lies and when it is written
is left to the store.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import tomli_w

from shancheng.errors import BoundsError, NewerSchemaError, NotACityError
from shancheng.geo.bounds import Bounds
from shancheng.geo.quadtree import RootCell

__all__ = [
    "SCHEMA_VERSION",
    "Created",
    "Home",
    "InputFile",
    "LayerSource",
    "Manifest",
    "Origin",
    "TerrainSource",
    "Title",
    "parse_manifest",
    "read_manifest",
]

SCHEMA_VERSION: Final = 1
Toml = Mapping[str, Any]


@dataclass(frozen=True)
class Title:
    """The city's name in both languages of the page."""

    zh: str
    en: str


@dataclass(frozen=True)
class Origin:
    """Origin of the local east-north-up frame, WGS-84."""

    lon_deg: float
    lat_deg: float
    ellipsoidal_height_m: float


@dataclass(frozen=True)
class Home:
    """The first view: the camera looks at the target from ``distance_m`` away.

    ``azimuth_deg`` is the direction of sight, clockwise from north; ``pitch_deg`` is below the horizon where
    negative.
    """

    lon_deg: float
    lat_deg: float
    ellipsoidal_height_m: float
    azimuth_deg: float
    pitch_deg: float
    distance_m: float


@dataclass(frozen=True)
class InputFile:
    """One file that the city was made from: which argument named it, and what it held."""

    kind: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Created:
    """What ``city create`` was asked. Two cities with equal records are made from the same data."""

    builtin: str = ""
    builtin_version: str = ""
    inputs: tuple[InputFile, ...] = ()

    @property
    def arguments(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What tells two requests apart: equal where the same data was asked for; file names may differ."""
        return self.builtin, self.builtin_version, tuple((entry.kind, entry.sha256) for entry in self.inputs)


@dataclass(frozen=True)
class LayerSource:
    """Where a layer comes from. ``attribution`` is plain text; ``provenance`` is one of the three."""

    source: str
    licence: str
    attribution: str
    provenance: str
    attribution_url: str = ""
    date: str = ""
    notes: str = ""


@dataclass(frozen=True)
class TerrainSource:
    """Where the elevations come from, their step in degrees and how many samples were filled in."""

    source: str
    licence: str
    attribution: str
    provenance: str
    step_lon_deg: float
    step_lat_deg: float
    attribution_url: str = ""
    date: str = ""
    voids_filled: int = 0
    notes: str = ""


@dataclass(frozen=True)
class Manifest:
    """The whole of ``city.toml``. Every layer in the folder has an entry in ``layers``."""

    name: str
    title: Title
    extent: Bounds
    root_cell: RootCell
    origin: Origin
    created: Created
    terrain: TerrainSource
    layers: dict[str, LayerSource] = field(default_factory=dict)
    home: Home | None = None

    def to_toml(self) -> str:
        """The text of ``city.toml``."""
        return tomli_w.dumps(_document(self), multiline_strings=False)


def read_manifest(path: Path) -> Manifest:
    """Read ``city.toml``.

    Args:
        path: The file itself.

    Raises:
        NotACityError: The file is missing, is no TOML, or a key is missing or wrong.
        NewerSchemaError: It was written by a newer version.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotACityError(
            f"{path.parent}: no city, its city.toml cannot be read ({_why(error)})"
        ) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotACityError(f"{path}: not TOML: {error}") from error
    return parse_manifest(document, str(path))


def parse_manifest(document: Toml, where: str) -> Manifest:
    """A manifest from a TOML document; ``where`` names the file in errors."""
    version = document.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise NotACityError(f"{where}: schema_version={version!r}: must be a whole number from 1")
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{where}: schema_version={version}: by a newer Shancheng; this one reads up to {SCHEMA_VERSION}"
        )
    try:
        return _manifest(document)
    except KeyError as error:
        raise NotACityError(f"{where}: the key {error} is missing") from error
    except (TypeError, ValueError, AttributeError, BoundsError) as error:
        raise NotACityError(f"{where}: {error}") from error


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _manifest(document: Toml) -> Manifest:
    extent, root, home = document["extent"], document["root_cell"], document.get("home")
    created = document.get("created", {})
    return Manifest(
        name=str(document["name"]),
        title=Title(zh=str(document["title"]["zh"]), en=str(document["title"]["en"])),
        extent=Bounds(*(float(extent[edge]) for edge in ("west", "south", "east", "north"))),
        root_cell=RootCell(float(root["west"]), float(root["south"]), float(root["side"])),
        origin=Origin(*_position(document["origin"])),
        created=Created(
            builtin=str(created.get("builtin", "")),
            builtin_version=str(created.get("builtin_version", "")),
            inputs=tuple(_record(InputFile, entry) for entry in created.get("inputs", ())),
        ),
        terrain=_record(TerrainSource, document["terrain"]),
        layers={name: _record(LayerSource, entry) for name, entry in document.get("layers", {}).items()},
        home=None if home is None else _home(home),
    )


def _position(table: Toml) -> tuple[float, float, float]:
    return float(table["lon"]), float(table["lat"]), float(table["ellipsoidal_height_m"])


def _home(table: Toml) -> Home:
    view = (float(table[key]) for key in ("azimuth_deg", "pitch_deg", "distance_m"))
    return Home(*_position(table), *view)


RecordT = TypeVar("RecordT", InputFile, LayerSource, TerrainSource)


def _record(cls: type[RecordT], table: Toml) -> RecordT:
    """A record from its table: known keys only, each of the type of its field; others are ignored."""
    values: dict[str, Any] = {}
    for name, described in cls.__dataclass_fields__.items():
        if name in table:
            values[name] = _typed(name, table[name], described.type)
    missing = [name for name in cls.__dataclass_fields__ if name not in values and not _optional(cls, name)]
    if missing:
        raise KeyError(missing[0])
    return cls(**values)


def _typed(name: str, value: object, wanted: object) -> object:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted if isinstance(wanted, type) else str):
        kind = wanted.__name__ if isinstance(wanted, type) else str(wanted)
        raise TypeError(f"{name}={value!r}: must be of type {kind}")
    return value


def _optional(cls: type[RecordT], name: str) -> bool:
    return hasattr(cls, name)


def _document(manifest: Manifest) -> dict[str, Any]:
    extent, root, origin, home = manifest.extent, manifest.root_cell, manifest.origin, manifest.home
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": manifest.name,
        "title": vars(manifest.title),
        "extent": {
            "west": extent.west_deg,
            "south": extent.south_deg,
            "east": extent.east_deg,
            "north": extent.north_deg,
        },
        "root_cell": {"west": root.west_deg, "south": root.south_deg, "side": root.side_deg},
        "origin": _position_table(origin),
    }
    if home is not None:
        view = {"azimuth_deg": home.azimuth_deg, "pitch_deg": home.pitch_deg, "distance_m": home.distance_m}
        document["home"] = {**_position_table(home), **view}
    document["created"] = _created_table(manifest.created)
    document["terrain"] = vars(manifest.terrain)
    document["layers"] = {name: vars(source) for name, source in manifest.layers.items()}
    return document


def _position_table(place: Origin | Home) -> dict[str, float]:
    return {
        "lon": place.lon_deg,
        "lat": place.lat_deg,
        "ellipsoidal_height_m": place.ellipsoidal_height_m,
    }


def _created_table(created: Created) -> dict[str, Any]:
    table: dict[str, Any] = {}
    if created.builtin:
        table |= {"builtin": created.builtin, "builtin_version": created.builtin_version}
    if created.inputs:
        table["inputs"] = [vars(entry) for entry in created.inputs]
    return table
