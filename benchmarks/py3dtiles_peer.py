"""How does py3dtiles do on the same footprints?

The first 5,000 of the synthetic footprints, in one run: ours from GeoParquet and elevations, py3dtiles (in
its own environment below .bench/) from ready-made solids in metres, which spares it extrusion, terrain and
projection, and with ids alone where ours has heights, levels and kinds too.

    python benchmarks/py3dtiles_peer.py [COUNT]
"""

import gzip
import itertools
import json
import shutil
import struct
import sys
import venv
from pathlib import Path
from statistics import median

import numpy as np
import shapely

from bench_city import synthetic_city
from machine import ROOT, WORK, cost_of, publish
from synthetic import LAT_DEG, LON_DEG, METRES_A_DEGREE_LAT, METRES_A_DEGREE_LON, Footprints, footprints
from tiling import CHILD

PEER = "py3dtiles==12.1.1"
RUNS = 3


def peer_python() -> Path:
    """Python of the environment that holds the peer, made at the first call."""
    folder = WORK / "py3dtiles"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        cost_of([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER])
        (folder / "ready").touch()
    return python


def solid(polygon: shapely.Polygon, height_m: float) -> bytes:
    """Walls and roof of one building, in metres and y up, as the peer wants them."""
    faces = []
    for ring in (polygon.exterior, *polygon.interiors):
        corners = np.asarray(ring.coords)
        faces += [
            [(*a, 0.0), (*b, 0.0), (*b, height_m), (*a, height_m), (*a, 0.0)]
            for a, b in itertools.pairwise(corners)
        ]
    roof = [[(x, y, height_m) for x, y in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]
    rings = [[face] for face in faces] + [roof]
    return struct.pack("<BII", 1, 1006, len(rings)) + b"".join(_polygon(one) for one in rings)


def _polygon(rings: list[list[tuple[float, float, float]]]) -> bytes:
    body = struct.pack("<BII", 1, 1003, len(rings))
    for ring in rings:
        y_up = np.array([(x, z, -y) for x, y, z in ring], "<f8")
        body += struct.pack("<I", len(ring)) + y_up.tobytes()
    return body


def write_solids(buildings: Footprints, folder: Path) -> tuple[Path, Path]:
    """The peer's input: solids one after the other, and their ids."""
    folder.mkdir(parents=True, exist_ok=True)
    to_metres = [METRES_A_DEGREE_LON, METRES_A_DEGREE_LAT]
    metres = shapely.transform(buildings.polygons, lambda points: (points - [LON_DEG, LAT_DEG]) * to_metres)
    wkbs = [solid(polygon, height) for polygon, height in zip(metres, buildings.heights_m, strict=True)]
    source, ids = folder / "solids.bin", folder / "ids.txt"
    source.write_bytes(b"".join(struct.pack("<I", len(wkb)) + wkb for wkb in wkbs))
    ids.write_text("\n".join(buildings.ids.tolist()), encoding="utf-8")
    return source, ids


def sizes(folder: Path) -> tuple[int, int]:
    """Bytes of all files, raw and each gzipped."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return sum(map(len, contents)), sum(len(gzip.compress(data, 6)) for data in contents)


def main(count: int) -> None:
    """Measure both by turns and publish the ratio."""
    small, ours = synthetic_city(1_000), synthetic_city(count)
    python, target = peer_python(), WORK / "py3dtiles-out"
    source, ids = write_solids(footprints(count), WORK / "py3dtiles-in")
    peer_s, own_s, own_raw = [], [], 0.0
    for _ in range(RUNS):
        shutil.rmtree(target, ignore_errors=True)
        child = cost_of([python, ROOT / "benchmarks" / "peers" / "py3dtiles_child.py", source, ids, target])
        peer_s.append(json.loads(child.output)["cpu_s"])
        own = json.loads(cost_of([ROOT / ".venv" / "bin" / "python", "-c", CHILD, small, ours]).output)
        own_s.append(own["cpu_s"])
        layer = next(one for one in own["report"]["layers"] if one["name"] == "buildings")
        own_raw, own_gzip = (layer[key] / layer["features"] for key in ("bytes_raw", "bytes_gzip"))
    raw, packed = sizes(target)
    values = {
        "buildings": count,
        "peer_per_cpu_s": count / median(peer_s),
        "own_per_cpu_s": count / median(own_s),
        "ratio": median(peer_s) / median(own_s),
        "peer_bytes_raw": raw / count,
        "own_bytes_raw": own_raw,
    }
    rows = [
        ("footprints", f"{count:,}"),
        (f"{PEER}, buildings per processor-second", f"{values['peer_per_cpu_s']:,.0f}"),
        ("ours, buildings per processor-second", f"{values['own_per_cpu_s']:,.0f}"),
        ("ratio", f"{values['ratio']:,.0f}×"),
        (f"{PEER}, bytes a building, raw and gzipped", f"{raw / count:,.0f}, {packed / count:,.0f}"),
        ("ours, bytes a building, raw and gzipped", f"{own_raw:,.0f}, {own_gzip:,.0f}"),
    ]
    publish("py3dtiles_peer", "How does py3dtiles do on the same footprints?", rows, values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
