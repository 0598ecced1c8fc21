"""From Overture's types to our layers: which rows belong where, and under which of our names.

What else a row says stays in its `attributes`. A class that no layer holds is counted and named, not listed
row by row: there can be millions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.sources.osm_tags import GREEN, PLACE_RANK
from shancheng.city.sources.overture_segments import Pieces, Rules, cut_lines, pieces_of, rules_of
from shancheng.city.sources.vector_arrow import Array, Mask, mask_of, offsets_of, pc
from shancheng.city.sources.vector_shapes import Shapes

__all__ = ["FILLS", "MAPPED", "Part", "Sorted", "sorted_rows"]

Columns = Mapping[str, Array]

_BASE: Final = {"id": "id", "kind": "=kind", "name": "=name", "name_en": "=name_en", "source": "=source"}
_WAY: Final = {"width_m": "=width_m", "layer": "=layer", "bridge": "=bridge", "tunnel": "=tunnel"}
MAPPED: Final[dict[str, dict[str, str]]] = {
    "buildings": {
        **_BASE,
        "height_m": "height",
        "levels": "num_floors",
        "min_height_m": "min_height",
        "min_level": "min_floor",
        "roof_shape": "roof_shape",
        "roof_height_m": "roof_height",
        "roof_direction_deg": "roof_direction",
        "roof_orientation": "roof_orientation",
        "parent_id": "=parent_id",
    },
    "roads": {**_BASE, **_WAY},
    "rail": {**_BASE, **_WAY},
    "water": _BASE,
    "green": _BASE,
    "bridges": _BASE,
    "base_stations": {**_BASE, "height_m": "height"},
    "rail_stations": _BASE,
    "transit_stops": _BASE,
    "districts": _BASE,
    "places": {**_BASE, "population": "population", "rank": "=rank"},
}
"""For each layer, our columns and those of Overture or (`=`) made here that fill them."""

_LINKS: Final = frozenset({"motorway", "trunk", "primary", "secondary", "tertiary"})
_RAIL: Final = {"standard_gauge": "rail", "unknown": "rail"}
_GONE: Final = ("is_abandoned", "is_under_construction", "is_indoor")
_GONE_REASONS: Final = {
    "is_abandoned": "is abandoned",
    "is_under_construction": "is under construction",
    "is_indoor": "lies inside a building",
}
_GREEN_USE: Final = GREEN["landuse"] | GREEN["leisure"] | {
    "park", "national_park", "state_park", "nature_reserve", "farmland", "green", "zoo", "driving_range",
    "fairway", "rough", "tee", "common",
}  # fmt: skip
_GREEN_LAND: Final = frozenset({
    "forest", "wood", "grass", "grassland", "meadow", "scrub", "shrub", "shrubbery", "heath", "fell",
    "wetland", "tundra",
})  # fmt: skip
_NO_WATER: Final = frozenset({
    "bay", "cape", "strait", "shoal", "blowhole", "geyser", "hot_spring", "spring", "waterfall", "fairway",
})  # fmt: skip
_INFRASTRUCTURE: Final[dict[str, str]] = {
    "bridge": "bridges",
    "aqueduct": "bridges",
    "boardwalk": "bridges",
    "cantilever": "bridges",
    "covered": "bridges",
    "movable": "bridges",
    "trestle": "bridges",
    "viaduct": "bridges",
    "communication_tower": "base_stations",
    "mobile_phone_tower": "base_stations",
    "railway_station": "rail_stations",
    "railway_halt": "rail_stations",
    "subway_station": "rail_stations",
    "bus_stop": "transit_stops",
    "bus_station": "transit_stops",
    "ferry_terminal": "transit_stops",
}
# Of subtypes of a division: whether its area is a district of a city, and how known a name is.
_DISTRICTS: Final = frozenset({
    "macrocounty", "county", "localadmin", "locality", "borough", "macrohood", "neighborhood", "microhood",
})  # fmt: skip
_PLACE_RANK: Final[dict[str, int]] = {
    "megacity": 1,
    "city": 1,
    "town": 2,
    "village": PLACE_RANK["village"],
    "hamlet": PLACE_RANK["hamlet"],
    "macrocounty": 2,
    "county": 2,
    "localadmin": 2,
    "locality": 2,
    "borough": 3,
    "macrohood": 4,
    "neighborhood": 5,
    "microhood": 6,
}
_POINT_OF_INTEREST: Final = 9


@dataclass(frozen=True)
class Part:
    """Rows of a batch for one layer: their numbers, columns made for them, and shapes where they changed."""

    layer: str
    rows: npt.NDArray[np.int64]
    made: dict[str, Array]
    shapes: Shapes | None = None
    drop: tuple[str, ...] = ()


@dataclass
class Sorted:
    """A batch, sorted. ``excluded`` are rows with their reason; ``foreign`` classes that no layer holds."""

    parts: list[Part] = field(default_factory=list)
    excluded: list[tuple[str, npt.NDArray[np.int64], str]] = field(default_factory=list)
    foreign: list[tuple[str, str, int]] = field(default_factory=list)
    bad_rules: int = 0


def sorted_rows(kind: str, columns: Columns, shapes: Shapes) -> Sorted:
    """Sort the rows of one type.

    Args:
        kind: A type of `COLUMNS` in ``overture_types.py``.
        columns: With at least the columns of that type, fitted.
        shapes: Shape (n,).
    """
    found = Sorted()
    _SORT[kind](found, columns, shapes)
    return found


def _common(columns: Columns, rows: npt.NDArray[np.int64], kind: Array) -> dict[str, Array]:
    names, take = columns["names"], pa.array(rows)
    primary = pc.struct_field(names, "primary").take(take)
    english = pc.map_lookup(pc.struct_field(names, "common"), pa.scalar("en"), "first").take(take)
    return {
        "=kind": kind.take(take),
        "=name": primary,
        "=name_en": english.cast(pa.string()),
        "=source": _datasets(columns["sources"]).take(take),
    }


def _datasets(sources: Array) -> Array:
    """Whose row it is: the data set of the whole, which is the one that stands first. Shape (n,)."""
    offsets = offsets_of(sources)
    names = pc.struct_field(sources.flatten(), "dataset")
    return names.take(pa.array(offsets[:-1], mask=np.diff(offsets) == 0))


def _where(mask: Array) -> npt.NDArray[np.int64]:
    return np.flatnonzero(mask_of(mask))


def _rest(found: Sorted, layer: str, kind: str, columns: Columns, rest: Mask) -> None:
    """Count the classes of rows that go nowhere."""
    rows = pa.array(np.flatnonzero(rest))
    words = pc.binary_join_element_wise(
        *(pc.fill_null(columns[name].take(rows), "-") for name in ("subtype", "class")), "/"
    )
    for entry in words.value_counts().to_pylist():
        found.foreign.append((layer, f"{kind} {entry['values']}", int(entry["counts"])))


def _buildings(found: Sorted, columns: Columns, _: Shapes) -> None:
    under = pc.fill_null(columns["is_underground"], pa.scalar(value=False))
    rows = _where(pc.invert(under))
    found.excluded.append(("buildings", _where(under), "lies underground"))
    kind = pc.coalesce(columns["class"], columns["subtype"], pa.scalar("yes"))
    n = len(kind)
    parent = columns.get("building_id", pa.nulls(n, pa.string()))
    made = {**_common(columns, rows, kind), "=parent_id": parent.take(pa.array(rows))}
    found.parts.append(Part("buildings", rows, made, drop=("building_id",)))


def _segments(found: Sorted, columns: Columns, shapes: Shapes) -> None:
    for subtype, layer, flags in (("road", "roads", "road_flags"), ("rail", "rail", "rail_flags")):
        rows = _where(pc.equal(columns["subtype"], subtype))
        if len(rows):
            taken = {name: column.take(pa.array(rows)) for name, column in columns.items()}
            _ways(found, layer, rows, taken, shapes[rows], rules_of(taken[flags], "values"))
    other = pc.invert(pc.is_in(columns["subtype"], pa.array(["road", "rail"])))
    _rest(found, "roads", "segment", columns, mask_of(other))


def _ways(
    found: Sorted, layer: str, rows: npt.NDArray[np.int64], columns: Columns, shapes: Shapes, flags: Rules
) -> None:
    level, width = rules_of(columns["level_rules"]), rules_of(columns["width_rules"])
    found.bad_rules += flags.bad + level.bad + width.bad
    matter = _only(flags, np.isin(flags.value, ("is_bridge", "is_tunnel", *_GONE)))
    pieces = pieces_of(shapes, [matter, level, width])
    n = len(pieces.row)
    on = {flag: pieces.flagged(matter, matter.value == flag) for flag in ("is_bridge", "is_tunnel", *_GONE)}
    gone = np.logical_or.reduce([on[flag] for flag in _GONE])
    for flag in _GONE:
        found.excluded.append((layer, rows[np.unique(pieces.row[on[flag]])], _GONE_REASONS[flag]))
    keep = np.flatnonzero(~gone)
    take = pieces.row[keep]
    made = {
        **_common(columns, take, _way_kinds(layer, columns)),
        "=width_m": pa.array(pieces.values(width, np.full(n, np.nan))[keep], from_pandas=True),
        "=layer": pa.array(pieces.values(level, np.zeros(n))[keep]),
        "=bridge": pa.array(on["is_bridge"][keep]),
        "=tunnel": pa.array(on["is_tunnel"][keep]),
        "id": _piece_ids(columns["id"].take(pa.array(take)), pieces, keep),
    }
    drop = ("level_rules", "width_rules")
    found.parts.append(Part(layer, rows[take], made, cut_lines(shapes, pieces)[keep], drop))


def _only(rules: Rules, chosen: Mask) -> Rules:
    return Rules(rules.row[chosen], rules.start[chosen], rules.end[chosen], rules.value[chosen], rules.bad)


def _piece_ids(ids: Array, pieces: Pieces, keep: npt.NDArray[np.int64]) -> Array:
    """A part of a segment is named by its segment and by the shares where it begins and ends."""
    part = pieces.is_part[keep]
    shares = [
        f"@{start:.9g}-{end:.9g}" if cut else ""
        for cut, start, end in zip(part, pieces.start[keep], pieces.end[keep], strict=True)
    ]
    return pc.binary_join_element_wise(ids, pa.array(shares, pa.string()), "")


def _way_kinds(layer: str, columns: Columns) -> Array:
    """Kinds as OpenStreetMap has them, which widths and colours go by."""
    kind = columns["class"]
    if layer == "rail":
        for theirs, ours in _RAIL.items():
            kind = pc.if_else(pc.equal(kind, theirs), ours, kind)
        return pc.fill_null(kind, "rail")
    link = pc.and_(pc.equal(columns["subclass"], "link"), pc.is_in(kind, pa.array(sorted(_LINKS))))
    kind = pc.if_else(
        pc.fill_null(link, pa.scalar(value=False)), pc.binary_join_element_wise(kind, "_link", ""), kind
    )
    return pc.if_else(pc.fill_null(pc.equal(kind, "unknown"), pa.scalar(value=True)), "road", kind)


def _water(found: Sorted, columns: Columns, _: Shapes) -> None:
    _by_class(
        found, "water", "water", columns, lambda kind: pc.invert(pc.is_in(kind, pa.array(sorted(_NO_WATER))))
    )


def _land(found: Sorted, columns: Columns, _: Shapes) -> None:
    _by_class(found, "green", "land", columns, lambda kind: pc.is_in(kind, pa.array(sorted(_GREEN_LAND))))


def _land_use(found: Sorted, columns: Columns, _: Shapes) -> None:
    _by_class(found, "green", "land_use", columns, lambda kind: pc.is_in(kind, pa.array(sorted(_GREEN_USE))))


def _by_class(
    found: Sorted, layer: str, kind: str, columns: Columns, belongs: Callable[[Array], Array]
) -> None:
    classes = pc.coalesce(columns["class"], columns["subtype"])
    taken = mask_of(belongs(classes)) & mask_of(classes.is_valid())
    rows = np.flatnonzero(taken)
    found.parts.append(Part(layer, rows, _common(columns, rows, classes)))
    _rest(found, layer, kind, columns, ~taken)


def _as_points(shapes: Shapes) -> Shapes:
    """A station that is drawn as an area is the middle of it."""
    areas = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004 - of a surface
    points = shapes.copy()
    points[areas] = shapely.centroid(shapes[areas])
    return points


def _infrastructure(found: Sorted, columns: Columns, shapes: Shapes) -> None:
    left = np.ones(len(columns["class"]), dtype=bool)
    for layer in dict.fromkeys(_INFRASTRUCTURE.values()):
        classes = [name for name, theirs in _INFRASTRUCTURE.items() if theirs == layer]
        rows = _where(pc.is_in(columns["class"], pa.array(classes)))
        left[rows] = False
        if len(rows):
            made = _common(columns, rows, columns["class"])
            found.parts.append(
                Part(layer, rows, made, _as_points(shapes[rows]) if layer != "bridges" else None)
            )
    _rest(found, "bridges", "infrastructure", columns, left)


def _divisions(found: Sorted, columns: Columns, _: Shapes) -> None:
    known = pa.array(sorted(_DISTRICTS))
    taken = pc.is_in(columns["subtype"], known)
    rows = _where(taken)
    kind = pc.coalesce(columns["class"], columns["subtype"])
    made = _common(columns, rows, kind)
    ranks = [_PLACE_RANK.get(word, PLACE_RANK["locality"]) for word in made["=kind"].to_pylist()]
    made["=rank"] = pa.array(ranks, pa.int32())
    found.parts.append(Part("places", rows, made))
    _rest(found, "places", "division", columns, ~mask_of(taken))


def _division_areas(found: Sorted, columns: Columns, _: Shapes) -> None:
    """Land areas of districts; states and countries are no districts, nor is the sea that belongs to one."""
    sea = pc.or_kleene(
        pc.equal(columns["class"], "maritime"), pc.equal(columns["is_land"], pa.scalar(value=False))
    )
    land = pc.invert(pc.fill_null(sea, pa.scalar(value=False)))
    taken = mask_of(pc.and_(land, pc.is_in(columns["subtype"], pa.array(sorted(_DISTRICTS)))))
    rows = np.flatnonzero(taken)
    found.parts.append(Part("districts", rows, _common(columns, rows, columns["subtype"])))
    _rest(found, "districts", "division_area", columns, ~taken)


def _places(found: Sorted, columns: Columns, _: Shapes) -> None:
    closed = pc.is_in(columns["operating_status"], pa.array(["permanently_closed"]))
    found.excluded.append(("places", _where(closed), "is closed for good"))
    rows = _where(pc.invert(closed))
    kind = pc.coalesce(
        columns["basic_category"], pc.struct_field(columns["categories"], "primary"), pa.scalar("place")
    )
    made = _common(columns, rows, kind)
    made["=rank"] = pa.repeat(pa.scalar(_POINT_OF_INTEREST, pa.int32()), len(rows))
    found.parts.append(Part("places", rows, made))


_SORT: Final[dict[str, Callable[[Sorted, Columns, Shapes], None]]] = {
    "building": _buildings,
    "building_part": _buildings,
    "segment": _segments,
    "water": _water,
    "land": _land,
    "land_use": _land_use,
    "infrastructure": _infrastructure,
    "division": _divisions,
    "division_area": _division_areas,
    "place": _places,
}


FILLS: Final[dict[str, tuple[str, ...]]] = {
    "building": ("buildings",),
    "building_part": ("buildings",),
    "segment": ("roads", "rail"),
    "water": ("water",),
    "land": ("green",),
    "land_use": ("green",),
    "infrastructure": ("bridges", "base_stations", "rail_stations", "transit_stops"),
    "division": ("places",),
    "division_area": ("districts",),
    "place": ("places",),
}
