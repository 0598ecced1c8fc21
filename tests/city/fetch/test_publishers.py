"""Each publisher's files from a bucket on this machine: made by hand, and real ones."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from shancheng.city.fetch.base import ENDPOINTS, Endpoints, endpoints_from
from shancheng.city.fetch.glo30 import fetch_glo30, tile_names
from shancheng.city.fetch.overture import fetch_overture, newest_release
from shancheng.city.fetch.range_file import RangeFile
from shancheng.city.fetch.run import Wanted, fetch
from shancheng.city.sources import read_source
from shancheng.city.sources.elevation import read_elevation
from shancheng.city.sources.hgt import read_hgt
from shancheng.errors import DownloadError, SettingError
from shancheng.geo.bounds import Bounds
from shancheng.progress import NullProgress

EXTENT = Bounds(106.45, 29.48, 106.65, 29.62)


def tiff(path: Path, values: Any, west: float, north: float, step: float) -> bytes:
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "compress": "deflate"}
    transform = Affine(step, 0, west - step / 2, 0, -step, north + step / 2)
    with rasterio.open(
        path, "w", height=values.shape[0], width=values.shape[1], transform=transform, **profile
    ) as file:
        file.write(values.astype(np.float32), 1)
    return path.read_bytes()


def boxes(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(100, 110, n), rng.uniform(25, 35, n)
    order = np.argsort(lon)
    lon, lat = lon[order], lat[order]
    box = pa.StructArray.from_arrays(
        [pa.array(edge.astype(np.float32)) for edge in (lon, lat, lon + 1e-4, lat + 1e-4)],
        names=["xmin", "ymin", "xmax", "ymax"],
    )
    return pa.table({"id": [f"{seed}-{row}" for row in range(n)], "bbox": box, "payload": [b"x" * 200] * n})


def parquet(path: Path, table: pa.Table) -> bytes:
    pq.write_table(table, path, row_group_size=500, compression="none")
    return path.read_bytes()


# Elevations


def test_names_of_tiles() -> None:
    assert [name for name, *_ in tile_names(EXTENT)] == ["Copernicus_DSM_COG_10_N29_00_E106_00_DEM"]
    around = [(name[22:39], *place) for name, *place in tile_names(Bounds(-0.5, -0.5, 0.5, 0.5))]
    assert around == [
        ("S01_00_W001_00_DE", -1, -1), ("S01_00_E000_00_DE", -1, 0),
        ("N00_00_W001_00_DE", 0, -1), ("N00_00_E000_00_DE", 0, 0),
    ]  # fmt: skip


def test_tiles_of_a_coast_and_the_sea_beside_it(
    bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path
) -> None:
    name = "Copernicus_DSM_COG_10_N43_00_E007_00_DEM"
    values = np.full((241, 241), 50.0)
    bucket.files[f"{name}/{name}.tif"] = tiff(tmp_path / "a.tif", values, 7.0, 44.0, 1 / 240)
    extent = Bounds(7.9, 43.4, 8.1, 43.6)
    found = fetch_glo30(extent, tmp_path / "d", endpoints, pool, NullProgress())
    assert [path.name for path in found.paths] == [
        f"{name}.tif", "Copernicus_DSM_COG_10_N43_00_E008_00_DEM_sea.tif",
    ]  # fmt: skip
    raster = read_elevation(found.paths, extent, extent, NullProgress()).raster
    assert raster.sample(7.95, 43.5) == pytest.approx(50)
    assert raster.sample(8.05, 43.5) == pytest.approx(0)
    assert "COPERNICUS" in found.attribution


def test_an_extent_of_too_many_tiles(pool: Any, endpoints: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="121 tiles, at most 36"):
        fetch_glo30(Bounds(0.5, 0.5, 10.5, 10.5), tmp_path, endpoints, pool, NullProgress())


@pytest.mark.shared_data
def test_a_real_tile_by_a_broken_line(
    bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path, shared_data: Path
) -> None:
    """SRTM over Monaco in the dress of a tile of GLO-30."""
    with zipfile.ZipFile(shared_data / "monaco" / "N43E007.hgt.zip") as archive:
        archive.extractall(tmp_path)
    real = read_hgt(tmp_path / "N43E007.hgt")
    name = "Copernicus_DSM_COG_10_N43_00_E007_00_DEM"
    content = tiff(tmp_path / "a.tif", np.nan_to_num(real.values, nan=0), 7.0, 44.0, real.step_lon_deg)
    bucket.files[f"{name}/{name}.tif"] = content
    bucket.cut_after = [len(content) // 3, len(content) // 3]
    extent = Bounds(7.40, 43.72, 7.45, 43.76)
    found = fetch_glo30(extent, tmp_path / "d", endpoints, pool, NullProgress())
    raster = read_elevation(found.paths, extent, extent, NullProgress()).raster
    assert raster.sample(7.4203, 43.7315) == pytest.approx(60, abs=12)


# Overture


def overture(bucket: Any, tmp_path: Path, release: str) -> dict[str, pa.Table]:
    tables = {}
    for seed in range(3):
        key = f"release/{release}/theme=buildings/type=building/part-{seed}.parquet"
        tables[key] = boxes(5_000, seed)
        bucket.files[key] = parquet(tmp_path / "a.parquet", tables[key])
    return tables


def wanted_ids(tables: dict[str, pa.Table], extent: Bounds) -> set[str]:
    found = set()
    for table in tables.values():
        for row in table.to_pylist():
            box = row["bbox"]
            meets_lon = box["xmin"] <= extent.east_deg and box["xmax"] >= extent.west_deg
            if meets_lon and box["ymin"] <= extent.north_deg and box["ymax"] >= extent.south_deg:
                found.add(row["id"])
    return found


def fetch_buildings(bucket_endpoints: Endpoints, pool: Any, folder: Path, extent: Bounds) -> Any:
    types = (("buildings", "building"),)
    return fetch_overture(extent, folder, bucket_endpoints, pool, NullProgress(), types=types)


def read_ids(folder: Path) -> list[str]:
    files = sorted(folder.rglob("*.parquet"))
    return [str(name) for file in files for name in pq.read_table(file).column("id").to_pylist()]


def test_only_what_lies_in_the_extent_is_brought(
    bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path
) -> None:
    overture(bucket, tmp_path, "2025-01-22.0")
    tables = overture(bucket, tmp_path, "2026-10-21.0")
    bucket.page = 2
    assert newest_release(endpoints, pool) == "2026-10-21.0"
    extent = Bounds(106.4, 29.0, 106.9, 30.0)
    found = fetch_buildings(endpoints, pool, tmp_path / "d", extent)
    ids = read_ids(found.paths[0])
    assert len(ids) == len(set(ids)) > 10
    assert set(ids) == wanted_ids(tables, extent)
    assert found.date == "2026-10-21"
    assert found.options.bounds == extent


def test_a_second_call_goes_on_where_the_first_stopped(
    bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path
) -> None:
    tables = overture(bucket, tmp_path, "2026-10-21.0")
    extent = Bounds(106.4, 29.0, 106.9, 30.0)
    key = max(tables)
    whole = bucket.files[key]
    bucket.files[key] = whole[:1000]
    with pytest.raises(DownloadError, match="not a file of Overture Maps"):
        fetch_buildings(endpoints, pool, tmp_path / "d", extent)
    bucket.files[key], bucket.log = whole, []
    found = fetch_buildings(endpoints, pool, tmp_path / "d", extent)
    assert set(read_ids(found.paths[0])) == wanted_ids(tables, extent)
    assert {path for _, path, part in bucket.log if part is not None} == {f"/{key.replace('=', '%3D')}"}


def test_buckets_that_are_none(bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="lists no release"):
        newest_release(endpoints, pool)
    bucket.files["release/2026-10-21.0/theme=buildings/type=building/a.parquet"] = parquet(
        tmp_path / "a.parquet", pa.table({"id": ["a"]})
    )
    with pytest.raises(DownloadError, match="not a file of Overture Maps"):
        fetch_buildings(endpoints, pool, tmp_path / "d", EXTENT)


@pytest.mark.parametrize("content", [b"", b"<a", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe"])
def test_listings_that_are_none(
    pool: Any, bucket: Any, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr("bucket._Handler._listing", lambda *_: content)
    with pytest.raises(DownloadError, match="listing"):
        newest_release(Endpoints(overture=bucket.url), pool)


def test_a_file_read_here_and_there_is_the_file(bucket: Any, pool: Any) -> None:
    content = np.random.default_rng(2).bytes(2_000_003)
    bucket.files["a"] = content
    file = RangeFile(f"{bucket.url}/a", pool)
    rng = np.random.default_rng(3)
    for start, size in zip(rng.integers(0, len(content), 60), rng.integers(0, 400_000, 60), strict=True):
        file.seek(int(start))
        assert file.read(int(size)) == content[start : start + size]
    file.seek(-10, 2)
    assert file.read() == content[-10:]
    assert file.read() == b""


def test_a_file_that_is_replaced_while_it_is_read(bucket: Any, pool: Any) -> None:
    bucket.files["a"] = b"a" * 2_000_000
    file = RangeFile(f"{bucket.url}/a", pool)
    bucket.files["a"] = b"b" * 2_000_000
    with pytest.raises(DownloadError, match="was replaced while it was read"):
        file.read(10)
    bucket.ranges = False
    with pytest.raises(DownloadError, match="sends no parts of files"):
        RangeFile(f"{bucket.url}/a", pool)


@pytest.mark.shared_data
def test_a_real_parquet_file_by_ranges(bucket: Any, pool: Any, shared_data: Path) -> None:
    path = shared_data / "monaco" / "monaco_nofilter_noclip_compact.parquet"
    bucket.files["monaco"] = path.read_bytes()
    bucket.cut_after = [100]
    remote = pq.ParquetFile(pa.PythonFile(RangeFile(f"{bucket.url}/monaco", pool), mode="r"))
    assert remote.read().equals(pq.read_table(path))
    assert remote.metadata.num_rows == 7906


# OpenStreetMap


OSM = b"<?xml version='1.0'?><osm version='0.6'><node id='1' lat='29.5' lon='106.5'/></osm>\n"


def fetch_osm(pool: Any, endpoints: Endpoints, folder: Path, extent: Bounds = EXTENT) -> Any:
    return fetch(Wanted(buildings="osm"), extent, folder, endpoints, pool, NullProgress())[0]


def test_openstreetmap_of_an_extent(bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path) -> None:
    asked = []
    bucket.post = lambda body: asked.append(body) or OSM
    bucket.busy, bucket.cut_after = 1, [20]
    found = fetch_osm(pool, endpoints, tmp_path)
    assert found.paths[0].read_bytes() == OSM
    assert b"[bbox:29.4800000,106.4500000,29.6200000,106.6500000]" in asked[-1]
    assert (found.licence, found.source) == ("ODbL-1.0", "osm")
    fetch_osm(pool, endpoints, tmp_path)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<osm><remark> runtime error: out of memory </remark></osm>", "out of memory"),
        (b"<html>rate limited</html>", "the line broke after 25 bytes"),
        (b"", "the line broke after 0 bytes"),
    ],
)
def test_answers_that_are_no_map(
    bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path, answer: bytes, message: str
) -> None:
    bucket.post = lambda _body: answer
    with pytest.raises(DownloadError, match=message):
        fetch_osm(pool, endpoints, tmp_path)
    assert list((tmp_path / "osm").iterdir()) == []


# What is asked for


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(), "nothing to fetch"),
        (Wanted(buildings="google"), "buildings=google: must be overture or osm"),
        (Wanted(dem="srtm"), "dem=srtm: must be glo30"),
    ],
)
def test_wishes_that_nobody_can_grant(
    pool: Any, endpoints: Endpoints, tmp_path: Path, wanted: Wanted, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        fetch(wanted, EXTENT, tmp_path, endpoints, pool, NullProgress())


def test_an_extent_too_large_for_the_service(pool: Any, endpoints: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="too many for"):
        fetch_osm(pool, endpoints, tmp_path, Bounds(100, 20, 102, 22))


def test_mirrors_by_settings() -> None:
    assert endpoints_from({}) == ENDPOINTS
    assert endpoints_from({"SHANCHENG_GLO30_URL": "http://10.0.0.1/dem/"}).glo30 == "http://10.0.0.1/dem"
    with pytest.raises(SettingError, match="SHANCHENG_OVERTURE_URL=ftp://a: must begin with https://"):
        endpoints_from({"SHANCHENG_OVERTURE_URL": "ftp://a"})


def test_what_was_fetched_is_what_the_source_reads(
    bucket: Any, pool: Any, endpoints: Endpoints, tmp_path: Path
) -> None:
    """Two houses in the form that Overture publishes; one of them lies in the extent."""
    shapes = [shapely.box(x, 29.5, x + 2e-4, 29.5002) for x in (106.5, 107.5)]
    edges = shapely.bounds(np.array(shapes)).astype(np.float32).T
    table = pa.table(
        {
            "id": ["08b4", "08b5"],
            "geometry": pa.array(shapely.to_wkb(shapes)),
            "bbox": pa.StructArray.from_arrays(
                [pa.array(edge) for edge in edges], ["xmin", "ymin", "xmax", "ymax"]
            ),
            "subtype": ["residential"] * 2,
            "class": ["apartments"] * 2,
            "height": [45.0, 9.0],
            "num_floors": pa.array([15, 3], pa.int32()),
            "names": [{"primary": "Tower"}, {"primary": "House"}],
            "sources": [[{"dataset": "OpenStreetMap", "record_id": "w1@1"}]] * 2,
        }
    )
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    key = "release/2026-10-21.0/theme=buildings/type=building/part-0.parquet"
    bucket.files[key] = parquet(tmp_path / "a.parquet", table)
    found = fetch_buildings(endpoints, pool, tmp_path / "d", EXTENT)
    data = read_source(found.source, found.paths[0], found.options, NullProgress())
    (row,) = data.layers["buildings"].to_pylist()
    assert (row["id"], row["name"], row["height_m"], row["levels"]) == ("08b4", "Tower", 45.0, 15)
    assert "ODbL" in data.layer_sources["buildings"].licence
