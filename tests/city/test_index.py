import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city import geoparquet, index_files
from shancheng.city.create import create_city
from shancheng.city.index import Hit, build_indices, fold, search
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData
from shancheng.city.store import City
from shancheng.city.writing import write_layer

Make = Callable[..., pa.Table]


def found(hits: list[Hit]) -> list[str]:
    return [hit.local_id for hit in hits]


@pytest.fixture
def named_city(tmp_path: Path, town: Callable[..., None], city_data: CityData, buildings: Make) -> City:
    table = buildings(
        ["b1", "b2", "b3", "b4", "b5", "b6"],
        name=["Odéon", "Tour Odéon", "Odéon Park Hotel", "解放碑步行街", None, "Liberation"],
        name_en=[None, None, None, "Liberation Monument Street", None, None],
    )
    landmark = layer_table(
        "landmarks", id=["l1"], geometry=shapely.points([[106.5, 29.5]]), kind="tower", name="解放碑",
        name_en="Liberation Monument", provenance="approximate", height_m=27.5, rank=2,
    )  # fmt: skip
    road = layer_table(
        "roads", id=["r1"], geometry=[shapely.LineString([(106.5, 29.5), (106.51, 29.5), (106.51, 29.51)])],
        kind="primary", name="滨江路", provenance="surveyed", width_m=9, layer=0,
        bridge=np.array([False]), tunnel=np.array([False]),
    )  # fmt: skip
    layers = {**city_data.layers, "buildings": table, "landmarks": landmark, "roads": road}
    source = city_data.layer_sources["buildings"]
    town(replace(city_data, layers=layers, layer_sources=dict.fromkeys(layers, source)))
    return create_city(tmp_path, "town")[0]


def test_a_whole_match_goes_before_a_beginning_and_that_before_a_part(named_city: City) -> None:
    hits = search(named_city, "odeon")
    assert found(hits) == ["b1", "b3", "b2"]
    assert [hit.rank for hit in hits] == [0, 1, 2]
    assert hits[0] == Hit(
        "urn:shancheng:town:buildings:b1", "buildings", "b1", "house", "Odéon", None,
        pytest.approx(106.50025), pytest.approx(29.50025), 9.0, 0,
    )  # fmt: skip


def test_both_languages_and_the_prominent_layer_first(named_city: City) -> None:
    assert found(search(named_city, "解放碑")) == ["l1", "b4"]
    assert found(search(named_city, "liberation")) == ["b6", "l1", "b4"]
    assert found(search(named_city, "LIBERATION MONUMENT")) == ["l1", "b4"]
    assert found(search(named_city, "ＣＨＯＮＧＱＩＮＧ")) == ["p1"]
    assert search(named_city, "liberation m", 1)[0].height_m == 27.5


def test_by_id_and_by_urn(named_city: City) -> None:
    assert found(search(named_city, "b5")) == ["b5"]
    assert found(search(named_city, "urn:shancheng:town:buildings:b5")) == ["b5"]
    for other in (
        "urn:shancheng:other:buildings:b5",
        "urn:shancheng:town:rail:b5",
        "urn:shancheng:",
        "urn:x",
    ):
        assert search(named_city, other) == []


def test_what_finds_nothing(named_city: City) -> None:
    for query in ("", "   ", "\x1f", "\n", "no such thing", "x" * 10_000, "%", "*", "\\"):
        assert search(named_city, query) == [], repr(query)
    assert search(named_city, "odeon", 0) == []


def test_no_query_reaches_from_one_field_into_the_next(named_city: City) -> None:
    assert search(named_city, "Odéon\x1fb1") == []
    assert search(named_city, "odeonb1") == []


def test_a_line_is_found_at_its_middle_on_itself(named_city: City) -> None:
    (hit,) = search(named_city, "滨江路")
    line = shapely.LineString([(106.5, 29.5), (106.51, 29.5), (106.51, 29.51)])
    assert line.distance(shapely.Point(hit.lon, hit.lat)) < 1e-9
    assert (hit.lon, hit.lat) == pytest.approx((106.51, 29.5))


def test_folding() -> None:
    assert fold("Odéon ＡＢＣ ﬁ") == "odeon abc fi"
    assert fold("山城") == "山城"


def test_the_index_follows_a_new_version(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder, write=True) as city:
        path = city.index_path("buildings")
        before = path.read_bytes()
        assert found(search(city, "tower")) == []
        write_layer(city, "buildings", buildings(["t1"], name=["Tower"]), city.manifest.layers["buildings"])
        assert found(search(city, "tower")) == ["t1"]
        assert path.read_bytes() != before
        made = path.read_bytes()
        build_indices(city)
        assert path.read_bytes() == made


@pytest.mark.parametrize("damage", [None, b"", b"no arrow file", "other"])
def test_a_missing_or_damaged_index_is_made_again(town_folder: Path, damage: bytes | str | None) -> None:
    path = town_folder / "layers" / ".index" / "buildings.arrow"
    good = path.read_bytes()
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage if isinstance(damage, bytes) else (path.parent / "places.arrow").read_bytes())
    with City.open(town_folder, write=False) as city:
        assert found(search(city, "house h2")) == ["h2"]
        assert not path.exists() or path.read_bytes() != good
    with City.open(town_folder, write=True) as city:
        assert found(search(city, "house h2")) == ["h2"]
        assert path.read_bytes() == good


def test_threads_may_search_together(named_city: City) -> None:
    results: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: results.append(found(search(named_city, "odeon")))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [["b1", "b3", "b2"]] * 8


def test_the_index_does_not_depend_on_how_the_layer_is_cut(
    town_folder: Path, buildings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"h{number:02}" for number in range(40)]
    names = [f"Name {'x' * (number % 7)}" if number % 3 == 0 else None for number in range(40)]
    found = []
    for rows in (100, 7):
        monkeypatch.setattr(geoparquet, "ROW_GROUP_ROWS", rows)
        table = buildings(ids, name=names, levels=[rows] * 40)
        with City.open(town_folder, write=True) as city:
            write_layer(city, "buildings", table, city.manifest.layers["buildings"])
            build_indices(city)
            index = index_files.read_index(city, "buildings")
            assert index is not None
            found.append(index.to_pylist())
            assert [hit.local_id for hit in search(city, "h05")] == ["h05"]
    assert found[0] == found[1]
    # The shortest names first, then what has none in the order of ids.
    named = [row["name"] for row in found[0] if row["name"]]
    assert named == sorted(named, key=len)
    assert [row["id"] for row in found[0][len(named) :]] == [
        local_id for local_id, name in zip(ids, names, strict=True) if name is None
    ]
