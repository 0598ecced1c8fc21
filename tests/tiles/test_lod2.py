"""Solids of a source: kept as they are, cut into triangles that look outward; what is bad falls back."""

import itertools
import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from drawn import read_tile
from houses import LAT, LON, Solid, layer, meshes_of
from hypothesis import given
from hypothesis import strategies as st
from solids import box, degrees, gabled, moved, wkb

from shancheng.geo.bounds import Bounds
from shancheng.geo.geoid import undulation_m
from shancheng.geo.quadtree import RootCell
from shancheng.geo.raster import Raster
from shancheng.tiles.buildings import make_buildings
from shancheng.tiles.lod2 import REASONS

# Half a step of the positions along each of three axes.
QUANTUM_M = np.sqrt(3) / 64
HOUSE = gabled(20, 10, 6, 10)


def table_of(*solids: bytes | None, **columns: Any) -> pa.Table:
    shapes = [degrees(HOUSE).bounds] * len(solids)
    return layer(
        [shapely.box(*bounds) for bounds in shapes], lod2_geometry=pa.array(solids, pa.binary()), **columns
    )


def solid_of(faces: Any) -> tuple[Solid, dict[str, int]]:
    meshes, notes = meshes_of(table_of(wkb(faces)))
    assert len(meshes) == 1
    return Solid(meshes), notes


def test_a_house_stays_what_it_is() -> None:
    solid, notes = solid_of(HOUSE)
    assert notes == {}
    assert solid.unmatched() == []
    assert (len(solid.points), len(solid.triangles)) == (10, 16)
    assert solid.volume() == pytest.approx(20 * 10 * 6 + 20 * 10 * 4 / 2, rel=1e-6)


def test_holes_and_courtyards_stay_open() -> None:
    """A ring of walls around a courtyard, and a window in a wall with its reveals."""
    faces = box(20, 20, 8)
    inner = [(5.0, 5.0), (15.0, 5.0), (15.0, 15.0), (5.0, 15.0)]
    low, high = [[(x, y, z) for x, y in inner] for z in (0.0, 8.0)]
    faces[0].append(low)
    faces[1].append(high[::-1])
    faces += [[[low[(i + 1) % 4], low[i], high[i], high[(i + 1) % 4]]] for i in range(4)]
    solid, notes = solid_of(faces)
    assert notes == {}
    assert solid.unmatched() == []
    assert solid.volume() == pytest.approx((400 - 100) * 8, rel=1e-6)


def test_holes_may_run_either_way() -> None:
    window = [(5.0, 0.0, 2.0), (7.0, 0.0, 2.0), (7.0, 0.0, 4.0), (5.0, 0.0, 4.0)]
    areas = []
    for ring in (window, window[::-1]):
        faces = box(20, 10, 8)
        faces[2].append(ring)
        solid, _ = solid_of(faces)
        south = solid.normals()[:, 1] < -0.01
        areas.append(-solid.normals()[south, 1].sum() / 2)
    assert areas == [pytest.approx(20 * 8 - 4, rel=1e-6)] * 2


def test_faces_that_are_not_plane_are_taken_as_they_are() -> None:
    faces = gabled(20, 10, 6, 10)
    bent = [
        [[(x, y, z + (0.8 if (x, y) == (20, 0) and z == 6 else 0)) for x, y, z in ring] for ring in face]
        for face in faces
    ]
    solid, notes = solid_of(bent)
    assert notes == {}
    assert solid.unmatched() == []
    assert np.isclose(solid.height, 6.8).sum() == 1


def test_a_face_that_crosses_itself_leaves_no_hole() -> None:
    """Its triangles have the edges of its outline, whatever lies between them."""
    ring = [(0.0, 0.0, 3.0), (9.0, 0.0, 3.0), (9.0, 9.0, 3.0), (3.0, 9.0, 3.0), (6.0, -2.0, 3.0)]
    solid, notes = solid_of([[ring]])
    assert notes == {}
    assert len(solid.triangles) == 3
    turns = {tuple(np.rint(solid.points[list(edge), :2]).ravel().tolist()) for edge in solid.unmatched()}
    assert turns == {(*p[:2], *q[:2]) for p, q in itertools.pairwise([*ring, ring[0]])}


def test_faces_without_area_are_left_out_and_counted() -> None:
    line = [[(0.0, 0.0, 0.0), (5.0, 0.0, 0.0), (10.0, 0.0, 0.0)]]
    point = [[(1.0, 1.0, 1.0)] * 4]
    solid, notes = solid_of([*HOUSE, line, point])
    assert notes == {"faces of solids without area, left out": 2}
    assert len(solid.triangles) == 16


def test_holes_without_area_are_left_out() -> None:
    faces = box(20, 10, 8)
    faces[1].append([(5.0, 5.0, 8.0), (6.0, 5.0, 8.0), (7.0, 5.0, 8.0)])
    solid, notes = solid_of(faces)
    assert (len(solid.triangles), notes) == (12, {})


@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_both_dialects_of_wkb_and_single_polygons_are_read(flavor: str) -> None:
    house = degrees(HOUSE)
    found = [shapely.to_wkb(one, flavor=flavor, byte_order=1) for one in (house, house.geoms[1])]
    meshes, notes = meshes_of(table_of(*found))
    assert (len(meshes), notes) == (2, {})
    assert np.diff(meshes.triangle_start).tolist() == [16, 2]


def points(count: int) -> bytes:
    """A face of so many corners around a circle."""
    turn = np.linspace(0, 2 * np.pi, count)
    ring = np.column_stack([LON + 1e-4 * np.cos(turn), LAT + 1e-4 * np.sin(turn), np.full(count, 9.0)])
    ring[-1] = ring[0]
    return struct.pack("<BIIBIII", 1, 1006, 1, 1, 1003, 1, count) + ring.tobytes()


def with_value(value: float, axis: int) -> bytes:
    data = bytearray(wkb(HOUSE))
    data[22 + 8 * axis : 30 + 8 * axis] = struct.pack("<d", value)
    return bytes(data)


BAD = {
    "empty": (b"", ""),
    "nonsense": (b"nonsense that is long enough", REASONS[2]),
    "truncated": (wkb(HOUSE)[:-5], REASONS[2]),
    "two dimensions": (shapely.to_wkb(shapely.box(LON, LAT, LON + 1e-4, LAT + 1e-4)), REASONS[2]),
    "big endian": (shapely.to_wkb(degrees(HOUSE), flavor="iso", byte_order=0), REASONS[2]),
    "a line": (shapely.to_wkb(shapely.LineString([(LON, LAT, 0), (LON, LAT, 9)]), flavor="iso"), REASONS[2]),
    "four thousand million rings": (struct.pack("<BIIBII", 1, 1006, 1, 1, 1003, 0xFFFFFFFF), REASONS[2]),
    "four thousand million faces": (struct.pack("<BII", 1, 1006, 0xFFFFFFFF), REASONS[2]),
    "four thousand million points": (struct.pack("<BIIBIII", 1, 1006, 1, 1, 1003, 1, 0xFFFFFFFF), REASONS[2]),
    "no faces": (struct.pack("<BII", 1, 1006, 0), REASONS[7]),
    "empty faces": (struct.pack("<BIIBIIBII", 1, 1006, 2, 1, 1003, 0, 1, 1003, 0), REASONS[7]),
    "not a number": (with_value(float("nan"), 2), REASONS[3]),
    "infinite": (with_value(float("inf"), 0), REASONS[3]),
    "beyond the pole": (with_value(97.0, 1), REASONS[4]),
    "in space": (with_value(1e6, 2), REASONS[4]),
    "a continent": (with_value(LON + 20, 0), REASONS[6]),
    "a mast of four kilometres": (with_value(4_000.0, 2), REASONS[6]),
    "a million corners": (points(1_000_000), REASONS[5]),
    "five thousand corners in a face": (points(5_000), REASONS[5]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_drawn_falls_back_with_its_reason(name: str) -> None:
    bad, reason = BAD[name]
    started = time.perf_counter()
    meshes, notes = meshes_of(table_of(bad, wkb(HOUSE), roof_shape=["gabled", None]))
    assert time.perf_counter() - started < 2
    # The first row has a roof to fall back to, the second its solid.
    assert meshes.rows.tolist() == [0, 1]
    assert len(Solid(meshes, 0).triangles) == 14
    assert notes == ({f"solid drawn in a simpler form: {reason}": 1} if reason else {})


def test_a_face_of_four_thousand_corners_is_drawn() -> None:
    meshes, notes = meshes_of(table_of(points(4_000)))
    assert (len(meshes.triangles), notes) == (3_997, {})


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_no_bytes_do_harm(noise: bytes, at: int, value: int) -> None:
    good = bytearray(wkb(HOUSE))
    good[at % len(good)] = value
    header = struct.pack("<BII", 1, 1006, 2)
    meshes, _ = meshes_of(table_of(noise, bytes(good), header + noise))
    assert np.isfinite(meshes.lonlat_deg).all()
    assert np.isfinite(meshes.heights_m).all()


ROOT = RootCell(LON - 0.03, LAT - 0.03, 0.0625)
FLAT = Raster(np.zeros((2, 2), np.float32), LON - 1, LAT + 1, 2.0, 2.0)


def drawn_points(folder: Path) -> Any:
    tiles = [read_tile(path) for path in sorted(folder.glob("*/*/*.glb"))]
    return np.concatenate([tile.geodetic for tile in tiles])


def apart_m(ours: Any, theirs: Any) -> Any:
    """How far each of our points is from the nearest of theirs."""
    scale = [111_320 * np.cos(np.radians(ours[0, 1])), 110_950, 1]
    a, b = ((one - ours[0]) * scale for one in (ours, theirs))
    return np.array([np.linalg.norm(b - point, axis=1).min() for point in a])


def test_corners_land_where_they_are(tmp_path: Path) -> None:
    """All over a tile, in the air, and under the ground: what the viewer draws is what the layer says."""
    rng = np.random.default_rng(1)
    ground = float(undulation_m(LON, LAT))
    faces = [
        moved(
            gabled(*rng.uniform(4, 40, 2), 6, 10), *rng.uniform(-1500, 1500, 2), ground + rng.uniform(-9, 300)
        )
        for _ in range(30)
    ]
    solids = [degrees(one) for one in faces]
    table = layer(
        [shapely.box(*one.bounds) for one in solids],
        lod2_geometry=pa.array([wkb(one) for one in faces], pa.binary()),
    )
    report = make_buildings(table, FLAT, ROOT, tmp_path)
    assert (report.features, report.notes["solids"], report.set_aside) == (30, 30, [])
    theirs = np.unique(shapely.get_coordinates(solids, include_z=True), axis=0)
    ours = drawn_points(tmp_path)
    assert len(ours) == 300
    assert apart_m(theirs, ours).max() < QUANTUM_M + 2e-3
    assert apart_m(ours, theirs).max() < QUANTUM_M + 2e-3


def test_tiles_hold_their_solids(tmp_path: Path) -> None:
    """A solid may reach far beyond its footprint: the tile and its heights are those of the solid."""
    ground = float(undulation_m(LON, LAT))
    faces = moved(box(900, 5, 40), -300, 0, ground + 200)
    table = layer(
        [shapely.box(LON, LAT, LON + 1e-4, LAT + 1e-4)], lod2_geometry=pa.array([wkb(faces)], pa.binary())
    )
    report = make_buildings(table, FLAT, ROOT, tmp_path)
    assert report.tiles == 1
    region = json.loads((tmp_path / "tileset.json").read_bytes())["root"]["boundingVolume"]["region"]
    assert region[4:] == pytest.approx([ground + 200, ground + 240], abs=0.01)
    (path,) = tmp_path.glob("*/*/*.glb")
    level, x, y = (int(part) for part in (path.parts[-3], path.parts[-2], path.stem))
    bounds = ROOT.cell_bounds(level, x, y)
    lon, lat, _ = drawn_points(tmp_path).T
    assert (bounds.west_deg <= lon.min(), bounds.south_deg <= lat.min()) == (True, True)
    assert (lon.max() <= bounds.east_deg, lat.max() <= bounds.north_deg) == (True, True)


def test_a_solid_outside_the_root_cell_is_set_aside(tmp_path: Path) -> None:
    far = moved(HOUSE, 9_000, 0, 0)
    table = layer(
        [shapely.box(LON, LAT, LON + 1e-4, LAT + 1e-4)], lod2_geometry=pa.array([wkb(far)], pa.binary())
    )
    report = make_buildings(table, FLAT, ROOT, tmp_path)
    assert [entry.reason for entry in report.set_aside] == ["outside the city's root cell"]


@pytest.mark.shared_data
def test_real_solids_keep_every_corner(shared_data: Path, tmp_path: Path) -> None:
    """49 buildings of Zürich, LoD2, read here without our own reader."""
    city = json.loads((shared_data / "cityjson" / "zurich_subset_lod2.json").read_text())
    vertices = np.array(city["vertices"]) * city["transform"]["scale"] + city["transform"]["translate"]
    to_degrees = pyproj.Transformer.from_crs(2056, 4326, always_xy=True)
    lon, lat = to_degrees.transform(vertices[:, 0], vertices[:, 1])
    points = np.column_stack([lon, lat, vertices[:, 2]])
    solids = [
        shapely.MultiPolygon(
            [
                shapely.Polygon(points[face[0]], [points[hole] for hole in face[1:]])
                for face in geometry["boundaries"]
            ]
        )
        for part in city["CityObjects"].values()
        for geometry in part.get("geometry", [])
    ]
    table = layer(
        [shapely.box(*one.bounds) for one in solids],
        lod2_geometry=pa.array(list(shapely.to_wkb(solids, flavor="iso", byte_order=1)), pa.binary()),
    )
    root = RootCell.enclosing(Bounds(*shapely.total_bounds(solids)))
    report = make_buildings(table, Raster(np.zeros((2, 2), np.float32), 8, 48, 2.0, 2.0), root, tmp_path)
    assert report.set_aside == []
    assert report.notes["solids"] == len(solids) > 100
    theirs = np.unique(shapely.get_coordinates(solids, include_z=True), axis=0)
    assert apart_m(theirs[::7], drawn_points(tmp_path)).max() < QUANTUM_M + 2e-3
