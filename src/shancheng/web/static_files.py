"""Files of one folder over HTTP: tiles and the built page.

A path is looked for inside the folder only; dot files, backslashes, NUL and links that lead outside do not
exist for it. Encoded siblings (``x.glb.br``, ``x.glb.gz``) are chosen by Accept-Encoding. Range requests are
not supported (``Accept-Ranges: none``): every file is small and always wanted whole. Files are opened and
read on worker threads, in pieces, so a slow disk never holds up the event loop.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

from shancheng.web.asgi import Headers, Receive, Scope, Send, header_values, send_whole
from shancheng.web.errors import send_error
from shancheng.web.negotiation import IDENTITY, choose_encoding, matches_etag

__all__ = ["CONTENT_TYPES", "StaticFiles", "find_file"]

CHUNK_BYTES: Final = 256 * 1024
IMMUTABLE: Final = b"public, max-age=31536000, immutable"
REVALIDATE: Final = b"no-cache"
SIBLINGS: Final = {"br": ".br", "gzip": ".gz"}
# Our own table: the platform's differs from machine to machine.
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".glb": "model/gltf-binary",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".ktx2": "image/ktx2",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".subtree": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@dataclass
class _OpenFile:
    """A file open for reading, and what the answer says of it."""

    descriptor: int
    size: int
    etag: str
    encoding: str
    closed: bool = field(default=False)

    def read(self) -> bytes:
        return os.read(self.descriptor, CHUNK_BYTES)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self.descriptor)


class StaticFiles:
    """Serves the folder; ``immutable`` says of a relative path whether its content can never change.

    Only what never changes has encoded siblings: a file and its siblings cannot be replaced in one step.
    """

    def __init__(self, folder: Path, *, immutable: Callable[[str], bool]) -> None:
        self._folder = folder
        self._immutable = immutable

    async def serve(self, relative: str, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a GET for ``relative``, a decoded path without a leading slash."""
        immutable = self._immutable(relative)
        accepted = header_values(scope, b"accept-encoding")
        opened = await asyncio.to_thread(_open, self._folder, relative, accepted, siblings=immutable)
        if opened is None:
            await send_error(send, HTTPStatus.NOT_FOUND, f"{scope['path'][:200]}: nothing is here")
            return
        try:
            headers = _headers(relative, opened, immutable=immutable)
            if matches_etag(header_values(scope, b"if-none-match"), opened.etag):
                await send_whole(send, HTTPStatus.NOT_MODIFIED, headers)
            else:
                await _stream(opened, headers, send)
        finally:
            opened.close()


def find_file(folder: Path, relative: str) -> Path | None:
    """The regular file at a relative path, or None where nothing may be served.

    Args:
        folder: The only place that is looked into.
        relative: Percent-decoded path, parts separated by ``/``.
    """
    parts = relative.split("/")
    if any(part == "" or part.startswith(".") or set(part) & set("\\:\0") for part in parts):
        return None
    try:
        root = os.path.realpath(folder)
        path = os.path.realpath(os.path.join(root, *parts))  # noqa: PTH118 -- a Path per request costs more than the rest
        regular = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 -- the same
    except (OSError, ValueError):
        return None  # missing, too long a name, or not representable: not there
    return Path(path) if regular and path.startswith(root + os.sep) else None


def _open(folder: Path, relative: str, accepted: list[str], *, siblings: bool) -> _OpenFile | None:
    path = find_file(folder, relative)
    if path is None:
        return None
    existing = dict(_siblings(folder, relative)) if siblings else {}
    encoding = choose_encoding(accepted, existing)
    # O_NONBLOCK: a named pipe put in place of the file after the check must not hold up a thread.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(existing.get(encoding, path), flags)
    except OSError:
        return None
    status = os.fstat(descriptor)
    suffix = "" if encoding == IDENTITY else f"-{encoding}"
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}{suffix}"'
    return _OpenFile(descriptor, status.st_size, etag, encoding)


def _siblings(folder: Path, relative: str) -> Iterator[tuple[str, Path]]:
    for encoding, suffix in SIBLINGS.items():
        sibling = find_file(folder, relative + suffix)
        if sibling is not None:
            yield encoding, sibling


def _headers(relative: str, opened: _OpenFile, *, immutable: bool) -> Headers:
    suffix = Path(relative).suffix.lower()
    headers: Headers = [
        (b"content-type", CONTENT_TYPES.get(suffix, "application/octet-stream").encode()),
        (b"etag", opened.etag.encode()),
        (b"cache-control", IMMUTABLE if immutable else REVALIDATE),
        (b"accept-ranges", b"none"),
    ]
    if immutable:
        headers.append((b"vary", b"accept-encoding"))
    if opened.encoding != IDENTITY:
        headers.append((b"content-encoding", opened.encoding.encode()))
    return headers


async def _stream(opened: _OpenFile, headers: Headers, send: Send) -> None:
    headers = [*headers, (b"content-length", str(opened.size).encode())]
    left = opened.size
    chunk = await asyncio.to_thread(opened.read) if left else b""
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    while True:
        chunk = chunk[:left]  # a file that grew meanwhile keeps the length that was announced
        left -= len(chunk)
        if left and not chunk:
            raise EOFError("the file became shorter while it was sent")
        await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
        if not left:
            return
        chunk = await asyncio.to_thread(opened.read)
