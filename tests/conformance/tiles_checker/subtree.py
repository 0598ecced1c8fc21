"""Subtrees of implicit tiling: the binary container, the availability bitstreams and the metadata tables."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles_checker.findings import Finding, against_schema
from tiles_checker.metadata import check_entity
from tiles_checker.tables import TableChecker, check_views, view_bytes

HEADER = struct.Struct("<4sIQQ")
Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class SubtreeContext:
    """What the tileset says of all its subtrees."""

    levels: int
    branching: int = 4
    contents: int | None = None
    schema: dict[str, Any] | None = None

    @property
    def tile_count(self) -> int:
        """Number of tiles in a full subtree."""
        return int((self.branching**self.levels - 1) // (self.branching - 1))

    @property
    def child_count(self) -> int:
        """Number of child subtrees of a full subtree."""
        return int(self.branching**self.levels)


@dataclass
class Subtree:
    """A subtree that was read: its availabilities as bits, and what was found wrong."""

    tiles: Bits
    contents: list[Bits] = field(default_factory=list)
    children: Bits = field(default_factory=lambda: np.zeros(0, bool))
    document: dict[str, Any] = field(default_factory=dict)
    buffers: list[bytes | None] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_subtree(path: Path, context: SubtreeContext) -> list[Finding]:
    """All findings on one subtree file, in binary or in JSON."""
    return read_subtree(path, context).findings


def read_subtree(path: Path, context: SubtreeContext) -> Subtree:
    """Read and check a subtree file."""
    none = np.zeros(context.tile_count, bool)
    try:
        data = path.read_bytes()
    except OSError as error:
        return Subtree(none, findings=[Finding("SUBTREE_MISSING", path.name, str(error))])
    document, chunk, findings = _open_container(data, path.name)
    findings = findings or against_schema("subtree.json", document, path.name)
    if findings:
        return Subtree(none, findings=findings)
    buffers, findings = _load_buffers(document, chunk, path)
    findings += check_views(document, buffers, path.name)
    subtree = Subtree(none, document=document, buffers=buffers, findings=findings)
    if not findings:
        _read_availability(subtree, context, path.name)
        subtree.findings += list(_check_tables(subtree, context, path.name))
    return subtree


def _open_container(data: bytes, name: str) -> tuple[Any, bytes | None, list[Finding]]:
    """The JSON document and the binary chunk; a file that starts as JSON has no chunk."""
    chunk: bytes | None = None
    if data[:1] != b"{":
        if len(data) < HEADER.size:
            return None, None, [Finding("SUBTREE_HEADER", name, "shorter than its header")]
        magic, version, json_length, binary_length = HEADER.unpack_from(data)
        if (magic, version) != (b"subt", 1):
            return (
                None,
                None,
                [Finding("SUBTREE_HEADER", name, f"magic={magic!r}, version={version}: must be subt, 1")],
            )
        if json_length % 8 or binary_length % 8:
            return None, None, [Finding("SUBTREE_PADDING", name, "a chunk's length is no multiple of 8")]
        if HEADER.size + json_length + binary_length != len(data):
            return (
                None,
                None,
                [Finding("SUBTREE_LENGTH", name, f"has {len(data)} bytes; its header says otherwise")],
            )
        chunk = data[HEADER.size + json_length :]
        data = data[HEADER.size : HEADER.size + json_length]
    try:
        return json.loads(data.decode("utf-8")), chunk, []
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        return None, None, [Finding("JSON_INVALID", name, str(error))]


def _load_buffers(
    document: dict[str, Any], chunk: bytes | None, path: Path
) -> tuple[list[bytes | None], list[Finding]]:
    buffers: list[bytes | None] = []
    findings = []
    for number, stated in enumerate(document.get("buffers", [])):
        where = f"{path.name}.buffers[{number}]"
        if "uri" in stated:
            target = path.parent / stated["uri"]
            found = target.is_file()
            buffers.append(target.read_bytes() if found else None)
            if not found:
                findings.append(Finding("BUFFER_MISSING", where, f"uri={stated['uri']!r} is not there"))
        elif number == 0 and chunk is not None:
            buffers.append(chunk)
        else:
            buffers.append(None)
            findings.append(
                Finding("BUFFER_MISSING", where, "has no uri, and there is no binary chunk for it")
            )
    return buffers, findings


def _read_availability(subtree: Subtree, context: SubtreeContext, name: str) -> None:
    document, findings = subtree.document, subtree.findings
    contents = document.get("contentAvailability", [])
    if context.contents is not None and len(contents) not in {0, context.contents}:
        findings.append(
            Finding("CONTENT_COUNT", name, f"{len(contents)} availabilities for {context.contents} contents")
        )
    stated = [("tileAvailability", document["tileAvailability"], context.tile_count)]
    stated += [(f"contentAvailability[{i}]", one, context.tile_count) for i, one in enumerate(contents)]
    stated += [("childSubtreeAvailability", document["childSubtreeAvailability"], context.child_count)]
    bits = []
    for key, one, length in stated:
        found, fault = _bits(one, length, subtree)
        bits.append(found)
        findings += [Finding(code, f"{name}.{key}", message) for code, message in fault]
    subtree.tiles, subtree.children = bits[0], bits[-1]
    subtree.contents = bits[1:-1]
    if not findings:
        findings += list(_check_hierarchy(subtree, context, name))


def _bits(one: dict[str, Any], length: int, subtree: Subtree) -> tuple[Bits, list[tuple[str, str]]]:
    """The bits of an availability and (code, message) of its faults."""
    if "constant" in one:
        bits = np.full(length, bool(one["constant"]))
    else:
        views = subtree.document.get("bufferViews", [])
        if one["bitstream"] >= len(views):
            return np.zeros(length, bool), [
                ("VIEW_INDEX", f"bitstream={one['bitstream']}: there are {len(views)} views")
            ]
        data = view_bytes(subtree.document, subtree.buffers, one["bitstream"]) or b""
        if len(data) != (length + 7) // 8:
            return np.zeros(length, bool), [("BITSTREAM_LENGTH", f"{len(data)} bytes for {length} bits")]
        every = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").astype(bool)
        if every[length:].any():
            return every[:length], [("BITSTREAM_PADDING", "bits after the last one must be 0")]
        bits = every[:length]
    count = one.get("availableCount")
    if count is not None and count != int(bits.sum()):
        return bits, [("AVAILABLE_COUNT", f"availableCount={count}: {int(bits.sum())} bits are set")]
    return bits, []


def _check_hierarchy(subtree: Subtree, context: SubtreeContext, name: str) -> Iterator[Finding]:
    """A tile needs its parent, a content its tile, a child subtree the tile above it."""
    tiles = subtree.tiles
    n = context.branching
    parents = (np.arange(1, len(tiles)) - 1) // n
    if np.any(tiles[1:] & ~tiles[parents]):
        yield Finding("PARENT_MISSING", name, "a tile is available whose parent is not")
    if any(np.any(content & ~tiles) for content in subtree.contents):
        yield Finding("TILE_MISSING", name, "a content is available whose tile is not")
    last_level = tiles[-(n ** (context.levels - 1)) :]
    if np.any(subtree.children & ~np.repeat(last_level, n)):
        yield Finding("CHILD_PARENT_MISSING", name, "a child subtree is available whose parent tile is not")


def _check_tables(subtree: Subtree, context: SubtreeContext, name: str) -> Iterator[Finding]:
    document = subtree.document
    tables = document.get("propertyTables", [])
    checker = TableChecker(document, subtree.buffers, context.schema)
    for number, table in enumerate(tables):
        yield from checker.check(table, f"{name}.propertyTables[{number}]")
    if "subtreeMetadata" in document:
        yield from check_entity(document["subtreeMetadata"], context.schema, f"{name}.subtreeMetadata")
    uses = [("tileMetadata", document["tileMetadata"], subtree.tiles)] if "tileMetadata" in document else []
    metadata = document.get("contentMetadata", [])
    if metadata and len(metadata) != len(subtree.contents):
        yield Finding("CONTENT_METADATA", name, "contentMetadata and contentAvailability differ in length")
        return
    uses += [(f"contentMetadata[{i}]", index, subtree.contents[i]) for i, index in enumerate(metadata)]
    for key, index, bits in uses:
        if index >= len(tables):
            yield Finding("TABLE_INDEX", f"{name}.{key}", f"{index}: there are {len(tables)} property tables")
        elif tables[index]["count"] != int(bits.sum()):
            yield Finding(
                "TABLE_COUNT",
                f"{name}.{key}",
                f"count={tables[index]['count']}: {int(bits.sum())} are available",
            )
