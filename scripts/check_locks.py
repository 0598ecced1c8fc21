"""Check that the lock files say versions only: no address of a registry, no path, nothing that is not pinned.

A lock file that names the registry of one machine fails on the next, and leaks an intranet's names.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[A-Za-z0-9.+!]+")


def faults_of_constraints(text: str) -> list[str]:
    """Lines that are no plain `name==version`."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [f"constraints.txt: {line}: must be name==version" for line in lines if not PIN.fullmatch(line)]


def faults_of_requirements(project: dict[str, Any], constraints: str) -> list[str]:
    """Direct requirements of pyproject.toml that constraints.txt does not pin."""
    grouped = [entry for group in project["dependency-groups"].values() for entry in group]
    stated = [*project["build-system"]["requires"], *project["project"]["dependencies"], *grouped]
    names = {re.split(r"[ ;<>=!~\[]", text)[0].lower().replace("_", "-") for text in stated}
    pinned = {line.partition("==")[0] for line in constraints.splitlines()}
    return [
        f"constraints.txt: {name}: not pinned; run scripts/make_constraints.py"
        for name in sorted(names - pinned)
    ]


def faults_of_npm_lock(lock: dict[str, Any]) -> list[str]:
    """Packages that say where they were fetched from, or whose content is not fixed by a hash."""
    faults = []
    for name, package in lock.get("packages", {}).items():
        if not name or package.get("link"):
            continue
        if "resolved" in package:
            faults.append(f"package-lock.json: {name}: says where it was fetched from")
        if "integrity" not in package and not package.get("inBundle"):
            faults.append(f"package-lock.json: {name}: has no integrity hash")
    return faults


def main() -> None:
    """Print each fault and end with 1 when there is one."""
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    faults = faults_of_constraints(constraints) + faults_of_requirements(project, constraints)
    faults += faults_of_npm_lock(lock)
    npmrc = ROOT / "frontend" / ".npmrc"
    if not npmrc.exists() or "omit-lockfile-registry-resolved=true" not in npmrc.read_text(encoding="utf-8"):
        faults.append("frontend/.npmrc: must hold omit-lockfile-registry-resolved=true")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
