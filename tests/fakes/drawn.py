"""A reader of our tiles that shares nothing with the writer: what a viewer would draw, in degrees."""

import io
import json
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import meshopt
import numpy as np
import numpy.typing as npt
import pyproj
from PIL import Image

Array = npt.NDArray[Any]
TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
TO_GEODETIC = pyproj.Transformer.from_crs(4978, 4979, always_xy=True)


@dataclass(frozen=True)
class Drawn:
    """One tile as drawn: geodetic and local (east, up, south) vertices (n, 3), triangles (m, 3), the rest."""

    document: dict[str, Any]
    geodetic: Array
    local: Array
    triangles: Array
    scale: float
    normals: Array | None
    features: Array | None
    table: dict[str, Any]
    uv: Array | None = None
    picture: Image.Image | None = None


def read_tile(path: Path, number: int = 0) -> Drawn:
    """One of a tile's primitives."""
    data = path.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + length])
    body = data[28 + length :]
    primitive = document["meshes"][0]["primitives"][number]
    local = _accessor(document, body, primitive["attributes"]["POSITION"]).astype(np.float64)
    matrix = np.array(document["nodes"][0]["matrix"]).reshape(4, 4).T
    world = np.c_[local, np.ones(len(local))] @ matrix.T
    # glTF is y-up: ECEF x, y, z are written x, z, -y.
    geodetic = np.stack(TO_GEODETIC.transform(world[:, 0], -world[:, 2], world[:, 1]), axis=1)
    attributes = primitive["attributes"]
    normals = _accessor(document, body, attributes["NORMAL"]) / 127.0 if "NORMAL" in attributes else None
    features = (
        _accessor(document, body, attributes["_FEATURE_ID_0"]).ravel()
        if "_FEATURE_ID_0" in attributes
        else None
    )
    triangles = _accessor(document, body, primitive["indices"]).astype(np.int64).reshape(-1, 3)
    scale = float(np.linalg.norm(matrix[:3, 0]))
    table = _table(document, body) if "extensions" in document else {}
    uv = _accessor(document, body, attributes["TEXCOORD_0"]) if "TEXCOORD_0" in attributes else None
    if uv is not None and uv.dtype == np.uint16:
        uv = uv / 65535
    picture = _picture(document, body, primitive["material"])
    return Drawn(document, geodetic, local * scale, triangles, scale, normals, features, table, uv, picture)


def _picture(document: dict[str, Any], body: bytes, material: int) -> Image.Image | None:
    texture = document["materials"][material]["pbrMetallicRoughness"].get("baseColorTexture")
    if texture is None:
        return None
    image = document["images"][document["textures"][texture["index"]]["source"]]
    return Image.open(io.BytesIO(_view(document, body, image["bufferView"])[0]))


def _accessor(document: dict[str, Any], body: bytes, number: int) -> Array:
    accessor = document["accessors"][number]
    dtype = np.dtype(TYPES[accessor["componentType"]])
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
    raw, stride = _view(document, body, accessor["bufferView"])
    rows = np.frombuffer(raw, np.uint8)
    if not stride:
        return rows.view(dtype)[: accessor["count"] * width].reshape(-1, width)
    return np.ascontiguousarray(rows.reshape(-1, stride)[:, : width * dtype.itemsize]).view(dtype)


def _view(document: dict[str, Any], body: bytes, number: int) -> tuple[bytes, int]:
    view = document["bufferViews"][number]
    packed = view.get("extensions", {}).get("EXT_meshopt_compression")
    if packed is None:
        return body[view["byteOffset"] :][: view["byteLength"]], view.get("byteStride", 0)
    source = body[packed["byteOffset"] :][: packed["byteLength"]]
    decoded = meshopt.decode_gltf_buffer(
        source, packed["count"], packed["byteStride"], packed["mode"], packed.get("filter", "NONE")
    )
    return np.ascontiguousarray(decoded).tobytes(), view.get("byteStride", 0)


def _table(document: dict[str, Any], body: bytes) -> dict[str, Any]:
    table = document["extensions"]["EXT_structural_metadata"]["propertyTables"][0]
    return {name: _column(document, body, entry) for name, entry in table["properties"].items()}


def _column(document: dict[str, Any], body: bytes, entry: dict[str, Any]) -> Any:
    values, _ = _view(document, body, entry["values"])
    if "stringOffsets" not in entry:
        return values
    kind = np.uint16 if entry["stringOffsetType"] == "UINT16" else np.uint32
    offsets = np.frombuffer(_view(document, body, entry["stringOffsets"])[0], kind)
    return [values[a:b].decode() for a, b in pairwise(offsets)]


def heights_of_tiles(folder: Path) -> tuple[float, float]:
    """Lowest and highest height of the root's region in tileset.json."""
    region = json.loads((folder / "tileset.json").read_text())["root"]["boundingVolume"]["region"]
    return region[4], region[5]
