import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.ids import ObjectId, check_city_name, parse_urn, row_id, urn, urn_prefix
from shancheng.city.schema import LAYERS
from shancheng.errors import IdError, SettingError

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


@given(NAMES, st.sampled_from(sorted(LAYERS)), st.text(min_size=1, max_size=100))
def test_an_id_comes_apart_as_it_was_put_together(city: str, layer: str, local_id: str) -> None:
    assert parse_urn(urn(city, layer, local_id)) == ObjectId(city, layer, local_id)


def test_the_form() -> None:
    assert urn("monaco", "buildings", "w123") == "urn:shancheng:monaco:buildings:w123"
    assert urn("monaco", "buildings", "w123").startswith(urn_prefix("monaco", "buildings"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "w123",
        "urn:shancheng:monaco:buildings:",
        "urn:other:monaco:buildings:w1",
        "urn:shancheng:../x:buildings:w1",
        "urn:shancheng:monaco:clouds:w1",
        "urn:shancheng:monaco:buildings:" + "x" * 2000,
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(IdError, match="id="):
        parse_urn(text)


def test_a_hash_depends_on_content_alone() -> None:
    row = {"name": "塔", "height": 12.5, "geometry": b"\x01\x02"}
    assert row_id(row) == row_id(dict(reversed(list(row.items()))))
    assert row_id(row) != row_id({**row, "height": 12.6})
    assert len(row_id(row)) == 21
    assert parse_urn(urn("a", "buildings", row_id(row))).local_id == row_id(row)
    with pytest.raises(TypeError, match="a row's hash takes"):
        row_id({"value": object()})


@pytest.mark.parametrize("name", ["monaco", "0", "new-york_2", "a" * 63])
def test_good_names(name: str) -> None:
    assert check_city_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Monaco", "../x", ".hidden", "-a", "a" * 64, "a b", "重庆", "a/b", "a\n"]
)
def test_bad_names(name: str) -> None:
    with pytest.raises(SettingError, match="name="):
        check_city_name(name)
