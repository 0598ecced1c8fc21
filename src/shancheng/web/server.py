"""Runs the application on granian inside this process, so that nothing outlives it.

granian sets SO_REUSEPORT on its listener: a second server on the same port would start without a word and
take half of the requests. So the port is tried first with a socket that shares with nobody.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from shancheng.errors import PortInUseError, ServeError, SettingError
from shancheng.web.asgi import App

__all__ = ["Address", "end_process", "free_address", "serve", "url_of"]

Address = tuple[str, int]

BACKLOG: Final = 256
# By itself granian logs to stdout, where our data goes.
INTO_OUR_LOG: Final = {"handlers": {}, "loggers": {"_granian": {"propagate": True}}}
# Time to send the head of a request; a slower client loses its connection.
HEADER_TIMEOUT_MS: Final = 10_000
MAX_HEAD_BYTES: Final = 64 * 1024
START_TIMEOUT_S: Final = 10.0
# WSAEADDRINUSE exists on Windows alone.
IN_USE: Final = frozenset({errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", -1)})


def free_address(host: str, port: int) -> Address:
    """The numeric address to listen on, after a check that nobody listens there.

    Args:
        host: Name or address of this machine.
        port: 0 picks a free one.

    Raises:
        PortInUseError: Another program listens on the port.
        ServeError: The host is not of this machine, or the port needs rights that we lack.
        SettingError: The port is no port.
    """
    if not 0 <= port <= 65535:  # noqa: PLR2004 -- a port has 16 bits
        raise SettingError(f"port={port}: must be 0 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServeError(f"host={host}: no address of this machine ({error.strerror or error})") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the server does it: connections of a killed server in TIME_WAIT do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise _bind_error(host, port, error) from error
        bound = probe.getsockname()
    return str(bound[0]), int(bound[1])


def url_of(host: str, port: int) -> str:
    """The address for a browser; a server on all interfaces is reached as 127.0.0.1."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104 -- compared with
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return f"http://{name}:{port}"


def serve(app: App, address: Address, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: The ASGI application.
        address: What ``free_address`` gave.
        on_ready: Called once, when the server answers.

    Raises:
        ServeError: The server did not start.
    """
    asyncio.run(_serve(app, address, on_ready))


def end_process() -> NoReturn:
    """End the process with exit code 0, after a server ran in it, without tearing down the interpreter.

    granian's threads may still be on their way back into Python when it ends; they then abort the process
    with a Rust panic on stderr, once in some ten runs. Everything of ours must be closed by now.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(app: App, address: Address, on_ready: Callable[[], None]) -> None:
    free_address(*address)
    server = _server(app, address)
    _stop_on_signals(server)
    running = asyncio.create_task(server.serve())
    ready = asyncio.create_task(_answers(address))
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done() and not running.done():
        ready.result()
        on_ready()
    ready.cancel()
    await running
    if not server.interrupt_signal:
        raise ServeError(f"{url_of(*address)}: the server stopped by itself")


def _server(app: App, address: Address) -> Server:
    host, port = address
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=MAX_HEAD_BYTES),
        websockets=False,
        backlog=BACKLOG,
        log_level=LogLevels.error,
        log_dictconfig=INTO_OUR_LOG,
    )


def _stop_on_signals(server: Server) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, server.stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(server.stop))


async def _answers(address: Address) -> None:
    """Return when a connection to the server is accepted."""
    host, port = address
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared with
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
    while True:
        try:
            _, writer = await asyncio.open_connection(target, port)
        except OSError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise ServeError(f"{url_of(host, port)}: the server does not answer") from error
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _bind_error(host: str, port: int, error: OSError) -> ServeError:
    if error.errno == errno.EACCES:
        return ServeError(f"port={port}: needs rights that this user lacks; choose one from 1024 with --port")
    if error.errno in IN_USE:
        return PortInUseError(
            f"port={port}: in use on {host}; stop the other program or choose another --port"
        )
    return ServeError(f"host={host}: cannot be listened on ({error.strerror})")
