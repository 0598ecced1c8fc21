"""Files that are written whole or not at all, and the space and hashes that go with them."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shancheng.errors import DiskFullError, StorageError

Writer = Callable[[Path], object]
"""Writes a whole file at the path that it is given; the file exists there already, empty."""

_TEMPORARY_SUFFIX = ".tmp"
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Below this much free space a failed write of a library that hides its errno is taken for a full disk.
_NEARLY_FULL_BYTES = 1 << 20


def write_atomically(path: Path, content: bytes | Writer, *, mode: int = 0o666) -> None:
    """Puts a file in place so that, crash or not, the path holds the old file or the whole new one.

    A temporary file beside it is written, flushed to the disk and renamed over it, and the folder is flushed.

    Args:
        path: Where the file goes; its folder exists.
        content: The bytes, or a function that writes a file at the temporary path it is given.
        mode: Permissions, lessened by the umask; 0o600 for secrets.

    Raises:
        DiskFullError: The disk is full; the old file is untouched.
        StorageError: The system refused for another reason; the old file is untouched.
    """
    # A dot before and .tmp behind the name: no pattern for layers or tiles finds it after a crash.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{_TEMPORARY_SUFFIX}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        else:
            content(temporary)
        _flush(temporary)
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise _storage_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> int:
    """Deletes temporary files that killed writers left in a folder; the caller owns the folder.

    Returns:
        How many there were.
    """
    leftovers = list(folder.glob(f".*{_TEMPORARY_SUFFIX}"))
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def flush_folder(folder: Path) -> None:
    """Makes renames and deletions in a folder durable; does nothing on Windows, which has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_free_space(folder: Path, bytes_needed: int) -> None:
    """Refuses early what the disk cannot hold.

    Args:
        folder: Where the bytes will go; it need not exist yet.
        bytes_needed: How many.

    Raises:
        DiskFullError: The message tells both figures.
        StorageError: The disk cannot be asked.
    """
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        raise StorageError(f"{existing}: free space is unknown: {error.strerror}") from error
    if free < bytes_needed:
        raise DiskFullError(f"{folder}: needs {_mib(bytes_needed)} free, has {_mib(free)}")


def sha256_file(path: Path) -> str:
    """Hash of a file's content, 64 hexadecimal digits.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storage_error(path: Path, error: OSError) -> StorageError:
    if error.errno in _FULL or (error.errno is None and _nearly_full(path.parent)):
        return DiskFullError(f"{path}: the disk is full; free some space")
    return StorageError(f"{path}: cannot be written: {error.strerror or error}")


def _nearly_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _NEARLY_FULL_BYTES
    except OSError:
        return False


def _mib(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
