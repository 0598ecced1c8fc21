"""Outlines on the ground of polygons in space.

An object's footprint is the union of its ground surfaces seen from above; else of the faces that look down,
or of all that lie, where those do not close it below.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
import shapely.errors

from shancheng.city.sources.solids import LEAST_AREA_M2, Surfaces, object_of_polygon, reduced
from shancheng.city.sources.solids_outlines import mesh_outlines
from shancheng.geo.arrays import FloatArray, IntArray

__all__ = ["footprints", "united"]

Shapes = npt.NDArray[np.object_]
BoolArray = npt.NDArray[np.bool_]

_LYING: Final = 0.02
"""Faces steeper than about 89° add nothing to a footprint but slivers."""
_CLOSES_BELOW: Final = 0.9
_SLIVER_M2: Final = 0.01
"""Pieces and holes of less are seams of the survey."""
_GRID_M: Final = 0.001
_MANY_VERTICES: Final = 1000
_MOST_CROSSINGS: Final = 200_000
"""Joining outlines takes memory for each crossing of two edges."""


# The library computes with infinities where polygons are broken; what comes of it is looked at afterwards.
@np.errstate(invalid="ignore", over="ignore", divide="ignore")
def footprints(surfaces: Surfaces, areas: FloatArray, preferred: Sequence[int]) -> tuple[Shapes, Shapes]:
    """Footprints of all objects.

    Args:
        surfaces: Cleaned, in metres.
        areas: From `vector_areas`.
        preferred: Semantics whose polygons alone make the footprint where an object has such.

    Returns:
        Polygon or MultiPolygon in metres, None where there is none, shape (n_objects,); and why there is
        none, empty elsewhere, shape (n_objects,).
    """
    n_objects = len(surfaces.object_start) - 1
    chosen = np.flatnonzero(_chosen(surfaces, areas, preferred))
    owner = object_of_polygon(surfaces)[chosen]
    count = np.bincount(owner, minlength=n_objects)
    shapes = _meshes(surfaces, chosen[count[owner] > 1], n_objects)
    other = shapely.is_missing(shapes)
    rest = other[owner]
    joined, reasons = united(_polygons(surfaces, chosen[rest]), owner[rest], n_objects)
    shapes[other], reasons[~other] = joined[other], ""
    _tidy(shapes, ~other)
    reasons[count == 0] = "no face of it lies flat, so it has no footprint"
    _refuse_small(shapes, reasons)
    return shapes, reasons


@np.errstate(invalid="ignore", over="ignore", divide="ignore")
def united(polygons: Shapes, owner: IntArray, n_owners: int) -> tuple[Shapes, Shapes]:
    """Polygons in metres joined by their owner, mended where they cross themselves, without slivers.

    Args:
        polygons: Shape (n,).
        owner: Number of the owner of each, ascending.
        n_owners: How many there are.

    Returns:
        As `footprints`, shape (n_owners,).
    """
    shapes: Shapes = np.full(n_owners, None, dtype=object)
    reasons: Shapes = np.full(n_owners, "", dtype=object)
    count = np.bincount(owner, minlength=n_owners)
    reasons[count == 0] = "it has no area"
    tangled = _tangled(polygons, owner, n_owners)
    reasons[tangled] = "its outlines cross each other or themselves too often to be joined"
    single = (count == 1) & ~tangled
    shapes[single] = _mended(polygons[single[owner]])
    several = (count > 1) & ~tangled
    shapes[several] = _joined(polygons[several[owner]], owner[several[owner]])
    _tidy(shapes, several | (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON))
    _refuse_small(shapes, reasons)
    return shapes, reasons


def _refuse_small(shapes: Shapes, reasons: Shapes) -> None:
    gone = (reasons == "") & ~(shapely.area(shapes) >= _SLIVER_M2)
    shapes[gone], reasons[gone] = None, f"its footprint is smaller than {_SLIVER_M2:g} square metres"


def _chosen(surfaces: Surfaces, areas: FloatArray, preferred: Sequence[int]) -> BoolArray:
    """Which polygons make the footprint of their object, shape (n_polygons,)."""
    owner, start = object_of_polygon(surfaces), surfaces.object_start
    up = areas[:, 2]
    lying = (np.abs(up) > _LYING * np.linalg.norm(areas, axis=1)) & (np.abs(up) > LEAST_AREA_M2)
    wanted = lying & np.isin(surfaces.semantics, preferred)
    has_wanted = reduced(np.add, wanted.astype(np.int64), start, 0) > 0
    below = reduced(np.add, np.where(lying, np.maximum(-up, 0), 0.0), start, 0.0)
    above = reduced(np.add, np.where(lying, np.maximum(up, 0), 0.0), start, 0.0)
    from_below = (below > 0) & (below >= _CLOSES_BELOW * above)
    other = lying & ((up < 0) | ~from_below[owner])
    chosen: BoolArray = np.where(has_wanted[owner], wanted, other)
    return chosen


def _meshes(surfaces: Surfaces, chosen: IntArray, n_objects: int) -> Shapes:
    """Footprints of objects whose chosen polygons are a mesh; None for all others."""
    if len(chosen) == 0:
        return np.full(n_objects, None, dtype=object)
    ring = _rings_of(surfaces, chosen)
    vertex = ring[surfaces.ring_of_vertex]
    hole = np.ones(len(ring), dtype=np.bool_)
    hole[surfaces.polygon_start[:-1]] = False
    start = np.concatenate([[0], np.cumsum(np.diff(surfaces.ring_start)[ring])])
    owner = object_of_polygon(surfaces)[surfaces.polygon_of_ring[ring]]
    return mesh_outlines(surfaces.xyz[vertex, :2], start, hole[ring], owner, n_objects)


def _rings_of(surfaces: Surfaces, chosen: IntArray) -> BoolArray:
    """Which rings belong to those polygons, shape (n_rings,)."""
    mask = np.zeros(len(surfaces.polygon_start) - 1, dtype=np.bool_)
    mask[chosen] = True
    return mask[surfaces.polygon_of_ring]


def _polygons(surfaces: Surfaces, chosen: IntArray) -> Shapes:
    """Those polygons seen from above."""
    if len(chosen) == 0:
        return np.empty(0, dtype=object)
    ring = _rings_of(surfaces, chosen)
    vertex = ring[surfaces.ring_of_vertex]
    number = np.cumsum(ring) - 1
    rings: Any = shapely.linearrings(
        surfaces.xyz[vertex, :2], indices=number[surfaces.ring_of_vertex[vertex]]
    )
    polygon = np.searchsorted(chosen, surfaces.polygon_of_ring[ring])
    return np.asarray(shapely.polygons(rings, indices=polygon), dtype=object)


def _mended(polygons: Shapes) -> Shapes:
    """Valid polygons as they are; of others what lies inside them."""
    broken = ~shapely.is_valid(polygons)
    if broken.any():
        polygons = polygons.copy()
        polygons[broken] = _areas_of(
            shapely.make_valid(polygons[broken], method="structure", keep_collapsed=False)
        )
    return polygons


def _joined(polygons: Shapes, owner: IntArray) -> Shapes:
    """Unions of the polygons of each owner, in the order of the owners."""
    if len(polygons) == 0:
        return polygons
    number = np.unique(owner, return_inverse=True)[1]
    groups: Any = shapely.multipolygons(_mended_parts(polygons), indices=number)
    try:
        return _areas_of(_union(np.asarray(groups)))
    except shapely.errors.GEOSException:
        return np.concatenate([_one_union(group) for group in np.asarray(groups)])


def _one_union(group: Any) -> Shapes:  # noqa: ANN401 - a geometry
    """The union of one, empty where the library finds none; shape (1,)."""
    try:
        return _areas_of(_union(np.array([group], dtype=object)))
    except shapely.errors.GEOSException:
        return np.array([shapely.Polygon()], dtype=object)


def _union(groups: Shapes) -> Shapes:
    # Snapped to the millimetre: neighbours share their seams only up to rounding.
    joined: Any = shapely.union_all(groups[:, None], axis=1, grid_size=_GRID_M)
    return np.asarray(joined, dtype=object)


def _mended_parts(polygons: Shapes) -> Shapes:
    """As `_mended`, but one polygon stays one: of several pieces the largest."""
    mended = _mended(polygons)
    several = np.flatnonzero(shapely.get_type_id(mended) != shapely.GeometryType.POLYGON)
    for row in several.tolist():
        parts = shapely.get_parts(mended[row])
        mended[row] = parts[np.argmax(shapely.area(parts))] if len(parts) else shapely.Polygon()
    return mended


def _areas_of(shapes: Shapes) -> Shapes:
    """Polygons or multipolygons of what has area; lines and points that were left over go."""
    mixed = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION)
    for row in mixed.tolist():
        parts = shapely.get_parts(shapely.get_parts(shapes[row]))
        shapes[row] = shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    flat = ~np.isin(
        shapely.get_type_id(shapes), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    )
    shapes[flat] = shapely.Polygon()
    return shapes


def _tidy(shapes: Shapes, rows: BoolArray) -> None:
    """Drop pieces and holes that are slivers, in place."""
    where = np.flatnonzero(rows & ~shapely.is_missing(shapes))
    if len(where) == 0:
        return
    parts, number = shapely.get_parts(shapes[where], return_index=True)
    kept = shapely.area(parts) >= _SLIVER_M2
    parts, number = parts[kept], number[kept]
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    for row in holed.tolist():
        holes = [hole for hole in parts[row].interiors if shapely.area(shapely.Polygon(hole)) >= _SLIVER_M2]
        parts[row] = shapely.Polygon(parts[row].exterior, holes)
    count = np.bincount(number, minlength=len(where))
    shapes[where[count == 0]] = shapely.Polygon()
    one = count == 1
    shapes[where[one]] = parts[one[number]]
    many = count > 1
    if many.any():
        place = (np.cumsum(many) - 1)[number[many[number]]]
        groups: Any = shapely.multipolygons(parts[many[number]], indices=place)
        shapes[where[many]] = groups


def _tangled(polygons: Shapes, owner: IntArray, n_objects: int) -> BoolArray:
    """Objects whose outlines cross so often that joining them would not end, shape (n_objects,)."""
    vertices = np.bincount(owner, weights=shapely.get_num_coordinates(polygons), minlength=n_objects)
    tangled = np.zeros(n_objects, dtype=np.bool_)
    for number in np.flatnonzero(vertices > _MANY_VERTICES).tolist():
        mine = polygons[owner == number]
        if len(mine) > 1 or not shapely.is_valid(mine[0]):
            tangled[number] = _crossings(mine) > _MOST_CROSSINGS
    return tangled


def _crossings(polygons: Shapes) -> float:
    """About how many pairs of edges cross, from a sample of the edges against all."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    n_edges = len(start)
    n_sampled = int(np.clip(20_000_000 / n_edges, 16, 256))
    picked = np.unique(np.linspace(0, n_edges - 1, n_sampled).astype(np.int64))
    found = sum(int(_crosses(start[edge], end[edge], start, end).sum()) for edge in picked.tolist())
    return found / len(picked) * n_edges / 2


def _crosses(a: FloatArray, b: FloatArray, start: FloatArray, end: FloatArray) -> BoolArray:
    """Which edges properly cross the edge from a to b."""

    def side(p: FloatArray, q: FloatArray, r: FloatArray) -> FloatArray:
        result: FloatArray = (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (
            r[..., 0] - p[..., 0]
        )
        return result

    apart = side(a, b, start) * side(a, b, end) < 0
    return apart & (side(start, end, a) * side(start, end, b) < 0)
