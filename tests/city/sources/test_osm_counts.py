"""Real extracts against what the manifest counts in them, each difference explained."""

import collections
from pathlib import Path
from typing import Any

import osmium
import pytest

from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.progress import NullProgress

pytestmark = pytest.mark.shared_data
FILES = {"monaco": "monaco/monaco_2023.osm.pbf", "helsinki": "helsinki/Helsinki.osm.pbf"}


class Extract:
    """A file's objects by type and number, with their tags, and what we make of it."""

    def __init__(self, path: Path) -> None:
        self.tags: dict[str, dict[str, str]] = {}
        self.areas: set[str] = set()
        for thing in osmium.FileProcessor(str(path)).with_areas():
            if thing.is_area():
                if thing.num_rings()[0]:
                    self.areas.add(f"{'w' if thing.from_way() else 'r'}{thing.orig_id()}")
            else:
                self.tags[f"{thing.type_str()}{thing.id}"] = dict(thing.tags)
        self.data: CityData = read_source("osm", path, SourceOptions(), NullProgress())
        self.aside = {(entry.layer, entry.id): entry.reason for entry in self.data.set_aside}

    def having(self, kind: str, key: str, *values: str) -> set[str]:
        """Ids of objects of one type with a tag."""
        return {
            local_id
            for local_id, tags in self.tags.items()
            if local_id[0] == kind and key in tags and (not values or tags[key] in values)
        }

    def ids(self, layer: str, **words: Any) -> set[str]:
        """Ids of a layer's rows, those with some values."""
        return {
            row["id"]
            for row in self.data.layers[layer].to_pylist()
            if all(row[name] == value for name, value in words.items())
        }

    def set_aside(self, layer: str) -> set[str]:
        return {local_id for entry, local_id in self.aside if entry == layer}


@pytest.fixture(scope="module")
def monaco(shared_data: Path) -> Extract:
    return Extract(shared_data / FILES["monaco"])


@pytest.fixture(scope="module")
def helsinki(shared_data: Path) -> Extract:
    return Extract(shared_data / FILES["helsinki"])


def test_buildings_of_monaco(monaco: Extract) -> None:
    ways, relations = monaco.having("w", "building"), monaco.having("r", "building")
    assert (len(ways), len(relations)) == (1256, 30)
    assembled = (ways | relations) & monaco.areas
    assert len(assembled) == 1283
    assert assembled <= monaco.ids("buildings")
    # The other three: two lie partly outside of the extract, one is a museum with two sites.
    assert (ways | relations) - assembled == monaco.set_aside("buildings")
    # One of the parts says `no`: it is a building of its own.
    assert len(monaco.having("w", "building:part") & monaco.ids("buildings")) == 15
    buildings = monaco.ids("buildings")
    # 461 ways with levels, and nine of the relations.
    with_levels = monaco.having("w", "building:levels")
    assert len(with_levels) == 461
    assert with_levels | (monaco.having("r", "building:levels") & monaco.areas) == buildings - monaco.ids(
        "buildings", levels=None
    )
    # 41 ways with a height, and one relation.
    stated = monaco.having("w", "height") & buildings
    assert len(stated) == 41
    assert len(monaco.ids("buildings", height_provenance="surveyed")) == 42


def test_roads_of_monaco(monaco: Extract) -> None:
    highways, roads = monaco.having("w", "highway"), monaco.ids("roads")
    assert len(highways) == 2852
    left = collections.Counter(monaco.tags[way]["highway"] for way in highways - roads)
    # A raceway lies on streets, a corridor indoors, what is being built is no road yet, a platform is a stop.
    # The last two are roofs to walk on: `building=yes`, and in that layer.
    assert left == {
        "platform": 8, "raceway": 7, "construction": 6, "corridor": 5, "pedestrian": 1, "footway": 1,
    }  # fmt: skip
    assert {way for way in highways - roads if "building" in monaco.tags[way]} <= monaco.ids("buildings")
    assert len(highways & roads) == 2824
    # Two squares are multipolygons.
    assert roads - highways == monaco.having("r", "highway") & roads
    assert len(roads) == 2826
    assert monaco.ids("roads", kind="steps") == monaco.having("w", "highway", "steps")
    assert len(monaco.ids("roads", kind="steps")) == 346


def test_tunnels_of_monaco(monaco: Extract) -> None:
    tunnels = monaco.having("w", "tunnel", "yes")
    assert len(tunnels) == 184
    roads, rail = monaco.ids("roads", tunnel=True), monaco.ids("rail", tunnel=True)
    assert (len(roads), len(rail)) == (172, 11)
    # The last is a stream in a culvert, which is no water to be seen.
    (culvert,) = tunnels - roads - rail
    assert monaco.tags[culvert]["waterway"] == "stream"


def test_public_transport_of_monaco(monaco: Extract) -> None:
    stops = monaco.having("n", "highway", "bus_stop")
    assert len(stops) == 76
    assert monaco.ids("transit_stops", kind="bus_stop") == stops
    routes = {r for r in monaco.having("r", "route", "bus") if monaco.tags[r]["type"] == "route"}
    assert len(routes) == 53
    found = monaco.ids("transit_routes", kind="bus")
    # Two of line 79 begin and end outside: their relations are in the file, their ways are not.
    assert routes - found == monaco.set_aside("transit_routes")
    assert (len(found), monaco.set_aside("transit_routes")) == (51, {"r14115531", "r14115532"})
    assert {row["line"] for row in monaco.data.layers["transit_routes"].to_pylist()} >= {
        "1",
        "2",
        "4",
        "5",
        "6",
    }
    (station,) = monaco.data.layers["rail_stations"].to_pylist()
    assert (station["name"], station["lines"]) == ("Monaco - Monte Carlo", ["TER 4", "TGV 512"])
    assert set(monaco.data.layers["rail"].column("line").to_pylist()) == {"TER 4;TGV 512", None}


def test_other_layers_of_monaco(monaco: Extract) -> None:
    assert monaco.ids("elevators") == monaco.having("n", "highway", "elevator")
    assert len(monaco.ids("elevators")) == 47
    assert {row["name"]: row["code"] for row in monaco.data.layers["districts"].to_pylist()} == {
        "Fontvieille": "MC-FO", "Monaco-Ville": "MC-MO", "La Condamine": "MC-CO", "La Rousse": "MC-VR",
        "Larvotto": "MC-LA", "Monte-Carlo": "MC-MC",
    }  # fmt: skip
    assert monaco.ids("bridges") == monaco.having("w", "man_made", "bridge")
    landmarks = {row["name"]: row for row in monaco.data.layers["landmarks"].to_pylist()}
    assert landmarks["Tour Odéon"]["height_m"] == 170
    assert (landmarks["Musée Océanographique"]["kind"], landmarks["Musée Océanographique"]["rank"]) == (
        "museum",
        2,
    )
    assert len(landmarks) > 50


def test_buildings_of_helsinki(helsinki: Extract) -> None:
    ways = helsinki.having("w", "building")
    assert len(ways) == 433
    # The extract left out nodes of the others: their outlines do not close.
    assert ways - helsinki.ids("buildings") == ways & helsinki.set_aside("buildings")
    assert len(ways & helsinki.ids("buildings")) == 385
    # 238 with storeys: 144 buildings and 94 parts.
    levels = helsinki.having("w", "building:levels") & (ways | helsinki.having("w", "building:part"))
    assert len(levels) == 238
    assert levels - helsinki.ids("buildings") <= helsinki.set_aside("buildings")
    parts = helsinki.having("w", "building:part")
    assert len(parts) == 127
    assert len(parts & helsinki.ids("buildings")) == 121
    assert parts - helsinki.ids("buildings") <= helsinki.set_aside("buildings")


def test_roofs_of_helsinki(helsinki: Extract) -> None:
    roofs = helsinki.having("w", "roof:shape")
    assert len(roofs) == 30
    kept = roofs & helsinki.ids("buildings")
    assert roofs - kept <= helsinki.set_aside("buildings")
    words = collections.Counter(helsinki.tags[way]["roof:shape"] for way in kept)
    assert words["9.0"] == 2  # no shape: a height in the wrong place, kept among the attributes
    found = collections.Counter(
        row["roof_shape"] for row in helsinki.data.layers["buildings"].to_pylist() if row["id"] in kept
    )
    del words["9.0"]
    assert found == {**words, None: 2}
    orientations = collections.Counter(
        helsinki.data.layers["buildings"].column("roof_orientation").to_pylist()
    )
    assert (orientations["along"], orientations["across"]) == (1, 4)  # two more have no outline


def test_routes_of_helsinki(helsinki: Extract) -> None:
    of_kind = {
        kind: {r for r in helsinki.having("r", "route", kind) if helsinki.tags[r]["type"] == "route"}
        for kind in ("bus", "tram", "subway", "train")
    }
    assert {kind: len(routes) for kind, routes in of_kind.items()} == {
        "bus": 161, "tram": 20, "subway": 4, "train": 31,
    }  # fmt: skip
    lost = helsinki.set_aside("transit_routes")
    # Three buses turn back before the extract: none of their ways is in it.
    assert {kind: len(routes & lost) for kind, routes in of_kind.items()} == {
        "bus": 3, "tram": 0, "subway": 0, "train": 0,
    }  # fmt: skip
    for kind, routes in of_kind.items():
        assert helsinki.ids("transit_routes", kind=kind) == routes - lost
    stations = {row["name"]: row["lines"] for row in helsinki.data.layers["rail_stations"].to_pylist()}
    assert stations["Rautatientori"] == ["M1", "M2"]
    masts = collections.Counter(helsinki.data.layers["base_stations"].column("kind").to_pylist())
    assert masts == {"mast": 1, "bts": 1}
    (bridge,) = helsinki.data.layers["bridges"].to_pylist()
    assert bridge["name"] == "Pitkäsilta"
