"""The work of ``shancheng city diff``."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shancheng.city.diff import CityDiff, Found, LayerDiff, Moved, TerrainDiff, diff_cities
from shancheng.city.store import City
from shancheng.cli.building import existing_city
from shancheng.errors import NotACityError, SettingError

__all__ = ["show_diff"]


def show_diff(
    specs: tuple[str, str],
    home: Path,
    *,
    layers: Sequence[str],
    tolerance_m: float,
    examples: int,
    as_json: bool,
) -> None:
    """Compare two cities and print what differs."""
    with _opened(specs[0], home) as a, _opened(specs[1], home) as b:
        found = diff_cities(a, b, layers=layers, tolerance_m=tolerance_m, examples=examples)
        if as_json:
            sides = {side: _side(city) for side, city in (("a", a), ("b", b))}
            document = {**sides, "tolerance_m": tolerance_m, **_document(found)}
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(found))


def _opened(spec: str, home: Path) -> City:
    """A city by its name, its folder, or its name and a time.

    Raises:
        NotACityError: There is no such city.
        SettingError: What stands behind the @ is no time.
    """
    place, at_sign, time = spec.rpartition("@")
    if not at_sign:
        return City.open(_folder(spec, home), write=False)
    return City.open(_folder(place, home), at=_time(spec, time))


def _folder(place: str, home: Path) -> Path:
    """Who names a folder writes a slash; a bare name is a city's."""
    path = Path(place)
    if len(path.parts) > 1 or place.startswith("."):
        if not path.is_dir():
            raise NotACityError(f"{place}: no such folder; needed: a city's folder or name")
        return path
    return existing_city(home, place)


def _time(spec: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"{spec}: {text!r} is no time; needed: 2026-11-24T12:00 or 2026-11-24") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


# For scripts


def _side(city: City) -> dict[str, Any]:
    at = None if city.at is None else city.at.isoformat()
    return {"name": city.manifest.name, "folder": str(city.folder), "at": at}


def _document(found: CityDiff) -> dict[str, Any]:
    terrain = None if found.terrain is None else {"same": found.terrain.same, **asdict(found.terrain)}
    return {"layers": [{"same": layer.same, **asdict(layer)} for layer in found.layers], "terrain": terrain}


# For people


def _lines(found: CityDiff) -> Iterator[str]:
    for layer in found.layers:
        yield from _layer_lines(layer)
    if found.terrain is not None:
        yield f"terrain: {_terrain_words(found.terrain)}"


def _layer_lines(layer: LayerDiff) -> Iterator[str]:
    if layer.same:
        yield f"{layer.layer}: the same {layer.after:,}"
        return
    counts = " -> ".join("none" if n is None else f"{n:,}" for n in (layer.before, layer.after))
    kinds = ("added", "removed", "changed", "moved")
    told = [f"{getattr(layer, kind).count:,} {kind}" for kind in kinds if getattr(layer, kind).count]
    yield f"{layer.layer}: {counts}" + (f"; {', '.join(told)}" if told else "")
    if layer.columns:
        yield "  in columns: " + ", ".join(f"{name} {count:,}" for name, count in layer.columns.items())
    for kind in kinds[:3]:
        yield from _example_line(kind, getattr(layer, kind))
    yield from _moved_line(layer.moved)


def _example_line(kind: str, found: Found) -> Iterator[str]:
    if found.examples:
        more = ", ..." if found.count > len(found.examples) else ""
        yield f"  {kind}: {', '.join(found.examples)}{more}"


def _moved_line(moved: Moved) -> Iterator[str]:
    if moved.count:
        far = ", ".join(f"{name} {metres:g} m" for name, metres in moved.examples)
        stats = f"median {moved.median_m:g} m, 95% within {moved.p95_m:g} m, farthest {moved.farthest_m:g} m"
        yield f"  moved: {stats}" + (f" ({far})" if far else "")


def _terrain_words(terrain: TerrainDiff) -> str:
    if terrain.same:
        return "the same"
    if not terrain.same_grid:
        return "on another grid"
    return (
        f"{terrain.changed_samples:,} of {terrain.samples:,} samples differ, "
        f"by {terrain.largest_m:g} m at most"
    )
