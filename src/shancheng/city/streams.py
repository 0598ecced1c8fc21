"""A layer from a stream of tables: sorted, numbered and checked without ever being whole in memory.

Rows are sorted on the disk: as many as fit are sorted and put aside as a run, then all runs are read side by
side. What a layer needs in memory is a run, however many rows it has.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.credit import with_credit
from shancheng.city.geoparquet import write_layer_file
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import LAYERS, validate_layer
from shancheng.errors import LayerSchemaError, StorageError

if TYPE_CHECKING:
    from shancheng.city.arrow import AnyField

__all__ = ["write_layer_stream"]

RUN_ROWS: Final = 262_144
"""Rows sorted in memory."""
_BATCH_ROWS: Final = 8_192
"""Rows of each run in memory while all runs are read."""


def write_layer_stream(
    path: Path, layer: str, tables: Iterable[pa.Table], source: LayerSource | None = None
) -> int:
    """Put a new layer in place from tables that hold its rows in any order; the file is that of one table.

    Args:
        path: ``layers/<layer>.parquet``; the rows wait beside it in a temporary file.
        layer: A key of ``LAYERS``.
        tables: As `layer_table` makes them; ``index`` is given here, in the order of ids, from 0.
        source: Where the data comes from; the file carries it.

    Returns:
        How many rows there are, which is also the smallest index that is unused.

    Raises:
        LayerSchemaError: A table does not fit, or an id stands twice.
        DiskFullError, StorageError: The disk refused.
    """
    counted = _Counted(layer)
    checked = (validate_layer(layer, table) for table in tables)
    try:
        with ExitStack() as stack:
            runs = _Runs(path, stack)
            for table in checked:
                runs.add(table)
            empty = (runs.schema or LAYERS[layer]).empty_table()
            schema = (empty if source is None else with_credit(empty, source)).schema
            numbered = counted.numbered(runs.merged())
            batches = (batch for table in numbered for batch in table.cast(schema).to_batches())
            write_layer_file(path, pa.RecordBatchReader.from_batches(schema, batches))
    except pa.ArrowException as error:
        raise StorageError(f"{path}: cannot be written: {error}") from error
    return counted.rows


class _Counted:
    """Numbers rows as they go by in the order of ids, and sees an id that stands twice."""

    def __init__(self, layer: str) -> None:
        self._layer = layer
        self._last: str | None = None
        self.rows = 0

    def numbered(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            self._check(table.column("id"))
            index = pa.array(np.arange(self.rows, self.rows + table.num_rows, dtype=np.uint32))
            at = table.schema.get_field_index("index")
            self.rows += table.num_rows
            yield table.set_column(at, table.schema.field(at), index)

    def _check(self, column: Any) -> None:  # noqa: ANN401 - a chunked array
        ids = pa.concat_arrays(column.chunks)
        same: Any = pc.equal(ids[:-1], ids[1:])
        place = pc.index(same, True).as_py()
        twice = ids[place].as_py() if place >= 0 else None
        if ids[0].as_py() == self._last:
            twice = self._last
        if twice is not None:
            raise LayerSchemaError(
                f"{self._layer}.id: {twice!r} stands more than once; it is unique within a layer"
            )
        self._last = ids[-1].as_py()


class _Runs:
    """Sorted runs of rows: in memory while there is one, else in a temporary Arrow file."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        # Named like the temporary files of writers, so that what a killed process leaves is cleared away.
        self._path = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        self._stack = stack
        self._waiting: list[pa.Table] = []
        self._count = 0
        self._writer: Any = None
        self._runs: list[range] = []
        self.schema: pa.Schema | None = None

    def add(self, table: pa.Table) -> None:
        """Take some rows."""
        if self.schema is None:
            self.schema = table.schema
        elif not table.schema.equals(self.schema):
            raise LayerSchemaError(f"a stream's tables differ: {table.schema.names}, {self.schema.names}")
        for first in range(0, table.num_rows, RUN_ROWS):
            self._waiting.append(_plain(table.slice(first, RUN_ROWS)))
            self._count += self._waiting[-1].num_rows
            if self._count >= RUN_ROWS:
                self._put_aside()

    def merged(self) -> Iterator[pa.Table]:
        """All rows in the order of ids, in tables that are not empty; once, after the last `add`."""
        if self._writer is None:
            if self._count:
                yield self._sorted()
            return
        if self._count:
            self._put_aside()
        self._writer.close()
        source = self._stack.enter_context(pa.OSFile(str(self._path), "rb"))
        with pa.ipc.open_file(source) as file:
            yield from _merged([_batches(file, run) for run in self._runs])

    def _sorted(self) -> pa.Table:
        table = pa.concat_tables(self._waiting)
        self._waiting, self._count = [], 0
        return table.sort_by("id").combine_chunks()

    def _put_aside(self) -> None:
        table = self._sorted()
        if self._writer is None:
            self._stack.callback(self._path.unlink, missing_ok=True)
            sink = self._stack.enter_context(pa.OSFile(str(self._path), "wb"))
            self._writer = self._stack.enter_context(pa.ipc.new_file(sink, table.schema))
        batches = table.to_batches(max_chunksize=_BATCH_ROWS)
        first = self._runs[-1].stop if self._runs else 0
        self._runs.append(range(first, first + len(batches)))
        for batch in batches:
            self._writer.write_batch(batch)


def _plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, which an Arrow file can have only one of for each column."""
    fields: list[AnyField] = [
        field.with_type(field.type.value_type) if isinstance(field.type, pa.DictionaryType) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _batches(file: Any, places: range) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 - a RecordBatchFileReader
    return (file.get_batch(place) for place in places)


def _merged(runs: list[Iterator[pa.RecordBatch]]) -> Iterator[pa.Table]:
    """Rows of sorted runs in the order of ids.

    What is not beyond the smallest of the last ids in memory can be followed by nothing smaller.
    """
    heads = [_Head(run) for run in runs]
    while heads := [head for head in heads if head.fill()]:
        limit = min(head.last for head in heads)
        yield pa.concat_tables([head.up_to(limit) for head in heads]).sort_by("id")


class _Head:
    """The rows of a run that are in memory."""

    def __init__(self, run: Iterator[pa.RecordBatch]) -> None:
        self._run = run
        self._rows: pa.Table | None = None
        self.last: str = ""

    def fill(self) -> bool:
        """Have at least one row; False at the end."""
        if self._rows is None or self._rows.num_rows == 0:
            batch = next(self._run, None)
            if batch is None:
                return False
            self._rows = pa.Table.from_batches([batch])
            self.last = self._rows.column("id")[-1].as_py()
        return True

    def up_to(self, limit: str) -> pa.Table:
        """Take the rows whose id is at most the limit."""
        assert self._rows is not None
        inside: Any = pc.less_equal(self._rows.column("id"), pa.scalar(limit))
        count = int(pc.sum(inside).as_py() or 0)
        taken, self._rows = self._rows.slice(0, count), self._rows.slice(count)
        return taken
