"""``shancheng city``: one file a command, imported when it is asked for."""

import click

from shancheng.cli.lazy import LazyGroup

__all__ = ["city"]


@click.group(
    cls=LazyGroup,
    commands_at={
        "create": "shancheng.cli.city_create:create",
        "add": "shancheng.cli.city_add:add",
        "fetch": "shancheng.cli.city_fetch:fetch",
        "check": "shancheng.cli.city_check:check",
        "info": "shancheng.cli.city_show:info",
        "list": "shancheng.cli.city_show:list_cities",
        "history": "shancheng.cli.city_history:history",
        "diff": "shancheng.cli.city_diff:diff",
        "export": "shancheng.cli.city_export:export",
    },
)
def city() -> None:
    """Cities: folders with layers, elevations and tiles."""
