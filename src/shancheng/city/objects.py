"""One object by its id, for people and programs to look at, without loading its layer.

The layer's own footer tells which row group can hold an id, and only that group is read. Solids and long
lists are for programs that draw: they stay in the layer's file, and what they amount to is counted.
"""

import json
from collections import Counter
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from shancheng.city.geoparquet import open_layer
from shancheng.city.schema import SURFACES
from shancheng.city.store import City

__all__ = ["find_object"]

_UNREAD: Final = frozenset({"lod2_geometry", "lod2_textures", "lod2_uv", "elevations_m"})
_SEMANTICS: Final = "lod2_semantics"
_MOST_ENTRIES: Final = 64
"""Of a list with more, as another program may add to a layer, nothing is shown."""


def find_object(city: City, layer: str, local_id: str) -> dict[str, Any] | None:
    """One object with the columns of its layer.

    Returns:
        Column → value; ``geometry`` as a GeoJSON geometry, ``bbox`` as west, south, east, north,
        ``attributes`` as an object, and for a solid ``surfaces``: how many there are of each kind. None where
        the layer has no such id.

    Raises:
        NotFoundError: The city has no such layer.
        LayerChangedError: Its file is damaged.
    """
    with open_layer(city.layer_path(layer)) as file:
        columns = [name for name in file.schema_arrow.names if name not in _UNREAD]
        for group in _groups_with(file, local_id):
            ids = file.read_row_group(group, columns=["id"]).column("id")
            row = pc.index(ids, local_id).as_py()
            if row >= 0:
                return _described(file.read_row_group(group, columns=columns).slice(row, 1).to_pylist()[0])
    return None


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
    described = {name: value for name, value in row.items() if name != _SEMANTICS and _is_short(value)}
    described |= {
        "geometry": shapely.geometry.mapping(shape),
        "bbox": tuple(box[edge] for edge in ("xmin", "ymin", "xmax", "ymax")),
        "attributes": _parsed(row.get("attributes")),
    }
    if _SEMANTICS in row:
        described["surfaces"] = _counted(row[_SEMANTICS])
    return described


def _is_short(value: Any) -> bool:  # noqa: ANN401 - any column's value
    return not isinstance(value, bytes) and not (isinstance(value, list) and len(value) > _MOST_ENTRIES)


def _parsed(text: str | None) -> dict[str, Any] | None:
    """What else the source says, as an object; text that is none stands under `text`."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    return found if isinstance(found, dict) else {"value": found}


def _counted(semantics: list[int] | None) -> dict[str, int] | None:
    if semantics is None:
        return None
    names = (SURFACES[code] if code < len(SURFACES) else SURFACES[0] for code in semantics)
    return dict(Counter(names).most_common())
