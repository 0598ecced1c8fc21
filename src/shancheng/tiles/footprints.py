"""Footprints of any layer: WKB to arrays, cut into triangles; what cannot be used is marked with a reason."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.tiles.constants import MAX_VERTICES
from shancheng.tiles.engines.codes import CROSSING, GOOD, NO_AREA, UNREADABLE

if TYPE_CHECKING:
    from shancheng.city.arrow import AnyArray, AnyChunked

IntArray = npt.NDArray[np.int64]

# In the order of engines/codes.py.
REASONS = (
    "",
    "the geometry is no polygon",
    "a coordinate is not a number",
    "a coordinate is outside longitude -180 to 180 or latitude -90 to 90",
    "no ring has three different corners",
    "the polygon has no area",
    f"more than {MAX_VERTICES:,} corners",
    "wider than 10 degrees",
    "the outline crosses itself and cannot be repaired",
    "too complex to be cut into triangles",
)
_REPAIRABLE = (UNREADABLE, NO_AREA, CROSSING)
# Repair makes a corner of every crossing, and there can be as many as the square of the corners.
_MAX_REPAIR_VERTICES = 1_000
_MAX_CROSSINGS = 100
_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclass(frozen=True, slots=True)
class Footprints:
    """Polygons as ragged arrays: features hold parts, parts hold rings, rings hold corners.

    The first ring of a part is its outer one. Rings are open, without repeated corners; outer ones run
    counter-clockwise and holes clockwise, so the inside is always to the left. A feature that is not good has
    no triangles.

    Attributes:
        lonlat_deg: Corners, WGS-84, shape (v, 2).
        ring_start: First corner of each ring, then the end, shape (r + 1,).
        part_start: First ring of each part, then the end, shape (p + 1,).
        feature_start: First part of each feature, then the end, shape (n + 1,).
        triangles: Counter-clockwise triangles of corners counted from the feature's first one, uint16, shape
            (t, 3).
        triangle_start: First triangle of each feature, then the end, shape (n + 1,).
        status: 0 where the feature is good, else the place of its reason in `REASONS`, shape (n,).
        repaired_features: Features that crossed themselves and were repaired, shape (k,).
    """

    lonlat_deg: npt.NDArray[np.float64]
    ring_start: IntArray
    part_start: IntArray
    feature_start: IntArray
    triangles: npt.NDArray[np.uint16]
    triangle_start: IntArray
    status: npt.NDArray[np.uint8]
    repaired_features: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.status)

    @property
    def repaired(self) -> int:
        """How many features crossed themselves and were repaired."""
        return len(self.repaired_features)

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which features can be used, shape (n,)."""
        return np.asarray(self.status == GOOD)

    @property
    def feature_ring_start(self) -> IntArray:
        """First ring of each feature, then the end, shape (n + 1,)."""
        return self.part_start[self.feature_start]

    @property
    def corner_start(self) -> IntArray:
        """First corner of each feature, then the end, shape (n + 1,)."""
        return self.ring_start[self.feature_ring_start]


def read_footprints(geometry: "AnyArray | AnyChunked", *, threads: int = 1) -> Footprints:
    """Polygons and multipolygons from little-endian WKB; what is off is repaired or marked, never raised.

    Args:
        geometry: WKB, degrees, OGC:CRS84.
        threads: For cutting into triangles; changes no result.
    """
    wkb = _as_binary(geometry)
    footprints = _read(wkb, threads)
    candidates = np.flatnonzero(np.isin(footprints.status, _REPAIRABLE))
    repaired = {row: new for row in candidates.tolist() if (new := _repair(wkb[row].as_py())) is not None}
    if not repaired:
        return footprints
    again = _read(_replace(wkb, repaired), threads)
    fixed = [row for row in repaired if again.status[row] == GOOD and footprints.status[row] != UNREADABLE]
    return Footprints(
        again.lonlat_deg,
        again.ring_start,
        again.part_start,
        again.feature_start,
        again.triangles,
        again.triangle_start,
        again.status,
        np.array(fixed, np.int64),
    )


def _as_binary(geometry: "AnyArray | AnyChunked") -> Any:  # noqa: ANN401  # pyarrow's stubs lack its buffers
    wide = geometry.cast(pa.large_binary())
    if isinstance(wide, pa.ChunkedArray):
        return wide.combine_chunks()
    return wide


def _read(wkb: Any, threads: int) -> Footprints:  # noqa: ANN401  # a pa.LargeBinaryArray
    # Compiled code, so only when needed.
    from shancheng.tiles.engines.ears_parallel import triangulate
    from shancheng.tiles.engines.footprints_parallel import measure_wkb, read_wkb

    n = len(wkb)
    _, offset_buffer, data_buffer = wkb.buffers()
    offsets = (
        np.frombuffer(offset_buffer, np.int64)[wkb.offset : wkb.offset + n + 1]
        if n
        else np.zeros(1, np.int64)
    )
    data = np.frombuffer(data_buffer or b"\0", np.uint8)
    offsets = np.ascontiguousarray(offsets).copy()
    sizes, status = np.zeros((n, 3), np.int64), np.zeros(n, np.uint8)
    measure_wkb(data, offsets, sizes, status)
    parts, rings, points = (int(total) for total in sizes.sum(axis=0))
    lonlat, grid = np.empty((points, 2)), np.empty((points, 2), np.int64)
    ring_start, part_start = np.empty(rings + 1, np.int64), np.empty(parts + 1, np.int64)
    feature_start = np.empty(n + 1, np.int64)
    scratch = np.empty(16 * int(sizes[:, 2].max(initial=1)), np.uint8)
    read_wkb(data, offsets, status, lonlat, grid, ring_start, part_start, feature_start, scratch)
    parts = int(feature_start[-1])
    rings = int(part_start[parts])
    points = int(ring_start[rings])
    start = ring_start[: rings + 1], part_start[: parts + 1], feature_start
    triangle_start = _triangle_start(*start)
    triangles = np.empty((int(triangle_start[-1]), 3), np.uint16)

    def cut(first: int, last: int) -> None:
        triangulate(grid, *start, triangle_start, first, last, status, triangles)

    in_chunks(cut, n, threads)
    triangles[np.repeat(status != GOOD, np.diff(triangle_start))] = 0
    return Footprints(lonlat[:points], *start, *_drop_repeated(triangles, triangle_start), status)


def _drop_repeated(
    triangles: npt.NDArray[np.uint16], start: IntArray
) -> tuple[npt.NDArray[np.uint16], IntArray]:
    """Leave out triangles with a corner twice: they come from bridges to holes, and from bad features."""
    a, b, c = triangles.T
    kept = (a != b) & (b != c) & (c != a)
    if kept.all():
        return triangles, start
    return triangles[kept], np.concatenate([[0], np.cumsum(kept)])[start]


def _triangle_start(ring_start: IntArray, part_start: IntArray, feature_start: IntArray) -> IntArray:
    """A part of c corners and h holes makes c + 2 h - 2 triangles."""
    features_rings = part_start[feature_start]
    return np.asarray(ring_start[features_rings] + 2 * features_rings - 4 * feature_start, dtype=np.int64)


def in_chunks(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call `work(first, last)` for pieces of `range(count)`, in threads where there are several."""
    pieces = 4 * threads if threads > 1 else 1
    edges = np.linspace(0, count, pieces + 1).astype(np.int64).tolist()
    if threads == 1:
        work(0, count)
        return
    with ThreadPoolExecutor(threads) as pool:
        _drain(pool.map(work, edges[:-1], edges[1:]))


def _drain(results: Iterable[None]) -> None:
    for _ in results:
        pass


def _repair(wkb: bytes | None) -> bytes | None:
    """The polygonal part of what GEOS makes of a geometry, or None."""
    shape = shapely.from_wkb(wkb, on_invalid="ignore") if wkb else None
    if shape is None or shapely.get_type_id(shape) not in _POLYGONAL:
        return None
    flat, corners = shapely.force_2d(shape), shapely.get_coordinates(shape)
    if len(corners) > _MAX_REPAIR_VERTICES or not np.isfinite(corners).all():
        return None
    if _count_crossings(corners) > _MAX_CROSSINGS:
        return None
    try:
        pieces = shapely.get_parts(shapely.make_valid(flat))
    except shapely.GEOSException:
        return None
    flat_pieces = shapely.get_parts(pieces)
    polygons = flat_pieces[shapely.get_type_id(flat_pieces) == shapely.GeometryType.POLYGON]
    if len(polygons) == 0:
        return None
    result: bytes = shapely.to_wkb(shapely.multipolygons(polygons), byte_order=1)
    return result


def _count_crossings(corners: npt.NDArray[np.float64]) -> int:
    """Pairs of edges of one line through all corners that cross; rough is enough."""
    a, b = corners[:-1], corners[1:]

    def side(points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether each point lies left of each edge, shape (edges, points)."""
        way, off = (b - a)[:, None], points[None] - a[:, None]
        return np.asarray(way[..., 0] * off[..., 1] > way[..., 1] * off[..., 0])

    apart = side(a) != side(b)
    return int(np.count_nonzero(apart & apart.T)) // 2


def _replace(wkb: Any, new: dict[int, bytes]) -> Any:  # noqa: ANN401  # pa.LargeBinaryArray both
    """The same column with other values in some rows."""
    rows = np.zeros(len(wkb), dtype=np.bool_)
    rows[list(new)] = True
    return pa.compute.replace_with_mask(wkb, pa.array(rows), pa.array(list(new.values()), pa.large_binary()))
