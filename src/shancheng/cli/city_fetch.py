"""``shancheng city fetch``."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option

__all__ = ["fetch"]


@click.command(
    epilog=example(
        "shancheng city fetch chongqing --buildings overture --dem glo30",
        "shancheng city fetch monaco --buildings osm",
    )
)
@city_argument
@home_option
@click.option(
    "--buildings",
    type=click.Choice(["overture", "osm"]),
    help="Buildings, and the other layers that their publisher has.",
)
@click.option("--dem", type=click.Choice(["glo30"]), help="Elevations: Copernicus GLO-30.")
@click.option("--release", help="Of Overture Maps, such as 2026-10-21.0; else the newest.")
def fetch(*, name: str, home: Path, buildings: str | None, dem: str | None, release: str | None) -> None:
    """Download open data for the extent of the city NAME and put it in place of what the city has.

    Needs the network. A download that broke goes on when the command is run again. Licence, credit and date
    are kept in city.toml; the layers before stay in the city's history. Mirrors are named by
    SHANCHENG_GLO30_URL, SHANCHENG_OVERTURE_URL and SHANCHENG_OVERPASS_URL.
    """
    from shancheng.cli.fetching import fetch_and_tile  # numba, pyarrow and the sources

    fetch_and_tile(name, home, buildings=buildings, dem=dem, release=release)
