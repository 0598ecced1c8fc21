"""Polygons of objects as a layer's columns hold them: WKB above the ellipsoid, places in pictures."""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.sources.solids import Plane, Surfaces, object_of_polygon, starts_of
from shancheng.geo.arrays import Float32Array, IntArray
from shancheng.geo.geoid import undulation_m

__all__ = ["textured_uv", "wkb_multipolygons"]


def _closed_vertices(surfaces: Surfaces) -> tuple[IntArray, IntArray]:
    """Vertices with each ring's first one again at its end, and the ring of each: both (n_v + n_rings,)."""
    sizes = np.diff(surfaces.ring_start)
    ring = np.repeat(np.arange(len(sizes)), sizes + 1)
    vertex = np.arange(len(ring)) - ring
    ends = surfaces.ring_start[1:] + np.arange(len(sizes))
    vertex[ends] = surfaces.ring_start[:-1]
    return vertex, ring


def wkb_multipolygons(surfaces: Surfaces, plane: Plane) -> npt.NDArray[np.object_]:
    """WKB MultiPolygon Z of each object, None where it has no polygon, shape (n_objects,).

    ISO flavour, little-endian: longitude, latitude, metres above the ellipsoid.
    """
    wkb = np.full(len(surfaces.object_start) - 1, None, dtype=object)
    filled = np.diff(surfaces.object_start) > 0
    if not filled.any():
        return wkb
    lonlat = plane.to_lonlat(surfaces.xyz[:, :2])
    above = undulation_m(lonlat[:, 0], lonlat[:, 1]) + surfaces.xyz[:, 2]
    vertex, ring = _closed_vertices(surfaces)
    rings: Any = shapely.linearrings(np.column_stack([lonlat, above])[vertex], indices=ring)
    polygons: Any = shapely.polygons(rings, indices=surfaces.polygon_of_ring)
    # Shapely counts without gaps: objects that have no polygon get no number.
    number = (np.cumsum(filled) - 1)[object_of_polygon(surfaces)]
    wkb[filled] = shapely.to_wkb(
        shapely.multipolygons(polygons, indices=number), byte_order=1, output_dimension=3, flavor="iso"
    )
    return wkb


def textured_uv(surfaces: Surfaces) -> tuple[Float32Array, IntArray]:
    """u, v of the polygons with a picture, closing vertices included, and where each object's begin.

    Returns:
        Shape (m, 2), and starts of shape (n_objects + 1,).
    """
    n_objects = len(surfaces.object_start) - 1
    if surfaces.uv is None:
        return np.empty((0, 2), np.float32), np.zeros(n_objects + 1, dtype=np.int64)
    vertex, ring = _closed_vertices(surfaces)
    polygon = surfaces.polygon_of_ring[ring]
    pictured = surfaces.texture[polygon] >= 0
    owner = object_of_polygon(surfaces)[polygon[pictured]]
    return surfaces.uv[vertex[pictured]], starts_of(np.bincount(owner, minlength=n_objects))
