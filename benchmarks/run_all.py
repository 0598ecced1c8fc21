"""Run every benchmark, each in a process of its own, and write docs/benchmarks.md from what they found.

python benchmarks/run_all.py [NAME ...]
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
    "py3dtiles_peer": (),
    "startup": (
        Target("cold_picture_s", "first picture within 60 s on an empty home", most=60),
        Target("warm_picture_s", "first picture within 5 s at a second start", most=5),
    ),
    "first_view": (
        Target("wire_bytes", "at most 1,500,000 bytes on the wire", most=1_500_000),
        Target("draw_calls", "at most 150 draw calls", most=150),
        Target("triangles", "at most 700,000 triangles", most=700_000),
    ),
}


def section(name: str, result: dict[str, Any]) -> str:
    """One benchmark's part of the page."""
    lines = [f"## {result['question']}", "", "| | |", "| --- | --- |"]
    lines += [f"| {label} | {value} |" for label, value in result["rows"]]
    if TARGETS[name]:
        lines += ["", "| meant to be | is | reached |", "| --- | --- | --- |"]
        lines += [target.verdict(result["values"][target.key]) for target in TARGETS[name]]
    return "\n".join([*lines, "", f"`python benchmarks/{name}.py`", ""])


def machine_line(result: dict[str, Any]) -> str:
    """The machine that the figures belong to."""
    of = result["machine"]
    day = datetime.now(UTC).date().isoformat()
    return (
        f"Measured {day} on {of['processor']}, {of['cores']} cores, {of['memory_gb']} GB, "
        f"{of['system']}, Python {of['python']}.\n"
    )


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all, and write the page from all results that there are."""
    for name in names or list(TARGETS):
        subprocess.run([sys.executable, ROOT / "benchmarks" / f"{name}.py"], check=True)
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
    main(sys.argv[1:])
