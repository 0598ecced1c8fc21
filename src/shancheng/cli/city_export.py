"""``shancheng city export``."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option

__all__ = ["export"]


@click.command(
    epilog=example(
        "shancheng city export chongqing backups/chongqing-november",
        "shancheng city export chongqing chongqing.tar --tar --no-history",
    )
)
@city_argument
@click.argument("to", metavar="DEST", type=click.Path(path_type=Path))
@home_option
@click.option("--tar", is_flag=True, help="Write one tar file instead of a folder.")
@click.option("--history/--no-history", default=True, show_default=True, help="Take older versions along.")
@click.option("--tiles/--no-tiles", default=True, show_default=True, help="Take the tiles along.")
def export(*, name: str, to: Path, home: Path, tar: bool, history: bool, tiles: bool) -> None:
    """Copy the city NAME to DEST, all of one moment, while it may be served or changed.

    DEST is a city again: `shancheng up DEST-NAME --home DEST-FOLDER` serves it. An existing folder gets the
    copy inside, under the city's name; nothing is ever replaced. Licences and credits go along in city.toml.
    """
    from shancheng.cli.exporting import export_to  # pyarrow

    export_to(name, home, to, tar=tar, history=history, tiles=tiles)
