"""Creating a city and adding to one: read, show what will happen, ask, write, tile."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from shancheng.city.add import Addition, LayerPlan, carry_out, plan_addition, plan_ground
from shancheng.city.create import CreateOutcome, create_city
from shancheng.city.index import build_indices
from shancheng.city.inputs import SourceInput
from shancheng.city.sources.base import CityData, ColumnUse, SourceOptions
from shancheng.city.sources.dem_file import dem_file
from shancheng.city.store import SET_ASIDE_FILE, City
from shancheng.cli.building import (
    ensure_tiles,
    existing_city,
    has_tiles,
    make_missing_tiles,
    tell_set_aside,
)
from shancheng.cli.options import SourceWords
from shancheng.cli.progress import TerminalProgress
from shancheng.db.lock import CityLock
from shancheng.errors import SettingError
from shancheng.geo.bounds import Bounds

__all__ = ["ELEVATION", "Asked", "add_and_tile", "create_and_tile", "tell_plan"]

ELEVATION = "elevation"
"""Stands where a source's name does, for files of elevations."""


@dataclass(frozen=True)
class Asked:
    """What a command was given: files with their sources, elevations, and what is said of them."""

    files: Sequence[tuple[str, Path]]
    dems: tuple[Path, ...]
    said: SourceWords
    yes: bool

    @property
    def options(self) -> SourceOptions:
        """What is said of the files, for their sources."""
        said = self.said
        return SourceOptions(
            crs=said.crs,
            datum=said.datum,
            columns=dict(said.columns),
            bounds=None if said.bounds is None else Bounds(*said.bounds),
            licence=said.licence,
            attribution=said.attribution,
            provenance=said.provenance,
            table=said.table,
        )

    def inputs(self) -> list[SourceInput]:
        """The files that sources read."""
        options = self.options
        return [
            SourceInput(source, path, options, self.said.layers)
            for source, path in self.files
            if source != ELEVATION
        ]

    def elevations(self) -> list[Path]:
        """The files of elevations."""
        return [*(path for source, path in self.files if source == ELEVATION), *self.dems]

    def refuse_words_but(self, *allowed: str) -> None:
        """Refuse what is said of files where no source reads any.

        Raises:
            SettingError: Something else than these was said.
        """
        for word, value in vars(self.said).items():
            if word not in allowed and value not in (None, (), "wgs84"):
                raise SettingError(f"{word}={value}: is said of files that a source reads; there are none")


def create_and_tile(name: str, home: Path, asked: Asked, *, replace: bool) -> None:
    """``shancheng city create``."""
    progress = TerminalProgress()
    if not asked.inputs():
        asked.refuse_words_but()

    def confirm(data: CityData) -> None:
        _tell_columns(data.column_use, progress)
        _tell_remarks(data.remarks, progress)
        if any(use.guessed for use in data.column_use):
            _confirm(data.column_use, yes=asked.yes)

    city, outcome = create_city(
        home,
        name,
        inputs=asked.inputs(),
        dems=asked.elevations(),
        replace=replace,
        confirm=confirm,
        progress=progress,
    )
    city.close()
    tell_set_aside(city.set_aside(), progress, f"layers/{SET_ASIDE_FILE}")
    # A city that is being served stays locked; asking again for what is there must not need the lock.
    made = None if has_tiles(city) else make_missing_tiles(city.folder, progress)
    if made is None and outcome is CreateOutcome.UNCHANGED:
        progress.say(f"{city.folder}: is complete already; nothing to do")
    else:
        progress.say(f"{city.folder}: {outcome.value}")


def add_and_tile(name: str, home: Path, asked: Asked, *, keep: bool) -> None:
    """``shancheng city add``."""
    folder = existing_city(home, name)
    progress = TerminalProgress()
    with CityLock(folder), City.open(folder) as city:
        addition = _planned(city, asked, keep=keep, progress=progress)
        progress.done()
        tell_plan(addition, progress)
        _confirm(addition.data.column_use, yes=asked.yes)
        versions = carry_out(city, addition, progress)
        progress.done()
        for version in versions:
            progress.say(f"{version.layer}: version {version.version}")
        if not versions:
            progress.say(f"{folder}: holds all of it already; nothing to do")
        progress.step("writing the search index", None)
        build_indices(city)
        ensure_tiles(city, progress)
        progress.done()


def _planned(city: City, asked: Asked, *, keep: bool, progress: TerminalProgress) -> Addition:
    elevations = asked.elevations()
    if elevations:
        asked.refuse_words_but("licence", "attribution", "provenance")
        return plan_ground(city, [dem_file(path) for path in elevations], asked.options, progress)
    return plan_addition(city, asked.inputs(), keep=keep, progress=progress)


# What is shown and asked


def tell_plan(addition: Addition, progress: TerminalProgress) -> None:
    """What an addition will do, before it does it."""
    _tell_columns(addition.data.column_use, progress)
    for plan in addition.plans:
        progress.say(f"  {_told(plan)}")
    if addition.ground is not None:
        rows, columns = addition.ground.raster.shape
        progress.say(f"  terrain: {columns} x {rows} samples of {addition.ground.source.source} replace it")
    tell_set_aside(addition.data.set_aside, progress, f"layers/{SET_ASIDE_FILE} once it is done")
    _tell_remarks(addition.remarks, progress)


def _told(plan: LayerPlan) -> str:
    if plan.before is None:
        return f"{plan.layer}: a new layer of {plan.after:,}"
    return f"{plan.layer}: {plan.before:,} become {plan.after:,} ({plan.new:,} new, {plan.gone:,} go)"


def _tell_columns(uses: Sequence[ColumnUse], progress: TerminalProgress) -> None:
    for use in uses:
        progress.say(f"  column {use.theirs} is {use.ours}{' (guessed from its name)' * use.guessed}")


def _tell_remarks(remarks: Sequence[str], progress: TerminalProgress) -> None:
    for remark in remarks:
        progress.say(f"  note: {remark}")


def _confirm(uses: Sequence[ColumnUse], *, yes: bool) -> None:
    """Ask a person at a terminal; of a script only what was guessed has to be confirmed.

    Raises:
        SettingError: Columns were guessed, and there is nobody to ask.
        click.exceptions.Exit: The answer was no.
    """
    if yes:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        if not click.confirm("Go on?", err=True):
            click.echo("nothing was written", err=True)
            raise click.exceptions.Exit(1)
        return
    guessed = [use for use in uses if use.guessed]
    if guessed:
        named = " ".join(f"--column {shlex.quote(f'{use.ours}={use.theirs}')}" for use in guessed)
        raise SettingError(
            f"{len(guessed)} columns were guessed and nobody can be asked; nothing was written. "
            f"Say --yes to take them, or name them: {named}"
        )
