"""Creating a city: from source files or a built-in recipe to a folder that is there whole or not at all.

The folder is built beside its place, as ``.NAME.creating-<pid>-<random>``, flushed, and renamed. What a
killed process left of one is cleared away by the next creation.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

import numpy as np

from shancheng.city.builtin import BUILTIN
from shancheng.city.changes import with_indices
from shancheng.city.geoparquet import sorted_by_id, write_layer_file
from shancheng.city.ids import check_city_name
from shancheng.city.manifest import Created, InputFile, Manifest, Origin, Title, read_manifest
from shancheng.city.schema import LAYERS, validate_layer
from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, ElevationData, SourceOptions
from shancheng.city.store import (
    DATABASE_FILE,
    LAYERS_FOLDER,
    MANIFEST_FILE,
    SET_ASIDE_FILE,
    TERRAIN_FILE,
    City,
)
from shancheng.city.terrain import write_terrain
from shancheng.city.versions import TERRAIN, Written, record
from shancheng.db.database import Database
from shancheng.db.files import check_free_space, flush_folder, sha256_file, write_atomically
from shancheng.db.lock import LOCK_FILE, CityLock, lock_owner
from shancheng.errors import CityExistsError, NotACityError, SettingError, SourceFileError, StorageError
from shancheng.geo.bounds import Bounds
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.progress import NullProgress, Progress

__all__ = ["CreateOutcome", "create_city"]

_BASE_BYTES: Final = 32 << 20
_BYTES_PER_OSM_BYTE: Final = 8
_BYTES_PER_DEM_BYTE: Final = 4
_YOUNG_S: Final = 60.0


class CreateOutcome(Enum):
    """What ``create_city`` did."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


def create_city(
    home: Path,
    name: str,
    *,
    osm: Path | None = None,
    dems: Sequence[Path] = (),
    builtin: str | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> tuple[City, CreateOutcome]:
    """Create a city's folder, ``home / name``; a city that was made from the same is left as it is.

    Args:
        home: Folder of all cities; made when missing.
        name: The city's name and its folder's.
        osm: An OpenStreetMap extract.
        dems: Elevations for ``osm``; without any the ground is level, which ``city.toml`` says.
        builtin: A key of ``BUILTIN``; where neither it nor ``osm`` is given, ``name`` is taken for it.
        replace: Whether a city that was made from something else gives way.
        progress: Told what is being done.

    Returns:
        The city, opened for reading, and what was done.

    Raises:
        SettingError: A name or a combination of arguments is not allowed.
        CityExistsError: There is a city of that name, made from something else.
        SourceFileError, UnknownCRSError, CoverageError: An input cannot be used.
        CityLockedError: The city to be replaced is in use.
        DiskFullError: It would not fit, or did not.
    """
    check_city_name(name)
    progress = progress or NullProgress()
    builtin = _builtin_of(name, osm, dems, builtin)
    created = _asked(osm, dems, builtin)
    folder = home / name
    _clear_leftovers(home, name)
    if folder.exists():
        existing = _existing(folder)
        if not replace:
            if existing.created.arguments == created.arguments:
                return City.open(folder, write=False), CreateOutcome.UNCHANGED
            raise CityExistsError(
                f"{folder}: exists, made from {_told(existing.created)}; asked for {_told(created)}; "
                "--replace makes it anew"
            )
    check_free_space(home, _bytes_needed(osm, dems))
    _make_home(home)
    outcome = _build_beside(folder, lambda: _data(osm, dems, builtin, progress), created, progress)
    return City.open(folder, write=False), outcome


# What was asked


def _builtin_of(name: str, osm: Path | None, dems: Sequence[Path], builtin: str | None) -> str | None:
    if osm is not None:
        if builtin is not None:
            raise SettingError(f"builtin={builtin!r}: cannot be joined with --osm; give one of them")
        return None
    known = ", ".join(BUILTIN)
    if (builtin or name) not in BUILTIN:
        raise SettingError(f"{builtin or name}: is not built in (built in: {known}); give --osm FILE")
    if dems:
        raise SettingError(f"--dem {dems[0]}: a built-in city has its own elevations; give --osm too")
    return builtin or name


def _asked(osm: Path | None, dems: Sequence[Path], builtin: str | None) -> Created:
    if builtin is not None:
        return Created(builtin=builtin, builtin_version=BUILTIN[builtin].version)
    given = [("osm", osm), *(("dem", dem) for dem in dems)]
    return Created(inputs=tuple(_input(kind, path) for kind, path in given if path is not None))


def _input(kind: str, path: Path) -> InputFile:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise SourceFileError(f"{path}: {what}; --{kind} needs a file")
    if path.stat().st_size == 0:
        raise SourceFileError(f"{path}: is empty; --{kind} needs a file with data")
    return InputFile(kind, path.name, path.stat().st_size, sha256_file(path))


def _told(created: Created) -> str:
    if created.builtin:
        return f"the built-in {created.builtin} (version {created.builtin_version})"
    return ", ".join(f"{entry.file} ({entry.sha256[:8]})" for entry in created.inputs) or "nothing known"


def _bytes_needed(osm: Path | None, dems: Sequence[Path]) -> int:
    """An estimate from above: Monaco's files come to 1.4 times its extract and elevations to their window."""
    size = 0 if osm is None else osm.stat().st_size * _BYTES_PER_OSM_BYTE
    return _BASE_BYTES + size + sum(dem.stat().st_size for dem in dems) * _BYTES_PER_DEM_BYTE


def _existing(folder: Path) -> Manifest:
    """The manifest of what is in the way; a folder that is no city is never replaced."""
    try:
        return read_manifest(folder / MANIFEST_FILE)
    except NotACityError as error:
        raise NotACityError(f"{folder}: exists and is no city ({error}); move it away first") from error


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{home}: cannot be made: {error.strerror}") from error


# The data


def _data(osm: Path | None, dems: Sequence[Path], builtin: str | None, progress: Progress) -> CityData:
    if builtin is not None:
        recipe = BUILTIN[builtin]
        data = recipe.build(progress)
        return replace(data, title=data.title or recipe.title)
    assert osm is not None
    data = read_source("osm", osm, SourceOptions(), progress)
    assert data.extent is not None
    return replace(data, terrain=_elevation(dems, data.extent, progress))


def _elevation(dems: Sequence[Path], extent: Bounds, progress: Progress) -> ElevationData:
    # rasterio and its GDAL: late, since a built-in city and an unchanged one need neither.
    from shancheng.city.sources.elevation import flat_elevation, read_elevation

    area = RootCell.enclosing(extent).bounds
    return read_elevation(dems, area, extent, progress) if dems else flat_elevation(area)


# The folder


def _build_beside(folder: Path, make: Any, created: Created, progress: Progress) -> CreateOutcome:  # noqa: ANN401
    beside = _beside(folder, "creating")
    try:
        beside.mkdir()
        with CityLock(beside):
            data = make()
            progress.step("writing layers", None)
            _write_city(beside, _manifest(folder.name, data, created), data)
            return _put_in_place(beside, folder)
    except OSError as error:
        raise StorageError(f"{beside}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _beside(folder: Path, doing: str) -> Path:
    return folder.with_name(f".{folder.name}.{doing}-{os.getpid()}-{secrets.token_hex(2)}")


def _manifest(name: str, data: CityData, created: Created) -> Manifest:
    assert data.extent is not None
    assert data.terrain is not None
    lon, lat = data.extent.centre
    raster = data.terrain.raster
    ground_m = float(raster.sample(np.array([lon]), np.array([lat]))[0] + undulation_m([lon], [lat])[0])
    return Manifest(
        name=name,
        title=data.title or Title(zh=name, en=name),
        extent=data.extent,
        root_cell=RootCell.enclosing(data.extent),
        origin=Origin(lon, lat, ground_m),
        created=created,
        terrain=data.terrain.source,
        layers={layer: data.layer_sources[layer] for layer in LAYERS if layer in data.layers},
        home=data.home,
    )


def _write_city(folder: Path, manifest: Manifest, data: CityData) -> None:
    assert data.terrain is not None
    layers = folder / LAYERS_FOLDER
    layers.mkdir()
    written = [_write_layer(layers, name, data) for name in manifest.layers]
    terrain = folder / TERRAIN_FILE
    write_terrain(terrain, data.terrain.raster)
    written.append(Written(TERRAIN, terrain, 0, 0, kind="terrain.written"))
    set_aside = [asdict(entry) for entry in data.set_aside]
    write_atomically(layers / SET_ASIDE_FILE, json.dumps(set_aside, ensure_ascii=False, indent=1).encode())
    write_atomically(folder / MANIFEST_FILE, manifest.to_toml().encode())
    with Database(folder / DATABASE_FILE) as database:
        record(database, written)
    _build_indices(folder)
    flush_folder(layers)
    flush_folder(folder)


def _write_layer(layers: Path, name: str, data: CityData) -> Written:
    table = sorted_by_id(validate_layer(name, data.layers[name]))
    indexed, smallest = with_indices(table, None, 0)
    path = layers / f"{name}.parquet"
    write_layer_file(path, indexed)
    # Everything is new; the feed says so by the count of rows and names nobody.
    return Written(name, path, indexed.num_rows, smallest)


def _build_indices(folder: Path) -> None:
    from shancheng.city.index import build_indices

    with City.open(folder, write=True) as city:
        build_indices(city)


def _put_in_place(beside: Path, folder: Path) -> CreateOutcome:
    if not folder.exists():
        beside.rename(folder)
        flush_folder(folder.parent)
        return CreateOutcome.CREATED
    aside = _beside(folder, "replaced")
    with CityLock(folder):
        folder.rename(aside)
        try:
            beside.rename(folder)
        except BaseException:
            aside.rename(folder)
            raise
        flush_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
    return CreateOutcome.REPLACED


def _clear_leftovers(home: Path, name: str) -> None:
    """Clear away what killed processes left; a city that was aside when its replacer died comes back."""
    for aside in sorted(home.glob(f".{name}.replaced-*")):
        if lock_owner(aside) is not None:
            continue  # its replacer is at work
        if not (home / name).exists() and (aside / MANIFEST_FILE).is_file():
            aside.rename(home / name)
        else:
            shutil.rmtree(aside, ignore_errors=True)
    for beside in home.glob(f".{name}.creating-*"):
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
