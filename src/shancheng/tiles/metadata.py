"""The schema that property tables and subtrees refer to, one file a layer.

Source:
    OGC 3D Metadata Specification 1.0; EXT_structural_metadata; semantics of 3D Tiles 1.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_ENUM_TYPES: dict[str, type[np.unsignedinteger[Any]]] = {"UINT8": np.uint8, "UINT16": np.uint16}
_UINT8_VALUES = 256


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a class.

    Attributes:
        type: `SCALAR`, `STRING` or `ENUM`.
        component_type: Of a scalar, such as `FLOAT32`.
        enum: Name of the enum.
        no_data: Value that stands for "not known".
        description: For whoever reads the file.
        semantic: Meaning that a specification defines.
    """

    type: str
    component_type: str | None = None
    enum: str | None = None
    no_data: int | float | None = None
    description: str | None = None
    semantic: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the specification writes it."""
        entries = {
            "type": self.type,
            "componentType": self.component_type,
            "enumType": self.enum,
            "noData": self.no_data,
            "description": self.description,
            "semantic": self.semantic,
            "required": True if self.no_data is None else None,
        }
        return {key: value for key, value in entries.items() if value is not None}


def schema(
    layer: str,
    class_name: str,
    properties: Mapping[str, Property],
    *,
    enums: Mapping[str, Sequence[str]],
    id_prefix: str,
) -> dict[str, Any]:
    """The schema of a layer: the class of its features, and the class `tile` of the subtrees.

    Args:
        layer: Name of the layer.
        class_name: Class of its features.
        properties: By id, in the order of the columns.
        enums: Names of each enum's values; a value is the name's place.
        id_prefix: What to put before a feature's `id` to have its URN.
    """
    return {
        "id": f"shancheng_{layer}",
        "classes": {
            class_name: {
                "properties": {name: entry.to_json() for name, entry in properties.items()},
                "extras": {"id_prefix": id_prefix},
            },
            "tile": {"properties": {name: entry.to_json() for name, entry in _TILE_PROPERTIES.items()}},
        },
        **({"enums": {name: _enum(values) for name, values in enums.items()}} if enums else {}),
    }


_TILE_PROPERTIES = {
    "lowest_m": Property("SCALAR", "FLOAT32", semantic="TILE_MINIMUM_HEIGHT"),
    "highest_m": Property("SCALAR", "FLOAT32", semantic="TILE_MAXIMUM_HEIGHT"),
}


def enum_dtype(values: Sequence[str]) -> type[np.unsignedinteger[Any]]:
    """The numpy type of a column of this enum."""
    return _ENUM_TYPES[_value_type(values)]


def _value_type(values: Sequence[str]) -> str:
    return "UINT8" if len(values) <= _UINT8_VALUES else "UINT16"


def _enum(values: Sequence[str]) -> dict[str, Any]:
    # A name must not be empty; a source that says nothing is called by what it is.
    named = [{"name": name or "unknown", "value": value} for value, name in enumerate(values)]
    return {"valueType": _value_type(values), "values": named}
