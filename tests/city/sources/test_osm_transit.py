"""Stations, stops and routes of public transport, and what routes say of rails and stations."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import shapely

from shancheng.city.sources.base import CityData

LON, LAT = 106.58, 29.56
STEP = 0.001
Read = Callable[[], CityData]


def rows(data: CityData, layer: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in data.layers[layer].to_pylist()}


def attributes(row: dict[str, Any]) -> dict[str, str]:
    return dict(json.loads(row["attributes"] or "{}"))


@pytest.fixture
def town(osm_file: Any) -> Any:
    """An extract with a street along the whole extent, `w1`."""
    osm_file.way([(LON, LAT), (LON + 10 * STEP, LAT + 10 * STEP)], {"highway": "primary"})
    return osm_file


def track(town: Any, kind: str, start: int, **tags: str) -> int:
    number: int = town.way(
        [(LON + start * STEP, LAT + STEP), (LON + (start + 1) * STEP, LAT + STEP)], {"railway": kind, **tags}
    )
    return number


def route(town: Any, kind: str, ways: list[int], stops: Sequence[int] = (), **tags: str) -> int:
    members = [("n", node, "stop") for node in stops] + [("w", way, "") for way in ways]
    number: int = town.relation(members, {"type": "route", "route": kind, **tags})
    return number


# Rail


def test_routes_name_and_paint_the_rails(town: Any, read_osm: Read) -> None:
    tracks = [track(town, "subway", start) for start in range(4)]
    track(town, "subway", 5, colour="#123456")
    route(town, "subway", tracks[:2], ref="2", colour="#007E3E")
    route(town, "subway", tracks[:2], ref="2", colour="#000000")  # the way back
    route(town, "monorail", tracks[1:3], ref="10", colour="red")
    route(town, "bus", tracks, ref="800", colour="blue")
    route(town, "subway", [tracks[3], tracks[3]], name="Loop")
    found = rows(read_osm(), "rail")
    assert {local_id: (row["line"], row["colour"]) for local_id, row in found.items()} == {
        "w2": ("2", "#007e3e"), "w3": ("2;10", "#007e3e"), "w4": ("10", "#ff0000"), "w5": ("Loop", None),
        "w6": (None, "#123456"),
    }  # fmt: skip


def test_levels_bridges_and_tunnels_of_rail(town: Any, read_osm: Read) -> None:
    track(town, "monorail", 1, layer="2", bridge="viaduct")
    track(town, "subway", 2, layer="-3", tunnel="yes")
    found = rows(read_osm(), "rail")
    assert [(row["layer"], row["bridge"], row["tunnel"]) for row in found.values()] == [
        (2, True, False), (-3, False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"railway": "station"}, "station"),
        ({"railway": "halt"}, "halt"),
        ({"railway": "station", "station": "subway"}, "subway"),
        ({"railway": "station", "station": "light_rail"}, "light_rail"),
        ({"railway": "station", "station": "monorail"}, "monorail"),
        ({"railway": "tram_stop", "station": "subway"}, "tram_stop"),
        ({"public_transport": "station", "train": "yes"}, "station"),
        ({"public_transport": "station", "station": "subway"}, "subway"),
        ({"public_transport": "station", "subway": "yes"}, "station"),
        ({"public_transport": "station", "bus": "yes"}, None),
        ({"railway": "subway_entrance"}, None),
        ({"railway": "stop"}, None),
    ],
)
def test_kinds_of_stations(town: Any, read_osm: Read, tags: dict[str, str], kind: str | None) -> None:
    town.node(LON, LAT, **tags)
    found = [row["kind"] for row in rows(read_osm(), "rail_stations").values()]
    assert found == ([] if kind is None else [kind])


def test_a_station_that_is_drawn_twice_is_one(town: Any, read_osm: Read) -> None:
    hall = {"building": "train_station", "public_transport": "station", "train": "yes", "name": "North"}
    town.square(LON, LAT, STEP, hall)
    town.node(LON, LAT, railway="station", name="north")
    town.node(LON + 8 * STEP, LAT, railway="station", name="North")  # a kilometre away: another one
    town.node(LON, LAT, railway="station", station="subway", name="North")  # of another kind
    town.square(LON, LAT, STEP, {"railway": "station", "name": "South"})
    for _ in range(2):
        town.node(LON, LAT, railway="tram_stop", name="North")
        town.node(LON, LAT, railway="station")
    data = read_osm()
    found = rows(data, "rail_stations")
    node = len(town.nodes)
    assert {row["name"] or local_id for local_id, row in found.items()} == {
        "north", "North", "South", f"n{node}", f"n{node - 2}",
    }  # fmt: skip
    (merged,) = [row for row in found.values() if row["name"] == "north"]
    assert attributes(merged)["also"] == "w2"
    assert len(found) == 8
    south = next(row for row in found.values() if row["name"] == "South")
    assert shapely.box(LON, LAT, LON + STEP, LAT + STEP).contains(shapely.from_wkb(south["geometry"]))
    assert "w2" in rows(data, "buildings")


def test_lines_of_a_station(town: Any, read_osm: Read) -> None:
    way = track(town, "subway", 1)
    named = town.node(LON, LAT, railway="station", name="Named by the route")
    shared = town.node(LON + STEP, LAT, railway="station", name="In a stop area")
    platform = town.node(LON + STEP, LAT, public_transport="platform", train="yes")
    alike = town.node(LON + 2 * STEP, LAT, railway="station", name="Alike")
    stop = town.node(LON + 3 * STEP, LAT, public_transport="stop_position", name="alike")
    far = town.node(LON + 9 * STEP, LAT, railway="stop", name="Alike")
    alone = town.node(LON + 5 * STEP, LAT, railway="station", name="Alone")
    area = {"type": "public_transport", "public_transport": "stop_area"}
    town.relation([("n", shared, ""), ("n", platform, "platform")], area)
    route(town, "subway", [way], [named, platform], ref="3")
    route(town, "light_rail", [way], [named, stop], ref="10")
    route(town, "subway", [way], [named, far], ref="6")
    route(town, "bus", [way], [alone], ref="99")
    found = rows(read_osm(), "rail_stations")
    assert {local_id: row["lines"] for local_id, row in found.items()} == {
        f"n{named}": ["3", "6", "10"], f"n{shared}": ["3"], f"n{alike}": ["10"], f"n{alone}": [],
    }  # fmt: skip


# Stops


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"highway": "bus_stop"}, "bus_stop"),
        ({"highway": "bus_stop", "public_transport": "platform"}, "bus_stop"),
        ({"public_transport": "platform"}, "platform"),
        ({"public_transport": "platform", "railway": "tram_stop"}, None),
        ({"amenity": "bus_station"}, "bus_station"),
        ({"public_transport": "station", "amenity": "ferry_terminal"}, "ferry_terminal"),
        ({"public_transport": "station", "bus": "yes"}, "bus_station"),
        ({"public_transport": "station"}, "station"),
        ({"public_transport": "station", "train": "yes"}, None),
        ({"aerialway": "station"}, "aerialway_station"),
        ({"public_transport": "stop_position"}, None),
        ({"highway": "crossing"}, None),
    ],
)
def test_kinds_of_stops(town: Any, read_osm: Read, tags: dict[str, str], kind: str | None) -> None:
    town.node(LON, LAT, **tags)
    found = [row["kind"] for row in rows(read_osm(), "transit_stops").values()]
    assert found == ([] if kind is None else [kind])


def test_a_platform_belongs_to_the_stop_beside_it(town: Any, read_osm: Read) -> None:
    stop = town.node(LON, LAT, highway="bus_stop", name="Gate", ref="7")
    opposite = town.node(LON + 0.0002, LAT, highway="bus_stop", name="Gate", ref="8")
    platform = {"public_transport": "platform"}
    line = [(LON, LAT), (LON + 0.0001, LAT)]
    by_ref = town.way(line, {**platform, "ref": "8", "highway": "platform"})
    by_name = town.way(line, {**platform, "name": "gate"})
    other = town.way(line, {**platform, "name": "Elsewhere"})
    nameless = town.way(line, platform)
    far = town.node(LON + 3 * STEP, LAT, public_transport="platform", name="Gate")
    area = town.square(LON, LAT, 0.0001, {**platform, "name": "Gate"})
    found = rows(read_osm(), "transit_stops")
    assert set(found) == {f"n{stop}", f"n{opposite}", f"w{other}", f"w{nameless}", f"n{far}"}
    assert attributes(found[f"n{stop}"])["also"] == f"w{by_name};w{area}"
    assert attributes(found[f"n{opposite}"])["also"] == f"w{by_ref}"
    assert {shapely.from_wkb(row["geometry"]).geom_type for row in found.values()} == {"Point"}


def test_platforms_and_stations_without_a_place(town: Any, read_osm: Read) -> None:
    for tags in ({"railway": "station"}, {"public_transport": "platform"}, {"tourism": "museum"}):
        for refs in ([901, 902], [1, 903], []):
            for _ in range(2):
                town.ways.append((len(town.ways) + 1, refs, {**tags, "name": "Same"}))
    town.node(LON, LAT, public_transport="stop_position", name="Same")
    data = read_osm()
    assert rows(data, "rail_stations") == rows(data, "transit_stops") == rows(data, "landmarks") == {}
    reasons = {entry.reason for entry in data.set_aside}
    assert (len(data.set_aside), reasons) == (18, {"no geometry: it has no place in the file"})


def test_a_thousand_stops_of_one_name_at_one_place(town: Any, read_osm: Read) -> None:
    for _ in range(3000):
        town.node(LON, LAT, highway="bus_stop", name="Same")
        town.node(LON, LAT, public_transport="platform", name="Same")
        town.node(LON, LAT, railway="station", name="Same")
        town.node(LON, LAT, public_transport="stop_position", name="Same")
    data = read_osm()
    assert data.layers["transit_stops"].num_rows == 3000
    assert data.layers["rail_stations"].num_rows == 1
    assert all(len(row["attributes"]) < 500 for row in rows(data, "transit_stops").values())


# Routes


def test_a_route_is_the_lines_of_its_ways(town: Any, read_osm: Read) -> None:
    way = town.way([(LON, LAT + STEP), (LON + STEP, LAT + STEP)], {"highway": "service"})
    ferry = town.way([(LON, LAT + 2 * STEP), (LON + STEP, LAT + 2 * STEP)], {"route": "ferry"})
    tags = {"public_transport": "platform", "highway": "platform"}
    platform = town.way([(LON, LAT), (LON, LAT + STEP)], tags)
    stop = town.node(LON, LAT, highway="bus_stop")
    members = [
        ("n", stop, "stop"), ("w", platform, "platform"), ("w", 1, ""), ("w", way, "forward"), ("w", 1, ""),
        ("w", 777, ""), ("w", platform, "platform_exit_only"),
    ]  # fmt: skip
    words = {"ref": "862", "colour": "#aB12cD", "name": "862: A => B", "from": "A"}
    town.relation(members, {"type": "route", "route": "bus", **words})
    town.relation([("w", ferry, "")], {"type": "route", "route": "ferry"})
    town.relation([("w", 1, "")], {"type": "route", "route": "hiking"})
    town.relation([("w", 1, "")], {"type": "route_master", "route_master": "bus"})
    found = rows(read_osm(), "transit_routes")
    assert {local_id: row["kind"] for local_id, row in found.items()} == {"r1": "bus", "r2": "ferry"}
    bus = found["r1"]
    assert (bus["line"], bus["colour"], bus["name"]) == ("862", "#ab12cd", "862: A => B")
    assert attributes(bus)["from"] == "A"
    shape = shapely.from_wkb(bus["geometry"])
    assert shape.geom_type == "MultiLineString"
    assert [line.coords[0] for line in shape.geoms] == [(LON, LAT), (LON, LAT + STEP)]


def test_routes_that_are_elsewhere(town: Any, read_osm: Read) -> None:
    town.box = (LON, LAT, LON + 10 * STEP, LAT + 10 * STEP)
    outside = town.way([(LON + 1, LAT), (LON + 2, LAT)], {"highway": "primary"})
    across = town.way([(LON + 5 * STEP, LAT + STEP), (LON + 50 * STEP, LAT + STEP)], {"railway": "rail"})
    route(town, "bus", [888], ref="nowhere")
    route(town, "bus", [outside], ref="outside")
    route(town, "bus", [], ref="empty")
    route(town, "train", [across, outside], ref="T")
    data = read_osm()
    found = rows(data, "transit_routes")
    assert list(found) == ["r4"]
    assert shapely.from_wkb(found["r4"]["geometry"]).bounds[2] == pytest.approx(LON + 10 * STEP)
    assert {entry.id: entry.reason for entry in data.set_aside if entry.layer == "transit_routes"} == {
        "r1": "none of its ways is in the file",
        "r2": "none of its ways lies inside the extent",
        "r3": "none of its ways is in the file",
    }
