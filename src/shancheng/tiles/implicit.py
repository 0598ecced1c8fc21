"""A layer's tileset.json and its subtrees: an implicit quadtree over the city's root cell.

Source:
    OGC 3D Tiles 1.1 (22-025r4), chapter 10 (implicit tiling) and 11 (metadata).
"""

import math
import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson

from shancheng.geo.quadtree import RootCell, morton
from shancheng.tiles.constants import SUBTREE_LEVELS
from shancheng.tiles.output import Output

CONTENT_URI = "{level}/{x}/{y}.glb"
SUBTREES_FOLDER = "subtrees"
SUBTREE_URI = SUBTREES_FOLDER + "/{level}.{x}.{y}.subtree"
SCHEMA_URI = "schema.json"
TILE_CLASS = "tile"

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of a layer that hold something, in any order.

    Attributes:
        level: Shape (t,).
        x: Cell number eastward, shape (t,).
        y: Cell number northward, shape (t,).
        heights_m: Lowest and highest ellipsoidal height of each tile's content, shape (t, 2).
    """

    level: IntArray
    x: IntArray
    y: IntArray
    heights_m: FloatArray


@dataclass(frozen=True, slots=True)
class SubtreeInfo:
    """What was written: levels of the tree, and subtree files."""

    levels: int
    subtrees: int


@dataclass(frozen=True, slots=True)
class _Level:
    """All available tiles of one level, by rising Morton code."""

    code: npt.NDArray[np.uint64]
    has_content: BoolArray
    heights_m: FloatArray


def content_name(level: int, x: int, y: int) -> str:
    """Path of a tile's content below the layer's folder."""
    return CONTENT_URI.format(level=level, x=x, y=y)


def write_implicit_tileset(
    output: Output,
    root_cell: RootCell,
    tiles: Tiles,
    *,
    refine: Literal["ADD", "REPLACE"],
    geometric_error_m: float,
    schema: dict[str, Any],
    copyright: str,  # noqa: A002  # glTF's and 3D Tiles' own word
    subtree_levels: int = SUBTREE_LEVELS,
) -> SubtreeInfo:
    """Write tileset.json, schema.json and the subtrees; the contents are the caller's.

    Args:
        output: The layer's folder.
        root_cell: The tile of level 0.
        tiles: Tiles with content; without any the tileset is valid and empty.
        refine: Whether children add to their parent or replace it.
        geometric_error_m: Of the root tile; implicit tiling halves it with each level.
        schema: From `metadata.schema`; it must have the class `tile`.
        copyright: Who is to be credited, in plain text.
        subtree_levels: Most levels in one subtree file; a deeper tree is cut into equal layers.
    """
    levels = _availability(tiles)
    layers = max(1, math.ceil(len(levels) / subtree_levels))
    depth = max(1, math.ceil(len(levels) / layers))
    output.write(SCHEMA_URI, orjson.dumps(schema))
    heights_m = levels[0].heights_m[0] if levels else np.zeros(2)
    root: dict[str, Any] = {
        "boundingVolume": {"region": region(root_cell, *_outward(heights_m).astype(np.float64).tolist())},
        "geometricError": geometric_error_m if levels else 0.0,
        "refine": refine,
    }
    if levels:
        root["content"] = {"uri": CONTENT_URI}
        root["implicitTiling"] = {
            "subdivisionScheme": "QUADTREE",
            "subtreeLevels": depth,
            "availableLevels": len(levels),
            "subtrees": {"uri": SUBTREE_URI},
        }
    asset = {"version": "1.1", **({"copyright": copyright} if copyright else {})}
    # Nobody has to draw the tileset while its whole root cell is smaller than this on the screen.
    document = {"asset": asset, "geometricError": 2 * root["geometricError"], "root": root}
    output.write("tileset.json", orjson.dumps({**document, "schemaUri": SCHEMA_URI}))
    return SubtreeInfo(len(levels), _write_subtrees(output, levels, depth))


def region(root_cell: RootCell, lowest_m: float, highest_m: float) -> list[float]:
    """The root cell as a 3D Tiles region: west, south, east, north in radians, heights in metres."""
    bounds = root_cell.bounds
    edges = np.radians([bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg])
    return [*edges.tolist(), lowest_m, highest_m]


def _availability(tiles: Tiles) -> list[_Level]:
    """Every tile that holds something or has a descendant that does, level by level, heights included."""
    if len(tiles.level) == 0:
        return []
    code = morton(tiles.x, tiles.y)
    result: list[_Level] = []
    below: _Level | None = None
    for level in range(int(tiles.level.max()), -1, -1):
        own = tiles.level == level
        below = _merge(code[own], tiles.heights_m[own], below)
        result.append(below)
    return result[::-1]


def _merge(code: npt.NDArray[np.uint64], heights_m: FloatArray, below: _Level | None) -> _Level:
    """Tiles of a level from those with content there and from the available ones below."""
    codes, heights = code, heights_m
    if below is not None:
        codes = np.concatenate([code, below.code >> np.uint64(2)])
        heights = np.concatenate([heights_m, below.heights_m])
    unique, inverse = np.unique(codes, return_inverse=True)
    lowest, highest = np.full(len(unique), np.inf), np.full(len(unique), -np.inf)
    np.minimum.at(lowest, inverse, heights[:, 0])
    np.maximum.at(highest, inverse, heights[:, 1])
    return _Level(unique, np.isin(unique, code), np.stack([lowest, highest], axis=1))


def _outward(heights_m: FloatArray) -> npt.NDArray[np.float32]:
    """Heights as float32, rounded so that they still hold everything between them."""
    rounded = heights_m.astype(np.float32)
    lowest = np.where(
        rounded[..., 0] > heights_m[..., 0], np.nextafter(rounded[..., 0], -np.inf), rounded[..., 0]
    )
    highest = np.where(
        rounded[..., 1] < heights_m[..., 1], np.nextafter(rounded[..., 1], np.inf), rounded[..., 1]
    )
    return np.stack([lowest, highest], axis=-1).astype(np.float32)


def _write_subtrees(output: Output, levels: list[_Level], subtree_levels: int) -> int:
    count = 0
    for top in range(0, len(levels), subtree_levels):
        for root in levels[top].code.tolist():
            x, y = _cell(root)
            output.write(SUBTREE_URI.format(level=top, x=x, y=y), _subtree(levels, top, root, subtree_levels))
            count += 1
    return count


def _cell(code: int) -> tuple[int, int]:
    from shancheng.geo.quadtree import unmorton

    x, y = unmorton(code)
    return int(x), int(y)


def _subtree(levels: list[_Level], top: int, root: int, subtree_levels: int) -> bytes:
    """One subtree file: the tiles below `root` (a Morton code of level `top`) down to its depth."""
    tile_bits, content_bits, heights = [], [], []
    for depth in range(subtree_levels):
        available, content, heights_m = _descendants(levels, top + depth, root, depth)
        tile_bits.append(available)
        content_bits.append(content)
        heights.append(heights_m)
    children, _, _ = _descendants(levels, top + subtree_levels, root, subtree_levels)
    return _encode_subtree(
        np.concatenate(tile_bits), np.concatenate(content_bits), children, _outward(np.concatenate(heights))
    )


def _descendants(
    levels: list[_Level], level: int, root: int, depth: int
) -> tuple[BoolArray, BoolArray, FloatArray]:
    """Availability and content of the 4^depth cells below `root`, and the heights of those available."""
    available, content = np.zeros(4**depth, dtype=np.bool_), np.zeros(4**depth, dtype=np.bool_)
    if level >= len(levels):
        return available, content, np.empty((0, 2))
    tiles, first = levels[level], root << 2 * depth
    begin, end = np.searchsorted(tiles.code, np.array([first, first + 4**depth], dtype=np.uint64))
    places = (tiles.code[begin:end] - np.uint64(first)).astype(np.int64)
    available[places] = True
    content[places] = tiles.has_content[begin:end]
    return available, content, tiles.heights_m[begin:end]


def _encode_subtree(
    tiles: BoolArray, content: BoolArray, children: BoolArray, heights_m: npt.NDArray[np.float32]
) -> bytes:
    body = _Body()
    document: dict[str, Any] = {
        "tileAvailability": body.bits(tiles),
        "contentAvailability": [body.bits(content)],
        "childSubtreeAvailability": body.bits(children),
    }
    lowest, highest = (np.ascontiguousarray(column).tobytes() for column in heights_m.T)
    properties = {"lowest_m": {"values": body.view(lowest)}, "highest_m": {"values": body.view(highest)}}
    document["propertyTables"] = [{"class": TILE_CLASS, "count": len(heights_m), "properties": properties}]
    document["tileMetadata"] = 0
    document["buffers"] = [{"byteLength": len(body.data)}]
    document["bufferViews"] = body.views
    text = orjson.dumps(document)
    text += b" " * (-len(text) % 8)
    return struct.pack("<4sIQQ", b"subt", 1, len(text), len(body.data)) + text + bytes(body.data)


class _Body:
    """The binary part of a subtree; every view begins at a multiple of eight bytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, int]] = []

    def view(self, data: bytes) -> int:
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        self.data += data + bytes(-len(data) % 8)
        return len(self.views) - 1

    def bits(self, flags: BoolArray) -> dict[str, int]:
        """An availability object: a constant where all are alike, else a bitstream, lowest bit first."""
        if flags.all() or not flags.any():
            return {"constant": int(flags[0])}
        stream = self.view(np.packbits(flags, bitorder="little").tobytes())
        return {"bitstream": stream, "availableCount": int(flags.sum())}
