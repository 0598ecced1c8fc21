"""Roads, rail, water, green and bridges as a viewer draws them, against the layers they were made from."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import shapely

from shancheng.city.schema import layer_table
from shancheng.errors import TilesError
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.draped import make_draped
from shancheng.tiles.draped_areas import water_levels_m
from shancheng.tiles.draped_bridges import FOOTING_M, THICKNESS_M
from shancheng.tiles.draped_pieces import metres_per_degree
from shancheng.tiles.ground import Ground
from shancheng.tiles.report import LayerReport

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))
from drawn import Drawn, heights_of_tiles, read_tile  # after the path

ROOT = RootCell(106.5, 29.5, 0.0625)
SCALE = metres_per_degree(np.array([29.53]))[0]
Made = tuple[LayerReport, list[Drawn], Path]
Make = Callable[..., Made]


def slope() -> Raster:
    """Ground that rises eastward by 0.1 and is bent, 200 m in the west."""
    rows, columns = np.mgrid[0:71, 0:71].astype(np.float64)
    values = 200.0 + columns * 0.1 * 97.0 + 20.0 * np.sin(rows / 5.0) * np.cos(columns / 7.0)
    return Raster(values.astype(np.float32), 106.498, 29.567, 0.001, 0.001)


RASTER = slope()


def at(east_m: float, north_m: float) -> tuple[float, float]:
    """Degrees of a place near the middle of the root."""
    return 106.53 + east_m / SCALE[0], 29.53 + north_m / SCALE[1]


def line(*metres: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([at(*place) for place in metres])


def ways(geometries: list[Any], layer: str = "roads", **columns: Any) -> pa.Table:
    n = len(geometries)
    defaults: dict[str, Any] = {
        "id": [f"w{i}" for i in range(n)],
        "kind": "primary",
        "provenance": "surveyed",
        "width_m": 8.0,
        "layer": 0,
        "bridge": [False] * n,
        "tunnel": [False] * n,
    }
    return layer_table(layer, geometry=geometries, **{**defaults, **columns})


def areas(layer: str, geometries: list[Any], kinds: list[str]) -> pa.Table:
    ids = [f"a{i}" for i in range(len(geometries))]
    return layer_table(layer, geometry=geometries, id=ids, kind=kinds, provenance="surveyed")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def run(table: pa.Table, kind: str, raster: Raster = RASTER) -> Made:
        prefix = f"urn:shancheng:test:{kind}:"
        report = make_draped(table, kind, raster, ROOT, tmp_path, id_prefix=prefix, copyright="© Source")
        return report, [read_tile(path) for path in sorted(tmp_path.rglob("*.glb"))], tmp_path

    return run


def ids_of(tiles: list[Drawn]) -> list[str]:
    return sorted({name for tile in tiles for name in tile.table["id"]})


def areas_m2(tiles: list[Drawn], name: str) -> float:
    """Area on the map of one feature's triangles, over all tiles; negative parts count as such."""
    total = 0.0
    for tile in tiles:
        if name in tile.table["id"] and tile.features is not None:
            own = tile.triangles[tile.features[tile.triangles[:, 0]] == tile.table["id"].index(name)]
            a, b, c = (tile.geodetic[own[:, k], :2] * SCALE for k in range(3))
            total += float(((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum()) / 2
    return total


def smallest_up(tile: Drawn) -> float:
    a, b, c = (tile.local[tile.triangles[:, k]] for k in range(3))
    return float(np.cross(b - a, c - a)[:, 1].min())


def above_ground_m(tile: Drawn) -> npt.NDArray[np.float64]:
    lon, lat, height = tile.geodetic.T
    return np.asarray(height - RASTER.sample(lon, lat) - undulation_m(lon, lat))


def test_a_straight_road_is_as_wide_and_long_as_it_says(make: Make) -> None:
    _, tiles, _ = make(ways([line((0, 0), (0, 300))]), "roads")
    # 300 m by 8 m, and half a hexagon of 4 m at either end.
    assert areas_m2(tiles, "w0") == pytest.approx(300 * 8 + 2 * 0.75 * np.sqrt(3) * 4**2, rel=0.01)
    east = (tiles[0].geodetic[:, 0] - 106.53) * SCALE[0]
    assert np.allclose(np.abs(east)[np.abs(east) > 3], 4.0, atol=0.05)


def test_roads_lie_on_the_ground_every_forty_metres(make: Make) -> None:
    road = line((-1500, -400), (200, 100), (1500, 900))
    report, tiles, _ = make(ways([road]), "roads")
    assert report.features == 1
    for tile in tiles:
        assert np.abs(above_ground_m(tile) - 0.3).max() < 0.06
        assert smallest_up(tile) > 0
        edges = tile.local[tile.triangles] - tile.local[np.roll(tile.triangles, 1, axis=1)]
        assert np.linalg.norm(edges, axis=2).max() < 45
    assert len(tiles) == 1


def test_turns_leave_no_gap(make: Make) -> None:
    corner = line((0, 0), (60, 0), (60, 60), (20, 20))
    _, tiles, _ = make(ways([corner]), "roads")
    buffered = shapely.transform(corner, lambda xy: xy * SCALE).buffer(
        3.9, cap_style="flat", join_style="bevel"
    )
    shapes = shapely.polygons(tiles[0].geodetic[tiles[0].triangles][:, :, :2] * SCALE)
    assert buffered.difference(shapely.union_all(shapes)).area < 0.5


def test_a_closed_way_joins_at_its_seam(make: Make) -> None:
    angles = np.linspace(0, 2 * np.pi, 41)
    ring = line(*[(50 * np.cos(a), 50 * np.sin(a)) for a in angles[:-1]], (50.0, 0.0))
    _, tiles, _ = make(ways([ring]), "roads")
    assert areas_m2(tiles, "w0") == pytest.approx(np.pi * (54**2 - 46**2), rel=0.02)


def test_a_bridge_runs_straight_and_never_below_the_ground(make: Make) -> None:
    valley = Raster(np.full((71, 71), 100.0, np.float32), 106.498, 29.567, 0.001, 0.001)
    valley.values[:, 28:36] = 40.0
    west, east = (106.5215, 29.53), (106.5385, 29.53)
    report, tiles, _ = make(ways([shapely.LineString([west, east])], bridge=[True]), "roads", valley)
    assert report.features == 1
    heights = np.concatenate([tile.geodetic[:, 2] - undulation_m(*tile.geodetic[:, :2].T) for tile in tiles])
    assert np.abs(heights - 100.3).max() < 0.06


def test_tunnels_are_left_out_and_counted(make: Make) -> None:
    table = ways([line((0, 0), (0, 50)), line((9, 0), (9, 50))], tunnel=[False, True])
    report, tiles, _ = make(table, "roads")
    assert ids_of(tiles) == ["w0"]
    assert report.notes == {"tunnels": 1}
    assert report.set_aside == []


def test_what_cannot_be_drawn_is_set_aside_with_its_reason(make: Make) -> None:
    geometries = [
        line((0, 0), (0, 50)),
        shapely.Point(at(0, 0)),
        shapely.LineString(),
        shapely.LineString([at(0, 0), at(0, 0)]),
        line((9e4, 0), (9e4, 50)),
        line((0, 0), (5, 5)),
        line((0, 0), (5, np.inf)),
    ]
    table = ways(geometries, width_m=[8.0, 8.0, 8.0, 8.0, 8.0, -1.0, 8.0])
    broken = pa.array([*table.column("geometry").to_pylist()[:-1], b"\x01\x02"], pa.binary())
    table = pa.concat_tables([table, table.slice(6, 1)])
    geometry = pa.chunked_array(
        [pa.concat_arrays([table.column("geometry").combine_chunks()[:7], broken[6:]])]
    )
    table = table.set_column(table.schema.get_field_index("geometry"), "geometry", geometry)
    table = table.set_column(0, "id", pa.chunked_array([[f"w{i}" for i in range(8)]]))
    report, tiles, _ = make(table, "roads")
    assert ids_of(tiles) == ["w0"]
    assert {entry.id: entry.reason for entry in report.set_aside} == {
        "w1": "geometry of type POINT: must be a line",
        "w2": "the geometry is empty",
        "w3": "the line has no length",
        "w4": "lies outside the city's root cell",
        "w5": "width_m=-1.0: must be positive",
        "w6": "a coordinate is not finite",
        "w7": "the geometry is not readable WKB",
    }
    assert {entry.layer for entry in report.set_aside} == {"roads"}


def city_of_roads(n: int) -> pa.Table:
    rng = np.random.default_rng(7)
    start = rng.uniform(-2000, 2000, (n, 2))
    roads = [line(tuple(a), tuple(a + rng.uniform(-500, 500, size=2))) for a in start]
    kinds = [("primary", "service", "footway")[i % 3] for i in range(n)]
    return ways(roads, kind=kinds, width_m=rng.uniform(2, 12, n))


def test_all_ids_indices_and_kinds_arrive(make: Make) -> None:
    table = city_of_roads(3000)
    report, tiles, folder = make(table, "roads")
    assert report.features == 3000
    assert report.tiles == len(tiles) > 4
    assert report.triangles == sum(len(tile.triangles) for tile in tiles)
    assert ids_of(tiles) == sorted(table.column("id").to_pylist())
    schema = json.loads((folder / "schema.json").read_text())
    assert schema["classes"]["road"]["extras"]["id_prefix"] == "urn:shancheng:test:roads:"
    names = {entry["value"]: entry["name"] for entry in schema["enums"]["kind"]["values"]}
    kind_of = dict(zip(table.column("id").to_pylist(), table.column("kind").to_pylist(), strict=True))
    index_of = dict(zip(table.column("id").to_pylist(), table.column("index").to_pylist(), strict=True))
    for tile in tiles:
        kinds, indices = (
            np.frombuffer(tile.table["kind"], np.uint8),
            np.frombuffer(tile.table["index"], np.uint32),
        )
        for name, kind, index in zip(tile.table["id"], kinds, indices, strict=True):
            assert names[int(kind)] == kind_of[name]
            assert int(index) == index_of[name]
        assert tile.features is not None
        assert set(tile.features.tolist()) == set(range(len(tile.table["id"])))


def test_contents_lie_in_their_cells_and_heights(make: Make) -> None:
    report, _, folder = make(city_of_roads(3000), "roads")
    low, high = heights_of_tiles(folder)
    assert report.levels > 1
    for path in folder.rglob("*.glb"):
        level, x, y = (int(part) for part in path.relative_to(folder).with_suffix("").parts)
        cell, tile = ROOT.cell_bounds(level, x, y), read_tile(path)
        lon, lat, height = tile.geodetic.T
        assert cell.west_deg <= lon.min() <= lon.max() <= cell.east_deg
        assert cell.south_deg <= lat.min() <= lat.max() <= cell.north_deg
        assert low - 0.05 <= height.min() <= height.max() <= high + 0.05


def test_the_order_of_rows_changes_no_byte(tmp_path: Path) -> None:
    table = city_of_roads(1200)
    shuffled = table.take(np.random.default_rng(1).permutation(1200))
    for name, rows in (("a", table), ("b", shuffled), ("c", table)):
        make_draped(rows, "roads", RASTER, ROOT, tmp_path / name, id_prefix="x:", copyright="")
    names = [
        sorted(p.relative_to(tmp_path / n) for p in (tmp_path / n).rglob("*") if p.is_file()) for n in "abc"
    ]
    assert names[0] == names[1] == names[2]
    for other in "bc":
        assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / other / n).read_bytes() for n in names[0])


def test_rail_carries_its_colour(make: Make) -> None:
    table = ways([line((0, 0), (0, 90)), line((9, 0), (9, 90))], "rail", colour=["#d50032", None])
    _, tiles, _ = make(table, "rail")
    assert dict(zip(tiles[0].table["id"], tiles[0].table["colour"], strict=True)) == {
        "w0": "#d50032",
        "w1": "",
    }


def blob(radius_m: float, east_m: float = 0.0) -> shapely.Polygon:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = radius_m * (1 + 0.2 * np.sin(5 * angles))
    shell = [at(east_m + r * np.cos(a), r * np.sin(a)) for r, a in zip(radius, angles, strict=True)]
    hole = [at(east_m + 0.3 * radius_m * np.cos(a), 0.3 * radius_m * np.sin(a)) for a in angles[::6]]
    return shapely.Polygon(shell, [hole])


@pytest.mark.parametrize("kind", ["wood", "park"])
def test_green_has_its_area_and_follows_the_ground(make: Make, kind: str) -> None:
    shapes = [blob(1400), blob(30, 2000), shapely.MultiPolygon([blob(90, 2300), blob(40, 2600)])]
    report, tiles, _ = make(areas("green", shapes, [kind] * 3), "green")
    assert report.features == 3
    assert ids_of(tiles) == ["a0", "a1", "a2"]
    for number, shape in enumerate(shapes):
        assert areas_m2(tiles, f"a{number}") == pytest.approx(shape.area * SCALE.prod(), rel=2e-3)
    for tile in tiles:
        assert np.abs(above_ground_m(tile) - 0.3).max() < 0.06
        # Rounding to 3 cm may turn over a splinter.
        assert smallest_up(tile) > -0.5
        edges = tile.local[tile.triangles] - tile.local[np.roll(tile.triangles, 1, axis=1)]
        assert np.hypot(edges[:, :, 0], edges[:, :, 2]).max() < 175


def test_large_areas_are_cut_along_cells_so_that_tiles_below_the_root_hold_them(make: Make) -> None:
    # All of them lie across the middle of the root, where no child holds them whole.
    report, tiles, _ = make(areas("green", [blob(400)] * 300, ["wood"] * 300), "green")
    assert report.tiles >= 5
    features = [len(tile.table["id"]) for tile in tiles]
    assert max(features) <= 300
    assert sum(features) > 800


def test_a_lake_is_level_near_the_lowest_of_its_shore(make: Make) -> None:
    lake = blob(300)
    report, tiles, _ = make(areas("water", [lake], ["lake"]), "water")
    assert report.set_aside == []
    heights = np.concatenate([tile.geodetic[:, 2] - undulation_m(*tile.geodetic[:, :2].T) for tile in tiles])
    assert np.ptp(heights) < 0.1
    shore = RASTER.sample(*shapely.get_coordinates(lake.exterior).T)
    assert shore.min() <= heights.mean() - 0.3 <= np.quantile(shore, 0.3)
    assert areas_m2(tiles, "a0") == pytest.approx(lake.area * SCALE.prod(), rel=1e-3)


def test_the_sea_is_the_geoid_and_a_river_follows_the_ground(make: Make) -> None:
    river = line((-2000, -300), (0, 0), (2000, 400)).buffer(0.0008)
    _, tiles, _ = make(areas("water", [blob(900), river], ["sea", "river"]), "water")
    seen = {"a0": 0, "a1": 0}
    for tile in tiles:
        assert tile.features is not None
        for number, name in enumerate(tile.table["id"]):
            own = tile.geodetic[tile.features == number]
            elevation = own[:, 2] - undulation_m(own[:, 0], own[:, 1]) - 0.3
            seen[name] += len(own)
            if name == "a0":
                assert np.abs(elevation).max() < 0.06
            else:
                below = RASTER.sample(own[:, 0], own[:, 1]) - elevation
                assert -0.06 < below.min() <= below.max() < 10
    assert min(seen.values()) > 50


def test_water_levels_by_kind() -> None:
    ground = Ground.of(RASTER, ROOT)
    shapes = np.array([blob(200), blob(200), blob(200), blob(200), None], dtype=object)
    lake, pool, river, sea, nothing = water_levels_m(
        shapes, ["lake", "swimming_pool", "river", "sea", "sea"], ground
    )
    assert 0 < lake < pool
    assert np.isnan(river)
    assert sea == 0
    assert np.isnan(nothing)


def test_broken_polygons_are_set_aside(make: Make) -> None:
    bow_tie = shapely.Polygon([at(0, 0), at(50, 50), at(50, 0), at(0, 50)])
    report, tiles, _ = make(areas("green", [bow_tie, blob(50)], ["park", "park"]), "green")
    assert ids_of(tiles) == ["a1"]
    assert report.features == 1
    assert report.set_aside[0].id == "a0"
    assert report.set_aside[0].reason.startswith("Self-intersection")


def bridges(**columns: Any) -> pa.Table:
    defaults = {
        "id": ["b0"],
        "kind": "suspension",
        "provenance": "approximate",
        "deck_elevation_m": 260.0,
        "width_m": 24.0,
        "tower_height_m": 60.0,
    }
    axis = line((-300, 0), (300, 40))
    return layer_table("bridges", geometry=[axis], **{**defaults, **columns})


def test_a_bridge_is_a_solid_deck_with_two_towers(make: Make) -> None:
    river = Raster(np.full((71, 71), 205.0, np.float32), 106.498, 29.567, 0.001, 0.001)
    report, tiles, _ = make(bridges(), "bridges", river)
    assert (report.features, report.tiles) == (1, 1)
    tile = tiles[0]
    lon, lat, height = tile.geodetic.T
    elevation = height - undulation_m(lon, lat)
    assert elevation.max() == pytest.approx(260 + 60, abs=0.05)
    length = np.hypot(600, 40)
    along = ((lon - 106.53) * SCALE[0] * 600 + (lat - 29.53) * SCALE[1] * 40) / length
    assert np.ptp(along) == pytest.approx(length, abs=0.1)
    across = ((lat - 29.53) * SCALE[1] * 600 - (lon - 106.53) * SCALE[0] * 40) / length
    deck = np.abs(elevation - 260) < 0.05
    assert np.ptp(across[deck]) == pytest.approx(24, abs=0.1)
    towers = along[elevation > 310]
    assert np.unique(np.round(towers / 50)).tolist() == [-2.0, 2.0]
    assert elevation.min() == pytest.approx(205 - FOOTING_M, abs=0.05)
    deck_m3, leg_m3, beam_m3 = (
        length * 24 * THICKNESS_M,
        LEG_M**2 * (320 - 205 + FOOTING_M),
        24 * 0.7 * LEG_M**2,
    )
    assert signed_volume(tile) == pytest.approx(deck_m3 + 4 * leg_m3 + 2 * beam_m3, rel=0.01)


def signed_volume(tile: Drawn) -> float:
    """Volume inside a closed surface whose triangles face outward."""
    a, b, c = (tile.local[tile.triangles[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


LEG_M = 0.14 * 24


def test_a_bridge_without_figures_runs_between_its_ends_without_towers(make: Make) -> None:
    _, tiles, _ = make(bridges(deck_elevation_m=None, width_m=None, tower_height_m=None), "bridges")
    lon, lat, height = tiles[0].geodetic.T
    ends = [at(-300, 0), at(300, 40)]
    expected = sorted(float(RASTER.sample(*end)) for end in ends)
    elevation = height - undulation_m(lon, lat)
    assert elevation.max() == pytest.approx(expected[1], abs=0.1)
    assert elevation.min() == pytest.approx(expected[0] - THICKNESS_M, abs=0.1)


@pytest.mark.parametrize("kind", ["roads", "rail", "water", "green", "bridges"])
def test_nothing_gives_an_empty_valid_tileset(make: Make, kind: str) -> None:
    full = {"water": areas("water", [blob(9)], ["lake"]), "green": areas("green", [blob(9)], ["park"])}
    full |= {"roads": ways([line((0, 0), (1, 1))]), "rail": ways([line((0, 0), (1, 1))], "rail")}
    report, tiles, folder = make((full | {"bridges": bridges()})[kind].slice(0, 0), kind)
    assert (report.features, report.tiles, report.triangles, tiles) == (0, 0, 0, [])
    document = json.loads((folder / "tileset.json").read_text())
    assert "content" not in document["root"]
    assert document["asset"]["version"] == "1.1"


def test_an_unknown_layer_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TilesError, match="moats: must be one of roads"):
        make_draped(bridges(), "moats", RASTER, ROOT, tmp_path, id_prefix="", copyright="")
