"""Buildings that are more than prisms: their triangles, above the ellipsoid, in no tile's frame yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["NO_PICTURE", "Meshes"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

# In `Meshes.picture`: the triangle has none.
NO_PICTURE = -1


@dataclass(frozen=True, slots=True)
class Meshes:
    """Triangles of m buildings, one after the other.

    Faces run counter-clockwise seen from outside. A vertex belongs to triangles with a picture or to
    triangles without one, never to both.

    Attributes:
        rows: Row of each building in the layer's table, shape (m,).
        lonlat_deg: Vertices, WGS-84, shape (v, 2).
        heights_m: The same above the ellipsoid, shape (v,).
        triangles: Vertices counted from the building's first one, uint32, shape (t, 3).
        vertex_start: First vertex of each building, then the end, shape (m + 1,).
        triangle_start: First triangle of each building, then the end, shape (m + 1,).
        uv: Place in the picture, u right and v up, shape (v, 2), float32; empty, shape (0, 2), where no
            triangle has a picture.
        picture: Place of each triangle's picture in `pictures`, int32, shape (t,), or `NO_PICTURE`; empty
            where none has.
        pictures: File names.
    """

    rows: IntArray
    lonlat_deg: FloatArray
    heights_m: FloatArray
    triangles: npt.NDArray[np.uint32]
    vertex_start: IntArray
    triangle_start: IntArray
    uv: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 2), np.float32))
    picture: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    pictures: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def textured(self) -> bool:
        """Whether some triangle has a picture."""
        return len(self.pictures) > 0

    @classmethod
    def none(cls) -> "Meshes":
        """No buildings."""
        zero = np.zeros(1, np.int64)
        corners = np.empty((0, 3), np.uint32)
        return cls(np.empty(0, np.int64), np.empty((0, 2)), np.empty(0), corners, zero, zero)

    def take(self, places: IntArray) -> "Meshes":
        """Some of the buildings, in this order, with the names of the pictures that they show."""
        vertices = _gathered(self.vertex_start, places)
        triangles = _gathered(self.triangle_start, places)
        bare = (
            self.rows[places],
            self.lonlat_deg[vertices],
            self.heights_m[vertices],
            self.triangles[triangles],
            _starts_of(np.diff(self.vertex_start)[places]),
            _starts_of(np.diff(self.triangle_start)[places]),
        )
        if not self.textured:
            return Meshes(*bare)
        picture, names = _shown(self.picture[triangles], self.pictures)
        return Meshes(*bare, self.uv[vertices], picture, names) if names else Meshes(*bare)

    @classmethod
    def joined(cls, parts: Sequence["Meshes"]) -> "Meshes":
        """The buildings of all parts, in their order."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:  # noqa: PLR2004  # nothing to join
            return parts[0] if parts else cls.none()
        pictures = tuple(dict.fromkeys(name for part in parts for name in part.pictures))
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.lonlat_deg for part in parts]),
            np.concatenate([part.heights_m for part in parts]),
            np.concatenate([part.triangles for part in parts]),
            _starts([part.vertex_start for part in parts]),
            _starts([part.triangle_start for part in parts]),
            *_pictures(parts, pictures),
            pictures,
        )


def _starts(starts: list[IntArray]) -> IntArray:
    return _starts_of(np.concatenate([np.diff(start) for start in starts]))


def _starts_of(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _gathered(start: IntArray, places: IntArray) -> IntArray:
    """All numbers from `start[p]` to `start[p + 1]`, for one place after the other."""
    counts = start[places + 1] - start[places]
    shift = start[places] - (np.cumsum(counts) - counts)
    return np.repeat(shift, counts) + np.arange(int(counts.sum()))


def _shown(
    picture: npt.NDArray[np.int32], names: Sequence[str]
) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Places in the list of those names that are met, in the order in which they are; and that list."""
    used, first = np.unique(picture, return_index=True)
    met = used[np.argsort(first)]
    met = met[met != NO_PICTURE]
    place = np.full(len(names) + 1, NO_PICTURE, np.int32)
    place[met] = np.arange(len(met))
    return place[picture], tuple(names[number] for number in met.tolist())


def _pictures(
    parts: list[Meshes], pictures: tuple[str, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """`uv` and `picture` of all parts, with the names' new places."""
    if not pictures:
        return np.empty((0, 2), np.float32), np.empty(0, np.int32)
    uv, picture = [], []
    for part in parts:
        if not part.textured:
            uv.append(np.zeros((len(part.heights_m), 2), np.float32))
            picture.append(np.full(len(part.triangles), NO_PICTURE, np.int32))
            continue
        places = np.array([*(pictures.index(name) for name in part.pictures), NO_PICTURE], np.int32)
        uv.append(part.uv)
        picture.append(places[part.picture])
    return np.concatenate(uv), np.concatenate(picture)
