"""The files of the search index: one for each layer, with what a search needs, best known first.

Each holds the hash of the layer it was made from and is made anew when that has changed. They are written as
the layer is read, a row group at a time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from shancheng.city.arrow import AnyChunked, AnyField
from shancheng.city.geoparquet import open_layer
from shancheng.city.schema import LAYERS, conform
from shancheng.city.store import City
from shancheng.db.files import write_atomically
from shancheng.errors import LayerChangedError, StorageError

__all__ = ["EMPTY", "MARK", "current_index", "folded", "read_index", "write_index"]

_FORMAT: Final = "1"
MARK: Final = "\x1f"
"""Stands around each field in the searched text; no query can hold it."""
_NO_NAME: Final = 1000
_BATCH_ROWS: Final = 65_536
_LINES: Final = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)

_FIELDS: Final[list[AnyField]] = [
    pa.field("text", pa.string()),
    pa.field("id", pa.string()),
    pa.field("kind", pa.string()),
    pa.field("name", pa.string()),
    pa.field("name_en", pa.string()),
    pa.field("lon", pa.float64()),
    pa.field("lat", pa.float64()),
    pa.field("height_m", pa.float32()),
]
_SCHEMA: Final = pa.schema(_FIELDS)
EMPTY: Final = _SCHEMA.empty_table()


def current_index(city: City, layer: str) -> pa.Table:
    """The index of a layer: from its file, or made now, and kept where the city may be written."""
    found = read_index(city, layer)
    if found is None and city.writes:
        write_index(city, layer)
        found = read_index(city, layer)
    return pa.Table.from_batches(_batches(city, layer), _SCHEMA) if found is None else found


def read_index(city: City, layer: str) -> pa.Table | None:
    """The file's table where it fits the layer as it is now, else None."""
    path = city.index_path(layer)
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            metadata = file.schema.metadata or {}
            table = file.read_all()
    except (OSError, pa.ArrowException):
        return None  # missing or damaged: it can be made again
    is_current = metadata.get(b"sha256") == city.layer_version(layer).sha256.encode()
    same_form = metadata.get(b"format") == _FORMAT.encode() and table.schema.equals(_SCHEMA)
    return table if is_current and same_form else None


def write_index(city: City, layer: str) -> None:
    """Make the file of a layer from the layer as it is now.

    Raises:
        LayerChangedError: The layer cannot be read.
        DiskFullError, StorageError: The disk refused.
    """
    path = city.index_path(layer)
    marked = _SCHEMA.with_metadata({"sha256": city.layer_version(layer).sha256, "format": _FORMAT})

    def write(temporary: Path) -> None:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, marked) as writer:
            for batch in _batches(city, layer):
                writer.write_batch(batch.replace_schema_metadata(marked.metadata))

    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent}: cannot be made: {error.strerror}") from error
    write_atomically(path, write)


def _batches(city: City, layer: str) -> Iterator[pa.RecordBatch]:
    """A layer's index, best known first; only what is known is all in memory at once.

    Known are objects with a name, and all those of layers that rank theirs: few even in a large city.
    """
    ranked = "rank" in LAYERS[layer].names
    with open_layer(city.layer_path(layer)) as file:
        groups = range(file.num_row_groups)
        known = [_known(_read_group(file, layer, group, geometry=True), all_rows=ranked) for group in groups]
        best_first = _best_known_first([part for part in known if part.num_rows])
        yield from best_first.to_batches(_BATCH_ROWS)
        if ranked:
            return
        for group in groups:
            table = _read_group(file, layer, group, geometry=False)
            unknown = table.filter(pa.array(~_has_name(table)))
            yield from _indexed(unknown).to_batches(_BATCH_ROWS)


def _read_group(file: pq.ParquetFile, layer: str, group: int, *, geometry: bool) -> pa.Table:
    """What the index needs of a row group."""
    there = {"height_m", "rank"} & set(LAYERS[layer].names)
    wanted = ["id", "kind", "name", "name_en", "bbox", *["geometry"][: int(geometry)], *sorted(there)]
    try:
        table = file.read_row_group(group, columns=wanted)
    except (pa.ArrowException, OSError) as error:
        raise LayerChangedError(f"{layer}: damaged: {error}") from error
    return conform(layer, table.select(wanted))


def _known(table: pa.Table, *, all_rows: bool) -> pa.Table:
    """Rows with a name, or all, as they are indexed, and `rank` and `length`, by which they are sorted."""
    rows = table if all_rows else table.filter(pa.array(_has_name(table)))
    lengths = [_lengths(rows.column(name)) for name in ("name", "name_en")]
    rank = rows.column("rank").to_numpy() if all_rows else np.zeros(rows.num_rows)
    return (
        _indexed(rows)
        .append_column("length", pa.array(np.minimum(*lengths)))
        .append_column("rank", pa.array(rank.astype(np.int64)))
    )


def _best_known_first(known: list[pa.Table]) -> pa.Table:
    """By rank, then by the length of the shortest name; equals stay in the order of ids."""
    if not known:
        return EMPTY
    table = pa.concat_tables(known)
    order = np.lexsort((table.column("length").to_numpy(), table.column("rank").to_numpy()))
    return table.select(_SCHEMA.names).take(order).combine_chunks()


def _indexed(table: pa.Table) -> pa.Table:
    """Rows of a layer as they are indexed."""
    names, names_en = table.column("name"), table.column("name_en")
    lon, lat = _places(table)
    with_height = "height_m" in table.column_names
    columns: list[Any] = [
        _texts(names, names_en, table.column("id")),
        table.column("id"),
        table.column("kind").cast(pa.string()),
        names,
        names_en,
        pa.array(lon),
        pa.array(lat),
        table.column("height_m") if with_height else pa.nulls(table.num_rows, pa.float32()),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _lengths(column: AnyChunked) -> npt.NDArray[np.int64]:
    counted: Any = pc.utf8_length(column)
    known: Any = pc.fill_null(counted, _NO_NAME)
    return np.minimum(np.asarray(known.to_numpy(), dtype=np.int64), _NO_NAME)


def _texts(names: AnyChunked, names_en: AnyChunked, ids: AnyChunked) -> Any:  # noqa: ANN401 - a string array
    """The searched text of each row: its names and id, each between marks."""
    fields: list[Any] = [folded(column) for column in (names, names_en, ids)]
    joined: Any = pc.binary_join_element_wise(*fields, MARK, null_handling="skip")
    return pc.binary_join_element_wise("", joined, "", MARK)


def folded(column: Any) -> Any:  # noqa: ANN401 - a string array
    """Texts as they are compared: no case, accents or width."""
    spread: Any = pc.utf8_normalize(column, form="NFKD")  # type: ignore[attr-defined]  # not in the stubs
    # Marks are accents; what is neither letter nor sign would let a query reach over the edge of a field.
    return pc.utf8_lower(pc.replace_substring_regex(spread, pattern=r"[\p{M}\p{C}]+", replacement=""))


def _has_name(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Which objects have a name in one of the languages."""
    valid: list[Any] = [pc.is_valid(table.column(name)) for name in ("name", "name_en")]
    return np.asarray(valid[0].to_numpy() | valid[1].to_numpy(), dtype=bool)


def _places(table: pa.Table) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Where each object is: the middle of its box; what has a name gets a point on itself."""
    boxes: Any = table.column("bbox").combine_chunks()
    west, south, east, north = (_edge(boxes, edge) for edge in ("xmin", "ymin", "xmax", "ymax"))
    lon, lat = (west + east) / 2, (south + north) / 2
    if "geometry" not in table.column_names:
        return lon, lat
    rows = np.flatnonzero(_has_name(table))
    shapes = shapely.from_wkb(table.column("geometry").take(rows).to_numpy(zero_copy_only=False))
    points = shapely.point_on_surface(shapes)
    is_line = np.isin(shapely.get_type_id(shapes), _LINES)
    lines = shapely.line_merge(shapes[is_line])
    points[is_line] = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    seen = ~shapely.is_empty(points)
    lon[rows[seen]], lat[rows[seen]] = shapely.get_x(points[seen]), shapely.get_y(points[seen])
    return lon, lat


def _edge(boxes: Any, edge: str) -> npt.NDArray[np.float64]:  # noqa: ANN401 - a struct array or its chunks
    column: Any = pc.struct_field(boxes, edge)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
