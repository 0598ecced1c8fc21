"""The two rivers: centre lines, widths, water levels, banks as a field over the grid, and their surface.

The centre lines were read off the district borders that run along the rivers and are moved by hand where a
public fact says better; widths, side arms and islands are placed by hand, and levels fall evenly with the way
along the line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray, Grid
from shancheng.city.builtin.chongqing.tables import (
    ArmPoint,
    ExtensionPoint,
    Island,
    Nudge,
    RiverPoint,
    WidthPoint,
    read_path,
    read_table,
)

__all__ = ["River", "RiverField", "island_polygons", "read_rivers", "river_field", "water_surface"]

RIVER_NAMES: Final = {"jialing": ("嘉陵江", "Jialing River"), "yangtze": ("长江", "Yangtze River")}
STEP_M: Final = 80.0
SMOOTHING_M: Final = 70.0
MEETING_LEVEL_M: Final = 162.0
"""Elevation of the water at Chaotianmen: between low water and the 175 m of the Three Gorges' reservoir."""
FALL_PER_M: Final = {"jialing": 1.2e-4, "yangtze": 1.0e-4}
REACH_M: Final = 1400.0
FIRST_SEQ: Final = {"jialing": 3, "yangtze": 0}
"""The first vertices of the Jialing's line follow the district border away from the river."""
WOBBLE: Final = ((0.035, 2300.0, 0.4), (0.025, 1100.0, 1.9))
"""Share, wavelength and phase of the small changes of width that no table knows."""
ROUND_M: Final = 40.0


@dataclass(frozen=True)
class River:
    """A river as points every 80 m downstream, on the plane.

    ``xy`` has shape (n, 2); ``chainage_m``, ``half_width_m`` and ``level_m`` have shape (n,).
    ``chainage_m`` is 0 at Chaotianmen and falls upstream, so that both rivers share it there. ``arms`` leave
    the river and come back to it; ``islands`` are polygons on the plane that its water leaves dry.
    """

    id: str
    name: str
    name_en: str
    xy: FloatArray
    chainage_m: FloatArray
    half_width_m: FloatArray
    level_m: FloatArray
    arms: tuple["River", ...] = ()
    islands: tuple[Any, ...] = ()

    @property
    def line(self) -> Any:  # noqa: ANN401 - a shapely LineString
        """The centre line on the plane."""
        return shapely.linestrings(self.xy)


@dataclass(frozen=True)
class RiverField:
    """Over a grid: distance to the nearest water line (negative in water) and that water's elevation.

    Both of shape (n_rows, n_cols), float32; beyond ``REACH_M`` of a centre line the distance is capped.
    """

    bank_m: npt.NDArray[np.float32]
    level_m: npt.NDArray[np.float32]


def read_rivers() -> tuple[River, ...]:
    """Jialing and Yangtze, from the centre lines, their hand-placed extensions and widths."""
    points = read_table("river_centrelines.csv", RiverPoint)
    extensions = read_table("river_extensions.csv", ExtensionPoint)
    widths = read_table("river_widths.csv", WidthPoint)
    nudges = read_table("river_nudges.csv", Nudge)
    lines = {
        name: _nudged(
            _smooth_line(_vertices(name, points, extensions)), [n for n in nudges if n.river == name]
        )
        for name in RIVER_NAMES
    }
    meeting = lines["jialing"][-1]
    mains = (
        _river(name, xy, meeting, [row for row in widths if row.river == name]) for name, xy in lines.items()
    )
    return tuple(replace(river, arms=_arms(river), islands=_drawn_islands(river)) for river in mains)


def river_field(rivers: Sequence[River], grid: Grid) -> RiverField:
    """Distance to the water line and water level at every sample of a grid."""
    bank = np.full((grid.n_rows, grid.n_cols), REACH_M, dtype=np.float32)
    level = np.full((grid.n_rows, grid.n_cols), MEETING_LEVEL_M, dtype=np.float32)
    for river in rivers:
        for line in (river, *river.arms):
            for start in range(len(line.xy) - 1):
                _stamp_segment(line, start, grid, bank, level)
        for island in river.islands:
            _stamp_island(island, grid, bank)
    return RiverField(bank, level)


def water_surface(rivers: Sequence[River]) -> dict[str, Any]:
    """Each river's surface on the plane, without overlap: the Jialing ends where the Yangtze begins.

    Islands are holes in it.
    """
    surfaces = {river.id: _surface(river) for river in rivers}
    surfaces["jialing"] = shapely.difference(surfaces["jialing"], surfaces["yangtze"])
    parts = shapely.get_parts(surfaces["jialing"])
    surfaces["jialing"] = parts[int(np.argmax(shapely.area(parts)))]
    return surfaces


def island_polygons(rivers: Sequence[River]) -> dict[str, Any]:
    """Polygons on the plane of all islands of the table, drawn by hand or left dry between two arms.

    Raises:
        ValueError: The rivers leave no island at a place where the table has one.
    """
    surfaces = water_surface(rivers)
    return {
        island.id: _hole_at(surfaces[island.river], island) for island in read_table("islands.csv", Island)
    }


def _hole_at(surface: Any, island: Island) -> Any:  # noqa: ANN401 - shapely geometries
    place = shapely.points(PLANE.from_lonlat([(island.lon, island.lat)])[0])
    for hole in surface.interiors:
        polygon = shapely.polygons(hole)
        if shapely.contains(polygon, place):
            return shapely.orient_polygons(polygon, exterior_cw=False)
    raise ValueError(f"{island.id}: the {island.river} leaves nothing dry at {island.lon}, {island.lat}")


def _vertices(name: str, points: list[RiverPoint], extensions: list[ExtensionPoint]) -> FloatArray:
    """Vertices downstream; extensions count away from the known part, at either end."""
    known = sorted((p for p in points if p.river == name and p.seq >= FIRST_SEQ[name]), key=lambda p: p.seq)
    own = sorted((p for p in extensions if p.river == name), key=lambda p: p.seq)
    upstream = reversed([p for p in own if p.end == "upstream"])
    downstream = [p for p in own if p.end == "downstream"]
    return PLANE.from_lonlat([(p.lon, p.lat) for p in (*upstream, *known, *downstream)])


def _smooth_line(vertices: FloatArray) -> FloatArray:
    """Points every ``STEP_M`` along the line after a Gaussian mean over its way; the ends stay in place."""
    fine_m = STEP_M / 4
    fine = _resample(vertices, fine_m)
    reach = int(3 * SMOOTHING_M / fine_m)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * fine_m / SMOOTHING_M) ** 2)
    weights /= weights.sum()
    # Mirroring through the end point keeps it fixed and the direction unbroken.
    before, after = 2 * fine[0] - fine[reach:0:-1], 2 * fine[-1] - fine[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, fine, after])
    smooth = np.column_stack([np.convolve(padded[:, axis], weights, mode="valid") for axis in (0, 1)])
    return _resample(smooth, STEP_M)


def _nudged(xy: FloatArray, nudges: Sequence[Nudge]) -> FloatArray:
    """The line moved by hand: by a smooth bump around each nudge's place."""
    moved = xy.copy()
    for nudge in nudges:
        away = np.hypot(*(xy - PLANE.from_lonlat([(nudge.lon, nudge.lat)])[0]).T)
        share = np.exp(-0.5 * (away / nudge.reach_m) ** 2)
        moved += share[:, None] * (nudge.east_m, nudge.north_m)
    return _resample(moved, STEP_M)


def _resample(xy: FloatArray, step_m: float) -> FloatArray:
    chainage = _chainage(xy)
    n_points = max(2, round(chainage[-1] / step_m) + 1)
    at = np.linspace(0.0, chainage[-1], n_points)
    return np.column_stack([np.interp(at, chainage, xy[:, axis]) for axis in (0, 1)])


def _chainage(xy: FloatArray) -> FloatArray:
    steps = np.hypot(*np.diff(xy, axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _river(name: str, xy: FloatArray, meeting: FloatArray, widths: list[WidthPoint]) -> River:
    chainage = _chainage(xy)
    chainage -= chainage[np.argmin(np.hypot(*(xy - meeting).T))]
    known = PLANE.from_lonlat([(row.lon, row.lat) for row in widths])
    at = np.array([chainage[np.argmin(np.hypot(*(xy - point).T))] for point in known])
    order = np.argsort(at)
    half_width = np.interp(chainage, at[order], np.array([row.width_m for row in widths])[order]) / 2
    wobble = sum(share * np.sin(2 * np.pi * chainage / length + phase) for share, length, phase in WOBBLE)
    zh, en = RIVER_NAMES[name]
    return River(
        id=name,
        name=zh,
        name_en=en,
        xy=xy,
        chainage_m=chainage,
        half_width_m=half_width * (1 + wobble),
        level_m=MEETING_LEVEL_M - FALL_PER_M[name] * chainage,
    )


def _arms(river: River) -> tuple[River, ...]:
    """Side arms by hand, their water as high as the river's beside them."""
    rows = [row for row in read_table("river_arms.csv", ArmPoint) if row.river == river.id]
    return tuple(
        _arm(river, [row for row in rows if row.arm == arm]) for arm in {row.arm: None for row in rows}
    )


def _arm(river: River, rows: list[ArmPoint]) -> River:
    vertices = PLANE.from_lonlat([(row.lon, row.lat) for row in rows])
    xy = _smooth_line(vertices)
    beside = np.argmin(np.hypot(*(xy[:, None] - river.xy[None]).transpose(2, 0, 1)), axis=1)
    share = np.linspace(0, len(rows) - 1, len(xy))
    width = np.interp(share, np.arange(len(rows)), [row.width_m for row in rows])
    return replace(
        river,
        xy=xy,
        chainage_m=river.chainage_m[beside],
        half_width_m=width / 2,
        level_m=river.level_m[beside],
    )


def _drawn_islands(river: River) -> tuple[Any, ...]:
    """Islands whose outline is drawn by hand, their corners rounded."""
    rows = [row for row in read_table("islands.csv", Island) if row.river == river.id and row.path]
    drawn = (shapely.polygons(PLANE.from_lonlat(read_path(row.path))) for row in rows)
    return tuple(shapely.buffer(shapely.buffer(shape, -ROUND_M), ROUND_M, quad_segs=8) for shape in drawn)


def _stamp_island(island: Any, grid: Grid, bank: npt.NDArray[np.float32]) -> None:  # noqa: ANN401 - a shapely Polygon
    """Land within the island's outline, and its shore for the water around it."""
    west, south, east, north = shapely.bounds(shapely.buffer(island, REACH_M / 2))
    window = _window(grid.y_m, south, north), _window(grid.x_m, west, east)
    x, y = np.meshgrid(grid.x_m[window[1]], grid.y_m[window[0]])
    shore = shapely.distance(shapely.points(x, y), shapely.boundary(island)).astype(np.float32)
    inside = shapely.contains_xy(island, x, y)
    near = np.where(inside, shore, np.maximum(bank[window], -shore))
    bank[window] = np.where(bank[window] < 0, near, bank[window])


def _stamp_segment(
    river: River,
    start: int,
    grid: Grid,
    bank: npt.NDArray[np.float32],
    level: npt.NDArray[np.float32],
) -> None:
    """Lower the field where one piece of the centre line is nearest."""
    a, b = river.xy[start], river.xy[start + 1]
    rows = _window(grid.y_m, min(a[1], b[1]) - REACH_M, max(a[1], b[1]) + REACH_M)
    cols = _window(grid.x_m, min(a[0], b[0]) - REACH_M, max(a[0], b[0]) + REACH_M)
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return
    along = (b - a).astype(np.float32)
    dx = (grid.x_m[cols] - a[0]).astype(np.float32)[None, :]
    dy = (grid.y_m[rows] - a[1]).astype(np.float32)[:, None]
    share = np.clip((dx * along[0] + dy * along[1]) / (along @ along), 0, 1)
    distance = np.hypot(dx - share * along[0], dy - share * along[1])
    distance -= _between(river.half_width_m, start, share)
    nearer = distance < bank[rows, cols]
    np.copyto(bank[rows, cols], distance, where=nearer)
    np.copyto(level[rows, cols], _between(river.level_m, start, share), where=nearer)


def _between(values: FloatArray, start: int, share: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    first, second = np.float32(values[start]), np.float32(values[start + 1])
    return first + share * (second - first)


def _window(axis_m: FloatArray, low: float, high: float) -> slice:
    """The samples of an axis (rising or falling) between two values."""
    inside = np.flatnonzero((axis_m >= low) & (axis_m <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)


def _surface(river: River) -> Any:  # noqa: ANN401 - a shapely Polygon
    wet = shapely.union_all([_swept_disc(line) for line in (river, *river.arms)])
    return shapely.difference(wet, shapely.union_all(list(river.islands)))


def _swept_disc(river: River) -> Any:  # noqa: ANN401 - a shapely Polygon
    """The union of discs of the river's half width along its line, as hulls of neighbouring discs."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    discs = river.xy[:, None, :] + river.half_width_m[:, None, None] * circle
    pairs = np.concatenate([discs[:-1], discs[1:]], axis=1)
    hulls = shapely.convex_hull(shapely.multipoints(pairs))
    return shapely.simplify(shapely.union_all(hulls), 2.0)
