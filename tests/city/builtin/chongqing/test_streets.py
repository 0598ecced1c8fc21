"""Generated streets: apart from each other, dry, along the slope; lots and buildings beside them."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.buildings import raise_buildings
from shancheng.city.builtin.chongqing.extent import GRID
from shancheng.city.builtin.chongqing.field import Mesh, UrbanField
from shancheng.city.builtin.chongqing.lots import Lots, choose_lots
from shancheng.city.builtin.chongqing.rivers import RiverField
from shancheng.city.builtin.chongqing.streets import Street, lay_streets


@pytest.fixture
def flat_field() -> UrbanField:
    mesh = Mesh(-2000.0, -2000.0, 40.0, 101)
    shape = (mesh.n, mesh.n)
    return UrbanField(
        mesh, density=np.full(shape, 0.8), height=np.full(shape, 0.5), azimuth_rad=np.full(shape, 0.3)
    )


def test_streets_of_one_family_keep_their_distance(flat_field: UrbanField) -> None:
    streets = lay_streets(flat_field, [], np.random.default_rng(5))
    along = [s for s in streets if abs(np.sin(_azimuth(s) - 0.3)) < 0.1]
    across = [s for s in streets if abs(np.cos(_azimuth(s) - 0.3)) < 0.1]

    assert len(along) + len(across) == len(streets)
    for family, spacing in ((along, 74.0), (across, 92.0)):
        shapes = np.array([shapely.linestrings(street.xy) for street in family])
        tree = shapely.STRtree(shapes)
        first, second = tree.query(shapes, predicate="dwithin", distance=spacing - 24)
        assert len(family) > 20
        assert (first == second).all()


def _azimuth(street: Street) -> float:
    east, north = street.xy[-1] - street.xy[0]
    return float(np.arctan2(east, north))


def test_streets_stay_where_there_is_a_city(flat_field: UrbanField) -> None:
    density = flat_field.density.copy()
    density[:, :50] = 0
    half = UrbanField(flat_field.mesh, density, flat_field.height, flat_field.azimuth_rad)
    streets = lay_streets(half, [], np.random.default_rng(5))

    assert streets
    assert min(street.xy[:, 0].min() for street in streets) > -2000 + 49 * 40


def test_generated_streets_run_across_the_slope_rather_than_up_it(chongqing: Any) -> None:
    """Streets of the first family follow the contours where it is steep."""
    roads = chongqing.layers["roads"]
    contour = roads.shapes[roads["kind"] == "tertiary"]
    others = roads.shapes[(roads["kind"] == "residential")]
    ground = chongqing.data.terrain.raster.values

    def mean_climb(lines: Any) -> float:
        coordinates, owner = shapely.get_coordinates(lines, return_index=True)
        rise = np.abs(np.diff(GRID.sample(ground, coordinates)))
        run = np.hypot(*np.diff(coordinates, axis=0).T)
        same = np.diff(owner) == 0
        return float(rise[same].sum() / run[same].sum())

    assert mean_climb(contour) < 0.9 * mean_climb(others)


def test_too_few_lots_is_an_error() -> None:
    none = np.empty(0)
    lots = Lots(np.empty((0, 2)), none, none, none, none.astype(np.int64), none, none, none)

    with pytest.raises(ValueError, match="0 lots"):
        raise_buildings(lots, 10, np.random.default_rng(0))


def test_lots_are_apart_and_most_wanted_first(flat_field: UrbanField) -> None:
    dry = RiverField(
        np.full((GRID.n_rows, GRID.n_cols), 999, np.float32), np.zeros((GRID.n_rows, GRID.n_cols), np.float32)
    )
    level = np.full((GRID.n_rows, GRID.n_cols), 200, np.float32)
    streets = lay_streets(flat_field, [], np.random.default_rng(5))
    clear = shapely.buffer(shapely.points([[0.0, 0.0]]), 300)
    lots = choose_lots(
        500,
        field=flat_field,
        streets=streets,
        main=[],
        keep_clear=clear,
        ground=(level, GRID, dry),
        rng=np.random.default_rng(6),
    )
    boxes = np.asarray(shapely.polygons(lots.corners()))

    assert len(lots) == 500
    assert (np.diff(lots.wanted) <= 0).all()
    assert shapely.distance(boxes, clear[0]).min() > 5
    first, second = shapely.STRtree(boxes).query(boxes, predicate="dwithin", distance=2.0)
    assert (first == second).all()
