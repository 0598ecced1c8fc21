"""Elevations of one or many files, joined by priority → one grid without voids.

The first file sets the grid: in longitude and latitude its samples are taken as they are, else it is
resampled near its own resolution. Further files fill what those before them leave empty. Only a window is
read. Heights are taken as above the geoid, which is what such files hold; the file's own reference is not
changed.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.fill
import rasterio.warp
import shapely
from rasterio.enums import Resampling

from shancheng.city.manifest import TerrainSource
from shancheng.city.schema import MODELLED, SURVEYED
from shancheng.city.sources.base import ElevationData
from shancheng.city.sources.dem_file import DemFile, dem_file
from shancheng.city.sources.elevation_files import MARGIN_SAMPLES, OpenDem, edges_of, open_dem
from shancheng.city.sources.hgt import is_hgt
from shancheng.city.terrain import CRS, affine_of, raster_from_affine
from shancheng.errors import CoverageError
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from shancheng.progress import Progress

__all__ = ["flat_elevation", "read_elevation"]

Values = npt.NDArray[np.float32]

_MAX_SAMPLES: Final = 64_000_000
_MOST_VOIDS: Final = 0.5
_FLAT_STEPS: Final = 64
_HAIR: Final = 1e-3
"""Part of a step within which a sample on a file's edge counts as inside."""


def read_elevation(
    files: Sequence[DemFile | Path], area: Bounds, extent: Bounds, progress: Progress
) -> ElevationData:
    """Elevations of an area.

    Args:
        files: At least one; the first sets the grid and goes before the others wherever it has a value.
        area: What to read where the files have it, with two samples of margin.
        extent: What they must cover.
        progress: Told what is being read.

    Returns:
        A grid that covers ``area`` as far as the files reach; voids are filled from around them, counted and
        marked.

    Raises:
        SourceFileError: A file is missing, damaged or of another kind.
        UnknownCRSError: A GeoTIFF does not say its reference system.
        CoverageError: The files do not cover ``extent``, or are empty over most of it.
    """
    dems = []
    for file in (dem_file(entry) if isinstance(entry, Path) else entry for entry in files):
        progress.step(f"reading {file.path.name}", None)
        dems.append(open_dem(file, area))
    paths = [dem.path for dem in dems]
    _check_cover(dems, extent)
    progress.step("resampling elevations", None)
    grid = _grid(dems[0], area, _reach(dems))
    for dem in dems:
        _lay(dem, grid)
    _check_voids(grid, extent, paths)
    void = np.isnan(grid.values)
    source = _source(paths, grid, int(void.sum()))
    if not void.any():
        return ElevationData(grid, source)
    return ElevationData(replace(grid, values=_fill(grid.values)), source, filled=void)


def flat_elevation(area: Bounds) -> ElevationData:
    """Level ground at the geoid, for a city of which nobody has given elevations: marked as modelled."""
    step = max(area.width_deg, area.height_deg) / _FLAT_STEPS
    side = _FLAT_STEPS + 2 * MARGIN_SAMPLES + 1
    raster = Raster(
        np.zeros((side, side), dtype=np.float32),
        west_deg=area.west_deg - MARGIN_SAMPLES * step,
        north_deg=area.north_deg + MARGIN_SAMPLES * step,
        step_lon_deg=step,
        step_lat_deg=step,
    )
    source = TerrainSource(
        source="none",
        licence="CC0-1.0",
        attribution="",
        provenance=MODELLED,
        step_lon_deg=step,
        step_lat_deg=step,
        notes="No elevations were given (--dem): the ground is level at 0 m, which is not the real ground.",
    )
    return ElevationData(raster, source)


# Coverage


def _check_cover(dems: Sequence[OpenDem], extent: Bounds) -> None:
    # A tile's outer samples lie on its edge: a hair's breadth beyond them is still covered.
    covered = shapely.union_all(
        [shapely.box(*edges_of(dem.box)).buffer(1e-6, join_style="mitre") for dem in dems]
    )
    if not shapely.contains(covered, shapely.box(*edges_of(extent))):
        names = ", ".join(str(dem.path) for dem in dems)
        west, south, east, north = covered.bounds
        raise CoverageError(
            f"{names}: covers {_shown((west, south, east, north))}, "
            f"but the city lies at {_shown(edges_of(extent))}; needed: elevations of the whole city"
        )


def _check_voids(grid: Raster, extent: Bounds, paths: Sequence[Path]) -> None:
    lon = grid.west_deg + grid.step_lon_deg * np.arange(grid.shape[1])
    lat = grid.north_deg - grid.step_lat_deg * np.arange(grid.shape[0])
    cols = (lon >= extent.west_deg - grid.step_lon_deg) & (lon <= extent.east_deg + grid.step_lon_deg)
    rows = (lat >= extent.south_deg - grid.step_lat_deg) & (lat <= extent.north_deg + grid.step_lat_deg)
    share = float(np.isnan(grid.values[np.ix_(rows, cols)]).mean())
    if share > _MOST_VOIDS:
        names = ", ".join(str(path) for path in paths)
        raise CoverageError(
            f"{names}: no elevation for {share:.0%} of the city at {_shown(edges_of(extent))}; "
            f"needed: at least {1 - _MOST_VOIDS:.0%}"
        )


def _shown(edges: tuple[float, float, float, float]) -> str:
    west, south, east, north = edges
    return f"{west:.4f} to {east:.4f} E, {south:.4f} to {north:.4f} N"


# The grid


def _reach(dems: Sequence[OpenDem]) -> Bounds:
    """The box around all files."""
    boxes = np.array([edges_of(dem.box) for dem in dems])
    return Bounds(*(float(edge) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))))


def _grid(dem: OpenDem, area: Bounds, reach: Bounds) -> Raster:
    """An empty grid on the first file's samples, or near its resolution: the area, as far as files reach."""
    west, north, step_lon, step_lat = _phase(dem, area)
    col0, col1 = _span(
        (area.west_deg - west, area.east_deg - west), (reach.west_deg - west, reach.east_deg - west), step_lon
    )
    row0, row1 = _span(
        (north - area.north_deg, north - area.south_deg),
        (north - reach.north_deg, north - reach.south_deg),
        step_lat,
    )
    values = np.full((row1 - row0 + 1, col1 - col0 + 1), np.nan, dtype=np.float32)
    return Raster(values, west + col0 * step_lon, north - row0 * step_lat, step_lon, step_lat)


def _span(wanted: tuple[float, float], reached: tuple[float, float], step: float) -> tuple[int, int]:
    """First and last sample along an axis: around what is wanted, within what is reached."""
    first = max(math.floor(wanted[0] / step + _HAIR) - MARGIN_SAMPLES, math.ceil(reached[0] / step - _HAIR))
    last = min(math.ceil(wanted[1] / step - _HAIR) + MARGIN_SAMPLES, math.floor(reached[1] / step + _HAIR))
    return first, max(last, first)


def _phase(dem: OpenDem, area: Bounds) -> tuple[float, float, float, float]:
    """Longitude and latitude of any one sample, and the steps; coarser than the file where it is too fine."""
    if dem.upright:
        step_lon, step_lat = float(dem.transform.a), float(-dem.transform.e)
        west, north = float(dem.transform.c) + step_lon / 2, float(dem.transform.f) - step_lat / 2
    else:
        west, north, step_lon, step_lat = _resolution(dem)
    samples = area.width_deg / step_lon * (area.height_deg / step_lat)
    coarser = max(1, math.ceil(math.sqrt(samples / _MAX_SAMPLES)))
    return west, north, step_lon * coarser, step_lat * coarser


def _resolution(dem: OpenDem) -> tuple[float, float, float, float]:
    """Longitude and latitude of the middle of a projected file, and how far apart its samples are there."""
    t = dem.transform
    rows, cols = dem.values.shape
    # The middle, one column on, one row on.
    col, row = np.array([cols / 2, cols / 2 + 1, cols / 2]), np.array([rows / 2, rows / 2, rows / 2 + 1])
    x, y = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
    lon, lat = (np.asarray(axis) for axis in rasterio.warp.transform(dem.crs, CRS, x, y))
    step_lon, step_lat = (float(np.hypot(*(axis[1:] - axis[0]))) for axis in (lon, lat))
    return float(lon[0]), float(lat[0]), step_lon, step_lat


def _lay(dem: OpenDem, grid: Raster) -> None:
    """Write a file's values where the grid has none yet."""
    offset = _offset(dem, grid)
    if offset is None:
        laid = np.full(grid.shape, np.nan, dtype=np.float32)
        rasterio.warp.reproject(
            dem.values,
            laid,
            src_transform=dem.transform,
            src_crs=dem.crs,
            src_nodata=np.nan,
            dst_transform=affine_of(grid),
            dst_crs=CRS,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    else:
        laid = _shifted(dem.values, offset, grid.shape)
    empty = np.isnan(grid.values)
    grid.values[empty] = laid[empty]


def _offset(dem: OpenDem, grid: Raster) -> tuple[int, int] | None:
    """Row and column of the file's first sample in the grid, where both have the same samples."""
    if not dem.upright:
        return None
    own = raster_from_affine(dem.values, dem.transform)
    same_step = math.isclose(own.step_lon_deg, grid.step_lon_deg, rel_tol=1e-9) and math.isclose(
        own.step_lat_deg, grid.step_lat_deg, rel_tol=1e-9
    )
    row = (grid.north_deg - own.north_deg) / grid.step_lat_deg
    col = (own.west_deg - grid.west_deg) / grid.step_lon_deg
    aligned = abs(row - round(row)) < _HAIR and abs(col - round(col)) < _HAIR
    return (round(row), round(col)) if same_step and aligned else None


def _shifted(values: Values, offset: tuple[int, int], shape: tuple[int, int]) -> Values:
    row, col = offset
    laid = np.full(shape, np.nan, dtype=np.float32)
    row0, col0 = max(row, 0), max(col, 0)
    row1, col1 = min(row + values.shape[0], shape[0]), min(col + values.shape[1], shape[1])
    if row1 > row0 and col1 > col0:
        laid[row0:row1, col0:col1] = values[row0 - row : row1 - row, col0 - col : col1 - col]
    return laid


def _fill(values: Values) -> Values:
    """Fill voids from their surroundings by inverse distance; wide ones from ever farther away."""
    filled = values.copy()
    distance = 32.0
    while np.isnan(filled).any():
        mask = ~np.isnan(filled)
        patched = np.where(mask, filled, np.float32(0))
        rasterio.fill.fillnodata(patched, mask=mask.astype(np.uint8), max_search_distance=distance)
        # GDAL leaves a sample that found nothing as it was; only what lies within reach is taken over.
        reached = rasterio.fill.fillnodata(
            mask.astype(np.float32), mask=mask.astype(np.uint8), max_search_distance=distance
        )
        filled = np.where(mask | (reached > 0), patched, np.nan).astype(np.float32)
        distance *= 4
    return filled


def _source(paths: Sequence[Path], grid: Raster, voids: int) -> TerrainSource:
    names = ", ".join(path.name for path in paths)
    srtm = all(is_hgt(path) for path in paths)
    return TerrainSource(
        source=f"SRTM ({names})" if srtm else names,
        licence="public domain" if srtm else "as stated by its publisher",
        attribution="SRTM, NASA/USGS" if srtm else f"Elevations: {names}",
        attribution_url="https://www.earthdata.nasa.gov/data/instruments/srtm" if srtm else "",
        provenance=SURVEYED,
        step_lon_deg=grid.step_lon_deg,
        step_lat_deg=grid.step_lat_deg,
        voids_filled=voids,
        notes=f"{voids} samples without a value were filled from their surroundings." if voids else "",
    )
