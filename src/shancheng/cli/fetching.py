"""The work of ``shancheng city fetch``: download, then add what came as ``city add`` does."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from shancheng.city.add import Addition, carry_out, plan_addition, plan_ground
from shancheng.city.fetch.base import Fetched, endpoints_from
from shancheng.city.fetch.http import open_pool
from shancheng.city.fetch.run import Wanted
from shancheng.city.fetch.run import fetch as download_all
from shancheng.city.index import build_indices
from shancheng.city.inputs import SourceInput
from shancheng.city.schema import SURVEYED
from shancheng.city.sources.base import SourceOptions
from shancheng.city.sources.dem_file import DemFile
from shancheng.city.store import City
from shancheng.cli.building import ensure_tiles, existing_city
from shancheng.cli.filling import ELEVATION, tell_plan
from shancheng.cli.progress import TerminalProgress
from shancheng.db.lock import CityLock

__all__ = ["fetch_and_tile"]

DOWNLOADS: Final = ".downloads"


def fetch_and_tile(
    name: str, home: Path, *, buildings: str | None, dem: str | None, release: str | None
) -> None:
    """Download what is wanted, put it in, make the tiles anew."""
    folder = existing_city(home, name)
    endpoints = endpoints_from(os.environ)
    progress = TerminalProgress()
    # A city that is being served is refused before the download, not after it.
    with CityLock(folder), City.open(folder) as city:
        extent = city.manifest.extent
    wanted = Wanted(buildings=buildings, dem=dem, release=release)
    found = download_all(wanted, extent, home / DOWNLOADS / name, endpoints, open_pool(), progress)
    progress.done()
    with CityLock(folder), City.open(folder) as city:
        for fetched in found:
            addition = _dated(_planned(city, fetched, progress), fetched)
            progress.done()
            tell_plan(addition, progress)
            for version in carry_out(city, addition, progress):
                progress.say(f"{version.layer}: version {version.version}")
        progress.step("writing the search index", None)
        build_indices(city)
        ensure_tiles(city, progress)
        progress.done()


def _planned(city: City, fetched: Fetched, progress: TerminalProgress) -> Addition:
    if fetched.source == ELEVATION:
        credit = SourceOptions(licence=fetched.licence, attribution=fetched.attribution, provenance=SURVEYED)
        return plan_ground(city, [DemFile(path) for path in fetched.paths], credit, progress)
    inputs = [SourceInput(fetched.source, path, fetched.options) for path in fetched.paths]
    return plan_addition(city, inputs, progress=progress)


def _dated(addition: Addition, fetched: Fetched) -> Addition:
    """The addition with the date of its data, where its source does not know one, and with notes."""
    data, ground = addition.data, addition.ground
    sources = {
        name: replace(source, date=source.date or fetched.date) for name, source in data.layer_sources.items()
    }
    if ground is not None:
        notes = " ".join(filter(None, (fetched.notes, ground.source.notes)))
        ground = replace(ground, source=replace(ground.source, date=fetched.date, notes=notes))
    return replace(addition, data=replace(data, layer_sources=sources), ground=ground)
