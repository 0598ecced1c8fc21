"""The work of ``shancheng city export``."""

import sys
from pathlib import Path

from shancheng.city.export import export_city
from shancheng.cli.building import existing_city
from shancheng.cli.progress import TerminalProgress
from shancheng.tiles.copies import copy_tiles

__all__ = ["export_to"]


def export_to(name: str, home: Path, to: Path, *, tar: bool, history: bool, tiles: bool) -> None:
    """Copy a city and print where the copy is."""
    progress = TerminalProgress()
    copied = export_city(
        existing_city(home, name),
        to,
        tar=tar,
        history=history,
        copy_tiles=copy_tiles if tiles else None,
        progress=progress,
    )
    progress.done()
    sys.stdout.write(f"{copied}\n")
