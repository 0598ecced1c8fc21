import numpy as np
import pytest

from shancheng.errors import UnknownCRSError
from shancheng.geo import crs


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
