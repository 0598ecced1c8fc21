import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from shancheng.city.sources.dem_file import DemFile
from shancheng.city.sources.elevation import flat_elevation, read_elevation
from shancheng.city.sources.elevation_files import open_dem
from shancheng.city.sources.hgt import read_hgt
from shancheng.errors import CoverageError, SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import from_lonlat
from shancheng.progress import NullProgress

Values = np.ndarray[Any, Any]
STEP = 1 / 1200


def read(*paths: Path, area: Bounds, extent: Bounds | None = None) -> Any:
    return read_elevation(paths, area, extent or area, NullProgress())


def write(path: Path, values: Values, *, west: float, north: float, step: float = STEP, **more: Any) -> Path:
    """A GeoTIFF whose first sample's CENTRE lies at west, north."""
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "crs": "EPSG:4326", **more}
    transform = Affine(step, 0, west - step / 2, 0, -step, north + step / 2)
    with rasterio.open(
        path, "w", height=values.shape[0], width=values.shape[1], transform=transform, **profile
    ) as file:
        file.write(values, 1)
    return path


def ramp(rows: int, cols: int) -> Values:
    return (np.arange(rows)[:, None] * 10 + np.arange(cols)[None, :]).astype(np.float32)


AREA = Bounds(7.01, 43.91, 7.03, 43.93)


def test_samples_in_degrees_are_taken_as_they_are_and_only_a_window(tmp_path: Path) -> None:
    values = ramp(241, 241)
    data = read(write(tmp_path / "a.tif", values, west=7.0, north=44.0), area=AREA)
    raster = data.raster
    assert raster.shape == (29, 29)
    assert raster.covers(AREA)
    col, row = round((raster.west_deg - 7.0) / STEP), round((44.0 - raster.north_deg) / STEP)
    assert raster.west_deg == pytest.approx(7.0 + col * STEP, abs=1e-12)
    assert raster.north_deg == pytest.approx(44.0 - row * STEP, abs=1e-12)
    assert np.array_equal(raster.values, values[row : row + 29, col : col + 29])
    assert data.source.voids_filled == 0
    assert data.source.step_lon_deg == pytest.approx(STEP)
    assert data.source.provenance == "surveyed"


def test_the_grid_ends_where_the_file_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ramp(25, 25), west=7.01, north=43.93)
    raster = read(path, area=Bounds(6.9, 43.8, 7.2, 44.0), extent=AREA).raster
    assert raster.shape == (25, 25)
    assert (raster.west_deg, raster.north_deg) == pytest.approx((7.01, 43.93))


def test_voids_are_filled_from_around_and_counted(tmp_path: Path) -> None:
    values = ramp(241, 241).astype(np.int16)
    values[100:103, 20:25] = -32768
    values[95, 30] = 12_000  # no height of anything
    values[0, 0] = -32768  # outside the window
    data = read(write(tmp_path / "a.tif", values, west=7.0, north=44.0, nodata=-32768), area=AREA)
    assert data.source.voids_filled == 16
    assert "16 samples" in data.source.notes
    assert np.isfinite(data.raster.values).all()
    filled = data.raster.sample(7.0 + 22 * STEP, 44.0 - 101 * STEP)
    assert filled == pytest.approx(ramp(241, 241)[101, 22], abs=15)
    untouched = data.raster.sample(7.0 + 18 * STEP, 44.0 - 90 * STEP)
    assert untouched == pytest.approx(ramp(241, 241)[90, 18], abs=1e-2)


def test_wide_voids_are_filled_too(tmp_path: Path) -> None:
    values = np.full((400, 400), 100.0, np.float32)
    values[:, 180:] = np.nan
    data = read(
        write(tmp_path / "a.tif", values, west=7.0, north=44.0),
        area=Bounds(7.01, 43.7, 7.32, 43.98),
        extent=Bounds(7.01, 43.7, 7.1, 43.98),
    )
    assert np.allclose(data.raster.values, 100.0)


def test_nan_and_masked_values_are_voids(tmp_path: Path) -> None:
    values = ramp(241, 241)
    values[100, 20], values[101, 20] = np.nan, np.inf
    data = read(write(tmp_path / "a.tif", values, west=7.0, north=44.0), area=AREA)
    assert data.source.voids_filled == 2


def test_two_tiles_make_one_grid_without_a_seam(tmp_path: Path) -> None:
    whole = ramp(241, 241)
    a = write(tmp_path / "a.tif", whole[:, :25], west=7.0, north=44.0)
    b = write(tmp_path / "b.tif", whole[:, 24:], west=7.0 + 24 * STEP, north=44.0)
    one = read(write(tmp_path / "c.tif", whole, west=7.0, north=44.0), area=AREA)
    for order in ((a, b), (b, a)):
        both = read(*order, area=AREA)
        assert np.array_equal(both.raster.values, one.raster.values)
        assert both.source.voids_filled == 0


def test_a_second_file_fills_what_the_first_leaves_empty(tmp_path: Path) -> None:
    values = ramp(241, 241)
    holed = values.copy()
    holed[100:110, 20:30] = np.nan
    a = write(tmp_path / "a.tif", holed, west=7.0, north=44.0)
    coarse = write(tmp_path / "b.tif", np.full((40, 40), 500.0, np.float32), west=7.0, north=44.0, step=0.005)
    data = read(a, coarse, area=AREA)
    assert data.source.voids_filled == 0
    assert data.raster.sample(7.0 + 25 * STEP, 44.0 - 105 * STEP) == pytest.approx(500)


def test_a_projected_file_lands_where_pyproj_says(tmp_path: Path) -> None:
    x0, y0 = from_lonlat("EPSG:32632", 7.42, 43.73)
    cols, rows = np.meshgrid(np.arange(200), np.arange(200))
    values = (100 + cols * 0.5 + rows * 0.25).astype(np.float32)
    path = tmp_path / "utm.tif"
    transform = Affine(30, 0, float(x0) - 3000, 0, -30, float(y0) + 3000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=200,
        width=200,
        count=1,
        dtype="float32",
        crs="EPSG:32632",
        transform=transform,
    ) as file:
        file.write(values, 1)
    area = Bounds(7.40, 43.715, 7.44, 43.745)
    raster = read(path, area=area).raster
    lon, lat = np.meshgrid(np.linspace(7.40, 7.44, 15), np.linspace(43.715, 43.745, 15))
    x, y = from_lonlat("EPSG:32632", lon.ravel(), lat.ravel())
    col, row = (x - transform.c) / 30 - 0.5, (transform.f - y) / 30 - 0.5
    # Half a percent of the slope over 30 m: resampling twice, of a plane.
    assert np.abs(raster.sample(lon.ravel(), lat.ravel()) - (100 + col * 0.5 + row * 0.25)).max() < 0.05
    assert raster.step_lat_deg * 111_000 == pytest.approx(30, rel=0.3)


def test_level_ground() -> None:
    data = flat_elevation(AREA)
    assert data.raster.covers(AREA)
    assert not data.raster.values.any()
    assert data.source.provenance == "modelled"


# What cannot be used


def test_elevations_of_another_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ramp(10, 10), west=100.0, north=20.0)
    with pytest.raises(
        CoverageError, match=r"a.tif: covers 99.99.* to 100.0.* but the city lies at 7.0100 to 7.0300 E"
    ):
        read(path, area=AREA)


def test_elevations_of_a_part(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ramp(241, 20), west=7.0, north=44.0)
    with pytest.raises(CoverageError, match="needed: elevations of the whole city"):
        read(path, area=AREA)


def test_a_file_that_is_mostly_empty(tmp_path: Path) -> None:
    values = ramp(241, 241)
    values[:105] = np.nan
    with pytest.raises(CoverageError, match=r"a.tif: no elevation for \d+% of the city"):
        read(write(tmp_path / "a.tif", values, west=7.0, north=44.0), area=AREA)


def test_files_that_do_not_say_their_system_or_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ramp(241, 241), west=7.0, north=44.0, crs=None)
    with pytest.raises(UnknownCRSError, match=r"a.tif: does not say its reference system"):
        read(path, area=AREA)
    local = 'LOCAL_CS["mine",UNIT["metre",1]]'
    path = write(
        tmp_path / "b.tif", ramp(241, 241), west=7.0, north=44.0, crs=rasterio.crs.CRS.from_wkt(local)
    )
    with pytest.raises(UnknownCRSError, match=r"b.tif: (crs=|does not say)"):
        read(path, area=AREA)


@pytest.mark.parametrize("content", [b"not a picture", b"II*\x00"])
def test_files_that_are_no_geotiff(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=r"a.tif: cannot be read as elevations .*needed: GeoTIFF, HGT"):
        read(path, area=AREA)
    with pytest.raises(SourceFileError, match=r"none.tif: no such file"):
        read(tmp_path / "none.tif", area=AREA)


def test_a_truncated_geotiff(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(0, 100, (241, 241)).astype(np.float32)
    path = write(tmp_path / "a.tif", noise, west=7.0, north=44.0)
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.raises(SourceFileError, match=r"a.tif: cannot be read as elevations"):
        read(path, area=AREA)


def test_a_picture_without_a_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "w", driver="JPEG", height=8, width=8, count=1, dtype="uint8") as file,
    ):
        file.write(np.zeros((8, 8), np.uint8), 1)
    with pytest.raises(UnknownCRSError, match=r"a.jpg: does not say its reference system; add ,crs="):
        read(path, area=AREA)


def test_the_users_system_counts_only_where_the_file_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ramp(241, 241), west=7.0, north=44.0, crs=None)
    with pytest.raises(UnknownCRSError, match=r"a.tif: does not say its reference system"):
        read(path, area=AREA)
    raster = read_elevation([DemFile(path, crs="EPSG:4326")], AREA, AREA, NullProgress()).raster
    assert raster.covers(AREA)
    own = write(tmp_path / "b.tif", ramp(241, 241), west=7.0, north=44.0)
    with pytest.raises(SettingError, match=r"crs=EPSG:4490: the file itself says EPSG:4326"):
        read_elevation([DemFile(own, crs="EPSG:4490")], AREA, AREA, NullProgress())
    with pytest.raises(UnknownCRSError, match=r"crs=EPSG:0: not known"):
        read_elevation([DemFile(path, crs="EPSG:0")], AREA, AREA, NullProgress())


def archive(path: Path, **arrays: Any) -> Path:
    edges = {"xmin": 7.0, "xmax": 7.1, "ymin": 43.9, "ymax": 44.0}
    np.savez(path, **{"elevation": ramp(100, 100), **edges, **arrays})
    return path


def test_a_numpy_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz")
    raster = read_elevation([DemFile(path, crs="EPSG:4326")], AREA, AREA, NullProgress()).raster
    # Sample (row 70, column 20) has its middle half a step inside.
    assert raster.sample(7.0205, 43.9295) == pytest.approx(720, abs=0.01)
    with pytest.raises(UnknownCRSError, match=r"add ,crs="):
        read(path, area=AREA)


@pytest.mark.parametrize(
    "arrays",
    [
        {"elevation": np.zeros(3)},
        {"elevation": np.array(["a"])},
        {"xmin": np.array([1.0, 2.0])},
        {"xmin": 7.1},
        {"ymin": np.nan},
        {"elevation": np.array([object()])},
    ],
)
def test_numpy_archives_that_hold_no_elevations(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(SourceFileError, match=r"a.npz: "):
        read_elevation(
            [DemFile(archive(tmp_path / "a.npz", **arrays), crs="EPSG:4326")], AREA, AREA, NullProgress()
        )


# Real data


@pytest.mark.shared_data
def test_the_srtm_tile_of_monaco(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "monaco" / "N43E007.hgt.zip"
    area = Bounds(7.4, 43.72, 7.45, 43.76)
    data = read(path, area=area)
    whole = read(path, area=Bounds(7, 43, 8, 44))
    assert whole.raster.shape == (1201, 1201)
    assert whole.source.voids_filled == 1595
    assert np.array_equal(np.isfinite(read_hgt(path).values), whole.raster.values == read_hgt(path).values)
    assert 0 < data.source.voids_filled < 50
    assert data.raster.shape == (53, 65)
    assert data.source.licence == "public domain"
    # The palace stands on its rock, the Tête de Chien above the town.
    assert data.raster.sample(7.4203, 43.7315) == pytest.approx(60, abs=12)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    assert np.array_equal(read(tmp_path / "N43E007.hgt", area=area).raster.values, data.raster.values)


@pytest.mark.shared_data
def test_the_archive_of_jacksboro(shared_data: Path) -> None:
    extent = Bounds(-84.40, 36.46, -84.10, 36.72)
    dem = DemFile(shared_data / "dem" / "jacksboro_fault_dem.npz", crs="EPSG:4269")
    whole = Bounds(-84.42, 36.44, -84.07, 36.74)
    raster = read_elevation([dem], whole, extent, NullProgress()).raster
    assert raster.step_lon_deg == pytest.approx(1 / 1200, rel=1e-6)
    assert open_dem(dem, whole).values.shape == (344, 403)
    assert raster.covers(extent)
    assert 240 < raster.values.min() < 250
    assert 1070 < raster.values.max() < 1080


@pytest.mark.shared_data
def test_a_projected_srtm_with_voids(shared_data: Path) -> None:
    path = shared_data / "dem" / "bigtujunga.tif"
    extent = Bounds(-118.24, 34.31, -118.11, 34.37)
    raster = read(path, area=extent).raster
    lon, lat = np.random.default_rng(1).uniform((-118.23, 34.32), (-118.12, 34.36), (500, 2)).T
    x, y = from_lonlat("EPSG:32611", lon, lat)
    with rasterio.open(path) as file:
        band = file.read(1).astype(float)
        inverse = ~file.transform
    col, row = inverse.a * x + inverse.c - 0.5, inverse.e * y + inverse.f - 0.5
    c, r = col.astype(int), row.astype(int)
    fx, fy = col - c, row - r
    top = band[r, c] * (1 - fx) + band[r, c + 1] * fx
    below = band[r + 1, c] * (1 - fx) + band[r + 1, c + 1] * fx
    off = raster.sample(lon, lat) - (top * (1 - fy) + below * fy)
    assert np.abs(off).mean() < 1.5
    assert abs(off.mean()) < 0.3
    assert raster.step_lat_deg * 111_000 == pytest.approx(30, rel=0.2)


def test_progress_is_told(tmp_path: Path, write_dem: Callable[..., Path]) -> None:
    class Heard:
        def __init__(self) -> None:
            self.texts: list[str] = []

        def step(self, text: str, fraction: float | None = None) -> None:
            assert fraction is None or 0 <= fraction <= 1
            self.texts.append(text)

    heard = Heard()
    area = Bounds(7.42, 43.72, 7.44, 43.74)
    read_elevation([write_dem(tmp_path / "a.tif")], area, area, heard)
    assert heard.texts[0] == "reading a.tif"
