"""The names on the map: which objects get one, where it stands and how high."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.geo.geoid import undulation_m
from shancheng.web.models import Label

__all__ = ["LABELLED_LAYERS", "MAX_LABELS", "best_labels", "labels_of_layer"]

FloatArray = npt.NDArray[np.float64]
Ground = Callable[[FloatArray, FloatArray], FloatArray]

LABELLED_LAYERS: Final = ("landmarks", "districts", "places", "bridges", "rail_stations")
MAX_LABELS: Final = 500
# Layers without a rank of their own: districts orient best, bridges come after the better-known places, and
# stations are looked for from near by.
RANK_WITHOUT: Final = {"districts": 1, "bridges": 3, "rail_stations": 5}
# What stands between a line and its name is not needed here, and solids are large.
_UNUSED: Final = ("lod2_geometry", "lod2_semantics", "lod2_textures", "lod2_uv", "attributes")


def best_labels(labels: list[Label]) -> list[Label]:
    """At most ``MAX_LABELS``, best rank first; equal ranks in the order of their ids."""
    return sorted(labels, key=lambda label: (label.rank, label.id))[:MAX_LABELS]


def labels_of_layer(prefix: str, layer: str, table: pa.Table, ground: Ground) -> list[Label]:
    """A label for each named object of a layer.

    Args:
        prefix: What the ids of the layer begin with, ``urn:shancheng:<city>:<layer>:``.
        layer: One of ``LABELLED_LAYERS``.
        table: The layer.
        ground: Ellipsoidal height of the ground in metres at longitudes and latitudes, shapes (n,).
    """
    rows = table.drop_columns([name for name in _UNUSED if name in table.column_names]).to_pylist()
    named = [row for row in rows if row["name"] or row["name_en"]]
    if not named:
        return []
    points = _places(shapely.from_wkb([row["geometry"] for row in named]))
    lon, lat = points.T
    heights = np.maximum(
        ground(lon, lat) + _column(named, "height_m"),
        undulation_m(lon, lat) + _elevations(named),
    )
    return [
        Label(
            id=prefix + row["id"],
            layer=layer,
            kind=row["kind"],
            name=row["name"],
            name_en=row["name_en"],
            lon=x,
            lat=y,
            ellipsoidal_height_m=z,
            rank=row["rank"] if row.get("rank") is not None else RANK_WITHOUT.get(layer, MAX_LABELS),
        )
        for row, x, y, z in zip(named, lon.tolist(), lat.tolist(), heights.tolist(), strict=True)
    ]


def _places(geometries: npt.NDArray[Any]) -> FloatArray:
    """Where each label stands: the middle of a line, a point within an area; shape (n, 2)."""
    is_line = np.isin(shapely.get_type_id(geometries), (1, 5))
    points = shapely.point_on_surface(geometries)
    points[is_line] = shapely.line_interpolate_point(
        shapely.line_merge(geometries[is_line]), 0.5, normalized=True
    )
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _elevations(rows: list[dict[str, Any]]) -> FloatArray:
    """Highest point above the geoid of what stands in the air, 0 where nothing is said."""
    return _column(rows, "deck_elevation_m") + _column(rows, "tower_height_m") + _column(rows, "elevation_m")


def _column(rows: list[dict[str, Any]], name: str) -> FloatArray:
    """A column that the layer may lack, 0 where it says nothing."""
    return np.array([row.get(name) or 0.0 for row in rows], dtype=np.float64)
