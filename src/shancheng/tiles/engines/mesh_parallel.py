"""Meshes into a tile's frame, compiled. `mesh_reference.py` is the twin in NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.jit import kernel, types
from shancheng.tiles.engines.parallel import place

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
_PAIRS = types.Array(types.float64, 2, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_CORNERS = types.Array(types.uint32, 2, "C", readonly=True)


@kernel(
    types.void(
        _INTS, _PAIRS, _FLOATS, _CORNERS, _INTS, _INTS, _FLOATS, _FLOATS,
        types.int32[:, ::1], types.uint32[::1], types.uint32[::1],
    )
)  # fmt: skip
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
    """All meshes of one tile.

    Args:
        features: Feature id of each mesh, shape (m,).
        lonlat: Vertices in degrees, shape (v, 2).
        heights: Their ellipsoidal heights, shape (v,).
        triangles: Vertices counted from each mesh's first, shape (t, 3).
        vertex_start: First vertex of each mesh, shape (m + 1,).
        triangle_start: First triangle of each mesh, shape (m + 1,).
        frame: See `parallel.place`.
        coefficients: See `parallel.place`.
        positions: Out: east, up, south in steps of the quantum, shape (v, 3).
        feature_ids: Out, shape (v,).
        indices: Out, shape (3 t,).
    """
    for m in range(len(features)):
        v0 = vertex_start[m]
        for v in range(v0, vertex_start[m + 1]):
            place(frame, coefficients, lonlat[v, 0], lonlat[v, 1], heights[v], positions[v])
            feature_ids[v] = features[m]
        for t in range(triangle_start[m], triangle_start[m + 1]):
            for j in range(3):
                indices[3 * t + j] = v0 + triangles[t, j]
