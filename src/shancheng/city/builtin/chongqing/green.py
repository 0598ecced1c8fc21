"""Green: parks placed by hand, and the wooded flanks and crests that the ground shows by its steepness."""

import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import CORE, PLANE, FloatArray, Grid
from shancheng.city.builtin.chongqing.field import UrbanField
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.surfaces import slope
from shancheng.city.builtin.chongqing.tables import GreenSpot

__all__ = ["park_circles", "woods"]

BEYOND_CORE_DEG: Final = 0.07
"""Woods are drawn this far around the core; beyond, the ground alone shows what is steep."""
CELL_SAMPLES: Final = 5
"""Woods are drawn in cells of five samples, about 150 m."""
WOODED_SLOPE: Final = 0.24
WOODED_M: Final = 420.0
DRY_M: Final = 250.0
LEAST_CELLS: Final = 12
ROUND_M: Final = 140.0
BUILT_DENSITY: Final = 0.1
PIECE_M: Final = 1000.0
LEAST_AREA_M2: Final = 400.0
OUTLINE_POINTS: Final = 36
BULGES: Final = ((2, 0.16), (3, 0.12), (5, 0.06))
"""How often around a park its border swings, and by how much of the radius."""


def park_circles(spots: Sequence[GreenSpot]) -> npt.NDArray[Any]:
    """The parks as polygons on the plane, shape (n,): circles with a bulge here and a dent there."""
    angle = np.linspace(0, 2 * np.pi, OUTLINE_POINTS, endpoint=False)
    # What a park looks like must not change when another is added: its name decides.
    phase = np.array([[zlib.crc32(f"{spot.id}{n}".encode()) for n, _ in BULGES] for spot in spots]) / 2**32
    shares = sum(
        share * np.cos(n * angle[None, :] + 2 * np.pi * phase[:, place, None])
        for place, (n, share) in enumerate(BULGES)
    )
    radius = np.array([spot.radius_m for spot in spots])[:, None] * (1 + shares)
    centres = PLANE.from_lonlat([(spot.lon, spot.lat) for spot in spots])
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.asarray(shapely.polygons(centres[:, None] + radius[..., None] * outline))


def woods(
    elevation_m: npt.NDArray[np.float32], grid: Grid, rivers: RiverField, built: UrbanField
) -> npt.NDArray[Any]:
    """Areas in and around the core that are steep or high, away from the banks and from what is built.

    Returns:
        Polygons on the plane, cut along a kilometre grid so that each can follow the ground.
    """
    window = grid.window(CORE.expanded(BEYOND_CORE_DEG))
    elevation_m, grid = elevation_m[window], grid.part(*window)
    mean_slope = _cell_means(slope(elevation_m, grid))
    high = _cell_means(elevation_m) > WOODED_M
    wooded = ((mean_slope > WOODED_SLOPE) | high) & (_cell_means(rivers.bank_m[window]) > DRY_M)
    row, col = np.nonzero(wooded)
    west, north = grid.x_m[col * CELL_SAMPLES], grid.y_m[row * CELL_SAMPLES]
    size_x, size_y = (CELL_SAMPLES * grid.step_deg * metres for metres in PLANE.metres_per_degree)
    free = ~_is_built(np.stack([west + size_x / 2, north - size_y / 2], axis=-1), built)
    # Half a metre of overlap: neighbours merge although their edges were rounded apart.
    cells = shapely.box(west - 0.5, north - size_y - 0.5, west + size_x + 0.5, north + 0.5)[free]
    merged = shapely.get_parts(shapely.union_all(cells))
    merged = merged[shapely.area(merged) > LEAST_CELLS * size_x * size_y]
    # Closing fills gaps between cells, opening takes their corners off.
    closed = shapely.buffer(
        shapely.union_all(shapely.buffer(merged, ROUND_M, quad_segs=3)), -ROUND_M, quad_segs=3
    )
    rounded = shapely.buffer(shapely.buffer(closed, -ROUND_M / 2, quad_segs=3), ROUND_M / 2, quad_segs=3)
    return _cut(shapely.make_valid(shapely.simplify(rounded, 12.0)), grid)


def _is_built(xy: FloatArray, built: UrbanField) -> npt.NDArray[np.bool_]:
    return np.asarray(built.mesh.inside(xy) & (built.density[built.mesh.nearest(xy)] > BUILT_DENSITY))


def _cut(area: Any, grid: Grid) -> npt.NDArray[Any]:  # noqa: ANN401 - any shapely geometry
    x, y = np.meshgrid(
        np.arange(grid.x_m[0], grid.x_m[-1], PIECE_M), np.arange(grid.y_m[-1], grid.y_m[0], PIECE_M)
    )
    squares = shapely.box(x.ravel(), y.ravel(), x.ravel() + PIECE_M, y.ravel() + PIECE_M)
    shapely.prepare(area)
    squares = squares[shapely.intersects(area, squares)]
    # On a half-metre grid no sliver is left that rounding to degrees could turn inside out.
    pieces = shapely.get_parts(shapely.set_precision(shapely.intersection(area, squares), 0.5))
    areas = shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON
    return np.asarray(pieces[areas & (shapely.area(pieces) > LEAST_AREA_M2)])


def _cell_means(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    n_rows, n_cols = (length // CELL_SAMPLES for length in values.shape)
    cells = values[: n_rows * CELL_SAMPLES, : n_cols * CELL_SAMPLES]
    blocks = cells.reshape(n_rows, CELL_SAMPLES, n_cols, CELL_SAMPLES)
    return np.asarray(blocks.mean(axis=(1, 3)))
