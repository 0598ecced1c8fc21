"""What a user gives to fill a city: files with the source that reads each, and what is recorded of them."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from shancheng.city.area import meeting
from shancheng.city.manifest import InputFile
from shancheng.city.schema import LAYERS
from shancheng.city.sources import read_source, source_named
from shancheng.city.sources.base import CityData, Source, SourceOptions
from shancheng.city.sources.dem_file import DemFile
from shancheng.db.files import sha256_file
from shancheng.errors import SettingError, SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.progress import Progress

__all__ = ["DEM", "SourceInput", "dem_record", "input_record", "read_input", "resolved"]

DEM: Final = "dem"
_MAX_FILES: Final = 100_000
_PLAIN: Final = SourceOptions()


@dataclass(frozen=True)
class SourceInput:
    """One file, or a folder where a format is one, and how to read it.

    Attributes:
        source: Name of the source that reads it.
        path: Where it lies.
        options: What the user says of it.
        layers: Only these are taken; all when empty.
    """

    source: str
    path: Path
    options: SourceOptions = field(default_factory=SourceOptions)
    layers: tuple[str, ...] = ()


def resolved(given: Sequence[SourceInput]) -> list[SourceInput]:
    """The inputs, each with the options that its source understands.

    An option goes to all sources that understand it; one that none understands is refused. ``layers`` choose
    among what a source brings, or tell a source that understands it which layer to fill. Bounds are for
    everybody: who does not understand them is cut afterwards.

    Raises:
        SettingError: There is no such source or layer, or nobody understands an option.
    """
    sources = [source_named(entry.source) for entry in given]
    for option in fields(SourceOptions):
        asked = [getattr(entry.options, option.name) != getattr(_PLAIN, option.name) for entry in given]
        understood = [option.name in source.options for source in sources]
        if any(asked) and not any(understood) and option.name != "bounds":
            names = ", ".join(dict.fromkeys(source.name for source in sources))
            raise SettingError(f"{option.name}: is not understood by {names}")
    fills_one = any("layer" in source.options for source in sources)
    return [_resolved(entry, source, fills_one) for entry, source in zip(given, sources, strict=True)]


def _resolved(entry: SourceInput, source: Source, fills_one: bool) -> SourceInput:  # noqa: FBT001
    for layer in entry.layers:
        if layer not in LAYERS and layer != "terrain":
            raise SettingError(f"layer={layer!r}: must be one of {', '.join(LAYERS)}")
    options = replace(
        entry.options,
        **{
            option.name: getattr(_PLAIN, option.name)
            for option in fields(SourceOptions)
            if option.name not in source.options and option.name != "bounds"
        },
    )
    if "layer" in source.options:
        if len(entry.layers) > 1:
            raise SettingError(f"layer={','.join(entry.layers)}: {source.name} fills one layer at a time")
        return replace(entry, options=replace(options, layer=next(iter(entry.layers), options.layer)))
    if fills_one:
        return replace(entry, options=options, layers=())
    absent = [layer for layer in entry.layers if layer not in source.layers and layer != "terrain"]
    if absent:
        raise SettingError(f"layer={absent[0]!r}: {source.name} fills {', '.join(source.layers)}")
    return replace(entry, options=options)


def read_input(given: SourceInput, progress: Progress) -> CityData:
    """Read one resolved input; only the layers and the place that were asked for.

    Raises:
        SettingError: The source refuses an option.
        SourceFileError, UnknownCRSError: The file cannot be used.
    """
    bounds = given.options.bounds
    understands = "bounds" in source_named(given.source).options
    options = given.options if understands else replace(given.options, bounds=None)
    data = read_source(given.source, given.path, options, progress)
    if given.layers:
        data = _chosen(given, data)
    return data if bounds is None else _within(data, bounds)


def _chosen(given: SourceInput, data: CityData) -> CityData:
    names = [name for name in data.layers if name in given.layers]
    if not names and not (data.terrain is not None and "terrain" in given.layers):
        has = ", ".join(data.layers) or "nothing"
        raise SourceFileError(f"{given.path}: holds no {' and no '.join(given.layers)}; it has {has}")
    return replace(
        data,
        layers={name: data.layers[name] for name in names},
        layer_sources={name: data.layer_sources[name] for name in names},
        set_aside=[entry for entry in data.set_aside if entry.layer in given.layers],
    )


def _within(data: CityData, bounds: Bounds) -> CityData:
    return replace(
        data, layers={name: table.filter(meeting(table, bounds)) for name, table in data.layers.items()}
    )


# What is recorded


def input_record(given: SourceInput) -> InputFile:
    """What ``city.toml`` and the history say of an input.

    Raises:
        SourceFileError: It is missing or empty.
    """
    size, sha256 = _content(given.path, f"--from {given.source}")
    options: dict[str, str] = {}
    for option in fields(SourceOptions):
        value = getattr(given.options, option.name)
        if value != getattr(_PLAIN, option.name):
            options[option.name] = _text(value)
    if given.layers and "layer" not in options:
        options["layer"] = ",".join(given.layers)
    return InputFile(given.source, given.path.name, size, sha256, options)


def dem_record(dem: DemFile) -> InputFile:
    """The same of a file of elevations."""
    size, sha256 = _content(dem.path, "--dem")
    options = {"crs": dem.crs, "encoding": dem.encoding, "tile": dem.tile and "/".join(map(str, dem.tile))}
    return InputFile(DEM, dem.path.name, size, sha256, {key: text for key, text in options.items() if text})


def _text(value: Any) -> str:  # noqa: ANN401 - any option's value
    if isinstance(value, Bounds):
        return f"{value.west_deg!r},{value.south_deg!r},{value.east_deg!r},{value.north_deg!r}"
    if isinstance(value, Mapping):
        return ",".join(f"{ours}={theirs}" for ours, theirs in sorted(value.items()))
    return str(value)


def _content(path: Path, asked_by: str) -> tuple[int, str]:
    """Size and hash of a file, or of all files below a folder by their names and hashes."""
    if path.is_dir():
        return _content_of_folder(path, asked_by)
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; {asked_by} needs a file")
    if path.stat().st_size == 0:
        raise SourceFileError(f"{path}: is empty; {asked_by} needs a file with data")
    return path.stat().st_size, sha256_file(path)


def _content_of_folder(folder: Path, asked_by: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    files = list(_files_of(folder))
    if not files:
        raise SourceFileError(f"{folder}: is an empty folder; {asked_by} needs data")
    for path in sorted(files):
        size += path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n".encode())
    return size, digest.hexdigest()


def _files_of(folder: Path) -> Iterator[Path]:
    count = 0
    for parent, _, names in os.walk(folder):
        count += len(names)
        if count > _MAX_FILES:
            raise SourceFileError(
                f"{folder}: holds more than {_MAX_FILES:,} files; give the folder of the data"
            )
        yield from (path for name in names if (path := Path(parent) / name).is_file())
