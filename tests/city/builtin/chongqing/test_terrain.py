"""The refined ground: true to the table, smooth, and bent to the spot heights."""

from typing import Any

import numpy as np
import pytest

from shancheng.city.builtin.chongqing.extent import GRID, PLANE, Grid
from shancheng.city.builtin.chongqing.tables import SpotHeight, read_elevation, read_table
from shancheng.city.builtin.chongqing.terrain import upsample


def test_spline_goes_through_the_measured_elevations() -> None:
    table = read_elevation()
    n_rows, n_cols = table.elevation_m.shape
    knots = Grid(table.west_deg, table.north_deg, table.step_deg, n_rows, n_cols)

    np.testing.assert_allclose(upsample(table, knots), table.elevation_m, atol=0.01)


def test_table_covers_the_grid() -> None:
    table = read_elevation()
    n_rows, n_cols = table.elevation_m.shape

    assert table.west_deg < GRID.lon_deg[0]
    assert table.north_deg > GRID.lat_deg[0]
    assert table.west_deg + table.step_deg * (n_cols - 1) > GRID.lon_deg[-1]
    assert table.north_deg - table.step_deg * (n_rows - 1) < GRID.lat_deg[-1]


def test_ground_keeps_the_measured_shape(chongqing: Any) -> None:
    table = read_elevation()
    coarse = upsample(table, GRID)
    difference = chongqing.data.terrain.raster.values - coarse

    assert abs(difference.mean()) < 5
    assert difference.std() < 25


def test_ground_passes_near_the_spot_heights_away_from_banks(chongqing: Any) -> None:
    ground = chongqing.data.terrain.raster.values
    for spot in read_table("spot_heights.csv", SpotHeight):
        at = PLANE.from_lonlat([(spot.lon, spot.lat)])
        allowed = 30 if spot.name in {"朝天门", "南滨路", "解放碑"} else 8
        assert GRID.sample(ground, at)[0] == pytest.approx(spot.elevation_m, abs=allowed), spot.name


def test_ridges_stand_on_both_sides(chongqing: Any) -> None:
    ground = chongqing.data.terrain.raster.values
    row = int(np.argmin(np.abs(GRID.lat_deg - 29.53)))
    west = ground[row, (GRID.lon_deg > 106.38) & (GRID.lon_deg < 106.44)]
    east = ground[row, (GRID.lon_deg > 106.58) & (GRID.lon_deg < 106.64)]

    assert west.max() > 450
    assert east.max() > 450
