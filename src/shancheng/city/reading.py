"""From files to the data of a new city: read, joined, cut to one place, on a ground."""

from collections.abc import Sequence
from dataclasses import replace

from shancheng.city.area import cut_to, robust_bounds, union
from shancheng.city.inputs import SourceInput, read_input
from shancheng.city.joining import join_data
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.sources.dem_file import DemFile
from shancheng.errors import SourceFileError
from shancheng.geo.bounds import Bounds
from shancheng.geo.quadtree import RootCell
from shancheng.progress import Progress

__all__ = ["read_city_data"]


def read_city_data(inputs: Sequence[SourceInput], dems: Sequence[DemFile], progress: Progress) -> CityData:
    """All layers of a new city, its extent and its ground.

    The extent is what the user asked for, else what the sources know of it, else that of nearly all features.

    Args:
        inputs: At least one, resolved.
        dems: Elevations, the first before the others; may be none.
        progress: Told what is being read.

    Raises:
        SourceFileError, UnknownCRSError, CoverageError: A file cannot be used.
        BoundsError: The features lie too far apart for one city.
    """
    parts = [read_input(given, progress) for given in inputs]
    names = [str(given.path) for given in inputs]
    extent = _extent(inputs, parts)
    if extent is None:
        raise SourceFileError(f"{', '.join(names)}: no feature has a place; give a file of an inhabited area")
    area = RootCell.enclosing(extent).bounds
    data = cut_to(join_data(parts, names), area)
    return replace(data, extent=extent, terrain=_ground(data, dems, area, extent, progress))


def _extent(inputs: Sequence[SourceInput], parts: Sequence[CityData]) -> Bounds | None:
    asked = union(given.options.bounds for given in inputs if given.options.bounds is not None)
    known = union(part.extent for part in parts if part.extent is not None)
    return asked or known or robust_bounds([table for part in parts for table in part.layers.values()])


def _ground(
    data: CityData, dems: Sequence[DemFile], area: Bounds, extent: Bounds, progress: Progress
) -> ElevationData:
    # rasterio and its GDAL: late, since a built-in city and an unchanged one need neither.
    from shancheng.city.sources.elevation import flat_elevation, read_elevation

    if dems:
        return read_elevation(dems, area, extent, progress)
    if data.terrain is not None:
        return data.terrain
    buildings = data.layers.get("buildings")
    if buildings is not None and buildings.column("lod2_geometry").null_count < buildings.num_rows:
        from shancheng.city.ground_from_buildings import ground_from_buildings

        progress.step("drawing a ground through the feet of the buildings", None)
        return ground_from_buildings(buildings, area, extent)
    return flat_elevation(area)
