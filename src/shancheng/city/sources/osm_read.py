"""Sorting an OpenStreetMap file's objects into our layers.

What words mean stands in ``osm_tags.py``; how objects come from the file in ``osm_stream.py``; what becomes
of the columns in ``osm.py``. One object may stand in several layers: a museum is a building and a landmark.
"""

from pathlib import Path
from typing import Final

from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_features import OsmFeatures, Route
from shancheng.city.sources.osm_lines import is_nowhere
from shancheng.city.sources.osm_opl import Tags, members_of, route_members
from shancheng.city.sources.osm_rows import Rows
from shancheng.city.sources.osm_stream import read_areas, read_header, read_objects
from shancheng.city.sources.osm_tags import (
    DISTRICT_LEVELS,
    HALTS,
    NO,
    PLACE_RANK,
    RAIL_WIDTH_M,
    ROAD_WIDTH_M,
    ROUTES,
    WATERWAY_WIDTH_M,
    base_station_kind,
    green_kind,
    is_underground,
    landmark_kind,
    station_kind,
    stop_kind,
    water_kind,
)

__all__ = ["read_features"]

_UNASSEMBLED: Final = "its outline is not closed or its rings do not fit together"
_INCOMPLETE: Final = "not all ways of its outline are in the file"
_NOWHERE: Final = "no geometry: it has no place in the file"
_UNDERGROUND: Final = "lies underground"
_AREAS: Final = frozenset({"multipolygon", "boundary"})

# Tags without which a way is none of those that `_points` looks for; most have none of them.
_POINT_KEYS: Final = frozenset(
    {
        "aerialway",
        "communication:mobile_phone",
        "historic",
        "man_made",
        "public_transport",
        "telecom",
        "tourism",
    }
)
_POINTS: Final = frozenset({"bus_station", "elevator", "ferry_terminal", "halt", "station", "tram_stop"})
_POINT_WORDS: Final = ("amenity", "highway", "railway")
_AREA_KEYS: Final = frozenset({"area", "landuse", "leisure", "natural"})
_WAYS_OF_ROUTES: Final = frozenset({"aerialway", "highway", "railway", "route"})


def read_features(path: Path) -> OsmFeatures:
    """Read a file, PBF or XML.

    Raises:
        SourceFileError: It is missing, truncated, or of another kind.
    """
    header = read_header(path)
    sorter = _Sorter(OsmFeatures(header.bounds, header.date))
    read_objects(path, sorter)
    sorter.join_buildings(path)
    return sorter.features


class _Sorter:
    """Takes objects as they come. ``_groups`` are relations of the type `building`: id, tags, outlines."""

    def __init__(self, features: OsmFeatures) -> None:
        self.features = features
        self._groups: list[tuple[str, Tags, list[str]]] = []

    def node(self, local_id: str, tags: Tags, point: bytes | None) -> None:
        """Take a node."""
        place = tags.get("place")
        if place in PLACE_RANK:
            self._put("places", local_id, place, tags, point)
        self._points(local_id, tags, point)

    def way(self, local_id: str, tags: Tags, nodes: bytes, area: bytes | None) -> None:
        """Take a way."""
        if _is_building(tags):
            self._building(local_id, tags, area, _UNASSEMBLED)
        else:
            # Where nodes are missing, osmium gives no area at all.
            if area is not None or not _AREA_KEYS.isdisjoint(tags):
                self._area(local_id, tags, area, _UNASSEMBLED)
            self._line(local_id, tags, nodes)
        if not _POINT_KEYS.isdisjoint(tags) or (
            tags.get("highway") not in ROAD_WIDTH_M and not _POINTS.isdisjoint(map(tags.get, _POINT_WORDS))
        ):
            self._points(local_id, tags, area or nodes)

    def relation(self, local_id: str, tags: Tags, members: bytes, area: bytes | None) -> None:
        """Take a relation."""
        kind = tags.get("type")
        if kind == "route":
            self._route(local_id, tags, members)
        elif kind == "building":
            self._group(local_id, tags, members)
        elif tags.get("public_transport") == "stop_area":
            self.features.stop_areas.append([ref for ref, _ in members_of(members)])
        else:
            reason = _UNASSEMBLED if area is not None else _INCOMPLETE
            if kind not in _AREAS:
                reason = f"a relation of the type {kind} encloses no area"
            if _is_building(tags):
                self._building(local_id, tags, area, reason)
            elif kind in _AREAS:
                self._area(local_id, tags, area, reason)
            if area:
                self._points(local_id, tags, area)

    def end_block(self) -> None:
        """Turn what came into columns."""
        for rows in vars(self.features).values():
            if isinstance(rows, Rows):
                rows.flush()

    def join_buildings(self, path: Path) -> None:
        """What relations of the type `building` say of their outlines; some outlines have no tags."""
        rows = self.features.buildings
        known = {local_id: row for row, local_id in enumerate(rows.ids)}
        bare: dict[str, tuple[str, Tags]] = {}
        for local_id, tags, outlines in self._groups:
            found = [known[outline] for outline in outlines if outline in known]
            for row in found:
                _fill(rows, row, tags)
            if not found and tags.get("building") not in NO:
                bare |= {outline: (local_id, tags) for outline in outlines if outline[0] == "w"}
                if not outlines:
                    self._aside("buildings", local_id, "a relation of the type building without an outline")
        areas = read_areas(path, [int(way[1:]) for way in bare]) if bare else {}
        for way, (local_id, tags) in bare.items():
            if way in areas:
                self._building(way, tags, areas[way], _UNASSEMBLED)
            else:
                self._aside("buildings", local_id, _INCOMPLETE)
        rows.flush()

    # Kinds of objects

    def _building(self, local_id: str, tags: Tags, area: bytes | None, reason: str) -> None:
        kind, part = tags.get("building"), tags.get("building:part", "yes")
        if tags.get("location") == "underground":
            self._aside("buildings", local_id, _UNDERGROUND)
        elif not area:
            self._aside("buildings", local_id, reason)
        elif kind is not None and kind != "no":
            self.features.buildings.added.append((local_id, kind, tags, area))
        else:
            self.features.parts.added.append((local_id, part, tags, area))

    def _area(self, local_id: str, tags: Tags, area: bytes | None, reason: str) -> None:
        found = self._area_layer(local_id, tags)
        if found is None:
            return
        rows, layer, kind = found
        if not area:
            self._aside(layer, local_id, reason)
        elif layer == "water" and is_underground(tags):
            self._aside(layer, local_id, _UNDERGROUND)
        else:
            rows.added.append((local_id, kind, tags, area))

    def _area_layer(self, local_id: str, tags: Tags) -> tuple[Rows, str, str] | None:
        features, get = self.features, tags.get
        natural, landuse, leisure = get("natural"), get("landuse"), get("leisure")
        kind = water_kind(natural, get("water"), get("waterway"), landuse, leisure)
        if kind is not None:
            return features.water, "water", kind
        kind = green_kind(landuse, leisure, natural)
        if kind is not None:
            return features.green, "green", kind
        if get("man_made") == "bridge":
            return features.bridges, "bridges", (get("bridge:structure") or "bridge").replace("-", "_")
        if get("boundary") == "administrative":
            level = get("admin_level")
            kind = f"admin_level_{level}"
            return (features.districts, "districts", kind) if level in DISTRICT_LEVELS else None
        kind = get("highway")
        if kind in ROAD_WIDTH_M and (get("area") == "yes" or local_id[0] == "r"):
            return features.road_areas, "roads", kind
        return None

    def _line(self, local_id: str, tags: Tags, nodes: bytes) -> None:
        features, get = self.features, tags.get
        highway = get("highway")
        if highway in ROAD_WIDTH_M:
            if get("area") != "yes":
                features.roads.added.append((local_id, highway, tags, nodes))
        elif (railway := get("railway")) in RAIL_WIDTH_M:
            features.rail.added.append((local_id, railway, tags, nodes))
        elif (waterway := get("waterway")) in WATERWAY_WIDTH_M:
            features.waterways.added.append((local_id, waterway, tags, nodes))
        elif get("natural") == "coastline":
            features.coastline.added.append((local_id, "coastline", tags, nodes))
        elif not _WAYS_OF_ROUTES.isdisjoint(tags):
            features.other_ways[local_id] = nodes

    def _points(self, local_id: str, tags: Tags, shape: bytes | None) -> None:
        if tags.get("highway") == "elevator":
            self._put("elevators", local_id, "elevator", tags, shape)
        if local_id[0] == "n" and (tags.get("public_transport") in HALTS or tags.get("railway") in HALTS):
            self._put("halts", local_id, "halt", tags, shape)
        for layer, kind in (
            ("rail_stations", station_kind(tags)),
            ("transit_stops", stop_kind(tags)),
            ("base_stations", base_station_kind(tags)),
            ("landmarks", landmark_kind(tags)),
        ):
            if kind is not None:
                self._put(layer, local_id, kind, tags, shape)

    def _route(self, local_id: str, tags: Tags, members: bytes) -> None:
        kind = tags.get("route")
        if kind in ROUTES:
            self.features.routes.append(Route(local_id, *route_members(members)))
            self.features.transit_routes.added.append((local_id, kind, tags, b""))

    def _group(self, local_id: str, tags: Tags, members: bytes) -> None:
        listed = members_of(members)
        outlines = [ref for ref, role in listed if role == "outline"]
        self._groups.append((local_id, tags, outlines))
        if outlines:
            self.features.parts_of |= {ref: outlines[0] for ref, role in listed if role == "part"}

    def _put(self, layer: str, local_id: str, kind: str | None, tags: Tags, shape: bytes | None) -> None:
        if shape and not is_nowhere(shape):
            getattr(self.features, layer).added.append((local_id, kind, tags, shape))
        else:
            self._aside("rail_stations" if layer == "halts" else layer, local_id, _NOWHERE)

    def _aside(self, layer: str, local_id: str, reason: str) -> None:
        self.features.set_aside.append(SetAside(layer, local_id, reason))


def _is_building(tags: Tags) -> bool:
    return ("building" in tags and tags["building"] != "no") or (
        "building:part" in tags and tags["building:part"] != "no"
    )


def _fill(rows: Rows, row: int, tags: Tags) -> None:
    """Words of a relation for an outline that has none of its own."""
    rows.names[row] = rows.names[row] or tags.get("name")
    rows.names_en[row] = rows.names_en[row] or tags.get("name:en")
    for key, column in rows.tags.items():
        column[row] = column[row] or tags.get(key)
