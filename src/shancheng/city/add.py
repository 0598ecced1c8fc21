"""Adding to a city: what a source brings is planned and shown first, then put in, one layer after another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.area import cut_to, shown
from shancheng.city.files import write_files
from shancheng.city.inputs import SourceInput, dem_record, input_record, read_input, resolved
from shancheng.city.joining import join_data, join_sources, join_tables, without_ids
from shancheng.city.manifest import InputFile, LayerSource, TerrainSource
from shancheng.city.schema import LAYERS, validate_layer
from shancheng.city.sources.base import CityData, ElevationData, SourceOptions
from shancheng.city.sources.dem_file import DemFile
from shancheng.city.store import City
from shancheng.city.versions import ADDED, TERRAIN, LayerVersion
from shancheng.city.writing import write_ground, write_layer, write_set_aside
from shancheng.db.files import check_free_space
from shancheng.errors import SourceFileError
from shancheng.progress import Progress

__all__ = ["Addition", "LayerPlan", "carry_out", "plan_addition", "plan_ground"]

NO_GROUND: Final = "none"
"""What ``terrain.source`` says in a city of which nobody gave elevations."""


@dataclass(frozen=True)
class LayerPlan:
    """What will become of one layer, in objects.

    Attributes:
        layer: Its name.
        before: How many it has; None where the city does not have it yet.
        after: How many it will have.
        new: How many of these it does not have yet, by their ids.
        gone: How many it has now and will not have.
    """

    layer: str
    before: int | None
    after: int
    new: int
    gone: int


@dataclass(frozen=True)
class Addition:
    """All that one command will put into a city; nothing is written yet.

    Attributes:
        data: What was read, cut to the city's place.
        plans: One for each layer of ``data``.
        ground: New elevations; None where the city keeps its own.
        inputs: What the history will say of the files.
        keep: Whether a layer's other objects stay.
        remarks: What the user should know.
    """

    data: CityData
    plans: tuple[LayerPlan, ...]
    ground: ElevationData | None
    inputs: tuple[InputFile, ...]
    keep: bool = False
    remarks: tuple[str, ...] = ()


def plan_addition(
    city: City, given: Sequence[SourceInput], *, keep: bool = False, progress: Progress
) -> Addition:
    """Read files and say what they would change.

    Args:
        city: The city.
        given: Files of one source; several are taken as one.
        keep: Whether objects of a layer that the files do not hold stay; else the files replace it.
        progress: Told what is being read.

    Raises:
        SettingError: There is no such source, or it does not understand an option.
        SourceFileError, UnknownCRSError, LayerSchemaError: A file cannot be used.
    """
    inputs = resolved(given)
    records = tuple(input_record(entry) for entry in inputs)
    names = [str(entry.path) for entry in inputs]
    read = join_data([read_input(entry, progress) for entry in inputs], names)
    data = _fitted(city, read, ", ".join(names))
    wants_ground = any(TERRAIN in entry.layers for entry in inputs)
    ground = data.terrain if wants_ground or city.manifest.terrain.source == NO_GROUND else None
    if not data.layers and ground is None:
        raise SourceFileError(f"{', '.join(names)}: brings no layer; nothing to add")
    plans = tuple(_plan(city, name, table, keep=keep) for name, table in data.layers.items())
    unused = data.terrain is not None and ground is None
    remarks = ("the source has a ground of its own, which is left out; --layer terrain takes it",) * unused
    return Addition(data, plans, ground, records, keep, data.remarks + remarks)


def plan_ground(city: City, dems: Sequence[DemFile], options: SourceOptions, progress: Progress) -> Addition:
    """Read elevations that are to replace the city's own.

    Args:
        city: The city.
        dems: The first goes before the others wherever it has a value.
        options: Licence, attribution and provenance count.
        progress: Told what is being read.

    Raises:
        SourceFileError, UnknownCRSError, CoverageError: A file cannot be used.
    """
    from shancheng.city.sources.elevation import read_elevation  # GDAL

    manifest = city.manifest
    records = tuple(dem_record(dem) for dem in dems)
    ground = read_elevation(dems, manifest.root_cell.bounds, manifest.extent, progress)
    ground = replace(ground, source=_credited(ground.source, options))
    return Addition(CityData({}, {}), (), ground, records)


def carry_out(city: City, addition: Addition, progress: Progress) -> list[LayerVersion]:
    """Put everything in; each layer is replaced whole, and a crash leaves the old or the new one.

    Pictures and tables come first, so that no layer ever refers to what is not there.

    Returns:
        The versions of what changed; a layer that stays the same keeps its version and is left out.

    Raises:
        DiskFullError: There is no room for it.
        StorageError: The city was opened for reading, or the disk refused.
    """
    data = addition.data
    check_free_space(city.folder, _bytes_of(data))
    write_files(city.folder, data.files)
    inputs = [vars(entry) for entry in addition.inputs]
    versions = []
    for name, table in data.layers.items():
        progress.step(f"writing {name}", None)
        before = city.layer_version(name) if city.has_layer(name) else None
        merged, source = _merged(city, name, table, data.layer_sources[name], keep=addition.keep)
        version = write_layer(city, name, merged, source, how=ADDED, inputs=inputs)
        versions += [version] if version != before else []
    if addition.ground is not None:
        progress.step("writing elevations", None)
        before = city.terrain_version
        version = write_ground(city, addition.ground, how=ADDED, inputs=inputs)
        versions += [version] if version != before else []
    replaced = [name for name in data.layers if not addition.keep]
    write_set_aside(city, replaced, data.set_aside)
    return versions


def _fitted(city: City, data: CityData, name: str) -> CityData:
    """The data with valid layers that lie in the city.

    Raises:
        SourceFileError: All of a layer lies elsewhere, as in another reference system.
    """
    checked = {layer: validate_layer(layer, data.layers[layer]) for layer in LAYERS if layer in data.layers}
    area = city.manifest.root_cell.bounds
    cut = cut_to(replace(data, layers=checked), area)
    for layer, table in cut.layers.items():
        if checked[layer].num_rows and not table.num_rows:
            raise SourceFileError(
                f"{name}: all {checked[layer].num_rows:,} of {layer} lie outside the city ({shown(area)}); "
                "give the file of this place, or say its coordinates with --crs or --datum"
            )
    return cut


def _plan(city: City, layer: str, table: pa.Table, *, keep: bool) -> LayerPlan:
    if not city.has_layer(layer):
        return LayerPlan(layer, None, table.num_rows, table.num_rows, 0)
    old = city.layer(layer, ["id"]).column("id")
    known = len(table.column("id").filter(pc.is_in(table.column("id"), value_set=old)))
    new, gone = table.num_rows - known, 0 if keep else len(old) - known
    return LayerPlan(layer, len(old), len(old) + new - gone, new, gone)


def _merged(
    city: City, layer: str, table: pa.Table, source: LayerSource, *, keep: bool
) -> tuple[pa.Table, LayerSource]:
    if not keep or not city.has_layer(layer):
        return table, source
    old = without_ids(city.layer(layer), table.column("id"))
    sources = [city.manifest.layers[layer], source]
    return join_tables(layer, [old, table], sources), join_sources(sources)


def _credited(source: TerrainSource, options: SourceOptions) -> TerrainSource:
    given = {name: getattr(options, name) for name in ("licence", "attribution", "provenance")}
    return replace(source, **{name: value for name, value in given.items() if value is not None})


def _bytes_of(data: CityData) -> int:
    """An estimate from above: what is in memory, which is compressed on disk, beside the layers there are."""
    return sum(table.nbytes for table in data.layers.values()) + sum(map(len, data.files.values()))
