"""A mountain and cities on it, the same every time."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.schema import layer_table
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster

WEST, SOUTH, SIDE = 106.5, 29.5, 0.0625
ROOT = RootCell(WEST, SOUTH, SIDE)
METRES_PER_DEGREE = 111_320.0
# Outlines in a unit square, as towns have them: with notches, steps and a courtyard.
SHAPES = [
    shapely.from_wkt(text)
    for text in (
        "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))",
        "POLYGON ((0 0, 1 0, 1 0.5, 0.55 0.5, 0.55 1, 0 1, 0 0))",
        "POLYGON ((0 0, 1 0, 1 1, 0.7 1, 0.7 0.4, 0.3 0.4, 0.3 1, 0 1, 0 0))",
        "POLYGON ((0.2 0, 0.8 0, 1 0.2, 1 0.8, 0.8 1, 0.2 1, 0 0.8, 0 0.2, 0.2 0))",
        "POLYGON ((0 0, 0.5 0, 1 0, 1 1, 0 1, 0 0), (0.3 0.3, 0.3 0.7, 0.7 0.7, 0.7 0.3, 0.3 0.3))",
        "MULTIPOLYGON (((0 0, 0.4 0, 0.4 1, 0 1, 0 0)), ((0.6 0, 1 0, 1 1, 0.6 1, 0.6 0)))",
        "POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0), (0 0, 0.5 0.25, 0.25 0.5, 0 0))",
    )
]


def mountain_raster() -> Raster:
    """Slopes of up to 40 degrees, samples every arc second."""
    step = 1 / 3600
    lon = WEST - 0.01 + step * np.arange(300)
    lat = SOUTH + SIDE + 0.01 - step * np.arange(300)
    x, y = np.meshgrid((lon - WEST) * 90, (lat - SOUTH) * 110)
    values = 400 + 150 * np.sin(x * 2) * np.cos(y * 1.5) + 60 * np.sin(5 * x + 3 * y) + 15 * np.cos(17 * y)
    return Raster(values.astype(np.float32), float(lon[0]), float(lat[0]), step, step)


def city_table(n: int, seed: int = 1) -> pa.Table:
    """A layer of n buildings on a jittered grid; some have courtyards, some hang in the air."""
    rng = np.random.default_rng(seed)
    geometry = footprints(n, rng)
    height = np.round(np.clip(rng.lognormal(2.5, 0.7, n), 3, 250), 1)
    floating = rng.random(n) < 0.1
    levels = [int(h // 3.2) if rng.random() < 0.7 else None for h in height]
    return layer_table(
        "buildings",
        id=[f"w{100 + 7 * k}" for k in range(n)],
        kind=rng.choice(["house", "office", "学校"], n).tolist(),
        provenance=rng.choice(["surveyed", "approximate", "modelled"], n).tolist(),
        height_m=height,
        height_provenance="modelled",
        min_height_m=np.where(floating, np.round(height / 3, 1), 0.0),
        levels=pa.array(levels, pa.int16()),
        geometry=geometry,
    )


def footprints(n: int, rng: np.random.Generator) -> npt.NDArray[np.object_]:
    side = int(np.ceil(np.sqrt(n)))
    spacing = 0.9 * SIDE / side
    place = rng.permutation(side * side)[:n]
    result = np.empty(n, dtype=object)
    for k in range(n):
        shape = SHAPES[rng.integers(len(SHAPES))]
        width, depth = rng.uniform(8, 60, 2)
        turn, jitter = rng.uniform(0, np.pi), rng.uniform(-0.1, 0.1, 2)
        centre = np.array([WEST, SOUTH]) + spacing * (np.array(divmod(place[k], side)) + 0.6 + jitter)
        result[k] = shapely.transform(shape, _placed(width, depth, turn, centre))
    return result


def _placed(
    width: float, depth: float, turn: float, centre: npt.NDArray[np.float64]
) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    metres = np.array([METRES_PER_DEGREE * np.cos(np.radians(SOUTH)), METRES_PER_DEGREE])

    def place(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.round(centre + ((points - 0.5) * [width, depth]) @ spin / metres, 7)

    return place
