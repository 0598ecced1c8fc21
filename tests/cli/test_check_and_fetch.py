"""``shancheng city check`` and ``shancheng city fetch``; what is fetched lies on this machine."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from bucket import Bucket
from rasterio.transform import Affine

Run = Callable[..., Any]
OSM = """<?xml version='1.0' encoding='UTF-8'?><osm version='0.6'>
<bounds minlat='43.733' minlon='7.421' maxlat='43.737' maxlon='7.429'/>
{nodes}
<way id='1' version='1'><nd ref='1'/><nd ref='2'/><nd ref='3'/><nd ref='4'/><nd ref='1'/>
<tag k='building' v='apartments'/><tag k='height' v='21'/><tag k='name' v='New Tower'/></way></osm>
"""


@pytest.fixture
def home(tmp_path: Path, small_city: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(small_city.parent, folder)
    return folder


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with Bucket().serve() as serving:
        name = "Copernicus_DSM_COG_10_N43_00_E007_00_DEM"
        serving.files[f"{name}/{name}.tif"] = tile(tmp_path / "tile.tif")
        serving.post = lambda _query: extract().encode()
        yield serving


def tile(path: Path) -> bytes:
    """A degree of land at 77 m."""
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "compress": "deflate"}
    transform = Affine(1 / 1200, 0, 7, 0, -1 / 1200, 44)
    with rasterio.open(path, "w", height=1200, width=1200, transform=transform, **profile) as file:
        file.write(np.full((1, 1200, 1200), 77, np.float32))
    return path.read_bytes()


def extract() -> str:
    corners = [(7.425, 43.735), (7.4252, 43.735), (7.4252, 43.7352), (7.425, 43.7352)]
    nodes = "".join(
        f"<node id='{n}' version='1' lon='{lon}' lat='{lat}'/>" for n, (lon, lat) in enumerate(corners, 1)
    )
    return OSM.format(nodes=nodes)


def mirrors(bucket: Bucket) -> dict[str, str]:
    names = ("GLO30", "OVERTURE", "OVERPASS")
    cleared = {f"{scheme}_proxy": "" for scheme in ("http", "https", "all")}
    return {f"SHANCHENG_{name}_URL": bucket.url for name in names} | cleared


# Check


def test_a_good_city_passes_and_leaves_a_report(shancheng: Run, home: Path) -> None:
    done = shancheng("city", "check", "small", "--home", home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "small: passed in" in done.stderr
    assert " of 12: buildings that overlap another one" in done.stdout
    report = json.loads((home / "small" / "check.json").read_text())
    assert report["passed"] is True
    assert report["provenance"]["buildings"]["surveyed"] == 1.0


def test_a_city_is_checked_while_it_is_served(shancheng: Run, up: Run, home: Path) -> None:
    up("small", "--home", home, "--port", "0")
    done = shancheng("city", "check", "small", "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["city"] == "small"


def test_a_bad_city_fails_by_the_exit_code_and_says_why(
    shancheng: Run, tmp_path: Path, small_osm: Path
) -> None:
    """The same houses once more, half a house beside: the added ones overlap those that are there."""
    home = tmp_path / "home"
    shancheng("city", "create", "twice", "--osm", small_osm, "--home", home)
    houses = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"id": f"x{n}", "height": 9.0},
                "geometry": {"type": "Polygon", "coordinates": [square(7.4221 + n * 0.0005)]},
            }
            for n in range(12)
        ],
    }
    path = tmp_path / "houses.geojson"
    path.write_text(json.dumps(houses))
    words = ("city", "add", "twice", "vector", path, "--layer", "buildings", "--keep", "--yes")
    added = shancheng(*words, "--column", "id=id", "--column", "height_m=height", "--home", home)
    assert added.returncode == 0, added.stderr
    done = shancheng("city", "check", "twice", "--home", home)
    assert done.returncode == 1
    assert "FAIL buildings" in done.stdout
    assert "buildings that overlap another one" in done.stdout
    assert "50% (" in done.stdout
    assert "twice: failed in" in done.stderr


def square(west: float) -> list[list[float]]:
    south, side = 43.735, 0.0002
    corners = [(0, 0), (side, 0), (side, side), (0, side), (0, 0)]
    return [[west + x, south + y] for x, y in corners]


def test_no_such_city(shancheng: Run, tmp_path: Path) -> None:
    done = shancheng("city", "check", "nowhere", "--home", tmp_path)
    assert done.returncode == 1
    assert "no such city" in done.stderr


# Fetch


def test_fetching_replaces_layers_and_ground_and_keeps_the_credit(
    shancheng: Run, home: Path, bucket: Bucket
) -> None:
    words = ("city", "fetch", "small", "--buildings", "osm", "--dem", "glo30", "--home", home)
    done = shancheng(*words, env=mirrors(bucket))
    assert done.returncode == 0, done.stderr
    info = json.loads(shancheng("city", "info", "small", "--json", "--home", home).stdout)
    buildings = next(layer for layer in info["layers"] if layer["name"] == "buildings")
    assert (buildings["count"], buildings["licence"]) == (1, "ODbL-1.0")
    assert buildings["date"]
    assert "COPERNICUS" in info["terrain"]["attribution"]
    assert "EGM2008" in info["terrain"]["notes"]
    assert info["terrain"]["date"]
    again = shancheng(*words, env=mirrors(bucket))
    assert again.returncode == 0, again.stderr
    assert [entry[0] for entry in bucket.log] == ["GET", "POST"]


def test_a_publisher_that_is_down_changes_nothing(shancheng: Run, home: Path, bucket: Bucket) -> None:
    before = (home / "small" / "city.toml").read_bytes()
    bucket.post = lambda _query: b"<osm><remark>runtime error: too busy</remark></osm>"
    done = shancheng("city", "fetch", "small", "--buildings", "osm", "--home", home, env=mirrors(bucket))
    assert done.returncode == 1
    assert "too busy" in done.stderr
    assert (home / "small" / "city.toml").read_bytes() == before


def test_nothing_to_fetch(shancheng: Run, home: Path) -> None:
    done = shancheng("city", "fetch", "small", "--home", home)
    assert done.returncode == 1
    assert "give --buildings overture" in done.stderr


def test_a_served_city_is_refused_before_anything_is_downloaded(
    shancheng: Run, up: Run, home: Path, bucket: Bucket
) -> None:
    up("small", "--home", home, "--port", "0")
    done = shancheng("city", "fetch", "small", "--dem", "glo30", "--home", home, env=mirrors(bucket))
    assert done.returncode == 1
    assert bucket.log == []
