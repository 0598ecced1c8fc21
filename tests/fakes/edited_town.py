"""A town that is edited, and what edits may do to it."""

import hashlib
import io
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from mountain_city import ROOT, city_table, mountain_raster
from PIL import Image

from shancheng.city.manifest import LayerSource, TerrainSource
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.geo.bounds import Bounds
from shancheng.tiles.make import current_build, make_tiles
from shancheng.tiles.report import TilesReport

COUNT = 2_500
PICTURES = [f"{letter * 64}.png" for letter in "abc"]
CAPACITY = 100
SOURCE = LayerSource("by hand", "CC0-1.0", "nobody", "modelled")
Rows = list[dict[str, Any]]


def town(_progress: Any = None) -> CityData:
    raster = mountain_raster()
    terrain = TerrainSource(
        "by hand", "CC0-1.0", "somebody", "modelled", raster.step_lon_deg, raster.step_lat_deg
    )
    box = ROOT.bounds
    # Away from the edge, where buildings may come to lie when they are moved.
    extent = Bounds(box.west_deg, box.south_deg, box.east_deg, box.north_deg).expanded(0.004)
    layers = {"buildings": first_buildings(), "roads": roads(80), "green": parks(30)}
    return CityData(
        layers=layers,
        layer_sources=dict.fromkeys(layers, SOURCE),
        extent=extent,
        terrain=ElevationData(raster, terrain),
        files={f"layers/textures/{name}": picture(number) for number, name in enumerate(PICTURES)},
    )


def picture(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40 + number, 30), (80 * number, 100, 50)).save(out, "PNG")
    return out.getvalue()


def first_buildings() -> pa.Table:
    """Some have roofs, some are parts of others, some cannot be drawn."""
    table = city_table(COUNT)
    rows = table.to_pylist()
    for number in range(0, 200, 5):
        rows[number]["roof_shape"] = ("gabled", "hipped", "dome", "nothing we know")[number % 4]
    for number in range(300, 320, 2):
        rows[number]["parent_id"] = rows[number + 1]["id"]
    rows[400]["height_m"] = -1.0
    rows[401]["geometry"] = shapely.to_wkb(shapely.LineString([(106.51, 29.51), (106.52, 29.52)]))
    return pa.Table.from_pylist(rows, table.schema)


def roads(count: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    start = rng.uniform([106.505, 29.505], [106.555, 29.555], (count, 2))
    lines = [shapely.LineString([a, a + rng.uniform(-0.004, 0.004, 2)]) for a in start]
    return layer_table(
        "roads", geometry=lines, id=[f"r{k:03}" for k in range(count)], kind="residential",
        provenance="modelled", width_m=6.0, layer=pa.array([0] * count, pa.int8()),
        bridge=pa.array([False] * count), tunnel=pa.array([False] * count),
    )  # fmt: skip


def parks(count: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    centre = rng.uniform([106.505, 29.505], [106.555, 29.555], (count, 2))
    shapes = shapely.buffer(shapely.points(centre), rng.uniform(0.0002, 0.001, count))
    return layer_table(
        "green", geometry=shapes, id=[f"g{k:03}" for k in range(count)], kind="park", provenance="modelled"
    )


def files_of(build: Path) -> dict[str, str]:
    """Hash of each file of a build."""
    return {
        str(path.relative_to(build)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in build.rglob("*")
        if path.is_file()
    }


def build_of(city: City) -> Path:
    build = current_build(city)
    assert build is not None
    assert build.up_to_date
    return build.path


def inodes(build: Path) -> dict[str, int]:
    return {str(path.relative_to(build)): path.stat().st_ino for path in build.rglob("*") if path.is_file()}


def assert_equals_full(city: City, report: TilesReport, profile: str = "compact") -> None:
    """The current build is what a full build of a copy of the city makes, and says the same of itself."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "town"
        shutil.copytree(city.folder, copy, ignore=shutil.ignore_patterns("tiles"))
        with City.open(copy, write=False) as other:
            full = make_tiles(other, profile=profile, full=True)
            assert files_of(build_of(city)) == files_of(build_of(other))
    for layer, whole in zip(report.layers, full.layers, strict=True):
        mine, its = ({**one.values(), "seconds": 0, "cpu_seconds": 0, "reused": 0} for one in (layer, whole))
        assert mine == its
        assert sorted(layer.set_aside, key=lambda e: e.id) == sorted(whole.set_aside, key=lambda e: e.id)
        assert whole.reused == 0


def edit(city: City, change: Callable[[Rows], None], layer: str = "buildings") -> None:
    table = city.layer(layer)
    rows = table.to_pylist()
    change(rows)
    for number, row in enumerate(rows):
        row["index"] = number  # the store gives each its own
    write_layer(city, layer, pa.Table.from_pylist(rows, table.schema), city.manifest.layers[layer])


def moved(row: dict[str, Any], east: float, north: float) -> None:
    shape = shapely.transform(
        shapely.from_wkb(row["geometry"]), lambda points: points + np.array([east, north])
    )
    row["geometry"] = shapely.to_wkb(shape)
    west, south, east, north = shapely.bounds(shape).tolist()
    row["bbox"] = {"xmin": west, "ymin": south, "xmax": east, "ymax": north}


def near(rows: Rows, chosen: random.Random, count: int) -> Rows:
    """Neighbours of one building."""
    box = chosen.choice(rows)["bbox"]
    far = [abs(row["bbox"]["xmin"] - box["xmin"]) + abs(row["bbox"]["ymin"] - box["ymin"]) for row in rows]
    return [rows[number] for number in np.argsort(far, kind="stable")[:count]]


# --- what edits may do; each takes the rows and a source of chance


def grow(rows: Rows, chosen: random.Random) -> None:
    for row in near(rows, chosen, 40):
        row["height_m"] = abs(row["height_m"]) * chosen.uniform(0.5, 2)


def move(rows: Rows, chosen: random.Random) -> None:
    for row in near(rows, chosen, 20):
        moved(row, chosen.uniform(-0.002, 0.002), chosen.uniform(-0.002, 0.002))


def move_beyond(rows: Rows, chosen: random.Random) -> None:
    moved(chosen.choice(rows), 0.2, 0)


def remove(rows: Rows, chosen: random.Random) -> None:
    for row in near(rows, chosen, chosen.choice([1, 30, 300])):
        rows.remove(row)


def add(rows: Rows, chosen: random.Random) -> None:
    for row in chosen.sample(rows, 25):
        new = {**row, "id": f"x{chosen.getrandbits(40)}", "parent_id": None}
        moved(new, chosen.uniform(-0.003, 0.003), chosen.uniform(-0.003, 0.003))
        rows.append(new)


def scatter(rows: Rows, chosen: random.Random) -> None:
    for row in chosen.sample(rows, 30):
        row["levels"] = chosen.choice([None, 1, 7, 400])


def rename_kind(rows: Rows, chosen: random.Random) -> None:
    word = chosen.choice(["aaa", "house", "zzz", f"kind {chosen.randrange(3)}"])
    for row in near(rows, chosen, 10):
        row["kind"] = word


def lose_a_kind(rows: Rows, chosen: random.Random) -> None:
    word = chosen.choice(sorted({row["kind"] for row in rows}))
    for row in rows:
        row["kind"] = "other" if row["kind"] == word else row["kind"]


def make_parts(rows: Rows, chosen: random.Random) -> None:
    for row in chosen.sample(rows, 6):
        row["parent_id"] = chosen.choice([None, chosen.choice(rows)["id"], "nobody"])


def spoil(rows: Rows, chosen: random.Random) -> None:
    a, b, c = chosen.sample(rows, 3)
    a["height_m"], b["min_height_m"], c["geometry"] = float("nan"), 1e6, b"no geometry"


def mend(rows: Rows, _chosen: random.Random) -> None:
    for row in rows:
        row["height_m"] = row["height_m"] if row["height_m"] > 0 else 9.0
        row["min_height_m"] = row["min_height_m"] if row["min_height_m"] < row["height_m"] else 0.0


def put_roofs_on(rows: Rows, chosen: random.Random) -> None:
    for row in near(rows, chosen, 15):
        row["roof_shape"] = chosen.choice([None, "flat", "gabled", "pyramidal", "no such roof"])


def put_solids_on(rows: Rows, chosen: random.Random) -> None:
    """Boxes as solids of their source, some of them with pictures, some that cannot be drawn."""
    for row in near(rows, chosen, 12):
        box, low = row["bbox"], chosen.uniform(200, 500)
        faces = box_faces(box, low, low + chosen.uniform(5, 60))
        row["lod2_geometry"] = chosen.choice([None, b"no solid", *[multipolygon_z(faces)] * 4])
        row["lod2_textures"] = row["lod2_uv"] = None
        if row["lod2_geometry"] and chosen.random() < 0.5:
            row["lod2_textures"] = [chosen.choice([None, *PICTURES]) for _ in faces]
            named = sum(name is not None for name in row["lod2_textures"])
            row["lod2_uv"] = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0] * named


def box_faces(box: dict[str, float], low: float, high: float) -> list[list[tuple[float, float, float]]]:
    """Faces of a box, counter-clockwise seen from outside, closed."""
    west, south, east, north = (box[edge] for edge in ("xmin", "ymin", "xmax", "ymax"))
    ground = [(west, south), (east, south), (east, north), (west, north)]
    roof = [(x, y, high) for x, y in ground]
    walls = [
        [(*a, low), (*b, low), (*b, high), (*a, high)]
        for a, b in zip(ground, ground[1:] + ground[:1], strict=True)
    ]
    floor = [(x, y, low) for x, y in ground[::-1]]
    return [[*face, face[0]] for face in (roof, floor, *walls)]


def multipolygon_z(faces: list[list[tuple[float, float, float]]]) -> bytes:
    shape = shapely.MultiPolygon([shapely.Polygon(face) for face in faces])
    return bytes(shapely.to_wkb(shape, byte_order=1, flavor="iso", output_dimension=3))


def name(rows: Rows, chosen: random.Random) -> None:
    chosen.choice(rows)["name"] = f"name {chosen.random()}"


EDITS = (
    grow, move, move_beyond, remove, add, scatter, rename_kind, lose_a_kind, make_parts, spoil, mend,
    put_roofs_on, put_solids_on, name,
)  # fmt: skip
