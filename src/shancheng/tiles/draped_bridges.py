"""Bridges as solids: their own, or a deck along the axis, and two towers where the bridge has some."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.tiles.draped_lines import deck_heights, lines_of
from shancheng.tiles.draped_pieces import Floats, Ints, Pieces, Wrong
from shancheng.tiles.draped_rows import column, read_geometries
from shancheng.tiles.draped_solids import box_sections, left_sides, tubes_triangles
from shancheng.tiles.engines.draped_reference import Lines
from shancheng.tiles.ground import Ground
from shancheng.tiles.lod2 import read_solids
from shancheng.tiles.notes import Notes

__all__ = ["bridge_pieces", "own_solids"]

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
_LINE = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


def own_solids(table: pa.Table) -> tuple[Pieces, dict[str, int]]:
    """Solids of the bridges that have one of their own, as they are; pictures on them are left out.

    Args:
        table: With the columns of `bridges`.

    Returns:
        One piece for each solid that can be drawn, and counts of what cannot.
    """
    notes = Notes()
    solids = read_solids(table, notes)
    if solids is None:
        return Pieces.none(), notes.totals
    meshes = solids.build(solids.drawn)
    pieces = Pieces(
        meshes.rows,
        solids.heights_m[:, 1] - solids.heights_m[:, 0],
        meshes.lonlat_deg,
        meshes.heights_m,
        meshes.triangles,
        meshes.vertex_start,
        meshes.triangle_start,
        np.ones(len(meshes), dtype=np.bool_),
    )
    return pieces, {**notes.totals, "solids": len(meshes)}


def bridge_pieces(
    table: pa.Table, ground: Ground, wanted: npt.NDArray[np.bool_]
) -> tuple[Pieces, list[Wrong]]:
    """Solids of a layer of bridges.

    Args:
        table: With the columns of `bridges`: axes, deck elevation above the geoid, width, height of towers
            above the deck. Without an elevation a deck runs straight between the ground at its ends.
        ground: What towers stand on.
        wanted: Rows to draw, shape (n,).

    Returns:
        One piece for each line, and the bridges that cannot be drawn.
    """
    geometries, wrong = read_geometries(table, _LINE, "a line", wanted)
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
    bridges = [
        _bridge(lines, int(line), top, (width[rows[line]], tower[rows[line]]), ground)
        for line in np.flatnonzero(solid)
    ]
    return _as_pieces(bridges, rows[solid]), wrong


def _bridge(
    lines: Lines, line: int, top: Floats, sizes_m: tuple[float, float], ground: Ground
) -> list[Floats]:
    """Tubes of deck and towers of one line; sizes are the deck's width and the towers' height above it."""
    first, last = int(lines.start[line]), int(lines.start[line + 1])
    at, scale, height = lines.lonlat[first:last], lines.scale[first:last], top[first:last]
    width, tower = sizes_m
    left = left_sides(at, scale)
    offset = left * width / 2 / scale
    low = height - THICKNESS_M
    corners = [(at + offset, height), (at - offset, height), (at - offset, low), (at + offset, low)]
    tubes = [np.stack([np.column_stack(corner) for corner in corners], axis=1)]
    if tower > 0:
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*(np.diff(at, axis=0) * scale[:-1]).T))])
        for share in TOWER_SHARES:
            i = int(np.argmin(np.abs(along - share * along[-1])))
            tubes += _tower((at[i], scale[i], left[i]), height[i], sizes_m, ground)
    return tubes


def _tower(
    place: tuple[Floats, Floats, Floats], deck_m: float, sizes_m: tuple[float, float], ground: Ground
) -> list[Floats]:
    """Two legs beside the deck and a beam across their tops."""
    at, scale, left = place
    width, tower = sizes_m
    left = left / np.hypot(*left)
    leg = min(LEG_MOST_M, max(LEG_LEAST_M, LEG_SHARE * width))
    out = width / 2 + leg / 2
    top = deck_m + tower
    feet = at + np.array([[out], [-out]]) * left / scale
    low = np.minimum(ground.ellipsoidal_height_m(feet[:, 0], feet[:, 1]) - FOOTING_M, deck_m - THICKNESS_M)
    legs = np.column_stack([low, np.full(2, top)])
    both = np.ones((2, 1))
    beam = np.array([[top - leg, top]])
    return [
        *box_sections(feet, both * scale, both * left, (leg, leg), legs),
        *box_sections(at[None], scale[None], left[None], (2 * (out - leg / 2), leg * 0.7), beam),
    ]


def _deck_tops(lines: Lines, rows: Ints, elevation_m: Floats, ground: Ground) -> Floats:
    """Ellipsoidal height of the decks' tops at each point of the lines, shape (n,)."""
    per_point = np.repeat(elevation_m[rows], np.diff(lines.start))
    known = per_point + ground.undulation.sample(lines.lonlat[:, 0], lines.lonlat[:, 1])
    straight = deck_heights(lines, ~np.isfinite(elevation_m[rows]), ground)
    return np.where(np.isfinite(known), known, straight)


def _as_pieces(bridges: list[list[Floats]], rows: Ints) -> Pieces:
    """One piece a bridge, of tubes that do not share vertices."""
    if not bridges:
        return Pieces.none()
    triangles = [tubes_triangles([len(tube) for tube in tubes]) for tubes in bridges]
    vertices = np.concatenate([np.concatenate(tubes) for tubes in bridges]).reshape(-1, 3)
    vertex_start = np.cumsum([0, *(4 * sum(map(len, tubes)) for tubes in bridges)])
    first = vertex_start[:-1]
    extent = np.maximum.reduceat(vertices[:, 2], first) - np.minimum.reduceat(vertices[:, 2], first)
    return Pieces(
        rows,
        # Bridges are few and known from afar: the tallest first.
        extent,
        np.ascontiguousarray(vertices[:, :2]),
        np.ascontiguousarray(vertices[:, 2]),
        np.concatenate(triangles).astype(np.uint32),
        vertex_start,
        np.cumsum([0, *map(len, triangles)]),
        np.ones(len(rows), dtype=np.bool_),
    )
