"""Height of the geoid above the ellipsoid: what turns an elevation into an ellipsoidal height.

The grid is EGM96 at 15 minutes (public domain, NGA), kept as whole centimetres in `data/egm96_15.npz`, which
`scripts/make_geoid.py` writes. Bilinear between its points, it is within 6 cm of EGM96 at the test points
that NGA publishes. Elevations above EGM2008 differ by up to a metre; who reads such a source records it.
"""

import lzma
from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from shancheng.geo.arrays import FloatArray

GRID_SHAPE = (721, 1440)
"""Rows from 90 S to 90 N, columns from 180 W eastward, both every 15 minutes."""

_STEP_DEG = 0.25
_DATA_FILE = "data/egm96_15.npz"


def undulation_m(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> FloatArray:
    """Geoid height above the WGS-84 ellipsoid: ``ellipsoidal_height_m = elevation_m + undulation_m``.

    Args:
        lon_deg: Longitudes, any shape that broadcasts with the latitudes; any turn of the circle.
        lat_deg: Latitudes, -90 to 90.

    Returns:
        Metres, positive where the geoid lies above the ellipsoid; NaN for NaN coordinates.
    """
    grid = _grid_cm()
    rows, cols = grid.shape
    col = np.mod((np.asarray(lon_deg, dtype=np.float64) + 180.0) / _STEP_DEG, cols)
    row = np.clip((np.asarray(lat_deg, dtype=np.float64) + 90.0) / _STEP_DEG, 0.0, rows - 1)
    col0 = np.where(col > 0, col, 0.0).astype(np.int64) % cols
    row0 = np.minimum(np.where(row > 0, row, 0.0).astype(np.int64), rows - 2)
    col1 = (col0 + 1) % cols
    fx, fy = col - col0, row - row0
    south = grid[row0, col0] * (1.0 - fx) + grid[row0, col1] * fx
    north = grid[row0 + 1, col0] * (1.0 - fx) + grid[row0 + 1, col1] * fx
    result: FloatArray = (south * (1.0 - fy) + north * fy) / 100.0
    return result


def pack_grid(centimetres: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """The grid as compressed bytes: differences of neighbours, high and low bytes apart, LZMA."""
    residual = np.diff(np.diff(centimetres, axis=0, prepend=np.int16(0)), axis=1, prepend=np.int16(0))
    zigzag = ((residual << 1) ^ (residual >> 15)).astype(np.uint16)
    planes = np.concatenate(
        [(zigzag >> 8).astype(np.uint8).ravel(), (zigzag & 0xFF).astype(np.uint8).ravel()]
    )
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]
    return np.frombuffer(
        lzma.compress(planes.tobytes(), format=lzma.FORMAT_XZ, filters=filters), dtype=np.uint8
    )


def unpack_grid(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """The grid of whole centimetres, shape `GRID_SHAPE`, from what `pack_grid` made."""
    planes = np.frombuffer(lzma.decompress(packed.tobytes()), dtype=np.uint8).reshape(2, *GRID_SHAPE)
    zigzag = (planes[0].astype(np.uint16) << 8) | planes[1]
    residual = (zigzag >> 1).astype(np.int16) ^ -(zigzag & 1).astype(np.int16)
    return np.cumsum(np.cumsum(residual, axis=1, dtype=np.int16), axis=0, dtype=np.int16)


@lru_cache(maxsize=1)
def _grid_cm() -> FloatArray:
    with (resources.files("shancheng.geo") / _DATA_FILE).open("rb") as file, np.load(file) as archive:
        return unpack_grid(archive["packed"]).astype(np.float64)
