"""A public bucket on this machine: files by range requests with ETags, listings, and faults on demand."""

import hashlib
import threading
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Bucket:
    """What the server holds and how it behaves; tests change it while it runs.

    Attributes:
        files: Content by key.
        cut_after: Bytes of an answer's body after which the line breaks, once for each entry of the list.
        busy: How many answers are 503 first.
        ranges: Whether parts of files are sent.
        etags: Whether a file's version is told, as the MD5 of its content.
        page: Keys in one page of a listing.
        post: Answers a POST.
        log: Method, path and Range of every request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        self.busy = 0
        self.ranges = True
        self.etags = True
        self.page = 1000
        self.post: Callable[[bytes], bytes] = lambda _body: b""
        self.log: list[tuple[str, str, str | None]] = []
        self.url = ""

    @contextmanager
    def serve(self) -> "Iterator[Bucket]":
        """Run on a free port of the loopback address."""
        handler = type("Handler", (_Handler,), {"bucket": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def etag(self, content: bytes) -> str:
        return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.bucket.log.append(("GET", self.path, self.headers.get("Range")))
        if self._is_busy():
            return
        query = parse_qs(parts.query)
        if "list-type" in query:
            self._send(200, self._listing({key: values[0] for key, values in query.items()}), {})
            return
        content = self.bucket.files.get(unquote(parts.path).lstrip("/"))
        if content is None:
            self._send(404, b"no such key", {})
            return
        self._file(content)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bucket.log.append(("POST", self.path, None))
        if not self._is_busy():
            self._send(200, self.bucket.post(body), {})

    def _is_busy(self) -> bool:
        if self.bucket.busy == 0:
            return False
        self.bucket.busy -= 1
        self._send(503, b"slow down", {})
        return True

    def _file(self, content: bytes) -> None:
        etag = self.bucket.etag(content)
        headers = {"ETag": etag} if self.bucket.etags else {"Last-Modified": formatdate(0, usegmt=True)}
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if wanted is None or not self.bucket.ranges or (condition and condition not in headers.values()):
            self._send(200, content, headers)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(len(content) - int(last), 0)
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        if start >= len(content):
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        place = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
        self._send(206, content[start : end + 1], headers | place)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if status in (200, 206) and self.bucket.cut_after:
            self.wfile.write(body[: self.bucket.cut_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body)

    def _listing(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        keys = sorted(key for key in self.bucket.files if key.startswith(prefix))
        if delimiter:
            names = sorted({prefix + key[len(prefix) :].split(delimiter)[0] + delimiter for key in keys})
            entries = "".join(f"<CommonPrefixes><Prefix>{escape(n)}</Prefix></CommonPrefixes>" for n in names)
            token = ""
        else:
            start = int(query.get("continuation-token", 0))
            page = keys[start : start + self.bucket.page]
            entries = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in page)
            after = start + len(page)
            token = f"<NextContinuationToken>{after}</NextContinuationToken>" if after < len(keys) else ""
        space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        return f"<ListBucketResult {space}>{entries}{token}</ListBucketResult>".encode()
