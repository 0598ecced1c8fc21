"""Bridges as solids: decks, piers, and the towers, arches, cables or trusses that tell them apart.

The main span lies about the middle of the water, its towers at its ends; how many cables there are, how thick
anything is and where the smaller piers stand is by eye.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray
from shancheng.city.builtin.chongqing.placing import Solid, placed, solid
from shancheng.city.builtin.chongqing.roads import bridge_axis
from shancheng.city.builtin.chongqing.shells import Shell, beam, box, joined, level_ring, loft
from shancheng.city.builtin.chongqing.tables import Bridge

__all__ = ["bridge_shell", "bridge_solid"]

DECK_M: Final = 2.5
RAIL_DECK_M: Final = 1.2
RAIL_WIDTH_M: Final = 12.0
TRUSS_M: Final = 11.0
BAY_M: Final = 16.0
PIER_EVERY_M: Final = 70.0
PIER_M: Final = 4.0
FOOTING_M: Final = 3.0
LEG_M: Final = 4.5
CABLES: Final = 6
CABLE_M: Final = 0.45
MAIN_CABLE_M: Final = 0.9
HANGERS: Final = 14
ARCH_PIECES: Final = 16
RIB_M: Final = 2.2

Ground = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class _Frame:
    """A bridge in a frame of its own: x from end a to end b about the axis' middle, z above the deck's top.

    ``water_m`` is where on x the middle of the water is; ``ground_m`` gives z of the ground at places on x.
    """

    bridge: Bridge
    length_m: float
    water_m: float
    ground_m: Callable[[float], float]

    @property
    def towers_m(self) -> tuple[float, ...]:
        """Where on x towers stand: a single one at the end of the main span that is nearer to a."""
        ends = (self.water_m - self.bridge.main_span_m / 2, self.water_m + self.bridge.main_span_m / 2)
        return ends[: self.bridge.towers]

    @property
    def rail_m(self) -> float | None:
        """Height of the rail, where it runs below the road."""
        rail = self.bridge.rail_elevation_m
        below = rail is not None and rail < self.bridge.deck_elevation_m - DECK_M
        return rail - self.bridge.deck_elevation_m if rail is not None and below else None


def bridge_solid(bridge: Bridge, water: Any, ground: Ground) -> Solid:  # noqa: ANN401 - a shapely geometry
    """The solid of one bridge, for the layer's ``lod2_geometry``.

    Args:
        bridge: Its row.
        water: The rivers' surface on the plane.
        ground: Elevations at points on the plane.
    """
    return solid(bridge_shell(bridge, water, ground))


def bridge_shell(bridge: Bridge, water: Any, ground: Ground) -> Shell:  # noqa: ANN401 - a shapely geometry
    """The same as a shell on the plane, z as elevation."""
    a, b = bridge_axis(bridge)
    length = float(np.hypot(*(b - a)))
    along, middle = (b - a) / length, (a + b) / 2
    wet = shapely.get_coordinates(shapely.intersection(shapely.linestrings([a, b]), water))
    on_x = (wet - middle) @ along

    def ground_m(x: float) -> float:
        return float(ground((middle + x * along)[None])[0]) - bridge.deck_elevation_m

    frame = _Frame(bridge, length, float((on_x.min() + on_x.max()) / 2), ground_m)
    azimuth = float(np.degrees(np.arctan2(along[0], along[1])))
    return placed(_whole(frame), middle, azimuth, bridge.deck_elevation_m)


def _whole(frame: _Frame) -> Shell:
    kinds: dict[str, Callable[[_Frame], list[Shell]]] = {
        "arch": _arch,
        "cable_stayed": _cable_stayed,
        "suspension": _suspension,
        "truss": _truss,
    }
    own = kinds[frame.bridge.kind](frame) if frame.bridge.kind in kinds else []
    return joined(*_deck(frame), *_piers(frame), *own)


def _deck(frame: _Frame) -> list[Shell]:
    decks = [box(frame.length_m, frame.bridge.width_m, -DECK_M, 0.0)]
    if frame.rail_m is not None:
        low = frame.rail_m - RAIL_DECK_M
        decks.append(box(frame.length_m, RAIL_WIDTH_M, low, frame.rail_m - 0.1))
    return decks


def _piers(frame: _Frame) -> list[Shell]:
    """At both ends of the main span, and evenly from there to the ends of the deck."""
    half = frame.bridge.main_span_m / 2
    places: list[float] = []
    for end, side in ((frame.water_m - half, -1.0), (frame.water_m + half, 1.0)):
        way = frame.length_m / 2 - side * end
        if way < 0:
            continue
        n = max(1, round(way / PIER_EVERY_M))
        places += [end + side * way * k / n for k in range(n)]
    under = frame.rail_m - RAIL_DECK_M if frame.rail_m is not None else -DECK_M
    broad = min(0.7 * frame.bridge.width_m, 18.0)
    piers = []
    for x in places:
        foot = frame.ground_m(x) - FOOTING_M
        if (
            foot < under - 2 * FOOTING_M
            and min((abs(x - t) for t in frame.towers_m), default=PIER_M) >= PIER_M
        ):
            piers.append(box(PIER_M, broad, foot, under + 0.2, at=(x, 0.0)))
    return piers


def _tower(frame: _Frame, x: float) -> list[Shell]:
    """Two legs beside the deck that lean together a little, with beams between them."""
    top = frame.bridge.tower_height_m or 0.0
    foot = frame.ground_m(x) - FOOTING_M
    out, inner = frame.bridge.width_m / 2 + LEG_M / 2 + 0.5, frame.bridge.width_m / 2 * 0.75
    shells = []
    for side in (1.0, -1.0):
        shells.append(_leg((x, side * (out + 0.06 * -foot), foot), (x, side * out, 0.0)))
        shells.append(_leg((x, side * out, 0.0), (x, side * inner, top)))
    low = frame.rail_m - RAIL_DECK_M if frame.rail_m is not None else -DECK_M
    shells.append(box(LEG_M, 2 * out, low - 3.0, low, at=(x, 0.0)))
    for share in (0.6, 0.93):
        at = out + share * (inner - out)
        shells.append(box(LEG_M * 0.8, 2 * at, share * top - 3.0, share * top, at=(x, 0.0)))
    return shells


def _leg(foot: tuple[float, float, float], top: tuple[float, float, float]) -> Shell:
    """A square leg whose ends are level."""
    half = LEG_M / 2
    square = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    return loft([level_ring(square + end[:2], end[2]) for end in (foot, top)])


def _cable_stayed(frame: _Frame) -> list[Shell]:
    top, half = frame.bridge.tower_height_m or 0.0, frame.bridge.width_m / 2
    reach = frame.bridge.main_span_m / (2 if frame.bridge.towers > 1 else 1)
    shells = []
    for x in frame.towers_m:
        shells += _tower(frame, x)
        for side in (1.0, -1.0):
            for way in (1.0, -1.0):
                # Towards the bank there is less room: cables end where the deck does.
                room = min(reach, frame.length_m / 2 - way * x) - 6.0
                for k in range(1, CABLES + 1):
                    share = k / CABLES
                    foot = (x + way * room * share, side * half, 0.0)
                    shells.append(beam(foot, (x, side * half * 0.8, top * (0.55 + 0.4 * share)), CABLE_M))
    return shells


def _suspension(frame: _Frame) -> list[Shell]:
    """Main cables from both ends of the deck over the towers, hanging low in the middle, with hangers."""
    top, half = frame.bridge.tower_height_m or 0.0, frame.bridge.width_m / 2
    left, right = frame.towers_m
    x = np.linspace(left, right, HANGERS + 1)
    t = (2 * x - left - right) / (right - left)
    z = 0.06 * top + 0.92 * top * t**2
    shells = [shell for tower in (left, right) for shell in _tower(frame, tower)]
    for side in (1.0, -1.0):
        y = side * half
        path = [
            (-frame.length_m / 2 + 4.0, y, 0.0),
            *((px, y, pz) for px, pz in zip(x, z, strict=True)),
            (frame.length_m / 2 - 4.0, y, 0.0),
        ]
        shells += [beam(p, q, MAIN_CABLE_M) for p, q in pairwise(path)]
        shells += [beam((px, y, -1.0), (px, y, pz), CABLE_M) for px, _, pz in path[2:-2]]
    return shells


def _arch(frame: _Frame) -> list[Shell]:
    """Two ribs from piers below the deck to the crown above it, with hangers and struts."""
    crown, half = frame.bridge.tower_height_m or 0.0, frame.bridge.width_m / 2
    spring = -0.42 * crown
    left = frame.water_m - frame.bridge.main_span_m / 2
    x = left + frame.bridge.main_span_m * np.arange(ARCH_PIECES + 1) / ARCH_PIECES
    t = 2 * np.arange(ARCH_PIECES + 1) / ARCH_PIECES - 1
    z = spring + (crown - RIB_M / 2 - spring) * (1 - t**2)
    shells = []
    for side in (1.0, -1.0):
        y = side * (half + 1.0)
        points = [(px, y, pz) for px, pz in zip(x, z, strict=True)]
        shells += [beam(p, q, RIB_M) for p, q in pairwise(points)]
        shells += [beam((px, y, -1.0), (px, y, pz), CABLE_M) for px, _, pz in points if pz > RIB_M]
    struts = [(px, pz) for px, pz in zip(x, z, strict=True) if pz > 0.55 * crown]
    shells += [beam((px, -half - 1.0, pz), (px, half + 1.0, pz), 1.4) for px, pz in struts]
    return shells


def _truss(frame: _Frame) -> list[Shell]:
    """A truss below each edge of the deck."""
    shells = []
    n = max(2, round(frame.length_m / BAY_M))
    x = np.linspace(-frame.length_m / 2 + 1.0, frame.length_m / 2 - 1.0, n + 1)
    for side in (1.0, -1.0):
        y = side * (frame.bridge.width_m / 2 - 1.0)
        shells.append(beam((x[0], y, -TRUSS_M), (x[-1], y, -TRUSS_M), 1.0))
        for k in range(n):
            ends = (-DECK_M, -TRUSS_M) if k % 2 else (-TRUSS_M, -DECK_M)
            shells.append(beam((x[k], y, ends[0]), (x[k + 1], y, ends[1]), 0.7))
    return shells
