"""Mesh, roof and solid kernels against their plain twins."""

from typing import Any

import numpy as np
import pytest
import shapely
from houses import degrees
from hypothesis import given
from hypothesis import strategies as st
from mountain_city import SHAPES
from shapely import affinity

from shancheng.tiles.engines import (
    mesh_parallel,
    mesh_reference,
    roof_codes,
    roofs_parallel,
    roofs_reference,
    solid_codes,
    solids_parallel,
    solids_reference,
)
from shancheng.tiles.footprints import read_footprints
from shancheng.tiles.frames import Frames

MOST = 4_000
# Steps, a T, a cross, and a Z.
WINGED = [
    "POLYGON ((0 0, 1 0, 1 0.3, 0.7 0.3, 0.7 0.6, 0.4 0.6, 0.4 1, 0 1, 0 0))",
    "POLYGON ((0.4 0, 0.6 0, 0.6 0.5, 1 0.5, 1 1, 0 1, 0 0.5, 0.4 0.5, 0.4 0))",
    "POLYGON ((3 0, 7 0, 7 3, 10 3, 10 6, 7 6, 7 10, 3 10, 3 6, 0 6, 0 3, 3 3, 3 0))",
    "POLYGON ((0 0, 0.6 0, 0.6 0.4, 1 0.4, 1 1, 0.5 1, 0.5 0.7, 0 0.7, 0 0))",
]


@given(seed=st.integers(0, 2**32 - 1), exact=st.booleans())
def test_emit_agrees(seed: int, *, exact: bool) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 9, rng.integers(1, 6))
    counts = rng.integers(0, 12, len(sizes))
    vertex_start, triangle_start = (np.concatenate([[0], np.cumsum(n)]) for n in (sizes, counts))
    corners = [rng.integers(0, size, (count, 3)) for size, count in zip(sizes, counts, strict=True)]
    triangles = np.concatenate(corners).astype(np.uint32)
    v = int(sizes.sum())
    lonlat, heights = rng.uniform([106.5, 29.5], [106.56, 29.56], (v, 2)), rng.uniform(0, 900, v)
    frames = Frames.of(np.array([[106.5, 29.5, 106.5625, 29.5625]]), np.array([[100.0, 700.0]]))
    frames.rows[0, 4] = exact
    results = []
    for engine in (mesh_parallel, mesh_reference):
        positions, ids = np.zeros((v, 3), np.int32), np.zeros(v, np.uint32)
        indices = np.zeros(3 * len(triangles), np.uint32)
        engine.emit_meshes(
            rng.permutation(len(sizes)) if not results else results[0][3], lonlat, heights, triangles,
            vertex_start, triangle_start, frames.rows[0], frames.coefficients[0], positions, ids, indices,
        )  # fmt: skip
        results.append((positions, ids, indices, np.array([ids[first] for first in vertex_start[:-1]])))
    assert np.abs(results[0][0] - results[1][0]).max() <= 1
    assert np.array_equal(results[0][1], results[1][1])
    assert np.array_equal(results[0][2], results[1][2])


def roofs(engine: Any, found: Any, seed: int) -> tuple[Any, Any, Any, Any, Any]:
    """Roofs of all kinds over some footprints: vertices, heights, triangles, and where each begins."""
    rng = np.random.default_rng(seed)
    n = len(found)
    base = rng.uniform(0, 5, n)
    lonlat, height, triangles = np.zeros((MOST, 2)), np.zeros(MOST), np.zeros((MOST, 3), np.uint32)
    starts = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    unknown = rng.random((2, n)) < 0.4
    engine.build_roofs(
        np.arange(n), found.lonlat_deg, found.corner_start, found.triangles, found.triangle_start,
        np.column_stack([base, base + 12]), np.arange(n), rng.integers(0, 2, n).astype(np.uint8),
        rng.integers(1, roof_codes.DOME + 1, n).astype(np.uint8), rng.integers(0, 2, n).astype(np.uint8),
        np.where(unknown[0], np.nan, rng.uniform(0.5, 14, n)), np.full(n, 12.0),
        np.where(unknown[1], np.nan, rng.uniform(0, 360, n)), lonlat, height, triangles, *starts,
    )  # fmt: skip
    v, t = int(starts[0][-1]), int(starts[1][-1])
    return lonlat[:v], height[:v], triangles[:t], *starts


@given(n=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_roofs_agree(n: int, seed: int) -> None:
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    simple = [one for one in SHAPES if one.geom_type == "Polygon" and not one.interiors and one.is_valid]
    simple += [affinity.scale(one, 0.1, 0.1) if one.area > 1 else one for one in shapely.from_wkt(WINGED)]
    geometry = []
    for _ in range(n):
        shape, size, turn = simple[rng.integers(len(simple))], rng.uniform(4, 60, 2), rng.uniform(0, np.pi)
        spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        geometry.append(degrees(shapely.transform(shape, lambda p, a=size, b=spin: (p * a) @ b)))
    found = read_footprints(pa.array(shapely.to_wkb(geometry), pa.binary()))
    ours, theirs = (roofs(engine, found, seed) for engine in (roofs_parallel, roofs_reference))
    for mine, other in zip(ours[3:], theirs[3:], strict=True):
        assert np.array_equal(mine, other)
    assert np.array_equal(ours[2], theirs[2])
    assert np.allclose(ours[0], theirs[0], rtol=0, atol=1e-12)
    assert np.allclose(ours[1], theirs[1], rtol=0, atol=1e-6)


number = st.floats(-1e-3, 1e-3)
point = st.tuples(number, number, st.floats(0, 100)).map(lambda p: (106.5 + p[0], 29.5 + p[1], p[2]))


@st.composite
def solids(draw: st.DrawFn) -> bytes | None:
    """WKB of anything that might be meant as a solid."""
    faces = []
    for _ in range(draw(st.integers(0, 4))):
        rings = []
        for _ in range(draw(st.integers(1, 2))):
            points = draw(st.lists(point, min_size=3, max_size=6))
            if draw(st.booleans()):
                points = [(*p[:2], 7.0) for p in points]
            rings.append([*points, points[0]])
        faces.append(shapely.Polygon(rings[0], rings[1:]))
    wkb: bytes = shapely.to_wkb(shapely.MultiPolygon(faces), flavor="iso", byte_order=1, output_dimension=3)
    damage = draw(st.sampled_from(["none", "none", "none", "null", "cut", "flip", "single"]))
    if damage == "single" and faces:
        return bytes(shapely.to_wkb(faces[0], flavor="iso", byte_order=1, output_dimension=3))
    if damage == "cut":
        return wkb[: draw(st.integers(0, len(wkb)))]
    if damage == "flip":
        at = draw(st.integers(0, len(wkb) - 1))
        return wkb[:at] + bytes([draw(st.integers(0, 255))]) + wkb[at + 1 :]
    return None if damage == "null" else wkb


def packed(wkbs: list[bytes | None]) -> tuple[Any, Any, Any]:
    ends = np.cumsum([len(wkb or b"") for wkb in wkbs]).astype(np.int64)
    data = np.frombuffer(b"".join(wkb or b"" for wkb in wkbs) + b"\0", np.uint8)
    return data, np.concatenate([[0], ends[:-1]]), ends


@given(st.lists(solids(), min_size=1, max_size=5))
def test_solids_agree(wkbs: list[bytes | None]) -> None:
    wkb = packed(wkbs)
    results = []
    for engine in (solids_parallel, solids_reference):
        sizes, boxes = np.zeros((len(wkbs), 4), np.int64), np.zeros((len(wkbs), 6))
        status = np.zeros(len(wkbs), np.uint8)
        engine.measure_solids(*wkb, sizes, boxes, status)
        good = status == solid_codes.GOOD
        results.append((status, sizes[good], boxes[good], *faces(engine, wkb, sizes, np.flatnonzero(good))))
    good = results[0][0] == solid_codes.GOOD
    assert np.array_equal(good, results[1][0] == solid_codes.GOOD)
    for mine, other in zip(results[0][1:], results[1][1:], strict=True):
        assert mine.shape == other.shape
        assert np.abs(mine - other).max(initial=0) <= (1 if mine.dtype == np.int64 else 0)


def faces(engine: Any, wkb: tuple[Any, Any, Any], sizes: Any, rows: Any) -> list[Any]:
    n_faces, rings, points = sizes[rows, :3].sum(axis=0).tolist()
    corners, grid = np.zeros((points, 3)), np.zeros((points, 2), np.int64)
    source, ring_start = np.zeros(points, np.int64), np.zeros(rings + 1, np.int64)
    face_start, solid_start = np.zeros(n_faces + 1, np.int64), np.zeros(len(rows) + 1, np.int64)
    face_points, counted = np.zeros(n_faces, np.int64), np.zeros(n_faces, np.int64)
    if len(rows):
        engine.read_solids(
            *wkb, rows, corners, grid, source, ring_start, face_start, solid_start, face_points
        )
        engine.count_points(*wkb, rows, counted)
    assert np.array_equal(counted, face_points)
    used = ring_start[face_start[-1]]
    return [corners[:used], grid[:used], source[:used], ring_start, face_start, solid_start, face_points]


@pytest.mark.parametrize("seed", range(5))
def test_weld_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, triangles = np.array([0, 30, 30, 90]), np.array([0, 40, 40, 150])
    bits, more = rng.integers(0, 3, (90, 3)), rng.integers(0, 2, (90, 2))
    corners = np.concatenate([rng.integers(0, 30, (40, 3)), rng.integers(30, 90, (110, 3))])
    results = []
    for engine in (solids_parallel, solids_reference):
        kept, out, origin = np.zeros(90, np.int64), np.zeros((150, 3), np.uint32), np.zeros(150, np.int64)
        starts = np.zeros(4, np.int64), np.zeros(4, np.int64)
        engine.weld(bits, more, points, triangles, corners, kept, out, origin, *starts)
        results.append((kept, out, origin, *starts))
    for mine, other in zip(*results, strict=True):
        assert np.array_equal(mine, other)
