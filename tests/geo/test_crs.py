import numpy as np
import pytest

from shancheng.errors import UnknownCRSError
from shancheng.geo import crs
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import system


def test_known_point_of_the_swiss_grid() -> None:
    # swisstopo: the old observatory in Bern is the origin, E 2600000 N 1200000.
    lon, lat = crs.to_lonlat("EPSG:2056", 2_600_000.0, 1_200_000.0)
    assert float(lon) == pytest.approx(7.438632, abs=1e-5)
    assert float(lat) == pytest.approx(46.951083, abs=1e-5)


def test_longitude_comes_first_whatever_the_authority_says() -> None:
    for name in ("EPSG:4326", "OGC:CRS84", 4326):
        np.testing.assert_allclose(crs.to_lonlat(name, 106.5, 29.5), (106.5, 29.5))


def test_round_trip_through_utm() -> None:
    lon, lat = np.array([105.9, 106.5, 107.1]), np.array([29.1, 29.5, 29.9])
    x, y = crs.from_lonlat("EPSG:32648", lon, lat)
    assert (x > 500_000).all()
    np.testing.assert_allclose(crs.to_lonlat("EPSG:32648", x, y), (lon, lat), rtol=0, atol=1e-10)


def test_compound_systems_use_their_horizontal_part() -> None:
    # CityJSON of the Netherlands: RD + NAP.
    lon, lat = crs.to_lonlat("EPSG:7415", 84_500.0, 447_500.0)
    assert float(lon) == pytest.approx(4.36, abs=0.02)
    assert float(lat) == pytest.approx(52.01, abs=0.02)


@pytest.mark.parametrize("name", ["EPSG:999999", "Atlantis 1950", "", -5])
def test_unknown_systems_are_named(name: str | int) -> None:
    with pytest.raises(UnknownCRSError, match=f"crs={name!r}"):
        crs.to_lonlat(name, 0.0, 0.0)


def test_no_answer_is_nan() -> None:
    lon, lat = crs.to_lonlat("EPSG:32648", [500_000.0, np.inf], [3_000_000.0, 0.0])
    assert np.isfinite([lon[0], lat[0]]).all()
    assert np.isnan([lon[1], lat[1]]).all()
    assert [part.shape for part in crs.to_lonlat(4326, [], [])] == [(0,), (0,)]


def test_a_compound_system_is_taken_apart() -> None:
    dutch = crs.space_system("EPSG:7415")
    assert (dutch.vertical, dutch.ellipsoidal, dutch.north_first) == ("NAP height", False, False)
    lon, lat = crs.to_lonlat(dutch.horizontal, 84_500.0, 447_500.0)
    assert (float(lon), float(lat)) == pytest.approx((4.36, 52.01), abs=0.02)
    assert dutch.area is not None
    assert 3 < dutch.area.west_deg < dutch.area.east_deg < 8


def test_which_axis_comes_first_is_the_authoritys_word() -> None:
    assert crs.space_system("EPSG:6697").north_first
    assert crs.space_system("EPSG:31468").north_first
    assert not crs.space_system("EPSG:25832").north_first
    assert not crs.space_system("OGC:CRS84").north_first


def test_heights_have_a_surface_and_a_unit() -> None:
    assert crs.space_system("EPSG:4979").ellipsoidal
    texan = crs.space_system("EPSG:2276+6360")
    assert texan.vertical == "NAVD88 height (ftUS)"
    assert texan.height_to_m == pytest.approx(1200 / 3937)
    plain = crs.space_system("EPSG:2276")
    assert (plain.vertical, plain.ellipsoidal, plain.height_to_m) == ("", False, 1.0)
    assert crs.space_system("EPSG:4326+5831").height_to_m < 0


@pytest.mark.parametrize("name", ["EPSG:4978", "EPSG:5773"])
def test_systems_without_a_place_on_the_ground_are_refused(name: str) -> None:
    with pytest.raises(UnknownCRSError, match="needed: a projected or geographic system"):
        crs.space_system(name)


@pytest.mark.parametrize(
    ("name", "in_degrees", "is_lonlat"),
    [
        ("OGC:CRS84", True, True),
        ("EPSG:4326", True, True),
        ("EPSG:4979", True, True),
        ("EPSG:4490", True, False),
        ("EPSG:4807", False, False),  # Paris, in grads
        ("EPSG:2056", False, False),
        ("EPSG:7415", False, False),  # a plane and a height
        ("EPSG:3857", False, False),
    ],
)
def test_facts_of_systems(name: str, in_degrees: bool, is_lonlat: bool) -> None:  # noqa: FBT001
    facts = system(name)
    assert (facts.name, facts.in_degrees, facts.is_lonlat) == (name, in_degrees, is_lonlat)
    assert facts.area is not None


def test_the_area_of_a_system() -> None:
    assert system("EPSG:2056").area == Bounds(5.96, 45.82, 10.49, 47.81)
    assert system("+proj=utm +zone=48 +datum=WGS84").area is None


@pytest.mark.parametrize("name", ["EPSG:4978", 'LOCAL_CS["plan",UNIT["m",1]]', "nothing"])
def test_systems_without_x_and_y_on_the_ground(name: str) -> None:
    with pytest.raises(UnknownCRSError, match="crs="):
        system(name)
