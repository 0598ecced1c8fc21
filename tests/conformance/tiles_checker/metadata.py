"""Metadata schemas, and single values that are given in their terms (3D Metadata specification)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tiles_checker.findings import Finding, against_schema

INTEGER_RANGES = {
    f"{sign}INT{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
COMPONENT_BYTES = {name: int(name.lstrip("UINT")) // 8 for name in INTEGER_RANGES} | {
    "FLOAT32": 4,
    "FLOAT64": 8,
}
COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


@dataclass(frozen=True)
class Semantic:
    """The type that 3D Metadata fixes for the property that carries a semantic."""

    type: str
    components: frozenset[str] | None = None
    array: bool = False
    count: int | None = None


_FLOATS = frozenset({"FLOAT32", "FLOAT64"})
_UNSIGNED = frozenset(name for name in INTEGER_RANGES if name.startswith("U"))
_TEXT = Semantic("STRING")
_BOX = Semantic("SCALAR", _FLOATS, array=True, count=12)
_REGION = Semantic("SCALAR", _FLOATS, array=True, count=6)
_SPHERE = Semantic("SCALAR", _FLOATS, array=True, count=4)
_LENGTH = Semantic("SCALAR", _FLOATS)
_POINT = Semantic("VEC3", _FLOATS)
_TEXTS = Semantic("STRING", array=True)

# 3D Metadata Semantic Reference: general, tileset, tile and content semantics.
SEMANTICS: dict[str, Semantic] = {
    "NAME": _TEXT,
    "DESCRIPTION": _TEXT,
    "ID": _TEXT,
    "ATTRIBUTION_IDS": Semantic("SCALAR", _UNSIGNED, array=True),
    "ATTRIBUTION_STRINGS": _TEXTS,
    "TILESET_FEATURE_ID_LABELS": _TEXTS,
    "TILESET_CRS_GEOCENTRIC": _TEXT,
    "TILESET_CRS_COORDINATE_EPOCH": _TEXT,
    "TILE_BOUNDING_BOX": _BOX,
    "TILE_BOUNDING_REGION": _REGION,
    "TILE_BOUNDING_SPHERE": _SPHERE,
    "TILE_BOUNDING_S2_CELL": Semantic("SCALAR", frozenset({"UINT64"})),
    "TILE_MINIMUM_HEIGHT": _LENGTH,
    "TILE_MAXIMUM_HEIGHT": _LENGTH,
    "TILE_HORIZON_OCCLUSION_POINT": _POINT,
    "TILE_GEOMETRIC_ERROR": _LENGTH,
    "TILE_REFINE": Semantic("SCALAR", frozenset({"UINT8"})),
    "TILE_TRANSFORM": Semantic("MAT4", _FLOATS),
    "CONTENT_BOUNDING_BOX": _BOX,
    "CONTENT_BOUNDING_REGION": _REGION,
    "CONTENT_BOUNDING_SPHERE": _SPHERE,
    "CONTENT_BOUNDING_S2_CELL": Semantic("SCALAR", frozenset({"UINT64"})),
    "CONTENT_MINIMUM_HEIGHT": _LENGTH,
    "CONTENT_MAXIMUM_HEIGHT": _LENGTH,
    "CONTENT_HORIZON_OCCLUSION_POINT": _POINT,
    "CONTENT_URI": _TEXT,
    "CONTENT_GROUP_ID": Semantic("SCALAR", _UNSIGNED),
}


def check_schema(schema: Any, where: str = "schema") -> list[Finding]:
    """Check a metadata schema: its form, then what its classes, enums and semantics say of each other."""
    findings = against_schema("schema.json", schema, where)
    if findings:
        return findings
    enums = schema.get("enums", {})
    for name, enum in enums.items():
        findings += list(_check_enum(enum, f"{where}.enums.{name}"))
    for name, metadata_class in schema.get("classes", {}).items():
        findings += list(_check_class(metadata_class, enums, f"{where}.classes.{name}"))
    return findings


def _check_enum(enum: dict[str, Any], where: str) -> Iterator[Finding]:
    low, high = INTEGER_RANGES[enum.get("valueType", "UINT16")]
    names = [value["name"] for value in enum["values"]]
    numbers = [value["value"] for value in enum["values"]]
    if len(set(names)) < len(names) or len(set(numbers)) < len(numbers):
        yield Finding("ENUM_DUPLICATE", where, "a name or a value stands twice")
    if any(not low <= number <= high for number in numbers):
        yield Finding("ENUM_RANGE", where, f"a value is outside {low} to {high}")


def _check_class(metadata_class: dict[str, Any], enums: dict[str, Any], where: str) -> Iterator[Finding]:
    properties = metadata_class.get("properties", {})
    semantics = [one["semantic"] for one in properties.values() if "semantic" in one]
    if len(set(semantics)) < len(semantics):
        yield Finding("SEMANTIC_TWICE", where, "two properties have one semantic")
    for name, one in properties.items():
        yield from _check_property(one, enums, f"{where}.properties.{name}")


def _check_property(one: dict[str, Any], enums: dict[str, Any], where: str) -> Iterator[Finding]:
    if one["type"] == "ENUM" and one["enumType"] not in enums:
        yield Finding("ENUM_UNKNOWN", where, f"enumType={one['enumType']!r} is not in the schema's enums")
        return
    for key in ("min", "max", "offset", "scale", "noData", "default"):
        if key in one:
            stored = key == "noData" or (key == "default" and not one.get("normalized", False))
            fault = value_fault(one, one[key], enums, stored=stored)
            if fault:
                yield Finding("VALUE", f"{where}.{key}", fault)
    if "semantic" in one:
        yield from _check_semantic(one, where)


def _check_semantic(one: dict[str, Any], where: str) -> Iterator[Finding]:
    name = one["semantic"]
    rule = SEMANTICS.get(name)
    if rule is None:
        if not name.startswith("_"):
            yield Finding(
                "SEMANTIC_UNKNOWN",
                where,
                f"semantic={name!r} is not in the reference; custom ones start with _",
            )
        return
    right = (
        one["type"] == rule.type
        and (rule.components is None or one.get("componentType") in rule.components)
        and one.get("array", False) == rule.array
        and one.get("count") == rule.count
        and not one.get("normalized", False)
    )
    if not right:
        yield Finding("SEMANTIC_TYPE", where, f"semantic={name}: must be {rule}")


def value_fault(one: dict[str, Any], value: Any, enums: dict[str, Any], *, stored: bool) -> str | None:
    """What is wrong with a JSON value of a property, or None.

    Args:
        one: The property of the class.
        value: Its value as JSON.
        enums: The schema's enums.
        stored: The value is as stored, so that it must lie in the range of the component type; else it is
            as seen after normalisation, offset and scale.
    """
    if not one.get("array", False):
        return _element_fault(one, value, enums, stored=stored)
    if not isinstance(value, list):
        return f"{value!r} must be an array"
    if "count" in one and len(value) != one["count"]:
        return f"has {len(value)} elements where {one['count']} are due"
    return next(filter(None, (_element_fault(one, element, enums, stored=stored) for element in value)), None)


def _element_fault(one: dict[str, Any], value: Any, enums: dict[str, Any], *, stored: bool) -> str | None:
    match one["type"]:
        case "STRING":
            return None if isinstance(value, str) else f"{value!r} must be a string"
        case "BOOLEAN":
            return None if isinstance(value, bool) else f"{value!r} must be a boolean"
        case "ENUM":
            names = [entry["name"] for entry in enums[one["enumType"]]["values"]]
            return None if value in names else f"{value!r} must be one of {names}"
        case "SCALAR":
            return _number_fault(one, value, stored=stored)
        case numeric:
            if not isinstance(value, list) or len(value) != COMPONENTS[numeric]:
                return f"{value!r} must be an array of {COMPONENTS[numeric]} numbers"
            return next(filter(None, (_number_fault(one, part, stored=stored) for part in value)), None)


def _number_fault(one: dict[str, Any], value: Any, *, stored: bool) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{value!r} must be a number"
    limits = INTEGER_RANGES.get(one["componentType"])
    if stored and limits and not (float(value).is_integer() and limits[0] <= value <= limits[1]):
        return f"{value!r} must be an integer from {limits[0]} to {limits[1]}"
    return None


def check_entity(entity: dict[str, Any], schema: dict[str, Any] | None, where: str) -> list[Finding]:
    """Check a metadata entity: its class, each value, what is required, and the range its class states."""
    if schema is None:
        return [Finding("ENTITY_WITHOUT_SCHEMA", where, "metadata without a schema")]
    metadata_class = schema.get("classes", {}).get(entity["class"])
    if metadata_class is None:
        return [Finding("CLASS_UNKNOWN", where, f"class={entity['class']!r} is not in the schema")]
    stated = metadata_class.get("properties", {})
    values = entity.get("properties", {})
    findings = [
        Finding("PROPERTY_UNKNOWN", where, f"{name} is not in the class")
        for name in values.keys() - stated.keys()
    ]
    for name, one in stated.items():
        value = values.get(name)
        if value is None:
            if one.get("required", False):
                findings.append(Finding("PROPERTY_REQUIRED", where, f"{name} is required"))
            continue
        fault = value_fault(one, value, schema.get("enums", {}), stored=True) or range_fault(one, value)
        if fault and value != one.get("noData"):
            findings.append(Finding("VALUE", f"{where}.{name}", fault))
    return findings


def range_fault(one: dict[str, Any], value: Any) -> str | None:
    """Whether a stored value, after normalisation, offset and scale, breaks the class's min and max."""
    if "min" not in one and "max" not in one:
        return None
    seen = _seen(one, value)
    low, high = (_flat(one[key]) if key in one else [None] * len(seen) for key in ("min", "max"))
    for number, least, most in zip(seen, low, high, strict=True):
        if (least is not None and number < least) or (most is not None and number > most):
            return f"{number} is outside {least} to {most}"
    return None


def _seen(one: dict[str, Any], value: Any) -> list[float]:
    numbers = _flat(value)
    if one.get("normalized", False):
        low, high = INTEGER_RANGES[one["componentType"]]
        numbers = [max(number / high, -1.0) if low else number / high for number in numbers]
    scales = _flat(one["scale"]) if "scale" in one else [1.0] * len(numbers)
    offsets = _flat(one["offset"]) if "offset" in one else [0.0] * len(numbers)
    return [number * scale + offset for number, scale, offset in zip(numbers, scales, offsets, strict=True)]


def _flat(value: Any) -> list[float]:
    """The numbers of a nested JSON value, in order."""
    return [number for part in value for number in _flat(part)] if isinstance(value, list) else [float(value)]


def semantic_value(entity: dict[str, Any], schema: dict[str, Any] | None, semantic: str) -> Any:
    """The value in an entity of the property that carries a semantic, or None."""
    stated = ((schema or {}).get("classes", {}).get(entity["class"]) or {}).get("properties", {})
    for name, one in stated.items():
        if one.get("semantic") == semantic:
            return entity.get("properties", {}).get(name)
    return None
