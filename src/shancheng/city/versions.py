"""Versions of a city's files in its database: read without writing, and recorded with their feed rows.

The terrain is kept here like a layer, under the name ``terrain``, with no rows.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from shancheng.city.changes import Changes
from shancheng.db import feed, schema
from shancheng.db.database import Database
from shancheng.db.files import sha256_file
from shancheng.errors import NewerSchemaError, StorageError

__all__ = [
    "ADDED",
    "ADOPTED",
    "CREATED",
    "TERRAIN",
    "WRITTEN",
    "FileState",
    "LayerVersion",
    "VersionRecord",
    "Written",
    "read_history",
    "read_versions",
    "record",
    "state_of",
    "touch",
]

TERRAIN: Final = "terrain"
CREATED: Final = "created"
ADDED: Final = "added"
WRITTEN: Final = "written"
ADOPTED: Final = "adopted"
_MAX_IDS: Final = 10_000
"""A feed row names changed objects up to this many; a follower of more has to look at the whole layer."""
_LOOKS: Final = 20
_TICK: Final = timedelta(microseconds=1)
"""Versions follow one another in time even where the machine's clock was set back."""


@dataclass(frozen=True)
class FileState:
    """What the file system says of a file; while it stays the same, the content is taken to be the same."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class LayerVersion:
    """One version of a layer's file. Version 0 is a file that the database does not know yet."""

    layer: str
    version: int
    sha256: str
    rows: int
    changed_at: datetime
    state: FileState


@dataclass(frozen=True)
class VersionRecord:
    """All that is recorded of one version.

    Attributes:
        version: The version itself.
        how: `created` with the city, `added` by a command, `written` by a program, `adopted` when the file
            was changed behind our back.
        source: What the layer's source called itself then.
        inputs: The files it was read from, each as in ``city.toml``; none for what came with the city, whose
            files ``city.toml`` names.
        added: Objects that the version before did not have; likewise ``changed`` and ``removed``. All three
            are 0 where nobody could compare.
    """

    version: LayerVersion
    how: str
    source: str
    inputs: tuple[Mapping[str, Any], ...]
    added: int
    changed: int
    removed: int


@dataclass(frozen=True)
class Written:
    """A file that was just put in place, where it comes from, and what differs from the version before.

    ``how`` to ``inputs`` are as in `VersionRecord`.
    """

    layer: str
    path: Path
    rows: int
    next_index: int
    changes: Changes = field(default_factory=Changes)
    kind: str = "layer.written"
    how: str = WRITTEN
    source: str = ""
    inputs: Sequence[Mapping[str, Any]] = ()


def state_of(path: Path) -> FileState:
    """Size and modification time.

    Raises:
        StorageError: The file is missing or cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    return FileState(status.st_size, status.st_mtime_ns)


_COLUMNS: Final = "layer, version, sha256, rows, changed_at, size, mtime_ns"


def read_versions(path: Path, at: datetime | None = None) -> dict[str, LayerVersion]:
    """The newest version of each layer, now or at a time; empty where there is no database.

    Raises:
        NewerSchemaError: A newer Shancheng wrote the file.
        StorageError: The file is damaged or another program's.
    """
    query = f"SELECT {_COLUMNS} FROM layer_versions WHERE changed_at <= ? ORDER BY layer, version"  # noqa: S608
    rows = _read_rows(path, query, ("9" if at is None else _text_of(at),))
    return {row[0]: _version(row) for row in rows}


def read_history(path: Path) -> list[VersionRecord]:
    """Every version of every layer, newest first; the same errors as `read_versions`."""
    query = (
        f"SELECT {_COLUMNS}, how, source, inputs, added, changed, removed FROM layer_versions "  # noqa: S608
        "ORDER BY changed_at DESC, layer, version DESC"
    )
    return [
        VersionRecord(_version(row[:7]), row[7], row[8], tuple(json.loads(row[9])), *row[10:])
        for row in _read_rows(path, query)
    ]


def record(database: Database, written: Sequence[Written]) -> dict[str, LayerVersion]:
    """Record new versions, each with its row in the feed, in one transaction.

    Returns:
        The new versions by layer.
    """
    hashes = {entry.layer: sha256_file(entry.path) for entry in written}
    with database.transaction() as connection:
        return {entry.layer: _record_one(connection, entry, hashes[entry.layer]) for entry in written}


def touch(database: Database, version: LayerVersion, state: FileState) -> None:
    """Note that a file was copied or touched but holds the same."""
    table = schema.layer_versions
    change = (
        table.update()
        .where(table.c.layer == version.layer, table.c.version == version.version)
        .values(size=state.size, mtime_ns=state.mtime_ns)
    )
    with database.transaction() as connection:
        connection.execute(change)


def next_index(database: Database, layer: str) -> int:
    """The smallest index that no object of the layer has ever had."""
    table = schema.settings
    with database.reading() as connection:
        value = connection.scalar(select(table.c.value).where(table.c.key == _index_key(layer)))
    return 0 if value is None else int(value)


def _record_one(connection: Connection, entry: Written, sha256: str) -> LayerVersion:
    table = schema.layer_versions
    newest = select(table.c.version, table.c.changed_at).where(table.c.layer == entry.layer)
    last = connection.execute(newest.order_by(table.c.version.desc()).limit(1)).first()
    state, now = state_of(entry.path), datetime.now(UTC)
    number, at = (1, now) if last is None else (last.version + 1, max(now, last.changed_at + _TICK))
    version = LayerVersion(entry.layer, number, sha256, entry.rows, at, state)
    connection.execute(
        table.insert().values(
            layer=version.layer,
            version=version.version,
            sha256=sha256,
            rows=version.rows,
            size=state.size,
            mtime_ns=state.mtime_ns,
            changed_at=version.changed_at,
            how=entry.how,
            source=entry.source,
            inputs=[dict(given) for given in entry.inputs],
            # A new city's feed rows name nobody; all of it is new.
            added=entry.rows if entry.how == CREATED else len(entry.changes.added),
            changed=len(entry.changes.changed),
            removed=len(entry.changes.removed),
        )
    )
    _keep_index(connection, entry)
    payload = {"version": version.version, "sha256": sha256, "rows": entry.rows, **_told(entry.changes)}
    feed.append(connection, feed.FeedEntry(entry.kind, entry.layer, payload), at=version.changed_at)
    return version


def _keep_index(connection: Connection, entry: Written) -> None:
    new = insert(schema.settings).values(key=_index_key(entry.layer), value=entry.next_index)
    connection.execute(
        new.on_conflict_do_update(index_elements=[schema.settings.c.key], set_={"value": new.excluded.value})
    )


def _index_key(layer: str) -> str:
    return f"next_index.{layer}"


def _told(changes: Changes) -> dict[str, Any]:
    told: dict[str, Any] = {
        "added": len(changes.added),
        "changed": len(changes.changed),
        "removed": len(changes.removed),
    }
    if changes.count <= _MAX_IDS:
        told["ids"] = {
            "added": list(changes.added),
            "changed": list(changes.changed),
            "removed": list(changes.removed),
        }
    return told


def _read_rows(path: Path, query: str, parameters: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """Rows of a query, without writing a byte.

    SQLite opened for reading alone still makes files beside a database in WAL mode. So a file that nobody
    has open (it has no log beside it) is read as one that does not change, and read again if it did.
    """
    for _ in range(_LOOKS):
        before = _look(path)
        if before[0] is None:
            return []
        in_use = before[1] is not None and before[1].size > 0
        try:
            rows = _query(path, in_use=in_use, query=query, parameters=parameters)
        except sqlite3.Error as error:
            if _look(path) == before:
                raise StorageError(f"{path}: cannot be read: {error}") from error
            continue
        if in_use or _look(path) == before:
            return rows
    raise StorageError(f"{path}: cannot be read: others write to it without a pause")


def _look(path: Path) -> tuple[FileState | None, FileState | None]:
    """The database and its log; None for what is not there."""
    return _state_or_none(path), _state_or_none(path.with_name(path.name + "-wal"))


def _state_or_none(path: Path) -> FileState | None:
    try:
        return state_of(path)
    except StorageError:
        return None


def _query(path: Path, *, in_use: bool, query: str, parameters: tuple[str, ...]) -> list[tuple[Any, ...]]:
    mode = "mode=ro" if in_use else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True)
    try:
        _check_schema(connection, path)
        return connection.execute(query, parameters).fetchall()
    finally:
        connection.close()


def _text_of(at: datetime) -> str:
    """An instant as the database writes it; text order is time order."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    version = int(row[0]) if row is not None and str(row[0]).isdecimal() else 0
    if version > schema.SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{path}: schema_version={version}: by a newer Shancheng; this one reads up to "
            f"{schema.SCHEMA_VERSION}"
        )


def _version(row: tuple[Any, ...]) -> LayerVersion:
    layer, version, sha256, rows, changed_at, size, mtime_ns = row
    at = datetime.fromisoformat(changed_at)
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return LayerVersion(layer, version, sha256, rows, aware, FileState(size, mtime_ns))
