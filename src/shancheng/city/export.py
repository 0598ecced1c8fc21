"""A consistent copy of a city that may be in use: layers, elevations, pictures and tables of one moment.

The moment is that of a copy of the database (SQLite's backup, which sees one state). Each file is copied
while it is hashed and must be the version that this database names; a file that was replaced meanwhile is
found among the kept versions. Nothing is locked. The copy is made beside its place and renamed.
"""

import hashlib
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from shancheng.city.beside import beside_of, clear_leftovers
from shancheng.city.credit import file_credit
from shancheng.city.files import TABLES_FOLDER, TEXTURES_FOLDER, pictures_of
from shancheng.city.ids import check_city_name
from shancheng.city.kept import KEPT_FOLDER, kept_path
from shancheng.city.manifest import Manifest, read_manifest
from shancheng.city.schema import LAYERS
from shancheng.city.store import (
    DATABASE_FILE,
    LAYERS_FOLDER,
    MANIFEST_FILE,
    SET_ASIDE_FILE,
    TERRAIN_FILE,
    City,
)
from shancheng.city.terrain import read_terrain_credit
from shancheng.city.versions import TERRAIN, LayerVersion, read_history, read_versions
from shancheng.db.files import check_free_space, flush_folder
from shancheng.db.lock import LOCK_FILE, CityLock
from shancheng.errors import CityExistsError, CityLockedError, StorageError
from shancheng.progress import NullProgress, Progress

__all__ = ["CopyTiles", "export_city"]

_ATTEMPTS: Final = 8
_PAUSE_S: Final = 0.05
_CHUNK: Final = 1 << 20
_BUSY_S: Final = 30.0

CopyTiles = Callable[[Path, Path], object]
"""Copies a city's tiles from its folder to another one."""


class _Moved(Exception):  # noqa: N818 - a signal to try again, not an error
    """A file is not what the database names: it was replaced meanwhile, or changed behind our back."""


def export_city(
    folder: Path,
    to: Path,
    *,
    tar: bool = False,
    history: bool = True,
    copy_tiles: CopyTiles | None = None,
    progress: Progress | None = None,
) -> Path:
    """Copy a city, in use or not, to a folder that is a city too, or to a tar file of one.

    Args:
        folder: The city's folder.
        to: Where to; an existing folder gets the copy inside, under the city's name.
        tar: Whether one file is written instead of a folder.
        history: Whether older versions go along.
        copy_tiles: Copies the tiles; None leaves them out.
        progress: Told what is being copied.

    Returns:
        What was written.

    Raises:
        NotACityError, OlderSchemaError, NewerSchemaError: The folder is no city that we read.
        CityExistsError: Something is in the way; an export replaces nothing.
        StorageError: The city changes faster than it can be copied, or the disk refused.
    """
    progress = progress or NullProgress()
    read_manifest(folder / MANIFEST_FILE)
    target = _target(folder, to, tar=tar)
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(target.parent, target.name)
    check_free_space(target.parent, _bytes_needed(folder, history=history) * (1 + tar))
    beside = beside_of(target, "exporting")
    try:
        beside.mkdir()
        with CityLock(beside):
            _copy_patiently(folder, beside, history=history, progress=progress)
            if copy_tiles is not None:
                progress.step("copying tiles", None)
                copy_tiles(folder, beside)
            _put_in_place(beside, target, folder.name if tar else None, progress)
    except OSError as error:
        raise StorageError(
            f"{error.filename or target}: cannot be copied: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


# Where to


def _target(folder: Path, to: Path, *, tar: bool) -> Path:
    name = f"{folder.name}.tar" if tar else folder.name
    target = to / name if to.is_dir() else to
    if target.exists():
        raise CityExistsError(f"{target}: exists; an export replaces nothing, so give another place")
    if not tar:
        check_city_name(target.name)  # the folder's name is what `city info` and `up` will call it
    return target


def _bytes_needed(folder: Path, *, history: bool) -> int:
    skipped = () if history else (folder / LAYERS_FOLDER / KEPT_FOLDER,)
    total = 0
    for parent, _, names in os.walk(folder):
        if Path(parent) not in skipped:
            total += sum(_size(Path(parent) / name) for name in names)
    return total


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone since it was listed


def _put_in_place(beside: Path, target: Path, name_in_tar: str | None, progress: Progress) -> None:
    if name_in_tar is None:
        _flush()
        beside.rename(target)
    else:
        progress.step("writing the tar file", None)
        archive = beside / target.name
        with tarfile.open(archive, "w") as tar:
            for path in sorted(beside.iterdir()):
                if path not in (archive, beside / LOCK_FILE):
                    tar.add(path, f"{name_in_tar}/{path.name}", filter=_anonymous)
        _flush()
        archive.rename(target)
    flush_folder(target.parent)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _flush() -> None:
    if hasattr(os, "sync"):
        os.sync()


# What


def _copy_patiently(folder: Path, to: Path, *, history: bool, progress: Progress) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            _copy(folder, to, history=history, progress=progress)
        except _Moved as moved:
            reason = str(moved)
            _empty(to)
            if attempt == _ATTEMPTS // 2:
                _settle(folder)
            time.sleep(_PAUSE_S * attempt)
        else:
            return
    raise StorageError(f"{reason}; try again when the city is not being changed")


def _copy(folder: Path, to: Path, *, history: bool, progress: Progress) -> None:
    progress.step("copying the database", None)
    _copy_database(folder / DATABASE_FILE, to / DATABASE_FILE)
    versions = read_versions(to / DATABASE_FILE)
    manifest = read_manifest(folder / MANIFEST_FILE)
    if TERRAIN not in versions:
        raise _Moved(f"{folder}: its database does not know its files")
    (to / LAYERS_FOLDER).mkdir()
    for name, version in versions.items():
        progress.step(f"copying {name}", None)
        _copy_version(folder, version, to / _place(name))
    if history:
        _copy_history(folder, to)
    _copy_file(folder / LAYERS_FOLDER / SET_ASIDE_FILE, to / LAYERS_FOLDER / SET_ASIDE_FILE)
    _copy_pictures(folder, to)
    _copy_tables(folder / TABLES_FOLDER, to / TABLES_FOLDER)
    text = _manifest_of(manifest, to, [name for name in LAYERS if name in versions]).to_toml()
    (to / MANIFEST_FILE).write_text(text, encoding="utf-8")


def _copy_database(path: Path, to: Path) -> None:
    if not path.is_file():
        raise _Moved(f"{path}: is missing")
    # Opened for reading alone, SQLite would leave files behind that nobody clears away.
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    mode = "rw" if writable else "ro&immutable=1"
    source = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, timeout=_BUSY_S)
    try:
        with closing(source), closing(sqlite3.connect(to)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: cannot be copied: {error}") from error


def _copy_version(folder: Path, version: LayerVersion, to: Path) -> None:
    """Copy the file of a version: where it is now, or where it was kept when another one took its place."""
    places = (folder / _place(version.layer), kept_path(folder / LAYERS_FOLDER, version))
    if not any(_copy_hashed(path, to, version) for path in places):
        raise _Moved(f"{places[0]}: is not version {version.version}, which the database names")


def _copy_hashed(path: Path, to: Path, version: LayerVersion) -> bool:
    """Copy a file with its time, which spares others the hash; whether it was there and is that version's."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, to.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
    except FileNotFoundError:
        return False
    if digest.hexdigest() != version.sha256:
        to.unlink()
        return False
    os.utime(to, ns=(version.state.mtime_ns, version.state.mtime_ns))
    return True


def _copy_history(folder: Path, to: Path) -> None:
    layers = to / LAYERS_FOLDER
    for record in read_history(to / DATABASE_FILE):
        source = kept_path(folder / LAYERS_FOLDER, record.version)
        if source.exists():
            target = kept_path(layers, record.version)
            target.parent.mkdir(exist_ok=True)
            _copy_hashed(source, target, record.version)


def _copy_pictures(folder: Path, to: Path) -> None:
    """The pictures that the copied layers show."""
    names: set[str] = set()
    for path in (to / LAYERS_FOLDER).rglob("*.parquet"):
        names |= pictures_of(path)
    for name in sorted(names):
        (to / TEXTURES_FOLDER).mkdir(exist_ok=True)
        _copy_file(folder / TEXTURES_FOLDER / Path(name).name, to / TEXTURES_FOLDER / Path(name).name)


def _copy_tables(folder: Path, to: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            target = to / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy_file(path, target)


def _copy_file(path: Path, to: Path) -> None:
    try:
        shutil.copy2(path, to)
    except FileNotFoundError:
        to.unlink(missing_ok=True)  # gone meanwhile, or never there


def _manifest_of(manifest: Manifest, to: Path, names: list[str]) -> Manifest:
    """What ``city.toml`` says, with the sources that the copied files carry: it may be of another moment."""
    layers = to / LAYERS_FOLDER
    sources = {name: file_credit(layers / f"{name}.parquet") or manifest.layers[name] for name in names}
    terrain = read_terrain_credit(to / TERRAIN_FILE) or manifest.terrain
    return replace(manifest, layers=sources, terrain=terrain)


def _place(name: str) -> Path:
    return Path(TERRAIN_FILE) if name == TERRAIN else Path(LAYERS_FOLDER) / f"{name}.parquet"


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == LOCK_FILE:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _settle(folder: Path) -> None:
    """Take over what was changed behind our back, where nobody owns the city."""
    try:
        with CityLock(folder), City.open(folder):
            pass
    except (CityLockedError, StorageError):
        pass  # its owner is at work and will record what it writes, or nobody may write here
