"""Polygons in space with a meaning each: what CityJSON and CityGML both come to, as flat arrays.

Here they are cleaned, turned outward and measured, for all objects of a batch at once. Where they lie on
Earth is in ``solids_crs.py``, their outlines on the ground in ``solids_footprints.py``, their WKB in
``solids_wkb.py``.

A ring's last vertex does not repeat its first. Coordinates are metres east, north and above the geoid of a
`Plane`; objects without polygons are allowed everywhere.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shancheng.city.schema import SURFACES
from shancheng.geo.arrays import Float32Array, FloatArray, IntArray
from shancheng.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_M

__all__ = [
    "GROUND",
    "LEAST_AREA_M2",
    "ROOF",
    "WALL",
    "Extents",
    "Plane",
    "Surfaces",
    "cleaned",
    "measured",
    "object_of_polygon",
    "outward",
    "reduced",
    "starts_of",
    "vector_areas",
    "without_objects",
]

BoolArray = npt.NDArray[np.bool_]

GROUND: Final = SURFACES.index("GroundSurface")
WALL: Final = SURFACES.index("WallSurface")
ROOF: Final = SURFACES.index("RoofSurface")

LEAST_AREA_M2: Final = 1e-6
"""A square millimetre: less is the survey's noise, and has no direction to speak of."""
_CLOSED: Final = 0.02
"""Vector areas of a closed hull cancel; up to this share of the whole they do so but for rounding."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres around a point, by one factor for longitude and one for latitude: exact there and back.

    It serves to measure and to join outlines, not to place them: areas are true near ``lat_deg`` and in
    proportion everywhere.
    """

    lon_deg: float
    lat_deg: float

    @property
    def metres_a_degree(self) -> FloatArray:
        """East and north, shape (2,)."""
        # WGS-84's radii of curvature at this latitude.
        w2 = 1 - ECCENTRICITY_SQUARED * np.sin(np.radians(self.lat_deg)) ** 2
        prime = SEMI_MAJOR_M / np.sqrt(w2)
        meridian = prime * (1 - ECCENTRICITY_SQUARED) / w2
        east = prime * max(np.cos(np.radians(self.lat_deg)), 1e-3)
        scale: FloatArray = np.radians(np.array([east, meridian]))
        return scale

    def from_lonlat(self, lon_deg: FloatArray, lat_deg: FloatArray) -> FloatArray:
        """Metres east and north, shape (n, 2)."""
        degrees = np.column_stack([lon_deg, lat_deg]) - [self.lon_deg, self.lat_deg]
        result: FloatArray = degrees * self.metres_a_degree
        return result

    def to_lonlat(self, xy_m: FloatArray) -> FloatArray:
        """Degrees, shape (n, 2)."""
        result: FloatArray = xy_m / self.metres_a_degree + [self.lon_deg, self.lat_deg]
        return result


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Polygons of n objects; each ``…_start`` has one entry more than there are things, and starts at 0.

    Attributes:
        xyz: Vertices, shape (n_vertices, 3).
        ring_start: First vertex of each ring.
        polygon_start: First ring of each polygon, which is its outline; the others are holes.
        object_start: First polygon of each object.
        semantics: Place in ``SURFACES``, or a larger number that its reader knows, shape (n_polygons,).
        texture: Number of a picture, -1 for none, shape (n_polygons,).
        uv: u right, v up of each vertex, shape (n_vertices, 2); None where nothing has a picture.
    """

    xyz: FloatArray
    ring_start: IntArray
    polygon_start: IntArray
    object_start: IntArray
    semantics: npt.NDArray[np.uint8]
    texture: npt.NDArray[np.int32]
    uv: Float32Array | None = None

    @classmethod
    def from_counts(
        cls,
        xyz: FloatArray,
        ring_sizes: npt.ArrayLike,
        polygon_rings: npt.ArrayLike,
        object_polygons: npt.ArrayLike,
        semantics: npt.ArrayLike,
        texture: npt.ArrayLike | None = None,
        uv: Float32Array | None = None,
    ) -> "Surfaces":
        """From how many vertices a ring has, rings a polygon, polygons an object."""
        kinds = np.asarray(semantics, dtype=np.uint8)
        pictures = np.full(len(kinds), -1) if texture is None else np.asarray(texture)
        rings, polygons, objects = (starts_of(one) for one in (ring_sizes, polygon_rings, object_polygons))
        return cls(xyz, rings, polygons, objects, kinds, pictures.astype(np.int32), uv)

    @property
    def ring_of_vertex(self) -> IntArray:
        """Ring of each vertex, shape (n_vertices,)."""
        return np.repeat(np.arange(len(self.ring_start) - 1), np.diff(self.ring_start))

    @property
    def polygon_of_ring(self) -> IntArray:
        """Polygon of each ring, shape (n_rings,)."""
        return np.repeat(np.arange(len(self.polygon_start) - 1), np.diff(self.polygon_start))

    @property
    def polygon_of_vertex(self) -> IntArray:
        """Polygon of each vertex, shape (n_vertices,)."""
        starts = self.ring_start[self.polygon_start]
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


@dataclass(frozen=True, slots=True)
class Extents:
    """What is known of n objects from their polygons; NaN where an object has none.

    Attributes:
        bottom_m: Lowest vertex of the ground surfaces, else of all, shape (n,).
        top_m: Highest vertex of the roof surfaces, else of all, shape (n,).
    """

    bottom_m: FloatArray
    top_m: FloatArray


def object_of_polygon(surfaces: Surfaces) -> IntArray:
    """Object of each polygon, shape (n_polygons,)."""
    return np.repeat(np.arange(len(surfaces.object_start) - 1), np.diff(surfaces.object_start))


def reduced(ufunc: np.ufunc, values: npt.NDArray[Any], start: IntArray, empty: float) -> FloatArray:
    """One value for each range ``start[i]:start[i + 1]`` along the first axis; ``empty`` for empty ranges."""
    result = np.full((len(start) - 1, *values.shape[1:]), empty, dtype=np.float64)
    filled = np.diff(start) > 0
    if filled.any():
        result[filled] = ufunc.reduceat(values, start[:-1][filled], axis=0)
    return result


def cleaned(surfaces: Surfaces) -> tuple[Surfaces, IntArray]:
    """Without repeated vertices, and without the rings and polygons that then have no area.

    Returns:
        The rest, and how many polygons each object lost, shape (n_objects,): those of which a vertex is no
        number or whose outline has no area. A hole without area goes silently.
    """
    distinct = _without_repeats(surfaces)
    areas = np.linalg.norm(_ring_areas(distinct), axis=1)
    good_ring = np.isfinite(areas) & (areas >= LEAST_AREA_M2) & (np.diff(distinct.ring_start) > 2)  # noqa: PLR2004
    outline = distinct.polygon_start[:-1]
    good_polygon = np.zeros(len(outline), dtype=np.bool_)
    has_ring = np.diff(distinct.polygon_start) > 0
    good_polygon[has_ring] = good_ring[outline[has_ring]]
    lost = reduced(np.add, (~good_polygon).astype(np.int64), distinct.object_start, 0).astype(np.int64)
    if good_ring.all() and good_polygon.all():
        return distinct, lost
    return _kept(distinct, good_ring & good_polygon[distinct.polygon_of_ring], good_polygon), lost


def without_objects(surfaces: Surfaces, unwanted: BoolArray) -> Surfaces:
    """The same objects; those unwanted, shape (n_objects,), have no polygons any more."""
    polygon = ~unwanted[object_of_polygon(surfaces)]
    return surfaces if polygon.all() else _kept(surfaces, polygon[surfaces.polygon_of_ring], polygon)


def vector_areas(surfaces: Surfaces) -> FloatArray:
    """Normal times area of each polygon less its holes, whichever way those run, shape (n_polygons, 3)."""
    rings = _ring_areas(surfaces)
    outline = rings[surfaces.polygon_start[:-1]]
    if len(rings) == len(outline):
        return outline
    of_outline = outline[surfaces.polygon_of_ring]
    with_outline = np.einsum("ij,ij->i", rings, of_outline) > 0
    first = np.zeros(len(rings), dtype=np.bool_)
    first[surfaces.polygon_start[:-1]] = True
    signed = np.where((with_outline & ~first)[:, None], -rings, rings)
    return reduced(np.add, signed, surfaces.polygon_start, 0.0)


def outward(
    surfaces: Surfaces, solid: BoolArray, areas: FloatArray
) -> tuple[Surfaces, FloatArray, BoolArray]:
    """Turn hulls that are inside out.

    Args:
        surfaces: Cleaned.
        solid: Which objects their source calls solids, shape (n_objects,). Others are judged only where
            their polygons close.
        areas: From `vector_areas`.

    Returns:
        Surfaces and areas with those hulls turned, and which were, shape (n_objects,).
    """
    owner = object_of_polygon(surfaces)
    first = surfaces.xyz[surfaces.ring_start[surfaces.polygon_start[:-1]]]
    origin = np.zeros((len(surfaces.object_start) - 1, 3))
    filled = np.diff(surfaces.object_start) > 0
    origin[filled] = first[surfaces.object_start[:-1][filled]]
    # A third of the sum of (point on the face) · (its normal times its area): the divergence theorem.
    cones = np.einsum("ij,ij->i", first - origin[owner], areas) / 3
    volume = reduced(np.add, cones, surfaces.object_start, 0.0)
    whole = reduced(np.add, np.linalg.norm(areas, axis=1), surfaces.object_start, 0.0)
    open_part = np.linalg.norm(reduced(np.add, areas, surfaces.object_start, 0.0), axis=1)
    turned = (volume < 0) & (solid | (open_part <= _CLOSED * whole)) & (open_part <= 0.5 * whole)
    if not turned.any():
        return surfaces, areas, turned
    return (*_turned(surfaces, areas, turned[owner]), turned)


def measured(surfaces: Surfaces) -> Extents:
    """How high the objects reach."""
    z = surfaces.xyz[:, 2]
    starts = surfaces.ring_start[surfaces.polygon_start]
    low, high = reduced(np.minimum, z, starts, np.inf), reduced(np.maximum, z, starts, -np.inf)
    bottom = _preferring(np.minimum, low, surfaces, GROUND, np.inf)
    top = _preferring(np.maximum, high, surfaces, ROOF, -np.inf)
    return Extents(bottom, top)


def starts_of(counts: npt.ArrayLike) -> IntArray:
    """Where each of some runs begins, and the end of the last: shape (n + 1,)."""
    values = np.asarray(counts, dtype=np.int64)
    starts = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=starts[1:])
    return starts


def _next(ring_start: IntArray) -> IntArray:
    """The vertex after each one in its ring."""
    following = np.arange(1, int(ring_start[-1]) + 1)
    filled = np.diff(ring_start) > 0
    following[ring_start[1:][filled] - 1] = ring_start[:-1][filled]
    return following


def _ring_areas(surfaces: Surfaces) -> FloatArray:
    """Normal times area of each ring by Newell's method, shape (n_rings, 3); NaN where a vertex is none."""
    start = surfaces.ring_start
    first = np.minimum(start[:-1], max(len(surfaces.xyz) - 1, 0))
    if len(surfaces.xyz) == 0:
        return np.zeros((len(first), 3))
    # From the ring's own first vertex: far from the origin, products would lose the digits that count.
    local = surfaces.xyz - surfaces.xyz[first][surfaces.ring_of_vertex]
    x, y, z = local.T
    following = _next(start)
    xn, yn, zn = x[following], y[following], z[following]
    cross = np.column_stack([y * zn - z * yn, z * xn - x * zn, x * yn - y * xn])
    return reduced(np.add, cross, start, 0.0) / 2


def _without_repeats(surfaces: Surfaces) -> Surfaces:
    xyz = surfaces.xyz
    distinct = (xyz != xyz[_next(surfaces.ring_start)]).any(axis=1)
    if distinct.all():
        return surfaces
    counts = np.bincount(surfaces.ring_of_vertex[distinct], minlength=len(surfaces.ring_start) - 1)
    return Surfaces(
        xyz[distinct],
        starts_of(counts),
        surfaces.polygon_start,
        surfaces.object_start,
        surfaces.semantics,
        surfaces.texture,
        None if surfaces.uv is None else surfaces.uv[distinct],
    )


def _kept(surfaces: Surfaces, ring: BoolArray, polygon: BoolArray) -> Surfaces:
    """Only those rings and polygons; every kept ring lies in a kept polygon."""
    vertex = ring[surfaces.ring_of_vertex]
    rings = np.bincount(surfaces.polygon_of_ring[ring], minlength=len(polygon))[polygon]
    polygons = np.bincount(object_of_polygon(surfaces)[polygon], minlength=len(surfaces.object_start) - 1)
    return Surfaces(
        surfaces.xyz[vertex],
        starts_of(np.diff(surfaces.ring_start)[ring]),
        starts_of(rings),
        starts_of(polygons),
        surfaces.semantics[polygon],
        surfaces.texture[polygon],
        None if surfaces.uv is None else surfaces.uv[vertex],
    )


def _turned(surfaces: Surfaces, areas: FloatArray, polygon: BoolArray) -> tuple[Surfaces, FloatArray]:
    """The rings of those polygons backwards."""
    ring = surfaces.ring_of_vertex
    vertex = np.arange(len(ring))
    backwards = surfaces.ring_start[ring] + surfaces.ring_start[ring + 1] - 1 - vertex
    vertex = np.where(polygon[surfaces.polygon_of_vertex], backwards, vertex)
    turned = Surfaces(
        surfaces.xyz[vertex],
        surfaces.ring_start,
        surfaces.polygon_start,
        surfaces.object_start,
        surfaces.semantics,
        surfaces.texture,
        None if surfaces.uv is None else surfaces.uv[vertex],
    )
    return turned, np.where(polygon[:, None], -areas, areas)


def _preferring(
    ufunc: np.ufunc, of_polygon: FloatArray, surfaces: Surfaces, kind: int, nothing: float
) -> FloatArray:
    """Over the polygons of a kind where the object has such, else over all; NaN without any."""
    chosen = np.where(surfaces.semantics == kind, of_polygon, nothing)
    wanted = reduced(ufunc, chosen, surfaces.object_start, nothing)
    every = reduced(ufunc, of_polygon, surfaces.object_start, nothing)
    result = np.where(np.isfinite(wanted), wanted, every)
    return np.where(np.isfinite(result), result, np.nan)
