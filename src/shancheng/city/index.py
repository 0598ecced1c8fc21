"""Finding objects: one by its id without loading its layer, many by name.

Beside each layer lies a small Arrow file with what a search needs, best known first. It holds the hash of the
layer it was made from and is made anew when that has changed. An object by id needs no file of ours: the
layer's own footer tells which row group can hold it.
"""

import threading
import weakref
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from shancheng.city.arrow import AnyChunked, AnyField
from shancheng.city.geoparquet import open_layer, read_layer
from shancheng.city.ids import parse_urn, urn_prefix
from shancheng.city.schema import LAYERS
from shancheng.city.store import City
from shancheng.db.files import write_atomically
from shancheng.errors import IdError, StorageError

__all__ = ["Hit", "build_indices", "find_object", "fold", "search"]

_FORMAT: Final = "1"
_MARK: Final = "\x1f"
"""Stands around each field in the searched text; no query can hold it."""
_NO_NAME: Final = 1000
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
_LINES: Final = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


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


def find_object(city: City, layer: str, local_id: str) -> dict[str, Any] | None:
    """One object with all columns of its layer; only the row group that holds it is read.

    Returns:
        Column → value; ``geometry`` as a GeoJSON geometry, ``bbox`` as west, south, east, north. None where
        the layer has no such id.

    Raises:
        NotFoundError: The city has no such layer.
    """
    with open_layer(city.layer_path(layer)) as file:
        for group in _groups_with(file, local_id):
            ids = file.read_row_group(group, columns=["id"]).column("id")
            row = pc.index(ids, local_id).as_py()
            if row >= 0:
                return _described(file.read_row_group(group).slice(row, 1).to_pylist()[0])
    return None


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
        if _read(city, layer) is None:
            _write(city, layer, _make(city, layer))


def fold(text: str) -> str:
    """Text as it is compared: no case, accents or width."""
    return str(_folded(pa.array([text]))[0].as_py())


# One object


def _groups_with(file: pq.ParquetFile, local_id: str) -> list[int]:
    """Row groups that may hold an id, by the smallest and largest id of each."""
    metadata = file.metadata
    column = file.schema_arrow.get_field_index("id")
    at = (
        next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == "id")
        if column >= 0
        else 0
    )
    wanted = local_id.encode()
    groups = []
    for group in range(metadata.num_row_groups):
        found = metadata.row_group(group).column(at).statistics
        if (
            found is None
            or not found.has_min_max
            or str(found.min).encode() <= wanted <= str(found.max).encode()
        ):
            groups.append(group)
    return groups


def _described(row: dict[str, Any]) -> dict[str, Any]:
    box = row["bbox"]
    shape = shapely.from_wkb(row["geometry"])
    return {
        **row,
        "geometry": shapely.geometry.mapping(shape),
        "bbox": tuple(box[edge] for edge in ("xmin", "ymin", "xmax", "ymax")),
    }


# Many objects


class _Index:
    """What a search looks through: the texts of all objects one after the other, best known first.

    So the first matches are the best, and a search stops when it has enough.
    """

    def __init__(self, city: City) -> None:
        self._city = city.manifest.name
        order = {name: place for place, name in enumerate(_PROMINENT)}
        self._layers = sorted(city.layer_names(), key=lambda name: order.get(name, len(order)))
        tables = [_current(city, layer) for layer in self._layers]
        self._first_rows = np.cumsum([0, *(table.num_rows for table in tables)])
        self._table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables] or [_EMPTY])
        texts: Any = self._table.column("text").to_pylist()
        encoded = [text.encode() for text in texts]
        self._text = b"".join(encoded)
        self._ends = np.cumsum([len(text) for text in encoded])

    def search(self, text: str, limit: int) -> list[Hit]:
        found: dict[int, int] = {}
        for rank, part in enumerate((f"{_MARK}{text}{_MARK}", f"{_MARK}{text}", text)):
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
_EMPTY: Final = _SCHEMA.empty_table()

_indices: weakref.WeakKeyDictionary[City, tuple[dict[str, str], _Index]] = weakref.WeakKeyDictionary()
_indices_lock: Final = threading.Lock()


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


# The files


def _current(city: City, layer: str) -> pa.Table:
    """The index of a layer: from its file, or made now, and kept where the city may be written."""
    found = _read(city, layer)
    if found is None:
        found = _make(city, layer)
        if city.writes:
            _write(city, layer, found)
    return found


def _read(city: City, layer: str) -> pa.Table | None:
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


def _write(city: City, layer: str, table: pa.Table) -> None:
    path = city.index_path(layer)
    metadata = {"sha256": city.layer_version(layer).sha256, "format": _FORMAT}
    marked = table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, marked.schema) as writer:
        writer.write_table(marked)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent}: cannot be made: {error.strerror}") from error
    write_atomically(path, sink.getvalue().to_pybytes())


def _make(city: City, layer: str) -> pa.Table:
    known = set(LAYERS[layer].names)
    wanted = ["id", "kind", "name", "name_en", "geometry", "bbox"]
    table = read_layer(city.layer_path(layer), layer, [*wanted, *({"height_m", "rank"} & known)])
    names, names_en = table.column("name"), table.column("name_en")
    lon, lat = _places(table, named=_has(names) | _has(names_en))
    columns: list[Any] = [
        _texts(names, names_en, table.column("id")),
        table.column("id"),
        table.column("kind").cast(pa.string()),
        names,
        names_en,
        pa.array(lon),
        pa.array(lat),
        table.column("height_m") if "height_m" in known else pa.nulls(table.num_rows, pa.float32()),
    ]
    order = _best_known_first(table, names, names_en)
    return pa.Table.from_arrays(columns, schema=_SCHEMA).take(order).combine_chunks()


def _best_known_first(table: pa.Table, names: AnyChunked, names_en: AnyChunked) -> npt.NDArray[np.int64]:
    """Rows by rank, then by the length of the shortest name; equals stay in the order of ids."""
    lengths = [_lengths(column) for column in (names, names_en)]
    rank = table.column("rank").to_numpy() if "rank" in table.column_names else np.zeros(table.num_rows)
    return np.lexsort((np.minimum(*lengths), rank))


def _lengths(column: AnyChunked) -> npt.NDArray[np.int64]:
    counted: Any = pc.utf8_length(column)
    known: Any = pc.fill_null(counted, _NO_NAME)
    return np.asarray(known.to_numpy(), dtype=np.int64)


def _texts(names: AnyChunked, names_en: AnyChunked, ids: AnyChunked) -> Any:  # noqa: ANN401 - a string array
    """The searched text of each row: its names and id, each between marks."""
    fields: list[Any] = [_folded(column) for column in (names, names_en, ids)]
    joined: Any = pc.binary_join_element_wise(*fields, _MARK, null_handling="skip")
    return pc.binary_join_element_wise("", joined, "", _MARK)


def _folded(column: Any) -> Any:  # noqa: ANN401 - a string array
    spread: Any = pc.utf8_normalize(column, form="NFKD")  # type: ignore[attr-defined]  # not in the stubs
    # Marks are accents; what is neither letter nor sign would let a query reach over the edge of a field.
    return pc.utf8_lower(pc.replace_substring_regex(spread, pattern=r"[\p{M}\p{C}]+", replacement=""))


def _has(column: AnyChunked) -> npt.NDArray[np.bool_]:
    valid: Any = pc.is_valid(column)
    return np.asarray(valid.to_numpy(), dtype=bool)


def _places(table: pa.Table, *, named: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Where each object is: the middle of its box; what has a name gets a point on itself."""
    boxes: Any = table.column("bbox").combine_chunks()
    west, south, east, north = (boxes.field(edge).to_numpy() for edge in ("xmin", "ymin", "xmax", "ymax"))
    lon, lat = (west + east) / 2, (south + north) / 2
    rows = np.flatnonzero(named)
    shapes = shapely.from_wkb(table.column("geometry").take(rows).to_numpy(zero_copy_only=False))
    points = shapely.point_on_surface(shapes)
    is_line = np.isin(shapely.get_type_id(shapes), _LINES)
    lines = shapely.line_merge(shapes[is_line])
    points[is_line] = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    seen = ~shapely.is_empty(points)
    lon[rows[seen]], lat[rows[seen]] = shapely.get_x(points[seen]), shapely.get_y(points[seen])
    return lon, lat
