"""``shancheng city add``."""

from pathlib import Path

import click

from shancheng.cli.options import SourceWords, city_argument, example, home_option, source_options, yes_option

__all__ = ["add"]


@click.command(
    epilog=example(
        "shancheng city add chongqing vector houses.gpkg --layer buildings --column height_m=HEIGHT",
        "shancheng city add monaco points antennas.csv --layer base_stations --datum gcj02 --keep",
        "shancheng city add monaco elevation N43E007.hgt.zip",
    )
)
@city_argument
@click.argument("source")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@home_option
@source_options
@click.option(
    "--keep", is_flag=True, help="Keep the layer's other objects: only those of the file are replaced."
)
@yes_option
def add(
    *,
    name: str,
    source: str,
    files: tuple[Path, ...],
    home: Path,
    said: SourceWords,
    keep: bool,
    yes: bool,
) -> None:
    """Add what the files hold to the city NAME, or replace what it has; then remake its tiles.

    SOURCE is osm, cityjson, citygml, ifc, gtfs, overture, vector, points or another package's; or elevation,
    to replace the ground by FILEs, of which the first goes before the others.

    What will be added and replaced, and which columns are used, is shown before anything is written; then a
    terminal is asked. A layer is replaced whole, unless --keep is given; the version before stays in the
    city's history. What lies outside the city is set aside and counted.
    """
    from shancheng.cli.filling import Asked, add_and_tile  # numba, pyarrow and the sources

    add_and_tile(name, home, Asked([(source, file) for file in files], (), said, yes=yes), keep=keep)
