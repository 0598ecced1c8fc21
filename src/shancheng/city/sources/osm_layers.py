"""Layers of buildings, ways, areas and places from OpenStreetMap's features."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.heights import building_heights, parse_length_m, parse_number
from shancheng.city.schema import SURVEYED, layer_table
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_cut import Mask, Picks, Shapes, areas_of, clip, shapes_of
from shancheng.city.sources.osm_read import OsmFeatures, Rows
from shancheng.city.sources.osm_tags import LANE_WIDTH_M, PLACE_RANK
from shancheng.geo.bounds import Bounds

__all__ = [
    "SOURCE_NAME",
    "areas_table",
    "buildings_table",
    "places_table",
    "points_table",
    "table_of",
    "taken",
    "valid_areas",
    "ways_table",
]

SOURCE_NAME: Final = "OpenStreetMap"
MAX_WIDTH_M: Final = 100.0
_PARTS_COVER: Final = 0.5
_MOST_PEOPLE: Final = 1e9
# Under a building, but on the ground: the building covers the way, the way covers nothing.
_AT_GRADE: Final = frozenset({None, "no", "building_passage", "avalanche_protector"})


def table_of(layer: str, rows: Rows, shapes: Shapes, keep: Picks, /, **columns: Any) -> pa.Table:  # noqa: ANN401
    """A layer's table in the order of ids; ``columns`` are already those of the kept rows."""
    ids = taken(rows.ids, keep)
    # A way can be cut out of two lists only when it stands twice in the file; the first counts.
    order = np.unique(ids.astype(str), return_index=True)[1]
    common = {
        "id": ids,
        "kind": taken(rows.kinds, keep),
        "name": taken(rows.names, keep),
        "name_en": taken(rows.names_en, keep),
        **columns,
    }
    sorted_columns = {
        name: column[order] if isinstance(column, np.ndarray) else column for name, column in common.items()
    }
    sorted_columns.setdefault("provenance", SURVEYED)
    return layer_table(layer, geometry=shapes[order], source=SOURCE_NAME, **sorted_columns)


def taken(values: Sequence[Any], keep: Picks) -> Shapes:
    """Some of a column's values."""
    return np.asarray(values, dtype=object)[keep]


def buildings_table(features: OsmFeatures, shapes: Shapes, kept: Mask, set_aside: list[SetAside]) -> pa.Table:
    """Outlines, then parts; ``kept`` says which lie in the extent, the others are set aside."""
    rows = _joined(features.buildings, features.parts)
    n_outlines = len(features.buildings)
    set_aside.extend(
        SetAside("buildings", rows.ids[row], "lies outside the extent") for row in np.flatnonzero(~kept)
    )
    parents = _parents(rows.ids, shapes, n_outlines)
    heights = building_heights(
        rows.kinds,
        height=[a or b for a, b in zip(rows.tags["height"], rows.tags["building:height"], strict=True)],
        levels=rows.tags["building:levels"],
        min_height=rows.tags["min_height"],
        min_level=rows.tags["building:min_level"],
        roof_height=rows.tags["roof:height"],
    )
    keep = np.flatnonzero(kept)
    return table_of(
        "buildings",
        rows,
        shapes[keep],
        keep,
        height_m=heights.height_m[keep],
        height_provenance=heights.height_provenance[keep],
        min_height_m=heights.min_height_m[keep],
        levels=taken(heights.levels, keep),
        roof_shape=taken(rows.tags["roof:shape"], keep),
        roof_height_m=heights.roof_height_m[keep],
        parent_id=parents[keep],
    )


def _joined(first: Rows, second: Rows) -> Rows:
    joined = Rows(first.keys)
    joined.ids, joined.kinds = first.ids + second.ids, first.kinds + second.kinds
    joined.names, joined.names_en = first.names + second.names, first.names_en + second.names_en
    joined.tags = {key: first.tags[key] + second.tags[key] for key in first.keys}
    return joined


def _parents(ids: Sequence[str], shapes: Shapes, n_outlines: int) -> Shapes:
    """Id of the outline that a part belongs to, None elsewhere, shape (n,).

    A part belongs to the smallest outline around a point of it. A row that is named as a parent is drawn by
    its parts alone (OpenStreetMap's “Simple 3D Buildings”); therefore parts that cover less than half of
    their outline get no parent: the outline would vanish with them.
    """
    parents: Shapes = np.full(len(ids), None, dtype=object)
    outlines, parts = shapes[:n_outlines], shapes[n_outlines:]
    if len(parts) == 0 or n_outlines == 0:
        return parents
    part, outline = shapely.STRtree(outlines).query(shapely.point_on_surface(parts), predicate="within")
    # Smallest last, so that it is the one that stays.
    order = np.argsort(-shapely.area(outlines[outline]), kind="stable")
    owner = np.full(len(parts), -1)
    owner[part[order]] = outline[order]
    for found in np.unique(owner[owner >= 0]):
        mine = np.flatnonzero(owner == found)
        covered = shapely.union_all(shapely.intersection(shapely.make_valid(parts[mine]), outlines[found]))
        if shapely.area(covered) >= _PARTS_COVER * shapely.area(outlines[found]):
            parents[n_outlines + mine] = ids[int(found)]
    return parents


def ways_table(layer: str, rows: Rows, shapes: Shapes, widths: dict[str, float], extent: Bounds) -> pa.Table:
    """Roads or rail, cut at the extent, with widths and levels."""
    cut, keep = clip(shapes, extent)
    columns: dict[str, Any] = {
        "width_m": _widths(rows, widths)[keep],
        "layer": np.array([_level(text) for text in rows.tags["layer"]], dtype=np.int8)[keep],
        "bridge": np.array([text not in {None, "no"} for text in rows.tags["bridge"]], dtype=bool)[keep],
        "tunnel": np.array([text not in _AT_GRADE for text in rows.tags["tunnel"]], dtype=bool)[keep],
    }
    if layer == "rail":
        columns["colour"] = taken([_colour(text) for text in rows.tags["colour"]], keep)
    return table_of(layer, rows, cut, keep, **columns)


def _widths(rows: Rows, widths: dict[str, float]) -> npt.NDArray[np.float32]:
    """A stated width; else lanes; else the usual one of the kind."""
    result = np.array([widths[kind] for kind in rows.kinds], dtype=np.float32)
    for row, (width, lanes) in enumerate(zip(rows.tags["width"], rows.tags["lanes"], strict=True)):
        for value in (parse_length_m(width), parse_number(lanes) * LANE_WIDTH_M):
            if 0 < value <= MAX_WIDTH_M:
                result[row] = value
                break
    return result


def _level(text: str | None) -> int:
    value = parse_number(text)
    return int(np.clip(value, -9, 9)) if np.isfinite(value) else 0


def _colour(text: str | None) -> str | None:
    is_hex = text is not None and len(text) == len("#rrggbb") and text[0] == "#"
    return (
        text.lower()
        if text is not None and is_hex and set(text[1:].lower()) <= set("0123456789abcdef")
        else None
    )


def points_table(layer: str, rows: Rows, extent: Bounds, **columns: Shapes) -> pa.Table:
    """Points inside the extent."""
    cut, keep = clip(shapes_of(rows), extent)
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
    shapes = areas_of(rows)
    valid = shapely.is_valid(shapes)
    set_aside.extend(
        SetAside(layer, rows.ids[row], f"broken polygon: {shapely.is_valid_reason(shapes[row])}")
        for row in np.flatnonzero(~valid)
    )
    return shapes[valid], np.flatnonzero(valid)
