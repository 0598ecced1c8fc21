import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.errors import BoundsError
from shancheng.geo.bounds import Bounds


@st.composite
def some_bounds(draw: st.DrawFn) -> Bounds:
    west, east = sorted(draw(st.tuples(st.floats(-180, 180), st.floats(-180, 180))))
    south, north = sorted(draw(st.tuples(st.floats(-90, 90), st.floats(-90, 90))))
    return Bounds(west, south, east, north)


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 181.0, -180.5])
def test_numbers_outside_the_globe_are_refused(position: int, bad: float) -> None:
    numbers = [7.0, 43.0, 8.0, 44.0]
    numbers[position] = bad
    name = ("west", "south", "east", "north")[position]
    with pytest.raises(BoundsError, match=f"{name}={bad}"):
        Bounds(*numbers)


def test_latitude_has_its_own_limit() -> None:
    with pytest.raises(BoundsError, match=r"north=90\.1: must be a number from -90 to 90"):
        Bounds(7, 43, 8, 90.1)


def test_reversed_latitudes_are_refused() -> None:
    with pytest.raises(BoundsError, match="south=44, north=43"):
        Bounds(7, 44, 8, 43)


def test_crossing_the_antimeridian_is_named() -> None:
    with pytest.raises(BoundsError, match=r"west=179\.5, east=-179\.5.*antimeridian"):
        Bounds(179.5, -17, -179.5, -16)


def test_whole_globe_and_single_point_are_bounds() -> None:
    assert Bounds(-180, -90, 180, 90).centre == (0, 0)
    point = Bounds(7, 43, 7, 43)
    assert (point.width_deg, point.height_deg) == (0, 0)
    assert point.intersects(point)


def test_expanded_stops_at_the_globes_edges() -> None:
    assert Bounds(7, 43, 8, 44).expanded(0.5) == Bounds(6.5, 42.5, 8.5, 44.5)
    assert Bounds(-179.9, 89, 179.9, 90).expanded(1) == Bounds(-180, 88, 180, 90)
    with pytest.raises(BoundsError, match="west="):
        Bounds(7, 43, 8, 44).expanded(-1)


@given(some_bounds(), some_bounds())
def test_contains_and_intersects_agree(a: Bounds, b: Bounds) -> None:
    assert a.contains(a)
    assert a.intersects(b) == b.intersects(a)
    if a.contains(b):
        assert a.intersects(b)
        if b.contains(a):
            assert a == b


@given(some_bounds(), st.floats(0, 5))
def test_expanded_contains(bounds: Bounds, margin: float) -> None:
    assert bounds.expanded(margin).contains(bounds)


def test_edges_count_for_contains_and_intersects() -> None:
    left, right = Bounds(7, 43, 8, 44), Bounds(8, 43, 9, 44)
    assert left.intersects(right)
    assert not left.contains(right)
    assert not left.intersects(Bounds(8.001, 43, 9, 44))
    assert not left.intersects(Bounds(7, 44.001, 8, 45))
    assert Bounds(7, 43, 9, 44).contains(right)
