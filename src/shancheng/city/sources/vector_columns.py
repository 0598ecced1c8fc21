"""Which column of a file fills which of ours: told by the user, or guessed from names that are shown to him.

Names are compared without case, blanks, `_`, `-`, `:` and `.`: `Building:Levels` is `building_levels`. Only
names are looked at, never values. No name that speaks of feet stands in the table, so none is guessed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shancheng.city.schema import LAYERS
from shancheng.city.sources.base import ColumnUse
from shancheng.errors import SettingError

__all__ = ["Mapped", "choose_columns", "fields_of", "guess", "normalised", "shown"]

_HEIGHT: Final = ("height_m", "height", "hgt", "measured_height", "高度")

# For each of ours: names in order of preference. Names of our own files come first.
_COMMON: Final[dict[str, tuple[str, ...]]] = {
    "id": (
        "id", "osm_id", "osm_way_id", "feature_id", "gml_id", "uuid", "guid", "global_id", "objectid", "@id",
        "编号", "标识", "fid", "gid",
    ),
    "kind": ("kind", "fclass", "class", "type", "category", "类型", "类别", "种类"),
    "name": ("name", "name_zh", "title", "label", "名称", "名字", "中文名", "地名"),
    "name_en": ("name_en", "english_name", "英文名", "英文名称"),
    "provenance": ("provenance",),
    "accuracy_m": ("accuracy_m", "horizontal_accuracy_m", "精度"),
    "source": ("source",),
    "valid_from": ("valid_from",),
    "valid_to": ("valid_to",),
}  # fmt: skip
_WAY: Final[dict[str, tuple[str, ...]]] = {
    "width_m": ("width_m", "width", "road_width", "宽度", "路宽", "道路宽度"),
    "lanes": ("lanes", "n_lanes", "num_lanes", "车道数", "车道"),
    "layer": ("layer", "z_level", "层级"),
    "bridge": ("bridge", "is_bridge", "桥梁"),
    "tunnel": ("tunnel", "is_tunnel", "隧道"),
}
_LINE: Final[dict[str, tuple[str, ...]]] = {
    "line": ("line", "line_name", "route", "线路", "线路名称"),
    "colour": ("colour", "color", "line_colour", "line_color", "route_color", "颜色"),
}
_OWN: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "buildings": {
        "id": (*_COMMON["id"], "building_id", "bldg_id", "楼号"),
        "kind": (
            "kind", "building", "fclass", "class", "building_type", "type", "usage", "用途", "类型", "类别",
        ),
        "height_m": (*_HEIGHT, "building_height", "bldg_height", "楼高", "建筑高度", "房屋高度"),
        "min_height_m": ("min_height_m", "min_height", "底高"),
        "levels": (
            "levels", "building_levels", "num_floors", "floors", "floor", "n_floors", "nb_floors",
            "floor_count", "storeys", "stories", "num_storeys",
            "层数", "楼层", "楼层数", "地上层数", "建筑层数",
        ),
        "min_level": ("min_level", "building_min_level", "min_floor"),
        "roof_shape": ("roof_shape", "屋顶形状"),
        "roof_height_m": ("roof_height_m", "roof_height", "屋顶高度"),
        "roof_direction_deg": ("roof_direction_deg", "roof_direction"),
        "roof_orientation": ("roof_orientation",),
        "parent_id": ("parent_id",),
    },
    "building_elements": {"storey_id": ("storey_id",), "building_id": ("building_id",)},
    "roads": {
        "kind": ("kind", "highway", "fclass", "road_class", "class", "type", "道路等级", "等级", "类型"),
        **_WAY,
    },
    "rail": {"kind": ("kind", "railway", "fclass", "class", "type", "类型"), **_WAY, **_LINE},
    "rail_stations": {
        "lines": ("lines", "line", "line_names", "线路"),
        "elevation_m": ("elevation_m", "elevation"),
    },
    "water": {
        "kind": ("kind", "water", "waterway", "fclass", "class", "type", "类型"),
        "width_m": _WAY["width_m"],
    },
    "green": {"kind": ("kind", "landuse", "leisure", "natural", "fclass", "class", "type", "类型")},
    "bridges": {
        "deck_elevation_m": ("deck_elevation_m",),
        "width_m": ("width_m", "width", "桥宽", "宽度"),
        "tower_height_m": ("tower_height_m", "塔高"),
    },
    "landmarks": {"height_m": _HEIGHT, "rank": ("rank",)},
    "districts": {
        "code": ("code", "adcode", "admin_code", "district_code", "行政区划代码", "区划代码", "代码"),
    },
    "places": {
        "kind": ("kind", "place", "fclass", "class", "type", "类型"),
        "population": ("population", "pop", "人口", "常住人口"),
        "rank": ("rank",),
    },
    "base_stations": {
        "id": (*_COMMON["id"], "site_id", "cell_id", "station_id", "基站编号", "站号"),
        "kind": ("kind", "radio", "technology", "type", "制式", "类型"),
        "height_m": ("height_m", "antenna_height_m", "antenna_height", *_HEIGHT, "挂高", "天线高度"),
        "azimuths_deg": ("azimuths_deg", "azimuths", "azimuth_deg", "azimuth", "bearing", "方位角"),
        "downtilt_deg": ("downtilt_deg", "downtilt", "tilt_deg", "tilt", "下倾角", "总下倾角"),
        "frequency_hz": ("frequency_hz", "freq_hz"),
        "power_dbm": ("power_dbm", "tx_power_dbm", "发射功率dbm"),
    },
    "compute_sites": {"id": (*_COMMON["id"], "site_id")},
    "sensors": {"id": (*_COMMON["id"], "sensor_id", "device_id", "设备编号")},
    "transit_stops": {"id": (*_COMMON["id"], "stop_id")},
    "transit_routes": {"id": (*_COMMON["id"], "route_id"), **_LINE},
    "transit_shapes": {"id": (*_COMMON["id"], "shape_id")},
}  # fmt: skip

_FEET: Final = re.compile(r"(?i)(?:^|[\W_])(?:ft|feet|foot|inch|inches|英尺)\W*$")
_METRES: Final = re.compile(r"_m$")
_SHOWN: Final = 30


@dataclass(frozen=True)
class Mapped:
    """Columns that are used. ``theirs`` has a column of the file for some of ours."""

    theirs: dict[str, str]
    use: tuple[ColumnUse, ...]


def normalised(name: str) -> str:
    """A column's name without case and without what separates its words."""
    return re.sub(r"[\s_\-:.]+", "", name).casefold()


def fields_of(layer: str) -> dict[str, tuple[str, ...]]:
    """What a layer may take from a table, with the names that are guessed for it.

    Raises:
        SettingError: There is no such layer.
    """
    if layer not in LAYERS:
        raise SettingError(f"layer={layer!r}: must be one of {', '.join(LAYERS)}")
    return _COMMON | _OWN.get(layer, {})


def choose_columns(
    wanted: Mapping[str, tuple[str, ...]], names: Sequence[str], given: Mapping[str, str], where: str
) -> Mapped:
    """A column for each of ours, as far as there is one; each column serves once.

    Args:
        wanted: Ours, with the names to guess.
        names: Columns of the file.
        given: The user's choice; an empty name leaves ours out.
        where: Names the file in errors.

    Raises:
        SettingError: One of ours or one of the file's is not known, or its name says feet.
    """
    _check_given(wanted, names, given, where)
    theirs = {ours: name for ours, name in given.items() if name}
    free = [name for name in names if name not in theirs.values()]
    for ours, candidates in wanted.items():
        found = None if ours in given else guess(candidates, free)
        if found is not None:
            theirs[ours] = found
            free.remove(found)
    use = tuple(ColumnUse(ours, theirs[ours], ours not in given) for ours in wanted if ours in theirs)
    return Mapped(theirs, use)


def guess(candidates: Iterable[str], names: Sequence[str]) -> str | None:
    """The first candidate that is a column; of several columns that read alike, the first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(normalised(name), name)
    return next((found[key] for key in map(normalised, candidates) if key in found), None)


def _check_given(
    wanted: Mapping[str, tuple[str, ...]], names: Sequence[str], given: Mapping[str, str], where: str
) -> None:
    for ours, name in given.items():
        if ours not in wanted:
            raise SettingError(
                f"columns: {ours}={name!r}: no column of ours; must be one of {', '.join(wanted)}"
            )
        if name and name not in names:
            raise SettingError(f"columns: {ours}={name!r}: {where} has no such column; it has {shown(names)}")
        if _METRES.search(ours) and _FEET.search(name):
            raise SettingError(f"columns: {ours}={name!r}: feet by its name; needed: a column in metres")


def shown(names: Sequence[str]) -> str:
    """Some names of columns, for a message."""
    more = len(names) - _SHOWN
    return (", ".join(names[:_SHOWN]) or "none") + (f" and {more} more" if more > 0 else "")
