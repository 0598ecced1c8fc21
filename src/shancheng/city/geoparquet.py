"""Layers as GeoParquet 1.1 files, written whole and read whole or by columns."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shancheng.city.arrow import AnyChunked
from shancheng.city.schema import conform
from shancheng.db.files import write_atomically
from shancheng.errors import LayerChangedError

__all__ = ["in_groups", "open_layer", "read_layer", "sorted_by_id", "write_layer_file"]

ROW_GROUP_ROWS: Final = 65_536
_GEO: Final = b"geo"
_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")
_TYPE_NAMES: Final = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}


def write_layer_file(path: Path, rows: pa.Table | pa.RecordBatchReader) -> None:
    """Put a layer in place: a temporary file, flushed, renamed.

    What is written depends on the rows alone, not on the pieces in which they come.

    Args:
        path: ``layers/<layer>.parquet``.
        rows: Of the layer's schema, in the order of ids; then a search for one id reads one row group. Of a
            reader only one row group at a time is in memory.
    """
    reader = rows.to_reader(ROW_GROUP_ROWS) if isinstance(rows, pa.Table) else rows
    # What a file that was read says of itself does not hold for the new one.
    own = {key: value for key, value in (reader.schema.metadata or {}).items() if key != _GEO}
    schema = reader.schema.with_metadata(own) if own else reader.schema.remove_metadata()
    words = [field.name for field in schema if isinstance(field.type, pa.DictionaryType)]
    plain = [name for name in schema.names if name != "geometry"]

    def write(temporary: Path) -> None:
        geo = _Geo()
        with pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            use_dictionary=words,  # type: ignore[arg-type]  # names are allowed, the stubs lack them
            write_statistics=plain,
        ) as writer:
            for group in in_groups(reader, ROW_GROUP_ROWS):
                geo.add(group)
                writer.write_table(_tidy(group, schema), ROW_GROUP_ROWS)
            writer.add_key_value_metadata({_GEO.decode(): json.dumps(geo.metadata())})

    write_atomically(path, write)


def in_groups(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
    """The rows of a reader in tables of `size` rows, the last one shorter; none where there are no rows."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in reader:
        waiting.append(batch)
        count += batch.num_rows
        while count >= size:
            table = pa.Table.from_batches(waiting, reader.schema)
            yield table.slice(0, size)
            waiting, count = table.slice(size).to_batches(), count - size
    if count:
        yield pa.Table.from_batches(waiting, reader.schema)


def _tidy(group: pa.Table, schema: pa.Schema) -> pa.Table:
    """Each dictionary column with a dictionary of the group's own words, in the order in which they come."""
    columns = [
        _tidy_words(group.column(field.name), field.type)
        if isinstance(field.type, pa.DictionaryType)
        else group.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _tidy_words(column: AnyChunked, kind: Any) -> Any:  # noqa: ANN401 - a dictionary array and its type
    encoded: Any = column.cast(kind.value_type).combine_chunks()
    array = pa.concat_arrays(encoded.chunks) if isinstance(encoded, pa.ChunkedArray) else encoded
    words = array.dictionary_encode()
    return pa.DictionaryArray.from_arrays(words.indices.cast(kind.index_type), words.dictionary)


def read_layer(path: Path, layer: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a layer, or some of its columns, with exactly the types of its schema.

    Raises:
        LayerChangedError: The file is missing or damaged.
        LayerSchemaError: A column has another type.
    """
    with open_layer(path) as file:
        try:
            table = file.read(columns=None if columns is None else list(columns))
        except (pa.ArrowException, OSError) as error:
            raise LayerChangedError(f"{path}: damaged: {error}") from error
    return conform(layer, table)


def open_layer(path: Path) -> pq.ParquetFile:
    """The file, of which only the footer has been read.

    Raises:
        LayerChangedError: It is missing or no Parquet file.
    """
    try:
        return pq.ParquetFile(path, memory_map=False)
    except FileNotFoundError:
        raise LayerChangedError(f"{path}: is missing, but city.toml names this layer") from None
    except (pa.ArrowException, OSError) as error:
        raise LayerChangedError(f"{path}: not a Parquet file: {error}") from error


def sorted_by_id(table: pa.Table) -> pa.Table:
    """The table in the order of ids, which makes files of equal content equal."""
    ids = table.column("id").combine_chunks()
    in_order = len(ids) < 2 or bool(pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py())  # noqa: PLR2004
    return table if in_order else table.sort_by("id")


_KNOWN_TYPES: Final = frozenset(code + more for code in _TYPE_NAMES for more in (0, 1000))
_WKB_HEAD_BYTES: Final = 5


class _Geo:
    """The file's ``geo`` metadata, from its rows as they go by.

    Source:
        OGC GeoParquet 1.1, “File metadata”, “Column metadata”, “Bounding box columns”.
    """

    def __init__(self) -> None:
        self._types: set[int] = set()
        self._any = False
        self._box = [np.inf, np.inf, -np.inf, -np.inf]

    def add(self, rows: pa.Table) -> None:
        """Take some rows into account; at least one."""
        self._any = True
        for chunk in rows.column("geometry").chunks:
            found = np.unique(_wkb_types(chunk)).tolist()
            self._types |= {code for code in found if code in _KNOWN_TYPES}
        for place, (edge, extreme) in enumerate(zip(_EDGES, (min, min, max, max), strict=True)):
            boxes: Any = rows.column("bbox")
            ends = pc.min_max(pc.struct_field(boxes, edge))
            self._box[place] = extreme(self._box[place], ends[extreme.__name__].as_py())

    def metadata(self) -> dict[str, Any]:
        """As the specification writes it."""
        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": sorted(
                _TYPE_NAMES[code % 1000] + (" Z" if code >= 1000 else "")  # noqa: PLR2004
                for code in self._types
            ),
            "covering": {"bbox": {edge: ["bbox", edge] for edge in _EDGES}},
            "edges": "planar",
        }
        if self._any:
            column["bbox"] = self._box
        return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _wkb_types(chunk: Any) -> npt.NDArray[np.uint32]:  # noqa: ANN401 - a binary array
    """ISO type codes, bytes 1 to 4 of each little-endian WKB; of what is no WKB none that is known."""
    _, offsets, data = chunk.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    starts = ends[:-1][np.diff(ends) >= _WKB_HEAD_BYTES]
    if len(starts) == 0:
        return np.empty(0, dtype=np.uint32)
    flat = np.frombuffer(data, dtype=np.uint8)
    code = flat[starts[:, None] + np.arange(1, _WKB_HEAD_BYTES)].copy().view("<u4")[:, 0]
    # Extended WKB marks the third dimension in the highest bit, ISO WKB by adding 1000.
    plain: npt.NDArray[np.uint32] = np.where(code & 0x80000000, (code & 0xFFFF) + 1000, code).astype(
        np.uint32
    )
    return plain
