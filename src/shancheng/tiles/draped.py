"""Roads, rail, water, green and bridges as 3D Tiles: additive quadtrees of triangles with feature ids.

How each layer gets its triangles stands in `draped_lines.py`, `draped_areas.py` and `draped_bridges.py`; here
they are spread over tiles and written. Vertices lie on the raster; the terrain's meshes stay within their
tolerance of it, so who draws both pulls these layers toward the eye.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.errors import TilesError
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.progress import Progress
from shancheng.tiles.columns import Texts
from shancheng.tiles.draped_areas import area_pieces
from shancheng.tiles.draped_bridges import bridge_pieces, own_solids
from shancheng.tiles.draped_lines import line_pieces
from shancheng.tiles.draped_pieces import (
    CUT_SPARE_DEG,
    Ints,
    Pieces,
    Wrong,
    items_of,
    join,
    primitives_of,
    take,
)
from shancheng.tiles.draped_rows import areal_rows, column, words
from shancheng.tiles.glb import Column, Material, PropertyTable, TileContent, encode_glb
from shancheng.tiles.ground import Ground
from shancheng.tiles.implicit import Tiles, content_name, write_implicit_tileset
from shancheng.tiles.items import Items
from shancheng.tiles.metadata import Property, enum_dtype, schema
from shancheng.tiles.output import Output
from shancheng.tiles.partition import Partition, inside, partition_items
from shancheng.tiles.report import LayerReport, SetAside

__all__ = ["CLASSES", "make_draped"]

CLASSES = {"roads": "road", "rail": "rail", "water": "water", "green": "green", "bridges": "bridge"}
"""Layers that are made here, and the class of their features."""

# Of a tile's side. A client with the usual error target then wants a tile's children from about twice its
# side, where a road of 6 m in a cell of 2 km is a pixel or two wide.
GEOMETRIC_ERROR_SHARE = 1 / 32
# Pieces a tile takes before it hands on the rest: each of them has tens of vertices or hundreds.
CAPACITY = {"roads": 120, "rail": 60, "water": 300, "green": 80, "bridges": 300}
_CONCRETE = Material((0.72, 0.7, 0.68, 1.0), name="deck")
# Of what lies on the ground and of what stands above it; our viewer knows the latter by its name.
_MATERIALS = {
    "roads": (Material((0.44, 0.44, 0.46, 1.0)), _CONCRETE),
    "rail": (Material((0.35, 0.3, 0.32, 1.0)), _CONCRETE),
    "water": (Material((0.2, 0.38, 0.52, 1.0)), _CONCRETE),
    "green": (Material((0.36, 0.5, 0.3, 1.0)), _CONCRETE),
    "bridges": (Material((0.36, 0.36, 0.38, 1.0)), _CONCRETE),
}


def make_draped(
    table: pa.Table,
    kind: str,
    raster: Raster,
    root_cell: RootCell,
    folder: Path,
    *,
    id_prefix: str,
    copyright: str,  # noqa: A002  # glTF's and 3D Tiles' own word
    progress: Progress | None = None,
    output: Output | None = None,
) -> LayerReport:
    """Write the tileset of one layer.

    Args:
        table: The layer.
        kind: Name of the layer, a key of ``CLASSES``.
        raster: Elevations above the geoid.
        root_cell: The quadtree's root; what lies beyond it is not drawn.
        folder: Where the tileset goes.
        id_prefix: What to put before a local id to have its URN.
        copyright: Who is to be credited, in plain text.
        progress: Whom to tell.
        output: For `folder`, where a build before may be used; changes no byte.

    Raises:
        TilesError: There is no such layer, or the raster has voids.
    """
    if kind not in CLASSES:
        raise TilesError(f"{kind}: must be one of {', '.join(CLASSES)}")
    wall, cpu = time.perf_counter(), time.process_time()
    # By index, so that the order of the file's rows changes no tile.
    table = table.take(pc.sort_indices(table, sort_keys=[("index", "ascending")])).combine_chunks()
    report = LayerReport(kind)
    pieces, wrong = _pieces_of(table, kind, Ground.of(raster, root_cell), root_cell, report)
    layer = _Layer.of(table, kind, pieces, root_cell, wrong)
    report.set_aside = [SetAside(kind, table.column("id")[w.row].as_py(), w.reason) for w in wrong]
    output = output or Output(folder)
    report.triangles = _write_tiles(layer, output, copyright, progress)
    report.geometric_error_m = _root_error_m(root_cell) if len(layer.partition) else 0.0
    info = write_implicit_tileset(
        output,
        root_cell,
        _tiles(layer),
        refine="ADD",
        geometric_error_m=report.geometric_error_m,
        schema=schema(
            kind, CLASSES[kind], layer.properties(), enums={"kind": layer.kinds}, id_prefix=id_prefix
        ),
        copyright=copyright,
    )
    report.features, report.tiles = len(np.unique(layer.pieces.row)), len(layer.partition)
    report.levels, report.subtrees = info.levels, info.subtrees
    report.bytes_raw, report.bytes_gzip = output.bytes_raw, output.bytes_gzip
    report.reused = output.reused_tiles
    report.seconds, report.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return report


def _pieces_of(
    table: pa.Table, kind: str, ground: Ground, root_cell: RootCell, report: LayerReport
) -> tuple[Pieces, list[Wrong]]:
    if kind in ("water", "green"):
        return area_pieces(table, ground, root_cell, water=kind == "water")
    areal = areal_rows(table)
    if kind == "bridges":
        solids, report.notes = own_solids(table)
        simple = np.ones(len(table), dtype=np.bool_)
        simple[solids.row] = False
        pieces, wrong = bridge_pieces(table, ground, simple & ~areal)
        pieces, areal = join(solids, pieces), simple & areal
    else:
        pieces, wrong, report.notes = line_pieces(table, ground, ~areal)
        areal &= ~column(table, "tunnel").astype(np.bool_)
    if areal.any():
        areas, bad = area_pieces(table, ground, root_cell, water=False, wanted=areal)
        pieces, wrong = join(pieces, areas), wrong + bad
    return pieces, wrong


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A layer ready to be written."""

    name: str
    table: pa.Table
    pieces: Pieces
    items: Items
    partition: Partition
    kinds: Sequence[str]
    kind_of: npt.NDArray[np.unsignedinteger[Any]]

    @classmethod
    def of(
        cls, table: pa.Table, name: str, pieces: Pieces, root_cell: RootCell, wrong: list[Wrong]
    ) -> "_Layer":
        """Spread the pieces over tiles; features of which nothing is inside the root are added to `wrong`."""
        spare = CUT_SPARE_DEG if name in ("water", "green") else 0.0
        items = items_of(pieces, spare_deg=spare)
        kept = inside(items, root_cell)
        beyond = np.setdiff1d(pieces.row, pieces.row[kept])
        wrong += [Wrong(int(row), "lies outside the city's root cell") for row in beyond]
        if not kept.all():
            pieces = take(pieces, np.flatnonzero(kept))
            items = items_of(pieces, spare_deg=spare)
        partition = partition_items(items, root_cell, capacity=CAPACITY[name])
        kind_words = words(table, "kind")
        kinds = sorted(set(kind_words)) or ["unknown"]
        codes = np.searchsorted(kinds, kind_words).astype(enum_dtype(kinds))
        return cls(name, table, pieces, items, partition, kinds, codes)

    def properties(self) -> dict[str, Property]:
        """Of the schema's class."""
        found = {
            "id": Property("STRING", description="Local id; the class's id_prefix before it gives the URN."),
            "index": Property("SCALAR", "UINT32", description="Number of the feature in its layer."),
            "kind": Property("ENUM", enum="kind"),
        }
        if self.name == "rail":
            found["colour"] = Property("STRING", description="Colour of the line, #rrggbb; empty if unknown.")
        return found

    def columns(self, rows: Ints) -> dict[str, Column]:
        """Of a tile's property table."""
        found: dict[str, Column] = {
            "id": Texts.of(self.table.column("id"), rows).slice(0, len(rows)),
            "index": self.table.column("index").to_numpy()[rows].astype(np.uint32),
            "kind": self.kind_of[rows],
        }
        if self.name == "rail":
            found["colour"] = Texts.of(self.table.column("colour"), rows).slice(0, len(rows))
        return found


def _write_tiles(layer: _Layer, output: Output, credit: str, progress: Progress | None) -> int:
    """Write all contents; the number of triangles."""
    partition = layer.partition

    def write(tile: int) -> int:
        placement, primitives, rows = primitives_of(
            layer.pieces, partition.members(tile), _MATERIALS[layer.name]
        )
        features = PropertyTable(CLASSES[layer.name], len(rows), layer.columns(rows))
        content = TileContent(placement, primitives, features, copyright=credit)
        cell = (int(partition.level[tile]), int(partition.x[tile]), int(partition.y[tile]))
        output.write(content_name(*cell), encode_glb(content))
        return sum(len(primitive.indices) for primitive in primitives) // 3

    triangles = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done, count in enumerate(pool.map(write, range(len(partition)))):
            triangles += count
            if progress is not None and done % 16 == 0:
                progress.step(layer.name, done / len(partition))
    return triangles


def _tiles(layer: _Layer) -> Tiles:
    partition = layer.partition
    heights = partition.heights_m(layer.items) if len(partition) else np.empty((0, 2))
    return Tiles(partition.level, partition.x, partition.y, heights)


def _root_error_m(root_cell: RootCell) -> float:
    from shancheng.geo.ellipsoid import SEMI_MAJOR_M

    return float(np.radians(root_cell.side_deg) * SEMI_MAJOR_M * GEOMETRIC_ERROR_SHARE)
