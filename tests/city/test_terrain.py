from pathlib import Path

import numpy as np
import pytest
import rasterio

from shancheng.city.terrain import read_terrain, write_terrain
from shancheng.errors import StorageError
from shancheng.geo.raster import Raster


def ground(rows: int = 300, cols: int = 400) -> Raster:
    values = np.random.default_rng(7).uniform(-5, 2000, (rows, cols)).astype(np.float32)
    return Raster(values, 106.25, 29.75, 1 / 1200, 1 / 1200)


def test_elevations_come_back_bit_by_bit(tmp_path: Path) -> None:
    before = ground()
    write_terrain(tmp_path / "terrain.tif", before)
    after = read_terrain(tmp_path / "terrain.tif")
    assert np.array_equal(after.values, before.values)
    for name in ("west_deg", "north_deg", "step_lon_deg", "step_lat_deg"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=1e-12)


def test_the_file_is_a_cloud_optimized_geotiff_whose_samples_are_pixel_centres(tmp_path: Path) -> None:
    raster = ground(600, 700)
    write_terrain(tmp_path / "terrain.tif", raster)
    with rasterio.open(tmp_path / "terrain.tif") as file:
        structure = file.tags(ns="IMAGE_STRUCTURE")
        assert structure["LAYOUT"] == "COG"
        assert (structure["COMPRESSION"], structure["PREDICTOR"]) == ("DEFLATE", "3")
        assert file.crs.to_epsg() == 4326
        assert file.dtypes == ("float32",)
        assert file.overviews(1)
        assert file.xy(0, 0) == pytest.approx((raster.west_deg, raster.north_deg))
        assert file.xy(*(n - 1 for n in raster.shape)) == pytest.approx((raster.east_deg, raster.south_deg))
        assert file.tags()["AREA_OR_POINT"] == "Area"


def test_what_is_no_terrain(tmp_path: Path) -> None:
    path = tmp_path / "terrain.tif"
    with pytest.raises(StorageError, match=r"terrain.tif: cannot be read"):
        read_terrain(path)
    path.write_text("no tiff")
    with pytest.raises(StorageError, match=r"terrain.tif: cannot be read"):
        read_terrain(path)
    profile = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "float32"}
    flat = rasterio.Affine(1, 0, 7, 0, -1, 44)
    with rasterio.open(path, "w", **profile, crs="EPSG:32632", transform=flat) as file:
        file.write(np.ones((2, 2), np.float32), 1)
    with pytest.raises(StorageError, match="must be EPSG:4326"):
        read_terrain(path)
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=flat) as file:
        file.write(np.full((2, 2), np.nan, np.float32), 1)
    with pytest.raises(StorageError, match="some elevations are missing"):
        read_terrain(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        write_terrain(tmp_path / "nowhere" / "terrain.tif", ground(4, 4))


def test_filled_samples_are_marked_in_a_second_band(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    filled = values > 9
    path = tmp_path / "terrain.tif"
    write_terrain(path, Raster(values, 7.0, 44.0, 0.001, 0.001), filled)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(2), filled)
        assert file.descriptions[1] == "1 where filled from the surroundings"
    assert np.array_equal(read_terrain(path).values, values)
