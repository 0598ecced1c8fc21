"""Checks of buildings: against each other, the ground and the water."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.check.base import Answer, BoolArray, IntArray, Layer, Subject, answer
from shancheng.geo.arrays import FloatArray
from shancheng.geo.geoid import undulation_m

__all__ = ["check_buildings"]

_POLYGONAL: Final = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)

OVERLAP_SHARE, OVERLAP_M2 = 0.05, 2.0
"""Of the smaller footprint: neighbours' walls are drawn twice in every survey."""
WATER_SHARE: Final = 0.1
AFLOAT: Final = frozenset({"boathouse", "houseboat", "pier", "bridge", "boat", "ship"})
FLOAT_M: Final = 2.0
"""As deep as the tiles' walls reach below the ground: less than this is never seen."""
SINK_M: Final = 10.0
COVER: Final = frozenset({"roof", "canopy", "carport", "bridge", "storey"})
"""Kinds that stand on columns or on a part of their own building."""
LOWEST_M, HIGHEST_M = 1.5, 700.0
LEAST_STOREY_M, MOST_STOREY_M = 2.0, 8.0
_GAP_M: Final = 1.0


def check_buildings(subject: Subject) -> list[Answer]:
    """All checks of the buildings' layer; none where there is no such layer."""
    if not subject.has("buildings"):
        return []
    stock = _Stock(subject)
    checks = (_broken, _overlapping, _floating, _sunk, _in_water, _missing_heights, _absurd_heights, _orphans)
    return [check(stock) for check in checks]


class _Stock:
    """The buildings, with what several checks need.

    Attributes:
        sound: Rows whose footprint is a valid polygon.
        drawn: Rows that are drawn: outlines whose parts are there are not.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.layer: Layer = subject.layer("buildings")
        layer = self.layer
        self.readable = np.isin(shapely.get_type_id(layer.shapes), _POLYGONAL) & ~shapely.is_empty(
            layer.shapes
        )
        self.sound: BoolArray = self.readable & shapely.is_valid(layer.shapes)
        self.ids, self.parents = layer.words("id"), layer.words("parent_id")
        named = {parent for parent in self.parents if parent is not None}
        self.drawn: BoolArray = np.array([own not in named for own in self.ids], dtype=bool)
        self.height_m, self.min_height_m = layer.numbers("height_m"), layer.numbers("min_height_m")
        self.solid: BoolArray = ~layer.is_null("lod2_geometry")

    @property
    def skipped(self) -> dict[str, int]:
        """What no check of shapes can look at."""
        return {
            "the footprint is no valid polygon": int((~self.sound & self.drawn).sum()),
            "drawn by its parts": int((~self.drawn).sum()),
        }

    def ground(self, rows: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Lowest, mean and highest ground at the corners of footprints, above the geoid, shape (m,)."""
        if len(rows) == 0:
            return np.empty(0), np.empty(0), np.empty(0)
        rings, of_shape = shapely.get_rings(self.layer.shapes[rows], return_index=True)
        corners, ring = shapely.get_coordinates(rings, return_index=True)
        # A ring repeats its first corner, which must not count twice: the tiles' mean does not.
        own = np.zeros(len(ring), dtype=bool)
        own[:-1] = ring[1:] == ring[:-1]
        corners, owner = corners[own], of_shape[ring[own]]
        height = self.subject.terrain.sample(corners[:, 0], corners[:, 1])
        first = np.searchsorted(owner, np.arange(len(rows)))
        count = np.diff(np.append(first, len(owner)))
        mean = np.add.reduceat(height, first) / count
        return np.minimum.reduceat(height, first), mean, np.maximum.reduceat(height, first)


def _broken(stock: _Stock) -> Answer:
    """Outlines that cross themselves: the tiler repairs them, and this says how."""
    bad = np.flatnonzero(~stock.sound)
    repaired = np.asarray(shapely.make_valid(stock.layer.shapes[bad]), dtype=object)
    metres = stock.subject.in_metres(repaired)
    area = np.nan_to_num(shapely.area(metres))
    reasons = shapely.is_valid_reason(stock.layer.shapes[bad])
    order = np.argsort(area)

    def text(k: int) -> str:
        row = order[k]
        reason = str(reasons[row] or "no polygon").partition("[")[0]
        if area[row] == 0:
            return f"{reason}: has no area, is not drawn"
        parts = shapely.get_num_geometries(repaired[row])
        return f"{reason}: drawn as {parts} valid part(s) of {area[row]:.1f} m²"

    return answer(
        stock.layer, "broken", "outlines that cross themselves or are no polygon", bad[order], text,
        looked_at=len(stock.layer), tolerated=0.01,
        figures={"without_area": float((area == 0).sum())},
    )  # fmt: skip


def _overlapping(stock: _Stock) -> Answer:
    rows = np.flatnonzero(stock.sound & stock.drawn)
    shapes = stock.subject.in_metres(stock.layer.shapes[rows])
    a, b = _pairs(shapes)
    lower = np.maximum(stock.min_height_m[rows[a]], stock.min_height_m[rows[b]])
    upper = np.minimum(stock.height_m[rows[a]], stock.height_m[rows[b]])
    related = _related(stock, rows[a], rows[b])
    apart = (upper - lower <= _GAP_M) | related
    a, b = a[~apart], b[~apart]
    shared = shapely.area(shapely.intersection(shapes[a], shapes[b]))
    share = shared / np.minimum(shapely.area(shapes[a]), shapely.area(shapes[b]))
    far = (share > OVERLAP_SHARE) & (shared > OVERLAP_M2)
    order = np.flatnonzero(far)[np.argsort(-share[far])]
    # Of a pair the one with the later id is counted: one of the two is right.
    later, first_pair = np.unique(rows[b[order]], return_index=True)
    ranked = np.argsort(first_pair)

    def text(k: int) -> str:
        pair = order[first_pair[ranked[k]]]
        return f"{share[pair]:.0%} ({shared[pair]:.0f} m²) lies in {stock.ids[rows[a[pair]]]}"

    return answer(
        stock.layer, "overlapping", "buildings that overlap another one", later[ranked], text,
        looked_at=len(rows), tolerated=0.02,
        skipped={**stock.skipped, "pairs of parts of one building": int(related.sum())},
    )  # fmt: skip


def _pairs(shapes: npt.NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Places of polygons whose insides may meet, the smaller place first."""
    tree = shapely.STRtree(shapes)
    found = tree.query(shapes)
    a, b = found[0][found[0] < found[1]], found[1][found[0] < found[1]]
    meets = shapely.intersects(shapes[a], shapes[b]) & ~shapely.touches(shapes[a], shapes[b])
    return a[meets], b[meets]


def _related(stock: _Stock, a: IntArray, b: IntArray) -> BoolArray:
    """Pairs of one building: parts of the same parent, or a part and its parent."""
    same = (stock.parents[a] == stock.parents[b]) & (stock.parents[a] != None)  # noqa: E711 - element by element
    return np.asarray(
        same | (stock.parents[a] == stock.ids[b]) | (stock.parents[b] == stock.ids[a]), dtype=bool
    )


def _floating(stock: _Stock) -> Answer:
    """Parts with nothing under them, and solids above the ground."""
    kinds = np.isin(stock.layer.words("kind"), list(COVER))
    usable = stock.sound & stock.drawn & ~kinds
    raised = np.flatnonzero(usable & ~stock.solid & (stock.min_height_m > FLOAT_M))
    lonely = raised[~_carried(stock, raised)]
    solids = np.flatnonzero(usable & stock.solid)
    gap = _solid_bottoms(stock, solids) - stock.ground(solids)[2]
    flying = solids[gap > FLOAT_M]
    rows = np.concatenate([lonely, flying])
    above = np.concatenate([stock.min_height_m[lonely], gap[gap > FLOAT_M]])
    order = np.argsort(-above)
    return answer(
        stock.layer, "floating", "buildings that touch neither the ground nor another building",
        rows[order], lambda k: f"{above[order[k]]:.1f} m above what is below it",
        looked_at=int((stock.sound & stock.drawn).sum()), tolerated=0.005,
        skipped={**stock.skipped, "roofs, bridges and storeys": int((kinds & stock.drawn).sum())},
    )  # fmt: skip


def _carried(stock: _Stock, raised: IntArray) -> BoolArray:
    """Which raised parts have a drawn building under them that reaches up to them."""
    others = np.flatnonzero(stock.sound)
    part, below = shapely.STRtree(stock.layer.shapes[others]).query(
        stock.layer.shapes[raised], predicate="intersects"
    )
    row, under = raised[part], others[below]
    carries = (row != under) & (stock.height_m[under] >= stock.min_height_m[row] - _GAP_M)
    carries &= stock.min_height_m[under] < stock.min_height_m[row]
    found = np.zeros(len(raised), dtype=bool)
    found[part[carries]] = True
    return found


def _solid_heights(stock: _Stock, rows: IntArray) -> FloatArray:
    """Lowest and highest vertex of solids above the geoid, shape (m, 2)."""
    if len(rows) == 0:
        return np.empty((0, 2))
    column = stock.layer.table.column("lod2_geometry").take(rows)
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    points, owner = shapely.get_coordinates(shapes, include_z=True, return_index=True)
    heights = np.column_stack([np.full(len(rows), np.inf), np.full(len(rows), -np.inf)])
    np.minimum.at(heights[:, 0], owner, points[:, 2])
    np.maximum.at(heights[:, 1], owner, points[:, 2])
    place = stock.layer.places[rows]
    return np.asarray(heights - undulation_m(place[:, 0], place[:, 1])[:, None], dtype=np.float64)


def _solid_bottoms(stock: _Stock, rows: IntArray) -> FloatArray:
    return _solid_heights(stock, rows)[:, 0]


def _sunk(stock: _Stock) -> Answer:
    """Roofs below the ground beside them, and solids far below it."""
    rows = np.flatnonzero(stock.sound & stock.drawn)
    _, mean, highest = stock.ground(rows)
    top = mean + stock.height_m[rows]
    solid = stock.solid[rows]
    spans = _solid_heights(stock, rows[solid])
    top[solid] = spans[:, 1]
    deep = np.zeros(len(rows))
    deep[solid] = stock.ground(rows[solid])[0] - spans[:, 0] - SINK_M
    buried = np.maximum(highest - top, deep)
    order = np.flatnonzero(buried > 0)
    order = order[np.argsort(-buried[order])]

    def text(k: int) -> str:
        row = order[k]
        if highest[row] > top[row]:
            return f"its roof lies {highest[row] - top[row]:.1f} m below the ground at its highest corner"
        return f"its solid reaches {deep[row] + SINK_M:.1f} m below the ground"

    return answer(
        stock.layer, "sunk", "buildings that lie below the ground", rows[order], text,
        looked_at=len(rows), tolerated=0.005, skipped=stock.skipped,
    )  # fmt: skip


def _in_water(stock: _Stock) -> Answer:
    layer, subject = stock.layer, stock.subject
    afloat = np.isin(layer.words("kind"), list(AFLOAT))
    rows = np.flatnonzero(stock.sound & stock.drawn & ~afloat)
    skipped = {**stock.skipped, "boats, piers and bridges": int((afloat & stock.drawn).sum())}
    if not subject.has("water"):
        nothing = {**skipped, "the city has no water layer": len(rows)}
        title = "buildings in water"
        return answer(layer, "in_water", title, rows[:0], str, looked_at=0, skipped=nothing)
    water = subject.layer("water").shapes
    usable = np.isin(shapely.get_type_id(water), _POLYGONAL) & shapely.is_valid(water)
    skipped["water that is no valid polygon"] = int((~usable).sum())
    water, shapes = subject.in_metres(water[usable]), subject.in_metres(layer.shapes[rows])
    # The tree stands over the many small shapes, so that a river is asked once.
    wet, house = shapely.STRtree(shapes).query(water, predicate="intersects")
    shared = np.zeros(len(rows))
    shapely.prepare(water)
    np.add.at(shared, house, shapely.area(shapely.intersection(water[wet], shapes[house])))
    share = shared / shapely.area(shapes)
    found = np.flatnonzero(share > WATER_SHARE)
    found = found[np.argsort(-share[found])]
    return answer(
        layer, "in_water", "buildings in water", rows[found],
        lambda k: f"{share[found[k]]:.0%} of it lies in water",
        looked_at=len(rows), tolerated=0.002, skipped=skipped,
    )  # fmt: skip


def _missing_heights(stock: _Stock) -> Answer:
    """A real building whose height nobody stated: it stands at a default."""
    layer = stock.layer
    guessed = (layer.words("height_provenance") == "modelled") & (layer.words("provenance") != "modelled")
    rows = np.flatnonzero(guessed & stock.drawn)
    kinds = layer.words("kind")
    return answer(
        layer, "height_missing", "real buildings without a stated height", rows,
        lambda k: f"kind {kinds[rows[k]]}: drawn {stock.height_m[rows[k]]:.1f} m high by default",
        looked_at=int(stock.drawn.sum()), tolerated=1.0,
        skipped={"drawn by its parts": int((~stock.drawn).sum())},
    )  # fmt: skip


def _absurd_heights(stock: _Stock) -> Answer:
    layer = stock.layer
    height, levels = stock.height_m, layer.numbers("levels")
    own = height - np.where(stock.min_height_m > 0, stock.min_height_m, 0)
    no_number = ~np.isfinite(height) | (height <= 0) | (stock.min_height_m >= height)
    with np.errstate(invalid="ignore", divide="ignore"):
        storey = np.where((levels >= 3) & (stock.min_height_m == 0), height / levels, np.nan)  # noqa: PLR2004
        odd = (storey < LEAST_STOREY_M) | (storey > MOST_STOREY_M)
        size = (own < LOWEST_M) | (height > HIGHEST_M)
    low_kinds = np.isin(layer.words("kind"), ["wall", "storey", "roof", "shed"])
    wrong = (no_number | odd | (size & ~low_kinds)) & ~(stock.solid & odd)
    rows = np.flatnonzero(wrong & stock.drawn)

    def text(k: int) -> str:
        row = rows[k]
        per_storey = f", {levels[row]:.0f} levels of {storey[row]:.1f} m" if odd[row] else ""
        return f"{height[row]:.1f} m from {stock.min_height_m[row]:.1f} m{per_storey}"

    return answer(
        layer, "height_absurd", "heights that cannot be", rows, text,
        looked_at=int(stock.drawn.sum()), tolerated=0.01,
        skipped={"drawn by its parts": int((~stock.drawn).sum())},
    )  # fmt: skip


def _orphans(stock: _Stock) -> Answer:
    known = set(stock.ids)
    lost = [parent is not None and parent not in known for parent in stock.parents]
    rows = np.flatnonzero(lost)
    return answer(
        stock.layer, "orphans", "parts whose building is not there", rows,
        lambda k: f"parent_id {stock.parents[rows[k]]} is not in the layer",
        looked_at=len(stock.layer), skipped={},
    )  # fmt: skip
