"""The server as a process of its own: starting, stopping, dying, and what it does with raw bytes."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import httpx
import pytest

from shancheng.errors import PortInUseError, ServeError, SettingError
from shancheng.web.server import free_address, url_of

PROGRAM = textwrap.dedent(
    """
    import sys
    from shancheng.web.guard import Guard
    from shancheng.web.hosts import HostPolicy
    from shancheng.web.server import end_process, free_address, serve

    async def hello(scope, receive, send):
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    host, port = free_address("127.0.0.1", int(sys.argv[1]))
    app = Guard(hello, HostPolicy.of(host, port))
    serve(app, (host, port), lambda: print(port, flush=True))
    end_process()
    """
)


@pytest.fixture(scope="module")
def start(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[int], tuple[subprocess.Popen[str], int]]]:
    processes: list[subprocess.Popen[str]] = []
    folder = tmp_path_factory.mktemp("server")

    def one(port: int) -> tuple[subprocess.Popen[str], int]:
        with (folder / f"stderr{len(processes)}").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(port)], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / f"stderr{len(processes) - 1}").read_text()
        return process, int(line)

    yield one
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def exchange(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(raw)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


@pytest.fixture(scope="module")
def served_port(start: Callable[[int], tuple[subprocess.Popen[str], int]]) -> int:
    """One server for all who only talk to it."""
    return start(0)[1]


Start = Callable[[int], tuple["subprocess.Popen[str]", int]]


def test_ctrl_c_and_terminate_end_it_with_0(start: Start) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        process, port = start(0)
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "hello"
        process.send_signal(number)
        assert process.wait(timeout=10) == 0


def test_killed_alone_it_leaves_nothing_and_starts_again_on_its_port(start: Start) -> None:
    first, port = start(0)
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "hello"
    os.kill(first.pid, signal.SIGKILL)
    first.wait(timeout=10)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/")
    _, again = start(port)
    assert again == port
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "hello"


def test_two_servers_never_share_a_port(start: Start) -> None:
    _, port = start(0)
    with pytest.raises(PortInUseError, match=f"port={port}"):
        free_address("127.0.0.1", port)


def test_a_client_that_stays_connected_does_not_keep_it_from_ending(start: Start) -> None:
    process, port = start(0)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 70000", 413),
        (b"GET /a b HTTP/1.1", 400),
        (b"nonsense", 400),
        (b"GET /\x00 HTTP/1.1", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1", 431),  # more than the server's buffer for a head
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000, 431),
        (b"DELETE / HTTP/1.1", 405),
        (b"BREW / HTTP/1.1", 405),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example", 400),
    ],
)
def test_malformed_and_oversized_requests_get_4xx(served_port: int, request_line: bytes, status: int) -> None:
    port = served_port
    answer = exchange(
        port, request_line + f"\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ", maxsplit=2)[1] == str(status).encode()
    assert b"Traceback" not in answer


def test_a_request_without_host_is_refused(served_port: int) -> None:
    assert b" 400 " in exchange(served_port, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").split(b"\r\n")[0]


def test_a_port_that_another_program_holds_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port={port}: in use"):
            free_address("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_named(port: int) -> None:
    with pytest.raises(SettingError, match=f"port={port}"):
        free_address("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "nowhere.invalid"])
def test_a_host_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(ServeError, match=f"host={host}"):
        free_address(host, 0)


def test_port_0_picks_a_free_one() -> None:
    host, port = free_address("localhost", 0)
    assert host in {"127.0.0.1", "::1"}
    assert port > 0


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
    ],
)
def test_the_address_for_a_browser(host: str, url: str) -> None:
    assert url_of(host, 8000) == url
