"""Footprints and lines on the plane: boxes, rings, L-shapes and smooth paths, many at a time."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import FloatArray

__all__ = ["boxes", "crosses", "directions", "l_shapes", "regular_polygon", "resample", "smooth_path"]

CORNERS: Final = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)])
"""Of a unit box as (along, across); across is to the right of along, so this order turns left."""
CHAIKIN_ROUNDS: Final = 3


def directions(azimuth_rad: npt.ArrayLike) -> FloatArray:
    """Unit vectors east and north, shape (..., 2), of directions clockwise from north."""
    azimuth = np.asarray(azimuth_rad, dtype=np.float64)
    return np.stack([np.sin(azimuth), np.cos(azimuth)], axis=-1)


def boxes(
    centre: FloatArray, length_m: FloatArray, width_m: FloatArray, azimuth_rad: FloatArray
) -> FloatArray:
    """Corners of rectangles, shape (n, 4, 2), counter-clockwise; the length lies along the azimuth."""
    return _place(np.broadcast_to(CORNERS, (len(centre), 4, 2)), centre, length_m, width_m, azimuth_rad)


def l_shapes(
    centre: FloatArray,
    length_m: FloatArray,
    width_m: FloatArray,
    azimuth_rad: FloatArray,
    *,
    notch: FloatArray,
) -> FloatArray:
    """Corners of boxes without the corner in front on the right, shape (n, 6, 2), counter-clockwise.

    ``notch`` (n, 2) is the share of length and width that is cut away.
    """
    along, across = 0.5 - notch[:, 0], 0.5 - notch[:, 1]
    half = np.full(len(centre), 0.5)
    unit = np.stack(
        [
            np.stack([-half, -half], -1),
            np.stack([-half, half], -1),
            np.stack([along, half], -1),
            np.stack([along, across], -1),
            np.stack([half, across], -1),
            np.stack([half, -half], -1),
        ],
        axis=1,
    )
    return _place(unit, centre, length_m, width_m, azimuth_rad)


def crosses(
    centre: FloatArray,
    length_m: FloatArray,
    width_m: FloatArray,
    azimuth_rad: FloatArray,
    *,
    notch: FloatArray,
) -> FloatArray:
    """Corners of boxes without their four corners, shape (n, 12, 2), counter-clockwise.

    ``notch`` (n, 2) is the share of length and width that is cut away at each corner, below a half.
    """
    along, across = 0.5 - notch[:, 0], 0.5 - notch[:, 1]
    half = np.full(len(centre), 0.5)
    quarter = [(half, across), (along, across), (along, half)]
    # The quarter in front on the right, then mirrored round; every other quarter runs backwards.
    points = [
        *((-a, b) for a, b in quarter),
        *((a, b) for a, b in reversed(quarter)),
        *((a, -b) for a, b in quarter),
        *((-a, -b) for a, b in reversed(quarter)),
    ]
    unit = np.stack([np.stack(point, axis=-1) for point in points], axis=1)
    return _place(unit, centre, length_m, width_m, azimuth_rad)


def regular_polygon(centre: FloatArray, diameter_m: float, n_sides: int) -> Any:  # noqa: ANN401 - a shapely Polygon
    """A regular polygon with a flat side to the north."""
    angle = 2 * np.pi * (np.arange(n_sides) + 0.5) / n_sides
    return shapely.polygons(centre + diameter_m / 2 * np.column_stack([-np.sin(angle), np.cos(angle)]))


def smooth_path(vertices: FloatArray, step_m: float) -> FloatArray:
    """A path with its corners cut round (Chaikin) and points at most ``step_m`` apart; the ends stay."""
    path = vertices
    for _ in range(CHAIKIN_ROUNDS):
        quarters = np.stack([0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]], axis=1)
        path = np.concatenate([path[:1], quarters.reshape(-1, 2)[1:-1], path[-1:]])
    return resample(path, step_m)


def resample(path: FloatArray, step_m: float) -> FloatArray:
    """Evenly spaced points along a path, ends included, at most ``step_m`` apart."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0.0, way[-1], max(2, int(np.ceil(way[-1] / step_m)) + 1))
    return np.column_stack([np.interp(at, way, path[:, axis]) for axis in (0, 1)])


def _place(
    unit: FloatArray, centre: FloatArray, length_m: FloatArray, width_m: FloatArray, azimuth_rad: FloatArray
) -> FloatArray:
    along = directions(azimuth_rad)
    right = np.stack([along[:, 1], -along[:, 0]], axis=-1)
    return (
        centre[:, None, :]
        + unit[..., :1] * (length_m[:, None, None] * along[:, None, :])
        + unit[..., 1:] * (width_m[:, None, None] * right[:, None, :])
    )
