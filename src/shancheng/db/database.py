"""The city's SQLite file: connections, transactions, and errors in our own words.

Readers never wait; writers queue for the file's one write lock. What a transaction commits has reached the
disk (`synchronous=FULL`), and a process killed at any moment leaves the last committed state.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from shancheng.db.schema import SCHEMA_VERSION, migrate, read_version
from shancheng.errors import DiskFullError, StorageError

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_WRITES = "shancheng_writes"


class Database:
    """One open `shancheng.db`; its schema is current from the moment it is constructed. Threads may share it.

    Args:
        path: The file; it is made when missing, its folder is not.
        busy_timeout_s: How long a writer waits for another one.

    Raises:
        NewerSchemaError: A newer Shancheng wrote the file.
        DiskFullError: No room to make it.
        StorageError: The file cannot be opened, or is no database of ours.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._engine = _make_engine(path, busy_timeout_s)
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DiskFullError: The disk is full; nothing was changed.
            StorageError: SQLite refused, or another writer held the file for too long.
        """
        with self._begin(writes=True) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction: everything in the block sees one state of the file and waits for no writer."""
        with self._begin(writes=False) as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection. Closing twice is harmless."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bring_up_to_date(self) -> None:
        # A look first: opening a current file must not wait for a writer.
        with self.reading() as connection:
            version = read_version(connection, str(self.path))
        if version < SCHEMA_VERSION:
            with self.transaction() as connection:
                migrate(connection, str(self.path))

    @contextmanager
    def _begin(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with (
                self._engine.connect().execution_options(**{_WRITES: writes}) as connection,
                connection.begin(),
            ):
                yield connection
        except DBAPIError as error:
            raise _storage_error(self.path, error) from error


def _make_engine(path: Path, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_s},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin_now)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401  # SQLAlchemy's pool record
    # Python's driver would begin transactions by its own rules, and not before SELECT or CREATE.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin_now(connection: Connection) -> None:
    # IMMEDIATE waits for the write lock at the start; a reader that turns writer half-way could only fail.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _storage_error(path: Path, error: DBAPIError) -> StorageError:
    code = getattr(error.orig, "sqlite_errorname", "")
    if code == "SQLITE_FULL":
        return DiskFullError(f"{path}: the disk is full; free some space")
    if code.startswith("SQLITE_BUSY"):
        return StorageError(f"{path}: another process is writing and does not end; try again later")
    return StorageError(f"{path}: {error.orig}")
