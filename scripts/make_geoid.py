"""Writes the geoid grid that the package carries.

Usage: python scripts/make_geoid.py PATH_TO_GTX

The input is EGM96 at 15 minutes in NOAA's GTX form: a big-endian header (southern latitude, western
longitude, two steps as float64; rows, columns as int32) and float32 metres, rows from south to north. The
same input always gives the same bytes.
"""

import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shancheng.geo.geoid import GRID_SHAPE, pack_grid, unpack_grid

HEADER = struct.Struct(">ddddii")
TARGET = Path(__file__).parents[1] / "src/shancheng/geo/data/egm96_15.npz"


def read_gtx(path: Path) -> npt.NDArray[np.float32]:
    """Undulations in metres, shape (721, 1440), from 90 S and 180 W."""
    raw = path.read_bytes()
    south, west, step_lat, step_lon, rows, cols = HEADER.unpack_from(raw)
    if (south, west, step_lat, step_lon, rows, cols) != (-90.0, -180.0, 0.25, 0.25, *GRID_SHAPE):
        message = f"{path}: grid {rows}x{cols} from {west}, {south}; must be 721x1440 from -180, -90"
        raise SystemExit(message)
    return np.frombuffer(raw, dtype=">f4", offset=HEADER.size).reshape(rows, cols).astype(np.float32)


def write_npz(packed: npt.NDArray[np.uint8], path: Path) -> None:
    """One array in an uncompressed .npz with a fixed date, so that the file's hash tells the grid's."""
    array = io.BytesIO()
    np.save(array, packed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("packed.npy"), array.getvalue())


def main() -> None:
    """Reads the grid named on the command line and writes the package's."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    centimetres = np.rint(read_gtx(Path(sys.argv[1])).astype(np.float64) * 100.0).astype(np.int16)
    packed = pack_grid(centimetres)
    if not np.array_equal(unpack_grid(packed), centimetres):
        raise SystemExit("packing lost a bit")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    write_npz(packed, TARGET)
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes, {centimetres.min()} to {centimetres.max()} cm")


if __name__ == "__main__":
    main()
