"""What OpenStreetMap says of roofs: shapes in the wiki's words, directions in degrees, heights from slopes.

Source: OpenStreetMap wiki, “Simple 3D Buildings”, “Key:roof:shape”, “Key:roof:direction”.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.heights import parse_number
from shancheng.city.sources.osm_plane import flat
from shancheng.city.sources.osm_rows import Shapes

__all__ = ["ROOF_SHAPES", "rises_m", "roof_direction_deg", "roof_orientation", "roof_shape"]

Floats = npt.NDArray[np.float64]

ROOF_SHAPES: Final = frozenset(
    {
        "butterfly",
        "cone",
        "crosspitched",
        "dome",
        "flat",
        "gabled",
        "gabled_height_moved",
        "gambrel",
        "half-hipped",
        "hipped",
        "hipped-and-gabled",
        "mansard",
        "onion",
        "pyramidal",
        "quadruple_saltbox",
        "round",
        "saltbox",
        "sawtooth",
        "side_hipped",
        "skillion",
    }
)
_SYNONYMS: Final = {
    "arched": "round",
    "barrel": "round",
    "conical": "cone",
    "cupola": "dome",
    "gable": "gabled",
    "gabled-hipped": "hipped-and-gabled",
    "half_hipped": "half-hipped",
    "halfhipped": "half-hipped",
    "hip": "hipped",
    "hip-and-gable": "hipped-and-gabled",
    "lean_to": "skillion",
    "monopitch": "skillion",
    "pent": "skillion",
    "pitched": "gabled",
    "pyramid": "pyramidal",
    "saddle": "gabled",
    "shed": "skillion",
    "side-hipped": "side_hipped",
    "tent": "pyramidal",
    "vaulted": "round",
}
_COMPASS: Final = {
    word: 22.5 * step
    for step, word in enumerate(
        ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
    )
}
_COMPASS_WORDS: Final = {
    "NORTH": 0.0,
    "NORTHEAST": 45.0,
    "EAST": 90.0,
    "SOUTHEAST": 135.0,
    "SOUTH": 180.0,
    "SOUTHWEST": 225.0,
    "WEST": 270.0,
    "NORTHWEST": 315.0,
}
_STEEPEST_DEG: Final = 85.0
# Over which share of the footprint's width a roof rises: over all of it, or over half of it to a ridge.
_RISES_OVER: Final = {"skillion": 1.0} | dict.fromkeys(
    ("gabled", "hipped", "half-hipped", "pyramidal", "cone"), 0.5
)


def roof_shape(text: str | None) -> str | None:
    """A shape in the wiki's word; None where it is none, as `many` or `9.0`."""
    if text is None:
        return None
    word = text.split(";", 1)[0].strip().lower().replace(" ", "_")
    word = _SYNONYMS.get(word, word)
    return word if word in ROOF_SHAPES else None


def roof_direction_deg(text: str | None) -> float:
    """Where the roof's slope looks, clockwise from north, 0 ≤ degrees < 360; NaN where nothing is said."""
    if text is None:
        return np.nan
    word = text.strip().upper().removesuffix("°")
    if (angle := _COMPASS.get(word, _COMPASS_WORDS.get(word.replace("-", "").replace("_", "")))) is not None:
        return angle
    return float(np.mod(parse_number(word), 360.0))


def roof_orientation(text: str | None) -> str | None:
    """Whether the ridge runs along the longer side or across."""
    return text if text in {"along", "across"} else None


def rises_m(shapes: Sequence[str | None], angles: Sequence[str | None], footprints: Shapes) -> Floats:
    """Heights of roofs of which a mapper gave the slope.

    Args:
        shapes: Words of ``ROOF_SHAPES``.
        angles: `roof:angle`, degrees above the horizon.
        footprints: Polygons in degrees, shape (n,).

    Returns:
        Metres, shape (n,): the slope over the footprint's shorter side, or half of it where the roof has a
        ridge or a tip; NaN where the angle is not said or the shape has no one slope.
    """
    rises = np.full(len(footprints), np.nan)
    said = np.array([row for row, text in enumerate(angles) if text is not None], dtype=np.int64)
    degrees = np.array([parse_number(angles[row]) for row in said])
    over = np.array([_RISES_OVER.get(shapes[row] or "", np.nan) for row in said])
    clear = (degrees > 0) & (degrees <= _STEEPEST_DEG) & np.isfinite(over)
    if clear.any():
        sloped = said[clear]
        rises[sloped] = np.tan(np.radians(degrees[clear])) * over[clear] * _widths_m(footprints[sloped])
    return rises


def _widths_m(footprints: Shapes) -> Floats:
    """Shorter side of the smallest rectangle around each footprint."""
    boxes = shapely.oriented_envelope(flat(footprints))
    corners = np.array([shapely.get_coordinates(box)[:3] for box in boxes])
    return np.asarray(np.hypot(*np.diff(corners, axis=1).T).min(axis=0))
