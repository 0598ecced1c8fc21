"""The rows of the tables of rail transit, for ``tables.read_table``."""

from dataclasses import dataclass

__all__ = ["PathPart", "Ropeway", "Route", "Station", "Stop"]


@dataclass(frozen=True)
class Route:
    """A line or a branch of one; ``line`` is what passengers call it, ``closed`` whether it is a ring."""

    id: str
    line: str
    name: str
    name_en: str
    kind: str
    colour: str
    closed: str
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class Station:
    """A station, once for all lines that stop there; ``lines`` are their names, apart by spaces."""

    id: str
    name: str
    name_en: str
    lines: str
    lon: float
    lat: float
    level: str
    source: str
    accuracy_m: float


@dataclass(frozen=True)
class Stop:
    """A route's stop; ``rise_m`` of the rail above the ground there, None underground."""

    route: str
    seq: int
    station: str
    rise_m: float | None


@dataclass(frozen=True)
class PathPart:
    """A piece of a stretch between two stops, its path through stations, bridge ends and ``lon lat``."""

    route: str
    from_station: str
    to_station: str
    part: int
    structure: str
    path: str


@dataclass(frozen=True)
class Ropeway:
    """A ropeway between two stations: the rope's rise above the ground at both, its sag half-way."""

    id: str
    name: str
    name_en: str
    lon_a: float
    lat_a: float
    lon_b: float
    lat_b: float
    rise_a_m: float
    rise_b_m: float
    sag_m: float
    source: str
    accuracy_m: float
