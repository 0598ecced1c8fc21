"""Creating a city: from source files or a built-in recipe to a folder that is there whole or not at all.

The folder is built beside its place, flushed, and renamed (``beside.py``).
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np

from shancheng.city.beside import beside_of, clear_leftovers, put_in_place
from shancheng.city.builtin import BUILTIN
from shancheng.city.changes import with_indices
from shancheng.city.credit import with_credit
from shancheng.city.files import write_files
from shancheng.city.geoparquet import sorted_by_id, write_layer_file
from shancheng.city.ids import check_city_name
from shancheng.city.inputs import DEM, SourceInput, dem_record, input_record, resolved
from shancheng.city.manifest import (
    Created,
    InputFile,
    Manifest,
    Origin,
    Title,
    read_created,
    read_manifest,
)
from shancheng.city.reading import read_city_data
from shancheng.city.schema import LAYERS, validate_layer
from shancheng.city.sources.base import CityData
from shancheng.city.sources.dem_file import DemFile, dem_file
from shancheng.city.store import (
    DATABASE_FILE,
    LAYERS_FOLDER,
    MANIFEST_FILE,
    SET_ASIDE_FILE,
    TERRAIN_FILE,
    City,
)
from shancheng.city.streams import write_layer_stream
from shancheng.city.terrain import write_terrain
from shancheng.city.versions import CREATED, TERRAIN, Written, record
from shancheng.city.writing import set_aside_text
from shancheng.db.database import Database
from shancheng.db.files import check_free_space, flush_folder, write_atomically
from shancheng.db.lock import CityLock
from shancheng.errors import CityExistsError, NotACityError, OlderSchemaError, SettingError, StorageError
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.progress import NullProgress, Progress

__all__ = ["CreateOutcome", "create_city"]

_BASE_BYTES: Final = 32 << 20
_BYTES_PER_SOURCE_BYTE: Final = 8
_BYTES_PER_DEM_BYTE: Final = 4

Confirm = Callable[[CityData], None]
"""Shown what was read before anything is written; raises to stop."""


class CreateOutcome(Enum):
    """What ``create_city`` did."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


def create_city(
    home: Path,
    name: str,
    *,
    inputs: Sequence[SourceInput] = (),
    dems: Sequence[DemFile | Path] = (),
    builtin: str | None = None,
    replace: bool = False,
    confirm: Confirm | None = None,
    progress: Progress | None = None,
) -> tuple[City, CreateOutcome]:
    """Create a city's folder, ``home / name``; a city that was made from the same is left as it is.

    Args:
        home: Folder of all cities; made when missing.
        name: The city's name and its folder's.
        inputs: Files with the sources that read them.
        dems: Elevations for ``inputs``, the first before the others. Without any the ground is the sources'
            own, else drawn through the feet of their solids, else level, which ``city.toml`` says.
        builtin: A key of ``BUILTIN``; where neither it nor ``inputs`` are given, ``name`` is taken for it.
        replace: Whether a city that was made from something else gives way.
        confirm: Shown what was read, before anything is written.
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
    builtin = _builtin_of(name, inputs, dems, builtin)
    asked = resolved(inputs) if inputs else []
    elevations = [dem_file(dem) if isinstance(dem, Path) else dem for dem in dems]
    created = _asked(asked, elevations, builtin)
    folder = home / name
    clear_leftovers(home, name)
    if folder.exists():
        _check_in_the_way(folder, created, replace=replace)
        if not replace:
            return City.open(folder, write=False), CreateOutcome.UNCHANGED
    check_free_space(home, _bytes_needed(created))
    _make_home(home)

    def make() -> CityData:
        data = _recipe(builtin, progress) if builtin else read_city_data(asked, elevations, progress)
        if confirm is not None:
            confirm(data)
        return data

    outcome = _build_beside(folder, make, created, progress)
    return City.open(folder, write=False), outcome


# What was asked


def _builtin_of(
    name: str, inputs: Sequence[SourceInput], dems: Sequence[DemFile | Path], builtin: str | None
) -> str | None:
    if inputs:
        if builtin is not None:
            raise SettingError(f"builtin={builtin!r}: cannot be joined with files; give one of them")
        return None
    known = ", ".join(BUILTIN)
    if (builtin or name) not in BUILTIN:
        raise SettingError(
            f"{builtin or name}: is not built in (built in: {known}); give --osm FILE or --from SOURCE FILE"
        )
    if dems:
        raise SettingError(
            f"--dem {dems[0]}: a built-in city has its own elevations; give --osm or --from too, "
            "or `shancheng city add CITY elevation FILE` later"
        )
    return builtin or name


def _asked(inputs: Sequence[SourceInput], dems: Sequence[DemFile], builtin: str | None) -> Created:
    if builtin is not None:
        return Created(builtin=builtin, builtin_version=BUILTIN[builtin].version)
    return Created(inputs=(*map(input_record, inputs), *map(dem_record, dems)))


def _told(created: Created) -> str:
    if created.builtin:
        return f"the built-in {created.builtin} (version {created.builtin_version})"
    return ", ".join(_told_input(entry) for entry in created.inputs) or "nothing known"


def _told_input(entry: InputFile) -> str:
    options = "".join(f" {key}={value}" for key, value in sorted(entry.options.items()))
    return f"{entry.file} ({entry.sha256[:8]}{options})"


def _bytes_needed(created: Created) -> int:
    """An estimate from above: Monaco's files come to 1.4 times its extract and elevations to their window."""
    per_byte = {True: _BYTES_PER_DEM_BYTE, False: _BYTES_PER_SOURCE_BYTE}
    return _BASE_BYTES + sum(entry.size * per_byte[entry.kind == DEM] for entry in created.inputs)


def _check_in_the_way(folder: Path, created: Created, *, replace: bool) -> None:
    """Refuse what may not be replaced; a folder that is no city never may.

    Raises:
        NotACityError, CityExistsError, CityLockedError: As `create_city` says.
    """
    try:
        read_manifest(folder / MANIFEST_FILE)
        older = ""
    except OlderSchemaError:
        older = " by an older Shancheng"
    except NotACityError as error:
        raise NotACityError(f"{folder}: exists and is no city ({error}); move it away first") from error
    if replace:
        # Known before the work begins and not after it; the lock itself is taken at the end.
        with CityLock(folder):
            return
    existing = read_created(folder / MANIFEST_FILE)
    if older or existing.arguments != created.arguments:
        raise CityExistsError(
            f"{folder}: exists, made{older} from {_told(existing)}; asked for {_told(created)}; "
            "--replace makes it anew"
        )


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{home}: cannot be made: {error.strerror}") from error


def _recipe(builtin: str, progress: Progress) -> CityData:
    recipe = BUILTIN[builtin]
    data = recipe.build(progress)
    return changed(data, title=data.title or recipe.title)


# The folder


def _build_beside(
    folder: Path, make: Callable[[], CityData], created: Created, progress: Progress
) -> CreateOutcome:
    beside = beside_of(folder, "creating")
    try:
        beside.mkdir()
        with CityLock(beside):
            data = make()
            progress.step("writing layers", None)
            _write_city(beside, _manifest(folder.name, data, created), data)
            progress.step("writing the search index", None)
            _build_indices(beside)
            replaced = put_in_place(beside, folder)
            return CreateOutcome.REPLACED if replaced else CreateOutcome.CREATED
    except OSError as error:
        raise StorageError(f"{beside}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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
        layers={layer: data.layer_sources[layer] for layer in LAYERS if layer in data.layer_sources},
        home=data.home,
    )


def _write_city(folder: Path, manifest: Manifest, data: CityData) -> None:
    layers = folder / LAYERS_FOLDER
    layers.mkdir()
    write_files(folder, data.files)
    written = [_write_layer(layers, name, data) for name in manifest.layers]
    written.append(_write_ground(folder / TERRAIN_FILE, data))
    write_atomically(layers / SET_ASIDE_FILE, set_aside_text(data.set_aside))
    write_atomically(folder / MANIFEST_FILE, manifest.to_toml().encode())
    with Database(folder / DATABASE_FILE) as database:
        record(database, written)
    flush_folder(layers)
    flush_folder(folder)


def _write_layer(layers: Path, name: str, data: CityData) -> Written:
    source = data.layer_sources[name]
    path = layers / f"{name}.parquet"
    if name in data.streams:
        rows = smallest = write_layer_stream(path, name, data.streams[name], source)
    else:
        table = sorted_by_id(validate_layer(name, data.layers[name]))
        indexed, smallest = with_indices(table, None, 0)
        write_layer_file(path, with_credit(indexed, source))
        rows = indexed.num_rows
    # Everything is new; the feed says so by the count of rows and names nobody.
    return Written(name, path, rows, smallest, how=CREATED, source=source.source)


def _write_ground(path: Path, data: CityData) -> Written:
    ground = data.terrain
    assert ground is not None
    write_terrain(path, ground.raster, ground.filled, ground.source)
    return Written(TERRAIN, path, 0, 0, kind="terrain.written", how=CREATED, source=ground.source.source)


def _build_indices(folder: Path) -> None:
    from shancheng.city.index import build_indices

    with City.open(folder, write=True) as city:
        build_indices(city)
