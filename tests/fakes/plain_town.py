"""Houses and ways on level ground, placed in metres, for tests that put a fault into one of them."""

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from shancheng.city.schema import layer_table

LON, LAT = 106.5, 29.5
PER_DEGREE = np.array([96_890.0, 111_320.0])
GROUND_M = 200.0


def at(east_m: float, north_m: float) -> tuple[float, float]:
    return LON + east_m / PER_DEGREE[0], LAT + north_m / PER_DEGREE[1]


def box(east_m: float, north_m: float, width_m: float = 20, depth_m: float = 20) -> Any:
    return shapely.box(*at(east_m, north_m), *at(east_m + width_m, north_m + depth_m))


def houses(shapes: list[Any], **columns: Any) -> pa.Table:
    n = len(shapes)
    given: dict[str, Any] = {
        "id": [f"h{row}" for row in range(n)], "kind": "house", "provenance": "surveyed",
        "height_m": np.full(n, 9.0), "height_provenance": "surveyed", "min_height_m": np.zeros(n),
    }  # fmt: skip
    return layer_table("buildings", geometry=shapes, **{**given, **columns})


def ways(layer: str, shapes: list[Any], **columns: Any) -> pa.Table:
    n = len(shapes)
    given: dict[str, Any] = {
        "id": [f"w{row}" for row in range(n)], "kind": "residential", "provenance": "surveyed",
        "width_m": 6.0, "layer": np.zeros(n), "bridge": [False] * n, "tunnel": [False] * n,
    }  # fmt: skip
    return layer_table(layer, geometry=shapes, **{**given, **columns})
