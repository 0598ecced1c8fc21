"""One id for an object everywhere: ``urn:shancheng:<city>:<layer>:<local id>``.

The local id is the source's own where it has one, else a hash of the source row.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shancheng.city.schema import LAYERS
from shancheng.errors import IdError, SettingError

__all__ = ["ObjectId", "check_city_name", "parse_urn", "row_id", "urn", "urn_prefix"]

_CITY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_URN: Final = re.compile(
    r"urn:shancheng:(?P<city>[a-z0-9][a-z0-9_-]{0,62}):(?P<layer>[a-z_]+):(?P<local>.+)", re.DOTALL
)
_MAX_LENGTH: Final = 1024
_HASH_CHARACTERS: Final = 20
"""80 bits: among a hundred million rows of one layer two collide with a chance below 1 in 10^8."""


@dataclass(frozen=True)
class ObjectId:
    """The three parts of an id."""

    city: str
    layer: str
    local_id: str


def urn(city: str, layer: str, local_id: str) -> str:
    """The id of an object."""
    return f"{urn_prefix(city, layer)}{local_id}"


def urn_prefix(city: str, layer: str) -> str:
    """What all ids of a layer begin with; the local id follows."""
    return f"urn:shancheng:{city}:{layer}:"


def parse_urn(text: str) -> ObjectId:
    """Take an id apart.

    Raises:
        IdError: It has another form, or names a layer that does not exist.
    """
    match = _URN.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        shown = text if len(text) <= _MAX_LENGTH else f"{text[:40]}… ({len(text)} characters)"
        raise IdError(f"id={shown!r}: must be urn:shancheng:<city>:<layer>:<local id>")
    if match["layer"] not in LAYERS:
        raise IdError(f"id={text!r}: no layer {match['layer']!r}; the layers are {', '.join(LAYERS)}")
    return ObjectId(match["city"], match["layer"], match["local"])


def row_id(row: Mapping[str, Any]) -> str:
    """A local id for a row whose source gives it none: the same for the same content, in any order of keys.

    Args:
        row: Values that JSON can hold; the geometry as WKB bytes or as text.

    Returns:
        ``h`` and 20 hexadecimal digits of the SHA-256 of the row.
    """
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_bytes_as_hex)
    return "h" + hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARACTERS]


def check_city_name(name: str) -> str:
    """The name, if a folder and an id can bear it.

    Raises:
        SettingError: It holds other characters or is too long.
    """
    if not _CITY.fullmatch(name):
        raise SettingError(
            f"name={name!r}: must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or a digit"
        )
    return name


def _bytes_as_hex(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    raise TypeError(f"{type(value).__name__}: a row's hash takes numbers, text, bytes, lists and tables")
