"""The primitives of a tile that holds meshes: what has no picture joins the prisms, the rest stands apart."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shancheng.tiles.glb import Primitive
from shancheng.tiles.meshes import Meshes
from shancheng.tiles.textures import Pictures, Sheet

__all__ = ["with_meshes"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# A picture's colours are not tinted.
_AS_IT_IS = (1.0, 1.0, 1.0, 1.0)


def with_meshes(
    prisms: Primitive,
    meshes: Meshes,
    features: IntArray,
    frame: tuple[FloatArray, FloatArray],
    pictures: Pictures,
) -> tuple[Primitive, ...]:
    """Primitives of one tile, none of them empty.

    Args:
        prisms: The tile's extruded buildings; may be empty. Its material serves all that has no picture.
        meshes: The tile's other buildings.
        features: Feature id of each mesh, shape (m,).
        frame: The tile's row and coefficients, as `Frames` holds them.
        pictures: Of the layer.
    """
    from shancheng.tiles.engines.mesh_parallel import emit_meshes  # compiled code, so only when needed

    positions = np.empty((len(meshes.heights_m), 3), np.int32)
    ids, indices = np.empty(len(positions), np.uint32), np.empty(3 * len(meshes.triangles), np.uint32)
    emit_meshes(
        features, meshes.lonlat_deg, meshes.heights_m, meshes.triangles, meshes.vertex_start,
        meshes.triangle_start, *frame, positions, ids, indices,
    )  # fmt: skip
    all_meshes = Primitive(positions, indices, ids, material=prisms.material)
    sheets = pictures.sheets(meshes) if meshes.textured else []
    if not sheets:
        return (_filled(_joined(prisms, all_meshes)),)
    bare = np.ones(len(meshes.triangles), np.bool_)
    for sheet in sheets:
        bare[sheet.triangles] = False
    plain = _joined(prisms, _part(all_meshes, np.flatnonzero(bare)))
    dressed = tuple(_part(_dressed(all_meshes, sheet), sheet.triangles) for sheet in sheets)
    return (plain, *dressed) if len(plain.indices) else dressed


def _filled(primitive: Primitive) -> Primitive:
    """Itself, or where it is empty a triangle without area: all faces of a solid may turn out to be none."""
    if len(primitive.indices):
        return primitive
    return replace(
        primitive,
        positions=np.zeros((1, 3), np.int32),
        indices=np.zeros(3, np.uint32),
        feature_ids=np.zeros(1, np.uint32),
    )


def _dressed(primitive: Primitive, sheet: Sheet) -> Primitive:
    material = replace(primitive.material, base_color=_AS_IT_IS, picture=sheet.jpeg, repeated=sheet.repeated)
    return replace(primitive, uv=sheet.uv, material=material)


def _part(primitive: Primitive, triangles: IntArray) -> Primitive:
    """Some triangles of a primitive with the vertices they need."""
    corners = primitive.indices.reshape(-1, 3)[triangles]
    used, indices = np.unique(corners, return_inverse=True)
    return replace(
        primitive,
        positions=primitive.positions[used],
        indices=indices.ravel().astype(np.uint32),
        feature_ids=_ids(primitive)[used],
        uv=None if primitive.uv is None else primitive.uv[used],
    )


def _joined(first: Primitive, second: Primitive) -> Primitive:
    """Both in one; it may be empty only where a tile has nothing else."""
    return replace(
        first,
        positions=np.concatenate([first.positions, second.positions]),
        indices=np.concatenate([first.indices, second.indices + np.uint32(len(first.positions))]),
        feature_ids=np.concatenate([_ids(first), _ids(second)]),
    )


def _ids(primitive: Primitive) -> npt.NDArray[np.uint32]:
    assert primitive.feature_ids is not None
    return primitive.feature_ids
