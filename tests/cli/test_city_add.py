"""``shancheng city add`` and ``create --from``: shown before it is done, asked where it was guessed."""

import json
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_city import environment, program

from shancheng.city.history import history_of
from shancheng.city.store import City
from shancheng.db.lock import CityLock
from shancheng.tiles.make import current_build

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path, small_city: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(small_city.parent, folder)
    return folder


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Three sensors, one of them far away."""
    path = tmp_path / "sensors.jsonl"
    rows = [
        {"id": "s1", "lon": 7.424, "lat": 43.735, "NAME": "One"},
        {"id": "s2", "lon": 7.425, "lat": 43.735, "NAME": "Two"},
        {"id": "far", "lon": 7.9, "lat": 43.735, "NAME": "Far"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.fixture
def run(shancheng: Run, outside_source: Path, home: Path) -> Run:
    """The program with the source `lines` and that home."""

    def one(*arguments: str | Path, **named: Any) -> "subprocess.CompletedProcess[str]":
        env = {"SHANCHENG_HOME": str(home), "PYTHONPATH": str(outside_source)}
        return shancheng(*arguments, env=env, **named)

    return one


def layers_of(home: Path) -> dict[str, int]:
    with City.open(home / "small", write=False) as city:
        return {name: city.layer(name, ["id"]).num_rows for name in city.layer_names()}


def test_it_shows_what_it_will_do_then_does_it(run: Run, home: Path, lines: Path) -> None:
    done = run("city", "add", "small", "lines", lines, "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for said in (
        "column NAME is name (guessed from its name)",
        "sensors: a new layer of 2",
        "set aside: 1 of sensors: lies outside the city",
        "note: kinds are all air",
        "sensors: version 1",
    ):
        assert said in done.stderr, said
    assert done.stderr.index("a new layer of 2") < done.stderr.index("sensors: version 1")
    assert layers_of(home)["sensors"] == 2
    newest = history_of(home / "small")[0].record
    assert (newest.how, newest.inputs[0]["file"]) == ("added", "sensors.jsonl")
    with City.open(home / "small", write=False) as city:
        build = current_build(city)
        assert build is not None
        assert build.up_to_date


def test_guessed_columns_need_a_yes_or_their_names(run: Run, home: Path, lines: Path) -> None:
    before = layers_of(home)
    refused = run("city", "add", "small", "lines", lines)
    assert refused.returncode == 1
    assert "nothing was written" in refused.stderr
    assert "--column name=NAME" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("error: ")
    assert layers_of(home) == before
    done = run("city", "add", "small", "lines", lines, "--column", "name=NAME")
    assert done.returncode == 0, done.stderr
    assert "guessed" not in done.stderr
    assert layers_of(home)["sensors"] == 2


def test_twice_is_safe(run: Run, home: Path, lines: Path) -> None:
    for _ in range(2):
        done = run("city", "add", "small", "lines", lines, "--yes")
        assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stderr
    assert len([e for e in history_of(home / "small") if e.record.version.layer == "sensors"]) == 1


def test_a_layer_of_an_extract_replaces_the_citys(
    run: Run, home: Path, tmp_path: Path, write_osm: Callable[..., Path]
) -> None:
    osm = write_osm(tmp_path / "other.osm.pbf", n_buildings=3)
    done = run("city", "add", "small", "osm", osm, "--layer", "buildings")
    assert done.returncode == 0, done.stderr
    assert "buildings: 12 become 3 (0 new, 9 go)" in done.stderr
    assert layers_of(home)["buildings"] == 3
    assert "buildings: 3 in" in done.stderr


def test_elevations_replace_the_ground(
    run: Run, home: Path, tmp_path: Path, write_dem: Callable[..., Path]
) -> None:
    dem = write_dem(tmp_path / "other.tif")
    with City.open(home / "small", write=False) as city:
        before = city.terrain_sha256
    done = run("city", "add", "small", "elevation", dem, "--licence", "CC-BY-4.0")
    assert done.returncode == 0, done.stderr
    with City.open(home / "small", write=False) as city:
        assert city.terrain_sha256 != before
        assert city.manifest.terrain.licence == "CC-BY-4.0"


def test_a_served_city_is_refused_with_its_address(run: Run, home: Path, lines: Path) -> None:
    with CityLock(home / "small") as lock:
        lock.announce("http://127.0.0.1:8000")
        done = run("city", "add", "small", "lines", lines, "--yes")
    assert done.returncode == 1
    assert f"is in use by process {os.getpid()}" in done.stderr
    assert "http://127.0.0.1:8000" in done.stderr
    assert "sensors" not in layers_of(home)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("nowhere", "lines", "{}"), "no such city"),
        (("small", "dwg", "{}"), "source='dwg'"),
        (("small", "lines", "nowhere.jsonl"), "nowhere.jsonl: no such file"),
        (("small", "lines", "{}", "--datum", "gcj02"), "datum: is not understood by lines"),
        (("small", "lines", "{}", "--layer", "houses"), "layer='houses'"),
        (("small", "lines", "{}", "--bounds", "500,0,501,1"), "west=500"),
        (("small", "elevation", "{}"), "sensors.jsonl"),
        (("small", "elevation", "{}", "--crs", "EPSG:4490"), "crs=EPSG:4490: is said of files"),
    ],
)
def test_what_cannot_be_added_is_one_line(
    run: Run, home: Path, lines: Path, arguments: tuple[str, ...], names: str
) -> None:
    before = layers_of(home)
    done = run("city", "add", *(word.format(lines) for word in arguments), "--yes")
    assert done.returncode == 1
    assert done.stdout == ""
    assert names in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert layers_of(home) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("small", "lines"),
        ("small", "lines", "x", "--column", "name"),
        ("small", "lines", "x", "--bounds", "1,2,3"),
        ("small", "lines", "x", "--bounds", "a,b,c,d"),
        ("small", "lines", "x", "--datum", "mars"),
        ("small", "lines", "x", "--provenance", "certain"),
    ],
)
def test_wrong_usage_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("city", "add", *arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr


def on_a_terminal(answer: str, *arguments: str | Path, **env: str) -> tuple[int, str]:
    """Run the program at a terminal, answer its question, and return its code and all that it said."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program(*arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**env),
        close_fds=True,
    )
    os.close(theirs)
    said, answered, end = "", False, time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break
            if not chunk:
                break
            said += chunk.decode("utf-8", "replace")
        elif process.poll() is not None:
            break
        if not answered and "Go on?" in said:
            os.write(ours, answer.encode() + b"\n")
            answered = True
    code = process.wait(timeout=30)
    os.close(ours)
    return code, said


@pytest.mark.parametrize(("answer", "code", "is_there"), [("y", 0, True), ("n", 1, False)])
def test_a_terminal_is_asked(
    home: Path,
    lines: Path,
    outside_source: Path,
    answer: str,
    code: int,
    is_there: bool,  # noqa: FBT001
) -> None:
    env = {"SHANCHENG_HOME": str(home), "PYTHONPATH": str(outside_source)}
    ended, said = on_a_terminal(answer, "city", "add", "small", "lines", lines, **env)
    assert ended == code, said
    assert said.index("a new layer of 2") < said.index("Go on?")
    assert ("sensors" in layers_of(home)) is is_there
    assert is_there or "nothing was written" in said


# Creating from any source


def test_create_from_several_sources(
    run: Run, home: Path, lines: Path, small_osm: Path, small_dem: Path
) -> None:
    ask = ("city", "create", "two", "--from", "osm", small_osm, "--from", "lines", lines, "--dem", small_dem)
    refused = run(*ask)
    assert refused.returncode == 1
    assert "--column name=NAME" in refused.stderr
    assert not (home / "two").exists()
    done = run(*ask, "--column", "name=NAME")
    assert done.returncode == 0, done.stderr
    assert "column NAME is name" in done.stderr
    assert "set aside: 1 of sensors: lies outside" in done.stderr
    info = json.loads(run("city", "info", "two", "--json").stdout)
    counts = {layer["name"]: layer["count"] for layer in info["layers"]}
    assert (counts["buildings"], counts["sensors"]) == (12, 2)
    assert [entry["kind"] for entry in info["created"]["inputs"]] == ["osm", "lines", "dem"]
    assert info["created"]["inputs"][1]["options"] == {"columns": "name=NAME"}
    assert "nothing to do" in run(*ask, "--column", "name=NAME").stderr


def test_what_is_said_of_no_file_is_refused(run: Run, home: Path) -> None:
    done = run("city", "create", "chongqing", "--bounds", "106,29,107,30")
    assert done.returncode == 1
    assert "bounds=(106.0, 29.0, 107.0, 30.0): is said of files" in done.stderr
    assert not (home / "chongqing").exists()


def test_osm_and_from_osm_are_the_same(run: Run, small_osm: Path, small_dem: Path) -> None:
    done = run("city", "create", "small", "--from", "osm", small_osm, "--dem", small_dem)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stderr
