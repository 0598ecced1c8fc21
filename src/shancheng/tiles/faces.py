"""Faces of solids as ragged arrays: out of WKB, each in its own plane, cut into triangles."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Faces", "Wkb"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wkb:
    """Little-endian WKB of all n rows of a column.

    Attributes:
        data: All of it, uint8.
        offsets: Where each row's begins, shape (n,).
        ends: Where it ends, shape (n,); where it begins if the row has none.
    """

    data: npt.NDArray[np.uint8]
    offsets: IntArray
    ends: IntArray

    @classmethod
    def of(cls, column: Any) -> "Wkb":  # noqa: ANN401  # pa.ChunkedArray of binary
        """Of a column of a table."""
        wide = column.cast(pa.large_binary()).combine_chunks()
        wide = wide.combine_chunks() if isinstance(wide, pa.ChunkedArray) else wide
        buffers: Any = wide.buffers()
        _, offsets, data = buffers
        starts = np.frombuffer(offsets, np.int64)[wide.offset : wide.offset + len(wide) + 1].copy()
        missing = np.asarray(wide.is_null().to_numpy(zero_copy_only=False))
        ends = np.where(missing, starts[:-1], starts[1:])
        return cls(np.frombuffer(data or b"\0", np.uint8), starts[:-1], ends)


@dataclass(frozen=True, slots=True)
class Faces:
    """The f faces of m solids. Outer rings run counter-clockwise in their plane, holes clockwise.

    Attributes:
        corners: Longitude, latitude and ellipsoidal height, rings open, shape (p, 3).
        grid: The same in the plane of their face, whole steps, shape (p, 2).
        source: Which of its face's points in the WKB each corner is, shape (p,).
        ring_start: First corner of each ring, then the end, shape (r + 1,).
        face_start: First ring of each face, then the end, shape (f + 1,); a face without area has none.
        solid_start: First face of each solid, then the end, shape (m + 1,).
        points_in: Points of each face in the WKB, shape (f,).
    """

    corners: FloatArray
    grid: IntArray
    source: IntArray
    ring_start: IntArray
    face_start: IntArray
    solid_start: IntArray
    points_in: IntArray

    @classmethod
    def read(cls, wkb: Wkb, rows: IntArray, sizes: IntArray) -> "Faces":
        """Faces of some solids, known to be good, that together have these sizes: faces, rings, points."""
        from shancheng.tiles.engines.solids_parallel import read_solids  # compiled code, so only when needed

        faces, rings, points = sizes.tolist()
        corners, grid = np.empty((points, 3)), np.empty((points, 2), np.int64)
        source, ring_start = np.empty(points, np.int64), np.empty(rings + 1, np.int64)
        face_start, solid_start = np.empty(faces + 1, np.int64), np.empty(len(rows) + 1, np.int64)
        points_in = np.empty(faces, np.int64)
        read_solids(
            wkb.data, wkb.offsets, wkb.ends, rows, corners, grid, source, ring_start, face_start, solid_start,
            points_in,
        )  # fmt: skip
        rings = int(face_start[-1])
        points = int(ring_start[rings])
        # Zero and minus zero are the same place, but not the same bits.
        kept = corners[:points] + 0.0
        ring_start = ring_start[: rings + 1]
        return cls(kept, grid[:points], source[:points], ring_start, face_start, solid_start, points_in)

    def face_of_corner(self) -> IntArray:
        """The face of each corner, shape (p,)."""
        faces = np.arange(len(self.points_in))
        return np.repeat(faces, np.diff(self.ring_start[self.face_start]))

    def triangles(self) -> tuple[IntArray, IntArray]:
        """Corners of triangles, counted from the first of all, shape (t, 3), and the face of each.

        A triangle may have a corner more than once: then it is none.
        """
        from shancheng.tiles.engines.ears_parallel import triangulate  # compiled code, so only when needed

        rings = np.diff(self.face_start)
        first = self.ring_start[self.face_start]
        counts = np.where(rings > 0, np.diff(first) + 2 * rings - 4, 0)
        start = np.concatenate([[0], np.cumsum(counts)])
        found = np.zeros((int(start[-1]), 3), np.uint16)
        # Faces whose outline crosses itself keep the triangles they get: so their solid stays closed.
        status = (rings == 0).astype(np.uint8)
        numbers = np.arange(len(rings) + 1)
        triangulate(self.grid, self.ring_start, self.face_start, numbers, start, 0, len(rings), status, found)
        face = np.repeat(np.arange(len(rings)), counts)
        return found.astype(np.int64) + first[face][:, None], face
