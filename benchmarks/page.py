"""A served city and a browser that looks at it, for benchmarks; the browser is driven as in the tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import ROOT

sys.path.insert(0, str(ROOT / "tests" / "browser"))

from driver import chromium_browser, open_page

__all__ = ["chromium_browser", "chromium_path", "open_page", "served"]

PROGRAM = ROOT / ".venv" / "bin" / "shancheng"


def chromium_path() -> str:
    """The Chromium of the machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("SHANCHENG_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return found or sys.exit("no Chromium: install it, or name it in SHANCHENG_CHROMIUM")


@contextmanager
def served(home: Path, city: str, environment: dict[str, str]) -> Iterator[str]:
    """Start `shancheng up` on a free port and give its address as soon as it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (home / f"{city}.{port}.log").open("wb")
    process = subprocess.Popen(
        [PROGRAM, "up", city, "--port", str(port), "--no-open"],
        env=os.environ | {"SHANCHENG_HOME": str(home)} | environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(f"{url}/healthz"):
            if process.poll() is not None:
                sys.exit(f"`shancheng up` ended: {Path(log.name).read_text()[-2000:]}")
            time.sleep(0.02)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        log.close()


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - an address that we made, on this machine
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
