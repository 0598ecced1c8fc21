"""The layer of bridges from OpenStreetMap.

Two things are bridges: areas that mappers drew as one (`man_made=bridge`), and named roads and rails that
cross water on one. Ways that meet end to end and have one name are one bridge; carriageways side by side are
two. A way on a drawn bridge adds nothing, and one without a name stays a road that runs on a bridge: what it
is called nobody knows.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import shapely

from shancheng.city.heights import parse_length_m
from shancheng.city.sources.base import SetAside
from shancheng.city.sources.osm_cut import clip
from shancheng.city.sources.osm_features import OsmFeatures
from shancheng.city.sources.osm_layers import MAX_WIDTH_M, each_word, table_of, valid_areas, widths_m
from shancheng.city.sources.osm_plane import flat
from shancheng.city.sources.osm_routes import Cut
from shancheng.city.sources.osm_rows import Rows, Shapes
from shancheng.city.sources.osm_tags import NO, RAIL_WIDTH_M, ROAD_WIDTH_M
from shancheng.geo.bounds import Bounds

__all__ = ["bridges_table"]

_OVER_WATER_M: Final = 8.0
"""Of a bridge: less is a gutter, or a shore that was drawn a little off."""
_ON_DRAWN: Final = 0.5
_KEYS: Final = ("width", "bridge")
_MOST_LISTED: Final = 32


def bridges_table(
    features: OsmFeatures, ways: tuple[Cut, Cut], water: pa.Table, extent: Bounds, set_aside: list[SetAside]
) -> pa.Table:
    """Bridges: drawn areas, and lines of named ways over water.

    Args:
        features: All of the file.
        ways: Roads and rail.
        water: The finished layer.
        extent: Where the city ends.
        set_aside: Gets what cannot be used.
    """
    shapes, sound = valid_areas("bridges", features.bridges, set_aside)
    drawn, left = clip(shapes, extent)
    keep = sound[left]
    on_bridges = _Ways.of(ways, drawn, extent.centre[1])
    groups = on_bridges.over(shapely.from_wkb(water.column("geometry").to_numpy()))
    rows = features.bridges.only(keep.tolist()).joined(on_bridges.rows_of(groups))
    widths = np.array(each_word(rows.tags["width"], parse_length_m), dtype=np.float32)
    widths = np.where((widths > 0) & (widths <= MAX_WIDTH_M), widths, np.float32(np.nan))
    widths[len(keep) :] = [on_bridges.widths[group].max() for group in groups]
    merged = [shapely.line_merge(shapely.multilinestrings(on_bridges.parts(group))) for group in groups]
    lines = np.empty(len(merged), dtype=object)
    lines[:] = merged
    return table_of("bridges", rows, np.concatenate([drawn, lines]), np.arange(len(rows)), width_m=widths)


@dataclass(frozen=True)
class _Ways:
    """Named ways on bridges that no mapper drew as an area; ``shapes`` in degrees, ``plane`` in metres."""

    rows: Rows
    names: list[str]
    shapes: Shapes
    plane: Shapes
    widths: npt.NDArray[np.float32]
    lat_deg: float

    @classmethod
    def of(cls, ways: tuple[Cut, Cut], drawn: Shapes, lat_deg: float) -> "_Ways":
        """Those of two layers."""
        rows, shapes, widths = Rows(_KEYS), np.array([], dtype=object), np.array([], dtype=np.float32)
        for cut, usual in zip(ways, (ROAD_WIDTH_M, RAIL_WIDTH_M), strict=True):
            bridge = cut.rows.tags["bridge"]
            places = [place for place, row in enumerate(cut.keep.tolist()) if bridge[row] not in NO]
            chosen = cut.rows.only(cut.keep[places].tolist())
            rows = rows.joined(chosen.with_keys(_KEYS))
            shapes = np.concatenate([shapes, cut.shapes[places]])
            widths = np.concatenate([widths, widths_m(chosen, usual)])
        plane = flat(shapes, lat_deg)
        names = [own or name or "" for own, name in zip(rows.said("bridge:name"), rows.names, strict=True)]
        has_name = np.array([name != "" for name in names], dtype=bool)
        free = np.flatnonzero(has_name & ~_lies_on(plane, flat(drawn, lat_deg)))
        names = [names[row] for row in free]
        return cls(rows.only(free.tolist()), names, shapes[free], plane[free], widths[free], lat_deg)

    def over(self, water: Shapes) -> list[list[int]]:
        """Groups of ways that are one bridge each, those that cross water."""
        wet = flat(water, self.lat_deg)
        way, area = shapely.STRtree(wet).query(self.plane, predicate="intersects")
        lengths = shapely.length(shapely.intersection(self.plane[way], shapely.make_valid(wet[area])))
        over_m = np.bincount(way, weights=lengths, minlength=len(self.plane))
        return [group for group in self._groups() if over_m[group].sum() >= _OVER_WATER_M]

    def _groups(self) -> list[list[int]]:
        """Ways of one name that meet, found from one to the next over their ends."""
        at: dict[tuple[str, float, float], list[int]] = defaultdict(list)
        ends: list[list[tuple[str, float, float]]] = []
        for row, shape in enumerate(self.shapes):
            xy = shapely.get_coordinates(shape)
            ends.append([(self.names[row], float(x), float(y)) for x, y in (xy[0], xy[-1])])
            for end in ends[row]:
                at[end].append(row)
        groups, seen = [], set[int]()
        for first in range(len(ends)):
            group, waiting = [], [first]
            while waiting:
                row = waiting.pop()
                if row not in seen:
                    seen.add(row)
                    group.append(row)
                    waiting += [other for end in ends[row] for other in at.pop(end, ())]
            if group:
                groups.append(sorted(group))
        return groups

    def parts(self, group: list[int]) -> Shapes:
        """Lines of a group."""
        return np.asarray(shapely.get_parts(self.shapes[group]), dtype=object)

    def rows_of(self, groups: list[list[int]]) -> Rows:
        """One row a group: that of its first way, with the bridge's name and the ids of all."""
        rows = self.rows.only(group[0] for group in groups).with_keys(("width",))
        structures = self.rows.said("bridge:structure")
        for place, group in enumerate(groups):
            name = self.names[group[0]]
            if name != rows.names[place]:
                rows.names[place], rows.names_en[place] = name, None
            words = [structures[row] for row in group] + [self.rows.tags["bridge"][row] for row in group]
            kinds = [word.replace("-", "_") for word in words if word not in {None, "no", "yes"}]
            rows.kinds[place] = kinds[0] if kinds else "bridge"
            known = orjson.loads(rows.attributes[place] or b"{}")
            known["ways"] = ";".join(self.rows.ids[row] for row in group[:_MOST_LISTED])
            rows.attributes[place] = orjson.dumps(known)
        return rows


def _lies_on(lines: Shapes, drawn: Shapes) -> npt.NDArray[np.bool_]:
    """Which lines run for the most part on drawn bridges."""
    if len(lines) == 0 or len(drawn) == 0:
        return np.zeros(len(lines), dtype=bool)
    line, area = shapely.STRtree(drawn).query(lines, predicate="intersects")
    lengths = shapely.length(shapely.intersection(lines[line], drawn[area]))
    on_m = np.bincount(line, weights=lengths, minlength=len(lines))
    return np.asarray(on_m > _ON_DRAWN * shapely.length(lines), dtype=bool)
