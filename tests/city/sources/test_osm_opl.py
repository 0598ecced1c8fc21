"""What osmium writes as text, read back: tags, places and members."""

from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.sources.osm_lines import lines_of
from shancheng.city.sources.osm_opl import OPL_FORMAT, members_of, read_blocks, route_members, tags_of

mutable = osmium.osm.mutable


def written(path: Path, *objects: Any) -> list[list[bytes]]:
    """Fields of the lines that osmium writes for some objects."""
    with osmium.SimpleWriter(osmium.io.File(str(path), OPL_FORMAT), overwrite=True) as writer:
        for thing in objects:
            writer.add(thing)
    return [line.split() for block in read_blocks(path) for line in block]


ODD = {
    "name": '重庆 "a\\b" 😀 = , % @ \n\t x', "ref": "%20%", "empty": "", "k e,y=": "v",
    "lines": "\u2028\x85\x7f\r", "é": "ü", "%": "%%", "json": '{"a":[1]},{"b"',
}  # fmt: skip


def test_odd_words_come_back(tmp_path: Path) -> None:
    fields = written(
        tmp_path / "a.opl",
        mutable.Node(id=1, location=(106.5, 29.5), tags=ODD),
        mutable.Node(id=-2, tags={}),
        mutable.Way(id=3, nodes=[1], tags=ODD),
        mutable.Relation(id=4, members=[], tags={}),
    )
    assert [line[0] for line in fields] == [b"n1", b"n-2", b"w3", b"r4"]
    assert tags_of([line[1] for line in fields]) == [ODD, {"": ""}, ODD, {"": ""}]
    assert tags_of([]) == []


# osmium writes the last plane of Unicode, which is for private use, with a digit too few.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0xFFFFF), max_size=12)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(WORDS, WORDS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_all_words_come_back(tmp_path: Path, tags: list[dict[str, str]]) -> None:
    ways = [mutable.Way(id=number, nodes=[], tags=words) for number, words in enumerate(tags, 1)]
    fields = written(tmp_path / "a.opl", *ways)
    assert tags_of([line[1] for line in fields]) == tags


def test_members(tmp_path: Path) -> None:
    members = [("w", 1, "a b,@=%"), ("n", -2, ""), ("r", 3, "重"), ("w", 4, "outline")]
    (fields,) = written(
        tmp_path / "a.opl", mutable.Relation(id=5, members=members, tags={"type": "building"})
    )
    assert members_of(fields[2][1:]) == [(f"{kind}{ref}", role) for kind, ref, role in members]
    assert members_of(b"") == []


def test_ways_and_stops_of_a_route() -> None:
    listed = b"n1@stop,n2@platform_entry_only,w3@,w4@forward,w5@platform,r6@,r7@platform,n8@,w9@entrance"
    listed += b",w10@via%20%x"
    assert route_members(listed) == (["w3", "w4", "w10"], ["n1", "n2", "w5", "r7"])
    assert route_members(b"") == ([], [])


@pytest.mark.parametrize(
    ("text", "points"),
    [
        (b"n1x1y2,n2x3y4", [(1, 2), (3, 4)]),
        (b"n1x-1.5y-0.0000001,n-2x3y4,n3x3y4", [(-1.5, -1e-7), (3, 4)]),
        (b"n1x1y2,n2xy,n3x3y4,n4x5y6,n5xy", [(3, 4), (5, 6)]),
        (b"n1xy,n2xy", []),
        (b"n1x1y2", []),
        (b"n1x1y2,n2x1y2", []),
        (b"", []),
    ],
)
def test_lines(text: bytes, points: list[tuple[float, float]]) -> None:
    before, line, after = lines_of([b"n1x0y0,n2x9y9", text, b"n1x9y9,n2x0y0"])
    assert list(line.coords) == points
    assert list(before.coords) == list(after.coords)[::-1] == [(0, 0), (9, 9)]


def test_few_and_many_lines_are_read_alike() -> None:
    random = np.random.default_rng(3)
    places = random.integers(-1_800_000_000, 1_800_000_001, (4000, 2)) / 1e7 * (1, 0.5)
    texts = [
        b",".join(b"n%dx%.7fy%.7f" % (n, x, y) for n, (x, y) in enumerate(places[first : first + 8]))
        for first in range(0, 4000, 8)
    ]
    together = lines_of(texts)
    alone = np.concatenate([lines_of([text]) for text in texts])
    assert shapely.equals_exact(together, alone, 0.0).all()
    assert shapely.get_coordinates(together) == pytest.approx(places, abs=6e-8)


def test_no_lines() -> None:
    assert lines_of([]).shape == (0,)
    assert lines_of([b""])[0].is_empty


@given(st.lists(st.lists(st.tuples(st.integers(-180, 180), st.integers(-90, 90)), max_size=6), max_size=6))
def test_lines_are_what_the_nodes_say(places: list[list[tuple[int, int]]]) -> None:
    texts = [b",".join(b"n%dx%dy%d" % (n, x, y) for n, (x, y) in enumerate(line)) for line in places]
    for found, line in zip(lines_of(texts), places, strict=True):
        fresh = [point for n, point in enumerate(line) if n == 0 or point != line[n - 1]]
        assert shapely.get_coordinates(found).tolist() == [list(p) for p in (fresh if len(fresh) > 1 else [])]
