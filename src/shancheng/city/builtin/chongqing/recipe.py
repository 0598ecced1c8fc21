"""Chongqing, built in: real elevations, rivers, districts and places; landmarks by hand; the rest generated.

Everything comes from the package's tables and one seed, so that two builds are equal to the byte.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from shancheng.city.builtin.chongqing import layers, tables
from shancheng.city.builtin.chongqing.bridge_forms import bridge_solid
from shancheng.city.builtin.chongqing.buildings import GeneratedBuildings, raise_buildings
from shancheng.city.builtin.chongqing.estates import lay_estates
from shancheng.city.builtin.chongqing.extent import EXTENT, GRID, FloatArray
from shancheng.city.builtin.chongqing.field import UrbanField, urban_field
from shancheng.city.builtin.chongqing.green import park_circles, woods
from shancheng.city.builtin.chongqing.islands import island_areas, keep_low
from shancheng.city.builtin.chongqing.landmarks import (
    LandmarkBuildings,
    landmark_buildings,
    level_ground,
    squares,
    with_solids,
)
from shancheng.city.builtin.chongqing.lots import choose_lots
from shancheng.city.builtin.chongqing.rail import RailNetwork, build_rail
from shancheng.city.builtin.chongqing.rivers import RiverField, read_rivers, river_field, water_surface
from shancheng.city.builtin.chongqing.roads import MainRoad, bridge_axis, main_roads
from shancheng.city.builtin.chongqing.sources import LAYER_SOURCES, TERRAIN_SOURCE
from shancheng.city.builtin.chongqing.stairs import hairpins, stairs
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
N_BUILDINGS: Final = 150_000

LANE_M: Final = 8.0

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
    rngs = np.random.default_rng(SEED).spawn(6)
    show.step("ground and rivers", 0.0)
    site = _site(rngs[0])
    show.step("streets", 0.3)
    centres = tables.read_table("centres.csv", tables.Centre)
    # The field is coarse: a street may run a lane's width nearer than it says.
    clear = shapely.buffer(site.keep_clear, LANE_M)
    urban = urban_field(site.elevation_m, GRID, site.rivers, centres, clear)
    streets = lay_streets(urban, site.main, rngs[1])
    streets += hairpins(urban, streets)
    streets += stairs(urban, streets, rngs[4])
    show.step(f"{N_BUILDINGS:,} buildings", 0.5)
    generated, streets = _fill(site, urban, streets, (rngs[2], rngs[3], rngs[5]))
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
    bridges: list[tables.Bridge]
    rail: RailNetwork
    squares: npt.NDArray[Any]
    parks: npt.NDArray[Any]
    islands: npt.NDArray[Any]

    @property
    def keep_clear(self) -> npt.NDArray[Any]:
        """Where nothing is generated."""
        return np.concatenate([self.landmarks.sites, self.squares, self.parks, self.islands])

    @property
    def viaducts(self) -> npt.NDArray[Any]:
        """Under rails and decks above ground: streets cross below them, but no house stands there."""
        open_air = [(track.xy, track.width_m) for track in self.rail.tracks if not track.tunnel]
        open_air += [(bridge_axis(bridge), bridge.width_m) for bridge in self.bridges]
        lines = np.array([shapely.linestrings(xy) for xy, _ in open_air], dtype=object)
        return np.asarray(shapely.buffer(lines, [width / 2 for _, width in open_air], quad_segs=2))

    def ground(self, xy: FloatArray) -> FloatArray:
        """Elevation of the ground at points on the plane."""
        return GRID.sample(self.elevation_m, xy)


def _site(rng: np.random.Generator) -> _Site:
    rivers = read_rivers()
    field = river_field(rivers, GRID)
    surfaces = water_surface(rivers)
    marks = tables.read_table("landmarks.csv", tables.Landmark)
    prisms = landmark_buildings(marks, tables.read_table("landmark_parts.csv", tables.Part))
    spots = tables.read_table("spot_heights.csv", tables.SpotHeight)
    islands = island_areas(rivers)
    elevation = ground(tables.read_elevation(), GRID, field, spots, rng)
    elevation = level_ground(keep_low(elevation, GRID, field, islands), GRID, field, prisms.sites)
    bridges = tables.read_table("bridges.csv", tables.Bridge)
    main = main_roads(
        tables.read_table("roads.csv", tables.Road),
        tables.read_table("riverside_roads.csv", tables.RiversideRoad),
        [bridge for bridge in bridges if "road" in bridge.carries.split()],
        shapely.union_all(list(surfaces.values())),
    )
    return _Site(
        elevation_m=elevation,
        rivers=field,
        surfaces=surfaces,
        landmarks=with_solids(prisms, elevation, GRID),
        main=main,
        bridges=bridges,
        rail=build_rail(bridges, lambda xy: GRID.sample(elevation, xy)),
        squares=squares(marks),
        parks=park_circles(tables.read_table("green.csv", tables.GreenSpot)),
        islands=islands,
    )


def _fill(
    site: _Site,
    urban: UrbanField,
    streets: list[Street],
    rngs: tuple[np.random.Generator, ...],
) -> tuple[GeneratedBuildings, list[Street]]:
    """The buildings, and the streets that lead to any."""
    lot_rng, form_rng, estate_rng = rngs
    lots = choose_lots(
        N_BUILDINGS,
        field=urban,
        estates=lay_estates(urban, estate_rng),
        streets=streets,
        main=site.main,
        keep_clear=np.concatenate([site.keep_clear, site.viaducts]),
        ground=(site.elevation_m, GRID, site.rivers),
        rng=lot_rng,
    )
    generated = raise_buildings(lots, N_BUILDINGS, form_rng)
    return generated, streets_in_use(streets, lots.centre)


def _layers(
    site: _Site, urban: UrbanField, streets: list[Street], generated: GeneratedBuildings
) -> dict[str, Any]:
    spots = tables.read_table("green.csv", tables.GreenSpot)
    water = shapely.union_all(list(site.surfaces.values()))
    trees = woods(site.elevation_m, GRID, site.rivers, urban)
    return {
        "buildings": layers.building_layer(generated, site.landmarks),
        "roads": layers.road_layer(site.main, streets),
        "water": layers.water_layer(read_rivers(), site.surfaces),
        "green": layers.green_layer(spots, site.parks, trees),
        "bridges": layers.bridge_layer(
            site.bridges, [bridge_solid(bridge, water, site.ground) for bridge in site.bridges]
        ),
        "rail": layers.rail_layer(site.rail),
        "rail_stations": layers.rail_station_layer(site.rail),
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
