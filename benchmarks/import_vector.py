"""How much longer than the library that reads a file does an import from it take?

200,000 synthetic footprints with ids, heights, storeys, names, streets and years, as GeoParquet and as
GeoPackage. The library is pyarrow or pyogrio, with shapely for the geometry, into Arrow and shapes in memory;
ours is the source `vector`, into a checked layer in memory. What we add as validation is timed by itself.
Processor time of all threads, medians of runs that take turns.

    python benchmarks/import_vector.py [COUNT]
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from machine import ROOT, WORK, calibration_s, cost_of, publish

RUNS = 5
FORMATS = ("parquet", "gpkg")
# What a fault in the data would be found by; the names are looked up where they are called.
CHECKS = {
    "text is UTF-8, no batch too large": ("shancheng.city.sources.vector_geoparquet", "looked_at"),
    "the same, by GDAL": ("shancheng.city.sources.vector_gdal", "looked_at"),
    "axes are not swapped": ("shancheng.city.sources.vector_build", "middles"),
    "shapes, ranges, areas": ("shancheng.city.sources.vector_build", "sound_shapes"),
    "heights within reason": ("shancheng.city.sources.vector_rows", "building_heights"),
    "a guessed column of ids holds ids": ("shancheng.city.sources.vector", "_holds_ids"),
    "ids unique": ("shancheng.city.sources.vector_build", "unique"),
    "rows of a batch fit the schema": ("shancheng.city.schema", "validate_layer"),
    "the layer fits the schema": ("shancheng.city.sources.vector_build", "validate_layer"),
}
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from import_vector import measured
measured(sys.argv[2])
"""


def write_files(folder: Path, count: int) -> None:
    """The same footprints in both formats."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyogrio
    import shapely

    from synthetic import footprints

    made, rng = footprints(count), np.random.default_rng(1)
    named = np.where(rng.random(count) < 0.1, np.char.add("House ", made.ids), None)
    table = pa.table(
        {
            "osm_id": made.ids,
            "building": made.kinds,
            "height": made.heights_m,
            "floors": made.levels.astype(np.int32),
            "name": named.astype(object),
            "street": np.char.add("Street ", rng.integers(0, 2000, count).astype(str)),
            "year": rng.integers(1950, 2024, count),
            "geometry": pa.array(shapely.to_wkb(made.polygons)),
        }
    )
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.replace_schema_metadata({"geo": json.dumps(geo)}), folder / "a.parquet", row_group_size=65_536
    )
    place = folder / "a.gpkg"
    place.unlink(missing_ok=True)
    pyogrio.write_arrow(table, place, geometry_name="geometry", geometry_type="Polygon", crs="EPSG:4326")


def measured(folder: str) -> None:
    """Times of this process as JSON: for each format the library's, ours, and of ours each check."""
    import time

    from shancheng.city.sources.base import SourceOptions
    from shancheng.city.sources.vector import read
    from shancheng.progress import NullProgress

    spent = _stopwatches()
    options, found = SourceOptions(layer="buildings"), {}
    for ending in FORMATS:
        path, runs = Path(folder) / f"a.{ending}", []
        for _ in range(RUNS + 1):
            start = time.process_time()
            rows = _by_library(path)
            library = time.process_time() - start
            spent.update(dict.fromkeys(CHECKS, 0.0))
            start = time.process_time()
            taken = read(path, options, NullProgress()).layers["buildings"].num_rows
            runs.append({"library": library, "ours": time.process_time() - start, **spent})
            if taken != rows:
                sys.exit(f"{path}: {taken:,} of {rows:,} rows")
        found[ending] = runs[1:]  # the first one loads libraries
    json.dump(found, sys.stdout)


def _by_library(path: Path) -> int:
    import pyarrow.parquet as pq
    import pyogrio
    import shapely

    parquet = path.suffix == ".parquet"
    table: Any = pq.read_table(path) if parquet else pyogrio.read_arrow(path)[1]
    return len(shapely.from_wkb(table.column("geometry" if parquet else "geom").to_numpy()))


def _stopwatches() -> dict[str, float]:
    """Time spent in each check, counted from here on."""
    import importlib
    import time

    spent = dict.fromkeys(CHECKS, 0.0)

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            start = time.process_time()
            result = work(*args, **kwargs)
            spent[name] += time.process_time() - start
            return result

        return run

    for name, (module, function) in CHECKS.items():
        place = importlib.import_module(module)
        setattr(place, function, timed(name, getattr(place, function)))
    return spent


def main(count: int) -> None:
    """Measure and publish."""
    folder = WORK / f"import-vector-{count}"
    write_files(folder, count)
    calibration = calibration_s()
    cost = cost_of([ROOT / ".venv" / "bin" / "python", "-c", CHILD, ROOT / "benchmarks", folder])
    rows: list[tuple[str, str]] = [("features", f"{count:,}")]
    values: dict[str, float] = {"features": count, "calibration_s": calibration}
    for ending, runs in json.loads(cost.output).items():
        found = {name: median(run[name] for run in runs) for name in runs[0]}
        checks_s = median(sum(run[name] for name in CHECKS) for run in runs)
        ratio = median((run["ours"] - sum(run[name] for name in CHECKS)) / run["library"] for run in runs)
        values |= {
            f"{ending}_ratio": ratio,
            f"{ending}_ours_s": found["ours"],
            f"{ending}_checks_s": checks_s,
        }
        rows += [
            (f"{ending}: the library", f"{found['library']:.3f} s"),
            (f"{ending}: ours", f"{found['ours']:.3f} s"),
            *((f"{ending}: of it, {name}", f"{found[name]:.3f} s") for name in CHECKS),
            (f"{ending}: ours without checks, in times the library", f"{ratio:.2f}"),
        ]
    rows.append(("calibration loop", f"{calibration:.3f} s"))
    question = "How much longer than the library that reads a file does an import from it take?"
    publish("import_vector", question, rows, values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
