"""GLB files: what goes in comes out, in both encodings, and their layout keeps the rules of the formats."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import read_tile
from hypothesis import given
from hypothesis import strategies as st

from shancheng.tiles import meshopt
from shancheng.tiles.glb import Placement, Primitive, PropertyTable, Strings, TileContent, encode_glb
from shancheng.tiles.normals import with_normals

QUANTUM = 1 / 32
PLACE = Placement(106.55, 29.56, 250.0, QUANTUM)
SMALL, LARGE = 32_767, 8_000_000


def content(reach: int, *, vertices: int = 50, features: int = 3, seed: int = 1) -> TileContent:
    rng = np.random.default_rng(seed)
    positions = rng.integers(-reach, reach + 1, (vertices, 3)).astype(np.int32)
    positions[0] = reach
    primitive = Primitive(
        positions,
        rng.permuted(np.tile(np.arange(vertices), (20, 1)), axis=1)[:, :3].ravel().astype(np.uint32),
        rng.integers(0, features, vertices).astype(np.uint32),
    )
    names = [f"w{k}é" for k in range(features)]
    data = "".join(names).encode()
    offsets = np.concatenate([[0], np.cumsum([len(name.encode()) for name in names])])
    table = PropertyTable(
        "building",
        features,
        {
            "id": Strings(offsets.astype(np.uint32), np.frombuffer(data, np.uint8)),
            "height_m": np.arange(features, dtype=np.float32),
        },
    )
    return TileContent(PLACE, (primitive,), table, copyright="© nobody")


def written(glb: bytes, tmp_path: Path) -> Any:
    (tmp_path / "tile.glb").write_bytes(glb)
    return read_tile(tmp_path / "tile.glb")


def same_triangles(ours: Any, theirs: Any) -> bool:
    """Equal but for the corner that each begins with."""
    turned = [np.roll(theirs, k, axis=1) for k in range(3)]
    return bool(np.any([np.all(ours == t, axis=1) for t in turned], axis=0).all())


@pytest.mark.parametrize("reach", [SMALL, SMALL + 1, LARGE])
@pytest.mark.parametrize("compress", [True, False])
def test_round_trip(reach: int, tmp_path: Path, *, compress: bool) -> None:
    given_content = content(reach)
    primitive = given_content.primitives[0]
    drawn = written(encode_glb(given_content, compress=compress), tmp_path)
    assert np.allclose(drawn.local, primitive.positions * QUANTUM, rtol=1e-9)
    assert same_triangles(primitive.indices.reshape(-1, 3), drawn.triangles)
    assert np.array_equal(drawn.features, primitive.feature_ids)
    assert drawn.table["id"] == ["w0é", "w1é", "w2é"]
    assert np.frombuffer(drawn.table["height_m"], np.float32).tolist() == [0, 1, 2]
    accessor = drawn.document["accessors"][0]
    assert accessor["componentType"] == (5122 if reach == SMALL else 5126)
    scale = 1 if reach == SMALL else QUANTUM
    assert accessor["max"] == [reach * scale] * 3
    assert drawn.document["asset"]["copyright"] == "© nobody"


@pytest.mark.parametrize(("features", "kind"), [(65_536, 5123), (65_537, 5126)])
def test_feature_ids_grow_with_their_number(features: int, kind: int, tmp_path: Path) -> None:
    drawn = written(encode_glb(content(SMALL, features=features)), tmp_path)
    assert drawn.document["accessors"][1]["componentType"] == kind
    assert drawn.features.max() < features


@pytest.mark.parametrize(("vertices", "kind"), [(65_535, 5123), (65_536, 5125)])
def test_indices_grow_with_the_vertices(vertices: int, kind: int, tmp_path: Path) -> None:
    given_content = content(SMALL, vertices=vertices)
    drawn = written(encode_glb(given_content), tmp_path)
    assert drawn.document["accessors"][2]["componentType"] == kind
    assert same_triangles(given_content.primitives[0].indices.reshape(-1, 3), drawn.triangles)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("reach", [SMALL, LARGE])
def test_layout(reach: int, *, compress: bool) -> None:
    glb = encode_glb(content(reach), compress=compress)
    magic, version, length, json_length, kind = struct.unpack_from("<4sIII4s", glb)
    assert (magic, version, length, kind) == (b"glTF", 2, len(glb), b"JSON")
    document = json.loads(glb[20 : 20 + json_length])
    assert struct.unpack_from("<I4s", glb, 20 + json_length) == (len(glb) - 28 - json_length, b"BIN\0")
    assert (28 + json_length) % 8 == 0
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 8 == 0
        source = view.get("extensions", {}).get("EXT_meshopt_compression", view)
        assert source["byteOffset"] + source["byteLength"] <= document["buffers"][0]["byteLength"]
    required = document.get("extensionsRequired", [])
    assert ("EXT_meshopt_compression" in required) == compress
    assert ("KHR_mesh_quantization" in required) == (reach == SMALL)
    assert set(required) <= set(document["extensionsUsed"])


def test_the_same_content_gives_the_same_bytes() -> None:
    assert encode_glb(content(SMALL)) == encode_glb(content(SMALL))


@given(st.lists(st.tuples(*[st.integers(-(2**23), 2**23 - 1)] * 3), min_size=1, max_size=30))
def test_the_exponential_filter_is_exact(points: list[tuple[int, int, int]]) -> None:
    import meshopt as decoder

    steps = np.array(points, dtype=np.int32)
    packed = meshopt.encode_vertices(meshopt.exponential(steps, QUANTUM))
    decoded = decoder.decode_gltf_buffer(packed, len(steps), 12, "ATTRIBUTES", "EXPONENTIAL")
    assert np.array_equal(np.asarray(decoded).view(np.float32).reshape(-1, 3), steps * QUANTUM)


def test_normals_stand_on_their_triangles(tmp_path: Path) -> None:
    shaded = with_normals(content(3000).primitives[0])
    assert shaded.normals is not None
    drawn = written(encode_glb(TileContent(PLACE, (shaded,))), tmp_path)
    corners = drawn.local[drawn.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = across / np.linalg.norm(across, axis=1, keepdims=True)
    assert np.abs(drawn.normals[drawn.triangles] - facing[:, None]).max() < 0.005
