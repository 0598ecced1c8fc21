"""GeoParquet that holds OpenStreetMap's tags as a map: a row's tags say which layer it belongs to.

Such files are written by tools that turn an extract into one table of all features (QuackOSM among them),
with `feature_id` like `node/123` and `tags` as a map. Rows whose tags do not make them one of the layer are
set aside with that reason.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from shancheng.city.sources.osm_tags import GREEN, PLACE_RANK, RAIL_WIDTH_M, ROAD_WIDTH_M, WATERWAY_WIDTH_M
from shancheng.city.sources.vector_arrow import Array, mask_of, pc
from shancheng.city.sources.vector_shapes import Sound
from shancheng.errors import SettingError

__all__ = ["TagRules", "flattened", "in_layer", "tag_rules", "virtual_columns"]

_COLUMN: Final = "tags"
_NO: Final = "no"

# For each layer that tags can fill: keys, each with the values that count; an empty set takes all but `no`.
_KEYS: Final[dict[str, dict[str, Collection[str]]]] = {
    # Parts are left to the source `osm`, which finds the building that each belongs to.
    "buildings": {"building": ()},
    "roads": {"highway": tuple(ROAD_WIDTH_M)},
    "rail": {"railway": tuple(RAIL_WIDTH_M)},
    "rail_stations": {"railway": ("station", "halt", "tram_stop")},
    "water": {"natural": ("water",), "waterway": (*WATERWAY_WIDTH_M, "riverbank", "dock")},
    "green": {key: tuple(GREEN[key]) for key in ("leisure", "landuse", "natural")},
    "elevators": {"highway": ("elevator",)},
    "places": {"place": tuple(PLACE_RANK)},
    "transit_stops": {"highway": ("bus_stop",)},
}
_OURS: Final = {
    "name": "name",
    "name_en": "name:en",
    "height_m": "height",
    "min_height_m": "min_height",
    "levels": "building:levels",
    "min_level": "building:min_level",
    "roof_shape": "roof:shape",
    "roof_height_m": "roof:height",
    "roof_direction_deg": "roof:direction",
    "roof_orientation": "roof:orientation",
    "width_m": "width",
    "lanes": "lanes",
    "layer": "layer",
    "bridge": "bridge",
    "tunnel": "tunnel",
    "colour": "colour",
    "population": "population",
}
_KIND: Final = "tags: kind"


@dataclass(frozen=True)
class TagRules:
    """How the tags of a file are read for one layer.

    Attributes:
        column: The file's column of tags.
        keys: Keys with the values that make a row one of the layer.
        virtual: Columns made from tags, by the name under which they are shown: the tag that fills each.
    """

    column: str
    keys: Mapping[str, Collection[str]]
    virtual: Mapping[str, str]

    def used(self, theirs: Mapping[str, str]) -> list[str]:
        """Tags that columns of ours take over; a tag that gives the kind stays, since several can."""
        return [self.virtual[name] for name in theirs.values() if self.virtual.get(name)]

    def short_ids(self, ids: Array) -> Array:
        """`node/1`, `way/2`, `relation/3` as the source `osm` writes them: `n1`, `w2`, `r3`."""
        return pc.replace_substring_regex(ids, r"^(n|w|r)(?:ode|ay|elation)/(\d+)$", r"\1\2")


def tag_rules(schema: pa.Schema, layer: str, wanted: Collection[str], where: str) -> TagRules | None:
    """Rules for a file that has a map of tags; None where it has none.

    Raises:
        SettingError: Tags do not say what belongs to that layer.
    """
    kind = schema.field(_COLUMN).type if _COLUMN in schema.names else None
    if kind is None or not pa.types.is_map(kind) or not pa.types.is_string(kind.item_type):
        return None
    if layer not in _KEYS:
        raise SettingError(
            f"layer={layer}: {where} holds OpenStreetMap's tags, which fill {', '.join(_KEYS)}; "
            "give one of these"
        )
    virtual = {f"tags: {tag}": tag for ours, tag in _OURS.items() if ours in wanted}
    return TagRules(_COLUMN, _KEYS[layer], {_KIND: "", **virtual})


def virtual_columns(wanted: Collection[str]) -> dict[str, str]:
    """The virtual column for each of ours that tags can fill."""
    return {"kind": _KIND} | {ours: f"tags: {tag}" for ours, tag in _OURS.items() if ours in wanted}


def flattened(columns: Mapping[str, Array], rules: TagRules | None) -> Mapping[str, Array]:
    """The columns, and one for each tag that is used."""
    if rules is None:
        return columns
    tags = columns[rules.column]
    found = {name: _tag(tags, tag, pc.is_valid) for name, tag in rules.virtual.items() if tag}
    return {**columns, **found, _KIND: _kinds(tags, rules)}


def in_layer(layer: str, sound: Sound, columns: Mapping[str, Array], rules: TagRules | None) -> Sound:
    """Only the rows whose tags make them one of the layer; of the others that is the reason."""
    if rules is None:
        return sound
    belongs = mask_of(columns[_KIND].is_valid())
    reasons = sound.reasons.copy()
    reasons[~belongs] = f"its tags do not make it one of {layer} ({' or '.join(rules.keys)})"
    keep = belongs[sound.keep]
    return replace(sound, shapes=sound.shapes[keep], keep=sound.keep[keep], reasons=reasons)


def _kinds(tags: Array, rules: TagRules) -> Array:
    """The first of the layer's tags that a row has, null where it has none."""
    found = [_tag(tags, key, _taker(values)) for key, values in rules.keys.items()]
    return pc.coalesce(*found) if len(found) > 1 else found[0]


def _taker(values: Collection[str]) -> Callable[[Array], Any]:
    if not values:
        return lambda items: pc.not_equal(items, _NO)
    return lambda items: pc.is_in(items, pa.array(list(values)))


def _tag(tags: Array, key: str, takes: Callable[[Array], Any]) -> Array:
    """The value of one tag, null where a row does not have it, or not one that counts; shape (n,)."""
    starts = tags.offsets.to_numpy()
    keys, items = (part[starts[0] : starts[-1]] for part in (tags.keys, tags.items))
    hits = pc.and_(pc.equal(keys, key), pc.fill_null(takes(items), pa.scalar(value=False)))
    places = np.flatnonzero(mask_of(hits))
    rows = np.searchsorted(starts - starts[0], places, side="right") - 1
    take = np.full(len(tags), -1)
    take[rows] = places
    return items.take(pa.array(take, mask=take < 0))
