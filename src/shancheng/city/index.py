"""Finding objects by name; one by its id is found in ``objects.py``.

Beside each layer lies a small Arrow file with what a search needs, best known first. It holds the hash of the
layer it was made from and is made anew when that has changed.
"""

import threading
import weakref
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.ids import parse_urn, urn_prefix
from shancheng.city.index_files import EMPTY, MARK, current_index, folded, read_index, write_index
from shancheng.city.store import City
from shancheng.errors import IdError

__all__ = ["Hit", "build_indices", "fold", "search"]

_MAX_QUERY: Final = 200
_MAX_SAME: Final = 1000
"""Layers in which the same local id may stand, and ids that differ by case."""
# Of equally good matches the more prominent layer comes first; layers that are not named follow.
_PROMINENT: Final = (
    "landmarks",
    "places",
    "districts",
    "bridges",
    "rail_stations",
    "water",
    "green",
    "buildings",
)


@dataclass(frozen=True)
class Hit:
    """An object that was found. ``rank``: 0 the whole name or id matches, 1 its beginning, 2 a part of it."""

    id: str
    layer: str
    local_id: str
    kind: str
    name: str | None
    name_en: str | None
    lon: float
    lat: float
    height_m: float | None
    rank: int


def search(city: City, query: str, limit: int = 20) -> list[Hit]:
    """Objects whose name (either language) or id holds the query, best first.

    Case, accents and full-width forms make no difference. A whole match goes before a beginning, that before
    a part; then come the more prominent layers, the better rank, the shorter name.

    Args:
        city: Where to look.
        query: Some characters, or an object's URN.
        limit: How many at most.
    """
    text = fold(query.strip()[:_MAX_QUERY])
    if not text or limit <= 0:
        return []
    if query.strip().startswith("urn:"):
        return _by_urn(city, query.strip())
    return _index_of(city).search(text, limit)


def build_indices(city: City) -> None:
    """Make the search files of all layers that lack a current one."""
    for layer in city.layer_names():
        if read_index(city, layer) is None:
            write_index(city, layer)


def fold(text: str) -> str:
    """Text as it is compared: no case, accents or width."""
    return str(folded(pa.array([text]))[0].as_py())


# Many objects


class _Index:
    """What a search looks through: the texts of all objects one after the other, best known first.

    So the first matches are the best, and a search stops when it has enough.
    """

    def __init__(self, city: City) -> None:
        self._city = city.manifest.name
        order = {name: place for place, name in enumerate(_PROMINENT)}
        self._layers = sorted(city.layer_names(), key=lambda name: order.get(name, len(order)))
        tables = [current_index(city, layer) for layer in self._layers]
        self._first_rows = np.cumsum([0, *(table.num_rows for table in tables)])
        self._table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables] or [EMPTY])
        chunks: list[Any] = self._table.column("text").chunks
        self._text = b"".join(_bytes_of(chunk) for chunk in chunks)
        lengths: list[Any] = [pc.binary_length(chunk).to_numpy() for chunk in chunks]
        self._ends = np.cumsum(np.concatenate([*lengths, np.empty(0, dtype=np.int32)]), dtype=np.int64)

    def search(self, text: str, limit: int) -> list[Hit]:
        found: dict[int, int] = {}
        for rank, part in enumerate((f"{MARK}{text}{MARK}", f"{MARK}{text}", text)):
            self._find(part.encode(), rank, limit, found)
        rows = self._table.take(np.fromiter(found, dtype=np.int64, count=len(found))).to_pylist()
        return [self._hit(row, at, rank) for row, (at, rank) in zip(rows, found.items(), strict=True)]

    def _find(self, part: bytes, rank: int, limit: int, found: dict[int, int]) -> None:
        """Add rows that hold the part until there are ``limit``; each row is looked at once."""
        at = self._text.find(part)
        while at >= 0 and len(found) < limit:
            row = int(np.searchsorted(self._ends, at, side="right"))
            found.setdefault(row, rank)
            at = self._text.find(part, int(self._ends[row]))

    def _hit(self, row: dict[str, Any], at: int, rank: int) -> Hit:
        layer = self._layers[int(np.searchsorted(self._first_rows, at, side="right")) - 1]
        shown = {name: row[name] for name in ("kind", "name", "name_en", "lon", "lat", "height_m")}
        return Hit(urn_prefix(self._city, layer) + row["id"], layer, row["id"], rank=rank, **shown)


_indices: weakref.WeakKeyDictionary[City, tuple[dict[str, str], _Index]] = weakref.WeakKeyDictionary()
_indices_lock: Final = threading.Lock()


def _bytes_of(texts: Any) -> memoryview:  # noqa: ANN401 - a string array
    """UTF-8 of all texts of an array, one after the other."""
    _, offsets, data = texts.buffers()
    if len(texts) == 0 or data is None:
        return memoryview(b"")
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]]


def _index_of(city: City) -> _Index:
    """The city's index, loaded at the first search and again when a layer was replaced."""
    hashes = {layer: city.layer_version(layer).sha256 for layer in city.layer_names()}
    with _indices_lock:
        held = _indices.get(city)
        if held is None or held[0] != hashes:
            held = (hashes, _Index(city))
            _indices[city] = held
        return held[1]


def _by_urn(city: City, query: str) -> list[Hit]:
    try:
        wanted = parse_urn(query)
    except IdError:
        return []
    if wanted.city != city.manifest.name or not city.has_layer(wanted.layer):
        return []
    hits = _index_of(city).search(fold(wanted.local_id), limit=_MAX_SAME)
    return [hit for hit in hits if hit.layer == wanted.layer and hit.local_id == wanted.local_id]
