"""Buildings under pitched roofs: which rows have one, of what shape, and their meshes.

`height_m` counts the roof in; the eaves lie `roof_height_m` below it. Where nobody knows that height, ridges
and pyramids rise by 30 degrees, skillions by 15, barns by 0.8 and arches by 0.6 of the half width, domes by
as much as they are wide to each side; all but domes by half of what walls and roof have together at most.

`roof_direction_deg` is the way the main slope falls, so a ridge runs square to it; it decides between the two
axes of the outline's smallest rectangle, and only a skillion follows it exactly where it is far from both.
`roof_orientation` says whether the ridge runs `along` the longer side, as it does where nothing is said, or
`across`. Gables and hips over an outline of several wings at right angles have a ridge along each wing.

Source:
    OpenStreetMap wiki: Simple 3D Buildings, Key:roof:shape, Key:roof:direction, Key:roof:orientation.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.tiles.engines.roof_codes import (
    DOME,
    FLAT,
    GABLED,
    GAMBREL,
    HIPPED,
    MAX_CORNERS,
    PYRAMIDAL,
    ROUND,
    SKILLION,
)
from shancheng.tiles.meshes import Meshes
from shancheng.tiles.notes import Notes

if TYPE_CHECKING:
    from shancheng.tiles.footprints import Footprints

__all__ = ["SHAPES", "Roofs", "read_roofs"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Flags = npt.NDArray[np.uint8]

# What a layer may call a roof, and what it is drawn as: the word's own shape, or the nearest that we have.
SHAPES = {
    "flat": FLAT,
    "skillion": SKILLION,
    "shed": SKILLION,
    "lean_to": SKILLION,
    "gabled": GABLED,
    "pitched": GABLED,
    "saltbox": GABLED,
    "double_saltbox": GABLED,
    "quadruple_saltbox": GABLED,
    "gambrel": GAMBREL,
    "round": ROUND,
    "arched": ROUND,
    "barrel": ROUND,
    "hipped": HIPPED,
    "half_hipped": HIPPED,
    "side_hipped": HIPPED,
    "hipped_and_gabled": HIPPED,
    "mansard": HIPPED,
    "pyramidal": PYRAMIDAL,
    "tented": PYRAMIDAL,
    "cone": PYRAMIDAL,
    "conical": PYRAMIDAL,
    "dome": DOME,
    "onion": DOME,
    "sphere": DOME,
    "spherical": DOME,
}
_UNKNOWN = 255
# Lower than this a roof is flat: two steps of the tile's positions.
_LEAST_M = 1 / 16
# Vertices and triangles for each corner of an outline, and for each building, at most; see the engine.
_MOST = 26
_ROOM = 64
# So much is made at once that these bounds cost no memory to speak of.
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Roofs:
    """The r roofs of a layer that are not flat.

    Attributes:
        drawn: Their rows, rising, shape (r,).
        shape: See `SHAPES`, uint8, shape (r,).
        height_m: From eaves to top, NaN where it is not known, shape (r,).
        limit_m: From the building's base to its top, shape (r,).
        direction_deg: Which way the main slope falls, clockwise from north, NaN where it is not known.
        across: 1 where the ridge runs along the shorter side, shape (r,).
        floor: 1 where the building does not reach the ground, shape (r,).
    """

    drawn: IntArray
    shape: Flags
    height_m: FloatArray
    limit_m: FloatArray
    direction_deg: FloatArray
    across: Flags
    floor: Flags

    def build(self, rows: IntArray, footprints: "Footprints", heights_m: FloatArray) -> Meshes:
        """Meshes of some of `drawn`; footprints and heights are those of the whole table."""
        parts = [
            self._build(rows[first : first + _AT_ONCE], footprints, heights_m)
            for first in range(0, len(rows), _AT_ONCE)
        ]
        return Meshes.joined(parts)

    def _build(self, rows: IntArray, footprints: "Footprints", heights_m: FloatArray) -> Meshes:
        from shancheng.tiles.engines.roofs_parallel import build_roofs  # compiled code, so only when needed

        corner_start = footprints.corner_start
        most = _MOST * int((corner_start[rows + 1] - corner_start[rows]).sum()) + _ROOM * len(rows)
        lonlat, height = np.empty((most, 2)), np.empty(most)
        triangles = np.empty((most, 3), np.uint32)
        starts = np.empty(len(rows) + 1, np.int64), np.empty(len(rows) + 1, np.int64)
        build_roofs(
            rows, footprints.lonlat_deg, corner_start, footprints.triangles, footprints.triangle_start,
            heights_m, np.searchsorted(self.drawn, rows), self.floor, self.shape, self.across, self.height_m,
            self.limit_m, self.direction_deg, lonlat, height, triangles, *starts,
        )  # fmt: skip
        v, t = int(starts[0][-1]), int(starts[1][-1])
        # Copies, so that what was not needed is given back.
        return Meshes(rows, lonlat[:v].copy(), height[:v].copy(), triangles[:t].copy(), *starts)


def read_roofs(table: pa.Table, footprints: "Footprints", notes: Notes) -> Roofs | None:
    """Roofs of a layer or any part of it; None where all are flat.

    Args:
        table: A layer of buildings; columns that it lacks hold nothing.
        footprints: Of its rows.
        notes: In and out: roofs that are drawn flat, by the reason.
    """
    if "roof_shape" not in table.column_names or table["roof_shape"].null_count == len(table):
        return None
    shape = _codes(table["roof_shape"], SHAPES, _UNKNOWN)
    height = _floats(table, "roof_height_m")
    shape[height < _LEAST_M] = FLAT
    for reason, wrong in _flattened(shape, footprints):
        notes.add(f"roof drawn flat: {reason}", np.flatnonzero(wrong))
        shape[wrong] = FLAT
    drawn = np.flatnonzero((shape != FLAT) & footprints.good)
    if len(drawn) == 0:
        return None
    base = _floats(table, "min_height_m")[drawn]
    across = np.zeros(len(table), np.uint8)
    if "roof_orientation" in table.column_names:
        across = _codes(table["roof_orientation"], {"across": 1}, 0)
    return Roofs(
        drawn,
        shape[drawn],
        height[drawn],
        _floats(table, "height_m")[drawn] - base,
        _floats(table, "roof_direction_deg")[drawn],
        across[drawn],
        (base > 0).astype(np.uint8),
    )


def _flattened(shape: Flags, footprints: "Footprints") -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Why roofs that should not be are drawn flat, and which; the first reason counts."""
    pitched = (shape != FLAT) & footprints.good
    unknown = pitched & (shape == _UNKNOWN)
    pitched &= ~unknown
    apart = pitched & (np.diff(footprints.feature_start) > 1)
    pitched &= ~apart
    holes = pitched & (np.diff(footprints.feature_ring_start) > 1)
    pitched &= ~holes
    many = pitched & (np.diff(footprints.corner_start) > MAX_CORNERS)
    reasons = [
        ("a shape that we do not know", unknown),
        ("several outlines", apart),
        ("a courtyard", holes),
        (f"more than {MAX_CORNERS:,} corners", many),
    ]
    return [(reason, wrong) for reason, wrong in reasons if wrong.any()]


def _codes(column: Any, codes: dict[str, int], other: int) -> Flags:  # noqa: ANN401  # pa.ChunkedArray
    """A column of words as numbers, 0 for none; case, spaces and hyphens do not matter."""
    whole = column.unify_dictionaries().combine_chunks()
    array: Any = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    words = [_plain(word or "") for word in array.dictionary.to_pylist()]
    lookup = np.array([codes.get(word, other) if word else 0 for word in words] + [0], np.uint8)
    found: Flags = lookup[array.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)]
    return found


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def _floats(table: pa.Table, name: str) -> FloatArray:
    """Numbers with NaN for null; only NaN where the table lacks the column."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].to_numpy(), dtype=np.float64)
