import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shancheng.errors import BoundsError
from shancheng.geo.bounds import Bounds
from shancheng.geo.quadtree import MAX_LEVEL, RootCell, morton, unmorton

U32 = st.integers(0, 2**32 - 1)
UNIT = st.floats(0, 1)
MONACO = Bounds(7.4090279, 43.7247599, 7.4398704, 43.7519173)


@st.composite
def city_bounds(draw: st.DrawFn) -> Bounds:
    west, east = sorted(draw(st.tuples(st.floats(-180, 180), st.floats(-180, 180))))
    south, north = sorted(draw(st.tuples(st.floats(-90, 90), st.floats(-90, 90))))
    assume(east - west < 127)
    assume(north - south < 127)
    return Bounds(west, south, east, north)


def between(low: float, high: float, share: float) -> float:
    return min(max(low + (high - low) * share, low), high)


@given(U32, U32)
def test_morton_round_trip(x: int, y: int) -> None:
    code = morton(x, y)
    assert int(code) == sum((x >> i & 1) << 2 * i | (y >> i & 1) << 2 * i + 1 for i in range(32))
    assert tuple(int(part) for part in unmorton(code)) == (x, y)


def test_morton_order_is_that_of_the_availability_bits() -> None:
    x, y = unmorton(np.arange(8))
    np.testing.assert_array_equal(x, [0, 1, 0, 1, 2, 3, 2, 3])
    np.testing.assert_array_equal(y, [0, 0, 1, 1, 0, 0, 1, 1])
    assert morton(x, y).dtype == np.uint64
    assert morton([], []).shape == (0,)


@given(city_bounds(), UNIT, UNIT)
def test_no_point_of_the_bounds_is_outside_the_root(
    bounds: Bounds, east_share: float, north_share: float
) -> None:
    root = RootCell.enclosing(bounds)
    assert root.bounds.contains(bounds)
    lon = between(bounds.west_deg, bounds.east_deg, east_share)
    lat = between(bounds.south_deg, bounds.north_deg, north_share)
    assert root.bounds.contains(Bounds(lon, lat, lon, lat))


@given(city_bounds(), UNIT, UNIT, st.integers(0, MAX_LEVEL))
def test_a_points_cell_holds_it(bounds: Bounds, east_share: float, north_share: float, level: int) -> None:
    root = RootCell.enclosing(bounds)
    lon = between(root.bounds.west_deg, root.bounds.east_deg, east_share)
    lat = between(root.bounds.south_deg, root.bounds.north_deg, north_share)
    x, y = root.quantise(lon, lat, level)
    cell = root.cell_bounds(level, int(x), int(y))
    assert cell.contains(Bounds(lon, lat, lon, lat))


@given(city_bounds(), st.integers(0, MAX_LEVEL - 1), UNIT, UNIT)
def test_cells_tile_exactly(bounds: Bounds, level: int, east_share: float, north_share: float) -> None:
    root = RootCell.enclosing(bounds)
    cells = 1 << level
    x, y = min(int(east_share * cells), cells - 1), min(int(north_share * cells), cells - 1)
    cell = root.cell_bounds(level, x, y)
    south_west = root.cell_bounds(level + 1, 2 * x, 2 * y)
    north_east = root.cell_bounds(level + 1, 2 * x + 1, 2 * y + 1)
    assert (south_west.west_deg, south_west.south_deg) == (cell.west_deg, cell.south_deg)
    assert (north_east.east_deg, north_east.north_deg) == (cell.east_deg, cell.north_deg)
    assert (south_west.east_deg, south_west.north_deg) == (north_east.west_deg, north_east.south_deg)
    # Halving is exact: all four children have the same size to the last bit.
    assert south_west.width_deg == north_east.width_deg == cell.width_deg / 2
    assert south_west.height_deg == north_east.height_deg == cell.height_deg / 2


def test_y_counts_north() -> None:
    root = RootCell.enclosing(MONACO)
    south, north = root.cell_bounds(1, 0, 0), root.cell_bounds(1, 0, 1)
    assert south.south_deg == root.south_deg
    assert north.south_deg == south.north_deg
    np.testing.assert_array_equal(root.quantise([7.41, 7.45], [43.70, 43.75], 1), [[0, 1], [0, 1]])


def test_root_hugs_its_bounds() -> None:
    root = RootCell.enclosing(MONACO)
    assert root == RootCell.enclosing(MONACO)
    assert MONACO.width_deg < root.side_deg < MONACO.width_deg + 2e-5
    assert root.bounds.centre == pytest.approx(MONACO.centre, abs=2e-6)


def test_points_outside_go_to_the_nearest_cell() -> None:
    root = RootCell(100.0, 20.0, 1.0)
    x, y = root.quantise([99.0, 102.0, 101.0], [19.0, 22.0, 21.0], 3)
    np.testing.assert_array_equal(x, [0, 7, 7])
    np.testing.assert_array_equal(y, [0, 7, 7])
    assert [part.shape for part in root.quantise([], [], 3)] == [(0,), (0,)]


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(-180, -90, -179.9, -89.9),
        Bounds(179.9, 89.9, 180, 90),
        Bounds(7, 43, 7, 43),
        Bounds(-180, -60, -60, 60),
    ],
)
def test_edges_of_the_globe_and_single_points(bounds: Bounds) -> None:
    assert RootCell.enclosing(bounds).bounds.contains(bounds)


def test_too_large_is_refused() -> None:
    with pytest.raises(BoundsError, match="less than 127 degrees"):
        RootCell.enclosing(Bounds(-180, -60, 10, 60))


@pytest.mark.parametrize("numbers", [(7, 43, 0), (7, 43, -1), (7, 43, float("nan")), (179.5, 43, 1)])
def test_impossible_roots_are_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(BoundsError):
        RootCell(*numbers)


@pytest.mark.parametrize("cell", [(0, 1, 0), (2, 0, 4), (2, -1, 0), (-1, 0, 0), (MAX_LEVEL + 1, 0, 0)])
def test_cells_that_do_not_exist_are_refused(cell: tuple[int, int, int]) -> None:
    with pytest.raises(BoundsError):
        RootCell(100.0, 20.0, 1.0).cell_bounds(*cell)


def test_levels_that_do_not_exist_are_refused() -> None:
    with pytest.raises(BoundsError, match="level=26"):
        RootCell(100.0, 20.0, 1.0).quantise(100.5, 20.5, 26)
