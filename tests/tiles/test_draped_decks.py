"""Ways above the ground, and ways that are areas, as a viewer draws them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from shancheng.city.schema import layer_table
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.draped import make_draped
from shancheng.tiles.draped_decks import CABLE_THICKNESS_M, FOOTING_M, PILLAR_SIDES_M, THICKNESS_M
from shancheng.tiles.draped_pieces import metres_per_degree
from shancheng.tiles.draped_solids import tubes_triangles

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))
from drawn import Drawn, read_tile  # after the path

ROOT = RootCell(106.5, 29.5, 0.0625)
SCALE = metres_per_degree(np.array([29.53]))[0]
GROUND_M = 205.0
LEVEL = Raster(np.full((71, 71), GROUND_M, np.float32), 106.498, 29.567, 0.001, 0.001)
Make = Callable[..., Any]


def line(*metres: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(106.53 + x / SCALE[0], 29.53 + y / SCALE[1]) for x, y in metres])


def ways(geometries: list[Any], layer: str = "rail", **columns: Any) -> pa.Table:
    n = len(geometries)
    defaults: dict[str, Any] = {
        "id": [f"w{i}" for i in range(n)], "kind": "monorail", "provenance": "approximate", "width_m": 8.0,
        "layer": 1, "bridge": [True] * n, "tunnel": [False] * n,
    }  # fmt: skip
    return layer_table(layer, geometry=geometries, **{**defaults, **columns})


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def run(table: pa.Table, kind: str = "rail") -> Any:
        report = make_draped(table, kind, LEVEL, ROOT, tmp_path, id_prefix="urn:", copyright="©")
        return report, sorted(tmp_path.rglob("*.glb"))

    return run


def elevation(tile: Drawn) -> Any:
    lon, lat, height = tile.geodetic.T
    return height - undulation_m(lon, lat)


def material(tile: Drawn, number: int = 0) -> Any:
    primitive = tile.document["meshes"][0]["primitives"][number]
    return tile.document["materials"][primitive["material"]].get("name")


def signed_volume(tile: Drawn) -> float:
    a, b, c = (tile.local[tile.triangles[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def edges(tile: Drawn) -> Any:
    """Directed edges that have no twin in the other direction."""
    pairs = np.concatenate([tile.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    there, back = ({tuple(pair) for pair in turned.tolist()} for turned in (pairs, pairs[:, ::-1]))
    return there ^ back


def test_a_deck_lies_where_its_elevations_say_and_pillars_carry_it(make: Make) -> None:
    report, paths = make(ways([line((-200, 0), (0, 0), (200, 0))], elevations_m=[[220.0, 225.0, 220.0]]))
    assert (report.features, report.set_aside) == (1, [])
    tile = read_tile(paths[0])
    assert material(tile) == "deck"
    found = elevation(tile)
    east = (tile.geodetic[:, 0] - 106.53) * SCALE[0]
    top = found > np.interp(east, [-200, 0, 200], [220, 225, 220]) - THICKNESS_M / 2
    assert found[top] == pytest.approx(np.interp(east, [-200, 0, 200], [220, 225, 220])[top], abs=0.05)
    assert np.ptp((tile.geodetic[top, 1] - 29.53) * SCALE[1]) == pytest.approx(8, abs=0.05)
    feet = found < GROUND_M - FOOTING_M / 2
    assert found[feet] == pytest.approx(GROUND_M - FOOTING_M, abs=0.05)
    spots = np.unique(np.round(east[feet] / 10))
    assert 12 <= len(spots) <= 32  # each pillar has two sides
    assert edges(tile) == set()
    deck_m3 = 400 * 8 * THICKNESS_M
    pillars_m3 = feet.sum() / 4 * np.prod(PILLAR_SIDES_M) * (222.5 - THICKNESS_M - GROUND_M + FOOTING_M)
    assert signed_volume(tile) == pytest.approx(deck_m3 + pillars_m3, rel=0.02)


def test_a_long_deck_comes_in_pieces_that_meet(make: Make) -> None:
    _, paths = make(ways([line((-900, 0), (900, 300))], elevations_m=[[230.0, 240.0]]))
    tiles = [read_tile(path) for path in paths]
    volume = sum(signed_volume(tile) for tile in tiles)
    length = float(np.hypot(1800, 300))
    feet = sum(int((elevation(tile) < GROUND_M - 1).sum()) for tile in tiles) / 4
    pillars_m3 = feet * np.prod(PILLAR_SIDES_M) * (235 - THICKNESS_M - GROUND_M + FOOTING_M)
    assert volume == pytest.approx(length * 8 * THICKNESS_M + pillars_m3, rel=0.02)
    assert all(edges(tile) == set() for tile in tiles)


def test_low_decks_and_very_high_ones_have_no_pillars(make: Make) -> None:
    low, high = line((-200, 0), (200, 0)), line((-200, 300), (200, 300))
    _, paths = make(ways([low, high], elevations_m=[[207.0, 207.0], [260.0, 260.0]]))
    assert min(elevation(read_tile(path)).min() for path in paths) > GROUND_M


def test_a_rope_is_thin_and_hangs_free(make: Make) -> None:
    rope = ways([line((-300, 0), (300, 0))], kind="aerialway", width_m=0.5, elevations_m=[[240.0, 260.0]])
    _, paths = make(rope)
    tile = read_tile(paths[0])
    assert signed_volume(tile) == pytest.approx(600 * 0.5 * CABLE_THICKNESS_M, rel=0.1)


def test_a_line_in_two_parts_takes_its_elevations_in_order(make: Make) -> None:
    parts = shapely.MultiLineString([line((-200, 0), (-100, 0)), line((100, 0), (150, 0), (200, 0))])
    _, paths = make(ways([parts], elevations_m=[[207.0, 208.0, 210.0, 211.0, 212.0]]))
    tile = read_tile(paths[0])
    east, found = (tile.geodetic[:, 0] - 106.53) * SCALE[0], elevation(tile)
    assert found[east < 0].max() == pytest.approx(208, abs=0.05)
    assert found[east > 0].max() == pytest.approx(212, abs=0.05)
    assert not ((east > -90) & (east < 90)).any()


@pytest.mark.parametrize("heights", [[220.0], [220.0, 221.0, 222.0], [220.0, float("nan")], []])
def test_elevations_that_do_not_fit_are_set_aside(make: Make, heights: list[float]) -> None:
    good = line((0, 100), (100, 100))
    table = ways([line((0, 0), (100, 0)), good], elevations_m=[heights, [220.0, 220.0]])
    report, paths = make(table)
    assert [(entry.id, entry.reason) for entry in report.set_aside] == [
        ("w0", f"elevations_m: {len(heights)} values for 2 vertices, or one is no number")
    ]
    assert read_tile(paths[0]).table["id"] == ["w1"]


def test_what_lies_and_what_stands_are_two_primitives_of_one_table(make: Make) -> None:
    table = ways(
        [line((0, 0), (200, 0)), line((0, 100), (200, 100)), line((0, 200), (200, 200))],
        elevations_m=[None, [220.0, 220.0], None],
        bridge=[False, True, False],
        tunnel=[False, False, False],
    )
    _, paths = make(table)
    ground, deck = (read_tile(paths[0], number) for number in (0, 1))
    assert (material(ground, 0), material(ground, 1)) == (None, "deck")
    assert ground.table["id"] == ["w0", "w1", "w2"]
    assert ground.features is not None
    assert deck.features is not None
    assert (set(ground.features.tolist()), set(deck.features.tolist())) == ({0, 2}, {1})
    assert ground.document["nodes"][0] == deck.document["nodes"][0]
    assert elevation(deck).max() == pytest.approx(220, abs=0.05)


def test_a_tunnel_is_left_out_whatever_its_elevations_or_its_shape(make: Make) -> None:
    square = shapely.Polygon(line((0, 0), (100, 0), (100, 50), (0, 50)).coords)
    deep = [[150.0, 150.0], None]
    report, paths = make(ways([line((0, 0), (200, 0)), square], tunnel=[True, True], elevations_m=deep))
    assert (report.notes["tunnels"], paths) == (2, [])


@pytest.mark.parametrize("kind", ["roads", "bridges"])
def test_roads_and_bridges_may_be_areas(make: Make, kind: str) -> None:
    square = shapely.Polygon(line((0, 0), (100, 0), (100, 50), (0, 50)).coords)
    if kind == "roads":
        table = ways([square, line((0, 200), (100, 200))], "roads", bridge=[False, False])
    else:
        table = layer_table("bridges", geometry=[square], id=["b0"], kind="bridge", provenance="surveyed")
    report, paths = make(table, kind)
    assert report.set_aside == []
    area = 0.0
    for path in paths:
        tile = read_tile(path)
        assert tile.features is not None
        own = tile.triangles[tile.features[tile.triangles[:, 0]] == 0]
        a, b, c = (tile.geodetic[own[:, k], :2] * SCALE for k in range(3))
        area += float(((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum()) / 2
    assert area == pytest.approx(5000, rel=1e-3)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_tube_is_closed(n: int) -> None:
    triangles = tubes_triangles([n, 2])
    assert len(triangles) == 8 * n - 4 + 12
    pairs = np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    assert {tuple(pair) for pair in pairs.tolist()} == {tuple(pair) for pair in pairs[:, ::-1].tolist()}
    assert triangles.max() == 4 * (n + 2) - 1


def test_a_bridge_with_a_solid_of_its_own_is_drawn_as_it_is(make: Make) -> None:
    """A box in the air beside a bridge of an axis alone; one whose solid is broken falls back to its axis."""
    (west, south), (east, north) = (
        (106.53 + x / SCALE[0], 29.53 + y / SCALE[1]) for x, y in ((0, 0), (40, 8))
    )
    low, high = 240.0, 243.0
    floor = [(west, south, low), (west, north, low), (east, north, low), (east, south, low)]
    roof = [(x, y, high) for x, y, _ in reversed(floor)]
    corners = [(x, y) for x, y, _ in roof]
    walls = [
        [(*a, low), (*b, low), (*b, high), (*a, high)]
        for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
    ]
    box = shapely.multipolygons([shapely.Polygon(ring) for ring in (floor, roof, *walls)])
    table = layer_table(
        "bridges",
        geometry=[line((0, 0), (40, 0)), line((0, 200), (40, 200)), line((0, 300), (40, 300))],
        id=["own", "axis", "broken"], kind="beam", provenance="surveyed", deck_elevation_m=[230.0] * 3,
        width_m=[8.0] * 3,
        lod2_geometry=[shapely.to_wkb(box, output_dimension=3, flavor="iso"), None, b"nonsense"],
    )  # fmt: skip
    report, paths = make(table, "bridges")
    assert (report.features, report.set_aside) == (3, [])
    assert report.notes == {
        "solid drawn in a simpler form: the geometry is no MultiPolygon Z": 1,
        "solids": 1,
    }
    tile = read_tile(paths[0])
    assert tile.features is not None
    own = tile.features == tile.table["id"].index("own")
    height = tile.geodetic[own, 2]
    assert sorted(set(np.round(height, 1).tolist())) == pytest.approx([low, high], abs=0.05)
    assert material(tile) == "deck"
    assert edges(tile) == set()
    assert signed_volume(tile) == pytest.approx(40 * 8 * 3 + 2 * 40 * 8 * 2.5, rel=0.01)
