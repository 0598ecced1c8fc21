import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city.ground_from_buildings import ground_from_buildings
from shancheng.city.schema import layer_table
from shancheng.errors import CoverageError
from shancheng.geo.bounds import Bounds
from shancheng.geo.geoid import undulation_m

AREA = Bounds(106.49, 29.49, 106.53, 29.53)
EXTENT = Bounds(106.495, 29.495, 106.525, 29.525)
SIDE_DEG = 1e-4


def solid(lon: float, lat: float, bottom_m: float, height_m: float = 9.0) -> bytes:
    """A floor and a roof, which is all that the ground asks of a building."""
    above = float(undulation_m(lon, lat))
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * SIDE_DEG + [lon, lat]
    rings = [
        np.column_stack([corners[::-1], np.full(4, bottom_m + above)]),
        np.column_stack([corners, np.full(4, bottom_m + height_m + above)]),
    ]
    polygons = [shapely.Polygon(ring) for ring in rings]
    return bytes(shapely.to_wkb(shapely.MultiPolygon(polygons), byte_order=1, flavor="iso"))


def town(places: Sequence[tuple[float, float, float]], **columns: Any) -> pa.Table:
    lon, lat = np.array([place[:2] for place in places]).T
    given: dict[str, Any] = {
        "id": [f"b{number}" for number in range(len(places))],
        "lod": "2.2",
        "lod2_geometry": [solid(*place) for place in places],
        **columns,
    }
    return layer_table(
        "buildings", geometry=shapely.box(lon, lat, lon + SIDE_DEG, lat + SIDE_DEG), kind="house",
        provenance="surveyed", height_m=9.0, height_provenance="surveyed", min_height_m=0.0, **given,
    )  # fmt: skip


def slope_m(lon: Any, lat: Any) -> Any:
    return 200 + (lon - 106.5) * 3000 + (lat - 29.5) * 2000


def test_the_ground_passes_under_every_building_and_is_marked_as_modelled() -> None:
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(106.496, 106.524, 400), rng.uniform(29.496, 29.524, 400)
    places = [(float(x), float(y), float(slope_m(x, y))) for x, y in zip(lon, lat, strict=True)]
    data = ground_from_buildings(town(places), AREA, EXTENT)
    found = data.raster.sample(lon + SIDE_DEG / 2, lat + SIDE_DEG / 2)
    # A step of the grid is ten metres, and the slope rises by 0.3 m on them.
    assert np.abs(found - slope_m(lon, lat)).max() < 2.0
    between_lon, between_lat = np.meshgrid(np.linspace(106.5, 106.52, 20), np.linspace(29.5, 29.52, 20))
    off = data.raster.sample(between_lon, between_lat) - slope_m(between_lon, between_lat)
    assert np.sqrt((off**2).mean()) < 3.0
    assert data.source.provenance == "modelled"
    assert "lowest points of the buildings" in data.source.notes
    assert data.raster.covers(AREA)
    assert np.isfinite(data.raster.values).all()


def test_a_tower_on_its_podium_stands_with_it() -> None:
    places = [(106.51, 29.51, 240.0), (106.51, 29.51, 262.0)]
    table = town(places, parent_id=[None, "b0"])
    assert ground_from_buildings(table, AREA, EXTENT).raster.values.max() == pytest.approx(240.0, abs=0.01)


def test_one_absurd_building_does_not_make_a_mountain() -> None:
    places = [(106.5 + 0.0001 * n, 29.51, 210.0) for n in range(200)] + [(106.515, 29.515, 3000.0)]
    assert ground_from_buildings(town(places), AREA, EXTENT).raster.values.max() == pytest.approx(210, abs=1)


def test_rows_without_a_solid_and_broken_ones_do_not_count() -> None:
    places = [(106.51, 29.51, 240.0), (106.512, 29.51, 300.0), (106.514, 29.51, 300.0), (107.0, 29.51, 500.0)]
    broken = solid(106.514, 29.51, float("nan"))
    column = [solid(*places[0]), None, broken, solid(*places[3])]
    raster = ground_from_buildings(town(places, lod2_geometry=column), AREA, EXTENT).raster
    assert raster.values == pytest.approx(240.0, abs=0.01)


def test_without_any_solid_there_is_no_ground() -> None:
    table = town([(106.51, 29.51, 240.0)], lod2_geometry=[None])
    with pytest.raises(CoverageError, match="give elevations with --dem"):
        ground_from_buildings(table, AREA, EXTENT)
    with pytest.raises(CoverageError, match="give elevations with --dem"):
        ground_from_buildings(table.slice(0, 0), AREA, EXTENT)


def test_a_wide_city_gets_a_coarser_grid_not_a_larger_one() -> None:
    places = [(100.0 + n, 25.0 + n, 100.0 * n) for n in range(10)]
    wide = Bounds(99.0, 24.0, 115.0, 40.0)
    start = time.perf_counter()
    raster = ground_from_buildings(town(places), wide, wide).raster
    assert max(raster.shape) <= 1024
    assert raster.covers(wide)
    assert time.perf_counter() - start < 20


def test_a_point_like_area_still_has_a_grid() -> None:
    point = Bounds(106.51, 29.51, 106.51, 29.51)
    around = point.expanded(0.001)
    raster = ground_from_buildings(town([(106.51, 29.51, 7.0)]), point, around).raster
    assert raster.values == pytest.approx(7.0, abs=0.01)
