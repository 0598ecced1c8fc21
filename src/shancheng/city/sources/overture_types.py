"""Overture's types as Arrow types: the part of each that our layers take, and columns made to fit it.

Releases differ in what they have; a missing column is null, one of another kind is an error that names it.

Source:
    Overture Maps schema, 1.x: reference of the themes buildings, transportation, base, divisions, places.
"""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from shancheng.city.sources.vector_arrow import Array, offsets_of, pc
from shancheng.errors import SourceFileError

__all__ = ["COLUMNS", "FOREIGN", "THEMES", "fitted", "type_by_columns", "type_by_name"]

_T, _F, _I, _B = pa.string(), pa.float64(), pa.int32(), pa.bool_()
NAMES: Final = pa.struct([("primary", _T), ("common", pa.map_(_T, _T))])
SOURCES: Final = pa.list_(pa.struct([("property", _T), ("dataset", _T), ("license", _T)]))
BETWEEN: Final = pa.list_(_F)


def _rules(value: Any, name: str = "value") -> Any:  # noqa: ANN401 - Arrow types
    return pa.list_(pa.struct([(name, value), ("between", BETWEEN)]))


_ANY: Final[dict[str, Any]] = {"id": _T, "names": NAMES, "sources": SOURCES, "subtype": _T, "class": _T}
_SHAPE: Final[dict[str, Any]] = {
    "height": _F,
    "num_floors": _I,
    "min_height": _F,
    "min_floor": _I,
    "roof_shape": _T,
    "roof_direction": _F,
    "roof_orientation": _T,
    "roof_height": _F,
    "is_underground": _B,
}
COLUMNS: Final[dict[str, dict[str, Any]]] = {
    "building": {**_ANY, **_SHAPE},
    "building_part": {**_ANY, **_SHAPE, "building_id": _T},
    "segment": {
        **_ANY,
        "subclass": _T,
        "level_rules": _rules(_I),
        "width_rules": _rules(_F),
        "road_flags": _rules(pa.list_(_T), "values"),
        "rail_flags": _rules(pa.list_(_T), "values"),
    },
    "water": _ANY,
    "land": _ANY,
    "land_use": _ANY,
    "infrastructure": {**_ANY, "height": _F},
    "division": {**_ANY, "population": _I},
    "division_area": {**_ANY, "is_land": _B, "division_id": _T},
    "place": {
        **_ANY,
        "basic_category": _T,
        "categories": pa.struct([("primary", _T)]),
        "operating_status": _T,
    },
}
"""For each type that fills a layer, the columns that are looked at."""

FOREIGN: Final[dict[str, tuple[str, str]]] = {
    "connector": ("roads", "joins segments; the road itself is in them"),
    "land_cover": ("green", "cover seen from space lies over land and land_use; those are taken"),
    "bathymetry": ("water", "a depth of the sea; no layer holds depths"),
    "division_boundary": ("districts", "a border line; the areas are in division_area"),
    "address": ("places", "an address; no layer holds addresses"),
}
"""Types that fill no layer: the layer they are nearest to, and why not."""

THEMES: Final[dict[str, str]] = {
    "building": "buildings",
    "building_part": "buildings",
    "segment": "transportation",
    "connector": "transportation",
    "water": "base",
    "land": "base",
    "land_use": "base",
    "land_cover": "base",
    "bathymetry": "base",
    "infrastructure": "base",
    "division": "divisions",
    "division_area": "divisions",
    "division_boundary": "divisions",
    "place": "places",
    "address": "addresses",
}

# Columns that only one type has, for files that do not say their type.
_SIGNS: Final[dict[str, str]] = {
    "building_id": "building_part",
    "has_parts": "building",
    "connectors": "segment",
    "hierarchies": "division",
    "division_id": "division_area",
    "division_ids": "division_boundary",
    "is_intermittent": "water",
    "operating_status": "place",
    "categories": "place",
    "address_levels": "address",
    "depth": "bathymetry",
}


def type_by_name(path: Path) -> str | None:
    """The type that a file's folder (``type=building``) or its name (``building.geojson``) says."""
    for part in reversed(path.parts[:-1]):
        if part.startswith("type=") and part.removeprefix("type=") in THEMES:
            return part.removeprefix("type=")
    stem = path.name.partition(".")[0].lower()
    return stem if stem in THEMES else None


def type_by_columns(names: list[str]) -> str | None:
    """The type of a file by what only it has; None where that is not clear."""
    found = {kind for sign, kind in _SIGNS.items() if sign in names}
    return found.pop() if len(found) == 1 else None


def fitted(column: Array, wanted: Any, where: str, name: str) -> Array:  # noqa: ANN401 - an Arrow type
    """A column with exactly the wanted type: fields of records by name, numbers widened or narrowed.

    Raises:
        SourceFileError: It is of another kind.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return _fitted(column, wanted)
    except (pa.ArrowException, TypeError) as error:
        raise SourceFileError(
            f"{where}: {name} is of type {column.type}; needed: {wanted}, as Overture has it"
        ) from error


def _fitted(column: Array, wanted: Any) -> Array:  # noqa: ANN401
    if column.type == wanted:
        return column
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), wanted)
    if pa.types.is_struct(wanted):
        return _record(column, wanted)
    if pa.types.is_list(wanted):
        return _list(column, wanted)
    if _is_number(wanted) != _is_number(column.type):
        raise TypeError("a number where there is none, or the other way round")
    return column.cast(wanted, safe=not _is_number(wanted))


def _is_number(kind: Any) -> bool:  # noqa: ANN401
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _record(column: Array, wanted: Any) -> Array:  # noqa: ANN401
    if not pa.types.is_struct(column.type):
        raise TypeError("no record")
    fields = [
        _fitted(pc.struct_field(column, field.name), field.type)
        if column.type.get_field_index(field.name) >= 0
        else pa.nulls(len(column), field.type)
        for field in wanted
    ]
    return pa.StructArray.from_arrays(fields, fields=list(wanted), mask=column.is_null())


def _list(column: Array, wanted: Any) -> Array:  # noqa: ANN401
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise TypeError("no list")
    inner = _fitted(column.flatten(), wanted.value_type)
    offsets: Array = pa.array(offsets_of(column))
    return pa.ListArray.from_arrays(offsets, inner, mask=column.is_null())
