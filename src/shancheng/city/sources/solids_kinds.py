"""What types, codes and words of city models mean for our layers. Tables only.

Codes are those of the lists that CityGML 2.0 suggests (annex C), of the German AdV and of PLATEAU; words are
English, or Dutch as the national map of the Netherlands (IMGeo) has them. Whatever is not here stays as it
is in `attributes`.
"""

from collections.abc import Mapping
from typing import Any, Final

from shancheng.city.schema import SURFACES

__all__ = [
    "INNER",
    "LAYER_OF",
    "MERGED",
    "OTHER_SURFACES",
    "PARTS",
    "SURFACE_CODES",
    "building_kind",
    "green_kind",
    "levels_of",
    "road_kind",
    "roof_shape",
    "water_kind",
]

LAYER_OF: Final[dict[str, str]] = {
    "Building": "buildings",
    "BuildingPart": "buildings",
    "Bridge": "bridges",
    "BridgePart": "bridges",
    "Road": "roads",
    "TransportSquare": "roads",
    "Square": "roads",
    "Track": "roads",
    "TransportationComplex": "roads",
    "Railway": "rail",
    "PlantCover": "green",
    "SolitaryVegetationObject": "green",
    "LandUse": "green",
    "WaterBody": "water",
    "Waterway": "water",
}
PARTS: Final = frozenset({"BuildingPart", "BridgePart"})
# What belongs to the shell of its building or bridge, and goes into its geometry.
MERGED: Final = frozenset(
    {"BuildingInstallation", "BuildingConstructiveElement", "BridgeInstallation", "BridgeConstructiveElement"}
)
INNER: Final = frozenset(
    {
        "BuildingFurniture",
        "BuildingRoom",
        "BuildingStorey",
        "BuildingUnit",
        "BridgeFurniture",
        "BridgeRoom",
        "Room",
        "Storey",
    }
)

OTHER_SURFACES: Final = ("WaterSurface", "TrafficArea", "AuxiliaryTrafficArea")
"""Surfaces that make a footprint of their own; they are numbered after `SURFACES`."""
SURFACE_CODES: Final[dict[str, int]] = {
    **{name: code for code, name in enumerate((*SURFACES, *OTHER_SURFACES))},
    "InteriorWallSurface": SURFACES.index("InteriorSurface"),
    "CeilingSurface": SURFACES.index("InteriorSurface"),
    "FloorSurface": SURFACES.index("InteriorSurface"),
    "WindowSurface": SURFACES.index("Window"),
    "DoorSurface": SURFACES.index("Door"),
}

_ROOF_SHAPES: Final[dict[str, str]] = {
    # CityGML 2.0, annex C, RoofTypeType.
    "1000": "flat",
    "1010": "skillion",
    "1020": "skillion",
    "1030": "gabled",
    "1040": "hipped",
    "1050": "half-hipped",
    "1060": "mansard",
    "1070": "pyramidal",
    "1080": "cone",
    "1090": "dome",
    "1100": "sawtooth",
    "1110": "round",
    "1120": "pyramidal",
    # AdV, Dachform.
    "2100": "skillion",
    "2200": "skillion",
    "3100": "gabled",
    "3200": "hipped",
    "3300": "half-hipped",
    "3400": "mansard",
    "3500": "pyramidal",
    "3600": "cone",
    "3700": "dome",
    "3800": "sawtooth",
    "3900": "round",
    # Words, of which those of the Dutch 3DBAG say no more than this.
    "horizontal": "flat",
    "flat roof": "flat",
    "flat": "flat",
    "monopitch roof": "skillion",
    "skillion": "skillion",
    "gabled roof": "gabled",
    "gabled": "gabled",
    "hipped roof": "hipped",
    "hipped": "hipped",
    "half-hipped": "half-hipped",
    "mansard": "mansard",
    "mansard roof": "mansard",
    "pyramidal": "pyramidal",
    "dome": "dome",
    "cone": "cone",
    "round": "round",
    "sawtooth": "sawtooth",
}
_ROOF_KEYS: Final = ("roofType", "dak_type", "b3_dak_type")

_BUILDING_CLASSES: Final[dict[str, str]] = {
    # CityGML 2.0, annex C, BuildingClassType.
    "1000": "residential",
    "1010": "service",
    "1020": "government",
    "1030": "commercial",
    "1040": "retail",
    "1050": "public",
    "1060": "sports_centre",
    "1070": "public",
    "1080": "church",
    "1090": "farm",
    "1100": "school",
    "1110": "service",
    "1120": "hospital",
    "1140": "public",
    "1150": "warehouse",
    "1160": "industrial",
    "1170": "transportation",
}
_BUILDING_USES: Final[dict[str, str]] = {
    # CityGML 2.0, annex C, BuildingFunctionType and BuildingUsageType: the commonest.
    "1000": "residential",
    "1010": "apartments",
    "1020": "dormitory",
    "1120": "office",
    "1150": "commercial",
    "1160": "retail",
    "1170": "mall",
    "1180": "kiosk",
    "1210": "hotel",
    "1240": "restaurant",
    "1310": "industrial",
    "1320": "industrial",
    "1540": "hangar",
    "1610": "parking",
    "1630": "garage",
    # AdV, Gebäudefunktion: only the main groups.
    "31001_1": "residential",
    "31001_2": "commercial",
    "31001_3": "public",
    # PLATEAU, Building_usage.
    "401": "office",
    "402": "commercial",
    "403": "hotel",
    "404": "commercial",
    "411": "house",
    "412": "apartments",
    "413": "house",
    "414": "apartments",
    "415": "house",
    "421": "government",
    "422": "public",
    "431": "warehouse",
    "441": "industrial",
    "451": "farm",
    "452": "service",
}
_BUILDING_WORDS: Final = frozenset(
    {"apartments", "church", "commercial", "farm", "garage", "government", "hospital", "hotel", "house"}
    | {"industrial", "museum", "office", "public", "residential", "retail", "school", "service", "shed"}
    | {"stadium", "theatre", "university", "warehouse"}
)
_ADV_PREFIX: Final = len("31001_1")

_ROAD_KINDS: Final[dict[str, str]] = {
    # CityGML 2.0, annex C, TransportationComplexFunctionType.
    "1010": "motorway",
    "1020": "primary",
    "1030": "secondary",
    "1040": "tertiary",
    "1050": "residential",
    # IMGeo, functie van een wegdeel.
    "fietspad": "cycleway",
    "inrit": "service",
    "ov-baan": "busway",
    "parkeervlak": "service",
    "rijbaan autosnelweg": "motorway",
    "rijbaan autoweg": "trunk",
    "rijbaan lokale weg": "residential",
    "rijbaan regionale weg": "secondary",
    "ruiterpad": "bridleway",
    "voetgangersgebied": "pedestrian",
    "voetpad": "footway",
    "voetpad op trap": "steps",
    "woonerf": "living_street",
}
_ROAD_TYPES: Final = {"TransportSquare": "pedestrian", "Square": "pedestrian", "Track": "track"}

_GREEN_KINDS: Final[dict[str, str]] = {
    # CityGML 2.0, annex C, LandUseFunctionType and LandUseClassType.
    "1110": "park",
    "1120": "cemetery",
    "1130": "recreation_ground",
    "2000": "grass",
    "2010": "grassland",
    "2020": "farmland",
    "2030": "forest",
    "2040": "wood",
    "2050": "heath",
    "2060": "moor",
    "2070": "wetland",
    # PLATEAU, Common_landUseType: paddy, field, mountain forest.
    "201": "farmland",
    "202": "farmland",
    "203": "forest",
    # IMGeo, fysiek voorkomen.
    "boomteelt": "plant_nursery",
    "bouwland": "farmland",
    "bosplantsoen": "wood",
    "fruitteelt": "orchard",
    "gemengd bos": "forest",
    "gras- en kruidachtigen": "grass",
    "grasland agrarisch": "meadow",
    "grasland overig": "grassland",
    "groenvoorziening": "greenery",
    "heesters": "shrubbery",
    "heide": "heath",
    "houtwal": "wood",
    "loofbos": "forest",
    "moeras": "wetland",
    "naaldbos": "forest",
    "rietland": "wetland",
    "struiken": "scrub",
}
_GREEN_WORDS: Final = frozenset(
    {"allotments", "cemetery", "farmland", "flowerbed", "forest", "garden", "grass", "grassland", "greenery"}
    | {"heath", "meadow", "moor", "orchard", "park", "plant_nursery", "playground", "recreation_ground"}
    | {"scrub", "shrubbery", "village_green", "vineyard", "wetland", "wood"}
)
_GREEN_KEYS: Final = ("plus_fysiekvoorkomen", "bgt_fysiekvoorkomen", "class", "function", "usage")

_WATER_KINDS: Final = {"waterloop": "canal", "greppel": "ditch", "watervlakte": "lake", "zee": "sea"}
_WATER_WORDS: Final = frozenset({"canal", "ditch", "lake", "pond", "reservoir", "river", "sea", "stream"})

_MOST_LEVELS: Final = 300
Attributes = Mapping[str, Any]


def roof_shape(attributes: Attributes) -> str | None:
    """A roof's shape in OpenStreetMap's words; None where its code or word is not known."""
    return next((_ROOF_SHAPES[word] for word in _words(attributes, _ROOF_KEYS) if word in _ROOF_SHAPES), None)


def building_kind(attributes: Attributes) -> str:
    """A building's kind in OpenStreetMap's words; `yes` where nothing known is said."""
    for keys, codes in ((("class",), _BUILDING_CLASSES), (("function", "usage"), _BUILDING_USES)):
        for word in _words(attributes, keys):
            if word in _BUILDING_WORDS:
                return word
            found = codes.get(word) or codes.get(word[:_ADV_PREFIX])
            if found:
                return found
    return "yes"


def road_kind(kind: str, attributes: Attributes) -> str:
    """What a road is used for; `road` where nothing known is said."""
    for word in _words(attributes, ("function", "usage", "class")):
        if word in _ROAD_KINDS:
            return _ROAD_KINDS[word]
    return _ROAD_TYPES.get(kind, "road")


def green_kind(kind: str, attributes: Attributes) -> str | None:
    """What grows there; None for a use of land that is not known to be green."""
    for word in _words(attributes, _GREEN_KEYS):
        if word in _GREEN_WORDS:
            return word
        if word in _GREEN_KINDS:
            return _GREEN_KINDS[word]
    return {"PlantCover": "greenery", "SolitaryVegetationObject": "tree"}.get(kind)


def water_kind(attributes: Attributes) -> str:
    """What kind of water; `water` where nothing known is said."""
    for word in _words(attributes, ("class", "function", "usage")):
        if word in _WATER_WORDS:
            return word
        if word in _WATER_KINDS:
            return _WATER_KINDS[word]
    return "water"


def levels_of(attributes: Attributes) -> int | None:
    """Storeys above ground, 1 to 300."""
    text = attributes.get("storeysAboveGround")
    try:
        count = int(text) if isinstance(text, str | int | float) else 0
    except (ValueError, OverflowError):
        return None
    return count if 1 <= count <= _MOST_LEVELS else None


def _words(attributes: Attributes, keys: tuple[str, ...]) -> list[str]:
    """Values of some attributes as words, in the order of the keys; of a list its members."""
    words: list[str] = []
    for key in keys:
        value = attributes.get(key)
        if value is not None:
            members = value if isinstance(value, list) else (value,)
            words += [str(one).strip().lower() for one in members if type(one) in (str, int)]
    return words
