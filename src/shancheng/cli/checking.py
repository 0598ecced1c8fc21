"""The work of ``shancheng city check``: run the checks, keep the report, print it."""

import json
import sys
from pathlib import Path
from typing import Final

import click

from shancheng.city.check.base import Answer
from shancheng.city.check.run import CityReport, check_city, write_report
from shancheng.city.store import City
from shancheng.cli.building import existing_city
from shancheng.cli.progress import TerminalProgress

__all__ = ["check_and_tell"]

SHOWN: Final = 3
_FAILED: Final = 1


def check_and_tell(name: str, home: Path, *, as_json: bool) -> None:
    """Check a city.

    Raises:
        click.exceptions.Exit: A check failed.
    """
    folder = existing_city(home, name)
    progress = TerminalProgress()
    with City.open(folder, write=False) as city:
        report = check_city(city, progress)
        path = write_report(city, report)
    progress.done()
    if as_json:
        json.dump(report.to_json(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(_text(report))
    result = "passed" if report.passed else "failed"
    progress.say(f"{name}: {result} in {report.seconds:.1f} s; the report is {path}")
    if not report.passed:
        raise click.exceptions.Exit(_FAILED)


def _text(report: CityReport) -> str:
    quiet = [entry for entry in report.answers if not entry.found and not entry.skipped]
    lines = [line for entry in report.answers if entry not in quiet for line in _lines(entry)]
    lines += [_nothing(title, quiet) for title in dict.fromkeys(entry.title for entry in quiet)]
    lines.append("")
    for layer, shares in report.provenance.items():
        words = ", ".join(f"{word} {shares[word]:.1%}" for word in ("surveyed", "approximate", "modelled"))
        lines.append(
            f"{layer:<18} {shares['rows']:>10,.0f}  {words}; accuracy stated {shares['accuracy_stated']:.1%}"
        )
    terrain = report.terrain
    covers = "" if terrain["covers_the_extent"] else ", does not cover the extent"
    samples = f"{terrain['samples']:,} samples, {terrain['voids_filled']:,} filled"
    lines.append(f"{'terrain':<18} {terrain['provenance']}, {samples}{covers}")
    aside = "set aside by the sources, listed in layers/set_aside.json"
    lines += [f"{layer:<18} {count:>10,}  {aside}" for layer, count in report.set_aside.items()]
    return "\n".join(lines) + "\n"


def _nothing(title: str, quiet: list[Answer]) -> str:
    """One line for all layers in which a check found nothing and left out nothing."""
    same = [entry for entry in quiet if entry.title == title]
    layers = same[0].layer if len(same) == 1 else f"{len(same)} layers"
    return f" ok  {layers:<14} {0:>8,} of {sum(entry.looked_at for entry in same):,}: {title}"


def _lines(entry: Answer) -> list[str]:
    mark = "FAIL" if not entry.passed else "    " if entry.found else " ok "
    share = f" ({entry.found / entry.looked_at:.2%})" if entry.found and entry.looked_at else ""
    head = f"{mark} {entry.layer:<14} {entry.found:>8,}{share} of {entry.looked_at:,}: {entry.title}"
    lines = [head]
    if entry.skipped:
        skipped = "; ".join(f"{count:,}: {reason}" for reason, count in entry.skipped.items())
        lines.append(f"       not looked at: {skipped}")
    examples = entry.examples[:SHOWN]
    return [*lines, *(f"       {one.id} at {one.lon:.5f}, {one.lat:.5f}: {one.text}" for one in examples)]
