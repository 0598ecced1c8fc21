"""Own forms of landmarks that lie: halls, houses on stilts, a theatre, terraces, stadiums and stations.

What a form is, and what its numbers mean, stands in ``forms.py``.
"""

from typing import Final

import numpy as np

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.shells import (
    Shell,
    box,
    hip_roof,
    joined,
    lathe,
    level_ring,
    loft,
    moved,
    ring_of,
)

__all__ = ["bowl", "courtyards", "hip_hall", "round_hall", "ship", "stilt_houses", "terraces", "vault"]

ROUND: Final = 32


def round_hall(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """The Great Hall: a round hall under three eaves, as at the Temple of Heaven."""
    r = length_m / 2
    profile = (
        (1.0, 0.09),
        (0.83, 0.09),
        (0.83, 0.26),
        (0.96, 0.262),
        (0.95, 0.285),
        (0.71, 0.36),
        (0.69, 0.36),
        (0.69, 0.45),
        (0.81, 0.452),
        (0.80, 0.475),
        (0.56, 0.55),
        (0.54, 0.55),
        (0.54, 0.65),
        (0.66, 0.652),
        (0.65, 0.68),
        (0.40, 0.80),
        (0.16, 0.885),
        (0.07, 0.905),
        (0.07, 0.925),
        (0.10, 0.94),
        (0.07, 0.965),
        (0.015, 0.975),
        (0.0, 1.0),
    )
    return lathe(
        [(r, low_m), *((share * r, at * high_m) for share, at in profile)], ROUND, across=width_m / length_m
    )


def hip_hall(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A hall under a hipped roof with turned-up corners."""
    eaves = 0.62 * high_m
    roof = hip_roof(length_m, width_m, eaves, high_m - eaves, overhang_m=1.8, turned_up_m=0.8)
    return joined(box(length_m, width_m, low_m, eaves + 0.3), roof)


def stilt_houses(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Hongya Cave: houses on houses, stepping back from the river on the left, each under its own roof."""
    tiers = ((0.0, 0.30, 1.0, 1), (0.26, 0.50, 0.74, 4), (0.46, 0.70, 0.56, 5), (0.66, 0.86, 0.42, 4))
    shells = [box(length_m, width_m, low_m, 0.24 * high_m)]
    for tier, (bottom, top, depth, n_houses) in enumerate(tiers):
        front = width_m * (depth - 0.5)
        deep, house = depth * width_m * 0.96, length_m / n_houses
        for k in range(n_houses):
            long = house * (0.94 if (k + tier) % 2 else 0.86)
            x = (k + 0.5) * house - length_m / 2
            eaves = high_m * (top - 0.06 if (k + tier) % 2 else top - 0.02) - 0.03 * high_m
            # A roof is never wider than long: the houses of one tier stand side by side, gable to the river.
            body = box(long, deep, max(low_m, bottom * high_m), eaves + 0.3)
            roof = _roof(long, deep, eaves, 0.07 * high_m)
            shells.append(moved(joined(body, roof), (x, front - deep / 2, 0.0)))
    shells.append(
        moved(_tower_house(0.16 * length_m, 0.3 * width_m, high_m), (-0.2 * length_m, -0.3 * width_m, 0))
    )
    return joined(*shells)


def ship(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """The Grand Theatre: slabs of glass, sharp-edged, shifted against each other like decks of a ship."""
    hull = np.array([(-0.5, 0.0), (-0.34, -0.5), (0.30, -0.46), (0.5, 0.06), (0.26, 0.5), (-0.36, 0.44)])
    decks = (
        (low_m, 0.30, 1.0, 0.98, 0.0, 0.04),
        (0.28 * high_m, 0.58, 0.84, 0.82, 0.035, 0.10),
        (0.54 * high_m, 0.82, 0.60, 0.585, -0.03, 0.12),
        (0.78 * high_m, 1.0, 0.34, 0.335, 0.02, 0.08),
    )
    return joined(*(_deck(hull * (length_m, width_m), high_m, deck) for deck in decks))


def terraces(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Chaotianmen's square: broad steps that narrow to the point where the rivers meet, ahead."""
    bow = np.array([(-0.5, -0.5), (0.22, -0.5), (0.5, 0.0), (0.22, 0.5), (-0.5, 0.5)]) * (length_m, width_m)
    # Each step also draws back a little behind, so that no two walls of the body fall together.
    back = np.array([-0.45 * length_m, 0.0])
    sections = []
    for step in range(4):
        outline = back + (bow - back) * (1 - 0.14 * step)
        bottom = low_m if step == 0 else step / 4 * high_m
        sections += [level_ring(outline, bottom), level_ring(outline, (step + 1) / 4 * high_m)]
    return loft(sections)


def courtyards(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """Guild halls and temples: halls behind halls between side wings, all under turned-up roofs."""
    shells = []
    for share, top in ((-0.4, 0.8), (-0.02, 1.0), (0.38, 0.86)):
        hall = hip_hall(0.86 * width_m, 0.17 * length_m, low_m, top * high_m)
        shells.append(moved(hall, (share * length_m, 0.0, 0.0), 90.0))
    for side in (-0.43, 0.43):
        wing = hip_hall(0.76 * length_m, 0.11 * width_m, low_m, 0.52 * high_m)
        shells.append(moved(wing, (-0.01 * length_m, side * width_m, 0.0)))
    return joined(*shells)


def bowl(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A stadium: stands round an open field, the roof higher over the long sides."""
    r, wave = length_m / 2, 0.1 * high_m
    top = high_m - wave
    profile = [
        (0.66 * r, low_m),
        (0.93 * r, low_m),
        (1.0 * r, 0.72 * top),
        (0.97 * r, 0.84 * top),
        (0.74 * r, top),
        (0.74 * r, 0.96 * top),
        (0.93 * r, 0.74 * top),
        (0.68 * r, 0.2 * top),
    ]
    return ring_of(profile, 48, across=width_m / length_m, wave_m=wave)


def vault(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A railway station: a wide flat vault over the hall, a taller bay in its middle."""
    side = _arch(0.98 * length_m, width_m, low_m, 0.78 * high_m)
    return joined(side, _arch(0.32 * length_m, 1.08 * width_m, low_m, high_m))


def _roof(length_m: float, width_m: float, eaves_m: float, rise_m: float) -> Shell:
    """A hipped roof whose ridge lies along the longer side."""
    if length_m >= width_m:
        return hip_roof(length_m, width_m, eaves_m, rise_m, turned_up_m=0.9)
    return moved(hip_roof(width_m, length_m, eaves_m, rise_m, turned_up_m=0.9), (0, 0, 0), 90.0)


def _tower_house(length_m: float, width_m: float, high_m: float) -> Shell:
    body = box(length_m, width_m, 0.8 * high_m, 0.93 * high_m)
    return joined(body, _roof(length_m, width_m, 0.925 * high_m, 0.075 * high_m))


def _deck(hull: FloatArray, high_m: float, deck: tuple[float, float, float, float, float, float]) -> Shell:
    """One slab: bottom, top's share, scales at bottom and top, shift, slant; its top is one plane."""
    bottom, top, wide, narrow, shift, slant = deck
    at = np.array([shift * np.ptp(hull[:, 0]), 0.0])
    lower, upper = level_ring(hull * wide + at, bottom), level_ring(hull * narrow + at, top * high_m)
    x = upper[:, 0]
    upper[:, 2] -= slant * high_m * (x.max() - x) / np.ptp(x)
    return loft([lower, upper])


def _arch(length_m: float, width_m: float, low_m: float, high_m: float) -> Shell:
    """A flat vault drawn out along x, its span across."""
    angle = np.linspace(0, np.pi, 13)
    wall = 0.55 * high_m
    y = np.concatenate([[-width_m / 2, width_m / 2], width_m / 2 * np.cos(angle)])
    z = np.concatenate([[low_m, low_m], wall + (high_m - wall) * np.sin(angle)])
    ends = [np.column_stack([np.full(len(y), x), y, z]) for x in (-length_m / 2, length_m / 2)]
    return loft(ends)
