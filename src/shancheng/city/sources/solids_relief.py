"""A relief of triangles as a raster of elevations."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.manifest import LayerSource, TerrainSource
from shancheng.city.sources.base import ElevationData
from shancheng.city.sources.solids import Plane
from shancheng.geo.arrays import Float32Array, FloatArray, IntArray
from shancheng.geo.bounds import Bounds
from shancheng.geo.fill import fill_voids
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster

__all__ = ["elevation_of_triangles", "triangles_bounds"]

_FINEST_M: Final = 0.5
_COARSEST_M: Final = 60.0
_MOST_SAMPLES: Final = 9_000_000
_AT_ONCE: Final = 2_000_000
_MOST_LAYERS: Final = 100
"""A relief covers each place once; triangles that cover all of it so often are no ground."""
_BEYOND: Final = 0.25
"""The ground is kept so far beyond the square around the extent: other files may widen the city a little."""
_LEAST_SHARE: Final = 0.5
_LOWEST_M: Final = -500.0
_HIGHEST_M: Final = 9000.0
_HAIR: Final = 1e-9
_CORNERS: Final = 3


def triangles_bounds(triangles: FloatArray) -> Bounds:
    """The box around triangles of shape (n, 3, 3), n at least 1."""
    west, south = triangles[..., :2].min(axis=(0, 1))
    east, north = triangles[..., :2].max(axis=(0, 1))
    return Bounds(float(west), float(south), float(east), float(north))


def elevation_of_triangles(
    triangles: FloatArray, extent: Bounds, source: LayerSource
) -> tuple[ElevationData | None, str]:
    """The ground of an extent from the triangles of a relief.

    The step is the side of a square as large as two triangles in the middle of the order of sizes, at least
    half a metre and so that there are at most nine million samples.

    Args:
        triangles: Longitude, latitude, metres above the geoid, shape (n, 3, 3).
        extent: What the ground is for; triangles far outside are left out.
        source: Who is to be credited.

    Returns:
        Elevations without voids: what no triangle covers is filled from around it, counted and marked. None,
        and why, where the relief covers less than half of the extent.
    """
    sound = np.isfinite(triangles).all(axis=(1, 2))
    sound &= ((triangles[..., 2] >= _LOWEST_M) & (triangles[..., 2] <= _HIGHEST_M)).all(axis=1)
    triangles = triangles[sound]
    if len(triangles) == 0:
        return None, "the relief has no triangle with elevations from -500 to 9000 m"
    cell = RootCell.enclosing(extent)
    area = cell.bounds.expanded(_BEYOND * cell.side_deg)
    near = _near(triangles, area)
    if not near.any():
        return None, "the relief lies apart from everything else in the file"
    triangles = triangles[near]
    raster = _grid(triangles, _joined(extent, _cut(triangles_bounds(triangles), area)))
    laid = _laid(triangles, raster)
    if laid is None:
        return None, f"the relief's triangles cover one another more than {_MOST_LAYERS} times"
    void = np.isnan(laid)
    share = 1 - float(void[_inside(raster, extent)].mean())
    if share < _LEAST_SHARE:
        return None, f"the relief covers only {share:.0%} of the extent of everything else in the file"
    filled = Raster(
        fill_voids(laid), raster.west_deg, raster.north_deg, raster.step_lon_deg, raster.step_lat_deg
    )
    described = _source(source, raster, int(void.sum()))
    return ElevationData(filled, described, filled=void if void.any() else None), ""


def _near(triangles: FloatArray, area: Bounds) -> npt.NDArray[np.bool_]:
    low, high = triangles[..., :2].min(axis=1), triangles[..., :2].max(axis=1)
    near: npt.NDArray[np.bool_] = (
        (high[:, 0] >= area.west_deg)
        & (low[:, 0] <= area.east_deg)
        & (high[:, 1] >= area.south_deg)
        & (low[:, 1] <= area.north_deg)
    )
    return near


def _cut(bounds: Bounds, area: Bounds) -> Bounds:
    """The part of bounds that lies in the area, which it touches."""
    return Bounds(
        max(bounds.west_deg, area.west_deg),
        max(bounds.south_deg, area.south_deg),
        min(bounds.east_deg, area.east_deg),
        min(bounds.north_deg, area.north_deg),
    )


def _joined(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(
        min(one.west_deg, other.west_deg),
        min(one.south_deg, other.south_deg),
        max(one.east_deg, other.east_deg),
        max(one.north_deg, other.north_deg),
    )


def _grid(triangles: FloatArray, bounds: Bounds) -> Raster:
    """An empty grid over the bounds, with a step that fits the triangles."""
    plane = Plane(*bounds.centre)
    per_lon, per_lat = plane.metres_a_degree
    one, two = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    area_m2 = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) * per_lon * per_lat / 2
    usual = float(np.median(area_m2[area_m2 > 0])) if (area_m2 > 0).any() else 0.0
    step_m = float(np.clip(np.sqrt(2 * usual), _FINEST_M, _COARSEST_M))
    samples = (bounds.width_deg * per_lon / step_m + 1) * (bounds.height_deg * per_lat / step_m + 1)
    step_m *= max(1.0, float(np.sqrt(samples / _MOST_SAMPLES)))
    cols, step_lon = _steps(bounds.width_deg, step_m / float(per_lon))
    rows, step_lat = _steps(bounds.height_deg, step_m / float(per_lat))
    empty = np.full((rows, cols), np.nan, dtype=np.float32)
    return Raster(empty, bounds.west_deg, bounds.north_deg, step_lon, step_lat)


def _steps(width_deg: float, step_deg: float) -> tuple[int, float]:
    """How many samples, and how far apart, so that the outer ones lie on the edges."""
    steps = max(math.ceil(width_deg / step_deg), 1)
    return steps + 1, width_deg / steps if width_deg > 0 else step_deg


def _laid(triangles: FloatArray, grid: Raster) -> Float32Array | None:
    """Elevations of the samples that triangles cover, NaN elsewhere; None where triangles pile up.

    Of two triangles over a sample the later counts.
    """
    rows, cols = grid.shape
    corners = np.empty_like(triangles)
    corners[..., 0] = (triangles[..., 0] - grid.west_deg) / grid.step_lon_deg
    corners[..., 1] = (grid.north_deg - triangles[..., 1]) / grid.step_lat_deg
    corners[..., 2] = triangles[..., 2]
    low, high = corners[..., :2].min(axis=1), corners[..., :2].max(axis=1)
    limit = np.array([cols - 1, rows - 1])
    first = np.clip(np.ceil(low - _HAIR), 0, limit + 1).astype(np.int64)
    last = np.clip(np.floor(high + _HAIR), -1, limit).astype(np.int64)
    size = np.maximum(last - first + 1, 0)
    if size.prod(axis=1).sum() > _MOST_LAYERS * rows * cols + 100 * len(triangles):
        return None
    laid = np.full((rows, cols), np.nan, dtype=np.float32)
    size[size.min(axis=1) == 0] = 0
    for group in _groups(size[:, 1]):
        # One row of one triangle is a run of samples: runs first, then the samples of some runs at a time.
        triangle = np.repeat(group, size[group, 1])
        row = first[triangle, 1] + _within(size[group, 1])
        for runs in _groups(size[triangle, 0]):
            length = size[triangle[runs], 0]
            col = np.repeat(first[triangle[runs], 0], length) + _within(length)
            _write(laid, corners, np.repeat(triangle[runs], length), np.repeat(row[runs], length), col)
    return laid


def _write(laid: Float32Array, corners: FloatArray, triangle: IntArray, row: IntArray, col: IntArray) -> None:
    """Elevations at the samples that lie in their triangle, in place."""
    a, b, c = (corners[triangle, corner] for corner in range(_CORNERS))
    whole = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    dx, dy = col - a[:, 0], row - a[:, 1]
    flat = whole == 0
    whole[flat] = 1.0
    to_b = (dx * (c[:, 1] - a[:, 1]) - dy * (c[:, 0] - a[:, 0])) / whole
    to_c = (dy * (b[:, 0] - a[:, 0]) - dx * (b[:, 1] - a[:, 1])) / whole
    inside = (to_b >= -_HAIR) & (to_c >= -_HAIR) & (to_b + to_c <= 1 + _HAIR) & ~flat
    z = a[:, 2] + to_b * (b[:, 2] - a[:, 2]) + to_c * (c[:, 2] - a[:, 2])
    laid[row[inside], col[inside]] = z[inside]


def _groups(sizes: IntArray) -> list[IntArray]:
    """Numbers of those that have a size, in groups of about `_AT_ONCE` in all."""
    filled = np.flatnonzero(sizes)
    if len(filled) == 0:
        return []
    group = np.cumsum(sizes[filled]) // _AT_ONCE
    return np.split(filled, np.flatnonzero(np.diff(group)) + 1)


def _within(sizes: IntArray) -> IntArray:
    """0, 1, 2, … for each size."""
    ends = np.cumsum(sizes)
    counted: IntArray = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    return counted


def _inside(grid: Raster, extent: Bounds) -> tuple[npt.NDArray[np.int64], ...]:
    """Samples in the extent, at least the nearest one."""
    rows, cols = grid.shape
    lon = grid.west_deg + grid.step_lon_deg * np.arange(cols)
    lat = grid.north_deg - grid.step_lat_deg * np.arange(rows)
    in_lon = np.flatnonzero((lon >= extent.west_deg) & (lon <= extent.east_deg))
    in_lat = np.flatnonzero((lat >= extent.south_deg) & (lat <= extent.north_deg))
    if len(in_lon) == 0:
        in_lon = np.array([np.argmin(np.abs(lon - extent.centre[0]))])
    if len(in_lat) == 0:
        in_lat = np.array([np.argmin(np.abs(lat - extent.centre[1]))])
    return np.ix_(in_lat, in_lon)


def _source(source: LayerSource, grid: Raster, voids: int) -> TerrainSource:
    notes = "Sampled from the triangles of a relief."
    if voids:
        notes += f" {voids} samples that no triangle covers were filled from their surroundings."
    return TerrainSource(
        source=source.source,
        licence=source.licence,
        attribution=source.attribution,
        attribution_url=source.attribution_url,
        date=source.date,
        provenance=source.provenance,
        step_lon_deg=grid.step_lon_deg,
        step_lat_deg=grid.step_lat_deg,
        voids_filled=voids,
        notes=notes,
    )
