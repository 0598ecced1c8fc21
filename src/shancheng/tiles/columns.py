"""A layer's columns in the order of its tiles: each tile's property table is a slice of every column."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.tiles.glb import Column, PropertyTable, Strings

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts for all tiles: text i is `data[offsets[i]:offsets[i + 1]]`."""

    offsets: IntArray
    data: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, column: Any, rows: IntArray | None = None) -> "Texts":  # noqa: ANN401  # pa.ChunkedArray of strings
        """Texts of these rows, in this order, or of all; null is empty."""
        wide: Any = column.cast(pa.large_string()).combine_chunks().fill_null("")
        if rows is not None:
            wide = wide.take(pa.array(rows))
        array: Any = wide.combine_chunks() if isinstance(wide, pa.ChunkedArray) else wide
        if len(array) == 0:
            return cls(np.zeros(1, np.int64), np.empty(0, np.uint8))
        _, offsets, data = array.buffers()
        ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        return cls(ends, np.frombuffer(data or b"", np.uint8))

    def slice(self, first: int, last: int) -> Strings:
        """Some rows, as a tile stores them."""
        ends = self.offsets[first : last + 1]
        return Strings((ends - ends[0]).astype(np.uint32), self.data[ends[0] : ends[-1]])


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns of a layer's property tables, tile after tile.

    Attributes:
        class_name: Class in the schema.
        columns: By the property's id.
    """

    class_name: str
    columns: Mapping[str, Texts | npt.NDArray[np.generic]]

    def table(self, first: int, last: int) -> PropertyTable:
        """The property table of a tile with these rows."""
        cut: dict[str, Column] = {
            name: column.slice(first, last) if isinstance(column, Texts) else column[first:last]
            for name, column in self.columns.items()
        }
        return PropertyTable(self.class_name, last - first, cut)
