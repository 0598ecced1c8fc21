"""Buildings as 3D Tiles: extruded footprints on the ground, in an additive implicit quadtree.

A layer is read and measured in pieces, so that its size does not matter to memory. With a memory of the build
before, only what changed is read, and only the tiles that hold it are made; the others are taken over. Both
ways give the same files.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.geo.quadtree import RootCell, unmorton
from shancheng.geo.raster import Raster
from shancheng.progress import NullProgress, Progress
from shancheng.tiles.building_census import Census
from shancheng.tiles.building_memory import BuildingMemory, OldTiles, tiles_of
from shancheng.tiles.building_rows import PROVENANCES
from shancheng.tiles.building_stock import Stock
from shancheng.tiles.building_tiles import CLASS_NAME, TileMaker, kind_codes
from shancheng.tiles.constants import CAPACITY, MAX_LEVEL, SLACK_SHARE
from shancheng.tiles.ground import Ground
from shancheng.tiles.implicit import SUBTREES_FOLDER, Tiles, content_name, write_implicit_tileset
from shancheng.tiles.lod import additive_error_m
from shancheng.tiles.metadata import Property, schema
from shancheng.tiles.output import Output
from shancheng.tiles.partition import Partition
from shancheng.tiles.profiles import PROFILES, Profile
from shancheng.tiles.report import LayerReport
from shancheng.tiles.textures import Pictures

__all__ = ["LAYER", "available_cores", "make_buildings"]

LAYER = "buildings"
PICTURES_FOLDER = "textures"

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
    pictures: Path | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
    output: Output | None = None,
    memory: BuildingMemory | None = None,
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
        pictures: Folder of the pictures on facades; beside the layer's file if left out.
        progress: Told now and then.
        threads: As many as there are cores if left out; changes no byte.
        output: For `folder`, where a build before may be used; changes no byte.
        memory: What that build left, and where this one leaves its own; changes no byte.

    Returns:
        What was made.
    """
    started, started_cpu = time.perf_counter(), time.process_time()
    workers = threads or available_cores()
    listener = progress or NullProgress()
    if pictures is None and isinstance(source, Path):
        pictures = source.parent / PICTURES_FOLDER
    listener.step("buildings: reading footprints", 0.0)
    stock = Stock.of(source, Ground.of(raster, root_cell), root_cell, memory, workers)
    layer = _Layer(stock, root_cell, output or Output(folder), memory)
    report = LayerReport(LAYER, features=len(stock.census.drawn), tiles=len(layer.partition))
    report.set_aside = stock.census.set_aside(stock.rows, LAYER)
    shown = Pictures(pictures)
    layer.make(profile, copyright, shown, listener, workers)
    report.triangles = int(layer.tiles["triangles"].sum())
    report.geometric_error_m = layer.geometric_error_m()
    info = write_implicit_tileset(
        layer.output,
        root_cell,
        layer.implicit(),
        refine="ADD",
        geometric_error_m=report.geometric_error_m,
        schema=schema(LAYER, CLASS_NAME, _PROPERTIES, enums=layer.enums, id_prefix=id_prefix),
        copyright=copyright,
    )
    report.levels, report.subtrees = info.levels, info.subtrees
    report.bytes_raw, report.bytes_gzip = layer.output.bytes_raw, layer.output.bytes_gzip
    report.reused = layer.output.reused_tiles
    layer.note_unreadable(shown)
    report.notes = {**stock.notes(), **shown.notes}
    layer.leave()
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


class _Layer:
    """The tiles of a layer: which there are, which of them are as they were, and the making of the others."""

    def __init__(
        self, stock: Stock, root_cell: RootCell, output: Output, memory: BuildingMemory | None
    ) -> None:
        self.output = output
        self._stock, self._root_cell, self._memory = stock, root_cell, memory
        self._unreadable: set[str] = set()
        self._size_m, self.partition = _partition(stock.census)
        self._codes, self._kinds = kind_codes(stock.rows, self.partition.order)
        self.tiles = tiles_of(self.partition)

    @property
    def enums(self) -> dict[str, list[str]]:
        """The enums of the schema."""
        return {"kind": self._kinds, "provenance": list(PROVENANCES)}

    def make(
        self, profile: Profile, credit: str, pictures: Pictures, listener: Progress, workers: int
    ) -> None:
        """Take over what is as it was, make the rest."""
        made = np.zeros(len(self.partition), np.bool_)
        number = 0 if self._memory is None else self._memory.number
        if self._memory is not None:
            made = self._take_over(self._memory)
        listener.step(LAYER, 0.0)
        maker = TileMaker(
            self._stock.rows, self.partition, self._codes, profile, credit, self.output, pictures
        )
        counts = np.diff(self.partition.start)
        done, total = int(counts[made].sum()), max(1, int(counts.sum()))
        for tile in maker.make(np.flatnonzero(~made), workers):
            entry = self.tiles[tile.tile]
            entry["triangles"], entry["since"] = tile.triangles, number
            entry["raw"], entry["zipped"] = tile.written.raw, tile.written.zipped
            entry["lowest_m"], entry["highest_m"] = tile.heights_m
            done += int(counts[tile.tile])
            listener.step(LAYER, done / total)

    def geometric_error_m(self) -> float:
        """Of the root tile."""
        level = np.repeat(self.partition.level.astype(np.uint8), np.diff(self.partition.start))
        return additive_error_m(self._size_m, level, self._root_cell)

    def implicit(self) -> Tiles:
        """What the subtrees tell of the tiles."""
        heights = np.stack([self.tiles["lowest_m"], self.tiles["highest_m"]], axis=1)
        return Tiles(self.partition.level, self.partition.x, self.partition.y, heights)

    def note_unreadable(self, shown: Pictures) -> None:
        """Have pictures count too that could not be read when tiles were made that are taken over."""
        before = self._stock.before
        known = shown.unreadable if before is None else before.unreadable | shown.unreadable
        if known:
            self._unreadable = self._stock.rows.pictures_of(self.partition.order).intersection(known)
            shown.unreadable.update(self._unreadable)

    def leave(self) -> None:
        """Keep what the next build can use."""
        if self._memory is not None:
            stock = self._stock
            self._memory.leave(
                stock.heap,
                stock.heap_name,
                stock.census,
                self.partition,
                self.tiles,
                self._kinds,
                self._unreadable,
            )

    def _take_over(self, memory: BuildingMemory) -> npt.NDArray[np.bool_]:
        """Which tiles are in the output already, because they are as they were in the build before."""
        taken = np.zeros(len(self.partition), np.bool_)
        recycled = memory.recall_recycled()
        if recycled is None:
            self.output.empty()
        else:
            _remove_others(self.output, recycled, self.partition)
        before = self._stock.before
        if before is None or len(before.tiles) == 0:
            return taken
        place = before.unchanged(self.partition, self._stock.rows, self._codes, self._kinds)
        candidates = np.flatnonzero(place >= 0)
        old = before.tiles[place[candidates]]
        held = np.zeros(len(candidates), np.bool_)
        if recycled is not None:
            held = (recycled.place_of(self.partition)[candidates] >= 0) & (old["since"] <= recycled.number)
        names = [content_name(*cell) for cell in self._cells(candidates)]
        sizes = list(zip(old["raw"].tolist(), old["zipped"].tolist(), strict=True))
        kept = np.array(self.output.keep(names, sizes, held.tolist()), np.bool_)
        taken[candidates[kept]] = True
        for name in ("triangles", "raw", "zipped", "since", "lowest_m", "highest_m"):
            self.tiles[name][candidates[kept]] = old[name][kept]
        return taken

    def _cells(self, tiles: IntArray) -> Iterator[tuple[int, int, int]]:
        """Level, x and y of some tiles."""
        axes = (self.partition.level, self.partition.x, self.partition.y)
        return zip(*(axis[tiles].tolist() for axis in axes), strict=True)


def _partition(census: Census) -> tuple[npt.NDArray[np.float32], Partition]:
    """Tiles of what is drawn: sizes of the members and the partition, whose `order` are rows of the heap."""
    from shancheng.tiles.engines.partition_parallel import assign  # compiled code, so only when needed

    if len(census.drawn) == 0:
        nothing = np.empty(0, np.int64)
        return np.empty(0, np.float32), Partition(nothing, nothing, nothing, nothing, np.zeros(1, np.int64))
    slack = CAPACITY // SLACK_SHARE
    order, level, code, start = assign(*census.sort_keys(), CAPACITY, slack, MAX_LEVEL)
    return census.size_m[order], Partition(level, *unmorton(code), census.rows[order], start)


def _remove_others(output: Output, recycled: OldTiles, partition: Partition) -> None:
    """Remove what a recycled folder holds of tiles that there are no more, and the subtrees."""
    gone = np.flatnonzero(
        ~np.isin(recycled.cells, OldTiles(0, tiles_of(partition), recycled.members, []).cells)
    )
    x, y = unmorton(recycled.tiles["code"][gone].astype(np.uint64))
    for cell in zip(recycled.tiles["level"][gone].tolist(), x.tolist(), y.tolist(), strict=True):
        output.remove(content_name(*cell))
    output.remove_folder(SUBTREES_FOLDER)
