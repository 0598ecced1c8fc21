"""A remote file that can be read here and there, as Parquet is: by range requests, some blocks kept."""

import io
import threading
import time
from collections import OrderedDict
from typing import Final

from shancheng.city.fetch.http import LINE_ERRORS, Pool, reason
from shancheng.errors import DownloadError

__all__ = ["RangeFile"]

_BLOCK: Final = 256 << 10
_KEPT: Final = 64


class RangeFile(io.RawIOBase):
    """A file behind a URL; it stays the same version from its first byte to its last, or reading ends.

    Attributes:
        size: Bytes.
        etag: What the server calls this version; empty where it does not say.
        requests: How many were sent.
        received: Bytes that came.
    """

    def __init__(self, url: str, pool: Pool) -> None:
        self.url = url
        self.requests = self.received = 0
        self._pool = pool
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        # The end comes first, because Parquet's footer stands there.
        self.etag = ""
        self.size = 0
        self._tail = self._first()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # narrower on purpose
        """Fill a buffer; less at the end of the file."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        """The next bytes; missing blocks next to each other are asked for at once.

        Raises:
            DownloadError: The line keeps breaking, or the file was replaced meanwhile.
        """
        end = self.size if size < 0 else min(self._position + size, self.size)
        start, self._position = self._position, max(end, self._position)
        if end <= start:
            return b""
        with self._lock:
            return self._range(start, end)

    def _range(self, start: int, end: int) -> bytes:
        tail_start = self.size - len(self._tail)
        if start >= tail_start:
            return self._tail[start - tail_start : end - tail_start]
        first, last = start // _BLOCK, (end - 1) // _BLOCK
        missing = [block for block in range(first, last + 1) if block not in self._blocks]
        blocks = {block: self._blocks[block] for block in range(first, last + 1) if block in self._blocks}
        if missing:
            low, high = missing[0] * _BLOCK, min((missing[-1] + 1) * _BLOCK, self.size)
            content = self._get(f"bytes={low}-{high - 1}", high - low)
            for number in range(missing[0], missing[-1] + 1):
                blocks[number] = content[number * _BLOCK - low : (number + 1) * _BLOCK - low]
            self._keep(blocks)
        joined = b"".join(blocks[block] for block in range(first, last + 1))
        return joined[start - first * _BLOCK : end - first * _BLOCK]

    def _keep(self, blocks: dict[int, bytes]) -> None:
        for number in sorted(blocks)[-_KEPT:]:
            self._blocks[number] = blocks[number]
            self._blocks.move_to_end(number)
        while len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)

    def _first(self) -> bytes:
        return self._get(f"bytes=-{_BLOCK}", None)

    def _get(self, wanted: str, length: int | None) -> bytes:
        """A range. ``length`` is None for the first request, which tells size and version."""
        for last, wait in self._pool.attempts():
            try:
                return self._try(wanted, length)
            except LINE_ERRORS as error:
                if last:
                    raise DownloadError(f"{self.url}: {reason(error)}") from error
                time.sleep(wait)
        raise AssertionError

    def _try(self, wanted: str, length: int | None) -> bytes:
        self.requests += 1
        with self._pool.stream(self.url, {"Range": wanted, "Accept-Encoding": "identity"}) as answer:
            if answer.status != 206:  # noqa: PLR2004
                raise DownloadError(f"{self.url}: the server sends no parts of files ({answer.status})")
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            etag = answer.headers.get("ETag", "")
            if length is None:
                self.size, self.etag = int(total) if total.isdecimal() else 0, etag
                length = min(_BLOCK, self.size)
            elif etag != self.etag or total != str(self.size):
                raise DownloadError(f"{self.url}: was replaced while it was read; run it again")
            content = bytes(answer.read(length + 1))
        self.received += len(content)
        if len(content) != length:
            raise ConnectionError(f"the line broke after {len(content):,} of {length:,} bytes")
        return content
