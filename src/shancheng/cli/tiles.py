"""``shancheng tiles``: make a city's tiles."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option, json_option
from shancheng.tiles.profiles import PROFILES

__all__ = ["tiles"]


@click.group()
def tiles() -> None:
    """3D Tiles of a city."""


@tiles.command(epilog=example("shancheng tiles make chongqing"))
@city_argument
@home_option
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="compact",
    show_default=True,
    help="What tiles hold: compact is smallest; normals is for viewers that do not shade without them.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Make every tile anew, also those that did not change; the files are the same.",
)
@json_option
def make(*, name: str, home: Path, profile: str, full: bool, as_json: bool) -> None:
    """Make or remake the tiles of the city NAME.

    Only what changed since the last time is made; the rest is taken over. The tiles there are stay in use
    until the new ones are complete. What could not be drawn is set aside, counted, and listed with its reason
    in tiles/report.json.
    """
    from shancheng.cli.building import make_tiles_of  # numba and pyarrow

    make_tiles_of(name, home, profile=profile, full=full, as_json=as_json)
