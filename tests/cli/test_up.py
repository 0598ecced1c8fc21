"""``shancheng up`` as a process: serving, stopping, dying, and who may own a city."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from small_city import environment, program

from shancheng.db.lock import lock_owner

Up = Callable[..., Any]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path, small_city: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(small_city.parent, folder)
    return folder


def test_it_prints_its_address_alone_on_stdout_and_the_rest_on_stderr(up: Up, home: Path) -> None:
    served = up("small", "--home", home, "--port", "0")
    assert served.url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{served.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{served.url}/api/city").json()["name"] == "small"
    assert "small is served after" in served.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_it_with_0_and_without_a_trace(up: Up, home: Path, number: signal.Signals) -> None:
    served = up("small", "--home", home, "--port", "0")
    with httpx.Client() as client:
        assert client.get(f"{served.url}/api/city").status_code == 200
        assert served.stop(number) == 0
    for word in ("Traceback", "panic", "Exception", "error"):
        assert word not in served.stderr
    assert lock_owner(home / "small") is None


def test_killed_alone_it_leaves_no_process_and_starts_again_on_the_same_port(up: Up, home: Path) -> None:
    first = up("small", "--home", home, "--port", "0")
    port = first.url.rpartition(":")[2]
    with httpx.Client() as client:
        assert client.get(f"{first.url}/api/city").status_code == 200
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait(timeout=10)
    assert lock_owner(home / "small") is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first.url}/healthz")
    second = up("small", "--home", home, "--port", port)
    assert second.url == first.url
    assert httpx.get(f"{second.url}/api/city").json()["name"] == "small"


def test_while_it_serves_the_city_is_its_own(up: Up, shancheng: Run, home: Path) -> None:
    served = up("small", "--home", home, "--port", "0")
    for arguments in (("up", "small", "--port", "0"), ("tiles", "make", "small")):
        done = shancheng(*arguments, "--home", home)
        assert done.returncode == 1
        assert served.url in done.stderr
        assert str(served.process.pid) in done.stderr
    assert shancheng("city", "info", "small", "--home", home).returncode == 0
    assert httpx.get(f"{served.url}/healthz").status_code == 200


def test_asking_for_a_served_city_again_changes_nothing(
    up: Up, shancheng: Run, home: Path, small_osm: Path, small_dem: Path
) -> None:
    up("small", "--home", home, "--port", "0")
    done = shancheng("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", home)
    assert done.returncode == 0, done.stderr


def test_a_second_server_on_its_port_is_refused_before_it_builds(up: Up, shancheng: Run, home: Path) -> None:
    served = up("small", "--home", home, "--port", "0")
    port = served.url.rpartition(":")[2]
    done = shancheng("up", "chongqing", "--home", home, "--port", port)
    assert done.returncode == 1
    assert f"port={port}: in use" in done.stderr
    assert not (home / "chongqing").exists()


def test_missing_tiles_are_made_first(up: Up, home: Path) -> None:
    shutil.rmtree(home / "small" / "tiles")
    served = up("small", "--home", home, "--port", "0")
    tilesets = httpx.get(f"{served.url}/api/city").json()["tilesets"]
    assert httpx.get(served.url + tilesets["buildings"]).status_code == 200


def test_tiles_that_are_there_are_kept(up: Up, home: Path) -> None:
    before = (home / "small" / "tiles" / "tileset.json").stat().st_mtime_ns
    up("small", "--home", home, "--port", "0")
    assert (home / "small" / "tiles" / "tileset.json").stat().st_mtime_ns == before


def test_home_comes_from_the_environment(up: Up, home: Path) -> None:
    served = up("small", "--port", "0", SHANCHENG_HOME=str(home))
    assert httpx.get(f"{served.url}/api/city").json()["name"] == "small"


def test_another_name_is_answered_when_it_is_allowed(up: Up, home: Path) -> None:
    served = up("small", "--home", home, "--port", "0", "--allowed-host", "twin.example.org")
    assert httpx.get(f"{served.url}/healthz", headers={"host": "twin.example.org"}).status_code == 200
    assert httpx.get(f"{served.url}/healthz", headers={"host": "evil.example.org"}).status_code == 421


def test_it_listens_on_ipv6(up: Up, home: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    served = up("small", "--home", home, "--port", "0", "--host", "::1")
    assert served.url.startswith("http://[::1]:")
    assert httpx.get(f"{served.url}/healthz").json() == {"status": "ok"}


def test_raw_traversal_on_the_wire_gets_404(up: Up, home: Path) -> None:
    served = up("small", "--home", home, "--port", "0")
    port = int(served.url.rpartition(":")[2])
    for target in ("/../city.toml", "/tiles/../city.toml", "/tiles/%2e%2e/city.toml", "//etc/passwd"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
            )
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        assert received.startswith(b"HTTP/1.1 404"), target
        assert b"schema_version" not in received
    assert "Traceback" not in served.stderr


def test_a_started_server_answers_fast_enough_for_a_second_start(up: Up, home: Path) -> None:
    began = time.monotonic()
    up("small", "--home", home, "--port", "0")
    assert time.monotonic() - began < 10


def test_ctrl_c_during_a_build_is_130_and_leaves_the_last_good_state(home: Path) -> None:
    city = home / "small"
    shutil.rmtree(city / "tiles")
    process = subprocess.Popen(
        program("tiles", "make", "small", "--home", home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode in {0, 130}, first + rest
    assert "Traceback" not in first + rest
    if (city / "tiles" / "tileset.json").exists():
        assert list((city / "tiles").glob("*/buildings/tileset.json"))
    else:
        assert process.returncode == 130
    assert lock_owner(city) is None


def test_the_lock_file_names_the_server_for_others(up: Up, home: Path) -> None:
    served = up("small", "--home", home, "--port", "0")
    said = json.loads((home / "small" / ".lock").read_text())
    assert said == {"pid": served.process.pid, "url": served.url}
