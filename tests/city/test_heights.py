import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.heights import BuildingHeights, building_heights, parse_length_m, parse_number


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("12", 12), ("12 m", 12), ("12m", 12), (" 12.5 ", 12.5), ("12,5", 12.5), ("12.", 12), (".5", 0.5),
        ("~12", 12), ("ca. 12 m", 12), ("12 metres", 12), ("12米", 12), ("1200 cm", 12), ("12;15", 12),
        ("40'", 12.192), ("40 ft", 12.192), ("40 feet", 12.192), ("5'10\"", 1.778), ("5' 10''", 1.778),
        ('10"', 0.254), ("5 ft 10 in", 1.778), ("-3", -3),
    ],
)  # fmt: skip
def test_lengths_that_mappers_write(text: str, metres: float) -> None:
    assert parse_length_m(text) == pytest.approx(metres, abs=1e-9)


@pytest.mark.parametrize(
    "text", [None, "", "tall", "12 x", "1,2,3", "12 m high", "nan", "inf", "1e3", "--3", "m"]
)
def test_what_is_no_length(text: str | None) -> None:
    assert math.isnan(parse_length_m(text))


@given(st.text(max_size=30))
def test_no_text_breaks_the_parsers(text: str) -> None:
    assert isinstance(parse_length_m(text), float)
    assert isinstance(parse_number(text), float)


def one(kind: str = "yes", **words: str | None) -> BuildingHeights:
    known = ("height", "levels", "min_height", "min_level", "roof_height")
    return building_heights([kind], **{name: [words.get(name)] for name in known})


@pytest.mark.parametrize(
    ("words", "height_m", "provenance"),
    [
        ({"height": "12,5"}, 12.5, "surveyed"),
        ({"height": "12.5", "levels": "30"}, 12.5, "surveyed"),
        ({"levels": "4"}, 12.8, "approximate"),
        ({"levels": "4;5"}, 12.8, "approximate"),
        ({"levels": "2.5"}, 8.0, "approximate"),
        ({"height": "0", "levels": "4"}, 12.8, "approximate"),
        ({"height": "-5", "levels": "4"}, 12.8, "approximate"),
        ({"height": "5000", "levels": "4"}, 12.8, "approximate"),
        ({"height": "nan"}, 8.0, "modelled"),
        ({"levels": "0"}, 8.0, "modelled"),
        ({"levels": "9999"}, 8.0, "modelled"),
        ({}, 8.0, "modelled"),
    ],
)
def test_height_then_levels_then_default(words: dict[str, str], height_m: float, provenance: str) -> None:
    heights = one(**words)
    assert heights.height_m[0] == pytest.approx(height_m)
    assert heights.height_provenance[0] == provenance


def test_the_default_goes_by_kind() -> None:
    assert one("garage").height_m[0] < one("house").height_m[0] < one("hotel").height_m[0]
    assert one("hotel").height_provenance[0] == "modelled"


def test_levels_are_kept_whatever_gives_the_height() -> None:
    assert one(height="100", levels="31").levels == [31]
    assert one(height="100").levels == [None]
    assert one(levels="2.5").levels == [3]


@pytest.mark.parametrize(
    ("words", "lower_m", "height_m"),
    [
        ({"height": "30", "min_height": "12"}, 12, 30),
        ({"height": "30", "min_level": "3"}, 9.6, 30),
        ({"levels": "10", "min_level": "3"}, 9.6, 32),
        ({"height": "30", "min_height": "30"}, 0, 30),
        ({"height": "30", "min_height": "40"}, 0, 30),
        ({"height": "30", "min_height": "-2"}, 0, 30),
        ({"min_height": "20"}, 20, 23.2),
    ],
)
def test_the_underside(words: dict[str, str], lower_m: float, height_m: float) -> None:
    heights = one(**words)
    assert heights.min_height_m[0] == pytest.approx(lower_m)
    assert heights.height_m[0] == pytest.approx(height_m)


def test_a_roof_is_no_higher_than_its_building() -> None:
    assert one(height="10", roof_height="3").roof_height_m[0] == 3
    assert np.isnan(one(height="10", roof_height="30").roof_height_m[0])
    assert np.isnan(one(height="10").roof_height_m[0])


@given(
    st.lists(
        st.tuples(*[st.sampled_from([None, "0", "3", "-1", "12,5", "1e9", "900", "x", "40'"])] * 5),
        max_size=20,
    )
)
def test_heights_always_make_a_solid(rows: list[tuple[str | None, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    heights = building_heights(
        ["house"] * len(rows), height=columns[0], levels=columns[1],
        min_height=columns[2], min_level=columns[3], roof_height=columns[4],
    )  # fmt: skip
    assert np.isfinite(heights.height_m).all()
    assert (heights.min_height_m >= 0).all()
    assert (heights.min_height_m < heights.height_m).all()
    assert (heights.height_m <= 1000).all()


def test_numbers_count_as_they_are() -> None:
    none = np.full(4, np.nan)
    heights = building_heights(
        ["yes"] * 4,
        height=np.array([12.5, np.nan, np.nan, 5000.0]),
        levels=np.array([np.nan, 4.0, np.nan, 2.5]),
        min_height=none,
        min_level=none,
        roof_height=none,
    )
    np.testing.assert_allclose(heights.height_m, [12.5, 12.8, 8.0, 8.0], rtol=1e-6)
    assert heights.levels == [None, 4, None, 3]
    assert heights.height_provenance.tolist() == ["surveyed", "approximate", "modelled", "approximate"]
