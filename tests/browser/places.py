"""Known buildings of a city, straight from its layers: where their roofs are, and which tile holds them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import shapely

from shancheng.city.store import City
from shancheng.geo.geoid import undulation_m


@dataclass(frozen=True)
class Building:
    """A building: a point inside its outline, ellipsoidal heights of the ground there and of its roof."""

    id: str
    lon: float
    lat: float
    foot_m: float
    roof_m: float

    @property
    def height_m(self) -> float:
        return self.roof_m - self.foot_m

    @property
    def inside_m(self) -> float:
        """Height of a point within its walls: on a slope the roof's own height is known only roughly."""
        return self.foot_m + 0.8 * self.height_m


def tall_buildings(folder: Path, count: int) -> list[Building]:
    """The tallest buildings that stand alone: no part of another, and not replaced by parts of their own."""
    table = pq.read_table(
        folder / "layers" / "buildings.parquet",
        columns=["id", "height_m", "min_height_m", "parent_id", "geometry"],
    )
    city = City.open(folder, write=False)
    try:
        terrain = city.terrain()
        prefix = f"urn:shancheng:{city.manifest.name}:buildings:"
    finally:
        city.close()
    parents = set(table["parent_id"].drop_null().to_pylist())
    ids, parent = table["id"].to_pylist(), table["parent_id"].to_pylist()
    heights, least = (table[name].to_numpy() for name in ("height_m", "min_height_m"))
    order = np.argsort(-heights, kind="stable")
    alone = [i for i in order if parent[i] is None and ids[i] not in parents and least[i] == 0][:count]
    shapes = shapely.from_wkb([table["geometry"][int(i)].as_py() for i in alone])
    points = shapely.get_coordinates(shapely.point_on_surface(shapes))
    ground = terrain.sample(points[:, 0], points[:, 1]) + undulation_m(points[:, 0], points[:, 1])
    return [
        Building(prefix + ids[i], float(lon), float(lat), float(foot), float(foot + heights[i]))
        for i, (lon, lat), foot in zip(alone, points, ground, strict=True)
    ]


def tile_centre(folder: Path, local_id: str) -> tuple[float, float]:
    """Longitude and latitude of the middle of the cell whose tile draws a building."""
    (layer,) = folder.glob("tiles/*/buildings")
    west, south, east, north, *_ = json.loads((layer / "tileset.json").read_text(encoding="utf-8"))["root"][
        "boundingVolume"
    ]["region"]
    for path in layer.rglob("*.glb"):
        # Ids stand in the property table uncompressed, one after the other.
        if local_id in ids_in(path):
            level, x, y = (int(part) for part in path.relative_to(layer).with_suffix("").parts)
            side_lon, side_lat = (east - west) / 2**level, (north - south) / 2**level
            lon, lat = west + (x + 0.5) * side_lon, south + (y + 0.5) * side_lat
            return float(np.degrees(lon)), float(np.degrees(lat))
    message = f"{local_id}: in no tile of {layer}"
    raise AssertionError(message)


def ids_in(path: Path) -> list[str]:
    """Local ids of the features of a tile."""
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length])
    chunk = data[20 + length + 8 :]
    (table,) = document["extensions"]["EXT_structural_metadata"]["propertyTables"]
    column = table["properties"]["id"]
    views = [document["bufferViews"][column[key]] for key in ("stringOffsets", "values")]
    offsets, text = (chunk[v["byteOffset"] : v["byteOffset"] + v["byteLength"]] for v in views)
    numbers = np.frombuffer(offsets, column.get("stringOffsetType", "UINT32").lower())[: table["count"] + 1]
    return [text[a:b].decode() for a, b in zip(numbers[:-1].tolist(), numbers[1:].tolist(), strict=True)]
