"""``shancheng city``: create cities and look at them."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option, json_option

__all__ = ["city"]


@click.group()
def city() -> None:
    """Cities: folders with layers, elevations and tiles."""


@city.command(
    epilog=example(
        "shancheng city create monaco --osm monaco.osm.pbf --dem N43E007.hgt.zip",
        "shancheng city create chongqing",
    )
)
@city_argument
@home_option
@click.option("--osm", type=click.Path(path_type=Path), help="OpenStreetMap extract (.osm.pbf, .osm).")
@click.option(
    "--dem",
    "dems",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Elevations: GeoTIFF, HGT or zipped HGT. May be given several times.",
)
@click.option("--replace", is_flag=True, help="Replace a city that was made from something else.")
def create(*, name: str, home: Path, osm: Path | None, dems: tuple[Path, ...], replace: bool) -> None:
    """Create the city NAME: its layers, then its tiles.

    Without --osm and --dem, NAME must be a built-in city. Asking again for the same changes nothing.
    """
    from shancheng.cli.building import create_and_tile  # numba, pyarrow and osmium

    create_and_tile(name, home, osm=osm, dems=dems, replace=replace)


@city.command(epilog=example("shancheng city info chongqing --json"))
@city_argument
@home_option
@json_option
def info(*, name: str, home: Path, as_json: bool) -> None:
    """Show layers, counts, extent, provenance, sources and licences of the city NAME."""
    from shancheng.cli.info import show_city  # pyarrow

    show_city(name, home, as_json=as_json)


@city.command("list", epilog=example("shancheng city list"))
@home_option
@json_option
def list_cities(*, home: Path, as_json: bool) -> None:
    """List the cities in the home folder and the built-in ones."""
    from shancheng.cli.info import show_cities  # pyarrow

    show_cities(home, as_json=as_json)
