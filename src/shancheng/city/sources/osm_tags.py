"""What OpenStreetMap's tags mean for our layers: kinds, widths, ranks. Tables from its wiki, and lookups."""

from typing import Final

from shancheng.city.sources.osm_opl import Tags

__all__ = [
    "DISTRICT_LEVELS",
    "GREEN",
    "HALTS",
    "LANE_WIDTH_M",
    "NO",
    "PLACE_RANK",
    "RAIL_ROUTES",
    "RAIL_WIDTH_M",
    "ROAD_WIDTH_M",
    "ROUTES",
    "WATERWAY_WIDTH_M",
    "base_station_kind",
    "green_kind",
    "is_underground",
    "landmark_kind",
    "station_kind",
    "stop_kind",
    "water_kind",
]

NO: Final = (None, "no")

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
    "trail": 1.5,
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

# railway=*, and station=* that says more of it.
_STATIONS: Final = frozenset({"station", "halt", "tram_stop"})
_STATIONS_OF: Final = frozenset({"subway", "light_rail", "monorail", "funicular"})
_RAIL_MODES: Final = ("train", "subway", "light_rail", "monorail", "tram", "funicular")
_STOPS_OF: Final = {"bus": "bus_station", "ferry": "ferry_terminal", "aerialway": "aerialway_station"}
# Where trains halt: no stations themselves, but routes name them and stations lie at them.
HALTS: Final = frozenset({"stop_position", "stop"})

# route=* of type=route: what carries passengers, and what of it runs on rails.
RAIL_ROUTES: Final = frozenset({"train", "subway", "light_rail", "monorail", "tram", "funicular"})
ROUTES: Final = RAIL_ROUTES | {"bus", "trolleybus", "minibus", "share_taxi", "ferry", "aerialway"}

# Administrative levels below regions: 5 to 11 hold, country by country, districts, counties, towns, wards.
DISTRICT_LEVELS: Final = frozenset({"5", "6", "7", "8", "9", "10", "11"})

_AERIALS: Final = frozenset({"antenna", "bts", "base_station", "cell_site", "mast", "tower"})
_MASTS: Final = frozenset({"mast", "tower", "antenna"})
_MOBILE: Final = frozenset(
    {
        "communication:mobile_phone",
        "communication:gsm",
        "communication:umts",
        "communication:lte",
        "communication:5g",
        "communication:mobile",
    }
)

_SIGHTS: Final = frozenset(
    {"attraction", "museum", "viewpoint", "theme_park", "zoo", "aquarium", "gallery", "artwork"}
)
_TOWERS: Final = frozenset(
    {"tower", "communications_tower", "lighthouse", "obelisk", "windmill", "water_tower", "cross", "torii"}
)
# Of little size: they count only where Wikipedia or Wikidata know them.
_SMALL: Final = frozenset({"artwork", "gallery", "memorial", "boundary_stone", "milestone", "wayside_cross"})
_NO_HISTORY: Final = frozenset({"no", "building", "vehicle", "railway_car", "road", "district"})

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


def is_underground(tags: Tags) -> bool:
    """Whether water lies in a tunnel, a culvert or a tank below the ground."""
    get = tags.get
    return get("location") == "underground" or get("tunnel") not in NO or get("covered") == "yes"


def station_kind(tags: Tags) -> str | None:
    """Kind of a station of trains, or None."""
    railway = tags.get("railway")
    station = tags.get("station")
    if railway in _STATIONS:
        return station if railway != "tram_stop" and station in _STATIONS_OF else railway
    if tags.get("public_transport") != "station":
        return None
    if station in _STATIONS_OF:
        return station
    return "station" if any(tags.get(mode) == "yes" for mode in _RAIL_MODES) else None


def stop_kind(tags: Tags) -> str | None:
    """Kind of a stop where passengers board what is no train, or None."""
    if tags.get("highway") == "bus_stop":
        return "bus_stop"
    amenity = tags.get("amenity")
    if amenity in {"bus_station", "ferry_terminal"}:
        return amenity
    if tags.get("aerialway") == "station":
        return "aerialway_station"
    transport = tags.get("public_transport")
    if transport == "platform" and tags.get("railway") not in _STATIONS:
        return "platform"
    if transport == "station" and station_kind(tags) is None:
        return next((kind for mode, kind in _STOPS_OF.items() if tags.get(mode) == "yes"), "station")
    return None


def base_station_kind(tags: Tags) -> str | None:
    """Kind of what carries antennas of mobile networks, or None."""
    telecom, man_made = tags.get("telecom"), tags.get("man_made")
    if man_made == "communications_tower":
        return man_made
    mobile = not _MOBILE.isdisjoint(tags) and any(tags.get(key) not in NO for key in _MOBILE)
    if man_made in _MASTS and (mobile or tags.get("tower:type") == "communication"):
        return man_made
    if telecom in _AERIALS:
        return telecom
    return "antenna" if mobile else None


def landmark_kind(tags: Tags) -> str | None:
    """Kind of what one finds one's way by, or None; what has no name is none."""
    if "name" not in tags:
        return None
    man_made = tags.get("man_made")
    historic, tourism = tags.get("historic"), tags.get("tourism")
    kind = man_made if man_made in _TOWERS else tourism if tourism in _SIGHTS else None
    if kind is None and historic is not None and historic not in _NO_HISTORY:
        kind = "historic" if historic == "yes" else historic
    known = "wikidata" in tags or "wikipedia" in tags
    return kind if known or kind not in _SMALL else None
