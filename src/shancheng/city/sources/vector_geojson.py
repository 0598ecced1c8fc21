"""What GeoJSON says of its reference system, and the rows that a reader of lines drops without a word.

GDAL follows a `crs` of type `link` over the network and takes longitude and latitude where it cannot; so the
member is read here, and GDAL is told nothing of it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from shancheng.errors import SourceFileError
from shancheng.geo.crs import LONLAT

__all__ = ["bad_lines", "count_lines", "geojson_crs", "is_lines"]

_HEAD: Final = 1 << 20
_TAIL: Final = 1 << 20
_MOST_CANDIDATES: Final = 1_000
_KEY: Final = re.compile(rb'"(?:c|\\u0063)(?:r|\\u0072)(?:s|\\u0073)"')
_CODE: Final = re.compile(r"\d{1,7}")
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_RECORD: Final = "\x1e"


def geojson_crs(path: Path) -> str | None:
    """What names the system to PROJ; None where the file says `null`.

    Source:
        RFC 7946, 4: longitude and latitude, WGS-84. The GeoJSON specification of 2008, 3: a `crs` of type
        `name`, or null where no system can be assumed. Both put x before y.

    Raises:
        SourceFileError: The member is of another type; a link is never followed.
    """
    found, crs = _member(path)
    if not found:
        return LONLAT
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    kind = crs.get("type") if isinstance(crs, dict) else None
    if isinstance(properties, dict):
        name, code = properties.get("name"), str(properties.get("code", ""))
        if kind == "name" and isinstance(name, str) and len(name) < _HEAD:
            return name
        if kind == "EPSG" and _CODE.fullmatch(code):
            return f"EPSG:{code}"
    raise SourceFileError(
        f"{path}: its crs is of type {kind!r}; needed: type 'name', or none for longitude and latitude; "
        "say --crs to read it as another"
    )


def _member(path: Path) -> tuple[bool, Any]:
    """Whether the outermost object has a member `crs`, and its value."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
    # Of two members with one name the last counts.
    found, crs = _in_tail(tail)
    if found:
        return found, crs
    try:
        return _in_head(head.decode("utf-8-sig", errors="replace"))
    except RecursionError as error:
        raise SourceFileError(f"{path}: nested too deeply") from error


def _in_head(text: str) -> tuple[bool, Any]:
    """Members that stand before the first one too long to be read here."""
    decoder = json.JSONDecoder()
    place = _skip(text, 0)
    if text[place : place + 1] != "{":
        return False, None
    place = _skip(text, place + 1)
    found, crs = False, None
    try:
        while text[place : place + 1] == '"':
            key, place = decoder.raw_decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
            if key == "features":
                break
            value, place = decoder.raw_decode(text, place)
            if key == "crs":
                found, crs = True, value
            place = _skip(text, _skip(text, place) + 1)
    except ValueError:
        pass  # the rest of a value lies beyond the head, or the file is broken, which GDAL tells
    return found, crs


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _in_tail(tail: bytes) -> tuple[bool, Any]:
    """Members after the features: what follows one of them, closed by the last brace, is an object itself."""
    candidates = [match.start() for match in _KEY.finditer(tail)]
    for place in candidates[: -_MOST_CANDIDATES - 1 : -1]:
        try:
            rest = orjson.loads(b"{" + tail[place:])
        except ValueError:
            continue
        return True, rest.get("crs")
    return False, None


def is_lines(path: Path) -> bool:
    """Whether the file is a sequence of features, one a line (GeoJSONSeq, RFC 8142, or without its marks)."""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="replace").lstrip("\ufeff")
    if head.startswith(_RECORD):
        return True
    first, newline, rest = head.lstrip().partition("\n")
    if not newline or not rest.strip():
        return False
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(value, dict)
        and value.get("type") in ("Feature", "Point", "LineString", "Polygon")
        and (rest.lstrip(" \t\r\n\x1e").startswith("{"))
    )


def count_lines(path: Path) -> int:
    """Lines that are not blank."""
    with path.open("rb") as file:
        return sum(bool(line.strip(b" \t\r\n\x1e")) for line in file)


def bad_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are no feature, with what is wrong, so that none is dropped without a word."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.strip(b" \t\r\n\x1e")
            if text and (reason := _fault(text)):
                yield number, reason


def _fault(text: bytes) -> str:
    try:
        value = orjson.loads(text)
    except ValueError as error:
        return f"no JSON: {error}"
    if not isinstance(value, dict) or "type" not in value:
        return "no GeoJSON object"
    return ""
