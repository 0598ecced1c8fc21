"""What all tests share: the real data beside the project, two cities, Node.js, Chromium, running servers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Kernels compile inside the first example, and two cores are shared with a browser: no deadline.
settings.register_profile("daily", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make nightly` asks for many more random examples.
settings.register_profile("nightly", parent=settings.get_profile("daily"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "daily"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, saying why, what this machine cannot do."""
    reasons = {}
    if not shared_data_folder().is_dir():
        reasons["shared_data"] = "the real data does not lie beside the project (../shared/data)"
    if os.environ.get("SHANCHENG_NO_BROWSER") == "1":
        reasons["browser"] = "SHANCHENG_NO_BROWSER=1"
    for item in items:
        for mark, reason in reasons.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


def shared_data_folder() -> Path:
    return Path(os.environ.get("SHANCHENG_SHARED_DATA", ROOT.parent / "shared" / "data"))


def environment(**changes: str) -> dict[str, str]:
    """The process environment with .venv's programs first, no city home and no terminal."""
    clean = {key: value for key, value in os.environ.items() if key != "SHANCHENG_HOME"}
    return clean | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"} | changes


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the project; tests that need it carry the mark."""
    return shared_data_folder()


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the front end's packages beside it."""
    found = shutil.which("node", path=environment()["PATH"])
    assert found, "no Node.js: `make setup` brings it"
    assert (ROOT / "frontend" / "node_modules").is_dir(), "no npm packages: `make setup` installs them"
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """The Chromium that draws the page; its absence is an error, unless SHANCHENG_NO_BROWSER=1."""
    chosen = os.environ.get("SHANCHENG_CHROMIUM")
    found = chosen or next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "no Chromium: install it, name it in SHANCHENG_CHROMIUM, or set SHANCHENG_NO_BROWSER=1"
    return found


# --- cities


def run_shancheng(*arguments: str | Path, home: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does; the caller looks at the exit code."""
    return subprocess.run(
        [PROGRAMS / "shancheng", *map(str, arguments)],
        env=environment(SHANCHENG_HOME=str(home), **changes),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _create(*arguments: str | Path, home: Path) -> None:
    result = run_shancheng("city", "create", *arguments, home=home)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="session")
def cities_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the cities that tests only read."""
    return tmp_path_factory.mktemp("cities")


@pytest.fixture(scope="session")
def monaco_home(cities_home: Path, shared_data: Path) -> Path:
    """A home with Monaco from OpenStreetMap and SRTM, with tiles; for reading only."""
    osm, dem = shared_data / "monaco" / "monaco_2023.osm.pbf", shared_data / "monaco" / "N43E007.hgt.zip"
    _create("monaco", "--osm", osm, "--dem", dem, home=cities_home)
    return cities_home


@pytest.fixture(scope="session")
def chongqing_home(cities_home: Path) -> Path:
    """A home with the built-in city, with tiles; for reading only."""
    _create("chongqing", home=cities_home)
    return cities_home


# --- servers


@dataclass(frozen=True)
class Server:
    """A running `shancheng up`."""

    url: str
    process: subprocess.Popen[bytes]


Serve = Callable[..., AbstractContextManager[Server]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_city(
    home: Path, name: str, *, program: Path = PROGRAMS / "shancheng", seconds: float = 120, **changes: str
) -> Iterator[Server]:
    """Start `shancheng up` on a free port, wait until it answers, and stop it in the end."""
    port = free_port()
    log = home / f"{name}.{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "up", name, "--port", str(port), "--no-open"],
            env=environment(SHANCHENG_HOME=str(home), **changes),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/healthz", process, log, seconds)
        yield Server(url, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"`shancheng up` ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            assert httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"`shancheng up` did not answer within {seconds} s: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Starts a server for a test: ``with serve(home, "monaco") as server``."""
    return running_city


@pytest.fixture(scope="session")
def monaco_server(monaco_home: Path) -> Iterator[Server]:
    with running_city(monaco_home, "monaco") as server:
        yield server


@pytest.fixture(scope="session")
def chongqing_server(chongqing_home: Path) -> Iterator[Server]:
    with running_city(chongqing_home, "chongqing") as server:
        yield server
