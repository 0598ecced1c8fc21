"""Implicit tilesets: what a reader of the subtrees finds is what was written."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.geo.quadtree import RootCell, unmorton
from shancheng.tiles.implicit import Tiles, write_implicit_tileset
from shancheng.tiles.metadata import Property, enum_dtype, schema
from shancheng.tiles.output import Output

ROOT = RootCell(106.5, 29.5, 0.0625)
SCHEMA = schema("things", "thing", {"id": Property("STRING")}, enums={}, id_prefix="urn:x:")


def write(folder: Path, cells: list[tuple[int, int, int]], **options: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(len(cells))
    heights = np.sort(rng.uniform(0, 900, (len(cells), 2)), axis=1)
    level, x, y = np.array(cells, dtype=np.int64).reshape(-1, 3).T
    info = write_implicit_tileset(
        Output(folder), ROOT, Tiles(level, x, y, heights),
        refine="ADD", geometric_error_m=200.0, schema=SCHEMA, copyright="© nobody", **options,
    )  # fmt: skip
    return info, dict(zip(cells, heights.tolist(), strict=True))


class Reader:
    """Walks subtrees as a client does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tileset = json.loads((folder / "tileset.json").read_bytes())
        self.depth = self.tileset["root"]["implicitTiling"]["subtreeLevels"]
        self.content: set[tuple[int, int, int]] = set()
        self.heights: dict[tuple[int, int, int], tuple[float, float]] = {}
        self.files = 0
        self.walk(0, 0, 0)

    def walk(self, level: int, x: int, y: int) -> None:
        data = (self.folder / f"subtrees/{level}.{x}.{y}.subtree").read_bytes()
        self.files += 1
        magic, version, json_length, length = struct.unpack_from("<4sIQQ", data)
        assert (magic, version, 24 + json_length + length) == (b"subt", 1, len(data))
        assert json_length % 8 == 0
        assert length % 8 == 0
        document, body = json.loads(data[24 : 24 + json_length]), data[24 + json_length :]

        def view(number: int) -> bytes:
            entry = document["bufferViews"][number]
            assert entry["byteOffset"] % 8 == 0
            return body[entry["byteOffset"] :][: entry["byteLength"]]

        def bits(availability: dict[str, int], count: int) -> Any:
            if "constant" in availability:
                return np.full(count, availability["constant"], dtype=bool)
            flags = np.unpackbits(np.frombuffer(view(availability["bitstream"]), np.uint8), bitorder="little")
            assert flags[:count].sum() == availability["availableCount"]
            return flags[:count].astype(bool)

        nodes = (4**self.depth - 1) // 3
        tiles = bits(document["tileAvailability"], nodes)
        content = bits(document["contentAvailability"][0], nodes)
        children = bits(document["childSubtreeAvailability"], 4**self.depth)
        table = document["propertyTables"][document["tileMetadata"]]
        assert table["count"] == tiles.sum()
        lowest, highest = (
            np.frombuffer(view(table["properties"][name]["values"]), np.float32)
            for name in ("lowest_m", "highest_m")
        )
        rows = iter(zip(lowest.tolist(), highest.tolist(), strict=True))
        for place in np.flatnonzero(tiles | content).tolist():
            assert tiles[place]
            depth = int(math.log2(3 * place + 1)) // 2
            dx, dy = unmorton(place - (4**depth - 1) // 3)
            cell = (level + depth, (x << depth) + int(dx), (y << depth) + int(dy))
            self.heights[cell] = next(rows)
            if content[place]:
                self.content.add(cell)
        for child in np.flatnonzero(children).tolist():
            dx, dy = unmorton(child)
            self.walk(level + self.depth, (x << self.depth) + int(dx), (y << self.depth) + int(dy))


@st.composite
def cell(draw: st.DrawFn) -> tuple[int, int, int]:
    level = draw(st.integers(0, 5))
    place = st.integers(0, (1 << level) - 1)
    return level, draw(place), draw(place)


@given(st.sets(cell(), min_size=1, max_size=25), st.integers(1, 4))
def test_a_client_finds_every_tile(cells: set[tuple[int, int, int]], subtree_levels: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        info, heights = write(folder, sorted(cells), subtree_levels=subtree_levels)
        reader = Reader(folder)
    assert reader.content == cells
    assert reader.files == info.subtrees
    assert reader.depth <= subtree_levels
    for level, x, y in cells:
        for up in range(level + 1):
            low, high = reader.heights[level - up, x >> up, y >> up]
            assert low <= heights[level, x, y][0]
            assert heights[level, x, y][1] <= high
    assert reader.tileset["root"]["implicitTiling"]["availableLevels"] == info.levels
    assert info.levels == 1 + max(level for level, _, _ in cells)


def test_heights_are_no_looser_than_float32(tmp_path: Path) -> None:
    _, heights = write(tmp_path, [(1, 0, 0), (1, 1, 1)])
    reader = Reader(tmp_path)
    for cell_, (low, high) in heights.items():
        assert reader.heights[cell_] == pytest.approx((low, high), abs=1e-4)
    assert reader.heights[0, 0, 0] == pytest.approx(
        (min(h[0] for h in heights.values()), max(h[1] for h in heights.values())), abs=1e-4
    )


def test_the_tileset(tmp_path: Path) -> None:
    write(tmp_path, [(0, 0, 0), (1, 1, 0)])
    document = json.loads((tmp_path / "tileset.json").read_bytes())
    root = document["root"]
    assert document["asset"] == {"version": "1.1", "copyright": "© nobody"}
    assert document["schemaUri"] == "schema.json"
    assert root["refine"] == "ADD"
    assert root["geometricError"] == 200.0 < document["geometricError"]
    assert root["content"]["uri"] == "{level}/{x}/{y}.glb"
    west, south, east, north = root["boundingVolume"]["region"][:4]
    assert [math.degrees(a) for a in (west, south, east, north)] == pytest.approx(
        [106.5, 29.5, 106.5625, 29.5625]
    )
    assert (tmp_path / "tileset.json.gz").is_file()


def test_no_tiles_make_a_valid_empty_tileset(tmp_path: Path) -> None:
    info, _ = write(tmp_path, [])
    document = json.loads((tmp_path / "tileset.json").read_bytes())
    assert (info.levels, info.subtrees) == (0, 0)
    assert document["root"]["geometricError"] == 0
    assert "implicitTiling" not in document["root"]
    assert "content" not in document["root"]
    assert not (tmp_path / "subtrees").exists()


def test_the_schema() -> None:
    kinds = [f"kind {k}" for k in range(300)]
    properties = {
        "id": Property("STRING"),
        "levels": Property("SCALAR", "UINT8", no_data=0),
        "kind": Property("ENUM", enum="kind"),
    }
    document = schema(
        "things", "thing", properties, enums={"kind": kinds, "few": ["", "b"]}, id_prefix="urn:x:"
    )
    thing = document["classes"]["thing"]
    assert thing["extras"] == {"id_prefix": "urn:x:"}
    assert thing["properties"]["id"] == {"type": "STRING", "required": True}
    assert thing["properties"]["levels"] == {"type": "SCALAR", "componentType": "UINT8", "noData": 0}
    assert thing["properties"]["kind"] == {"type": "ENUM", "enumType": "kind", "required": True}
    assert document["enums"]["kind"]["valueType"] == "UINT16"
    assert document["enums"]["kind"]["values"][299] == {"name": "kind 299", "value": 299}
    assert document["enums"]["few"]["values"][0]["name"] == "unknown"
    assert (enum_dtype(kinds), enum_dtype(["a"])) == (np.uint16, np.uint8)
    semantics = [entry["semantic"] for entry in document["classes"]["tile"]["properties"].values()]
    assert semantics == ["TILE_MINIMUM_HEIGHT", "TILE_MAXIMUM_HEIGHT"]
