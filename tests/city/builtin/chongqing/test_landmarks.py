"""Landmarks: in their district, on their side of the river, of known height, on level ground."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import EXTENT, GRID, PLANE
from shancheng.city.builtin.chongqing.rivers import read_rivers
from shancheng.city.builtin.chongqing.tables import Landmark, read_districts, read_table
from shancheng.geo.geoid import undulation_m

MARKS = read_table("landmarks.csv", Landmark)
SIDES = {
    "渝中区": {"jialing": "right", "yangtze": "left"},
    "江北区": {"jialing": "left", "yangtze": "left"},
    "南岸区": {"yangtze": "right"},
    "九龙坡区": {"yangtze": "left"},
    "大渡口区": {"yangtze": "left"},
    "巴南区": {"yangtze": "right"},
    "沙坪坝区": {"jialing": "right"},
    "渝北区": {"jialing": "left"},
}
"""On which bank of which river a district lies, looking downstream."""
BESIDE_M = 4000.0


def test_at_least_eighty_named_in_both_languages_with_source_and_accuracy(chongqing: Any) -> None:
    layer = chongqing.layers["landmarks"]

    assert len(MARKS) == len({mark.id for mark in MARKS}) == len(layer["id"]) >= 80
    for mark in MARKS:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in mark.name), mark.id
        assert mark.name_en.isascii(), mark.id
        assert mark.source, mark.id
        assert 0 < mark.accuracy_m <= 1000, mark.id
        assert EXTENT.west_deg < mark.lon < EXTENT.east_deg, mark.id
        assert EXTENT.south_deg < mark.lat < EXTENT.north_deg, mark.id
        assert mark.rank in (1, 2, 3), mark.id
    assert set(layer["provenance"]) == {"approximate"}


def test_named_ones_are_there() -> None:
    names = {mark.name for mark in MARKS}
    wanted = "重庆来福士 解放碑 洪崖洞 重庆市人民大礼堂 李子坝站 瞰胜楼 鹅岭电视塔 长江索道"
    wanted += " 重庆环球金融中心 重庆大剧院 重庆北站 重庆西站 奥林匹克体育中心 大田湾体育场"
    wanted += " 珊瑚坝 广阳岛"
    assert set(wanted.split()) <= names


def test_landmarks_stand_in_their_district_and_on_land(chongqing: Any) -> None:
    districts = {district.name: district.geometry for district in read_districts()}
    for mark in MARKS:
        assert shapely.contains_xy(districts[mark.district], mark.lon, mark.lat), mark.id
        at = shapely.points(PLANE.from_lonlat([(mark.lon, mark.lat)])[0])
        assert not shapely.intersects(chongqing.water, at), mark.id


def test_landmarks_stand_on_their_districts_bank() -> None:
    lines = {river.id: river.xy for river in read_rivers()}
    beside = 0
    for mark in MARKS:
        at = PLANE.from_lonlat([(mark.lon, mark.lat)])[0]
        if mark.kind == "island":
            continue
        for river, side in SIDES.get(mark.district, {}).items():
            away = np.hypot(*(lines[river] - at).T)
            nearest = int(np.clip(np.argmin(away), 1, len(away) - 2))
            if away[nearest] > BESIDE_M:
                continue
            downstream = lines[river][nearest + 1] - lines[river][nearest - 1]
            offset = at - lines[river][nearest]
            left = downstream[0] * offset[1] - downstream[1] * offset[0] > 0
            assert left == (side == "left"), (mark.id, river)
            beside += 1
    assert beside > 60


@pytest.mark.parametrize(
    ("local_id", "height_m"),
    [
        ("raffles_t3n", 354.5),
        ("raffles_t4n", 354.5),
        ("wfc_tower", 339),
        ("ifs_t1", 316),
        ("land_sea_top", 458),
        ("yingli_tower", 288),
        ("jiefangbei", 27.5),
        ("hongyadong", 75),
        ("great_hall_base", 65),
        ("grand_theatre", 64),
        ("kansheng", 41.4),
        ("sheraton_t1", 218),
        ("chimney_2", 240),
        ("happy_valley", 120),
    ],
)
def test_known_heights(chongqing: Any, local_id: str, height_m: float) -> None:
    buildings = chongqing.layers["buildings"]
    row = int(np.flatnonzero(buildings["id"] == local_id)[0])

    assert buildings["height_m"][row] == pytest.approx(height_m)
    assert buildings["provenance"][row] == "approximate"


def test_landmark_height_is_that_of_its_highest_part(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    for mark in MARKS:
        own = (buildings["id"] == mark.id) | (buildings["parent_id"] == mark.id)
        if own.any():
            assert buildings["height_m"][own].max() == pytest.approx(mark.height_m), mark.id


def test_parts_of_a_landmark_stand_on_level_ground(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    elevation = chongqing.data.terrain.raster.values
    for mark_id in ("raffles", "ifs", "great_hall", "wfc", "north_station", "olympic"):
        own = (buildings["id"] == mark_id) | (buildings["parent_id"] == mark_id)
        corners = shapely.get_coordinates(buildings.shapes[own])
        assert np.ptp(GRID.sample(elevation, corners)) < 4.0, mark_id


def test_forms_reach_below_the_ground_and_up_to_their_height(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    elevation = chongqing.data.terrain.raster.values
    formed = [row for row, wkb in enumerate(buildings["lod2_geometry"]) if wkb is not None]
    for row in formed:
        points = shapely.get_coordinates(shapely.from_wkb(buildings["lod2_geometry"][row]), include_z=True)
        xy = PLANE.from_lonlat(points[:, :2])
        z = points[:, 2] - undulation_m(points[:, 0], points[:, 1])
        ground = GRID.sample(elevation, xy)
        local_id, height = buildings["id"][row], buildings["height_m"][row]
        if buildings["min_height_m"][row] == 0:
            assert z.min() < ground.min(), local_id
        assert z.max() == pytest.approx(ground.mean() + height, abs=4.0 + 0.02 * height), local_id
        inside = shapely.buffer(buildings.shapes[row], 0.1)
        assert shapely.contains_xy(inside, *xy.T).all(), local_id
    assert len(formed) >= 30


def test_only_landmarks_have_solids(chongqing: Any) -> None:
    buildings = chongqing.layers["buildings"]
    has = np.array([wkb is not None for wkb in buildings["lod2_geometry"]])

    assert set(buildings["provenance"][has]) == {"approximate"}
    assert set(buildings["lod"][has]) == {"2.0"}
    for wkb, surfaces in zip(buildings["lod2_geometry"][has], buildings["lod2_semantics"][has], strict=True):
        assert len(shapely.from_wkb(wkb).geoms) == len(surfaces)
