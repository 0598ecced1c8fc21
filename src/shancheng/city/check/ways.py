"""Checks of roads, rail, stations and bridges: against the ground, the water and each other."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.check.base import Answer, IntArray, Layer, Subject, answer
from shancheng.geo.arrays import FloatArray

__all__ = ["check_ways"]

OFF_GROUND_M: Final = 3.0
IN_WATER_M: Final = 25.0
FROM_LINE_M: Final = 150.0
_LINES: Final = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
_POLYGONAL: Final = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def check_ways(subject: Subject) -> list[Answer]:
    """All checks of ways and what goes with them, of the layers that the city has."""
    answers = []
    for name in ("roads", "rail"):
        if subject.has(name):
            layer = subject.layer(name)
            answers += [_off_ground(subject, layer), _in_water(subject, layer)]
    if subject.has("rail") and subject.has("rail_stations"):
        answers.append(_far_stations(subject))
    if subject.has("bridges"):
        answers.append(_dry_bridges(subject))
    return answers


def _carried(layer: Layer) -> npt.NDArray[np.bool_]:
    """Ways that are bridges or tunnels, or have a level of their own, shape (n,)."""
    own_level = layer.numbers("layer") != 0
    flags = [np.asarray(layer.table.column(name).to_numpy(), dtype=bool) for name in ("bridge", "tunnel")]
    return np.asarray(flags[0] | flags[1] | own_level, dtype=bool)


def _off_ground(subject: Subject, layer: Layer) -> Answer:
    """A way that says how high it lies, on the ground by its flags, and does not lie there."""
    lines = np.isin(shapely.get_type_id(layer.shapes), _LINES)
    silent, carried = layer.is_null("elevations_m"), _carried(layer)
    rows = np.flatnonzero(lines & ~silent & ~carried)
    gap = np.array([_gap(subject, layer, int(row)) for row in rows])
    found = np.flatnonzero(gap > OFF_GROUND_M)
    found = found[np.argsort(-gap[found])]
    draped = int((lines & silent & ~carried).sum())
    return answer(
        layer, f"{layer.name}_off_ground", f"{layer.name} off the ground", rows[found],
        lambda k: f"{gap[found[k]]:.1f} m from the ground",
        looked_at=len(rows) + draped,
        figures={"draped_onto_the_ground": float(draped)},
        skipped={"bridges, tunnels and levels": int((lines & carried).sum()), "areas": int((~lines).sum())},
    )  # fmt: skip


def _gap(subject: Subject, layer: Layer, row: int) -> float:
    """Largest distance between a way's own elevations and the ground; infinite where they do not fit it."""
    heights = np.array(layer.table.column("elevations_m")[row].as_py(), dtype=np.float64)
    points = shapely.get_coordinates(layer.shapes[row])
    if len(heights) != len(points):
        return float("inf")
    return float(np.abs(heights - subject.terrain.sample(points[:, 0], points[:, 1])).max(initial=0.0))


def _in_water(subject: Subject, layer: Layer) -> Answer:
    lines, carried = np.isin(shapely.get_type_id(layer.shapes), _LINES), _carried(layer)
    rows = np.flatnonzero(lines & ~carried)
    skipped = {"bridges, tunnels and levels": int((lines & carried).sum()), "areas": int((~lines).sum())}
    title, name = f"{layer.name} through water without a bridge", f"{layer.name}_in_water"
    water = _water(subject, skipped)
    if water is None:
        skipped["the city has no water layer"] = len(rows)
        return answer(layer, name, title, rows[:0], str, looked_at=0, skipped=skipped)
    wet = _metres_in(subject.in_metres(layer.shapes[rows]), water)
    found = np.flatnonzero(wet > IN_WATER_M)
    found = found[np.argsort(-wet[found])]
    return answer(
        layer, name, title, rows[found], lambda k: f"{wet[found[k]]:.0f} m of it lie in water",
        looked_at=len(rows), tolerated=0.01, skipped=skipped,
    )  # fmt: skip


def _water(subject: Subject, skipped: dict[str, int]) -> npt.NDArray[Any] | None:
    if not subject.has("water"):
        return None
    water = subject.layer("water").shapes
    usable = np.isin(shapely.get_type_id(water), _POLYGONAL) & shapely.is_valid(water)
    skipped["water that is no valid polygon"] = int((~usable).sum())
    shapes = subject.in_metres(water[usable])
    shapely.prepare(shapes)
    return shapes


def _metres_in(lines: npt.NDArray[Any], water: npt.NDArray[Any]) -> FloatArray:
    """Length of each line within any water, shape (n,)."""
    wet, line = shapely.STRtree(lines).query(water, predicate="intersects")
    length = np.zeros(len(lines))
    np.add.at(length, line, shapely.length(shapely.intersection(water[wet], lines[line])))
    return length


def _far_stations(subject: Subject) -> Answer:
    stations, rail = subject.layer("rail_stations"), subject.layer("rail")
    lines = rail.shapes[np.isin(shapely.get_type_id(rail.shapes), _LINES)]
    rows: IntArray = np.flatnonzero(~shapely.is_missing(stations.shapes))
    title = f"stations farther than {FROM_LINE_M:.0f} m from any line"
    if len(lines) == 0 or len(rows) == 0:
        none = {"the city has no rail lines": len(rows)}
        return answer(stations, "stations_far", title, rows[:0], str, looked_at=0, skipped=none)
    tree = shapely.STRtree(subject.in_metres(lines))
    _, distance = tree.query_nearest(
        subject.in_metres(stations.shapes[rows]), return_distance=True, all_matches=False
    )
    found = np.flatnonzero(distance > FROM_LINE_M)
    found = found[np.argsort(-distance[found])]
    return answer(
        stations, "stations_far", title, rows[found], lambda k: f"{distance[found[k]]:.0f} m away",
        looked_at=len(rows), tolerated=0.1,
        skipped={"the geometry cannot be read": len(stations) - len(rows)},
    )  # fmt: skip


def _dry_bridges(subject: Subject) -> Answer:
    """Bridges of kinds that cross water, and do not."""
    bridges = subject.layer("bridges")
    rows: IntArray = np.flatnonzero(~shapely.is_missing(bridges.shapes))
    skipped: dict[str, int] = {"the geometry cannot be read": len(bridges) - len(rows)}
    water = _water(subject, skipped)
    title = "bridges that cross no water"
    if water is None:
        skipped["the city has no water layer"] = len(rows)
        return answer(bridges, "bridges_dry", title, rows[:0], str, looked_at=0, skipped=skipped)
    crossed = shapely.STRtree(subject.in_metres(bridges.shapes[rows])).query(water, predicate="intersects")[1]
    dry = np.setdiff1d(np.arange(len(rows)), crossed)
    # Over a valley, a street or rails a bridge is as good: this is for people to look at.
    return answer(
        bridges, "bridges_dry", title, rows[dry], lambda _k: "no water below it",
        looked_at=len(rows), tolerated=1.0, skipped=skipped,
    )  # fmt: skip
