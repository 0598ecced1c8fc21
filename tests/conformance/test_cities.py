"""Outside judges on whole cities: the glTF validator on every tile, our own checker on every tileset."""

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import pytest
from judges import KNOWN_INFOS, validate
from tiles_checker.glb import Asset, accessor_values, open_gltf
from tiles_checker.subtree import HEADER
from tiles_checker.tables import view_bytes
from tiles_checker.tileset import TilesetChecker

# Rounding of the axes; beyond that a vertex may leave its tile by half a step of the tile's own positions.
SLACK_M = 0.02

pytestmark = [pytest.mark.node, pytest.mark.slow]


@dataclass(frozen=True)
class Judged:
    """A city's tiles, as written and decoded, and what the glTF validator says of them."""

    folder: Path
    tiles: Path
    build: Path
    decoded: Path
    report: dict[str, Any]

    @property
    def decoded_build(self) -> Path:
        return self.decoded / self.build.name


@pytest.fixture(
    scope="module",
    params=[pytest.param("monaco", marks=pytest.mark.shared_data), pytest.param("chongqing")],
)
def city(request: pytest.FixtureRequest, node: str, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = request.getfixturevalue(f"{request.param}_home") / request.param
    tiles, decoded = folder / "tiles", tmp_path_factory.mktemp("decoded")
    report = validate(node, tiles, decoded)
    (build,) = {path.parent.parent for path in tiles.glob("*/terrain/tileset.json")}
    for path in tiles.rglob("*"):
        if path.suffix in {".json", ".subtree"}:
            target = decoded / path.relative_to(tiles)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return Judged(folder, tiles, build, decoded, report)


def test_the_gltf_validator_finds_no_error_and_no_warning(city: Judged) -> None:
    assert city.report["issues"] == []
    assert set(city.report["infos"]) <= KNOWN_INFOS
    assert city.report["files"] == len(list(city.tiles.rglob("*.glb"))) > 8
    assert city.report["compressed"] == city.report["files"]


@pytest.mark.parametrize("decoded", [False, True])
def test_tilesets_keep_to_3d_tiles(city: Judged, *, decoded: bool) -> None:
    checker = TilesetChecker(contents=True)
    folder = city.decoded if decoded else city.tiles
    assert checker.check(folder / "tileset.json", ()) == []
    layers = len(list(city.build.glob("*/tileset.json")))
    # Every tile is reached from the one tileset at the top, and so is the tileset of every layer.
    assert checker.content_count == city.report["files"] + layers


def test_no_tileset_leads_elsewhere(city: Judged) -> None:
    texts = [path.read_text(encoding="utf-8") for path in city.tiles.rglob("*.json")]
    assert texts
    assert [text for text in texts if '"uri":"http' in text or '"uri":"/' in text] == []


# --- content inside its volume, and complete


def assets(layer: Path) -> list[tuple[tuple[int, int, int], Asset]]:
    """(level, x, y) and decoded asset of every tile of a layer."""
    result = []
    for path in sorted(layer.rglob("*.glb")):
        level, x, y = (int(part) for part in path.relative_to(layer).with_suffix("").parts)
        asset, findings = open_gltf(path)
        assert findings == []
        result.append(((level, x, y), asset))
    return result


def positions_ecef(asset: Asset) -> np.ndarray[Any, np.dtype[np.float64]]:
    """All vertices of an asset in ECEF, shape (n, 3)."""
    (node,) = asset.document["nodes"]
    matrix = np.array(node["matrix"]).reshape(4, 4).T
    # glTF is y-up and 3D Tiles z-up: a client turns every content by 90 degrees around x.
    z_up = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    found = []
    for primitive in asset.document["meshes"][node["mesh"]]["primitives"]:
        local = accessor_values(asset, primitive["attributes"]["POSITION"])
        assert local is not None
        found.append(np.column_stack([local, np.ones(len(local))]).astype(np.float64))
    return np.asarray((np.concatenate(found) @ (z_up @ matrix).T)[:, :3], np.float64)


def step_m(asset: Asset) -> float:
    """Length of one step of a tile's positions: whole numbers times the scale of its node; 0 for floats."""
    (node,) = asset.document["nodes"]
    positions = asset.document["meshes"][node["mesh"]]["primitives"][0]["attributes"]["POSITION"]
    whole = asset.document["accessors"][positions]["componentType"] == 5122
    return float(np.linalg.norm(node["matrix"][:3])) if whole else 0.0


@pytest.mark.parametrize("layer", ["terrain", "buildings", "roads", "water"])
def test_every_vertex_lies_in_its_tile(city: Judged, layer: str) -> None:
    to_geodetic = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    root = json.loads((city.build / layer / "tileset.json").read_text(encoding="utf-8"))["root"]
    west, south, east, north, low, high = root["boundingVolume"]["region"]
    outside = []
    tiles = assets(city.decoded_build / layer)
    for (level, x, y), asset in tiles:
        lon, lat, height = to_geodetic.transform(*positions_ecef(asset).T)
        side_lon, side_lat = (east - west) / 2**level, (north - south) / 2**level
        slack_m = SLACK_M + step_m(asset) / 2
        lon_slack, lat_slack = slack_m / 6.35e6 / np.cos(south), slack_m / 6.35e6
        inside = (
            np.all(np.radians(lon) >= west + x * side_lon - lon_slack)
            and np.all(np.radians(lon) <= west + (x + 1) * side_lon + lon_slack)
            and np.all(np.radians(lat) >= south + y * side_lat - lat_slack)
            and np.all(np.radians(lat) <= south + (y + 1) * side_lat + lat_slack)
            and height.min() >= low - slack_m
            and height.max() <= high + slack_m
        )
        if not inside:
            outside.append((level, x, y))
    assert outside == []
    assert tiles


def string_column(asset: Asset, name: str) -> list[str]:
    (table,) = asset.document["extensions"]["EXT_structural_metadata"]["propertyTables"]
    column = table["properties"][name]
    offsets_type = column.get("stringOffsetType", "UINT32").lower()
    data = view_bytes(asset.document, asset.buffers, column["stringOffsets"])
    text = view_bytes(asset.document, asset.buffers, column["values"])
    assert data is not None
    assert text is not None
    offsets = np.frombuffer(data, offsets_type)[: table["count"] + 1]
    return [text[a:b].decode("utf-8") for a, b in itertools.pairwise(offsets)]


def test_ids_in_tiles_are_the_ids_of_the_layer(city: Judged) -> None:
    tiles = assets(city.decoded_build / "buildings")
    in_tiles = [identifier for _, asset in tiles for identifier in string_column(asset, "id")]
    layer = pq.read_table(city.folder / "layers" / "buildings.parquet", columns=["id"])
    report = json.loads((city.tiles / "report.json").read_text(encoding="utf-8"))
    aside = {entry["id"] for entry in report["set_aside"] if entry["layer"] == "buildings"}
    assert len(in_tiles) == len(set(in_tiles))
    assert set(in_tiles) == set(pc.unique(layer["id"]).to_pylist()) - aside


# --- the judges can say no


def rewritten(glb: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A GLB with its JSON changed."""
    length = int.from_bytes(glb[12:16], "little")
    document = json.loads(glb[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 8)
    body = len(text).to_bytes(4, "little") + b"JSON" + text + glb[20 + length :]
    return b"glTF" + (2).to_bytes(4, "little") + (12 + len(body)).to_bytes(4, "little") + body


def test_the_decoded_pass_sees_what_the_first_cannot(city: Judged, node: str, tmp_path: Path) -> None:
    def raise_maximum(document: dict[str, Any]) -> None:
        index = document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
        document["accessors"][index]["max"][0] += 1

    tile = next(iter(sorted((city.build / "buildings").rglob("*.glb"))))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "tile.glb").write_bytes(rewritten(tile.read_bytes(), raise_maximum))
    issues = validate(node, tmp_path / "in", tmp_path / "out")["issues"]
    assert {(issue["pass"], issue["code"]) for issue in issues} == {("decoded", "ACCESSOR_MAX_MISMATCH")}


def test_the_checker_sees_a_missing_tile_and_a_false_count(city: Judged, tmp_path: Path) -> None:
    layer = tmp_path / "buildings"
    shutil.copytree(city.build / "buildings", layer)
    next(iter(sorted(layer.rglob("*.glb")))).unlink()
    codes = [finding.code for finding in TilesetChecker(contents=False).check(layer / "tileset.json", ())]
    assert codes == ["CONTENT_MISSING"]
    subtree = next(iter(sorted(layer.rglob("*.subtree"))))
    data = subtree.read_bytes()
    _, _, json_length, _ = HEADER.unpack_from(data)
    document = json.loads(data[HEADER.size : HEADER.size + json_length])
    document["propertyTables"][0]["count"] += 1
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    head = HEADER.pack(b"subt", 1, len(text), len(data) - HEADER.size - json_length)
    subtree.write_bytes(head + text + data[HEADER.size + json_length :])
    findings = TilesetChecker(contents=False).check(layer / "tileset.json", ())
    assert "TABLE_COUNT" in {finding.code for finding in findings}
