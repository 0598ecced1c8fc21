"""One tile as a binary glTF: quantised triangles with feature ids, and a property table for the features.

Vertices are whole multiples of a quantum around the tile's origin. Where they fit, they are stored as int16;
else as float32 in the exponential filter of EXT_meshopt_compression, which keeps 24-bit multiples exactly.
The node's matrix carries the quantum and the way to ECEF, so no other frame appears in the file.

Sources:
    glTF 2.0; KHR_mesh_quantization; EXT_meshopt_compression; EXT_mesh_features; EXT_structural_metadata.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_M
from shancheng.tiles import meshopt
from shancheng.tiles.glb_buffers import Buffers

FLOAT32, UINT32, UINT16, INT16, INT8 = 5126, 5125, 5123, 5122, 5120
_INT16_MAX = 32_767
_UINT16_MAX = 65_535
_LINEAR, _LINEAR_MIPMAPS, _CLAMP, _REPEAT = 9729, 9987, 33071, 10497

FloatArray = npt.NDArray[np.float64]
Extent = tuple[list[int], list[int]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tile's local frame stands: east, north, up at its origin.

    Attributes:
        lon_deg: Longitude of the origin.
        lat_deg: Latitude of the origin.
        ellipsoidal_height_m: Height of the origin.
        quantum_m: Length of one step of the positions.
    """

    lon_deg: float
    lat_deg: float
    ellipsoidal_height_m: float
    quantum_m: float


@dataclass(frozen=True, slots=True)
class Material:
    """How triangles look to a client that knows nothing of us.

    Attributes:
        base_color: Red, green, blue, alpha, linear.
        double_sided: Whether their backs are drawn.
        name: What our own page calls them, or nothing.
        picture: A JPEG file; the triangles' `uv` say where in it they lie.
        repeated: Whether it goes on beyond its edges.
    """

    base_color: tuple[float, float, float, float] = (0.85, 0.83, 0.8, 1.0)
    double_sided: bool = False
    name: str = ""
    picture: bytes | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Primitive:
    """Triangles with one material.

    Attributes:
        positions: int32 steps of the quantum, shape (v, 3), in glTF's order: x east, y up, z SOUTH.
        indices: uint32 corners of triangles, shape (3 t,), counter-clockwise from outside.
        feature_ids: Row of the property table for each vertex, uint32, shape (v,), or none.
        normals: int8 unit normals in steps of 1/127, shape (v, 3), axes as positions, or none.
        material: Its looks.
        uv: Places in the material's picture, right and DOWN, shape (v, 2): uint16 in steps of 1/65535 or
            float32, or none.
    """

    positions: npt.NDArray[np.int32]
    indices: npt.NDArray[np.uint32]
    feature_ids: npt.NDArray[np.uint32] | None = None
    normals: npt.NDArray[np.int8] | None = None
    material: Material = field(default_factory=Material)
    uv: npt.NDArray[np.uint16] | npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Strings:
    """A column of texts: text i is `data[offsets[i]:offsets[i + 1]]`, UTF-8.

    Attributes:
        offsets: uint32, shape (n + 1,), the first 0.
        data: uint8.
    """

    offsets: npt.NDArray[np.uint32]
    data: npt.NDArray[np.uint8]


Column = Strings | npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class PropertyTable:
    """Attributes of a tile's features; the class and its properties stand in the tileset's schema.

    Attributes:
        class_name: Class in the schema.
        count: Rows.
        columns: By the property's id: numbers (n,) of the schema's component type, or texts.
    """

    class_name: str
    count: int
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class TileContent:
    """All that goes into one file.

    Attributes:
        placement: Its local frame.
        primitives: At least one, none of them empty.
        table: The features' attributes, or none.
        schema_uri: Where the schema lies, seen from the file.
        copyright: Who is to be credited, in plain text.
    """

    placement: Placement
    primitives: tuple[Primitive, ...]
    table: PropertyTable | None = None
    schema_uri: str = "../../schema.json"
    copyright: str = ""


def encode_glb(content: TileContent, *, compress: bool = True) -> bytes:
    """The tile as bytes; the same content gives the same bytes.

    Args:
        content: What to write.
        compress: Use EXT_meshopt_compression; else plain buffers, for readers that lack it.
    """
    buffers = Buffers(compress=compress)
    writer = _Writer(buffers)
    extents = [_extent(primitive.positions) for primitive in content.primitives]
    small = all(_fits_int16(extent) for extent in extents)
    quantum_m = content.placement.quantum_m
    meshes = [
        writer.primitive(primitive, i, None if small else quantum_m, extent, content.table)
        for i, (primitive, extent) in enumerate(zip(content.primitives, extents, strict=True))
    ]
    document: dict[str, Any] = {
        "asset": {"version": "2.0", **({"copyright": content.copyright} if content.copyright else {})},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "matrix": node_matrix(content.placement, quantum_m if small else 1.0)}],
        **writer.materials([primitive.material for primitive in content.primitives]),
        "meshes": [{"primitives": meshes}],
    }
    if content.table is not None:
        document["extensions"] = {"EXT_structural_metadata": writer.table(content.table, content.schema_uri)}
    quantised = small or any(primitive.normals is not None for primitive in content.primitives)
    required = ["KHR_mesh_quantization"] * quantised + ["EXT_meshopt_compression"] * compress
    # Lists of extensions must not be empty.
    if required:
        document["extensionsRequired"] = required
    if writer.extensions or required:
        document["extensionsUsed"] = sorted({*writer.extensions, *required})
    return buffers.file(document)


def node_matrix(placement: Placement, scale: float) -> list[float]:
    """Column-major matrix from glTF's local axes (east, up, south) to ECEF written y-up, as 3D Tiles asks.

    Digits that move no vertex by 0.1 mm are left out: in gzip they would be a tenth of the JSON.
    """
    # As `geo.ellipsoid` has it for arrays, which for a single place takes ten times as long.
    lon, lat = math.radians(placement.lon_deg), math.radians(placement.lat_deg)
    sin_lon, cos_lon, sin_lat, cos_lat = math.sin(lon), math.cos(lon), math.sin(lat), math.cos(lat)
    east = (-sin_lon, cos_lon, 0.0)
    south = (sin_lat * cos_lon, sin_lat * sin_lon, -cos_lat)
    up = (cos_lat * cos_lon, cos_lat * sin_lon, sin_lat)
    normal = SEMI_MAJOR_M / math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat**2)
    across = normal + placement.ellipsoidal_height_m
    along = normal * (1.0 - ECCENTRICITY_SQUARED) + placement.ellipsoidal_height_m
    origin = (across * up[0], across * up[1], along * sin_lat)
    axes = [(*_y_up([round(value * scale, 12) for value in axis]), 0) for axis in (east, up, south)]
    return [value for column in (*axes, (*_y_up([round(v, 5) for v in origin]), 1)) for value in column]


def _y_up(ecef: Sequence[float]) -> tuple[float, float, float]:
    return ecef[0], ecef[2], -ecef[1]


def _extent(positions: npt.NDArray[np.int32]) -> Extent:
    """Lowest and highest along each axis, one by one: numpy does that five times as fast as all at once."""
    axes = [positions[:, axis] for axis in range(3)]
    return [int(axis.min()) for axis in axes], [int(axis.max()) for axis in axes]


def _fits_int16(extent: Extent) -> bool:
    low, high = extent
    return min(low) >= -_INT16_MAX and max(high) <= _INT16_MAX


def _material(material: Material, picture: int) -> dict[str, Any]:
    pbr: dict[str, Any] = {
        "baseColorFactor": list(material.base_color),
        "metallicFactor": 0,
        "roughnessFactor": 1,
    }
    if material.picture is not None:
        pbr["baseColorTexture"] = {"index": picture}
    looks: dict[str, Any] = {"pbrMetallicRoughness": pbr}
    if material.name:
        looks["name"] = material.name
    return {**looks, "doubleSided": True} if material.double_sided else looks


def _sampler(material: Material) -> dict[str, int]:
    wrap = _REPEAT if material.repeated else _CLAMP
    return {"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAPS, "wrapS": wrap, "wrapT": wrap}


class _Writer:
    """Turns primitives and tables into views, accessors and JSON."""

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self.extensions: set[str] = set()

    def primitive(
        self,
        primitive: Primitive,
        material: int,
        quantum_m: float | None,
        extent: Extent,
        table: PropertyTable | None,
    ) -> dict[str, Any]:
        """Write the buffers of one primitive, as int16 or, when a quantum is given, as floats; its JSON."""
        attributes = {"POSITION": self._positions(primitive.positions, quantum_m, extent)}
        if primitive.normals is not None:
            attributes["NORMAL"] = self._normals(primitive.normals)
        if primitive.uv is not None:
            attributes["TEXCOORD_0"] = self._uv(primitive.uv)
        result: dict[str, Any] = {"attributes": attributes, "material": material}
        if primitive.feature_ids is not None and table is not None:
            attributes["_FEATURE_ID_0"] = self._feature_ids(primitive.feature_ids, table.count)
            ids = {"featureCount": table.count, "attribute": 0, "propertyTable": 0}
            result["extensions"] = {"EXT_mesh_features": {"featureIds": [ids]}}
            self.extensions.add("EXT_mesh_features")
        result["indices"] = self._indices(primitive.indices, len(primitive.positions))
        return result

    def materials(self, materials: Sequence[Material]) -> dict[str, Any]:
        """Write the materials' pictures; what the document says of both."""
        looks: list[dict[str, Any]] = []
        images: list[dict[str, Any]] = []
        textures: list[dict[str, Any]] = []
        samplers: list[dict[str, int]] = []
        for material in materials:
            looks.append(_material(material, len(images)))
            if material.picture is not None:
                view = self.buffers.plain(material.picture, {})
                sampler = _sampler(material)
                if sampler not in samplers:
                    samplers.append(sampler)
                textures.append({"sampler": samplers.index(sampler), "source": len(images)})
                images.append({"bufferView": view, "mimeType": "image/jpeg"})
        if not images:
            return {"materials": looks}
        return {"materials": looks, "images": images, "samplers": samplers, "textures": textures}

    def table(self, table: PropertyTable, schema_uri: str) -> dict[str, Any]:
        """Write a property table; the JSON of its extension."""
        self.extensions.add("EXT_structural_metadata")
        properties = {name: self._column(column) for name, column in table.columns.items()}
        entry = {"class": table.class_name, "count": table.count, "properties": properties}
        return {"schemaUri": schema_uri, "propertyTables": [entry]}

    def _positions(self, positions: npt.NDArray[np.int32], quantum_m: float | None, extent: Extent) -> int:
        low, high = extent
        if quantum_m is None:
            padded = np.zeros((len(positions), 4), dtype=np.int16)
            padded[:, :3] = positions
            return self.buffers.accessor(
                self.buffers.vertices(padded), INT16, len(positions), "VEC3", min=low, max=high
            )
        if self.buffers.compress:
            view = self.buffers.vertices(meshopt.exponential(positions, quantum_m), filter_name="EXPONENTIAL")
        else:
            view = self.buffers.vertices((positions * quantum_m).astype(np.float32))
        extremes = {"min": [step * quantum_m for step in low], "max": [step * quantum_m for step in high]}
        return self.buffers.accessor(view, FLOAT32, len(positions), "VEC3", **extremes)

    def _normals(self, normals: npt.NDArray[np.int8]) -> int:
        padded = np.zeros((len(normals), 4), dtype=np.int8)
        padded[:, :3] = normals
        return self.buffers.accessor(
            self.buffers.vertices(padded), INT8, len(normals), "VEC3", normalized=True
        )

    def _uv(self, uv: npt.NDArray[np.uint16] | npt.NDArray[np.float32]) -> int:
        view = self.buffers.vertices(uv)
        if uv.dtype == np.float32:
            return self.buffers.accessor(view, FLOAT32, len(uv), "VEC2")
        return self.buffers.accessor(view, UINT16, len(uv), "VEC2", normalized=True)

    def _feature_ids(self, ids: npt.NDArray[np.uint32], count: int) -> int:
        if count > _UINT16_MAX + 1:
            view = self.buffers.vertices(ids.astype(np.float32)[:, None])
            return self.buffers.accessor(view, FLOAT32, len(ids), "SCALAR")
        # Rows of a vertex buffer are multiples of four bytes; in little endian the upper half is the padding.
        return self.buffers.accessor(
            self.buffers.vertices(ids.astype(np.uint32)[:, None].view(np.uint16)), UINT16, len(ids), "SCALAR"
        )

    def _indices(self, indices: npt.NDArray[np.uint32], vertices: int) -> int:
        wide = vertices > _UINT16_MAX
        view = self.buffers.indices(indices, wide=wide)
        return self.buffers.accessor(view, UINT32 if wide else UINT16, len(indices), "SCALAR")

    def _column(self, column: Column) -> dict[str, Any]:
        if not isinstance(column, Strings):
            return {"values": self.buffers.plain(column.tobytes(), {})}
        small = len(column.data) <= _UINT16_MAX
        offsets = column.offsets.astype(np.uint16 if small else np.uint32)
        kind = "UINT16" if small else "UINT32"
        values = self.buffers.plain(column.data.tobytes(), {})
        return {
            "values": values,
            "stringOffsets": self.buffers.plain(offsets.tobytes(), {}),
            "stringOffsetType": kind,
        }
