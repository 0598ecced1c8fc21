"""Buildings, compiled: where each stands, its walls, roof and floor. `reference.py` is the twin in NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_M
from shancheng.geo.kernels import enu_fast_scalar, sample_bilinear
from shancheng.tiles.engines.jit import kernel, types

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
_PAIRS = types.Array(types.float64, 2, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_GRID = types.Array(types.float32, 2, "C", readonly=True)
_FLAGS = types.Array(types.uint8, 1, "C", readonly=True)
_CORNERS = types.Array(types.uint16, 2, "C", readonly=True)


@kernel(types.float64(_GRID, _FLOATS, _GRID, _FLOATS, types.float64, types.float64))
def _ground(
    elevation: AnyArray, elevation_frame: FloatArray, undulation: AnyArray, undulation_frame: FloatArray,
    lon: float, lat: float,
) -> float:  # fmt: skip
    """Ellipsoidal height of the ground at a point."""
    f = elevation_frame
    g = undulation_frame
    above_geoid = sample_bilinear(elevation, f[0], f[1], f[2], f[3], lon, lat)
    return float(above_geoid + sample_bilinear(undulation, g[0], g[1], g[2], g[3], lon, lat))


@kernel(
    types.void(
        _PAIRS, _INTS, _INTS, _INTS, _GRID, _FLOATS, _GRID, _FLOATS, types.float64,
        types.int64, types.int64, types.float64[:, ::1], types.float64[:, ::1],
    )
)  # fmt: skip
def measure(
    lonlat: FloatArray,
    ring_start: IntArray,
    feature_ring_start: IntArray,
    rows: IntArray,
    elevation: AnyArray,
    elevation_frame: FloatArray,
    undulation: AnyArray,
    undulation_frame: FloatArray,
    spacing_deg: float,
    first: int,
    last: int,
    bounds: FloatArray,
    ground: FloatArray,
) -> None:
    """Bounding boxes of footprints and the ground below them.

    Args:
        lonlat: Corners in degrees, shape (v, 2).
        ring_start: First corner of each ring, shape (r + 1,).
        feature_ring_start: First ring of each footprint, shape (n + 1,).
        rows: Footprints to measure, shape (m,).
        elevation: Metres above the geoid, row 0 in the north.
        elevation_frame: West, north and one over the steps of that raster.
        undulation: The geoid above the ellipsoid, metres.
        undulation_frame: Likewise.
        spacing_deg: Long edges are sampled at least this densely, for the ground may dip between their ends.
        first: First of `rows`.
        last: The one after the last.
        bounds: Out: west, south, east, north in degrees, shape (m, 4).
        ground: Out: lowest ground along the outline and mean ground at its corners, ellipsoidal, shape (m,
            2).
    """
    for k in range(first, last):
        row = rows[k]
        west = south = np.inf
        east = north = -np.inf
        lowest = np.inf
        total = 0.0
        corners = 0
        for r in range(feature_ring_start[row], feature_ring_start[row + 1]):
            a = ring_start[r]
            b = ring_start[r + 1]
            x0 = lonlat[b - 1, 0]
            y0 = lonlat[b - 1, 1]
            for i in range(a, b):
                x = lonlat[i, 0]
                y = lonlat[i, 1]
                west = min(west, x)
                east = max(east, x)
                south = min(south, y)
                north = max(north, y)
                z = _ground(elevation, elevation_frame, undulation, undulation_frame, x, y)
                total += z
                corners += 1
                lowest = min(lowest, z)
                pieces = np.int64(max(abs(x - x0), abs(y - y0)) / spacing_deg)
                for j in range(pieces):
                    share = (j + 1) / (pieces + 1)
                    z = _ground(
                        elevation, elevation_frame, undulation, undulation_frame,
                        x0 + share * (x - x0), y0 + share * (y - y0),
                    )  # fmt: skip
                    lowest = min(lowest, z)
                x0 = x
                y0 = y
        bounds[k, 0] = west
        bounds[k, 1] = south
        bounds[k, 2] = east
        bounds[k, 3] = north
        ground[k, 0] = lowest
        ground[k, 1] = total / corners


@kernel(types.UniTuple(types.float64, 3)(_FLOATS, types.float64, types.float64, types.float64))
def _exact_enu(frame: FloatArray, lon: float, lat: float, h: float) -> tuple[float, float, float]:
    """East, north, up by way of ECEF, for tiles too large for the series.

    `frame` holds the origin's ECEF coordinates in [5:8] and the rotation from ENU, row by row, in [8:17].
    """
    sin_lat = np.sin(np.radians(lat))
    cos_lat = np.cos(np.radians(lat))
    normal = SEMI_MAJOR_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat)
    x = (normal + h) * cos_lat * np.cos(np.radians(lon)) - frame[5]
    y = (normal + h) * cos_lat * np.sin(np.radians(lon)) - frame[6]
    z = (normal * (1.0 - ECCENTRICITY_SQUARED) + h) * sin_lat - frame[7]
    east = x * frame[8] + y * frame[11] + z * frame[14]
    north = x * frame[9] + y * frame[12] + z * frame[15]
    up = x * frame[10] + y * frame[13] + z * frame[16]
    return east, north, up


@kernel(types.void(_FLOATS, _FLOATS, types.float64, types.float64, types.float64, types.int32[::1]))
def place(
    frame: FloatArray, coefficients: FloatArray, lon: float, lat: float, h: float, out: AnyArray
) -> None:
    """Steps of the quantum from a tile's origin to a point: east, up, south.

    Args:
        frame: Origin's longitude, latitude and height, one over the quantum, 1 for the exact way, and what
            that needs; shape (17,).
        coefficients: Of the series at the origin, shape (15,).
        lon: Longitude of the point.
        lat: Latitude of the point.
        h: Ellipsoidal height of the point.
        out: Out, shape (3,).
    """
    if frame[4] != 0.0:
        east, north, up = _exact_enu(frame, lon, lat, h)
    else:
        east, north, up = enu_fast_scalar(coefficients, lon - frame[0], lat - frame[1], h)
        up -= frame[2]
    out[0] = np.int32(np.rint(east * frame[3]))
    out[1] = np.int32(np.rint(up * frame[3]))
    out[2] = np.int32(-np.rint(north * frame[3]))


@kernel(
    types.UniTuple(types.int64, 2)(
        _INTS, _PAIRS, _INTS, _INTS, _CORNERS, _INTS, _PAIRS, _FLAGS, _FLOATS, _FLOATS,
        types.int32[:, ::1], types.uint32[::1], types.uint32[::1],
    )
)  # fmt: skip
def extrude(
    rows: IntArray,
    lonlat: FloatArray,
    ring_start: IntArray,
    feature_ring_start: IntArray,
    triangles: AnyArray,
    triangle_start: IntArray,
    heights: FloatArray,
    floor: AnyArray,
    frame: FloatArray,
    coefficients: FloatArray,
    positions: AnyArray,
    feature_ids: AnyArray,
    indices: AnyArray,
) -> tuple[int, int]:
    """Walls, roofs and floors of one tile; corner k of a building has vertex 2 k above and 2 k + 1 below.

    Triangles meet new vertices in rising order, which the index codec stores in a third less.

    Args:
        rows: Footprints of the tile, shape (m,); each one's place is its feature id.
        lonlat: Corners in degrees, shape (v, 2).
        ring_start: First corner of each ring, shape (r + 1,).
        feature_ring_start: First ring of each footprint, shape (n + 1,).
        triangles: Of the footprints, corners counted from each one's first, shape (t, 3).
        triangle_start: First triangle of each footprint, shape (n + 1,).
        heights: Ellipsoidal heights of bottom and top of each footprint, shape (n, 2).
        floor: 1 where a footprint needs a floor, shape (n,).
        frame: See `place`.
        coefficients: See `place`.
        positions: Out: east, up, south in steps of the quantum.
        feature_ids: Out.
        indices: Out.

    Returns:
        Numbers of vertices and of indices written.
    """
    v = 0
    o = 0
    for k in range(len(rows)):
        row = rows[k]
        v0 = v
        for r in range(feature_ring_start[row], feature_ring_start[row + 1]):
            v_ring = v
            for i in range(ring_start[r], ring_start[r + 1]):
                place(frame, coefficients, lonlat[i, 0], lonlat[i, 1], heights[row, 1], positions[v])
                place(frame, coefficients, lonlat[i, 0], lonlat[i, 1], heights[row, 0], positions[v + 1])
                feature_ids[v] = k
                feature_ids[v + 1] = k
                following = v + 2 if i + 1 < ring_start[r + 1] else v_ring
                indices[o] = v
                indices[o + 1] = v + 1
                indices[o + 2] = following
                indices[o + 3] = following
                indices[o + 4] = v + 1
                indices[o + 5] = following + 1
                o += 6
                v += 2
        for t in range(triangle_start[row], triangle_start[row + 1]):
            for j in range(3):
                indices[o] = v0 + 2 * triangles[t, j]
                o += 1
        if floor[row]:
            for t in range(triangle_start[row], triangle_start[row + 1]):
                for j in range(3):
                    indices[o] = v0 + 2 * triangles[t, 2 - j] + 1
                    o += 1
    return v, o
