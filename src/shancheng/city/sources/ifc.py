"""IFC 4 and 2x3 as a source: a building by storey and element, placed on Earth.

The library that reads the file runs in a process of its own (``ifc_worker.py``): a file with a loop in its
placements can end it. What becomes of elements and storeys is in ``ifc_rows.py``.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from shancheng.city.manifest import LayerSource
from shancheng.city.schema import SURVEYED
from shancheng.city.sources.base import CityData, SetAside, Source, SourceOptions
from shancheng.city.sources.ifc_rows import Model, building_rows, element_rows
from shancheng.city.sources.ifc_worker import GEOMETRY, MODEL
from shancheng.errors import SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import Bounds
from shancheng.geo.crs import to_lonlat
from shancheng.geo.frame import LocalFrame
from shancheng.geo.geoid import undulation_m
from shancheng.progress import Progress

__all__ = ["SOURCE", "read"]

_MAX_BYTES: Final = 2 << 30
_MAX_TRIANGLES: Final = 5_000_000
_TIMEOUT_S: Final = 900
_END: Final = b"END-ISO-10303-21;"
_TAIL_BYTES: Final = 4096
_FARTHEST_M: Final = 50_000.0
"""Farther from the middle of its model no part of a building lies."""


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a building.

    Args:
        path: ``.ifc`` (STEP).
        options: ``crs`` for a file whose coordinates are those of a projected system that it does not name;
            ``licence``, ``attribution``, ``provenance``.
        progress: Told what is being read.

    Returns:
        ``buildings``: each IfcBuilding, and its storeys as parts with their elements' shapes; and
        ``building_elements``: each element that can be seen, with its storey.

    Raises:
        SourceFileError: The file is missing, truncated, damaged or of another kind, or too large.
        UnknownCRSError: Nothing says where the building stands.
        SettingError: The extra ``ifc`` is not installed.
    """
    if find_spec("ifcopenshell") is None:
        raise SettingError("source='ifc': needs ifcopenshell; install it with: pip install 'shancheng[ifc]'")
    _check_file(path)
    progress.step(f"reading {path.name}", None)
    document, geometry = _extract(path)
    progress.step("storeys and elements", None)
    lonlat, height_m, remark = _on_earth(path, document["place"], geometry["points"], options)
    model = Model(document, geometry, lonlat, height_m)
    provenance = options.provenance or SURVEYED
    layers = {
        "buildings": building_rows(model, path.name, provenance),
        "building_elements": element_rows(model, path.name, provenance),
    }
    source = LayerSource(
        source=path.name,
        licence=options.licence or "unknown",
        attribution=options.attribution or "",
        provenance=provenance,
    )
    set_aside = [
        SetAside("building_elements", entry["id"], "has no triangle with an area") for entry in model.empty
    ]
    return CityData(
        layers=layers,
        layer_sources=dict.fromkeys(layers, source),
        extent=_extent(lonlat),
        set_aside=set_aside,
        remarks=(remark,),
    )


# The file


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; needed: an IFC file (.ifc)")
    size = path.stat().st_size
    if size == 0 or size > _MAX_BYTES:
        raise SourceFileError(f"{path}: {size} bytes; needed: an IFC file of 1 to {_MAX_BYTES} bytes")
    try:
        with path.open("rb") as file:
            head = file.read(_TAIL_BYTES)
            file.seek(max(size - _TAIL_BYTES, 0))
            tail = file.read()
    except OSError as error:
        raise SourceFileError(f"{path}: cannot be read: {error.strerror}") from error
    if b"ISO-10303-21" not in head:
        raise SourceFileError(f"{path}: does not begin with ISO-10303-21; needed: an IFC file (STEP)")
    if _END not in tail:
        raise SourceFileError(f"{path}: is truncated, {_END.decode()} is missing at its end")


def _extract(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="shancheng-ifc-") as folder:
        worker = "shancheng.city.sources.ifc_worker"
        command = [sys.executable, "-m", worker, str(path), folder, str(_MAX_TRIANGLES)]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise SourceFileError(f"{path}: took more than {_TIMEOUT_S} s to read") from None
        if done.returncode != 0:
            raise SourceFileError(f"{path}: cannot be read as IFC: {_reason(done)}")
        document, geometry = _results(path, Path(folder))
    if document["too_many"]:
        raise SourceFileError(f"{path}: holds more than {_MAX_TRIANGLES:,} triangles; split it by building")
    if not document["elements"]:
        raise SourceFileError(f"{path}: holds no element with a shape; needed: a building")
    return document, geometry


def _results(path: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        document = json.loads((folder / MODEL).read_bytes())
        with np.load(folder / GEOMETRY, allow_pickle=False) as arrays:
            return document, {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SourceFileError(f"{path}: was read, but the result is damaged: {error}") from error


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The last line of the library, or that it was killed by the file."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode < 0 or not lines:
        return "the file is damaged (the library that reads it gave up)"
    return lines[-1].partition(": ")[2] or lines[-1]


# Place


def _on_earth(
    path: Path, place: dict[str, Any], points: FloatArray, options: SourceOptions
) -> tuple[FloatArray, FloatArray, str]:
    """Longitude, latitude, ellipsoidal height of points in the model's axes, and how they were placed."""
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() > _FARTHEST_M:
        raise SourceFileError(f"{path}: coordinates are absurd: {points.min(axis=0)} to {points.max(axis=0)}")
    crs = place.get("crs") or options.crs
    if "map" in place and crs:
        return *_from_grid(path, str(crs), _to_map(place["map"], points)), f"placed by its grid, {crs}"
    if "site" in place and options.crs is None:
        lonlat, height_m = _from_site(path, place["site"], points)
        return lonlat, height_m, "placed by the latitude and longitude of its site"
    if options.crs is not None:
        return *_from_grid(path, options.crs, points), f"its coordinates were taken as {options.crs}"
    raise UnknownCRSError(
        f"{path}: says neither a map conversion nor the latitude and longitude of its site; add --crs if its "
        "coordinates are those of a projected system"
    )


def _to_map(grid: dict[str, Any], points: FloatArray) -> FloatArray:
    """Source: buildingSMART, IFC4, IfcMapConversion."""
    axis = np.array(grid["axis"])
    across, up = axis / np.hypot(*axis)
    scale = grid["scale"]
    east = (points[:, 0] * across - points[:, 1] * up) * scale + grid["east_m"]
    north = (points[:, 0] * up + points[:, 1] * across) * scale + grid["north_m"]
    return np.column_stack([east, north, points[:, 2] + grid["elevation_m"]])


def _from_grid(path: Path, crs: str, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    lon, lat = to_lonlat(crs, points[:, 0], points[:, 1])
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise SourceFileError(f"{path}: coordinates such as {points[0, :2]} lie outside {crs}")
    return np.column_stack([lon, lat]), points[:, 2] + undulation_m(lon, lat)


def _from_site(path: Path, site: dict[str, Any], points: FloatArray) -> tuple[FloatArray, FloatArray]:
    lon, lat = float(site["lon"]), float(site["lat"])
    if not (-180 <= lon <= 180 and -90 < lat < 90):  # noqa: PLR2004
        raise SourceFileError(f"{path}: its site lies at longitude {lon}, latitude {lat}: no place on Earth")
    north = np.array(site["north"]) / np.hypot(*site["north"])
    offset = points - np.array(site["origin_m"])
    east_m = offset[:, 0] * north[1] - offset[:, 1] * north[0]
    north_m = offset[:, 0] * north[0] + offset[:, 1] * north[1]
    up_m = offset[:, 2]
    undulation = float(np.ravel(undulation_m([lon], [lat]))[0])
    frame = LocalFrame(lon, lat, float(site["elevation_m"]) + undulation)
    lon_deg, lat_deg, height_m = frame.geodetic_from_enu(np.column_stack([east_m, north_m, up_m]))
    return np.column_stack([lon_deg, lat_deg]), height_m


def _extent(lonlat: FloatArray) -> Bounds:
    """Around the building, with a street's width to spare, so that a city can be made of one house."""
    west, south = lonlat.min(axis=0) - 0.002
    east, north = lonlat.max(axis=0) + 0.002
    return Bounds(float(west), float(south), float(east), float(north))


SOURCE = Source(
    "ifc",
    "building model, IFC 4 or 2x3 (.ifc); needs the extra shancheng[ifc]",
    ("buildings", "building_elements"),
    read,
    frozenset({"crs", "licence", "attribution", "provenance"}),
)
