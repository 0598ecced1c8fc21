"""Do memory and time allow ten million buildings?

A synthetic city comes as a stream and goes the whole way: into a layer file sorted by id, into the search
index, into tiles with their terrain. Each size is a process of its own, at low priority; its peak of resident
memory counts mapped files too, and the peak of what it allocated is told apart. Without an argument sizes go
up to a million, with `--full` to ten.

python benchmarks/scale.py [--full]
"""

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import ROOT, WORK, calibration_s, publish
from plot import Chart, Series

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (100_000, 300_000, 1_000_000)
MORE = (3_000_000, 10_000_000)
NAME = "synthetic"
PICTURE = ROOT / "docs" / "images" / "scale.svg"
LIMIT_MB = 4_000
PARTS = ("source", "layer", "index", "tiles")


def measure_one(count: int) -> dict[str, Any]:
    """Build a city of that size in this process."""
    import blocks
    from shancheng.city import create
    from shancheng.city.builtin import BUILTIN, Recipe
    from shancheng.city.manifest import Title
    from shancheng.city.store import City
    from shancheng.tiles.make import make_tiles

    home = WORK / "cities" / f"scale-{count}"
    shutil.rmtree(home, ignore_errors=True)
    spent = dict.fromkeys(PARTS, 0.0)
    memory = _Memory()
    data = blocks.city_data(count)
    data.streams["buildings"] = _timed(data.streams["buildings"], spent)
    BUILTIN[NAME] = Recipe(NAME, Title("试验城", "Synthetic"), lambda _: data)
    _time_calls(create, "_build_indices", spent)
    start, start_cpu = time.perf_counter(), time.process_time()
    city, _ = create.create_city(home, NAME)
    city.close()
    spent["layer"] = time.perf_counter() - start - spent["source"] - spent["index"]
    begin = time.perf_counter()
    with City.open(home / NAME, write=False) as opened:
        report = make_tiles(opened)
    spent["tiles"] = time.perf_counter() - begin
    layer = next(entry for entry in report.layers if entry.name == "buildings")
    result = {
        "count": count,
        "drawn": layer.features,
        "tiles": layer.tiles,
        "seconds": spent,
        "buildings_cpu_s": layer.cpu_seconds,
        "cpu_s": time.process_time() - start_cpu,
        **memory.peaks(),
        "bytes": sum(path.stat().st_size for path in home.rglob("*") if path.is_file()),
    }
    shutil.rmtree(home)
    return result


def _timed(tables: Any, spent: dict[str, float]) -> Any:  # noqa: ANN401 - tables in, tables out
    """The same tables; the time that making them takes is counted."""
    iterator = iter(tables)
    while True:
        begin = time.perf_counter()
        table = next(iterator, None)
        spent["source"] += time.perf_counter() - begin
        if table is None:
            return
        yield table


def _time_calls(module: Any, name: str, spent: dict[str, float]) -> None:  # noqa: ANN401 - a module
    original: Callable[..., Any] = getattr(module, name)

    def timed(*args: Any) -> Any:  # noqa: ANN401 - whatever it takes
        begin = time.perf_counter()
        result = original(*args)
        spent["index"] += time.perf_counter() - begin
        return result

    setattr(module, name, timed)


class _Memory:
    """The peak of what a process allocated, looked at twenty times a second."""

    def __init__(self) -> None:
        self._anonymous_kb = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peaks(self) -> dict[str, float]:
        """Peaks so far, in MB."""
        self._end.set()
        self._thread.join()
        resident_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"resident_mb": resident_kb / 1024, "allocated_mb": self._anonymous_kb / 1024}

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while not self._end.wait(0.05):
            if not status.exists():
                return
            found = [line for line in status.read_text().splitlines() if line.startswith("RssAnon")]
            self._anonymous_kb = max([self._anonymous_kb, *(int(line.split()[1]) for line in found)])


def run_one(count: int) -> dict[str, Any]:
    """Measure one size in a process of its own, with low priority: the large ones take long."""
    command = [sys.executable, __file__, "--one", str(count)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(10)
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{count:>12,}: {sum(found['seconds'].values()):,.1f} s, {found['resident_mb']:,.0f} MB", flush=True
    )
    return found


def kept(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These results, and those of larger sizes from an earlier run."""
    path = WORK / "results" / "scale.json"
    before = json.loads(path.read_text(encoding="utf-8"))["values"]["sizes"] if path.exists() else []
    largest = max(entry["count"] for entry in results)
    return [*results, *(entry for entry in before if entry["count"] > largest)]


def draw(results: list[dict[str, Any]]) -> None:
    """The picture: seconds and megabytes over buildings."""
    chart = Chart("buildings", "processor seconds", "megabytes at the peak")
    chart.left.append(Series("whole way", [(entry["count"], entry["cpu_s"]) for entry in results]))
    tiles = [(entry["count"], entry["buildings_cpu_s"]) for entry in results]
    chart.left.append(Series("tiles of buildings", tiles))
    chart.right.append(Series("resident", [(entry["count"], entry["resident_mb"]) for entry in results]))
    chart.right.append(Series("allocated", [(entry["count"], entry["allocated_mb"]) for entry in results]))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(chart.svg(), encoding="utf-8")


def slope(results: list[dict[str, Any]]) -> float:
    """By which power of the number of buildings processor time grows, from the smallest to the largest."""
    first, last = results[0], results[-1]
    # Processor time, for on a shared machine the rest is the others'.
    return math.log(last["cpu_s"] / first["cpu_s"]) / math.log(last["count"] / first["count"])


def main(*, full: bool) -> None:
    """Measure all sizes and publish."""
    calibration = calibration_s()
    results = kept([run_one(count) for count in (*SIZES, *(MORE if full else ()))])
    draw(results)
    head = ["buildings", *(f"{part} s" for part in PARTS), "cpu s", "cpu µs each", "peak MB", "allocated MB"]
    table = [
        [
            f"{entry['count']:,}",
            *(f"{entry['seconds'][part]:,.1f}" for part in PARTS),
            f"{entry['cpu_s']:,.1f}",
            f"{1e6 * entry['cpu_s'] / entry['count']:,.1f}",
            f"{entry['resident_mb']:,.0f}",
            f"{entry['allocated_mb']:,.0f}",
        ]
        for entry in results
    ]
    values = {
        "sizes": results,
        "largest": results[-1]["count"],
        "resident_mb": results[-1]["resident_mb"],
        "slope": slope(results),
    }
    rows = [
        ("processor time grows with this power of the buildings", f"{values['slope']:.2f}"),
        ("calibration loop", f"{calibration:.3f} s"),
    ]
    question = "Do memory and time allow ten million buildings?"
    picture = ("images/scale.svg", "Seconds and megabytes over the number of buildings")
    publish("scale", question, rows, values, table=[head, *table], picture=picture)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure_one(int(sys.argv[2]))))
    else:
        main(full="--full" in sys.argv[1:])
