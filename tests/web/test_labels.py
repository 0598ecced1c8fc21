from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city.schema import layer_table
from shancheng.geo.geoid import undulation_m
from shancheng.web.labels import MAX_LABELS, best_labels, labels_of_layer
from shancheng.web.models import Label


def ground(lon: Any, lat: Any) -> Any:
    return np.full(np.shape(lon), 200.0) + 0 * lat


def table(layer: str, geometry: list[Any], **columns: Any) -> pa.Table:
    common = {
        "id": [f"x{number}" for number in range(len(geometry))],
        "kind": "thing",
        "provenance": "approximate",
        **columns,
    }
    return layer_table(layer, geometry=geometry, **common)


def labels(layer: str, layer_rows: pa.Table) -> list[Label]:
    return labels_of_layer(f"urn:shancheng:test:{layer}:", layer, layer_rows, ground)


def test_a_landmark_is_labelled_at_its_top() -> None:
    rows = table("landmarks", [shapely.Point(106.58, 29.56)], name=["来福士"], height_m=[354.5], rank=[1])
    (label,) = labels("landmarks", rows)
    assert label.id == "urn:shancheng:test:landmarks:x0"
    assert (label.lon, label.lat) == pytest.approx((106.58, 29.56))
    assert label.ellipsoidal_height_m == pytest.approx(554.5)
    assert (label.name, label.rank) == ("来福士", 1)


def test_an_area_is_labelled_within_itself() -> None:
    crescent = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4), (0, 3), (3, 3), (3, 1), (0, 1)])
    (label,) = labels("districts", table("districts", [crescent], name=["渝中"]))
    assert crescent.contains(shapely.Point(label.lon, label.lat))
    assert label.ellipsoidal_height_m == pytest.approx(200.0)


def test_a_bridge_is_labelled_in_its_middle_above_deck_and_tower() -> None:
    deck = shapely.LineString([(106.0, 29.0), (106.01, 29.0), (106.04, 29.0)])
    rows = table("bridges", [deck], name=["大桥"], deck_elevation_m=[250.0], tower_height_m=[100.0])
    (label,) = labels("bridges", rows)
    assert (label.lon, label.lat) == pytest.approx((106.02, 29.0))
    assert label.ellipsoidal_height_m == pytest.approx(350.0 + float(undulation_m(106.02, 29.0)))


def test_a_bridge_of_unknown_height_is_labelled_on_the_ground() -> None:
    (label,) = labels("bridges", table("bridges", [shapely.LineString([(0, 0), (1, 0)])], name=["桥"]))
    assert label.ellipsoidal_height_m == pytest.approx(200.0)


def test_what_has_no_name_has_no_label() -> None:
    points = [shapely.Point(0, 0), shapely.Point(1, 1), shapely.Point(2, 2)]
    rows = table("places", points, name=[None, "甲", ""], name_en=[None, None, "B"], rank=1)
    assert [(label.name, label.name_en) for label in labels("places", rows)] == [("甲", None), ("", "B")]


def test_an_empty_layer_has_no_labels() -> None:
    assert labels("places", table("places", [shapely.Point(0, 0)], rank=1)[:0]) == []


def test_the_best_known_come_first_and_not_too_many() -> None:
    points = [shapely.Point(x / 1000, 0) for x in range(MAX_LABELS + 100)]
    rows = table("places", points, name="甲", rank=[number % 7 + 1 for number in range(len(points))])
    best = best_labels(labels("places", rows))
    assert len(best) == MAX_LABELS
    assert [label.rank for label in best] == sorted(label.rank for label in best)
    assert best[0].rank == 1
