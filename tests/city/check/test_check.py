import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from plain_town import GROUND_M, at, box, houses, ways

from shancheng.city import create
from shancheng.city.check.base import Answer
from shancheng.city.check.run import check_city, write_report
from shancheng.city.schema import layer_table
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell

Found = Callable[..., Answer]


def ids(answer: Answer) -> list[str]:
    return [entry.id.rpartition(":")[2] for entry in answer.examples]


def solid(east_m: float, north_m: float, low_m: float, high_m: float) -> bytes:
    """An upright wall; elevations above the geoid."""
    (w, s), (e, _) = at(east_m, north_m), at(east_m + 20, north_m)
    shift = float(undulation_m([w], [s])[0])
    ring = [(w, s, low_m + shift), (e, s, low_m + shift), (e, s, high_m + shift), (w, s, high_m + shift)]
    return bytes(
        shapely.to_wkb(shapely.multipolygons([shapely.Polygon(ring)]), output_dimension=3, flavor="iso")
    )


def test_a_good_town_passes_and_every_check_says_how_many_it_looked_at(report: Any) -> None:
    answer = report(
        buildings=houses([box(0, 0), box(40, 0)]), roads=ways("roads", [line((0, -20), (90, -20))])
    )
    assert answer.passed
    assert all(entry.found == 0 for entry in answer.answers)
    assert {entry.check: entry.looked_at for entry in answer.answers if entry.layer == "buildings"} == {
        "broken": 2, "overlapping": 2, "floating": 2, "sunk": 2, "in_water": 0, "height_missing": 2,
        "height_absurd": 2, "orphans": 2, "duplicate_ids": 2, "outside": 2, "duplicate_shapes": 2,
    }  # fmt: skip
    in_water = next(entry for entry in answer.answers if entry.check == "in_water")
    assert in_water.skipped == {"the city has no water layer": 2}


def line(*metres: tuple[float, float]) -> Any:
    return shapely.LineString([at(*place) for place in metres])


# Buildings


def test_overlapping_buildings_are_counted_once_a_pair_and_the_worst_comes_first(found: Found) -> None:
    shapes = [box(0, 0), box(15, 0), box(100, 0), box(101, 1), box(200, 0), box(220, 0), box(300, 0)]
    answer = found("overlapping", buildings=houses(shapes))
    assert ids(answer) == ["h3", "h1"]
    assert answer.found == 2
    assert "90% (361 m²) lies in h2" in answer.examples[0].text
    assert not answer.passed


def test_what_lies_above_or_belongs_together_does_not_overlap(found: Found) -> None:
    shapes = [box(0, 0), box(0, 0), box(5, 5, 5, 5), box(100, 0), box(100, 0)]
    answer = found(
        "overlapping",
        buildings=houses(
            shapes,
            parent_id=[None, "h0", "h0", None, None],
            height_m=[9.0, 9.0, 20.0, 9.0, 18.0],
            min_height_m=[0.0, 0.0, 0.0, 0.0, 9.0],
        ),
    )
    assert answer.found == 0
    assert answer.skipped == {"drawn by its parts": 1, "pairs of parts of one building": 1}


def test_broken_outlines_say_how_they_are_drawn(found: Found) -> None:
    bow = shapely.Polygon([at(0, 0), at(20, 20), at(20, 0), at(0, 20)])
    flat = shapely.Polygon([at(50, 0), at(60, 0), at(70, 0)])
    answer = found("broken", buildings=houses([bow, box(100, 0), flat]))
    assert set(ids(answer)) == {"h0", "h2"}
    texts = {entry.id[-2:]: entry.text for entry in answer.examples}
    assert texts["h0"].startswith("Self-intersection: drawn as 2 valid part(s) of 2")
    assert texts["h2"].endswith("has no area, is not drawn")
    assert answer.figures == {"without_area": 1.0}


def test_floating_parts_and_solids(found: Found) -> None:
    shapes = [box(0, 0), box(0, 0, 10, 10), box(100, 0), box(200, 0), box(300, 0), box(400, 0)]
    answer = found(
        "floating",
        buildings=houses(
            shapes,
            kind=["house", "house", "house", "roof", "house", "house"],
            height_m=[9.0, 20.0, 20.0, 20.0, 9.0, 9.0],
            min_height_m=[0.0, 9.0, 9.0, 9.0, 0.0, 0.0],
            lod2_geometry=[
                None, None, None, None,
                solid(300, 0, GROUND_M + 5, GROUND_M + 14), solid(400, 0, GROUND_M - 1, GROUND_M + 9),
            ],
        ),
    )  # fmt: skip
    assert ids(answer) == ["h2", "h4"]
    assert [entry.text for entry in answer.examples] == [
        "9.0 m above what is below it",
        "5.0 m above what is below it",
    ]
    assert answer.skipped["roofs, bridges and storeys"] == 1


def test_sunk_buildings(found: Found) -> None:
    # On the steep ground a storey of three metres disappears over a length of forty.
    shapes = [box(0, 0, 40, 10), box(0, 50, 4, 10), box(100, 0)]
    answer = found(
        "sunk", steep=True,
        buildings=houses(
            shapes, height_m=[3.0, 3.0, 30.0],
            lod2_geometry=[None, None, solid(100, 0, GROUND_M + 300, GROUND_M + 320)],
        ),
    )  # fmt: skip
    assert ids(answer) == ["h2", "h0"]
    assert "of its roof" not in answer.examples[1].text
    assert "its roof lies 5." in answer.examples[1].text


def test_buildings_in_water(found: Found) -> None:
    water = layer_table(
        "water", geometry=[box(0, 0, 100, 100)], id=["r"], kind="river", provenance="surveyed"
    )
    answer = found(
        "in_water", water=water,
        buildings=houses(
            [box(10, 10), box(-10, 10), box(-19, 50), box(50, 50), box(200, 0)],
            kind=["house", "house", "house", "houseboat", "house"],
        ),
    )  # fmt: skip
    assert ids(answer) == ["h0", "h1"]
    assert [entry.text for entry in answer.examples] == [
        "100% of it lies in water",
        "50% of it lies in water",
    ]
    assert answer.skipped == {"boats, piers and bridges": 1}


def test_heights_that_are_missing_or_cannot_be(found: Found) -> None:
    table = houses(
        [box(40 * row, 0) for row in range(6)],
        height_m=[9.0, 0.4, 900.0, 60.0, 9.0, 6.0],
        levels=[3, None, None, 3, 30, None],
        height_provenance=["modelled", "surveyed", "surveyed", "surveyed", "surveyed", "surveyed"],
    )
    missing = found("height_missing", buildings=table)
    assert (ids(missing), missing.passed) == (["h0"], True)
    absurd = found("height_absurd", buildings=table)
    assert ids(absurd) == ["h1", "h2", "h3", "h4"]
    assert absurd.examples[2].text == "60.0 m from 0.0 m, 3 levels of 20.0 m"


def test_parts_without_their_building(found: Found) -> None:
    answer = found("orphans", buildings=houses([box(0, 0), box(0, 0)], parent_id=["gone", "h0"]))
    assert ids(answer) == ["h0"]


# Ways


def test_ways_off_the_ground(found: Found) -> None:
    shapes = [line((0, 30 * row), (90, 30 * row)) for row in range(5)]
    table = ways(
        "roads", shapes,
        bridge=[False, False, True, False, False],
        elevations_m=[None, [GROUND_M, GROUND_M + 9], [GROUND_M + 9] * 2, [GROUND_M + 1] * 2, [GROUND_M] * 3],
    )  # fmt: skip
    answer = found("roads_off_ground", buildings=houses([box(500, 0)]), roads=table)
    assert ids(answer) == ["w4", "w1"]
    assert (answer.looked_at, answer.figures["draped_onto_the_ground"]) == (4, 1.0)
    assert answer.skipped == {"bridges, tunnels and levels": 1}


def test_ways_in_water(found: Found) -> None:
    water = layer_table(
        "water", geometry=[box(0, 0, 100, 100)], id=["r"], kind="river", provenance="surveyed"
    )
    shapes = [line((-50, 50), (150, 50)), line((-50, 50), (150, 50)), line((-50, 10), (20, 10))]
    table = ways("roads", shapes, bridge=[False, True, False])
    answer = found("roads_in_water", buildings=houses([box(500, 0)]), roads=table, water=water)
    assert [entry.text for entry in answer.examples] == ["100 m of it lie in water"]
    assert answer.skipped == {"bridges, tunnels and levels": 1}


def test_stations_and_bridges(report: Any) -> None:
    rail = ways("rail", [line((0, 0), (900, 0))], kind="subway")
    stations = layer_table(
        "rail_stations", geometry=shapely.points([at(100, 100), at(300, 400)]), id=["s0", "s1"],
        kind="subway", provenance="surveyed",
    )  # fmt: skip
    bridges = layer_table(
        "bridges", geometry=[line((0, 0), (50, 0)), line((0, 500), (50, 500))], id=["b0", "b1"],
        kind="beam", provenance="surveyed",
    )  # fmt: skip
    water = layer_table(
        "water", geometry=[box(10, -10, 20, 20)], id=["r"], kind="river", provenance="surveyed"
    )
    answers = {
        entry.check: entry
        for entry in report(rail=rail, rail_stations=stations, bridges=bridges, water=water).answers
    }
    assert [entry.text for entry in answers["stations_far"].examples] == ["400 m away"]
    assert ids(answers["bridges_dry"]) == ["b1"]


# Every layer


def test_equal_shapes_and_what_lies_outside(found: Found) -> None:
    root = RootCell(106.4, 29.4, 0.25).bounds
    far = shapely.box(root.east_deg + 50, 29.5, root.east_deg + 50.001, 29.501)
    table = houses([box(0, 0), box(0, 0), box(40, 0), far, box(0, 0)], parent_id=[None] * 4 + ["h0"])
    assert ids(found("outside", "buildings", buildings=table)) == ["h3"]
    twins = found("duplicate_shapes", "buildings", buildings=table)
    assert (ids(twins), twins.skipped) == (["h1"], {"parts of buildings": 1})
    assert twins.examples[0].text == "the same as h0"


def test_shares_of_provenance(report: Any) -> None:
    table = houses(
        [box(40 * row, 0) for row in range(4)],
        provenance=["surveyed", "modelled", "modelled", "approximate"],
        accuracy_m=[1.0, None, None, 5.0],
    )
    assert report(buildings=table).provenance["buildings"] == {
        "rows": 4.0, "surveyed": 0.25, "approximate": 0.25, "modelled": 0.5, "accuracy_stated": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_is_a_good_city_too(report: Any, n: int) -> None:
    answer = report(
        buildings=houses([box(0, 0)][:n]), roads=ways("roads", [line((0, 0), (9, 9))][:n]),
        rail=ways("rail", [line((0, 0), (9, 9))][:n]),
        water=layer_table(
            "water", geometry=[box(300, 0)][:n], id=["r"][:n], kind="lake", provenance="surveyed"
        ),
    )  # fmt: skip
    assert answer.passed


def test_the_report_is_a_file_that_programs_read(town_folder: Path) -> None:
    with create.City.open(town_folder, write=False) as city:
        answer = check_city(city)
        path = write_report(city, answer)
    document = json.loads(path.read_bytes())
    assert document["passed"] is answer.passed
    assert {entry["check"] for entry in document["checks"]} == {entry.check for entry in answer.answers}
    assert set(document["versions"]) == {"buildings", "places"}
    assert np.isclose(sum(document["provenance"]["places"][word] for word in ("surveyed", "modelled")), 1)
