import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shancheng.db.files import Writer, check_free_space, remove_leftovers, sha256_file, write_atomically
from shancheng.errors import DiskFullError, StorageError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def raising(error: BaseException) -> Writer:
    """A writer that gets half-way and fails."""

    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    return write


@pytest.mark.parametrize("content", [b"new", lambda path: path.write_bytes(b"new")])
@pytest.mark.parametrize("old", [None, b"the old one, which is longer"])
def test_a_file_is_made_or_replaced(tmp_path: Path, content: bytes | Writer, old: bytes | None) -> None:
    path = tmp_path / "city.toml"
    if old is not None:
        path.write_bytes(old)
    write_atomically(path, content)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["city.toml"]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), OSError(errno.EIO, "bad disk")])
def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "buildings.parquet"
    path.write_bytes(b"old")
    with pytest.raises((RuntimeError, KeyboardInterrupt, StorageError)):
        write_atomically(path, raising(error))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["buildings.parquet"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told(tmp_path: Path, code: int) -> None:
    path = tmp_path / "terrain.tif"
    path.write_bytes(b"old")
    with pytest.raises(DiskFullError, match=r"terrain\.tif: the disk is full"):
        write_atomically(path, raising(OSError(code, os.strerror(code))))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["terrain.tif"]


def test_a_full_disk_is_told_by_libraries_that_hide_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    with pytest.raises(DiskFullError):
        write_atomically(tmp_path / "terrain.tif", raising(OSError("write failed")))
    monkeypatch.undo()
    with pytest.raises(StorageError, match="write failed"):
        write_atomically(tmp_path / "terrain.tif", raising(OSError("write failed")))


def test_other_refusals_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere/city\.toml: cannot be written: No such file"):
        write_atomically(tmp_path / "nowhere" / "city.toml", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="folder: cannot be written"):
        write_atomically(tmp_path / "folder", b"x")
    assert names(tmp_path) == ["folder"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions(tmp_path: Path) -> None:
    old_umask = os.umask(0o022)
    try:
        write_atomically(tmp_path / "city.toml", b"x")
        write_atomically(tmp_path / "token", b"x", mode=0o600)
    finally:
        os.umask(old_umask)
    assert (tmp_path / "city.toml").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


KILLED = """
import os, signal, sys
from pathlib import Path
from shancheng.db.files import write_atomically

def write(path):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

write_atomically(Path(sys.argv[1]), write)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_writer_leaves_the_old_file_and_a_leftover_to_remove(tmp_path: Path) -> None:
    path = tmp_path / "buildings.parquet"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.glob("*.parquet")] == ["buildings.parquet"]
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == ["buildings.parquet"]
    assert remove_leftovers(tmp_path) == 0


def test_free_space(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_free_space(tmp_path, 1)
    check_free_space(tmp_path / "not" / "yet" / "there", 1)
    with pytest.raises(DiskFullError, match=r"needs [\d,.]+ MiB free, has [\d,.]+ MiB") as refused:
        check_free_space(tmp_path / "cities", free * 2 + 2**30)
    assert str(tmp_path / "cities") in str(refused.value)


@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_hash(tmp_path: Path, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    (tmp_path / "file").write_bytes(content)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_hash_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="gone: cannot be read: No such file"):
        sha256_file(tmp_path / "gone")
