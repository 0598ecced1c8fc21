"""A client that can ask for what no well-behaved client would: raw paths, doubled headers, odd methods."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))

from small_city import (  # noqa: F401 -- after the path; fixtures are found by their names
    shancheng,
    small_city,
    small_dem,
    small_osm,
    write_dem,
    write_osm,
)

OUR_HOST = "127.0.0.1:8000"


@dataclass(frozen=True)
class Answer:
    status: int
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {key.decode().lower(): value.decode() for key, value in self.raw_headers}

    def json(self) -> Any:
        return orjson.loads(self.body)


def scope_of(
    target: str, method: str = "GET", headers: dict[str, str] | list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    """The ASGI scope that a server makes of a request line; ``target`` is sent as it stands."""
    path, _, query = target.partition("?")
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    if not any(name.lower() == "host" for name, _ in pairs):
        pairs.append(("host", OUR_HOST))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


def call(app: Any, scope: dict[str, Any]) -> Answer:
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    starts = [message for message in messages if message["type"] == "http.response.start"]
    bodies = [message for message in messages if message["type"] == "http.response.body"]
    assert len(starts) == 1
    assert not bodies[-1].get("more_body", False)
    assert all(message.get("more_body", False) for message in bodies[:-1])
    return Answer(starts[0]["status"], list(starts[0]["headers"]), b"".join(m["body"] for m in bodies))


Ask = Callable[..., Answer]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """``ask(app, target, method=..., headers=...)``: one request to an ASGI application."""

    def one(app: Any, target: str, method: str = "GET", headers: Any = None) -> Answer:
        return call(app, scope_of(target, method, headers))

    return one
