"""Bridges as solids: a deck along its axis, and two towers where the bridge has some."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.tiles.draped_lines import deck_heights, lines_of
from shancheng.tiles.draped_pieces import Floats, Ints, Pieces, Wrong
from shancheng.tiles.draped_rows import column, read_geometries
from shancheng.tiles.engines.draped_reference import Lines
from shancheng.tiles.ground import Ground

__all__ = ["bridge_pieces"]

THICKNESS_M = 2.5
"""Of a deck; the layer does not say."""
DEFAULT_WIDTH_M = 20.0
"""Of a deck whose row has no width."""
LONGEST_STEP_M = 40.0
TOWER_SHARES = (1 / 3, 2 / 3)
"""Where towers stand along the deck; the layer does not say."""
LEG_SHARE, LEG_LEAST_M, LEG_MOST_M = 0.14, 2.5, 6.0
"""Thickness of a tower's leg as a share of the deck's width, and its limits."""
FOOTING_M = 3.0
"""How far legs reach below the ground."""
_MITRE_LIMIT = 2.0
_LINE = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
# Around a section or a base, counter-clockwise seen against the direction in which it is drawn out.
_RING = ((0, 1), (1, 2), (2, 3), (3, 0))


def bridge_pieces(table: pa.Table, ground: Ground) -> tuple[Pieces, list[Wrong]]:
    """Solids of a layer of bridges.

    Args:
        table: With the columns of `bridges`: axes, deck elevation above the geoid, width, height of towers
            above the deck. Without an elevation a deck runs straight between the ground at its ends.
        ground: What towers stand on.

    Returns:
        One piece for each line, and the bridges that cannot be drawn.
    """
    geometries, wrong = read_geometries(table, _LINE, "a line", np.ones(len(table), dtype=np.bool_))
    width = column(table, "width_m").astype(np.float64)
    width = np.where(np.isnan(width), DEFAULT_WIDTH_M, width)
    bad = shapely.is_geometry(geometries) & ~((width > 0) & np.isfinite(width))
    wrong += [Wrong(int(row), f"width_m={width[row]}: must be positive") for row in np.flatnonzero(bad)]
    geometries[bad] = None
    lines, rows = lines_of(geometries, LONGEST_STEP_M)
    solid = np.diff(lines.start) > 1
    short = np.setdiff1d(np.flatnonzero(shapely.is_geometry(geometries)), rows[solid])
    wrong += [Wrong(int(row), "the line has no length") for row in short]
    top = _deck_tops(lines, rows, column(table, "deck_elevation_m").astype(np.float64), ground)
    tower = column(table, "tower_height_m").astype(np.float64)
    solids = [
        _bridge(lines, int(line), top, (width[rows[line]], tower[rows[line]]), ground)
        for line in np.flatnonzero(solid)
    ]
    return _as_pieces(solids, rows[solid]), wrong


@dataclass(slots=True)
class _Solid:
    """Vertices (lon, lat, ellipsoidal height) and triangles, growing."""

    vertices: list[tuple[float, float, float]] = field(default_factory=list)
    triangles: list[tuple[int, int, int]] = field(default_factory=list)

    def draw_out(self, sections: Sequence[npt.NDArray[np.float64]]) -> None:
        """A tube with closed ends through sections of four corners (4, 3) each.

        The corners go round clockwise seen along the tube's direction: left top, right top, right bottom,
        left bottom of a deck; for a box upward, counter-clockwise seen from above.
        """
        first = len(self.vertices)
        self.vertices += [(float(x), float(y), float(z)) for section in sections for x, y, z in section]
        for k in range(len(sections) - 1):
            back, front = first + 4 * k, first + 4 * (k + 1)
            for a, b in _RING:
                self.triangles += [
                    (back + b, front + b, front + a),
                    (back + b, front + a, back + a),
                ]
        last = first + 4 * (len(sections) - 1)
        self.triangles += [(first, first + 3, first + 2), (first, first + 2, first + 1)]
        self.triangles += [(last + 1, last + 2, last + 3), (last + 1, last + 3, last)]


def _bridge(lines: Lines, line: int, top: Floats, sizes_m: tuple[float, float], ground: Ground) -> _Solid:
    """Deck and towers of one line; sizes are the deck's width and the towers' height above it."""
    solid = _Solid()
    first, last = int(lines.start[line]), int(lines.start[line + 1])
    at, scale, height = lines.lonlat[first:last], lines.scale[first:last], top[first:last]
    width, tower = sizes_m
    left = _left_sides(at, scale)
    solid.draw_out(
        [_deck_section(at[i], scale[i], left[i] * width / 2, height[i]) for i in range(last - first)]
    )
    if tower > 0:
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*(np.diff(at, axis=0) * scale[:-1]).T))])
        for share in TOWER_SHARES:
            i = int(np.argmin(np.abs(along - share * along[-1])))
            _tower(solid, (at[i], scale[i], left[i]), height[i], sizes_m, ground)
    return solid


def _deck_section(at: Floats, scale: Floats, left_m: Floats, height_m: float) -> Floats:
    """Left top, right top, right bottom, left bottom."""
    left, right = at + left_m / scale, at - left_m / scale
    low = height_m - THICKNESS_M
    return np.array([[*left, height_m], [*right, height_m], [*right, low], [*left, low]])


def _left_sides(at: Floats, scale: Floats) -> Floats:
    """Mitred normals to the left at each point, shape (n, 2); unit length on straight parts."""
    step = np.diff(at, axis=0) * scale[:-1]
    step /= np.hypot(step[:, 0], step[:, 1])[:, None]
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    summed = np.concatenate([normal[:1], normal]) + np.concatenate([normal, normal[-1:]])
    square = np.maximum((summed**2).sum(axis=1), 4.0 / _MITRE_LIMIT**2)
    return np.asarray(2.0 * summed / square[:, None], dtype=np.float64)


def _tower(
    solid: _Solid,
    place: tuple[Floats, Floats, Floats],
    deck_m: float,
    sizes_m: tuple[float, float],
    ground: Ground,
) -> None:
    """Two legs beside the deck and a beam across their tops."""
    at, scale, left = place
    width, tower = sizes_m
    left = left / np.hypot(*left)
    leg = min(LEG_MOST_M, max(LEG_LEAST_M, LEG_SHARE * width))
    out = width / 2 + leg / 2
    top = deck_m + tower
    for side in (1.0, -1.0):
        foot = at + side * out * left / scale
        low = float(ground.ellipsoidal_height_m(foot[:1], foot[1:])[0]) - FOOTING_M
        _box(solid, (foot, scale, left), (leg, leg), (min(low, deck_m - THICKNESS_M), top))
    _box(solid, (at, scale, left), (2 * (out - leg / 2), leg * 0.7), (top - leg, top))


def _box(
    solid: _Solid,
    place: tuple[Floats, Floats, Floats],
    sides_m: tuple[float, float],
    heights_m: tuple[float, float],
) -> None:
    """An upright box: its middle, the metres per degree there, its left; sides across and along."""
    at, scale, left = place
    across = left * sides_m[0] / 2
    along = np.array([left[1], -left[0]]) * sides_m[1] / 2
    corners = [across + along, across - along, -across - along, -across + along]
    base = np.array([at + corner / scale for corner in corners])
    solid.draw_out([np.column_stack([base, np.full(4, height)]) for height in heights_m])


def _deck_tops(lines: Lines, rows: Ints, elevation_m: Floats, ground: Ground) -> Floats:
    """Ellipsoidal height of the decks' tops at each point of the lines, shape (n,)."""
    per_point = np.repeat(elevation_m[rows], np.diff(lines.start))
    known = per_point + ground.undulation.sample(lines.lonlat[:, 0], lines.lonlat[:, 1])
    straight = deck_heights(lines, ~np.isfinite(elevation_m[rows]), ground)
    return np.where(np.isfinite(known), known, straight)


def _as_pieces(solids: list[_Solid], rows: Ints) -> Pieces:
    if not solids:
        return Pieces.none()
    vertices = np.array([vertex for solid in solids for vertex in solid.vertices])
    triangles = np.array([corners for solid in solids for corners in solid.triangles], dtype=np.uint32)
    vertex_start = np.cumsum([0, *(len(solid.vertices) for solid in solids)])
    triangle_start = np.cumsum([0, *(len(solid.triangles) for solid in solids)])
    first = vertex_start[:-1]
    extent = np.maximum.reduceat(vertices[:, 2], first) - np.minimum.reduceat(vertices[:, 2], first)
    return Pieces(
        rows,
        # Bridges are few and known from afar: the tallest first.
        extent,
        np.ascontiguousarray(vertices[:, :2]),
        np.ascontiguousarray(vertices[:, 2]),
        triangles,
        vertex_start,
        triangle_start,
    )
