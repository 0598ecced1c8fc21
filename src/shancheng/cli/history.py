"""The work of ``shancheng city history``."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from shancheng.city.history import HistoryEntry, history_of, prune
from shancheng.city.schema import LAYERS
from shancheng.city.store import City
from shancheng.city.versions import ADOPTED, TERRAIN
from shancheng.cli.building import existing_city
from shancheng.cli.progress import TerminalProgress
from shancheng.db.lock import CityLock
from shancheng.errors import SettingError

__all__ = ["show_history"]


def show_history(name: str, home: Path, *, layer: str | None, keep: int | None, as_json: bool) -> None:
    """Print the versions, after deleting old ones where that was asked."""
    if layer is not None and layer not in (*LAYERS, TERRAIN):
        raise SettingError(f"layer={layer!r}: must be one of {', '.join((*LAYERS, TERRAIN))}")
    folder = existing_city(home, name)
    if keep is not None:
        with CityLock(folder), City.open(folder) as city:
            gone = prune(city, keep)
        TerminalProgress().say(f"{len(gone)} old versions deleted")
    entries = [entry for entry in history_of(folder) if layer in (None, entry.record.version.layer)]
    text = _json(entries) if as_json else "".join(f"{_line(entry)}\n" for entry in entries)
    sys.stdout.write(text)


def _line(entry: HistoryEntry) -> str:
    record = entry.record
    version = record.version
    state = "now" if entry.current else "kept" if entry.kept else "gone"
    files = ", ".join(str(given["file"]) for given in record.inputs)
    source = " ".join(part for part in (record.source, f"({files})" if files else "") if part)
    return (
        f"{_instant(version.changed_at)}  {version.layer:<16} {version.version:>4}  {state:<4}  "
        f"{record.how:<8} {_changes(entry)}  {source}".rstrip()
    )


def _instant(at: datetime) -> str:
    """Exact, so that NAME@TIME with it shows this version and not the one before."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _changes(entry: HistoryEntry) -> str:
    record = entry.record
    if record.version.layer == TERRAIN:
        return "elevations"
    counts = f"{record.version.rows:,} objects"
    if record.how == ADOPTED and not (record.added or record.changed or record.removed):
        return f"{counts}, changed by another program"
    return f"{counts}, +{record.added:,} ~{record.changed:,} -{record.removed:,}"


def _json(entries: Sequence[HistoryEntry]) -> str:
    items: list[dict[str, Any]] = [entry.to_json() for entry in entries]
    return json.dumps({"items": items, "next": None}, ensure_ascii=False, indent=2) + "\n"
