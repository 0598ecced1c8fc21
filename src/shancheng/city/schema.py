"""The columns of every layer: what a GeoParquet file must hold to be a layer of a city.

Building a table of that form from arrays is here too; where the arrays come from is left to the sources,
and where the table goes is left to the store.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.arrow import AnyArray, AnyChunked, AnyField
from shancheng.errors import LayerSchemaError

__all__ = ["LAYERS", "PROVENANCES", "SURFACES", "conform", "layer_table", "validate_layer"]

SURVEYED: Final = "surveyed"
APPROXIMATE: Final = "approximate"
MODELLED: Final = "modelled"
PROVENANCES: Final = (SURVEYED, APPROXIMATE, MODELLED)

SURFACES: Final = (
    "unknown",
    "GroundSurface",
    "WallSurface",
    "RoofSurface",
    "OuterCeilingSurface",
    "OuterFloorSurface",
    "ClosureSurface",
    "Window",
    "Door",
    "InteriorSurface",
)
"""Semantic surfaces of CityGML and CityJSON; a surface is stored by its place here."""

WORD: Final = pa.dictionary(pa.int16(), pa.string())
BBOX: Final = pa.struct(
    [pa.field(edge, pa.float64(), nullable=False) for edge in ("xmin", "ymin", "xmax", "ymax")]
)

_COMMON: Final[list[AnyField]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("index", pa.uint32(), nullable=False),
    pa.field("kind", WORD, nullable=False),
    pa.field("name", pa.string()),
    pa.field("name_en", pa.string()),
    pa.field("provenance", WORD, nullable=False),
    pa.field("accuracy_m", pa.float32()),
    pa.field("source", WORD),
    pa.field("valid_from", pa.timestamp("us", tz="UTC")),
    pa.field("valid_to", pa.timestamp("us", tz="UTC")),
    # What else the source says, as one JSON object: kept word for word, since its types are the source's own.
    pa.field("attributes", pa.string()),
]
_GEOMETRY: Final[list[AnyField]] = [
    pa.field("geometry", pa.binary(), nullable=False),
    pa.field("bbox", BBOX, nullable=False),
]
_WAY: Final[list[AnyField]] = [
    pa.field("width_m", pa.float32(), nullable=False),
    pa.field("layer", pa.int8(), nullable=False),
    pa.field("bridge", pa.bool_(), nullable=False),
    pa.field("tunnel", pa.bool_(), nullable=False),
    # Metres above the geoid at each vertex of `geometry`; null where the way lies on the ground.
    pa.field("elevations_m", pa.list_(pa.float32())),
]
_SOLID: Final[list[AnyField]] = [
    # Of the source's own model, "1.2" or "2.2"; null where only the footprint is known.
    pa.field("lod", WORD),
    # WKB MultiPolygon Z: longitude, latitude, ellipsoidal metres; seen from outside counter-clockwise.
    pa.field("lod2_geometry", pa.binary()),
    # One of `SURFACES` by its place, for each polygon.
    pa.field("lod2_semantics", pa.list_(pa.uint8())),
    # Name of a picture in `layers/textures/`, for each polygon; null where it has none.
    pa.field("lod2_textures", pa.list_(pa.string())),
    # u, v of each vertex of the polygons that have a picture, in the order of the WKB, closing ones included.
    pa.field("lod2_uv", pa.list_(pa.float32())),
]
_OWN: Final[dict[str, list[AnyField]]] = {
    "buildings": [
        pa.field("height_m", pa.float32(), nullable=False),
        pa.field("height_provenance", WORD, nullable=False),
        pa.field("min_height_m", pa.float32(), nullable=False),
        pa.field("levels", pa.int16()),
        pa.field("roof_shape", WORD),
        pa.field("roof_height_m", pa.float32()),
        pa.field("parent_id", pa.string()),
        # Which way the main slope falls, clockwise from north, square to the ridge; null: by the outline.
        pa.field("roof_direction_deg", pa.float32()),
        pa.field("roof_orientation", WORD),
        *_SOLID,
    ],
    # Walls, slabs, windows of a building model; the storeys of `buildings` draw them.
    "building_elements": [pa.field("storey_id", pa.string()), pa.field("building_id", pa.string()), *_SOLID],
    "roads": _WAY,
    "rail": [*_WAY, pa.field("line", pa.string()), pa.field("colour", pa.string())],
    "rail_stations": [pa.field("lines", pa.list_(pa.string())), pa.field("elevation_m", pa.float32())],
    "elevators": [],
    "water": [],
    "green": [],
    "bridges": [
        pa.field("deck_elevation_m", pa.float32()),
        pa.field("width_m", pa.float32()),
        pa.field("tower_height_m", pa.float32()),
        *_SOLID,
    ],
    "landmarks": [pa.field("height_m", pa.float32()), pa.field("rank", pa.int16(), nullable=False)],
    "districts": [pa.field("code", pa.string())],
    "places": [pa.field("population", pa.int64()), pa.field("rank", pa.int16(), nullable=False)],
    "base_stations": [
        pa.field("height_m", pa.float32()),
        pa.field("azimuths_deg", pa.list_(pa.float32())),
        pa.field("downtilt_deg", pa.float32()),
        pa.field("frequency_hz", pa.float64()),
        pa.field("power_dbm", pa.float32()),
    ],
    "compute_sites": [],
    "sensors": [],
    "transit_stops": [],
    "transit_routes": [pa.field("line", pa.string()), pa.field("colour", pa.string())],
    "transit_shapes": [],
}

LAYERS: Final[dict[str, pa.Schema]] = {
    name: pa.schema([*_COMMON, *own, *_GEOMETRY]) for name, own in _OWN.items()
}

Column = Sequence[Any] | npt.NDArray[Any] | AnyArray | AnyChunked | str | float | None
"""One value a row, or one value for all rows."""


def layer_table(layer: str, /, *, geometry: Any, **columns: Column) -> pa.Table:  # noqa: ANN401 - see Args
    """A layer's table from its columns; bounding boxes are computed, left-out nullable columns are null.

    Args:
        layer: A key of ``LAYERS``.
        geometry: Shapely geometries or WKB, degrees, OGC:CRS84: any sequence or array, shape (n,). A reader
            that has both gives both, as a pair: an array of shapes and an Arrow array of plain little-endian
            WKB of the same.
        **columns: The other columns by name, without ``index`` (the store gives it) and ``bbox``. A single
            string, number or None stands for every row.

    Returns:
        A table with exactly the layer's schema; ``index`` counts from 0.

    Raises:
        LayerSchemaError: A required column is missing, one is unknown, has another length or cannot be cast.
    """
    schema = _schema_of(layer)
    shapes, wkb = _geometry_columns(geometry)
    n_rows = len(wkb)
    given: dict[str, Column] = {
        "index": np.arange(n_rows, dtype=np.uint32),
        **columns,
        "geometry": wkb,
        "bbox": _bbox_column(shapes),
    }
    unknown = sorted(set(given) - set(schema.names))
    if unknown:
        raise LayerSchemaError(f"{layer}: unknown columns {unknown}; known: {schema.names}")
    arrays = [_column(layer, field, given.get(field.name), n_rows) for field in schema]
    return validate_layer(layer, pa.Table.from_arrays(arrays, schema=schema))


def validate_layer(layer: str, table: pa.Table) -> pa.Table:
    """Check a table against its layer's schema and return it with exactly that schema.

    Columns that the schema does not know are kept after the known ones: real data may carry more.

    Raises:
        LayerSchemaError: The layer is unknown, a column is missing or of another type, a required value is
            null, a provenance is none of the three, or an id stands twice.
    """
    schema = _schema_of(layer)
    missing = [name for name in schema.names if name not in table.column_names]
    if missing:
        raise LayerSchemaError(f"{layer}: columns {missing} are missing; needed: {schema.names}")
    extra = [name for name in table.column_names if name not in schema.names]
    checked = conform(layer, table.select([*schema.names, *extra]))
    _check_provenance(layer, checked)
    _check_unique(layer, "id", checked.column("id"))
    _check_unique(layer, "index", checked.column("index"))
    return checked


def conform(layer: str, table: pa.Table) -> pa.Table:
    """Some or all columns of a layer with exactly the types of its schema; values are not looked at.

    Parquet keeps less than Arrow: the width of a dictionary's index, for one, comes back as another.

    Raises:
        LayerSchemaError: A column is of another kind, or a required value is null.
    """
    schema = _schema_of(layer)
    known = set(schema.names)
    fields = [schema.field(f.name) if f.name in known else f for f in table.schema]
    columns = [
        _conform(layer, f, table.column(f.name)) if f.name in known else table.column(f.name) for f in fields
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _schema_of(layer: str) -> pa.Schema:
    try:
        return LAYERS[layer]
    except KeyError:
        raise LayerSchemaError(f"{layer}: no such layer; the layers are {', '.join(LAYERS)}") from None


def _geometry_columns(geometry: Any) -> tuple[npt.NDArray[Any], Any]:  # noqa: ANN401 - shapely or WKB
    if isinstance(geometry, tuple) and isinstance(geometry[1], pa.Array | pa.ChunkedArray):
        return geometry
    if isinstance(geometry, pa.Array | pa.ChunkedArray):
        values = geometry.to_numpy(zero_copy_only=False)
        return shapely.from_wkb(values), geometry
    values = np.asarray(geometry, dtype=object)
    if len(values) and isinstance(values[0], bytes):
        return shapely.from_wkb(values), values
    return values, shapely.to_wkb(values, byte_order=1, output_dimension=2)


def _bbox_column(shapes: npt.NDArray[Any]) -> AnyArray:
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    return pa.StructArray.from_arrays([pa.array(edge) for edge in bounds.T], fields=list(BBOX))


def _column(layer: str, field: AnyField, value: Any, n_rows: int) -> AnyArray:  # noqa: ANN401 - see Column
    if value is None or isinstance(value, str | int | float):
        if value is None and not field.nullable:
            raise LayerSchemaError(f"{layer}.{field.name}: required, but not given")
        if value is None:
            nothing: AnyArray = pa.nulls(n_rows, field.type)
            return nothing
        one: Any = pa.scalar(value, _plain(field.type))
        repeated: AnyArray = pa.repeat(one, n_rows)
        return repeated.cast(field.type)
    if len(value) != n_rows:
        raise LayerSchemaError(f"{layer}.{field.name}: {len(value)} values for {n_rows} geometries")
    try:
        if isinstance(value, pa.Array | pa.ChunkedArray):
            array = value if value.type == field.type else value.cast(_plain(field.type)).cast(field.type)
            return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        return pa.array(value, type=_plain(field.type), from_pandas=True).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise LayerSchemaError(f"{layer}.{field.name}: {error}; needed: {field.type}") from error


def _plain(dtype: pa.DataType) -> pa.DataType:
    """The type below a dictionary: casts go through it, since dictionaries do not cast into each other."""
    return dtype.value_type if isinstance(dtype, pa.DictionaryType) else dtype


def _conform(layer: str, field: AnyField, column: AnyChunked) -> AnyChunked:
    if column.type != field.type:
        if isinstance(column.type, pa.DictionaryType) and column.type.value_type == _plain(field.type):
            column = _narrowed(column)
        elif _family(column.type) != _family(field.type):
            raise LayerSchemaError(f"{layer}.{field.name}: type {column.type}, needed: {field.type}")
    if column.type != field.type:
        try:
            column = column.cast(_plain(column.type)).cast(_plain(field.type)).cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise LayerSchemaError(f"{layer}.{field.name}: {error}; needed: {field.type}") from error
    if column.null_count and not field.nullable:
        raise LayerSchemaError(f"{layer}.{field.name}: {column.null_count} values are missing, none may be")
    return column


def _narrowed(column: AnyChunked) -> AnyChunked:
    """Dictionary columns do not cast into each other; their parts do, where the words are few."""
    chunks: list[Any] = column.unify_dictionaries().chunks
    if any(len(chunk.dictionary) > np.iinfo(np.int16).max for chunk in chunks):
        return column
    narrow = [
        pa.DictionaryArray.from_arrays(chunk.indices.cast(pa.int16()), chunk.dictionary) for chunk in chunks
    ]
    joined: AnyChunked = pa.chunked_array([*narrow], type=WORD)  # type: ignore[call-overload]  # stubs lack it
    return joined


def _family(dtype: pa.DataType) -> str:
    """Kinds of types within which a cast loses nothing but width: other tools write large_string or int64."""
    plain = _plain(dtype)
    tests = {
        "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        "bytes": (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
        "integer": (pa.types.is_integer,),
        "real": (pa.types.is_floating,),
        "time": (pa.types.is_timestamp,),
        "struct": (pa.types.is_struct,),
        "list": (pa.types.is_list, pa.types.is_large_list),
        "truth": (pa.types.is_boolean,),
    }
    return next((family for family, checks in tests.items() if any(c(plain) for c in checks)), str(plain))


def _check_provenance(layer: str, table: pa.Table) -> None:
    names = ("provenance", "height_provenance") if layer == "buildings" else ("provenance",)
    for name in names:
        wrong = sorted({str(word) for word in table.column(name).unique().to_pylist()} - set(PROVENANCES))
        if wrong:
            raise LayerSchemaError(f"{layer}.{name}: {wrong[0]!r} must be one of {', '.join(PROVENANCES)}")


def _check_unique(layer: str, name: str, column: AnyChunked) -> None:
    if len(column.unique()) == len(column):
        return
    counts = column.value_counts()
    twice = counts.field("values")[int(np.argmax(counts.field("counts").to_numpy()))].as_py()
    raise LayerSchemaError(f"{layer}.{name}: {twice!r} stands more than once; it is unique within a layer")
