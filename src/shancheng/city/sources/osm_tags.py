"""What OpenStreetMap's tags mean for our layers: kinds, widths, ranks. Tables only, from the OSM wiki."""

from typing import Final

__all__ = [
    "GREEN",
    "LANE_WIDTH_M",
    "PLACE_RANK",
    "RAIL_WIDTH_M",
    "ROAD_WIDTH_M",
    "STATIONS",
    "WATERWAY_WIDTH_M",
    "green_kind",
    "water_kind",
]

LANE_WIDTH_M: Final = 3.25

# highway=*: usual width of the carriageway in metres, stated by hand; `lanes` and `width` go before it.
# Kinds that are not here are no roads to draw: construction, proposed, platform, corridor (indoors),
# elevator, bus_stop, raceway (it lies on the streets) and the like.
ROAD_WIDTH_M: Final[dict[str, float]] = {
    "motorway": 13.0,
    "motorway_link": 6.5,
    "trunk": 12.0,
    "trunk_link": 6.0,
    "primary": 10.0,
    "primary_link": 5.5,
    "secondary": 9.0,
    "secondary_link": 5.0,
    "tertiary": 7.5,
    "tertiary_link": 4.5,
    "unclassified": 6.0,
    "residential": 6.0,
    "living_street": 5.0,
    "busway": 6.5,
    "bus_guideway": 6.0,
    "road": 6.0,
    "service": 4.0,
    "pedestrian": 5.0,
    "track": 3.0,
    "cycleway": 2.5,
    "bridleway": 2.0,
    "footway": 2.0,
    "steps": 2.0,
    "path": 1.5,
    "via_ferrata": 1.0,
}

# railway=*: width of one track's bed. Every track is a way of its own.
RAIL_WIDTH_M: Final[dict[str, float]] = {
    "rail": 3.2,
    "subway": 3.2,
    "light_rail": 3.0,
    "tram": 2.8,
    "narrow_gauge": 2.6,
    "monorail": 2.4,
    "funicular": 2.6,
    "preserved": 3.0,
}

STATIONS: Final = frozenset({"station", "halt", "tram_stop"})

# waterway=* drawn as lines: usual width in metres.
WATERWAY_WIDTH_M: Final[dict[str, float]] = {"river": 12.0, "canal": 8.0, "stream": 1.5}

PLACE_RANK: Final[dict[str, int]] = {
    "city": 1,
    "town": 2,
    "borough": 3,
    "suburb": 3,
    "quarter": 4,
    "village": 4,
    "island": 4,
    "neighbourhood": 5,
    "hamlet": 5,
    "islet": 6,
    "locality": 6,
}

GREEN: Final[dict[str, frozenset[str]]] = {
    "landuse": frozenset(
        {
            "allotments",
            "cemetery",
            "flowerbed",
            "forest",
            "grass",
            "greenery",
            "meadow",
            "orchard",
            "plant_nursery",
            "recreation_ground",
            "village_green",
            "vineyard",
        }
    ),
    "leisure": frozenset({"dog_park", "garden", "golf_course", "park", "pitch", "playground"}),
    "natural": frozenset({"fell", "grassland", "heath", "moor", "scrub", "shrubbery", "wetland", "wood"}),
}
_WATER_LANDUSE: Final = frozenset({"basin", "reservoir"})
_WATER_WAY: Final = {"riverbank": "river", "dock": "dock", "boatyard": "dock"}


def green_kind(landuse: str | None, leisure: str | None, natural: str | None) -> str | None:
    """Kind of a green area, or None. The use of the land goes before what grows on it."""
    for key, value in (("leisure", leisure), ("landuse", landuse), ("natural", natural)):
        if value in GREEN[key]:
            return value
    return None


def water_kind(
    natural: str | None, water: str | None, waterway: str | None, landuse: str | None, leisure: str | None
) -> str | None:
    """Kind of a water area, or None."""
    if natural == "water":
        return water or "water"
    if natural == "bay":
        return None  # a name for a part of the sea, whose shore is the coastline
    if waterway in _WATER_WAY:
        return _WATER_WAY[waterway]
    if landuse in _WATER_LANDUSE:
        return landuse
    return "swimming_pool" if leisure == "swimming_pool" else None
