"""The sea, from coastlines: OpenStreetMap draws only the shore, land on its left and water on its right."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.geo.bounds import Bounds

__all__ = ["Sea", "sea_of"]

Shapes = npt.NDArray[Any]
_PROBE_DEG: Final = 2e-7
"""How far beside the shore the two sides are probed: 2 cm."""
_AGREEMENT: Final = 0.9
"""Share of the shore around a face that has to say the same of it."""
_HEADING_DEG: Final = 0.003
"""About 300 m of shore give the direction in which a shore that ends inside is drawn on."""
_NEAR_DEG: Final = 0.0005


@dataclass(frozen=True)
class Sea:
    """Water of the sea inside the extent.

    ``area`` is empty where no coast comes near. ``continued`` are the ends of coastlines, longitude and
    latitude, that lay inside the extent and were drawn on straight to its edge. ``fault`` says why there is
    no area.
    """

    area: Any
    continued: list[tuple[float, float]]
    fault: str = ""


def sea_of(coastlines: Shapes, extent: Bounds) -> Sea:
    """The sea inside an extent.

    An extract ends at a border, and with it the shore. A shore that ends inside the extent is drawn on in the
    direction of its last 300 m, or to the edge of the extent when that is near.

    Args:
        coastlines: LineStrings in degrees, each with land on its left, shape (n,).
        extent: The rectangle to fill.
    """
    box = shapely.box(extent.west_deg, extent.south_deg, extent.east_deg, extent.north_deg)
    merged = shapely.line_merge(shapely.multilinestrings(coastlines), directed=True)
    lines = shapely.get_parts(merged)
    lines = lines[shapely.intersects(lines, box)]
    if len(lines) == 0:
        return Sea(shapely.Polygon(), [])
    continued: list[tuple[float, float]] = []
    whole = [_continue(line, box, continued) for line in lines]
    shore = shapely.intersection(shapely.union_all(np.asarray(whole, dtype=object)), box)
    faces = shapely.get_parts(
        shapely.polygonize([*shapely.get_parts(shapely.union_all([shore, box.exterior]))])
    )
    return _classify(faces, np.asarray(whole, dtype=object), box, continued)


def _continue(line: Any, box: Any, continued: list[tuple[float, float]]) -> Any:  # noqa: ANN401 - shapely
    """The line with its loose ends drawn on to beyond the box."""
    points = shapely.get_coordinates(line)
    if np.array_equal(points[0], points[-1]):
        return line
    for _ in range(2):  # the end, then, turned round, the beginning
        if shapely.contains_properly(box, shapely.Point(points[-1])):
            continued.append((float(points[-1, 0]), float(points[-1, 1])))
            points = np.vstack([points, _beyond(points, np.asarray(shapely.bounds(box)))])
        points = points[::-1]
    return shapely.LineString(points)


def _beyond(points: npt.NDArray[np.float64], box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A point outside the box where the line would go on."""
    end = points[-1]
    gaps = np.array([end[0] - box[0], end[1] - box[1], box[2] - end[0], box[3] - end[1]])
    reach = float(np.ptp(box[[0, 2]]) + np.ptp(box[[1, 3]]))
    nearest = int(np.argmin(gaps))
    if gaps[nearest] < _NEAR_DEG:
        heading = np.array([(-1, 0), (0, -1), (1, 0), (0, 1)][nearest], dtype=np.float64)
    else:
        line = shapely.LineString(points[::-1])
        start = shapely.get_coordinates(shapely.line_interpolate_point(line, _HEADING_DEG))[0]
        heading = end - start
        heading = heading / (np.hypot(*heading) or 1.0)
    return np.asarray(end + heading * reach)


def _classify(faces: Shapes, shore: Shapes, box: Any, continued: list[tuple[float, float]]) -> Sea:  # noqa: ANN401
    """Each face is sea or land by what the shore around it says, weighted by length."""
    start, end = _segments(shore)
    vector = end - start
    length = np.hypot(vector[:, 0], vector[:, 1])
    start, vector, length = start[length > 0], vector[length > 0], length[length > 0]
    right = np.column_stack([vector[:, 1], -vector[:, 0]]) / length[:, None] * _PROBE_DEG
    middle = start + vector / 2
    sea_votes = _votes(faces, middle + right, length)
    land_votes = _votes(faces, middle - right, length)
    total = sea_votes + land_votes
    unclear = (total == 0) | (np.maximum(sea_votes, land_votes) < _AGREEMENT * total)
    # A sliver that two shores leave between them says nothing of the rest.
    if unclear[shapely.area(faces) > 1e-3 * shapely.area(box)].any():
        return Sea(shapely.Polygon(), continued, "the coastline does not tell land from sea")
    area = shapely.union_all(faces[(sea_votes > land_votes) & ~unclear])
    return Sea(area, continued)


def _segments(lines: Shapes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    points, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    return points[:-1][same], points[1:][same]


def _votes(
    faces: Shapes, probes: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    # Asked by face: a face is made ready once for all probes, a probe would be for every face.
    points: Shapes = np.asarray(shapely.points(probes), dtype=object)
    face, probe = shapely.STRtree(points).query(faces, predicate="contains")
    votes = np.bincount(face, weights=weight[probe], minlength=len(faces))
    return votes.astype(np.float64)
