"""The outermost layer of the server: what every request must pass and every answer carries.

Host, length and method are checked here, before any route; security headers are added to whatever leaves,
errors included; an exception that nothing handled becomes a plain 500. HEAD is answered as GET without
its body, so no route needs to know of it.
"""

import logging
import time
from http import HTTPStatus
from typing import Final

from shancheng.web.asgi import App, Headers, Message, Receive, Scope, Send, header_values, send_whole
from shancheng.web.errors import OUR_FAULT, send_error
from shancheng.web.hosts import HostPolicy

__all__ = ["CONTENT_SECURITY_POLICY", "MAX_BODY_BYTES", "MAX_TARGET_BYTES", "Guard"]

logger = logging.getLogger("shancheng.web")

MAX_TARGET_BYTES: Final = 8 * 1024
MAX_BODY_BYTES: Final = 64 * 1024
METHODS: Final = ("GET", "HEAD", "OPTIONS")
ALLOW: Final[Headers] = [(b"allow", ", ".join(METHODS).encode())]
POLICIES: Final = (
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    # three.js makes blob: URLs of the textures inside a GLB, shows them as images and fetches them for
    # ImageBitmapLoader; a blob: URL is always our own data.
    "img-src 'self' data: blob:",
    "connect-src 'self' blob:",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
)
CONTENT_SECURITY_POLICY: Final = "; ".join(POLICIES)
ON_EVERY_ANSWER: Final[Headers] = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Guard:
    """An ASGI application around another one; see the module for what it holds."""

    def __init__(self, app: App, policy: HostPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, with_body=scope["method"] != "HEAD")
        began = time.perf_counter()
        try:
            await self._admit(scope, receive, answer.send)
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if answer.status is not None:
                raise  # half an answer is out: the server must cut the connection
            await send_error(answer.send, HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT)
        spent_ms = (time.perf_counter() - began) * 1000
        logger.debug("%s %s %s %.1f ms", scope["method"], scope["path"], answer.status, spent_ms)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is not None:
            status, message = refusal
            await send_error(send, status, message, ALLOW if status == HTTPStatus.METHOD_NOT_ALLOWED else [])
        elif scope["method"] == "OPTIONS":
            await send_whole(send, HTTPStatus.NO_CONTENT, ALLOW)
        else:
            await self._app({**scope, "method": "GET"}, receive, send)

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        """Status and message where the request must not reach a route."""
        hosts = [host for host in header_values(scope, b"host") if host]
        if len(hosts) != 1:
            return HTTPStatus.BAD_REQUEST, "a request names exactly one Host"
        if not self._policy.allows(hosts[0]):
            return HTTPStatus.MISDIRECTED_REQUEST, (
                f"Host {hosts[0][:100]!r} is not served here; "
                "start with --allowed-host to serve under another name"
            )
        target_bytes = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        if target_bytes > MAX_TARGET_BYTES:
            message = f"the address has {target_bytes} bytes: at most {MAX_TARGET_BYTES} are taken"
            return HTTPStatus.REQUEST_URI_TOO_LONG, message
        return _body_refusal(scope) or _method_refusal(scope)


def _body_refusal(scope: Scope) -> tuple[HTTPStatus, str] | None:
    lengths = header_values(scope, b"content-length")
    if any(not length.isascii() or not length.isdigit() for length in lengths):
        return HTTPStatus.BAD_REQUEST, "Content-Length must be a whole number"
    if any(int(length[:20]) > MAX_BODY_BYTES for length in lengths):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes"
    return None


def _method_refusal(scope: Scope) -> tuple[HTTPStatus, str] | None:
    if scope["method"] in METHODS:
        return None
    return HTTPStatus.METHOD_NOT_ALLOWED, f"{scope['method'][:20]}: only {', '.join(METHODS)} are answered"


class _Answer:
    """Passes an answer on with the common headers, and remembers its status once it has begun."""

    def __init__(self, send: Send, *, with_body: bool) -> None:
        self._send = send
        self._with_body = with_body
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *ON_EVERY_ANSWER]}
        elif message["type"] == "http.response.body" and not self._with_body:
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)
