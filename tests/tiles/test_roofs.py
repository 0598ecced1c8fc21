"""Pitched roofs: closed, outward, as high as the layer says, the way they should look."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from houses import BOTTOM, TOP, Solid, degrees, layer, meshes_of
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely import affinity

from shancheng.tiles.roofs import SHAPES

PITCHED = ["skillion", "gabled", "gambrel", "round", "hipped", "pyramidal", "dome"]
NEAR = 1e-6
L_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 8), (8, 8), (8, 18), (0, 18)])
U_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 15), (14, 15), (14, 6), (6, 6), (6, 15), (0, 15)])
OCTAGON = shapely.Point(0, 0).buffer(7, quad_segs=2)
ARROW = shapely.Polygon([(0, 0), (20, 5), (0, 10), (5, 5)])

OUTLINES = {
    "rectangle": shapely.box(0, 0, 20, 10),
    "l": L_SHAPE,
    "u": U_SHAPE,
    "octagon": OCTAGON,
    "arrow": ARROW,
}


def house(
    polygon: shapely.Polygon, shape: str | None = "gabled", **columns: Any
) -> tuple[Solid, dict[str, int]]:
    given = {"roof_shape": shape, "roof_height_m": 4.0, **columns}
    meshes, notes = meshes_of(layer([degrees(polygon)], **given))
    return Solid(meshes), notes


def corners(solid: Solid, height: float) -> int:
    return int(np.sum(np.abs(solid.height - height) < NEAR))


def check(solid: Solid, polygon: shapely.Polygon, eaves: float, *, base: float = BOTTOM) -> None:
    """A building from base over the eaves to the top is closed and fills what it should."""
    assert solid.height.max() == pytest.approx(TOP, abs=NEAR)
    assert solid.height.min() == pytest.approx(base, abs=NEAR)
    assert corners(solid, eaves) > 0
    opened = solid.unmatched()
    if base > BOTTOM:
        assert opened == []
    else:
        assert all(solid.height[list(edge)].max() < base + NEAR for edge in opened)
        assert len(opened) >= 3
    # Slivers of the floor may look up by a hair.
    roof = (solid.normals()[:, 2] > NEAR) & (solid.height[solid.triangles].max(axis=1) > base + NEAR)
    assert solid.points[solid.triangles[roof]][:, :, 2].min() >= eaves - NEAR
    assert solid.normals()[roof, 2].sum() / 2 == pytest.approx(polygon.area, rel=1e-3, abs=0.05)
    volume = solid.volume()
    assert (eaves - base) * polygon.area * 0.999 - 0.05 < volume
    assert volume < (TOP - base) * polygon.area * 1.001 + 0.05


@pytest.mark.parametrize("shape", PITCHED)
@pytest.mark.parametrize("base", [0.0, 3.0])
@pytest.mark.parametrize("outline", OUTLINES)
def test_every_shape_is_closed_over_every_outline(shape: str, base: float, outline: str) -> None:
    polygon = OUTLINES[outline]
    for angle in (0, 17, 90, 135):
        turned = affinity.rotate(polygon, angle)
        solid, notes = house(turned, shape, min_height_m=base)
        check(solid, turned, TOP - 4, base=BOTTOM + base)
        assert notes == {}


metres = st.floats(3, 60)
shares = st.floats(0.15, 0.85)


@st.composite
def outlines(draw: st.DrawFn) -> shapely.Polygon:
    """Rectangles, L-shapes, quadrangles that are not quite rectangles, and jagged rings, turned anyhow."""
    width, depth = draw(metres), draw(metres)
    kind = draw(st.sampled_from(["rectangle", "l", "skewed", "noded", "jagged", "wings"]))
    if kind == "wings":
        boxes = [shapely.box(0, 0, width, depth)]
        for _ in range(draw(st.integers(1, 4))):
            left, low = draw(st.floats(-0.8, 0.95)) * width, draw(st.floats(-0.8, 0.95)) * depth
            boxes.append(shapely.box(left, low, left + draw(metres), low + draw(metres)))
        union = shapely.union_all(boxes, grid_size=draw(st.sampled_from([0.001, 1.0])))
        whole = max(shapely.get_parts(union), key=shapely.area)
        return affinity.rotate(shapely.Polygon(whole.exterior), draw(st.floats(0, 360)))
    if kind == "jagged":
        radii = draw(st.lists(st.floats(0.4, 1), min_size=5, max_size=14))
        turns = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
        ring = np.column_stack([np.cos(turns) * width, np.sin(turns) * depth]) * np.array(radii)[:, None]
        return affinity.rotate(shapely.Polygon(ring), draw(st.floats(0, 360)))
    x, y = draw(shares) * width, draw(shares) * depth
    points = [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)]
    if kind == "l":
        points = [(0, 0), (width, 0), (width, y), (x, y), (x, depth), (0, depth)]
    elif kind == "skewed":
        points[2] = (width * draw(st.floats(0.8, 1.2)), depth * draw(st.floats(0.8, 1.2)))
    elif kind == "noded":
        points.insert(1, (x, 0.0))
    return affinity.rotate(shapely.Polygon(points), draw(st.floats(0, 360)))


@given(
    polygon=outlines(),
    shape=st.sampled_from(PITCHED),
    rise=st.floats(0.5, 11),
    base=st.sampled_from([0.0, 1.0]),
    across=st.booleans(),
    direction=st.none() | st.floats(0, 360),
    rounded=st.booleans(),
)
def test_any_roof_is_closed(
    polygon: shapely.Polygon,
    shape: str,
    rise: float,
    base: float,
    *,
    across: bool,
    direction: float | None,
    rounded: bool,
) -> None:
    if rounded:  # to a centimetre, as OpenStreetMap does: corners come to lie on ridges, or nearly
        polygon = shapely.transform(polygon, lambda points: np.round(points, 2))
        assume(polygon.is_valid)
    solid, _ = house(
        polygon,
        shape,
        roof_height_m=rise,
        min_height_m=base,
        roof_orientation="across" if across else None,
        roof_direction_deg=direction,
    )
    check(solid, polygon, TOP - float(np.float32(rise)), base=BOTTOM + base)


def test_a_gable_over_a_rectangle_is_a_tent() -> None:
    solid, _ = house(shapely.box(0, 0, 20, 10))
    assert (len(solid.points), len(solid.triangles)) == (10, 14)
    assert solid.volume() == pytest.approx(20 * 10 * (8 + 4 / 2), rel=1e-4)
    for x in (1, 10, 19):
        assert solid.height_at(x, 5) == pytest.approx(TOP, abs=1e-3)
        assert solid.height_at(x, 2.5) == pytest.approx(TOP - 2, abs=1e-3)


def test_a_hip_over_a_rectangle_has_the_same_slope_on_all_sides() -> None:
    solid, _ = house(shapely.box(0, 0, 20, 10), "hipped")
    assert (len(solid.points), len(solid.triangles)) == (10, 14)
    # Two half tents at the ends and a tent between them.
    assert solid.volume() == pytest.approx(200 * 8 + 10 * 10 * 4 / 3 + 10 * 10 * 4 / 2, rel=1e-4)
    assert solid.height_at(2.5, 5) == pytest.approx(TOP - 2, abs=1e-3)
    assert solid.height_at(10, 2.5) == pytest.approx(TOP - 2, abs=1e-3)
    assert solid.height_at(5.1, 5) == pytest.approx(TOP, abs=1e-3)


def heights(solid: Solid, places: list[tuple[float, float]]) -> list[float]:
    """How far below the top the roof lies over some places."""
    return [round(float(TOP - solid.height_at(x, y)), 2) for x, y in places]


def test_each_wing_of_an_l_has_its_own_ridge() -> None:
    """Both wings are 8 wide, so both reach the top; between them runs a valley from the inner corner."""
    for angle in (0, 33):
        solid, _ = house(affinity.rotate(L_SHAPE, angle, origin=(0, 0)))
        places = [(14, 4), (14, 2), (14, 6), (4, 13), (2, 13), (6, 6), (7, 5), (5, 7), (4, 4)]
        turned = [
            shapely.get_coordinates(affinity.rotate(shapely.Point(p), angle, origin=(0, 0)))[0]
            for p in places
        ]
        assert heights(solid, [(p[0], p[1]) for p in turned]) == [0, 2, 2, 0, 2, 2, 1, 1, 0]


def test_the_hips_of_an_l_rise_from_all_its_sides() -> None:
    """The roof's height is the distance from the nearest side, as a straight skeleton has it."""
    solid, _ = house(L_SHAPE, "hipped")
    line = shapely.LinearRing(L_SHAPE.exterior)
    for x, y in [(18, 4), (2, 3), (4, 16), (14, 2), (5, 3), (3, 12), (19, 1.5), (4, 4)]:
        assert solid.height_at(x, y) == pytest.approx(TOP - 4 + line.distance(shapely.Point(x, y)), abs=1e-3)
    # In the valley of the inner corner the sides' slopes go on beyond it.
    assert solid.height_at(6, 6) == pytest.approx(TOP - 2, abs=1e-3)


def test_a_narrow_wing_is_lower() -> None:
    """A T whose stem is half as wide as its bar: slopes are the same, so its ridge is half as high."""
    t_shape = shapely.Polygon([(8, 0), (12, 0), (12, 10), (20, 10), (20, 18), (0, 18), (0, 10), (8, 10)])
    solid, _ = house(t_shape)
    assert heights(solid, [(4, 14), (10, 14), (10, 3), (9, 3), (10, 11), (4, 11)]) == [0, 0, 2, 3, 2, 3]
    # Where its gable looks out, its wall rises to the ridge.
    south = solid.points[np.abs(solid.points[:, 1]) < 1e-3]
    assert south[:, 2].max() == pytest.approx(TOP - 2, abs=1e-3)


def test_small_steps_in_an_outline_are_no_wings() -> None:
    stepped = shapely.Polygon([(0, 0), (20, 0), (20, 0.2), (20.3, 0.2), (20.3, 10), (0, 10)])
    solid, _ = house(stepped)
    ridge = solid.points[solid.height > TOP - NEAR]
    assert np.abs(ridge[:, 1] - 5).max() < 0.01
    check(solid, stepped, TOP - 4)


def test_an_outline_of_too_many_wings_has_one_roof() -> None:
    comb = shapely.union_all(
        [shapely.box(0, 0, 60, 5), *(shapely.box(8 * k, 0, 8 * k + 4, 15) for k in range(8))]
    )
    solid, _ = house(comb)
    check(solid, comb, TOP - 4)


@pytest.mark.parametrize("shape", ["hipped", "pyramidal"])
def test_over_a_square_four_slopes_meet_in_a_point(shape: str) -> None:
    solid, _ = house(shapely.box(0, 0, 12, 12), shape)
    assert (len(solid.points), len(solid.triangles)) == (9, 12)
    assert solid.volume() == pytest.approx(144 * (8 + 4 / 3), rel=1e-4)


def test_a_dome_over_a_circle_is_round() -> None:
    solid, _ = house(shapely.Point(0, 0).buffer(6, quad_segs=16), "dome", roof_height_m=6.0)
    assert solid.volume() == pytest.approx(np.pi * 36 * 6 + 2 / 3 * np.pi * 6**3, rel=0.02)
    assert solid.height_at(6 * np.cos(np.pi / 4), 0) == pytest.approx(
        TOP - 6 * (1 - np.sin(np.pi / 4)), abs=0.1
    )


def test_an_arch_is_a_part_of_a_circle() -> None:
    solid, _ = house(shapely.box(0, 0, 20, 10), "round", roof_height_m=2.0)
    radius = (25 + 4) / 4
    for y in (1.0, 2.5, 4.0):
        expected = TOP - radius + np.sqrt(radius**2 - (5 - y) ** 2)
        assert solid.height_at(10, y) == pytest.approx(expected, abs=0.07)


def test_a_skillion_falls_the_way_it_is_said_to() -> None:
    for bearing in (0, 90, 180, 270, 45):
        solid, _ = house(shapely.box(0, 0, 10, 10), "skillion", roof_direction_deg=float(bearing))
        way = np.array([np.sin(np.radians(bearing)), np.cos(np.radians(bearing))])
        low, high = np.array([5, 5]) + 4 * way, np.array([5, 5]) - 4 * way
        assert solid.height_at(*low) < solid.height_at(*high) - 2
        across = 2 * np.array([-way[1], way[0]])
        assert solid.height_at(5, 5) == pytest.approx(solid.height_at(*(np.array([5, 5]) + across)), abs=1e-3)


def test_a_skillion_that_nearly_follows_a_wall_follows_it() -> None:
    solid, _ = house(shapely.box(0, 0, 10, 6), "skillion", roof_direction_deg=190.0)
    assert solid.height_at(1, 3) == pytest.approx(solid.height_at(9, 3), abs=1e-3)


@pytest.mark.parametrize(
    ("columns", "along_x"),
    [
        ({}, True),
        ({"roof_orientation": "along"}, True),
        ({"roof_orientation": "across"}, False),
        ({"roof_direction_deg": 0.0}, True),
        ({"roof_direction_deg": 100.0}, False),
        ({"roof_direction_deg": 260.0}, False),
        ({"roof_direction_deg": 170.0, "roof_orientation": "across"}, True),
    ],
)
def test_which_way_the_ridge_runs(columns: dict[str, Any], *, along_x: bool) -> None:
    solid, _ = house(shapely.box(0, 0, 20, 10), **columns)
    ridge = solid.points[solid.height > TOP - NEAR]
    assert len(ridge) == 2
    assert abs(ridge[0, 0] - ridge[1, 0]) == pytest.approx(20 if along_x else 0, abs=0.01)
    assert abs(ridge[0, 1] - ridge[1, 1]) == pytest.approx(0 if along_x else 10, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "rise"),
    [
        ("gabled", 5 * np.tan(np.radians(30))),
        ("hipped", 5 * np.tan(np.radians(30))),
        ("pyramidal", 5 * np.tan(np.radians(30))),
        ("skillion", 10 * np.tan(np.radians(15))),
        ("gambrel", 4.0),
        ("round", 3.0),
        ("dome", 5.0),
    ],
)
def test_where_the_height_is_not_known_the_width_decides(shape: str, rise: float) -> None:
    solid, _ = house(shapely.box(0, 0, 20, 10), shape, roof_height_m=None)
    check(solid, shapely.box(0, 0, 20, 10), TOP - rise)


def test_a_roof_that_is_not_known_takes_half_of_a_low_building_at_most() -> None:
    solid, _ = house(shapely.box(0, 0, 60, 40), roof_height_m=None)
    check(solid, shapely.box(0, 0, 60, 40), TOP - 6)


@pytest.mark.parametrize("shape", PITCHED)
def test_a_roof_without_walls_stands_on_its_floor(shape: str) -> None:
    """Common in OpenStreetMap: a part that is nothing but a roof."""
    solid, _ = house(L_SHAPE, shape, min_height_m=8.0, roof_height_m=30.0)
    check(solid, L_SHAPE, BOTTOM + 8, base=BOTTOM + 8)


@pytest.mark.parametrize("word", sorted(SHAPES))
def test_every_word_has_a_shape(word: str) -> None:
    meshes, notes = meshes_of(layer([degrees(L_SHAPE)], roof_shape=word))
    assert len(meshes) == (word != "flat")
    assert notes == {}


def test_words_are_read_as_people_write_them() -> None:
    meshes, notes = meshes_of(layer([degrees(L_SHAPE)] * 3, roof_shape=["Half-Hipped", " gabled", "Lean to"]))
    assert (len(meshes), notes) == (3, {})


def test_what_cannot_have_a_roof_is_flat_and_counted() -> None:
    courtyard = shapely.box(0, 0, 20, 20).difference(shapely.box(5, 5, 15, 15))
    apart = shapely.union(shapely.box(0, 0, 5, 5), shapely.box(10, 0, 15, 5))
    circle = shapely.Point(0, 0).buffer(40, quad_segs=300)
    shapes = ["bent", "gabled", "hipped", "dome", "gabled", "gabled", None]
    geometry = [L_SHAPE, courtyard, apart, circle, L_SHAPE, L_SHAPE, L_SHAPE]
    table = layer(
        [degrees(one) for one in geometry],
        roof_shape=shapes,
        roof_height_m=pa.array([2.0, 2.0, 2.0, 2.0, 0.0, 2.0, 2.0], pa.float32()),
    )
    meshes, notes = meshes_of(table)
    assert meshes.rows.tolist() == [5]
    assert notes == {
        "roof drawn flat: a courtyard": 1,
        "roof drawn flat: a shape that we do not know": 1,
        "roof drawn flat: more than 1,000 corners": 1,
        "roof drawn flat: several outlines": 1,
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -3.0, 1e30])
def test_absurd_heights_and_directions_do_no_harm(value: float) -> None:
    for shape in PITCHED:
        meshes, _ = meshes_of(
            layer([degrees(L_SHAPE)], roof_shape=shape, roof_height_m=value, roof_direction_deg=value)
        )
        if value == -3.0:
            assert len(meshes) == 0
            continue
        solid = Solid(meshes)
        assert np.isfinite(solid.points).all()
        assert solid.height.max() == pytest.approx(TOP, abs=NEAR)


def test_many_corners_are_no_trouble() -> None:
    wheel = shapely.Polygon(
        [
            ((20 + 2 * (k % 2)) * np.cos(k * np.pi / 490), (20 + 2 * (k % 2)) * np.sin(k * np.pi / 490))
            for k in range(980)
        ]
    )
    for shape in PITCHED:
        solid, _ = house(wheel, shape)
        check(solid, wheel, TOP - 4)


def test_a_layer_without_roofs_has_none() -> None:
    meshes, notes = meshes_of(layer([degrees(L_SHAPE)] * 2, roof_shape=[None, "flat"]))
    assert (len(meshes), notes) == (0, {})
