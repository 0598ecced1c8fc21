"""From a table's mapped columns to the columns of one of our layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.city.heights import building_heights
from shancheng.city.schema import PROVENANCES, SURVEYED
from shancheng.city.sources import vector_values as values
from shancheng.city.sources.osm_roofs import roof_direction_deg, roof_orientation, roof_shape
from shancheng.city.sources.osm_tags import LANE_WIDTH_M, PLACE_RANK, RAIL_WIDTH_M, ROAD_WIDTH_M
from shancheng.city.sources.vector_arrow import Array, mask_of, only_where, pc

__all__ = ["DEFAULT_KIND", "View", "layer_columns"]

Columns = dict[str, Any]
_MAX_WIDTH_M: Final = 100.0
_MAX_HEIGHT_M: Final = 1_000.0
_MAX_LANES: Final = 20
_LOWEST_M, _HIGHEST_M = -500.0, 9_000.0
_MOST_PEOPLE: Final = 1e9
_LAYERS_DEEP: Final = 9
_MAX_KIND: Final = 64
_UNRANKED_LANDMARK: Final = 3
_UNRANKED_PLACE: Final = 6
_ROAD_M: Final = 6.0
_RAIL_M: Final = 3.2

DEFAULT_KIND: Final[dict[str, str]] = {
    # As OpenStreetMap says of a building of which nothing else is known.
    "buildings": "yes",
    "building_elements": "element",
    "roads": "road",
    "rail": "rail",
    "rail_stations": "station",
    "elevators": "elevator",
    "water": "water",
    "green": "green",
    "bridges": "bridge",
    "landmarks": "landmark",
    "districts": "district",
    "places": "place",
    "base_stations": "base_station",
    "compute_sites": "compute_site",
    "sensors": "sensor",
    "transit_stops": "stop",
    "transit_routes": "route",
    "transit_shapes": "shape",
}


@dataclass
class View:
    """Rows of a table under our names.

    Attributes:
        columns: The file's columns by their own names, shape (n,) each.
        theirs: The file's name for some of ours.
        n_rows: How many rows there are.
        rejected: Filled while columns are read: values that were said and could not be used, shape (n,).
    """

    columns: Mapping[str, Array]
    theirs: Mapping[str, str]
    n_rows: int
    rejected: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def raw(self, ours: str) -> Array | None:
        """The column as the file has it; None where there is none."""
        name = self.theirs.get(ours)
        return None if name is None else self.columns[name]

    def text(self, ours: str) -> Array | None:
        """As text."""
        raw = self.raw(ours)
        return None if raw is None else values.texts(raw)

    def measures(self, ours: str) -> Any:  # noqa: ANN401 - words or numbers
        """As the rules of heights take it: numbers as they are, anything else as words."""
        raw = self.raw(ours)
        return np.full(self.n_rows, np.nan) if raw is None else values.measures(raw)

    def read(self, ours: str, convert: Callable[[Array], values.Values]) -> Any:  # noqa: ANN401 - a column
        """Converted; None where the column is missing."""
        raw = self.raw(ours)
        if raw is None:
            return None
        found = convert(raw)
        self.rejected[ours] = found.rejected
        return found.column

    def number(self, ours: str, low: float, high: float) -> Any:  # noqa: ANN401 - floats, or None
        """Numbers in a range, NaN elsewhere; None where the column is missing."""
        return self.read(ours, lambda raw: values.numbers(raw, low, high))

    def length(self, ours: str, low: float, high: float) -> Any:  # noqa: ANN401 - floats, or None
        """Metres in a range, NaN elsewhere; None where the column is missing."""
        return self.read(ours, lambda raw: values.lengths(raw, low, high))


def layer_columns(layer: str, view: View, provenance: str, source: str) -> Columns:
    """The columns of a layer but ``id``, ``geometry``, ``attributes``; what the table lacks is left out.

    Args:
        layer: A key of ``LAYERS``.
        view: The rows.
        provenance: Of rows that do not say theirs.
        source: Likewise.
    """
    kind = _or(_kinds(view.text("kind")), DEFAULT_KIND.get(layer, layer), view.n_rows)
    columns: Columns = {
        "kind": kind,
        "name": view.text("name"),
        "name_en": view.text("name_en"),
        "provenance": _or(_known_provenance(view), provenance, view.n_rows),
        "accuracy_m": view.length("accuracy_m", 0.0, 1e5),
        "source": source if view.raw("source") is None else _or(view.text("source"), source, view.n_rows),
        "valid_from": view.read("valid_from", values.times),
        "valid_to": view.read("valid_to", values.times),
    }
    return columns | (_MORE[layer](view, columns) if layer in _MORE else {})


def _or(column: Array | None, default: str, n_rows: int) -> Array:
    return pa.repeat(default, n_rows) if column is None else pc.fill_null(column, default)


def _kinds(text: Array | None) -> Array | None:
    """A kind is a word; a sentence is none."""
    if text is None:
        return None
    return only_where(pc.less_equal(pc.utf8_length(text), _MAX_KIND), text)


def _known_provenance(view: View) -> Array | None:
    text = view.text("provenance")
    if text is None:
        return None
    known = pc.is_in(text, pa.array(PROVENANCES))
    view.rejected["provenance"] = mask_of(pc.and_(pc.is_valid(text), pc.invert(known)))
    return only_where(known, text)


def _buildings(view: View, columns: Columns) -> Columns:
    said = {ours: view.measures(ours) for ours in _HEIGHT_WORDS}
    heights = building_heights(
        columns["kind"].to_pylist(),
        height=said["height_m"],
        levels=said["levels"],
        min_height=said["min_height_m"],
        min_level=said["min_level"],
        roof_height=said["roof_height_m"],
    )
    view.rejected["height_m"] = _is_said(said["height_m"]) & (heights.height_provenance != SURVEYED)
    levels = pa.array(heights.levels, pa.int16())
    view.rejected["levels"] = _is_said(said["levels"]) & ~np.asarray(levels.is_valid())
    return {
        "height_m": heights.height_m,
        "height_provenance": _no_better(heights.height_provenance, columns["provenance"]),
        "min_height_m": heights.min_height_m,
        "levels": levels,
        "roof_height_m": heights.roof_height_m,
        "roof_shape": view.read("roof_shape", lambda raw: values.spelled(raw, roof_shape)),
        "roof_direction_deg": view.read(
            "roof_direction_deg", lambda raw: values.directions(raw, roof_direction_deg)
        ),
        "roof_orientation": view.read("roof_orientation", lambda raw: values.spelled(raw, _orientation)),
        "parent_id": view.text("parent_id"),
    }


def _is_said(column: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - words or numbers
    if isinstance(column, np.ndarray):
        return np.asarray(~np.isnan(column))
    return np.array([word is not None for word in column], dtype=bool)


_HEIGHT_WORDS: Final = ("height_m", "levels", "min_height_m", "min_level", "roof_height_m")


def _no_better(of_heights: npt.NDArray[np.object_], of_rows: Array) -> Array:
    """A height is not better known than its building."""
    if pc.all(pc.equal(of_rows, SURVEYED)).as_py():
        return pa.array(of_heights, pa.string())
    order = pa.array(PROVENANCES)
    worse = pc.max_element_wise(
        pc.index_in(pa.array(of_heights, pa.string()), order), pc.index_in(of_rows, order)
    )
    return order.take(worse)


def _orientation(word: str | None) -> str | None:
    return roof_orientation(None if word is None else word.lower())


def _ways(view: View, columns: Columns, widths: Mapping[str, float], usual_m: float) -> Columns:
    n = view.n_rows
    by_kind = _by_word(columns["kind"], widths, usual_m)
    width_m = view.length("width_m", 0.1, _MAX_WIDTH_M)
    lanes = view.number("lanes", 1.0, _MAX_LANES)
    for found in (None if lanes is None else lanes * LANE_WIDTH_M, width_m):
        if found is not None:
            by_kind = np.where(np.isnan(found), by_kind, found)
    layer = view.number("layer", -99.0, 99.0)
    return {
        "width_m": by_kind,
        "layer": np.zeros(n, dtype=np.int8)
        if layer is None
        else np.clip(np.nan_to_num(layer), -_LAYERS_DEEP, _LAYERS_DEEP).astype(np.int8),
        "bridge": _truth(view, "bridge"),
        "tunnel": _truth(view, "tunnel"),
    }


def _by_word(words: Array, known: Mapping[str, float], usual: float) -> npt.NDArray[np.float64]:
    coded = words.dictionary_encode()
    table = np.array([known.get(word, usual) for word in coded.dictionary.to_pylist()] or [usual])
    return np.asarray(table[coded.indices.to_numpy(zero_copy_only=False)], dtype=np.float64)


def _truth(view: View, ours: str) -> npt.NDArray[np.bool_]:
    raw = view.raw(ours)
    return np.zeros(view.n_rows, dtype=bool) if raw is None else values.truths(raw)


def _roads(view: View, columns: Columns) -> Columns:
    return _ways(view, columns, ROAD_WIDTH_M, _ROAD_M)


def _rail(view: View, columns: Columns) -> Columns:
    return _ways(view, columns, RAIL_WIDTH_M, _RAIL_M) | _lines(view, columns)


def _lines(view: View, _: Columns) -> Columns:
    return {"line": view.text("line"), "colour": view.read("colour", values.colours)}


def _rail_stations(view: View, _: Columns) -> Columns:
    lines = view.raw("lines")
    return {
        "lines": None if lines is None else values.lists(lines),
        "elevation_m": view.number("elevation_m", _LOWEST_M, _HIGHEST_M),
    }


def _bridges(view: View, _: Columns) -> Columns:
    return {
        "deck_elevation_m": view.number("deck_elevation_m", _LOWEST_M, _HIGHEST_M),
        "width_m": view.length("width_m", 0.1, _MAX_WIDTH_M),
        "tower_height_m": view.length("tower_height_m", 0.1, _MAX_HEIGHT_M),
    }


def _ranks(view: View, usual: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    rank = view.number("rank", 1.0, 1_000.0)
    found = usual if rank is None else np.where(np.isnan(rank), usual, rank)
    return found.astype(np.int16)


def _landmarks(view: View, _: Columns) -> Columns:
    usual = np.full(view.n_rows, float(_UNRANKED_LANDMARK))
    return {"height_m": view.length("height_m", 0.1, _MAX_HEIGHT_M), "rank": _ranks(view, usual)}


def _places(view: View, columns: Columns) -> Columns:
    people = view.number("population", 0.0, _MOST_PEOPLE)
    known = {kind: float(rank) for kind, rank in PLACE_RANK.items()}
    return {
        "population": None
        if people is None
        else pa.array(people, from_pandas=True).cast(pa.int64(), safe=False),
        "rank": _ranks(view, _by_word(columns["kind"], known, _UNRANKED_PLACE)),
    }


def _base_stations(view: View, _: Columns) -> Columns:
    return {
        "height_m": view.length("height_m", 0.1, _MAX_HEIGHT_M),
        "azimuths_deg": view.read("azimuths_deg", values.angles),
        "downtilt_deg": view.number("downtilt_deg", -90.0, 90.0),
        # Below: a number in megahertz or gigahertz that was taken for hertz.
        "frequency_hz": view.number("frequency_hz", 1e6, 1e12),
        "power_dbm": view.number("power_dbm", -100.0, 100.0),
    }


_MORE: Final[dict[str, Callable[[View, Columns], Columns]]] = {
    "buildings": _buildings,
    "building_elements": lambda view, _: {
        "storey_id": view.text("storey_id"),
        "building_id": view.text("building_id"),
    },
    "roads": _roads,
    "rail": _rail,
    "rail_stations": _rail_stations,
    "bridges": _bridges,
    "landmarks": _landmarks,
    "districts": lambda view, _: {"code": view.text("code")},
    "places": _places,
    "base_stations": _base_stations,
    "transit_routes": _lines,
}
