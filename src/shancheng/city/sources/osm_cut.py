"""Where a city from OpenStreetMap ends, and cutting shapes there."""

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.sources.osm_rows import Shapes
from shancheng.geo.bounds import Bounds

__all__ = ["Mask", "Picks", "clip", "extent_of", "including", "inside", "robust_bounds"]

Mask = npt.NDArray[np.bool_]
Picks = npt.NDArray[np.int64]
"""Numbers of rows."""

_MARGIN_DEG = 0.005
"""About half a kilometre."""


def extent_of(header: Bounds | None, buildings: Shapes, roads: Shapes) -> Bounds:
    """Where the city ends, by the file's own box or by its buildings and roads."""
    boxes = shapely.bounds(np.concatenate([buildings, roads])).reshape(-1, 4)
    boxes = boxes[np.isfinite(boxes[:, 0])]
    if header is not None:
        inside = boxes[_meets(boxes, header)]
        if len(inside):
            # The header's box may be that of the file this one was cut from.
            return _intersection(header, _bounds_of(inside).expanded(_MARGIN_DEG))
    return robust_bounds(boxes)


def robust_bounds(boxes: npt.NDArray[np.float64]) -> Bounds:
    """Bounds of nearly all: what lies farther out than the whole middle 98% is wide counts as astray."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    low, high = np.quantile(centre, [0.01, 0.99], axis=0)
    span = np.maximum(high - low, _MARGIN_DEG)
    return _bounds_of(boxes[((centre >= low - span) & (centre <= high + span)).all(axis=1)])


def _bounds_of(boxes: npt.NDArray[np.float64]) -> Bounds:
    return Bounds(*(float(edge) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))))


def _intersection(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(
        max(a.west_deg, b.west_deg),
        max(a.south_deg, b.south_deg),
        min(a.east_deg, b.east_deg),
        min(a.north_deg, b.north_deg),
    )


def including(extent: Bounds, shapes: Shapes) -> Bounds:
    """The extent, widened so that the shapes lie in it whole."""
    box = np.array([[extent.west_deg, extent.south_deg, extent.east_deg, extent.north_deg]])
    return _bounds_of(np.concatenate([box, shapely.bounds(shapes).reshape(-1, 4)]))


def _meets(boxes: npt.NDArray[np.float64], extent: Bounds) -> Mask:
    return np.asarray(
        (boxes[:, 0] <= extent.east_deg)
        & (boxes[:, 2] >= extent.west_deg)
        & (boxes[:, 1] <= extent.north_deg)
        & (boxes[:, 3] >= extent.south_deg)
    )


def inside(shapes: Shapes, extent: Bounds) -> Mask:
    """Which shapes have a box that meets the extent."""
    return _meets(shapely.bounds(shapes).reshape(-1, 4), extent)


def clip(shapes: Shapes, extent: Bounds) -> tuple[Shapes, Picks]:
    """Shapes cut at the extent, and the rows they come from; what lies outside is left out."""
    boxes = shapely.bounds(shapes).reshape(-1, 4)
    rows = np.flatnonzero(_meets(boxes, extent))
    whole = (
        (boxes[rows, 0] >= extent.west_deg)
        & (boxes[rows, 2] <= extent.east_deg)
        & (boxes[rows, 1] >= extent.south_deg)
        & (boxes[rows, 3] <= extent.north_deg)
    )
    cut = shapes[rows]
    box = shapely.box(extent.west_deg, extent.south_deg, extent.east_deg, extent.north_deg)
    cut[~whole] = _same_dimension(shapely.intersection(cut[~whole], box), cut[~whole])
    left = ~shapely.is_empty(cut)
    return cut[left], rows[left]


def _same_dimension(cut: Shapes, before: Shapes) -> Shapes:
    """A line that touches the edge leaves points, an area leaves lines: those go."""
    mixed = shapely.get_dimensions(cut) != shapely.get_dimensions(before)
    mixed |= shapely.get_type_id(cut) == shapely.GeometryType.GEOMETRYCOLLECTION
    for row in np.flatnonzero(mixed):
        parts = shapely.get_parts(cut[row])
        parts = parts[shapely.get_dimensions(parts) == shapely.get_dimensions(before[row])]
        cut[row] = shapely.union_all(parts)
    return cut
