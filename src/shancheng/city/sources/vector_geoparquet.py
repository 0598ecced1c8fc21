"""GeoParquet (to 1.1, and Parquet's own geometry type) in batches; with a box, only row groups that meet it.

Takes a path or anything that Arrow can read from, so that a file behind a network is read a little at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from shancheng.city.sources.vector_arrow import pc
from shancheng.city.sources.vector_geoarrow import ENCODINGS, shapes_of_arrow
from shancheng.city.sources.vector_opened import (
    BATCH_ROWS,
    MAX_COLUMNS,
    MAX_ROWS,
    Box,
    Opened,
    Rows,
    looked_at,
)
from shancheng.city.sources.vector_shapes import read_wkb
from shancheng.errors import SourceFileError
from shancheng.geo.crs import LONLAT

__all__ = [
    "faults",
    "geometry_of",
    "groups_in",
    "is_parquet",
    "open_geoparquet",
    "open_parquet",
    "record_batches",
]

_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")
_NAMES: Final = ("geometry", "geom", "wkb_geometry", "wkb")
_NATIVE: Final = ("GEOMETRY", "GEOGRAPHY")
_MAX_METADATA: Final = 64 << 20
_SLOW_ROW_BYTES: Final = 16_384
_FEW_ROWS: Final = 4_096

Covering = dict[str, str]
"""For each edge of a row's box, the path of its column in the file."""


@contextmanager
def open_parquet(source: Any, where: str) -> Iterator[pq.ParquetFile]:  # noqa: ANN401 - a path or a file
    """A Parquet file of which only the footer is read; its faults are ours from here on.

    Raises:
        SourceFileError: It is no Parquet file, is damaged, or holds more than can be read.
    """
    with faults(where):
        file = pq.ParquetFile(source, memory_map=False)
    with file:
        _check_size(file, where)
        yield file


@contextmanager
def faults(where: str) -> Iterator[None]:
    """What Arrow says of a bad file, as an error that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, LookupError) as error:
        text = " ".join(str(error).split())[:500]
        raise SourceFileError(f"{where}: cannot be read as Parquet ({text}); needed: a whole file") from error


def _check_size(file: pq.ParquetFile, where: str) -> None:
    if file.metadata.num_rows > MAX_ROWS:
        raise SourceFileError(f"{where}: {file.metadata.num_rows:,} rows; at most {MAX_ROWS:,} are read")
    if file.metadata.num_columns > MAX_COLUMNS:
        raise SourceFileError(
            f"{where}: {file.metadata.num_columns:,} columns; at most {MAX_COLUMNS:,} are read"
        )
    names = file.schema_arrow.names
    if len(set(names)) < len(names):
        raise SourceFileError(f"{where}: two of its columns have the same name; needed: different ones")


@contextmanager
def open_geoparquet(source: Any, where: str) -> Iterator[Opened]:  # noqa: ANN401 - a path or a file
    """A file with geometry, ready to be read in batches.

    Raises:
        SourceFileError: It is no Parquet file, is damaged, or holds no geometry.
    """
    with open_parquet(source, where) as file:
        name, column = geometry_of(file, where)
        encoding = str(column.get("encoding", "WKB"))
        if encoding.upper() != "WKB" and encoding.lower() not in ENCODINGS:
            raise SourceFileError(
                f"{where}: geometry is encoded as {encoding!r}; needed: WKB or one of {', '.join(ENCODINGS)}"
            )
        covering = _covering(column, file.schema_arrow)
        hidden = {name, *(path.partition(".")[0] for path in covering.values())}
        plain = [field for field in file.schema_arrow if field.name not in hidden]
        opened = Opened(
            where=where,
            schema=pa.schema(plain),
            crs=_crs(column),
            needed="names no reference system (its crs is null)",
            batches=lambda box: _batches(_Table(file, name, encoding, covering, where), box),
        )
        if column.get("edges") == "spherical":
            opened.remarks.append(f"{where}: its edges are arcs on the sphere; they are taken as straight")
        yield opened


def geometry_of(file: pq.ParquetFile, where: str) -> tuple[str, Mapping[str, Any]]:
    """The geometry's column and what the file says of it; a plain Parquet file says nothing of its system.

    Raises:
        SourceFileError: There is none, or the file's metadata is broken.
    """
    described = _metadata(file, where)
    if described is not None:
        name = described.get("primary_column")
        columns = described.get("columns")
        if (
            not isinstance(name, str)
            or not isinstance(columns, dict)
            or not isinstance(columns.get(name), dict)
        ):
            raise SourceFileError(f"{where}: its `geo` metadata names no primary column")
        if name not in file.schema_arrow.names:
            raise SourceFileError(f"{where}: its primary column {name!r} is not in the file")
        return name, columns[name]
    return _undescribed(file, where)


def _metadata(file: pq.ParquetFile, where: str) -> dict[str, Any] | None:
    raw = (file.metadata.metadata or {}).get(b"geo")
    if raw is None:
        return None
    if len(raw) > _MAX_METADATA:
        raise SourceFileError(f"{where}: its `geo` metadata takes {len(raw):,} bytes")
    try:
        found = orjson.loads(raw)
    except ValueError as error:
        raise SourceFileError(f"{where}: its `geo` metadata is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise SourceFileError(f"{where}: its `geo` metadata is no JSON object")
    return found


def _undescribed(file: pq.ParquetFile, where: str) -> tuple[str, Mapping[str, Any]]:
    """Parquet's own geometry type, an Arrow extension, or bytes in a column of a usual name."""
    schema = file.schema_arrow
    for number in range(file.metadata.num_columns):
        column: Any = file.schema.column(number)
        if column.logical_type.type in _NATIVE and column.path in schema.names:
            return column.path, {"crs": _native_crs(column, file)}
    for field in schema:
        said: Any = field.metadata or {}
        if said.get(b"ARROW:extension:name") == b"geoarrow.wkb":
            return field.name, {"crs": _extension_crs(said.get(b"ARROW:extension:metadata", b""))}
    for field in schema:
        binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
        if binary and field.name.lower() in _NAMES:
            return field.name, {"crs": None}
    raise SourceFileError(
        f"{where}: holds no geometry; needed: GeoParquet. "
        "A table with longitude and latitude is read by the source `points`"
    )


def _native_crs(column: Any, file: pq.ParquetFile) -> Any:  # noqa: ANN401 - text, or what JSON holds
    """Source: Apache Parquet, “Geospatial Physical Types”: without a name it is OGC:CRS84."""
    named = orjson.loads(column.logical_type.to_json()).get("crs", LONLAT)
    if isinstance(named, str) and named.startswith("projjson:"):
        return (file.metadata.metadata or {}).get(named.partition(":")[2].encode(), b"").decode() or None
    return named or LONLAT


def _extension_crs(text: bytes) -> Any:  # noqa: ANN401
    try:
        found = orjson.loads(text or b"{}")
    except ValueError:
        return None
    return found.get("crs") if isinstance(found, dict) else None


def _crs(column: Mapping[str, Any]) -> str | None:
    """What names the system to PROJ. Source: GeoParquet 1.1, “crs”: left out is CRS84, null is unknown."""
    crs = column.get("crs", LONLAT)
    if crs is None or isinstance(crs, str):
        return crs
    return orjson.dumps(crs).decode()


def _covering(column: Mapping[str, Any], schema: pa.Schema) -> Covering:
    """Columns that hold each row's box: those that are named, else a `bbox` of the usual form."""
    named = column.get("covering")
    box = named.get("bbox") if isinstance(named, dict) else None
    if isinstance(box, dict) and all(_is_path(box.get(edge), schema) for edge in _EDGES):
        return {edge: ".".join(box[edge]) for edge in _EDGES}
    if all(_is_path(["bbox", edge], schema) for edge in _EDGES):
        return {edge: f"bbox.{edge}" for edge in _EDGES}
    return {}


def _is_path(path: Any, schema: pa.Schema) -> bool:  # noqa: ANN401 - what JSON holds
    if not isinstance(path, list) or len(path) != 2 or path[0] not in schema.names:  # noqa: PLR2004
        return False
    kind = schema.field(path[0]).type
    return pa.types.is_struct(kind) and kind.get_field_index(path[1]) >= 0


def groups_in(file: pq.ParquetFile, covering: Covering, box: Box | None) -> list[int]:
    """Row groups that may hold something of a box, by the statistics of the columns of boxes."""
    every = range(file.num_row_groups)
    return [
        group for group in every if box is None or _may_meet(file.metadata.row_group(group), covering, box)
    ]


def _may_meet(group: Any, covering: Covering, box: Box) -> bool:  # noqa: ANN401 - pyarrow's RowGroupMetaData
    places = {group.column(number).path_in_schema: number for number in range(group.num_columns)}
    ends = {
        "xmin": ("min", box[2]),
        "ymin": ("min", box[3]),
        "xmax": ("max", box[0]),
        "ymax": ("max", box[1]),
    }
    for edge, (end, limit) in ends.items():
        place = places.get(covering.get(edge, ""))
        statistics = None if place is None else group.column(place).statistics
        if statistics is None or not statistics.has_min_max:
            continue
        value = getattr(statistics, end)
        if (end == "min" and value > limit) or (end == "max" and value < limit):
            return False
    return True


@dataclass(frozen=True)
class _Table:
    """An open file, with its column of geometry, how that is encoded, and its columns of boxes."""

    file: pq.ParquetFile
    geometry: str
    encoding: str
    covering: Covering
    where: str


def _batches(table: _Table, box: Box | None) -> Iterator[Rows]:
    covering = table.covering
    names = [
        name for name in table.file.schema_arrow.names if box is not None or not _is_cover(name, covering)
    ]
    groups = groups_in(table.file, covering, box)
    for batch in record_batches(table.file, groups, names, table.where):
        with faults(table.where):
            kept = (
                batch if box is None or not covering else batch.filter(pa.array(_meets(batch, covering, box)))
            )
            rows = _rows(kept, table)
        yield rows


def record_batches(
    file: pq.ParquetFile, groups: Sequence[int], columns: Sequence[str], where: str
) -> Iterator[Any]:
    """Batches of row groups, looked at before they are used: no text that is not UTF-8, none too large."""
    size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
    rows = sum(file.metadata.row_group(group).num_rows for group in groups)
    batch_rows = _FEW_ROWS if rows and size / rows > _SLOW_ROW_BYTES else BATCH_ROWS
    with faults(where):
        batches = file.iter_batches(batch_size=batch_rows, row_groups=list(groups), columns=list(columns))
    while True:
        with faults(where):
            batch = next(batches, None)
            if batch is None:
                return
            checked = looked_at(batch)
        yield checked


def _is_cover(name: str, covering: Covering) -> bool:
    return any(path.partition(".")[0] == name for path in covering.values())


def _meets(batch: Any, covering: Covering, box: Box) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - a RecordBatch
    xmin, ymin, xmax, ymax = (_edge(batch, covering[edge]) for edge in _EDGES)
    # Boxes may be stored in 32 bits, rounded outward; a row whose box is missing is looked at later.
    outside = (xmin > box[2]) | (xmax < box[0]) | (ymin > box[3]) | (ymax < box[1])
    return np.asarray(~outside)


def _edge(batch: Any, path: str) -> npt.NDArray[np.float64]:  # noqa: ANN401
    column, _, inner = path.partition(".")
    values = pc.struct_field(batch.column(column), inner).cast(pa.float64())
    return np.asarray(pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False))


def _rows(batch: Any, table: _Table) -> Rows:  # noqa: ANN401 - a RecordBatch
    names = [
        name for name in batch.schema.names if name != table.geometry and not _is_cover(name, table.covering)
    ]
    columns = {name: batch.column(name) for name in names}
    shape = batch.column(table.geometry)
    if table.encoding.upper() != "WKB":
        return Rows(columns, shapes_of_arrow(shape, table.encoding.lower()), None)
    storage = shape.storage if isinstance(shape, pa.ExtensionArray) else shape
    if not (pa.types.is_binary(storage.type) or pa.types.is_large_binary(storage.type)):
        raise ValueError(f"its column {table.geometry!r} holds {storage.type}, no well-known binary")
    return Rows(columns, read_wkb(storage), storage)


def is_parquet(path: Path) -> bool:
    """By its first bytes."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"
