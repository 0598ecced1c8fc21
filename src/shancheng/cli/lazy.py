"""A group of commands whose modules are imported when they are asked for.

Command modules import click alone at their top, and what they need for the work inside the function: so
`--help` and errors in arguments answer at once, without numba, pyarrow or a web framework.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group whose ``commands_at`` maps a command's name to ``module:attribute``."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 -- click's own
        commands_at: Mapping[str, str],
        **kwargs: Any,  # noqa: ANN401 -- click's own
    ) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = dict(commands_at)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [*self._commands_at, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        place = self._commands_at.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, attribute = place.split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command
