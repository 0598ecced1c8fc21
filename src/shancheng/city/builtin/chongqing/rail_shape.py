"""The course of a railway in plan and in height: smooth through its nodes, no steeper than trains climb."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.builtin.chongqing.extent import FloatArray

__all__ = ["Curve", "heights", "smooth_curve"]

STEP_M: Final = 30.0
CLEAR_M: Final = 5.5
"""A viaduct's rail above the ground at least, but for its ends."""
SMOOTHING_M: Final = 150.0


@dataclass(frozen=True)
class Curve:
    """Points along a curve on the plane, shape (n, 2), and which of them each node is, shape (nodes,)."""

    xy: FloatArray
    node: npt.NDArray[np.int64]

    @property
    def chainage_m(self) -> FloatArray:
        """Way along the curve from its first point, shape (n,)."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.xy, axis=0).T))])


def smooth_curve(nodes: FloatArray, axis: FloatArray, *, closed: bool = False) -> Curve:
    """A curve through all nodes without corners, with points at most ``STEP_M`` apart.

    Each piece is a cubic whose tangents at the nodes lie between the directions to both neighbours, closer to
    that of the nearer one.

    Args:
        nodes: Metres, shape (k, 2). A closed curve's last node is its first one.
        axis: Unit vectors that are the tangents at some nodes, NaN at the others, shape (k, 2).
        closed: Whether the tangents at both ends are one.
    """
    chord = np.diff(nodes, axis=0)
    length = np.hypot(*chord.T)
    way = chord / length[:, None]
    before, after = np.vstack([way[-1 if closed else 0], way]), np.vstack([way, way[0 if closed else -1]])
    len_before = np.concatenate([length[[-1 if closed else 0]], length])
    len_after = np.concatenate([length, length[[0 if closed else -1]]])
    tangent = before * len_after[:, None] + after * len_before[:, None]
    tangent /= np.hypot(*tangent.T)[:, None]
    tangent = np.where(np.isnan(axis), tangent, axis)
    pieces = [
        _piece(nodes[k], nodes[k + 1], tangent[k] * length[k], tangent[k + 1] * length[k])
        for k in range(len(length))
    ]
    counts = np.cumsum([0, *(len(piece) for piece in pieces)])
    return Curve(np.concatenate([*pieces, nodes[-1:]]), counts)


def heights(
    floor_m: FloatArray, chainage_m: FloatArray, steepest: float, fixed: npt.NDArray[np.bool_]
) -> FloatArray:
    """The lowest line above a floor that climbs and falls no more steeply than allowed, then rounded off.

    Args:
        floor_m: What it must reach at each point, shape (n,).
        chainage_m: Where the points are along the way, shape (n,), rising.
        steepest: Rise over run, above 0.
        fixed: Points that rounding off leaves as they are: the two ends, and bridges.
    """
    line = _no_steeper(floor_m, steepest * chainage_m)
    smooth = _moving_mean(line, chainage_m)
    # Where the line is left as it is, the rounding fades in along one window: that can be too steep again.
    fade = np.clip(_way_to(fixed, chainage_m) / SMOOTHING_M, 0, 1)
    return _no_steeper(line + fade * (smooth - line), steepest * chainage_m)


def _no_steeper(floor_m: FloatArray, climb_m: FloatArray) -> FloatArray:
    """The lowest line above a floor that between any two points differs by no more than ``climb_m`` does."""
    falling = np.maximum.accumulate((floor_m - climb_m)[::-1])[::-1] + climb_m
    rising = np.maximum.accumulate(floor_m + climb_m) - climb_m
    return np.asarray(np.maximum(falling, rising))


def _piece(a: FloatArray, b: FloatArray, out_of_a: FloatArray, into_b: FloatArray) -> FloatArray:
    """Points of Hermite's cubic from a on, without b."""
    n = max(1, int(np.ceil(np.hypot(*(b - a)) / STEP_M)))
    t = (np.arange(n) / n)[:, None]
    return np.asarray(
        (2 * t**3 - 3 * t**2 + 1) * a
        + (t**3 - 2 * t**2 + t) * out_of_a
        + (-2 * t**3 + 3 * t**2) * b
        + (t**3 - t**2) * into_b
    )


def _moving_mean(values: FloatArray, chainage_m: FloatArray) -> FloatArray:
    """Mean over ``SMOOTHING_M`` around each point; near the ends over as much as there is both ways."""
    total = np.concatenate([[0.0], np.cumsum(np.diff(chainage_m) * (values[1:] + values[:-1]) / 2)])
    half = np.minimum(SMOOTHING_M / 2, np.minimum(chainage_m - chainage_m[0], chainage_m[-1] - chainage_m))
    upper, lower = (np.interp(chainage_m + side * half, chainage_m, total) for side in (1, -1))
    return np.where(half > 0, (upper - lower) / np.maximum(2 * half, 1e-9), values)


def _way_to(chosen: npt.NDArray[np.bool_], chainage_m: FloatArray) -> FloatArray:
    """Distance along the way to the nearest chosen point, shape (n,)."""
    at = chainage_m[chosen]
    after = np.clip(np.searchsorted(at, chainage_m), 0, len(at) - 1)
    before = np.maximum(after - 1, 0)
    return np.minimum(np.abs(at[after] - chainage_m), np.abs(chainage_m - at[before]))
