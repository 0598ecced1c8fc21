"""The synthetic city as a city folder: GeoParquet layer and terrain on disk, as every city has them."""

import shutil
from pathlib import Path

import pyarrow as pa

from machine import WORK
from shancheng.city.builtin import BUILTIN, Recipe
from shancheng.city.create import create_city
from shancheng.city.manifest import LayerSource, TerrainSource, Title
from shancheng.city.schema import layer_table
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.geo.bounds import Bounds
from shancheng.geo.raster import Raster
from synthetic import DEM_STEP_DEG, Dem, Footprints, footprints, mountain_dem

NAME = "synthetic"
SOURCE = "benchmarks/synthetic.py"


def synthetic_city(count: int, *, step_deg: float = DEM_STEP_DEG) -> Path:
    """The folder of a city with `count` buildings and no tiles yet, made anew; its terrain has that step."""
    home = WORK / "cities" / str(count)
    shutil.rmtree(home, ignore_errors=True)
    BUILTIN[NAME] = Recipe(NAME, Title("试验城", "Synthetic"), lambda _: _data(count, step_deg))
    city, _ = create_city(home, NAME)
    city.close()
    return home / NAME


def _data(count: int, step_deg: float) -> CityData:
    buildings, dem = footprints(count), mountain_dem(step_deg=step_deg)
    source = LayerSource(
        source=SOURCE,
        licence="Apache-2.0",
        attribution="Synthetic",
        attribution_url="",
        date="2025-01-01",
        provenance="modelled",
        notes="",
    )
    east = dem.west_deg + dem.step_deg * (dem.elevation_m.shape[1] - 1)
    south = dem.north_deg - dem.step_deg * (dem.elevation_m.shape[0] - 1)
    return CityData(
        layers={"buildings": _layer(buildings)},
        layer_sources={"buildings": source},
        title=Title("试验城", "Synthetic"),
        extent=Bounds(dem.west_deg, south, east, dem.north_deg).expanded(-0.02),
        terrain=terrain_of(dem),
    )


def _layer(buildings: Footprints) -> pa.Table:
    return layer_table(
        "buildings",
        geometry=buildings.polygons,
        id=buildings.ids,
        kind=buildings.kinds,
        provenance="modelled",
        source=SOURCE,
        height_m=buildings.heights_m,
        height_provenance="modelled",
        min_height_m=0.0,
        levels=buildings.levels,
    )


def terrain_of(dem: Dem) -> ElevationData:
    """Synthetic elevations as a city takes them."""
    raster = Raster(dem.elevation_m, dem.west_deg, dem.north_deg, dem.step_deg, dem.step_deg)
    source = TerrainSource(
        source=SOURCE,
        licence="Apache-2.0",
        attribution="Synthetic",
        attribution_url="",
        date="2025-01-01",
        provenance="modelled",
        step_lon_deg=dem.step_deg,
        step_lat_deg=dem.step_deg,
        voids_filled=0,
        notes="",
    )
    return ElevationData(raster, source)
