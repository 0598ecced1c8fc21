"""Building kernels against their NumPy twins."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from mountain_city import ROOT, footprints, mountain_raster

from shancheng.tiles.building_rows import raster_frame
from shancheng.tiles.engines import parallel, reference
from shancheng.tiles.footprints import read_footprints
from shancheng.tiles.frames import Frames
from shancheng.tiles.ground import Ground

MOUNTAIN = mountain_raster()
GROUND = Ground.of(MOUNTAIN, ROOT)


def some_footprints(n: int, seed: int) -> Any:
    import pyarrow as pa

    shapes = footprints(n, np.random.default_rng(seed))
    return read_footprints(pa.array(shapely.to_wkb(shapes), pa.binary()))


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1e-4, 3e-5]))
def test_measure_agrees(n: int, seed: int, spacing_deg: float) -> None:
    found = some_footprints(n, seed)
    rows = np.random.default_rng(seed).permutation(n)[: max(1, n - 1)]
    results = []
    for engine in (parallel, reference):
        bounds, ground = np.empty((len(rows), 4)), np.empty((len(rows), 2))
        engine.measure(
            found.lonlat_deg, found.ring_start, found.feature_ring_start, rows,
            GROUND.elevation.values, raster_frame(GROUND.elevation),
            GROUND.undulation.values, raster_frame(GROUND.undulation),
            spacing_deg, 0, len(rows), bounds, ground,
        )  # fmt: skip
        results.append((bounds, ground))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.allclose(results[0][1], results[1][1], rtol=0, atol=1e-8)


@given(n=st.integers(1, 12), seed=st.integers(0, 2**32 - 1), exact=st.booleans())
def test_extrude_agrees(n: int, seed: int, *, exact: bool) -> None:
    found = some_footprints(n, seed)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(n)
    heights = np.sort(rng.uniform(0, 900, (n, 2)), axis=1)
    floor = rng.integers(0, 2, n).astype(np.uint8)
    bounds = np.array([[106.5, 29.5, 106.5625, 29.5625]])
    frames = Frames.of(bounds, np.array([[100.0, 700.0]]))
    frames.rows[0, 4] = exact
    results = []
    for engine in (parallel, reference):
        positions = np.zeros((2 * len(found.lonlat_deg), 3), np.int32)
        ids = np.zeros(len(positions), np.uint32)
        indices = np.zeros(6 * len(found.lonlat_deg) + 6 * len(found.triangles), np.uint32)
        counts = engine.extrude(
            rows, found.lonlat_deg, found.ring_start, found.feature_ring_start, found.triangles,
            found.triangle_start, heights, floor, frames.rows[0], frames.coefficients[0],
            positions, ids, indices,
        )  # fmt: skip
        results.append((counts, ids, indices, positions))
    assert results[0][0] == results[1][0]
    assert np.array_equal(results[0][1], results[1][1])
    assert np.array_equal(results[0][2], results[1][2])
    # The last bit of a position may fall on either side of half a step.
    assert np.abs(results[0][3] - results[1][3]).max() <= 1
    assert (results[0][3] != results[1][3]).mean() < 0.01


@pytest.mark.parametrize("exact", [False, True])
def test_place_agrees_with_the_exact_frame(*, exact: bool) -> None:
    from shancheng.geo.frame import LocalFrame

    rng = np.random.default_rng(1)
    frames = Frames.of(np.array([[106.5, 29.5, 106.56, 29.56]]), np.array([[0.0, 500.0]]))
    frames.rows[0, 4] = exact
    lon, lat, height = rng.uniform([106.5, 29.5, 0], [106.56, 29.56, 900], (100, 3)).T
    frame = LocalFrame(*frames.rows[0, :3])
    east, north, up = frame.enu_from_geodetic(lon, lat, height).T
    out = np.zeros(3, np.int32)
    for k in range(100):
        parallel.place(frames.rows[0], frames.coefficients[0], lon[k], lat[k], height[k], out)
        assert out == pytest.approx(np.array([east[k], up[k], -north[k]]) * 32, abs=0.51)
