"""The urban field: nothing in water, on ridges, on sites or beyond the core; streets along contours."""

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import CORE, GRID, PLANE, FloatArray
from shancheng.city.builtin.chongqing.field import HIGHEST_M, Mesh, UrbanField, core_mesh, urban_field
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.tables import Centre

MIDDLE = (106.55, 29.56)
AROUND = GRID.part(*GRID.window(CORE.expanded(0.06)))


def _centre(use: str = "mixed", height: float = 0.8, radius_m: float = 3000.0) -> Centre:
    return Centre("a", "甲", "A", *MIDDLE, radius_m, height, 1.0, None, use)


def _field(
    elevation: FloatArray, bank: FloatArray | float = 5000.0, centres: list[Centre] | None = None
) -> UrbanField:
    shape = (AROUND.n_rows, AROUND.n_cols)
    rivers = RiverField(np.broadcast_to(np.float32(bank), shape), np.broadcast_to(np.float32(160), shape))
    site = np.asarray(shapely.buffer(shapely.points(PLANE.from_lonlat([MIDDLE])), 200))
    return urban_field(elevation.astype(np.float32), AROUND, rivers, centres or [_centre()], site)


@pytest.fixture(scope="module")
def plain() -> FloatArray:
    return np.full((AROUND.n_rows, AROUND.n_cols), 250.0)


def _at(field: UrbanField, lon: float, lat: float) -> tuple[int, int]:
    row, col = field.mesh.nearest(PLANE.from_lonlat([(lon, lat)]))
    return int(row[0]), int(col[0])


def test_mesh_covers_the_core() -> None:
    mesh = core_mesh()
    corners = PLANE.from_lonlat([(CORE.west_deg, CORE.south_deg), (CORE.east_deg, CORE.north_deg)])

    assert mesh.inside(corners).all()
    row, col = mesh.nearest(mesh.xy)
    np.testing.assert_array_equal(row, np.arange(mesh.n)[:, None] + np.zeros(mesh.n))
    np.testing.assert_array_equal(col, np.arange(mesh.n)[None, :] + np.zeros((mesh.n, 1)))


def test_density_falls_from_a_centre_and_is_none_on_a_site(plain: FloatArray) -> None:
    field = _field(plain)

    assert field.density[_at(field, *MIDDLE)] == 0
    near, far = field.density[_at(field, 106.555, 29.56)], field.density[_at(field, 106.59, 29.56)]
    assert near > 0.9 > far > 0.1


def test_nothing_beyond_the_core(plain: FloatArray) -> None:
    field = _field(plain, centres=[_centre(radius_m=60_000.0)])
    inside = PLANE.to_lonlat(field.mesh.xy[field.density > 0])

    assert inside.min(axis=0) == pytest.approx((CORE.west_deg, CORE.south_deg), abs=0.02)
    assert (inside.min(axis=0) >= (CORE.west_deg, CORE.south_deg)).all()
    assert (inside.max(axis=0) <= (CORE.east_deg, CORE.north_deg)).all()


def test_water_ridges_and_heights_stay_free(plain: FloatArray) -> None:
    bank = np.broadcast_to((AROUND.x_m / 2)[None, :], plain.shape)
    field = _field(plain, bank)
    assert field.density[field.mesh.xy[..., 0] < 60].max() == 0

    ridge = 250 + 180 * np.exp(-((AROUND.x_m / 700) ** 2))[None, :] + 0 * plain
    field = _field(ridge)
    assert field.density[_at(field, 106.5602, 29.565)] == 0
    assert field.density[_at(field, 106.585, 29.565)] > 0

    high = _field(np.full_like(plain, HIGHEST_M + 1))
    assert high.density.max() == 0


def test_old_quarters_and_works_hold_the_towers_down(plain: FloatArray) -> None:
    there = (106.553, 29.56)
    tall = _field(plain)
    for use in ("old", "works", "campus"):
        low = _field(plain, centres=[_centre(), _centre(use, 0.2, 500.0)])
        assert low.height[_at(low, *there)] < 0.6 * tall.height[_at(tall, *there)], use
        assert getattr(low, use)[_at(low, *there)] > 0.5, use
        assert getattr(tall, use).max() == 0, use


def test_streets_run_along_the_contours(plain: FloatArray) -> None:
    rising_east = 250 + 0.15 * np.clip(AROUND.x_m, -1200, 1200)[None, :] + 0 * plain
    field = _field(rising_east)
    azimuth = field.azimuth_rad[_at(field, 106.56, 29.56)]

    assert abs(np.sin(azimuth)) < 0.15
    assert field.steepness[_at(field, 106.56, 29.56)] == pytest.approx(0.15, abs=0.01)


def test_a_mesh_clamps_what_lies_outside() -> None:
    mesh = Mesh(0.0, 0.0, 10.0, 5)
    row, col = mesh.nearest(np.array([[-100.0, 17.0], [999.0, 999.0]]))

    assert (row.tolist(), col.tolist()) == ([2, 4], [0, 4])
    assert mesh.inside(np.array([[-1.0, 5.0], [40.0, 40.0]])).tolist() == [False, True]
