"""Roofs, solids and pictures in the page: seen in the right place by day, dim by night, and picked."""

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from driver import Visit, brightness
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))

import small_city
from solids import box, moved

from shancheng.city.schema import layer_table
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.geo.geoid import undulation_m

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LON, LAT = 7.42485, 43.7351
PER_DEGREE = 6378137 * np.pi / 180 * np.array([np.cos(np.radians(LAT)), 1.0])
SIDE_M, HEIGHT_M = 60.0, 40.0
# Above: red, green; below: blue, white. Where they are on the wall, as shares of its width and height.
QUARTERS = {(0.25, 0.75): (255, 0, 0), (0.75, 0.75): (0, 255, 0), (0.25, 0.25): (0, 0, 255)}
Open = Callable[..., Visit]


def picture(folder: Path) -> str:
    pixels = np.full((256, 256, 3), 255, np.uint8)
    for (x, y), colour in QUARTERS.items():
        rows, columns = (slice(0, 128) if near else slice(128, 256) for near in (y > 0.5, x < 0.5))
        pixels[rows, columns] = colour
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    name = f"{hashlib.sha256(out.getvalue()).hexdigest()}.png"
    folder.mkdir()
    (folder / name).write_bytes(out.getvalue())
    return name


@pytest.fixture(scope="module")
def base_m(forms_home: Path) -> float:
    """The height above the ellipsoid of the solid's floor."""
    city = City.open(forms_home / "forms", write=False)
    ground = city.terrain().sample(np.array([LON]), np.array([LAT]))[0] + undulation_m(LON, LAT)
    city.close()
    return float(ground)


@pytest.fixture(scope="module")
def forms_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a city of two buildings: a solid with a picture, and a house under a gable beside it."""
    home = tmp_path_factory.mktemp("forms")
    osm, dem = small_city._write_osm(home / "s.osm.pbf"), small_city._write_dem(home / "s.tif")
    command = small_city.program("city", "create", "forms", "--osm", osm, "--dem", dem, "--home", home)
    subprocess.run(command, check=True, capture_output=True)
    folder = home / "forms"
    name = picture(folder / "layers" / "textures")
    with City.open(folder, write=True) as city:
        ground = float(city.terrain().sample(np.array([LON]), np.array([LAT]))[0] + undulation_m(LON, LAT))
        faces = moved(box(SIDE_M, 20, HEIGHT_M), 0, 0, ground)
        solid = shapely.transform(
            shapely.MultiPolygon([shapely.Polygon(face[0]) for face in faces]),
            lambda points: points / [*PER_DEGREE, 1] + [LON, LAT, 0],
            include_z=True,
        )
        west, south, east, north = solid.bounds
        table = layer_table(
            "buildings",
            id=["solid", "house"],
            kind="house",
            provenance="surveyed",
            height_m=[HEIGHT_M, 20.0],
            height_provenance="surveyed",
            min_height_m=0.0,
            roof_shape=[None, "gabled"],
            roof_height_m=pa.array([None, 10.0], pa.float32()),
            lod2_geometry=pa.array([shapely.to_wkb(solid, flavor="iso", byte_order=1), None], pa.binary()),
            lod2_textures=pa.array([[None, None] + [name] * 4, None], pa.list_(pa.string())),
            lod2_uv=pa.array([[0, 0, 1, 0, 1, 1, 0, 1, 0, 0] * 4, None], pa.list_(pa.float32())),
            geometry=[
                shapely.box(west, south, east, north),
                shapely.box(west - 8e-4, south, west - 2e-4, north),
            ],
        )
        write_layer(city, "buildings", table, city.manifest.layers["buildings"])
    return home


@pytest.fixture(scope="module")
def forms_server(forms_home: Path, serve: Any) -> Iterator[Any]:
    with serve(forms_home, "forms") as server:
        yield server


def look(visit: Visit, base_m: float, hour: float) -> Any:
    visit.set_hour(hour)
    east, north = np.array([LON, LAT]) + np.array([SIDE_M / 2, 0]) / PER_DEGREE
    visit.fly_to(float(east), float(north), base_m + HEIGHT_M / 2, 130)
    return visit.picture()


def on_wall(visit: Visit, base_m: float, share: tuple[float, float]) -> tuple[int, int]:
    """Where a place on the southern wall appears."""
    found = visit.project(LON + share[0] * SIDE_M / PER_DEGREE[0], LAT, base_m + share[1] * HEIGHT_M)
    assert found is not None
    return round(found[0]), round(found[1])


def test_a_picture_is_seen_where_it_lies(forms_server: Any, base_m: float, open_city: Open) -> None:
    visit = open_city(forms_server.url)
    pixels = look(visit, base_m, 12)
    for share, colour in QUARTERS.items():
        x, y = on_wall(visit, base_m, share)
        seen = pixels[y - 3 : y + 4, x - 3 : x + 4, :3].reshape(-1, 3).mean(axis=0)
        assert int(np.argmax(seen)) == int(np.argmax(colour)), (share, seen)
        assert seen.max() > 1.25 * np.sort(seen)[1], (share, seen)
        assert visit.pick_at(x, y) == "urn:shancheng:forms:buildings:solid"


def test_a_picture_is_dim_by_night(forms_server: Any, base_m: float, open_city: Open) -> None:
    visit = open_city(forms_server.url)
    walls = []
    for hour in (12, 23):
        pixels = look(visit, base_m, hour)
        (x0, y1), (x1, y0) = on_wall(visit, base_m, (0.1, 0.1)), on_wall(visit, base_m, (0.9, 0.9))
        walls.append(pixels[y0:y1, x0:x1])
    assert brightness(walls[0]) > 2 * brightness(walls[1])
    # Windows shine on it as on any wall.
    assert walls[1].max() > 150


def test_the_roof_is_no_facade(forms_server: Any, base_m: float, open_city: Open) -> None:
    """A slope of the gable is picked, and by night no window shines in it."""
    visit = open_city(forms_server.url)
    visit.set_hour(23)
    lon = LON - 5e-4
    visit.fly_to(lon, LAT + 4e-5, base_m + 15, 60)
    pixels = visit.picture()
    found = visit.project(lon, LAT + 4e-5, base_m + 14)
    assert found is not None
    x, y = round(found[0]), round(found[1])
    assert visit.pick_at(x, y) == "urn:shancheng:forms:buildings:house"
    assert pixels[y - 10 : y + 10, x - 40 : x + 40].max() < 120
