"""Footprints: every polygon is cut into triangles that cover it and nothing else, and what is bad is told."""

import time
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shancheng.tiles.footprints import REASONS, Footprints, read_footprints

UNIT = 1e-6  # degrees; a hundred grid steps


def read(*shapes: Any) -> Footprints:
    wkb = [
        shape if isinstance(shape, bytes | None) else shapely.to_wkb(shape, byte_order=1) for shape in shapes
    ]
    return read_footprints(pa.array(wkb, pa.binary()))


def placed(shape: Any) -> Any:
    """A shape of small whole numbers, put on the ground near 100 E, 30 N."""
    return shapely.transform(shape, lambda points: points * UNIT + [100, 30])


def triangles_of(footprints: Footprints, feature: int) -> Any:
    """Triangles in whole units, shape (t, 3, 2)."""
    first, last = footprints.triangle_start[feature : feature + 2]
    corners = footprints.triangles[first:last] + footprints.corner_start[feature]
    return np.rint((footprints.lonlat_deg[corners] - [100, 30]) / UNIT)


def twice_areas(triangles: Any) -> Any:
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])


def assert_covers(footprints: Footprints, feature: int, shape: Any) -> None:
    triangles = triangles_of(footprints, feature)
    areas = twice_areas(triangles)
    assert areas.min() >= 0
    assert areas.sum() == 2 * shape.area
    pieces = [shapely.polygons(triangle) for triangle, area in zip(triangles, areas, strict=True) if area > 0]
    assert shapely.union_all(pieces).symmetric_difference(shape).area < 1e-6 * shape.area


def assert_closed(footprints: Footprints, feature: int) -> None:
    """Triangles and rings share their edges: each inner edge twice, each ring edge once, in its own sense."""
    triangles = triangles_of(footprints, feature)
    edges = Counter(
        (tuple(triangle[k]), tuple(triangle[k - 2])) for triangle in triangles.tolist() for k in range(3)
    )
    outline: Counter[Any] = Counter()
    for r in range(*footprints.feature_ring_start[feature : feature + 2]):
        corners = slice(*footprints.ring_start[r : r + 2])
        ring = np.rint((footprints.lonlat_deg[corners] - [100, 30]) / UNIT).tolist()
        outline.update((tuple(a), tuple(b)) for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    inner = +(edges - outline)
    assert edges - inner == outline
    assert inner == Counter({edge[::-1]: count for edge, count in inner.items()})


@st.composite
def polygons(draw: st.DrawFn) -> Any:
    """Unions of boxes and triangles less others: with holes, touching rings, straight corners, parts."""
    whole = st.integers(0, 12)
    box = st.builds(
        lambda x, y, w, h: shapely.box(x, y, x + w, y + h), whole, whole, *[st.integers(1, 7)] * 2
    )
    triangle = st.lists(st.tuples(whole, whole), min_size=3, max_size=3, unique=True).map(shapely.Polygon)
    solid = st.one_of(box, triangle.filter(lambda shape: shape.area > 0))
    added = shapely.union_all(draw(st.lists(solid, min_size=1, max_size=7)), grid_size=1)
    taken = shapely.union_all(draw(st.lists(solid, max_size=3)), grid_size=1)
    left = shapely.get_parts(shapely.difference(added, taken, grid_size=1))
    return shapely.MultiPolygon([part for part in left if part.geom_type == "Polygon"])


@given(polygons())
def test_triangles_cover_the_polygon_exactly(shape: Any) -> None:
    footprints = read(placed(shape))
    if shape.is_empty:
        assert not footprints.good[0]
        return
    assert footprints.good[0]
    assert_covers(footprints, 0, shape)


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ((0 0, 4 0, 8 0, 8 8, 0 8, 0 0))",  # a straight corner
        "POLYGON ((0 0, 8 0, 1 1, 0 8, 0 0))",  # a quadrangle with a hollow corner
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (3 3, 6 3, 6 6, 3 6, 3 3))",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1), (4 4, 7 4, 7 7, 4 7, 4 4))",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 0, 4 2, 2 4, 0 0), (9 9, 5 7, 7 5, 9 9))",  # holes that touch
        "MULTIPOLYGON (((0 0, 3 0, 3 3, 0 3, 0 0)), ((3 3, 6 3, 6 6, 3 6, 3 3)))",
    ],
)
def test_triangles_and_rings_share_their_edges(text: str) -> None:
    shape = shapely.from_wkt(text)
    footprints = read(placed(shape))
    assert_covers(footprints, 0, shape)
    assert_closed(footprints, 0)


@given(shape=polygons(), shift=st.integers(0, 30), reverse=st.booleans())
def test_turning_reversing_and_repeating_corners_change_no_area(
    shape: Any, shift: int, *, reverse: bool
) -> None:
    if shape.is_empty:
        return

    def disturbed(ring: Any) -> Any:
        points = shapely.get_coordinates(ring)[:-1]
        points = np.roll(points, shift, axis=0)[:: -1 if reverse else 1]
        return np.repeat(np.concatenate([points, points[:1]]), 2, axis=0)

    parts = [
        shapely.Polygon(disturbed(part.exterior), [disturbed(ring) for ring in part.interiors])
        for part in shapely.get_parts(shape)
    ]
    footprints = read(placed(shapely.MultiPolygon(parts)))
    assert footprints.good[0]
    assert_covers(footprints, 0, shape)


def test_outer_rings_turn_left_and_holes_right() -> None:
    hole = [(3, 3), (6, 3), (6, 6), (3, 6)]
    footprints = read(placed(shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [hole])))
    assert footprints.ring_start.tolist() == [0, 4, 8]
    rings = footprints.lonlat_deg.reshape(2, 4, 2)
    assert [shapely.is_ccw(shapely.linearrings(ring)) for ring in rings] == [True, False]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (None, "no polygon"),
        (b"", "no polygon"),
        (b"\x01\x03\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\x7f", "no polygon"),
        (shapely.box(1, 1, 2, 2).wkb[:-9], "no polygon"),
        (shapely.Point(1, 2), "no polygon"),
        (shapely.LineString([(1, 1), (2, 2)]), "no polygon"),
        (shapely.Polygon(), "no ring"),
        (shapely.Polygon([(1, 1), (2, 2), (2, 2)]), "no ring"),
        (shapely.Polygon([(1, 1), (2, 2), (3, 3)]), "no area"),
        (shapely.Polygon([(1, 1), (200, 1), (200, 3)]), "outside longitude"),
        (shapely.Polygon([(1, 1), (2, 1), (2, 91)]), "outside longitude"),
        (shapely.box(1, 1, 12, 2), "wider than 10 degrees"),
    ],
)
def test_what_is_bad_is_told_and_spares_its_neighbours(shape: Any, reason: str) -> None:
    good = placed(shapely.box(0, 0, 5, 5))
    footprints = read(good, shape, good)
    assert footprints.good.tolist() == [True, False, True]
    assert reason in REASONS[footprints.status[1]]
    assert np.diff(footprints.triangle_start).tolist() == [2, 0, 2]
    assert footprints.repaired == 0


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none(number: float) -> None:
    wkb = bytearray(shapely.to_wkb(shapely.box(1, 1, 2, 2), byte_order=1))
    wkb[13:21] = np.float64(number).tobytes()
    assert REASONS[read(bytes(wkb)).status[0]] == "a coordinate is not a number"


def test_an_outline_that_crosses_itself_is_repaired() -> None:
    footprints = read(placed(shapely.Polygon([(0, 0), (8, 8), (8, 0), (0, 8)])))
    assert footprints.good[0]
    assert footprints.repaired == 1
    areas = twice_areas(triangles_of(footprints, 0))
    assert areas.min() > 0
    assert areas.sum() == 64


def test_big_endian_and_heights_are_read_too() -> None:
    flat = shapely.box(1, 1, 2, 2)
    footprints = read(shapely.to_wkb(flat, byte_order=0), shapely.force_3d(flat, 5.0))
    assert footprints.good.all()
    assert footprints.repaired == 0
    assert np.diff(footprints.triangle_start).tolist() == [2, 2]


def circle(n: int, *, star: float = 0.0) -> Any:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    radius = 0.01 * (1 + star * (np.arange(n) % 2))
    return shapely.polygons(np.stack([100 + radius * np.cos(angle), 30 + radius * np.sin(angle)], axis=1))


@pytest.mark.parametrize("star", [0.0, 0.3])
def test_ten_thousand_corners_are_cut(star: float) -> None:
    footprints = read(circle(10_000, star=star))
    assert footprints.good[0]
    area = twice_areas(footprints.lonlat_deg[footprints.triangles.astype(int)]).sum() / 2
    assert area == pytest.approx(circle(10_000, star=star).area, rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (circle(1_000_000), "more than 65,535 corners"),
        (shapely.polygons(np.random.default_rng(1).random((60_000, 2)) + 30), "too complex"),
        (shapely.polygons(np.random.default_rng(1).random((900, 2)) + 30), "crosses itself"),
    ],
)
def test_monsters_are_set_aside_in_good_time(shape: Any, reason: str) -> None:
    read(placed(shapely.box(0, 0, 5, 5)))  # compiles
    started = time.process_time()
    footprints = read(shape)
    assert time.process_time() - started < 15
    assert reason in REASONS[footprints.status[0]]


def test_many_holes_are_joined() -> None:
    holes = [
        shapely.box(x, y, x + 1, y + 1).exterior.coords for x in range(1, 60, 3) for y in range(1, 60, 3)
    ]
    shape = shapely.Polygon(shapely.box(0, 0, 61, 61).exterior.coords, holes)
    footprints = read(placed(shape))
    assert_covers(footprints, 0, shape)
    assert_closed(footprints, 0)


def test_nothing_is_a_valid_layer() -> None:
    footprints = read()
    assert len(footprints) == 0
    assert footprints.corner_start.tolist() == [0]


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(5)
    shapes = [placed(shapely.box(*point, *(point + 5))) for point in rng.integers(0, 100, (500, 2))]
    wkb = pa.array(shapely.to_wkb(shapes), pa.binary())
    one, many = read_footprints(wkb), read_footprints(pa.chunked_array([wkb[:200], wkb[200:]]), threads=3)
    assert np.array_equal(one.triangles, many.triangles)
    assert np.array_equal(one.lonlat_deg, many.lonlat_deg)
