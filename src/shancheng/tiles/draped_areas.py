"""Water and green as triangles: flat water level by level, all else following the ground."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.geo.quadtree import RootCell
from shancheng.tiles.constants import DRAPE_LIFT_M
from shancheng.tiles.draped_cuts import CellGrid, CutTriangles, cut_along, triangulate
from shancheng.tiles.draped_pieces import Floats, Pieces, Wrong, join, metres_per_degree
from shancheng.tiles.draped_rows import read_geometries, words
from shancheng.tiles.ground import Ground

__all__ = ["area_pieces", "water_levels_m"]

FLOWING = frozenset({"river", "riverbank", "stream", "canal", "ditch", "drain", "rapids", "wadi"})
"""Kinds whose surface falls with the ground; all others are level."""
SEA = frozenset({"sea", "ocean", "bay", "strait"})
"""Kinds at elevation 0: the geoid itself."""
BUILT = frozenset({"swimming_pool", "fountain", "reflecting_pool", "basin", "wastewater"})
"""Kinds with walls: their surface is near the highest ground around them, a lake's is near the lowest."""
_SHORE_QUANTILE, _BUILT_QUANTILE = 0.1, 0.9
# A piece spans at most this much, so that the earth's curve (8 cm under 2 km) stays below the lift.
LARGEST_PIECE_M = 2000.0
# What follows the ground is cut at least this finely, between half of it and the whole.
FINEST_CUT_M = 120.0
# Rivers fall little, and their shores have points of their own: cuts four times as wide save three quarters.
FINEST_WATER_CUT_M = 480.0
# Shores are sampled this often for the level of the water.
_SHORE_STEP_DEG = 5e-4
# A river takes the lowest ground within about this distance: on the bank a sample is half water, half slope.
_BANK_M = 30.0
_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def area_pieces(
    table: pa.Table,
    ground: Ground,
    root_cell: RootCell,
    *,
    water: bool,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> tuple[Pieces, list[Wrong]]:
    """Triangles of a layer of polygons, cut along the cells of the quadtree.

    Args:
        table: With the columns of `water` or `green`.
        ground: What they lie on.
        root_cell: What lies beyond it is cut off.
        water: Level kinds are drawn level, rivers take the lowest ground near each vertex.
        wanted: Rows to draw, shape (n,); all if left out.

    Returns:
        The pieces, and the polygons that cannot be drawn.
    """
    wanted = np.ones(len(table), dtype=np.bool_) if wanted is None else wanted
    geometries, wrong = read_geometries(table, _POLYGONS, "a polygon", wanted)
    wrong += _set_aside_invalid(geometries)
    level_m = np.full(len(table), np.nan)
    if water:
        level_m = water_levels_m(geometries, words(table, "kind"), ground)
    grid = CellGrid.over(root_cell, LARGEST_PIECE_M, FINEST_WATER_CUT_M if water else FINEST_CUT_M)
    level = np.isfinite(level_m)
    flat, failed = _pieces(geometries, level, grid, finely=False)
    wrong += failed
    flat_height = _undulation(flat, ground) + np.repeat(level_m[flat.row], np.diff(flat.vertex_start))
    rough, failed = _pieces(geometries, ~level, grid, finely=True)
    wrong += failed
    low = _lowest_near if water else _ground
    return join(_at(flat, flat_height), _at(rough, low(rough.lonlat, ground))), wrong


def water_levels_m(geometries: npt.NDArray[Any], kinds: list[str], ground: Ground) -> Floats:
    """Elevation of each level water above the geoid, shape (n,); NaN for what flows.

    Args:
        geometries: Polygons, shape (n,); None where there is none.
        kinds: Kind of each.
        ground: Sampled along the shores.
    """
    shores, row = shapely.get_coordinates(
        shapely.segmentize(shapely.get_exterior_ring(shapely.get_parts(geometries)), _SHORE_STEP_DEG),
        return_index=True,
    )
    row = shapely.get_parts(geometries, return_index=True)[1][row]
    elevation = ground.elevation.sample(shores[:, 0], shores[:, 1])
    order = np.lexsort((elevation, row))
    present, first, count = np.unique(row[order], return_index=True, return_counts=True)
    kind = np.array(kinds, dtype=object)
    built = np.isin(kind, list(BUILT))[present]
    place = first + ((count - 1) * np.where(built, _BUILT_QUANTILE, _SHORE_QUANTILE)).astype(np.int64)
    levels = np.full(len(geometries), np.nan)
    levels[present] = elevation[order][place]
    levels[np.isin(kind, list(SEA)) & shapely.is_geometry(geometries)] = 0.0
    levels[np.isin(kind, list(FLOWING))] = np.nan
    return levels


def _set_aside_invalid(geometries: npt.NDArray[Any]) -> list[Wrong]:
    bad = np.flatnonzero(shapely.is_geometry(geometries) & ~shapely.is_valid(geometries))
    wrong = [Wrong(int(row), str(shapely.is_valid_reason(geometries[row]))) for row in bad]
    geometries[bad] = None
    return wrong


def _pieces(
    geometries: npt.NDArray[Any], chosen: npt.NDArray[np.bool_], grid: CellGrid, *, finely: bool
) -> tuple[Pieces, list[Wrong]]:
    """One piece for each chosen feature and cell, corners shared within it; heights are the caller's."""
    parts, row = shapely.get_parts(geometries, return_index=True)
    parts, row = parts[chosen[row]], row[chosen[row]]
    cut = cut_along(parts, row.astype(np.int64), grid, finely=finely)
    triangles, bad = triangulate(cut, grid, finely=finely)
    wrong = [Wrong(number, "the polygon cannot be cut into triangles of the same area") for number in bad]
    return _joined(triangles, _sizes(geometries)), wrong


def _sizes(geometries: npt.NDArray[Any]) -> Floats:
    """Side of a square of the same area in metres, shape (n,); 0 where there is none."""
    area = np.nan_to_num(shapely.area(geometries))
    lat = np.nan_to_num(shapely.bounds(geometries).reshape(-1, 4)[:, 1])
    return np.asarray(np.sqrt(area * metres_per_degree(lat).prod(axis=1)), dtype=np.float64)


def _joined(cut: CutTriangles, size: Floats) -> Pieces:
    """Triangles of one feature in one cell as a piece with shared corners."""
    if len(cut.row) == 0:
        return Pieces.none()
    order = np.lexsort((cut.cell, cut.row))
    row, cell = cut.row[order], cut.cell[order]
    new = np.append(True, (np.diff(row) != 0) | (np.diff(cell) != 0))
    piece, first = np.cumsum(new) - 1, np.flatnonzero(new)
    points, owner = cut.corners[order].reshape(-1, 2), np.repeat(piece, 3)
    by_place = np.lexsort((points[:, 1], points[:, 0], owner))
    points, owner = points[by_place], owner[by_place]
    distinct = np.append(True, (np.diff(points, axis=0) != 0).any(axis=1) | (np.diff(owner) != 0))
    number = np.empty(len(points), dtype=np.int64)
    number[by_place] = np.cumsum(distinct) - 1
    vertex_start = np.searchsorted(owner[distinct], np.arange(len(first) + 1))
    triangles = number.reshape(-1, 3) - vertex_start[piece][:, None]
    return Pieces(
        row[first],
        size[row[first]],
        points[distinct],
        np.zeros(int(distinct.sum())),
        triangles.astype(np.uint32),
        vertex_start.astype(np.int64),
        np.append(first, len(row)).astype(np.int64),
        np.zeros(len(first), dtype=np.bool_),
    )


def _at(pieces: Pieces, height_m: Floats) -> Pieces:
    """The pieces at these heights plus the lift."""
    return Pieces(
        pieces.row,
        pieces.size_m,
        pieces.lonlat,
        height_m + DRAPE_LIFT_M,
        pieces.triangles,
        pieces.vertex_start,
        pieces.triangle_start,
        pieces.stands,
    )


def _undulation(pieces: Pieces, ground: Ground) -> Floats:
    return ground.undulation.sample(pieces.lonlat[:, 0], pieces.lonlat[:, 1])


def _ground(lonlat: Floats, ground: Ground) -> Floats:
    return ground.ellipsoidal_height_m(lonlat[:, 0], lonlat[:, 1])


def _lowest_near(lonlat: Floats, ground: Ground) -> Floats:
    """The lowest of nine heights around each place."""
    step = min(_BANK_M, ground.step_m) / metres_per_degree(lonlat[:, 1])
    offsets = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    heights = [_ground(lonlat + step * np.array(offset), ground) for offset in offsets]
    return np.asarray(np.minimum.reduce(heights), dtype=np.float64)
