"""Meshes into a tile's frame in NumPy; `mesh_parallel.py` says the same, compiled."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.reference import place

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


def emit_meshes(
    features: IntArray,
    lonlat: FloatArray,
    heights: FloatArray,
    triangles: AnyArray,
    vertex_start: IntArray,
    triangle_start: IntArray,
    frame: FloatArray,
    coefficients: FloatArray,
    positions: AnyArray,
    feature_ids: AnyArray,
    indices: AnyArray,
) -> None:
    """As `mesh_parallel.emit_meshes`."""
    positions[:] = place(frame, coefficients, lonlat[:, 0], lonlat[:, 1], heights)
    feature_ids[:] = np.repeat(features, np.diff(vertex_start))
    base = np.repeat(vertex_start[:-1], np.diff(triangle_start))
    indices[:] = (triangles + base[:, None]).ravel()
