"""The program ``shancheng``: its groups of commands, and how it ends."""

import sys

import click

from shancheng import __version__
from shancheng.cli.failures import ended
from shancheng.cli.lazy import LazyGroup
from shancheng.cli.options import example

__all__ = ["main", "shancheng"]


@click.group(
    cls=LazyGroup,
    commands_at={
        "up": "shancheng.cli.up:up",
        "city": "shancheng.cli.city:city",
        "tiles": "shancheng.cli.tiles:tiles",
    },
    context_settings={"max_content_width": 100},
    epilog=example("shancheng up chongqing"),
)
@click.version_option(__version__, prog_name="shancheng")
def shancheng() -> None:
    """Open data in, a running digital twin of a city out (山城)."""


def main() -> None:
    """Run the program and exit."""
    sys.exit(ended(lambda: shancheng.main(prog_name="shancheng", standalone_mode=False)))
