"""Footprint kernels against their plain twins."""

from typing import Any

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shancheng.tiles.engines import ears_parallel, ears_reference, footprints_parallel, footprints_reference
from shancheng.tiles.engines.codes import GOOD

ENGINES = [(footprints_parallel, ears_parallel), (footprints_reference, ears_reference)]


def run(engines: tuple[Any, Any], wkbs: list[bytes]) -> dict[str, Any]:
    reader, cutter = engines
    n = len(wkbs)
    offsets = np.concatenate([[0], np.cumsum([len(wkb) for wkb in wkbs])]).astype(np.int64)
    data = np.frombuffer(b"".join(wkbs) + b"\0", np.uint8)
    sizes, status = np.zeros((n, 3), np.int64), np.zeros(n, np.uint8)
    reader.measure_wkb(data, offsets, sizes, status)
    parts, rings, points = sizes.sum(axis=0).tolist()
    lonlat, grid = np.zeros((points, 2)), np.zeros((points, 2), np.int64)
    starts = [np.zeros(size + 1, np.int64) for size in (rings, parts, n)]
    scratch = np.empty(16 * points + 16, np.uint8)
    reader.read_wkb(data, offsets, status, lonlat, grid, *starts, scratch)
    read_status = status.copy()
    feature_rings = starts[1][starts[2]]
    triangle_start = starts[0][feature_rings] + 2 * feature_rings - 4 * starts[2]
    triangles = np.zeros((triangle_start[-1], 3), np.uint16)
    cutter.triangulate(grid, *starts, triangle_start, 0, n, status, triangles)
    return {
        "sizes": sizes, "read": read_status, "status": status, "starts": starts,
        "triangles": triangles,
        "lonlat": lonlat, "grid": grid, "triangle_start": triangle_start,
    }  # fmt: skip


def areas(result: dict[str, Any], feature: int) -> Any:
    """Area of each triangle of a feature, twice."""
    first, last = result["triangle_start"][feature : feature + 2]
    rings, parts, features = result["starts"]
    corners = result["grid"][result["triangles"][first:last].astype(int) + rings[parts[features[feature]]]]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])


point = st.tuples(st.integers(-3, 9), st.integers(-3, 9))
ring = st.lists(point, max_size=7).map(lambda points: [*points, *points[:1]])
coordinate = st.sampled_from([float("nan"), float("inf"), 181.0, -91.0, 5.0])


@st.composite
def loose_wkb(draw: st.DrawFn) -> bytes:
    """WKB as bad as it comes: few points, repeated ones, no area, nonsense numbers, cut short."""
    parts = draw(st.lists(st.lists(ring, max_size=3), max_size=3))
    points = np.array([p for rings in parts for r in rings for p in r], dtype=np.float64) * 1e-6
    if len(points) and draw(st.integers(0, 9)) == 0:
        points[draw(st.integers(0, len(points) - 1)), draw(st.integers(0, 1))] = draw(coordinate)
    body, used = b"", 0
    for rings in parts:
        body += b"\1\3\0\0\0" + np.uint32(len(rings)).tobytes()
        for r in rings:
            body += np.uint32(len(r)).tobytes() + points[used : used + len(r)].tobytes()
            used += len(r)
    wkb = body if len(parts) == 1 else b"\1\6\0\0\0" + np.uint32(len(parts)).tobytes() + body
    return wkb[: draw(st.integers(0, len(wkb)))] if draw(st.integers(0, 9)) == 0 else wkb


@given(st.lists(loose_wkb(), max_size=4))
def test_reading_agrees_on_anything(wkbs: list[bytes]) -> None:
    compiled, plain = (run(engines, wkbs) for engines in ENGINES)
    assert np.array_equal(compiled["sizes"], plain["sizes"])
    assert np.array_equal(compiled["read"], plain["read"])
    rings, parts, features = compiled["starts"]
    for ours, theirs, used in zip(
        compiled["starts"], plain["starts"], [parts[features[-1]], features[-1], len(wkbs)], strict=True
    ):
        assert np.array_equal(ours[: used + 1], theirs[: used + 1])
    corners = rings[parts[features[-1]]]
    assert np.array_equal(compiled["lonlat"][:corners], plain["lonlat"][:corners])
    assert np.array_equal(compiled["grid"][:corners], plain["grid"][:corners])


@given(st.integers(0, 2**32 - 1))
def test_triangles_cover_the_same_area(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (6, 2))
    boxes = shapely.box(*corners.T, *(corners + rng.integers(1, 20, (6, 2))).T)
    shape = shapely.transform(shapely.union_all(boxes, grid_size=1), lambda points: points * 1e-6 + [7, 43])
    compiled, plain = (run(engines, [shapely.to_wkb(shape)]) for engines in ENGINES)
    assert compiled["status"].tolist() == [GOOD]
    assert areas(compiled, 0).min() >= 0
    assert areas(compiled, 0).sum() == areas(plain, 0).sum()
