"""Where a city ends, and what of a layer lies there."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.city.arrow import AnyArray, AnyChunked
from shancheng.city.sources.base import CityData, SetAside
from shancheng.geo.bounds import Bounds

__all__ = ["boxes_of", "cut_to", "meeting", "robust_bounds", "shown", "union"]

Boxes = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
# Kept whole or not at all: half a building would stand with open walls.
_WHOLE: Final = ("buildings",)
_MARGIN_DEG: Final = 0.005
"""About half a kilometre."""
_LISTED: Final = 10_000
"""Of more than so many features outside, the rest is counted in one entry."""


def boxes_of(table: pa.Table) -> Boxes:
    """West, south, east, north of each row, shape (n, 4)."""
    boxes: Any = table.column("bbox").combine_chunks()
    edges = [np.asarray(boxes.field(edge), dtype=np.float64) for edge in ("xmin", "ymin", "xmax", "ymax")]
    return np.stack(edges, axis=1)


def meeting(table: pa.Table, bounds: Bounds) -> AnyArray:
    """Which rows have a box that meets the bounds, shape (n,)."""
    return pa.array(_meets(boxes_of(table), bounds))


def cut_to(data: CityData, area: Bounds) -> CityData:
    """The data without what lies outside an area; that is set aside and counted.

    A building has to lie inside whole. Of anything else a part will do: what lies beyond is not drawn.
    """
    layers, set_aside = {}, list(data.set_aside)
    for name, table in data.layers.items():
        boxes = boxes_of(table)
        inside = _inside(boxes, area) if name in _WHOLE else _meets(boxes, area)
        layers[name] = table if inside.all() else table.filter(pa.array(inside))
        set_aside += _outside(name, table.column("id").filter(pa.array(~inside)), area)
    return replace(data, layers=layers, set_aside=set_aside)


def union(bounds: Iterable[Bounds]) -> Bounds | None:
    """The rectangle around all; None around nothing."""
    boxes = np.array([(b.west_deg, b.south_deg, b.east_deg, b.north_deg) for b in bounds])
    return _around(boxes) if len(boxes) else None


def robust_bounds(tables: Sequence[pa.Table]) -> Bounds | None:
    """Bounds of nearly all: what lies farther out than the whole middle 98% is wide counts as astray.

    None where no row has a place.
    """
    boxes = np.concatenate([boxes_of(table) for table in tables]) if tables else np.empty((0, 4))
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes):
        return None
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    low, high = np.quantile(centre, [0.01, 0.99], axis=0)
    span = np.maximum(high - low, _MARGIN_DEG)
    return _around(boxes[((centre >= low - span) & (centre <= high + span)).all(axis=1)])


def shown(bounds: Bounds) -> str:
    """A place for people: `7.4200 to 7.4300 E, 43.7300 to 43.7400 N`."""
    lon = f"{bounds.west_deg:.4f} to {bounds.east_deg:.4f} E"
    return f"{lon}, {bounds.south_deg:.4f} to {bounds.north_deg:.4f} N"


def _outside(layer: str, ids: AnyChunked, area: Bounds) -> list[SetAside]:
    reason = (
        f"lies outside the city ({shown(area)}); a city of another extent is made by "
        "`shancheng city create NAME --bounds west,south,east,north --from SOURCE FILE`"
    )
    listed = [SetAside(layer, str(local_id), reason) for local_id in ids[:_LISTED].to_pylist()]
    more = len(ids) - len(listed)
    return [*listed, SetAside(layer, f"(and {more:,} more)", reason)] if more else listed


def _around(boxes: Boxes) -> Bounds:
    return Bounds(*(float(edge) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))))


def _meets(boxes: Boxes, area: Bounds) -> Mask:
    # A box without a place is NaN and meets nothing.
    return np.asarray(
        (boxes[:, 0] <= area.east_deg)
        & (boxes[:, 2] >= area.west_deg)
        & (boxes[:, 1] <= area.north_deg)
        & (boxes[:, 3] >= area.south_deg)
    )


def _inside(boxes: Boxes, area: Bounds) -> Mask:
    return np.asarray(
        (boxes[:, 0] >= area.west_deg)
        & (boxes[:, 2] <= area.east_deg)
        & (boxes[:, 1] >= area.south_deg)
        & (boxes[:, 3] <= area.north_deg)
    )
