"""What the API answers, as types. The OpenAPI file and the front end's types are generated from here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = [
    "CityInfo",
    "CityObject",
    "ErrorAnswer",
    "Hit",
    "Hits",
    "Label",
    "Labels",
    "Status",
    "VersionInfo",
    "Versions",
]


class Status(BaseModel):
    """The server answers."""

    status: Literal["ok"] = "ok"


class ErrorDetail(BaseModel):
    """What went wrong: a code for programs and a sentence for people."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorDetail


class Title(BaseModel):
    """The city's name in both languages."""

    zh: str
    en: str


class RootCell(BaseModel):
    """Root of every quadtree of tiles, a square in degrees."""

    west: float
    south: float
    side: float


class Origin(BaseModel):
    """Origin of the local east-north-up frame, WGS-84."""

    lon: float
    lat: float
    ellipsoidal_height_m: float


class Home(Origin):
    """The first view: a target, and from where the camera looks at it.

    ``azimuth_deg`` is the direction of sight, clockwise from north; ``pitch_deg`` is negative below the
    horizon.
    """

    azimuth_deg: float
    pitch_deg: float
    distance_m: float


class SourceInfo(BaseModel):
    """Where data comes from and how it must be credited."""

    source: str
    licence: str
    attribution: str
    attribution_url: str
    date: str
    notes: str


class TerrainInfo(SourceInfo):
    """The elevations: their source, grid step and how many samples were filled in."""

    provenance: str
    step_lon_deg: float
    step_lat_deg: float
    voids_filled: int


class ProvenanceCounts(BaseModel):
    """How many of a layer's features are real, and how real."""

    surveyed: int
    approximate: int
    modelled: int


class LayerInfo(SourceInfo):
    """One layer of the city."""

    name: str
    count: int
    provenance: ProvenanceCounts


class CityInfo(BaseModel):
    """All that the page needs to know before it loads the first tile.

    ``extent`` is west, south, east, north in degrees. ``tilesets`` maps a name to the address of its tileset;
    it is empty and ``build`` null while no tiles were made.
    """

    name: str
    title: Title
    extent: tuple[float, float, float, float]
    root_cell: RootCell
    origin: Origin
    home: Home
    terrain: TerrainInfo
    layers: list[LayerInfo]
    tilesets: dict[str, str]
    build: str | None


class CityObject(BaseModel):
    """One object with the columns of its layer; what is not named here differs from layer to layer.

    ``attributes`` is what else the source says, in its own words. Solids and long lists are not sent; of a
    solid, ``surfaces`` counts what it consists of: `{"RoofSurface": 2, "WallSurface": 8}`.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)

    id: str
    layer: str
    index: int
    kind: str
    name: str | None
    name_en: str | None
    provenance: str
    accuracy_m: float | None
    source: str | None
    valid_from: str | None
    valid_to: str | None
    attributes: dict[str, JsonValue] | None
    geometry: dict[str, JsonValue]
    bbox: tuple[float, float, float, float]


class Hit(BaseModel):
    """One object that a search found. ``ellipsoidal_height_m`` is that of the ground under it."""

    id: str
    layer: str
    kind: str
    name: str | None
    name_en: str | None
    lon: float
    lat: float
    ellipsoidal_height_m: float
    height_m: float | None


class Hits(BaseModel):
    """What a search found, best first."""

    items: list[Hit]
    next: str | None = None


class Label(BaseModel):
    """A name on the map, at the top of its object. ``rank`` 1 is the best known."""

    id: str
    layer: str
    kind: str
    name: str | None
    name_en: str | None
    lon: float
    lat: float
    ellipsoidal_height_m: float
    rank: int


class Labels(BaseModel):
    """The names on the map, best rank first."""

    items: list[Label]
    next: str | None = None


class VersionInfo(BaseModel):
    """One version of a layer, or of the elevations under the name ``terrain``.

    ``how`` is ``created``, ``added``, ``written`` or ``adopted`` (changed by another program). ``added``,
    ``changed`` and ``removed`` count objects against the version before. ``kept``: its file is still there,
    so that the city can be looked at as it was.
    """

    layer: str
    version: int
    changed_at: str
    how: str
    source: str
    inputs: list[dict[str, JsonValue]]
    rows: int
    added: int
    changed: int
    removed: int
    sha256: str
    current: bool
    kept: bool


class Versions(BaseModel):
    """Versions, newest first. ``next`` is what to give as ``after`` for the ones that follow."""

    items: list[VersionInfo]
    next: str | None = None
