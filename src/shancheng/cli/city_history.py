"""``shancheng city history``."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option, json_option

__all__ = ["history"]


@click.command(
    epilog=example("shancheng city history chongqing", "shancheng city history chongqing --keep 10")
)
@city_argument
@home_option
@click.option("--layer", help="Only of this layer; terrain is one of them.")
@click.option(
    "--keep",
    type=int,
    metavar="N",
    help="Delete the files of all but the newest N versions of each layer; they stay listed.",
)
@json_option
def history(*, name: str, home: Path, layer: str | None, keep: int | None, as_json: bool) -> None:
    """List the versions of the layers of the city NAME, newest first: when, from where, what changed.

    A version that is kept can be looked at: `shancheng city diff NAME@2026-11-24T12:00 NAME`.
    """
    from shancheng.cli.history import show_history  # pyarrow

    show_history(name, home, layer=layer, keep=keep, as_json=as_json)
