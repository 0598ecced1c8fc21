"""What the city wants at each place: how dense, how tall, for what use, and which way its streets run.

Derived from the ground, the rivers and the hand-placed centres; nothing is random here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import CORE, PLANE, FloatArray, Grid
from shancheng.city.builtin.chongqing.relief import relief
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.tables import Centre

__all__ = ["DRY_M", "HIGHEST_M", "RIDGE_M", "STEEPEST", "Mesh", "UrbanField", "core_mesh", "urban_field"]

MESH_STEP_M: Final = 40.0
FADE_M: Final = 900.0
"""The city thins out this far within the core's border, so that it ends nowhere on a line."""
FRAY_M: Final = 700.0

STEEPEST: Final = 0.55
"""Rise over run beyond which nothing is built: 29 degrees, so that no footprint reaches 35."""
HIGHEST_M: Final = 440.0
HIGH_M: Final = 385.0
"""Elevation of the highest built ground, and from where on it thins out."""
RIDGE_M: Final = (80.0, 120.0)
"""How far the ground's measured shape may rise above its surroundings: no city stands on a ridge."""
DRY_M: Final = 34.0
CLEAR_M: Final = 26.0
LEAST_HEIGHT: Final = 0.15
STRIKE_AZIMUTH_DEG: Final = 18.0
FRONT_M, FRONT_WIDTH_M, FRONT_RISE = 190.0, 130.0, 0.30
"""Both banks carry a front of towers: how far from the water, how deep, how much taller."""
FRONT_REACH_M: Final = 8500.0
MIDDLE_LONLAT: Final = (106.5500, 29.5600)

FloatMap = npt.NDArray[np.float64]
BoolMap = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mesh:
    """A square mesh on the plane; row 0 is in the south."""

    west_m: float
    south_m: float
    step_m: float
    n: int

    @property
    def x_m(self) -> FloatArray:
        """East of the columns, shape (n,)."""
        return self.west_m + self.step_m * np.arange(self.n, dtype=np.float64)

    @property
    def y_m(self) -> FloatArray:
        """North of the rows, shape (n,)."""
        return self.south_m + self.step_m * np.arange(self.n, dtype=np.float64)

    @property
    def xy(self) -> FloatArray:
        """All nodes, shape (n, n, 2)."""
        return np.stack(np.meshgrid(self.x_m, self.y_m), axis=-1)

    def nearest(self, xy: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Row and column of the nearest node to each point, clamped to the mesh."""
        col = np.clip(np.rint((xy[..., 0] - self.west_m) / self.step_m), 0, self.n - 1)
        row = np.clip(np.rint((xy[..., 1] - self.south_m) / self.step_m), 0, self.n - 1)
        return row.astype(np.int64), col.astype(np.int64)

    def inside(self, xy: FloatArray) -> BoolMap:
        """Whether each point lies on the mesh."""
        far = self.step_m * (self.n - 1)
        x, y = xy[..., 0] - self.west_m, xy[..., 1] - self.south_m
        return np.asarray((x >= 0) & (y >= 0) & (x <= far) & (y <= far))


@dataclass(frozen=True)
class UrbanField:
    """Over the mesh, each of shape (n, n) but ``rise`` (n, n, 2).

    ``density`` 0 to 1, 0 where nothing may be built; ``height`` 0 to about 1; ``old``, ``works`` and
    ``campus`` 0 to 1 where old quarters, industry and universities are; ``azimuth_rad`` of the streets along
    the slope, clockwise from north, without sign (a street has two directions); ``rise`` of the ground in
    metres per metre to the east and to the north.
    """

    mesh: Mesh
    density: FloatMap
    height: FloatMap
    old: FloatMap
    works: FloatMap
    campus: FloatMap
    azimuth_rad: FloatMap
    rise: FloatArray

    @property
    def steepness(self) -> FloatMap:
        """Rise over run."""
        return np.asarray(np.hypot(self.rise[..., 0], self.rise[..., 1]))


def core_mesh() -> Mesh:
    """The square mesh over the core."""
    corners = PLANE.from_lonlat([(CORE.west_deg, CORE.south_deg), (CORE.east_deg, CORE.north_deg)])
    middle, side = corners.mean(axis=0), float((corners[1] - corners[0]).max())
    n = int(side / MESH_STEP_M) + 3
    half = MESH_STEP_M * (n - 1) / 2
    return Mesh(middle[0] - half, middle[1] - half, MESH_STEP_M, n)


def urban_field(
    elevation_m: npt.NDArray[np.float32],
    grid: Grid,
    rivers: RiverField,
    centres: Sequence[Centre],
    keep_clear: npt.NDArray[Any],
) -> UrbanField:
    """Lay the field over the core.

    Args:
        elevation_m: The ground on ``grid``.
        grid: Of the ground and the rivers.
        rivers: Banks on ``grid``.
        centres: What draws density and height.
        keep_clear: Polygons on the plane where nothing is generated.
    """
    mesh = core_mesh()
    ground = _Ground.sampled(elevation_m, grid, rivers, mesh)
    density = np.where(_near(keep_clear, mesh), 0.0, _density(ground, centres))
    return UrbanField(
        mesh,
        density=density,
        height=_height(ground, centres),
        old=_share(mesh, centres, "old"),
        works=_share(mesh, centres, "works"),
        campus=_share(mesh, centres, "campus"),
        azimuth_rad=_azimuth(ground, centres),
        rise=np.stack([ground.rise_east, ground.rise_north], axis=-1),
    )


@dataclass(frozen=True)
class _Ground:
    """The ground at the mesh's nodes; ``prominence_m`` is how far it rises above its wider surroundings."""

    mesh: Mesh
    elevation_m: FloatMap
    prominence_m: FloatMap
    rise_east: FloatMap
    rise_north: FloatMap
    bank_m: FloatMap
    bank_east: FloatMap
    bank_north: FloatMap

    @classmethod
    def sampled(
        cls, elevation_m: npt.NDArray[np.float32], grid: Grid, rivers: RiverField, mesh: Mesh
    ) -> "_Ground":
        xy = mesh.xy
        elevation, bank = grid.sample(elevation_m, xy), grid.sample(rivers.bank_m, xy)
        rise_north, rise_east = _gradient(elevation, mesh.step_m)
        bank_north, bank_east = _gradient(bank, mesh.step_m)
        prominence = grid.sample(relief(elevation_m), xy)
        return cls(mesh, elevation, prominence, rise_east, rise_north, bank, bank_east, bank_north)


def _gradient(values: FloatMap, step_m: float) -> tuple[FloatMap, FloatMap]:
    """Rise per metre to the north and to the east."""
    return np.asarray(np.gradient(values, step_m, axis=0)), np.asarray(np.gradient(values, step_m, axis=1))


def _density(ground: _Ground, centres: Sequence[Centre]) -> FloatMap:
    drawn = np.minimum(_merged(ground.mesh, [(centre, centre.density, 1.0) for centre in centres]), 1.0)
    steepness = np.hypot(ground.rise_east, ground.rise_north)
    built = drawn * np.clip((STEEPEST - steepness) / (STEEPEST - 0.25), 0, 1)
    built *= np.clip((HIGHEST_M - ground.elevation_m) / (HIGHEST_M - HIGH_M), 0, 1)
    built *= np.clip((RIDGE_M[1] - _blurred(ground.prominence_m, 2)) / (RIDGE_M[1] - RIDGE_M[0]), 0, 1)
    built *= _within_core(ground)
    built[ground.bank_m < DRY_M] = 0
    return built


def _within_core(ground: _Ground) -> FloatMap:
    """1 inside, 0 outside the core, with a frayed border: hills hold the city back, valleys let it go on."""
    x, y = np.meshgrid(ground.mesh.x_m, ground.mesh.y_m)
    south_west, north_east = (
        PLANE.from_lonlat([corner])[0]
        for corner in ((CORE.west_deg, CORE.south_deg), (CORE.east_deg, CORE.north_deg))
    )
    inside = np.minimum(
        np.minimum(x - south_west[0], north_east[0] - x), np.minimum(y - south_west[1], north_east[1] - y)
    )
    fray = FRAY_M * np.clip(_blurred(ground.prominence_m, 4) / 40, -0.5, 1)
    return np.asarray(np.clip((inside - fray) / FADE_M, 0, 1) * (inside > 0))


def _near(keep_clear: npt.NDArray[Any], mesh: Mesh) -> BoolMap:
    near = np.zeros((mesh.n, mesh.n), dtype=np.bool_)
    for area in shapely.buffer(keep_clear, CLEAR_M):
        west, south, east, north = shapely.bounds(area)
        rows = slice(*np.searchsorted(mesh.y_m, [south, north]))
        cols = slice(*np.searchsorted(mesh.x_m, [west, east]))
        x, y = np.meshgrid(mesh.x_m[cols], mesh.y_m[rows])
        shapely.prepare(area)
        near[rows, cols] |= shapely.contains_xy(area, x, y)
    return near


def _share(mesh: Mesh, centres: Sequence[Centre], use: str) -> FloatMap:
    share = np.zeros((mesh.n, mesh.n))
    for centre in centres:
        if centre.use == use:
            share = np.maximum(share, _bump(mesh, centre, reach=1.0))
    return share


def _height(ground: _Ground, centres: Sequence[Centre]) -> FloatMap:
    mixed = [(centre, centre.height, 0.8) for centre in centres if centre.use == "mixed"]
    tall = np.maximum(_merged(ground.mesh, mixed), LEAST_HEIGHT)
    middle = PLANE.from_lonlat([MIDDLE_LONLAT])[0]
    near = _gaussian(ground.mesh, middle, FRONT_REACH_M)
    tall += FRONT_RISE * np.exp(-(((ground.bank_m - FRONT_M) / FRONT_WIDTH_M) ** 2)) * near
    # Old quarters and works hold the towers down.
    for centre in centres:
        if centre.use != "mixed":
            tall *= 1 - (1 - centre.height) * _bump(ground.mesh, centre, reach=0.9)
    return tall


def _azimuth(ground: _Ground, centres: Sequence[Centre]) -> FloatMap:
    """Along contours where it is steep, along the bank beside the rivers, by plan in planned centres."""
    rise_east, rise_north = _blurred(ground.rise_east, 3), _blurred(ground.rise_north, 3)
    contour = _doubled(-rise_north, rise_east)
    field = contour * np.clip(np.hypot(rise_east, rise_north) / 0.08, 0, 1)[..., None]
    beside = 1.6 * np.exp(-((np.maximum(ground.bank_m, 0) / 420) ** 2)) + 0.12
    field += _doubled(-ground.bank_north, ground.bank_east) * beside[..., None]
    strike = np.radians(STRIKE_AZIMUTH_DEG)
    field += 0.2 * np.array([np.cos(2 * strike), np.sin(2 * strike)])
    for centre in centres:
        if centre.street_azimuth_deg is not None:
            plan = 2 * np.radians(centre.street_azimuth_deg)
            weight = 1.8 * _bump(ground.mesh, centre, reach=0.75)[..., None]
            field += weight * np.array([np.cos(plan), np.sin(plan)])
    smooth = np.stack([_blurred(field[..., axis], 4) for axis in (0, 1)], axis=-1)
    return np.asarray(np.arctan2(smooth[..., 1], smooth[..., 0]) / 2)


def _merged(mesh: Mesh, peaks: Sequence[tuple[Centre, float, float]]) -> FloatMap:
    """Bumps of given heights and reaches as one: the cubic mean, between their sum and the largest."""
    cubes = np.zeros((mesh.n, mesh.n))
    for centre, peak, reach in peaks:
        # The cube of a bump is a narrower bump.
        cubes += peak**3 * _bump(mesh, centre, reach=reach / np.sqrt(3))
    return np.asarray(np.cbrt(cubes))


def _bump(mesh: Mesh, centre: Centre, *, reach: float) -> FloatMap:
    """1 at a centre, falling smoothly; 0.14 at its radius times ``reach`` and a half."""
    at = PLANE.from_lonlat([(centre.lon, centre.lat)])[0]
    return _gaussian(mesh, at, np.sqrt(1.15) * centre.radius_m * reach)


def _gaussian(mesh: Mesh, at: FloatArray, radius_m: float) -> FloatMap:
    east = np.exp(-(((mesh.x_m - at[0]) / radius_m) ** 2))
    north = np.exp(-(((mesh.y_m - at[1]) / radius_m) ** 2))
    return np.outer(north, east)


def _doubled(east: FloatMap, north: FloatMap) -> FloatArray:
    """A direction without sign as the unit vector of twice its azimuth; zero where there is no direction."""
    squared = np.maximum(east**2 + north**2, 1e-12)
    return np.stack([(north**2 - east**2) / squared, 2 * east * north / squared], axis=-1)


def _blurred(values: FloatMap, radius: int) -> FloatMap:
    """Two box means, each over ``2 radius + 1`` nodes both ways."""
    size = 2 * radius + 1
    for _ in range(2):
        for axis in (0, 1):
            width = [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)]
            total = np.cumsum(np.pad(values, width, mode="edge"), axis=axis)
            upper = np.take(total, range(size, total.shape[axis]), axis=axis)
            lower = np.take(total, range(total.shape[axis] - size), axis=axis)
            values = (upper - lower) / size
    return values
