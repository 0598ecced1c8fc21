"""``shancheng city diff``."""

from pathlib import Path

import click

from shancheng.cli.options import example, home_option, json_option

__all__ = ["diff"]


@click.command(
    epilog=example(
        "shancheng city diff chongqing@2026-11-24T12:00 chongqing",
        "shancheng city diff backups/monaco monaco --layer buildings --json",
    )
)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@home_option
@click.option("--layer", "layers", multiple=True, help="Only this layer. May be given several times.")
@click.option(
    "--tolerance",
    "tolerance_m",
    type=click.FloatRange(min=0.0),
    default=0.5,
    show_default=True,
    metavar="METRES",
    help="An object whose middle is at most so far away has not moved.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="How many ids to name at most.",
)
@json_option
def diff(
    *,
    a: str,
    b: str,
    home: Path,
    layers: tuple[str, ...],
    tolerance_m: float,
    examples: int,
    as_json: bool,
) -> None:
    """Say what was added, removed, changed and moved from A to B, layer by layer.

    A and B are cities, folders of cities such as exports, or NAME@TIME: the city as it was then. TIME is
    2026-11-24T12:00, or a date alone, which means its beginning; in UTC, unless it says +08:00. Objects are
    the same where their ids are.
    """
    from shancheng.cli.diff import show_diff  # pyarrow

    show_diff((a, b), home, layers=layers, tolerance_m=tolerance_m, examples=examples, as_json=as_json)
