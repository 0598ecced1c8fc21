"""A build that is killed on the way leaves a whole one, and the next run completes."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import edited_town
import pytest
from edited_town import (
    assert_equals_full,
    build_of,
    edit,
    files_of,
    grow,
    scatter,
)

from shancheng.city.store import City
from shancheng.tiles import builds
from shancheng.tiles.make import current_build, make_tiles

BUILD = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import edited_town
from shancheng.city.store import City
from shancheng.tiles import buildings
from shancheng.tiles.make import make_tiles

buildings.CAPACITY = edited_town.CAPACITY
module, name, count = sys.argv[3], sys.argv[4], int(sys.argv[5])
owner = import_module(module)
for part in name.split(".")[:-1]:
    owner = getattr(owner, part)
original = getattr(owner, name.split(".")[-1])
def deadly(*args, **kwargs):
    global count
    count -= 1
    if count < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)
setattr(owner, name.split(".")[-1], deadly)
with City.open(Path(sys.argv[2]), write=False) as city:
    make_tiles(city)
"""

PLACES = [
    ("shancheng.tiles.heap", "FileColumn.append", 0),
    ("shancheng.tiles.heap", "FileColumn.append", 5),
    ("shancheng.tiles.heap", "FileColumn.append", 11),
    ("shancheng.tiles.output", "_write", 0),
    ("shancheng.tiles.output", "_write", 3),
    ("shancheng.tiles.output", "link_or_copy", 1),
    ("shancheng.tiles.output", "os.unlink", 1),
    ("shancheng.tiles.buildings", "write_implicit_tileset", 0),
    ("shancheng.tiles.state", "write_state", 0),
    ("shancheng.tiles.reuse", "write_state", 0),
    ("shancheng.tiles.make", "put_in_place", 0),
    ("shancheng.tiles.builds", "write_atomically", 0),
    ("shancheng.tiles.builds", "write_atomically", 1),
    ("shancheng.tiles.make", "clear_states", 0),
]


# With two builds there the new one is made in the folder of the older, with one beside it.
CASES = [(*place, 3) for place in PLACES] + [(*place, 1) for place in PLACES[::4]]


@pytest.mark.parametrize(("module", "place", "count", "builds_before"), CASES)
def test_killed_in_an_incremental_build(
    folder: Path, module: str, place: str, count: int, builds_before: int
) -> None:
    with City.open(folder, write=True) as city:
        for seed in range(builds_before - 1):
            edit(city, lambda rows, seed=seed: scatter(rows, random.Random(seed)))  # noqa: S311
            make_tiles(city)
        before = files_of(build_of(city))
        edit(city, lambda rows: grow(rows, random.Random(77)))  # noqa: S311  # no secret
    command = [
        sys.executable,
        "-c",
        BUILD,
        str(Path(edited_town.__file__).parent),
        str(folder),
        module,
        place,
        str(count),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=300)
    killed = ended.returncode == -signal.SIGKILL
    assert killed or (place in ("os.unlink", "link_or_copy", "write_state") and ended.returncode == 0), (
        ended.stderr
    )
    with City.open(folder, write=True) as city:
        build = current_build(city)
        assert build is not None
        found = files_of(build.path)
        if not build.up_to_date:
            assert found == before
        report = make_tiles(city)
        assert not [path for path in (folder / "tiles").iterdir() if path.name.startswith(".building")]
        assert_equals_full(city, report)
    assert builds.POINTER == "tileset.json"
