"""Faces with corners and normals of their own, for clients that do not shade without."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shancheng.tiles.glb import Primitive

_UP = (0, 127, 0)


def with_normals(primitive: Primitive) -> Primitive:
    """The same triangles, each corner shared only among triangles that face the same way."""
    corners = primitive.indices.reshape(-1, 3)
    facing = _facing(primitive.positions[corners].astype(np.float64))
    code = (facing.astype(np.int64) + 128) @ np.array([1 << 16, 1 << 8, 1])
    key = (primitive.indices.astype(np.int64) << 24) | np.repeat(code, 3)
    unique, indices = np.unique(key, return_inverse=True)
    old = unique >> 24
    normals = np.stack([unique >> 16 & 255, unique >> 8 & 255, unique & 255], axis=1) - 128
    ids = None if primitive.feature_ids is None else primitive.feature_ids[old]
    uv = None if primitive.uv is None else primitive.uv[old]
    return replace(
        primitive,
        positions=primitive.positions[old],
        indices=indices.astype(np.uint32),
        feature_ids=ids,
        normals=normals.astype(np.int8),
        uv=uv,
    )


def _facing(triangles: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """Normals of triangles, shape (t, 3, 3) to (t, 3); up where a triangle has no area."""
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    length = np.linalg.norm(across, axis=1, keepdims=True)
    unit = np.divide(across, length, out=np.zeros_like(across), where=length > 0)
    result: npt.NDArray[np.int8] = np.rint(unit * 127).astype(np.int8)
    result[length[:, 0] == 0] = _UP
    return result
