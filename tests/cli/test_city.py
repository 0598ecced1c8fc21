"""``shancheng city`` and ``shancheng tiles`` on good input."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path, small_city: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(small_city.parent, folder)
    return folder


def files(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in {".parquet", ".tif", ".toml", ".glb", ".json"}
    }


def test_create_makes_layers_and_tiles(small_city: Path) -> None:
    assert (small_city / "city.toml").is_file()
    assert (small_city / "layers" / "buildings.parquet").is_file()
    assert (small_city / "tiles" / "tileset.json").is_file()


def test_creating_the_same_again_changes_nothing(
    shancheng: Run, home: Path, small_osm: Path, small_dem: Path
) -> None:
    before = files(home)
    done = shancheng("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", home)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stderr
    assert files(home) == before


def test_creating_again_finishes_what_is_missing(
    shancheng: Run, home: Path, small_osm: Path, small_dem: Path
) -> None:
    shutil.rmtree(home / "small" / "tiles")
    done = shancheng("city", "create", "small", "--osm", small_osm, "--dem", small_dem, "--home", home)
    assert done.returncode == 0, done.stderr
    assert (home / "small" / "tiles" / "tileset.json").is_file()


def test_replace_makes_it_anew(
    shancheng: Run, home: Path, tmp_path: Path, small_dem: Path, write_osm: Callable[..., Path]
) -> None:
    other = write_osm(tmp_path / "other.osm.pbf", n_buildings=3)
    done = shancheng(
        "city", "create", "small", "--osm", other, "--dem", small_dem, "--replace", "--home", home
    )
    assert done.returncode == 0, done.stderr
    info = shancheng("city", "info", "small", "--home", home, "--json")
    layers = {layer["name"]: layer["count"] for layer in json.loads(info.stdout)["layers"]}
    assert layers["buildings"] == 3
    assert json.loads(info.stdout)["tiles"]["up_to_date"] is True


def test_info_is_for_people_and_for_scripts(shancheng: Run, home: Path) -> None:
    text = shancheng("city", "info", "small", "--home", home)
    assert text.returncode == 0, text.stderr
    assert text.stderr == ""
    for word in (
        "small",
        "buildings  12 (12 surveyed)",
        "roads",
        "ODbL",
        "OpenStreetMap",
        "extent",
        "terrain",
    ):
        assert word in text.stdout
    described = json.loads(shancheng("city", "info", "small", "--home", home, "--json").stdout)
    assert described["name"] == "small"
    assert described["tiles"]["up_to_date"] is True
    assert {layer["name"] for layer in described["layers"]} >= {"buildings", "roads"}


def test_info_writes_nothing(shancheng: Run, home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert shancheng("city", "info", "small", "--home", home).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_info_imports_no_numba(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from shancheng.cli.info import show_city; "
        f"show_city('small', Path({str(home)!r}), as_json=False); "
        "sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_list_names_cities_and_what_is_built_in(shancheng: Run, home: Path, tmp_path: Path) -> None:
    (home / "broken").mkdir()
    (home / "broken" / "city.toml").write_text("schema_version = ")
    (home / "photos").mkdir()
    text = shancheng("city", "list", "--home", home)
    assert [line.split()[0] for line in text.stdout.splitlines()] == ["broken", "small", "chongqing"]
    rows = json.loads(shancheng("city", "list", "--home", home, "--json").stdout)["items"]
    assert {row["name"]: row["folder"] for row in rows}["chongqing"] is None
    assert "city.toml" in {row["name"]: row["problem"] for row in rows}["broken"]
    assert shancheng("city", "list", "--home", tmp_path / "none").stdout.startswith("chongqing")


def test_tiles_make_tells_counts_and_rates_and_what_was_set_aside(shancheng: Run, home: Path) -> None:
    again = shancheng("tiles", "make", "small", "--home", home)
    assert "buildings: 12 in 1 tile, 1 kept" in again.stderr
    shutil.rmtree(home / "small" / "tiles")
    done = shancheng("tiles", "make", "small", "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    assert "buildings: 12 in" in done.stderr
    assert "/s" in done.stderr
    report = json.loads(done.stdout)
    assert {layer["name"]: layer["features"] for layer in report["layers"]}["buildings"] == 12
    assert report["set_aside"] == []


def test_create_tells_what_was_set_aside_and_why(
    shancheng: Run, tmp_path: Path, small_dem: Path, write_osm: Callable[..., Path]
) -> None:
    osm = write_osm(tmp_path / "broken.osm.pbf", n_broken=1)
    done = shancheng("city", "create", "small", "--osm", osm, "--dem", small_dem, "--home", tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "set aside: 1 of buildings" in line]
    assert len(lines) == 1, done.stderr
    assert "w800" in lines[0]
    assert "1 in all" in done.stderr


def test_tiles_make_twice_is_safe(shancheng: Run, home: Path) -> None:
    for _ in range(2):
        assert shancheng("tiles", "make", "small", "--home", home).returncode == 0
    info = json.loads(shancheng("city", "info", "small", "--home", home, "--json").stdout)
    assert (home / "small" / "tiles" / info["tiles"]["build"]).is_dir()


def test_the_normals_profile_writes_larger_tiles(shancheng: Run, home: Path) -> None:
    def size() -> int:
        done = shancheng("city", "info", "small", "--home", home, "--json")
        build = home / "small" / "tiles" / json.loads(done.stdout)["tiles"]["build"]
        return sum(path.stat().st_size for path in (build / "buildings").rglob("*.glb"))

    compact = size()
    assert shancheng("tiles", "make", "small", "--profile", "normals", "--home", home).returncode == 0
    assert size() > compact


def test_home_is_the_option_else_the_variable_else_a_folder_here(
    shancheng: Run, home: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    variable = {"SHANCHENG_HOME": str(home)}
    assert shancheng("city", "info", "small", env=variable, cwd=elsewhere).returncode == 0
    done = shancheng("city", "info", "small", "--home", elsewhere, env=variable, cwd=elsewhere)
    assert str(elsewhere / "small") in done.stderr
    home.rename(elsewhere / "cities")
    assert shancheng("city", "info", "small", cwd=elsewhere).returncode == 0


def test_a_reader_that_leaves_early_is_no_error(shancheng: Run, home: Path) -> None:
    assert shancheng("city", "list", "--home", home).returncode == 0
    program = f"{sys.executable} -m shancheng city info small --json --home {home} | head -c 5"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program}"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
