"""Options that several commands share, and where a city's folder is."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

__all__ = [
    "HOME_VARIABLE",
    "SourceWords",
    "city_argument",
    "example",
    "home_option",
    "json_option",
    "resolve_home",
    "source_options",
    "yes_option",
]

HOME_VARIABLE = "SHANCHENG_HOME"
DEFAULT_HOME = "cities"

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@dataclass(frozen=True)
class SourceWords:
    """What the user says of files that a source reads, as words; see `SourceOptions`."""

    layers: tuple[str, ...]
    crs: str | None
    datum: str
    columns: tuple[tuple[str, str], ...]
    bounds: tuple[float, float, float, float] | None
    licence: str | None
    attribution: str | None
    provenance: str | None
    table: str | None


def _pairs(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """``OURS=THEIRS``, several times."""
    found = []
    for value in values:
        ours, equals, theirs = value.partition("=")
        if not (ours and equals and theirs):
            raise click.BadParameter(f"{value!r}: must be OURS=THEIRS, such as height_m=HEIGHT")
        found.append((ours, theirs))
    return tuple(found)


def _edges(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """``W,S,E,N`` in degrees; whether that is a place on Earth is checked later."""
    if value is None:
        return None
    try:
        edges = tuple(float(edge) for edge in value.split(","))
    except ValueError:
        edges = ()
    if len(edges) != _N_EDGES:
        raise click.BadParameter(
            f"{value!r}: must be west,south,east,north in degrees, such as 4.3,52,4.4,52.1"
        )
    return edges


_N_EDGES: Final = 4
_SOURCE_OPTIONS: Final = (
    click.option(
        "--layer",
        "layers",
        multiple=True,
        help="Take this layer of what the source brings; or, for a table, which layer it is. "
        "May be given several times.",
    ),
    click.option(
        "--crs", help="Reference system of the coordinates, where the file does not say: EPSG:4490."
    ),
    click.option(
        "--datum",
        type=click.Choice(["wgs84", "gcj02", "bd09"]),
        default="wgs84",
        show_default=True,
        help="Of Chinese maps' coordinates, which are converted.",
    ),
    click.option(
        "--column",
        "columns",
        multiple=True,
        callback=_pairs,
        metavar="OURS=THEIRS",
        help="Which column of the file is which of ours: height_m=HEIGHT. May be given several times.",
    ),
    click.option("--bounds", callback=_edges, metavar="W,S,E,N", help="Only what lies there, in degrees."),
    click.option("--licence", help="Of the data, where the file does not say: CC-BY-4.0."),
    click.option("--attribution", help="Who is to be credited, where the file does not say."),
    click.option(
        "--provenance",
        type=click.Choice(["surveyed", "approximate", "modelled"]),
        help="How real the data is, where the source cannot know.",
    ),
    click.option("--table", help="Which table of a file that holds several, such as a GeoPackage's layer."),
)


def source_options(command: CommandT) -> CommandT:
    """What can be said of a file; the command gets it as ``said``, a `SourceWords`."""

    @functools.wraps(command)
    def wrapped(**values: Any) -> Any:  # noqa: ANN401 - of all options
        words = {name: values.pop(name) for name in SourceWords.__dataclass_fields__}
        return command(said=SourceWords(**words), **values)

    for option in reversed(_SOURCE_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]  # the same command with more options


def yes_option(command: CommandT) -> CommandT:
    """``--yes``: for scripts."""
    return click.option(
        "--yes",
        is_flag=True,
        help="Do not ask. Without a terminal nobody is asked, but guessed columns need this.",
    )(command)


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
