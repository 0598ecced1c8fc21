"""Requests: one pool with time-outs, some tries where the line breaks, every refusal in our own words."""

import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3

from shancheng.errors import DownloadError, MissingDownloadError

__all__ = ["Pool", "open_pool"]

_CONNECT_S: Final = 20.0
_READ_S: Final = 60.0
_TRIES: Final = 5
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_AGENT: Final = "shancheng"
LINE_ERRORS: Final = (urllib3.exceptions.HTTPError, OSError)
"""What breaks on the way; a request may be sent again."""


class Pool:
    """Sends requests. ``pause_s`` is the wait before the second try; it doubles with each."""

    def __init__(self, manager: Any, *, tries: int = _TRIES, pause_s: float = 1.0) -> None:  # noqa: ANN401
        self._manager = manager
        self.tries = tries
        self.pause_s = pause_s

    @contextmanager
    def stream(
        self, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[Any]:
        """One answer, its body not yet read; a body that we send makes it a POST.

        Raises:
            MissingDownloadError: The server has no such thing (404 or 410).
            DownloadError: Another refusal.
            urllib3.exceptions.HTTPError, OSError: The line broke; also for an answer that means “later”.
        """
        method = "GET" if body is None else "POST"
        answer = self._manager.request(
            method, url, body=body, headers={"User-Agent": _AGENT, **(headers or {})},
            preload_content=False, decode_content=False, redirect=False, retries=False,
        )  # fmt: skip
        try:
            _check(url, answer)
            yield answer
        finally:
            answer.close()
            answer.release_conn()

    def read(
        self, url: str, headers: Mapping[str, str] | None = None, *, limit: int, body: bytes | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        """A whole small answer and its headers.

        Raises:
            MissingDownloadError, DownloadError: See `stream`; also when it is larger than ``limit`` bytes or
                the line keeps breaking.
        """
        for last, wait in self.attempts():
            try:
                with self.stream(url, headers, body) as answer:
                    content = answer.read(limit + 1)
                    if len(content) > limit:
                        raise DownloadError(f"{url}: sends more than {limit:,} bytes")
                    return content, answer.headers
            except LINE_ERRORS as error:
                if last:
                    raise DownloadError(f"{url}: {reason(error)}; tried {self.tries} times") from error
                time.sleep(wait)
        raise AssertionError

    def attempts(self) -> Iterator[tuple[bool, float]]:
        """Whether this try is the last, and how long to wait after it."""
        for number in range(self.tries):
            yield number == self.tries - 1, self.pause_s * 2**number


def open_pool(*, tries: int = _TRIES, pause_s: float = 1.0) -> Pool:
    """A pool that honours the system's certificates and proxies."""
    timeout = urllib3.Timeout(connect=_CONNECT_S, read=_READ_S)
    proxy = urllib.request.getproxies().get("https")
    if proxy:
        return Pool(urllib3.ProxyManager(proxy, timeout=timeout), tries=tries, pause_s=pause_s)
    return Pool(urllib3.PoolManager(timeout=timeout), tries=tries, pause_s=pause_s)


def reason(error: Exception) -> str:
    """What broke, in a line."""
    return str(error).partition("\n")[0] or type(error).__name__


def _check(url: str, answer: Any) -> None:  # noqa: ANN401 - urllib3's response
    status = int(answer.status)
    if status in (200, 206, 416):
        return
    if status in (404, 410):
        raise MissingDownloadError(f"{url}: the server has no such file ({status})")
    if status in _BUSY:
        raise urllib3.exceptions.HTTPError(f"{urlsplit(url).hostname} is busy ({status})")
    raise DownloadError(f"{url}: the server answered {status} {answer.reason or ''}".rstrip())
