"""The compiled functions for lines on the ground against their references, on random lines."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shancheng.tiles.draped_pieces import metres_per_degree
from shancheng.tiles.engines import draped_parallel, draped_reference
from shancheng.tiles.engines.draped_reference import Lines


def assert_same(ours: object, reference: object) -> None:
    for entry in fields(ours):  # type: ignore[arg-type]  # both are dataclasses
        a, b = getattr(ours, entry.name), getattr(reference, entry.name)
        assert a.shape == b.shape, entry.name
        assert a.dtype == b.dtype, entry.name
        assert np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0) < 1e-12, entry.name


@st.composite
def lines(draw: st.DrawFn) -> Lines:
    """Some lines, among them empty ones, closed ones, points that repeat and turns on the spot."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = draw(st.lists(st.integers(0, 12), min_size=1, max_size=5))
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    step = draw(st.sampled_from([1e-5, 2e-4, 1e-2]))
    lonlat = rng.normal(size=(start[-1], 2)).cumsum(axis=0) * step + [106.5, 29.5]
    repeated = np.flatnonzero(rng.random(len(lonlat)) < 0.2)
    lonlat[repeated] = lonlat[np.maximum(repeated - draw(st.sampled_from([1, 2])), 0)]
    for first, last in pairwise(start):
        if last - first > 2 and rng.random() < 0.3:
            lonlat[last - 1] = lonlat[first]
    return Lines(lonlat, metres_per_degree(lonlat[:, 1]), start)


@given(lines(), st.sampled_from([5.0, 40.0, 1000.0]))
@settings(max_examples=50)
def test_dense_lines_agree(given_lines: Lines, longest_m: float) -> None:
    dense = draped_parallel.densify(given_lines, longest_m)
    assert_same(dense, draped_reference.densify(given_lines, longest_m))
    for first, last in pairwise(dense.start):
        step = (
            np.diff(dense.lonlat[first:last], axis=0) * dense.scale[first : last - 1] if last > first else []
        )
        assert all(0.005 < np.hypot(*offset) < longest_m * 1.001 for offset in step)


@given(lines(), st.sampled_from([0.5, 4.0, 20.0]))
@settings(max_examples=50)
def test_ribbons_agree_and_face_up(given_lines: Lines, half_width_m: float) -> None:
    dense = draped_parallel.densify(given_lines, 100.0)
    half = np.full(len(dense.start) - 1, half_width_m)
    ours = draped_parallel.ribbons(dense, half)
    assert_same(ours, draped_reference.ribbons(dense, half))
    per_piece = np.diff(ours.triangle_start)
    first = np.repeat(ours.vertex_start[:-1], per_piece)[:, None]
    corners = ours.lonlat[ours.triangles + first] * 1e5
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # A turn on the spot has a bevel without an area, whose sign is noise.
    assert (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > -1e-6).all()
