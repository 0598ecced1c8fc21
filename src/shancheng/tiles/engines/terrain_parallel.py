"""The terrain's functions compiled by numba; what they mean is written beside their references."""

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_M
from shancheng.geo.kernels import sample_bilinear
from shancheng.geo.raster import Raster
from shancheng.tiles.engines.jit import kernel
from shancheng.tiles.engines.terrain_reference import Floats, Indices, Ints, Singles

__all__ = ["add_scale_errors", "enu_and_normals", "sample_grid", "tile_mesh", "tile_skirt"]


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
    """Ellipsoidal heights on a regular grid."""
    heights = np.empty(shape, dtype=np.float32)
    frame = (west_deg, north_deg, step_deg, stride, row0)
    _sample_grid(*_parts(elevation), *_parts(undulation), *frame, heights)
    return heights


def add_scale_errors(
    heights: Singles, errors: Singles, scale: int, row0: int, sag_x_m: float, sag_y_m: float, *, strict: bool
) -> None:
    """Fill in, in place, the errors of one scale; all smaller scales must be filled in."""
    _add_edge_errors(heights, errors, scale, sag_x_m, sag_y_m, int(strict))
    _add_centre_errors(heights, errors, scale, row0, sag_x_m + sag_y_m, int(strict))


def tile_mesh(
    errors: Singles, row0: int, column0: int, n_cells: int, parity: int, tolerance_m: float
) -> tuple[Ints, Ints, Indices]:
    """Triangles of one tile whose left-out samples have at most the given error."""
    columns, rows, triangles = _tile_mesh(errors, row0, column0, n_cells, parity, tolerance_m)
    return columns, rows, triangles


def tile_skirt(columns: Ints, rows: Ints, n_cells: int) -> tuple[Ints, Indices]:
    """A wall around a tile, facing outward."""
    tops, walls = _tile_skirt(columns, rows, n_cells)
    return tops, walls


def enu_and_normals(
    lon_deg: Floats,
    lat_deg: Floats,
    ellipsoidal_height_m: Floats,
    origin: tuple[float, float, float],
    elevation: Raster,
    step_deg: float,
) -> tuple[Floats, Singles]:
    """Exact local coordinates, and the ground's normals in the same frame."""
    enu = np.empty((len(lon_deg), 3))
    normals = np.empty((len(lon_deg), 3), dtype=np.float32)
    places = (lon_deg, lat_deg, ellipsoidal_height_m)
    values, west, north, per_lon, per_lat = _parts(elevation)
    _enu_and_normals(*places, *origin, values, west, north, per_lon, per_lat, step_deg, enu, normals)
    return enu, normals


def _parts(raster: Raster) -> tuple[npt.NDArray[np.float32], float, float, float, float]:
    steps = (1.0 / raster.step_lon_deg, 1.0 / raster.step_lat_deg)
    # Kernels are compiled for arrays that may be written to; a raster read from a mapped file may not.
    values = np.require(raster.values, requirements=["C", "W"])
    return values, raster.west_deg, raster.north_deg, *steps


@kernel("void(f4[:,::1],f8,f8,f8,f8,f4[:,::1],f8,f8,f8,f8,f8,f8,f8,i8,i8,f4[:,::1])")
def _sample_grid(
    ev: Singles,
    ew: float,
    en: float,
    ex: float,
    ey: float,
    gv: Singles,
    gw: float,
    gn: float,
    gx: float,
    gy: float,
    west: float,
    north: float,
    step: float,
    stride: int,
    row0: int,
    out: Singles,
) -> None:
    for row in range(out.shape[0]):
        lat = north - ((row0 + row) * stride) * step
        for column in range(out.shape[1]):
            lon = west + (column * stride) * step
            out[row, column] = sample_bilinear(ev, ew, en, ex, ey, lon, lat) + sample_bilinear(
                gv, gw, gn, gx, gy, lon, lat
            )


@kernel("void(f4[:,::1],f4[:,::1],i8,f8,f8,i8)")
def _add_edge_errors(h: Singles, e: Singles, s: int, sag_x: float, sag_y: float, strict: int) -> None:
    rows, columns = h.shape
    half = s // 2
    for row in range(0, rows, s):
        first = 0 if (row // s) % 2 == 1 else s
        for column in range(first, columns, 2 * s):
            if first == 0:
                own = abs(
                    h[row, column] + sag_y - 0.5 * (np.float64(h[row - s, column]) + h[row + s, column])
                )
            else:
                own = abs(
                    h[row, column] + sag_x - 0.5 * (np.float64(h[row, column - s]) + h[row, column + s])
                )
            below = np.float32(0.0)
            if half > 0:
                if row >= half and column >= half:
                    below = max(below, e[row - half, column - half])
                if row >= half and column + half < columns:
                    below = max(below, e[row - half, column + half])
                if row + half < rows and column >= half:
                    below = max(below, e[row + half, column - half])
                if row + half < rows and column + half < columns:
                    below = max(below, e[row + half, column + half])
            e[row, column] = own + below if strict else max(own, np.float64(below))


@kernel("void(f4[:,::1],f4[:,::1],i8,i8,f8,i8)")
def _add_centre_errors(h: Singles, e: Singles, s: int, row0: int, sag: float, strict: int) -> None:
    rows, columns = h.shape
    for row in range(s, rows, 2 * s):
        for column in range(s, columns, 2 * s):
            side = -s if ((row0 + row) // (2 * s) + column // (2 * s)) % 2 == 1 else s
            middle = 0.5 * (np.float64(h[row - s, column - side]) + h[row + s, column + side])
            own = abs(h[row, column] + sag - middle)
            below = max(e[row - s, column], e[row + s, column], e[row, column - s], e[row, column + s])
            e[row, column] = own + below if strict else max(own, np.float64(below))


@kernel("Tuple((i4[::1],i4[::1],u4[:,::1]))(f4[:,::1],i8,i8,i8,i8,f8)")
def _tile_mesh(
    errors: Singles, row0: int, column0: int, n: int, parity: int, tolerance: float
) -> tuple[Ints, Ints, Indices]:
    limit = np.float32(tolerance)
    width = n + 1
    number = np.full(width * width, -1, dtype=np.int32)
    columns = np.empty(width * width, dtype=np.int32)
    rows = np.empty(width * width, dtype=np.int32)
    triangles = np.empty((2 * n * n, 3), dtype=np.uint32)
    # Depth first: a level of the hierarchy leaves one triangle waiting, and there are 2 log2(n) + 1 levels.
    stack = np.empty((160, 6), dtype=np.int64)
    corners = np.empty(6, dtype=np.int64)
    n_vertices, n_triangles, top = 0, 0, 2
    if parity == 0:
        stack[0] = (0, 0, n, n, n, 0)
        stack[1] = (n, n, 0, 0, 0, n)
    else:
        stack[0] = (n, 0, 0, n, n, n)
        stack[1] = (0, n, n, 0, 0, 0)
    while top > 0:
        top -= 1
        for i in range(6):
            corners[i] = stack[top, i]
        ax, ay, bx, by = corners[0], corners[1], corners[2], corners[3]
        cx, cy = corners[4], corners[5]
        mx, my = (ax + bx) // 2, (ay + by) // 2
        if abs(ax - cx) + abs(ay - cy) > 1 and errors[row0 + my, column0 + mx] > limit:
            stack[top] = (cx, cy, ax, ay, mx, my)
            stack[top + 1] = (bx, by, cx, cy, mx, my)
            top += 2
            continue
        for i in range(3):
            x, y = corners[2 * i], corners[2 * i + 1]
            vertex = number[y * width + x]
            if vertex < 0:
                vertex = n_vertices
                number[y * width + x] = vertex
                columns[vertex] = x
                rows[vertex] = y
                n_vertices += 1
            triangles[n_triangles, i] = vertex
        n_triangles += 1
    return columns[:n_vertices].copy(), rows[:n_vertices].copy(), triangles[:n_triangles].copy()


@kernel("Tuple((i4[::1],u4[:,::1]))(i4[::1],i4[::1],i8)")
def _tile_skirt(columns: Ints, rows: Ints, n: int) -> tuple[Ints, Indices]:
    border = np.full(4 * n, -1, dtype=np.int32)
    for vertex in range(len(columns)):
        column, row = columns[vertex], rows[vertex]
        if row == 0:
            border[n - column] = vertex
        elif column == 0:
            border[n + row] = vertex
        elif row == n:
            border[2 * n + column] = vertex
        elif column == n:
            border[3 * n + (n - row)] = vertex
    tops = border[border >= 0]
    walls = np.empty((2 * len(tops), 3), dtype=np.uint32)
    for i in range(len(tops)):
        previous = i - 1 if i > 0 else len(tops) - 1
        before, here = len(columns) + previous, len(columns) + i
        walls[2 * i, 0], walls[2 * i, 1], walls[2 * i, 2] = before, here, tops[previous]
        walls[2 * i + 1, 0], walls[2 * i + 1, 1], walls[2 * i + 1, 2] = here, tops[i], tops[previous]
    return tops, walls


@kernel("void(f8[::1],f8[::1],f8[::1],f8,f8,f8,f4[:,::1],f8,f8,f8,f8,f8,f8[:,::1],f4[:,::1])")
def _enu_and_normals(
    lon: Floats,
    lat: Floats,
    height: Floats,
    lon0: float,
    lat0: float,
    height0: float,
    v: Singles,
    w: float,
    n: float,
    ix: float,
    iy: float,
    step: float,
    enu: Floats,
    normals: Singles,
) -> None:
    sin0, cos0 = np.sin(np.radians(lat0)), np.cos(np.radians(lat0))
    radius0 = SEMI_MAJOR_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * sin0 * sin0)
    across0 = (radius0 + height0) * cos0
    along0 = (radius0 * (1.0 - ECCENTRICITY_SQUARED) + height0) * sin0
    step_rad = 2.0 * np.radians(step)
    for i in range(len(lon)):
        dlon, phi = np.radians(lon[i] - lon0), np.radians(lat[i])
        sin_l, cos_l, sin_p, cos_p = np.sin(dlon), np.cos(dlon), np.sin(phi), np.cos(phi)
        shrink = 1.0 - ECCENTRICITY_SQUARED * sin_p * sin_p
        radius = SEMI_MAJOR_M / np.sqrt(shrink)
        across = (radius + height[i]) * cos_p
        x = across * cos_l - across0
        z = (radius * (1.0 - ECCENTRICITY_SQUARED) + height[i]) * sin_p - along0
        enu[i, 0] = across * sin_l
        enu[i, 1] = -sin0 * x + cos0 * z
        enu[i, 2] = cos0 * x + sin0 * z
        east = sample_bilinear(v, w, n, ix, iy, lon[i] + step, lat[i]) - sample_bilinear(
            v, w, n, ix, iy, lon[i] - step, lat[i]
        )
        north = sample_bilinear(v, w, n, ix, iy, lon[i], lat[i] + step) - sample_bilinear(
            v, w, n, ix, iy, lon[i], lat[i] - step
        )
        a = -east / (step_rad * radius * cos_p)
        b = -north / (step_rad * radius * (1.0 - ECCENTRICITY_SQUARED) / shrink)
        length = np.sqrt(a * a + b * b + 1.0)
        nx = (-b * sin_p * cos_l - a * sin_l + cos_p * cos_l) / length
        ny = (a * cos_l - b * sin_p * sin_l + cos_p * sin_l) / length
        nz = (b * cos_p + sin_p) / length
        normals[i, 0] = ny
        normals[i, 1] = -sin0 * nx + cos0 * nz
        normals[i, 2] = cos0 * nx + sin0 * nz
