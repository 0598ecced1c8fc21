"""Putting new layers and elevations into a city that somebody owns: each whole, each a version of its own.

A crash between the steps leaves the old file or the new one, with its own source in it; the next opening by
an owner completes what is missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from shancheng.city.changes import changes_between, with_indices
from shancheng.city.credit import with_credit
from shancheng.city.deltas import keep_delta
from shancheng.city.geoparquet import sorted_by_id, write_layer_file
from shancheng.city.kept import keep
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import validate_layer
from shancheng.city.sources.base import ElevationData, SetAside
from shancheng.city.store import LAYERS_FOLDER, SET_ASIDE_FILE, City
from shancheng.city.terrain import write_terrain
from shancheng.city.versions import TERRAIN, WRITTEN, LayerVersion, Written, next_index, record
from shancheng.db.files import write_atomically
from shancheng.errors import StorageError
from shancheng.geo.raster import Raster

__all__ = ["set_aside_text", "write_ground", "write_layer", "write_set_aside"]


def write_layer(
    city: City,
    name: str,
    table: pa.Table,
    source: LayerSource,
    *,
    how: str = WRITTEN,
    inputs: Sequence[Mapping[str, Any]] = (),
) -> LayerVersion:
    """Put a new version of a layer in place of the old, whole; the caller owns the city.

    First the old file gets its second name, then comes the new file, then ``city.toml``, then the version,
    its changed ids and the feed row in one transaction. A crash between them leaves a file, with its source
    in it, that the next opening takes over. A layer that stays the same keeps its version.

    Args:
        city: Opened for writing.
        name: A key of ``LAYERS``; the city need not have it yet.
        table: The layer; its ``index`` is replaced: known ids keep theirs.
        source: Where the data comes from.
        how: What the history says of it, as in `VersionRecord`.
        inputs: The files it was read from, likewise.

    Raises:
        LayerSchemaError: The table does not fit.
        StorageError: The city was opened for reading.
    """
    _check_writes(city)
    checked = validate_layer(name, table)
    old = city.layer(name) if city.has_layer(name) else None
    indexed, smallest = with_indices(sorted_by_id(checked), old, next_index(city.database, name))
    changes = changes_between(old, indexed)
    layers = city.folder / LAYERS_FOLDER
    path = layers / f"{name}.parquet"
    before = None if old is None else city.layer_version(name)
    if before is not None:
        if not changes.count and city.manifest.layers[name] == source:
            return before
        keep(layers, before, path)
    write_layer_file(path, with_credit(indexed, source))
    city.change_manifest(replace(city.manifest, layers={**city.manifest.layers, name: source}))
    written = Written(
        name, path, indexed.num_rows, smallest, changes, how=how, source=source.source, inputs=inputs
    )
    version = _recorded(city, written)
    if old is not None and before is not None:
        keep_delta(layers, before, version, (old, indexed), changes)
    return version


def write_ground(
    city: City,
    ground: ElevationData,
    *,
    how: str = WRITTEN,
    inputs: Sequence[Mapping[str, Any]] = (),
) -> LayerVersion:
    """Put new elevations in place of the old, as `write_layer` does; the local frame stays where it is.

    Raises:
        StorageError: The city was opened for reading.
    """
    _check_writes(city)
    if city.manifest.terrain == ground.source and _same(city.terrain(), ground.raster):
        return city.terrain_version
    path = city.terrain_path
    keep(city.folder / LAYERS_FOLDER, city.terrain_version, path)
    write_terrain(path, ground.raster, ground.filled, ground.source)
    city.change_manifest(replace(city.manifest, terrain=ground.source))
    written = Written(
        TERRAIN, path, 0, 0, kind="terrain.written", how=how, source=ground.source.source, inputs=inputs
    )
    return _recorded(city, written)


def write_set_aside(city: City, layers: Sequence[str], entries: Sequence[SetAside]) -> None:
    """List what could not be taken over, in place of what was listed for these layers."""
    _check_writes(city)
    kept = [entry for entry in city.set_aside() if entry.layer not in layers]
    path = city.folder / LAYERS_FOLDER / SET_ASIDE_FILE
    write_atomically(path, set_aside_text(list(dict.fromkeys([*kept, *entries]))))


def set_aside_text(entries: Sequence[SetAside]) -> bytes:
    """The text of ``set_aside.json``."""
    return json.dumps([vars(entry) for entry in entries], ensure_ascii=False, indent=1).encode()


def _check_writes(city: City) -> None:
    if not city.writes:
        raise StorageError(f"{city.folder}: opened for reading; take the city's lock to write")


def _recorded(city: City, written: Written) -> LayerVersion:
    version = record(city.database, [written])[written.layer]
    city.note_version(version)
    return version


def _same(a: Raster, b: Raster) -> bool:
    place = ("west_deg", "north_deg", "step_lon_deg", "step_lat_deg", "shape")
    return all(getattr(a, name) == getattr(b, name) for name in place) and bool((a.values == b.values).all())
