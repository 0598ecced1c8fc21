"""Names for pyarrow's types: generic to the type checker, plain classes when the program runs."""

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

__all__ = ["AnyArray", "AnyChunked", "AnyField"]

if TYPE_CHECKING:
    AnyField: TypeAlias = pa.Field[Any]
    AnyArray: TypeAlias = pa.Array[Any]
    AnyChunked: TypeAlias = pa.ChunkedArray[Any]
else:
    AnyField, AnyArray, AnyChunked = pa.Field, pa.Array, pa.ChunkedArray
