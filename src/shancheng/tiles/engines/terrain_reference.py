"""The terrain's algorithm in plain NumPy and Python: slow, readable, and what the kernels must agree with.

The surface is a right-triangulated irregular network (RTIN): one global hierarchy of right isosceles
triangles over a square grid, halved at the middle of the hypotenuse. A sample's error is what leaving it
out costs, and never less than the errors of the samples that need it; so cutting the hierarchy at any error
gives a mesh without cracks, in every tile by itself.

Grids have row 0 in the north and column 0 in the west.

Source:
    W. Evans, D. Kirkpatrick, G. Townsend, "Right-Triangulated Irregular Networks", Algorithmica 30 (2001).
"""

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_M
from shancheng.geo.raster import Raster

__all__ = ["add_scale_errors", "enu_and_normals", "sample_grid", "tile_mesh", "tile_skirt"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.uint32]


def sample_grid(
    elevation: Raster,
    undulation: Raster,
    west_deg: float,
    north_deg: float,
    step_deg: float,
    stride: int,
    row0: int,
    shape: tuple[int, int],
) -> Singles:
    """Ellipsoidal heights on a regular grid.

    Args:
        elevation: Elevations above the geoid; beyond its edge the edge goes on.
        undulation: Geoid above the ellipsoid.
        west_deg: Longitude of column 0.
        north_deg: Latitude of row 0 of the whole grid.
        step_deg: Distance of the samples of the finest level.
        stride: How many finest steps one step of this grid is.
        row0: The first row wanted.
        shape: Rows and columns wanted.

    Returns:
        Ellipsoidal heights in metres, of ``shape``.
    """
    lat = north_deg - (np.arange(row0, row0 + shape[0]) * stride) * step_deg
    lon = west_deg + (np.arange(shape[1]) * stride) * step_deg
    lon_grid, lat_grid = (grid.ravel() for grid in np.meshgrid(lon, lat))
    heights = np.asarray(elevation.sample(lon_grid, lat_grid), dtype=np.float64)
    return (heights + undulation.sample(lon_grid, lat_grid)).reshape(shape).astype(np.float32)


def add_scale_errors(
    heights: Singles, errors: Singles, scale: int, row0: int, sag_x_m: float, sag_y_m: float, *, strict: bool
) -> None:
    """Fill in, in place, the errors of one scale; all smaller scales must be filled in.

    Args:
        heights: Ellipsoidal heights, shape (rows, columns); both are 1 more than a multiple of 2 × scale.
        errors: Errors in metres, the same shape.
        scale: Half the length of a hypotenuse along the grid, in samples; a power of two.
        row0: Row of the whole grid that is row 0 here, a multiple of 2 × scale.
        sag_x_m: How far the ellipsoid rises above the middle of an east-west hypotenuse of this scale.
        sag_y_m: The same, north-south. A diagonal's is their sum, for lengths add up in squares.
        strict: Errors add up down the hierarchy, which makes them a bound; else the largest one counts.
    """
    rows, columns = heights.shape
    # A square's centre is needed by the middles of its edges, so these come first.
    for wanted in (1, 2):
        for row in range(0, rows, scale):
            for column in range(0, columns, scale):
                if (row // scale) % 2 + (column // scale) % 2 != wanted:
                    continue
                ends, kin, sag = _neighbours(row, column, scale, row0, (sag_x_m, sag_y_m))
                middle = 0.5 * (float(heights[ends[0]]) + float(heights[ends[1]]))
                own = abs(float(heights[row, column]) + sag - middle)
                inside = [at for at in kin if 0 <= at[0] < rows and 0 <= at[1] < columns]
                below = max((float(errors[at]) for at in inside), default=0.0)
                errors[row, column] = own + below if strict else max(own, below)


Place = tuple[int, int]


def _neighbours(
    row: int, column: int, scale: int, row0: int, sags_m: tuple[float, float]
) -> tuple[tuple[Place, Place], list[Place], float]:
    """Ends of the hypotenuse whose middle is a sample, the samples that need it, and the ellipsoid's rise."""
    half = scale // 2
    around = [(row - half, column - half), (row - half, column + half)]
    around += [(row + half, column - half), (row + half, column + half)]
    if (row // scale) % 2 and (column // scale) % 2:
        cell = (row0 + row) // (2 * scale) + column // (2 * scale)
        slope = 1 if cell % 2 == 0 else -1
        ends = ((row - scale, column - slope * scale), (row + scale, column + slope * scale))
        sides = [(row - scale, column), (row + scale, column), (row, column - scale), (row, column + scale)]
        return ends, sides, sags_m[0] + sags_m[1]
    needing = around if half else []
    if (column // scale) % 2:
        return ((row, column - scale), (row, column + scale)), needing, sags_m[0]
    return ((row - scale, column), (row + scale, column)), needing, sags_m[1]


def tile_mesh(
    errors: Singles, row0: int, column0: int, n_cells: int, parity: int, tolerance_m: float
) -> tuple[Ints, Ints, Indices]:
    """Triangles of one tile whose left-out samples have at most the given error.

    Args:
        errors: Errors of the grid, all scales up to ``n_cells / 2``.
        row0: Row of the tile's north edge.
        column0: Column of its west edge.
        n_cells: Cells along an edge, a power of two.
        parity: Tile row + tile column, modulo 2: 0 where the tile's diagonal runs from north-west to
            south-east.
        tolerance_m: Largest error that may be left out.

    Returns:
        Columns and rows of the vertices within the tile, shape (n,) each, and triangles, shape (m, 3),
        counter-clockwise seen from above.
    """
    n = n_cells
    first = [((0, 0), (n, n), (n, 0)), ((n, n), (0, 0), (0, n))]
    second = [((n, 0), (0, n), (n, n)), ((0, n), (n, 0), (0, 0))]
    stack = second if parity else first
    vertices: dict[Place, int] = {}
    triangles: list[list[int]] = []
    while stack:
        a, b, c = stack.pop()
        middle = ((a[0] + b[0]) // 2, (a[1] + b[1]) // 2)
        can_split = abs(a[0] - c[0]) + abs(a[1] - c[1]) > 1
        if can_split and errors[row0 + middle[1], column0 + middle[0]] > np.float32(tolerance_m):
            stack += [(c, a, middle), (b, c, middle)]
        else:
            triangles.append([vertices.setdefault(corner, len(vertices)) for corner in (a, b, c)])
    places = np.array(list(vertices), dtype=np.int32).reshape(-1, 2)
    return places[:, 0].copy(), places[:, 1].copy(), np.array(triangles, dtype=np.uint32).reshape(-1, 3)


def tile_skirt(columns: Ints, rows: Ints, n_cells: int) -> tuple[Ints, Indices]:
    """A wall around a tile, facing outward.

    Args:
        columns: Columns of the surface's vertices within the tile, shape (n,).
        rows: Rows, shape (n,).
        n_cells: Cells along an edge of the tile.

    Returns:
        For each vertex of the skirt's lower edge the surface vertex that it hangs from, shape (k,), and the
        wall's triangles, shape (2 k, 3); vertex n + i is the skirt's i-th.
    """
    on_border = sorted(
        (_along_border(int(column), int(row), n_cells), vertex)
        for vertex, (column, row) in enumerate(zip(columns, rows, strict=True))
        if column in (0, n_cells) or row in (0, n_cells)
    )
    tops = [vertex for _, vertex in on_border]
    n, k = len(columns), len(tops)
    walls = []
    for i, top in enumerate(tops):
        before, top_before = n + (i - 1) % k, tops[i - 1]
        walls += [[before, n + i, top_before], [n + i, top, top_before]]
    return np.array(tops, dtype=np.int32), np.array(walls, dtype=np.uint32)


def _along_border(column: int, row: int, n: int) -> int:
    """How far along the border a vertex is, counter-clockwise from the north-east corner."""
    if row == 0:
        return n - column
    if column == 0:
        return n + row
    return 2 * n + column if row == n else 3 * n + (n - row)


def enu_and_normals(
    lon_deg: Floats,
    lat_deg: Floats,
    ellipsoidal_height_m: Floats,
    origin: tuple[float, float, float],
    elevation: Raster,
    step_deg: float,
) -> tuple[Floats, Singles]:
    """Exact local coordinates, and the ground's normals in the same frame.

    Args:
        lon_deg: Longitudes, shape (n,).
        lat_deg: Latitudes, shape (n,).
        ellipsoidal_height_m: Heights, shape (n,).
        origin: Longitude, latitude in degrees and ellipsoidal height in metres of the frame's origin.
        elevation: The ground, whose central differences over one step give the normals.
        step_deg: The step: that of the finest level at all levels, so that normals agree between them.

    Returns:
        East, north, up in metres and unit normals in the same axes, both shape (n, 3).
    """
    dlon, lat = np.radians(lon_deg - origin[0]), np.radians(lat_deg)
    lat0 = np.radians(origin[1])
    position = _ecef(dlon, lat, ellipsoidal_height_m)
    centre = _ecef(np.zeros(1), np.array([lat0]), np.array([origin[2]]))
    axes = np.array([[0.0, 1.0, 0.0], [-np.sin(lat0), 0.0, np.cos(lat0)], [np.cos(lat0), 0.0, np.sin(lat0)]])
    normal = _ground_normals(lon_deg, lat_deg, elevation, step_deg)
    east = np.stack([-np.sin(dlon), np.cos(dlon), np.zeros_like(dlon)], axis=1)
    north = np.stack([-np.sin(lat) * np.cos(dlon), -np.sin(lat) * np.sin(dlon), np.cos(lat)], axis=1)
    up = np.stack([np.cos(lat) * np.cos(dlon), np.cos(lat) * np.sin(dlon), np.sin(lat)], axis=1)
    normal_ecef = normal[:, :1] * east + normal[:, 1:2] * north + normal[:, 2:] * up
    return (position - centre) @ axes.T, (normal_ecef @ axes.T).astype(np.float32)


def _ecef(dlon: Floats, lat: Floats, height_m: Floats) -> Floats:
    """Earth-centred coordinates with the x axis turned to longitude 0 of ``dlon``; radians."""
    radius = SEMI_MAJOR_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    across = (radius + height_m) * np.cos(lat)
    along = (radius * (1.0 - ECCENTRICITY_SQUARED) + height_m) * np.sin(lat)
    return np.stack([across * np.cos(dlon), across * np.sin(dlon), along], axis=1)


def _ground_normals(lon_deg: Floats, lat_deg: Floats, elevation: Raster, step_deg: float) -> Floats:
    """Unit normals of the ground, east, north, up at each place."""
    lat = np.radians(lat_deg)
    width = 1.0 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2
    radius = SEMI_MAJOR_M / np.sqrt(width)
    step_x = 2.0 * np.radians(step_deg) * radius * np.cos(lat)
    step_y = 2.0 * np.radians(step_deg) * radius * (1.0 - ECCENTRICITY_SQUARED) / width
    east = elevation.sample(lon_deg + step_deg, lat_deg) - elevation.sample(lon_deg - step_deg, lat_deg)
    north = elevation.sample(lon_deg, lat_deg + step_deg) - elevation.sample(lon_deg, lat_deg - step_deg)
    normal = np.stack([-east / step_x, -north / step_y, np.ones(len(lat))], axis=1)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True), dtype=np.float64)
