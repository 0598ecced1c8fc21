"""Bounding volumes: whether one lies inside another, as far as that can be said without guessing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Writers round; a millionth of the outer volume's size (and 1e-9 rad, 6 mm, for regions) is no breach.
RELATIVE_SLACK = 1e-6
REGION_SLACK_RAD = 1e-9
HEIGHT_SLACK_M = 1e-3


def region_fault(volume: dict[str, Any]) -> str | None:
    """What is wrong with the order of a region's sides; west may exceed east across the antimeridian."""
    if "region" not in volume:
        return None
    _, south, _, north, low, high = volume["region"]
    if south > north or low > high:
        return "south or the least height exceeds its opposite"
    return None


def inside(inner: dict[str, Any], outer: dict[str, Any]) -> bool:
    """Whether ``inner`` lies in ``outer``; True where the two kinds cannot be compared exactly."""
    if "region" in inner and "region" in outer:
        return _region_in_region(inner["region"], outer["region"])
    if "region" in inner or "region" in outer:
        return True
    points = _corners(inner["box"]) if "box" in inner else _sphere_ends(inner["sphere"], outer)
    if "box" in outer:
        return _points_in_box(points, outer["box"])
    if "sphere" in outer:
        return _points_in_sphere(points, outer["sphere"])
    return True


def _region_in_region(inner: list[float], outer: list[float]) -> bool:
    if inner[0] > inner[2] or outer[0] > outer[2]:
        return True  # Across the antimeridian sides have no order.
    slack = REGION_SLACK_RAD
    return (
        inner[0] >= outer[0] - slack
        and inner[1] >= outer[1] - slack
        and inner[2] <= outer[2] + slack
        and inner[3] <= outer[3] + slack
        and inner[4] >= outer[4] - HEIGHT_SLACK_M
        and inner[5] <= outer[5] + HEIGHT_SLACK_M
    )


def _corners(box: list[float]) -> Array:
    centre, axes = np.array(box[:3]), np.array(box[3:]).reshape(3, 3)
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    return np.asarray(centre + signs @ axes, np.float64)


def _sphere_ends(sphere: list[float], outer: dict[str, Any]) -> Array:
    """The points of a sphere that reach farthest against each side of the outer volume."""
    centre, radius = np.array(sphere[:3]), sphere[3]
    if "box" in outer:
        axes = np.array(outer["box"][3:]).reshape(3, 3)
        normals = np.linalg.inv(axes).T
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    else:
        away = centre - np.array(outer.get("sphere", [0.0] * 4)[:3])
        length = float(np.linalg.norm(away))
        normals = (away / length if length else np.array([1.0, 0.0, 0.0]))[None, :]
    return np.concatenate([centre + radius * normals, centre - radius * normals])


def _points_in_box(points: Array, box: list[float]) -> bool:
    axes = np.array(box[3:]).reshape(3, 3)
    if abs(np.linalg.det(axes)) == 0.0:
        return True
    local = (points - np.array(box[:3])) @ np.linalg.inv(axes)
    return bool(np.all(np.abs(local) <= 1.0 + RELATIVE_SLACK))


def _points_in_sphere(points: Array, sphere: list[float]) -> bool:
    distances = np.linalg.norm(points - np.array(sphere[:3]), axis=1)
    return bool(np.all(distances <= sphere[3] * (1.0 + RELATIVE_SLACK)))
