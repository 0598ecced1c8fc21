from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.sources.dem_file import DemFile, dem_file
from shancheng.errors import SettingError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.tif", DemFile(Path("a.tif"))),
        ("a.npz,crs=EPSG:4269", DemFile(Path("a.npz"), crs="EPSG:4269")),
        (
            "fuji.png,encoding=terrain-rgb,tile=10/906/404",
            DemFile(Path("fuji.png"), encoding="terrain-rgb", tile=(10, 906, 404)),
        ),
        ("tiles,encoding=terrarium", DemFile(Path("tiles"), encoding="terrarium")),
        ("a, b.tif", DemFile(Path("a, b.tif"))),
    ],
)
def test_words_of_a_user(text: str, expected: DemFile) -> None:
    assert dem_file(text) == expected


def test_a_file_whose_name_looks_like_an_option_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a,crs=b.tif"
    path.touch()
    assert dem_file(str(path)) == DemFile(path)
    assert dem_file(f"{path},crs=EPSG:4326") == DemFile(path, crs="EPSG:4326")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,scale=3", r"scale= is not known; known: crs=, encoding=, tile="),
        ("a.png,encoding=jpeg", r"encoding=jpeg: must be terrarium or terrain-rgb"),
        ("a.png,tile=1/2", r"tile=1/2: must be zoom/column/row"),
        ("a.png,tile=1/2/0", r"tile=1/2/0"),
        ("a.png,tile=40/0/0", r"tile=40/0/0"),
        ("a.png,tile=1/-1/0", r"tile=1/-1/0"),
    ],
)
def test_words_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        dem_file(text)


@given(
    st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text),
    st.lists(st.tuples(st.sampled_from(["crs", "encoding", "tile", "x"]), st.text(max_size=8)), max_size=3),
)
def test_any_words_are_a_file_or_a_clear_error(path: str, options: list[tuple[str, str]]) -> None:
    text = path + "".join(f",{key}={value}" for key, value in options if "\0" not in value)
    try:
        found = dem_file(text)
    except SettingError:
        return
    assert found.encoding in {None, "terrarium", "terrain-rgb"}
    assert str(found.path) == "." or str(found.path) in str(Path(text))
