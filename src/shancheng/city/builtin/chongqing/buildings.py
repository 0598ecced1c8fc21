"""Generated buildings: a form, a footprint and floors for every lot.

The spread of floors and footprints follows published aggregates for the centre of Chongqing by rank: what is
wanted taller becomes taller, and the quartiles are met exactly.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.lots import HALL, OLD, SLAB, TOWER, IntArray, Lots
from shancheng.city.builtin.chongqing.shapes import boxes, crosses, l_shapes

__all__ = ["FLOOR_M", "GeneratedBuildings", "raise_buildings"]

FLOOR_M: Final = 3.2
FLOORS_BY_SHARE: Final = (
    (0.0, 1),
    (0.25, 3),
    (0.5, 9.5),
    (0.75, 18),
    (0.9, 30),
    (0.97, 40),
    (0.995, 49),
    (1.0, 55),
)
AREA_BY_SHARE: Final = ((0.0, 90), (0.25, 241), (0.5, 576), (0.75, 922), (0.95, 1500), (1.0, 2400))
"""Published aggregates of the centre's buildings: quartiles of floors 3 / 9.5 / 18 and of footprints
241 / 576 / 922 m²; between them and at the ends by hand."""

FORM_LIFT: Final = {OLD: -0.95, SLAB: 0.0, TOWER: 0.45, HALL: -0.75}
TALL_PULL: Final = 1.5
BOX, L_SHAPE, CROSS = range(3)
L_SHARE: Final = 0.33
CROSS_SHARE: Final = 0.3
PODIUM_SHARE: Final = 0.03
PODIUM_LEAST_AREA_M2: Final = 750.0
TOWER_ON_PODIUM: Final = 0.62
OFFICE_HEIGHT: Final = 0.66

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
)
KIND_SHARES: Final = {
    OLD: (0.74, 0.0, 0.0, 0.0, 0.10, 0.10, 0.0, 0.0, 0.06),
    SLAB: (0.0, 0.82, 0.05, 0.01, 0.0, 0.04, 0.06, 0.02, 0.0),
    TOWER: (0.0, 0.90, 0.07, 0.03, 0.0, 0.0, 0.0, 0.0, 0.0),
    HALL: (0.0, 0.0, 0.0, 0.0, 0.34, 0.28, 0.12, 0.06, 0.20),
}
CORE_TOWER_SHARES: Final = (0.0, 0.46, 0.44, 0.10, 0.0, 0.0, 0.0, 0.0, 0.0)
NO_PARENT: Final = -1


@dataclass(frozen=True)
class GeneratedBuildings:
    """Generated buildings and, after them, the parts of some, each array of shape (n,).

    ``parent`` is the row of the building that a part belongs to, or -1. A building with parts is the outline
    of both, as high as its tower; its parts are the tower and the podium. A tower begins at the ground like
    any other: no gap can then open between the two on a slope.
    """

    footprints: npt.NDArray[Any]
    floors: IntArray
    kind: npt.NDArray[np.str_]
    parent: IntArray

    @property
    def height_m(self) -> FloatArray:
        """Height above ground."""
        return self.floors.astype(np.float64) * FLOOR_M


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
    lots = lots.take(np.arange(n_buildings))
    n_podiums = round(PODIUM_SHARE * n_buildings)
    floors = _floors(lots, rng)
    bases = _podium_lots(lots, floors, n_podiums)
    footprints = _footprints(lots, bases, rng)
    kind = _kinds(lots, rng)
    towers, podiums = footprints[bases], shapely.polygons(lots.take(bases).corners())
    footprints[bases] = podiums
    return GeneratedBuildings(
        footprints=np.concatenate([footprints, towers, podiums]),
        floors=np.concatenate([floors, floors[bases], rng.integers(3, 7, n_podiums)]),
        kind=np.concatenate([kind, kind[bases], np.full(n_podiums, "retail")]),
        parent=np.concatenate([np.full(n_buildings, NO_PARENT), bases, bases]),
    )


def _floors(lots: Lots, rng: np.random.Generator) -> IntArray:
    lift = np.array([FORM_LIFT[form] for form in range(len(FORM_LIFT))])
    wanted = TALL_PULL * lots.height + lift[lots.form] + rng.normal(0, 0.22, len(lots))
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
    fit = (lots.form == TOWER) & (area >= PODIUM_LEAST_AREA_M2)
    wanted = np.where(fit, lots.height + floors / 40, -1.0)
    return np.argsort(-wanted, kind="stable")[:n_podiums]


def _footprints(lots: Lots, bases: IntArray, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Footprints within the lots, scaled down so that their areas spread as published."""
    n = len(lots)
    notch = rng.uniform(0.32, 0.58, (n, 2))
    form = np.full(n, BOX)
    drawn = rng.random(n)
    form[(lots.form == OLD) & (drawn < L_SHARE)] = L_SHAPE
    form[(lots.form == SLAB) & (drawn < L_SHARE)] = L_SHAPE
    form[(lots.form == TOWER) & (drawn < CROSS_SHARE)] = CROSS
    form[bases] = BOX
    corner_notch = notch * 0.5
    filled = np.select(
        [form == L_SHAPE, form == CROSS],
        [1 - notch.prod(axis=1), 1 - 4 * corner_notch.prod(axis=1)],
        1.0,
    )
    area = lots.length_m * lots.width_m * filled
    scale = np.minimum(np.sqrt(_by_rank(area, AREA_BY_SHARE) / area), 1.0)
    scale[bases] = np.sqrt(TOWER_ON_PODIUM)
    where = (lots.centre, lots.length_m * scale, lots.width_m * scale, lots.azimuth_rad)
    footprints = np.empty(n, dtype=object)
    box, ell, cross = (np.flatnonzero(form == this) for this in (BOX, L_SHAPE, CROSS))
    footprints[box] = shapely.polygons(boxes(*(values[box] for values in where)))
    footprints[ell] = shapely.polygons(l_shapes(*(values[ell] for values in where), notch=notch[ell]))
    footprints[cross] = shapely.polygons(crosses(*(v[cross] for v in where), notch=corner_notch[cross]))
    return footprints


def _kinds(lots: Lots, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    drawn = rng.random(len(lots))
    kind = np.zeros(len(lots), dtype=np.int64)
    for form, shares in KIND_SHARES.items():
        of_form = lots.form == form
        kind[of_form] = np.searchsorted(np.cumsum(shares), drawn[of_form])
    core = (lots.form == TOWER) & (lots.height > OFFICE_HEIGHT)
    kind[core] = np.searchsorted(np.cumsum(CORE_TOWER_SHARES), drawn[core])
    return np.array(KINDS)[np.minimum(kind, len(KINDS) - 1)]
