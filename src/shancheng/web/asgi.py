"""The few ASGI shapes that our bare handlers share, and whole answers in one call.

The ASGI specification is https://asgi.readthedocs.io/en/latest/specs/www.html; headers are bytes there.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

__all__ = ["App", "Headers", "Message", "Receive", "Scope", "Send", "header_values", "send_whole"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a request header, in the order they came; ``name`` in lower case."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


async def send_whole(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Send a complete answer. Statuses 204 and 304 carry no body and no length."""
    if status not in {204, 304}:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
