"""Buildings from a layer's table: which of them stand, where and how high, and which do not and why."""

from dataclasses import dataclass, replace
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
from shancheng.tiles.constants import SKIRT_M
from shancheng.tiles.footprints import REASONS, Footprints, in_chunks, read_footprints
from shancheng.tiles.ground import Ground
from shancheng.tiles.items import Items
from shancheng.tiles.partition import inside
from shancheng.tiles.report import REPLACED, SetAside

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

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Buildings:
    """A layer's buildings, ready to be spread over tiles.

    Attributes:
        table: The layer's table, n rows.
        footprints: Of all rows, n features.
        rows: Rows that are drawn, shape (m,).
        items: Where those lie, m items.
        heights_m: Ellipsoidal heights of bottom and top, shape (n, 2); only those of `rows` are set.
        floor: 1 where a building does not reach the ground, shape (n,).
        set_aside: Rows that are not drawn: something is wrong with them, or their parts are drawn.
        replaced: How many outlines are left out because their parts are drawn.
    """

    table: pa.Table
    footprints: Footprints
    rows: IntArray
    items: Items
    heights_m: FloatArray
    floor: npt.NDArray[np.uint8]
    set_aside: list[SetAside]
    replaced: int


def read_table(source: pa.Table | Path) -> pa.Table:
    """The columns that tiles need, from a table or a Parquet file; each in one piece."""
    columns = list(COLUMNS)
    table = pq.read_table(source, columns=columns) if isinstance(source, Path) else source.select(columns)
    return table.unify_dictionaries()


def prepare_buildings(
    table: pa.Table, raster: Raster, root_cell: RootCell, *, layer: str = "buildings", threads: int = 1
) -> Buildings:
    """Read, check and measure all buildings of a layer.

    Args:
        table: From `read_table`.
        raster: Elevation above the geoid, metres.
        root_cell: Buildings that reach beyond it are set aside.
        layer: Name to report under.
        threads: Changes no result.
    """
    footprints = read_footprints(table["geometry"], threads=threads)
    height_m, min_height_m = (_floats(table[name]) for name in ("height_m", "min_height_m"))
    reasons = _reasons(footprints, height_m, min_height_m)
    parents = _replaced_by_parts(table, reasons == "")
    reasons[parents] = REPLACED
    rows = np.flatnonzero(reasons == "")
    bounds, ground = measure_footprints(footprints, rows, Ground.of(raster, root_cell), threads=threads)
    heights = np.zeros((len(table), 2))
    above = min_height_m[rows] > 0
    heights[rows, 0] = np.where(above, ground[:, 1] + min_height_m[rows], ground[:, 0] - SKIRT_M)
    heights[rows, 1] = ground[:, 1] + height_m[rows]
    size = _size_m(bounds, height_m[rows] - min_height_m[rows])
    tie = table["index"].to_numpy()[rows].astype(np.uint32)
    items = Items(bounds, size, heights[rows], tie)
    within = inside(items, root_cell)
    reasons[rows[~within]] = "outside the city's root cell"
    drawn = Buildings(
        table=table,
        footprints=footprints,
        rows=rows[within],
        items=items.take(np.flatnonzero(within)),
        heights_m=heights,
        floor=(min_height_m > 0).astype(np.uint8),
        set_aside=[],
        replaced=int(parents.sum()),
    )
    return replace(drawn, set_aside=_listed(table, reasons, layer))


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


def _reasons(
    footprints: Footprints, height_m: FloatArray, min_height_m: FloatArray
) -> npt.NDArray[np.object_]:
    """Why each row cannot be drawn, shape (n,); empty where it can."""
    reasons = np.array(REASONS, dtype=object)[footprints.status]
    for row in np.flatnonzero(~((height_m > 0) & np.isfinite(height_m))).tolist():
        reasons[row] = reasons[row] or f"height_m={height_m[row]:g}: must be a positive number"
    bad = ~((min_height_m < height_m) & (min_height_m >= 0))
    for row in np.flatnonzero(bad).tolist():
        limit = f"must be from 0 to below height_m={height_m[row]:g}"
        reasons[row] = reasons[row] or f"min_height_m={min_height_m[row]:g}: {limit}"
    return reasons


def _replaced_by_parts(table: pa.Table, good: BoolArray) -> BoolArray:
    """Outlines with a part that is drawn, shape (n,)."""
    parent: Any = table["parent_id"]
    usable: Any = pa.chunked_array([pa.array(good)])
    if parent.null_count == len(table):
        return np.zeros(len(table), dtype=np.bool_)
    own: Any = pc.equal(parent, table["id"]).fill_null(True)
    parents = parent.filter(pc.and_(usable, pc.invert(own))).unique()
    return np.asarray(pc.is_in(table["id"], value_set=parents).to_numpy(), dtype=np.bool_)


def _size_m(bounds_deg: FloatArray, height_m: FloatArray) -> FloatArray:
    """Diagonals of the boxes around buildings."""
    west, south, east, north = np.radians(bounds_deg).T
    across = (east - west) * np.cos((south + north) / 2) * SEMI_MAJOR_M
    along = (north - south) * SEMI_MAJOR_M
    return np.asarray(np.sqrt(across**2 + along**2 + height_m**2))


def _listed(table: pa.Table, reasons: npt.NDArray[np.object_], layer: str) -> list[SetAside]:
    rows = np.flatnonzero(reasons != "").tolist()
    ids: Any = table["id"]
    return [SetAside(layer, ids[row].as_py(), reasons[row]) for row in rows]
