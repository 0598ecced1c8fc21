"""OPL, osmium's line format, as a fast way to tags, places and members.

Asking osmium's Python objects for all tags costs ten microseconds an object, more than all else we do. So
osmium writes what passes our filters to a text file in C++ (“Object Per Line”, a documented format of
libosmium), and here whole blocks of lines become dictionaries by a few replacements and one JSON parse. All
stays in bytes until then, since decoding megabytes of coordinates costs as much as reading them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

__all__ = [
    "OPL_FORMAT",
    "Member",
    "Tags",
    "members_of",
    "read_blocks",
    "route_members",
    "tags_of",
]

OPL_FORMAT: Final = "opl,add_metadata=none,locations_on_ways=true"
"""Type and number, tags, places and members; no versions, dates and users."""

Tags = dict[str, str]
Member = tuple[str, str]
"""Local id, as `w123`, and role."""

_BLOCK_BYTES: Final = 16 << 20
_JSON_ONLY: Final = '"\\\x7f'
_STOPS: Final = ("platform", "stop")
_ESCAPE: Final = re.compile(r"%([0-9a-f]+)%")


def read_blocks(path: Path) -> Iterator[list[bytes]]:
    """Lines of an OPL file, about 16 MB of them at once."""
    with path.open("rb") as file:
        while block := file.readlines(_BLOCK_BYTES):
            yield block


def tags_of(lists: list[bytes]) -> list[Tags]:
    """Tags from the second fields of lines: `T` and then key=value,key=value."""
    # An empty list would be no JSON, so it becomes one empty key.
    text = b"\n".join([listed[1:] or b"=" for listed in lists])
    text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    # Spaces, commas, = and % inside of words are escaped by osmium, so what is left of them divides.
    text = text.replace(b"=", b'":"').replace(b",", b'","').replace(b"\n", b'"},{"')
    if b"%" in text:
        # Escapes are %hex%, and no other % is left: every second piece is one.
        pieces = text.split(b"%")
        pieces[1::2] = map(_Characters().__getitem__, pieces[1::2])
        text = b"".join(pieces)
    tags: list[Tags] = orjson.loads(b'[{"' + text + b'"}]') if lists else []
    return tags


def members_of(listed: bytes) -> list[Member]:
    """Members of a relation, in their order, from the field of its line that lists them."""
    if not listed:
        return []
    pairs = [member.split("@") for member in listed.decode().split(",")]
    return [(ref, _ESCAPE.sub(lambda match: chr(int(match[1], 16)), role)) for ref, role in pairs]


def route_members(listed: bytes) -> tuple[list[str], list[str]]:
    """Ways that a route runs along, and what it stops at: nodes, ways and relations."""
    if not listed:
        return [], []
    # Routes name hundreds of members each, nearly all of them ways with one of these roles or none.
    members = listed.decode().replace("@forward", "@").replace("@backward", "@").split(",")
    ways = [member[:-1] for member in members if member[-1] == "@" and member[0] == "w"]
    stops = []
    for member in [member for member in members if member[-1] != "@"]:
        ref, _, role = member.partition("@")
        if role.startswith(_STOPS):
            stops.append(ref)
        elif ref[0] == "w" and not role.startswith("entrance"):
            ways.append(ref)
    return ways, stops


class _Characters(dict[bytes, bytes]):
    """Number of a character, hexadecimal → how it stands within a string of JSON; each is worked out once."""

    def __missing__(self, code: bytes) -> bytes:
        character = chr(int(code, 16))
        plain = character >= " " and character not in _JSON_ONLY
        self[code] = (character if plain else json.dumps(character)[1:-1]).encode()
        return self[code]
