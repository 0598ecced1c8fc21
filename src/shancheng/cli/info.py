"""What a city holds and which cities there are, for people on a terminal and, as JSON, for scripts."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shancheng.city.builtin import BUILTIN
from shancheng.city.describe import describe
from shancheng.city.manifest import read_manifest
from shancheng.city.store import MANIFEST_FILE, City
from shancheng.cli.building import existing_city
from shancheng.errors import CityError
from shancheng.tiles.make import current_build

__all__ = ["show_cities", "show_city"]

Json = Mapping[str, Any]


def show_city(name: str, home: Path, *, as_json: bool) -> None:
    """``shancheng city info``."""
    with City.open(existing_city(home, name), write=False) as city:
        build = current_build(city)
        tiles = None if build is None else {"build": build.name, "up_to_date": build.up_to_date}
        described = {**describe(city), "folder": str(city.folder), "tiles": tiles}
    _write(_json(described) if as_json else _page(described))


def show_cities(home: Path, *, as_json: bool) -> None:
    """``shancheng city list``."""
    folders = sorted(path for path in home.iterdir() if _is_city(path)) if home.is_dir() else []
    rows = [_row(folder) for folder in folders]
    made = {row["name"] for row in rows}
    rows += [
        {"name": recipe.name, "title": vars(recipe.title), "folder": None, "problem": None}
        for recipe in BUILTIN.values()
        if recipe.name not in made
    ]
    _write(_json({"items": rows, "next": None}) if as_json else "".join(f"{_line(row)}\n" for row in rows))


def _is_city(path: Path) -> bool:
    return not path.name.startswith(".") and (path / MANIFEST_FILE).is_file()


def _row(folder: Path) -> dict[str, Any]:
    try:
        title, problem = vars(read_manifest(folder / MANIFEST_FILE).title), None
    except CityError as error:
        title, problem = {"zh": folder.name, "en": folder.name}, str(error)
    return {"name": folder.name, "title": title, "folder": str(folder), "problem": problem}


def _line(row: Json) -> str:
    where = row["problem"] or row["folder"] or f"built in, not created: shancheng up {row['name']}"
    return f"{row['name']:<16} {row['title']['zh']} {row['title']['en']}  ({where})"


def _page(city: Json) -> str:
    west, south, east, north = city["extent"]
    terrain, tiles = city["terrain"], city["tiles"]
    state = "none; shancheng tiles make" if tiles is None else f"{tiles['build']}{_age(tiles)}"
    lines = [
        f"{city['title']['zh']} {city['title']['en']} ({city['name']})",
        f"  folder   {city['folder']}",
        f"  extent   {west:.5f} {south:.5f} {east:.5f} {north:.5f} (west south east north, degrees)",
        f"  tiles    {state}",
        f"  terrain  {_ground(terrain)}",
        *_credit(terrain),
        *(line for layer in city["layers"] for line in _layer(layer)),
        f"  set aside {city['set_aside']}",
    ]
    return "\n".join(lines) + "\n"


def _ground(terrain: Json) -> str:
    heights = f"{terrain['lowest_m']} to {terrain['highest_m']} m"
    filled = f"{terrain['voids_filled']} voids filled"
    return f"{terrain['columns']} x {terrain['rows']}, {heights}, {terrain['provenance']}, {filled}"


def _age(tiles: Json) -> str:
    return "" if tiles["up_to_date"] else " (older than the layers)"


def _layer(layer: Json) -> list[str]:
    real = ", ".join(f"{count:,} {word}" for word, count in layer["provenance"].items() if count) or "empty"
    lines = [f"  {layer['name']}  {layer['count']:,} ({real})", *_credit(layer)]
    heights = layer.get("height_provenance")
    if heights:
        known = ", ".join(f"{count:,} {word}" for word, count in heights.items() if count)
        lines.append(f"           heights: {known}")
    return lines


def _credit(source: Json) -> list[str]:
    date = f", {source['date']}" if source["date"] else ""
    notes = [f"           {source['notes']}"] if source["notes"] else []
    return [f"           {source['source']}{date}; {source['licence']}; {source['attribution']}", *notes]


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
