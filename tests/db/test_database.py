import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Insert, select, text
from sqlalchemy.exc import StatementError

from shancheng.db import feed, schema
from shancheng.db.database import Database
from shancheng.db.feed import FeedEntry
from shancheng.errors import DiskFullError, NewerSchemaError, StorageError

AT = datetime(2026, 11, 24, 7, 33, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "shancheng.db") as opened:
        yield opened


def layer_version(layer: str, version: int, **changes: object) -> Insert:
    values = {
        "layer": layer,
        "version": version,
        "sha256": "0" * 64,
        "rows": 5,
        "size": 100,
        "mtime_ns": 1_764_000_000_000_000_000,
        "changed_at": AT,
        "how": "created",
        "source": "OpenStreetMap",
        "inputs": [],
        "added": 5,
        "changed": 0,
        "removed": 0,
    }
    return schema.layer_versions.insert().values(values | changes)


def test_a_new_file_has_every_table_and_its_version(database: Database) -> None:
    with sqlite3.connect(database.path) as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        version = raw.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    raw.close()
    assert {"meta", "layer_versions", "feed", "followers", "settings"} <= tables
    assert version == (str(schema.SCHEMA_VERSION),)


def test_every_version_has_its_migration() -> None:
    assert len(schema.MIGRATIONS) == schema.SCHEMA_VERSION


def test_a_file_of_version_1_gets_the_columns_of_the_history(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    Database(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TABLE layer_versions")
        raw.execute("CREATE TABLE layer_versions (layer VARCHAR, version INTEGER, changed_count BIGINT)")
        raw.execute("INSERT INTO layer_versions VALUES ('buildings', 1, 5)")
        raw.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    raw.close()
    with Database(path) as database, database.transaction() as connection:
        assert connection.execute(select(schema.layer_versions)).all() == []
        connection.execute(layer_version("buildings", 1))


def test_pragmas(database: Database) -> None:
    for open_connection in (database.transaction, database.reading):
        with open_connection() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
            assert connection.scalar(text("PRAGMA synchronous")) == 2
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_reopening_keeps_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    with Database(path) as database, database.transaction() as connection:
        connection.execute(layer_version("buildings", 1))
    with Database(path) as database, database.reading() as connection:
        row = connection.execute(select(schema.layer_versions)).one()
    assert (row.layer, row.version, row.mtime_ns, row.changed_at) == (
        "buildings",
        1,
        1_764_000_000_000_000_000,
        AT,
    )


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    with Database(tmp_path / "shancheng.db") as database:
        database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["shancheng.db"]


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    Database(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(NewerSchemaError, match=r"shancheng\.db: schema_version=99 .* up to 2"):
        Database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("value", ["", "one", "-1"])
def test_a_version_that_is_no_number_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "shancheng.db"
    Database(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (value,))
    raw.close()
    with pytest.raises(StorageError, match="schema_version="):
        Database(path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE tiles (zoom_level INTEGER)")
    raw.close()
    with pytest.raises(StorageError, match="another program"):
        Database(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    path.write_bytes(b"PK\x03\x04 this is a zip file" * 100)
    with pytest.raises(StorageError, match=r"shancheng\.db: file is not a database"):
        Database(path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        Database(tmp_path / "nowhere" / "shancheng.db")


def test_a_layer_version_and_its_feed_row_are_one(database: Database) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    def write(version: int, *, stop: bool) -> None:
        with database.transaction() as connection:
            connection.execute(layer_version("buildings", version))
            feed.append(connection, FeedEntry("layer.written", "buildings", {"version": version}))
            if stop:
                raise Stop

    write(1, stop=False)
    with pytest.raises(Stop):
        write(2, stop=True)
    with database.reading() as connection:
        versions = connection.scalars(select(schema.layer_versions.c.version)).all()
    assert versions == [1]
    assert [row.payload for row in feed.read(database, 0)] == [{"version": 1}]


def test_the_same_version_twice_is_refused(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(layer_version("buildings", 1))
    with pytest.raises(StorageError, match="UNIQUE"), database.transaction() as connection:
        connection.execute(layer_version("buildings", 1))
    with pytest.raises(StorageError, match="CHECK"), database.transaction() as connection:
        connection.execute(layer_version("buildings", 0))


def test_instants_are_utc_text_in_order_of_time(database: Database) -> None:
    chongqing = timezone(timedelta(hours=8))
    instants = [
        AT,
        AT + timedelta(microseconds=1),
        (AT + timedelta(seconds=1)).astimezone(chongqing),
    ]
    with database.transaction() as connection:
        for version, instant in enumerate(instants, start=1):
            connection.execute(layer_version("roads", version, changed_at=instant))
        texts = connection.scalars(text("SELECT changed_at FROM layer_versions ORDER BY version")).all()
        read = connection.scalars(
            select(schema.layer_versions.c.changed_at).order_by(schema.layer_versions.c.version)
        ).all()
    assert texts == sorted(texts)
    assert texts[0] == "2026-11-24T07:33:00.000000Z"
    assert read == instants
    assert {instant.tzinfo for instant in read} == {UTC}


def test_naive_instants_are_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), database.transaction() as connection:
        connection.execute(layer_version("roads", 1, changed_at=AT.replace(tzinfo=None)))


@pytest.mark.parametrize(
    "value", [{"title": "山城", "hours": [18, 21.5], "none": None}, 7, 2.5, "8", True, None, []]
)
def test_settings_hold_any_json(database: Database, value: object) -> None:
    with database.transaction() as connection:
        connection.execute(schema.settings.insert().values(key="night", value=value))
    with database.reading() as connection:
        read = connection.scalar(select(schema.settings.c.value))
    assert read == value
    assert type(read) is type(value)


def test_readers_do_not_wait_and_see_one_state(database: Database) -> None:
    with database.reading() as reader:
        assert reader.scalar(select(schema.feed.c.seq)) is None
        with database.transaction() as writer:
            feed.append(writer, FeedEntry("a", "b"))
        assert reader.scalar(select(schema.feed.c.seq)) is None
    assert len(feed.read(database, 0)) == 1


def test_a_read_transaction_cannot_keep_a_write_lock(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    with Database(path) as first, Database(path) as second, first.reading():
        with second.transaction() as connection:
            feed.append(connection, FeedEntry("a", "b"))
        assert len(feed.read(second, 0)) == 1


def test_writers_queue(database: Database) -> None:
    def write(name: str) -> None:
        for _ in range(20):
            with database.transaction() as connection:
                feed.append(connection, FeedEntry(name, "x"))

    threads = [threading.Thread(target=write, args=(f"writer {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.seq for row in feed.read(database, 0)] == list(range(1, 81))


def test_a_writer_that_never_ends_is_named_and_keeps_no_reader_out(database: Database) -> None:
    with database.transaction(), Database(database.path, busy_timeout_s=0.05) as other:
        assert feed.read(other, 0) == []
        with pytest.raises(StorageError, match="another process is writing"), other.transaction():
            pass


def test_a_full_disk_rolls_back(database: Database) -> None:
    def write(kind: str, *, pages: int) -> None:
        with database.transaction() as connection:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            feed.append(connection, FeedEntry(kind, "x", {"text": "x" * 100_000}))

    write("kept", pages=1000)
    with pytest.raises(DiskFullError, match=r"shancheng\.db: the disk is full"):
        write("lost", pages=40)
    assert [row.kind for row in feed.read(database, 0)] == ["kept"]
    write("kept too", pages=1000)
    assert [row.kind for row in feed.read(database, 0)] == ["kept", "kept too"]
