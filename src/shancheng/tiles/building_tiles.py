"""The contents of tiles of buildings, from the rows of the heap that are their members."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shancheng.tiles.building_heap import Rows
from shancheng.tiles.building_rows import FACTS
from shancheng.tiles.forms import PRISM, ROOF, SOLID
from shancheng.tiles.frames import Frames
from shancheng.tiles.glb import Column, Material, Primitive, PropertyTable, TileContent, encode_glb
from shancheng.tiles.implicit import content_name
from shancheng.tiles.mapping import mapped
from shancheng.tiles.mesh_tiles import with_meshes
from shancheng.tiles.metadata import enum_dtype
from shancheng.tiles.normals import with_normals
from shancheng.tiles.output import Output, Written
from shancheng.tiles.partition import Partition
from shancheng.tiles.profiles import Profile
from shancheng.tiles.textures import Pictures

__all__ = ["CLASS_NAME", "Made", "TileMaker", "kind_codes"]

CLASS_NAME = "building"
_MATERIAL = Material(base_color=(0.85, 0.83, 0.8, 1.0))
# Tiles measured together: enough to make the calls of NumPy cheap, few enough that their corners are still in
# the processor's cache when they are extruded.
_BATCH = 16

IntArray = npt.NDArray[np.int64]
Codes = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Made:
    """A tile that was made.

    Attributes:
        tile: Its number in the partition.
        triangles: How many it has.
        heights_m: Lowest and highest ellipsoidal height of its content.
        written: Its files.
    """

    tile: int
    triangles: int
    heights_m: tuple[float, float]
    written: Written


def kind_codes(rows: Rows, drawn: IntArray) -> tuple[Codes, list[str]]:
    """The place of each of the heap's words in the enum of those that occur, else 0, and that enum."""
    counts = np.bincount(rows.facts["kind"][drawn], minlength=len(rows.kinds))
    used = [word for word, count in zip(rows.kinds, counts.tolist(), strict=True) if count]
    names = sorted(used)
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places.get(word, 0) for word in rows.kinds] or [0], dtype=enum_dtype(names))
    return codes, names


@dataclass(slots=True)
class TileMaker:
    """All that tiles need, read only, and each thread's scratch space.

    Attributes:
        rows: The heap.
        partition: Its `order` are rows of the heap.
        kinds: Code of each of the heap's kinds.
        profile: How tiles are encoded.
        copyright: Who is to be credited, in plain text.
        output: Where they go.
        pictures: Of the layer.
    """

    rows: Rows
    partition: Partition
    kinds: Codes
    profile: Profile
    copyright: str
    output: Output
    pictures: Pictures
    _forms: npt.NDArray[np.uint8] = field(init=False)
    _numbers: npt.NDArray[np.uint32] = field(init=False)
    _scratch: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        self._numbers = self.rows.facts.view(np.uint32).reshape(-1, FACTS.itemsize // 4)
        members = self.partition.order
        has_meshes = len(self.rows.meshes) > 0
        self._forms = self.rows.facts["form"][members] if has_meshes else np.zeros(len(members), np.uint8)

    def make(self, tiles: IntArray, workers: int) -> Iterator[Made]:
        """Make and write some tiles, in this order."""
        yield from mapped(self._write, self._measured(tiles), workers)

    def _measured(self, tiles: IntArray) -> Iterator[tuple["_Batch", int]]:
        """Tiles as places in batches, each measured when its first tile is due."""
        for first in range(0, len(tiles), _BATCH):
            batch = _Batch.of(self.rows, self.partition, self._forms, tiles[first : first + _BATCH])
            yield from ((batch, place) for place in range(len(batch)))

    def _write(self, measured: tuple["_Batch", int]) -> Made:
        batch, place = measured
        tile = int(batch.tiles[place])
        primitives = self._primitives(batch, place)
        if self.profile.normals:
            primitives = tuple(with_normals(primitive) for primitive in primitives)
        members = self.partition.members(tile)
        content = TileContent(
            batch.frames.placement(place), primitives, self._table(members), copyright=self.copyright
        )
        name = content_name(
            int(self.partition.level[tile]), int(self.partition.x[tile]), int(self.partition.y[tile])
        )
        written = self.output.write(name, encode_glb(content, compress=self.profile.meshopt))
        triangles = sum(len(primitive.indices) for primitive in primitives) // 3
        lowest, highest = batch.heights_m[place].tolist()
        return Made(tile, triangles, (lowest, highest), written)

    def _table(self, members: IntArray) -> PropertyTable:
        from shancheng.tiles.engines.members_parallel import gather_facts  # compiled code

        count = len(members)
        index, height = np.empty(count, np.uint32), np.empty(count, np.uint32)
        levels, kind, provenance = (
            np.empty(count, np.uint8),
            np.empty(count, np.uint16),
            np.empty(count, np.uint8),
        )
        gather_facts(members, self._numbers, index, height, levels, kind, provenance)
        columns: dict[str, Column] = {
            "id": self.rows.ids(members),
            "index": index,
            "height_m": height.view(np.float32),
            "levels": levels,
            "kind": self.kinds[kind],
            "provenance": provenance,
        }
        return PropertyTable(CLASS_NAME, count, columns)

    def _primitives(self, batch: "_Batch", place: int) -> tuple[Primitive, ...]:
        """All buildings of one tile; a building's feature id is its place among the tile's members."""
        tile = int(batch.tiles[place])
        members = self.partition.members(tile)
        forms = self._forms[self.partition.start[tile] : self.partition.start[tile + 1]]
        flat = forms == PRISM
        if flat.all():
            return (self._extrude(members, batch, place),)
        prisms = self._extrude(members[flat], batch, place)
        prisms = replace(prisms, feature_ids=np.flatnonzero(flat).astype(np.uint32)[prisms.feature_ids])
        features = np.concatenate([np.flatnonzero(forms == form) for form in (ROOF, SOLID)])
        meshes = self.rows.meshes_of(members[features])
        frame = batch.frames.rows[place], batch.frames.coefficients[place]
        return with_meshes(prisms, meshes, features, frame, self.pictures)

    def _extrude(self, members: IntArray, batch: "_Batch", place: int) -> Primitive:
        """Walls, roofs and floors of prisms in one tile's frame, in this thread's scratch space."""
        from shancheng.tiles.engines import parallel as engine  # compiled code, so only when needed

        rows = self.rows
        positions, ids, indices = self._room(*batch.counts[place].tolist())
        v, o = engine.extrude(
            members, rows.lonlat_deg, rows.first_corner, rows.first_ring,
            rows.triangles, rows.first_triangle, rows.heights_m, rows.floor,
            batch.frames.rows[place], batch.frames.coefficients[place],
            positions, ids, indices,
        )  # fmt: skip
        return Primitive(positions[:v], indices[:o], ids[:v], material=_MATERIAL)

    def _room(
        self, vertices: int, indices: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        """This thread's arrays, at least so long."""
        held = getattr(self._scratch, "arrays", None)
        if held is None or len(held[1]) < vertices or len(held[2]) < indices:
            most = (0, 0) if held is None else (len(held[1]), len(held[2]))
            vertices, indices = max(vertices, most[0]), max(indices, most[1])
            held = (
                np.empty((vertices, 3), np.int32),
                np.empty(vertices, np.uint32),
                np.empty(indices, np.uint32),
            )
            self._scratch.arrays = held
        return held


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some tiles, measured: k of them.

    Attributes:
        tiles: Their numbers, shape (k,).
        frames: Where they stand.
        heights_m: Lowest and highest ellipsoidal height of each, shape (k, 2).
        counts: Vertices and indices of their prisms, shape (k, 2).
    """

    tiles: IntArray
    frames: Frames
    heights_m: npt.NDArray[np.float64]
    counts: IntArray

    @classmethod
    def of(cls, rows: Rows, partition: Partition, forms: npt.NDArray[np.uint8], tiles: IntArray) -> "_Batch":
        """Measure some tiles."""
        from shancheng.tiles.engines.members_parallel import measure_members  # compiled code

        count = len(tiles)
        bounds, reach, counts = np.empty((count, 4)), np.empty((count, 2)), np.empty((count, 2), np.int64)
        measure_members(
            tiles, partition.start, partition.order, forms, rows.first_ring, rows.first_corner,
            rows.lonlat_deg, rows.first_triangle, rows.heights_m, rows.floor, bounds, reach, counts,
        )  # fmt: skip
        if len(rows.meshes):
            _add_solids(rows, partition, forms, tiles, bounds)
        return cls(tiles, Frames.of(bounds, reach), reach, counts)

    def __len__(self) -> int:
        return len(self.tiles)


def _add_solids(
    rows: Rows,
    partition: Partition,
    forms: npt.NDArray[np.uint8],
    tiles: IntArray,
    bounds: npt.NDArray[np.float64],
) -> None:
    """Widen the boxes of tiles by the solids that are in them."""
    for place, tile in enumerate(tiles.tolist()):
        own = slice(partition.start[tile], partition.start[tile + 1])
        solids = partition.order[own][forms[own] == SOLID]
        if len(solids):
            boxes = rows.boxes_deg[rows.mesh_places(solids)]
            bounds[place, :2] = np.minimum(bounds[place, :2], boxes[:, :2].min(axis=0))
            bounds[place, 2:] = np.maximum(bounds[place, 2:], boxes[:, 2:].max(axis=0))
