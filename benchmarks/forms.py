"""What do roofs, solids and pictures cost beside prisms?

The same synthetic footprints four times over a mountain DEM: as prisms, all of them under gabled roofs (flat
where there is a courtyard), all of them as the solids of a source, and some of those with a picture of their
own on their walls. Processor time counts all threads of a warm process; ratios are taken within the run.

    python benchmarks/forms.py [COUNT]
"""

import hashlib
import io
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from PIL import Image

from bench_city import SOURCE
from machine import WORK, calibration_s, publish
from shancheng.city.schema import layer_table
from shancheng.geo.bounds import Bounds
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.buildings import make_buildings
from shancheng.tiles.report import LayerReport
from synthetic import Footprints, footprints, mountain_dem

RUNS = 3
# Each picture is a photograph's worth of bytes: 256 by 256 pixels of noise.
PICTURED = 2_000


def table_of(buildings: Footprints, count: int, **columns: Any) -> pa.Table:  # noqa: ANN401 - as layer_table
    """The first buildings as a layer."""
    return layer_table(
        "buildings",
        geometry=buildings.polygons[:count],
        id=buildings.ids[:count],
        kind=buildings.kinds[:count],
        provenance="modelled",
        source=SOURCE,
        height_m=buildings.heights_m[:count],
        height_provenance="modelled",
        min_height_m=0.0,
        levels=buildings.levels[:count],
        **columns,
    )


def solids(buildings: Footprints, count: int) -> tuple[list[bytes], list[int]]:
    """Each building as a floor, a roof and its walls, and how many walls it has."""
    wkb, walls = [], []
    for polygon, height in zip(buildings.polygons[:count], buildings.heights_m[:count], strict=True):
        faces = [[], []]
        sides = []
        for ring in (polygon.exterior, *polygon.interiors):
            low, high = (
                np.column_stack([np.asarray(ring.coords), np.full(len(ring.coords), z)])
                for z in (200, 200 + height)
            )
            faces[0].append(low[::-1])
            faces[1].append(high)
            sides += [[np.stack([low[i], low[i + 1], high[i + 1], high[i]])] for i in range(len(low) - 1)]
        shape = shapely.MultiPolygon([shapely.Polygon(face[0], face[1:]) for face in (*faces, *sides)])
        wkb.append(shapely.to_wkb(shape, flavor="iso", byte_order=1))
        walls.append(len(sides))
    return wkb, walls


def pictures(folder: Path, walls: list[int]) -> dict[str, pa.Array]:
    """A picture of its own on the walls of each building."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    names, places = [], []
    for count in walls:
        out = io.BytesIO()
        coarse = Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
        coarse.resize((256, 256)).save(out, "JPEG", quality=85)
        name = f"{hashlib.sha256(out.getvalue()).hexdigest()}.jpg"
        (folder / name).write_bytes(out.getvalue())
        names.append([None, None] + [name] * count)
        places.append([0.0, 0, 1, 0, 1, 1, 0, 1, 0, 0] * count)
    return {
        "lod2_textures": pa.array(names, pa.list_(pa.string())),
        "lod2_uv": pa.array(places, pa.list_(pa.float32())),
    }


def cost(table: pa.Table, name: str, textures: Path | None = None) -> tuple[float, LayerReport]:
    """Least processor time of some builds, and what was made."""
    dem = mountain_dem()
    raster = Raster(dem.elevation_m, dem.west_deg, dem.north_deg, dem.step_deg, dem.step_deg)
    boxes = np.array([list(box.values()) for box in table["bbox"].to_pylist()])
    root = RootCell.enclosing(Bounds(*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)).expanded(0.01))
    folder = WORK / "forms" / name
    taken = []
    for _ in range(RUNS):
        shutil.rmtree(folder, ignore_errors=True)
        started = time.process_time()
        report = make_buildings(table, raster, root, folder, pictures=textures)
        taken.append(time.process_time() - started)
    return min(taken), report


def main(count: int) -> None:
    """Measure and publish."""
    buildings = footprints(count)
    wkb, walls = solids(buildings, count)
    textures = WORK / "forms" / "textures"
    few = min(PICTURED, count)
    layers = {
        "prisms": table_of(buildings, count),
        "gabled": table_of(buildings, count, roof_shape="gabled"),
        "solids": table_of(buildings, count, lod2_geometry=wkb),
        "pictures": table_of(buildings, few, lod2_geometry=wkb[:few], **pictures(textures, walls[:few])),
    }
    cost(table_of(buildings, min(count, 1000), roof_shape="gabled"), "warm")
    rows, values, rates = [("buildings, with pictures", f"{count:,}, {few:,}")], {}, {}
    for name, table in layers.items():
        seconds, report = cost(table, name, textures)
        rates[name] = report.features / seconds
        values[f"{name}_per_cpu_s"] = rates[name]
        values[f"{name}_bytes_gzip"] = report.bytes_gzip / report.features
        rows += [
            (
                f"{name}, per processor-second",
                f"{rates[name]:,.0f} ({rates['prisms'] / rates[name]:.2f}× the prisms' time)",
            ),
            (f"{name}, triangles a building", f"{report.triangles / report.features:.1f}"),
            (
                f"{name}, bytes a building, raw and gzipped",
                f"{report.bytes_raw / report.features:.1f}, {report.bytes_gzip / report.features:.1f}",
            ),
        ]
    rows.append(("calibration loop", f"{calibration_s():.3f} s"))
    publish("forms", "What do roofs, solids and pictures cost beside prisms?", rows, values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
