"""City objects with a place: cleaned, turned outward, measured, with a footprint or a reason against it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.heights import MAX_HEIGHT_M
from shancheng.city.schema import SURFACES
from shancheng.city.sources.solids import (
    GROUND,
    Extents,
    Plane,
    Surfaces,
    cleaned,
    measured,
    outward,
    vector_areas,
)
from shancheng.city.sources.solids_batch import CityObject
from shancheng.city.sources.solids_footprints import footprints, united
from shancheng.city.sources.solids_kinds import OTHER_SURFACES, PARTS
from shancheng.geo.arrays import FloatArray, IntArray

__all__ = ["LEAST_HEIGHT_M", "Measured", "measure"]

Shapes = npt.NDArray[np.object_]
BoolArray = npt.NDArray[np.bool_]

_NO_GEOMETRY: Final = "has no geometry of faces"
LEAST_HEIGHT_M: Final = 0.1
"""What is flatter is an outline and not a solid."""
_LOWEST_M: Final = -500.0
_HIGHEST_M: Final = 9000.0
_WIDEST_M: Final = 20_000.0
_PARTS_COVER: Final = 0.5
_MOST_ANCESTORS: Final = 8
_OWN_FOOTPRINT: Final = (GROUND, *range(len(SURFACES), len(SURFACES) + len(OTHER_SURFACES)))


@dataclass(frozen=True, slots=True)
class Measured:
    """Objects of a batch, n of them, and what is known of each.

    Attributes:
        objects: As read.
        surfaces: In metres of the plane.
        areas: Normals times areas of the polygons.
        plane: Where those metres are.
        extents: Bottom and top; of an object without polygons those of its parts.
        shapes: Footprints in degrees, None where there is none, shape (n,).
        solid: Which have a hull with some height of their own, shape (n,).
        parent: Row of the object that each is a part of and is drawn with, -1 for none, shape (n,).
        reasons: Why a row cannot be taken over; empty where it can, shape (n,).
        counts: What was mended, for the user.
    """

    objects: Sequence[CityObject]
    surfaces: Surfaces
    areas: FloatArray
    plane: Plane
    extents: Extents
    shapes: Shapes
    solid: BoolArray
    parent: IntArray
    reasons: Shapes
    counts: Counter[str]


def measure(objects: Sequence[CityObject], surfaces: Surfaces, plane: Plane) -> Measured:
    """Measure the objects of a batch.

    Args:
        objects: n of them; a part and its parent are in the same batch.
        surfaces: Of the same objects, as read, in metres of the plane; NaN where a vertex has no place.
        plane: Where those metres are.
    """
    counts: Counter[str] = Counter()
    given = np.diff(surfaces.object_start)
    surfaces, lost = cleaned(surfaces)
    counts["polygons without an area or a place were left out"] = int(lost.sum())
    called_solid = np.array([one.solid for one in objects], dtype=np.bool_)
    surfaces, areas, turned = outward(surfaces, called_solid, vector_areas(surfaces))
    counts["solids were inside out and have been turned"] = int(turned.sum())
    extents = measured(surfaces)
    shapes, reasons = footprints(surfaces, areas, _OWN_FOOTPRINT)
    reasons[(given > 0) & (lost == given)] = "none of its polygons has an area and a place"
    _check_heights(extents, reasons)
    _check_widths(shapes, reasons)
    lines = {row: _lines_of(one.lines) for row, one in enumerate(objects) if one.lines}
    for row, one in enumerate(objects):
        reasons[row] = one.problem or (_NO_GEOMETRY if given[row] == 0 else reasons[row])
    reasons[list(lines)] = ""
    parent, extents = _with_parts(objects, shapes, reasons, extents)
    flat = np.array([(one.lod or "0").startswith("0") for one in objects], dtype=np.bool_)
    has_own = np.diff(surfaces.object_start) > 0
    solid = has_own & ~flat & (extents.top_m - extents.bottom_m >= LEAST_HEIGHT_M)
    parent = _parents_that_vanish(parent, shapes, solid)
    placed: Any = shapely.transform(shapes, plane.to_lonlat)
    for row, line in lines.items():
        placed[row] = line
    return Measured(objects, surfaces, areas, plane, extents, placed, solid, parent, reasons, +counts)


def _check_heights(extents: Extents, reasons: Shapes) -> None:
    bottom, top = extents.bottom_m, extents.top_m
    for row in np.flatnonzero((bottom < _LOWEST_M) | (top > _HIGHEST_M)).tolist():
        found = f"elevation from {bottom[row]:g} to {top[row]:g} m"
        reasons[row] = f"{found}: must be from {_LOWEST_M:g} to {_HIGHEST_M:g} m"
    for row in np.flatnonzero((reasons == "") & (top - bottom > MAX_HEIGHT_M)).tolist():
        reasons[row] = f"height {top[row] - bottom[row]:g} m: must be at most {MAX_HEIGHT_M:g} m"


def _check_widths(shapes: Shapes, reasons: Shapes) -> None:
    bounds = shapely.bounds(shapes)
    across = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    for row in np.flatnonzero((reasons == "") & (across > _WIDEST_M)).tolist():
        reasons[row] = f"is {across[row] / 1000:.1f} km across: must be at most {_WIDEST_M / 1000:g} km"


def _lines_of(lines: Sequence[FloatArray]) -> Any:  # noqa: ANN401 - a geometry
    """A network in longitude and latitude; it lies on the ground."""
    return shapely.multilinestrings([shapely.LineString(line[:, :2]) for line in lines])


# Parts


def _with_parts(
    objects: Sequence[CityObject], shapes: Shapes, reasons: Shapes, extents: Extents
) -> tuple[IntArray, Extents]:
    """Rows of parents; objects that have no geometry but parts get theirs, in place."""
    parent = _rows_of_parents(objects, reasons)
    children = np.flatnonzero(parent >= 0)
    bare = np.array([reason == _NO_GEOMETRY for reason in reasons], dtype=np.bool_)
    wanted = children[bare[parent[children]]] if len(children) else children
    if len(wanted) == 0:
        return np.where(_usable(parent, reasons), parent, -1), extents
    owners, number = np.unique(parent[wanted], return_inverse=True)
    order = np.argsort(number, kind="stable")
    parts, place = shapely.get_parts(shapes[wanted[order]], return_index=True)
    joined, why = united(parts, number[order][place], len(owners))
    shapes[owners], reasons[owners] = joined, why
    bottom, top = extents.bottom_m.copy(), extents.top_m.copy()
    bottom[owners], top[owners] = np.inf, -np.inf
    np.minimum.at(bottom, parent[wanted], extents.bottom_m[wanted])
    np.maximum.at(top, parent[wanted], extents.top_m[wanted])
    return np.where(_usable(parent, reasons), parent, -1), Extents(bottom, top)


def _rows_of_parents(objects: Sequence[CityObject], reasons: Shapes) -> IntArray:
    """Row of each good part's parent, -1 where it has none or is none."""
    rows = {one.id: row for row, one in enumerate(objects)}
    found = [
        rows.get(one.parent, -1)
        if one.parent is not None and one.parent != one.id and one.type in PARTS and not reasons[row]
        else -1
        for row, one in enumerate(objects)
    ]
    return _without_rings(np.array(found, dtype=np.int64))


def _without_rings(parent: IntArray) -> IntArray:
    """Parents, without those of rows that have more than a few ancestors: such a chain runs in a ring."""
    ancestor = parent
    for _ in range(_MOST_ANCESTORS):
        ancestor = np.where(ancestor >= 0, parent[ancestor], -1)
    return np.where(ancestor >= 0, -1, parent)


def _usable(parent: IntArray, reasons: Shapes) -> BoolArray:
    """Whether the parent itself is taken over."""
    usable: BoolArray = (parent >= 0) & (reasons[parent] == "")
    return usable


def _parents_that_vanish(parent: IntArray, shapes: Shapes, solid: BoolArray) -> IntArray:
    """Parents, without those that would be lost.

    A row that is named as a parent is drawn by its parts alone. Parts beside a parent that is a solid itself
    are not all of it: where they cover less than half of it they stand on their own.
    """
    children = np.flatnonzero(parent >= 0)
    children = children[solid[parent[children]]] if len(children) else children
    if len(children) == 0:
        return parent
    owners, number = np.unique(parent[children], return_inverse=True)
    order = np.argsort(number, kind="stable")
    parts, place = shapely.get_parts(shapes[children[order]], return_index=True)
    joined, _ = united(parts, number[order][place], len(owners))
    covered: Any = shapely.area(shapely.intersection(shapes[owners], joined))
    alone = ~(covered >= _PARTS_COVER * shapely.area(shapes[owners]))
    result = parent.copy()
    result[children[alone[number]]] = -1
    return result
