"""A city's folder under construction beside its place: ``.NAME.creating-<pid>-<random>``.

One rename puts it in place. What a killed process left of one is cleared away by the next creation; a city
that was moved aside by a replacement that died comes back.
"""

import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Final

from shancheng.city.store import MANIFEST_FILE
from shancheng.db.files import flush_folder
from shancheng.db.lock import LOCK_FILE, CityLock, lock_owner

__all__ = ["beside_of", "clear_leftovers", "put_in_place"]

_YOUNG_S: Final = 60.0


def beside_of(folder: Path, doing: str) -> Path:
    """A name beside a folder that nobody else has."""
    return folder.with_name(f".{folder.name}.{doing}-{os.getpid()}-{secrets.token_hex(2)}")


def put_in_place(beside: Path, folder: Path) -> bool:
    """Rename a finished folder to its place; a city that is there gives way, if nobody uses it.

    Returns:
        Whether one was there.

    Raises:
        CityLockedError: It is in use.
    """
    if not folder.exists():
        beside.rename(folder)
        flush_folder(folder.parent)
        return False
    aside = beside_of(folder, "replaced")
    with CityLock(folder):
        folder.rename(aside)
        try:
            beside.rename(folder)
        except BaseException:
            aside.rename(folder)
            raise
        flush_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
    return True


def clear_leftovers(home: Path, name: str) -> None:
    """Clear away what killed processes left; a city that was aside when its replacer died comes back."""
    for aside in sorted(home.glob(f".{name}.replaced-*")):
        if lock_owner(aside) is not None:
            continue  # its replacer is at work
        if not (home / name).exists() and (aside / MANIFEST_FILE).is_file():
            aside.rename(home / name)
        else:
            shutil.rmtree(aside, ignore_errors=True)
    for doing in ("creating", "exporting"):
        for beside in home.glob(f".{name}.{doing}-*"):
            if _is_abandoned(beside):
                shutil.rmtree(beside, ignore_errors=True)


def _is_abandoned(beside: Path) -> bool:
    """Its builder holds its lock while it lives, but for the moment after making the folder."""
    if (beside / LOCK_FILE).exists():
        return lock_owner(beside) is None
    try:
        return time.time() - beside.stat().st_mtime > _YOUNG_S
    except OSError:
        return False
