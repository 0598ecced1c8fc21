"""Whether a built-in city on the disk is what this version of the program would make."""

import sqlite3
from contextlib import closing
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from shancheng.city.builtin import BUILTIN
from shancheng.city.manifest import read_created, read_manifest
from shancheng.city.store import DATABASE_FILE, LAYERS_FOLDER, MANIFEST_FILE, TERRAIN_FILE
from shancheng.city.versions import TERRAIN
from shancheng.db.files import sha256_file
from shancheng.errors import NotACityError, OlderSchemaError, StorageError

__all__ = ["Freshness", "freshness_of"]


class Freshness(Enum):
    """How a city's folder stands to the recipe that made it."""

    CURRENT = "current"
    """Also: not built in, not a city, not there."""
    REPLACEABLE = "replaceable"
    """Of an older recipe or program; the recipe can make all that it holds."""
    OUTDATED = "outdated"
    """Of an older recipe; it holds what somebody put in."""


def freshness_of(folder: Path) -> Freshness:
    """How a folder stands to the recipe that made it; reads only.

    Raises:
        OlderSchemaError: An older program made it, and the recipe cannot make all that it holds.
    """
    try:
        created = read_created(folder / MANIFEST_FILE)
    except NotACityError:
        return Freshness.CURRENT  # whoever opens it says what is wrong
    if created.builtin != folder.name or created.builtin not in BUILTIN:
        return Freshness.CURRENT
    try:
        manifest_version = read_manifest(folder / MANIFEST_FILE).created.builtin_version
    except OlderSchemaError:
        if _is_untouched(folder):
            return Freshness.REPLACEABLE
        raise
    except NotACityError:
        return Freshness.CURRENT
    if manifest_version == BUILTIN[created.builtin].version:
        return Freshness.CURRENT
    return Freshness.REPLACEABLE if _is_untouched(folder) else Freshness.OUTDATED


def _is_untouched(folder: Path) -> bool:
    """Whether every file is still the one that the city was created with.

    Asked of any version's database: they all have these columns.
    """
    path = folder / DATABASE_FILE
    # With a log beside it a database is in use, or was when its owner died.
    mode = "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"
    try:
        uri = f"file:{quote(str(path.absolute()))}?{mode}"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = connection.execute("SELECT layer, version, sha256 FROM layer_versions").fetchall()
            how = {row[1] for row in connection.execute("PRAGMA table_info(layer_versions)")}
            if "how" in how:
                query = "SELECT count(*) FROM layer_versions WHERE how <> 'created'"
                if connection.execute(query).fetchone()[0]:
                    return False
    except sqlite3.Error:
        return False
    return bool(rows) and all(version == 1 and _is(folder, layer, sha256) for layer, version, sha256 in rows)


def _is(folder: Path, layer: str, sha256: str) -> bool:
    path = folder / TERRAIN_FILE if layer == TERRAIN else folder / LAYERS_FOLDER / f"{layer}.parquet"
    try:
        return sha256_file(path) == sha256
    except StorageError:
        return False
