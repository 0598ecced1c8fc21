"""Run every benchmark, each in a process of its own, and write docs/benchmarks.md from what they found.

With `--full` those that have a long form take it.

python benchmarks/run_all.py [--full] [NAME ...]
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from machine import ROOT, WORK

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Each table answers one question and stands beside the command that made it; times are
medians of three runs, ratios are taken within one run. Machines differ, and this one may be shared: the
calibration loop (sorting six million numbers) says what a processor-second was worth while measuring.
"""


@dataclass(frozen=True)
class Target:
    """What a figure is meant to be."""

    key: str
    text: str
    least: float | None = None
    most: float | None = None

    def verdict(self, value: float) -> str:
        """Whether a figure is that."""
        good = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return f"| {self.text} | {value:,.1f} | {'yes' if good else '**no**'} |"


TARGETS: dict[str, tuple[Target, ...]] = {
    "tiling": (
        Target("per_cpu_s", "at least 100,000 buildings a processor-second", least=100_000),
        Target("bytes_raw", "at most 100 bytes a building", most=100),
        Target("bytes_gzip", "at most 45 bytes a building, gzipped", most=45),
    ),
    "forms": (Target("gabled_per_cpu_s", "at least 25,000 gabled houses a processor-second", least=25_000),),
    "py3dtiles_peer": (),
    "edits": (
        Target("wall_percent", "synthetic: a neighbourhood in at most 5 % of the full time", most=5),
        Target("cpu_percent", "synthetic: in at most 5 % of the processor time", most=5),
        Target("chongqing_wall_percent", "Chongqing: in at most 5 % of the full time", most=5),
        Target("chongqing_cpu_percent", "Chongqing: in at most 5 % of the processor time", most=5),
    ),
    "scale": (
        Target("resident_mb", "the largest city in at most 4,000 MB", most=4_000),
        Target("slope", "processor time grows at most with the power 1.1", most=1.1),
    ),
    "startup": (
        Target("cold_picture_s", "first picture within 60 s on an empty home", most=60),
        Target("warm_picture_s", "first picture within 5 s at a second start", most=5),
    ),
    "import_osm": (
        Target("ratio", "Monaco: at most 1.5 times the library, checks aside", most=1.5),
        Target("ratio_ten", "ten Monacos: at most 1.5 times the library, checks aside", most=1.5),
    ),
    "import_cityjson": (Target("ratio", "CityJSON: at most 1.5 times the library, checks aside", most=1.5),),
    "import_citygml": (Target("ratio", "CityGML: at most 1.5 times the library, checks aside", most=1.5),),
    "import_vector": (
        Target("parquet_ratio", "GeoParquet: at most 1.5 times the library, checks aside", most=1.5),
        Target("gpkg_ratio", "GeoPackage: at most 1.5 times the library, checks aside", most=1.5),
    ),
    "first_view": (
        Target("wire_bytes", "at most 1,500,000 bytes on the wire", most=1_500_000),
        Target("draw_calls", "at most 150 draw calls", most=150),
        Target("triangles", "at most 700,000 triangles", most=700_000),
    ),
}


LONG = ("scale",)
"""Benchmarks that know `--full`."""


def section(name: str, result: dict[str, Any]) -> str:
    """One benchmark's part of the page."""
    lines = [f"## {result['question']}", ""]
    if result.get("table"):
        head, *body = result["table"]
        lines += [_line(head), _line(["---"] * len(head)), *(_line(cells) for cells in body), ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {label} | {value} |" for label, value in result["rows"]]
    if result.get("picture"):
        path, seen = result["picture"]
        lines += ["", f"![{seen}]({path})"]
    if TARGETS[name]:
        lines += ["", "| meant to be | is | reached |", "| --- | --- | --- |"]
        lines += [target.verdict(result["values"][target.key]) for target in TARGETS[name]]
    return "\n".join([*lines, "", f"`python benchmarks/{name}.py`", ""])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine_line(result: dict[str, Any]) -> str:
    """The machine that the figures belong to."""
    of = result["machine"]
    day = datetime.now(UTC).date().isoformat()
    return (
        f"Measured {day} on {of['processor']}, {of['cores']} cores, {of['memory_gb']} GB, "
        f"{of['system']}, Python {of['python']}.\n"
    )


def main(names: list[str], *, full: bool) -> None:
    """Run the named benchmarks, or all, and write the page from all results that there are."""
    for name in names or list(TARGETS):
        command = [sys.executable, ROOT / "benchmarks" / f"{name}.py"]
        subprocess.run([*command, "--full"] if full and name in LONG else command, check=True)
        print(flush=True)
    found = {name: WORK / "results" / f"{name}.json" for name in TARGETS}
    results = {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items() if path.exists()
    }
    newest = next(iter(results.values()))
    parts = [HEAD, machine_line(newest), *(section(name, result) for name, result in results.items())]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main([word for word in sys.argv[1:] if word != "--full"], full="--full" in sys.argv[1:])
