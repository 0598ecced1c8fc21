"""Rail transit: stops in order, stations on their lines, viaducts over the ground, rivers on bridges."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import GRID, PLANE
from shancheng.city.builtin.chongqing.forms_towers import OPENING_M, OPENING_WIDTH_M
from shancheng.city.builtin.chongqing.rail import RailNetwork, build_rail
from shancheng.city.builtin.chongqing.rail_shape import heights, smooth_curve
from shancheng.city.builtin.chongqing.rail_tables import PathPart, Route, Station, Stop
from shancheng.city.builtin.chongqing.roads import bridge_axis
from shancheng.city.builtin.chongqing.shapes import directions
from shancheng.city.builtin.chongqing.tables import Bridge, Part, read_table

ROUTES = read_table("rail_lines.csv", Route)
STATIONS = {station.id: station for station in read_table("rail_stations.csv", Station)}
STOPS = read_table("rail_stops.csv", Stop)
BRIDGES = {bridge.id: bridge for bridge in read_table("bridges.csv", Bridge)}

PUBLISHED = {
    "1": "朝天门 小什字 较场口 七星岗 两路口 鹅岭 大坪 石油路 歇台子 石桥铺 高庙村 马家岩"
    " 小龙坎 沙坪坝 杨公桥 烈士墓 磁器口 石井坡 双碑 赖家桥 微电园 陈家桥 大学城 尖顶坡"
    " 璧山",
    "2": "较场口 临江门 黄花园 大溪沟 曾家岩 牛角沱 李子坝 佛图关 大坪 袁家岗 谢家湾 杨家坪"
    " 动物园 大堰村 马王场 平安 大渡口 新山村 天堂堡 建桥 金家湾 刘家坝 白居寺 大江 鱼洞",
    "3": "鱼洞 金竹 鱼胡路 学堂湾 大山村 花溪 岔路口 九公里 麒龙 八公里 重庆交通大学 六公里"
    " 重庆工商大学 四公里 南坪 工贸 铜元局 两路口 牛角沱 华新街 观音桥 红旗河沟 嘉州路"
    " 郑家院子 唐家院子 狮子坪 重庆北站南广场 龙头寺 童家院子 金渝 金童路 鸳鸯 园博园"
    " 翠云 长福路 回兴 双龙 碧津 江北机场T2航站楼",
    "6": "茶园 邱家湾 长生桥 刘家坪 上新街 小什字 大剧院 江北城 五里店 红土地 黄泥塝 红旗河沟"
    " 花卉园 大龙山 冉家坝 光电园 大竹林 康庄 九曲河 礼嘉 金山寺 曹家湾 蔡家 向家岗"
    " 龙凤溪 状元碑 西南大学 北碚",
    "loop": "重庆图书馆 天星桥 沙坪坝 重庆大学 玉带山 南桥寺 体育公园 冉家坝 动步公园 洪湖东路"
    " 民安大道 重庆北站南广场 渝鲁 五里店 弹子石 涂山 仁济 上新街 上浩 海棠溪 罗家坝"
    " 四公里 南湖 海峡路 谢家湾 奥体中心 陈家坪 彩云湖 二郎 华龙 重庆西站 上桥 凤鸣山",
}
COLOURS = {"1": "#E4002B", "2": "#007A33", "3": "#003DA5", "6": "#F67599", "loop": "#F2A900"}
FAR_APART_M = {
    ("shuangbei", "laijiaqiao"): "through the Zhongliang ridge",
    ("jiandingpo", "bishan"): "through the Jinyun ridge",
    ("xiangjiagang", "longfengxi"): "through the Zhongliang ridge",
    ("liujiaping", "shangxinjie"): "through Nanshan",
    ("jinshansi", "caojiawan"): "over the Jialing",
    ("baijusi", "dajiang"): "over the Yangtze",
}


@pytest.fixture(scope="module")
def network(chongqing: Any) -> RailNetwork:
    elevation = chongqing.data.terrain.raster.values
    return build_rail(list(BRIDGES.values()), lambda xy: GRID.sample(elevation, xy))


def _stops(route: str) -> list[str]:
    return [stop.station for stop in STOPS if stop.route == route]


def _xy(station: str) -> Any:
    return PLANE.from_lonlat([(STATIONS[station].lon, STATIONS[station].lat)])[0]


@pytest.mark.parametrize("route", PUBLISHED)
def test_stops_are_the_published_ones_in_order(route: str) -> None:
    assert [STATIONS[station].name for station in _stops(route)] == PUBLISHED[route].split()


def test_colours_are_the_published_ones(chongqing: Any) -> None:
    rail = chongqing.layers["rail"]
    for line, colour in COLOURS.items():
        assert set(rail["colour"][rail["line"] == line]) == {colour}


def test_lines_two_and_three_are_monorails(chongqing: Any) -> None:
    rail = chongqing.layers["rail"]
    for line, kind in {
        "1": "subway",
        "2": "monorail",
        "3": "monorail",
        "6": "subway",
        "loop": "subway",
    }.items():
        assert set(rail["kind"][rail["line"] == line]) == {kind}
    assert set(rail["width_m"][rail["kind"] == "monorail"]) == {8.0}


def test_spacing_is_plausible() -> None:
    for route in ROUTES:
        stops = _stops(route.id)
        pairs = [*pairwise(stops), *([(stops[-1], stops[0])] if route.closed else [])]
        for pair in pairs:
            apart = float(np.hypot(*(_xy(pair[0]) - _xy(pair[1]))))
            assert 300 < apart < (9000 if pair in FAR_APART_M else 3500), (route.id, pair, apart)


def test_every_station_says_its_lines_names_source_and_accuracy(chongqing: Any) -> None:
    layer = chongqing.layers["rail_stations"]
    lines_of = {station: set() for station in STATIONS}
    for stop in STOPS:
        lines_of[stop.station].add(next(route.line for route in ROUTES if route.id == stop.route))

    assert len(layer["id"]) == len(set(layer["id"])) == len(STATIONS) > 140
    for row, local_id in enumerate(layer["id"]):
        assert set(layer["lines"][row]) == lines_of[local_id], local_id
        assert any("\u4e00" <= letter <= "\u9fff" for letter in layer["name"][row]), local_id
        assert layer["name_en"][row].isascii(), local_id
        assert layer["source"][row], local_id
        assert 50 <= layer["accuracy_m"][row] <= 400, local_id
    assert set(layer["provenance"]) == {"approximate"}


def test_every_station_is_within_150_m_of_each_of_its_lines(chongqing: Any) -> None:
    rail, stations = chongqing.layers["rail"], chongqing.layers["rail_stations"]
    tracks = {line: shapely.union_all(rail.shapes[rail["line"] == line]) for line in set(rail["line"])}
    for local_id, lines, at in zip(stations["id"], stations["lines"], stations.shapes, strict=True):
        for line in lines:
            assert shapely.distance(tracks[line], at) < 150, (local_id, line)


def test_tracks_run_from_stop_to_stop_without_a_gap(chongqing: Any) -> None:
    rail = chongqing.layers["rail"]
    for route in ROUTES:
        own = np.array([str(local_id).startswith(f"line{route.id}_") for local_id in rail["id"]])
        ends = [shapely.get_coordinates(line)[[0, -1]] for line in rail.shapes[own]]
        for before, after in pairwise(ends):
            np.testing.assert_allclose(before[1], after[0], atol=0.05)
        first, last = _stops(route.id)[0], _stops(route.id)[0 if route.closed else -1]
        assert np.hypot(*(ends[0][0] - _xy(first))) < 1.0
        assert np.hypot(*(ends[-1][1] - _xy(last))) < 1.0


def test_ids_are_unique_and_each_row_says_what_it_rests_on(chongqing: Any) -> None:
    rail = chongqing.layers["rail"]
    assert len(set(rail["id"])) == len(rail["id"])
    assert set(rail["provenance"]) == {"approximate"}
    assert all(rail["source"])
    assert all(100 <= metres <= 400 for metres in rail["accuracy_m"])
    np.testing.assert_array_equal(rail["bridge"].astype(bool), ~rail["tunnel"].astype(bool))


def test_viaducts_have_an_elevation_at_each_vertex_and_tunnels_none(chongqing: Any) -> None:
    rail = chongqing.layers["rail"]
    for shape, tunnel, elevations in zip(rail.shapes, rail["tunnel"], rail["elevations_m"], strict=True):
        if tunnel:
            assert elevations is None
        else:
            assert len(elevations) == shapely.get_num_coordinates(shape)


def test_viaducts_run_above_the_ground_and_no_steeper_than_six_percent(
    chongqing: Any, network: RailNetwork
) -> None:
    elevation = chongqing.data.terrain.raster.values
    axes = shapely.buffer(shapely.multilinestrings([bridge_axis(b) for b in BRIDGES.values()]), 5.0)
    for track in network.tracks:
        if track.elevation_m is None or track.kind == "aerialway":
            continue
        run = np.hypot(*np.diff(track.xy, axis=0).T)
        assert (np.abs(np.diff(track.elevation_m)) / run).max() < 0.0605, track.id
        above = track.elevation_m - GRID.sample(elevation, track.xy)
        on_bridge = shapely.contains_xy(axes, *track.xy.T)
        # One stop lies in a cutting.
        deepest = -12.0 if "tongyuanju" in track.id else -1.0
        assert above[~on_bridge].min(initial=0.0) > deepest, track.id
        # The ends of a bridge lie within the abutments.
        assert above[on_bridge].min(initial=0.0) > -9.0, track.id


def test_platforms_above_ground_are_six_to_forty_metres_up(chongqing: Any, network: RailNetwork) -> None:
    elevation = chongqing.data.terrain.raster.values
    rise = {}
    for station, rail_m in zip(network.stations, network.elevation_m, strict=True):
        if station.level == "elevated":
            rise[station.id] = rail_m - GRID.sample(elevation, _xy(station.id)[None])[0]
        elif station.level == "underground":
            assert np.isnan(rail_m), station.id
    assert min(rise.values()) > 6
    assert max(rise.values()) < 40
    assert np.median(list(rise.values())) == pytest.approx(14, abs=1.5)


def test_rivers_are_crossed_on_bridges_that_carry_the_rail(chongqing: Any, network: RailNetwork) -> None:
    crossed: dict[str, set[str]] = {}
    for track in network.tracks:
        line = shapely.linestrings(track.xy)
        if not shapely.intersects(line, chongqing.water):
            continue
        assert not track.tunnel, track.id
        if track.kind == "aerialway":
            continue
        wet = shapely.intersection(line, chongqing.water)
        used = [
            b for b in BRIDGES.values() if shapely.distance(shapely.linestrings(bridge_axis(b)), wet) < 1.0
        ]
        bridges = shapely.buffer(shapely.multilinestrings([bridge_axis(b) for b in used]), 1.0)
        assert shapely.covers(bridges, wet), track.id
        assert all("rail" in b.carries.split() for b in used), track.id
        crossed.setdefault(track.line, set()).update(b.id for b in used)
    assert crossed == {
        "2": {"yudong"},
        "3": {"caiyuanba", "jialing_rail"},
        "6": {"dongshuimen", "qiansimen", "caijia_rail"},
        "loop": {"gaojiahuayuan_rail", "chaotianmen", "egongyan_rail"},
    }


def test_rails_lie_on_the_bridges_decks(network: RailNetwork) -> None:
    for bridge in BRIDGES.values():
        inner = shapely.buffer(shapely.linestrings(bridge_axis(bridge)), 1.0)
        for track in network.tracks:
            on = shapely.contains_xy(inner, *track.xy.T)
            if track.elevation_m is None or track.kind == "aerialway" or on.sum() < 5:
                continue
            assert bridge.rail_elevation_m is not None
            np.testing.assert_allclose(track.elevation_m[on], bridge.rail_elevation_m, atol=3.0)


def test_line_two_runs_through_the_building_at_liziba(chongqing: Any, network: RailNetwork) -> None:
    buildings = chongqing.layers["buildings"]
    row = int(np.flatnonzero(buildings["id"] == "liziba")[0])
    part = next(part for part in read_table("landmark_parts.csv", Part) if part.id == "liziba")
    along = directions(np.radians(part.azimuth_deg))
    middle = shapely.get_coordinates(shapely.centroid(buildings.shapes[row]))[0]
    # The roof stands height_m above the level that the opening is counted from.
    roof_m = shapely.get_coordinates(shapely.from_wkb(buildings["lod2_geometry"][row]), include_z=True)[
        :, 2
    ].max()
    level = roof_m + 38.6 - part.height_m
    inside = 0
    for track in network.tracks:
        if track.line != "2" or track.elevation_m is None:
            continue
        fine = np.linspace(0, len(track.xy) - 1, 40 * len(track.xy))
        xy = np.column_stack([np.interp(fine, np.arange(len(track.xy)), axis) for axis in track.xy.T])
        z = np.interp(fine, np.arange(len(track.xy)), track.elevation_m)
        way, aside = (xy - middle) @ along, (xy - middle) @ (along[1], -along[0])
        within = np.abs(way) < part.length_m / 2
        within &= np.abs(aside) < 100
        inside += int(within.sum())
        assert (np.abs(aside[within]) < OPENING_WIDTH_M / 2 - 2).all()
        assert (z[within] > level + OPENING_M[0] + 0.5).all()
        assert (z[within] < level + OPENING_M[1] - 4.5).all()
    assert inside > 50


def test_ropeway_hangs_over_the_yangtze_between_its_stations(chongqing: Any, network: RailNetwork) -> None:
    rope = next(track for track in network.tracks if track.kind == "aerialway")
    assert rope.elevation_m is not None
    line = shapely.linestrings(rope.xy)
    straight = np.linspace(rope.elevation_m[0], rope.elevation_m[-1], len(rope.elevation_m))
    buildings = chongqing.layers["buildings"]

    assert shapely.intersects(line, chongqing.water)
    assert shapely.length(line) == pytest.approx(1166, rel=0.1)
    assert (straight - rope.elevation_m).max() == pytest.approx(18, abs=0.1)
    for end, station in ((rope.xy[0], "cableway"), (rope.xy[-1], "cableway_south")):
        row = int(np.flatnonzero(buildings["id"] == station)[0])
        assert shapely.distance(buildings.shapes[row], shapely.points(end)) < 5


def test_no_generated_building_stands_under_a_viaduct(chongqing: Any) -> None:
    rail, buildings = chongqing.layers["rail"], chongqing.layers["buildings"]
    open_air = rail["bridge"].astype(bool)
    strips = shapely.buffer(rail.shapes[open_air], rail["width_m"][open_air].astype(float) / 2)
    hit = shapely.STRtree(buildings.shapes).query(strips, predicate="intersects")[1]

    assert "modelled" not in set(buildings["provenance"][hit])


def test_paths_name_stretches_that_there_are() -> None:
    pairs = set()
    for route in ROUTES:
        stops = _stops(route.id)
        pairs |= {(route.id, a, b) for a, b in zip(stops, [*stops[1:], stops[0]], strict=True)}
    for part in read_table("rail_path.csv", PathPart):
        assert (part.route, part.from_station, part.to_station) in pairs
        assert part.structure in ("tunnel", "viaduct")


def test_curve_goes_through_its_nodes_and_keeps_to_given_axes() -> None:
    nodes = np.array([(0.0, 0.0), (1000.0, 0.0), (1500.0, 800.0), (1500.0, 1200.0), (900.0, 2000.0)])
    axis = np.full(nodes.shape, np.nan)
    axis[2:4] = (0.0, 1.0)
    curve = smooth_curve(nodes, axis)

    np.testing.assert_allclose(curve.xy[curve.node], nodes, atol=1e-9)
    on_bridge = curve.xy[curve.node[2] : curve.node[3] + 1]
    np.testing.assert_allclose(on_bridge[:, 0], 1500.0, atol=1e-9)
    turns = np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(curve.xy, axis=0).T))))
    assert turns.max() < np.radians(12)
    assert np.hypot(*np.diff(curve.xy, axis=0).T).max() < 40


def test_heights_are_the_lowest_that_are_not_too_steep() -> None:
    way = np.arange(0.0, 3001.0, 30.0)
    floor = np.where(np.abs(way - 1500) < 40, 100.0, 20.0)
    fixed = np.zeros(len(way), dtype=np.bool_)
    fixed[[0, -1]] = True
    line = heights(floor, way, 0.05, fixed)

    assert (np.abs(np.diff(line)) / 30).max() <= 0.05 + 1e-9
    assert line.max() < 100.5
    assert line.max() > 96
    assert line[0] == pytest.approx(100 - 0.05 * 1470)
    assert (line > floor - 4).all()


def test_a_path_with_a_gap_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def reading(name: str, row_type: Any) -> Any:
        rows = read_table(name, row_type)
        return [row for row in rows if name != "rail_path.csv" or row.from_station != "sigongli"]

    monkeypatch.setattr("shancheng.city.builtin.chongqing.rail.read_table", reading)
    with pytest.raises(ValueError, match="sigongli to nanping leaves the ground"):
        build_rail(list(BRIDGES.values()), lambda xy: np.zeros(len(xy)))
