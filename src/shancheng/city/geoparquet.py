"""Layers as GeoParquet 1.1 files, written whole and read whole or by columns."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shancheng.city.schema import conform
from shancheng.db.files import write_atomically
from shancheng.errors import LayerChangedError

__all__ = ["open_layer", "read_layer", "sorted_by_id", "write_layer_file"]

ROW_GROUP_ROWS: Final = 65_536
_TYPE_NAMES: Final = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}


def write_layer_file(path: Path, table: pa.Table) -> None:
    """Put a layer in place: a temporary file, flushed, renamed.

    Args:
        path: ``layers/<layer>.parquet``.
        table: Of the layer's schema, in the order of ids; then a search for one id reads one row group.
    """
    metadata = {**(table.schema.metadata or {}), b"geo": json.dumps(_geo(table)).encode()}
    # Each dictionary column has one dictionary, so that the file does not depend on how it was put together.
    tidy = table.unify_dictionaries().replace_schema_metadata(metadata)
    plain = [name for name in tidy.column_names if name != "geometry"]
    words = [field.name for field in tidy.schema if isinstance(field.type, pa.DictionaryType)]

    def write(temporary: Path) -> None:
        pq.write_table(
            tidy,
            temporary,
            row_group_size=ROW_GROUP_ROWS,
            compression="zstd",
            use_dictionary=words,  # type: ignore[arg-type]  # names are allowed, the stubs lack them
            write_statistics=plain,
        )

    write_atomically(path, write)


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


def _geo(table: pa.Table) -> dict[str, Any]:
    """The file's ``geo`` metadata.

    Source:
        OGC GeoParquet 1.1, “File metadata”, “Column metadata”, “Bounding box columns”.
    """
    edges = ("xmin", "ymin", "xmax", "ymax")
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": _geometry_types(table),
        "covering": {"bbox": {edge: ["bbox", edge] for edge in edges}},
        "edges": "planar",
    }
    if table.num_rows:
        boxes: Any = table.column("bbox").combine_chunks()
        found = [pc.min_max(boxes.field(edge))[edge[1:]].as_py() for edge in edges]
        column["bbox"] = found
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _geometry_types(table: pa.Table) -> list[str]:
    codes: set[int] = set()
    for chunk in table.column("geometry").chunks:
        codes |= set(np.unique(_wkb_types(chunk)).tolist())
    return sorted(_TYPE_NAMES[code % 1000] + (" Z" if code >= 1000 else "") for code in codes)  # noqa: PLR2004


def _wkb_types(chunk: Any) -> npt.NDArray[np.uint32]:  # noqa: ANN401 - a binary array
    """ISO type codes, read from bytes 1 to 4 of each little-endian WKB."""
    _, offsets, data = chunk.buffers()
    starts = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk)]
    if len(starts) == 0:
        return np.empty(0, dtype=np.uint32)
    flat = np.frombuffer(data, dtype=np.uint8)
    code = flat[starts[:, None] + np.arange(1, 5)].copy().view("<u4")[:, 0]
    # Extended WKB marks the third dimension in the highest bit, ISO WKB by adding 1000.
    plain: npt.NDArray[np.uint32] = np.where(code & 0x80000000, (code & 0xFFFF) + 1000, code).astype(
        np.uint32
    )
    return plain
