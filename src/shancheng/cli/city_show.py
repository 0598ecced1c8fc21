"""``shancheng city info`` and ``shancheng city list``."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option, json_option

__all__ = ["info", "list_cities"]


@click.command(epilog=example("shancheng city info chongqing --json"))
@city_argument
@home_option
@json_option
def info(*, name: str, home: Path, as_json: bool) -> None:
    """Show layers, counts, extent, provenance, sources and licences of the city NAME."""
    from shancheng.cli.info import show_city  # pyarrow

    show_city(name, home, as_json=as_json)


@click.command("list", epilog=example("shancheng city list"))
@home_option
@json_option
def list_cities(*, home: Path, as_json: bool) -> None:
    """List the cities in the home folder and the built-in ones."""
    from shancheng.cli.info import show_cities  # pyarrow

    show_cities(home, as_json=as_json)
