"""The built-in city passes the check that any city can be put to."""

from pathlib import Path

import pytest

from shancheng.city.check.run import check_city
from shancheng.city.store import City

pytestmark = [pytest.mark.slow]


def test_chongqing_passes_its_own_check(chongqing_home: Path) -> None:
    with City.open(chongqing_home / "chongqing", write=False) as city:
        report = check_city(city)
    assert [entry for entry in report.answers if not entry.passed] == []
    answers = {(entry.check, entry.layer): entry for entry in report.answers}
    assert answers["in_water", "buildings"].found == 0
    assert answers["stations_far", "rail_stations"].found == 0
    assert answers["bridges_dry", "bridges"].found == 0
    assert answers["overlapping", "buildings"].looked_at > 150_000
