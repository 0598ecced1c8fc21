"""``terrain.tif``: a city's elevations as a Cloud Optimized GeoTIFF, to ``geo.Raster`` and back.

A GeoTIFF's origin is the corner of a pixel, a raster's the centre of a sample: the half step between them is
handled here and in ``sources/elevation.py`` only.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine

from shancheng.city.manifest import TerrainSource, credit_text, terrain_credit
from shancheng.db.files import write_atomically
from shancheng.errors import StorageError
from shancheng.geo.raster import Raster

__all__ = [
    "RASTER_ERRORS",
    "affine_of",
    "raster_from_affine",
    "read_terrain",
    "read_terrain_credit",
    "write_terrain",
]

CRS: Final = "EPSG:4326"
RASTER_ERRORS: Final = (RasterioError, CRSError, CPLE_BaseError)
"""What rasterio raises: its own errors, and GDAL's as they come."""
_CREDIT_TAG: Final = "CITY_SOURCE"


def write_terrain(
    path: Path,
    raster: Raster,
    filled: npt.NDArray[np.bool_] | None = None,
    source: TerrainSource | None = None,
) -> None:
    """Put elevations in place as a COG: float32, deflate with the floating-point predictor, no value missing.

    Args:
        path: Where to; an existing file gives way to the whole new one.
        raster: Metres above the geoid.
        filled: Samples that nobody measured, of the raster's shape; they are 1 in a second band.
        source: Where they come from; the file carries it, so that both change in one step.
    """
    write_atomically(path, lambda temporary: _write(temporary, raster, filled, source))


def read_terrain(path: Path) -> Raster:
    """Read ``terrain.tif``.

    Raises:
        StorageError: The file is missing or damaged, or is not in longitude and latitude.
    """
    try:
        with rasterio.open(path) as file:
            if file.crs is None or not file.crs.is_geographic or not _is_upright(file.transform):
                raise StorageError(f"{path}: crs={file.crs}: must be {CRS}, north up")
            values = file.read(1, out_dtype="float32")
            raster = raster_from_affine(values, file.transform)
    except RASTER_ERRORS as error:
        raise StorageError(f"{path}: cannot be read as a GeoTIFF: {error}") from error
    if not np.isfinite(raster.values).all():
        raise StorageError(f"{path}: some elevations are missing; every sample needs one")
    return raster


def read_terrain_credit(path: Path) -> TerrainSource | None:
    """Where the file says that its elevations come from; None where it does not say."""
    try:
        with rasterio.open(path) as file:
            return terrain_credit(file.tags().get(_CREDIT_TAG))
    except RASTER_ERRORS:
        return None


def affine_of(raster: Raster) -> Affine:
    """From column and row of pixel corners to longitude and latitude."""
    west = raster.west_deg - raster.step_lon_deg / 2
    north = raster.north_deg + raster.step_lat_deg / 2
    return Affine(raster.step_lon_deg, 0.0, west, 0.0, -raster.step_lat_deg, north)


def raster_from_affine(values: Any, transform: Affine) -> Raster:  # noqa: ANN401 - rasterio is untyped
    """A raster from rows north first and an upright transform of pixel corners."""
    return Raster(
        values,
        west_deg=transform.c + transform.a / 2,
        north_deg=transform.f + transform.e / 2,
        step_lon_deg=transform.a,
        step_lat_deg=-transform.e,
    )


def _write(
    path: Path, raster: Raster, filled: npt.NDArray[np.bool_] | None, source: TerrainSource | None
) -> None:
    rows, cols = raster.shape
    profile: dict[str, Any] = {
        "driver": "COG",
        "height": rows,
        "width": cols,
        "count": 1 if filled is None else 2,
        "dtype": "float32",
        "crs": CRS,
        "transform": affine_of(raster),
        "compress": "DEFLATE",
        "predictor": "FLOATING_POINT",
        "blocksize": 256,
        "overview_resampling": "average",
    }
    try:
        with rasterio.open(path, "w", **profile) as file:
            file.write(raster.values, 1)
            file.update_tags(AREA_OR_POINT="Area")
            if source is not None:
                file.update_tags(**{_CREDIT_TAG: credit_text(source)})
            file.set_band_description(1, "elevation above the geoid")
            file.set_band_unit(1, "metre")
            if filled is not None:
                file.write(filled.astype(np.float32), 2)
                file.set_band_description(2, "1 where filled from the surroundings")
    except RASTER_ERRORS as error:
        # Without an errno: whoever writes files asks the disk whether it is full.
        raise OSError(str(error)) from error


def _is_upright(transform: Affine) -> bool:
    return bool(transform.b == 0 and transform.d == 0 and transform.a > 0 and transform.e < 0)
