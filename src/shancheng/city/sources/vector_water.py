"""Rivers that are drawn as lines, widened to areas."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.schema import APPROXIMATE, SURVEYED
from shancheng.city.sources.osm_tags import WATERWAY_WIDTH_M
from shancheng.city.sources.vector_arrow import pc
from shancheng.city.sources.vector_rows import View
from shancheng.city.sources.vector_shapes import Shapes
from shancheng.geo.arrays import FloatArray

__all__ = ["areas_of_lines", "widened"]

_DEGREE_M: Final = 111_320.0
_MAX_WIDTH_M: Final = 1_000.0
_USUAL_M: Final = 3.0
_CURVE: Final = 4


def areas_of_lines(
    layer: str, shapes: Shapes, columns: dict[str, Any], view: View
) -> tuple[Shapes, dict[str, Any]]:
    """Shapes of water that are all areas, and the columns that change with it.

    A line's course is as good as its source; its width mostly is the usual one of its kind, and therefore the
    area is `approximate`.
    """
    lines = shapely.get_dimensions(shapes) == 1 if layer == "water" else np.zeros(0, dtype=bool)
    if not lines.any():
        return shapes, {}
    width_m = view.length("width_m", 0.1, _MAX_WIDTH_M)
    usual = np.array([WATERWAY_WIDTH_M.get(kind, _USUAL_M) for kind in columns["kind"].to_pylist()])
    chosen = usual if width_m is None else np.where(np.isnan(width_m), usual, width_m)
    areas = shapes.copy()
    areas[lines] = widened(shapes[lines], chosen[lines])
    better = pc.and_(pa.array(lines), pc.equal(columns["provenance"], SURVEYED))
    return areas, {"provenance": pc.if_else(better, APPROXIMATE, columns["provenance"])}


def widened(lines: Shapes, width_m: FloatArray) -> Shapes:
    """Areas around lines, shape (n,) each; degrees are stretched to metres at each line's own latitude."""
    boxes = shapely.bounds(lines).reshape(-1, 4)
    points, owner = shapely.get_coordinates(lines, return_index=True)
    scale_x = _DEGREE_M * np.maximum(np.cos(np.radians((boxes[:, 1] + boxes[:, 3]) / 2)), 1e-3)
    factors = np.column_stack([scale_x, np.full(len(lines), _DEGREE_M)])
    flat = shapely.set_coordinates(shapely.force_2d(lines), points * factors[owner])
    areas = shapely.buffer(flat, width_m / 2, quad_segs=_CURVE)
    corners, owner = shapely.get_coordinates(areas, return_index=True)
    return np.asarray(shapely.set_coordinates(areas, corners / factors[owner]), dtype=object)
