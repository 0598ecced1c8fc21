"""Buildings as the solids of their source: which rows have one that can be drawn, and their meshes.

Geometry is kept as it is: every corner stays where it was, each face is cut into triangles in the plane that
fits it best, and looks the way its corners run. What cannot be drawn is counted with its reason, and the
building is drawn in its simpler form. Pictures on faces are taken over where they are complete.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shancheng.tiles.engines.solid_codes import GOOD, MAX_FACE_POINTS, MAX_POINTS, NOTHING
from shancheng.tiles.face_pictures import FacePictures, Skin, read_face_pictures
from shancheng.tiles.faces import Faces, Wkb
from shancheng.tiles.meshes import Meshes
from shancheng.tiles.notes import Notes

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["REASONS", "Solids", "read_solids"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

# In the order of engines/solid_codes.py.
REASONS = (
    "",
    "",
    "the geometry is no MultiPolygon Z",
    "a coordinate is not a number",
    "a coordinate is outside longitude -180 to 180, latitude -90 to 90 or height -12,000 to 20,000 m",
    f"more than {MAX_POINTS:,} corners, or {MAX_FACE_POINTS:,} in one face",
    "wider than 0.25 degrees or higher than 3,000 m",
    "no face has an area",
)


@dataclass(frozen=True, slots=True)
class Solids:
    """The r solids of a layer that can be drawn.

    Attributes:
        drawn: Their rows, rising, shape (r,).
        bounds_deg: West, south, east, north of each, shape (r, 4).
        heights_m: Lowest and highest ellipsoidal height of each, shape (r, 2).
        sizes: Faces, rings and points of each, shape (r, 3).
        wkb: Of all rows of the table.
        pictures: Of their faces, or None where none has one.
    """

    drawn: IntArray
    bounds_deg: FloatArray
    heights_m: FloatArray
    sizes: IntArray
    wkb: Wkb
    pictures: FacePictures | None = None

    def places(self, rows: IntArray) -> IntArray:
        """Where some of `drawn` stand in it."""
        return np.searchsorted(self.drawn, rows)

    def build(self, rows: IntArray) -> Meshes:
        """Meshes of some of `drawn`."""
        from shancheng.tiles.engines.solids_parallel import weld  # compiled code, so only when needed

        if len(rows) == 0:
            return Meshes.none()
        faces = Faces.read(self.wkb, rows, self.sizes[self.places(rows)].sum(axis=0))
        triangles, face = faces.triangles()
        skin = Skin.bare(faces) if self.pictures is None else self.pictures.of(rows, faces)
        more = np.empty((len(faces.corners), 2), np.int64)
        more[:, 0] = skin.picture[faces.face_of_corner()]
        more[:, 1] = skin.uv.view(np.int64)[:, 0]
        point_start = faces.ring_start[faces.face_start[faces.solid_start]]
        starts = np.searchsorted(face, faces.solid_start)
        kept, out = np.empty(len(faces.corners), np.int64), np.empty((len(triangles), 3), np.uint32)
        new_starts = np.empty(len(rows) + 1, np.int64), np.empty(len(rows) + 1, np.int64)
        origin = np.empty(len(triangles), np.int64)
        weld(
            faces.corners.view(np.int64), more, point_start, starts, triangles, kept, out, origin, *new_starts
        )
        kept, out = kept[: new_starts[0][-1]], out[: new_starts[1][-1]]
        corners = faces.corners[kept]
        bare = rows, np.ascontiguousarray(corners[:, :2]), corners[:, 2].copy(), out.copy(), *new_starts
        if not skin.names:
            return Meshes(*bare)
        return Meshes(*bare, skin.uv[kept], skin.picture[face[origin[: len(out)]]], skin.names)


def read_solids(table: "pa.Table", notes: Notes) -> Solids | None:
    """Solids of a layer or any part of it; None where there are none.

    Args:
        table: A layer; columns that it lacks hold nothing.
        notes: In and out: how many solids cannot be drawn, and faces without area, by the reason.
    """
    if "lod2_geometry" not in table.column_names or table["lod2_geometry"].null_count == len(table):
        return None
    from shancheng.tiles.engines.solids_parallel import measure_solids  # compiled code, so only when needed

    wkb = Wkb.of(table["lod2_geometry"])
    sizes, boxes = np.zeros((len(table), 4), np.int64), np.zeros((len(table), 6))
    status = np.zeros(len(table), np.uint8)
    measure_solids(wkb.data, wkb.offsets, wkb.ends, sizes, boxes, status)
    for code in np.unique(status[(status != GOOD) & (status != NOTHING)]).tolist():
        notes.add(f"solid drawn in a simpler form: {REASONS[code]}", np.flatnonzero(status == code))
    drawn = np.flatnonzero(status == GOOD)
    if len(drawn) == 0:
        return None
    notes.add("faces of solids without area, left out", drawn, sizes[drawn, 3])
    boxes, sizes = boxes[drawn], sizes[drawn, :3]
    pictures = read_face_pictures(table, wkb, drawn, sizes[:, 0], notes)
    return Solids(drawn, boxes[:, [0, 1, 3, 4]], boxes[:, [2, 5]], sizes, wkb, pictures)
