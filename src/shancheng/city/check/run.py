"""All checks of a city, and their report: for people a table, for programs ``check.json``."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from shancheng.city.check.base import Answer, Check, Subject
from shancheng.city.check.buildings import check_buildings
from shancheng.city.check.layers import check_layers, provenance_shares
from shancheng.city.check.ways import check_ways
from shancheng.city.store import City
from shancheng.db.files import write_atomically
from shancheng.progress import NullProgress, Progress

__all__ = ["CHECKS", "CHECK_FILE", "CityReport", "check_city", "write_report"]

CHECK_FILE: Final = "check.json"
CHECKS: Final[dict[str, Check]] = {
    "buildings": check_buildings,
    "ways": check_ways,
    "layers": check_layers,
}


@dataclass(frozen=True)
class CityReport:
    """What all checks found.

    Attributes:
        city: Its name.
        versions: Version of each layer that was looked at.
        answers: Of all checks.
        provenance: Shares by layer, see `provenance_shares`.
        terrain: How the elevations came about.
        set_aside: How many features the sources held that were not taken over.
        seconds: How long it took.
    """

    city: str
    versions: dict[str, int]
    answers: tuple[Answer, ...]
    provenance: dict[str, dict[str, float]]
    terrain: dict[str, Any]
    set_aside: dict[str, int]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(entry.passed for entry in self.answers)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "city": self.city,
            "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "passed": self.passed,
            "versions": self.versions,
            "checks": [entry.to_json() for entry in self.answers],
            "provenance": self.provenance,
            "terrain": self.terrain,
            "set_aside": self.set_aside,
            "seconds": round(self.seconds, 2),
        }


def check_city(city: City, progress: Progress | None = None) -> CityReport:
    """Run every check.

    Args:
        city: Opened; it need not be owned.
        progress: Told what is being looked at.
    """
    show, started = progress or NullProgress(), time.perf_counter()
    subject = Subject(city)
    answers: list[Answer] = []
    for number, (name, check) in enumerate(CHECKS.items()):
        show.step(f"checking {name}", number / len(CHECKS))
        answers += check(subject)
    source, raster = city.manifest.terrain, subject.terrain
    terrain = {
        "provenance": source.provenance,
        "samples": int(raster.values.size),
        "voids_filled": source.voids_filled,
        "covers_the_extent": raster.covers(city.manifest.extent),
    }
    set_aside: dict[str, int] = {}
    for entry in city.set_aside():
        set_aside[entry.layer] = set_aside.get(entry.layer, 0) + 1
    return CityReport(
        city.manifest.name,
        {name: city.layer_version(name).version for name in city.layer_names()},
        tuple(answers),
        provenance_shares(subject),
        terrain,
        set_aside,
        time.perf_counter() - started,
    )


def write_report(city: City, report: CityReport) -> Path:
    """Put the report into the city's folder, whole. It is no part of the data, so no lock is needed."""
    path = city.folder / CHECK_FILE
    write_atomically(path, orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2))
    return path
