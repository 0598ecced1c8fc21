"""``city.toml``: what a city folder says of itself, as frozen records and as text.

Reading checks every key and names the one that is wrong; where the file lies and when it is written
is left to the store.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import tomli_w

from shancheng.errors import BoundsError, NewerSchemaError, NotACityError, OlderSchemaError
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
    "credit_text",
    "layer_credit",
    "parse_manifest",
    "read_created",
    "read_manifest",
    "terrain_credit",
]

SCHEMA_VERSION: Final = 2
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
    """One file that the city was made from: the source that read it, what it held, and what was said of it.

    ``options`` are those of `SourceOptions` that were given, as text.
    """

    kind: str
    file: str
    size: int
    sha256: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Created:
    """What ``city create`` was asked. Two cities with equal records are made from the same data."""

    builtin: str = ""
    builtin_version: str = ""
    inputs: tuple[InputFile, ...] = ()

    @property
    def arguments(self) -> tuple[object, ...]:
        """What tells two requests apart: equal where the same data was asked for; file names may differ."""
        inputs = tuple((entry.kind, entry.sha256, *sorted(entry.options.items())) for entry in self.inputs)
        return self.builtin, self.builtin_version, inputs


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
        OlderSchemaError: It was written by an older version.
    """
    return parse_manifest(_toml(path), str(path))


def read_created(path: Path) -> Created:
    """What the city was made from, by the ``city.toml`` of any version, an older one included.

    Raises:
        NotACityError: The file is missing, is no TOML, or does not say it.
    """
    try:
        return _created(_toml(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotACityError(f"{path}: does not say what the city was made from: {error}") from error


def credit_text(source: LayerSource | TerrainSource) -> str:
    """A source as JSON: what a layer's file carries of it, so that data and credit change in one step."""
    return json.dumps(vars(source), ensure_ascii=False, sort_keys=True)


def layer_credit(text: str | bytes | None) -> LayerSource | None:
    """The source that a layer's file carries; None where it carries none that can be read."""
    return _credit(LayerSource, text)


def terrain_credit(text: str | bytes | None) -> TerrainSource | None:
    """The source that ``terrain.tif`` carries, likewise."""
    return _credit(TerrainSource, text)


def parse_manifest(document: Toml, where: str) -> Manifest:
    """A manifest from a TOML document; ``where`` names the file in errors."""
    version = document.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise NotACityError(f"{where}: schema_version={version!r}: must be a whole number from 1")
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{where}: schema_version={version}: by a newer Shancheng; this one reads up to {SCHEMA_VERSION}"
        )
    if version < SCHEMA_VERSION:
        raise OlderSchemaError(
            f"{where}: schema_version={version}: by an older Shancheng, this one reads {SCHEMA_VERSION}; "
            f"make the city again: shancheng city create {document.get('name', 'NAME')} ... --replace"
        )
    try:
        return _manifest(document)
    except KeyError as error:
        raise NotACityError(f"{where}: the key {error} is missing") from error
    except (TypeError, ValueError, AttributeError, BoundsError) as error:
        raise NotACityError(f"{where}: {error}") from error


def _toml(path: Path) -> Toml:
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotACityError(
            f"{path.parent}: no city, its city.toml cannot be read ({_why(error)})"
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotACityError(f"{path}: not TOML: {error}") from error


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _manifest(document: Toml) -> Manifest:
    extent, root, home = document["extent"], document["root_cell"], document.get("home")
    return Manifest(
        name=str(document["name"]),
        title=Title(zh=str(document["title"]["zh"]), en=str(document["title"]["en"])),
        extent=Bounds(*(float(extent[edge]) for edge in ("west", "south", "east", "north"))),
        root_cell=RootCell(float(root["west"]), float(root["south"]), float(root["side"])),
        origin=Origin(*_position(document["origin"])),
        created=_created(document),
        terrain=_record(TerrainSource, document["terrain"]),
        layers={name: _record(LayerSource, entry) for name, entry in document.get("layers", {}).items()},
        home=None if home is None else _home(home),
    )


def _created(document: Toml) -> Created:
    created = document.get("created", {})
    return Created(
        builtin=str(created.get("builtin", "")),
        builtin_version=str(created.get("builtin_version", "")),
        inputs=tuple(_record(InputFile, entry) for entry in created.get("inputs", ())),
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
        elif _needed(described):
            raise KeyError(name)
    return cls(**values)


def _typed(name: str, value: object, wanted: object) -> object:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if name == "options":
        return _texts(name, value)
    if not isinstance(value, wanted if isinstance(wanted, type) else str):
        kind = wanted.__name__ if isinstance(wanted, type) else str(wanted)
        raise TypeError(f"{name}={value!r}: must be of type {kind}")
    return value


def _texts(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise TypeError(f"{name}={value!r}: must be a table of texts")
    return dict(value)


def _needed(known: Any) -> bool:  # noqa: ANN401 - a field of a dataclass
    return known.default is MISSING and known.default_factory is MISSING


def _credit(cls: type[RecordT], text: str | bytes | None) -> RecordT | None:
    try:
        return None if text is None else _record(cls, json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # of another program, or damaged: city.toml says what is known


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
        table["inputs"] = [_input_table(entry) for entry in created.inputs]
    return table


def _input_table(entry: InputFile) -> dict[str, Any]:
    table = {**vars(entry), "options": dict(sorted(entry.options.items()))}
    return table if entry.options else {name: value for name, value in table.items() if name != "options"}
