"""The program as a user starts it, and a small city that it made; conftests take them in."""

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import osmium
import pytest
import rasterio

WEST, NORTH = 7.42, 43.74

Shancheng = Callable[..., "subprocess.CompletedProcess[str]"]


def program(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "shancheng", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHANCHENG_")}
    return {**kept, "PYTHONWARNINGS": "", **more}


class Served:
    """A running ``shancheng up``: its process, its address, and what it said."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Path) -> None:
        self.process = process
        self._errors = errors
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        assert self.url, self.stderr

    @property
    def stderr(self) -> str:
        return self._errors.read_text(encoding="utf-8")

    def stop(self, number: signal.Signals) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """``up(*arguments)``: start ``shancheng up`` and wait until it serves; killed at the test's end."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path, **env: str) -> Served:
        errors = tmp_path / f"stderr-{len(started)}.txt"
        with errors.open("w") as stream:
            process = subprocess.Popen(
                program("up", *arguments),
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=environment(**env),
            )
        started.append(process)
        return Served(process, errors)

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def shancheng() -> Shancheng:
    """``shancheng(*arguments, cwd=..., env={...})``: run the program to its end."""

    def run(
        *arguments: str | Path,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        timeout: float = 240,
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            program(*arguments),
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environment(**(env or {})),
            timeout=timeout,
            check=False,
        )

    return run


def _write_osm(path: Path, n_buildings: int = 12, n_broken: int = 0) -> Path:
    """An extract with a row of houses and a street on a hill near 7.42 E, 43.73 N."""
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        ways: list[tuple[int, list[int], dict[str, str]]] = []
        node = 1
        for number in range(n_buildings):
            lon, lat = WEST + 0.002 + number * 0.0005, NORTH - 0.005
            corners = [(0, 0), (0.0002, 0), (0.0002, 0.0002), (0, 0.0002)]
            for dx, dy in corners:
                writer.add_node(osmium.osm.mutable.Node(id=node, location=(lon + dx, lat + dy), version=1))
                node += 1
            refs = [*range(node - 4, node), node - 4]
            tags = {"building": "house", "name": f"House {number}", "height": str(6 + number)}
            ways.append((100 + number, refs, tags))
        for dx in (0.003, 0.006):
            location = (WEST + dx, NORTH - 0.0049)
            writer.add_node(osmium.osm.mutable.Node(id=node, location=location, version=1))
            node += 1
        # A building whose outline is one line there and back.
        ways += [(800 + number, [1, 2, 1], {"building": "yes"}) for number in range(n_broken)]
        if n_buildings:
            ways.append((900, [node - 2, node - 1], {"highway": "residential", "name": "Long Street"}))
        for way, refs, tags in ways:
            writer.add_way(osmium.osm.mutable.Way(id=way, nodes=refs, tags=tags, version=1))
    return path


def _write_dem(path: Path, crs: str | None = "EPSG:4326", west: float = 0.0, north: float = 0.0) -> Path:
    """A hill of 3 arc seconds around the extract of ``write_osm``, or elsewhere."""
    step = 1 / 1200
    rows, cols = np.mgrid[0:48, 0:48]
    values = (60 + 40 * np.sin(rows / 9) * np.cos(cols / 7)).astype(np.int16)
    origin = ((west or WEST) - 0.01, (north or NORTH) + 0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", height=48, width=48, count=1, dtype="int16", crs=crs,
            transform=rasterio.Affine(step, 0, origin[0], 0, -step, origin[1]),
        ) as dataset:  # fmt: skip
            dataset.write(values, 1)
    return path


@pytest.fixture(scope="session")
def write_osm() -> Callable[..., Path]:
    return _write_osm


@pytest.fixture(scope="session")
def write_dem() -> Callable[..., Path]:
    return _write_dem


@pytest.fixture(scope="session")
def small_osm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_osm(tmp_path_factory.mktemp("osm") / "small.osm.pbf")


@pytest.fixture(scope="session")
def small_dem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_dem(tmp_path_factory.mktemp("dem") / "small.tif")


@pytest.fixture(scope="session")
def small_city(
    tmp_path_factory: pytest.TempPathFactory, shancheng: Shancheng, small_osm: Path, small_dem: Path
) -> Path:
    """A complete small city, for reading only: copy it to change it."""
    home = tmp_path_factory.mktemp("home")
    done = shancheng("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", home)
    assert done.returncode == 0, done.stderr
    return home / "small"
