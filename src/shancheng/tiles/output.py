"""Write finished files, each with the gzip sibling that the server sends to whoever takes it.

What a build before has already is not written again: an equal file gets a second name, which costs neither
space nor the time to compress it.
"""

import errno
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import deflate

__all__ = ["Output", "Written", "count_files", "link_folder", "link_or_copy"]

# Libdeflate at level 6: one microsecond a building. Level 9 saves one per cent and takes three times that.
# Brotli siblings were weighed: at level 5, 2 per cent less than gzip for three times the time; at level 11,
# 14 per cent less for 160 times the time; half as many files again. So tiles have none.
GZIP_LEVEL = 6
_ZIPPED, _TILE = ".gz", ".glb"
# What a file system says that has no second names, or no more of them for this file.
_NO_LINKS = (
    errno.EXDEV,
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EINVAL,
)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that stands in the build.

    Attributes:
        raw: Bytes.
        zipped: Bytes of its gzip sibling.
        reused: Whether it was there before.
    """

    raw: int
    zipped: int
    reused: bool = False


@dataclass(slots=True)
class Output:
    """The folder of one layer and what stands there; safe to use from several threads.

    Attributes:
        folder: Where the layer's files go.
        before: The same layer's folder in the build before, or None; it stays as it is.
        filled: Whether `folder` may hold older files; they are replaced, never written into, for they may
            have other names.
        bytes_raw: Bytes of all files, siblings not counted.
        bytes_gzip: Bytes of the gzip siblings.
        files: How many files and siblings there are.
        reused_tiles: Tiles that were taken over.
    """

    folder: Path
    before: Path | None = None
    filled: bool = False
    bytes_raw: int = 0
    bytes_gzip: int = 0
    files: int = 0
    reused_tiles: int = 0
    _made: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, name: str, data: bytes) -> Written:
        """Write a file and its gzip sibling; both go to the disk with the whole build (see `make.py`).

        Args:
            name: Path below the folder, with `/`.
            data: What it holds.
        """
        path = self._place(name)
        zipped_size = self._equal_before(name, data)
        if zipped_size is not None:
            self._link(name)
            return self._count(name, Written(len(data), zipped_size, reused=True))
        zipped = deflate.gzip_compress(data, GZIP_LEVEL)
        self._clear(path)
        _write(path, data)
        _write(path + _ZIPPED, zipped)
        return self._count(name, Written(len(data), len(zipped)))

    def keep(
        self, names: Sequence[str], sizes: Sequence[tuple[int, int]], held: Sequence[bool]
    ) -> list[bool]:
        """Take over tiles from the build before, without looking into them.

        Args:
            names: Paths below the folder, with `/`.
            sizes: Bytes that each and its sibling had when they were written.
            held: Whether the folder holds each already.

        Returns:
            Which of them are there now.
        """
        there = _names_below(self.folder) if any(held) else set()
        kept = [
            (name in there and name + _ZIPPED in there) if is_held else self._take(name, size)
            for name, size, is_held in zip(names, sizes, held, strict=True)
        ]
        taken = [size for size, is_kept in zip(sizes, kept, strict=True) if is_kept]
        with self._lock:
            self.bytes_raw += sum(raw for raw, _ in taken)
            self.bytes_gzip += sum(zipped for _, zipped in taken)
            self.files += 2 * len(taken)
            self.reused_tiles += len(taken)
        return kept

    def _take(self, name: str, size: tuple[int, int]) -> bool:
        """Have a file and its sibling of the build before, where they have these sizes."""
        path = f"{self.before}/{name}"
        try:
            if (os.stat(path).st_size, os.stat(path + _ZIPPED).st_size) != size:  # noqa: PTH116  # for every tile
                return False
            self._place(name)
            self._link(name)
        except FileNotFoundError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file and its sibling from the folder, where they are there."""
        self._clear(f"{self.folder}/{name}", always=True)

    def empty(self) -> None:
        """Remove whatever the folder holds."""
        if self.filled:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.filled = False

    def remove_folder(self, name: str) -> None:
        """Remove a folder below the layer's, where it is there."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def _place(self, name: str) -> str:
        path = f"{self.folder}/{name}"
        folder = os.path.dirname(path)  # noqa: PTH120  # ten times as fast; every tile needs it
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # as above
            self._made.add(folder)
        return path

    def _equal_before(self, name: str, data: bytes) -> int | None:
        """Size of the sibling in the build before where that has the same file, else None."""
        if self.before is None:
            return None
        path = f"{self.before}/{name}"
        try:
            if os.stat(path).st_size != len(data):  # noqa: PTH116  # for every tile
                return None
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                if file.read() != data:
                    return None
            return os.stat(path + _ZIPPED).st_size  # noqa: PTH116
        except OSError:
            return None

    def _link(self, name: str) -> None:
        path = f"{self.folder}/{name}"
        self._clear(path)
        for suffix in ("", _ZIPPED):
            link_or_copy(f"{self.before}/{name}{suffix}", path + suffix)

    def _clear(self, path: str, *, always: bool = False) -> None:
        if not (self.filled or always):
            return  # a system call for each of many thousand files
        for suffix in ("", _ZIPPED):
            try:
                os.unlink(path + suffix)  # noqa: PTH108
            except FileNotFoundError:
                continue

    def _count(self, name: str, written: Written) -> Written:
        with self._lock:
            self.bytes_raw += written.raw
            self.bytes_gzip += written.zipped
            self.files += 2
            self.reused_tiles += written.reused and name.endswith(_TILE)
        return written


def link_or_copy(source: str, target: str) -> None:
    """Give a file a second name; a copy where the file system cannot."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)


def link_folder(source: Path, target: Path) -> tuple[int, int]:
    """Give all files below a folder second names below another, which must not exist.

    Returns:
        How many files there are, and how many bytes they have.
    """
    files = size = 0
    for folder, _, names in os.walk(source):
        beside = f"{target}{folder[len(str(source)) :]}"
        os.makedirs(beside)  # noqa: PTH103
        for name in names:
            link_or_copy(f"{folder}/{name}", f"{beside}/{name}")
            size += os.stat(f"{folder}/{name}").st_size  # noqa: PTH116
            files += 1
    return files, size


def count_files(folder: Path) -> int:
    """How many files there are below a folder; 0 where it is missing."""
    return len(_names_below(folder))


def _names_below(folder: Path) -> set[str]:
    """Paths of all files below a folder, with `/`; none where it is missing."""
    names: set[str] = set()
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(f"{folder}/{place}") as entries:  # a third of the time of `os.walk`
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{place}{entry.name}/")
                    else:
                        names.add(place + entry.name)
        except FileNotFoundError:
            continue
    return names


def _write(path: str, data: bytes | bytearray) -> None:
    """Write a new file; one that is there is never written into, for it may have other names."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, 0o644)
    except FileExistsError:
        os.unlink(path)  # noqa: PTH108
        handle = os.open(path, flags, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)
