"""glTF contents: container, feature ids by attribute, property tables; the glTF validator does the rest."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles_checker.findings import Finding, against_schema, read_json
from tiles_checker.metadata import check_schema
from tiles_checker.tables import TableChecker, check_views, view_bytes

COMPONENT_TYPES: dict[int, type[np.generic]] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
ELEMENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942


@dataclass
class Asset:
    """A glTF asset: its JSON, its buffers (None where one is elsewhere or only a fallback), its tables."""

    document: dict[str, Any]
    buffers: list[bytes | None]
    tables: list[dict[str, Any]] = field(default_factory=list)


def check_gltf(path: Path) -> list[Finding]:
    """All findings on a .glb or .gltf file."""
    asset, findings = open_gltf(path)
    findings = findings or check_views(asset.document, asset.buffers, path.name)
    if findings:
        return findings
    metadata = asset.document.get("extensions", {}).get("EXT_structural_metadata")
    if metadata is not None:
        findings += _check_structural_metadata(metadata, asset, path)
        asset.tables = [] if findings else metadata.get("propertyTables", [])
    for m, mesh in enumerate(asset.document.get("meshes", [])):
        for p, primitive in enumerate(mesh.get("primitives", [])):
            where = f"{path.name}.meshes[{m}].primitives[{p}]"
            findings += list(_check_primitive(primitive, asset, where))
    return findings


def open_gltf(path: Path) -> tuple[Asset, list[Finding]]:
    """Read a .glb or .gltf file."""
    chunk = None
    if path.suffix == ".glb":
        document, chunk, findings = _open_glb(path)
    else:
        document, findings = read_json(path)
    if findings:
        return Asset({}, []), findings
    buffers: list[bytes | None] = []
    for number, buffer in enumerate(document.get("buffers", [])):
        uri = buffer.get("uri", "")
        if uri.startswith("data:"):
            buffers.append(base64.b64decode(uri.partition(",")[2]))
        elif uri:
            beside = path.parent / uri
            buffers.append(beside.read_bytes() if beside.is_file() else None)
        else:
            buffers.append(chunk if number == 0 else None)
    return Asset(document, buffers), []


def _open_glb(path: Path) -> tuple[dict[str, Any], bytes | None, list[Finding]]:
    data = path.read_bytes()
    if len(data) < 20 or data[:4] != b"glTF" or struct.unpack_from("<I", data, 4) != (2,):
        return {}, None, [Finding("GLB_HEADER", path.name, "is no GLB of version 2")]
    total, json_length, kind = struct.unpack_from("<III", data, 8)
    if total != len(data) or kind != JSON_CHUNK or json_length % 4 or 20 + json_length > total:
        return {}, None, [Finding("GLB_LENGTH", path.name, "its lengths do not agree with the file")]
    asset = json.loads(data[20 : 20 + json_length])
    start = 20 + json_length
    if start == total:
        return asset, None, []
    length, kind = struct.unpack_from("<II", data, start)
    if kind != BINARY_CHUNK or length % 4 or start + 8 + length != total:
        return {}, None, [Finding("GLB_LENGTH", path.name, "its binary chunk does not agree with the file")]
    return asset, data[start + 8 :], []


def _check_structural_metadata(metadata: dict[str, Any], asset: Asset, path: Path) -> list[Finding]:
    where = f"{path.name}.EXT_structural_metadata"
    findings = against_schema("structural_metadata.json", metadata, where)
    if findings:
        return findings
    schema = metadata.get("schema")
    if schema is None:
        schema, findings = read_json(path.parent / metadata["schemaUri"])
    findings = findings or check_schema(schema, f"{where}.schema")
    if not findings:
        checker = TableChecker(asset.document, asset.buffers, schema)
        for number, table in enumerate(metadata.get("propertyTables", [])):
            findings += list(checker.check(table, f"{where}.propertyTables[{number}]"))
    return findings


def accessor_values(asset: Asset, index: int) -> NDArray[np.generic] | None:
    """The values of an accessor, shape (count, elements); None where its buffer is compressed or absent."""
    accessor = asset.document["accessors"][index]
    if "bufferView" not in accessor or accessor["type"] not in ELEMENTS:
        return None
    view = asset.document["bufferViews"][accessor["bufferView"]]
    data = view_bytes(asset.document, asset.buffers, accessor["bufferView"])
    if data is None:
        return None
    dtype = np.dtype(COMPONENT_TYPES[accessor["componentType"]])
    elements = ELEMENTS[accessor["type"]]
    stride = view.get("byteStride", dtype.itemsize * elements)
    return np.ndarray(
        (accessor["count"], elements),
        dtype,
        buffer=data,
        offset=accessor.get("byteOffset", 0),
        strides=(stride, dtype.itemsize),
    )


def _check_primitive(primitive: dict[str, Any], asset: Asset, where: str) -> Iterator[Finding]:
    extensions = primitive.get("extensions", {})
    of_asset = asset.document.get("extensions", {})
    if "EXT_structural_metadata" in extensions and "EXT_structural_metadata" not in of_asset:
        yield Finding("METADATA_MISSING", where, "refers to structural metadata that the asset does not have")
    features = extensions.get("EXT_mesh_features")
    if features is None:
        return
    faults = against_schema("mesh_features.json", features, where)
    yield from faults
    if faults:
        return
    for number, feature_ids in enumerate(features["featureIds"]):
        place = f"{where}.featureIds[{number}]"
        if feature_ids.get("propertyTable", -1) >= len(asset.tables):
            yield Finding("TABLE_INDEX", place, f"propertyTable={feature_ids['propertyTable']} is not there")
        if "attribute" in feature_ids:
            yield from _check_attribute(feature_ids, primitive, asset, place)


def _check_attribute(
    feature_ids: dict[str, Any], primitive: dict[str, Any], asset: Asset, where: str
) -> Iterator[Finding]:
    name = f"_FEATURE_ID_{feature_ids['attribute']}"
    index = primitive.get("attributes", {}).get(name)
    if index is None:
        yield Finding("ATTRIBUTE_MISSING", where, f"the primitive has no {name}")
        return
    accessor = asset.document["accessors"][index]
    if accessor["type"] != "SCALAR" or accessor.get("normalized", False):
        yield Finding("ATTRIBUTE_TYPE", where, f"{name} must be a scalar that is not normalized")
        return
    values = accessor_values(asset, index)
    if values is None:
        return
    numbers = np.unique(np.asarray(values, np.float64))
    if np.any(numbers != np.round(numbers)) or np.any(numbers < 0):
        yield Finding("FEATURE_ID", where, "feature ids must be whole numbers from 0")
    named = numbers[numbers != feature_ids.get("nullFeatureId", -1)]
    count = feature_ids["featureCount"]
    if len(named) > count:
        yield Finding("FEATURE_COUNT", where, f"featureCount={count}: {len(named)} are used")
    if "propertyTable" in feature_ids and feature_ids["propertyTable"] < len(asset.tables):
        rows = asset.tables[feature_ids["propertyTable"]]["count"]
        if len(named) and named.max() >= rows:
            yield Finding("FEATURE_ROW", where, f"feature {int(named.max())} has no row in a table of {rows}")
