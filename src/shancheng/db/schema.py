"""Tables of `shancheng.db` and how an older file is brought up to date.

Only small, edited things live here. Layers are Parquet files; this keeps their versions.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Dialect,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    inspect,
    select,
)

from shancheng.errors import NewerSchemaError, StorageError

SCHEMA_VERSION = 2


class UtcText(TypeDecorator[datetime]):
    """An aware instant, kept as ISO 8601 text in UTC of fixed width, so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Text of an instant; a naive one is refused, nothing is assumed about it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value}: must carry a time zone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Instant of a text."""
        return None if value is None else datetime.fromisoformat(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value as text. SQLite turns a lone number in a column called JSON into one that is no text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ANN401, ARG002
        """Text of a value; None is JSON's null."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002
        """Value of a text."""
        return None if value is None else json.loads(value)


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""Facts about the file itself: `schema_version`."""

layer_versions = Table(
    "layer_versions",
    metadata,
    Column("layer", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("changed_at", UtcText, nullable=False),
    Column("how", String, nullable=False),
    Column("source", String, nullable=False),
    Column("inputs", JsonText, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    PrimaryKeyConstraint("layer", "version"),
    CheckConstraint("version >= 1"),
)
"""Every version of every layer's file: `size` and `mtime_ns` tell cheaply that a file may have changed; `how`
it came (`created`, `added`, `written`, `adopted`), from which source and files, and how many objects
differ from the version before."""

feed = Table(
    "feed",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", UtcText, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("payload", JsonText, nullable=False),
    # AUTOINCREMENT: a number is never given twice, even after its row was deleted.
    sqlite_autoincrement=True,
)
"""What changed, in order; see `db/feed.py`."""

followers = Table(
    "followers",
    metadata,
    Column("follower", String, primary_key=True),
    Column("seq", Integer, nullable=False),
)
"""Up to which row of the feed each follower is done."""

settings = Table(
    "settings",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", JsonText, nullable=False),
)
"""Settings that are changed while the city runs."""


def _give_versions_a_history(connection: Connection) -> None:
    # What version 1 recorded cannot be completed; the next opening takes each file over anew.
    layer_versions.drop(connection, checkfirst=True)
    metadata.create_all(connection)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (metadata.create_all, _give_versions_a_history)
"""Step i brings a file of version i to version i + 1; an empty file has version 0."""


def migrate(connection: Connection, name: str) -> None:
    """Brings the file to `SCHEMA_VERSION`, inside the caller's transaction.

    Args:
        connection: A connection with an open write transaction.
        name: How messages call the file.

    Raises:
        NewerSchemaError: A newer Shancheng wrote the file.
        StorageError: The file is a database of something else.
    """
    version = read_version(connection, name)
    if version == SCHEMA_VERSION:
        return
    for step in MIGRATIONS[version:SCHEMA_VERSION]:
        step(connection)
    connection.execute(meta.delete().where(meta.c.key == "schema_version"))
    connection.execute(meta.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))


def read_version(connection: Connection, name: str) -> int:
    """The file's schema version; the same errors as `migrate`."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if meta.name not in tables:
        raise StorageError(f"{name}: is a database of another program (it has no table `meta`)")
    text = connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))
    if text is None or not text.isdecimal():
        raise StorageError(f"{name}: schema_version={text!r} in table `meta`; must be a number")
    version = int(text)
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{name}: schema_version={version} is newer than this Shancheng; it reads up to {SCHEMA_VERSION}"
        )
    return version
