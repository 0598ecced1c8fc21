"""A synthetic mountain city, the same bytes every time: ridged terrain and footprints in dense quarters.

It needs NumPy and Shapely alone, so that peers can be given the same footprints without our package.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

LON_DEG, LAT_DEG = 106.55, 29.55
# WGS-84 at that latitude, metres a degree; the city is laid out in metres and written in degrees.
METRES_A_DEGREE_LAT = 110_858.0
METRES_A_DEGREE_LON = 96_931.0
DEM_STEP_DEG = 1 / 1200
KINDS = ("residential", "apartments", "commercial", "office", "industrial", "school", "garage", "yes")
KIND_SHARES = (0.38, 0.17, 0.11, 0.07, 0.09, 0.04, 0.06, 0.08)

FloatArray = npt.NDArray[np.float64]
# Outlines in a unit square, counter-clockwise, and how often each is met; the last has a courtyard.
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
OUTLINES: tuple[tuple[float, tuple[tuple[float, float], ...]], ...] = (
    (0.54, SQUARE),
    (0.17, ((0, 0), (1, 0), (1, 0.5), (0.5, 0.5), (0.5, 1), (0, 1))),
    (0.09, ((0, 0), (1, 0), (1, 0.4), (0.7, 0.4), (0.7, 1), (0.3, 1), (0.3, 0.4), (0, 0.4))),
    (0.08, ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.4), (0.3, 0.4), (0.3, 1), (0, 1))),
    (0.06, ((0.2, 0), (0.8, 0), (1, 0.2), (1, 0.8), (0.8, 1), (0.2, 1), (0, 0.8), (0, 0.2))),
    (0.04, tuple((0.5 + 0.5 * np.cos(a), 0.5 + 0.5 * np.sin(a)) for a in np.arange(12) * np.pi / 6)),
    (0.02, SQUARE),
)
COURTYARD = len(OUTLINES) - 1


@dataclass(frozen=True)
class Footprints:
    """Buildings of the synthetic city.

    Attributes:
        ids: Shape (n,).
        polygons: Shapely polygons in degrees, shape (n,); rounded to 1e-7 as in OpenStreetMap.
        heights_m: Above ground, shape (n,).
        levels: Floors, shape (n,).
        kinds: Shape (n,).
    """

    ids: npt.NDArray[np.str_]
    polygons: npt.NDArray[np.object_]
    heights_m: FloatArray
    levels: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Dem:
    """Elevations: row 0 is north, `west_deg` and `north_deg` are the centre of sample [0, 0]."""

    elevation_m: npt.NDArray[np.float32]
    west_deg: float
    north_deg: float
    step_deg: float


def smooth_noise(shape: tuple[int, int], octaves: int, rng: np.random.Generator) -> FloatArray:
    """Value noise of several octaves, standard deviation near 1."""
    total = np.zeros(shape)
    for octave in range(octaves):
        cells = 3 * 2**octave + 2
        knots = rng.standard_normal((cells, cells))
        rows, columns = (np.linspace(0, cells - 1.001, size) for size in shape)
        i, j = rows.astype(int), columns.astype(int)
        u, v = ((t - t.astype(int)) for t in (rows, columns))
        u, v = (t * t * (3 - 2 * t) for t in (u[:, None], v[None, :]))
        top = knots[i][:, j] * (1 - v) + knots[i][:, j + 1] * v
        bottom = knots[i + 1][:, j] * (1 - v) + knots[i + 1][:, j + 1] * v
        total += 0.5**octave * (top * (1 - u) + bottom * u)
    return total


def mountain_dem(*, side_deg: float = 0.4, seed: int = 11, step_deg: float = DEM_STEP_DEG) -> Dem:
    """Parallel ridges of 200 to 1,500 m with valleys between them, 3 arc-seconds if nothing else is said."""
    rng = np.random.default_rng(seed)
    size = round(side_deg / step_deg) + 1
    across = np.linspace(-3, 3, size)[None, :] + 0.25 * smooth_noise((size, size), 3, rng)
    ridges = np.abs(np.sin(np.pi * across)) ** 3
    detail = smooth_noise((size, size), 8, rng)
    elevation_m = 220 + 900 * ridges + (40 + 160 * ridges) * detail
    west, north = LON_DEG - side_deg / 2, LAT_DEG + side_deg / 2
    return Dem(np.maximum(elevation_m, 120).astype(np.float32), west, north, step_deg)


def footprints(count: int, *, seed: int = 7) -> Footprints:
    """The first `count` buildings of a city that is as large as that needs."""
    rng = np.random.default_rng(seed)
    centres, turn = _sites(count, rng)
    width = np.clip(rng.lognormal(2.45, 0.35, count), 4, 28)
    length = np.clip(width * rng.uniform(1, 2.2, count), 5, 40)
    outline = rng.choice(len(OUTLINES), count, p=[share for share, _ in OUTLINES])
    polygons = np.empty(count, object)
    for number, (_, corners) in enumerate(OUTLINES):
        chosen = np.flatnonzero(outline == number)
        unit = np.array(corners, float) - 0.5
        shells = _placed(unit, centres[chosen], turn[chosen], width[chosen], length[chosen])
        polygons[chosen] = shapely.polygons(_ring(shells))
        if number == COURTYARD:
            yards = _placed(unit[::-1] * 0.4, centres[chosen], turn[chosen], width[chosen], length[chosen])
            polygons[chosen] = shapely.polygons(_ring(shells), _ring(yards)[:, None])
    levels = np.clip(rng.lognormal(1.5, 0.75, count).round(), 1, 60).astype(np.int64)
    return Footprints(
        ids=np.char.add("w", (100_000_000 + 7 * np.arange(count)).astype(str)),
        polygons=polygons,
        heights_m=np.round(levels * 3.2 + rng.uniform(0, 2, count), 1),
        levels=levels,
        kinds=rng.choice(np.array(KINDS), count, p=KIND_SHARES),
    )


def _sites(count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Centres in metres, shape (n, 2), and turns in radians: places of a jittered grid where it is dense."""
    grid = int(np.sqrt(count * 2.2)) + 1
    density = smooth_noise((grid, grid), 6, rng) + 0.8 * rng.standard_normal((grid, grid))
    places = np.sort(np.argsort(-density, axis=None, kind="stable")[:count])
    row, column = np.divmod(places, grid)
    pitch_m = 45.0
    centres = (np.column_stack([column, row]) - grid / 2) * pitch_m
    turn = 0.8 * smooth_noise((grid, grid), 4, rng).ravel()[places]
    return centres + rng.uniform(-2, 2, (count, 2)), turn


def _placed(unit: FloatArray, centres: FloatArray, turn: FloatArray, *sides: FloatArray) -> FloatArray:
    """Outlines turned and moved to their centres, in degrees, shape (n, corners, 2)."""
    across, along = (unit[None, :, axis] * side[:, None] for axis, side in enumerate(sides))
    cosine, sine = np.cos(turn)[:, None], np.sin(turn)[:, None]
    east = centres[:, :1] + cosine * across - sine * along
    north = centres[:, 1:] + sine * across + cosine * along
    lon, lat = LON_DEG + east / METRES_A_DEGREE_LON, LAT_DEG + north / METRES_A_DEGREE_LAT
    return np.round(np.stack([lon, lat], axis=-1), 7).astype(np.float64)


def _ring(corners: FloatArray) -> npt.NDArray[np.object_]:
    return np.asarray(shapely.linearrings(np.concatenate([corners, corners[:, :1]], axis=1)))
