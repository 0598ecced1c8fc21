"""Closed surfaces out of few numbers: what the landmarks' own forms are put together from.

All are in metres in a frame of their own, x along, y to the left of it, z up. Faces run counter-clockwise
seen from outside; each shell is closed by itself, and a form of several shells may let them overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.schema import SURFACES

__all__ = [
    "Shell",
    "beam",
    "box",
    "hip_roof",
    "joined",
    "lathe",
    "level_ring",
    "loft",
    "moved",
    "polygon_prism",
    "rectangle",
    "ring_of",
    "upright",
]

GROUND, WALL, ROOF, CEILING = (
    SURFACES.index(name) for name in ("GroundSurface", "WallSurface", "RoofSurface", "OuterCeilingSurface")
)
SLOPED: Final = 0.35
"""Upward part of a unit normal from which on a face is a roof."""
SPECK_M2: Final = 1e-6
LEVEL_M: Final = 1e-3
UPRIGHT: Final = 0.99


@dataclass(frozen=True)
class Shell:
    """Faces as corners (k, 3) without a closing one, each k at least 3 and planar."""

    faces: tuple[FloatArray, ...]

    @property
    def lowest_m(self) -> float:
        """Height of the lowest corner."""
        return float(min(face[:, 2].min() for face in self.faces))

    @property
    def highest_m(self) -> float:
        """Height of the highest corner."""
        return float(max(face[:, 2].max() for face in self.faces))

    def surfaces(self) -> list[int]:
        """What each face is, by its place in ``SURFACES``: the lowest level ones are the ground's."""
        lowest = self.lowest_m
        up = [_normal(face)[2] for face in self.faces]
        flat = [bool(face[:, 2].max() - lowest < LEVEL_M) for face in self.faces]
        return [_surface(u, on_ground=g) for u, g in zip(up, flat, strict=True)]


def _surface(up: float, *, on_ground: bool) -> int:
    if up > SLOPED:
        return ROOF
    if up < -SLOPED:
        return GROUND if on_ground else CEILING
    return WALL


def _normal(face: FloatArray) -> FloatArray:
    """Unit normal of a planar face (Newell)."""
    area = np.cross(face, np.roll(face, -1, axis=0)).sum(axis=0)
    return np.asarray(area / np.hypot(np.hypot(area[0], area[1]), area[2]))


def joined(*shells: Shell) -> Shell:
    """All of them as one form."""
    return Shell(tuple(face for shell in shells for face in shell.faces))


def moved(shell: Shell, offset_m: Sequence[float], turn_deg: float = 0.0) -> Shell:
    """The shell turned to the left about its vertical axis, then moved."""
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return Shell(tuple(face @ turn + np.asarray(offset_m, dtype=np.float64) for face in shell.faces))


def loft(sections: npt.ArrayLike) -> Shell:
    """A body through sections that follow each other upward, shape (m, k, 3), counter-clockwise from above.

    The first and the last section close it and must be planar; one that shrinks to a point or a line closes
    the body by itself.
    """
    at = np.asarray(sections, dtype=np.float64)
    low, high = at[:-1], at[1:]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    sides = np.stack(
        [np.stack([low, low_next, high_next], axis=2), np.stack([low, high_next, high], axis=2)], axis=2
    )
    triangles = sides.reshape(-1, 3, 3)
    area = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    kept = triangles[(area**2).sum(axis=1) > SPECK_M2**2]
    caps = [cap for cap in (at[0, ::-1], at[-1]) if _area_m2(cap) > SPECK_M2]
    return Shell((*kept, *caps))


def _area_m2(face: FloatArray) -> float:
    area = np.cross(face, np.roll(face, -1, axis=0)).sum(axis=0)
    return float(np.sqrt((area**2).sum()) / 2)


def polygon_prism(outline: npt.ArrayLike, low_m: float, high_m: float) -> Shell:
    """An upright body over an outline (k, 2), counter-clockwise, convex or not."""
    flat = np.asarray(outline, dtype=np.float64)
    return loft([level_ring(flat, z) for z in (low_m, high_m)])


def box(
    length_m: float, width_m: float, low_m: float, high_m: float, at: tuple[float, float] = (0, 0)
) -> Shell:
    """An upright box, its length along x, about a place."""
    return polygon_prism(rectangle(length_m, width_m) + np.asarray(at, dtype=np.float64), low_m, high_m)


def level_ring(outline: FloatArray, z_m: float) -> FloatArray:
    """An outline (k, 2) at one height, shape (k, 3)."""
    return np.column_stack([outline, np.full(len(outline), z_m)])


def rectangle(length_m: float, width_m: float) -> FloatArray:
    """Corners about the origin, shape (4, 2), counter-clockwise."""
    return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (length_m / 2, width_m / 2)


def lathe(profile: Sequence[tuple[float, float]], n_sides: int, *, across: float = 1.0) -> Shell:
    """A body of revolution from (radius, height) pairs, bottom first; ``across`` squeezes it along y.

    Heights may stand still or fall, as under the eaves of a roof; the profile must not cross itself.
    """
    angle = 2 * np.pi * (np.arange(n_sides) + 0.5) / n_sides
    circle = np.column_stack([np.cos(angle), across * np.sin(angle)])
    return loft([level_ring(r * circle, z) for r, z in profile])


def ring_of(
    profile: Sequence[tuple[float, float]], n_sides: int, *, across: float = 1.0, wave_m: float = 0.0
) -> Shell:
    """A closed (radius, height) profile, counter-clockwise in that plane, led round an ellipse.

    ``wave_m`` lifts what is above the lowest corner on the long sides and lowers it at both ends.
    """
    angle = 2 * np.pi * np.arange(n_sides) / n_sides
    r, z = np.asarray(profile, dtype=np.float64).T
    lift = np.where(z > z.min(), wave_m, 0.0)[None, :] * -np.cos(2 * angle)[:, None]
    points = np.stack(
        [np.outer(np.cos(angle), r), np.outer(across * np.sin(angle), r), z[None, :] + lift], axis=2
    )
    around, onward = np.roll(points, -1, axis=0), np.roll(points, -1, axis=1)
    across_both = np.roll(around, -1, axis=1)
    one = np.stack([points, around, across_both], axis=2)
    other = np.stack([points, across_both, onward], axis=2)
    return Shell(tuple(np.concatenate([one.reshape(-1, 3, 3), other.reshape(-1, 3, 3)])))


def beam(a: Sequence[float], b: Sequence[float], thick_m: float, broad_m: float | None = None) -> Shell:
    """A straight bar between two points; ``broad_m`` is its size across the vertical plane through it."""
    start, end = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    along = (end - start) / np.linalg.norm(end - start)
    side = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < UPRIGHT else (0.0, 1.0, 0.0))
    side /= np.linalg.norm(side)
    over = np.cross(along, side)
    side, over = side * (thick_m if broad_m is None else broad_m) / 2, over * thick_m / 2
    # Counter-clockwise seen from the end that the bar points to, as ``loft`` wants it from above.
    section = np.array([-side - over, side - over, side + over, -side + over])
    return loft(np.stack([start + section, end + section]))


def upright(shell: Shell) -> Shell:
    """The shell turned about its x axis, so that what lay along y stands."""
    return Shell(tuple(np.column_stack([face[:, 0], -face[:, 2], face[:, 1]]) for face in shell.faces))


def hip_roof(
    length_m: float,
    width_m: float,
    eaves_m: float,
    rise_m: float,
    *,
    overhang_m: float = 1.5,
    turned_up_m: float = 0.0,
) -> Shell:
    """A hipped roof as a thin body with eaves beyond the walls, its corners turned up as in old halls.

    Args:
        length_m: Of the walls below it, along x; not below the width.
        width_m: Likewise across.
        eaves_m: Height of the eaves' underside.
        rise_m: From there to the ridge.
        overhang_m: Of the eaves beyond the walls.
        turned_up_m: How much higher the corners' tips are.
    """
    outer = rectangle(length_m + 2 * overhang_m, width_m + 2 * overhang_m)
    middle = rectangle(length_m - width_m * 0.5, width_m * 0.5)
    ridge = rectangle(max(length_m - width_m, 0.0), 0.0)
    corner = np.full(4, eaves_m + turned_up_m)
    # Between the corners the eaves hang level: each side gets a point in its middle, kept at the eaves.
    rings = [
        _with_middles(outer, corner, eaves_m),
        _with_middles(outer, corner + 0.5, eaves_m + 0.5),
        _with_middles(middle, np.full(4, eaves_m + 0.45 * rise_m), eaves_m + 0.45 * rise_m),
        _with_middles(ridge, np.full(4, eaves_m + rise_m), eaves_m + rise_m),
    ]
    underside = _with_middles(rectangle(length_m, width_m), np.full(4, eaves_m), eaves_m)
    return loft([underside, *rings])


def _with_middles(corners: FloatArray, corner_m: FloatArray, middle_m: float) -> FloatArray:
    """Corners and the middles of the sides between them, shape (8, 3)."""
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    points = np.empty((8, 3))
    points[0::2] = np.column_stack([corners, corner_m])
    points[1::2] = np.column_stack([middles, np.full(4, middle_m)])
    return points
