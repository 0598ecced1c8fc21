"""Outside judges on buildings that are more than prisms: roofs of all shapes, solids, pictures."""

import hashlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from houses import LAT, LON, degrees, layer
from PIL import Image
from shapely import affinity
from solids import box, gabled, moved, wkb
from solids import degrees as solid_degrees
from tiles_checker.glb import accessor_values, open_gltf
from tiles_checker.tileset import TilesetChecker

from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.buildings import make_buildings
from shancheng.tiles.profiles import PROFILES
from shancheng.tiles.roofs import SHAPES

pytestmark = [pytest.mark.node]

ROOT_FOLDER = Path(__file__).resolve().parent.parent.parent
# The validator does not know these extensions, nor what they alone refer to (columns of property tables).
KNOWN_INFOS = {"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT"}
ROOT = RootCell(LON - 0.03, LAT - 0.03, 0.0625)
SLOPE = Raster(
    np.add.outer(np.arange(40.0)[::-1] * 6, np.arange(40.0) * 4).astype(np.float32), LON - 0.04, LAT + 0.04,
    0.08 / 39, 0.08 / 39,
)  # fmt: skip
WALLS = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0]


def picture(folder: Path, seed: int) -> str:
    noise = np.random.default_rng(seed).integers(0, 255, (40 + seed, 90, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    name = f"{hashlib.sha256(out.getvalue()).hexdigest()}.png"
    (folder / name).write_bytes(out.getvalue())
    return name


def everything(textures: Path) -> pa.Table:
    """Prisms, roofs of every word over two outlines, solids with and without pictures, one repeated."""
    rows: list[dict[str, Any]] = []
    outlines = [
        shapely.box(0, 0, 22, 12),
        shapely.Polygon([(0, 0), (20, 0), (20, 8), (8, 8), (8, 18), (0, 18)]),
    ]
    for k, word in enumerate([*SHAPES, None]):
        for j, outline in enumerate(outlines):
            place = affinity.translate(outline, 60 * k - 900, 50 * j)
            rows.append({"shape": word, "geometry": degrees(place), "base": 3.0 * (k % 2)})
    ground = float(undulation_m(LON, LAT)) + 250
    for k in range(12):
        faces = moved(box(20, 12, 9 + k) if k % 2 else gabled(20, 10, 6, 10), 70 * k - 500, -200, ground)
        row: dict[str, Any] = {"geometry": shapely.box(*solid_degrees(faces).bounds), "solid": wkb(faces)}
        if k % 2:
            times = 3 if k == 11 else 1
            row["pictures"] = [None, None] + [picture(textures, k)] * 4
            row["uv"] = [value * times for value in WALLS] * 4
        rows.append(row)
    column = {name: [row.get(name) for row in rows] for name in ("shape", "solid", "pictures", "uv")}
    return layer(
        [row["geometry"] for row in rows],
        min_height_m=[row.get("base", 0.0) for row in rows],
        roof_shape=pa.array(column["shape"], pa.string()),
        lod2_geometry=pa.array(column["solid"], pa.binary()),
        lod2_textures=pa.array(column["pictures"], pa.list_(pa.string())),
        lod2_uv=pa.array(column["uv"], pa.list_(pa.float32())),
    )


@pytest.fixture(scope="module", params=list(PROFILES))
def tileset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "textures").mkdir()
    report = make_buildings(
        everything(folder / "textures"), SLOPE, ROOT, folder / "tiles", profile=PROFILES[request.param],
        pictures=folder / "textures", id_prefix="urn:shancheng:test:buildings:", copyright="© nobody",
    )  # fmt: skip
    assert (report.set_aside, report.notes["solids"], report.notes["roofs"]) == (
        [],
        12,
        2 * (len(SHAPES) - 1),
    )
    return Path(folder / "tiles")


def test_judges_find_nothing_wrong(tileset: Path, node: str, tmp_path: Path) -> None:
    script = Path(__file__).with_name("validate_glb.mjs")
    modules = ROOT_FOLDER / "frontend" / "node_modules"
    result = subprocess.run(
        [node, script, modules, tileset, tmp_path], capture_output=True, text=True, check=True, timeout=100
    )
    report = json.loads(result.stdout)
    assert report["issues"] == []
    assert set(report["infos"]) <= KNOWN_INFOS
    assert report["files"] == len(list(tileset.rglob("*.glb"))) > 0
    checker = TilesetChecker(contents=True)
    assert checker.check(tileset / "tileset.json", ()) == []
    assert checker.content_count == report["files"]
    images = 0
    for path in tmp_path.rglob("*.glb"):
        asset, findings = open_gltf(path)
        assert findings == []
        images += len(asset.document.get("images", []))
        check_places(path.relative_to(tmp_path), asset, tileset)
    assert images >= 2


def check_places(path: Path, asset: Any, tileset: Path) -> None:
    """Every vertex of every primitive lies in its tile, between the heights that the tileset says."""
    root = json.loads((tileset / "tileset.json").read_text(encoding="utf-8"))["root"]
    low, high = root["boundingVolume"]["region"][4:]
    level, x, y = (int(part) for part in path.with_suffix("").parts)
    bounds = ROOT.cell_bounds(level, x, y)
    matrix = np.array(asset.document["nodes"][0]["matrix"]).reshape(4, 4).T
    to_geodetic = pyproj.Transformer.from_crs(4978, 4979, always_xy=True)
    for primitive in asset.document["meshes"][0]["primitives"]:
        local = accessor_values(asset, primitive["attributes"]["POSITION"])
        assert local is not None
        world = np.column_stack([local, np.ones(len(local))]) @ matrix.T
        lon, lat, height = to_geodetic.transform(world[:, 0], -world[:, 2], world[:, 1])
        slack = 5e-7
        assert bounds.west_deg - slack <= lon.min() <= lon.max() <= bounds.east_deg + slack
        assert bounds.south_deg - slack <= lat.min() <= lat.max() <= bounds.north_deg + slack
        assert low - 0.05 <= height.min() <= height.max() <= high + 0.05
