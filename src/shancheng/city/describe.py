"""What a city folder holds, as plain values: for ``shancheng city info`` and for ``/api/city``."""

from typing import Any

import pyarrow.compute as pc

from shancheng.city.manifest import Manifest, Origin
from shancheng.city.schema import PROVENANCES
from shancheng.city.store import City

__all__ = ["describe"]


def describe(city: City) -> dict[str, Any]:
    """Name, place, elevations and layers of a city, each with its credit and how real it is.

    Returns:
        Values that JSON can hold; ``home`` is None where ``city.toml`` gives no first view. Angles in
        degrees, ``extent`` as west, south, east, north.
    """
    manifest = city.manifest
    extent, root = manifest.extent, manifest.root_cell
    return {
        "name": manifest.name,
        "title": vars(manifest.title),
        "extent": [extent.west_deg, extent.south_deg, extent.east_deg, extent.north_deg],
        "root_cell": {"west": root.west_deg, "south": root.south_deg, "side": root.side_deg},
        "origin": _position(manifest.origin),
        "home": _home(manifest),
        "created": _created(manifest),
        "terrain": {**vars(manifest.terrain), **_terrain(city)},
        "layers": [_layer(city, name) for name in city.layer_names()],
        "set_aside": len(city.set_aside()),
    }


def _position(place: Origin) -> dict[str, float]:
    return {"lon": place.lon_deg, "lat": place.lat_deg, "ellipsoidal_height_m": place.ellipsoidal_height_m}


def _home(manifest: Manifest) -> dict[str, float] | None:
    home = manifest.home
    if home is None:
        return None
    return {
        "lon": home.lon_deg,
        "lat": home.lat_deg,
        "ellipsoidal_height_m": home.ellipsoidal_height_m,
        "azimuth_deg": home.azimuth_deg,
        "pitch_deg": home.pitch_deg,
        "distance_m": home.distance_m,
    }


def _created(manifest: Manifest) -> dict[str, Any]:
    created = manifest.created
    inputs = [vars(entry) for entry in created.inputs]
    return {"builtin": created.builtin, "builtin_version": created.builtin_version, "inputs": inputs}


def _terrain(city: City) -> dict[str, Any]:
    raster = city.terrain()
    return {
        "rows": raster.shape[0],
        "columns": raster.shape[1],
        "lowest_m": round(float(raster.values.min()), 1),
        "highest_m": round(float(raster.values.max()), 1),
    }


def _layer(city: City, name: str) -> dict[str, Any]:
    columns = ["provenance", "height_provenance"] if name == "buildings" else ["provenance"]
    table = city.layer(name, columns)
    source = {key: value for key, value in vars(city.manifest.layers[name]).items() if key != "provenance"}
    described: dict[str, Any] = {
        "name": name,
        "count": table.num_rows,
        "provenance": _shares(table.column("provenance")),
        **source,
        "version": city.layer_version(name).version,
    }
    if name == "buildings":
        described["height_provenance"] = _shares(table.column("height_provenance"))
    return described


def _shares(column: Any) -> dict[str, int]:  # noqa: ANN401 - a dictionary column
    """How many rows say which of the three words."""
    counted = {str(entry["values"]): int(entry["counts"]) for entry in pc.value_counts(column).to_pylist()}
    return {word: counted.get(word, 0) for word in PROVENANCES}
