"""``shancheng city history``, ``diff`` and ``export`` on a small city."""

import json
import shutil
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shancheng.city.store import City
from shancheng.db.lock import CityLock

if TYPE_CHECKING:
    import subprocess

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Up = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, small_city: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(small_city.parent, folder)
    return folder


@pytest.fixture
def changed(shancheng: Run, home: Path, tmp_path: Path, write_osm: Callable[..., Path]) -> datetime:
    """The small city with three of its twelve buildings; a moment before that."""
    before = datetime.now(UTC)
    osm = write_osm(tmp_path / "other.osm.pbf", n_buildings=3)
    done = shancheng("city", "add", "small", "osm", osm, "--layer", "buildings", "--home", home)
    assert done.returncode == 0, done.stderr
    return before


def at(moment: datetime) -> str:
    return f"small@{moment.isoformat().replace('+00:00', 'Z')}"


# History


def test_history_lists_versions_newest_first(shancheng: Run, home: Path, changed: datetime) -> None:
    done = shancheng("city", "history", "small", "--home", home)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first = done.stdout.splitlines()[0]
    for word in ("buildings", " 2 ", "now", "added", "3 objects, +0 ~0 -9", "OpenStreetMap (other.osm.pbf)"):
        assert word in first, first
    assert "kept  created  12 objects, +12 ~0 -0" in done.stdout
    assert "terrain" in done.stdout
    asked = shancheng("city", "history", "small", "--layer", "buildings", "--json", "--home", home)
    items = json.loads(asked.stdout)["items"]
    assert [(item["version"], item["current"], item["kept"]) for item in items] == [
        (2, True, True),
        (1, False, True),
    ]
    assert datetime.fromisoformat(items[0]["changed_at"]) > changed
    assert items[0]["inputs"][0]["options"] == {"layer": "buildings"}


def test_history_lets_go_of_old_files(shancheng: Run, home: Path, changed: datetime) -> None:
    with CityLock(home / "small"):
        refused = shancheng("city", "history", "small", "--keep", "1", "--home", home)
        assert refused.returncode == 1
        assert "is in use by process" in refused.stderr
        assert shancheng("city", "history", "small", "--home", home).returncode == 0
    done = shancheng("city", "history", "small", "--keep", "1", "--home", home)
    assert done.returncode == 0, done.stderr
    assert "1 old versions deleted" in done.stderr
    assert "gone  created" in done.stdout
    assert list((home / "small" / "layers" / ".versions").iterdir()) == []
    gone = shancheng("city", "diff", at(changed), "small", "--home", home)
    assert gone.returncode == 1
    assert "is kept no more" in gone.stderr


@pytest.mark.parametrize(
    ("arguments", "names"), [(("--keep", "0"), "keep=0"), (("--layer", "castles"), "layer='castles'")]
)
def test_history_asked_wrongly(shancheng: Run, home: Path, arguments: tuple[str, ...], names: str) -> None:
    done = shancheng("city", "history", "small", *arguments, "--home", home)
    assert done.returncode == 1
    assert names in done.stderr


# Diff


def test_diff_of_a_city_and_its_past(shancheng: Run, home: Path, changed: datetime) -> None:
    done = shancheng("city", "diff", at(changed), "small", "--home", home, "--examples", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "buildings: 12 -> 3; 9 removed" in lines
    assert "  removed: w103, w104, ..." in lines
    assert "roads: the same 1" in lines
    assert "terrain: the same" in lines
    document = json.loads(
        shancheng(
            "city", "diff", at(changed), "small", "--layer", "buildings", "--json", "--home", home
        ).stdout
    )
    (layer,) = document["layers"]
    assert (layer["before"], layer["after"], layer["removed"]["count"], layer["same"]) == (12, 3, 9, False)
    assert document["terrain"] is None
    assert (document["a"]["name"], document["b"]["at"]) == ("small", None)
    assert datetime.fromisoformat(document["a"]["at"]) == changed


def test_diff_takes_names_folders_and_times(shancheng: Run, home: Path, changed: datetime) -> None:
    same = shancheng("city", "diff", home / "small", "small", "--home", home)
    assert same.returncode == 0, same.stderr
    assert "buildings: the same 3" in same.stdout
    with_zone = at(changed).replace("Z", "+00:00")
    assert "9 removed" in shancheng("city", "diff", with_zone, str(home / "small"), "--home", home).stdout
    spelled = f"{home / 'small'}@{changed.strftime('%Y-%m-%dT%H:%M:%S.%f')}"
    assert "9 removed" in shancheng("city", "diff", spelled, "small", "--home", home).stdout


@pytest.mark.parametrize(
    ("a", "names"),
    [
        ("nowhere", "no such city"),
        ("./nowhere", "no such folder"),
        ("small@yesterday", "'yesterday' is no time; needed: 2026-11-24T12:00"),
        ("small@1990-01-01", "was not there yet at 1990-01-01"),
        ("Small City", "name='Small City'"),
    ],
)
def test_diff_of_what_is_not_there(shancheng: Run, home: Path, a: str, names: str) -> None:
    done = shancheng("city", "diff", a, "small", "--home", home)
    assert done.returncode == 1
    assert done.stdout == ""
    assert names in done.stderr.splitlines()[-1]


# Export


def test_an_export_is_a_city_with_tiles(shancheng: Run, home: Path, tmp_path: Path, up: Up) -> None:
    done = shancheng("city", "export", "small", tmp_path / "out" / "copy", "--home", home)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out' / 'copy'}\n"
    info = json.loads(shancheng("city", "info", "copy", "--home", tmp_path / "out", "--json").stdout)
    assert info["name"] == "small"
    assert info["tiles"]["up_to_date"] is True
    assert {layer["licence"] for layer in info["layers"]} == {"ODbL-1.0"}
    assert "the same" in shancheng("city", "diff", "small", tmp_path / "out" / "copy", "--home", home).stdout
    before = (tmp_path / "out" / "copy" / "tiles" / "tileset.json").stat().st_mtime_ns
    served = up("copy", "--home", tmp_path / "out", "--port", "0")
    tilesets = httpx.get(f"{served.url}/api/city").json()["tilesets"]
    assert httpx.get(served.url + tilesets["buildings"]).status_code == 200
    assert httpx.get(f"{served.url}/api/city/versions").json()["items"][0]["how"] == "created"
    assert (tmp_path / "out" / "copy" / "tiles" / "tileset.json").stat().st_mtime_ns == before


def test_a_served_city_is_exported(shancheng: Run, home: Path, tmp_path: Path, up: Up) -> None:
    up("small", "--home", home, "--port", "0")
    done = shancheng("city", "export", "small", tmp_path / "small.tar", "--tar", "--home", home)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / "small.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    with City.open(tmp_path / "out" / "small", write=False) as city:
        assert city.layer("buildings").num_rows == 12
    assert (tmp_path / "out" / "small" / "tiles" / "tileset.json").is_file()


def test_an_export_leaves_out_what_is_not_wanted(
    shancheng: Run, home: Path, tmp_path: Path, changed: datetime
) -> None:
    assert changed
    options = ("--no-history", "--no-tiles")
    done = shancheng("city", "export", "small", tmp_path / "bare", *options, "--home", home)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "bare" / "tiles").exists()
    assert not (tmp_path / "bare" / "layers" / ".versions").exists()


def test_an_export_replaces_nothing(shancheng: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert shancheng("city", "export", "small", tmp_path / "there", "--home", home).returncode == 0
    again = shancheng("city", "export", "small", tmp_path / "there", "--home", home)
    assert again.returncode == 1
    assert f"{tmp_path / 'there' / 'small'}: exists" in again.stderr
    nowhere = shancheng("city", "export", "nowhere", tmp_path / "x", "--home", home)
    assert nowhere.returncode == 1
    assert not (tmp_path / "x").exists()
