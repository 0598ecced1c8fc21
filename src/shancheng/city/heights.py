"""From what a source says of a building to a height above ground, and how far that height can be trusted.

Rule: a stated height; else levels × 3.2 m; else a default by kind. Parsing takes raw strings, one a building,
and works on whole columns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shancheng.city.schema import APPROXIMATE, MODELLED, SURVEYED

__all__ = [
    "DEFAULT_HEIGHT_M",
    "DEFAULT_HEIGHT_M_BY_KIND",
    "STOREY_M",
    "BuildingHeights",
    "building_heights",
    "parse_length_m",
    "parse_number",
]

FloatArray = npt.NDArray[np.float64]
Words = Sequence[str | None] | FloatArray
"""What a source says of each building: raw words, or numbers in our unit, NaN where it says nothing."""

STOREY_M: Final = 3.2
MAX_HEIGHT_M: Final = 1000.0
"""Taller than any building that stands; a larger value is a slip of the keyboard."""
MAX_LEVELS: Final = 300

DEFAULT_HEIGHT_M: Final = 8.0
DEFAULT_HEIGHT_M_BY_KIND: Final[dict[str, float]] = {
    # Stated by hand: storeys usual for the kind, × 3.2 m. They are marked `modelled` wherever they are used.
    "apartments": 16.0,
    "barn": 6.0,
    "bungalow": 4.0,
    "cabin": 3.2,
    "carport": 2.6,
    "cathedral": 30.0,
    "chapel": 8.0,
    "church": 16.0,
    "civic": 12.8,
    "college": 12.8,
    "commercial": 12.8,
    "construction": 9.6,
    "detached": 6.4,
    "dormitory": 16.0,
    "farm": 6.4,
    "farm_auxiliary": 5.0,
    "garage": 2.8,
    "garages": 2.8,
    "government": 16.0,
    "grandstand": 10.0,
    "greenhouse": 3.5,
    "hangar": 10.0,
    "hospital": 19.2,
    "hotel": 22.4,
    "house": 6.4,
    "hut": 2.8,
    "industrial": 8.0,
    "kindergarten": 5.0,
    "kiosk": 3.0,
    "mosque": 12.0,
    "office": 22.4,
    "parking": 9.6,
    "public": 12.8,
    "residential": 12.8,
    "retail": 6.4,
    "roof": 4.5,
    "ruins": 3.0,
    "school": 9.6,
    "semidetached_house": 6.4,
    "service": 3.0,
    "shed": 2.6,
    "stadium": 25.0,
    "static_caravan": 3.0,
    "stable": 5.0,
    "synagogue": 12.0,
    "temple": 12.0,
    "terrace": 6.4,
    "toilets": 3.0,
    "train_station": 12.0,
    "transformer_tower": 8.0,
    "university": 16.0,
    "warehouse": 9.0,
}

_NUMBER: Final = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)"
_METRIC: Final = re.compile(
    rf"\s*(?:~|ca\.?|c\.)?\s*({_NUMBER})\s*(m|metres?|meters?|米|公尺|cm|km)?\.?\s*", re.IGNORECASE
)
_FEET: Final = re.compile(
    rf"\s*({_NUMBER})\s*(?:'|′|’|ft\.?|feet|foot)\s*(?:({_NUMBER})\s*(?:\"|″|”|''|in\.?|inch(?:es)?))?\s*",
    re.IGNORECASE,
)
_INCHES: Final = re.compile(rf"\s*({_NUMBER})\s*(?:\"|″|”|''|in\.?|inch(?:es)?)\s*", re.IGNORECASE)
_FOOT_M: Final = 0.3048
_INCH_M: Final = 0.0254
_METRIC_M: Final = {"cm": 0.01, "km": 1000.0}


@dataclass(frozen=True)
class BuildingHeights:
    """Columns of a buildings layer, shape (n,): always 0 ≤ ``min_height_m`` < ``height_m`` ≤ 1000."""

    height_m: npt.NDArray[np.float32]
    height_provenance: npt.NDArray[np.object_]
    min_height_m: npt.NDArray[np.float32]
    levels: list[int | None]
    roof_height_m: npt.NDArray[np.float32]
    """NaN where nothing is said."""


def parse_length_m(text: str | None) -> float:
    """A length in metres from the words of a mapper; NaN where there is none.

    ``12``, ``12 m``, ``12,5``, ``~12``, ``40'``, ``5'10"``, ``40 ft`` and ``1200 cm`` are understood. Of
    several values (``12;15``) the first counts.

    Source:
        OpenStreetMap wiki, “Map features/Units”, “Key:height”.
    """
    if text is None:
        return np.nan
    first = text.split(";", 1)[0]
    if metric := _METRIC.fullmatch(first):
        return _float(metric[1]) * _METRIC_M.get((metric[2] or "m").lower(), 1.0)
    if feet := _FEET.fullmatch(first):
        return _float(feet[1]) * _FOOT_M + (_float(feet[2]) * _INCH_M if feet[2] else 0.0)
    if inches := _INCHES.fullmatch(first):
        return _float(inches[1]) * _INCH_M
    return np.nan


def parse_number(text: str | None) -> float:
    """A plain number such as ``4`` or ``4,5``, of several the first; NaN where there is none."""
    if text is None:
        return np.nan
    match = re.fullmatch(rf"\s*({_NUMBER})\s*", text.split(";", 1)[0])
    return _float(match[1]) if match else np.nan


def building_heights(
    kind: Sequence[str | None],
    *,
    height: Words,
    levels: Words,
    min_height: Words,
    min_level: Words,
    roof_height: Words,
    roof_levels: Words | None = None,
) -> BuildingHeights:
    """Heights of buildings from the raw words of a source; absurd values count as nothing said.

    Args:
        kind: Kind of each building, a key of ``DEFAULT_HEIGHT_M_BY_KIND`` or another word.
        height: From the ground to the top of the roof, with unit.
        levels: Storeys above ground, without those in the roof.
        min_height: From the ground to the underside, with unit.
        min_level: Storeys below the underside that are left out.
        roof_height: Part of ``height`` that is roof, with unit.
        roof_levels: Storeys in the roof, which give its height where that is not stated.

    Returns:
        ``height_provenance`` is `surveyed` for a stated height, `approximate` for levels, `modelled` for the
        default by kind. A height from levels has the roof on top of them.

    Source:
        OpenStreetMap wiki, “Simple 3D Buildings”.
    """
    stated_m = _within(_column(height, parse_length_m), MAX_HEIGHT_M)
    storeys = _within(_column(levels, parse_number), MAX_LEVELS)
    roof_m = _roof_m(roof_height, roof_levels)
    counted_m = np.minimum(storeys * STOREY_M + np.nan_to_num(roof_m), MAX_HEIGHT_M)
    lower_m = _lower_m(min_height, min_level)
    has_stated, has_counted = np.isfinite(stated_m), np.isfinite(counted_m)
    assumed_m = np.full(len(stated_m), DEFAULT_HEIGHT_M)
    for row in np.flatnonzero(~(has_stated | has_counted)).tolist():
        assumed_m[row] = DEFAULT_HEIGHT_M_BY_KIND.get(kind[row] or "", DEFAULT_HEIGHT_M)
    # A part that begins above the usual height of its kind still has a storey.
    assumed_m = np.minimum(np.where(lower_m >= assumed_m, lower_m + STOREY_M, assumed_m), MAX_HEIGHT_M)
    height_m = np.select([has_stated, has_counted], [stated_m, counted_m], assumed_m)
    provenance = np.select([has_stated, has_counted], [SURVEYED, APPROXIMATE], MODELLED).astype(object)
    lower_m = np.where(lower_m < height_m, lower_m, 0.0)
    return BuildingHeights(
        height_m=height_m.astype(np.float32),
        height_provenance=provenance,
        min_height_m=lower_m.astype(np.float32),
        levels=_counts(storeys),
        roof_height_m=np.where(roof_m <= height_m - lower_m, roof_m, np.nan).astype(np.float32),
    )


def _counts(storeys: FloatArray) -> list[int | None]:
    counts = np.full(len(storeys), None, dtype=object)
    said = np.isfinite(storeys)
    counts[said] = np.ceil(storeys[said]).astype(np.int64)
    found: list[int | None] = counts.tolist()
    return found


def _roof_m(roof_height: Words, roof_levels: Words | None) -> FloatArray:
    stated = _within(_column(roof_height, parse_length_m), MAX_HEIGHT_M)
    if roof_levels is None:
        return stated
    counted = _within(_column(roof_levels, parse_number), MAX_LEVELS) * STOREY_M
    return np.where(np.isfinite(stated), stated, counted)


def _lower_m(min_height: Words, min_level: Words) -> FloatArray:
    stated = _within(_column(min_height, parse_length_m), MAX_HEIGHT_M)
    counted = _within(_column(min_level, parse_number), MAX_LEVELS) * STOREY_M
    return np.nan_to_num(np.where(np.isfinite(stated), stated, counted))


def _column(words: Words, parse: Any) -> FloatArray:  # noqa: ANN401 - one of the two parsers above
    """Most buildings say nothing: only what is said is parsed, and each word once."""
    if isinstance(words, np.ndarray) and words.dtype.kind == "f":
        return words.astype(np.float64)
    values = np.full(len(words), np.nan)
    known: dict[str, float] = {}
    for row, word in enumerate(words):
        if word is not None:
            if word not in known:
                known[word] = parse(word)
            values[row] = known[word]
    return values


def _within(values: FloatArray, largest: float) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.where((values > 0) & (values <= largest), values, np.nan)


def _float(text: str) -> float:
    return float(text.replace(",", "."))
