"""Faces of one CityGML object by level: found by their names, each with the meaning of what holds it.

Whether a solid holds its faces itself or points at those of its boundary surfaces does not matter here: what
is pointed at is kept by name.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from shancheng.city.sources.citygml_stream import Element, local_name
from shancheng.city.sources.solids_kinds import SURFACE_CODES

__all__ = [
    "POLYGONS",
    "POS_LIST",
    "Face",
    "Level",
    "each_once",
    "face_of",
    "identity_of",
    "levels_of",
    "tags_of",
]

_GML: Final = ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2")
_LEVELS: Final = range(5)
_FORMS: Final = ("FootPrint", "RoofEdge", "Geometry", "MultiSurface", "Solid", "Surface")
_LOD_TAGS: Final = [f"{{*}}lod{level}{form}" for level in _LEVELS for form in _FORMS]
_FOOTPRINTS: Final = "0"
_ROOF_EDGES: Final = "0 of roofs"


def tags_of(*names: str) -> list[str]:
    """Names in both namespaces of GML, 3.1 and 3.2."""
    return [f"{{{space}}}{name}" for space in _GML for name in names]


POS_LIST: Final = tags_of("posList")
POLYGONS: Final = tags_of("Polygon", "PolygonPatch", "Triangle", "Rectangle")
_MEMBERS: Final = tags_of("surfaceMember", "baseSurface")
_INTERIOR: Final = tags_of("interior")
_ORIENTABLE: Final = tags_of("OrientableSurface")
_MATTERING: Final = [*POS_LIST, *POLYGONS, *_MEMBERS, *_INTERIOR, *_ORIENTABLE, *_LOD_TAGS]
_POS, _POLYGON, _MEMBER, _HOLE, _TURN = range(5)
_PART_OF: Final[dict[str, int]] = {
    **dict.fromkeys(POS_LIST, _POS),
    **dict.fromkeys(POLYGONS, _POLYGON),
    **dict.fromkeys(_MEMBERS, _MEMBER),
    **dict.fromkeys(_INTERIOR, _HOLE),
    **dict.fromkeys(_ORIENTABLE, _TURN),
}
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_IDS: Final = tuple(f"{{{space}}}id" for space in _GML)


def identity_of(element: Element) -> str | None:
    """The element's ``gml:id``."""
    found: str | None = element.get(_IDS[0]) or element.get(_IDS[1])
    return found


@dataclass(slots=True)
class Face:
    """A polygon, its meaning, the texts of its rings, and whether it is to be turned round."""

    polygon: Element
    code: int
    texts: list[str]
    turned: bool = False


@dataclass(slots=True)
class Level:
    """What an object has at one level.

    Attributes:
        faces: Polygons that stand in it.
        named: Meanings of surfaces that are pointed at, by their id.
        solid: Whether a solid is among its geometries.
        rare: Which of the rare elements stand in it: interiors, orientable surfaces.
        inner: Inner shells that were left out.
    """

    faces: list[Face] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    solid: bool = False
    rare: set[int] = field(default_factory=set)
    inner: int = 0

    def name(self, href: str, code: int) -> None:
        """A surface is pointed at from one with that meaning."""
        name = href.rpartition("#")[2]
        self.named[name] = self.named.get(name) or code

    def settled(self) -> "Level":
        """The same, after a second look at what is rare: inner shells, and faces that are turned round."""
        if _HOLE in self.rare:
            shells = [_inner_shell(face.polygon) for face in self.faces]
            self.inner = len({shell for shell in shells if shell is not None})
            self.faces = [face for face, shell in zip(self.faces, shells, strict=True) if shell is None]
        if _TURN in self.rare:
            for face in self.faces:
                above = face.polygon.iterancestors(*_ORIENTABLE)
                face.turned = sum(one.get("orientation") == "-" for one in above) % 2 == 1
        return self

    def holds_twice(self) -> bool:
        """Whether faces may stand twice: a solid and its boundary surfaces both have some."""
        codes = [face.code for face in self.faces]
        return self.solid and any(codes) and not all(codes)


def _inner_shell(polygon: Element) -> Element | None:
    """The interior of a solid that a polygon belongs to."""
    for one in polygon.iterancestors(*_INTERIOR):
        if local_name(one.getparent()) == "Solid":
            return one
    return None


def levels_of(element: Element) -> dict[str, Level]:
    """Geometries by their level: one walk over the few kinds of elements that matter, in their order."""
    levels: dict[str, Level] = {}
    level, code, texts = Level(), 0, [""]
    for one in element.iter(*_MATTERING):
        part = _PART_OF.get(one.tag)
        if part == _POS:
            texts.append(one.text or "")
        elif part == _POLYGON:
            texts = []
            level.faces.append(Face(one, code, texts))
        elif part == _MEMBER:
            href = one.get(_HREF)
            if href is not None:
                level.name(href, code)
        elif part is not None:
            level.rare |= {part}
        else:
            holder = one.getparent()
            code = 0 if holder is element else SURFACE_CODES.get(local_name(holder), 0)
            key, solid = _form(one.tag)
            found = levels.get(key)
            level = levels[key] = Level() if found is None else found
            level.solid |= solid
    if _FOOTPRINTS in levels:
        levels.pop(_ROOF_EDGES, None)
    return {key[0]: level.settled() for key, level in levels.items()}


@lru_cache(maxsize=256)
def _form(tag: str) -> tuple[str, bool]:
    """The level of a geometry's element, and whether it holds a solid.

    Outlines of roofs count apart from those of footprints, which go before them.
    """
    name = tag.rpartition("}")[2]
    return _ROOF_EDGES if name == "lod0RoofEdge" else name[3], name.endswith("Solid")


def face_of(polygon: Element, code: int) -> Face:
    """A polygon that stands elsewhere as a face."""
    return Face(polygon, code, [one.text or "" for one in polygon.iter(*POS_LIST)])


def each_once(faces: list[Face]) -> list[Face]:
    """Faces by the text of their outline; of two the one with a meaning."""
    found: dict[str, Face] = {}
    for face in faces:
        key = face.texts[0] if face.texts else str(len(found))
        if key not in found or (face.code and not found[key].code):
            found[key] = face
    return list(found.values())
