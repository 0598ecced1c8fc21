"""Shells and the landmarks' own forms: closed, outward, as high as they should be."""

from typing import Any

import numpy as np
import pytest
import shapely

from shancheng.city.builtin.chongqing.extent import PLANE
from shancheng.city.builtin.chongqing.forms import FORMS
from shancheng.city.builtin.chongqing.forms_towers import OPENING_M, OPENING_WIDTH_M
from shancheng.city.builtin.chongqing.placing import covered, placed, solid
from shancheng.city.builtin.chongqing.shells import (
    Shell,
    beam,
    box,
    hip_roof,
    joined,
    lathe,
    loft,
    moved,
    rectangle,
    ring_of,
    upright,
)
from shancheng.city.builtin.chongqing.tables import Part, read_table
from shancheng.city.schema import SURFACES
from shancheng.geo.geoid import undulation_m

PARTS = [part for part in read_table("landmark_parts.csv", Part) if part.form in FORMS]


def _form(part: Part) -> Shell:
    low = part.min_height_m if part.min_height_m > 0 else -5.0
    return FORMS[part.form](part.length_m, part.width_m, low, part.height_m)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_forms_are_closed_outward_small_and_of_the_right_height(part: Part, shell_facts: Any) -> None:
    shell = _form(part)
    facts = shell_facts(shell)

    assert facts.open_edges == 0
    assert facts.signed_volume_m3 > 100
    assert facts.triangles <= 2000
    assert shell.highest_m == pytest.approx(part.height_m, abs=0.01)
    assert shell.lowest_m == pytest.approx(part.min_height_m or -5.0, abs=0.6)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_faces_of_forms_are_planar_and_have_an_area(part: Part) -> None:
    for face in _form(part).faces:
        normal = np.cross(face, np.roll(face, -1, axis=0)).sum(axis=0)
        length = np.linalg.norm(normal)
        assert length > 1e-6
        assert np.ptp(face @ (normal / length)) < 1e-6


def test_every_form_is_used_and_at_least_twelve_landmarks_have_one() -> None:
    assert {part.form for part in PARTS} == set(FORMS)
    best_known = {
        "raffles",
        "jiefangbei",
        "hongyadong",
        "great_hall",
        "liziba",
        "tv_tower",
        "kansheng",
        "wfc",
    }
    best_known |= {"grand_theatre", "chaotianmen", "cableway", "olympic"}
    assert best_known <= {part.landmark for part in PARTS}


def test_box_has_its_volume_and_surfaces(shell_facts: Any) -> None:
    shell = box(4.0, 3.0, 1.0, 3.0, at=(10.0, 20.0))

    assert shell_facts(shell).signed_volume_m3 == pytest.approx(24.0)
    words = [SURFACES[surface] for surface in shell.surfaces()]
    assert sorted(words) == ["GroundSurface", "RoofSurface", *["WallSurface"] * 8]


def test_beam_and_lathe_and_ring_have_their_volumes(shell_facts: Any) -> None:
    assert shell_facts(beam((0, 0, 0), (3, 4, 12), 0.5)).signed_volume_m3 == pytest.approx(13 * 0.25)
    assert shell_facts(beam((0, 0, 0), (0, 0, 9), 2.0, 1.0)).signed_volume_m3 == pytest.approx(18.0)
    cone = shell_facts(lathe([(3, 0), (0, 9)], 256)).signed_volume_m3
    assert cone == pytest.approx(np.pi * 9 * 9 / 3, rel=1e-3)
    ring = ring_of([(9, -1), (11, -1), (11, 1), (9, 1)], 256)
    assert shell_facts(ring).signed_volume_m3 == pytest.approx(2 * np.pi * 10 * 4, rel=1e-3)
    assert shell_facts(ring).open_edges == 0


def test_turning_keeps_volume_and_sense(shell_facts: Any) -> None:
    shell = joined(hip_roof(20, 10, 5, 4, turned_up_m=0.6), box(20, 10, 0, 5))
    before = shell_facts(shell)
    for turned in (moved(shell, (1, 2, 3), 33.0), upright(shell)):
        after = shell_facts(turned)
        assert after.signed_volume_m3 == pytest.approx(before.signed_volume_m3)
        assert after.open_edges == 0


def test_loft_to_a_line_closes_by_itself(shell_facts: Any) -> None:
    square = rectangle(6, 4)
    shell = loft(
        [
            np.column_stack([square, np.zeros(4)]),
            np.column_stack([square * (0.5, 0.0), np.full(4, 3.0)]),
        ]
    )

    assert shell_facts(shell).open_edges == 0
    assert 0 < shell_facts(shell).signed_volume_m3 < 6 * 4 * 3


def test_trains_pass_through_the_block_at_liziba() -> None:
    part = next(part for part in PARTS if part.id == "liziba")
    shell = _form(part)
    inside = [face for face in shell.faces if np.abs(face[:, 1]).max() <= OPENING_WIDTH_M / 2 + 1e-9]

    assert len(inside) == 4
    heights = np.concatenate(inside)[:, 2]
    assert (heights.min(), heights.max()) == OPENING_M
    # The sixth to eighth of nineteen equal storeys lie within the opening.
    storey = part.height_m / 19
    assert OPENING_M[0] <= 5 * storey
    assert OPENING_M[1] >= 8 * storey


def test_placing_turns_clockwise_from_north_and_stands_on_the_elevation() -> None:
    at = PLANE.from_lonlat([(106.57, 29.56)])[0]
    shell = placed(box(100.0, 10.0, 0.0, 5.0), at, 90.0, 200.0)
    points = np.concatenate(shell.faces)

    np.testing.assert_allclose(np.ptp(points, axis=0), (100.0, 10.0, 5.0), atol=1e-9)
    assert points[:, 2].min() == pytest.approx(200.0)
    north = np.concatenate(placed(box(100.0, 10.0, 0.0, 5.0), at, 0.0, 200.0).faces)
    np.testing.assert_allclose(np.ptp(north, axis=0), (10.0, 100.0, 5.0), atol=1e-9)


def test_solid_is_in_degrees_above_the_ellipsoid() -> None:
    at = PLANE.from_lonlat([(106.57, 29.56)])[0]
    shell = placed(box(20.0, 10.0, 0.0, 5.0), at, 30.0, 200.0)
    made = solid(shell)
    shape = shapely.from_wkb(made.wkb)
    points = shapely.get_coordinates(shape, include_z=True)

    assert len(shape.geoms) == len(made.surfaces) == len(shell.faces)
    assert points[:, 2].min() == pytest.approx(200.0 + undulation_m(106.57, 29.56), abs=0.05)
    assert shapely.distance(shape, shapely.points(106.57, 29.56)) < 1e-4
    assert made.wkb[0] == 1


def test_covered_is_one_outline_to_the_left_without_holes() -> None:
    for part in PARTS:
        area = covered(placed(_form(part), np.zeros(2), part.azimuth_deg, 0.0))
        assert area.geom_type == "Polygon", part.id
        assert area.is_valid, part.id
        assert not area.interiors, part.id
        assert area.exterior.is_ccw, part.id
        assert area.area <= 1.4 * part.length_m * part.width_m, part.id
