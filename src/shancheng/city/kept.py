"""Older versions of a city's files, as ``layers/.versions/<layer>-<version>.parquet``.

A file that is about to be replaced gets a second name there, which costs no space; where the file system
knows no hard links it is copied. Nothing writes into a file of that folder again.
"""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from shancheng.city.versions import TERRAIN, LayerVersion
from shancheng.db.files import flush_folder, write_atomically
from shancheng.errors import StorageError

__all__ = ["KEPT_FOLDER", "keep", "kept_name", "kept_path"]

KEPT_FOLDER: Final = ".versions"


def kept_name(layer: str, version: int) -> str:
    """Name of the file that holds a version when it is the newest no more."""
    return f"{layer}-{version}.{'tif' if layer == TERRAIN else 'parquet'}"


def kept_path(layers: Path, version: LayerVersion) -> Path:
    """Where a version lies when it is the newest no more; ``layers`` is the city's folder of layers."""
    return layers / KEPT_FOLDER / kept_name(version.layer, version.version)


def keep(layers: Path, version: LayerVersion, path: Path) -> None:
    """Give the file of a version a second name, before another file takes its place.

    Doing it twice is harmless, as after a crash between this and the replacement.

    Raises:
        DiskFullError: It had to be copied, and there is no room.
        StorageError: The system refused otherwise.
    """
    target = kept_path(layers, version)
    try:
        target.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(f"{target.parent}: cannot be made: {error.strerror}") from error
    if not _link(path, target):
        write_atomically(target, lambda temporary: shutil.copy2(path, temporary))


def _link(path: Path, target: Path) -> bool:
    """Whether the file system could give the file that second name."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        os.link(path, temporary)
        temporary.replace(target)
        flush_folder(target.parent)
    except OSError:
        return False
    finally:
        # Two names of one file do not replace each other: POSIX then leaves both.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True
