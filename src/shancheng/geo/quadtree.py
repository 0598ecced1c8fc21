"""The quadtree over a city: a square in degrees, halved again and again (3D Tiles 1.1, implicit tiling).

x counts east and y counts NORTH: y = 0 is the southern row, as for `region` volumes.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shancheng.errors import BoundsError
from shancheng.geo.arrays import FloatArray, IntArray, MortonArray
from shancheng.geo.bounds import MAX_LAT_DEG, MAX_LON_DEG, Bounds

MAX_LEVEL = 25
# Corners lie on multiples of 2^-20 degree (11 cm). Then every cell's edge down to level 25 is an exact
# float64, and neighbours and generations share their edges to the last bit.
_GRID_PER_DEG = 2.0**20
_MARGIN_DEG = 4 / _GRID_PER_DEG
_MIN_SIDE_DEG = 2.0**-10
_MAX_SIDE_DEG = 128.0


@dataclass(frozen=True, slots=True)
class RootCell:
    """The square that holds a whole city; level 0 of every quadtree of that city.

    Attributes:
        west_deg: Longitude of the western edge.
        south_deg: Latitude of the southern edge.
        side_deg: Length of an edge, in degrees of longitude and of latitude alike.

    Raises:
        BoundsError: The square is empty or reaches beyond the poles or the antimeridian.
    """

    west_deg: float
    south_deg: float
    side_deg: float

    def __post_init__(self) -> None:
        if not self.side_deg > 0:
            raise BoundsError(f"side={self.side_deg}: must be positive")
        self.bounds  # noqa: B018  # building them checks them

    @classmethod
    def enclosing(cls, bounds: Bounds) -> "RootCell":
        """The root cell around ``bounds``: the same for the same numbers, with about half a metre to spare.

        Raises:
            BoundsError: ``bounds`` is wider or higher than 127 degrees.
        """
        extent = max(bounds.width_deg, bounds.height_deg) + 2 * _MARGIN_DEG
        side = max(math.ceil(extent * _GRID_PER_DEG) / _GRID_PER_DEG, _MIN_SIDE_DEG)
        if side > _MAX_SIDE_DEG:
            raise BoundsError(f"{bounds}: must be less than {_MAX_SIDE_DEG - 1:g} degrees wide and high")
        lon, lat = bounds.centre
        return cls(_corner(lon, side, MAX_LON_DEG), _corner(lat, side, MAX_LAT_DEG), side)

    @property
    def bounds(self) -> Bounds:
        """The square as bounds."""
        return Bounds(
            self.west_deg, self.south_deg, self.west_deg + self.side_deg, self.south_deg + self.side_deg
        )

    def cell_bounds(self, level: int, x: int, y: int) -> Bounds:
        """Bounds of a cell; a cell's east edge is its neighbour's west edge, to the last bit.

        Raises:
            BoundsError: The level has no such cell.
        """
        if not 0 <= level <= MAX_LEVEL:
            raise BoundsError(f"level={level}: must be 0 to {MAX_LEVEL}")
        cells = 1 << level
        if not (0 <= x < cells and 0 <= y < cells):
            raise BoundsError(f"cell {level}/{x}/{y}: x and y must be 0 to {cells - 1}")
        return Bounds(
            float(_edge(self.west_deg, self.side_deg, level, x)),
            float(_edge(self.south_deg, self.side_deg, level, y)),
            float(_edge(self.west_deg, self.side_deg, level, x + 1)),
            float(_edge(self.south_deg, self.side_deg, level, y + 1)),
        )

    def quantise(
        self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, level: int
    ) -> tuple[IntArray, IntArray]:
        """Cells that hold points.

        Args:
            lon_deg: Longitudes, finite; outside the root they go to the nearest edge's cell.
            lat_deg: Latitudes, likewise.
            level: Level of the tree, 0 to 25.

        Returns:
            x and y as int64 arrays. A point on an edge belongs to the eastern or northern cell, at the root's
            own edge to the last one; `cell_bounds` of the result always holds the point.
        """
        if not 0 <= level <= MAX_LEVEL:
            raise BoundsError(f"level={level}: must be 0 to {MAX_LEVEL}")
        return (
            _quantise_axis(np.asarray(lon_deg, dtype=np.float64), self.west_deg, self.side_deg, level),
            _quantise_axis(np.asarray(lat_deg, dtype=np.float64), self.south_deg, self.side_deg, level),
        )


def morton(x: npt.ArrayLike, y: npt.ArrayLike) -> MortonArray:
    """Morton index of cells: bits of x in the even places, of y in the odd ones.

    Args:
        x: Columns, 0 to 2^32 - 1.
        y: Rows, likewise.

    Returns:
        uint64 indices, in the order of the availability bitstreams.

    Source:
        OGC 3D Tiles 1.1 (22-025r4), 10.8, availability bitstreams.
    """
    return _spread(np.asarray(x).astype(np.uint64)) | (
        _spread(np.asarray(y).astype(np.uint64)) << np.uint64(1)
    )


def unmorton(index: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Columns x and rows y (int64) of Morton indices; the inverse of `morton`."""
    code = np.asarray(index).astype(np.uint64)
    return _gather(code).astype(np.int64), _gather(code >> np.uint64(1)).astype(np.int64)


# Pairs of shift and mask that pull the bits of a word apart, the widest first.
_SPREAD_STEPS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _spread(word: MortonArray) -> MortonArray:
    """Puts a zero before each of the lower 32 bits."""
    for shift, mask in _SPREAD_STEPS:
        word = (word | (word << np.uint64(shift))) & np.uint64(mask)
    return word


def _gather(word: MortonArray) -> MortonArray:
    """Drops every second bit; the inverse of `_spread`."""
    word = word & np.uint64(_SPREAD_STEPS[-1][1])
    masks = (*(mask for _, mask in reversed(_SPREAD_STEPS[:-1])), 0x00000000FFFFFFFF)
    for (shift, _), mask in zip(reversed(_SPREAD_STEPS), masks, strict=True):
        word = (word | (word >> np.uint64(shift))) & np.uint64(mask)
    return word


def _corner(centre_deg: float, side_deg: float, limit_deg: float) -> float:
    """Lower edge of a centred square on the grid, moved inward at a pole or the antimeridian."""
    lower = math.floor((centre_deg - side_deg / 2) * _GRID_PER_DEG) / _GRID_PER_DEG
    return min(max(lower, -limit_deg), limit_deg - side_deg)


def _edge(start_deg: float, side_deg: float, level: int, i: npt.ArrayLike) -> FloatArray:
    """Lower edge of the i-th cell along an axis."""
    return start_deg + side_deg * (np.asarray(i, dtype=np.float64) / float(1 << level))


def _quantise_axis(value_deg: FloatArray, start_deg: float, side_deg: float, level: int) -> IntArray:
    last = (1 << level) - 1
    guess = np.floor((value_deg - start_deg) * ((1 << level) / side_deg))
    cell: IntArray = np.clip(guess, 0, last).astype(np.int64)
    # The product above may round across an edge: the edge itself decides.
    cell = cell - (value_deg < _edge(start_deg, side_deg, level, cell))
    cell = cell + (value_deg >= _edge(start_deg, side_deg, level, cell + 1))
    result: IntArray = np.clip(cell, 0, last)
    return result
