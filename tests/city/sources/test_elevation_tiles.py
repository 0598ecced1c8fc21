import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shancheng.city.sources.dem_file import DemFile
from shancheng.city.sources.elevation import read_elevation
from shancheng.city.sources.elevation_tiles import read_tiles
from shancheng.errors import CoverageError, SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.progress import NullProgress

Array = np.ndarray[Any, Any]
ZOOM, COLUMN, ROW = 12, 3262, 1698  # over Chongqing
FUJI = Bounds(138.70, 35.33, 138.76, 35.39)


def terrarium(metres: Array) -> Image.Image:
    value = np.round((metres + 32768) * 256).astype(np.int64)
    return Image.fromarray(
        np.stack([value >> 16 & 255, value >> 8 & 255, value & 255], axis=-1).astype(np.uint8)
    )


def terrain_rgb(metres: Array) -> Image.Image:
    value = np.round((metres + 10000) * 10).astype(np.int64)
    return Image.fromarray(
        np.stack([value >> 16 & 255, value >> 8 & 255, value & 255], axis=-1).astype(np.uint8)
    )


def box(column: int, row: int, zoom: int = ZOOM) -> Bounds:
    """The tile's edges in degrees."""
    lon = [(x / 2**zoom) * 360 - 180 for x in (column, column + 1)]
    lat = [math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / 2**zoom)))) for y in (row + 1, row)]
    return Bounds(lon[0], lat[0], lon[1], lat[1])


def inner(bounds: Bounds) -> Bounds:
    lon, lat = bounds.width_deg / 4, bounds.height_deg / 4
    return Bounds(
        bounds.west_deg + lon, bounds.south_deg + lat, bounds.east_deg - lon, bounds.north_deg - lat
    )


def slope(column: int, row: int, side: int = 256) -> Array:
    """Metres that rise steadily eastward and southward over all tiles."""
    x, y = np.meshgrid(column * side + np.arange(side) + 0.5, row * side + np.arange(side) + 0.5)
    return (x - COLUMN * side) * 0.5 + (y - ROW * side) * 0.25 + 200


@pytest.mark.parametrize(
    ("encoding", "paint", "accuracy_m"),
    [("terrarium", terrarium, 0.003), ("terrain-rgb", terrain_rgb, 0.051)],
)
def test_colours_are_metres_at_the_right_place(
    tmp_path: Path, encoding: str, paint: Any, accuracy_m: float
) -> None:
    path = tmp_path / "a.png"
    paint(slope(COLUMN, ROW)).save(path)
    dem = DemFile(path, encoding=encoding, tile=(ZOOM, COLUMN, ROW))
    values, _ = read_tiles(dem, box(COLUMN, ROW))
    assert np.abs(values - slope(COLUMN, ROW)).max() < accuracy_m
    area = inner(box(COLUMN, ROW))
    raster = read_elevation([dem], area, area, NullProgress()).raster
    lon, lat = area.centre
    x = (lon + 180) / 360 * 2**ZOOM * 256
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**ZOOM * 256
    expected = (x - COLUMN * 256) * 0.5 + (y - ROW * 256) * 0.25 + 200
    assert raster.sample(lon, lat) == pytest.approx(expected, abs=0.3)


def test_a_folder_of_tiles_is_one_surface_and_the_finest_zoom_counts(tmp_path: Path) -> None:
    for column, row in ((COLUMN, ROW), (COLUMN + 1, ROW), (COLUMN, ROW + 1), (COLUMN + 1, ROW + 1)):
        path = tmp_path / str(ZOOM) / str(column) / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        terrarium(slope(column, row)).save(path)
    coarse = tmp_path / "11" / str(COLUMN // 2) / f"{ROW // 2}.png"
    coarse.parent.mkdir(parents=True)
    terrarium(np.zeros((256, 256))).save(coarse)
    (tmp_path / "readme").mkdir()
    corner = box(COLUMN, ROW)
    area = Bounds(
        corner.east_deg - 0.03, corner.south_deg - 0.03, corner.east_deg + 0.03, corner.south_deg + 0.03
    )
    data = read_elevation([DemFile(tmp_path, encoding="terrarium")], area, area, NullProgress())
    lon = np.linspace(area.west_deg, area.east_deg, 50)
    across = data.raster.sample(lon, np.full(50, area.centre[1]))
    assert np.diff(across, 2) == pytest.approx(0, abs=0.05)  # no seam between the tiles
    assert (across > 100).all()
    assert data.filled is None


def test_a_picture_in_its_folder_says_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / str(ZOOM) / str(COLUMN) / f"{ROW}.png"
    path.parent.mkdir(parents=True)
    terrarium(slope(COLUMN, ROW)).save(path)
    area = inner(box(COLUMN, ROW))
    found = read_elevation([DemFile(path, encoding="terrarium")], area, area, NullProgress())
    assert found.raster.covers(area)


def test_black_and_transparent_pixels_are_voids_and_marked(tmp_path: Path) -> None:
    picture = terrarium(slope(COLUMN, ROW)).convert("RGBA")
    pixels = np.array(picture)
    pixels[100:110, 100:110] = 0
    pixels[120:125, 120:125, 3] = 0
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    values, _ = read_tiles(DemFile(path, encoding="terrarium", tile=(ZOOM, COLUMN, ROW)), box(COLUMN, ROW))
    assert np.isnan(values).sum() == 125
    area = inner(box(COLUMN, ROW))
    dem = DemFile(path, encoding="terrarium", tile=(ZOOM, COLUMN, ROW))
    data = read_elevation([dem], area, area, NullProgress())
    assert data.filled is not None
    assert data.filled.sum() == data.source.voids_filled > 0
    assert np.isfinite(data.raster.values).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "cannot be read"),
        (b"GIF89a" + b"\0" * 50, "cannot be read"),
    ],
)
def test_pictures_that_are_damaged(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=message):
        read_tiles(DemFile(path, encoding="terrarium", tile=(0, 0, 0)), Bounds(0, 0, 1, 1))


def test_a_truncated_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    terrarium(np.random.default_rng(1).uniform(0, 999, (256, 256))).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceFileError, match="cannot be read"):
        read_tiles(DemFile(path, encoding="terrarium", tile=(0, 0, 0)), Bounds(0, 0, 1, 1))


def test_a_picture_that_is_no_tile(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (256, 100)).save(path)
    with pytest.raises(SourceFileError, match="256 × 100 pixels"):
        read_tiles(DemFile(path, encoding="terrarium", tile=(0, 0, 0)), Bounds(0, 0, 1, 1))


def test_what_a_picture_cannot_say_must_be_given(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    terrarium(np.zeros((256, 256))).save(path)
    with pytest.raises(SourceFileError, match="encoding=terrarium or encoding=terrain-rgb"):
        read_tiles(DemFile(path), Bounds(0, 0, 1, 1))
    with pytest.raises(SourceFileError, match="tile=zoom/column/row"):
        read_tiles(DemFile(path, encoding="terrarium"), Bounds(0, 0, 1, 1))


def test_a_folder_without_a_tile_there(tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    with pytest.raises(CoverageError, match="has no tile at 7"):
        read_tiles(DemFile(tmp_path, encoding="terrarium"), Bounds(7, 43, 8, 44))


@pytest.mark.shared_data
def test_the_summit_of_fuji(shared_data: Path) -> None:
    dem = DemFile(shared_data / "dem" / "fuji.png", encoding="terrain-rgb", tile=(10, 906, 404))
    raster = read_elevation([dem], FUJI, FUJI, NullProgress()).raster
    row, col = np.unravel_index(raster.values.argmax(), raster.shape)
    assert 3700 < raster.values.max() < 3780
    assert raster.west_deg + col * raster.step_lon_deg == pytest.approx(138.7274, abs=0.004)
    assert raster.north_deg - row * raster.step_lat_deg == pytest.approx(35.3606, abs=0.004)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "encoding", "lowest_m", "highest_m"),
    [("terrarium.png", "terrarium", 715, 2489), ("mapbox_st_helens.png", "terrain-rgb", 1002, 1164.2)],
)
def test_real_tiles(shared_data: Path, name: str, encoding: str, lowest_m: float, highest_m: float) -> None:
    dem = DemFile(shared_data / "dem" / name, encoding=encoding, tile=(ZOOM, COLUMN, ROW))
    values, _ = read_tiles(dem, box(COLUMN, ROW))
    assert values.shape == (256, 256)
    assert values.min() == pytest.approx(lowest_m, abs=0.2)
    assert values.max() == pytest.approx(highest_m, abs=0.2)
