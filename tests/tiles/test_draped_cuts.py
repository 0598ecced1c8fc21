"""Polygons cut along cells and made triangles: area, whole squares, edges that fit."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from shancheng.geo.quadtree import RootCell
from shancheng.tiles.draped_cuts import CellGrid, cut_along, triangulate

ROOT = RootCell(106.5, 29.5, 0.0625)
GRID = CellGrid.over(ROOT, 2000.0, 120.0)


def areas(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def test_cells_are_those_of_the_quadtree_and_small_enough() -> None:
    assert (GRID.n_cells, GRID.finer) == (4, 16)
    for finely in (False, True):
        steps = [1, *GRID.steps(finely=finely)]
        assert steps[-1] == GRID.n_cells * (GRID.finer if finely else 1)
        assert all(fine % coarse == 0 and 1 < fine // coarse <= 4 for coarse, fine in pairwise(steps))
    assert CellGrid.over(ROOT, 1e6, 1e6).steps(finely=True) == [1]


@st.composite
def polygons(draw: st.DrawFn) -> shapely.Polygon:
    """Valid polygons of any size, some with holes, some reaching beyond the root."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centre = rng.uniform([106.49, 29.49], [106.57, 29.57])
    radius = draw(st.sampled_from([1e-5, 1e-3, 2e-2]))
    shape = shapely.concave_hull(shapely.MultiPoint(centre + rng.normal(size=(30, 2)) * radius), 0.3)
    hole = shape.centroid.buffer(radius / 4, quad_segs=2)
    return shape.difference(hole) if shape.contains_properly(hole) else shape


@given(polygons(), st.sampled_from([0, 1]))
@settings(max_examples=60)
def test_triangles_have_the_polygons_area_and_lie_in_their_cells(shape: shapely.Polygon, finely: int) -> None:
    inside = inside_of(shape)
    cut = cut_along(np.array([shape], dtype=object), np.array([7]), GRID, finely=bool(finely))
    triangles, bad = triangulate(cut, GRID, finely=bool(finely))
    assert bad == []
    assert set(triangles.row.tolist()) <= {7}
    # Corners are rounded to 0.01 mm.
    assert areas(triangles.corners).sum() == pytest.approx(inside.area, rel=1e-5, abs=1e-13)
    x, y = triangles.cell % GRID.n_cells, triangles.cell // GRID.n_cells
    column = (triangles.corners[:, :, 0] - ROOT.west_deg) / ROOT.side_deg * GRID.n_cells - x[:, None]
    row = (triangles.corners[:, :, 1] - ROOT.south_deg) / ROOT.side_deg * GRID.n_cells - y[:, None]
    for place in (column, row):
        assert (place > -1e-6).all()
        assert (place < 1 + 1e-6).all()


def inside_of(shape: shapely.Polygon) -> shapely.Geometry:
    bounds = ROOT.bounds
    return shape.intersection(
        shapely.box(bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg)
    )


def test_a_polygon_over_everything_is_two_triangles_a_square() -> None:
    everything = shapely.box(106.0, 29.0, 107.0, 30.0)
    cut = cut_along(np.array([everything], dtype=object), np.array([0]), GRID, finely=True)
    assert cut.whole.all()
    triangles, _ = triangulate(cut, GRID, finely=True)
    assert len(triangles.corners) == 2 * 64**2
    assert np.bincount(triangles.cell).tolist() == [2 * 16**2] * 16


def test_nothing_beyond_the_root_remains() -> None:
    cut = cut_along(np.array([shapely.box(0, 0, 1, 1)], dtype=object), np.array([0]), GRID, finely=True)
    triangles, bad = triangulate(cut, GRID, finely=True)
    assert (len(triangles.row), bad) == (0, [])


def test_squares_share_their_corners() -> None:
    shape = shapely.Point(106.53, 29.53).buffer(0.02, quad_segs=40)
    cut = cut_along(np.array([shape], dtype=object), np.array([0]), GRID, finely=True)
    triangles, _ = triangulate(cut, GRID, finely=True)
    edges: dict[tuple[tuple[float, float], ...], int] = {}
    for corners in triangles.corners.tolist():
        places = [tuple(corner) for corner in corners]
        for a, b in zip(places, [*places[1:], places[0]], strict=True):
            edge = tuple(sorted((a, b)))
            edges[edge] = edges.get(edge, 0) + 1
    assert max(edges.values()) == 2
    outline = shapely.union_all(shapely.linestrings([edge for edge, n in edges.items() if n == 1]))
    # An edge with one triangle is an edge of the polygon, else there is a gap that a slope would open.
    assert outline.difference(shape.boundary.buffer(1e-8)).length == 0
