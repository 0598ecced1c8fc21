"""Where generated buildings may stand: lots along the streets that touch nothing else.

Each street has rows of lots on both sides, side by side as close as the estate's plan says. Those in water,
on steep ground, on other streets, parks and landmarks fall out; of those that overlap, the more wanted one
stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.estates import (
    CAMPUS,
    CORE,
    FORMS,
    HALL,
    OLD,
    SLAB,
    TOWER,
    WALKUP,
    Estates,
)
from shancheng.city.builtin.chongqing.extent import FloatArray, Grid
from shancheng.city.builtin.chongqing.field import UrbanField
from shancheng.city.builtin.chongqing.obstacles import (
    LANE_MARGIN_M,
    ROAD_MARGIN_M,
    buildable,
    on_roads,
    on_sites,
)
from shancheng.city.builtin.chongqing.packing import Boxes, first_come, overlapping
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.roads import MainRoad
from shancheng.city.builtin.chongqing.shapes import boxes
from shancheng.city.builtin.chongqing.streets import ACROSS, STEPS, Street

__all__ = ["Lots", "choose_lots"]


@dataclass(frozen=True)
class _Plan:
    """Ranges in metres of one form's lots: an estate draws its own within them."""

    length: tuple[float, float]
    depth: tuple[float, float]
    side_gap: tuple[float, float]
    setback: tuple[float, float]
    row_gap: tuple[float, float]
    rows: int
    margin: float


PLANS: Final = {
    OLD: _Plan((11, 20), (9.5, 15), (0.8, 3.0), (1.5, 4), (2.5, 6), 3, 0.3),
    WALKUP: _Plan((30, 62), (11.5, 15.5), (4, 8), (3, 6), (8, 13), 3, 1.5),
    SLAB: _Plan((38, 76), (16, 22), (6, 12), (3, 8), (12, 20), 3, 2.0),
    TOWER: _Plan((30, 43), (26, 36), (8, 20), (4, 10), (12, 22), 3, 2.0),
    CORE: _Plan((34, 60), (32, 46), (6, 14), (4, 8), (8, 16), 2, 2.0),
    HALL: _Plan((42, 110), (26, 52), (8, 16), (6, 10), (8, 16), 2, 2.0),
    CAMPUS: _Plan((38, 66), (15, 20), (16, 30), (8, 16), (22, 34), 2, 2.0),
}
MOST_ROWS: Final = max(plan.rows for plan in PLANS.values())
WIDE_GAP, CLOSE_GAP = 1.15, 0.5
"""How many of its plan's gaps an estate leaves, where the city is thinnest and where it is densest."""
STATION_M: Final = 8.0
WITHIN_ESTATE: Final = 0.06
"""How much the lots of one estate differ from its plan."""
LEAST_DENSITY: Final = 0.12
OPEN_SHARE: Final = 0.25
"""Of the lots where the city is thinnest that stay open; none where it is densest."""
NO_FRONTAGE: Final = "trunk"
STRAIGHT_SHARE: Final = 0.85
"""Of a lot's length along the road: how far its ends must lie apart as the crow flies."""
LATER_ROW, FILL_IN = 0.10, 0.5
"""How much less lots are wanted that lie a row farther from the street, or on a street across the slope."""
ESTATE_BEGINS_M: Final = 22.0

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lots:
    """Boxes for buildings on the plane, each of shape (n,) but ``centre`` (n, 2) and ``draw`` (n, 6).

    ``length_m`` lies along ``azimuth_rad``, the direction of the street; ``form`` indexes ``FORMS``;
    ``height`` and ``draw`` are the estate's; ``old`` and ``works`` are the urban field's.
    """

    centre: FloatArray
    length_m: FloatArray
    width_m: FloatArray
    azimuth_rad: FloatArray
    form: IntArray
    height: FloatArray
    old: FloatArray
    works: FloatArray
    draw: FloatArray
    wanted: FloatArray

    def __len__(self) -> int:
        """How many lots there are."""
        return len(self.form)

    def take(self, which: IntArray | BoolArray) -> "Lots":
        """The lots of an index or mask, in that order."""
        return Lots(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def boxes(self, margin_m: float | FloatArray = 0.0) -> Boxes:
        """The boxes with a margin around each."""
        return Boxes(self.centre, self.length_m + 2 * margin_m, self.width_m + 2 * margin_m, self.azimuth_rad)

    def corners(self, margin_m: float | FloatArray = 0.0) -> FloatArray:
        """Corners of the boxes with a margin, shape (n, 4, 2)."""
        return boxes(self.centre, self.length_m + 2 * margin_m, self.width_m + 2 * margin_m, self.azimuth_rad)

    @property
    def margin_m(self) -> FloatArray:
        """Half of what each keeps at least from its neighbours."""
        return np.array([PLANS[form].margin for form in range(len(FORMS))])[self.form]


def choose_lots(
    n_lots: int,
    *,
    field: UrbanField,
    estates: Estates,
    streets: Sequence[Street],
    main: Sequence[MainRoad],
    keep_clear: npt.NDArray[Any],
    ground: tuple[npt.NDArray[np.float32], Grid, RiverField],
    rng: np.random.Generator,
) -> Lots:
    """The most wanted lots that touch neither each other nor anything else, most wanted first.

    Args:
        n_lots: How many to choose; fewer come back where there is no room for more.
        field: Density that is wanted.
        estates: What is built where.
        streets: Generated streets, with lots beside those along the slope.
        main: Main roads, with lots along all but expressways and bridges.
        keep_clear: Landmarks' sites, parks and rails, polygons on the plane.
        ground: Elevations, their grid and the banks.
        rng: Draws sizes and breaks ties.
    """
    stations = _Stations.along(streets, main)
    lots = _joined(
        [
            _row(fronts, field, estates, row, rng)
            for fronts in (_Fronts.beside(stations, estates, side) for side in (-1, 1))
            for row in range(MOST_ROWS)
        ]
    )
    points = np.concatenate([lots.corners(lots.margin_m), lots.centre[:, None]], axis=1)
    lots = lots.take(buildable(points, *ground))
    lots = lots.take(~on_roads(lots.boxes(), streets, main))
    lots = lots.take(~on_sites(lots.corners(), keep_clear))
    lots = lots.take(np.argsort(-lots.wanted, kind="stable"))
    kept = first_come(len(lots), *overlapping(lots.boxes(lots.margin_m)))
    return lots.take(np.flatnonzero(kept)[:n_lots])


@dataclass(frozen=True)
class _Stations:
    """Points every few metres along all roads with fronts, one road after the other.

    ``way_m`` (n,) counts through all of them; ``road`` (n,) says whose each is, ``half_m`` how far from the
    road's middle lots may begin, ``across`` whether it is a street across the slope: those get one row, where
    the streets along the slope leave room.
    """

    xy: FloatArray
    way_m: FloatArray
    road: IntArray
    half_m: FloatArray
    across: BoolArray

    @classmethod
    def along(cls, streets: Sequence[Street], main: Sequence[MainRoad]) -> "_Stations":
        fronts = [
            (s.xy, s.width_m / 2 + LANE_MARGIN_M, s.family == ACROSS) for s in streets if s.kind != STEPS
        ]
        fronts += [
            (r.xy, r.width_m / 2 + ROAD_MARGIN_M, False)
            for r in main
            if not r.bridge and r.kind != NO_FRONTAGE
        ]
        lines = np.array([shapely.linestrings(xy) for xy, _, _ in fronts], dtype=object)
        xy, road = shapely.get_coordinates(shapely.segmentize(lines, STATION_M), return_index=True)
        step = np.concatenate([[0.0], np.hypot(*np.diff(xy, axis=0).T)])
        step[1:][road[1:] != road[:-1]] = 0.0
        half, across = (np.array([front[place] for front in fronts])[road] for place in (1, 2))
        return cls(xy, np.cumsum(step), road.astype(np.int64), half, across)

    def at(self, way_m: FloatArray) -> tuple[IntArray, FloatArray]:
        """The station before each place on the way, and the place itself, shape (n, 2)."""
        before = np.clip(np.searchsorted(self.way_m, way_m, side="right") - 1, 0, len(self.way_m) - 1)
        after = np.minimum(before + 1, len(self.way_m) - 1)
        share = (way_m - self.way_m[before]) / np.maximum(self.way_m[after] - self.way_m[before], 1e-9)
        return before, self.xy[before] + share[:, None] * (self.xy[after] - self.xy[before])


@dataclass(frozen=True)
class _Fronts:
    """What lies side by side along one side of all roads, as much as the estates' lengths let stand there.

    ``at`` (n, 2) is the middle of each on the road, ``along`` and ``right`` (n, 2) its directions along the
    road and away from it, ``setback_m`` how far from ``at`` lots begin, ``across`` as in ``_Stations``.
    """

    at: FloatArray
    along: FloatArray
    right: FloatArray
    setback_m: FloatArray
    across: BoolArray
    estate: IntArray

    @classmethod
    def beside(cls, stations: _Stations, estates: Estates, side: int) -> "_Fronts":
        plan = _plans(estates)
        ahead = np.gradient(stations.xy, axis=0)
        ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
        away = side * np.stack([ahead[:, 1], -ahead[:, 0]], axis=-1)
        estate = estates.at(stations.xy + away * (stations.half_m + ESTATE_BEGINS_M)[:, None])
        # Lots are counted along the way; where the count passes a whole number, one ends and the next begins.
        pitch = plan["length"][estate] + plan["side_gap"][estate]
        count = np.concatenate([[0.0], np.cumsum(np.diff(stations.way_m) / pitch[:-1])])
        numbers = np.arange(int(count[-1]))
        first, start = stations.at(np.interp(numbers, count, stations.way_m))
        last, end = stations.at(np.interp(numbers + 1.0, count, stations.way_m))
        middle, at = stations.at(np.interp(numbers + 0.5, count, stations.way_m))
        chord = end - start
        length = np.hypot(*chord.T)
        one_road = stations.road[first] == stations.road[last]
        whole = np.flatnonzero(one_road & (length > STRAIGHT_SHARE * pitch[middle]))
        along = chord[whole] / length[whole, None]
        own = middle[whole]
        return cls(
            at=at[whole],
            along=along,
            right=side * np.stack([along[:, 1], -along[:, 0]], axis=-1),
            setback_m=stations.half_m[own] + plan["setback"][estate[own]],
            across=stations.across[own],
            estate=estate[own],
        )


def _row(fronts: _Fronts, field: UrbanField, estates: Estates, row: int, rng: np.random.Generator) -> Lots:
    """The lots of one row behind the fronts, the first of which is 0."""
    plan = _plans(estates)
    used = np.flatnonzero(row < np.where(fronts.across, 1, plan["rows"][fronts.estate]))
    own, along = fronts.estate[used], fronts.along[used]
    depth = plan["depth"][own]
    away = fronts.setback_m[used] + depth / 2 + row * (depth + plan["row_gap"][own])
    centre = fronts.at[used] + fronts.right[used] * away[:, None]
    size = rng.uniform(1 - WITHIN_ESTATE, 1.0, (len(used), 2))
    here = field.mesh.nearest(centre)
    density = field.density[here]
    wanted = 1.2 * density - LATER_ROW * row - FILL_IN * fronts.across[used] + 0.15 * plan["rank"][own]
    lots = Lots(
        centre=centre,
        length_m=plan["length"][own] * size[:, 0],
        width_m=depth * size[:, 1],
        azimuth_rad=np.arctan2(along[:, 0], along[:, 1]),
        form=estates.form.ravel()[own],
        height=estates.height.ravel()[own],
        old=field.old[here],
        works=field.works[here],
        draw=estates.draw.reshape(-1, estates.draw.shape[-1])[own],
        wanted=wanted + rng.normal(0, 0.02, len(used)),
    )
    return lots.take((density > LEAST_DENSITY) & (rng.random(len(used)) > OPEN_SHARE * (1 - density)))


def _plans(estates: Estates) -> dict[str, FloatArray]:
    """What each estate's plan says, by flat number of the estate."""
    form, draw = estates.form.ravel(), estates.draw.reshape(-1, estates.draw.shape[-1])
    found = {
        name: _between(np.array([getattr(PLANS[f], name) for f in range(len(FORMS))])[form], draw[:, place])
        for place, name in enumerate(("length", "depth", "side_gap", "setback", "row_gap"))
    }
    spread = WIDE_GAP + (CLOSE_GAP - WIDE_GAP) * estates.density.ravel()
    for name in ("side_gap", "setback", "row_gap"):
        found[name] *= spread
    found["rows"] = np.array([PLANS[f].rows for f in range(len(FORMS))])[form]
    found["rank"] = draw[:, -1]
    return found


def _between(ends: FloatArray, share: FloatArray) -> FloatArray:
    return ends[:, 0] + (ends[:, 1] - ends[:, 0]) * share


def _joined(parts: Sequence[Lots]) -> Lots:
    return Lots(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Lots)
        }
    )
