"""What the built-in city promises: aggregates, topology, provenance, and the same bytes every time."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import CORE, EXTENT, GRID, PLANE
from shancheng.city.builtin.chongqing.field import HIGHEST_M, RIDGE_M
from shancheng.city.builtin.chongqing.recipe import N_BUILDINGS
from shancheng.city.builtin.chongqing.relief import relief
from shancheng.city.builtin.chongqing.surfaces import slope
from shancheng.city.builtin.chongqing.tables import read_districts
from shancheng.city.schema import LAYERS, validate_layer

SKETCH_M = 0.05
"""Footprints are rounded to a centimetre when they become degrees."""


DIGEST_OF_A_BUILD = """
import sys
sys.path.insert(0, sys.argv[1])
from test_recipe import digest_of
from shancheng.city.builtin.chongqing.recipe import build
print(digest_of(build(None)))
"""


def digest_of(data: Any) -> str:
    """Hash of all layers and the terrain."""
    found = hashlib.sha256()
    for name in sorted(data.layers):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, data.layers[name].schema) as writer:
            writer.write_table(data.layers[name])
        found.update(name.encode() + sink.getvalue().to_pybytes())
    found.update(data.terrain.raster.values.tobytes())
    return found.hexdigest()


def _generated(chongqing: Any) -> npt.NDArray[np.bool_]:
    buildings = chongqing.layers["buildings"]
    return np.asarray(buildings["provenance"] == "modelled")


def _is_part(chongqing: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(chongqing.layers["buildings"]["parent_id"] != None)  # noqa: E711 - array


def test_two_builds_are_byte_equal_in_another_process_on_one_thread(chongqing: Any) -> None:
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", DIGEST_OF_A_BUILD, str(Path(__file__).parent)]
    found = subprocess.run(
        command, env={**os.environ, **one_thread}, capture_output=True, text=True, check=True, timeout=300
    )

    assert found.stdout.strip() == digest_of(chongqing.data)


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


def test_a_hundred_and_fifty_thousand_generated_buildings(chongqing: Any) -> None:
    assert (_generated(chongqing) & ~_is_part(chongqing)).sum() == N_BUILDINGS == 150_000


def test_floors_and_footprints_spread_as_published(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing) & ~_is_part(chongqing)
    floors = buildings["levels"][generated].astype(float)
    areas = shapely.area(buildings.shapes[generated])

    np.testing.assert_allclose(np.percentile(floors, [25, 50, 75]), [3, 9.5, 18], atol=1.0)
    np.testing.assert_allclose(np.percentile(areas, [25, 50, 75]), [241, 576, 922], rtol=0.06)
    assert floors.max() == 55
    assert floors.min() == 1
    heights, roofs = (buildings[name][generated].astype(float) for name in ("height_m", "roof_height_m"))
    np.testing.assert_allclose(heights, floors * 3.2 + roofs, rtol=1e-6)
    assert set(buildings["height_provenance"][generated]) == {"modelled"}


def test_no_building_in_water(chongqing: Any) -> None:
    touching = shapely.intersects(chongqing.layers["buildings"].shapes, chongqing.water)

    assert not touching.any()


def test_a_few_low_houses_have_pitched_roofs(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing)
    pitched = generated & (buildings["roof_shape"] == "gabled")
    roofs, floors = buildings["roof_height_m"].astype(float), buildings["levels"][pitched].astype(float)

    np.testing.assert_array_equal(roofs[generated] > 0, pitched[generated])
    assert 0.05 < pitched.sum() / generated.sum() < 0.15
    assert floors.max() <= 4
    assert roofs[pitched].max() < 4
    assert (shapely.get_num_coordinates(buildings.shapes[pitched]) == 5).all()


def test_no_building_on_a_cliff_or_a_ridge(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing)
    elevation = chongqing.data.terrain.raster.values
    centres = shapely.get_coordinates(shapely.centroid(buildings.shapes[generated]))

    assert GRID.sample(slope(elevation, GRID), centres).max() < np.tan(np.radians(35))
    assert GRID.sample(elevation, centres).max() < HIGHEST_M + 5
    above = GRID.sample(relief(elevation), centres)
    assert np.percentile(above, 99.9) < RIDGE_M[1]


def test_the_core_is_built_up_and_nothing_beyond(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing)
    centres = PLANE.to_lonlat(shapely.get_coordinates(shapely.centroid(buildings.shapes[generated])))
    west, south = centres.min(axis=0)
    east, north = centres.max(axis=0)

    assert CORE.west_deg - 0.001 < west < CORE.west_deg + 0.03
    assert CORE.south_deg - 0.001 < south < CORE.south_deg + 0.01
    assert CORE.east_deg + 0.001 > east > CORE.east_deg - 0.02
    assert CORE.north_deg + 0.001 > north > CORE.north_deg - 0.01


CENTRES = {"观音桥": (106.5300, 29.5775), "南坪": (106.5620, 29.5320), "杨家坪": (106.5040, 29.5090)}
OLD_QUARTERS = {"十八梯": (106.5690, 29.5535), "磁器口": (106.4475, 29.5800)}


def _around(chongqing: Any, at: tuple[float, float], radius_m: float) -> tuple[float, float, float]:
    """Generated buildings in a circle: how many a km², floor area ratio, median of the floors."""
    buildings, whole = chongqing.layers["buildings"], _generated(chongqing) & ~_is_part(chongqing)
    shapes, floors = buildings.shapes[whole], buildings["levels"][whole].astype(float)
    centres = shapely.get_coordinates(shapely.centroid(shapes))
    near = np.hypot(*(centres - PLANE.from_lonlat([at])).T) < radius_m
    area_m2 = np.pi * radius_m**2
    built = float((shapely.area(shapes[near]) * floors[near]).sum())
    return near.sum() / area_m2 * 1e6, built / area_m2, float(np.median(floors[near]))


def test_centres_are_tall_old_quarters_low_and_works_wide(chongqing: Any) -> None:
    for name, at in CENTRES.items():
        count, ratio, floors = _around(chongqing, at, 500)
        assert count > 200, name
        assert ratio > 5, name
        assert floors >= 25, name
    for name, at in OLD_QUARTERS.items():
        count, ratio, floors = _around(chongqing, at, 150)
        assert count > 1200, name
        assert ratio < 2, name
        assert floors <= 4, name
    _, ratio, floors = _around(chongqing, (106.4620, 29.4580), 700)
    assert ratio < 1
    assert floors <= 5


def test_the_peninsula_is_the_densest_of_the_districts(chongqing: Any) -> None:
    peninsula = _around(chongqing, (106.5600, 29.5600), 1200)[1]
    fringe = [_around(chongqing, at, 1200)[1] for at in ((106.4450, 29.6330), (106.6100, 29.6450))]

    # A third of the circle is river.
    assert peninsula > 1.8 * max(fringe)


def test_the_ridges_and_the_woods_are_free_of_houses(chongqing: Any) -> None:
    buildings, generated = chongqing.layers["buildings"], _generated(chongqing)
    centres = shapely.get_coordinates(shapely.centroid(buildings.shapes[generated]))
    ridges = {"歌乐山": (106.4130, 29.5720), "南山": (106.6080, 29.5450), "铁山坪": (106.6850, 29.6350)}
    for name, at in ridges.items():
        assert np.hypot(*(centres - PLANE.from_lonlat([at])).T).min() > 400, name


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

    assert len([parent for parent in parts_of if parent.startswith("m")]) == 3000
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
    assert max(raster.shape) <= 3700
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
