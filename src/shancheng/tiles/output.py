"""Write finished files, each with the gzip sibling that the server sends to whoever takes it."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import deflate

# Libdeflate at level 6: one microsecond a building. Level 9 saves one per cent and takes three times that.
# Brotli siblings were weighed: at level 5, 2 per cent less than gzip for three times the time; at level 11,
# 14 per cent less for 160 times the time; half as many files again. So tiles have none.
GZIP_LEVEL = 6


@dataclass(slots=True)
class Output:
    """The folder of one layer and what has been written there; safe to use from several threads.

    Attributes:
        folder: Where the layer's files go.
        bytes_raw: Bytes written, siblings not counted.
        bytes_gzip: Bytes of the gzip siblings.
    """

    folder: Path
    bytes_raw: int = 0
    bytes_gzip: int = 0
    _made: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, name: str, data: bytes) -> None:
        """Write a file and its gzip sibling; both go to the disk with the whole build (see `make.py`).

        Args:
            name: Path below the folder, with `/`.
            data: What it holds.
        """
        path = f"{self.folder}/{name}"
        self._make_folder(os.path.dirname(path))  # noqa: PTH120  # ten times as fast; every tile needs it
        zipped = deflate.gzip_compress(data, GZIP_LEVEL)
        _write(path, data)
        _write(f"{path}.gz", zipped)
        with self._lock:
            self.bytes_raw += len(data)
            self.bytes_gzip += len(zipped)

    def _make_folder(self, folder: str) -> None:
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # as above
            self._made.add(folder)


def _write(path: str, data: bytes | bytearray) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)
