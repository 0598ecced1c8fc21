"""Chongqing, built in: real elevations, rivers, districts and places; landmarks by hand; the rest generated.

Everything comes from the package's tables and one seed, so that two builds are equal to the byte.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing import layers, tables
from shancheng.city.builtin.chongqing.buildings import GeneratedBuildings, raise_buildings
from shancheng.city.builtin.chongqing.extent import EXTENT, GRID
from shancheng.city.builtin.chongqing.field import UrbanField, urban_field
from shancheng.city.builtin.chongqing.green import park_circles, woods
from shancheng.city.builtin.chongqing.landmarks import (
    LandmarkBuildings,
    landmark_buildings,
    level_ground,
    squares,
)
from shancheng.city.builtin.chongqing.lots import choose_lots
from shancheng.city.builtin.chongqing.rivers import RiverField, read_rivers, river_field, water_surface
from shancheng.city.builtin.chongqing.roads import MainRoad, main_roads
from shancheng.city.builtin.chongqing.sources import LAYER_SOURCES, TERRAIN_SOURCE
from shancheng.city.builtin.chongqing.streets import Street, lay_streets, streets_in_use
from shancheng.city.builtin.chongqing.terrain import ground
from shancheng.city.manifest import Home, Title
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.geo.geoid import undulation_m
from shancheng.geo.raster import Raster
from shancheng.progress import NullProgress, Progress

__all__ = ["N_BUILDINGS", "SEED", "build"]

SEED: Final = 400_000
"""The postal code of Chongqing."""
N_BUILDINGS: Final = 20_000

HOME_LONLAT: Final = (106.5795, 29.5662)
HOME_ELEVATION_M: Final = 270.0
HOME_AZIMUTH_DEG: Final = 254.0
HOME_PITCH_DEG: Final = -12.0
HOME_DISTANCE_M: Final = 2000.0
"""From the bank of Danzishi over the meeting of the rivers at the peninsula's tip: the Yangtze on the left,
the Jialing and Jiangbeizui on the right."""


def build(progress: Progress | None = None) -> CityData:
    """Make the city; the same data each time."""
    show = progress or NullProgress()
    rngs = np.random.default_rng(SEED).spawn(4)
    show.step("ground and rivers", 0.0)
    site = _site(rngs[0])
    show.step("streets", 0.3)
    centres = tables.read_table("centres.csv", tables.Centre)
    urban = urban_field(site.elevation_m, GRID, site.rivers, centres, site.keep_clear)
    streets = lay_streets(urban, site.main, rngs[1])
    show.step(f"{N_BUILDINGS:,} buildings", 0.5)
    generated, streets = _fill(site, urban, streets, rngs[2], rngs[3])
    show.step("layers", 0.85)
    return CityData(
        layers=_layers(site, urban, streets, generated),
        layer_sources=LAYER_SOURCES,
        title=Title(zh="重庆", en="Chongqing"),
        extent=EXTENT,
        terrain=ElevationData(
            Raster(site.elevation_m, GRID.west_deg, GRID.north_deg, GRID.step_deg, GRID.step_deg),
            TERRAIN_SOURCE,
        ),
        home=_home(),
    )


@dataclass(frozen=True)
class _Site:
    """The place before anything is generated on it; geometry on the plane."""

    elevation_m: npt.NDArray[np.float32]
    rivers: RiverField
    surfaces: dict[str, Any]
    landmarks: LandmarkBuildings
    main: list[MainRoad]
    squares: npt.NDArray[Any]
    parks: npt.NDArray[Any]

    @property
    def keep_clear(self) -> npt.NDArray[Any]:
        """Where nothing is generated."""
        return np.concatenate([self.landmarks.sites, self.squares, self.parks])


def _site(rng: np.random.Generator) -> _Site:
    rivers = read_rivers()
    field = river_field(rivers, GRID)
    surfaces = water_surface(rivers)
    marks = tables.read_table("landmarks.csv", tables.Landmark)
    prisms = landmark_buildings(marks, tables.read_table("landmark_parts.csv", tables.Part))
    spots = tables.read_table("spot_heights.csv", tables.SpotHeight)
    elevation = ground(tables.read_elevation(), GRID, field, spots, rng)
    main = main_roads(
        tables.read_table("roads.csv", tables.Road),
        tables.read_table("riverside_roads.csv", tables.RiversideRoad),
        tables.read_table("bridges.csv", tables.Bridge),
        shapely.union_all(list(surfaces.values())),
    )
    return _Site(
        elevation_m=level_ground(elevation, GRID, field, prisms.sites),
        rivers=field,
        surfaces=surfaces,
        landmarks=prisms,
        main=main,
        squares=squares(marks),
        parks=park_circles(tables.read_table("green.csv", tables.GreenSpot)),
    )


def _fill(
    site: _Site,
    urban: UrbanField,
    streets: list[Street],
    lot_rng: np.random.Generator,
    form_rng: np.random.Generator,
) -> tuple[GeneratedBuildings, list[Street]]:
    """The buildings, and the streets that lead to any."""
    lots = choose_lots(
        N_BUILDINGS,
        field=urban,
        streets=streets,
        main=site.main,
        keep_clear=site.keep_clear,
        ground=(site.elevation_m, GRID, site.rivers),
        rng=lot_rng,
    )
    generated = raise_buildings(lots, N_BUILDINGS, form_rng)
    return generated, streets_in_use(streets, generated.footprints)


def _layers(
    site: _Site, urban: UrbanField, streets: list[Street], generated: GeneratedBuildings
) -> dict[str, Any]:
    spots = tables.read_table("green.csv", tables.GreenSpot)
    trees = woods(site.elevation_m, GRID, site.rivers, urban)
    return {
        "buildings": layers.building_layer(generated, site.landmarks),
        "roads": layers.road_layer(site.main, streets),
        "water": layers.water_layer(read_rivers(), site.surfaces),
        "green": layers.green_layer(spots, site.parks, trees),
        "bridges": layers.bridge_layer(tables.read_table("bridges.csv", tables.Bridge)),
        "landmarks": layers.landmark_layer(tables.read_table("landmarks.csv", tables.Landmark)),
        "districts": layers.district_layer(tables.read_districts()),
        "places": layers.place_layer(tables.read_table("places.csv", tables.Place)),
    }


def _home() -> Home:
    lon, lat = HOME_LONLAT
    undulation = float(np.ravel(undulation_m(np.array([lon]), np.array([lat])))[0])
    return Home(
        lon_deg=lon,
        lat_deg=lat,
        ellipsoidal_height_m=HOME_ELEVATION_M + undulation,
        azimuth_deg=HOME_AZIMUTH_DEG,
        pitch_deg=HOME_PITCH_DEG,
        distance_m=HOME_DISTANCE_M,
    )
