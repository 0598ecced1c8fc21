"""Buildings as a viewer draws them, against the layer that they were made from."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from drawn import Drawn, read_tile

from shancheng.city.schema import layer_table
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.buildings import make_buildings
from shancheng.tiles.constants import SKIRT_M, TERRAIN_LEAF_TOLERANCE_M
from shancheng.tiles.report import SetAside

PLACEMENT_M = 0.05
City = Callable[..., pa.Table]


def tiles_of(folder: Path) -> Iterator[tuple[tuple[int, int, int], Drawn]]:
    for path in sorted(folder.glob("*/*/*.glb")):
        level, x, y = (int(part) for part in (path.parts[-3], path.parts[-2], path.stem))
        yield (level, x, y), read_tile(path)


def metres(geodetic: Any, origin: Any) -> Any:
    """Longitudes and latitudes as metres from a near point."""
    scale = np.array([111_320 * np.cos(np.radians(origin[1])), 110_950])
    return (geodetic[:, :2] - origin) * scale


def ground_m(raster: Raster, points: Any) -> Any:
    return raster.sample(*points.T) + undulation_m(*points.T)


class Building:
    """One building: what the layer says, and the part of a tile that shows it."""

    def __init__(self, row: dict[str, Any], tile: Drawn, number: int) -> None:
        self.row = row
        self.polygon = shapely.from_wkb(row["geometry"])
        self.corners = np.unique(shapely.get_coordinates(self.polygon), axis=0)
        self.vertices = np.flatnonzero(tile.features == number)
        self.triangles = tile.triangles[tile.features[tile.triangles[:, 0]] == number]
        self.geodetic = tile.geodetic
        self.local = tile.local
        self.heights = tile.geodetic[self.vertices, 2]

    @property
    def is_high(self) -> Any:
        """Of all the tile's vertices: whether they belong to the roof, if they belong to this building."""
        return self.geodetic[:, 2] > (self.heights.min() + self.heights.max()) / 2

    def faces(self) -> tuple[Any, Any, Any]:
        """Triangles of roof, floor and walls."""
        high = self.is_high[self.triangles].sum(axis=1)
        return self.triangles[high == 3], self.triangles[high == 0], self.triangles[(high > 0) & (high < 3)]


def buildings_of(table: pa.Table, folder: Path) -> Iterator[Building]:
    rows = {row["id"]: row for row in table.to_pylist()}
    for _, tile in tiles_of(folder):
        for number, name in enumerate(tile.table["id"]):
            yield Building(rows[name], tile, number)


def test_every_building_is_in_one_tile(built: Any) -> None:
    names = [name for _, tile in tiles_of(built.folder) for name in tile.table["id"]]
    assert len(names) == len(set(names)) == built.report.features == 3000
    assert set(names) == set(built.table["id"].to_pylist())
    assert built.report.set_aside == []
    assert built.report.tiles == len(list(tiles_of(built.folder))) > 4


def test_vertices_stand_on_their_corners(built: Any) -> None:
    for building in buildings_of(built.table, built.folder):
        here = metres(building.geodetic[building.vertices], building.corners[0])
        there = metres(building.corners, building.corners[0])
        apart = np.linalg.norm(here[:, None] - there[None], axis=2)
        assert apart.min(axis=1).max() < PLACEMENT_M  # and with it, walls are vertical
        assert apart.min(axis=0).max() < PLACEMENT_M  # and no corner is missing


def test_roof_and_base_are_where_the_ground_says(built: Any, mountain: Raster) -> None:
    for building in buildings_of(built.table, built.folder):
        rings = [
            ring for part in shapely.get_parts(building.polygon) for ring in (part.exterior, *part.interiors)
        ]
        corners = np.concatenate([shapely.get_coordinates(ring)[:-1] for ring in rings])
        outline = np.concatenate([shapely.get_coordinates(shapely.segmentize(ring, 2e-5)) for ring in rings])
        mean = ground_m(mountain, corners).mean()
        assert building.heights.max() == pytest.approx(mean + building.row["height_m"], abs=PLACEMENT_M)
        if building.row["min_height_m"] > 0:
            base = mean + building.row["min_height_m"]
            assert building.heights.min() == pytest.approx(base, abs=PLACEMENT_M)
        else:
            lowest = ground_m(mountain, outline).min()
            # The ground is sampled at corners and along long edges: what lies between them is not seen.
            assert building.heights.min() == pytest.approx(lowest - SKIRT_M, abs=0.5)
            assert building.heights.min() < lowest - TERRAIN_LEAF_TOLERANCE_M


def test_faces_look_outward_and_have_the_polygons_area(built: Any) -> None:
    for building in buildings_of(built.table, built.folder):
        roof, floor, walls = building.faces()
        flat = metres(building.geodetic, building.corners[0])
        area = shapely.transform(building.polygon, lambda p, b=building: metres(p, b.corners[0])).area
        slack = PLACEMENT_M * shapely.length(building.polygon) * 111_320
        assert _areas(flat[roof]).min() > -slack
        assert _areas(flat[roof]).sum() == pytest.approx(area, abs=slack)
        assert bool(len(floor)) == (building.row["min_height_m"] > 0)
        if len(floor):
            assert -_areas(flat[floor]).sum() == pytest.approx(area, abs=slack)
        _assert_walls_look_outward(building, walls)


def _areas(triangles: Any) -> Any:
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    return ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2


def _assert_walls_look_outward(building: Building, walls: Any) -> None:
    local = building.local[walls]
    facing = np.cross(local[:, 1] - local[:, 0], local[:, 2] - local[:, 0])
    outward = facing[:, [0, 2]] * [1, -1]  # x is east, z is south
    long = np.linalg.norm(outward, axis=1) > 1.0
    step = outward[long] / np.linalg.norm(outward[long], axis=1, keepdims=True) * 2e-6
    middle = building.geodetic[walls[long]][:, :, :2].mean(axis=1)
    assert shapely.contains_xy(building.polygon, *(middle - step).T).all()
    assert not shapely.contains_xy(building.polygon, *(middle + step).T).any()


def test_walls_roof_and_floor_are_closed(built: Any) -> None:
    """Every edge has its counterpart; only the lower edges of a building on the ground are open."""
    for building in buildings_of(built.table, built.folder):
        steps = np.rint(building.local * 32).astype(int)
        edges = Counter(
            (tuple(steps[triangle[k - 1]].tolist()), tuple(steps[triangle[k]].tolist()))
            for triangle in building.triangles
            for k in range(3)
        )
        unmatched = edges - Counter({edge[::-1]: count for edge, count in edges.items()})
        if building.row["min_height_m"] > 0:
            assert not unmatched
            continue
        low = int(steps[building.vertices, 1].min())
        assert unmatched
        # A level base is not quite level in the frame of a tile whose origin is kilometres away.
        assert all(end[1] - low <= 3 for edge in unmatched for end in edge)


def test_content_lies_inside_its_tile(built: Any, root_cell: RootCell) -> None:
    region = json.loads((built.folder / "tileset.json").read_bytes())["root"]["boundingVolume"]["region"]
    for cell, tile in tiles_of(built.folder):
        bounds = root_cell.cell_bounds(*cell)
        lon, lat, height = tile.geodetic.T
        assert bounds.west_deg <= lon.min()
        assert lon.max() <= bounds.east_deg
        assert bounds.south_deg <= lat.min()
        assert lat.max() <= bounds.north_deg
        assert region[4] - PLACEMENT_M <= height.min()
        assert height.max() <= region[5] + PLACEMENT_M


def test_attributes_are_those_of_the_layer(built: Any) -> None:
    schema = json.loads((built.folder / "schema.json").read_bytes())
    enums = {name: [v["name"] for v in enum["values"]] for name, enum in schema["enums"].items()}
    rows = {row["id"]: row for row in built.table.to_pylist()}
    for _, tile in tiles_of(built.folder):
        table = tile.table
        for number, name in enumerate(table["id"]):
            row = rows[name]
            assert np.frombuffer(table["index"], np.uint32)[number] == row["index"]
            assert np.frombuffer(table["height_m"], np.float32)[number] == pytest.approx(row["height_m"])
            assert table["levels"][number] == (row["levels"] or 0)
            assert enums["kind"][table["kind"][number]] == row["kind"]
            assert enums["provenance"][table["provenance"][number]] == row["provenance"]
    assert schema["classes"]["building"]["extras"]["id_prefix"] == "urn:shancheng:test:buildings:"


def test_the_first_tile_shows_the_tallest(built: Any) -> None:
    first = read_tile(built.folder / "0/0/0.glb")
    tallest = built.table.sort_by([("height_m", "descending")])["id"].to_pylist()
    assert set(tallest[:20]) <= set(first.table["id"])


@pytest.mark.parametrize("threads", [1, 3])
def test_two_builds_are_equal_to_the_byte(
    random_city: City, mountain: Raster, root_cell: RootCell, tmp_path: Path, threads: int
) -> None:
    table = random_city(1500, seed=2)
    shuffled = table.take(np.random.default_rng(1).permutation(1500))
    make_buildings(table, mountain, root_cell, tmp_path / "a", threads=2)
    make_buildings(shuffled, mountain, root_cell, tmp_path / "b", threads=threads)
    files = [sorted(p.relative_to(tmp_path / side) for p in (tmp_path / side).rglob("*.*")) for side in "ab"]
    assert files[0] == files[1]
    for name in files[0]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("side_deg", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("lat", [0.0, 29.5, 59.0])
def test_coarse_tiles_are_placed_as_well(side_deg: float, lat: float, tmp_path: Path) -> None:
    """Buildings at the corners of large cells: one coarse tile, 24-bit positions, the exact way to ECEF."""
    root = RootCell(106.5, lat, side_deg)
    share = np.array([[0.01, 0.01], [0.98, 0.01], [0.01, 0.98], [0.98, 0.98], [0.5, 0.5]])
    low = np.array([106.5, lat]) + share * side_deg
    table = layer_table(
        "buildings", id=[f"w{k}" for k in range(5)], kind="house", provenance="surveyed",
        height_m=300.0, height_provenance="surveyed", min_height_m=0.0,
        geometry=shapely.box(*low.T, *(low + 3e-4).T),
    )  # fmt: skip
    raster = Raster(np.full((2, 2), 1500.0, np.float32), 106.0, lat + 6, 6.0, 7.0)
    report = make_buildings(table, raster, root, tmp_path)
    assert report.tiles == 1
    ((_, tile),) = tiles_of(tmp_path)
    assert tile.document["accessors"][0]["componentType"] == 5126
    for number, name in enumerate(tile.table["id"]):
        corners = shapely.get_coordinates(shapely.box(*low[int(name[1:])], *(low[int(name[1:])] + 3e-4)))
        vertices = tile.geodetic[tile.features == number]
        apart = metres(vertices, corners[0])[:, None] - metres(corners, corners[0])[None]
        assert np.linalg.norm(apart, axis=2).min(axis=1).max() < PLACEMENT_M
        top = 1500 + undulation_m(*corners.mean(axis=0)) + 300
        assert vertices[:, 2].max() == pytest.approx(top, abs=PLACEMENT_M)


def test_what_cannot_be_drawn_is_set_aside(
    random_city: City, mountain: Raster, root_cell: RootCell, tmp_path: Path
) -> None:
    table = random_city(40, seed=3)
    rows = table.to_pylist()
    rows[1]["geometry"] = b"nonsense"
    rows[2]["geometry"] = shapely.to_wkb(shapely.LineString([(106.51, 29.51), (106.52, 29.52)]))
    rows[3]["geometry"] = shapely.to_wkb(shapely.box(106.4, 29.51, 106.41, 29.52))
    rows[4]["height_m"] = float("nan")
    rows[5]["height_m"] = -1.0
    rows[6]["min_height_m"] = rows[6]["height_m"]
    rows[7]["parent_id"] = rows[8]["parent_id"] = rows[9]["id"]
    rows[10]["parent_id"] = rows[10]["id"]
    rows[1]["parent_id"] = rows[11]["id"]
    report = make_buildings(pa.Table.from_pylist(rows, table.schema), mountain, root_cell, tmp_path)
    told = {entry.id: entry.reason for entry in report.set_aside}
    names = [row["id"] for row in rows]
    assert {names.index(name) for name in told} == {1, 2, 3, 4, 5, 6, 9}
    assert told[names[1]] == told[names[2]] == "the geometry is no polygon"
    assert told[names[3]] == "outside the city's root cell"
    assert told[names[5]] == "height_m=-1: must be a positive number"
    assert "below height_m" in told[names[6]]
    assert told[names[9]] == "replaced by its parts"
    assert report.notes["replaced_by_parts"] == 1
    assert report.features == 33
    assert SetAside("buildings", names[1], told[names[1]]) in report.set_aside
    drawn = {name for _, tile in tiles_of(tmp_path) for name in tile.table["id"]}
    assert drawn == set(names) - set(told)


def test_an_empty_layer_makes_an_empty_tileset(
    random_city: City, mountain: Raster, root_cell: RootCell, tmp_path: Path
) -> None:
    report = make_buildings(random_city(5)[:0], mountain, root_cell, tmp_path)
    assert (report.features, report.tiles, report.levels, report.triangles) == (0, 0, 0, 0)
    assert {path.name for path in tmp_path.iterdir() if path.suffix == ".json"} == {
        "tileset.json",
        "schema.json",
    }


def test_sizes_and_counts_in_the_report(built: Any) -> None:
    on_disk = [path for path in built.folder.rglob("*") if path.is_file()]
    zipped = [path for path in on_disk if path.suffix == ".gz"]
    assert built.report.bytes_gzip == sum(path.stat().st_size for path in zipped)
    assert built.report.bytes_raw == sum(p.stat().st_size for p in on_disk if p.suffix != ".gz")
    assert len(on_disk) == 2 * len(zipped)
    assert built.report.triangles == sum(len(tile.triangles) for _, tile in tiles_of(built.folder))
    assert built.report.levels == 1 + max(cell[0] for cell, _ in tiles_of(built.folder))


def test_ids_indices_and_kinds_are_cheap(
    random_city: City, mountain: Raster, root_cell: RootCell, tmp_path: Path
) -> None:
    """The compact profile's promise, on a smaller and more jagged city than the benchmark's."""
    report = make_buildings(random_city(3000), mountain, root_cell, tmp_path)
    assert report.bytes_raw / 3000 < 120
    assert report.bytes_gzip / 3000 < 62
