"""What the built-in city promises: aggregates, topology, provenance, and the same bytes every time."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import EXTENT, GRID, PLANE
from shancheng.city.builtin.chongqing.recipe import N_BUILDINGS, build
from shancheng.city.builtin.chongqing.roads import bridge_axis
from shancheng.city.builtin.chongqing.tables import Bridge, Landmark, read_districts, read_table
from shancheng.city.builtin.chongqing.terrain import slope
from shancheng.city.schema import LAYERS, validate_layer

SKETCH_M = 0.05
"""Footprints are rounded to a centimetre when they become degrees."""


def _serialised(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _generated(chongqing: Any) -> npt.NDArray[np.bool_]:
    buildings = chongqing.layers["buildings"]
    return np.asarray(buildings["provenance"] == "modelled")


def _is_part(chongqing: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(chongqing.layers["buildings"]["parent_id"] != None)  # noqa: E711 - array


def test_two_builds_are_byte_equal(chongqing: Any) -> None:
    again = build(None)
    assert again.terrain is not None

    assert again.layers.keys() == chongqing.data.layers.keys()
    for name, table in chongqing.data.layers.items():
        assert _serialised(table) == _serialised(again.layers[name]), name
    assert chongqing.data.terrain.raster.values.tobytes() == again.terrain.raster.values.tobytes()


def test_layers_fit_their_schema_and_every_feature_says_where_it_is_from(chongqing: Any) -> None:
    assert chongqing.data.layers.keys() == chongqing.data.layer_sources.keys()
    for name, table in chongqing.data.layers.items():
        assert validate_layer(name, table).schema == LAYERS[name]
        assert table.num_rows > 0, name
        assert table.column("source").null_count == 0, name
        provenance = chongqing.layers[name]["provenance"]
        accuracy = chongqing.layers[name]["accuracy_m"]
        assert all(value is not None for value in accuracy[provenance == "approximate"]), name
        assert chongqing.data.layer_sources[name].licence, name


def test_terrain_names_the_unstated_lineage(chongqing: Any) -> None:
    source = chongqing.data.terrain.source

    assert "lineage is not stated" in source.licence
    assert "meteva" in source.source
    assert source.provenance == "modelled"


def test_exactly_twenty_thousand_generated_buildings(chongqing: Any) -> None:
    assert (_generated(chongqing) & ~_is_part(chongqing)).sum() == N_BUILDINGS == 20_000


def test_floors_and_footprints_spread_as_published(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing) & ~_is_part(chongqing)
    floors = buildings["levels"][generated].astype(float)
    areas = shapely.area(buildings.shapes[generated])

    np.testing.assert_allclose(np.percentile(floors, [25, 50, 75]), [3, 9.5, 18], atol=1.0)
    np.testing.assert_allclose(np.percentile(areas, [25, 50, 75]), [241, 576, 922], rtol=0.06)
    assert floors.max() == 55
    assert floors.min() == 1
    heights = buildings["height_m"][generated].astype(float)
    np.testing.assert_allclose(heights, floors * 3.2, rtol=1e-6)
    assert set(buildings["height_provenance"][generated]) == {"modelled"}


def test_no_building_in_water(chongqing: Any) -> None:
    touching = shapely.intersects(chongqing.layers["buildings"].shapes, chongqing.water)

    assert not touching.any()


def test_no_building_on_a_cliff_or_a_ridge(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing)
    elevation = chongqing.data.terrain.raster.values
    centres = shapely.get_coordinates(shapely.centroid(buildings.shapes[generated]))

    assert GRID.sample(slope(elevation, GRID), centres).max() < np.tan(np.radians(35))
    assert GRID.sample(elevation, centres).max() < 400


def test_buildings_overlap_only_their_own_parts(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    root = np.where(buildings["parent_id"] == None, buildings["id"], buildings["parent_id"])  # noqa: E711 - array
    shrunk = shapely.buffer(buildings.shapes, -SKETCH_M)
    first, second = shapely.STRtree(shrunk).query(shrunk, predicate="intersects")

    strangers = root[first] != root[second]
    assert not strangers.any(), buildings["id"][first[strangers]][:5]


def test_outlines_hold_their_parts_and_are_as_high_as_the_highest(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    row_of = {local_id: row for row, local_id in enumerate(buildings["id"])}
    parts_of: dict[str, list[int]] = {}
    for row, parent in enumerate(buildings["parent_id"]):
        if parent is not None:
            parts_of.setdefault(parent, []).append(row)

    assert len([parent for parent in parts_of if parent.startswith("m")]) == 600
    for parent, parts in parts_of.items():
        outline = row_of[parent]
        whole = shapely.buffer(buildings.shapes[outline], SKETCH_M)
        assert shapely.covers(whole, buildings.shapes[parts]).all(), parent
        assert len(parts) > 1, parent
        assert buildings["height_m"][parts].max() == buildings["height_m"][outline], parent
        assert buildings["parent_id"][outline] is None, parent


def test_no_building_on_a_road_or_under_a_bridge(chongqing: Any) -> None:
    roads = chongqing.layers["roads"]
    strips = shapely.buffer(
        roads.shapes, roads["width_m"].astype(float) / 2 - SKETCH_M, cap_style="flat", quad_segs=2
    )
    hit = shapely.STRtree(chongqing.layers["buildings"].shapes).query(strips, predicate="intersects")

    assert hit.shape[1] == 0, (roads["id"][hit[0]], chongqing.layers["buildings"]["id"][hit[1]])


def test_roads_cross_water_only_on_bridges(chongqing: Any) -> None:
    roads = chongqing.layers["roads"]
    wet = shapely.intersects(roads.shapes, chongqing.water)

    np.testing.assert_array_equal(wet, roads["bridge"].astype(bool))


def test_every_bridge_crosses_its_river_from_land_to_land(chongqing: Any) -> None:
    water = chongqing.layers["water"]
    surface = dict(zip(water["id"], water.shapes, strict=True))
    for bridge in read_table("bridges.csv", Bridge):
        axis = shapely.linestrings(bridge_axis(bridge))
        wet = shapely.intersection(axis, surface[bridge.river])

        assert 200 < shapely.length(wet) < 1000, bridge.id
        assert shapely.distance(chongqing.water, shapely.points(bridge_axis(bridge))).min() > 50, bridge.id


def test_bridges_meet_the_ground_at_their_ends(chongqing: Any) -> None:
    elevation = chongqing.data.terrain.raster.values
    for bridge in read_table("bridges.csv", Bridge):
        ends = GRID.sample(elevation, bridge_axis(bridge))
        assert np.abs(ends - bridge.deck_elevation_m).max() < 30, (bridge.id, ends)


def test_landmarks_stand_in_their_district_and_on_land(chongqing: Any) -> None:
    districts = {district.name: district.geometry for district in read_districts()}
    for mark in read_table("landmarks.csv", Landmark):
        assert shapely.contains_xy(districts[mark.district], mark.lon, mark.lat), mark.id
        at = shapely.points(PLANE.from_lonlat([(mark.lon, mark.lat)])[0])
        assert not shapely.intersects(chongqing.water, at), mark.id


@pytest.mark.parametrize(
    ("local_id", "height_m"),
    [
        ("raffles_t3n", 354.5),
        ("raffles_t4n", 354.5),
        ("wfc_top", 339),
        ("ifs_t1", 316),
        ("yingli_tower", 288),
        ("jiefangbei_top", 27.5),
        ("hongyadong_4", 75),
        ("great_hall_5", 65),
        ("grand_theatre_3", 64),
        ("kansheng_3", 41.4),
    ],
)
def test_known_heights(chongqing: Any, local_id: str, height_m: float) -> None:
    buildings = chongqing.layers["buildings"]
    row = int(np.flatnonzero(buildings["id"] == local_id)[0])

    assert buildings["height_m"][row] == pytest.approx(height_m)
    assert buildings["provenance"][row] == "approximate"


def test_landmark_height_is_that_of_its_highest_part(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    for mark in read_table("landmarks.csv", Landmark):
        own = (buildings["id"] == mark.id) | (buildings["parent_id"] == mark.id)
        if own.any():
            assert buildings["height_m"][own].max() == pytest.approx(mark.height_m), mark.id


def test_parts_of_a_landmark_stand_on_level_ground(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    elevation = chongqing.data.terrain.raster.values
    for mark_id in ("raffles", "ifs", "great_hall", "wfc"):
        own = (buildings["id"] == mark_id) | (buildings["parent_id"] == mark_id)
        corners = shapely.get_coordinates(buildings.shapes[own])
        assert np.ptp(GRID.sample(elevation, corners)) < 4.0, mark_id


def test_yuzhong_climbs_as_stated(chongqing: Any) -> None:
    yuzhong = next(d.geometry for d in read_districts() if d.name == "渝中区")
    lon, lat = np.meshgrid(GRID.lon_deg, GRID.lat_deg)
    inside = shapely.contains_xy(yuzhong, lon, lat)
    xy = PLANE.from_lonlat(np.column_stack([lon[inside], lat[inside]]))
    ground = chongqing.data.terrain.raster.values[inside]
    dry = shapely.distance(chongqing.water, shapely.points(xy)) > 60
    low, middle, high = np.percentile(ground[dry], [1, 50, 95])

    assert low == pytest.approx(182, abs=8)
    assert middle == pytest.approx(257, abs=12)
    assert high == pytest.approx(332, abs=12)


def test_everything_lies_within_the_extent(chongqing: Any) -> None:
    raster = chongqing.data.terrain.raster
    assert raster.west_deg <= EXTENT.west_deg
    assert raster.north_deg >= EXTENT.north_deg
    assert max(raster.shape) <= 2200
    for name in ("buildings", "bridges", "landmarks", "places", "districts"):
        west, south, east, north = shapely.total_bounds(shapely.from_wkb(chongqing.layers[name]["geometry"]))
        assert west >= EXTENT.west_deg - 1e-6, name
        assert south >= EXTENT.south_deg - 1e-6, name
        assert east <= EXTENT.east_deg + 1e-6, name
        assert north <= EXTENT.north_deg + 1e-6, name


def test_geometries_are_valid_and_footprints_turn_left(chongqing: Any) -> None:
    for name, layer in chongqing.layers.items():
        assert shapely.is_valid(layer.shapes).all(), name
    footprints = chongqing.layers["buildings"].shapes
    assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(footprints))).all()


def test_the_first_view_looks_from_above_the_ground(chongqing: Any) -> None:
    home = chongqing.data.home
    azimuth, pitch = np.radians([home.azimuth_deg, home.pitch_deg])
    back = -home.distance_m * np.cos(pitch) * np.array([np.sin(azimuth), np.cos(azimuth)])
    eye = PLANE.from_lonlat([(home.lon_deg, home.lat_deg)]) + back
    undulation = -38.6
    eye_elevation = home.ellipsoidal_height_m - undulation - home.distance_m * np.sin(pitch)

    assert eye_elevation > GRID.sample(chongqing.data.terrain.raster.values, eye)[0] + 200
