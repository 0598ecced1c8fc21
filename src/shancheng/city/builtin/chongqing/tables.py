"""The city's package data as arrays and records: what was measured, and what was placed by hand.

Reading only; the tables are made by ``scripts/make_chongqing_tables.py`` (elevations, centre lines,
districts, places) or written by hand from public facts (all others).
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from shapely.geometry import shape

from shancheng.city.builtin.chongqing.extent import FloatArray

__all__ = [
    "ArmPoint",
    "Bridge",
    "Centre",
    "District",
    "Elevation",
    "ExtensionPoint",
    "GreenSpot",
    "Island",
    "Landmark",
    "Nudge",
    "Part",
    "Place",
    "RiverPoint",
    "RiversideRoad",
    "Road",
    "SpotHeight",
    "WidthPoint",
    "read_districts",
    "read_elevation",
    "read_path",
    "read_table",
]

DATA: Final = "data"


@dataclass(frozen=True)
class Elevation:
    """The registered 30-arc-second elevations: metres above the geoid at cell centres, row 0 in the north."""

    elevation_m: npt.NDArray[np.int16]
    west_deg: float
    north_deg: float
    step_deg: float


@dataclass(frozen=True)
class RiverPoint:
    """A vertex of a river's centre line, downstream with rising ``seq``."""

    river: str
    seq: int
    lon: float
    lat: float


@dataclass(frozen=True)
class ExtensionPoint(RiverPoint):
    """A vertex beyond an ``end`` (upstream, downstream) of the line, away from it with rising ``seq``."""

    end: str


@dataclass(frozen=True)
class WidthPoint:
    """How wide a river is beside a place."""

    river: str
    lon: float
    lat: float
    width_m: float


@dataclass(frozen=True)
class Nudge:
    """How far the centre line is moved beside a place; by less farther away, over about ``reach_m``."""

    river: str
    lon: float
    lat: float
    east_m: float
    north_m: float
    reach_m: float


@dataclass(frozen=True)
class ArmPoint:
    """A vertex of a side arm's centre line, downstream, and how wide the arm is there."""

    river: str
    arm: str
    seq: int
    lon: float
    lat: float
    width_m: float


@dataclass(frozen=True)
class Island:
    """An island: a place on it, its outline as ``lon lat; …``, empty where a side arm makes the island.

    ``top_m`` is how far its ground rises above the water at most, None where the ground is as measured.
    """

    id: str
    name: str
    name_en: str
    river: str
    lon: float
    lat: float
    path: str
    top_m: float | None
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class SpotHeight:
    """A known elevation of the ground and how far it speaks for its surroundings."""

    name: str
    lon: float
    lat: float
    elevation_m: float
    radius_m: float


@dataclass(frozen=True)
class Landmark:
    """A well-known building or place; ``height_m`` above ground of its highest part, None where unknown."""

    id: str
    name: str
    name_en: str
    kind: str
    lon: float
    lat: float
    height_m: float | None
    rank: int
    district: str
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class Part:
    """One prism of a landmark: centre in metres east and north of it, axes turned clockwise from north."""

    id: str
    landmark: str
    name: str
    name_en: str
    kind: str
    east_m: float
    north_m: float
    form: str
    length_m: float
    width_m: float
    azimuth_deg: float
    min_height_m: float
    height_m: float
    levels: int | None


@dataclass(frozen=True)
class Bridge:
    """A bridge as the straight axis of its deck; ``tower_height_m`` above the deck, None without towers.

    ``main_span_m`` lies about the middle of the water; ``towers`` is 0, 1 or 2. ``carries`` holds the words
    road, rail (transit) and railway; ``rail_elevation_m`` is that of the transit rail, None without any.
    """

    id: str
    name: str
    name_en: str
    kind: str
    river: str
    lon_a: float
    lat_a: float
    lon_b: float
    lat_b: float
    width_m: float
    deck_elevation_m: float
    tower_height_m: float | None
    main_span_m: float
    towers: int
    carries: str
    rail_elevation_m: float | None
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class Road:
    """A main road through points given as ``lon lat; lon lat; …``."""

    id: str
    name: str
    name_en: str
    kind: str
    width_m: float
    path: str
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class RiversideRoad:
    """A road that keeps its distance from the water line, between the points on it nearest to a and b."""

    id: str
    name: str
    name_en: str
    kind: str
    width_m: float
    lon_a: float
    lat_a: float
    lon_b: float
    lat_b: float
    offset_m: float
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class Centre:
    """A centre of the built-up city: how far it reaches, how tall and dense it is, how its streets lie.

    ``use`` is ``mixed``, ``old`` (an old quarter), ``works`` (industry) or ``campus``.
    """

    id: str
    name: str
    name_en: str
    lon: float
    lat: float
    radius_m: float
    height: float
    density: float
    street_azimuth_deg: float | None
    use: str


@dataclass(frozen=True)
class GreenSpot:
    """A park or wooded hill, a circle that the slope cuts to shape."""

    id: str
    name: str
    name_en: str
    kind: str
    lon: float
    lat: float
    radius_m: float
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class Place:
    """A populated place of GeoNames."""

    geonameid: int
    name: str
    name_en: str
    lon: float
    lat: float
    population: int


@dataclass(frozen=True)
class District:
    """An urban district; geometry in degrees."""

    code: str
    name: str
    name_en: str
    geometry: Any


Row = TypeVar("Row")

_PARSERS: Final[dict[Any, Callable[[str], Any]]] = {
    str: str,
    int: int,
    float: float,
    float | None: lambda text: float(text) if text else None,
    int | None: lambda text: int(text) if text else None,
}


def read_table(name: str, row_type: type[Row]) -> list[Row]:
    """All rows of a package table as records; columns that the record does not know are left out.

    Args:
        name: File name below ``data/``, such as ``bridges.csv``.
        row_type: One of the dataclasses above.
    """
    parsers = {field.name: _PARSERS[field.type] for field in fields(row_type)}  # type: ignore[arg-type]
    with _resource(name).open(encoding="utf-8", newline="") as stream:
        return [
            row_type(**{key: parse(row[key]) for key, parse in parsers.items()})
            for row in csv.DictReader(stream)
        ]


def read_path(path: str) -> FloatArray:
    """Longitude and latitude, shape (n, 2), from ``lon lat; lon lat; …``."""
    return np.array([[float(number) for number in point.split()] for point in path.split(";")])


def read_elevation() -> Elevation:
    """The elevations of the extent and a margin."""
    with _resource("elevation_30s.npz").open("rb") as stream, np.load(stream) as arrays:
        return Elevation(
            elevation_m=arrays["elevation_m"],
            west_deg=float(arrays["west_deg"]),
            north_deg=float(arrays["north_deg"]),
            step_deg=float(arrays["step_deg"]),
        )


def read_districts() -> list[District]:
    """The nine urban districts."""
    document = json.loads(_resource("districts.geojson").read_text(encoding="utf-8"))
    return [
        District(geometry=shape(entry["geometry"]), **entry["properties"]) for entry in document["features"]
    ]


def _resource(name: str) -> Any:  # noqa: ANN401 - importlib's Traversable lacks newline in its signature
    return resources.files("shancheng.city.builtin.chongqing").joinpath(DATA, name)
