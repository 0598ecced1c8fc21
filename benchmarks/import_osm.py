"""How long does OpenStreetMap take to become layers, beside the library that reads it?

Two files: Monaco, and ten copies of it side by side. The library is osmium: one loop over all objects of the
file, with the places of nodes and with areas assembled, and nothing done with them. Ours is everything from
the file to checked tables of fourteen layers. They take turns in one process, and processor time counts, that
of osmium's threads too. What we add in checks is taken out of ours and listed. The library “with words and
shapes” is the same loop when it asks each object with tags for these and for its geometry, as any use has to.

    python benchmarks/import_osm.py [EXTRACT]
"""

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import osmium

from machine import ROOT, WORK, calibration_s, publish
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.osm import read
from shancheng.progress import NullProgress

MONACO = ROOT.parent / "shared" / "data" / "monaco" / "monaco_2023.osm.pbf"
COPIES = 10
RUNS = 9
APART = 100_000_000_000
CHECKS = {
    "words and frames of the file": "shancheng.city.sources.osm_stream.check_pbf",
    "areas are sound": "shapely.is_valid",
    "parts cover their outlines": "shancheng.city.sources.osm_buildings._parents",
    "stations and stops mapped twice": "shancheng.city.sources.osm_points.merged",
    "landmarks mapped twice": "shancheng.city.sources.osm_landmarks.merged",
    "columns, ids, provenance": "shancheng.city.schema.validate_layer",
}


def library(path: Path) -> None:
    """What it takes to see every object of a file."""
    for _ in osmium.FileProcessor(str(path)).with_areas():
        pass


def library_with_words(path: Path) -> None:
    """The same, and each tagged object's words and geometry."""
    wkb = osmium.geom.WKBFactory()
    for thing in osmium.FileProcessor(str(path)).with_areas():
        if len(thing.tags):
            dict(thing.tags)
            # Some outlines do not close, and some nodes are not in the file.
            with contextlib.suppress(RuntimeError, osmium.InvalidLocationError):
                if thing.is_way():
                    wkb.create_linestring(thing)
                elif thing.is_area():
                    wkb.create_multipolygon(thing)


def ours(path: Path) -> CityData:
    """From the file to checked tables."""
    return read(path, SourceOptions(), NullProgress())


@dataclass
class Timed:
    """Processor seconds of each run by what was run."""

    runs: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, name: str, function: Callable[[Path], Any], path: Path) -> None:
        """Run and keep the time."""
        start = time.process_time()
        function(path)
        self.runs[name].append(time.process_time() - start)

    def s(self, name: str) -> float:
        """Median."""
        return median(self.runs[name])


@contextlib.contextmanager
def checks_timed(timed: Timed) -> Iterator[None]:
    """Count the time of each check within, a run at a time."""
    taken: dict[str, float] = dict.fromkeys(CHECKS, 0.0)
    with contextlib.ExitStack() as stack:
        for name, place in CHECKS.items():
            module, _, attribute = place.rpartition(".")
            function = counted(getattr(sys.modules[module], attribute), name, taken)
            stack.enter_context(mock.patch(place, function))
        yield
    for name, seconds in taken.items():
        timed.runs[name].append(seconds)


def counted(function: Callable[..., Any], name: str, taken: dict[str, float]) -> Callable[..., Any]:
    """A function whose time is counted."""

    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            taken[name] += time.process_time() - start

    return run


def measured(path: Path) -> Timed:
    """All of it by turns, so that a slow moment of the machine hits all alike."""
    timed = Timed()
    ours(path)  # imports
    for _ in range(RUNS):
        timed.run("library", library, path)
        with checks_timed(timed):
            timed.run("ours", ours, path)
        timed.run("words", library_with_words, path)
    return timed


def copies(path: Path) -> Path:
    """Ten of an extract side by side, as a file below .bench/."""
    target = WORK / f"{COPIES}_{path.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    things = list(objects(path))
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for kind in "nwr":
            for number in range(COPIES):
                for thing in things:
                    if thing[0] == kind:
                        writer.add(moved(thing, number))
    return target


def objects(path: Path) -> Iterator[tuple[str, int, Any, dict[str, str]]]:
    """Type, number, what it consists of, and tags."""
    for thing in osmium.FileProcessor(str(path)):
        if thing.is_node():
            parts: Any = (thing.location.lon, thing.location.lat)
        elif thing.is_way():
            parts = [node.ref for node in thing.nodes]
        else:
            parts = [(member.type, member.ref, member.role) for member in thing.members]
        yield thing.type_str(), thing.id, parts, dict(thing.tags)


def moved(thing: tuple[str, int, Any, dict[str, str]], number: int) -> Any:  # noqa: ANN401 - one of three
    """An object of a copy: other numbers, another place."""
    kind, local_id, parts, tags = thing
    by, mutable = number * APART, osmium.osm.mutable
    head = {"id": local_id + by, "tags": tags, "version": 1}
    if kind == "n":
        place = (parts[0] + 0.06 * (number % 5), parts[1] + 0.04 * (number // 5))
        return mutable.Node(location=place, **head)
    if kind == "w":
        return mutable.Way(nodes=[ref + by for ref in parts], **head)
    return mutable.Relation(members=[(part, ref + by, role) for part, ref, role in parts], **head)


def rows_of(label: str, timed: Timed) -> list[tuple[str, str]]:
    """Lines of the table."""
    checks = sum(timed.s(name) for name in CHECKS)
    plain = timed.s("ours") - checks
    return [
        (f"{label}: library, all objects seen", f"{timed.s('library') * 1e3:.0f} ms"),
        (f"{label}: library, with words and shapes", f"{timed.s('words') * 1e3:.0f} ms"),
        (f"{label}: ours, without checks", f"{plain * 1e3:.0f} ms, {plain / timed.s('library'):.2f}×"),
        (
            f"{label}: ours, all",
            f"{timed.s('ours') * 1e3:.0f} ms, {timed.s('ours') / timed.s('library'):.2f}×",
        ),
        *((f"{label}: check, {name}", f"{timed.s(name) * 1e3:.1f} ms") for name in CHECKS),
    ]


def main(path: Path) -> None:
    """Measure and publish."""
    if not path.is_file():
        sys.exit(f"{path}: no such file; give an extract as the argument")
    calibration = calibration_s()
    one, ten = measured(path), measured(copies(path))
    rows = [row for label, timed in (("one", one), ("ten", ten)) for row in rows_of(label, timed)]
    plain = {
        label: timed.s("ours") - sum(map(timed.s, CHECKS)) for label, timed in (("one", one), ("ten", ten))
    }
    values = {
        "ratio": plain["one"] / one.s("library"),
        "ratio_ten": plain["ten"] / ten.s("library"),
        "calibration_s": calibration,
    }
    rows += [
        ("features in ten", f"{sum(table.num_rows for table in ours(copies(path)).layers.values()):,}"),
        ("calibration loop", f"{calibration:.3f} s"),
    ]
    publish("import_osm", "How long does OpenStreetMap take beside the library that reads it?", rows, values)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else MONACO)
