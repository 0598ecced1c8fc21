"""Generated buildings: a footprint, floors, a roof and a kind for every lot.

The spread of floors and footprints follows published aggregates for the centre of Chongqing by rank: what is
wanted taller becomes taller, and the quartiles are met exactly.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.estates import CAMPUS, CORE, HALL, OLD, SLAB, TOWER, WALKUP
from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.lots import Lots
from shancheng.city.builtin.chongqing.shapes import boxes, crosses, l_shapes
from shancheng.geo.quadtree import morton

__all__ = ["FLOOR_M", "GeneratedBuildings", "raise_buildings"]

FLOOR_M: Final = 3.2
FLOORS_BY_SHARE: Final = (
    (0.0, 1),
    (0.12, 2),
    (0.25, 3),
    (0.31, 5),
    (0.38, 7),
    (0.47, 9),
    (0.5, 9.5),
    (0.54, 11),
    (0.61, 11),
    (0.70, 17),
    (0.75, 18),
    (0.79, 18),
    (0.85, 25),
    (0.89, 31),
    (0.955, 33),
    (0.98, 40),
    (0.995, 48),
    (1.0, 55),
)
AREA_BY_SHARE: Final = (
    (0.0, 80),
    (0.25, 241),
    (0.5, 576),
    (0.75, 922),
    (0.93, 1500),
    (0.985, 2600),
    (1.0, 5200),
)
"""Published aggregates of the centre's buildings: quartiles of floors 3 / 9.5 / 18 and of footprints
241 / 576 / 922 m². Between them by hand, with the heights at which the building code asks for more: 11, 18
and 33 floors are what most blocks and towers have."""

FLOORS_WANTED: Final = {OLD: 0.0, HALL: 0.1, CAMPUS: 1.0, WALKUP: 1.15, SLAB: 2.3, TOWER: 3.3, CORE: 3.5}
"""Order of the forms by height; an estate's own wish moves it by less than one to the next."""
TALL_PULL: Final = 0.75
ESTATE_PULL: Final = 0.45
LOT_PULL: Final = 0.05

BOX, L_SHAPE, CROSS = range(3)
L_SHARE: Final = {OLD: 0.15, WALKUP: 0.12, SLAB: 0.25, CAMPUS: 0.6}
CROSS_SHARE: Final = {TOWER: 0.36, SLAB: 0.06}
PODIUM_SHARE: Final = 0.02
PODIUM_LEAST_AREA_M2: Final = 850.0
TOWER_ON_PODIUM: Final = 0.55

ROOFED_SHARE: Final = 0.45
"""Of the low houses outside the old quarters that have a pitched roof; inside, all have."""
ROOF_RISE: Final = 0.32
MOST_FLOORS_ROOFED: Final = 4
OLD_QUARTER: Final = 0.3
WORKS: Final = 0.35

KINDS: Final = (
    "residential",
    "apartments",
    "office",
    "hotel",
    "retail",
    "commercial",
    "school",
    "hospital",
    "industrial",
    "warehouse",
)
KIND_SHARES: Final = {
    OLD: (0.80, 0.0, 0.0, 0.0, 0.10, 0.06, 0.0, 0.0, 0.04, 0.0),
    WALKUP: (0.0, 0.92, 0.02, 0.01, 0.0, 0.05, 0.0, 0.0, 0.0, 0.0),
    SLAB: (0.0, 0.90, 0.05, 0.01, 0.0, 0.04, 0.0, 0.0, 0.0, 0.0),
    TOWER: (0.0, 0.92, 0.06, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    CORE: (0.0, 0.36, 0.42, 0.10, 0.04, 0.08, 0.0, 0.0, 0.0, 0.0),
    HALL: (0.0, 0.0, 0.0, 0.0, 0.45, 0.40, 0.0, 0.0, 0.10, 0.05),
    CAMPUS: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.78, 0.22, 0.0, 0.0),
}
OLD_QUARTER_SHARES: Final = (0.45, 0.0, 0.0, 0.05, 0.40, 0.10, 0.0, 0.0, 0.0, 0.0)
WORKS_SHARES: Final = (0.0, 0.0, 0.03, 0.0, 0.0, 0.02, 0.0, 0.0, 0.65, 0.30)
CURVE_CELL_M: Final = 8.0
NO_PARENT: Final = -1

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GeneratedBuildings:
    """Generated buildings and, after them, the parts of some, each array of shape (n,).

    ``roof_m`` is the height of a pitched roof above the floors, 0 where the roof is flat; ``parent`` is the
    row of the building that a part belongs to, or -1. A building with parts is the outline of both, as high
    as its tower; its parts are the tower and the podium. A tower begins at the ground like any other: no gap
    can then open between the two on a slope.
    """

    footprints: npt.NDArray[Any]
    floors: IntArray
    roof_m: FloatArray
    kind: npt.NDArray[np.str_]
    parent: IntArray

    @property
    def height_m(self) -> FloatArray:
        """Height above ground, roof included."""
        return self.floors * FLOOR_M + self.roof_m


def raise_buildings(lots: Lots, n_buildings: int, rng: np.random.Generator) -> GeneratedBuildings:
    """Exactly so many buildings on the most wanted lots, some of them with a podium and a tower as parts.

    Args:
        lots: Most wanted first; at least ``n_buildings``.
        n_buildings: Rows to make, parts not counted.
        rng: Draws forms, floors and kinds.

    Raises:
        ValueError: There are too few lots.
    """
    if len(lots) < n_buildings:
        raise ValueError(f"{len(lots)} lots: need at least {n_buildings}")
    lots = _neighbours_together(lots.take(np.arange(n_buildings)))
    n_podiums = round(PODIUM_SHARE * n_buildings)
    floors = _floors(lots, rng)
    bases = _podium_lots(lots, floors, n_podiums)
    shape, footprints, width_m = _footprints(lots, bases)
    roof_m = _roofs(lots, shape, width_m, floors, rng)
    kind = _kinds(lots, rng)
    towers, podiums = footprints[bases], shapely.polygons(lots.take(bases).corners())
    footprints[bases] = podiums
    return GeneratedBuildings(
        footprints=np.concatenate([footprints, towers, podiums]),
        floors=np.concatenate([floors, floors[bases], rng.integers(3, 7, n_podiums)]),
        roof_m=np.concatenate([roof_m, np.zeros(2 * n_podiums)]),
        kind=np.concatenate([kind, kind[bases], np.full(n_podiums, "retail")]),
        parent=np.concatenate([np.full(n_buildings, NO_PARENT), bases, bases]),
    )


def _neighbours_together(lots: Lots) -> Lots:
    """The lots in the order of a curve through the city: neighbours get like numbers, which pack well."""
    cell = np.floor((lots.centre - lots.centre.min(axis=0)) / CURVE_CELL_M).astype(np.int64)
    return lots.take(np.argsort(morton(cell[:, 0], cell[:, 1]), kind="stable"))


def _of_form(values: dict[int, float], lots: Lots) -> FloatArray:
    """A number for each lot by its form; 0 where the form has none."""
    table = np.zeros(len(FLOORS_WANTED))
    table[list(values)] = list(values.values())
    return np.asarray(table[lots.form])


def _floors(lots: Lots, rng: np.random.Generator) -> IntArray:
    wanted = _of_form(FLOORS_WANTED, lots) + TALL_PULL * lots.height
    wanted += ESTATE_PULL * (lots.draw[:, 4] - 0.5) + rng.normal(0, LOT_PULL, len(lots))
    return np.rint(_by_rank(wanted, FLOORS_BY_SHARE)).astype(np.int64)


def _by_rank(values: FloatArray, shares: tuple[tuple[float, float], ...]) -> FloatArray:
    """What a value's rank among all values stands for, shape (n,)."""
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = (np.arange(len(values)) + 0.5) / max(len(values), 1)
    share, meaning = np.array(shares).T
    return np.asarray(np.interp(rank, share, meaning))


def _podium_lots(lots: Lots, floors: IntArray, n_podiums: int) -> IntArray:
    """The tall towers of the tallest centres, on lots that are large enough."""
    area = lots.length_m * lots.width_m
    fit = np.isin(lots.form, (CORE, TOWER)) & (area >= PODIUM_LEAST_AREA_M2)
    wanted = np.where(fit, 1.0 * (lots.form == CORE) + lots.height + floors / 40, -1.0)
    return np.argsort(-wanted, kind="stable")[:n_podiums]


def _footprints(lots: Lots, bases: IntArray) -> tuple[IntArray, npt.NDArray[Any], FloatArray]:
    """Shapes, footprints within the lots, scaled down so that their areas spread as published, and widths.

    An estate's houses have one shape: it is the estate's draws that choose.
    """
    n = len(lots)
    notch = 0.30 + 0.26 * lots.draw[:, [2, 3]]
    drawn = lots.draw[:, 4] * 7 % 1
    shape = np.full(n, BOX)
    shape[drawn < _of_form(L_SHARE, lots)] = L_SHAPE
    shape[1 - drawn < _of_form(CROSS_SHARE, lots)] = CROSS
    shape[bases] = BOX
    corner_notch = notch * 0.5
    filled = np.select(
        [shape == L_SHAPE, shape == CROSS],
        [1 - notch.prod(axis=1), 1 - 4 * corner_notch.prod(axis=1)],
        1.0,
    )
    area = lots.length_m * lots.width_m * filled
    scale = np.minimum(np.sqrt(_by_rank(area, AREA_BY_SHARE) / area), 1.0)
    scale[bases] = np.sqrt(TOWER_ON_PODIUM)
    where = (lots.centre, lots.length_m * scale, lots.width_m * scale, lots.azimuth_rad)
    footprints = np.empty(n, dtype=object)
    box, ell, cross = (np.flatnonzero(shape == this) for this in (BOX, L_SHAPE, CROSS))
    footprints[box] = shapely.polygons(boxes(*(values[box] for values in where)))
    footprints[ell] = shapely.polygons(l_shapes(*(values[ell] for values in where), notch=notch[ell]))
    footprints[cross] = shapely.polygons(crosses(*(v[cross] for v in where), notch=corner_notch[cross]))
    return shape, footprints, np.minimum(where[1], where[2])


def _roofs(
    lots: Lots, shape: IntArray, width_m: FloatArray, floors: IntArray, rng: np.random.Generator
) -> FloatArray:
    """Heights of the pitched roofs that low, plain houses have."""
    share = np.where(lots.old > OLD_QUARTER, 1.0, ROOFED_SHARE)
    low = (lots.form == OLD) & (shape == BOX) & (floors <= MOST_FLOORS_ROOFED)
    pitched = low & (rng.random(len(lots)) < share)
    return np.where(pitched, np.round(width_m * ROOF_RISE / 2, 1), 0.0)


def _kinds(lots: Lots, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    drawn = rng.random(len(lots))
    # A school stays a school: campuses are chosen by estate.
    drawn = np.where(lots.form == CAMPUS, lots.draw[:, 5], drawn)
    kind = np.zeros(len(lots), dtype=np.int64)
    groups = [(lots.form == form, shares) for form, shares in KIND_SHARES.items()]
    groups.append(((lots.form == OLD) & (lots.old > OLD_QUARTER), OLD_QUARTER_SHARES))
    groups.append(((lots.form == HALL) & (lots.works > WORKS), WORKS_SHARES))
    for chosen, shares in groups:
        kind[chosen] = np.searchsorted(np.cumsum(shares), drawn[chosen])
    return np.array(KINDS)[np.minimum(kind, len(KINDS) - 1)]
