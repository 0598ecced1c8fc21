"""The layer of buildings from OpenStreetMap: outlines and parts, their heights, roofs and parents."""

from typing import Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.heights import BuildingHeights, building_heights
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_cut import Mask, Picks
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_layers import each_word, table_of, taken
from shancheng.city.sources.osm_roofs import rises_m, roof_direction_deg, roof_orientation, roof_shape
from shancheng.city.sources.osm_rows import Rows, Shapes
from shancheng.city.sources.osm_tags import NO

__all__ = ["buildings_table", "wholes_of"]

_PARTS_COVER: Final = 0.5


def buildings_table(
    features: OsmFeatures, shapes: Shapes, kept: Mask, wholes: Picks, set_aside: list[SetAside]
) -> pa.Table:
    """Outlines, then parts.

    Args:
        features: All of the file.
        shapes: Polygons of outlines and parts, shape (n,).
        kept: Which lie in the extent, shape (n,); the others are set aside.
        wholes: Row of the outline that each row is a part of, -1 where it is none, shape (n,).
        set_aside: Gets what cannot be used.
    """
    rows = features.buildings.joined(features.parts)
    set_aside.extend(
        SetAside("buildings", rows.ids[row], "lies outside the extent") for row in np.flatnonzero(~kept)
    )
    roofs = each_word(rows.tags["roof:shape"], roof_shape)
    heights = _heights(rows, shapes, roofs)
    directions = np.array(each_word(rows.tags["roof:direction"], roof_direction_deg), dtype=np.float32)
    keep = np.flatnonzero(kept)
    return table_of(
        "buildings",
        rows,
        shapes[keep],
        keep,
        # No building is cut, so its geometry is what osmium wrote.
        wkb=taken(rows.shapes, keep),
        height_m=heights.height_m[keep],
        height_provenance=heights.height_provenance[keep],
        min_height_m=heights.min_height_m[keep],
        levels=taken(heights.levels, keep),
        roof_shape=taken(roofs, keep),
        roof_height_m=heights.roof_height_m[keep],
        roof_direction_deg=directions[keep],
        roof_orientation=taken(each_word(rows.tags["roof:orientation"], roof_orientation), keep),
        parent_id=_parents(rows.ids, shapes, wholes)[keep],
    )


def wholes_of(features: OsmFeatures, shapes: Shapes) -> Picks:
    """Row of the outline that each row is a part of, -1 where it is none, shape (n,).

    A relation of the type `building` says whose part it is; else it belongs to the smallest outline around a
    point of it. A row can be both, a tower that is a building of its own and a part of the church around it.
    """
    n_outlines = len(features.buildings)
    wholes = np.full(len(shapes), -1)
    both = [word not in NO for word in features.buildings.tags["building:part"]]
    parts = np.concatenate([np.flatnonzero(both), np.arange(n_outlines, len(shapes))]).astype(np.int64)
    if len(parts) and n_outlines:
        ids = features.buildings.ids + features.parts.ids
        wholes[parts] = _owners(ids, shapes, parts, n_outlines, features.parts_of)
    return wholes


def _heights(rows: Rows, shapes: Shapes, roofs: list[str | None]) -> BuildingHeights:
    tags = rows.tags
    # A slope gives a height where none is stated; it goes before the storeys of the roof.
    rises = rises_m(roofs, tags["roof:angle"], shapes)
    roof_height = list(tags["roof:height"])
    for row in np.flatnonzero(np.isfinite(rises)):
        roof_height[row] = roof_height[row] or f"{rises[row]:.2f}"
    return building_heights(
        rows.kinds,
        height=[a or b for a, b in zip(tags["height"], tags["building:height"], strict=True)],
        levels=tags["building:levels"],
        min_height=tags["min_height"],
        min_level=tags["building:min_level"],
        roof_height=roof_height,
        roof_levels=tags["roof:levels"],
    )


def _parents(ids: list[str], shapes: Shapes, wholes: Picks) -> Shapes:
    """Id of the outline that a part belongs to, None elsewhere, shape (n,).

    A row that is named as a parent is drawn by its parts alone (OpenStreetMap's “Simple 3D Buildings”);
    therefore parts that cover less than half of their outline get no parent: the outline would vanish with
    them.
    """
    parents: Shapes = np.full(len(ids), None, dtype=object)
    for found in np.unique(wholes[wholes >= 0]):
        mine, outline = np.flatnonzero(wholes == found), shapely.make_valid(shapes[found])
        covered = shapely.union_all(shapely.intersection(shapely.make_valid(shapes[mine]), outline))
        if shapely.area(covered) >= _PARTS_COVER * shapely.area(outline):
            parents[mine] = ids[int(found)]
    return parents


def _owners(ids: list[str], shapes: Shapes, parts: Picks, n_outlines: int, parts_of: dict[str, str]) -> Picks:
    """Row of the outline of each part, -1 where it has none."""
    area = shapely.area(shapes)

    def can_own(part_row: Picks, outline: Picks) -> Mask:
        # Of two that are outlines both, only the larger owns the other, so that nobody is his own ancestor.
        return np.asarray((part_row >= n_outlines) | (area[part_row] < area[outline]), dtype=bool)

    part, outline = shapely.STRtree(shapes[:n_outlines]).query(
        shapely.point_on_surface(shapes[parts]), predicate="within"
    )
    able = can_own(parts[part], outline)
    part, outline = part[able], outline[able]
    # Smallest last, so that it is the one that stays.
    order = np.argsort(-area[outline], kind="stable")
    owner = np.full(len(parts), -1)
    owner[part[order]] = outline[order]
    known = {local_id: row for row, local_id in enumerate(ids[:n_outlines])} if parts_of else {}
    stated = np.array([known.get(parts_of.get(ids[row], ""), -1) for row in parts])
    by_relation = (stated >= 0) & can_own(parts, stated)
    return np.where(by_relation, stated, owner)
