import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from shancheng.web.guard import MAX_BODY_BYTES, MAX_TARGET_BYTES, Guard
from shancheng.web.hosts import HostPolicy

SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy")


async def echo(scope: Any, _receive: Any, send: Any) -> None:
    if scope["path"] == "/boom":
        raise RuntimeError("secret detail")
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/half":
        raise RuntimeError("secret detail")
    await send({"type": "http.response.body", "body": b"he", "more_body": True})
    await send({"type": "http.response.body", "body": b"llo"})


@pytest.fixture
def app() -> Guard:
    return Guard(echo, HostPolicy.of("127.0.0.1", 8000))


def test_a_good_request_passes_with_the_security_headers(app: Guard, ask: Callable[..., Any]) -> None:
    answer = ask(app, "/")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_content_policy_is_that_of_the_design(app: Guard, ask: Callable[..., Any]) -> None:
    policy = ask(app, "/").headers["content-security-policy"].split("; ")
    assert policy[:3] == [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
    ]
    for directive in ("frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"):
        assert directive in policy
    assert not any("unsafe-inline" in directive or "'unsafe-eval'" in directive for directive in policy)


@pytest.mark.parametrize("host", ["evil.example:8000", "localhost:9000", "localhost"])
def test_a_strange_host_is_misdirected(app: Guard, ask: Callable[..., Any], host: str) -> None:
    answer = ask(app, "/", headers={"host": host})
    assert answer.status == 421
    assert answer.json()["error"]["code"] == "misdirected_request"
    assert all(name in answer.headers for name in SECURITY)


@pytest.mark.parametrize(
    "headers",
    [[("host", "")], [("host", "localhost:8000"), ("host", "evil.example")], [("host", "a"), ("host", "a")]],
)
def test_exactly_one_host_is_needed(
    app: Guard, ask: Callable[..., Any], headers: list[tuple[str, str]]
) -> None:
    assert ask(app, "/", headers=headers).status == 400


def test_a_long_address_is_refused(app: Guard, ask: Callable[..., Any]) -> None:
    assert ask(app, "/" + "a" * (MAX_TARGET_BYTES - 1)).status == 200
    assert ask(app, "/" + "a" * MAX_TARGET_BYTES).status == 414
    assert ask(app, "/?q=" + "a" * MAX_TARGET_BYTES).status == 414


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_large_body_is_refused(app: Guard, ask: Callable[..., Any], method: str) -> None:
    answer = ask(app, "/", method, {"content-length": str(MAX_BODY_BYTES + 1)})
    assert (answer.status, answer.json()["error"]["code"]) == (413, "content_too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "٣", ""])
def test_a_length_that_is_no_number_is_refused(app: Guard, ask: Callable[..., Any], length: str) -> None:
    headers = [("content-length", length.encode().decode("latin-1"))]
    assert ask(app, "/", headers=headers).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW"])
def test_only_reading_methods_are_answered(app: Guard, ask: Callable[..., Any], method: str) -> None:
    answer = ask(app, "/", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_options_tells_the_methods(app: Guard, ask: Callable[..., Any]) -> None:
    answer = ask(app, "/", "OPTIONS")
    assert (answer.status, answer.body, answer.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS")


def test_head_is_get_without_its_body(app: Guard, ask: Callable[..., Any]) -> None:
    answer = ask(app, "/", "HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5")


def test_an_error_of_ours_is_a_plain_500_and_is_logged(
    app: Guard, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(app, "/boom")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer.json()["error"]["code"] == "internal_server_error"
    assert "secret detail" in caplog.text


def test_half_an_answer_is_cut_not_completed(app: Guard, ask: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="secret detail"):
        ask(app, "/half")


def test_a_request_is_one_line_at_debug(
    app: Guard, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shancheng.web")
    ask(app, "/quiet")
    assert not caplog.records
    caplog.set_level(logging.DEBUG, "shancheng.web")
    ask(app, "/loud")
    assert [record.message.split(" ")[:3] for record in caplog.records if record.name == "shancheng.web"] == [
        ["GET", "/loud", "200"]
    ]


def test_websockets_are_closed() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(echo, HostPolicy.of("127.0.0.1", 8000))({"type": "websocket"}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
