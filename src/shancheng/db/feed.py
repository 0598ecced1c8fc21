"""The change feed: what changed in the city, in order, for whoever must react.

A change adds its row in the transaction that makes it, so neither exists without the other. A follower
(tiles, log, browser stream) reads after its cursor and advances it in the transaction that records its own
work; after a crash it goes on where that work stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from shancheng.db import schema
from shancheng.db.database import Database


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A change to be told.

    Attributes:
        kind: What happened, like `layer.written`.
        subject: What it happened to: a layer's name or an object's URN.
        payload: Anything else, as JSON.
    """

    kind: str
    subject: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A change as it stands in the feed.

    Attributes:
        seq: Its place; grows, never given twice, gaps are possible.
        at: When it was written, UTC.
        kind: As in `FeedEntry`.
        subject: As in `FeedEntry`.
        payload: As in `FeedEntry`.
    """

    seq: int
    at: datetime
    kind: str
    subject: str
    payload: Mapping[str, Any]


def append(connection: Connection, entry: FeedEntry, *, at: datetime | None = None) -> int:
    """Adds a change to the feed, in the caller's transaction.

    Args:
        connection: From `Database.transaction`.
        entry: The change.
        at: When it happened, now unless given.

    Returns:
        The row's number.
    """
    values = {
        "at": at or datetime.now(UTC),
        "kind": entry.kind,
        "subject": entry.subject,
        "payload": dict(entry.payload),
    }
    (seq,) = connection.execute(schema.feed.insert().values(values)).inserted_primary_key or (0,)
    return int(seq)


def read(database: Database, after: int, limit: int = 1000) -> list[FeedRow]:
    """Changes after number ``after``, oldest first, at most ``limit``."""
    table = schema.feed
    query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
    with database.reading() as connection:
        return [
            FeedRow(row.seq, row.at, row.kind, row.subject, row.payload) for row in connection.execute(query)
        ]


def cursor(database: Database, follower: str) -> int:
    """The number of the last change that the follower is done with; 0 for one never seen."""
    query = select(schema.followers.c.seq).where(schema.followers.c.follower == follower)
    with database.reading() as connection:
        return connection.scalar(query) or 0


def advance(connection: Connection, follower: str, seq: int) -> None:
    """Records that a follower is done up to ``seq``; it never goes back.

    Args:
        connection: From `Database.transaction`, best the one that records the follower's work.
        follower: Its name, like `tiles`.
        seq: Number of a row in the feed.

    Raises:
        ValueError: The feed does not reach that far; the follower would lose what comes next.
    """
    last = connection.scalar(select(func.max(schema.feed.c.seq))) or 0
    if seq > last:
        raise ValueError(f"follower {follower!r}: seq={seq} is beyond the feed's last row {last}")
    new = insert(schema.followers).values(follower=follower, seq=seq)
    connection.execute(
        new.on_conflict_do_update(
            index_elements=[schema.followers.c.follower],
            set_={"seq": func.max(schema.followers.c.seq, new.excluded.seq)},
        )
    )
