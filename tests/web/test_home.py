import math

import pytest

from shancheng.geo.bounds import Bounds
from shancheng.web.home import default_home


def test_the_first_view_looks_at_the_middle_of_the_extent_from_above() -> None:
    home = default_home(Bounds(7.40, 43.72, 7.44, 43.76), 60.0)
    assert (home.lon, home.lat, home.ellipsoidal_height_m) == pytest.approx((7.42, 43.74, 60.0))
    assert home.pitch_deg < 0


def test_the_distance_grows_with_the_extent_and_is_never_zero() -> None:
    small = default_home(Bounds(7.40, 43.72, 7.44, 43.76), 0.0)
    large = default_home(Bounds(7.38, 43.70, 7.46, 43.78), 0.0)
    point = default_home(Bounds(7.4, 43.7, 7.4, 43.7), 0.0)
    assert large.distance_m == pytest.approx(2 * small.distance_m, rel=1e-3)
    assert point.distance_m > 0


def test_metres_of_longitude_shrink_towards_the_pole() -> None:
    home = default_home(Bounds(0, 59.99, 1, 60.01), 0.0)
    expected_m = 0.9 * math.hypot(111_320 * 0.5, 111_320 * 0.02)
    assert home.distance_m == pytest.approx(expected_m, rel=0.01)
