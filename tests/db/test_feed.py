import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.db import feed
from shancheng.db.database import Database
from shancheng.db.feed import FeedEntry

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "shancheng.db") as opened:
        yield opened


def append_all(database: Database, *kinds: str) -> list[int]:
    with database.transaction() as connection:
        return [feed.append(connection, FeedEntry(kind, "buildings")) for kind in kinds]


def test_rows_come_back_in_order(database: Database) -> None:
    at = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    with database.transaction() as connection:
        first = feed.append(connection, FeedEntry("layer.written", "buildings", {"added": [1, 2]}), at=at)
    (second,) = append_all(database, "layer.adopted")
    rows = feed.read(database, 0)
    assert [row.seq for row in rows] == [first, second] == [1, 2]
    assert (rows[0].kind, rows[0].subject, rows[0].payload, rows[0].at) == (
        "layer.written",
        "buildings",
        {"added": [1, 2]},
        at,
    )
    assert rows[1].payload == {}
    assert abs((datetime.now(UTC) - rows[1].at).total_seconds()) < 60


def test_after_and_limit(database: Database) -> None:
    append_all(database, *"abcde")
    assert [row.kind for row in feed.read(database, 1, limit=2)] == ["b", "c"]
    assert feed.read(database, 5) == []


def test_any_json_is_kept(database: Database) -> None:
    @given(st.dictionaries(st.text(), JSON, max_size=4))
    def keeps(payload: dict[str, Any]) -> None:
        with database.transaction() as connection:
            seq = feed.append(connection, FeedEntry("k", "s", payload))
        assert feed.read(database, seq - 1, limit=1)[0].payload == payload

    keeps()


def test_a_number_is_never_given_twice(database: Database) -> None:
    append_all(database, "a", "b")
    with database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM feed")
    assert append_all(database, "c") == [3]


def test_each_follower_resumes_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "shancheng.db"
    with Database(path) as database:
        append_all(database, *"abcde")
        assert feed.cursor(database, "tiles") == 0
        with database.transaction() as connection:
            feed.advance(connection, "tiles", 3)
            feed.advance(connection, "log", 1)
    with Database(path) as database:
        for follower, rest in (("tiles", "de"), ("log", "bcde"), ("browser", "abcde")):
            rows = feed.read(database, feed.cursor(database, follower))
            assert "".join(row.kind for row in rows) == rest


def test_a_follower_whose_work_fails_stays(database: Database) -> None:
    def follow() -> None:
        with database.transaction() as connection:
            feed.advance(connection, "tiles", 1)
            raise ZeroDivisionError

    append_all(database, "a")
    with pytest.raises(ZeroDivisionError):
        follow()
    assert feed.cursor(database, "tiles") == 0


def test_a_follower_never_goes_back_nor_beyond_the_end(database: Database) -> None:
    append_all(database, *"abc")
    with database.transaction() as connection:
        feed.advance(connection, "tiles", 3)
        feed.advance(connection, "tiles", 2)
    assert feed.cursor(database, "tiles") == 3
    with (
        pytest.raises(ValueError, match="seq=4 is beyond the feed's last row 3"),
        database.transaction() as other,
    ):
        feed.advance(other, "tiles", 4)


WRITER = """
import sys
from pathlib import Path
from shancheng.db import feed
from shancheng.db.database import Database

with Database(Path(sys.argv[1])) as database:
    for number in range(1_000_000):
        with database.transaction() as connection:
            feed.append(connection, feed.FeedEntry("first", "x", {"number": number}))
            feed.append(connection, feed.FeedEntry("second", "x", {"number": number}))
        print(number, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("delay_s", [0.0, 0.013, 0.04])
def test_a_killed_writer_leaves_a_prefix_of_whole_transactions(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "shancheng.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        acknowledged = 3 + len(process.stdout.read().split())
    with Database(path) as database:
        rows = feed.read(database, 0, limit=1_000_000)
    pairs = [(row.kind, row.payload["number"]) for row in rows]
    whole = len(rows) // 2
    assert pairs == [(kind, number) for number in range(whole) for kind in ("first", "second")]
    # At most the one transaction is there that was committed but not yet told.
    assert acknowledged <= whole <= acknowledged + 1
