"""Solids as a layer holds them: faces in metres around a place, and their WKB."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import shapely
from houses import LAT, LON, PER_DEGREE

Array = npt.NDArray[Any]
Point = tuple[float, float, float]
Face = list[list[Point]]


def box(width: float, depth: float, height: float, base: float = 0.0) -> list[Face]:
    """Six faces that look outward: bottom, top, then the walls from the south counter-clockwise."""
    ring = [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)]
    low, high = [[(x, y, z) for x, y in ring] for z in (base, base + height)]
    walls = [[[low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]]] for i in range(4)]
    return [[low[::-1]], [high], *walls]


def gabled(width: float, depth: float, eaves: float, top: float) -> list[Face]:
    """A house with its ridge along x, whose gables have five corners."""
    (low,), _, *walls = box(width, depth, eaves)
    ridge = [(0.0, depth / 2, top), (width, depth / 2, top)]
    south, east, north, west = [wall[0] for wall in walls]
    east, west = [*east[:3], ridge[1], east[3]], [*west[:3], ridge[0], west[3]]
    slopes = [[[south[3], south[2], ridge[1], ridge[0]]], [[north[3], north[2], ridge[0], ridge[1]]]]
    return [[low], [south], [east], [north], [west], *slopes]


def moved(faces: list[Face], x: float, y: float, z: float) -> list[Face]:
    """The same elsewhere."""
    return [[[(a + x, b + y, c + z) for a, b, c in ring] for ring in face] for face in faces]


def degrees(faces: Sequence[Face]) -> shapely.MultiPolygon:
    """Faces as a layer has them: longitude, latitude, ellipsoidal height."""
    return shapely.transform(
        shapely.MultiPolygon([shapely.Polygon(face[0], face[1:]) for face in faces]),
        lambda points: points / [*PER_DEGREE, 1] + [LON, LAT, 0],
        include_z=True,
    )


def wkb(faces: Sequence[Face]) -> bytes:
    """What a layer holds."""
    return bytes(shapely.to_wkb(degrees(faces), flavor="iso", byte_order=1))
