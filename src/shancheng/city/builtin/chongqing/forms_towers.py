"""Own forms of landmarks that rise: towers, masts, a monument, and the block that trains run through.

What a form is, and what its numbers mean, stands in ``forms.py``.
"""

from itertools import pairwise
from typing import Final

import numpy as np

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.shells import (
    Shell,
    beam,
    box,
    joined,
    lathe,
    level_ring,
    loft,
    moved,
    rectangle,
    ring_of,
    upright,
)

__all__ = [
    "OPENING_M",
    "OPENING_WIDTH_M",
    "cable_station",
    "chimney",
    "crowned",
    "lattice",
    "monument",
    "pagoda",
    "sail",
    "through_block",
    "tube",
    "wheel",
]

OPENING_M: Final = (16.5, 28.0)
OPENING_WIDTH_M: Final = 14.0
"""Bottom and top of the sixth to eighth of nineteen storeys at Liziba, and the width of what trains pass."""


def sail(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Raffles City's towers: slender, swelling to the river on the right like a sail, slanted at the top."""
    share = np.linspace(0, 1, 9)
    sections = []
    for t in share:
        outline = _chamfered(length_m * (1 - 0.16 * t**2), width_m * (1 - 0.22 * t**2))
        outline[:, 1] += 0.1 * width_m * (t**2 - 1.4 * np.sin(np.pi * t))
        sections.append(level_ring(outline, low_m + t * (0.95 * high_m - low_m)))
    top = sections[-1].copy()
    # Highest on the left, where the sail's back is; the slant is one plane.
    y = top[:, 1]
    top[:, 2] += 0.05 * high_m * (y - y.min()) / np.ptp(y)
    return loft([*sections[:-1], top])


def tube(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """The Crystal: a glass tube that lies on the towers in a slight bow."""
    angle = 2 * np.pi * (np.arange(12) + 0.5) / 12
    middle, half = (low_m + high_m) / 2, (high_m - low_m) / 2
    # Twelve corners flat on top: the highest ones then reach the top.
    y, z = np.cos(angle), np.sin(angle) / np.sin(angle).max()
    sections = []
    for t in np.linspace(-1, 1, 13):
        slim = 0.45 + 0.55 * np.sqrt(1 - 0.94 * t**6)
        bow = 0.055 * length_m * (1 - t**2)
        x = np.full(12, t * length_m / 2)
        sections.append(np.column_stack([x, bow + slim * y * width_m / 2, middle + slim * z * half]))
    return _exactly(loft(sections), low_m, high_m)


def crowned(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """The World Financial Center's tower: a shaft with cut corners that narrows to a slanted crown."""
    steps = ((0.0, 1.0), (0.62, 1.0), (0.62, 0.93), (0.84, 0.9), (0.93, 0.72), (0.975, 0.5))
    sections = [
        level_ring(_chamfered(length_m * scale, width_m * scale), max(low_m, share * high_m))
        for share, scale in steps
    ]
    sections[0] = level_ring(_chamfered(length_m, width_m), low_m)
    tip = level_ring(_chamfered(length_m * 0.3, width_m * 0.3), high_m)
    tip[:, 2] -= 0.02 * high_m * (tip[:, 0].max() - tip[:, 0]) / np.ptp(tip[:, 0])
    return loft([*sections, tip])


def monument(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Jiefangbei: octagonal, a shaft on steps, the clock's head and a small cap."""
    r = length_m / 2
    profile = (
        (1.0, 0.0),
        (1.0, 0.05),
        (0.82, 0.05),
        (0.82, 0.13),
        (0.58, 0.155),
        (0.46, 0.16),
        (0.40, 0.74),
        (0.54, 0.75),
        (0.54, 0.895),
        (0.62, 0.9),
        (0.62, 0.925),
        (0.34, 0.93),
        (0.26, 0.97),
        (0.06, 0.972),
        (0.05, 1.0),
    )
    points = [(share * r, max(low_m, at * high_m)) for share, at in profile]
    return lathe([(r, low_m), *points[1:]], 8, across=width_m / length_m)


def pagoda(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Kansheng Tower and pagodas: octagonal storeys, each under its own eaves."""
    n_tiers, r = 4, length_m / 2
    profile = [(r, low_m), (r, 0.04 * high_m)]
    for tier in range(n_tiers):
        wall = r * (0.78 - 0.13 * tier)
        bottom, top = (0.04 + 0.2 * tier) * high_m, (0.04 + 0.2 * (tier + 1)) * high_m
        eaves = top - 0.055 * high_m
        profile += [(wall, bottom), (wall, eaves), (wall + 0.2 * r, eaves + 0.004 * high_m)]
        profile += [(wall + 0.19 * r, eaves + 0.018 * high_m), (wall - 0.05 * r, top)]
    profile += [(0.1 * r, 0.93 * high_m), (0.04 * r, 0.935 * high_m), (0.0, high_m)]
    return lathe(profile, 8, across=width_m / length_m)


def lattice(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A television tower: four legs with braces, a platform, an antenna."""
    mast = 0.78 * high_m
    z = np.array([low_m, *np.linspace(0.09 * mast, mast, 8)])
    half = np.interp(np.maximum(z, 0), (0, 0.45 * mast, mast), (0.5, 0.2, 0.07))
    corners = [
        np.column_stack([rectangle(2 * h * length_m, 2 * h * width_m), np.full(4, at)])
        for h, at in zip(half, z, strict=True)
    ]
    shells = []
    for lower, upper in pairwise(corners):
        for k in range(4):
            n = (k + 1) % 4
            shells += [
                beam(lower[k], upper[k], 0.9),
                beam(lower[k], upper[n], 0.45),
                beam(upper[k], upper[n], 0.45),
            ]
    platform = [(0.1, 0.60), (0.17, 0.615), (0.17, 0.635), (0.1, 0.65)]
    shells.append(lathe([(share * length_m, at * high_m) for share, at in platform], 12))
    shells.append(
        lathe(
            [(0.05 * length_m, mast - 1), (0.05 * length_m, mast + 2), (0.35, 0.9 * high_m), (0.2, high_m)], 8
        )
    )
    return joined(*shells)


def chimney(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A tall chimney that narrows upward."""
    r = length_m / 2
    return lathe([(r, low_m), (0.72 * r, 0.45 * high_m), (0.6 * r, high_m)], 20, across=width_m / length_m)


def wheel(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A Ferris wheel on two pairs of legs, its axle across."""
    r = 0.46 * length_m
    hub = high_m - r - 1.0
    rim = upright(ring_of([(r - 1, -1), (r + 1, -1), (r + 1, 1), (r - 1, 1)], 36))
    spokes = [
        beam((0, 0, 0), (r * np.cos(a), 0, r * np.sin(a)), 0.5)
        for a in np.arange(12) * np.pi / 6 + np.pi / 12
    ]
    turning = moved(joined(rim, *spokes), (0, 0, hub))
    legs = [
        beam((x * length_m, y * width_m, low_m), (0, y * 0.5 * width_m, hub), 1.6)
        for x in (-0.22, 0.22)
        for y in (-0.45, 0.45)
    ]
    return joined(turning, beam((0, -0.3 * width_m, hub), (0, 0.3 * width_m, hub), 2.4), *legs)


def cable_station(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A ropeway's station: a tower with an open head where the cabins come in, ahead."""
    body = box(length_m, width_m, low_m, 0.62 * high_m)
    posts = [
        box(0.08 * length_m, 0.1 * width_m, 0.6 * high_m, 0.93 * high_m, at=(x * length_m, y * width_m))
        for x in (-0.44, 0.44)
        for y in (-0.42, 0.42)
    ]
    return joined(body, *posts, box(1.12 * length_m, 1.06 * width_m, 0.9 * high_m, high_m))


def through_block(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Liziba: a slab of flats with an opening along it, through which the monorail runs."""
    outer, inner = rectangle(width_m, high_m - low_m), rectangle(OPENING_WIDTH_M, OPENING_M[1] - OPENING_M[0])
    outer[:, 1] += (low_m + high_m) / 2
    inner[:, 1] += sum(OPENING_M) / 2
    back_outer, back_inner, front_outer, front_inner = (
        np.column_stack([np.full(4, x), part])
        for x in (-length_m / 2, length_m / 2)
        for part in (outer, inner)
    )
    faces: list[FloatArray] = []
    for k in range(4):
        n = (k + 1) % 4
        faces += [
            np.array([back_outer[k], back_outer[n], front_outer[n], front_outer[k]]),
            np.array([back_inner[n], back_inner[k], front_inner[k], front_inner[n]]),
            np.array([front_outer[k], front_outer[n], front_inner[n], front_inner[k]]),
            np.array([back_outer[n], back_outer[k], back_inner[k], back_inner[n]]),
        ]
    return Shell(tuple(faces))


def _exactly(shell: Shell, low_m: float, high_m: float) -> Shell:
    """The shell stretched upright, so that it reaches from low to high."""
    scale = (high_m - low_m) / (shell.highest_m - shell.lowest_m)
    lowest = shell.lowest_m
    return Shell(
        tuple(np.column_stack([face[:, :2], low_m + scale * (face[:, 2] - lowest)]) for face in shell.faces)
    )


def _chamfered(length_m: float, width_m: float, cut: float = 0.22) -> FloatArray:
    """A rectangle with its corners cut, shape (8, 2), counter-clockwise."""
    x, y, c = length_m / 2, width_m / 2, cut * min(length_m, width_m)
    return np.array(
        [
            (-x + c, -y),
            (x - c, -y),
            (x, -y + c),
            (x, y - c),
            (x - c, y),
            (-x + c, y),
            (-x, y - c),
            (-x, -y + c),
        ]
    )
