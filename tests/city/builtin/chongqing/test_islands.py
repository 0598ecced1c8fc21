"""The islands: dry, within their river, low where they are low, and free of houses."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import GRID, PLANE
from shancheng.city.builtin.chongqing.islands import island_areas, read_islands
from shancheng.city.builtin.chongqing.rivers import River, island_polygons, read_rivers, river_field
from shancheng.city.builtin.chongqing.tables import Island


@pytest.fixture(scope="module")
def rivers() -> tuple[River, ...]:
    return read_rivers()


def _yangtze(rivers: tuple[River, ...]) -> Any:
    return next(river for river in rivers if river.id == "yangtze")


def test_two_islands_named_in_both_languages() -> None:
    islands = read_islands()

    assert {island.name for island in islands} == {"珊瑚坝", "广阳岛"}
    assert all(island.name_en.isascii() and island.source and island.accuracy_m for island in islands)


def test_islands_lie_within_their_river_and_are_no_water(chongqing: Any, rivers: tuple[River, ...]) -> None:
    yangtze = _yangtze(rivers)
    for area in island_areas(rivers):
        assert area.is_valid
        assert area.exterior.is_ccw
        # Water all round: a strip along the shore is the river's.
        strip = shapely.difference(shapely.buffer(area, 40.0), shapely.buffer(area, 5.0))
        assert shapely.covers(chongqing.water, strip)
        assert shapely.intersection(chongqing.water, area).area < 1e-5 * area.area
        assert shapely.distance(area, yangtze.line) < 1500


def test_islands_are_about_as_large_as_published(rivers: tuple[River, ...]) -> None:
    areas = {key: area.area for key, area in island_polygons(rivers).items()}

    assert areas["guangyang"] == pytest.approx(6.44e6, rel=0.35)
    assert 0.15e6 < areas["shanhuba"] < 0.9e6


def test_field_agrees_with_the_islands(rivers: tuple[River, ...]) -> None:
    field = river_field(rivers, GRID)
    for area in island_areas(rivers):
        west, south, east, north = area.bounds
        rows = np.flatnonzero((GRID.y_m > south - 200) & (GRID.y_m < north + 200))
        cols = np.flatnonzero((GRID.x_m > west - 200) & (GRID.x_m < east + 200))
        x, y = np.meshgrid(GRID.x_m[cols], GRID.y_m[rows])
        bank = field.bank_m[np.ix_(rows, cols)]
        inside = shapely.contains_xy(shapely.buffer(area, -10.0), x, y)
        shore = shapely.contains_xy(
            shapely.difference(shapely.buffer(area, 60), shapely.buffer(area, 10)), x, y
        )

        assert (bank[inside] > 0).all()
        assert (bank[shore] < 0).all()
        edge = shapely.distance(shapely.points(x[inside], y[inside]), shapely.boundary(area))
        assert np.abs(bank[inside] - edge)[edge < 100].max() < 25


def test_shanhuba_is_a_bar_a_few_metres_above_the_water(chongqing: Any, rivers: tuple[River, ...]) -> None:
    ground, field = chongqing.data.terrain.raster.values, river_field(rivers, GRID)
    for island, area in zip(read_islands(), island_areas(rivers), strict=True):
        x, y = np.meshgrid(GRID.x_m, GRID.y_m[(GRID.y_m > area.bounds[1]) & (GRID.y_m < area.bounds[3])])
        rows = np.flatnonzero((GRID.y_m > area.bounds[1]) & (GRID.y_m < area.bounds[3]))
        inside = shapely.contains_xy(shapely.buffer(area, -30.0), x, y)
        above = (ground[rows] - field.level_m[rows])[inside]
        assert above.min() > 0, island.id
        if island.top_m is not None:
            assert above.max() <= island.top_m + 0.1, island.id
            assert above.max() > island.top_m - 1, island.id
        else:
            assert above.max() > 20, island.id


def test_nothing_is_generated_on_an_island(chongqing: Any, rivers: tuple[River, ...]) -> None:
    buildings = chongqing.layers["buildings"]
    for area in island_areas(rivers):
        hit = shapely.intersects(buildings.shapes, area)
        assert "modelled" not in set(buildings["provenance"][hit])


def test_arms_keep_the_rivers_level(rivers: tuple[River, ...]) -> None:
    yangtze = _yangtze(rivers)
    (arm,) = yangtze.arms
    assert (np.diff(arm.level_m) <= 0).all()
    assert arm.level_m.max() <= yangtze.level_m.max()
    ends = shapely.points(arm.xy[[0, -1]])
    assert (shapely.distance(yangtze.line, ends) < 350).all()


def test_an_island_where_the_river_leaves_none_is_an_error(
    rivers: tuple[River, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = PLANE.to_lonlat(_yangtze(rivers).xy[600:601])[0]
    wrong = Island("nowhere", "无", "Nowhere", "yangtze", at[0], at[1], "", None, "invented", 1.0)
    monkeypatch.setattr("shancheng.city.builtin.chongqing.rivers.read_table", lambda *_: [wrong])
    with pytest.raises(ValueError, match="nowhere: the yangtze leaves nothing dry"):
        island_polygons(rivers)
