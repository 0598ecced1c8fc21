"""One pass over an OpenStreetMap file: raw columns of text and WKB for each layer.

osmium reads, assembles areas and writes WKB in C++; here Python sees each feature once and only appends to
lists. What the words mean for our layers is left to ``osm.py``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import osmium
import shapely
from osmium.filter import EntityFilter, KeyFilter
from osmium.osm import AREA, NODE, RELATION, WAY

from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_tags import (
    PLACE_RANK,
    RAIL_WIDTH_M,
    ROAD_WIDTH_M,
    STATIONS,
    WATERWAY_WIDTH_M,
    green_kind,
    water_kind,
)
from shancheng.errors import SourceFileError
from shancheng.geo.bounds import Bounds

__all__ = ["OsmFeatures", "Rows", "read_features"]

_NODE_KEYS: Final = ("place", "railway")
_SHAPE_KEYS: Final = (
    "building",
    "building:part",
    "highway",
    "railway",
    "waterway",
    "natural",
    "landuse",
    "leisure",
)
_NO: Final = (None, "no")
_UNASSEMBLED: Final = "its outline is not closed or its rings do not fit together"


@dataclass
class Rows:
    """Features of one layer, column by column; ``tags`` holds the raw words of ``keys``."""

    keys: tuple[str, ...] = ()
    ids: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    names_en: list[str | None] = field(default_factory=list)
    wkb: list[Any] = field(default_factory=list)
    tags: dict[str, list[str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tags = {key: [] for key in self.keys}

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, local_id: str, kind: str, tags: Any, wkb: Any) -> None:  # noqa: ANN401 - osmium is untyped
        """Append a feature."""
        get = tags.get
        self.ids.append(local_id)
        self.kinds.append(kind)
        self.names.append(get("name"))
        self.names_en.append(get("name:en"))
        self.wkb.append(wkb)
        for key, column in self.tags.items():
            column.append(get(key))


_BUILDING_KEYS: Final = (
    "height",
    "building:height",
    "building:levels",
    "min_height",
    "building:min_level",
    "roof:shape",
    "roof:height",
)
_WAY_KEYS: Final = ("width", "lanes", "layer", "bridge", "tunnel")


@dataclass
class OsmFeatures:
    """All that one file holds for our layers. ``header_bounds`` is None where the file does not say."""

    header_bounds: Bounds | None = None
    date: str = ""
    buildings: Rows = field(default_factory=lambda: Rows(_BUILDING_KEYS))
    parts: Rows = field(default_factory=lambda: Rows(_BUILDING_KEYS))
    roads: Rows = field(default_factory=lambda: Rows(_WAY_KEYS))
    rail: Rows = field(default_factory=lambda: Rows((*_WAY_KEYS, "colour")))
    rail_stations: Rows = field(default_factory=Rows)
    water: Rows = field(default_factory=Rows)
    waterways: Rows = field(default_factory=lambda: Rows(("width", "tunnel")))
    coastline: Rows = field(default_factory=Rows)
    green: Rows = field(default_factory=Rows)
    places: Rows = field(default_factory=lambda: Rows(("population", "name:zh-Hans", "name:zh")))
    set_aside: list[SetAside] = field(default_factory=list)


def read_features(path: Path) -> OsmFeatures:
    """Read a file that osmium knows: PBF, XML, also compressed.

    Raises:
        SourceFileError: It is missing, truncated, or of another kind.
    """
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; needed: an OpenStreetMap extract (.osm.pbf)")
    reader = _Reader()
    with _osmium_errors(path):
        reader.read_header(path)
        for feature in _stream(path):
            reader.take(feature)
    reader.note_unassembled()
    return reader.features


@contextmanager
def _osmium_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        raise SourceFileError(
            f"{path}: cannot be read as OpenStreetMap data ({error}); needed: a whole .osm.pbf file"
        ) from error


def _longest_run(way: Any) -> bytes:  # noqa: ANN401 - osmium is untyped
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if not node.location.valid():
            runs.append([])
        elif (node.location.lon, node.location.lat) not in runs[-1][-1:]:
            runs[-1].append((node.location.lon, node.location.lat))
    longest = max(runs, key=len)
    if len(longest) < 2:  # noqa: PLR2004 - a line has two ends
        raise RuntimeError("fewer than two of its nodes are in the file")
    return bytes(shapely.to_wkb(shapely.LineString(longest), byte_order=1))


def _stream(path: Path) -> Any:  # noqa: ANN401 - osmium is untyped
    # Filters run in C++, so nodes without a word for us and most relations never become Python objects.
    nodes, shapes = KeyFilter(*_NODE_KEYS), KeyFilter(*_SHAPE_KEYS)
    outlines = KeyFilter("building", "building:part")
    nodes.enable_for(NODE)
    shapes.enable_for(WAY | AREA)
    outlines.enable_for(RELATION)
    return (
        osmium.FileProcessor(str(path))
        .with_areas(KeyFilter(*_SHAPE_KEYS))
        .with_filter(EntityFilter(NODE | WAY | RELATION | AREA))
        .with_filter(nodes)
        .with_filter(shapes)
        .with_filter(outlines)
    )


class _Reader:
    """Sorts features into layers. ``seen`` holds building outlines that still have no area."""

    def __init__(self) -> None:
        self.features = OsmFeatures()
        self._wkb = osmium.geom.WKBFactory()
        self._seen: set[str] = set()

    def read_header(self, path: Path) -> None:
        with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
            header = reader.header()
            box = header.box()
            if box.valid():
                low, high = box.bottom_left, box.top_right
                self.features.header_bounds = Bounds(low.lon, low.lat, high.lon, high.lat)
            self.features.date = header.get("osmosis_replication_timestamp", "")[:10]

    def take(self, feature: Any) -> None:  # noqa: ANN401 - osmium is untyped
        if feature.is_area():
            self._area(feature)
        elif feature.is_way():
            self._way(feature)
        elif feature.is_node():
            self._node(feature)
        else:
            self._outline(f"r{feature.id}", feature.tags)

    def _outline(self, local_id: str, tags: Any) -> None:  # noqa: ANN401
        if tags.get("building") not in _NO or tags.get("building:part") not in _NO:
            self._seen.add(local_id)

    def note_unassembled(self) -> None:
        self.features.set_aside.extend(
            SetAside("buildings", local_id, _UNASSEMBLED) for local_id in sorted(self._seen)
        )

    def _area(self, area: Any) -> None:  # noqa: ANN401
        get = area.tags.get
        layer = self._area_layer(get)
        if layer is None:
            return
        rows, kind, name = layer
        local_id = f"{'w' if area.from_way() else 'r'}{area.orig_id()}"
        if area.num_rings()[0] == 0:
            # osmium gives an empty area where the rings do not fit; buildings stay in `seen`.
            if name != "buildings":
                self.features.set_aside.append(SetAside(name, local_id, _UNASSEMBLED))
            return
        self._seen.discard(local_id)
        self._add(rows, name, (local_id, kind, area.tags), self._wkb.create_multipolygon, area)

    def _area_layer(self, get: Any) -> tuple[Rows, str, str] | None:  # noqa: ANN401
        features = self.features
        kind = get("building")
        if kind not in _NO:
            return features.buildings, kind, "buildings"
        kind = get("building:part")
        if kind not in _NO:
            return features.parts, kind, "buildings"
        natural, landuse, leisure = get("natural"), get("landuse"), get("leisure")
        kind = water_kind(natural, get("water"), get("waterway"), landuse, leisure)
        if kind is not None:
            return features.water, kind, "water"
        kind = green_kind(landuse, leisure, natural)
        return None if kind is None else (features.green, kind, "green")

    def _way(self, way: Any) -> None:  # noqa: ANN401
        tags = way.tags
        get = tags.get
        if get("building") is not None or get("building:part") is not None:
            self._outline(f"w{way.id}", tags)
            return  # what it is comes as an area
        layer = self._way_layer(get)
        if layer is not None:
            rows, kind, name = layer
            self._add(rows, name, (f"w{way.id}", kind, tags), self._line, way)

    def _line(self, way: Any) -> Any:  # noqa: ANN401
        """The way; where the extract left out some of its nodes, the longest run of those that are there."""
        try:
            return self._wkb.create_linestring(way)
        except (RuntimeError, osmium.InvalidLocationError):
            return _longest_run(way)

    def _way_layer(self, get: Any) -> tuple[Rows, str, str] | None:  # noqa: ANN401
        features = self.features
        kind = get("highway")
        if kind in ROAD_WIDTH_M:
            # A square is an area; its rim is no road.
            return None if get("area") == "yes" else (features.roads, kind, "roads")
        kind = get("railway")
        if kind in RAIL_WIDTH_M:
            return features.rail, kind, "rail"
        kind = get("waterway")
        if kind in WATERWAY_WIDTH_M:
            return features.waterways, kind, "water"
        if get("natural") == "coastline":
            return features.coastline, "coastline", "water"
        return None

    def _node(self, node: Any) -> None:  # noqa: ANN401
        tags, features = node.tags, self.features
        place, railway = tags.get("place"), tags.get("railway")
        local_id = f"n{node.id}"
        if place in PLACE_RANK:
            self._add(features.places, "places", (local_id, place, tags), self._wkb.create_point, node)
        if railway in STATIONS:
            kind = "subway" if tags.get("station") == "subway" else railway
            self._add(
                features.rail_stations, "rail_stations", (local_id, kind, tags), self._wkb.create_point, node
            )

    def _add(self, rows: Rows, layer: str, head: tuple[str, str, Any], make: Any, shape: Any) -> None:  # noqa: ANN401
        try:
            wkb = make(shape)
        except (RuntimeError, osmium.InvalidLocationError) as error:
            self.features.set_aside.append(SetAside(layer, head[0], f"no geometry: {error}"))
            return
        rows.add(*head, wkb)
