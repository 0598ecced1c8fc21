import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator

import click
import pytest

from shancheng.cli.main import shancheng

HEAVY = (
    "numba",
    "numpy",
    "pyarrow",
    "fastapi",
    "pydantic",
    "granian",
    "sqlalchemy",
    "osmium",
    "rasterio",
    "shapely",
)
LIST_MODULES = """
import json, sys
from shancheng.cli.main import main
sys.argv = ["shancheng", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(json.dumps([name for name in sys.modules]))
"""


def commands(
    command: click.Command = shancheng, path: tuple[str, ...] = (), parent: click.Context | None = None
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, parent=parent, info_name=path[-1] if path else "shancheng")
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, (*path, name), context)


EVERY = [pytest.param(path, command, id=" ".join(path) or "shancheng") for path, command in commands()]
LEAVES = [parameter for parameter in EVERY if not isinstance(parameter.values[1], click.Group)]


@pytest.mark.parametrize(("path", "command"), EVERY)
def test_help_imports_nothing_heavy(path: tuple[str, ...], command: click.Command) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, *path, "--help"], capture_output=True, text=True, check=True
    )
    assert command.help is not None
    assert command.help.splitlines()[0] in " ".join(done.stdout.split())
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in HEAVY if name in loaded] == []


def test_help_answers_within_a_second_when_warm() -> None:
    def spent() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "shancheng", "--help"], capture_output=True, check=True)
        return time.perf_counter() - began

    assert min(spent() for _ in range(3)) < 1.0


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_help_ends_with_an_example_that_parses(path: tuple[str, ...], command: click.Command) -> None:
    lines = command.get_help(click.Context(command, info_name=" ".join(path))).rstrip().splitlines()
    start = max(number for number, line in enumerate(lines) if line.strip() == "Example:")
    examples = [line.strip() for line in lines[start + 1 :]]
    assert examples
    for line in examples:
        words = shlex.split(line)
        assert words[: len(path) + 1] == ["shancheng", *path]
        command.make_context(path[-1], words[len(path) + 1 :])


@pytest.mark.parametrize("path", [(), ("city",), ("tiles",)])
def test_a_group_alone_shows_its_help(path: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shancheng", *path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shancheng", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("shancheng, version ")


@pytest.mark.parametrize(
    "arguments",
    [("fly",), ("city", "create"), ("up", "--port", "x"), ("tiles", "make", "x", "--profile", "y")],
)
def test_wrong_usage_is_2_and_says_what(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shancheng", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
