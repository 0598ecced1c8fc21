"""Bridges: over their river, from land to land, with decks and towers where they belong."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.bridge_forms import bridge_shell
from shancheng.city.builtin.chongqing.extent import GRID
from shancheng.city.builtin.chongqing.roads import bridge_axis
from shancheng.city.builtin.chongqing.shells import Shell
from shancheng.city.builtin.chongqing.tables import Bridge, read_table

BRIDGES = read_table("bridges.csv", Bridge)


@pytest.fixture(scope="module")
def shells(chongqing: Any) -> dict[str, Shell]:
    elevation = chongqing.data.terrain.raster.values
    water = chongqing.water
    return {b.id: bridge_shell(b, water, lambda xy: GRID.sample(elevation, xy)) for b in BRIDGES}


def test_at_least_twenty_five_named_in_both_languages_with_source_and_accuracy(chongqing: Any) -> None:
    layer = chongqing.layers["bridges"]

    assert len(BRIDGES) == len({bridge.id for bridge in BRIDGES}) == len(layer["id"]) >= 25
    for bridge in BRIDGES:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in bridge.name), bridge.id
        assert bridge.name_en.isascii(), bridge.id
        assert bridge.source, bridge.id
        assert 0 < bridge.accuracy_m <= 1000, bridge.id
    assert set(layer["provenance"]) == {"approximate"}


def test_every_bridge_crosses_its_river_from_land_to_land(chongqing: Any) -> None:
    water = chongqing.layers["water"]
    surface = dict(zip(water["id"], water.shapes, strict=True))
    for bridge in BRIDGES:
        axis = shapely.linestrings(bridge_axis(bridge))
        wet = shapely.intersection(axis, surface[bridge.river])

        assert 200 < shapely.length(wet) < 1000, bridge.id
        assert shapely.distance(chongqing.water, shapely.points(bridge_axis(bridge))).min() > 50, bridge.id


def test_roads_over_bridges_meet_the_ground_at_their_ends(chongqing: Any) -> None:
    elevation = chongqing.data.terrain.raster.values
    for bridge in BRIDGES:
        if "road" in bridge.carries.split():
            ends = GRID.sample(elevation, bridge_axis(bridge))
            assert np.abs(ends - bridge.deck_elevation_m).max() < 30, (bridge.id, ends)


def test_what_a_bridge_carries_is_one_of_three(chongqing: Any) -> None:
    roads = set(chongqing.layers["roads"]["id"])
    for bridge in BRIDGES:
        carries = set(bridge.carries.split())
        assert carries, bridge.id
        assert carries <= {"road", "rail", "railway"}, bridge.id
        assert ("rail" in carries) == (bridge.rail_elevation_m is not None), bridge.id
        assert (f"{bridge.id}_deck" in roads) == ("road" in carries), bridge.id


def test_towers_stand_where_the_kind_of_bridge_has_them() -> None:
    for bridge in BRIDGES:
        hung = bridge.kind in ("cable_stayed", "suspension")
        assert (bridge.towers > 0) == hung, bridge.id
        assert (bridge.tower_height_m is not None) == (hung or bridge.kind == "arch"), bridge.id


def test_solids_are_closed_and_look_outward(shells: dict[str, Shell], shell_facts: Any) -> None:
    for bridge_id, shell in shells.items():
        facts = shell_facts(shell)
        assert facts.open_edges == 0, bridge_id
        assert facts.signed_volume_m3 > 1000, bridge_id
        assert facts.triangles <= 2000, bridge_id


def test_towers_and_arches_reach_their_height_above_the_deck(shells: dict[str, Shell]) -> None:
    for bridge in BRIDGES:
        top = bridge.deck_elevation_m + (bridge.tower_height_m or 0.0)
        assert shells[bridge.id].highest_m == pytest.approx(top, abs=1.0), bridge.id


def test_piers_and_towers_stand_on_the_ground(chongqing: Any, shells: dict[str, Shell]) -> None:
    elevation = chongqing.data.terrain.raster.values
    for bridge in BRIDGES:
        points = np.concatenate(shells[bridge.id].faces)
        below = points[points[:, 2] < bridge.deck_elevation_m - 14.0]
        lowest = points[np.argmin(points[:, 2])]
        assert len(below) or bridge.main_span_m > 600, bridge.id
        assert lowest[2] < GRID.sample(elevation, lowest[None, :2])[0], bridge.id


def test_towers_rise_at_the_ends_of_the_main_span(shells: dict[str, Shell]) -> None:
    egongyan = next(bridge for bridge in BRIDGES if bridge.id == "egongyan")
    points = np.concatenate(shells["egongyan"].faces)
    a, b = bridge_axis(egongyan)
    high = points[points[:, 2] > egongyan.deck_elevation_m + 0.9 * 95.0][:, :2]
    way = (high - a) @ (b - a) / np.hypot(*(b - a))

    assert np.ptp(way) == pytest.approx(600, abs=10)


def test_layer_holds_the_solids(chongqing: Any) -> None:
    layer = chongqing.layers["bridges"]
    for wkb, surfaces in zip(layer["lod2_geometry"], layer["lod2_semantics"], strict=True):
        solid = shapely.from_wkb(wkb)
        assert solid.geom_type == "MultiPolygon"
        assert solid.has_z
        assert len(solid.geoms) == len(surfaces)
    assert set(layer["lod"]) == {"2.0"}
