"""How fast do footprints become tiles, and how large are they?

200,000 synthetic footprints over a mountain DEM, GeoParquet to tileset on disk, with ids, heights, levels and
kinds. Processor time counts all threads and children of a warm process; a second figure is that of the whole
command, with Python starting and every library loading.

    python benchmarks/tiling.py [COUNT]
"""

import json
import sys
from statistics import median

from bench_city import synthetic_city
from machine import ROOT, calibration_s, cost_of, publish

RUNS = 3
# Run in a process of its own. A first, small build loads the kernels from their cache, as a server has them.
CHILD = """
import json, os, resource, sys, time
from pathlib import Path
from shancheng.city.store import City
from shancheng.tiles.make import make_tiles

def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)

small, large = (City.open(Path(folder)) for folder in sys.argv[1:3])
make_tiles(small, layers=["buildings"], full=True)
wall, start = time.perf_counter(), cpu()
report = make_tiles(large, layers=["buildings"], full=True)
taken = {"cpu_s": cpu() - start, "wall_s": time.perf_counter() - wall}
json.dump(taken | {"report": report.to_json()}, sys.stdout)
"""


def main(count: int) -> None:
    """Measure and publish."""
    small, large = synthetic_city(1_000), synthetic_city(count)
    python = ROOT / ".venv" / "bin" / "python"
    calibration, runs, whole_s = [], [], []
    for _ in range(RUNS):
        calibration.append(calibration_s())
        cost = cost_of([python, "-c", CHILD, small, large])
        runs.append(json.loads(cost.output))
        whole_s.append(cost.cpu_s)
    layer = next(one for one in runs[0]["report"]["layers"] if one["name"] == "buildings")
    cpu_s, wall_s = median(run["cpu_s"] for run in runs), median(run["wall_s"] for run in runs)
    values = {
        "buildings": count,
        "per_cpu_s": count / cpu_s,
        "per_wall_s": count / wall_s,
        "bytes_raw": layer["bytes_raw"] / layer["features"],
        "bytes_gzip": layer["bytes_gzip"] / layer["features"],
        "calibration_s": median(calibration),
    }
    rows = [
        ("footprints, drawn", f"{count:,}, {layer['features']:,}"),
        ("tiles, triangles", f"{layer['tiles']:,}, {layer['triangles']:,}"),
        ("buildings per processor-second", f"{values['per_cpu_s']:,.0f}"),
        ("buildings per second of wall time", f"{values['per_wall_s']:,.0f}"),
        ("processor time of the build", f"{cpu_s:.2f} s"),
        ("processor time of the whole command", f"{median(whole_s):.2f} s"),
        ("bytes a building, raw", f"{values['bytes_raw']:.1f}"),
        ("bytes a building, gzipped", f"{values['bytes_gzip']:.1f}"),
        ("calibration loop", f"{values['calibration_s']:.3f} s"),
    ]
    publish("tiling", "How fast do footprints become tiles, and how large are they?", rows, values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
