"""Versions of a city's files in its database: read without writing, and recorded with their feed rows.

The terrain is kept here like a layer, under the name ``terrain``, with no rows.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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

__all__ = ["TERRAIN", "FileState", "LayerVersion", "Written", "read_versions", "record", "state_of", "touch"]

TERRAIN: Final = "terrain"
_MAX_IDS: Final = 10_000
"""A feed row names changed objects up to this many; a follower of more has to look at the whole layer."""


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
class Written:
    """A file that was just put in place, and what differs from the version before."""

    layer: str
    path: Path
    rows: int
    next_index: int
    changes: Changes = field(default_factory=Changes)
    kind: str = "layer.written"


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


def read_versions(path: Path) -> dict[str, LayerVersion]:
    """The newest version of each layer, without writing a byte; empty where there is no database.

    SQLite opened for reading alone still makes files beside a database in WAL mode. So a file that nobody
    has open (it has no log beside it) is read as one that does not change.

    Raises:
        NewerSchemaError: A newer Shancheng wrote the file.
        StorageError: The file is damaged or another program's.
    """
    if not path.exists():
        return {}
    log = path.with_name(path.name + "-wal")
    in_use = log.exists() and log.stat().st_size > 0
    mode = "mode=ro" if in_use else "mode=ro&immutable=1"
    query = (
        "SELECT layer, version, sha256, rows, changed_at, size, mtime_ns FROM layer_versions AS v "
        "WHERE version = (SELECT max(version) FROM layer_versions WHERE layer = v.layer)"
    )
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True)
        try:
            _check_schema(connection, path)
            rows = connection.execute(query).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"{path}: cannot be read: {error}") from error
    return {row[0]: _version(row) for row in rows}


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
    last = connection.scalar(
        select(table.c.version).where(table.c.layer == entry.layer).order_by(table.c.version.desc()).limit(1)
    )
    state = state_of(entry.path)
    version = LayerVersion(entry.layer, int(last or 0) + 1, sha256, entry.rows, datetime.now(UTC), state)
    connection.execute(
        table.insert().values(
            layer=version.layer,
            version=version.version,
            sha256=sha256,
            rows=version.rows,
            size=state.size,
            mtime_ns=state.mtime_ns,
            changed_at=version.changed_at,
            changed_count=entry.changes.count,
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
