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
    """One object with every column of its layer; what is not named here differs from layer to layer."""

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
