"""Tubes of four corners: decks, legs, pillars. Closed solids whose faces look outward."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shancheng.tiles.draped_pieces import Floats, Ints

__all__ = ["box_sections", "left_sides", "tubes_triangles"]

_MITRE_LIMIT = 2.0
# Around a section, counter-clockwise seen against the direction in which the tube is drawn out.
_RING = ((0, 1), (1, 2), (2, 3), (3, 0))
_CORNERS = 4


def tubes_triangles(sections: Sequence[int]) -> Ints:
    """Triangles of tubes one after the other, whose vertices follow each other too; shape (t, 3).

    Args:
        sections: Number of sections of each tube, at least 2.
    """
    first = 4 * np.cumsum([0, *sections])
    return np.concatenate([_tube(n) + start for n, start in zip(sections, first[:-1], strict=True)])


def _tube(n_sections: int) -> Ints:
    """Triangles of a tube with closed ends, shape (8 n - 4, 3): vertex 4 k + c is corner c of section k.

    The corners go round clockwise seen along the tube's direction: left top, right top, right bottom, left
    bottom of a deck; for a box upward, counter-clockwise seen from above.
    """
    back = _CORNERS * np.arange(n_sections - 1)[:, None]
    front = back + _CORNERS
    sides = [
        np.concatenate([back + b, front + b, front + a, back + b, front + a, back + a], axis=1)
        for a, b in _RING
    ]
    last = _CORNERS * (n_sections - 1)
    ends = [(0, 3, 2), (0, 2, 1), (last + 1, last + 2, last + 3), (last + 1, last + 3, last)]
    return np.concatenate([np.stack(sides, axis=1).reshape(-1, 3), np.array(ends, dtype=np.int64)])


def left_sides(at: Floats, scale: Floats) -> Floats:
    """Mitred normals to the left of a line at each point, shape (n, 2), metres; of length 1 where straight.

    Args:
        at: Degrees, shape (n, 2); no point stands twice in a row.
        scale: Metres per degree at each, shape (n, 2).
    """
    step = np.diff(at, axis=0) * scale[:-1]
    step /= np.hypot(step[:, 0], step[:, 1])[:, None]
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    summed = np.concatenate([normal[:1], normal]) + np.concatenate([normal, normal[-1:]])
    square = np.maximum((summed**2).sum(axis=1), 4.0 / _MITRE_LIMIT**2)
    return np.asarray(2.0 * summed / square[:, None], dtype=np.float64)


def box_sections(
    at: Floats, scale: Floats, left: Floats, sides_m: tuple[float, float], heights_m: Floats
) -> npt.NDArray[np.float64]:
    """Bottom and top of upright boxes, shape (k, 2, 4, 3): longitude, latitude, height.

    Args:
        at: Their middles, shape (k, 2).
        scale: Metres per degree there, shape (k, 2).
        left: Unit vectors across, shape (k, 2).
        sides_m: Across and along.
        heights_m: Of bottom and top, shape (k, 2).
    """
    across = left * sides_m[0] / 2
    along = np.stack([left[:, 1], -left[:, 0]], axis=1) * sides_m[1] / 2
    corners = np.stack([across + along, across - along, -across - along, -across + along], axis=1)
    base = at[:, None] + corners / scale[:, None]
    sections = np.empty((len(at), 2, _CORNERS, 3))
    sections[..., :2] = base[:, None]
    sections[..., 2] = heights_m[:, :, None]
    return sections
