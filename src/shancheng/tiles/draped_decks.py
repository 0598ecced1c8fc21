"""Ways that stand above the ground by their own elevations: a deck, and pillars under it where it is high."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.tiles.draped_pieces import Floats, Ints, Pieces, Wrong, metres_per_degree
from shancheng.tiles.draped_rows import column, words
from shancheng.tiles.draped_solids import box_sections, left_sides, tubes_triangles
from shancheng.tiles.engines.draped_reference import Lines
from shancheng.tiles.ground import Ground

__all__ = ["deck_pieces", "raised_rows"]

THICKNESS_M = 1.4
"""Of a deck; the layer does not say."""
CABLE_KIND = "aerialway"
"""Ropes hang by themselves: thin, and without pillars."""
CABLE_THICKNESS_M = 0.3
PILLAR_STEP_M = 32.0
PILLAR_SIDES_M = (2.0, 1.6)
LOWEST_PILLAR_M, HIGHEST_PILLAR_M = 3.0, 45.0
"""Lower decks lie on an embankment, higher ones hang in a bridge that is drawn by itself."""
FOOTING_M = 3.0
"""How far pillars reach below the ground."""
CHUNK_M = 500.0
_SIZE_PER_WIDTH = 1000.0


def raised_rows(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Rows that say how high they lie, shape (n,)."""
    return np.asarray(table.column("elevations_m").is_valid().to_numpy())


def deck_pieces(table: pa.Table, geometries: npt.NDArray[Any], ground: Ground) -> tuple[Pieces, list[Wrong]]:
    """Decks and pillars.

    Args:
        table: With the columns of `roads` or `rail`.
        geometries: Lines of the rows to be drawn, shape (n,); None for all others.
        ground: What pillars stand on.

    Returns:
        Standing pieces of about half a kilometre, and the rows whose elevations do not fit their lines.
    """
    elevations = table.column("elevations_m")
    width, cable = column(table, "width_m"), [kind == CABLE_KIND for kind in words(table, "kind")]
    found, wrong = _Growing(), []
    for row in np.flatnonzero(shapely.is_geometry(geometries)).tolist():
        heights = np.array(elevations[row].as_py(), dtype=np.float64)
        points = shapely.get_coordinates(geometries[row])
        if len(heights) != len(points) or not np.isfinite(heights).all():
            what = f"elevations_m: {len(heights)} values for {len(points)} vertices, or one is no number"
            wrong.append(Wrong(row, what))
            continue
        start = 0
        for part in shapely.get_parts(geometries[row]):
            stop = start + shapely.get_num_coordinates(part)
            _add_line(found, row, points[start:stop], heights[start:stop], float(width[row]), ground,
                      cable=cable[row])  # fmt: skip
            start = stop
    return found.pieces(), wrong


class _Growing:
    """Pieces in the making."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.sizes: list[float] = []
        self.vertices: list[Floats] = []
        self.triangles: list[Ints] = []

    def add(self, row: int, size: float, tubes: list[Floats]) -> None:
        """One piece of tubes, each of sections of shape (n, 4, 3)."""
        self.rows.append(row)
        self.sizes.append(size)
        self.vertices.append(np.concatenate(tubes).reshape(-1, 3))
        self.triangles.append(tubes_triangles([len(tube) for tube in tubes]))

    def pieces(self) -> Pieces:
        if not self.rows:
            return Pieces.none()
        vertices = np.concatenate(self.vertices)
        return Pieces(
            np.array(self.rows, dtype=np.int64),
            np.array(self.sizes),
            np.ascontiguousarray(vertices[:, :2]),
            np.ascontiguousarray(vertices[:, 2]),
            np.concatenate(self.triangles).astype(np.uint32),
            np.cumsum([0, *map(len, self.vertices)]),
            np.cumsum([0, *map(len, self.triangles)]),
            np.ones(len(self.rows), dtype=np.bool_),
        )


def _add_line(
    found: _Growing,
    row: int,
    points: Floats,
    elevation_m: Floats,
    width_m: float,
    ground: Ground,
    *,
    cable: bool,
) -> None:
    at, height = _dense(points, elevation_m)
    if len(at) < 2:  # noqa: PLR2004
        return
    height = height + ground.undulation.sample(at[:, 0], at[:, 1])
    scale = metres_per_degree(at[:, 1])
    left = left_sides(at, scale)
    low = height - (CABLE_THICKNESS_M if cable else THICKNESS_M)
    offset = left * width_m / 2 / scale
    corners = [(at + offset, height), (at - offset, height), (at - offset, low), (at + offset, low)]
    sections = np.stack([np.column_stack(corner) for corner in corners], axis=1)
    pillars = [] if cable else _pillars(at, scale, left, low, ground)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*(np.diff(at, axis=0) * scale[:-1]).T))])
    chunk = np.minimum(along // CHUNK_M, max(along[-1] // CHUNK_M - 1, 0))
    size = width_m * _SIZE_PER_WIDTH + min(float(along[-1]), _SIZE_PER_WIDTH)
    edges = np.unique(chunk, return_index=True)[1].tolist()
    for first, last in zip(edges, [*edges[1:], len(at) - 1], strict=True):
        under = [tube for place, tube in pillars if first <= place < last]
        if last > first:
            found.add(row, size, [sections[first : last + 1], *under])


def _dense(points: Floats, elevation_m: Floats) -> tuple[Floats, Floats]:
    """Points at most a pillar's step apart, none twice, and elevations between those that are given."""
    from shancheng.tiles.engines.draped_parallel import densify

    start = np.array([0, len(points)], dtype=np.int64)
    given = Lines(np.ascontiguousarray(points), metres_per_degree(points[:, 1]), start)
    dense = densify(given, PILLAR_STEP_M)
    # Straight pieces stay straight, so a dense point lies as far along as the given ones around it say.
    return dense.lonlat, np.interp(_along(dense), _along(given), elevation_m)


def _along(line: Lines) -> Floats:
    """Metres from the beginning of the one line, by the same scale at both ends of a step, shape (n,)."""
    step = np.diff(line.lonlat, axis=0) * metres_per_degree(line.lonlat[:1, 1])
    return np.concatenate([[0.0], np.cumsum(np.hypot(step[:, 0], step[:, 1]))])


def _pillars(
    at: Floats, scale: Floats, left: Floats, low: Floats, ground: Ground
) -> list[tuple[int, Floats]]:
    """Boxes from below the ground to the deck's underside, each with the point it stands at."""
    foot = ground.ellipsoidal_height_m(at[:, 0], at[:, 1])
    places = np.flatnonzero((low - foot > LOWEST_PILLAR_M) & (low - foot < HIGHEST_PILLAR_M))
    unit = left / np.hypot(left[:, 0], left[:, 1])[:, None]
    heights = np.stack([foot - FOOTING_M, low], axis=1)[places]
    boxes = box_sections(at[places], scale[places], unit[places], PILLAR_SIDES_M, heights)
    return list(zip(places.tolist(), boxes, strict=True))
