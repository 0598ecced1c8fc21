"""Options that several commands share, and where a city's folder is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["HOME_VARIABLE", "city_argument", "example", "home_option", "json_option", "resolve_home"]

HOME_VARIABLE = "SHANCHENG_HOME"
DEFAULT_HOME = "cities"

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def home_option(command: CommandT) -> CommandT:
    """``--home``: the folder that holds the cities."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        callback=lambda _ctx, _option, value: resolve_home(value),
        help=f"Folder that holds the cities.  [default: ${HOME_VARIABLE}, else ./{DEFAULT_HOME}]",
    )(command)


def json_option(command: CommandT) -> CommandT:
    """``--json``: for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def city_argument(command: CommandT) -> CommandT:
    """``NAME``: a city's name."""
    return click.argument("name", metavar="NAME")(command)


def example(*lines: str) -> str:
    """The last lines of a command's help, printed as they stand."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def resolve_home(given: Path | None) -> Path:
    """``--home``, else ``$SHANCHENG_HOME``, else ``./cities``."""
    if given is not None:
        return given
    return Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME)
