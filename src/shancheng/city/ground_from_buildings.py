"""A ground for a city that has solids but no elevations: drawn through the lowest points of its buildings.

A model of the ground, not a measurement of it: it is right under the buildings and smooth between them. It is
there so that buildings with absolute heights stand on something; real elevations replace it.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.manifest import TerrainSource
from shancheng.city.schema import MODELLED
from shancheng.city.sources.base import ElevationData
from shancheng.errors import CoverageError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import Bounds
from shancheng.geo.fill import fill_voids
from shancheng.geo.geoid import undulation_m
from shancheng.geo.raster import Raster

__all__ = ["ground_from_buildings"]

_STEP_M: Final = 10.0
_MAX_SIDE: Final = 1024
"""Samples on a side of the grid: 4 MB of elevations, whatever the city's size."""
_MARGIN: Final = 2
_FOOT_M: Final = 0.5
"""Vertices up to so far above a building's lowest one are where it meets the ground."""
_LOWEST_M: Final = -500.0
_HIGHEST_M: Final = 9000.0
_OUTLIER_M: Final = 50.0
"""So far beyond the middle 98 % of all buildings, a lowest point is a slip and not a hill."""
_ROWS_AT_ONCE: Final = 20_000
_METRES_A_DEGREE: Final = 111_320.0


def ground_from_buildings(table: pa.Table, area: Bounds, extent: Bounds) -> ElevationData:
    """Elevations of an area, interpolated from where the city's solids stand.

    Args:
        table: A layer with ``lod2_geometry`` (and ``parent_id``, where it has one): parts stand with their
            parent, since a tower's lowest point may lie on the roof of its podium.
        area: What the grid covers.
        extent: Buildings that lie outside do not count.

    Returns:
        A grid of at most 1024 by 1024 samples, no finer than 10 m, marked as modelled.

    Raises:
        CoverageError: No building in ``extent`` has a solid.
    """
    lon, lat, elevation_m = _feet(table, extent)
    if len(lon) == 0:
        raise CoverageError(
            "buildings: none in the city's extent has a solid with heights to draw a ground through; "
            "give elevations with --dem"
        )
    empty = _grid(area)
    raster = Raster(
        fill_voids(_means(empty, lon, lat, elevation_m)),
        empty.west_deg,
        empty.north_deg,
        empty.step_lon_deg,
        empty.step_lat_deg,
    )
    return ElevationData(raster, _source(raster))


def _feet(table: pa.Table, extent: Bounds) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Longitude, latitude and elevation of the vertices on which buildings stand, each of shape (n,)."""
    parts = list(_vertices(table))
    if not parts:
        return np.empty(0), np.empty(0), np.empty(0)
    owner, xyz = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    lowest = np.full(int(owner.max(initial=-1)) + 1, np.inf)
    np.minimum.at(lowest, owner, xyz[:, 2])
    lon, lat, height = xyz[xyz[:, 2] <= lowest[owner] + _FOOT_M].T
    elevation = height - undulation_m(lon, lat)
    sound = (
        (lon >= extent.west_deg)
        & (lon <= extent.east_deg)
        & (lat >= extent.south_deg)
        & (lat <= extent.north_deg)
        & (elevation >= _LOWEST_M)
        & (elevation <= _HIGHEST_M)
    )
    lon, lat, elevation = lon[sound], lat[sound], elevation[sound]
    if len(elevation):
        low, high = np.percentile(elevation, [1, 99]) + np.array([-_OUTLIER_M, _OUTLIER_M])
        kept = (elevation >= low) & (elevation <= high)
        lon, lat, elevation = lon[kept], lat[kept], elevation[kept]
    return lon, lat, elevation


def _vertices(table: pa.Table) -> Iterator[tuple[npt.NDArray[np.int64], FloatArray]]:
    """Low vertices of some rows at a time: whose they are, shape (n,), and where, shape (n, 3)."""
    owner = _owners(table)
    column: Any = table.column("lod2_geometry")
    for first in range(0, table.num_rows, _ROWS_AT_ONCE):
        wkb = column.slice(first, _ROWS_AT_ONCE).to_numpy()
        xyz, row = shapely.get_coordinates(
            shapely.from_wkb(wkb, on_invalid="ignore"), include_z=True, return_index=True
        )
        finite = np.isfinite(xyz).all(axis=1)
        xyz, row = xyz[finite], row[finite]
        lowest = np.full(len(wkb), np.inf)
        np.minimum.at(lowest, row, xyz[:, 2])
        low = xyz[:, 2] <= lowest[row] + _FOOT_M
        yield owner[first + row[low]], xyz[low]


def _owners(table: pa.Table) -> npt.NDArray[np.int64]:
    """Number of the building that each row belongs to: its parent's, or its own, shape (n,)."""
    ids = np.asarray(table.column("id").to_pylist(), dtype=object)
    if "parent_id" in table.column_names:
        parents = np.asarray(table.column("parent_id").to_pylist(), dtype=object)
        ids = np.where(parents == np.array(None), ids, parents)
    return np.unique(ids.astype(str), return_inverse=True)[1].astype(np.int64)


def _grid(area: Bounds) -> Raster:
    """An empty grid around the area, square in metres at its middle."""
    per_lon = _METRES_A_DEGREE * max(np.cos(np.radians(area.centre[1])), 0.01)
    side_m = max(area.width_deg * per_lon, area.height_deg * _METRES_A_DEGREE, _STEP_M)
    step_m = max(_STEP_M, side_m / (_MAX_SIDE - 2 * _MARGIN - 2))
    step_lon, step_lat = float(step_m / per_lon), step_m / _METRES_A_DEGREE
    cols = int(np.ceil(area.width_deg / step_lon)) + 2 * _MARGIN + 1
    rows = int(np.ceil(area.height_deg / step_lat)) + 2 * _MARGIN + 1
    return Raster(
        np.full((rows, cols), np.nan, dtype=np.float32),
        area.west_deg - _MARGIN * step_lon,
        area.north_deg + _MARGIN * step_lat,
        step_lon,
        step_lat,
    )


def _means(grid: Raster, lon: FloatArray, lat: FloatArray, elevation_m: FloatArray) -> FloatArray:
    """The mean of the points nearest to each sample, NaN where none is; those outside go to the edge."""
    rows, cols = grid.shape
    col = np.clip(np.rint((lon - grid.west_deg) / grid.step_lon_deg), 0, cols - 1).astype(np.int64)
    row = np.clip(np.rint((grid.north_deg - lat) / grid.step_lat_deg), 0, rows - 1).astype(np.int64)
    cell = row * cols + col
    count = np.bincount(cell, minlength=rows * cols).astype(np.float64)
    total = np.bincount(cell, weights=elevation_m, minlength=rows * cols)
    mean: FloatArray = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean.reshape(rows, cols)


def _source(raster: Raster) -> TerrainSource:
    return TerrainSource(
        source="the city's own buildings",
        licence="as the buildings",
        attribution="",
        provenance=MODELLED,
        step_lon_deg=raster.step_lon_deg,
        step_lat_deg=raster.step_lat_deg,
        notes=(
            "No elevations were given (--dem): the ground is drawn through the lowest points of the "
            "buildings and is smooth between them, which is not the real ground."
        ),
    )
