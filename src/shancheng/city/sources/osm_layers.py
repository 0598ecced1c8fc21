"""Layers of ways, areas and places from OpenStreetMap's features, and what all layers share."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.heights import parse_length_m, parse_number
from shancheng.city.schema import LAYERS, SURVEYED, layer_table
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_cut import Picks, clip
from shancheng.city.sources.osm_rows import Rows, Shapes, points_of, shapes_of
from shancheng.city.sources.osm_tags import LANE_WIDTH_M, NO, PLACE_RANK
from shancheng.geo.bounds import Bounds

__all__ = [
    "MAX_WIDTH_M",
    "SOURCE_NAME",
    "areas_table",
    "each_word",
    "note_empty",
    "places_table",
    "points_table",
    "table_of",
    "taken",
    "valid_areas",
    "ways_table",
    "widths_m",
]

SOURCE_NAME: Final = "OpenStreetMap"
MAX_WIDTH_M: Final = 100.0
_MOST_KINDS: Final = 30_000
_MOST_PEOPLE: Final = 1e9
_TOO_SHORT: Final = "fewer than two of its nodes are in the file"
# Under a building, but on the ground: the building covers the way, the way covers nothing.
_AT_GRADE: Final = frozenset({None, "no", "building_passage", "avalanche_protector"})

Value = TypeVar("Value")


def table_of(
    layer: str,
    rows: Rows,
    shapes: Shapes,
    keep: Picks,
    /,
    wkb: Shapes | None = None,
    **columns: Any,  # noqa: ANN401 - columns of all kinds
) -> pa.Table:
    """A layer's table in the order of ids; ``columns`` and ``wkb`` are already those of the kept rows."""
    if len(keep) == 0:
        return LAYERS[layer].empty_table()
    # A way can be cut out of two lists only when it stands twice in the file; the first counts.
    order = np.unique(taken(rows.ids, keep).astype(str), return_index=True)[1]
    ordered = keep[order]
    given = {
        name: column[order] if isinstance(column, np.ndarray) else column for name, column in columns.items()
    }
    given.setdefault("provenance", SURVEYED)
    return layer_table(
        layer,
        geometry=shapes[order] if wkb is None else (shapes[order], pa.array(wkb[order], pa.binary())),
        id=taken(rows.ids, ordered),
        kind=_few(taken(rows.kinds, ordered)),
        name=taken(rows.names, ordered),
        name_en=taken(rows.names_en, ordered),
        attributes=taken(rows.attributes, ordered),
        source=SOURCE_NAME,
        **given,
    )


def _few(kinds: Shapes) -> Shapes:
    """Kinds, the rarest as `other` where there are more than a layer can hold: nobody means so many."""
    if len(set(kinds.tolist())) > _MOST_KINDS:
        common = {kind for kind, _ in Counter(kinds.tolist()).most_common(_MOST_KINDS - 1)}
        kinds = np.array([kind if kind in common else "other" for kind in kinds], dtype=object)
    return kinds


def taken(values: Sequence[Any], keep: Picks) -> Shapes:
    """Some of a column's values."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column[keep]


def each_word(words: Sequence[str | None], read: Callable[[str | None], Value]) -> list[Value]:
    """What each word of a column means; equal words are read once."""
    known = {word: read(word) for word in set(words)}
    return [known[word] for word in words]


def note_empty(layer: str, rows: Rows, shapes: Shapes, set_aside: list[SetAside]) -> None:
    """Lines of which too little is in the file are set aside; they are empty."""
    set_aside.extend(
        SetAside(layer, rows.ids[row], _TOO_SHORT) for row in np.flatnonzero(shapely.is_empty(shapes))
    )


def ways_table(
    layer: str,
    rows: Rows,
    shapes: Shapes,
    keep: Picks,
    widths: dict[str, float],
    /,
    **columns: Any,  # noqa: ANN401
) -> pa.Table:
    """Roads or rail with widths and levels.

    Args:
        layer: `roads` or `rail`.
        rows: All of them.
        shapes: Those that are kept, cut at the extent.
        keep: Which those are.
        widths: Usual width by kind.
        **columns: Further columns of all rows.
    """
    found: dict[str, Any] = {
        "width_m": widths_m(rows, widths),
        "layer": np.array(each_word(rows.tags["layer"], _level), dtype=np.int8),
        "bridge": np.array([text not in NO for text in rows.tags["bridge"]], dtype=bool),
        "tunnel": np.array([text not in _AT_GRADE for text in rows.tags["tunnel"]], dtype=bool),
        **columns,
    }
    return table_of(layer, rows, shapes, keep, **{name: column[keep] for name, column in found.items()})


def widths_m(rows: Rows, widths: dict[str, float]) -> npt.NDArray[np.float32]:
    """A stated width; else lanes; else the usual one of the kind."""
    usual = np.array([widths[kind] for kind in rows.kinds], dtype=np.float64)
    lanes = np.array(each_word(rows.tags["lanes"], parse_number), dtype=np.float64) * LANE_WIDTH_M
    stated = np.array(each_word(rows.tags["width"], parse_length_m), dtype=np.float64)
    for better in (lanes, stated):
        usual = np.where((better > 0) & (better <= MAX_WIDTH_M), better, usual)
    return usual.astype(np.float32)


def _level(text: str | None) -> int:
    value = parse_number(text)
    return int(np.clip(value, -9, 9)) if np.isfinite(value) else 0


def points_table(
    layer: str, rows: Rows, extent: Bounds, /, points: Shapes | None = None, **columns: Shapes
) -> pa.Table:
    """Points inside the extent; of areas and lines a point within."""
    cut, keep = clip(points_of(rows) if points is None else points, extent)
    return table_of(layer, rows, cut, keep, **{name: column[keep] for name, column in columns.items()})


def places_table(rows: Rows, extent: Bounds) -> pa.Table:
    """Populated places inside the extent."""
    people = [parse_number(text) for text in rows.tags["population"]]
    return points_table(
        "places",
        rows,
        extent,
        population=np.array([int(n) if 0 <= n < _MOST_PEOPLE else None for n in people], dtype=object),
        rank=np.array([PLACE_RANK[kind] for kind in rows.kinds], dtype=np.int16),
    )


def areas_table(layer: str, rows: Rows, extent: Bounds, set_aside: list[SetAside]) -> pa.Table:
    """Areas cut at the extent; broken ones are set aside."""
    shapes, keep = valid_areas(layer, rows, set_aside)
    cut, left = clip(shapes, extent)
    return table_of(layer, rows, cut, keep[left])


def valid_areas(layer: str, rows: Rows, set_aside: list[SetAside]) -> tuple[Shapes, Picks]:
    """Areas that are sound, and their rows; the others are set aside."""
    shapes = shapes_of(rows)
    valid = shapely.is_valid(shapes)
    set_aside.extend(
        SetAside(layer, rows.ids[row], f"broken polygon: {shapely.is_valid_reason(shapes[row])}")
        for row in np.flatnonzero(~valid)
    )
    return shapes[valid], np.flatnonzero(valid)
