"""Our own checker of 3D Tiles 1.1: an outside judge, written from the specification, sharing no code with us.

It reads what we use: explicit and implicit tilesets, subtrees in JSON and binary, metadata schemas, property
tables, and of glTF EXT_mesh_features (by attribute) and EXT_structural_metadata (property tables). It says
nothing of older contents (b3dm, i3dm, pnts, cmpt), property textures and attributes, or vendors' extensions.
"""

from tiles_checker.findings import Finding
from tiles_checker.glb import check_gltf
from tiles_checker.metadata import check_schema
from tiles_checker.subtree import SubtreeContext, check_subtree
from tiles_checker.tileset import check_tileset

__all__ = ["Finding", "SubtreeContext", "check_gltf", "check_schema", "check_subtree", "check_tileset"]
