"""Files of elevations opened as far as needed: GeoTIFF, HGT, web map tiles, NumPy archives.

Each gives values of a window, NaN where void, and where they lie; joining them is left to ``elevation.py``.
"""

import math
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.transform
import rasterio.warp
import rasterio.windows
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from shancheng.city.sources.dem_file import DemFile
from shancheng.city.sources.elevation_tiles import CRS as TILES_CRS
from shancheng.city.sources.elevation_tiles import read_tiles
from shancheng.city.sources.hgt import is_hgt, read_hgt
from shancheng.city.terrain import CRS, RASTER_ERRORS, affine_of
from shancheng.errors import SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds

__all__ = ["MARGIN_SAMPLES", "OpenDem", "edges_of", "open_dem"]

MARGIN_SAMPLES: Final = 2
_LOWEST_M: Final = -500.0
_HIGHEST_M: Final = 9000.0
"""Beyond these nothing on land lies; a value outside is a void that was not declared."""
_NEEDED: Final = "GeoTIFF, HGT, zipped HGT, Terrarium or Terrain-RGB tiles, or a NumPy archive"
_PICTURES: Final = {".png", ".webp"}
_MAX_SAMPLES: Final = 400_000_000

Values = npt.NDArray[np.float32]
Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class OpenDem:
    """One file, opened as far as needed.

    Attributes:
        path: The file, or the folder of tiles.
        values: Metres above the geoid of a window, NaN where void.
        transform: From pixel corners of the window to ``crs``.
        crs: Reference system.
        box: The whole file's, in degrees.
        upright: Whether the samples lie on a grid in longitude and latitude already.
    """

    path: Path
    values: Values
    transform: Affine
    crs: Any
    box: Bounds
    upright: bool


def open_dem(dem: DemFile, area: Bounds) -> OpenDem:
    """Open a file and read what of it lies in an area.

    Raises:
        SourceFileError: It is missing, damaged or of another kind.
        UnknownCRSError: It does not say its reference system, and neither did the user.
        SettingError: The user says another one than the file.
        CoverageError: A folder of tiles has none there.
    """
    path = dem.path
    if path.is_dir() or path.suffix.lower() in _PICTURES or dem.encoding is not None:
        if not path.exists():
            raise SourceFileError(f"{path}: no such file or folder; needed: {_NEEDED}")
        return _checked(_from_values(path, *read_tiles(dem, area), TILES_CRS))
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; needed: elevations as {_NEEDED}")
    if dem.tile is not None:
        raise SettingError(f"{path}: tile= is for pictures with an encoding=, this is none")
    if is_hgt(path):
        raster = read_hgt(path)
        box = Bounds(raster.west_deg, raster.south_deg, raster.east_deg, raster.north_deg)
        return OpenDem(path, raster.values, affine_of(raster), CRS, box, upright=True)
    return _checked(_open_npz(dem) if path.suffix.lower() == ".npz" else _open_tiff(dem, area))


def edges_of(bounds: Bounds) -> Edges:
    """West, south, east, north."""
    return bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg


def _checked(dem: OpenDem) -> OpenDem:
    """What is no height on Earth becomes a void; the array is our own."""
    dem.values[~((dem.values >= _LOWEST_M) & (dem.values <= _HIGHEST_M))] = np.nan
    return dem


def _from_values(path: Path, values: Values, transform: Affine, crs: Any) -> OpenDem:  # noqa: ANN401
    rows, cols = values.shape
    corners = rasterio.transform.array_bounds(rows, cols, transform)
    box = _box(path, crs, corners)
    return OpenDem(path, values, transform, crs, box, upright=_is_upright(crs, transform))


def _box(path: Path, crs: Any, corners: Edges) -> Bounds:  # noqa: ANN401
    try:
        return Bounds(*rasterio.warp.transform_bounds(crs, CRS, *corners))
    except RASTER_ERRORS as error:
        raise UnknownCRSError(f"{path}: crs={crs}: no way from it to longitude and latitude") from error


def _is_upright(crs: Any, transform: Affine) -> bool:  # noqa: ANN401
    geographic = rasterio.crs.CRS.from_user_input(crs).to_epsg() == 4326  # noqa: PLR2004
    return bool(geographic and transform.b == 0 and transform.d == 0 and transform.e < 0)


# GeoTIFF


def _open_tiff(dem: DemFile, area: Bounds) -> OpenDem:
    try:
        with warnings.catch_warnings():
            # A picture without a place is refused in our own words.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(dem.path) as file:
                return _read_window(dem, file, area)
    except RASTER_ERRORS as error:
        raise SourceFileError(
            f"{dem.path}: cannot be read as elevations ({error}); needed: {_NEEDED}"
        ) from error


def _read_window(dem: DemFile, file: Any, area: Bounds) -> OpenDem:  # noqa: ANN401 - rasterio is untyped
    path, crs, transform = dem.path, _crs(dem, file.crs), file.transform
    if transform.is_identity:
        raise UnknownCRSError(f"{path}: does not say where it lies; needed: a GeoTIFF with a geotransform")
    box = _box(path, crs, tuple(file.bounds))
    try:
        there = rasterio.warp.transform_bounds(CRS, crs, *edges_of(area))
    except RASTER_ERRORS as error:
        raise UnknownCRSError(f"{path}: crs={crs}: no way from it to longitude and latitude") from error
    upright = _is_upright(crs, transform)
    window = _window(file, there)
    if window is None:
        return OpenDem(path, np.full((1, 1), np.nan, np.float32), transform, crs, box, upright)
    band = file.read(1, window=window, masked=True)
    values = np.ma.filled(band.astype(np.float32), np.nan)
    return OpenDem(path, values, _moved(transform, window), crs, box, upright)


def _crs(dem: DemFile, own: Any) -> Any:  # noqa: ANN401
    """The file's own reference system, or the one the user gives; never both where they differ."""
    if dem.crs is None:
        if own is None:
            raise UnknownCRSError(f"{dem.path}: does not say its reference system; add ,crs=EPSG:<code>")
        return own
    try:
        given = rasterio.crs.CRS.from_user_input(dem.crs)
    except RASTER_ERRORS as error:
        raise UnknownCRSError(f"{dem.path}: crs={dem.crs}: not known; such as EPSG:4490") from error
    if own is not None and own != given:
        raise SettingError(f"{dem.path}: crs={dem.crs}: the file itself says {own}; leave it out")
    return given


def _window(file: Any, bounds: Edges) -> Any:  # noqa: ANN401
    """Whole pixels around bounds in the file's own system, and a margin; None where the two are apart."""
    margin = MARGIN_SAMPLES + 1  # from a pixel's corner to its centre is half a sample more
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


# NumPy archives


def _open_npz(dem: DemFile) -> OpenDem:
    """An array ``elevation``, rows north first, with the edges ``xmin``, ``xmax``, ``ymin``, ``ymax``."""
    if dem.crs is None:
        raise UnknownCRSError(
            f"{dem.path}: a NumPy archive does not say its reference system; add ,crs=EPSG:<code>"
        )
    crs = _crs(dem, None)
    try:
        _check_size(dem.path)
        with np.load(dem.path, allow_pickle=False) as arrays:
            values = np.array(arrays["elevation"], dtype=np.float32)
            west, east = sorted(float(arrays[edge]) for edge in ("xmin", "xmax"))
            south, north = sorted(float(arrays[edge]) for edge in ("ymin", "ymax"))
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        needed = "arrays elevation, xmin, xmax, ymin, ymax"
        raise SourceFileError(f"{dem.path}: cannot be read ({error}); needed: {needed}") from error
    if values.ndim != 2 or min(values.shape) < 2 or not (west < east and south < north):  # noqa: PLR2004
        raise SourceFileError(f"{dem.path}: elevation of shape {values.shape} within empty edges or no grid")
    rows, cols = values.shape
    transform = Affine((east - west) / cols, 0.0, west, 0.0, (south - north) / rows, north)
    return _from_values(dem.path, values, transform, crs)


def _check_size(path: Path) -> None:
    """An archive may unpack to a thousand times its size: ask before."""
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > 8 * _MAX_SAMPLES:
        raise ValueError(f"unpacks to {size} bytes, at most {8 * _MAX_SAMPLES} are read")
