"""The well-known buildings: prisms of right height or forms of their own, on ground levelled for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray, Grid
from shancheng.city.builtin.chongqing.forms import FORMS
from shancheng.city.builtin.chongqing.placing import Solid, covered, placed, solid
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.shapes import boxes, regular_polygon
from shancheng.city.builtin.chongqing.shells import Shell
from shancheng.city.builtin.chongqing.tables import Landmark, Part

__all__ = ["LandmarkBuildings", "landmark_buildings", "level_ground", "squares", "with_solids"]

CIRCLE_SIDES: Final = 32
OCTAGON_SIDES: Final = 8
SQUARE: Final = "square"
OUTLINE: Final = "outline"
SQUARE_RADIUS_M: Final = 170.0
FADE_M: Final = 45.0
DRY_M: Final = 30.0
"""Ground nearer to the water than this is not levelled: the bank stays as it is."""
SUNK_M: Final = 2.0
"""How far a form reaches below the lowest ground under it."""
SAMPLE_M: Final = 8.0


@dataclass(frozen=True)
class LandmarkBuildings:
    """Parts of all landmarks, outlines of those with several first, and what each covers of the ground.

    ``footprints`` are shapely polygons on the plane, shape (n_parts,); ``sites`` the hull of each
    landmark that has parts, shape (n_sites,). ``solids`` are those of the parts with a form of their own,
    None for prisms; there are none before the ground is known.
    """

    parts: list[Part]
    owners: list[Landmark]
    footprints: npt.NDArray[Any]
    sites: npt.NDArray[Any]
    solids: list[Solid | None]


def landmark_buildings(landmarks: Sequence[Landmark], parts: Sequence[Part]) -> LandmarkBuildings:
    """Place the parts around their landmarks; one of several parts comes after an outline of them all."""
    by_id = {landmark.id: landmark for landmark in landmarks}
    owners = [by_id[part.landmark] for part in parts]
    footprints = np.array([_footprint(p, o) for p, o in zip(parts, owners, strict=True)], dtype=object)
    groups: dict[str, list[Any]] = {}
    for part, footprint in zip(parts, footprints, strict=True):
        groups.setdefault(part.landmark, []).append(footprint)
    sites = np.array([shapely.convex_hull(shapely.multipolygons(g)) for g in groups.values()], dtype=object)
    several = [name for name, group in groups.items() if len(group) > 1]
    outlines = [_outline([part for part in parts if part.landmark == name]) for name in several]
    return LandmarkBuildings(
        parts=[*outlines, *(_named_apart(part) if part.id in several else part for part in parts)],
        owners=[*(by_id[name] for name in several), *owners],
        footprints=np.array([*(_whole(groups[name]) for name in several), *footprints], dtype=object),
        sites=sites,
        solids=[None] * (len(several) + len(parts)),
    )


def with_solids(
    buildings: LandmarkBuildings, elevation_m: npt.NDArray[np.float32], grid: Grid
) -> LandmarkBuildings:
    """The same with the solids of all parts that have a form of their own, standing on the ground.

    A landmark's parts share one level, the mean of the ground at their corners.
    """
    level: dict[str, list[FloatArray]] = {}
    for part, footprint in zip(buildings.parts, buildings.footprints, strict=True):
        ground = grid.sample(elevation_m, _samples(footprint))
        level.setdefault(part.landmark, []).append(ground)
    solids = []
    for part, owner, footprint in zip(buildings.parts, buildings.owners, buildings.footprints, strict=True):
        base = float(np.concatenate(level[part.landmark]).mean())
        lowest = float(grid.sample(elevation_m, _samples(footprint)).min())
        shell = _shell(part, lowest - base - SUNK_M)
        solids.append(None if shell is None else solid(_at_place(shell, part, owner, base)))
    return replace(buildings, solids=solids)


def squares(landmarks: Sequence[Landmark]) -> npt.NDArray[Any]:
    """Circles on the plane around the landmarks that are open squares."""
    centres = [(mark.lon, mark.lat) for mark in landmarks if mark.kind == SQUARE]
    return np.asarray(shapely.buffer(shapely.points(PLANE.from_lonlat(centres)), SQUARE_RADIUS_M))


def level_ground(
    elevation_m: npt.NDArray[np.float32], grid: Grid, rivers: RiverField, sites: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """The ground with a level place under each site: the parts of one landmark then stand at one height."""
    levelled = elevation_m.copy()
    for site in sites:
        _level_one(levelled, grid, rivers, site)
    return levelled


def _outline(parts: Sequence[Part]) -> Part:
    """The whole of a landmark's parts: the first part's words, the tallest's height."""
    levels = [part.levels for part in parts if part.levels is not None]
    return replace(
        parts[0],
        min_height_m=0.0,
        height_m=max(part.height_m for part in parts),
        levels=max(levels, default=None),
        form=OUTLINE,
    )


def _whole(footprints: Sequence[Any]) -> Any:  # noqa: ANN401 - a shapely geometry
    """What the parts cover together, outer rings to the left as everywhere."""
    return shapely.orient_polygons(shapely.union_all(footprints), exterior_cw=False)


def _named_apart(part: Part) -> Part:
    return replace(part, id=f"{part.id}_base")


def _shell(part: Part, sunk_to_m: float) -> Shell | None:
    """A part's own form from below the ground, or from where it begins; None for prisms."""
    if part.form not in FORMS:
        return None
    low = part.min_height_m if part.min_height_m > 0 else min(sunk_to_m, -SUNK_M)
    return FORMS[part.form](part.length_m, part.width_m, low, part.height_m)


def _at_place(shell: Shell, part: Part, owner: Landmark, base_m: float) -> Shell:
    centre = PLANE.from_lonlat([(owner.lon, owner.lat)])[0] + (part.east_m, part.north_m)
    return placed(shell, centre, part.azimuth_deg, base_m)


def _samples(footprint: Any) -> FloatArray:  # noqa: ANN401 - a shapely geometry
    """Points all along a footprint's edge and its middle, shape (n, 2)."""
    edge = shapely.get_coordinates(shapely.segmentize(footprint, SAMPLE_M))
    return np.concatenate([edge, shapely.get_coordinates(shapely.centroid(footprint))])


def _footprint(part: Part, owner: Landmark) -> Any:  # noqa: ANN401 - a shapely Polygon
    shell = _shell(part, 0.0)
    if shell is not None:
        return covered(_at_place(shell, part, owner, 0.0))
    centre = PLANE.from_lonlat([(owner.lon, owner.lat)]) + np.array([part.east_m, part.north_m])
    if part.form == "circle":
        return regular_polygon(centre[0], part.length_m, CIRCLE_SIDES)
    if part.form == "octagon":
        return regular_polygon(centre[0], part.length_m, OCTAGON_SIDES)
    azimuth = np.radians([part.azimuth_deg])
    corners = boxes(centre, np.array([part.length_m]), np.array([part.width_m]), azimuth)
    return shapely.polygons(corners[0])


def _level_one(levelled: npt.NDArray[np.float32], grid: Grid, rivers: RiverField, site: Any) -> None:  # noqa: ANN401
    west, south, east, north = shapely.bounds(shapely.buffer(site, 2 * FADE_M))
    rows = np.flatnonzero((grid.y_m >= south) & (grid.y_m <= north))
    cols = np.flatnonzero((grid.x_m >= west) & (grid.x_m <= east))
    window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    x, y = np.meshgrid(grid.x_m[cols], grid.y_m[rows])
    distance = shapely.distance(shapely.points(x, y), site)
    # The outermost samples around the site belong to the level place: bilinear ground inside is then level.
    share = np.clip(1.0 - (distance - 1.5 * FADE_M / 2) / FADE_M, 0, 1) * np.clip(
        (rivers.bank_m[window] - DRY_M) / DRY_M, 0, 1
    )
    inside = levelled[window][distance == 0]
    level = np.round(
        inside.mean() if len(inside) else grid.sample(levelled, shapely.get_coordinates(site)).mean()
    )
    levelled[window] = np.round(levelled[window] + share * (level - levelled[window]), 1)
