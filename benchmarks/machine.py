"""What every benchmark prints beside its result: the machine, its speed today, all its processor time."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".bench"


@dataclass(frozen=True)
class Machine:
    """The machine that a result belongs to."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str


def machine() -> Machine:
    """This machine."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gb=round(pages * size / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def calibration_s() -> float:
    """Processor time of a fixed piece of work: sorting and summing, median of three.

    On a shared machine it says how much a processor-second is worth at this moment.
    """
    numbers = np.random.default_rng(1).random(2_000_000)
    taken = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(3):
            np.cumsum(np.sort(numbers)).sum()
        taken.append(time.process_time() - start)
    return median(taken)


@dataclass(frozen=True)
class Cost:
    """What a command cost: wall time, and processor time of all its threads and children."""

    wall_s: float
    cpu_s: float
    output: str


def cost_of(command: Sequence[str | Path], **options: Any) -> Cost:  # noqa: ANN401 - as subprocess.run
    """Run a command to its end and measure it."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}: code {result.returncode}\n{result.stderr[-3000:]}")
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(wall_s, cpu_s, result.stdout)


def publish(
    name: str,
    question: str,
    rows: list[tuple[str, str]],
    values: dict[str, Any],
    *,
    table: list[list[str]] | None = None,
    picture: tuple[str, str] | None = None,
) -> None:
    """Print a result, and keep it for run_all.py as .bench/results/NAME.json.

    Args:
        name: Of the benchmark.
        question: What it asks.
        rows: Labels and figures.
        values: Figures for targets.
        table: Lines of a table, the first its head.
        picture: Path below docs/, and what is seen.
    """
    print(f"{question}\n")
    for line in table or []:
        print("  " + "".join(f"{cell:>16}" for cell in line))
    for label, value in rows:
        print(f"  {label:<44} {value}")
    folder = WORK / "results"
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "question": question,
        "rows": rows,
        "values": values,
        "table": table,
        "picture": picture,
        "machine": asdict(machine()),
    }
    (folder / f"{name}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")
