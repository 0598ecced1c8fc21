"""OpenCelliD's columns: a row is a cell as phones saw it, with an estimated place."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from shancheng.city.sources.vector_arrow import pc
from shancheng.city.sources.vector_columns import normalised

__all__ = ["CELL_COLUMNS", "CELL_ID", "are_cells", "cell_ids", "looks_like_cells"]

CELL_COLUMNS: Final = (
    "radio", "mcc", "net", "area", "cell", "unit", "lon", "lat",
    "range", "samples", "changeable", "created", "updated", "averageSignal",
)  # fmt: skip
"""As OpenCelliD's downloads have them, in this order; most come without a header."""
CELL_ID: Final = "radio-mcc-net-area-cell"
_RADIO: Final = frozenset({"GSM", "UMTS", "CDMA", "LTE", "NR", "NBIOT"})
_KEYS: Final = CELL_COLUMNS[:5]


def looks_like_cells(first: Sequence[str]) -> bool:
    """Whether a first line is already a cell: fourteen values, first a radio, then numbers or nothing."""
    numbers = [value.strip() for value in first[1:]]
    return (
        len(first) == len(CELL_COLUMNS)
        and first[0].strip() in _RADIO
        and all(not value or _is_number(value) for value in numbers)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def are_cells(names: Sequence[str]) -> bool:
    """Whether a table has the columns that make a cell's id."""
    return {normalised(name) for name in _KEYS} <= {normalised(name) for name in names}


def cell_ids(columns: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an Arrow array of text
    """``LTE-460-0-1234-5678``; null where one of the five is missing. Shape (n,)."""
    known = {normalised(name): column for name, column in columns.items()}
    return pc.binary_join_element_wise(*(known[normalised(name)].cast(pa.string()) for name in _KEYS), "-")
