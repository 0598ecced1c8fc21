"""Scalar geometry for compiled loops: the twins of `frame.enu_fast` and `raster.Raster.sample`.

They are inlined into the loops that call them. numba's cache looks only at the calling file's date: who edits
this file deletes the callers' caches (`__pycache__/*.nbi`). Importing this module imports numba; nothing that
answers `--help` does.
"""

from numba import njit

from shancheng.geo.frame import RADIANS_PER_DEGREE


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def enu_fast_scalar(c, dlon, dlat, h):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """East, north, up in metres of one point; see `frame.enu_fast`.

    Args:
        c: One row of `frame.enu_coefficients`, shape (15,).
        dlon: Longitude minus the origin's, degrees.
        dlat: Latitude minus the origin's, degrees.
        h: Height above the ellipsoid in metres.
    """
    x = dlon * RADIANS_PER_DEGREE
    t = dlat * RADIANS_PER_DEGREE
    p = c[0] + dlat * (c[1] + dlat * (c[2] + dlat * (c[3] + dlat * c[4])))
    along = dlat * (c[5] + dlat * (c[6] + dlat * (c[7] + dlat * (c[8] + dlat * c[9]))))
    normal = dlat * dlat * (c[10] + dlat * (c[11] + dlat * c[12]))
    p = p + h * (c[14] - t * (c[13] + t * (c[14] * 0.5)))
    xx = x * x
    versine = xx * (0.5 - xx * (1.0 / 24.0 - xx * (1.0 / 720.0)))
    sine = x * (1.0 - xx * (1.0 / 6.0 - xx * (1.0 / 120.0)))
    side = p * versine
    east = p * sine
    north = along + h * (t - t * t * t * (1.0 / 6.0)) + c[13] * side
    up = normal + h * (1.0 - t * t * 0.5) - c[14] * side
    return east, north, up


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def sample_bilinear(values, west, north, inv_step_lon, inv_step_lat, lon, lat):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Bilinear value of a raster at one point, edge-clamped; NaN for a NaN point. See `raster.Raster.sample`.

    Args:
        values: float32 samples, shape (rows, cols), row 0 in the north.
        west: Longitude of the centre of sample [0, 0].
        north: Latitude of the same.
        inv_step_lon: 1 / step between columns, per degree.
        inv_step_lat: 1 / step between rows, per degree.
        lon: Longitude of the point.
        lat: Latitude of the point.
    """
    last_row = values.shape[0] - 1
    last_col = values.shape[1] - 1
    col = min(max((lon - west) * inv_step_lon, 0.0), float(last_col))
    row = min(max((north - lat) * inv_step_lat, 0.0), float(last_row))
    # A NaN must not become an index; it still reaches the result through the fractions.
    col0 = int(col) if col > 0.0 else 0
    row0 = int(row) if row > 0.0 else 0
    col1 = min(col0 + 1, last_col)
    row1 = min(row0 + 1, last_row)
    fx = col - col0
    fy = row - row0
    top = float(values[row0, col0]) * (1.0 - fx) + float(values[row0, col1]) * fx
    bottom = float(values[row1, col0]) * (1.0 - fx) + float(values[row1, col1]) * fx
    return top * (1.0 - fy) + bottom * fy
