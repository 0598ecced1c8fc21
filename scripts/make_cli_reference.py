"""Write ``docs/reference/cli.md``: every command's ``--help``, in one page.

Run it after a change to a command: ``python scripts/make_cli_reference.py``. A test compares.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from shancheng.cli.main import shancheng

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# Command line

Generated from `--help` by `scripts/make_cli_reference.py`.

Data goes to stdout, words to stderr. Exit codes: 0 done, 1 an error (one line on stderr says which), 2 wrong
usage, 130 interrupted. `SHANCHENG_DEBUG=1` shows an error's traceback, `SHANCHENG_LOG=DEBUG` every request
to `up`.
A city is the folder `HOME/NAME`; HOME is `--home`, else `$SHANCHENG_HOME`, else `./cities`.
"""


def reference() -> str:
    """The whole page."""
    sections = [
        f"## {' '.join(path)}\n\n```text\n{text}\n```\n"
        for path, text in helps(shancheng, ("shancheng",), None)
    ]
    return "\n".join([HEAD, *sections])


def helps(
    command: click.Command, path: tuple[str, ...], parent: click.Context | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and help text of a command and of all below it."""
    context = click.Context(command, parent=parent, info_name=path[-1], terminal_width=100)
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines()).strip()
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from helps(child, (*path, name), context)


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
    print(PAGE)
