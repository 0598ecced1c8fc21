"""The terrain's compiled functions against their references, on random ground."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shancheng.geo.frame import LocalFrame
from shancheng.geo.raster import Raster
from shancheng.tiles.engines import terrain_parallel, terrain_reference

N_CELLS = 8


@st.composite
def grounds(draw: st.DrawFn) -> np.ndarray:
    """Two by three tiles of random, partly flat ground."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    heights = rng.normal(
        scale=draw(st.sampled_from([0.1, 3.0, 300.0])), size=(2 * N_CELLS + 1, 3 * N_CELLS + 1)
    )
    heights[rng.random(heights.shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = 12.0
    return heights.astype(np.float32)


def errors_of(engine: object, heights: np.ndarray, row0: int, *, strict: bool) -> np.ndarray:
    errors = np.zeros_like(heights)
    for scale in (1, 2, 4):
        engine.add_scale_errors(heights, errors, scale, row0, 0.01 * scale, 0.02 * scale, strict=strict)  # type: ignore[attr-defined]
    return errors


@given(grounds(), st.booleans(), st.sampled_from([0, N_CELLS]))
@settings(max_examples=25)
def test_errors_agree(heights: np.ndarray, strict: bool, row0: int) -> None:  # noqa: FBT001  # hypothesis
    both = [
        errors_of(engine, heights, row0, strict=strict) for engine in (terrain_parallel, terrain_reference)
    ]
    assert np.array_equal(*both)


@given(grounds(), st.sampled_from([0, 1]), st.sampled_from([0.0, 0.05, 2.0, 200.0, 1e9]))
@settings(max_examples=25)
def test_meshes_and_skirts_agree(heights: np.ndarray, parity: int, tolerance_m: float) -> None:
    errors = errors_of(terrain_parallel, heights, 0, strict=False)
    place = (N_CELLS, N_CELLS, N_CELLS, parity, tolerance_m)
    ours, reference = (engine.tile_mesh(errors, *place) for engine in (terrain_parallel, terrain_reference))
    assert all(np.array_equal(a, b) for a, b in zip(ours, reference, strict=True))
    skirts = [
        engine.tile_skirt(ours[0], ours[1], N_CELLS) for engine in (terrain_parallel, terrain_reference)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*skirts, strict=True))
    assert len(skirts[0][1]) == 2 * len(skirts[0][0])


@given(grounds(), st.integers(1, 4), st.integers(0, 30))
@settings(max_examples=25)
def test_grids_agree(heights: np.ndarray, stride: int, row0: int) -> None:
    elevation = Raster(heights, 106.0, 30.0, 0.001, 0.0012)
    undulation = Raster(np.array([[-30.0, -31.0], [-28.0, -29.5]], np.float32), 106.0, 30.0, 0.25, 0.25)
    frame = (elevation, undulation, 105.99, 30.01, 0.0007, stride, row0, (9, 17))
    assert np.array_equal(terrain_parallel.sample_grid(*frame), terrain_reference.sample_grid(*frame))


@given(grounds(), st.floats(-179, 179), st.floats(-80, 80))
@settings(max_examples=25)
def test_places_and_normals_agree_and_are_exact(heights: np.ndarray, lon0: float, lat0: float) -> None:
    rng = np.random.default_rng(1)
    lon, lat = lon0 + rng.uniform(-0.3, 0.3, 50), lat0 + rng.uniform(-0.3, 0.3, 50)
    height = rng.uniform(-100, 5000, 50)
    elevation = Raster(heights, lon0 - 0.3, lat0 + 0.3, 0.02, 0.02)
    arguments = (lon, lat, height, (lon0, lat0, 400.0), elevation, 0.005)
    enu, normals = terrain_parallel.enu_and_normals(*arguments)
    enu_reference, normals_reference = terrain_reference.enu_and_normals(*arguments)
    assert np.abs(enu - enu_reference).max() < 1e-6
    assert np.abs(normals - normals_reference).max() < 1e-6
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-6
    exact = LocalFrame(lon0, lat0, 400.0).enu_from_geodetic(lon, lat, height)
    assert np.abs(enu - exact).max() < 1e-6
