"""Make the package data of the built-in city from the data that lie beside the project.

Usage: ``python scripts/make_chongqing_tables.py SHARED_DATA_DIR``, where the directory holds ``MANIFEST.md``
and ``chongqing/``. Writes ``elevation_30s.npz``, ``river_centrelines.csv``, ``districts.geojson`` and
``places.csv`` into the package; what is placed by hand is not touched.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import shapely
from shapely.geometry import mapping, shape

from shancheng.city.builtin.chongqing.extent import EXTENT
from shancheng.city.builtin.chongqing.tables import read_districts

TARGET: Final = (
    Path(__file__).resolve().parents[1] / "src" / "shancheng" / "city" / "builtin" / "chongqing" / "data"
)
ELEVATION_MARGIN_DEG: Final = 0.05
COORDINATE_DIGITS: Final = 5
MAX_ELEVATION_BYTES: Final = 150_000
HAN_FIRST, HAN_LAST = "\u4e00", "\u9fff"
PLACE_RANKS: Final = ("镇", "街道", "市")
HAND_NAMES: Final = {"Yudong": "鱼洞", "Nanpeng": "南彭", "Ersheng": "二圣"}
"""Public names of three places whose row in GeoNames has no name in Chinese."""

DISTRICT_NAMES_EN: Final = {
    "500103": "Yuzhong District",
    "500104": "Dadukou District",
    "500105": "Jiangbei District",
    "500106": "Shapingba District",
    "500107": "Jiulongpo District",
    "500108": "Nan'an District",
    "500109": "Beibei District",
    "500112": "Yubei District",
    "500113": "Banan District",
}


def main(shared_data: Path) -> None:
    """Write all four tables and print what each holds."""
    source = shared_data / "chongqing"
    TARGET.mkdir(parents=True, exist_ok=True)
    write_elevation(source / "dem" / "meteva_dem_30arcsec_chongqing_registered.tif")
    write_rivers(source / "river_centrelines.csv")
    write_districts(source / "cnmaps_9core_districts_wgs84.geojson")
    write_places(source / "geonames_cities500_chongqing.json", _nine_districts())


def write_elevation(path: Path) -> None:
    """Crop the 30-arc-second elevations; metres above the geoid, row 0 is north, cell centres are kept."""
    area = EXTENT.expanded(ELEVATION_MARGIN_DEG)
    with rasterio.open(path) as dataset:
        step, left, top = dataset.transform.a, dataset.transform.c, dataset.transform.f
        rows = slice(int((top - area.north_deg) // step), int((top - area.south_deg) // step) + 1)
        cols = slice(int((area.west_deg - left) // step), int((area.east_deg - left) // step) + 1)
        values = dataset.read(1)[rows, cols].astype(np.int16)
    if (values <= 0).any():
        raise SystemExit(f"{path}: voids inside the city's extent; the lowest value is {values.min()} m")
    target = TARGET / "elevation_30s.npz"
    np.savez_compressed(
        target,
        elevation_m=values,
        west_deg=np.float64(left + (cols.start + 0.5) * step),
        north_deg=np.float64(top - (rows.start + 0.5) * step),
        step_deg=np.float64(step),
    )
    size = target.stat().st_size
    if size > MAX_ELEVATION_BYTES:
        raise SystemExit(f"{target.name}: {size} bytes; at most {MAX_ELEVATION_BYTES} may be carried")
    print(f"{target.name}: {values.shape}, {values.min()}-{values.max()} m, {size} bytes")


def write_rivers(path: Path) -> None:
    """Copy the centre lines."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    write_csv("river_centrelines.csv", rows[0], rows[1:])


def write_districts(path: Path) -> None:
    """Round the borders; each district's parts stay one feature with its official code."""
    document = json.loads(path.read_text(encoding="utf-8"))
    features = [
        {
            "type": "Feature",
            "properties": {
                "code": entry["properties"]["adcode"],
                "name": entry["properties"]["name"],
                "name_en": DISTRICT_NAMES_EN[entry["properties"]["adcode"]],
            },
            "geometry": mapping(_rounded(shape(entry["geometry"]))),
        }
        for entry in document["features"]
    ]
    text = json.dumps(
        {"type": "FeatureCollection", "features": features}, ensure_ascii=False, separators=(",", ":")
    )
    (TARGET / "districts.geojson").write_text(text + "\n", encoding="utf-8")
    print(f"districts.geojson: {len(features)} districts, {len(text)} characters")


def _rounded(geometry: Any) -> Any:  # noqa: ANN401 - any shapely geometry
    def round_vertices(vertices: Any) -> Any:  # noqa: ANN401 - shapely's signature
        return np.round(vertices, COORDINATE_DIGITS)

    return shapely.make_valid(shapely.transform(geometry, round_vertices))


def _nine_districts() -> Any:  # noqa: ANN401 - a shapely geometry
    return shapely.union_all([district.geometry for district in read_districts()])


def write_places(path: Path, area: Any) -> None:  # noqa: ANN401 - a shapely geometry
    """Keep the populated places within the districts, largest first."""
    places = json.loads(path.read_text(encoding="utf-8"))
    inside = shapely.contains_xy(area, [p["longitude"] for p in places], [p["latitude"] for p in places])
    places = [place for place, kept in zip(places, inside.tolist(), strict=True) if kept]
    places.sort(key=lambda place: (-place["population"], place["geonameid"]))
    rows = [
        [
            str(place["geonameid"]),
            chinese_name(place["name"], place["alternatenames"]),
            place["name"],
            f"{place['longitude']:.5f}",
            f"{place['latitude']:.5f}",
            str(place["population"]),
        ]
        for place in places
    ]
    write_csv("places.csv", ["geonameid", "name", "name_en", "lon", "lat", "population"], rows)


def chinese_name(name_en: str, names: list[str]) -> str:
    """The place's own name among its names in Han characters; empty where there is none.

    GeoNames mixes in the district that a place is the seat of, and villages near it. A name that also stands
    with its rank (town, street office, city) is the place's own.
    """
    han = [name for name in names if name and all(HAN_FIRST <= letter <= HAN_LAST for letter in name)]
    ranked = [name for name in han if any(name + rank in han for rank in PLACE_RANKS)]
    own = [name for name in han if not name.endswith("区")]
    return next(iter([*ranked, *sorted(own, key=len)]), HAND_NAMES.get(name_en, ""))


def write_csv(name: str, header: list[str], rows: list[list[str]]) -> None:
    """Write one table with Unix line ends."""
    with (TARGET / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
