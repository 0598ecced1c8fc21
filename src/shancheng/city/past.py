"""A city as it was: which file held each layer at a time, and whether it is still kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shancheng.city.kept import kept_path
from shancheng.city.versions import TERRAIN, LayerVersion, read_history, read_versions, state_of
from shancheng.db.files import sha256_file
from shancheng.errors import NotFoundError, StorageError

__all__ = ["PastFile", "files_at", "holds", "when"]


@dataclass(frozen=True)
class PastFile:
    """A version and the file that holds it."""

    version: LayerVersion
    path: Path


def files_at(folder: Path, database: Path, at: datetime) -> dict[str, PastFile]:
    """The file of each layer that the city had then, and of its terrain.

    Raises:
        NotFoundError: The city is younger, or one of the files is kept no more.
        NewerSchemaError, StorageError: The database cannot be read.
    """
    then = read_versions(database, at)
    if TERRAIN not in then:
        first = read_history(database)[-1:]
        since = f"its first version is of {when(first[0].version.changed_at)}" if first else "it has none"
        raise NotFoundError(f"{folder}: was not there yet at {when(at)}; {since}")
    return {name: PastFile(version, _file_of(folder, version)) for name, version in then.items()}


def holds(path: Path, version: LayerVersion) -> bool:
    """Whether a file is there and is that version's, by size and time or else by its hash."""
    try:
        return state_of(path) == version.state or sha256_file(path) == version.sha256
    except StorageError:
        return False


def when(at: datetime) -> str:
    """An instant for people, to the second."""
    return at.isoformat(sep=" ", timespec="seconds")


def _file_of(folder: Path, version: LayerVersion) -> Path:
    # The newest one last: it may become an older one, and get its second name, while we look.
    for path in (*_places(folder, version), kept_path(folder / "layers", version)):
        if path.exists() and holds(path, version):
            return path
    raise NotFoundError(
        f"{folder}: version {version.version} of {version.layer}, of {when(version.changed_at)}, "
        "is kept no more; `shancheng city history` says which versions are"
    )


def _places(folder: Path, version: LayerVersion) -> Iterator[Path]:
    newest = folder / ("terrain.tif" if version.layer == TERRAIN else f"layers/{version.layer}.parquet")
    if newest.exists() and state_of(newest).size == version.state.size:
        yield newest
