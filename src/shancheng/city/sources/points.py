"""Tables of points as a source: CSV and Parquet with longitude and latitude, or x and y of a named system.

Base stations (also as OpenCelliD has them), compute sites, sensors, places, stations, stops, landmarks.
Reading of text is in ``points_text.py``; checks and columns are those of all tables (``vector_build.py``).
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.schema import APPROXIMATE
from shancheng.city.sources.base import CityData, Source, SourceOptions
from shancheng.city.sources.points_cells import CELL_ID, are_cells, cell_ids
from shancheng.city.sources.points_text import open_text
from shancheng.city.sources.vector import city_data, local_file, not_ids, stated_provenance
from shancheng.city.sources.vector_arrow import mask_of, pc
from shancheng.city.sources.vector_build import Batch, Builder, uncollected
from shancheng.city.sources.vector_columns import Mapped, choose_columns, fields_of, normalised, shown
from shancheng.city.sources.vector_crs import placement
from shancheng.city.sources.vector_geoparquet import is_parquet, open_parquet, record_batches
from shancheng.city.sources.vector_values import numbers, texts
from shancheng.errors import SettingError, SourceFileError
from shancheng.geo.crs import LONLAT
from shancheng.progress import Progress

__all__ = ["LAYERS_OF_POINTS", "SOURCE", "read"]

LAYERS_OF_POINTS: Final = (
    "base_stations", "compute_sites", "sensors", "places", "rail_stations", "transit_stops", "landmarks",
    "elevators",
)  # fmt: skip
FORMATS: Final = "CSV (, ; or tab), Parquet"

_PLACE: Final = ("lon", "lat")
_AXES: Final = {"x": "lon", "y": "lat"}
_LON: Final = ("lon", "lng", "longitude", "long", "lon_deg", "经度", "东经")
_LAT: Final = ("lat", "latitude", "lat_deg", "纬度", "北纬")
_X: Final = ("x", "easting", "east", "x_m", "point_x", "coord_x", "横坐标")
_Y: Final = ("y", "northing", "north", "y_m", "point_y", "coord_y", "纵坐标")
_NO_SYSTEM: Final = "its columns x and y do not say their reference system"
_COMMA: Final = r"^\s*[+-]?\d+,\d+\s*$"
_NUMERIC: Final = frozenset({
    "lon", "lat", "accuracy_m", "height_m", "downtilt_deg", "frequency_hz", "power_dbm", "population", "rank",
    "elevation_m",
})  # fmt: skip


@dataclass
class _Table:
    """Rows in batches with the name of each, whatever the file is."""

    names: list[str]
    batches: Iterator[tuple[Mapping[str, Any], Any]]
    remarks: list[str] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a table of points into one layer.

    Args:
        path: A local file, CSV or Parquet.
        options: All are understood; ``layer`` is needed but for cells. Without ``crs`` the coordinates are
            longitude and latitude, which their names must say.
        progress: Told what is being read.

    Raises:
        SourceFileError: The file is missing, damaged, of another kind, or its axes are swapped.
        UnknownCRSError: The system is not known.
        SettingError: An option is wrong, the layer is not named, or no columns hold coordinates.
    """
    local_file(path, FORMATS)
    progress.step(f"reading {path.name}", None)
    with ExitStack() as stack:
        table = _parquet(path, stack) if is_parquet(path) else _csv(path)
        cells = are_cells(table.names)
        layer = _layer(path, options, cells=cells)
        stack.enter_context(uncollected())
        return _read(table, path, layer, options, cells=cells)


def _csv(path: Path) -> _Table:
    text = open_text(path)
    batches = ((batch.columns, batch.lines) for batch in text.batches())
    return _Table(text.names, batches, text.remarks, text.bad)


def _parquet(path: Path, stack: ExitStack) -> _Table:
    file = stack.enter_context(open_parquet(path, str(path)))
    names = file.schema_arrow.names
    if b"geo" in (file.metadata.metadata or {}):
        raise SettingError(
            f"{path}: is GeoParquet, whose points are in its geometry; add it with the source `vector`"
        )

    def batches() -> Iterator[tuple[Mapping[str, Any], Any]]:
        done = 0
        for batch in record_batches(file, range(file.num_row_groups), names, str(path)):
            yield {name: batch.column(name) for name in names}, np.arange(done + 1, done + len(batch) + 1)
            done += len(batch)

    return _Table(names, batches())


def _layer(path: Path, options: SourceOptions, *, cells: bool) -> str:
    layer = options.layer or ("base_stations" if cells else None)
    if layer is None or layer not in LAYERS_OF_POINTS:
        what = "does not say what it holds" if layer is None else f"{layer!r} is no layer of points"
        raise SettingError(f"layer: {path}: {what}; name one with --layer: {', '.join(LAYERS_OF_POINTS)}")
    return layer


def _read(table: _Table, path: Path, layer: str, options: SourceOptions, *, cells: bool) -> CityData:
    mapped = _mapping(table, path, layer, options, cells=cells)
    place = placement(str(path), _said(mapped), options.crs, options.datum, needed=_NO_SYSTEM)
    # A cell's place is computed from where phones saw it.
    provenance = APPROXIMATE if cells and options.provenance is None else stated_provenance(options)
    first = next(table.batches, None)
    own_id = "id" in mapped.theirs and (first is None or _are_ids(first[0], mapped, table, path))
    ours = Mapped({name: theirs for name, theirs in mapped.theirs.items() if name not in _PLACE}, mapped.use)
    builder = Builder(layer, ours, place, path.name, provenance, options.bounds, own_id=own_id)
    word = "row" if is_parquet(path) else "line"
    for columns, lines in _chained(first, table.batches):
        found = {**columns, CELL_ID: cell_ids(columns)} if cells else columns
        _refuse_commas(found, mapped, lines, f"{path}: {word}")
        builder.add(_batch(found, lines, mapped, builder, word))
    for name, reason in table.bad.items():
        builder.listed.add(name, reason)
    if options.crs is None and options.datum == "wgs84":
        table.remarks.append(
            f"{path}: longitude and latitude are taken as WGS-84; "
            "those of Chinese maps need --datum gcj02 or bd09"
        )
    said = replace(options, provenance=provenance)
    return city_data(path, said, builder.finish(), layer, tuple(table.remarks), mapped.use)


def _said(mapped: Mapped) -> str | None:
    """Longitude and latitude say their system by their name; x and y do not, unless the user says so."""
    guessed = {use.ours: use.theirs for use in mapped.use if use.guessed}
    names = {normalised(guessed[ours]) for ours in _PLACE if ours in guessed}
    return None if names & {normalised(name) for name in (*_X, *_Y)} else LONLAT


def _mapping(table: _Table, path: Path, layer: str, options: SourceOptions, *, cells: bool) -> Mapped:
    wanted = {"lon": (*_LON, *_X), "lat": (*_LAT, *_Y), **fields_of(layer)}
    if options.crs is not None:
        wanted |= {"lon": (*_X, *_LON), "lat": (*_Y, *_LAT)}
    if cells:
        wanted["id"] = (CELL_ID,)
    given = {_AXES.get(ours, ours): name for ours, name in options.columns.items()}
    mapped = choose_columns(wanted, [*table.names, *((CELL_ID,) if cells else ())], given, str(path))
    missing = [ours for ours in _PLACE if ours not in mapped.theirs]
    if missing:
        raise SettingError(
            f"columns: {path}: no column for {' and '.join(missing)}; name them with --column lon=…, lat=…; "
            f"it has {shown(table.names)}"
        )
    return mapped


def _are_ids(columns: Mapping[str, Any], mapped: Mapped, table: _Table, path: Path) -> bool:
    """A guessed column of ids must hold ids; a given one is the user's word."""
    name = mapped.theirs["id"]
    if name == CELL_ID or not any(use.ours == "id" and use.guessed for use in mapped.use):
        return True
    ids: Any = pc.drop_null(texts(columns[name]))
    if len(ids.unique()) == len(ids):
        return True
    table.remarks.append(not_ids(str(path), name))
    return False


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:  # noqa: ANN401 - batches
    if first is not None:
        yield first
        yield from rest


def _refuse_commas(columns: Mapping[str, Any], mapped: Mapped, lines: Any, where: str) -> None:  # noqa: ANN401
    """`106,55` is one number or two; nobody can tell, so it is said."""
    for ours, name in mapped.theirs.items():
        if ours not in _NUMERIC or not pa.types.is_string(columns[name].type):
            continue
        rows = np.flatnonzero(mask_of(pc.match_substring_regex(columns[name], _COMMA)))
        if len(rows):
            value = columns[name][int(rows[0])].as_py().strip()
            raise SourceFileError(
                f"{where} {int(lines[rows[0]])}: {ours}={value}: a decimal comma; "
                f"needed: a point, {value.replace(',', '.')}"
            )


def _batch(columns: Mapping[str, Any], lines: Any, mapped: Mapped, builder: Builder, word: str) -> Batch:  # noqa: ANN401
    """Rows whose coordinates are numbers; the others are listed here, with what they say."""
    names = [mapped.theirs[ours] for ours in _PLACE]
    x, y = (numbers(columns[name]).column for name in names)
    good = ~(np.isnan(x) | np.isnan(y))
    for row in np.flatnonzero(~good).tolist():
        value, ours = next(
            (columns[name][row].as_py(), ours)
            for name, ours, axis in zip(names, _PLACE, (x, y), strict=True)
            if np.isnan(axis[row])
        )
        builder.listed.add(f"{word} {int(lines[row])}", f"{ours}={str(value)[:40]!r}: must be a number")
    kept = {name: column.filter(pa.array(good)) for name, column in columns.items()}
    # The hash of a row begins with its coordinates as they are written.
    written = pc.binary_join_element_wise(*(texts(kept.pop(name)) for name in names), " ")
    numbered = lines[good]
    return Batch(
        kept,
        np.asarray(shapely.points(x[good], y[good]), dtype=object),
        None,
        lambda row: f"{word} {int(numbered[row])}",
        written.cast(pa.binary()),
    )


SOURCE = Source(
    "points",
    f"Table of points ({FORMATS}; OpenCelliD)",
    LAYERS_OF_POINTS,
    read,
    frozenset({"layer", "crs", "datum", "columns", "bounds", "licence", "attribution", "provenance"}),
)
