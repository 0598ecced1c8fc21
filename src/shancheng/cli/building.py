"""Having a city and making its tiles, with what is printed on the way."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from shancheng.city.builtin import BUILTIN
from shancheng.city.create import create_city
from shancheng.city.freshness import Freshness, freshness_of
from shancheng.city.ids import check_city_name
from shancheng.city.manifest import read_manifest
from shancheng.city.store import MANIFEST_FILE, City
from shancheng.cli.progress import TerminalProgress
from shancheng.db.lock import CityLock
from shancheng.errors import NotACityError
from shancheng.tiles.compiled import compiling
from shancheng.tiles.follow import follow, newest_change, note_done
from shancheng.tiles.make import current_build, make_tiles
from shancheng.tiles.report import REPLACED, LayerReport, TilesReport

__all__ = [
    "ensure_city",
    "ensure_tiles",
    "existing_city",
    "has_tiles",
    "make_missing_tiles",
    "make_tiles_of",
    "tell_set_aside",
]

SHOWN_IDS = 3


class _Aside(Protocol):
    """What could not be taken over or drawn: sources and tiles each have their own record of it."""

    @property
    def layer(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def reason(self) -> str: ...


def make_tiles_of(name: str, home: Path, *, profile: str, full: bool, as_json: bool) -> None:
    """``shancheng tiles make``."""
    folder = existing_city(home, name)
    progress = TerminalProgress()
    with CityLock(folder), City.open(folder) as city:
        newest = newest_change(city)
        report = make_tiles(city, profile=profile, progress=progress, full=full)
        note_done(city, newest)
    _tell(report, progress)
    if as_json:
        json.dump(report.to_json(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")


def ensure_city(name: str, home: Path, progress: TerminalProgress) -> Path:
    """The folder of a city, created now if it is a built-in one that is not there yet.

    One that an older version of the program built, and to which nobody has added since, is made anew.

    Raises:
        NotACityError: The name is neither a city in the home folder nor built in.
        OlderSchemaError: An older version made it, and it holds what this one cannot make anew.
    """
    check_city_name(name)
    folder = home / name
    fresh = freshness_of(folder)
    if fresh is Freshness.REPLACEABLE:
        progress.say(f"{folder}: the built-in {name} of an older version; it is made anew")
        city, _ = create_city(home, name, replace=True, progress=progress)
        city.close()
    elif fresh is Freshness.OUTDATED:
        again = f"shancheng city create {name} --replace"
        progress.say(
            f"{folder}: this version has a newer {name}; `{again}` makes it anew, without what was added"
        )
    if not folder.exists():
        if name not in BUILTIN:
            built_in = ", ".join(BUILTIN)
            raise NotACityError(f"{name}: neither a city in {home} nor built in (built in: {built_in})")
        with compiling(progress):
            city, _ = create_city(home, name, progress=progress)
        city.close()
    return _checked(folder)


def ensure_tiles(city: City, progress: TerminalProgress) -> TilesReport | None:
    """Make the tiles when they are missing or older than the layers; the caller holds the lock."""
    report = follow(city, progress=progress)
    if report is not None:
        _tell(report, progress)
    return report


def existing_city(home: Path, name: str) -> Path:
    """The folder of a city that must be there.

    Raises:
        NotACityError: It is not.
    """
    check_city_name(name)
    folder = home / name
    if not folder.is_dir():
        raise NotACityError(f"{folder}: no such city; `shancheng city create {name}` makes one")
    return _checked(folder)


def _checked(folder: Path) -> Path:
    """The folder, if it holds a city that we can read: known before a lock is taken and leaves its file."""
    if not folder.is_dir():
        raise NotACityError(f"{folder}: is a file; a city is a folder")
    read_manifest(folder / MANIFEST_FILE)
    return folder


def has_tiles(city: City) -> bool:
    """Whether the city has tiles that are not older than its layers."""
    build = current_build(city)
    return build is not None and build.up_to_date


def make_missing_tiles(folder: Path, progress: TerminalProgress) -> TilesReport | None:
    """Take the city's lock, and make its tiles where they are missing or older than the layers."""
    with CityLock(folder), City.open(folder) as city:
        return ensure_tiles(city, progress)


def _tell(report: TilesReport, progress: TerminalProgress) -> None:
    for layer in report.layers:
        if layer.tiles:
            progress.say(f"  {_told(layer)}")
    progress.say(f"tiles {report.build}: {report.seconds:.1f} s")
    faulty = [entry for entry in report.set_aside if entry.reason != REPLACED]
    tell_set_aside(faulty, progress, "tiles/report.json")


def _told(layer: LayerReport) -> str:
    """One line of a layer: features and tiles, sizes, features a second, what was taken over."""
    what = f"{layer.features:,} in " if layer.features else ""
    # What was taken over took no time, so a rate would say nothing.
    is_measured = layer.features and layer.seconds and not layer.reused
    rate = f", {layer.features / layer.seconds:,.0f}/s" if is_measured else ""
    sizes = f"{layer.bytes_raw / 1000:,.0f} kB ({layer.bytes_gzip / 1000:,.0f} kB gzipped)"
    kept = f", {layer.reused:,} kept" if layer.reused else ""
    return f"{layer.name}: {what}{layer.tiles:,} tile{'s' * (layer.tiles != 1)}{kept}, {sizes}{rate}"


def tell_set_aside(entries: Sequence[_Aside], progress: TerminalProgress, listed_in: str) -> None:
    """One line for each layer and reason, with some ids; the rest is in a file."""
    ids: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        ids.setdefault((entry.layer, entry.reason), []).append(entry.id)
    for (layer, reason), found in ids.items():
        more = ", …" if len(found) > SHOWN_IDS else ""
        shown = ", ".join(found[:SHOWN_IDS])
        progress.say(f"  set aside: {len(found):,} of {layer}: {reason} ({shown}{more})")
    if entries:
        progress.say(f"  set aside: {len(entries):,} in all, listed in {listed_in}")
