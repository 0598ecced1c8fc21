"""The rivers' islands: kept free of houses, and the low ones kept low.

Their outlines belong to the rivers (``rivers.py``), since what is an island there is no water.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import Grid
from shancheng.city.builtin.chongqing.rivers import River, RiverField, island_polygons
from shancheng.city.builtin.chongqing.tables import Island, read_table

__all__ = ["island_areas", "keep_low", "read_islands"]

SHORE_M: Final = 45.0
"""From the water line to a low island's top."""


def read_islands() -> list[Island]:
    """The table of islands."""
    return read_table("islands.csv", Island)


def island_areas(rivers: Sequence[River]) -> npt.NDArray[Any]:
    """Polygons on the plane in the order of the table, shape (n,)."""
    polygons = island_polygons(rivers)
    return np.array([polygons[island.id] for island in read_islands()], dtype=object)


def keep_low(
    elevation_m: npt.NDArray[np.float32], grid: Grid, field: RiverField, areas: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """The ground with every island that states a top no higher than that above the water.

    Args:
        elevation_m: The ground on ``grid``, metres above the geoid.
        grid: Of the ground and the banks.
        field: The banks and the water's elevation.
        areas: What ``island_areas`` gives.
    """
    low = elevation_m.copy()
    for island, area in zip(read_islands(), areas, strict=True):
        if island.top_m is None:
            continue
        west, south, east, north = shapely.bounds(area)
        rows = np.flatnonzero((grid.y_m >= south) & (grid.y_m <= north))
        cols = np.flatnonzero((grid.x_m >= west) & (grid.x_m <= east))
        window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        x, y = np.meshgrid(grid.x_m[cols], grid.y_m[rows])
        climb = island.top_m * np.clip(field.bank_m[window] / SHORE_M, 0, 1)
        capped = np.minimum(low[window], np.round(field.level_m[window] + climb, 1))
        low[window] = np.where(shapely.contains_xy(area, x, y), capped, low[window])
    return low
