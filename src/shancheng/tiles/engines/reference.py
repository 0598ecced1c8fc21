"""Buildings in NumPy, one after the other; `parallel.py` says the same, compiled."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ecef_from_geodetic
from shancheng.geo.frame import enu_fast
from shancheng.geo.raster import Raster

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


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
    """As `parallel.measure`."""
    surfaces = [_raster(elevation, elevation_frame), _raster(undulation, undulation_frame)]

    def height(points: FloatArray) -> FloatArray:
        total: FloatArray = sum(surface.sample(points[:, 0], points[:, 1]) for surface in surfaces)  # type: ignore[assignment]  # there are two
        return total

    for k in range(first, last):
        rings = [
            lonlat[ring_start[r] : ring_start[r + 1]]
            for r in range(feature_ring_start[rows[k]], feature_ring_start[rows[k] + 1])
        ]
        corners = np.concatenate(rings)
        outline = np.concatenate([_densified(ring, spacing_deg) for ring in rings])
        bounds[k] = [*corners.min(axis=0), *corners.max(axis=0)]
        ground[k] = height(outline).min(), height(corners).mean()


def place(frame: FloatArray, coefficients: FloatArray, lon: AnyArray, lat: AnyArray, h: AnyArray) -> AnyArray:
    """As `parallel.place`, for many points at once: shape (m, 3)."""
    if frame[4]:
        offset = ecef_from_geodetic(lon, lat, h) - frame[5:8]
        east, north, up = (offset @ frame[8:17].reshape(3, 3)).T
    else:
        east, north, up = enu_fast(coefficients, lon - frame[0], lat - frame[1], h)
        up = up - frame[2]
    steps: AnyArray = np.rint(np.stack([east, up, -north], axis=1) * frame[3]).astype(np.int32)
    return steps


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
    """As `parallel.extrude`."""
    v = o = 0
    for k, row in enumerate(rows.tolist()):
        first, last = feature_ring_start[row], feature_ring_start[row + 1]
        corners = lonlat[ring_start[first] : ring_start[last]]
        n = len(corners)
        for side, height in ((0, heights[row, 1]), (1, heights[row, 0])):
            placed = place(frame, coefficients, corners[:, 0], corners[:, 1], np.full(n, height))
            positions[v + side : v + 2 * n : 2] = placed
        feature_ids[v : v + 2 * n] = k
        faces = [_walls(np.diff(ring_start[first : last + 1]))]
        roof = triangles[triangle_start[row] : triangle_start[row + 1]].astype(np.int64)
        faces += [2 * roof.ravel()] + ([2 * roof[:, ::-1].ravel() + 1] if floor[row] else [])
        written = np.concatenate(faces)
        indices[o : o + len(written)] = v + written
        v, o = v + 2 * n, o + len(written)
    return v, o


def _walls(ring_sizes: IntArray) -> IntArray:
    """Two triangles for each edge of each ring."""
    corner = np.arange(ring_sizes.sum())
    start = np.repeat(np.cumsum(ring_sizes) - ring_sizes, ring_sizes)
    following = start + (corner - start + 1) % np.repeat(ring_sizes, ring_sizes)
    here, there = 2 * corner, 2 * following
    walls: IntArray = np.stack([here, here + 1, there, there, here + 1, there + 1], axis=1).ravel()
    return walls


def _densified(ring: FloatArray, spacing_deg: float) -> FloatArray:
    """A ring with points between distant corners."""
    points = [ring]
    for start, end in zip(np.roll(ring, 1, axis=0), ring, strict=True):
        pieces = int(np.abs(end - start).max() / spacing_deg)
        share = (np.arange(pieces) + 1) / (pieces + 1)
        points.append(start + share[:, None] * (end - start))
    return np.concatenate(points)


def _raster(values: AnyArray, frame: FloatArray) -> Raster:
    return Raster(values, frame[0], frame[1], 1 / frame[2], 1 / frame[3])
