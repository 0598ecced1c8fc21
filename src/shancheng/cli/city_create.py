"""``shancheng city create``."""

from pathlib import Path

import click

from shancheng.cli.options import SourceWords, city_argument, example, home_option, source_options, yes_option

__all__ = ["create"]


@click.command(
    epilog=example(
        "shancheng city create monaco --osm monaco.osm.pbf --dem N43E007.hgt.zip",
        "shancheng city create delft --from cityjson delft.json --from gtfs feed.zip",
        "shancheng city create chongqing",
    )
)
@city_argument
@home_option
@click.option(
    "--from",
    "inputs",
    nargs=2,
    multiple=True,
    metavar="SOURCE FILE",
    help="A file and the source that reads it: osm, cityjson, citygml, ifc, gtfs, overture, vector, points. "
    "May be given several times.",
)
@click.option("--osm", type=click.Path(path_type=Path), help="The same as --from osm FILE.")
@click.option(
    "--dem",
    "dems",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE[,KEY=VALUE]",
    help="Elevations: GeoTIFF, HGT, zipped HGT; or tiles of colours, FILE,encoding=terrarium,tile=Z/X/Y. "
    "May be given several times, the first goes before the others.",
)
@source_options
@click.option("--replace", is_flag=True, help="Replace a city that was made from something else.")
@yes_option
def create(
    *,
    name: str,
    home: Path,
    inputs: tuple[tuple[str, str], ...],
    osm: Path | None,
    dems: tuple[Path, ...],
    said: SourceWords,
    replace: bool,
    yes: bool,
) -> None:
    """Create the city NAME: its layers, then its tiles.

    Without --from and --osm, NAME must be a built-in city. Asking again for the same changes nothing.

    Several sources are joined: a layer that two of them bring is refused where an id stands in both. What is
    said of files with --crs, --column and so on goes to every source that understands it; where files need
    different words, create the city from one and add the others with `shancheng city add`.

    The city ends where --bounds say, else where its sources end, else around nearly all that they hold. Its
    ground is --dem, else the sources' own, else drawn through the feet of buildings with solids, else level.
    """
    from shancheng.cli.filling import Asked, create_and_tile  # numba, pyarrow and the sources

    given = [(source, Path(file)) for source, file in inputs]
    asked = Asked([*([] if osm is None else [("osm", osm)]), *given], dems, said, yes=yes)
    create_and_tile(name, home, asked, replace=replace)
