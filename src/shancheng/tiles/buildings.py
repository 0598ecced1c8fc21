"""Buildings as 3D Tiles: extruded footprints on the ground, in an additive implicit quadtree."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.progress import NullProgress, Progress
from shancheng.tiles.building_table import Buildings, prepare_buildings, read_table
from shancheng.tiles.columns import Columns, Texts, enum_column
from shancheng.tiles.frames import Frames
from shancheng.tiles.glb import Material, Primitive, TileContent, encode_glb
from shancheng.tiles.implicit import Tiles, content_name, write_implicit_tileset
from shancheng.tiles.lod import additive_error_m
from shancheng.tiles.metadata import Property, schema
from shancheng.tiles.normals import with_normals
from shancheng.tiles.output import Output
from shancheng.tiles.partition import Partition, partition_items
from shancheng.tiles.profiles import PROFILES, Profile
from shancheng.tiles.report import LayerReport

CLASS_NAME = "building"
# The three that a layer may have, in this order everywhere, so that viewers need no look-up.
PROVENANCES = ("surveyed", "approximate", "modelled")
_MAX_LEVELS = 255
_MATERIAL = Material(base_color=(0.85, 0.83, 0.8, 1.0))
_WALL_INDICES, _CORNER_VERTICES = 6, 2

IntArray = npt.NDArray[np.int64]


def make_buildings(
    source: pa.Table | Path,
    raster: Raster,
    root_cell: RootCell,
    folder: Path,
    *,
    profile: Profile = PROFILES["compact"],
    id_prefix: str = "",
    copyright: str = "",  # noqa: A002  # glTF's and 3D Tiles' own word
    progress: Progress | None = None,
    threads: int | None = None,
) -> LayerReport:
    """Write the tileset of a layer of buildings.

    Args:
        source: The layer's table, or its Parquet file.
        raster: Elevation above the geoid, metres.
        root_cell: Cell of level 0.
        folder: Where tileset.json and all else goes; made if missing.
        profile: How tiles are encoded.
        id_prefix: What makes an `id` of the layer a URN.
        copyright: Who is to be credited, in plain text.
        progress: Told now and then.
        threads: As many as there are cores if left out; changes no byte.

    Returns:
        What was made.
    """
    started, started_cpu = time.perf_counter(), time.process_time()
    workers = threads or available_cores()
    listener = progress or NullProgress()
    listener.step("buildings: reading footprints", 0.0)
    buildings = prepare_buildings(read_table(source), raster, root_cell, threads=workers)
    partition = partition_items(buildings.items, root_cell)
    output = Output(folder)
    columns, enums = _columns(buildings, buildings.rows[partition.order])
    layer = _Layer(buildings, partition, columns, profile, copyright, output)
    report = LayerReport(
        "buildings", features=len(buildings.rows), tiles=len(partition), set_aside=buildings.set_aside
    )
    done = 0
    for tile, triangles in enumerate(_run(layer, range(len(partition)), workers)):
        report.triangles += triangles
        done += len(partition.members(tile))
        listener.step("buildings", done / len(buildings.rows))
    level = partition.level[partition.tile_of_item()]
    report.geometric_error_m = additive_error_m(buildings.items.size_m, level, root_cell)
    info = write_implicit_tileset(
        output,
        root_cell,
        Tiles(partition.level, partition.x, partition.y, _heights(partition, buildings)),
        refine="ADD",
        geometric_error_m=report.geometric_error_m,
        schema=schema("buildings", CLASS_NAME, _PROPERTIES, enums=enums, id_prefix=id_prefix),
        copyright=copyright,
    )
    report.levels, report.subtrees = info.levels, info.subtrees
    report.bytes_raw, report.bytes_gzip = output.bytes_raw, output.bytes_gzip
    report.notes = {"replaced_by_parts": buildings.replaced, "repaired": buildings.footprints.repaired}
    report.seconds = time.perf_counter() - started
    report.cpu_seconds = time.process_time() - started_cpu
    return report


_PROPERTIES = {
    "id": Property("STRING", description="Local id; with the class's id_prefix before it, the URN."),
    "index": Property("SCALAR", "UINT32", description="Number within the layer, never reused."),
    "height_m": Property("SCALAR", "FLOAT32", description="Height of the roof above the ground."),
    "levels": Property("SCALAR", "UINT8", no_data=0, description="Storeys above the ground; 0 is not known."),
    "kind": Property("ENUM", enum="kind"),
    "provenance": Property("ENUM", enum="provenance"),
}


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _columns(buildings: Buildings, rows: IntArray) -> tuple[Columns, dict[str, list[str]]]:
    """Property columns in the order of the tiles, and the enums they use."""
    table = buildings.table
    kind, kinds = enum_column(table["kind"], rows)
    provenance, provenances = enum_column(table["provenance"], rows, PROVENANCES)
    levels = np.nan_to_num(table["levels"].to_numpy().astype(np.float32))[rows]
    columns: dict[str, Any] = {
        "id": Texts.of(table["id"], rows),
        "index": table["index"].to_numpy()[rows].astype(np.uint32),
        "height_m": table["height_m"].to_numpy()[rows].astype(np.float32),
        "levels": np.clip(levels, 0, _MAX_LEVELS).astype(np.uint8),
        "kind": kind,
        "provenance": provenance,
    }
    return Columns(CLASS_NAME, columns), {"kind": kinds, "provenance": provenances}


def _heights(partition: Partition, buildings: Buildings) -> npt.NDArray[np.float64]:
    if len(partition) == 0:
        return np.empty((0, 2))
    return partition.heights_m(buildings.items)


def _run(layer: "_Layer", tiles: Iterable[int], workers: int) -> Iterator[int]:
    """Triangles of each tile, in the order of the tiles, as they are done."""
    if workers == 1:
        yield from map(layer.write_tile, tiles)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(layer.write_tile, tiles)


@dataclass(slots=True)
class _Layer:
    """All that a tile needs, read only, and each thread's scratch space."""

    buildings: Buildings
    partition: Partition
    columns: Columns
    profile: Profile
    copyright: str
    output: Output
    frames: Frames = field(init=False)
    rings: IntArray = field(init=False)
    counts: IntArray = field(init=False)
    scratch: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        if len(self.partition) == 0:
            return
        items, footprints = self.buildings.items, self.buildings.footprints
        self.frames = Frames.of(self.partition.bounds_deg(items), self.partition.heights_m(items))
        self.rings = footprints.feature_ring_start
        corners = np.diff(footprints.corner_start)
        triangles = np.diff(footprints.triangle_start)
        indices = _WALL_INDICES * corners + 3 * triangles * (1 + self.buildings.floor)
        rows = self.buildings.rows[self.partition.order]
        per_row = np.stack([_CORNER_VERTICES * corners[rows], indices[rows]], axis=1)
        self.counts = np.add.reduceat(per_row, self.partition.start[:-1], axis=0)

    def write_tile(self, tile: int) -> int:
        """Make and write one tile; its number of triangles."""
        primitive = self.extrude(tile)
        if self.profile.normals:
            primitive = with_normals(primitive)
        first, last = self.partition.start[tile : tile + 2].tolist()
        content = TileContent(
            self.frames.placement(tile),
            (primitive,),
            self.columns.table(first, last),
            copyright=self.copyright,
        )
        name = content_name(
            int(self.partition.level[tile]), int(self.partition.x[tile]), int(self.partition.y[tile])
        )
        self.output.write(name, encode_glb(content, compress=self.profile.meshopt))
        return len(primitive.indices) // 3

    def extrude(self, tile: int) -> Primitive:
        """Walls, roofs and floors of one tile, in this thread's scratch space."""
        from shancheng.tiles.engines import parallel as engine  # compiled code, so only when needed

        footprints = self.buildings.footprints
        positions, ids, indices = self._scratch()
        v, o = engine.extrude(
            self.buildings.rows[self.partition.members(tile)],
            footprints.lonlat_deg, footprints.ring_start, self.rings,
            footprints.triangles, footprints.triangle_start,
            self.buildings.heights_m, self.buildings.floor,
            self.frames.rows[tile], self.frames.coefficients[tile],
            positions, ids, indices,
        )  # fmt: skip
        return Primitive(positions[:v], indices[:o], ids[:v], material=_MATERIAL)

    def _scratch(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        if not hasattr(self.scratch, "arrays"):
            vertices, indices = (int(most) for most in self.counts.max(axis=0))
            self.scratch.arrays = (
                np.empty((vertices, 3), np.int32),
                np.empty(vertices, np.uint32),
                np.empty(indices, np.uint32),
            )
        arrays: tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]
        arrays = self.scratch.arrays
        return arrays
