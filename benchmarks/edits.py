"""What does an edit cost beside making all tiles anew?

1 % of the buildings get other heights: once all in one neighbourhood, once scattered over the city. Each edit
is written as a new version of the layer first, which is not counted here but told; then the tiles are made,
and, in the same warm process, made anew in full. Figures are medians of several rounds.

Two cities: the synthetic one, of 100,000 buildings on a terrain of 30 m, and the built-in Chongqing with all
its layers. The last column compares the time of the layer of buildings alone, terrain aside: of an edited
neighbourhood not only its own tiles are made, but also those above them, up to the first one.

python benchmarks/edits.py [BUILDINGS]
"""

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench_city import synthetic_city
from machine import WORK, calibration_s, publish
from shancheng.city.create import create_city
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.db.lock import CityLock
from shancheng.tiles.make import make_tiles
from shancheng.tiles.report import TilesReport

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
SHARE = 0.01
GROWTH = np.float32(1.1)
# 30 m, as the freely available elevations of the whole world have.
TERRAIN_STEP_DEG = 1 / 3600

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Spent:
    """What making tiles took, of this the buildings, and how many of these were made."""

    wall_s: float
    cpu_s: float
    layer_cpu_s: float
    made: int
    tiles: int


@dataclass
class Edits:
    """A city that is edited and tiled again and again."""

    city: City
    rng: np.random.Generator

    def table(self) -> pa.Table:
        """The buildings as they are."""
        return self.city.layer("buildings")

    def neighbourhood(self) -> Rows:
        """Rows of one in a hundred buildings: those nearest to one of them."""
        boxes: Any = self.table().column("bbox").combine_chunks()
        west, south = (boxes.field(edge).to_numpy() for edge in ("xmin", "ymin"))
        middle = self.rng.integers(len(west))
        east_by = (west - west[middle]) * np.cos(np.radians(south[middle]))
        far = np.hypot(east_by, south - south[middle])
        return np.argsort(far, kind="stable")[: int(SHARE * len(far))]

    def scattered(self) -> Rows:
        """Rows of one in a hundred buildings, anywhere."""
        count = len(self.table())
        return self.rng.choice(count, int(SHARE * count), replace=False)

    def write(self, rows: Rows) -> float:
        """A version of the layer in which these rows are higher; the seconds that took."""
        table = self.table()
        heights = table.column("height_m").to_numpy().copy()
        heights[rows] *= GROWTH
        at = table.schema.get_field_index("height_m")
        changed = table.set_column(at, table.schema.field(at), pa.array(heights))
        begin = time.perf_counter()
        write_layer(self.city, "buildings", changed, self.city.manifest.layers["buildings"])
        return time.perf_counter() - begin

    def tile(self, *, full: bool = False) -> Spent:
        """Make the tiles."""
        wall, cpu = time.perf_counter(), time.process_time()
        report = make_tiles(self.city, full=full)
        return _spent(time.perf_counter() - wall, time.process_time() - cpu, report)


def _spent(wall_s: float, cpu_s: float, report: TilesReport) -> Spent:
    layer = next(entry for entry in report.layers if entry.name == "buildings")
    return Spent(wall_s, cpu_s, layer.cpu_seconds, layer.tiles - layer.reused, layer.tiles)


def measure(folder: Path) -> dict[str, Any]:
    """Edits of a city, and what each cost beside a full build."""
    found: dict[str, list[Spent]] = {"full": [], "first": [], "near": [], "scattered": []}
    written: list[float] = []
    with CityLock(folder), City.open(folder) as city:
        edits = Edits(city, np.random.default_rng(1))
        edits.tile(full=True)  # so that everything is warm
        for _ in range(ROUNDS):
            found["full"].append(edits.tile(full=True))
            plan: list[tuple[str, Callable[[], Rows]]] = [
                ("first", edits.neighbourhood),
                ("near", edits.neighbourhood),
                ("near", edits.neighbourhood),
                ("scattered", edits.scattered),
            ]
            for name, choose in plan:
                written.append(edits.write(choose()))
                found[name].append(edits.tile())
        buildings = city.layer_version("buildings").rows
    return {"buildings": buildings, "write_s": median(written), **_ratios(found)}


def _ratios(found: dict[str, list[Spent]]) -> dict[str, Any]:
    """Medians of what each kind took, and of its ratio to the full build of the same round."""
    values: dict[str, Any] = {}
    for name, spent in found.items():
        values[name] = {
            "wall_s": median(one.wall_s for one in spent),
            "cpu_s": median(one.cpu_s for one in spent),
            "layer_cpu_s": median(one.layer_cpu_s for one in spent),
            "made": median(one.made for one in spent),
            "tiles": spent[-1].tiles,
        }
    full = values["full"]
    for name in ("first", "near", "scattered"):
        for key in ("wall", "cpu", "layer_cpu"):
            values[name][f"{key}_percent"] = 100 * values[name][f"{key}_s"] / full[f"{key}_s"]
    return values


PERCENTS = ("wall_percent", "cpu_percent", "layer_cpu_percent")
LABELS = {
    "full": "all anew",
    "near": "1 % in one neighbourhood",
    "first": "the same, first after a full build",
    "scattered": "1 % scattered",
}


def lines(city: str, values: dict[str, Any]) -> list[list[str]]:
    """A city's lines of the table."""
    result = []
    for name, label in LABELS.items():
        one = values[name]
        shares = [f"{one[key]:.1f} %" if key in one else "" for key in PERCENTS]
        made = f"{one['made']:,.0f} of {one['tiles']:,}"
        result.append([city, label, made, f"{one['wall_s']:.3f}", f"{one['cpu_s']:.3f}", *shares])
    return result


def chongqing() -> Path:
    """The built-in city, made anew."""
    home = WORK / "cities" / "edits"
    shutil.rmtree(home, ignore_errors=True)
    city, _ = create_city(home, "chongqing")
    city.close()
    return home / "chongqing"


def main(count: int) -> None:
    """Measure both cities and publish."""
    calibration = calibration_s()
    synthetic = measure(synthetic_city(count, step_deg=TERRAIN_STEP_DEG))
    whole = measure(chongqing())
    names = [f"{found['buildings']:,} buildings" for found in (synthetic, whole)]
    head = [
        "city",
        "edit",
        "building tiles",
        "wall s",
        "cpu s",
        "of full wall",
        "of full cpu",
        "of buildings' cpu",
    ]
    table = [head, *lines(names[0], synthetic), *lines(f"Chongqing, {names[1]}", whole)]
    rows = [
        (
            "writing the edited layer, synthetic and Chongqing",
            f"{synthetic['write_s']:.2f} s, {whole['write_s']:.2f} s",
        ),
        ("calibration loop", f"{calibration:.3f} s"),
    ]
    values = {
        "synthetic": synthetic,
        "chongqing": whole,
        "wall_percent": synthetic["near"]["wall_percent"],
        "cpu_percent": synthetic["near"]["cpu_percent"],
        "chongqing_wall_percent": whole["near"]["wall_percent"],
        "chongqing_cpu_percent": whole["near"]["cpu_percent"],
    }
    publish("edits", "What does an edit cost beside making all tiles anew?", rows, values, table=table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
