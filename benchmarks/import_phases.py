"""Where the time of an import of solids goes: the library's work, ours, and the checks that we add."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from machine import ROOT, WORK
from shancheng.city.sources import read_source, solids_city, solids_crs, solids_measured, solids_tables
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.progress import NullProgress

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
import models  # the houses that the tests read too

__all__ = ["cpu_s", "made", "models", "ours", "phases"]

RUNS = 3
FOLDER = WORK / "models"
# What each phase is made of: functions that do not call each other.
PHASES: dict[str, list[tuple[ModuleType | type, str]]] = {
    "placing (PROJ, geoid)": [(solids_crs.Placement, "geodetic")],
    "checks: cleaning, turning outward": [
        (solids_measured, "cleaned"),
        (solids_measured, "vector_areas"),
        (solids_measured, "outward"),
        (solids_measured, "measured"),
    ],
    "checks: footprints, valid and joined": [(solids_measured, "footprints"), (solids_measured, "united")],
    "writing WKB (GEOS)": [(solids_tables, "wkb_multipolygons")],
    "tables (Arrow), checked against the schema": [
        (solids_tables, "layer_table"),
        (solids_city, "_joined"),
    ],
}


def cpu_s(work: Callable[[], Any]) -> float:
    """Processor time of some work, median of three runs."""
    taken = []
    for _ in range(RUNS):
        gc.collect()
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken)


@contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """Processor time of the phases, added up while this lasts."""
    kept: list[tuple[Any, str, Any]] = []

    def watch(phase: str, owner: Any, name: str) -> None:  # noqa: ANN401 - a module or a class
        plain = getattr(owner, name)

        def measured(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - as what it stands for
            start = time.process_time()
            try:
                return plain(*args, **named)
            finally:
                spent[phase] += time.process_time() - start

        kept.append((owner, name, plain))
        setattr(owner, name, measured)

    for phase, functions in PHASES.items():
        for owner, name in functions:
            watch(phase, owner, name)
    try:
        yield
    finally:
        for owner, name, plain in kept:
            setattr(owner, name, plain)


def ours(source: str, path: Path) -> CityData:
    """The whole import, from file to layers."""
    return read_source(source, path, SourceOptions(), NullProgress())


def phases(source: str, path: Path) -> dict[str, float]:
    """Processor time of each phase of one import, and of what is left: reading and taking apart."""
    spent = dict.fromkeys(PHASES, 0.0)
    start = time.process_time()
    with timed(spent):
        ours(source, path)
    whole = time.process_time() - start
    return {"reading, taking apart, the rest": whole - sum(spent.values()), **spent}


def made(name: str, write: Callable[[Path], Any]) -> Path:
    """A file below .bench/, written at the first call."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / name
    if not path.exists():
        write(path)
    return path
