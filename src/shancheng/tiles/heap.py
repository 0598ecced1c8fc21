"""Columns of numbers that only grow: in memory, or in a file each, which is mapped to be read.

What was appended never changes, so a reader of the first n rows stays right while others are appended, also
when the process that appends is killed.
"""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import deflate
import numpy as np
import numpy.typing as npt

__all__ = ["ColumnState", "FileColumn", "Heap"]

Array = npt.NDArray[Any]

_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class ColumnState:
    """What a column's file held at some time.

    Attributes:
        size: Bytes.
        crc: CRC-32 of those bytes.
        mtime_ns: When the file was written last.
    """

    size: int
    crc: int
    mtime_ns: int

    def found(self, path: Path) -> "ColumnState | None":
        """The state of a file that begins with those bytes, by size and time, else by reading it; or None."""
        if self.size == 0:
            return self
        try:
            status = path.stat()
            if (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns):
                return self
            if status.st_size < self.size or _crc_of(path, self.size) != self.crc:
                return None
        except OSError:
            return None
        return ColumnState(self.size, self.crc, status.st_mtime_ns)


class FileColumn:
    """One column in a file of its own."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], state: ColumnState) -> None:
        self._path, self._dtype, self._shape = path, dtype, shape
        self._size, self._crc, self._mtime_ns = state.size, state.crc, state.mtime_ns
        self._file: int | None = None
        self._view: Array | None = None

    def append(self, array: Array) -> None:
        """Add rows, shape (k, ...)."""
        data: Any = np.ascontiguousarray(array, dtype=self._dtype).reshape(-1).view(np.uint8)
        if len(data) == 0:
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            # Behind what is known to be right there may be what a killed process left.
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._view = None
        self._crc = deflate.crc32(data, self._crc)
        self._size += len(data)

    def view(self) -> Array:
        """All rows, read-only."""
        if self._view is None:
            self._view = self._map()
        return self._view

    def _map(self) -> Array:
        if self._size == 0:
            return np.empty((0, *self._shape), self._dtype)
        if self._file is not None:
            mapped = mmap.mmap(self._file, self._size, access=mmap.ACCESS_READ)
        else:
            descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            try:
                mapped = mmap.mmap(descriptor, self._size, access=mmap.ACCESS_READ)
            finally:
                os.close(descriptor)
        return np.frombuffer(mapped, self._dtype).reshape(-1, *self._shape)

    def state(self) -> ColumnState:
        """What the file holds now; nothing is appended after this."""
        if self._file is not None:
            self._mtime_ns = os.fstat(self._file).st_mtime_ns
            os.close(self._file)
            self._file = None
        return ColumnState(self._size, self._crc, self._mtime_ns)


class MemoryColumn:
    """One column in memory."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._parts: list[Array] = [np.empty((0, *shape), dtype)]

    def append(self, array: Array) -> None:
        """Add rows, shape (k, ...)."""
        self._parts.append(np.asarray(array, dtype=self._parts[0].dtype))

    def view(self) -> Array:
        """All rows."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0]


class Heap:
    """Columns by name, each with a type and the shape of a row."""

    def __init__(self, columns: Mapping[str, FileColumn | MemoryColumn]) -> None:
        self._columns = columns

    @classmethod
    def in_memory(cls, layout: Mapping[str, tuple[Any, tuple[int, ...]]]) -> Self:
        """An empty heap that ends with the process."""
        return cls({name: MemoryColumn(np.dtype(dtype), shape) for name, (dtype, shape) in layout.items()})

    @classmethod
    def reopened(
        cls,
        folder: Path,
        layout: Mapping[str, tuple[Any, tuple[int, ...]]],
        states: Mapping[str, Mapping[str, int]],
    ) -> Self | None:
        """A heap as it was when `states` told of it; None where its files do not hold that."""
        if set(states) != set(layout):
            return None
        found = {name: ColumnState(**entry).found(folder / name) for name, entry in states.items()}
        known = {name: state for name, state in found.items() if state is not None}
        return cls.in_folder(folder, layout, known) if len(known) == len(layout) else None

    @classmethod
    def in_folder(
        cls,
        folder: Path,
        layout: Mapping[str, tuple[Any, tuple[int, ...]]],
        states: Mapping[str, ColumnState] | None = None,
    ) -> Self:
        """A heap in a folder that exists: empty, or with what its files hold."""
        nothing = ColumnState(0, 0, 0)
        known = states or {}
        return cls(
            {
                name: FileColumn(folder / name, np.dtype(dtype), shape, known.get(name, nothing))
                for name, (dtype, shape) in layout.items()
            }
        )

    def append(self, **arrays: Array) -> None:
        """Add rows to some columns."""
        for name, array in arrays.items():
            self._columns[name].append(array)

    def view(self, name: str) -> Array:
        """A column as it is now."""
        return self._columns[name].view()

    def states(self) -> dict[str, dict[str, int]]:
        """For each column in a file, the fields of its `ColumnState`; nothing is appended after this."""
        return {
            name: {"size": state.size, "crc": state.crc, "mtime_ns": state.mtime_ns}
            for name, column in self._columns.items()
            if isinstance(column, FileColumn)
            for state in [column.state()]
        }


def _crc_of(path: Path, size: int) -> int:
    crc = 0
    with path.open("rb", buffering=0) as file:
        while size > 0:
            piece = file.read(min(size, _CHUNK_BYTES))
            if not piece:
                return -1
            crc = deflate.crc32(piece, crc)
            size -= len(piece)
    return crc
