"""Layers from measured city objects, one table a layer and batch."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from shancheng.city.heights import building_heights
from shancheng.city.schema import SURFACES, layer_table
from shancheng.city.sources.osm_tags import RAIL_WIDTH_M, ROAD_WIDTH_M
from shancheng.city.sources.solids import object_of_polygon
from shancheng.city.sources.solids_batch import CityObject
from shancheng.city.sources.solids_kinds import (
    building_kind,
    green_kind,
    levels_of,
    road_kind,
    roof_shape,
    water_kind,
)
from shancheng.city.sources.solids_measured import Measured
from shancheng.city.sources.solids_wkb import textured_uv, wkb_multipolygons
from shancheng.geo.arrays import FloatArray, IntArray

__all__ = ["TABLE_OF", "is_green"]

Names = Sequence[str | None]
TableOf = Callable[[Measured, IntArray, Names, dict[str, Any]], pa.Table]

_STEEPEST: Final = 0.7
"""Faces up to about 45° count as a bridge's deck."""


def is_green(one: CityObject) -> bool:
    """Whether an object of a green type is green."""
    return green_kind(one.type, one.attributes) is not None


def _buildings(found: Measured, rows: IntArray, names: Names, common: dict[str, Any]) -> pa.Table:
    objects = [found.objects[row] for row in rows.tolist()]
    attributes = [one.attributes for one in objects]
    kinds = [building_kind(one) for one in attributes]
    levels = [levels_of(one) for one in attributes]
    parent = found.parent[rows]
    height, provenance = _heights(found, rows, kinds, attributes, levels, common["provenance"])
    return layer_table(
        "buildings",
        geometry=found.shapes[rows],
        **_described(objects),
        kind=kinds,
        height_m=height,
        height_provenance=provenance,
        min_height_m=0.0,
        levels=levels,
        roof_shape=[roof_shape(one) for one in attributes],
        parent_id=[found.objects[row].id if row >= 0 else None for row in parent.tolist()],
        **_solids(found, rows, names),
        **common,
    )


def _heights(
    found: Measured,
    rows: IntArray,
    kinds: Sequence[str],
    attributes: Sequence[dict[str, Any]],
    levels: Sequence[int | None],
    provenance: str,
) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    """Heights above the ground: of the solid; without one as stated, by storeys, by kind."""
    solid_m = (found.extents.top_m - found.extents.bottom_m)[rows]
    nothing: list[str | None] = [None] * len(rows)
    told = building_heights(
        kinds,
        height=[_text(one.get("measuredHeight")) for one in attributes],
        levels=[_text(count) for count in levels],
        min_height=nothing,
        min_level=nothing,
        roof_height=nothing,
    )
    # A parent that is no solid itself has the extents of its parts.
    measured = np.isfinite(solid_m) & (solid_m > 0) & (found.solid[rows] | _of_parts(found, rows))
    height = np.where(measured, solid_m, told.height_m)
    return height, np.where(measured, provenance, told.height_provenance).astype(object)


def _of_parts(found: Measured, rows: IntArray) -> npt.NDArray[np.bool_]:
    return np.asarray(np.diff(found.surfaces.object_start)[rows] == 0)


def _bridges(found: Measured, rows: IntArray, names: Names, common: dict[str, Any]) -> pa.Table:
    objects = [found.objects[row] for row in rows.tolist()]
    return layer_table(
        "bridges",
        geometry=found.shapes[rows],
        **_described(objects),
        kind="bridge",
        deck_elevation_m=_decks(found)[rows],
        **_solids(found, rows, names),
        **common,
    )


def _decks(found: Measured) -> FloatArray:
    """Mean elevation of the faces that look up, by area; NaN where none does, shape (n,)."""
    surfaces, up = found.surfaces, found.areas[:, 2]
    weight = np.where(up > _STEEPEST * np.linalg.norm(found.areas, axis=1), up, 0.0)
    starts = surfaces.ring_start[surfaces.polygon_start]
    mean = np.add.reduceat(surfaces.xyz[:, 2], starts[:-1]) / np.diff(starts) if len(weight) else weight
    owner, n_objects = object_of_polygon(surfaces), len(found.objects)
    total = np.bincount(owner, weights=weight, minlength=n_objects)
    weighted = np.bincount(owner, weights=weight * mean, minlength=n_objects)
    decks: FloatArray = np.divide(weighted, total, out=np.full(n_objects, np.nan), where=total > 0)
    return decks


def _ways(layer: str) -> TableOf:
    widths = ROAD_WIDTH_M if layer == "roads" else RAIL_WIDTH_M

    def table(found: Measured, rows: IntArray, _: Names, common: dict[str, Any]) -> pa.Table:
        objects = [found.objects[row] for row in rows.tolist()]
        kinds = [road_kind(one.type, one.attributes) if layer == "roads" else "rail" for one in objects]
        return layer_table(
            layer,
            geometry=found.shapes[rows],
            **_described(objects),
            kind=kinds,
            width_m=[widths[kind] for kind in kinds],
            layer=0,
            bridge=np.zeros(len(rows), dtype=np.bool_),
            tunnel=np.zeros(len(rows), dtype=np.bool_),
            **common,
        )

    return table


def _green(found: Measured, rows: IntArray, _: Names, common: dict[str, Any]) -> pa.Table:
    objects = [found.objects[row] for row in rows.tolist()]
    kinds = [green_kind(one.type, one.attributes) for one in objects]
    return layer_table("green", geometry=found.shapes[rows], **_described(objects), kind=kinds, **common)


def _water(found: Measured, rows: IntArray, _: Names, common: dict[str, Any]) -> pa.Table:
    objects = [found.objects[row] for row in rows.tolist()]
    kinds = [water_kind(one.attributes) for one in objects]
    return layer_table("water", geometry=found.shapes[rows], **_described(objects), kind=kinds, **common)


TABLE_OF: Final[dict[str, TableOf]] = {
    "buildings": _buildings,
    "bridges": _bridges,
    "roads": _ways("roads"),
    "rail": _ways("rail"),
    "green": _green,
    "water": _water,
}
"""Each makes a layer's table of some rows; the names are those of pictures by their number."""


def _described(objects: Sequence[CityObject]) -> dict[str, Any]:
    return {
        "id": [one.id for one in objects],
        "name": [_name(one.attributes) for one in objects],
        "attributes": [_json(one.attributes) for one in objects],
    }


def _name(attributes: dict[str, Any]) -> str | None:
    name = attributes.get("name")
    return name.strip() or None if isinstance(name, str) else None


def _json(attributes: dict[str, Any]) -> str | None:
    return orjson.dumps(attributes).decode() if attributes else None


def _text(value: object) -> str | None:
    return str(value) if type(value) in (int, float, str) else None


# Solids


def _solids(found: Measured, rows: IntArray, names: Names) -> dict[str, Any]:
    """The columns of a solid; null where an object is none."""
    surfaces, present = found.surfaces, found.solid[rows]
    wkb = wkb_multipolygons(surfaces, found.plane)[rows]
    wkb[~present] = None
    polygons = _ranges(surfaces.object_start, rows)
    kinds = np.where(surfaces.semantics < len(SURFACES), surfaces.semantics, 0).astype(np.uint8)
    pictured = present & _pictured(found)[rows]
    uv, uv_start = textured_uv(surfaces)
    number = surfaces.texture[polygons]
    # The name of no picture, -1, stands at the end.
    pictures = pa.array([*names, None], type=pa.string()).take(number % (len(names) + 1))
    return {
        "lod": [found.objects[row].lod for row in rows.tolist()],
        "lod2_geometry": wkb,
        "lod2_semantics": _lists(pa.array(kinds[polygons]), surfaces.object_start, rows, present),
        "lod2_textures": _lists(pictures, surfaces.object_start, rows, pictured),
        "lod2_uv": _lists(pa.array(uv[_ranges(uv_start, rows)].ravel()), 2 * uv_start, rows, pictured),
    }


def _pictured(found: Measured) -> npt.NDArray[np.bool_]:
    """Objects of which a polygon has a picture, shape (n,)."""
    owner = object_of_polygon(found.surfaces)[found.surfaces.texture >= 0]
    return np.bincount(owner, minlength=len(found.objects)) > 0


def _ranges(start: IntArray, rows: IntArray) -> IntArray:
    """The members of the ranges of some rows, one range after the other."""
    sizes = start[rows + 1] - start[rows]
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    members: IntArray = np.arange(total) - np.repeat(ends - sizes, sizes) + np.repeat(start[rows], sizes)
    return members


def _lists(
    values: Any,  # noqa: ANN401 - pa.Array of any type
    start: IntArray,
    rows: IntArray,
    present: npt.NDArray[np.bool_],
) -> Any:  # noqa: ANN401 - pa.ListArray
    """One list a row from the values of those rows; null where nothing is present."""
    offsets = np.zeros(len(rows) + 1, dtype=np.int32)
    np.cumsum(start[rows + 1] - start[rows], out=offsets[1:])
    where: Any = pa.array(offsets)
    absent: Any = pa.array(~present)
    return pa.ListArray.from_arrays(where, values, mask=absent)
