"""Roads and rail as ribbons that lie on the ground, or run straight where they are bridges."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.tiles.constants import DRAPE_LIFT_M
from shancheng.tiles.draped_decks import deck_pieces, raised_rows
from shancheng.tiles.draped_pieces import Floats, Ints, Pieces, Wrong, join, metres_per_degree
from shancheng.tiles.draped_rows import column, read_geometries
from shancheng.tiles.engines.draped_reference import Lines, Ribbons
from shancheng.tiles.ground import Ground

__all__ = ["deck_heights", "line_pieces", "lines_of"]

# Ribbons follow the ground at least this closely, and more closely on a finer raster.
LONGEST_STEP_M = 40.0
SHORTEST_STEP_M = 10.0
# Width decides first who is seen from afar: it follows the class of a road whatever the class is called.
_SIZE_PER_WIDTH = 1000.0
_LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


def line_pieces(
    table: pa.Table, ground: Ground, wanted: npt.NDArray[np.bool_]
) -> tuple[Pieces, list[Wrong], dict[str, int]]:
    """Ribbons of a layer of ways, and decks of those that say how high they lie.

    Args:
        table: With the columns of `roads` or `rail`.
        ground: What they lie on.
        wanted: Rows to draw, shape (n,).

    Returns:
        The pieces, the ways that cannot be drawn, and counts: ways left out because they run in tunnels.
    """
    tunnel = column(table, "tunnel").astype(np.bool_)
    geometries, wrong = read_geometries(table, _LINES, "a line", wanted & ~tunnel)
    width = column(table, "width_m").astype(np.float64)
    bad_width = shapely.is_geometry(geometries) & ~((width > 0) & np.isfinite(width))
    wrong += [Wrong(int(row), f"width_m={width[row]}: must be positive") for row in np.flatnonzero(bad_width)]
    geometries[bad_width] = None
    raised = raised_rows(table)
    flying = geometries.copy()
    flying[~raised] = None
    decks, unfit = deck_pieces(table, flying, ground)
    wrong += unfit
    geometries[raised] = None
    lines, row = lines_of(geometries, min(LONGEST_STEP_M, max(SHORTEST_STEP_M, ground.step_m)))
    short = np.setdiff1d(np.flatnonzero(shapely.is_geometry(geometries)), row[np.diff(lines.start) > 1])
    wrong += [Wrong(int(bad), "the line has no length") for bad in short]
    counts = {"tunnels": int(tunnel.sum())}
    if len(lines.lonlat) == 0:
        return decks, wrong, counts
    from shancheng.tiles.engines.draped_parallel import ribbons

    drawn = ribbons(lines, width[row] / 2)
    bridge = column(table, "bridge").astype(np.bool_)[row]
    height = _heights(lines, drawn, bridge, ground)
    length = np.zeros(len(table))
    np.add.at(length, row, _lengths(lines))
    rows = row[drawn.line]
    size = width * _SIZE_PER_WIDTH + np.minimum(length, _SIZE_PER_WIDTH)
    pieces = Pieces(
        rows,
        size[rows],
        drawn.lonlat,
        height,
        drawn.triangles,
        drawn.vertex_start,
        drawn.triangle_start,
        np.zeros(len(rows), dtype=np.bool_),
    )
    return join(pieces, decks), wrong, counts


def lines_of(geometries: npt.NDArray[Any], longest_m: float) -> tuple[Lines, Ints]:
    """All lines of line geometries, dense enough for the ground, and the row of each."""
    from shancheng.tiles.engines.draped_parallel import densify

    parts, row = shapely.get_parts(geometries, return_index=True)
    lonlat = np.ascontiguousarray(shapely.get_coordinates(parts))
    start = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(parts))]).astype(np.int64)
    lines = densify(Lines(lonlat, metres_per_degree(lonlat[:, 1]), start), longest_m)
    return lines, row.astype(np.int64)


def _lengths(lines: Lines) -> Floats:
    """Length of each line in metres, shape (lines,)."""
    return np.add.reduceat(np.append(_steps(lines), 0.0), lines.start[:-1]) * (np.diff(lines.start) > 1)


def _steps(lines: Lines) -> Floats:
    """Metres from the point before, 0 where a line begins; shape (n,)."""
    step = np.zeros(len(lines.lonlat))
    offset = np.diff(lines.lonlat, axis=0) * lines.scale[:-1]
    step[1:] = np.hypot(offset[:, 0], offset[:, 1])
    first = lines.start[:-1]
    step[first[first < len(step)]] = 0.0
    return step


def _heights(lines: Lines, drawn: Ribbons, bridge: npt.NDArray[np.bool_], ground: Ground) -> Floats:
    """Ellipsoidal heights of the vertices: ground plus lift, or a straight deck where that is higher."""
    height = ground.ellipsoidal_height_m(drawn.lonlat[:, 0], drawn.lonlat[:, 1])
    if bridge.any():
        deck = deck_heights(lines, bridge, ground)
        height = np.fmax(height, deck[drawn.point])
    return height + DRAPE_LIFT_M


def deck_heights(lines: Lines, bridge: npt.NDArray[np.bool_], ground: Ground) -> Floats:
    """Heights of straight decks from the ground at one end to the ground at the other.

    Args:
        lines: Dense lines.
        bridge: Which of them are bridges, shape (lines,).
        ground: What their ends rest on.

    Returns:
        Ellipsoidal heights at the points, shape (n,); NaN where a line is no bridge.
    """
    deck = np.full(len(lines.lonlat), np.nan)
    along = np.cumsum(_steps(lines))
    for line in np.flatnonzero(bridge & (np.diff(lines.start) > 1)):
        first, last = int(lines.start[line]), int(lines.start[line + 1]) - 1
        ends = lines.lonlat[[first, last]]
        low, high = ground.ellipsoidal_height_m(ends[:, 0], ends[:, 1])
        share = (along[first : last + 1] - along[first]) / (along[last] - along[first])
        deck[first : last + 1] = low + (high - low) * share
    return deck
