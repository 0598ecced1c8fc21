"""The ground as 3D Tiles: a full quadtree of triangle meshes that replace one another.

Within a level neighbours share every vertex of their common edge. Between levels they do not, so every tile
hangs a skirt from its edges. Normals come from the raster at its full resolution at all levels: shading stays
while meshes change; they cost a fifth of the bytes.

What is guaranteed, and tested: every vertex lies on the bilinear raster within its tile's quantum;
neighbours of a level have the same vertices on their edge; no sample of a level's grid was left out whose
own distance from the edge that it would have split is more than the level's tolerance. Those of a chain of
samples can add up: on fractal mountains 99% of a grid keeps the tolerance and the rest one and a half.
`strict` meshes keep it at every sample of their grid, for twice the triangles. What lies between the
samples of a coarse grid is lost to it; it is split down to its grid wherever that is more than its
tolerance.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.progress import Progress
from shancheng.tiles.constants import ERROR_TARGET_PX
from shancheng.tiles.ground import Ground
from shancheng.tiles.implicit import Tiles, content_name, write_implicit_tileset
from shancheng.tiles.metadata import schema
from shancheng.tiles.output import Output
from shancheng.tiles.report import LayerReport
from shancheng.tiles.terrain_mesh import TerrainTile, encode_tile
from shancheng.tiles.terrain_pyramid import Band, TerrainPlan, bands

__all__ = ["geometric_error_m", "make_terrain", "terrain_tiles"]

LAYER = "terrain"


def make_terrain(
    raster: Raster,
    root_cell: RootCell,
    folder: Path,
    *,
    copyright: str,  # noqa: A002  # glTF's and 3D Tiles' own word
    progress: Progress | None = None,
    output: Output | None = None,
) -> LayerReport:
    """Write the terrain of a city.

    Args:
        raster: Elevations above the geoid, no voids; beyond its edge the edge goes on.
        root_cell: The square that the tiles cover.
        folder: Where the tileset goes.
        copyright: Who is to be credited, in plain text.
        progress: Whom to tell.
        output: For `folder`, where a build before may be used; changes no byte.

    Raises:
        TilesError: Some elevation is not a number.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    plan, ground = TerrainPlan.of(raster, root_cell), Ground.of(raster, root_cell)
    output = output or Output(folder)
    report = LayerReport(LAYER, geometric_error_m=geometric_error_m(plan, 0))
    total = sum(4**level for level in range(plan.n_levels))
    cells: list[tuple[int, int, int]] = []
    heights: list[tuple[float, float]] = []
    for tile in terrain_tiles(plan, ground, output, copyright_text=copyright):
        cells.append((tile.level, tile.x, tile.y))
        heights.append(tile.heights_m)
        report.triangles += tile.n_triangles
        if progress is not None and len(cells) % 16 == 0:
            progress.step(LAYER, len(cells) / total)
    level, x, y = np.array(cells, dtype=np.int64).T
    info = write_implicit_tileset(
        output,
        root_cell,
        Tiles(level, x, y, np.array(heights)),
        refine="REPLACE",
        geometric_error_m=report.geometric_error_m,
        schema=_schema(),
        copyright=copyright,
        # The tree is full: one file of eight bytes a tile instead of a thousand requests below the fifth
        # level.
        subtree_levels=plan.n_levels,
    )
    report.tiles, report.levels, report.subtrees = total, info.levels, info.subtrees
    report.bytes_raw, report.bytes_gzip = output.bytes_raw, output.bytes_gzip
    report.reused = output.reused_tiles
    report.seconds, report.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return report


def geometric_error_m(plan: TerrainPlan, level: int) -> float:
    """Geometric error of a level: its children's tolerance is a pixel where a client's error target is 16.

    A client refines a tile whose geometric error, seen from the eye, is larger than its target in pixels; the
    tile's own tolerance, twice what it hands down, is then two pixels at most.
    """
    return ERROR_TARGET_PX * plan.leaf_tolerance_m * plan.stride(level)


def terrain_tiles(
    plan: TerrainPlan,
    ground: Ground,
    output: Output,
    *,
    copyright_text: str = "",
    strict: bool = False,
    n_threads: int | None = None,
) -> Iterator[TerrainTile]:
    """Write the tiles of all levels, the finest first, row by row from the north.

    Args:
        plan: Grids and tolerances.
        ground: Elevations and geoid.
        output: Where they go; the same input gives the same bytes.
        copyright_text: Who is to be credited, in each tile.
        strict: See `terrain_pyramid.bands`.
        n_threads: Tiles made at a time, one a processor by default; changes no result.
    """
    with ThreadPoolExecutor(max_workers=n_threads or os.cpu_count()) as pool:
        for band in bands(plan, ground, strict=strict):

            def write(place: tuple[int, int], band: Band = band) -> TerrainTile:
                tile, glb = encode_tile(plan, ground, band, *place, copyright_text)
                output.write(content_name(tile.level, tile.x, tile.y), glb)
                return tile

            across = range(1 << band.level)
            yield from pool.map(
                write, [(row, column) for row in range(band.n_tile_rows) for column in across]
            )


def _schema() -> dict[str, Any]:
    """The class of the subtrees' metadata alone: terrain has no features."""
    document = schema(LAYER, LAYER, {}, enums={}, id_prefix="")
    del document["classes"][LAYER]
    return document
