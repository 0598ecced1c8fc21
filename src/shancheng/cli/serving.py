"""The work of ``shancheng up``: lock, build what is missing, serve, stop."""

import logging
import os
import sys
import threading
import time
import webbrowser
from dataclasses import replace
from pathlib import Path

from shancheng.city.store import City
from shancheng.cli.building import ensure_city, ensure_tiles
from shancheng.cli.progress import TerminalProgress
from shancheng.db.lock import CityLock
from shancheng.web.app import create_app
from shancheng.web.hosts import HostPolicy
from shancheng.web.server import end_process, free_address, serve, url_of
from shancheng.web.service import CityService
from shancheng.web.settings import WebSettings

__all__ = ["serve_city"]


def serve_city(name: str, home: Path, asked: WebSettings, *, open_browser: bool | None, began: float) -> None:
    """Serve a city until SIGINT or SIGTERM, then leave the process with exit code 0.

    Args:
        name: A city in ``home``, or a built-in one.
        home: Folder of the cities.
        asked: Where to listen; port 0 takes a free one.
        open_browser: None opens one where a person at a screen started us.
        began: ``time.monotonic()`` when the command began.

    Raises:
        ShanchengError: Anything that keeps it from serving; nothing is built when the port is taken.
    """
    _log_to_stderr()
    HostPolicy.of(asked.host, asked.port, asked.allowed_hosts)
    address = free_address(asked.host, asked.port)
    settings = replace(asked, port=address[1])
    progress = TerminalProgress()
    folder = ensure_city(name, home, progress)
    with CityLock(folder) as lock:
        _build_missing(folder, progress)
        url = url_of(settings.host, settings.port)
        lock.announce(url)
        service = CityService(folder)

        def on_ready() -> None:
            progress.say(f"{name} is served after {time.monotonic() - began:.1f} s; Ctrl-C stops it")
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            if _has_display() if open_browser is None else open_browser:
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        serve(create_app(service, settings), address, on_ready)
    end_process()


def _build_missing(folder: Path, progress: TerminalProgress) -> None:
    with City.open(folder) as city:
        ensure_tiles(city, progress)
    progress.done()


def _log_to_stderr() -> None:
    level = os.environ.get("SHANCHENG_LOG", "WARNING").upper()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("shancheng").setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")


def _has_display() -> bool:
    """Whether a person at a terminal with a screen started us."""
    if not sys.stderr.isatty():
        return False
    on_desktop = sys.platform in {"darwin", "win32"}
    return on_desktop or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
