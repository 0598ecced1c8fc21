"""Lines of ways, parsed all at once from the text that osmium writes: `n21912089x7.4259959y43.7389205,n…`."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import shapely

__all__ = ["is_nowhere", "lines_of"]

_NOWHERE: Final = b"xy"
"""How a node ends whose place is not in the file."""
_NO_LINE: Final = shapely.LineString()
_PLACE: Final = re.compile(b"[xy]")
_FEW_BYTES: Final = 8192
_COLUMNS: Final = ("node", "lon", "lat")
_BETWEEN_WAYS: Final = b";"
_SEPARATORS: Final = bytes.maketrans(b"xy,;", b"  \n\n")


def lines_of(texts: Sequence[bytes]) -> npt.NDArray[Any]:
    """Lines of ways.

    Where an extract left out some of a way's nodes, the longest run of those that are there is the line.

    Args:
        texts: The nodes of each way, as osmium writes them.

    Returns:
        LineStrings in degrees, shape (n,), without points that repeat the one before; empty where fewer than
        two are left.
    """
    lines = np.full(len(texts), _NO_LINE, dtype=object)
    text = _BETWEEN_WAYS.join(texts)
    if _NOWHERE in text:
        text = _BETWEEN_WAYS.join([way if _NOWHERE not in way else _longest_run(way) for way in texts])
    if not text.strip(_BETWEEN_WAYS):
        return lines
    line, lonlat = _parsed(text)
    fresh = np.ones(len(line), dtype=bool)
    fresh[1:] = (line[1:] != line[:-1]) | (lonlat[1:] != lonlat[:-1]).any(axis=1)
    long_enough = np.bincount(line[fresh], minlength=len(texts)) > 1
    kept = fresh & long_enough[line]
    rows, place = np.unique(line[kept], return_inverse=True)
    lines[rows] = shapely.linestrings(lonlat[kept], indices=place)
    return lines


def is_nowhere(shape: bytes) -> bool:
    """Whether a shape is the text of a way of which fewer than two nodes are in the file."""
    return shape[:1] == b"n" and shape.count(b"n") - shape.count(_NOWHERE) < 2  # noqa: PLR2004 - ends of a line


def _longest_run(text: bytes) -> bytes:
    runs: list[list[bytes]] = [[]]
    for node in text.split(b","):
        if node.endswith(_NOWHERE):
            runs.append([])
        else:
            runs[-1].append(node)
    longest = max(range(len(runs)), key=lambda run: len(runs[run]))
    return b",".join(runs[longest])


def _parsed(text: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Which way each node is of, and where it lies: shapes (n,) and (n, 2)."""
    letters = np.frombuffer(text + _BETWEEN_WAYS, dtype=np.uint8)
    ends = np.flatnonzero((letters == ord(",")) | (letters == ord(_BETWEEN_WAYS)))
    # A way without nodes has an end, but nothing before it.
    filled = letters[ends - 1] != ord(_BETWEEN_WAYS)
    filled[0] = ends[0] > 0
    way = np.concatenate([[0], np.cumsum(letters[ends[:-1]] == ord(_BETWEEN_WAYS))])
    return way[filled], _few_places(text) if len(text) < _FEW_BYTES else _places(text)


def _places(text: bytes) -> npt.NDArray[np.float64]:
    """Longitude and latitude of each node, shape (n, 2)."""
    # One node a line, with spaces: then Arrow's parser reads them as a table, and passes over empty lines.
    source: Any = pa.BufferReader(text.translate(_SEPARATORS, b"n"))
    table = pyarrow.csv.read_csv(
        source,
        read_options=pyarrow.csv.ReadOptions(column_names=list(_COLUMNS), use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={"lon": pa.float64(), "lat": pa.float64()}, include_columns=["lon", "lat"]
        ),
    )
    return np.column_stack([table.column("lon").to_numpy(), table.column("lat").to_numpy()])


def _few_places(text: bytes) -> npt.NDArray[np.float64]:
    """The same; to set up Arrow's parser takes as long as this takes for a hundred nodes."""
    nodes = text.replace(_BETWEEN_WAYS, b",").split(b",")
    return np.array([[float(word) for word in _PLACE.split(node)[1:]] for node in nodes if node])
