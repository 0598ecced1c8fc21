"""Layers of a few buildings, and what can be asked of their meshes: is it closed, does it look outward."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.schema import layer_table
from shancheng.tiles.footprints import read_footprints
from shancheng.tiles.forms import build_meshes, read_forms
from shancheng.tiles.meshes import Meshes
from shancheng.tiles.notes import totals

Array = npt.NDArray[Any]

LON, LAT = 106.52, 29.53
# As the sphere has it; tests measure shapes, not places.
PER_DEGREE = 6378137 * np.pi / 180 * np.array([np.cos(np.radians(LAT)), 1.0])
BOTTOM, TOP = 100.0, 112.0


def degrees(polygon: shapely.Polygon) -> shapely.Polygon:
    """A polygon given in metres."""
    return shapely.transform(polygon, lambda points: [LON, LAT] + points / PER_DEGREE)


def metres(lonlat: Array) -> Array:
    """Longitudes and latitudes as metres."""
    return (lonlat - [LON, LAT]) * PER_DEGREE


def layer(geometry: list[shapely.Geometry], **columns: Any) -> pa.Table:
    """Buildings of 12 metres; columns as `layer_table` takes them."""
    given = {
        "id": [f"w{k}" for k in range(len(geometry))],
        "kind": "house",
        "provenance": "surveyed",
        "height_m": TOP - BOTTOM,
        "height_provenance": "surveyed",
        "min_height_m": 0.0,
        **columns,
    }
    return layer_table("buildings", geometry=geometry, **given)


def meshes_of(table: pa.Table) -> tuple[Meshes, dict[str, int]]:
    """Meshes of a layer on level ground, each from BOTTOM (plus its `min_height_m`) to TOP, and the notes."""
    footprints = read_footprints(table["geometry"])
    forms = read_forms(table, footprints)
    heights = np.tile([BOTTOM, TOP], (len(table), 1))
    heights[:, 0] += table["min_height_m"].to_numpy()
    heights[:, 1] = BOTTOM + table["height_m"].to_numpy()
    return build_meshes(forms, np.arange(len(table)), footprints, heights), totals(forms.notes)


class Solid:
    """One mesh in metres: points (v, 3) east, north, up, and triangles (t, 3)."""

    def __init__(self, meshes: Meshes, k: int = 0) -> None:
        vertices = slice(*meshes.vertex_start[k : k + 2])
        self.points = np.column_stack([metres(meshes.lonlat_deg[vertices]), meshes.heights_m[vertices]])
        first, last = meshes.triangle_start[k : k + 2]
        self.triangles = meshes.triangles[first:last].astype(np.int64)

    @property
    def height(self) -> Array:
        return self.points[:, 2]

    def unmatched(self) -> list[tuple[int, int]]:
        """Edges that do not stand once in each direction; only those of a hole in the surface."""
        pairs = [(0, 1), (1, 2), (2, 0)]
        edges = Counter(tuple(face[list(pair)].tolist()) for face in self.triangles for pair in pairs)
        assert max(edges.values(), default=0) <= 1, "an edge stands twice in one direction"
        return [edge for edge in edges if edge[::-1] not in edges]

    def volume(self) -> float:
        """Signed, over BOTTOM: what is open at BOTTOM counts as closed there."""
        a, b, c = np.moveaxis((self.points - [0, 0, BOTTOM])[self.triangles], 1, 0)
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    def normals(self) -> Array:
        """Twice the area of each triangle, outward."""
        a, b, c = np.moveaxis(self.points[self.triangles], 1, 0)
        return np.cross(b - a, c - a)

    def height_at(self, x: float, y: float) -> float:
        """How high the surface that looks up lies over a place."""
        for face, normal in zip(self.triangles, self.normals(), strict=True):
            corners = self.points[face]
            if normal[2] > 1e-6 and shapely.Polygon(corners[:, :2]).buffer(1e-6).contains(
                shapely.Point(x, y)
            ):
                offset = (np.array([x, y]) - corners[0, :2]) @ normal[:2]
                return float(corners[0, 2] - offset / normal[2])
        raise AssertionError(f"nothing above {x}, {y}")
