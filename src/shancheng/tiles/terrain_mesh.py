"""One tile of terrain: its triangles cut from the pyramid, its skirt, its place, its bytes."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.tiles.constants import QUANTUM_M
from shancheng.tiles.glb import Material, Placement, Primitive, TileContent, encode_glb
from shancheng.tiles.ground import Ground
from shancheng.tiles.terrain_pyramid import Band, TerrainPlan

__all__ = ["TerrainTile", "encode_tile"]

Floats = npt.NDArray[np.float64]

_INT16_STEPS = 32_767
_NORMAL_STEPS = 127.0
_MATERIAL = Material(base_color=(0.52, 0.55, 0.45, 1.0))


@dataclass(frozen=True, slots=True)
class TerrainTile:
    """What is known of a tile that was made.

    Attributes:
        level: Level in the quadtree.
        x: Cell number eastward.
        y: Cell number northward.
        heights_m: Lowest and highest ellipsoidal height of its vertices, skirt included.
        n_triangles: Triangles, skirt included.
        quantum_m: Step of its positions.
    """

    level: int
    x: int
    y: int
    heights_m: tuple[float, float]
    n_triangles: int
    quantum_m: float


def encode_tile(
    plan: TerrainPlan, ground: Ground, band: Band, row: int, column: int, copyright_text: str
) -> tuple[TerrainTile, bytes]:
    """A tile of a band.

    Args:
        plan: Grids and tolerances.
        ground: Elevations, for the normals.
        band: Heights and errors.
        row: Row of tiles within the band, from the north.
        column: Column of tiles, from the west.
        copyright_text: Who is to be credited.

    Returns:
        The tile and its glTF.
    """
    mesh = _mesh(plan, band, row, column)
    placement, positions, normals = _place(plan, ground, mesh)
    indices = np.ascontiguousarray(mesh.triangles.ravel())
    primitive = Primitive(positions, indices, None, normals, _MATERIAL)
    content = TileContent(placement, (primitive,), copyright=copyright_text)
    lowest, highest = float(mesh.height_m.min()), float(mesh.height_m.max())
    tile = TerrainTile(
        band.level,
        column,
        (1 << band.level) - 1 - (band.tile_row + row),
        (lowest - placement.quantum_m, highest + placement.quantum_m),
        len(mesh.triangles),
        placement.quantum_m,
    )
    return tile, encode_glb(content)


@dataclass(frozen=True, slots=True, eq=False)
class _Mesh:
    """Surface and skirt of a tile in degrees and metres; arrays of shape (n,), triangles (m, 3)."""

    lon_deg: Floats
    lat_deg: Floats
    height_m: Floats
    triangles: npt.NDArray[np.uint32]
    origin: tuple[float, float, float]


def _mesh(plan: TerrainPlan, band: Band, row: int, column: int) -> _Mesh:
    from shancheng.tiles.engines.terrain_parallel import tile_mesh, tile_skirt

    n, tolerance = plan.n_cells, plan.tolerance_m(band.level)
    grid_row, grid_column = band.grid_row + row * n, column * n
    parity = (band.tile_row + row + column) % 2
    columns, rows, surface = tile_mesh(band.errors, grid_row, grid_column, n, parity, tolerance)
    tops, walls = tile_skirt(columns, rows, n)
    height = band.heights[grid_row + rows, grid_column + columns].astype(np.float64)
    origin_height = float(height.min() + height.max()) / 2
    height = np.concatenate([height, height[tops] - plan.skirt_m(band.level)])
    columns, rows = np.concatenate([columns, columns[tops]]), np.concatenate([rows, rows[tops]])
    stride, step = plan.stride(band.level), plan.leaf_step_deg
    first_column, first_row = grid_column, (band.tile_row + row) * n
    # The same product at all levels, so that a vertex has one place, to the last bit.
    lon = np.asarray(plan.root_cell.west_deg + ((first_column + columns) * stride) * step, dtype=np.float64)
    lat = np.asarray(plan.north_deg - ((first_row + rows) * stride) * step, dtype=np.float64)
    centre_lon = plan.root_cell.west_deg + (first_column + n / 2) * stride * step
    centre_lat = plan.north_deg - (first_row + n / 2) * stride * step
    triangles = np.concatenate([surface, walls])
    return _Mesh(lon, lat, height, triangles, (centre_lon, centre_lat, origin_height))


def _place(
    plan: TerrainPlan, ground: Ground, mesh: _Mesh
) -> tuple[Placement, npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Positions and normals in glTF's axes: x east, y up, z south."""
    from shancheng.tiles.engines.terrain_parallel import enu_and_normals

    geodetic = (mesh.lon_deg, mesh.lat_deg, mesh.height_m)
    enu, normals = enu_and_normals(*geodetic, mesh.origin, ground.elevation, plan.leaf_step_deg)
    quantum = _quantum_m(float(np.abs(enu).max()))
    steps = np.rint(enu / quantum).astype(np.int32)
    positions = np.stack([steps[:, 0], steps[:, 2], -steps[:, 1]], axis=1)
    rounded = np.rint(normals * _NORMAL_STEPS).astype(np.int8)
    return (
        Placement(*mesh.origin, quantum),
        positions,
        np.stack([rounded[:, 0], rounded[:, 2], -rounded[:, 1]], axis=1),
    )


def _quantum_m(reach_m: float) -> float:
    """The finest power-of-two step, at least the common quantum, with which int16 reaches that far.

    Terrain never takes the 24-bit form: a tile of 4 km gets 1/16 m, and each coarser level doubles it, as it
    does its tolerance.
    """
    return float(QUANTUM_M * 2.0 ** max(0, math.ceil(math.log2(reach_m / (QUANTUM_M * _INT16_STEPS)))))
