"""What CityJSON and CityGML share: hulls, outlines, places, pictures, reliefs."""

import hashlib
import io
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shancheng.city.manifest import LayerSource
from shancheng.city.sources.solids import (
    GROUND,
    ROOF,
    WALL,
    Plane,
    Surfaces,
    cleaned,
    measured,
    outward,
    vector_areas,
)
from shancheng.city.sources.solids_batch import best_lod, handedness
from shancheng.city.sources.solids_crs import NamedSystem, Placement, named_system
from shancheng.city.sources.solids_footprints import footprints
from shancheng.city.sources.solids_kinds import building_kind, green_kind, levels_of, road_kind, roof_shape
from shancheng.city.sources.solids_outlines import mesh_outlines
from shancheng.city.sources.solids_relief import elevation_of_triangles
from shancheng.city.sources.solids_textures import Pictures
from shancheng.city.sources.solids_wkb import textured_uv, wkb_multipolygons
from shancheng.errors import SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.geo.geoid import undulation_m

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))
from models import FACES, houses

PLANE = Plane(4.36, 52.01)
CODES = {"GroundSurface": GROUND, "WallSurface": WALL, "RoofSurface": ROOF}
SOURCE = LayerSource("a relief", "CC0-1.0", "nobody", "surveyed")
Polygons = list[list[list[tuple[float, float, float]]]]


def surfaces(*objects: Polygons, semantics: list[int] | None = None, **others: Any) -> Surfaces:
    """Objects of polygons of rings of points."""
    polygons = [polygon for one in objects for polygon in one]
    rings = [ring for polygon in polygons for ring in polygon]
    xyz = np.array([point for ring in rings for point in ring], dtype=np.float64).reshape(-1, 3)
    return Surfaces.from_counts(
        xyz,
        [len(ring) for ring in rings],
        [len(polygon) for polygon in polygons],
        [len(one) for one in objects],
        semantics or [0] * len(polygons),
        **others,
    )


def house(number: int = 0, *, inside_out: bool = False) -> Polygons:
    corners = houses(number + 1)[number]
    step = -1 if inside_out else 1
    return [[[tuple(corners[corner]) for corner in face[::step]]] for _, face in FACES]


def square(x: float, y: float, side: float, z: float = 0.0) -> list[tuple[float, float, float]]:
    return [(x, y, z), (x + side, y, z), (x + side, y + side, z), (x, y + side, z)]


def outlines(found: Surfaces) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return footprints(found, vector_areas(found), [GROUND])


# Hulls


def test_repeated_corners_go_and_faces_without_area_are_counted() -> None:
    closed = [*square(0, 0, 2), (0, 0, 0)]
    stutter = [(0, 0, 1), (0, 0, 1), (1, 0, 1), (1, 1, 1), (1, 1, 1)]
    line = [(0, 0, 0), (1, 0, 0), (2, 0, 0)]
    nowhere = [(0, 0, float("nan")), (1, 0, 0), (1, 1, 0)]
    holed = [square(0, 0, 9), [(1, 1, 0), (2, 2, 0), (3, 3, 0)]]
    found, lost = cleaned(surfaces([[closed], [stutter], [line]], [[nowhere]], [holed]))
    assert np.diff(found.ring_start).tolist() == [4, 3, 4]
    assert np.diff(found.object_start).tolist() == [2, 0, 1]
    assert lost.tolist() == [1, 1, 0]


def test_areas_are_those_of_the_faces_less_their_holes_whichever_way_those_run() -> None:
    hole = square(1, 1, 2, 5)
    found = surfaces([[square(0, 0, 10, 5), hole], [square(0, 0, 10, 5), hole[::-1]]])
    np.testing.assert_allclose(vector_areas(found), [[0, 0, 96], [0, 0, 96]])


def test_far_from_the_origin_no_digit_that_counts_is_lost() -> None:
    found = surfaces([[square(4_500_000.0, 5_400_000.0, 0.5)]])
    np.testing.assert_allclose(vector_areas(found), [[0, 0, 0.25]], rtol=1e-9)


def test_a_hull_that_is_inside_out_is_turned_and_no_other() -> None:
    found = surfaces(house(), house(1, inside_out=True), house(2)[1:])
    turned, areas, which = outward(found, np.array([True, True, False]), vector_areas(found))
    assert which.tolist() == [False, True, False]
    good = surfaces(house(), house(1), house(2)[1:])
    np.testing.assert_allclose(areas, vector_areas(good), atol=1e-6)
    np.testing.assert_allclose(vector_areas(turned), vector_areas(good), atol=1e-6)


def test_closed_surfaces_are_turned_though_nobody_calls_them_a_solid() -> None:
    found = surfaces(house(inside_out=True))
    assert outward(found, np.array([False]), vector_areas(found))[2].tolist() == [True]


def test_turning_takes_the_places_in_pictures_along() -> None:
    uv = np.arange(2 * 30 + 2 * 14, dtype=np.float32).reshape(-1, 2)[: sum(len(face) for _, face in FACES)]
    found = surfaces(house(inside_out=True), texture=[0] * len(FACES), uv=uv)
    turned = outward(found, np.array([True]), vector_areas(found))[0]
    assert turned.uv is not None
    by_corner = {tuple(xyz): tuple(place) for xyz, place in zip(found.xyz[:4], uv[:4], strict=True)}
    for xyz, place in zip(turned.xyz[:4], turned.uv[:4], strict=True):
        assert by_corner[tuple(xyz)] == tuple(place)


def test_heights_are_from_the_lowest_ground_to_the_highest_roof() -> None:
    antenna = [[(1, 1, 9), (1.1, 1, 9), (1, 1, 30)]]
    found = surfaces([[square(0, 0, 9, 3)[::-1]], [square(0, 0, 9, 9)], antenna], semantics=[GROUND, ROOF, 0])
    extents = measured(found)
    assert (extents.bottom_m.tolist(), extents.top_m.tolist()) == ([3], [9])
    plain = measured(surfaces([[square(0, 0, 9, 3)], antenna], []))
    assert (plain.bottom_m[0], plain.top_m[0]) == (3, 30)
    assert np.isnan([plain.bottom_m[1], plain.top_m[1]]).all()


def test_wkb_is_a_multipolygon_above_the_ellipsoid_that_shapely_reads_back() -> None:
    xy = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
    floor = [(x, y, 2.0) for x, y in xy][::-1]
    found = surfaces([[floor, square(1, 1, 2, 2.0)], [square(0, 0, 10, 8)]], [])
    wkb = wkb_multipolygons(found, PLANE)
    assert wkb[1] is None
    assert wkb[0][:5] == bytes.fromhex("01ee030000")
    shape = shapely.from_wkb(wkb[0])
    assert shapely.get_num_interior_rings(shapely.get_parts(shape)).tolist() == [1, 0]
    xyz = shapely.get_coordinates(shape, include_z=True)
    above = undulation_m(xyz[:, 0], xyz[:, 1])
    assert sorted(set(np.round(xyz[:, 2] - above, 6))) == [2.0, 8.0]
    np.testing.assert_allclose(PLANE.from_lonlat(xyz[:4, 0], xyz[:4, 1]), np.array(xy)[::-1], atol=1e-6)


def test_places_in_pictures_are_given_for_pictured_faces_with_their_closing_corner() -> None:
    uv = np.arange(24, dtype=np.float32).reshape(-1, 2)
    found = surfaces(
        [[square(0, 0, 1)], [square(0, 0, 1, 3)]], [[square(5, 5, 1)]], texture=[-1, 4, 0], uv=uv
    )
    places, start = textured_uv(found)
    assert start.tolist() == [0, 5, 10]
    np.testing.assert_array_equal(places, uv[[4, 5, 6, 7, 4, 8, 9, 10, 11, 8]])


def test_a_plane_measures_metres() -> None:
    geod = __import__("pyproj").Geod(ellps="WGS84")
    lon, lat = PLANE.to_lonlat(np.array([[0.0, 0.0], [300.0, 400.0]])).T
    assert geod.inv(lon[0], lat[0], lon[1], lat[1])[2] == pytest.approx(500, rel=1e-4)


# Axes


def test_faces_tell_which_axis_is_x() -> None:
    solid = np.array([True, True])
    plain = surfaces(house(), house(1))
    semantics = [CODES[kind] for kind, _ in FACES] * 2
    for found in (plain, surfaces(house(), house(1), semantics=semantics)):
        assert handedness(found, solid) == 1
        swapped = Surfaces(found.xyz[:, [1, 0, 2]], *(getattr(found, name) for name in FIELDS))
        assert handedness(swapped, solid) == -1
    assert handedness(plain, ~solid) == 0
    assert handedness(surfaces([], []), solid) == 0
    assert handedness(surfaces(house(), house(1, inside_out=True)), solid) == 0


FIELDS = ("ring_start", "polygon_start", "object_start", "semantics", "texture")


@pytest.mark.parametrize(
    ("lods", "best"),
    [
        (["1", "2"], "2"),
        (["1.2", "2.2", "1.3"], "2.2"),
        (["0", "3"], "0"),
        (["4", "3", "3.3"], "3"),
        (["None", "12", "two"], None),
        ([], None),
    ],
)
def test_the_highest_level_below_three_is_taken_else_the_lowest(lods: list[str], best: str | None) -> None:
    assert best_lod(lods) == best


# Footprints


def test_a_footprint_is_the_union_of_the_ground_surfaces() -> None:
    grounds = [[square(0, 0, 4)[::-1]], [square(4, 0, 4)[::-1]]]
    roof = [square(-1, -1, 12, 6)]
    found = surfaces([*grounds, roof], semantics=[GROUND, GROUND, ROOF])
    shape = outlines(found)[0][0]
    assert shape.equals(shapely.box(0, 0, 8, 4))
    overlapping = [[square(0, 0, 4)[::-1]], [square(3, 0, 4)[::-1]]]
    assert outlines(surfaces(overlapping, semantics=[GROUND, GROUND]))[0][0].area == pytest.approx(28)


def test_without_ground_surfaces_the_faces_below_or_all_that_lie_count() -> None:
    whole = surfaces(house())
    base = shapely.Polygon([point[:2] for point in house()[0][0]])
    assert shapely.symmetric_difference(outlines(whole)[0][0], base).area < 0.01
    roofs_only = surfaces(house()[1:])
    assert shapely.symmetric_difference(outlines(roofs_only)[0][0], base).area < 0.01


def test_what_does_not_lie_has_no_footprint_and_says_so() -> None:
    wall = [(0, 0, 0), (5, 0, 0), (5, 0, 5), (0, 0, 5)]
    tiny = square(0, 0, 0.05)
    shapes, reasons = outlines(surfaces([[wall]], [[tiny]], []))
    assert shapes.tolist() == [None, None, None]
    assert "lies flat" in reasons[0]
    assert "smaller than 0.01" in reasons[1]


def test_a_face_that_crosses_itself_gives_both_its_halves() -> None:
    bow_tie = [(0, 0, 0), (4, 4, 0), (4, 0, 0), (0, 5, 0)]
    shape = outlines(surfaces([[bow_tie]]))[0][0]
    assert shape.is_valid
    assert shape.area == pytest.approx(shapely.make_valid(shapely.Polygon([p[:2] for p in bow_tie])).area)


def test_slivers_between_faces_go() -> None:
    seam = [[square(0, 0, 4)], [[(4.0004, 0, 0), (8, 0, 0), (8, 4, 0), (4.0004, 4, 0)]]]
    spike = [[square(0, 0, 4)], [square(20, 20, 0.05)]]
    shapes, _ = outlines(surfaces(seam, spike))
    assert shapes[0].area == pytest.approx(32, abs=0.01)
    assert shapes[1].geom_type == "Polygon"


def test_a_courtyard_stays_a_hole_and_two_wings_stay_two() -> None:
    court = [square(0, 0, 10), square(3, 3, 4)]
    shapes, _ = outlines(surfaces([court], [[square(0, 0, 4)], [square(9, 0, 4)]]))
    assert len(shapes[0].interiors) == 1
    assert shapes[1].geom_type == "MultiPolygon"


def test_a_tangle_of_a_million_edges_is_given_up_quickly() -> None:
    rng = np.random.default_rng(3)
    # Every edge crosses a third of all others: joining them would take 10^11 points.
    star = [(float(x), float(y), 0.0) for x, y in rng.uniform(0, 1000, (300_000, 2))]
    comb = [(float(x % 2) * 900, x / 100, 0.0) for x in range(4000)] + [(-5.0, 40.0, 0.0)]
    turned = [(y, x, 0.0) for x, y, _ in comb][::-1]
    start = time.perf_counter()
    shapes, reasons = outlines(surfaces([[star]], [[comb], [turned]]))
    assert time.perf_counter() - start < 30
    assert shapes.tolist() == [None, None]
    assert all("too often" in reason for reason in reasons)


def test_a_million_corners_that_do_not_cross_are_one_footprint() -> None:
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    ring = np.column_stack([1000 * np.cos(angle), 1000 * np.sin(angle), np.zeros_like(angle)])
    found = Surfaces.from_counts(ring, [len(ring)], [1], [1], [0])
    assert outlines(found)[0][0].area == pytest.approx(np.pi * 1e6, rel=1e-4)


# Meshes


def grid_mesh(side: int) -> npt.NDArray[np.float64]:
    """Triangles of squares of one metre, shape (2 * side * side, 3, 2)."""
    cells = [(x, y) for x in range(side) for y in range(side)]
    lower = [[(x, y), (x + 1, y), (x + 1, y + 1)] for x, y in cells]
    upper = [[(x, y), (x + 1, y + 1), (x, y + 1)] for x, y in cells]
    return np.array(lower + upper, dtype=np.float64)


def outline_of(triangles: npt.NDArray[np.float64]) -> Any:
    n = len(triangles)
    return mesh_outlines(
        triangles.reshape(-1, 2), np.arange(0, 3 * n + 1, 3), np.zeros(n, np.bool_), np.zeros(n, np.int64), 1
    )[0]


def test_edges_inside_a_mesh_cancel() -> None:
    mesh = grid_mesh(6)
    assert outline_of(mesh).equals(shapely.box(0, 0, 6, 6))
    flipped = mesh.copy()
    flipped[::2] = flipped[::2, ::-1]
    assert outline_of(flipped).equals(shapely.box(0, 0, 6, 6))
    inner = (mesh.mean(axis=1) - 3).__abs__().max(axis=1) > 1
    ring = outline_of(mesh[inner])
    assert ring.equals(shapely.box(0, 0, 6, 6) - shapely.box(2, 2, 4, 4))


def test_faces_that_overlap_are_left_to_the_union() -> None:
    mesh = grid_mesh(3)
    assert outline_of(np.concatenate([mesh, mesh[:1]])) is None
    assert outline_of(np.concatenate([mesh, mesh[:3] + 0.25])) is None


@settings(max_examples=150)
@given(side=st.integers(1, 7), seed=st.integers(0, 2**31), share=st.floats(0, 1))
def test_whatever_is_left_of_a_mesh_its_outline_is_its_union(side: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    mesh = grid_mesh(side)
    mesh = mesh[rng.random(len(mesh)) < share]
    if len(mesh):
        found = outline_of(rng.permutation(mesh))
        union = shapely.union_all(shapely.polygons(mesh))
        assert found is None or (found.is_valid and found.symmetric_difference(union).area < 1e-9)
        shape, _ = footprints(
            Surfaces.from_counts(
                np.insert(mesh.reshape(-1, 2), 2, 0.0, axis=1), [3] * len(mesh), [1] * len(mesh), [len(mesh)],
                [0] * len(mesh),
            ),
            np.tile([0.0, 0.0, 0.5], (len(mesh), 1)),
            [],
        )  # fmt: skip
        assert shape[0].symmetric_difference(union).area < 1e-6


def test_outlines_that_touch_in_corners_are_found_without_a_union() -> None:
    mesh = grid_mesh(4)
    cell = np.floor(mesh.mean(axis=1)).astype(int)
    chess = mesh[(cell.sum(axis=1) % 2) == 0]
    found = outline_of(chess)
    assert found is not None
    assert found.area == pytest.approx(8)


# Places


DEF = "http://www.opengis.net/def/"


@pytest.mark.parametrize(
    ("text", "crs", "authority_order"),
    [
        ("https://www.opengis.net/def/crs/EPSG/0/7415", "EPSG:7415", True),
        ("http://www.opengis.net/def/crs/EPSG/0/6697", "EPSG:6697", True),
        ("http://www.opengis.net/def/crs/EPSG/6.12/3068", "EPSG:3068", True),
        ("urn:ogc:def:crs:EPSG::25833", "EPSG:25833", True),
        ("urn:ogc:def:crs:EPSG:6.12:3068", "EPSG:3068", True),
        ("urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783", "EPSG:3068+5783", True),
        (
            f"{DEF}crs-compound?1={DEF}crs/EPSG/0/25833&2={DEF}crs/EPSG/0/5783",
            "EPSG:25833+5783",
            True,
        ),
        ("http://www.opengis.net/gml/srs/epsg.xml#4326", "EPSG:4326", False),
        ("EPSG:2056", "EPSG:2056", False),
        ("epsg:25833+5783", "EPSG:25833+5783", False),
        ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", "EPSG:25832+7837", False),
        ("http://www.opengis.net/def/crs/OGC/1.3/CRS84h", "OGC:CRS84h", True),
    ],
)
def test_names_of_systems(text: str, crs: str, authority_order: bool) -> None:  # noqa: FBT001 - a table
    assert named_system(text) == NamedSystem(crs, authority_order)


@pytest.mark.parametrize(
    "text", ["", "unknown", "/etc/passwd", "+proj=longlat +nadgrids=/etc/passwd", "EPSG:", "urn:adv:crs:MOON"]
)
def test_other_names_are_not_handed_to_the_library(text: str) -> None:
    assert named_system(text) is None


def placed(system: str, xyz: list[list[float]], hand: int = 0, *, x_first: bool = False) -> Any:
    named = named_system(system)
    assert named is not None
    placement = Placement("city.gml", named, x_first)
    return placement, placement.geodetic(np.array(xyz, dtype=np.float64).reshape(-1, 3), lambda: hand)


def test_latitude_comes_first_where_the_authority_says_so() -> None:
    _, geodetic = placed("http://www.opengis.net/def/crs/EPSG/0/6697", [[35.26, 139.74, 10.5]])
    np.testing.assert_allclose(geodetic, [[139.74, 35.26, 10.5]], atol=1e-6)
    _, geodetic = placed("http://www.opengis.net/def/crs/EPSG/0/6697", [[139.74, 35.26, 10.5]], x_first=True)
    np.testing.assert_allclose(geodetic, [[139.74, 35.26, 10.5]], atol=1e-6)


def test_axes_the_other_way_round_are_seen_by_where_they_lead() -> None:
    placement, geodetic = placed("EPSG:4326", [[200.0, 35.26, 1.0], [139.74, 35.26, 0.0]])
    assert np.isfinite(geodetic[1]).all()
    placement, geodetic = placed("urn:ogc:def:crs:EPSG::31468", [[4_468_000.0, 5_333_000.0, 520.0]])
    assert geodetic[0, :2] == pytest.approx([11.57, 48.13], abs=0.02)
    assert any("against the order" in remark for remark in placement.remarks)


def test_axes_are_swapped_where_only_so_the_faces_look_outward() -> None:
    near = [[100.0, 0.0, 0.0], [0.0, 50.0, 0.0]]
    _, by_name = placed("urn:ogc:def:crs:EPSG::3068", near, hand=-1)
    placement, by_faces = placed("urn:ogc:def:crs:EPSG::3068", near, hand=1)
    assert by_name[0, 1] > by_faces[0, 1]
    assert any("faces outward" in remark for remark in placement.remarks)


def test_swapped_axes_in_cityjson_are_an_error() -> None:
    with pytest.raises(SourceFileError, match=r"city\.gml: coordinates in EPSG:2056 have their axes swapped"):
        placed("EPSG:2056", [[1_246_000.0, 2_684_000.0, 400.0]], x_first=True)


def test_a_wrong_system_is_an_error_that_says_where_the_coordinates_lead() -> None:
    with pytest.raises(UnknownCRSError, match=r"city\.gml: crs=EPSG:2056 .* 5\.96 to 10\.49 E.* --crs"):
        placed("EPSG:2056", [[85_000.0, 447_000.0, 1.0]], x_first=True)
    with pytest.raises(UnknownCRSError, match=r"city\.gml: crs='EPSG:999999'"):
        placed("EPSG:999999", [[85_000.0, 447_000.0, 1.0]])


def test_heights_become_metres_above_the_geoid() -> None:
    placement, geodetic = placed("http://www.opengis.net/def/crs/EPSG/0/4979", [[35.26, 139.74, 50.0]])
    assert geodetic[0, 2] == pytest.approx(50 - float(undulation_m(139.74, 35.26)), abs=1e-6)
    placement, geodetic = placed("EPSG:2276+6360", [[2_490_000.0, 6_970_000.0, 328.0833333]])
    assert geodetic[0, 2] == pytest.approx(100, abs=0.01)
    assert any("NAVD88" in remark for remark in placement.remarks)
    placement, _ = placed("EPSG:28992", [[85_000.0, 447_000.0, 1.0]])
    assert any("says nothing of heights" in remark for remark in placement.remarks)


def test_nothing_to_place_settles_nothing() -> None:
    placement, geodetic = placed("EPSG:28992", [])
    assert geodetic.shape == (0, 3)
    assert placement.geodetic(np.array([[85_000.0, 447_000.0, 1.0]]), lambda: 0)[0, 0] == pytest.approx(
        4.36, abs=0.1
    )


# Kinds


def test_codes_and_words_become_kinds() -> None:
    assert building_kind({"class": "1080"}) == "church"
    assert building_kind({"function": "1120"}) == "office"
    assert building_kind({"function": ["31001_2020"]}) == "commercial"
    assert building_kind({"usage": "412"}) == "apartments"
    assert building_kind({"class": 7, "usage": {"odd": 1}}) == "yes"
    assert roof_shape({"roofType": "3100"}) == "gabled"
    assert roof_shape({"dak_type": "slanted"}) is None
    assert road_kind("Road", {"function": "voetpad op trap"}) == "steps"
    assert road_kind("Track", {}) == "track"
    assert green_kind("LandUse", {"class": "erf"}) is None
    assert green_kind("LandUse", {"function": "1110"}) == "park"
    assert green_kind("PlantCover", {}) == "greenery"


@pytest.mark.parametrize(
    ("value", "levels"), [(3, 3), ("12", 12), (0, None), (-2, None), ("x", None), (1e300, None)]
)
def test_storeys_are_counted_within_reason(value: object, levels: int | None) -> None:
    assert levels_of({"storeysAboveGround": value}) == levels


# Pictures


def picture(form: str = "PNG", size: tuple[int, int] = (4, 4)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(content, form)
    return content.getvalue()


def test_pictures_are_read_once_and_named_by_their_hash(tmp_path: Path) -> None:
    (tmp_path / "looks").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "looks" / name).write_bytes(picture())
    (tmp_path / "c.jpeg").write_bytes(picture("JPEG"))
    pictures = Pictures(tmp_path)
    numbers = [pictures.number(uri) for uri in ("looks/a.png", "looks\\b.png", "c.jpeg", "looks/a.png")]
    assert numbers == [0, 1, 2, 0]
    name = f"{hashlib.sha256(picture()).hexdigest()}.png"
    assert [pictures.name(number) for number in numbers[:2]] == [name, name]
    assert (pictures.name(2) or "").endswith(".jpg")
    assert pictures.files[f"layers/textures/{name}"] == picture()
    assert len(pictures.files) == 2


def test_a_tiff_becomes_a_png(tmp_path: Path) -> None:
    (tmp_path / "roof.tif").write_bytes(picture("TIFF"))
    pictures = Pictures(tmp_path)
    name = pictures.name(pictures.number("roof.tif"))
    assert name is not None
    assert name.endswith(".png")
    assert Image.open(io.BytesIO(pictures.files[f"layers/textures/{name}"])).size == (4, 4)


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    inside = tmp_path / "model"
    inside.mkdir()
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    (inside / "ring.png").symlink_to(inside / "ring.png")
    pictures = Pictures(inside)
    uris = (
        "../secret.png",
        str(tmp_path / "secret.png"),
        "link.png",
        "a/../../secret.png",
        "ring.png",
        "x\0y",
    )
    others = ("http://host/a.png", "file:///etc/passwd", "", ".", "missing.png")
    assert [pictures.name(pictures.number(uri)) for uri in (*uris, *others)] == [None] * 11
    assert not pictures.files
    assert pictures.problems["outside the file's folder"] == 4
    assert pictures.problems["an address elsewhere, which is not fetched"] == 2


@pytest.mark.parametrize("content", [b"", b"no picture", picture()[:40], picture(size=(17_000, 1))])
def test_what_is_no_picture_or_too_large_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    pictures = Pictures(tmp_path)
    assert pictures.name(pictures.number("a.png")) is None
    assert sum(pictures.problems.values()) == 1


# Reliefs


def slope(lon: Any, lat: Any) -> Any:
    return 100 + (lon - 4.36) * 5000 + (lat - 52.01) * 2000


def relief(side: int = 30, step: float = 1e-4) -> npt.NDArray[np.float64]:
    """A slope of triangles, shape (2 * side * side, 3, 3)."""
    lonlat = grid_mesh(side) * step + [4.36, 52.01]
    return np.concatenate([lonlat, slope(lonlat[..., :1], lonlat[..., 1:])], axis=2)


INSIDE = Bounds(4.3605, 52.0105, 4.3625, 52.0125)


def test_a_relief_becomes_a_raster_that_lies_on_its_triangles() -> None:
    data, why = elevation_of_triangles(relief(), INSIDE, SOURCE)
    assert data is not None, why
    lon, lat = np.meshgrid(np.linspace(4.3605, 4.3625, 40), np.linspace(52.0105, 52.0125, 40))
    np.testing.assert_allclose(data.raster.sample(lon, lat), slope(lon, lat), atol=0.02)
    assert (data.source.provenance, data.source.voids_filled, data.filled) == ("surveyed", 0, None)
    assert data.raster.covers(INSIDE)


def test_gaps_are_filled_counted_and_marked() -> None:
    triangles = relief()
    middle = triangles[..., :2].mean(axis=1)
    gap = np.abs(middle - [4.3615, 52.0115]).max(axis=1) < 4e-4
    data, _ = elevation_of_triangles(triangles[~gap], INSIDE, SOURCE)
    assert data is not None
    assert data.filled is not None
    assert data.source.voids_filled == int(data.filled.sum()) > 20
    assert float(data.raster.sample(4.3615, 52.0115)) == pytest.approx(slope(4.3615, 52.0115), abs=1.5)
    assert "filled from their surroundings" in data.source.notes


@pytest.mark.parametrize(
    ("extent", "why"),
    [
        (Bounds(5.36, 52.01, 5.37, 52.02), "lies apart"),
        (Bounds(4.3605, 52.0105, 4.38, 52.03), "covers only"),
    ],
)
def test_a_relief_elsewhere_is_no_ground(extent: Bounds, why: str) -> None:
    data, reason = elevation_of_triangles(relief(), extent, SOURCE)
    assert data is None
    assert why in reason


def test_triangles_that_pile_up_or_are_no_numbers_are_no_ground() -> None:
    large = np.array([[[4.36, 52.01, 5], [4.37, 52.01, 5], [4.365, 52.02, 5]]])
    small = relief(40, 1e-5) + np.array([0.001, 0.001, 0])
    start = time.perf_counter()
    data, reason = elevation_of_triangles(
        np.concatenate([np.repeat(large, 3000, 0), *[small] * 2]), INSIDE, SOURCE
    )
    assert data is None
    assert "cover one another" in reason
    assert time.perf_counter() - start < 20
    broken = relief()
    broken[..., 2] = np.nan
    assert elevation_of_triangles(broken, INSIDE, SOURCE)[0] is None
    broken[..., 2] = 1e7
    assert elevation_of_triangles(broken, INSIDE, SOURCE)[0] is None


def test_two_large_triangles_fill_a_large_grid_in_bounded_memory() -> None:
    west, south, side = 4.0, 52.0, 0.2
    corners = np.array(
        [[west, south, 1], [west + side, south, 2], [west + side, south + side, 3], [west, south + side, 2]]
    )
    small = relief(60, 1e-5)
    triangles = np.concatenate([corners[[0, 1, 2]][None], corners[[0, 2, 3]][None], small])
    data, _ = elevation_of_triangles(triangles, Bounds(west, south, west + side, south + side), SOURCE)
    assert data is not None
    assert data.raster.values.size <= 9_100_000
    assert float(data.raster.sample(west + side / 2, south + side / 2)) == pytest.approx(2.0, abs=0.02)
