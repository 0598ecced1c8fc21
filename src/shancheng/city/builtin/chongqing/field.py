"""What the city wants at each place: how dense, how tall, and which way its streets run.

Derived from the ground, the rivers and the hand-placed centres; nothing is random here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE, FloatArray, Grid
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.tables import Centre

__all__ = ["Mesh", "UrbanField", "urban_field"]

MIDDLE_LONLAT: Final = (106.5300, 29.5600)
"""Of the built-up circle: the peninsula's neck, so that it reaches from Shapingba to the foot of Nanshan."""
CITY_RADIUS_M: Final = 9200.0
MESH_STEP_M: Final = 40.0

STEEPEST: Final = 0.55
"""Rise over run beyond which nothing is built: 29 degrees, so that no footprint reaches 35."""
HIGHEST_M: Final = 400.0
"""Elevation of the highest built ground: the ridges begin there."""
DRY_M: Final = 34.0
CLEAR_M: Final = 26.0
OLD_QUARTER: Final = 0.35
"""Centres lower than this are old quarters: they hold the towers down instead of drawing them."""
STRIKE_AZIMUTH_DEG: Final = 18.0

FloatMap = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """A square mesh on the plane; row 0 is in the south."""

    west_m: float
    south_m: float
    step_m: float
    n: int

    @property
    def xy(self) -> FloatArray:
        """All nodes, shape (n, n, 2)."""
        along = self.step_m * np.arange(self.n)
        x, y = np.meshgrid(self.west_m + along, self.south_m + along)
        return np.stack([x, y], axis=-1)

    def nearest(self, xy: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Row and column of the nearest node to each point, clamped to the mesh."""
        col = np.clip(np.rint((xy[..., 0] - self.west_m) / self.step_m), 0, self.n - 1)
        row = np.clip(np.rint((xy[..., 1] - self.south_m) / self.step_m), 0, self.n - 1)
        return row.astype(np.int64), col.astype(np.int64)

    def inside(self, xy: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether each point lies on the mesh."""
        far = self.step_m * (self.n - 1)
        x, y = xy[..., 0] - self.west_m, xy[..., 1] - self.south_m
        return np.asarray((x >= 0) & (y >= 0) & (x <= far) & (y <= far))


@dataclass(frozen=True)
class UrbanField:
    """Over the mesh, each of shape (n, n).

    ``density`` 0 to 1, 0 where nothing may be built; ``height`` 0 to about 1; ``azimuth_rad`` of the streets
    along the slope, clockwise from north, without sign (a street has two directions).
    """

    mesh: Mesh
    density: FloatMap
    height: FloatMap
    azimuth_rad: FloatMap


def urban_field(
    elevation_m: npt.NDArray[np.float32],
    grid: Grid,
    rivers: RiverField,
    centres: Sequence[Centre],
    keep_clear: npt.NDArray[Any],
) -> UrbanField:
    """Lay the field over the built-up circle.

    Args:
        elevation_m: The ground on ``grid``.
        grid: Of the ground and the rivers.
        rivers: Banks on ``grid``.
        centres: What draws density and height.
        keep_clear: Polygons on the plane where nothing is generated.
    """
    middle = PLANE.from_lonlat([MIDDLE_LONLAT])[0]
    n = int(2 * CITY_RADIUS_M / MESH_STEP_M) + 3
    half = MESH_STEP_M * (n - 1) / 2
    mesh = Mesh(middle[0] - half, middle[1] - half, MESH_STEP_M, n)
    ground = _Ground.sampled(elevation_m, grid, rivers, mesh)
    to_middle = np.hypot(*np.moveaxis(mesh.xy - middle, -1, 0))
    return UrbanField(
        mesh,
        density=np.where(_near(keep_clear, mesh), 0.0, _density(ground, centres, to_middle)),
        height=_height(ground, centres, to_middle),
        azimuth_rad=_azimuth(ground, centres),
    )


@dataclass(frozen=True)
class _Ground:
    """The ground at the mesh's nodes."""

    xy: FloatArray
    elevation_m: FloatMap
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
        return cls(xy, elevation, rise_east, rise_north, bank, bank_east, bank_north)


def _gradient(values: FloatMap, step_m: float) -> tuple[FloatMap, FloatMap]:
    """Rise per metre to the north and to the east."""
    return np.asarray(np.gradient(values, step_m, axis=0)), np.asarray(np.gradient(values, step_m, axis=1))


def _density(ground: _Ground, centres: Sequence[Centre], to_middle: FloatMap) -> FloatMap:
    drawn = np.zeros_like(to_middle)
    for centre in centres:
        drawn = np.maximum(drawn, centre.density * _bump(ground.xy, centre, reach=1.0))
    wide = 0.24 * np.exp(-((to_middle / 6000) ** 2))
    steepness = np.hypot(ground.rise_east, ground.rise_north)
    built = np.maximum(drawn, wide) * np.clip((STEEPEST - steepness) / (STEEPEST - 0.25), 0, 1)
    built *= np.clip((HIGHEST_M - ground.elevation_m) / 80, 0, 1)
    built[(ground.bank_m < DRY_M) | (to_middle > CITY_RADIUS_M)] = 0
    return built


def _near(keep_clear: npt.NDArray[Any], mesh: Mesh) -> npt.NDArray[np.bool_]:
    area = shapely.union_all(shapely.buffer(keep_clear, CLEAR_M))
    shapely.prepare(area)
    return np.asarray(shapely.contains_xy(area, mesh.xy[..., 0], mesh.xy[..., 1]))


def _height(ground: _Ground, centres: Sequence[Centre], to_middle: FloatMap) -> FloatMap:
    tall = np.full_like(to_middle, 0.2)
    for centre in centres:
        if centre.height >= OLD_QUARTER:
            tall = np.maximum(tall, centre.height * _bump(ground.xy, centre, reach=0.72))
    # Both banks of the inner city carry a front of towers.
    front = np.exp(-(((ground.bank_m - 170) / 110) ** 2)) * np.exp(-((to_middle / 6500) ** 2))
    tall += 0.22 * front
    for centre in centres:
        if centre.height < OLD_QUARTER:
            tall *= 1 - (1 - centre.height) * _bump(ground.xy, centre, reach=0.8)
    return tall


def _azimuth(ground: _Ground, centres: Sequence[Centre]) -> FloatMap:
    """Along contours where it is steep, along the bank beside the rivers, by plan in planned centres."""
    steepness = np.hypot(_blurred(ground.rise_east, 4), _blurred(ground.rise_north, 4))
    contour = _doubled(-_blurred(ground.rise_north, 4), _blurred(ground.rise_east, 4))
    field = contour * np.clip(steepness / 0.10, 0, 1)[..., None]
    beside = 1.6 * np.exp(-((np.maximum(ground.bank_m, 0) / 520) ** 2)) + 0.15
    field += _doubled(-ground.bank_north, ground.bank_east) * beside[..., None]
    strike = np.radians(STRIKE_AZIMUTH_DEG)
    field += 0.2 * np.array([np.cos(2 * strike), np.sin(2 * strike)])
    for centre in centres:
        if centre.street_azimuth_deg is not None:
            plan = 2 * np.radians(centre.street_azimuth_deg)
            weight = 2.2 * _bump(ground.xy, centre, reach=0.75)[..., None]
            field += weight * np.array([np.cos(plan), np.sin(plan)])
    smooth = np.stack([_blurred(field[..., axis], 5) for axis in (0, 1)], axis=-1)
    return np.asarray(np.arctan2(smooth[..., 1], smooth[..., 0]) / 2)


def _bump(xy: FloatArray, centre: Centre, *, reach: float) -> FloatMap:
    """1 at a centre, falling smoothly; 0.14 at its radius times ``reach`` and a half."""
    at = PLANE.from_lonlat([(centre.lon, centre.lat)])[0]
    squared = ((xy - at) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-squared / (1.15 * (centre.radius_m * reach) ** 2)))


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
