"""The versions of a city's layers: which there were, which are still kept, and letting go of the oldest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shancheng.city.files import TEXTURES_FOLDER, pictures_of
from shancheng.city.kept import KEPT_FOLDER, kept_path
from shancheng.city.store import DATABASE_FILE, LAYERS_FOLDER, City
from shancheng.city.versions import TERRAIN, VersionRecord, read_history
from shancheng.errors import SettingError, StorageError

__all__ = ["HistoryEntry", "history_of", "prune"]


@dataclass(frozen=True)
class HistoryEntry:
    """One version of a layer or of the elevations.

    Attributes:
        record: What was recorded of it.
        current: Whether it is the layer's newest one.
        kept: Whether its file is still there, so that the city can be shown as it was.
    """

    record: VersionRecord
    current: bool
    kept: bool

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON can hold it."""
        record, version = self.record, self.record.version
        return {
            "layer": version.layer,
            "version": version.version,
            "changed_at": version.changed_at.isoformat().replace("+00:00", "Z"),
            "how": record.how,
            "source": record.source,
            "inputs": [dict(given) for given in record.inputs],
            "rows": version.rows,
            "added": record.added,
            "changed": record.changed,
            "removed": record.removed,
            "sha256": version.sha256,
            "current": self.current,
            "kept": self.kept,
        }


def history_of(folder: Path) -> list[HistoryEntry]:
    """All versions of a city, newest first; reads only.

    Raises:
        StorageError: The database cannot be read.
    """
    records = read_history(folder / DATABASE_FILE)
    newest: dict[str, int] = {}
    for record in records:
        version = record.version
        newest[version.layer] = max(version.version, newest.get(version.layer, 0))
    return [_entry(folder, record, newest) for record in records]


def prune(city: City, keep: int) -> list[HistoryEntry]:
    """Delete the files of all but the newest versions of each layer; what is recorded of them stays.

    Pictures that no version shows any more go too.

    Args:
        city: Opened for writing.
        keep: How many versions of each layer stay, the newest one included; at least 1.

    Returns:
        The versions whose files were deleted.

    Raises:
        SettingError: ``keep`` is less than 1.
        StorageError: The city was opened for reading, or the disk refused.
    """
    if keep < 1:
        raise SettingError(f"keep={keep}: must be 1 or more; the newest version always stays")
    if not city.writes:
        raise StorageError(f"{city.folder}: opened for reading; take the city's lock to write")
    seen: dict[str, int] = {}
    gone = []
    for entry in history_of(city.folder):
        layer = entry.record.version.layer
        seen[layer] = seen.get(layer, 0) + 1
        if seen[layer] > keep and entry.kept and not entry.current:
            gone.append(entry)
    for entry in gone:
        _delete(kept_path(city.folder / LAYERS_FOLDER, entry.record.version))
    if gone:
        _delete_unseen_pictures(city)
    return gone


def _entry(folder: Path, record: VersionRecord, newest: dict[str, int]) -> HistoryEntry:
    version = record.version
    current = newest[version.layer] == version.version
    return HistoryEntry(record, current, current or kept_path(folder / LAYERS_FOLDER, version).is_file())


def _delete_unseen_pictures(city: City) -> None:
    shown = {name for path in _layer_files(city) for name in pictures_of(path)}
    folder = city.folder / TEXTURES_FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in shown:
            _delete(path)


def _layer_files(city: City) -> Iterator[Path]:
    yield from (city.layer_path(name) for name in city.layer_names() if name != TERRAIN)
    yield from (city.folder / LAYERS_FOLDER / KEPT_FOLDER).glob("*.parquet")


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: cannot be deleted: {error.strerror}") from error
