"""One owner for a city: an exclusive lock that the operating system gives back when its holder dies.

The lock is held on `.lock` in the city's folder; the file's text only says by whom. It is never deleted,
because a deleted file can be locked by one process while another makes a new one.
"""

import json
import os
import sys
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shancheng.errors import CityLockedError, StorageError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = ".lock"

# A holder has the lock a moment before its name is in the file, and `lock_owner` tries the lock for a moment.
_ATTEMPTS = 5
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Who holds a city.

    Attributes:
        pid: Its process; None when it could not be read.
        url: Where it serves the city; None when it does not (yet).
    """

    pid: int | None
    url: str | None


class CityLock:
    """The right to write in a city folder; at most one object anywhere holds it at a time.

    Args:
        folder: The city's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor: int | None = None
        _ALL_LOCKS.add(self)

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            CityLockedError: Someone holds it; the message names process and URL.
            StorageError: The lock's file cannot be made or opened.
        """
        if self._descriptor is not None:
            return
        descriptor = _open(self.folder)
        try:
            refusal = None if _lock_patiently(descriptor) else _refusal(self.folder, _read(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        if refusal is not None:
            os.close(descriptor)
            raise CityLockedError(refusal)
        self._descriptor = descriptor
        self._write(LockOwner(os.getpid(), None))

    def announce(self, url: str) -> None:
        """Tells others where the holder serves the city; the lock must be held."""
        if self._descriptor is None:
            raise ValueError("announce: the lock is not held")
        self._write(LockOwner(os.getpid(), url))

    def release(self) -> None:
        """Gives the lock back. Releasing twice is harmless."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            self._forget()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _write(self, owner: LockOwner) -> None:
        assert self._descriptor is not None
        text = json.dumps({"pid": owner.pid, "url": owner.url}).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text)
        os.ftruncate(self._descriptor, len(text))

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_owner(folder: Path) -> LockOwner | None:
    """Who holds the city now, or None: tells a command whether to write itself or through a server."""
    if not (folder / LOCK_FILE).exists():
        return None
    descriptor = _open(folder)
    try:
        if _try_lock(descriptor):
            return None
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    path = folder / LOCK_FILE
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        raise StorageError(f"{path}: cannot be opened for locking: {error.strerror}") from error


def _lock_patiently(descriptor: int) -> bool:
    for _ in range(_ATTEMPTS):
        if _try_lock(descriptor):
            return True
        time.sleep(_PAUSE_S)
    return False


def _read(descriptor: int) -> LockOwner:
    """Who the file names; waits for a holder that is about to write its name."""
    for _ in range(_ATTEMPTS):
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            found = json.loads(os.read(descriptor, 4096))
            return LockOwner(int(found["pid"]), found["url"])
        except (ValueError, KeyError, TypeError):
            time.sleep(_PAUSE_S)
    return LockOwner(None, None)


def _refusal(folder: Path, owner: LockOwner) -> str:
    process = "another process" if owner.pid is None else f"process {owner.pid}"
    served = f", which serves it at {owner.url}" if owner.url else ""
    return f"{folder}: is in use by {process}{served}; stop it first"


if sys.platform == "win32":
    # Windows forbids reading a locked byte, so the lock lies far behind the text.
    _LOCKED_BYTE = 1 << 30

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try_lock(descriptor: int) -> bool:
        # flock, not lockf: POSIX record locks vanish when the process closes ANY descriptor of the file.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_ALL_LOCKS: "weakref.WeakSet[CityLock]" = weakref.WeakSet()


def _forget_inherited_locks() -> None:
    """Closes a forked child's copies, which would otherwise keep the lock after its parent died."""
    for lock in list(_ALL_LOCKS):
        lock._forget()  # noqa: SLF001  # same module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_locks)
