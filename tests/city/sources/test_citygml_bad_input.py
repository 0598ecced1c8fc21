"""CityGML that is broken, hostile or anything: one clear line or an entry of what was set aside."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shancheng.city.sources import citygml_stream
from shancheng.city.sources.base import CityData
from shancheng.errors import InputError, SourceFileError, UnknownCRSError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))
from city_data import aside, column, read_with, shapes
from models import (
    FACES,
    gml,
    gml_building,
    houses,
    member,
    nest,
    polygon,
    solid_of,
    surface,
    surfaces_of,
    write_gml,
)

read = partial(read_with, "citygml")
Read = Callable[..., CityData]


@pytest.fixture
def town(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """``town(content)``: a file of that content."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "town.gml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def house(number: int = 0) -> str:
    return member(gml_building(number, houses(number + 1)[number]))


def ring_of(text: str) -> str:
    return nest(text, "gml:surfaceMember", "gml:Polygon", "gml:exterior", "gml:LinearRing", "gml:posList")


def building(content: str, identity: str = "bad") -> str:
    return member(f'<bldg:Building gml:id="{identity}">{content}</bldg:Building>')


X, Y = 85_000.0, 447_000.0
GOOD = gml(house())
BODY = GOOD.partition("?>")[2]
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


# The file


@pytest.mark.parametrize(
    "prologue",
    [
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<?xml version="1.0"?>\n<!-- fine -->\n<?pi fine?>\n<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://host/x.dtd"> %p;]>',
        "<!DOCTYPE x>",
    ],
)
def test_a_doctype_is_refused_before_anything_is_parsed(town: Callable[..., Path], prologue: str) -> None:
    bomb = prologue + BODY.replace("<bldg:roofType>1030", "<bldg:roofType>&l11;")
    start = time.perf_counter()
    for content in (bomb.encode(), b"\xef\xbb\xbf" + bomb.encode(), bomb.encode("utf-16")):
        with pytest.raises(SourceFileError, match=r"town\.gml: has a DOCTYPE"):
            read(town(content))
    assert time.perf_counter() - start < 5


def test_entities_without_a_doctype_are_no_xml(town: Callable[..., Path]) -> None:
    with pytest.raises(SourceFileError, match="no well-formed XML"):
        read(town(GOOD.replace("<bldg:roofType>1030", "<bldg:roofType>&bomb;")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\x1f\x8b\x08\x00 gzip", "is no XML with a root element"),
        (b'{"type": "CityJSON"}', "is no XML with a root element"),
        (b"<", "is no XML with a root element"),
        (b"<!-- never closed", "is no XML with a root element"),
        (b"<html><body/></html>", "its root is html: must be a CityModel"),
        (b"<CityModel/>", "its root is CityModel: must be a CityModel"),
        (b"<html>" + b"<p>" * 50, "no well-formed XML"),
        (GOOD.encode()[:-40], "no well-formed XML, or cut off"),
        (GOOD.encode()[: len(GOOD) // 2], "no well-formed XML, or cut off"),
        (GOOD.replace("UTF-8", "UTF-99").encode(), "no well-formed XML"),
        (GOOD.replace("</gml:posList>", "</gml:pos>", 1).encode(), "no well-formed XML"),
        (GOOD.replace("1030", "\x00").encode(), "no well-formed XML"),
        (GOOD.replace("1030", "\xff").encode("latin-1"), "no well-formed XML"),
    ],
)
def test_files_that_are_no_citygml_say_so(town: Callable[..., Path], content: bytes, message: str) -> None:
    with pytest.raises(SourceFileError, match=message) as caught:
        read(town(content))
    assert "town.gml" in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="no such file"):
        read(tmp_path / "nothing.gml")


def test_other_encodings_are_read(town: Callable[..., Path]) -> None:
    text = GOOD.replace("<bldg:roofType>1030", "<gml:name>Rathaus Köln</gml:name><bldg:roofType>1030")
    utf16 = text.replace("UTF-8", "UTF-16").encode("utf-16")
    latin = text.replace("UTF-8", "ISO-8859-1").encode("latin-1")
    for content in (utf16, latin):
        assert column(read(town(content)), "name") == ["Rathaus Köln"]


def test_nesting_without_end_is_refused(town: Callable[..., Path]) -> None:
    for depth in (1_000, 100_000):
        deep = "<gml:a>" * depth + "</gml:a>" * depth
        with pytest.raises(SourceFileError, match="no well-formed XML"):
            read(town(gml(building(deep), house())))


def test_one_text_of_many_megabytes_is_refused(town: Callable[..., Path]) -> None:
    ring = " ".join(f"{85_000 + n % 97} {447_000 + n % 89} 1" for n in range(1_000_000))
    with pytest.raises(SourceFileError, match="no well-formed XML"):
        read(town(gml(building(surfaces_of(ring_of(ring))))))


def test_a_ring_of_a_hundred_thousand_corners_is_read(town: Callable[..., Path]) -> None:
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    corners = np.column_stack(
        [85_000 + 200 * np.cos(angle), 447_000 + 200 * np.sin(angle), np.ones_like(angle)]
    )
    data = read(town(gml(building(surfaces_of(polygon(corners.tolist()), "bldg:lod0FootPrint"), "round"))))
    assert column(data, "id") == ["round"]


def test_one_member_of_many_megabytes_is_refused(
    town: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citygml_stream, "_LARGEST_MEMBER", 200_000)
    many = "".join(f"<gml:name>{'x' * 100}</gml:name>" for _ in range(5_000))
    for content in (
        gml(house(), building(many)),
        gml(house(), many),
        gml(house(), nest(many, "gml:boundedBy")),
    ):
        with pytest.raises(SourceFileError, match=r"town\.gml: more than 0 MB in one member"):
            read(town(content))
    # What is taken one by one may be as long as it likes.
    assert read(town(gml(*(house(n) for n in range(200))))).layers["buildings"].num_rows == 200


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """SHANCHENG_LARGE_GML_MB asks for a larger file than the daily one."""
    wanted_mb = int(os.environ.get("SHANCHENG_LARGE_GML_MB", "25"))
    large = write_gml(tmp_path / "large.gml", wanted_mb * 240)
    small = write_gml(tmp_path / "small.gml", 100)
    child = """if True:
        import json, resource, sys
        from pathlib import Path
        from shancheng.city.sources import read_source
        from shancheng.city.sources.base import SourceOptions
        from shancheng.progress import NullProgress

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

        read_source("citygml", Path(sys.argv[1]), SourceOptions(), NullProgress())
        before = peak()
        table = read_source("citygml", Path(sys.argv[2]), SourceOptions(), NullProgress()).layers["buildings"]
        print(json.dumps([peak() - before, table.nbytes, table.num_rows]))
    """
    done = subprocess.run(
        [sys.executable, "-c", child, str(small), str(large)], capture_output=True, text=True, check=True
    )
    grown, kept, rows = json.loads(done.stdout)
    assert rows == wanted_mb * 240
    # A batch's worth, and the table that the city keeps while it is joined.
    assert grown < 160e6 + 2.5 * kept


# Objects


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x y z",
        "1 2",
        "1 2 3 4",
        "85000 447000 nan 85009 447000 1 85009 447009 1 85000 447000 1",
        "85000 447000 inf 85009 447000 1 85009 447009 1 85000 447000 1",
        "1e999 447000 1 85009 447000 1 85009 447009 1 1e999 447000 1",
        "85000 447000 1 85009 447000 1 85018 447000 1 85000 447000 1",
        "85000 447000 1 85000 447000 1 85000 447000 1 85000 447000 1",
        "85000 447000 1],[85009 447000 1",
        "85000 447000 1]] [[85009 447000 1",
        '85000 447000 "1" 85009 447000 1 85009 447009 1',
        "85000 447000 null 85009 447000 1 85009 447009 1",
        "true true true false true true false false true",
        "85000 447000 [1] 85009 447000 1 85009 447009 1",
        "0x10 0x20 0x30 1 2 3 4 5 6",
    ],
)
def test_one_broken_ring_sets_its_building_aside_and_the_others_stay(
    town: Callable[..., Path], text: str
) -> None:
    data = read(town(gml(house(0), building(surfaces_of(ring_of(text))), house(1))))
    assert column(data, "id") == ["h0", "h1"]
    assert list(aside(data)) == ["bad"]
    plain = read(town(gml(house(0), house(1))))
    assert column(data, "lod2_geometry") == column(plain, "lod2_geometry")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no geometry"),
        ("<bldg:lod2Solid/>", "has no geometry"),
        ("<bldg:lod9Solid/>", "has no geometry"),
        (solid_of('<gml:surfaceMember xlink:href="#bad"/>'), "has no geometry"),
        (solid_of('<gml:surfaceMember xlink:href=""/>'), "has no geometry"),
        (surfaces_of("<gml:surfaceMember/>"), "has no geometry"),
        (surfaces_of("<gml:surfaceMember><gml:Polygon/></gml:surfaceMember>"), "has no geometry"),
        (surfaces_of(polygon([[X, Y, 9e6], [X + 2, Y, 9e6], [X + 2, Y + 2, 9e6]])), "elevation"),
        (surfaces_of(polygon([[X, Y, 1], [X + 9, Y, 1], [X + 9, Y, 9]])), "lies flat"),
        ("<bldg:lod1ImplicitRepresentation/>", "implicit"),
    ],
)
def test_a_building_without_a_usable_face_is_set_aside(
    town: Callable[..., Path], content: str, reason: str
) -> None:
    data = read(town(gml(house(), building(content))))
    assert column(data, "id") == ["h0"]
    assert reason in aside(data)["bad"]
    with pytest.raises(SourceFileError, match="none of its 1 city objects can be used"):
        read(town(gml(building(content))))


def test_surfaces_that_point_in_circles_end(town: Callable[..., Path]) -> None:
    links = [f'<gml:surfaceMember xlink:href="#{name}"/>' for name in ("one", "two")]
    held = [
        nest(links[1 - n], "gml:surfaceMember", f'gml:CompositeSurface gml:id="{name}"')
        for n, name in enumerate(("one", "two"))
    ]
    data = read(town(gml(building(surfaces_of("".join(held)) + solid_of(links[0])), house())))
    assert column(data, "id") == ["h0"]


def test_parts_within_parts_and_ids_that_stand_twice(town: Callable[..., Path]) -> None:
    corners = houses(1)[0]
    faces = "".join(surface(kind, polygon(corners[list(face)].tolist())) for kind, face in FACES)
    inner = nest(faces, "bldg:consistsOfBuildingPart", 'bldg:BuildingPart gml:id="inner"')
    outer = nest(inner + faces, "bldg:consistsOfBuildingPart", 'bldg:BuildingPart gml:id="outer"')
    data = read(town(gml(building(outer, "whole"), house(1), house(1))))
    assert column(data, "id") == ["whole", "outer", "inner", "h1"]
    assert column(data, "parent_id") == [None, "whole", "whole", None]
    assert aside(data) == {"h1": "its id stands more than once; the first counts"}


def test_a_wrong_system_is_named(town: Callable[..., Path]) -> None:
    for system, message in (
        ("urn:ogc:def:crs:EPSG::999999", "crs='EPSG:999999'"),
        ("urn:ogc:def:crs:EPSG::2056", "while it is used in"),
        ("urn:ogc:def:crs:EPSG::4978", "needed: a projected or geographic system"),
        ("/etc/passwd", "srsName='/etc/passwd': not a known form"),
    ):
        with pytest.raises(UnknownCRSError, match=message) as caught:
            read(town(gml(house(), system=system)))
        assert "town.gml" in str(caught.value)


# Anything


TAGS = [
    *("bldg:Building", "bldg:BuildingPart", "bldg:lod1Solid", "bldg:lod2Solid", "bldg:lod0FootPrint"),
    *("bldg:boundedBy", "bldg:RoofSurface", "bldg:lod2MultiSurface", "bldg:interiorRoom", "gml:Solid"),
    *("gml:exterior", "gml:interior", "gml:MultiSurface", "gml:CompositeSurface", "gml:OrientableSurface"),
    *("gml:surfaceMember", "gml:Polygon", "gml:LinearRing", "gml:posList", "gml:pos", "gml:Triangle"),
    *("dem:ReliefFeature", "dem:TINRelief", "tran:Road", "gen:stringAttribute", "gen:value", "gml:name"),
    *("core:cityObjectMember", "bldg:consistsOfBuildingPart", "gml:Envelope"),
]
TEXTS = [
    "",
    "85000 447000 1 85009 447000 1 85009 447009 5 85000 447000 1",
    "1 2 3",
    "nan nan nan",
    "x",
    "7.5",
]
ATTRIBUTES = [
    *("", ' gml:id="a"', ' gml:id="b"', ' xlink:href="#a"', ' srsDimension="2"', ' orientation="-"'),
    ' srsName="EPSG:1"',
]
TREES = st.recursive(
    st.sampled_from(TEXTS),
    lambda inner: st.builds(
        lambda tag, attributes, parts: f"<{tag}{attributes}>{''.join(parts)}</{tag}>",
        st.sampled_from(TAGS),
        st.sampled_from(ATTRIBUTES),
        st.lists(inner, max_size=3),
    ),
    max_leaves=15,
)


def outcome(path: Path) -> CityData | str:
    """The city, or the one line that says why there is none; any other exception fails the test."""
    try:
        return read(path)
    except InputError as error:
        return str(error)


@given(trees=st.lists(TREES, min_size=1, max_size=4), wrapped=st.booleans())
def test_any_tree_becomes_a_city_or_one_clear_line(
    tmp_path_factory: pytest.TempPathFactory,
    trees: list[str],
    wrapped: bool,  # noqa: FBT001 - drawn
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.gml"
    if wrapped:
        trees = [member(tree if tree.startswith("<") else nest(tree, "bldg:Building")) for tree in trees]
    path.write_text(gml(house(), *trees), encoding="utf-8")
    found = outcome(path)
    if isinstance(found, str):
        assert "any.gml" in found
        return
    for layer in found.layers:
        assert shapely.is_valid(shapes(found, layer)).all()
    assert "h0" in column(found, "id")


@given(cut=st.floats(0, 1), junk=st.binary(max_size=12), at=st.floats(0, 1))
def test_any_damage_is_one_clear_line_or_none(
    tmp_path_factory: pytest.TempPathFactory, cut: float, junk: bytes, at: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.gml"
    content = gml(house(0), house(1)).encode()
    place = int(at * len(content))
    damaged = content[:place] + junk + content[place:]
    path.write_bytes(damaged[: int(cut * len(damaged))] if cut < 0.7 else damaged)
    found: Any = outcome(path)
    assert "damaged.gml" in found if isinstance(found, str) else found.layers["buildings"].num_rows <= 2
