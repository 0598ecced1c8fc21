"""Buildings from some rows of a layer's table: which stand, where and how high, and which do not and why.

Each row is looked at by itself, so a layer may be read in pieces of any size and an edit reads only what
changed. What rows mean to each other is left to `building_census.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.columns import Texts
from shancheng.tiles.constants import SKIRT_M
from shancheng.tiles.footprints import REASONS, Footprints, in_chunks, read_footprints
from shancheng.tiles.forms import FORM_COLUMNS, PRISM, SOLID, Forms, build_meshes, read_forms
from shancheng.tiles.ground import Ground
from shancheng.tiles.meshes import Meshes
from shancheng.tiles.partition import cells_of, inside_cell

COLUMNS = (
    "id",
    "index",
    "kind",
    "provenance",
    "height_m",
    "min_height_m",
    "levels",
    "parent_id",
    "geometry",
)
# The three that a layer may have, in this order everywhere, so that viewers need no look-up.
PROVENANCES = ("surveyed", "approximate", "modelled")
OUTSIDE = "outside the city's root cell"
# Rows read and measured at a time: enough to make the calls of libraries cheap, few enough for any memory.
PIECE_ROWS = 16_384

GOOD, BEYOND, BAD = range(3)
"""State of a row: it can be drawn; it could, but lies beyond the root cell; something is wrong with it."""

FACTS = np.dtype(
    [
        ("index", np.uint32),
        ("height_m", np.float32),
        ("size_m", np.float32),
        ("code", np.uint32),
        ("kind", np.uint16),
        ("state", np.uint8),
        ("form", np.uint8),
        ("deepest", np.uint8),
        ("levels", np.uint8),
        ("provenance", np.uint8),
        ("repaired", np.uint8),
    ]
)
"""What is known of a row in a few bytes.

`size_m` is the diagonal of its box, `code` and `deepest` say where it lies on the curve (see `cells_of`),
`kind` is a place in a list of words, `provenance` one in `PROVENANCES`.
"""

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_MAX_LEVELS = 255


@dataclass(frozen=True, slots=True)
class Prepared:
    """Some rows of a layer, measured; n of them.

    Attributes:
        facts: `FACTS` of each row, shape (n,).
        kinds: Words that `kind` counts in.
        floor: 1 where a building does not reach the ground, shape (n,).
        heights_m: Ellipsoidal heights of bottom and top, shape (n, 2).
        footprints: n features.
        ids: Local ids, n texts.
        meshes: Of the good rows that are no prisms, by rising row.
        boxes_deg: West, south, east, north of each mesh that is a solid; not a number for roofs.
        reasons: Why rows that are not good are not.
        parents: Ids of the buildings that good rows are parts of, by row.
        notes: Reason and row of what is drawn in a simpler form than it asks for, and how often.
    """

    facts: npt.NDArray[np.void]
    kinds: list[str]
    floor: npt.NDArray[np.uint8]
    heights_m: FloatArray
    footprints: Footprints
    ids: Texts
    meshes: Meshes
    boxes_deg: FloatArray
    reasons: dict[int, str] = field(default_factory=dict)
    parents: dict[int, str] = field(default_factory=dict)
    notes: list[tuple[str, int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.facts)


def pieces_of(source: pa.Table | Path, rows: int = PIECE_ROWS) -> Iterator[pa.Table]:
    """A layer in pieces, none of them empty: the columns that tiles need, each in one array."""
    if isinstance(source, Path):
        with pq.ParquetFile(source) as file:
            columns = _columns_in(file.schema_arrow.names)
            for group in range(file.num_row_groups):
                yield from _cut(file.read_row_group(group, columns=columns), rows)
    else:
        yield from _cut(source.select(_columns_in(source.column_names)), rows)


def _columns_in(names: list[str]) -> list[str]:
    return [*COLUMNS, *(name for name in FORM_COLUMNS if name in names)]


def _cut(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    table = table.unify_dictionaries()
    for first in range(0, len(table), rows):
        yield table.slice(first, rows)


def prepare_rows(table: pa.Table, ground: Ground, root_cell: RootCell, *, threads: int = 1) -> Prepared:
    """Read, check and measure some buildings.

    Args:
        table: From `pieces_of`.
        ground: What they stand on.
        root_cell: Buildings that reach beyond it are not drawn.
        threads: Changes no result.
    """
    footprints = read_footprints(table["geometry"], threads=threads)
    height_m, min_height_m = (_floats(table[name]) for name in ("height_m", "min_height_m"))
    reasons = _reasons(footprints, height_m, min_height_m)
    rows = _others(len(table), reasons)
    bounds, below = measure_footprints(footprints, rows, ground, threads=threads)
    forms = read_forms(table, footprints)
    heights = np.zeros((len(table), 2))
    above = min_height_m[rows] > 0
    heights[rows, 0] = np.where(above, below[:, 1] + min_height_m[rows], below[:, 0] - SKIRT_M)
    heights[rows, 1] = below[:, 1] + height_m[rows]
    extent = height_m[rows] - min_height_m[rows]
    solid = forms.place(rows, bounds, heights)
    extent[solid] = np.diff(heights[rows[solid]])[:, 0]
    facts = np.zeros(len(table), FACTS)
    within = inside_cell(bounds, root_cell)
    facts["state"] = BAD
    facts["state"][rows] = np.where(within, GOOD, BEYOND)
    reasons.update(dict.fromkeys(rows[~within].tolist(), OUTSIDE))
    facts["size_m"][rows] = _size_m(bounds, extent)
    facts["code"][rows[within]], facts["deepest"][rows[within]] = cells_of(bounds[within], root_cell)
    kinds = _fill_attributes(facts, table)
    facts["repaired"][footprints.repaired_features] = 1
    drawn = rows[within]
    facts["form"][drawn] = forms.form[drawn]
    meshes, boxes = _meshes(forms, drawn, footprints, heights)
    return Prepared(
        facts=facts,
        kinds=kinds,
        floor=(min_height_m > 0).astype(np.uint8),
        heights_m=heights,
        footprints=footprints,
        ids=Texts.of(table["id"]),
        meshes=meshes,
        boxes_deg=boxes,
        reasons=reasons,
        parents=_parents(table, facts),
        notes=forms.notes,
    )


def measure_footprints(
    footprints: Footprints, rows: IntArray, ground: Ground, *, threads: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Bounding boxes in degrees (m, 4), lowest and mean ground above the ellipsoid (m, 2), of footprints."""
    from shancheng.tiles.engines import parallel as engine  # compiled code, so only when needed

    bounds, heights = np.empty((len(rows), 4)), np.empty((len(rows), 2))
    elevation, undulation = ground.elevation, ground.undulation
    # Half a sample: between two of them bilinear ground has no other valley.
    spacing_deg = min(elevation.step_lon_deg, elevation.step_lat_deg) / 2
    rings = footprints.feature_ring_start

    def work(first: int, last: int) -> None:
        engine.measure(
            footprints.lonlat_deg, footprints.ring_start, rings, rows,
            elevation.values, raster_frame(elevation), undulation.values, raster_frame(undulation),
            spacing_deg, first, last, bounds, heights,
        )  # fmt: skip

    in_chunks(work, len(rows), threads)
    return bounds, heights


def raster_frame(raster: Raster) -> FloatArray:
    """What kernels need besides the samples: west, north, one over the steps."""
    return np.array([raster.west_deg, raster.north_deg, 1 / raster.step_lon_deg, 1 / raster.step_lat_deg])


def _floats(column: Any) -> FloatArray:  # noqa: ANN401  # pa.ChunkedArray
    """Numbers with NaN for null."""
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _reasons(footprints: Footprints, height_m: FloatArray, min_height_m: FloatArray) -> dict[int, str]:
    """Why rows cannot be drawn, for those that cannot; the first reason counts."""
    found: dict[int, str] = {}
    bad = ~((min_height_m < height_m) & (min_height_m >= 0))
    for row in np.flatnonzero(bad).tolist():
        limit = f"must be from 0 to below height_m={height_m[row]:g}"
        found[row] = f"min_height_m={min_height_m[row]:g}: {limit}"
    for row in np.flatnonzero(~((height_m > 0) & np.isfinite(height_m))).tolist():
        found[row] = f"height_m={height_m[row]:g}: must be a positive number"
    for row in np.flatnonzero(~footprints.good).tolist():
        found[row] = REASONS[footprints.status[row]]
    return found


def _others(count: int, without: dict[int, str]) -> IntArray:
    """Rows that are not among those, rising."""
    kept = np.ones(count, dtype=np.bool_)
    kept[list(without)] = False
    return np.flatnonzero(kept)


def _fill_attributes(facts: npt.NDArray[np.void], table: pa.Table) -> list[str]:
    """Fill in what the property tables need; the words of `kind`."""
    facts["index"] = table["index"].to_numpy()
    facts["height_m"] = table["height_m"].to_numpy()
    levels = np.nan_to_num(table["levels"].to_numpy().astype(np.float32))
    facts["levels"] = np.clip(levels, 0, _MAX_LEVELS)
    facts["kind"], kinds = _words(table["kind"])
    provenance, provenances = _words(table["provenance"])
    known = {word: place for place, word in enumerate(PROVENANCES)}
    facts["provenance"] = np.array([*(known.get(word, 0) for word in provenances), 0])[provenance]
    return kinds


def _words(column: Any) -> tuple[IntArray, list[str]]:  # noqa: ANN401  # pa.ChunkedArray of dictionary<string>
    """A column of words as places in a list."""
    whole = column.combine_chunks()
    array: Any = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return array.indices.to_numpy(zero_copy_only=False), [word or "" for word in array.dictionary.to_pylist()]


def _meshes(
    forms: Forms, drawn: IntArray, footprints: Footprints, heights_m: FloatArray
) -> tuple[Meshes, FloatArray]:
    """Meshes of drawn rows that are no prisms, by rising row, and the boxes of those that are solids."""
    rows = drawn[forms.form[drawn] != PRISM]
    if len(rows) == 0:
        return Meshes.none(), np.empty((0, 4))
    meshes = build_meshes(forms, rows, footprints, heights_m)
    meshes = meshes.take(np.argsort(meshes.rows))
    boxes = np.full((len(rows), 4), np.nan)
    is_solid = forms.form[meshes.rows] == SOLID
    if forms.solids is not None:
        boxes[is_solid] = forms.solids.bounds_deg[forms.solids.places(meshes.rows[is_solid])]
    return meshes, boxes


def _parents(table: pa.Table, facts: npt.NDArray[np.void]) -> dict[int, str]:
    """Ids of the buildings that rows are parts of; what is wrong, or its own parent, is part of nothing."""
    parent: Any = table["parent_id"]
    if parent.null_count == len(table):
        return {}
    own: Any = pc.equal(parent, table["id"]).fill_null(True)
    rows = np.flatnonzero(~np.asarray(own.to_numpy()) & (facts["state"] != BAD))
    return dict(zip(rows.tolist(), parent.take(rows).to_pylist(), strict=True))


def _size_m(bounds_deg: FloatArray, height_m: FloatArray) -> FloatArray:
    """Diagonals of the boxes around buildings."""
    west, south, east, north = np.radians(bounds_deg).T
    across = (east - west) * np.cos((south + north) / 2) * SEMI_MAJOR_M
    along = (north - south) * SEMI_MAJOR_M
    return np.asarray(np.sqrt(across**2 + along**2 + height_m**2))
