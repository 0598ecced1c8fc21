"""Elevations as a source: GeoTIFF in any reference system, HGT, zipped HGT → one grid without voids.

The first file sets the grid: in longitude and latitude its samples are taken as they are, else it is
resampled near its own resolution. Further files fill what those before them leave empty. Only a window is
read. Heights are taken as above the geoid, which is what such files hold; the file's own reference is not
changed.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.fill
import rasterio.warp
import rasterio.windows
import shapely
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from shancheng.city.manifest import TerrainSource
from shancheng.city.schema import MODELLED, SURVEYED
from shancheng.city.sources.base import ElevationData
from shancheng.city.sources.hgt import is_hgt, read_hgt
from shancheng.city.terrain import CRS, RASTER_ERRORS, affine_of, raster_from_affine
from shancheng.errors import CoverageError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from shancheng.progress import Progress

__all__ = ["flat_elevation", "read_elevation"]

Values = npt.NDArray[np.float32]

_LOWEST_M: Final = -500.0
_HIGHEST_M: Final = 9000.0
"""Beyond these nothing on land lies; a value outside is a void that was not declared."""
_MAX_SAMPLES: Final = 64_000_000
_MARGIN_SAMPLES: Final = 2
_MOST_VOIDS: Final = 0.5
_FLAT_STEPS: Final = 64
_HAIR: Final = 1e-3
"""Part of a step within which a sample on a file's edge counts as inside."""


@dataclass(frozen=True)
class _Dem:
    """One file, opened as far as needed: values of a window, NaN where void, and where they lie."""

    path: Path
    values: Values
    transform: Affine
    crs: Any
    box: Bounds
    """The whole file's, in degrees."""
    upright: bool
    """Whether the samples lie on a grid in longitude and latitude already."""


def read_elevation(paths: Sequence[Path], area: Bounds, extent: Bounds, progress: Progress) -> ElevationData:
    """Elevations of an area.

    Args:
        paths: At least one file; the first sets the grid.
        area: What to read where the files have it, with two samples of margin.
        extent: What they must cover.
        progress: Told what is being read.

    Returns:
        A grid that covers ``area`` as far as the files reach; voids are filled from around them and counted.

    Raises:
        SourceFileError: A file is missing, damaged or of another kind.
        UnknownCRSError: A GeoTIFF does not say its reference system.
        CoverageError: The files do not cover ``extent``, or are empty over most of it.
    """
    dems = []
    for path in paths:
        progress.step(f"reading {path.name}", None)
        dems.append(_open(path, area))
    _check_cover(dems, extent)
    progress.step("resampling elevations", None)
    grid = _grid(dems[0], area, _reach(dems))
    for dem in dems:
        _lay(dem, grid)
    _check_voids(grid, extent, paths)
    voids = int(np.isnan(grid.values).sum())
    filled = _fill(grid.values) if voids else grid.values
    source = _source(paths, grid, voids)
    return ElevationData(replace(grid, values=filled), source)


def flat_elevation(area: Bounds) -> ElevationData:
    """Level ground at the geoid, for a city of which nobody has given elevations: marked as modelled."""
    step = max(area.width_deg, area.height_deg) / _FLAT_STEPS
    side = _FLAT_STEPS + 2 * _MARGIN_SAMPLES + 1
    raster = Raster(
        np.zeros((side, side), dtype=np.float32),
        west_deg=area.west_deg - _MARGIN_SAMPLES * step,
        north_deg=area.north_deg + _MARGIN_SAMPLES * step,
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


# Opening


def _open(path: Path, area: Bounds) -> _Dem:
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; needed: elevations as GeoTIFF, HGT or zipped HGT")
    if is_hgt(path):
        raster = read_hgt(path)
        box = Bounds(raster.west_deg, raster.south_deg, raster.east_deg, raster.north_deg)
        return _Dem(path, raster.values, affine_of(raster), CRS, box, upright=True)
    try:
        with warnings.catch_warnings():
            # A picture without a place is refused in our own words.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                return _open_tiff(path, file, area)
    except RASTER_ERRORS as error:
        raise SourceFileError(
            f"{path}: cannot be read as elevations ({error}); needed: GeoTIFF, HGT or zipped HGT"
        ) from error


def _open_tiff(path: Path, file: Any, area: Bounds) -> _Dem:  # noqa: ANN401 - rasterio is untyped
    if file.crs is None:
        raise UnknownCRSError(f"{path}: does not say its reference system; needed: a GeoTIFF with a CRS")
    if file.transform.is_identity:
        raise UnknownCRSError(f"{path}: does not say where it lies; needed: a GeoTIFF with a geotransform")
    try:
        box = Bounds(*rasterio.warp.transform_bounds(file.crs, CRS, *file.bounds))
        there = rasterio.warp.transform_bounds(CRS, file.crs, *_edges(area))
    except RASTER_ERRORS as error:
        raise UnknownCRSError(f"{path}: crs={file.crs}: no way from it to longitude and latitude") from error
    transform = file.transform
    upright = bool(file.crs.to_epsg() == 4326 and transform.b == 0 and transform.d == 0 and transform.e < 0)  # noqa: PLR2004
    window = _window(file, there)
    if window is None:
        return _Dem(path, np.full((1, 1), np.nan, np.float32), transform, file.crs, box, upright)
    band = file.read(1, window=window, masked=True)
    values = np.ma.filled(band.astype(np.float32), np.nan)
    values[~((values >= _LOWEST_M) & (values <= _HIGHEST_M))] = np.nan
    return _Dem(path, values, _moved(transform, window), file.crs, box, upright)


def _window(file: Any, bounds: tuple[float, float, float, float]) -> Any:  # noqa: ANN401
    """Whole pixels around bounds in the file's own system, and a margin; None where the two are apart."""
    margin = _MARGIN_SAMPLES + 1  # from a pixel's corner to its centre is half a sample more
    to = ~file.transform
    corners = [(x, y) for x in bounds[::2] for y in bounds[1::2]]
    cols = [to.a * x + to.b * y + to.c for x, y in corners]
    rows = [to.d * x + to.e * y + to.f for x, y in corners]
    col0 = max(math.floor(min(cols)) - margin, 0)
    row0 = max(math.floor(min(rows)) - margin, 0)
    col1 = min(math.ceil(max(cols)) + margin, file.width)
    row1 = min(math.ceil(max(rows)) + margin, file.height)
    if col1 <= col0 or row1 <= row0:
        return None
    return rasterio.windows.Window(col0, row0, col1 - col0, row1 - row0)


def _moved(transform: Affine, window: Any) -> Affine:  # noqa: ANN401
    """The transform of a window; rasterio's own warns with the newest ``affine``."""
    t, col, row = transform, window.col_off, window.row_off
    return Affine(t.a, t.b, t.a * col + t.b * row + t.c, t.d, t.e, t.d * col + t.e * row + t.f)


def _edges(bounds: Bounds) -> tuple[float, float, float, float]:
    return bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg


# Coverage


def _check_cover(dems: Sequence[_Dem], extent: Bounds) -> None:
    # A tile's outer samples lie on its edge: a hair's breadth beyond them is still covered.
    covered = shapely.union_all(
        [shapely.box(*_edges(dem.box)).buffer(1e-6, join_style="mitre") for dem in dems]
    )
    if not shapely.contains(covered, shapely.box(*_edges(extent))):
        names = ", ".join(str(dem.path) for dem in dems)
        west, south, east, north = covered.bounds
        raise CoverageError(
            f"{names}: covers {_shown((west, south, east, north))}, "
            f"but the city lies at {_shown(_edges(extent))}; needed: elevations of the whole city"
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
            f"{names}: no elevation for {share:.0%} of the city at {_shown(_edges(extent))}; "
            f"needed: at least {1 - _MOST_VOIDS:.0%}"
        )


def _shown(edges: tuple[float, float, float, float]) -> str:
    west, south, east, north = edges
    return f"{west:.4f} to {east:.4f} E, {south:.4f} to {north:.4f} N"


# The grid


def _reach(dems: Sequence[_Dem]) -> Bounds:
    """The box around all files."""
    boxes = np.array([_edges(dem.box) for dem in dems])
    return Bounds(*(float(edge) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))))


def _grid(dem: _Dem, area: Bounds, reach: Bounds) -> Raster:
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
    first = max(math.floor(wanted[0] / step + _HAIR) - _MARGIN_SAMPLES, math.ceil(reached[0] / step - _HAIR))
    last = min(math.ceil(wanted[1] / step - _HAIR) + _MARGIN_SAMPLES, math.floor(reached[1] / step + _HAIR))
    return first, max(last, first)


def _phase(dem: _Dem, area: Bounds) -> tuple[float, float, float, float]:
    """Longitude and latitude of any one sample, and the steps; coarser than the file where it is too fine."""
    if dem.upright:
        step_lon, step_lat = float(dem.transform.a), float(-dem.transform.e)
        west, north = float(dem.transform.c) + step_lon / 2, float(dem.transform.f) - step_lat / 2
    else:
        west, north, step_lon, step_lat = _resolution(dem)
    samples = area.width_deg / step_lon * (area.height_deg / step_lat)
    coarser = max(1, math.ceil(math.sqrt(samples / _MAX_SAMPLES)))
    return west, north, step_lon * coarser, step_lat * coarser


def _resolution(dem: _Dem) -> tuple[float, float, float, float]:
    """Longitude and latitude of the middle of a projected file, and how far apart its samples are there."""
    t = dem.transform
    rows, cols = dem.values.shape
    # The middle, one column on, one row on.
    col, row = np.array([cols / 2, cols / 2 + 1, cols / 2]), np.array([rows / 2, rows / 2, rows / 2 + 1])
    x, y = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
    lon, lat = (np.asarray(axis) for axis in rasterio.warp.transform(dem.crs, CRS, x, y))
    step_lon, step_lat = (float(np.hypot(*(axis[1:] - axis[0]))) for axis in (lon, lat))
    return float(lon[0]), float(lat[0]), step_lon, step_lat


def _lay(dem: _Dem, grid: Raster) -> None:
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


def _offset(dem: _Dem, grid: Raster) -> tuple[int, int] | None:
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
