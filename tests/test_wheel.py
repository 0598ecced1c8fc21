"""The wheel: built with the page in it, installed where there is no Node.js, started, and looked at.

The clean environment holds what the wheel asks for and nothing else: the distributions that its metadata
names, and those that they name, are linked from the environment of the tests, so no registry is needed.
"""

import importlib.util
import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert (ROOT / "src/shancheng/web/static/index.html").exists(), "no page built: `make setup` builds it"
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def text_in(wheel: Path, suffix: str) -> str:
    """All members with an ending, one after the other."""
    with zipfile.ZipFile(wheel) as packed:
        return "\n".join(packed.read(name).decode() for name in packed.namelist() if name.endswith(suffix))


def test_the_wheel_holds_page_data_and_licences(names: set[str]) -> None:
    for name in (
        "shancheng/py.typed",
        "shancheng/web/static/index.html",
        "shancheng/web/static/THIRD_PARTY_LICENSES.txt",
        "shancheng/geo/data/egm96_15.npz",
    ):
        assert name in names
    tables = {path.name for path in (ROOT / "src/shancheng/city/builtin/chongqing/data").iterdir()}
    packed = {Path(name).name for name in names if name.startswith("shancheng/city/builtin/chongqing/data/")}
    assert packed == tables != set()
    legal = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    assert legal == {"LICENSE", "NOTICE"}
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".map"))]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_wheel_speaks_both_languages(wheel: Path, language: str) -> None:
    texts = json.loads((ROOT / "frontend" / "src" / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
    scripts = text_in(wheel, ".js")
    assert texts["noWebGL.title"] in scripts
    assert texts["searchPlaceholder"] in scripts


def test_what_the_page_bundles_is_credited_with_its_licence(wheel: Path) -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    credit = text_in(wheel, "THIRD_PARTY_LICENSES.txt")
    direct = lock["packages"][""]["dependencies"]
    assert {"three", "lit", "3d-tiles-renderer"} <= set(direct)
    assert [name for name in direct if name not in credit] == []
    assert credit.count("Permission is hereby granted") + credit.count("Redistribution and use") >= 2


# --- a clean environment


def runtime_distributions(wheel: Path) -> set[str]:
    """Names of all distributions that the wheel's metadata asks for, directly or not."""
    spec = importlib.util.spec_from_file_location("make_constraints", ROOT / "scripts/make_constraints.py")
    assert spec is not None
    assert spec.loader is not None
    make_constraints = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_constraints)
    lines = text_in(wheel, ".dist-info/METADATA").splitlines()
    needs = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    assert needs
    return set(make_constraints.closure(needs))


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it asks for; the folder of its programs."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder)
    programs = folder / "bin"
    where = [programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    for name in runtime_distributions(wheel):
        link_distribution(name, packages)
    command = [sys.executable, "-m", "pip", "--python", folder, "install", "--no-deps", "--no-index", wheel]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    check = subprocess.run(
        [sys.executable, "-m", "pip", "--python", folder, "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout
    return programs


def link_distribution(name: str, packages: Path) -> None:
    found = distribution(name)
    for file in found.files or []:
        top = file.parts[0]
        if top not in {"..", "__pycache__"} and not (packages / top).exists():
            (packages / top).symlink_to(Path(str(found.locate_file(top))).resolve())


OSM_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="test">\n'


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Sixteen buildings on a slope: an OpenStreetMap extract and elevations."""
    folder = tmp_path_factory.mktemp("sources")
    nodes, ways = [], []
    for number in range(16):
        lon, lat = 106.5 + 0.001 * (number % 4), 29.5 + 0.001 * (number // 4)
        first = 4 * number + 1
        for corner, (east, north) in enumerate([(0, 0), (4, 0), (4, 4), (0, 4)]):
            place = f'lat="{lat + north * 1e-4:.7f}" lon="{lon + east * 1e-4:.7f}"'
            nodes.append(f'<node id="{first + corner}" version="1" {place}/>\n')
        corners = "".join(f'<nd ref="{first + corner}"/>' for corner in (0, 1, 2, 3, 0))
        tags = f'<tag k="building" v="yes"/><tag k="height" v="{20 + 5 * number}"/>'
        ways.append(f'<way id="{number + 1}" version="1">{corners}{tags}</way>\n')
    osm, dem = folder / "tiny.osm", folder / "tiny.tif"
    osm.write_text(OSM_HEAD + "".join(nodes + ways) + "</osm>\n", encoding="utf-8")
    slope = np.add.outer(np.linspace(300, 200, 101), np.zeros(101)).astype(np.float32)
    profile = {"driver": "GTiff", "width": 101, "height": 101, "count": 1, "dtype": "float32"}
    transform = rasterio.Affine(0.001, 0, 106.45, 0, -0.001, 29.55)
    with rasterio.open(dem, "w", **profile, crs="EPSG:4326", transform=transform) as raster:
        raster.write(slope, 1)
    return osm, dem


@pytest.fixture(scope="module")
def tiny(clean: Path, sources: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a city made by the installed program, with no Node.js within reach."""
    home = tmp_path_factory.mktemp("home")
    command = [clean / "shancheng", "city", "create", "tiny", "--osm", sources[0], "--dem", sources[1]]
    result = subprocess.run(command, env=bare(clean, home), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return home


def bare(programs: Path, home: Path) -> dict[str, str]:
    """An environment with only the installed programs on PATH."""
    kept = {key: os.environ[key] for key in ("LANG", "TMPDIR") if key in os.environ}
    return kept | {"PATH": str(programs), "HOME": str(home), "SHANCHENG_HOME": str(home)}


def test_the_installed_program_comes_from_the_wheel(clean: Path, tmp_path: Path) -> None:
    ask = "import shancheng, sys; print(shancheng.__file__)"
    where = subprocess.run(
        [clean / "python", "-c", ask], env=bare(clean, tmp_path), capture_output=True, text=True, check=True
    )
    assert where.stdout.startswith(str(clean.parent))
    result = subprocess.run(
        [clean / "python", "-c", "import pytest"], env=bare(clean, tmp_path), capture_output=True, check=False
    )
    assert result.returncode == 1


Serve = Callable[..., AbstractContextManager[Any]]


def test_the_installed_program_serves_the_page(clean: Path, tiny: Path, serve: Serve) -> None:
    with serve(tiny, "tiny", program=clean / "shancheng", PATH=str(clean), HOME=str(tiny)) as server:
        page = httpx.get(f"{server.url}/", trust_env=False)
        assert page.status_code == 200
        assert "<script" in page.text
        city = httpx.get(f"{server.url}/api/city", trust_env=False).json()
        assert next(layer["count"] for layer in city["layers"] if layer["name"] == "buildings") == 16


@pytest.mark.browser
def test_the_installed_page_shows_a_picture(clean: Path, tiny: Path, serve: Serve, chromium: str) -> None:
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from driver import chromium_browser, distinct_colours, open_page, telling_errors

    with (
        serve(tiny, "tiny", program=clean / "shancheng", PATH=str(clean), HOME=str(tiny)) as server,
        chromium_browser(chromium) as browser,
    ):
        visit = open_page(browser, f"{server.url}/?still=1&quality=low&hour=12", width=960, height=600)
        visit.ready()
        visit.idle()
        assert distinct_colours(visit.picture()) > 200
        assert visit.stats()["triangles"] > 16 * 10
        assert telling_errors(visit.errors) == []
        assert visit.hosts <= {"127.0.0.1", "blob", "data"}
        visit.close()
