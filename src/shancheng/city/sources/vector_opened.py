"""What every reader of a table of features gives, whatever library reads the file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from shancheng.city.sources.vector_shapes import Shapes

__all__ = ["BATCH_ROWS", "MAX_BATCH_BYTES", "MAX_COLUMNS", "MAX_ROWS", "Box", "Opened", "Rows", "looked_at"]

Box = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax in the file's own coordinates."""

BATCH_ROWS: Final = 65_536
MAX_ROWS: Final = 200_000_000
MAX_COLUMNS: Final = 2_000
MAX_BATCH_BYTES: Final = 2 << 30
"""Of one batch in memory; a small file can claim any number of long texts."""


@dataclass(frozen=True)
class Rows:
    """A batch: columns by name but the geometry, shapes in the file's coordinates, and the same as WKB.

    ``wkb`` is None where the file holds geometry in another form.
    """

    columns: Mapping[str, Any]
    shapes: Shapes
    wkb: Any


def looked_at(batch: Any) -> Any:  # noqa: ANN401 - a RecordBatch
    """The batch, if it is not too large and its text is UTF-8.

    Raises:
        ValueError: It is too large.
        pa.ArrowInvalid: Its bytes are not what its types say.
    """
    if batch.nbytes > MAX_BATCH_BYTES:
        raise ValueError(f"{len(batch):,} rows take {batch.nbytes:,} bytes")
    batch.validate(full=True)
    return batch


@dataclass
class Opened:
    """A file that is open.

    Attributes:
        where: Names it in errors.
        schema: Of its columns but the geometry.
        crs: The system that it names, None where it names none.
        needed: What it lacks then, for the error.
        batches: Its rows; with a box, those that may meet it and perhaps others.
        fid: A column that is the file's own number of a row, where it keeps one.
        remarks: What the user should know; filled while rows are read.
        lost: Rows that the library dropped without a word, by their name; filled while rows are read.
    """

    where: str
    schema: pa.Schema
    crs: str | None
    needed: str
    batches: Callable[[Box | None], Iterator[Rows]]
    fid: str | None = None
    remarks: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
