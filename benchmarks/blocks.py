"""A synthetic city of any size as a stream: quarters of the synthetic city side by side, one after the other.

Ids have nothing to do with places, as in most sources, so the layer has to be sorted, and the members of a
tile lie all over it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from bench_city import SOURCE, terrain_of
from shancheng.city.manifest import LayerSource
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData
from shancheng.geo.bounds import Bounds
from synthetic import (
    LAT_DEG,
    LON_DEG,
    METRES_A_DEGREE_LAT,
    METRES_A_DEGREE_LON,
    Dem,
    footprints,
    mountain_dem,
)

BLOCK = 50_000
"""Buildings of a quarter."""
SIDE_M = 15_000.0
"""A quarter's side; its outermost buildings are nearer."""
# Multiplied by this, numbers below the prime 16,777,213 come in an order that looks like none.
_PRIME, _FACTOR = 16_777_213, 7_919_777


@dataclass(frozen=True)
class Layout:
    """How quarters stand: a rectangle that is nearly a square."""

    count: int
    across: int
    down: int

    @classmethod
    def of(cls, count: int) -> "Layout":
        """For so many buildings."""
        quarters = -(-count // BLOCK)
        across = int(np.ceil(np.sqrt(quarters)))
        return cls(count, across, -(-quarters // across))

    @property
    def bounds(self) -> Bounds:
        """All quarters and a little more."""
        half_lon = (self.across * SIDE_M / 2 + 500) / METRES_A_DEGREE_LON
        half_lat = (self.down * SIDE_M / 2 + 500) / METRES_A_DEGREE_LAT
        return Bounds(LON_DEG - half_lon, LAT_DEG - half_lat, LON_DEG + half_lon, LAT_DEG + half_lat)


def city_data(count: int) -> CityData:
    """A city whose buildings come as a stream."""
    layout = Layout.of(count)
    source = LayerSource(SOURCE, "Apache-2.0", "Synthetic", "modelled", date="2025-01-01")
    return CityData(
        layers={},
        layer_sources={"buildings": source},
        extent=layout.bounds,
        terrain=terrain_of(_dem(layout.bounds)),
        streams={"buildings": quarters(layout)},
    )


def quarters(layout: Layout) -> Iterator[pa.Table]:
    """The quarters' buildings as tables of the layer."""
    for number, first in enumerate(range(0, layout.count, BLOCK)):
        count = min(BLOCK, layout.count - first)
        row, column = divmod(number, layout.across)
        east = (column - (layout.across - 1) / 2) * SIDE_M / METRES_A_DEGREE_LON
        north = (row - (layout.down - 1) / 2) * SIDE_M / METRES_A_DEGREE_LAT
        yield _quarter(number, first, count, np.array([east, north]))


def _quarter(number: int, first: int, count: int, offset_deg: npt.NDArray[np.float64]) -> pa.Table:
    made = footprints(count, seed=number)
    scrambled = (first + np.arange(count)) * _FACTOR % _PRIME
    return layer_table(
        "buildings",
        geometry=shapely.transform(made.polygons, lambda points: np.round(points + offset_deg, 7)),
        id=np.char.add("w", (100_000_000 + scrambled).astype(str)),
        kind=made.kinds,
        provenance="modelled",
        source=SOURCE,
        height_m=made.heights_m,
        height_provenance="modelled",
        min_height_m=0.0,
        levels=made.levels,
    )


def _dem(bounds: Bounds) -> Dem:
    """The synthetic mountains, mirrored again and again until they cover everything."""
    piece = mountain_dem()
    values = piece.elevation_m[:-1, :-1]
    twice = np.block([[values, values[:, ::-1]], [values[::-1], values[::-1, ::-1]]])
    shape = (
        int(bounds.height_deg / piece.step_deg) + 200,
        int(bounds.width_deg / piece.step_deg) + 200,
    )
    size = max(shape)
    times = -(-size // len(twice))
    whole = np.tile(twice, (times, times))[:size, :size]
    lon, lat = bounds.centre
    half = (size - 1) / 2 * piece.step_deg
    return Dem(whole, lon - half, lat + half, piece.step_deg)
