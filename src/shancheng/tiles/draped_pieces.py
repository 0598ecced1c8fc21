"""Triangles of many features, in pieces small enough for the quadtree; and one tile made of some of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_M
from shancheng.geo.frame import LocalFrame
from shancheng.tiles.constants import CELL_MARGIN_DEG, QUANTUM_M
from shancheng.tiles.glb import Material, Placement, Primitive
from shancheng.tiles.items import Items

__all__ = [
    "CUT_SPARE_DEG",
    "Pieces",
    "Wrong",
    "items_of",
    "join",
    "metres_per_degree",
    "primitives_of",
    "take",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.uint32]


CUT_SPARE_DEG = 2 * CELL_MARGIN_DEG
"""How much smaller pieces pretend to be that were cut along the quadtree's lines."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A feature that cannot be drawn, by its row, and why."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Parts of features, each drawn by exactly one tile.

    Attributes:
        row: Row of the layer's table that each piece belongs to, shape (p,), rising.
        size_m: How early a viewer wants it, shape (p,); see `Items`.
        lonlat: Degrees of the vertices, shape (v, 2).
        height_m: Their ellipsoidal heights, shape (v,).
        triangles: Shape (t, 3), counter-clockwise from outside, counted from the piece's first vertex.
        vertex_start: Where each piece's vertices begin, shape (p + 1,).
        triangle_start: Where its triangles begin, shape (p + 1,).
        stands: Which pieces are solids above the ground, shape (p,); the others lie on it.
    """

    row: Ints
    size_m: Floats
    lonlat: Floats
    height_m: Floats
    triangles: Indices
    vertex_start: Ints
    triangle_start: Ints
    stands: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def none(cls) -> "Pieces":
        """No pieces at all."""
        start = np.zeros(1, dtype=np.int64)
        empty = np.empty(0)
        return cls(
            start[:0],
            empty,
            empty.reshape(0, 2),
            empty,
            np.empty((0, 3), dtype=np.uint32),
            start,
            start,
            np.empty(0, dtype=np.bool_),
        )


def join(first: Pieces, second: Pieces) -> Pieces:
    """Pieces of both, ordered by row."""
    vertex_start = np.concatenate([first.vertex_start, second.vertex_start[1:] + first.vertex_start[-1]])
    triangle_start = np.concatenate(
        [first.triangle_start, second.triangle_start[1:] + first.triangle_start[-1]]
    )
    both = Pieces(
        np.concatenate([first.row, second.row]),
        np.concatenate([first.size_m, second.size_m]),
        np.concatenate([first.lonlat, second.lonlat]),
        np.concatenate([first.height_m, second.height_m]),
        np.concatenate([first.triangles, second.triangles]),
        vertex_start,
        triangle_start,
        np.concatenate([first.stands, second.stands]),
    )
    return take(both, np.argsort(both.row, kind="stable"))


def take(pieces: Pieces, members: Ints) -> Pieces:
    """Some of the pieces, in this order."""
    vertices = _gather(pieces.vertex_start, members)
    return Pieces(
        pieces.row[members],
        pieces.size_m[members],
        pieces.lonlat[vertices],
        pieces.height_m[vertices],
        pieces.triangles[_gather(pieces.triangle_start, members)],
        _starts(np.diff(pieces.vertex_start)[members]),
        _starts(np.diff(pieces.triangle_start)[members]),
        pieces.stands[members],
    )


def metres_per_degree(lat_deg: Floats) -> Floats:
    """Length of a degree of longitude and of latitude on the ellipsoid, shape (n, 2)."""
    lat = np.radians(lat_deg)
    shrink = 1.0 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2
    radius = np.radians(1.0) * SEMI_MAJOR_M / np.sqrt(shrink)
    return np.stack([radius * np.cos(lat), radius * (1.0 - ECCENTRICITY_SQUARED) / shrink], axis=-1)


def items_of(pieces: Pieces, *, spare_deg: float = 0.0) -> Items:
    """What the partition has to know.

    Args:
        pieces: None of them empty.
        spare_deg: How much smaller than it is a piece may pretend to be: pieces that were cut along the
            quadtree's own lines touch them, and would not count as inside.
    """
    if len(pieces) == 0:
        return Items(np.empty((0, 4)), np.empty(0), np.empty((0, 2)), np.empty(0, dtype=np.uint32))
    first = pieces.vertex_start[:-1]
    low = np.minimum.reduceat(pieces.lonlat, first, axis=0)
    high = np.maximum.reduceat(pieces.lonlat, first, axis=0)
    spare = np.minimum(spare_deg, (high - low) / 2)
    lowest = np.minimum.reduceat(pieces.height_m, first)
    heights = np.stack([lowest, np.maximum.reduceat(pieces.height_m, first)], axis=1)
    tie = np.arange(len(pieces), dtype=np.uint32)
    return Items(np.concatenate([low + spare, high - spare], axis=1), pieces.size_m, heights, tie)


def primitives_of(
    pieces: Pieces, members: Ints, materials: tuple[Material, Material]
) -> tuple[Placement, tuple[Primitive, ...], npt.NDArray[np.int64]]:
    """The triangles of some pieces, exactly placed: what lies on the ground, then what stands above it.

    Args:
        pieces: All pieces.
        members: Which of them, shape (m,).
        materials: How the two kinds look.

    Returns:
        Where the local frame stands, one primitive for each kind that there is, and the table's rows of their
        features, shape (f,); feature ids are places in them.
    """
    members = np.sort(members)
    vertices = _gather(pieces.vertex_start, members)
    lonlat, height = pieces.lonlat[vertices], pieces.height_m[vertices]
    middle = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2
    placement = Placement(
        float(middle[0]), float(middle[1]), float((height.min() + height.max()) / 2), QUANTUM_M
    )
    rows = np.unique(pieces.row[members])
    kinds = [(members[pieces.stands[members] == stands], materials[stands]) for stands in (0, 1)]
    primitives = tuple(
        _primitive(pieces, own, rows, placement, material) for own, material in kinds if len(own)
    )
    return placement, primitives, rows


def _primitive(
    pieces: Pieces, members: Ints, rows: Ints, placement: Placement, material: Material
) -> Primitive:
    vertices = _gather(pieces.vertex_start, members)
    lonlat, height = pieces.lonlat[vertices], pieces.height_m[vertices]
    per_vertex = np.diff(pieces.vertex_start)[members]
    per_triangle = np.diff(pieces.triangle_start)[members]
    first = (_starts(per_vertex)[:-1]).astype(np.uint32)
    triangles = pieces.triangles[_gather(pieces.triangle_start, members)]
    triangles = triangles + np.repeat(first, per_triangle)[:, None]
    feature = np.searchsorted(rows, pieces.row[members]).astype(np.uint32)
    frame = LocalFrame(placement.lon_deg, placement.lat_deg, placement.ellipsoidal_height_m)
    steps = np.rint(frame.enu_from_geodetic(lonlat[:, 0], lonlat[:, 1], height) / QUANTUM_M).astype(np.int32)
    positions = np.stack([steps[:, 0], steps[:, 2], -steps[:, 1]], axis=1)
    return Primitive(positions, triangles.ravel(), np.repeat(feature, per_vertex), None, material)


def _starts(counts: Ints) -> Ints:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])


def _gather(start: Ints, members: Ints) -> Ints:
    """All places from `start[m]` to `start[m + 1]`, for one member after the other."""
    counts = start[members + 1] - start[members]
    shift = start[members] - _starts(counts)[:-1]
    return np.repeat(shift, counts) + np.arange(int(counts.sum()))
