"""``shancheng city check``."""

from pathlib import Path

import click

from shancheng.cli.options import city_argument, example, home_option, json_option

__all__ = ["check"]


@click.command(epilog=example("shancheng city check chongqing", "shancheng city check monaco --json"))
@city_argument
@home_option
@json_option
def check(*, name: str, home: Path, as_json: bool) -> None:
    """Say what is wrong with the city NAME: what overlaps, floats, sinks, lies in water or cannot be.

    Each check says how many features it looked at, found and did not look at, and why; some faults are
    tolerated up to a share. The whole report is written to check.json in the city's folder. Nothing else is
    changed, and the city may be served meanwhile. Ends with 1 when a check fails.
    """
    from shancheng.cli.checking import check_and_tell  # pyarrow and shapely

    check_and_tell(name, home, as_json=as_json)
