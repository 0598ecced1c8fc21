"""The refined ground: true to the table, smooth, and bent to the spot heights."""

from typing import Any

import numpy as np
import pytest

from shancheng.city.builtin.chongqing.extent import CORE, GRID, PLANE, Grid
from shancheng.city.builtin.chongqing.relief import Detail, relief
from shancheng.city.builtin.chongqing.rivers import RiverField, read_rivers, river_field
from shancheng.city.builtin.chongqing.spline import upsample
from shancheng.city.builtin.chongqing.tables import Elevation, SpotHeight, read_elevation, read_table
from shancheng.city.builtin.chongqing.terrain import ground


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
    elevation = chongqing.data.terrain.raster.values
    for spot in read_table("spot_heights.csv", SpotHeight):
        at = PLANE.from_lonlat([(spot.lon, spot.lat)])
        allowed = 30 if spot.name in {"朝天门", "南滨路", "解放碑"} else 8
        assert GRID.sample(elevation, at)[0] == pytest.approx(spot.elevation_m, abs=allowed), spot.name


def test_ridges_stand_on_both_sides(chongqing: Any) -> None:
    elevation = chongqing.data.terrain.raster.values
    row = int(np.argmin(np.abs(GRID.lat_deg - 29.53)))
    west = elevation[row, (GRID.lon_deg > 106.38) & (GRID.lon_deg < 106.44)]
    east = elevation[row, (GRID.lon_deg > 106.58) & (GRID.lon_deg < 106.64)]

    assert west.max() > 450
    assert east.max() > 450


def test_spline_is_exact_for_a_plane_and_smooth_between_knots() -> None:
    knots = np.add.outer(3 * np.arange(50), 5 * np.arange(50))
    plane = Elevation(knots.astype(np.int16), 106.0, 30.0, 1 / 120)
    fine = Grid(106.1, 29.9, 1 / 1200, 200, 200)
    found = upsample(plane, fine)
    rows, cols = (30.0 - fine.lat_deg) * 120, (fine.lon_deg - 106.0) * 120

    np.testing.assert_allclose(found, np.add.outer(3 * rows, 5 * cols), atol=0.02)


def test_bands_make_the_same_as_the_whole_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    part = GRID.part(*GRID.window(CORE))
    rivers = river_field(read_rivers(), part)
    spots = read_table("spot_heights.csv", SpotHeight)

    def make() -> bytes:
        return ground(read_elevation(), part, rivers, spots, np.random.default_rng(1)).tobytes()

    in_bands = make()
    monkeypatch.setattr("shancheng.city.builtin.chongqing.surfaces.BAND_ROWS", 10_000)
    assert make() == in_bands
    monkeypatch.setattr("shancheng.city.builtin.chongqing.surfaces.os.cpu_count", lambda: 1)
    monkeypatch.setattr("shancheng.city.builtin.chongqing.surfaces.BAND_ROWS", 37)
    assert make() == in_bands


def test_banks_climb_in_terraces(chongqing: Any) -> None:
    """Where the land is high behind the bank, two steps of it are nearly level."""
    field = river_field(read_rivers(), GRID)
    rise, bank = chongqing.data.terrain.raster.values - field.level_m, field.bank_m
    high_behind = (bank > 280) & (bank < 320) & (rise > 70)
    assert high_behind.sum() > 1000

    def share(near: float, far: float) -> float:
        return float(np.median(rise[(bank > near) & (bank < far)]))

    heights = [share(middle - 8, middle + 8) for middle in (12, 62, 76, 115, 160, 180, 240, 296)]
    beach, quay, road, slope_1, terrace_a, terrace_b, slope_2, top = heights
    assert beach < 2
    assert 15 < quay < 26
    assert road - quay < 3
    assert slope_1 > road + 4
    assert terrace_b - terrace_a < 0.35 * (slope_2 - terrace_b)
    assert top > slope_2 > terrace_b


def test_ridges_have_a_trough_along_their_crest() -> None:
    """A long ridge along strike keeps its flanks and loses its top to a trough between two rims."""
    part = GRID.part(slice(800, 2300), slice(800, 2300))
    x, y = np.meshgrid(part.x_m, part.y_m)
    strike = np.radians(18)
    across = (x - x.mean()) * np.cos(strike) - (y - y.mean()) * np.sin(strike)
    ridge = (250 + 350 * np.exp(-((across / 1500) ** 2))).astype(np.float32)
    dry = RiverField(np.full(ridge.shape, 1400, np.float32), np.full(ridge.shape, 160, np.float32))
    change = Detail.drawn(ridge, part, np.random.default_rng(1)).surface(slice(0, part.n_rows), dry) - ridge

    def mean(near: float, far: float) -> float:
        return float(change[(np.abs(across) > near) & (np.abs(across) < far)].mean())

    crest, rim, foot = mean(0, 60), mean(800, 900), mean(4500, 5500)
    assert crest < rim - 15
    assert abs(foot) < 6
    assert change.std() > 5


def test_relief_is_how_far_the_ground_stands_out() -> None:
    flat = np.full((900, 900), 300, np.float32)
    assert np.abs(relief(flat)).max() < 1e-3
    flat[400:440, 400:440] += 100
    assert relief(flat)[420, 420] == pytest.approx(100 * (1 - 40**2 / 241**2), abs=2)
    assert relief(flat)[420, 480] < 0
