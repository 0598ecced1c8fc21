"""Every command, route, setting and hook has its place in the documents, and no link in them is dead."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shancheng.city.sources.base import SOURCES_GROUP
from shancheng.web.app import create_api

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
VARIABLE = re.compile(r"\bSHANCHENG_[A-Z_]+\b")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def program_files() -> Iterator[Path]:
    for folder in ("src", "tests", "scripts", "benchmarks"):
        yield from (ROOT / folder).rglob("*.py")
    yield ROOT / "Makefile"


def commands(group: dict[str, str]) -> set[str]:
    return set(re.findall(r"^## (shancheng.*)$", group["cli"], re.MULTILINE))


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return {page.stem: page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md")}


def test_every_command_is_described(reference: dict[str, str]) -> None:
    import click

    from shancheng.cli.main import shancheng

    found = set()

    def walk(name: str, command: click.Command) -> None:
        found.add(name)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for child in command.list_commands(context):
                inner = command.get_command(context, child)
                assert inner is not None
                walk(f"{name} {child}", inner)

    walk("shancheng", shancheng)
    assert len(found) > 5
    assert found == commands(reference)


def test_every_route_is_described(reference: dict[str, str]) -> None:
    paths = set(create_api(None).openapi()["paths"])
    assert paths
    assert {path for path in paths if f"GET {path}\n" not in reference["api"]} == set()


def test_every_setting_is_described(reference: dict[str, str]) -> None:
    used = {name for path in program_files() for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert "SHANCHENG_HOME" in used
    assert used - set(VARIABLE.findall(reference["settings"])) == set()


def test_every_hook_is_described(reference: dict[str, str]) -> None:
    assert f"`{SOURCES_GROUP}`" in reference["settings"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_dead(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    listing = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    decisions = [page.name for page in (ROOT / "docs" / "decisions").glob("0*.md")]
    assert len(decisions) >= 5
    assert [name for name in decisions if f"({name})" not in listing] == []
