import json
from pathlib import Path

from shancheng.city.describe import describe
from shancheng.city.store import City


def test_a_city_is_described_in_plain_values(town_folder: Path) -> None:
    with City.open(town_folder) as city:
        known = describe(city)
    assert json.loads(json.dumps(known)) == known
    assert (known["name"], known["title"]) == ("town", {"zh": "镇", "en": "Town"})
    assert known["extent"] == [106.495, 29.495, 106.505, 29.505]
    assert known["home"] is None
    assert known["created"]["builtin"] == "town"
    assert known["terrain"]["licence"] == "CC0-1.0"
    assert (known["terrain"]["lowest_m"], known["terrain"]["highest_m"]) == (0.0, 399.0)
    buildings, places = known["layers"]
    assert (buildings["name"], buildings["count"], buildings["version"]) == ("buildings", 3, 1)
    assert buildings["provenance"] == {"surveyed": 0, "approximate": 0, "modelled": 3}
    assert buildings["height_provenance"] == {"surveyed": 0, "approximate": 0, "modelled": 3}
    assert places["provenance"] == {"surveyed": 1, "approximate": 0, "modelled": 0}
    assert (places["licence"], places["attribution"]) == ("CC0-1.0", "nobody")
    assert known["set_aside"] == 0
