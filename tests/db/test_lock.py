import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shancheng.db.lock import LOCK_FILE, CityLock, LockOwner, lock_owner
from shancheng.errors import CityLockedError, StorageError

HOLDER = """
import os, sys, time
from pathlib import Path
from shancheng.db.lock import CityLock

lock = CityLock(Path(sys.argv[1]))
lock.acquire()
if len(sys.argv) > 2:
    lock.announce(sys.argv[2])
child = os.fork() if len(sys.argv) > 3 else 0
if child or len(sys.argv) <= 3:
    print(child, flush=True)
time.sleep(60)
"""


@contextmanager
def holder(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds a folder's lock; gives it and the pid of its forked child, if asked for one."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    with holder(tmp_path, "http://127.0.0.1:8000/") as (process, _):
        with pytest.raises(CityLockedError) as refused:
            CityLock(tmp_path).acquire()
        assert lock_owner(tmp_path) == LockOwner(process.pid, "http://127.0.0.1:8000/")
    assert str(refused.value) == (
        f"{tmp_path}: is in use by process {process.pid}, "
        "which serves it at http://127.0.0.1:8000/; stop it first"
    )


def test_a_holder_without_a_server_is_named_by_its_pid(tmp_path: Path) -> None:
    with (
        holder(tmp_path) as (process, _),
        pytest.raises(CityLockedError, match=f"is in use by process {process.pid}; stop it first"),
    ):
        CityLock(tmp_path).acquire()


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with holder(tmp_path, "http://127.0.0.1:8000/") as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lock_owner(tmp_path) is None
        with CityLock(tmp_path):
            assert json.loads((tmp_path / LOCK_FILE).read_text()) == {"pid": os.getpid(), "url": None}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_keep_the_lock_of_its_dead_parent(tmp_path: Path) -> None:
    with holder(tmp_path, "http://127.0.0.1:8000/", "fork") as (process, child):
        try:
            process.send_signal(signal.SIGKILL)
            process.wait()
            os.kill(child, 0)  # the child is alive
            with CityLock(tmp_path) as lock:
                assert lock.held
        finally:
            os.kill(child, signal.SIGKILL)


def test_two_objects_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    with CityLock(tmp_path) as first:
        with pytest.raises(CityLockedError, match=f"process {os.getpid()}"):
            CityLock(tmp_path).acquire()
        assert first.held
    with CityLock(tmp_path) as second:
        assert second.held
    assert not second.held


def test_acquire_and_release_twice_are_harmless(tmp_path: Path) -> None:
    lock = CityLock(tmp_path)
    lock.release()
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()
    assert lock_owner(tmp_path) is None


def test_a_failed_attempt_changes_nothing(tmp_path: Path) -> None:
    with CityLock(tmp_path) as lock:
        lock.announce("http://127.0.0.1:8001/")
        with pytest.raises(CityLockedError):
            CityLock(tmp_path).acquire()
        assert lock_owner(tmp_path) == LockOwner(os.getpid(), "http://127.0.0.1:8001/")


def test_a_shorter_name_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    with CityLock(tmp_path) as lock:
        lock.announce("http://a-rather-long-name.example:8001/")
        lock.announce("http://[::1]:1/")
        assert json.loads((tmp_path / LOCK_FILE).read_text())["url"] == "http://[::1]:1/"


def test_text_of_a_dead_holder_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text('{"pid": 1, "url": "http://old"}')
    assert lock_owner(tmp_path) is None
    with CityLock(tmp_path) as lock:
        assert lock.held


def test_a_holder_that_cannot_be_read_is_still_a_holder(tmp_path: Path) -> None:
    with CityLock(tmp_path):
        (tmp_path / LOCK_FILE).write_text("garbage")
        assert lock_owner(tmp_path) == LockOwner(None, None)
        with pytest.raises(CityLockedError, match="another process"):
            CityLock(tmp_path).acquire()


def test_asking_makes_no_file(tmp_path: Path) -> None:
    assert lock_owner(tmp_path) is None
    assert lock_owner(tmp_path / "nowhere") is None
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere/\.lock"):
        CityLock(tmp_path / "nowhere").acquire()


def test_announcing_without_the_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not held"):
        CityLock(tmp_path).announce("http://127.0.0.1:8000/")
