"""Attributes of CityGML objects as plain values: texts by their names, whatever schema they come from.

Codes stay codes: lists of what they mean lie elsewhere, and a city model may come without them.
"""

import re
from functools import lru_cache
from typing import Any, Final

from shancheng.city.sources.citygml_stream import Element, local_name

__all__ = ["attributes_of"]

_LOD: Final = re.compile(r"lod[0-4]")
# Geometry, objects of their own, and what belongs to the drawing.
_SKIPPED: Final = frozenset(
    {"address", "adeOfAbstractCityObject", "appearance", "boundary", "boundedBy", "consistsOfBridgePart"}
    | {"consistsOfBuildingPart", "bridgePart", "buildingPart", "generalizesTo", "opening", "tin"}
    | {"outerBuildingInstallation", "buildingInstallation", "outerBridgeInstallation", "bridgeInstallation"}
    | {"outerBridgeConstruction", "buildingConstructiveElement", "bridgeConstructiveElement", "trafficArea"}
    | {"auxiliaryTrafficArea", "section", "intersection", "trafficSpace", "auxiliaryTrafficSpace"}
)
_GML: Final = "http://www.opengis.net/gml"
_GENERIC_TAG: Final = re.compile(r".*/generics/[12]\.0\}\w*Attribute")
_PLAIN, _GENERIC, _GENERIC_3, _NONE = range(4)
_DEEPEST: Final = 6
_LONGEST: Final = 10_000


def attributes_of(element: Element) -> dict[str, Any]:
    """What an object says of itself, besides its geometry and its parts.

    Returns:
        Texts by their names; lists where a name stands more than once; objects where an element holds others.
        `measuredHeight` is the one of CityGML 2, or the first height of CityGML 3.
    """
    found: dict[str, Any] = {}
    for child in element:
        name, kind = _kind(child.tag)
        if kind == _PLAIN:
            _put(found, name, _value(child, 0))
        elif kind == _GENERIC:
            _put(found, child.get("name") or name, _value(child[0] if len(child) else child, 0))
        elif kind == _GENERIC_3:
            _take_generic(found, child)
    height = found.get("height")
    if "measuredHeight" not in found and height is not None:
        measured = _first_value(height)
        if measured is not None:
            found["measuredHeight"] = measured
    return found


@lru_cache(maxsize=4096)
def _kind(tag: str) -> tuple[str, int]:
    """Local name of a child, and how its value is to be had."""
    name = tag.rpartition("}")[2]
    if name in _SKIPPED or _LOD.match(name):
        return name, _NONE
    if name == "genericAttribute":
        return name, _GENERIC_3
    return name, _GENERIC if _GENERIC_TAG.fullmatch(tag) else _PLAIN


def _take_generic(found: dict[str, Any], child: Element) -> None:
    """An attribute of CityGML 3: its name and its value are elements."""
    for attribute in child:
        parts = {local_name(part): part for part in attribute}
        name, value = parts.get("name"), parts.get("value")
        if name is not None and name.text and value is not None:
            _put(found, name.text.strip(), _value(value, 0))


def _value(element: Element, depth: int) -> Any:  # noqa: ANN401 - text, or an object of values
    """The text of an element; of one that holds others an object, unless it is geometry."""
    if len(element) == 0:
        text = element.text
        return text.strip()[:_LONGEST] if text else element.get("{http://www.w3.org/1999/xlink}href")
    if depth >= _DEEPEST:
        return None
    inner: dict[str, Any] = {}
    for child in element:
        if not child.tag.startswith(_GML) and not _LOD.match(local_name(child)):
            _put(inner, local_name(child), _value(child, depth + 1))
    return inner or None


def _put(found: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401 - see _value
    if value is None or value == "":
        return
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


def _first_value(height: Any) -> str | None:  # noqa: ANN401 - see _value
    """The value of the first `Height` of CityGML 3, which may stand more than once."""
    first = height[0] if isinstance(height, list) else height
    inner = first.get("Height") if isinstance(first, dict) else None
    value = inner.get("value") if isinstance(inner, dict) else None
    return value if isinstance(value, str) else None
