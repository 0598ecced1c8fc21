"""Which picture lies on which face of a solid, and where: what the layer says, checked, corner by corner."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.tiles.meshes import NO_PICTURE
from shancheng.tiles.notes import Notes

if TYPE_CHECKING:
    from shancheng.tiles.faces import Faces, Wkb

__all__ = ["FacePictures", "Skin", "read_face_pictures"]

IntArray = npt.NDArray[np.int64]

# A picture is repeated at most this often along a face; beyond, the numbers are taken for nonsense.
MAX_REPEATS = 64
_NAME = re.compile(r"[0-9a-f]{64}\.(jpg|png|webp)")


@dataclass(frozen=True, slots=True)
class Skin:
    """What lies on the faces of some solids.

    Attributes:
        picture: Place of each face's picture in `names`, or `NO_PICTURE`, shape (f,).
        uv: Place of each corner in it, u right and v up, shape (p, 2); zero where there is none.
        names: File names.
    """

    picture: npt.NDArray[np.int32]
    uv: npt.NDArray[np.float32]
    names: tuple[str, ...]

    @classmethod
    def bare(cls, faces: "Faces") -> "Skin":
        """Faces without pictures."""
        picture = np.full(len(faces.points_in), NO_PICTURE, np.int32)
        return cls(picture, np.zeros((len(faces.corners), 2), np.float32), ())


@dataclass(frozen=True, slots=True)
class FacePictures:
    """Pictures of a layer's faces, n rows.

    Attributes:
        fits: Whether a row's lists fit its faces, shape (n,).
        names: For each row, a file name or null for each face.
        uv: For each row, u and v for each point of the faces that have a name.
    """

    fits: npt.NDArray[np.bool_]
    names: Any  # pa.ListArray
    uv: Any  # pa.ListArray

    def of(self, rows: IntArray, faces: "Faces") -> Skin:
        """What lies on the faces of some rows."""
        fits = self.fits[rows]
        skin = Skin.bare(faces)
        if not fits.any():
            return skin
        chosen = pa.array(rows[fits])
        words = self.names.take(chosen).flatten().dictionary_encode()
        names = tuple(words.dictionary.to_pylist())
        code = words.indices.fill_null(NO_PICTURE).to_numpy(zero_copy_only=False)
        mine = np.repeat(fits, np.diff(faces.solid_start))
        first = np.zeros(len(mine), np.int64)
        # The lists of all chosen rows, one after the other, hold just what their faces take out of them.
        taken = np.where(code != NO_PICTURE, 2 * faces.points_in[mine], 0)
        first[mine] = np.cumsum(taken) - taken
        skin.picture[mine] = code
        face = faces.face_of_corner()
        dressed = np.flatnonzero(skin.picture[face] != NO_PICTURE)
        at = first[face[dressed]] + 2 * faces.source[dressed]
        numbers = self.uv.take(chosen).flatten().to_numpy(zero_copy_only=False)
        # Zero and minus zero are the same place, but not the same bits.
        skin.uv[dressed] = np.stack([numbers[at], numbers[at + 1]], axis=1) + np.float32(0)
        return Skin(skin.picture, skin.uv, names)


def read_face_pictures(
    table: "pa.Table", wkb: "Wkb", rows: IntArray, n_faces: IntArray, notes: Notes
) -> FacePictures | None:
    """Pictures on the solids of a layer; None where no solid has any.

    Args:
        table: The layer; columns that it lacks hold nothing.
        wkb: Of its solids.
        rows: Rows whose solids are drawn, shape (r,).
        n_faces: How many faces each of them has, shape (r,).
        notes: In and out: solids drawn without their pictures, by the reason.
    """
    names, uv = _lists(table, "lod2_textures"), _lists(table, "lod2_uv")
    if names is None or uv is None:
        return None
    has = _any_in_list(names)[rows]
    rows, n_faces = rows[has], n_faces[has]
    fits = np.zeros(len(table), np.bool_)
    fits[rows] = True
    for reason, wrong in (
        ("their names are not those of pictures", ~_named(names, rows)),
        ("their places are not numbers of a picture", ~_placed(uv, rows)),
        ("they do not fit the faces", ~_fitting(names, uv, wkb, rows, n_faces)),
    ):
        bad = wrong & fits[rows]
        if bad.any():
            notes.add(f"pictures of a solid left out: {reason}", rows[bad])
            fits[rows[bad]] = False
    return FacePictures(fits, names, uv) if fits.any() else None


def _lists(table: "pa.Table", name: str) -> Any:  # noqa: ANN401  # pa.ListArray
    """A column of lists in one piece, or None where it holds nothing."""
    if name not in table.column_names or table[name].null_count == len(table):
        return None
    whole: Any = table[name].combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def _lengths(lists: Any) -> IntArray:  # noqa: ANN401  # pa.ListArray
    return np.asarray(pc.list_value_length(lists).fill_null(0).to_numpy(), np.int64)


def _per_list(lists: Any, good: npt.NDArray[np.bool_]) -> IntArray:  # noqa: ANN401  # pa.ListArray
    """How many of each list's values are good."""
    ends = np.cumsum(_lengths(lists))
    total = np.concatenate([[0], np.cumsum(good)])
    return np.asarray(total[ends] - total[ends - _lengths(lists)], np.int64)


def _any_in_list(lists: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401  # pa.ListArray
    present = lists.flatten().is_valid().to_numpy(zero_copy_only=False)
    return _per_list(lists, present) > 0


def _named(names: Any, rows: IntArray) -> npt.NDArray[np.bool_]:  # noqa: ANN401  # pa.ListArray
    chosen = names.take(pa.array(rows))
    words = chosen.flatten().dictionary_encode()
    good = np.array([_NAME.fullmatch(word) is not None for word in words.dictionary.to_pylist()] + [True])
    code = words.indices.fill_null(len(good) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(_per_list(chosen, good[code]) == _lengths(chosen))


def _placed(uv: Any, rows: IntArray) -> npt.NDArray[np.bool_]:  # noqa: ANN401  # pa.ListArray
    chosen = uv.take(pa.array(rows))
    numbers = chosen.flatten().fill_null(np.nan).to_numpy(zero_copy_only=False)
    return np.asarray(_per_list(chosen, np.abs(numbers) <= MAX_REPEATS) == _lengths(chosen))


def _fitting(
    names: Any,  # noqa: ANN401  # pa.ListArray
    uv: Any,  # noqa: ANN401  # pa.ListArray
    wkb: "Wkb",
    rows: IntArray,
    n_faces: IntArray,
) -> npt.NDArray[np.bool_]:
    """Whether there is a name or null for each face, and a place for each point of those with a name."""
    from shancheng.tiles.engines.solids_parallel import count_points  # compiled code, so only when needed

    points = np.empty(int(n_faces.sum()), np.int64)
    count_points(wkb.data, wkb.offsets, wkb.ends, rows, points)
    chosen = names.take(pa.array(rows))
    listed = _lengths(chosen) == n_faces
    present = np.zeros(len(points), np.bool_)
    present[np.repeat(listed, n_faces)] = (
        chosen.filter(pa.array(listed)).flatten().is_valid().to_numpy(zero_copy_only=False)
    )
    total = np.concatenate([[0], np.cumsum(np.where(present, 2 * points, 0))])
    ends = np.cumsum(n_faces)
    return np.asarray(listed & (total[ends] - total[ends - n_faces] == _lengths(uv.take(pa.array(rows)))))
