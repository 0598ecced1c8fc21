"""A city folder opened for reading and, by its owner, for writing.

A layer's Parquet file is the truth; the database holds its version and hash. At open each file is compared
with them: first size and time, then, where these differ, the hash. A file that was changed behind our back
and still fits its schema becomes a new version, with a feed row, when the opener owns the city; one that does
not fit is refused by name.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa

from shancheng.city.changes import Changes, changes_between
from shancheng.city.credit import file_credit
from shancheng.city.geoparquet import read_layer
from shancheng.city.kept import KEPT_FOLDER, kept_path
from shancheng.city.manifest import Manifest, read_manifest
from shancheng.city.past import PastFile, files_at, holds
from shancheng.city.schema import LAYERS, validate_layer
from shancheng.city.sources.base import SetAside
from shancheng.city.terrain import read_terrain, read_terrain_credit
from shancheng.city.versions import (
    ADOPTED,
    TERRAIN,
    LayerVersion,
    Written,
    next_index,
    read_versions,
    record,
    state_of,
    touch,
)
from shancheng.db.database import Database
from shancheng.db.files import remove_leftovers, sha256_file, write_atomically
from shancheng.db.lock import lock_owner
from shancheng.errors import (
    LayerChangedError,
    LayerSchemaError,
    NotACityError,
    NotFoundError,
    SettingError,
    StorageError,
)
from shancheng.geo.raster import Raster

__all__ = ["City"]

MANIFEST_FILE: Final = "city.toml"
DATABASE_FILE: Final = "shancheng.db"
TERRAIN_FILE: Final = "terrain.tif"
LAYERS_FOLDER: Final = "layers"
INDEX_FOLDER: Final = ".index"
SET_ASIDE_FILE: Final = "set_aside.json"


class City:
    """One city folder; what it says holds for the moment of opening, or of our last write.

    Threads may share it for reading. ``writes`` says whether it may write; then the caller owns the lock.
    ``at`` is None, or the time of which it shows the city: its layers, terrain and their sources as they
    were then.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, writes: bool) -> None:
        self.folder = folder
        self.manifest = manifest
        self.writes = writes
        self.at: datetime | None = None
        self._past: dict[str, PastFile] = {}
        self._versions: dict[str, LayerVersion] = {}
        self._database: Database | None = None

    @classmethod
    def open(cls, folder: Path, *, write: bool | None = None, at: datetime | None = None) -> "City":
        """Open a city.

        Args:
            folder: The city's folder.
            write: Whether files that were changed behind our back are taken over as new versions. None: if
                this process holds the city's lock. With False no byte is written, and changed files are only
                read.
            at: Show the city as it was then; for reading.

        Raises:
            NotACityError: The folder holds no readable ``city.toml``.
            NewerSchemaError, OlderSchemaError: Another version of Shancheng made it.
            NotFoundError: It was not there yet at that time, or a file of then is kept no more.
            SettingError: The time carries no time zone.
            LayerChangedError: A file is missing, damaged, or was changed so that it fits its schema no more.
        """
        if not folder.is_dir():
            raise NotACityError(f"{folder}: no such folder; needed: a city's folder")
        manifest = read_manifest(folder / MANIFEST_FILE)
        if at is not None:
            if at.tzinfo is None:
                raise SettingError(f"at={at}: must carry a time zone")
            return cls._open_past(folder, manifest, at)
        city = cls(folder, manifest, writes=_holds_lock(folder) if write is None else write)
        try:
            city._check_files()
        except BaseException:
            city.close()
            raise
        return city

    @classmethod
    def _open_past(cls, folder: Path, manifest: Manifest, at: datetime) -> "City":
        past = files_at(folder, folder / DATABASE_FILE, at)
        names = [name for name in LAYERS if name in past]
        sources = {name: file_credit(past[name].path) or manifest.layers[name] for name in names}
        terrain = read_terrain_credit(past[TERRAIN].path) or manifest.terrain
        city = cls(folder, replace(manifest, layers=sources, terrain=terrain), writes=False)
        city.at, city._past = at, past
        city._versions = {name: file.version for name, file in past.items()}
        return city

    # Layers

    def layer_names(self) -> list[str]:
        """Names of the layers that the city has, in the order of the schema."""
        return [name for name in LAYERS if name in self.manifest.layers]

    def has_layer(self, name: str) -> bool:
        """Whether the city has that layer; it may be empty."""
        return name in self.manifest.layers and name in LAYERS

    def layer_path(self, name: str) -> Path:
        """The layer's file.

        Raises:
            NotFoundError: The city has no such layer.
        """
        if not self.has_layer(name):
            raise NotFoundError(
                f"layer={name!r}: {self.manifest.name} has no such layer; "
                f"it has {', '.join(self.layer_names())}"
            )
        past = self._past.get(name)
        return self.folder / LAYERS_FOLDER / f"{name}.parquet" if past is None else past.path

    def index_path(self, name: str) -> Path:
        """Where the search index of a layer lies; it may not exist."""
        return self.folder / LAYERS_FOLDER / INDEX_FOLDER / f"{name}.arrow"

    def layer(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A layer, or some of its columns, read from disk now; rows are in the order of ids."""
        return read_layer(self.layer_path(name), name, columns)

    def layer_version(self, name: str) -> LayerVersion:
        """Version and hash of a layer's file."""
        self.layer_path(name)
        return self._versions[name]

    def set_aside(self) -> list[SetAside]:
        """Features that the sources hold but that could not be taken over; of the past this is not kept."""
        if self.at is not None:
            return []
        path = self.folder / LAYERS_FOLDER / SET_ASIDE_FILE
        try:
            return [SetAside(**entry) for entry in json.loads(path.read_bytes())]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"{path}: cannot be read: {error}") from error

    # Terrain and the rest

    def terrain(self) -> Raster:
        """Elevations in metres above the geoid, without voids; read once."""
        return self._terrain

    @cached_property
    def _terrain(self) -> Raster:
        return read_terrain(self.terrain_path)

    @property
    def terrain_path(self) -> Path:
        """The file of the elevations."""
        past = self._past.get(TERRAIN)
        return self.folder / TERRAIN_FILE if past is None else past.path

    @property
    def terrain_version(self) -> LayerVersion:
        """Version and hash of the elevations."""
        return self._versions[TERRAIN]

    @property
    def terrain_sha256(self) -> str:
        """Hash of ``terrain.tif``."""
        return self._versions[TERRAIN].sha256

    def input_digest(self) -> str:
        """Hash over all that tiles are made from: equal digests, equal tiles."""
        manifest = self.manifest
        parts = {
            "layers": {name: self._versions[name].sha256 for name in self.layer_names()},
            "terrain": self.terrain_sha256,
            "name": manifest.name,
            "extent": _values(manifest.extent),
            "root_cell": _values(manifest.root_cell),
            "origin": _values(manifest.origin),
            "credit": {name: _values(manifest.layers[name]) for name in self.layer_names()},
            "terrain_credit": _values(manifest.terrain),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    # For who writes: see writing.py

    def change_manifest(self, manifest: Manifest) -> None:
        """Take another manifest, and write it where the city may be written."""
        self.manifest = manifest
        if self.writes:
            write_atomically(self.folder / MANIFEST_FILE, manifest.to_toml().encode())

    def note_version(self, version: LayerVersion) -> None:
        """Take note of a version that was just put in place and recorded."""
        self._versions[version.layer] = version
        if version.layer == TERRAIN:
            self.__dict__.pop("_terrain", None)  # what cached_property holds is of the file before

    @property
    def database(self) -> Database:
        """The city's database, opened at first use; using it makes files beside it."""
        if self._database is None:
            self._database = Database(self.folder / DATABASE_FILE)
        return self._database

    def close(self) -> None:
        """Let go of the database. Closing twice is harmless."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Adoption

    def _check_files(self) -> None:
        if self.writes:
            layers = self.folder / LAYERS_FOLDER
            for folder in (self.folder, layers, layers / KEPT_FOLDER):
                remove_leftovers(folder)
        known = read_versions(self.folder / DATABASE_FILE)
        for name in self.layer_names():
            self._versions[name] = self._checked(name, self.layer_path(name), known.get(name))
        self._versions[TERRAIN] = self._checked(TERRAIN, self.terrain_path, known.get(TERRAIN))

    def _checked(self, name: str, path: Path, known: LayerVersion | None) -> LayerVersion:
        if not path.is_file():
            raise LayerChangedError(f"{path}: is missing, but city.toml names it")
        state = state_of(path)
        if known is not None and known.state == state:
            return known
        sha256 = sha256_file(path)
        if known is not None and known.sha256 == sha256:
            if self.writes:
                touch(self.database, known, state)
            return replace(known, state=state)
        return self._adopted(name, path, known)

    def _adopted(self, name: str, path: Path, known: LayerVersion | None) -> LayerVersion:
        """A changed file as a version of its own: recorded by the owner, only looked at by others."""
        found = self._look_at(name, path, known)
        self._take_credit_over(name, path)
        if self.writes:
            return record(self.database, [found])[name]
        version = 0 if known is None else known.version
        return LayerVersion(name, version, sha256_file(path), found.rows, datetime.now(UTC), state_of(path))

    def _look_at(self, name: str, path: Path, known: LayerVersion | None) -> Written:
        """What a changed file holds.

        Raises:
            LayerChangedError: It does not fit its schema or cannot be read.
        """
        try:
            if name == TERRAIN:
                read_terrain(path)
                return Written(TERRAIN, path, 0, 0, kind="terrain.adopted", how=ADOPTED)
            table = validate_layer(name, read_layer(path, name))
        except (LayerSchemaError, StorageError) as error:
            raise LayerChangedError(
                f"{path}: was changed and cannot be taken over: {error}; put the old file back or correct it"
            ) from error
        indices = table.column("index").to_numpy()
        used = int(indices.max()) + 1 if len(indices) else 0
        smallest = max(used, next_index(self.database, name)) if self.writes else used
        changes = self._changes_since(known, table) if self.writes else Changes()
        return Written(name, path, len(indices), smallest, changes, kind="layer.adopted", how=ADOPTED)

    def _changes_since(self, known: LayerVersion | None, table: pa.Table) -> Changes:
        """What differs from a version that was kept, as before a crash; else nobody can say."""
        if known is None:
            return Changes()
        kept = kept_path(self.folder / LAYERS_FOLDER, known)
        return changes_between(read_layer(kept, known.layer), table) if holds(kept, known) else Changes()

    def _take_credit_over(self, name: str, path: Path) -> None:
        """Data that were put in place just before a crash bring their source along; city.toml follows."""
        manifest = self.manifest
        if name == TERRAIN:
            changed = replace(manifest, terrain=read_terrain_credit(path) or manifest.terrain)
        else:
            source = file_credit(path) or manifest.layers[name]
            changed = replace(manifest, layers={**manifest.layers, name: source})
        if changed != manifest:
            self.change_manifest(changed)


def _holds_lock(folder: Path) -> bool:
    owner = lock_owner(folder)
    return owner is not None and owner.pid == os.getpid()


def _values(item: Any) -> dict[str, Any]:  # noqa: ANN401 - any of our records; some have slots
    return {name: getattr(item, name) for name in item.__dataclass_fields__}
