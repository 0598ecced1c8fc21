"""Shells put in their place: as solids of a layer, and what they cover of the ground."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray
from shancheng.city.builtin.chongqing.shapes import directions
from shancheng.city.builtin.chongqing.shells import Shell
from shancheng.geo.geoid import undulation_m

__all__ = ["LOD", "Solid", "covered", "placed", "solid"]

LOD: Final = "2.0"
DEGREE_DIGITS: Final = 8
"""A millimetre: thin bars keep their thickness."""
SEAM_M: Final = 0.02
"""Faces of a form meet along lines; so much closes what rounding opened between them."""


@dataclass(frozen=True)
class Solid:
    """WKB MultiPolygon Z, degrees and metres above the ellipsoid, and what each polygon is (``SURFACES``)."""

    wkb: bytes
    surfaces: list[int]


def placed(shell: Shell, at: FloatArray, azimuth_deg: float, elevation_m: float) -> Shell:
    """The shell on the plane: its x along an azimuth, its z as elevation above the geoid.

    Args:
        shell: In a frame of its own.
        at: Where that frame's origin lies on the plane, shape (2,).
        azimuth_deg: Of its x axis, clockwise from north.
        elevation_m: Of its origin.
    """
    along = directions(np.radians(azimuth_deg))
    left = np.array([-along[1], along[0]])
    faces = []
    for face in shell.faces:
        xy = at + face[:, :1] * along + face[:, 1:2] * left
        faces.append(np.column_stack([xy, face[:, 2] + elevation_m]))
    return Shell(tuple(faces))


def solid(shell: Shell) -> Solid:
    """A shell on the plane, as ``placed`` gives it, in the form of a layer's ``lod2_geometry``."""
    counts = [len(face) + 1 for face in shell.faces]
    points = np.concatenate([np.vstack([face, face[:1]]) for face in shell.faces])
    lonlat = np.round(PLANE.to_lonlat(points[:, :2]), DEGREE_DIGITS)
    height = np.round(points[:, 2] + undulation_m(lonlat[:, 0], lonlat[:, 1]), 3)
    rings = shapely.linearrings(
        np.column_stack([lonlat, height]), indices=np.repeat(np.arange(len(counts)), counts)
    )
    whole = shapely.MultiPolygon(list(shapely.get_parts(shapely.polygons(rings))))
    return Solid(
        bytes(shapely.to_wkb(whole, byte_order=1, output_dimension=3, flavor="iso")), shell.surfaces()
    )


def covered(shell: Shell) -> Any:  # noqa: ANN401 - a shapely Polygon
    """What a shell on the plane covers, without holes; of several pieces, what a string around them holds."""
    upward = [face for face in shell.faces if _area_m2(face[:, :2]) > SEAM_M**2]
    shadows: npt.NDArray[Any] = np.array([shapely.polygons(face[:, :2]) for face in upward], dtype=object)
    whole = shapely.union_all(shapely.buffer(shadows, SEAM_M, join_style="mitre"))
    pieces = shapely.get_parts(whole)
    if len(pieces) > 1:
        return shapely.orient_polygons(shapely.convex_hull(whole), exterior_cw=False)
    outline = shapely.simplify(shapely.polygons(shapely.get_exterior_ring(pieces[0])), SEAM_M)
    return shapely.orient_polygons(outline, exterior_cw=False)


def _area_m2(ring: FloatArray) -> float:
    """Area of a ring (k, 2), above 0 when it turns to the left."""
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
