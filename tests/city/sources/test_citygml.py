"""CityGML 2 and 3, PLATEAU's with it: what real files hold, what each form of geometry becomes."""

import collections
import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from shancheng.city.schema import SURFACES
from shancheng.city.sources import citygml
from shancheng.city.sources.base import CityData
from shancheng.errors import SourceFileError, UnknownCRSError
from shancheng.geo.crs import to_lonlat
from shancheng.geo.geoid import undulation_m

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))
from city_data import aside, column, metres, read_with, shapes
from models import (
    FACES,
    GML_TAIL,
    document,
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
    write_json,
)

read = partial(read_with, "citygml")
Read = Callable[..., CityData]
BLDG, PLATEAU = "citygml/plateau_yokosuka/udx/bldg/52397519_bldg_6697_op.gml", "citygml/plateau_yokosuka"


@pytest.fixture
def model(tmp_path: Path) -> Read:
    """``model(*members, **options)``: what becomes of a file with those members."""

    def run(*members: str, system: str | None = "urn:ogc:def:crs:EPSG::7415", **options: Any) -> CityData:
        path = tmp_path / "town.gml"
        path.write_text(gml(*members, system=system), encoding="utf-8")
        return read(path, **options)

    return run


def building(content: str, identity: str = "b") -> str:
    return member(f'<bldg:Building gml:id="{identity}">{content}</bldg:Building>')


def rings(number: int = 0) -> list[list[list[float]]]:
    corners = houses(number + 1)[number]
    return [corners[list(face)].tolist() for _, face in FACES]


def faces(number: int = 0) -> str:
    return "".join(surface(kind, polygon(ring)) for (kind, _), ring in zip(FACES, rings(number), strict=True))


def solid(number: int = 0, lod: int = 2, space: str = "bldg") -> str:
    return solid_of("".join(map(polygon, rings(number))), lod, space)


def outline(form: str = "lod0FootPrint", number: int = 0, grow: float = 0.0) -> str:
    ring = [[x + grow * (n in (1, 2)), y, z] for n, (x, y, z) in enumerate(rings(number)[0])]
    return surfaces_of(polygon(ring), f"bldg:{form}")


def points(*corners: tuple[float, float, float]) -> str:
    """A closed ring's positions."""
    return " ".join(f"{value:.3f}" for corner in (*corners, corners[0]) for value in corner)


# Real files


@pytest.mark.shared_data
def test_the_three_twins_hold_the_same_buildings(shared_data: Path) -> None:
    folder = shared_data / "citygml"
    twins = [
        read(folder / "citygml4j_lod2_buildings_v3.gml"),
        read_with("cityjson", folder / "citygml4j_lod2_buildings_v2.json"),
        read_with(
            "cityjson", folder / "citygml4j_lod2_buildings_as_CityJSON_features.jsonl", crs="EPSG:3068"
        ),
    ]
    tables = [twin.layers["buildings"].sort_by("id") for twin in twins]
    assert [table.num_rows for table in tables] == [100] * 3
    for table in tables[1:]:
        for name in (
            "id",
            "name",
            "levels",
            "roof_shape",
            "lod",
            "kind",
            "height_provenance",
            "lod2_semantics",
        ):
            assert table.column(name).to_pylist() == tables[0].column(name).to_pylist(), name
        np.testing.assert_allclose(table.column("height_m"), tables[0].column("height_m"), atol=0.01)
        for name in ("geometry", "lod2_geometry"):
            one, other = (shapely.from_wkb(each.column(name).to_numpy()) for each in (table, tables[0]))
            assert shapely.hausdorff_distance(one, other).max() * 111_320 < 0.01
            assert (shapely.get_num_coordinates(one) == shapely.get_num_coordinates(other)).all()
    # EPSG:3068 puts north first, the file does not: the faces of its solids say so, and the user is told.
    assert any("against the order that its name asks for" in remark for remark in twins[0].remarks)


@pytest.mark.shared_data
def test_plateau_holds_thirteen_buildings_of_which_one_has_two_parts(shared_data: Path) -> None:
    data = read(shared_data / BLDG)
    table = data.layers["buildings"].to_pydict()
    assert len(table["id"]) == 13 + 2
    assert collections.Counter(table["lod"]) == {"1": 11, "2": 3, None: 1}
    parents = collections.Counter(parent for parent in table["parent_id"] if parent)
    assert list(parents.values()) == [2]
    west, south, east, north = shapely.total_bounds(shapes(data))
    # Of the file's envelope, latitude first.
    np.testing.assert_allclose([south, west], [35.258297338392, 139.73724371347967], atol=1e-6)
    np.testing.assert_allclose([north, east], [35.261543955192025, 139.74055489539032], atol=1e-6)
    heights = np.array(table["height_m"])
    said = [json.loads(text) for text in table["attributes"]]
    stated = np.array([float(one.get("measuredHeight", "nan")) for one in said])
    rows = np.array([lod == "1" for lod in table["lod"]])
    assert np.nanmax(np.abs(heights - stated)[rows]) < 0.5
    museum = said[0]
    assert museum["buildingDetailAttribute"]["BuildingDetailAttribute"]["surveyYear"] == "2016"
    assert museum["１階床面積"] == "42"
    assert table["name"][0] == "横須賀美術館"
    assert collections.Counter(table["kind"])["house"] == 4


@pytest.mark.shared_data
def test_plateau_solids_stand_at_their_elevations_with_their_pictures(shared_data: Path) -> None:
    data = read(shared_data / BLDG)
    table = data.layers["buildings"].to_pydict()
    textured = [row for row, names in enumerate(table["lod2_textures"]) if names is not None]
    assert len(textured) == len(data.files) == 3
    named = {name for row in textured for name in table["lod2_textures"][row] if name}
    assert {f"layers/textures/{name}" for name in named} == set(data.files)
    # The file maps 335 rings.
    assert sum(name is not None for row in textured for name in table["lod2_textures"][row]) == 335
    for row in textured:
        parts = shapely.get_parts(shapely.from_wkb(table["lod2_geometry"][row]))
        corners = shapely.get_num_coordinates(parts)[
            [name is not None for name in table["lod2_textures"][row]]
        ]
        uv = np.array(table["lod2_uv"][row]).reshape(-1, 2)
        assert len(uv) == corners.sum()
        assert uv.min() > -0.01
        assert uv.max() < 1.01
    xyz = shapely.get_coordinates(shapely.from_wkb(table["lod2_geometry"][0]), include_z=True)
    assert xyz[:, 2].min() - float(undulation_m(*xyz[0, :2])) == pytest.approx(10.5, abs=0.05)


@pytest.mark.shared_data
def test_a_plateau_folder_is_one_model_and_its_relief_lies_elsewhere(shared_data: Path) -> None:
    data = read(shared_data / PLATEAU)
    assert data.layers["buildings"].num_rows == 15
    assert len(data.files) == 3
    # The relief of the sample lies 5 km from its buildings: it is no ground for them, and said so.
    assert data.terrain is None
    assert aside(data) == {"1066 triangles": "the relief lies apart from everything else in the file"}


@pytest.mark.shared_data
def test_a_plateau_relief_alone_is_a_ground(shared_data: Path) -> None:
    data = read(shared_data / f"{PLATEAU}/udx/dem/523965_dem_6697_05_op.gml")
    assert data.terrain is not None
    assert data.extent is not None
    raster = data.terrain.raster
    np.testing.assert_allclose(
        [data.extent.south_deg, data.extent.west_deg, data.extent.north_deg, data.extent.east_deg],
        [35.19494653600746, 139.68749969167254, 35.20833178021569, 139.69999972000005], atol=1e-6,
    )  # fmt: skip
    # Corners of triangles of the file.
    for lat, lon, height in (
        (35.20832515788907, 139.6892161598241, 0.39),
        (35.208325011571475, 139.6890932814315, 0.79),
    ):
        assert float(raster.sample(lon, lat)) == pytest.approx(height, abs=0.5)
    assert raster.values.min() > -0.1
    assert raster.values.max() < 24.3


# Houses


def test_a_house_is_what_its_cityjson_twin_is(tmp_path: Path) -> None:
    one = read(write_gml(tmp_path / "town.gml", 20)).layers["buildings"]
    other = read_with("cityjson", write_json(tmp_path / "town.json", document(20))).layers["buildings"]
    for name in ("id", "levels", "roof_shape", "lod2_semantics", "kind"):
        assert one.column(name).to_pylist() == other.column(name).to_pylist(), name
    np.testing.assert_allclose(one.column("height_m"), other.column("height_m"), atol=1e-3)
    for name in ("geometry", "lod2_geometry"):
        pair = [shapely.from_wkb(each.column(name).to_numpy()) for each in (one, other)]
        assert shapely.hausdorff_distance(*pair).max() * 111_320 < 1e-3
    assert json.loads(one.column("attributes")[3].as_py())["owner"] == "o3"


def test_batches_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_gml(tmp_path / "town.gml", 30)
    whole = read(path).layers["buildings"]
    monkeypatch.setattr(citygml, "_RINGS_AT_ONCE", 20)
    table = read(path).layers["buildings"]
    assert table.column("id").to_pylist() == whole.column("id").to_pylist()
    pair = [shapely.from_wkb(each.column("lod2_geometry").to_numpy()) for each in (table, whole)]
    assert shapely.hausdorff_distance(*pair).max() < 1e-9


@pytest.mark.parametrize(
    "content",
    [
        faces(),
        solid(),
        solid() + faces(),
        faces() + solid(),
        gml_building(0, houses(1)[0]).partition(">")[2].rpartition("<")[0],
    ],
    ids=["surfaces", "solid", "both", "both the other way", "pointing"],
)
def test_each_face_is_taken_once(model: Read, content: str) -> None:
    data = model(building(content))
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [7]
    assert column(data, "height_m")[0] == pytest.approx(np.ptp(houses(1)[0][:, 2]), abs=1e-3)
    codes = column(data, "lod2_semantics")[0]
    meant = [SURFACES.index(kind) for kind, _ in FACES]
    assert codes == (
        meant
        if "Surface>" in content.replace("MultiSurface>", "").replace("CompositeSurface>", "")
        else [0] * 7
    )


def test_surfaces_that_point_at_the_faces_of_the_solid_give_them_their_meaning(model: Read) -> None:
    whole = solid_of("".join(polygon(ring, f"f{n}") for n, ring in enumerate(rings())))
    pointing = "".join(
        surface(kind, f'<gml:surfaceMember xlink:href="#f{n}"/>') for n, (kind, _) in enumerate(FACES)
    )
    for content in (whole + pointing, pointing + whole):
        data = model(building(content))
        assert column(data, "lod2_semantics")[0] == [SURFACES.index(kind) for kind, _ in FACES]


def test_faces_of_another_object_are_left_out_and_counted(model: Read) -> None:
    data = model(building(faces() + solid_of('<gml:surfaceMember xlink:href="#elsewhere"/>')))
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [7]
    assert "1 faces are those of another object and were left out." in data.remarks


def test_a_composite_that_is_pointed_at_gives_its_faces(model: Read) -> None:
    whole = nest("".join(map(polygon, rings())), "gml:surfaceMember", 'gml:CompositeSurface gml:id="all"')
    held = surfaces_of(whole, "bldg:lod1MultiSurface")
    pointing = solid_of('<gml:surfaceMember xlink:href="#all"/>')
    data = model(building(held + pointing))
    assert column(data, "lod") == ["2"]
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [7]


def test_faces_that_an_orientable_surface_turns_are_turned(model: Read) -> None:
    turned = "".join(
        nest(
            nest(points(*ring[::-1]), "gml:Polygon", "gml:exterior", "gml:LinearRing", "gml:posList"),
            "gml:surfaceMember", 'gml:OrientableSurface orientation="-"', "gml:baseSurface",
        )
        for ring in rings()
    )  # fmt: skip
    data = model(building(surfaces_of(turned)))
    ground = shapely.get_parts(shapes(data, name="lod2_geometry")[0])[0]
    assert not ground.exterior.is_ccw
    assert not any("turned" in remark for remark in data.remarks)


def test_inner_shells_are_left_out_and_holes_are_not(model: Read) -> None:
    x, y, z = houses(1)[0][0]
    hole = points(*((x + a, y + b, z) for a, b in ((2, 2), (2, 3), (3, 3))))
    base = points(*((x + a, y + b, z) for a, b in ((0, 0), (0, 9), (9, 9), (9, 0))))
    holed = nest(
        nest(base, "gml:exterior", "gml:LinearRing", "gml:posList")
        + nest(hole, "gml:interior", "gml:LinearRing", "gml:posList"),
        "gml:surfaceMember", "gml:Polygon",
    )  # fmt: skip
    roof = polygon([[x + a, y + b, z + 5] for a, b in ((0, 0), (9, 0), (9, 9), (0, 9))])
    void = nest("".join(map(polygon, rings())), "gml:interior", "gml:CompositeSurface")
    content = nest(
        nest(holed + roof, "gml:exterior", "gml:CompositeSurface") + void, "bldg:lod1Solid", "gml:Solid"
    )
    data = model(building(content))
    solids = shapes(data, name="lod2_geometry")
    assert shapely.get_num_geometries(solids).tolist() == [2]
    assert len(shapely.get_parts(solids[0])[0].interiors) == 1
    assert "1 inner shells were left out." in data.remarks


def test_levels_are_chosen_for_each_building(model: Read) -> None:
    data = model(
        building(outline() + solid(0, 1) + solid(0, 2) + solid(0, 3), "all"),
        building(solid(1, 3) + solid(1, 4), "fine"),
        building(outline(number=2) + "<bldg:measuredHeight>7.5</bldg:measuredHeight>", "flat"),
        building(outline("lod0RoofEdge", 3, grow=3.0) + outline(number=3), "edges"),
        building('<bldg:lod2Solid xlink:href="#nothing"/>' + solid(4, 1), "empty"),
    )
    found = dict(zip(column(data, "id"), column(data, "lod"), strict=True))
    assert found == {"all": "2", "fine": "3", "flat": "0", "edges": "0", "empty": "1"}
    rows = {identity: row for row, identity in enumerate(column(data, "id"))}
    assert column(data, "height_m")[rows["flat"]] == pytest.approx(7.5)
    ground = shapely.Polygon(np.column_stack(to_lonlat("EPSG:28992", *np.array(rings(3)[0]).T[:2])))
    assert metres(shapes(data)[rows["edges"]]).area == pytest.approx(metres(ground).area, rel=1e-3)


def test_positions_may_stand_one_by_one_or_with_commas(model: Read) -> None:
    ring = rings()[0]
    closed = [*ring, ring[0]]
    single = "".join(f"<gml:pos>{x} {y} {z}</gml:pos>" for x, y, z in closed)
    commas = nest(" ".join(f"{x},{y},{z}" for x, y, z in closed), "gml:coordinates")
    spread = nest("\n\t" + "  ".join(f"{x}\n{y}\t{z}" for x, y, z in closed) + " ", "gml:posList")
    around = ("bldg:lod0FootPrint", "gml:MultiSurface", "gml:surfaceMember", "gml:Polygon", "gml:exterior")
    data = model(
        *(
            building(nest(text, *around, "gml:LinearRing"), f"b{n}")
            for n, text in enumerate((single, commas, spread))
        )
    )
    assert len(set(column(data, "geometry"))) == 1


def test_footprints_of_two_dimensions_are_flat(model: Read) -> None:
    ring = rings()[0]
    text = " ".join(f"{x} {y}" for x, y, _ in [*ring, ring[0]])
    inside = ("gml:surfaceMember", "gml:Polygon", "gml:exterior", "gml:LinearRing")
    there, above = (*inside, 'gml:posList srsDimension="2"'), (*inside, "gml:posList")
    for tags in (("gml:MultiSurface", *there), ('gml:MultiSurface srsDimension="2"', *above)):
        content = nest(text, "bldg:lod0FootPrint", *tags)
        data = model(building(content), building(faces(1), "solid"))
        assert column(data, "lod") == ["0", "2"]
        assert column(data, "lod2_geometry")[0] is None


def test_parts_know_their_parent(model: Read) -> None:
    parts = "".join(
        f'<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="p{n}"><bldg:measuredHeight>{n + 3}'
        f"</bldg:measuredHeight>{faces(n)}</bldg:BuildingPart></bldg:consistsOfBuildingPart>"
        for n in range(2)
    )
    data = model(building(f"<gml:name>Castle</gml:name>{parts}"))
    assert column(data, "id") == ["b", "p0", "p1"]
    assert column(data, "parent_id") == [None, "b", "b"]
    assert column(data, "name") == ["Castle", None, None]
    assert column(data, "lod") == [None, "2", "2"]
    assert json.loads(column(data, "attributes")[2]) == {"measuredHeight": "4", "parents": ["b"]}
    whole, *inner = shapes(data)
    assert metres(whole).area == pytest.approx(sum(metres(one).area for one in inner), abs=0.05)


def test_rooms_are_set_aside_and_installations_are_kept(model: Read) -> None:
    room = nest(solid_of(polygon(rings(1)[0]), 4), "bldg:interiorRoom", 'bldg:Room gml:id="r"')
    chimney = nest(
        surfaces_of(polygon([[x, y, z + 9] for x, y, z in rings()[5]]), "bldg:lod2Geometry"),
        "bldg:outerBuildingInstallation", "bldg:BuildingInstallation",
    )  # fmt: skip
    data = model(building(faces() + room + chimney))
    assert aside(data) == {"r": "lies inside a building"}
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [8]
    assert column(data, "attributes") == [None]


def test_windows_and_doors_are_known(model: Read) -> None:
    window = nest(surfaces_of(polygon(rings()[2]), "bldg:lod3MultiSurface"), "bldg:opening", "bldg:Window")
    own = surfaces_of(polygon(rings()[1]), "bldg:lod3MultiSurface")
    wall = nest(own + window, "bldg:boundedBy", "bldg:WallSurface")
    data = model(building(surface("GroundSurface", polygon(rings()[0]), 3) + wall))
    names = [SURFACES[code] for code in column(data, "lod2_semantics")[0]]
    assert names == ["GroundSurface", "WallSurface", "Window"]


def test_attributes_are_kept_whatever_their_schema(model: Read) -> None:
    content = (
        "<gml:name>A</gml:name><gml:name>B</gml:name><bldg:function>1120</bldg:function>"
        + nest("42", 'gen:measureAttribute name="area"', 'gen:value uom="m2"')
        + nest(
            "<x:year>1999</x:year><x:note/><x:deep><x:er>1</x:er></x:deep>",
            'x:detail xmlns:x="urn:other"', "x:Detail",
        )
        + nest("http://host", "core:externalReference", "core:informationSystem")
    )  # fmt: skip
    data = model(building(content + faces()))
    assert json.loads(column(data, "attributes")[0]) == {
        "name": ["A", "B"],
        "function": "1120",
        "area": "42",
        "detail": {"Detail": {"year": "1999", "deep": {"er": "1"}}},
        "externalReference": {"informationSystem": "http://host"},
    }
    assert column(data, "kind") == ["office"]


def test_citygml_3_says_the_same_in_other_words(tmp_path: Path) -> None:
    generic = nest(
        "<gen:name>owner</gen:name><gen:value>me</gen:value>",
        "core:genericAttribute", "gen:StringAttribute",
    )  # fmt: skip
    height = nest("12.5", 'con:height xmlns:con="urn:con"', "con:Height", "con:value")
    gml32 = (
        gml(building(generic + height + faces()))
        .replace("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2")
        .replace("/2.0", "/3.0")
        .replace("bldg:boundedBy", "core:boundary")
        .replace("bldg:lod2MultiSurface", "core:lod2MultiSurface")
    )
    path = tmp_path / "three.gml"
    path.write_text(gml32, encoding="utf-8")
    data = read(path)
    said = json.loads(column(data, "attributes")[0])
    assert (said["owner"], said["measuredHeight"]) == ("me", "12.5")
    assert shapely.get_num_geometries(shapes(data, name="lod2_geometry")).tolist() == [7]


# Other objects


TREE = 'veg:SolitaryVegetationObject xmlns:veg="urn:veg" gml:id="tree"'


def road(kind: str, content: str, identity: str) -> str:
    return member(f'<tran:{kind} gml:id="{identity}">{content}</tran:{kind}>')


def test_each_type_goes_to_its_layer(model: Read) -> None:
    area = surfaces_of(polygon(rings(1)[0]), "tran:lod1MultiSurface")
    traffic = nest(
        surfaces_of(polygon(rings(2)[0]), "tran:lod2MultiSurface"), "tran:trafficArea", "tran:TrafficArea"
    )
    line = nest(
        "85000 447000 1 85050 447000 2",
        "tran:lod0Network", "gml:CompositeCurve", "gml:LineString", "gml:posList",
    )  # fmt: skip
    land = area.replace("tran:", "luse:")
    data = model(
        road("Road", area + traffic, "street"),
        road("Road", line, "network"),
        road("Railway", area, "track"),
        road("Square", area, "market"),
        member(f'<brid:Bridge gml:id="bridge">{solid(3, space="brid")}</brid:Bridge>'),
        member(f'<luse:LandUse gml:id="wood"><luse:class>2000</luse:class>{land}</luse:LandUse>'),
        member(f'<luse:LandUse gml:id="yard"><luse:class>1000</luse:class>{land}</luse:LandUse>'),
        member(f'<frn:CityFurniture xmlns:frn="urn:frn" gml:id="bench">{area}</frn:CityFurniture>'),
        member(nest("<veg:lod1ImplicitRepresentation/>", TREE)),
        '<core:cityObjectMember xlink:href="#elsewhere"/>',
    )
    found = {identity: layer for layer in data.layers for identity in column(data, "id", layer)}
    assert found == {
        "street": "roads", "network": "roads", "market": "roads", "track": "rail", "bridge": "bridges",
        "wood": "green",
    }  # fmt: skip
    assert aside(data) == {
        "yard": "its use of land is not known to be green",
        "bench": "no layer takes a CityFurniture",
        "tree": "its geometry is implicit, a prototype at a place, which is not read",
    }
    ways = dict(zip(column(data, "id", "roads"), shapes(data, "roads"), strict=True))
    assert ways["street"].geom_type == "Polygon"
    assert ways["network"].geom_type == "MultiLineString"
    assert "1 members point at objects elsewhere, which were not read." in data.remarks


def test_an_object_without_an_id_gets_one_from_where_it_lies(model: Read) -> None:
    nameless = member(f"<bldg:Building>{faces()}</bldg:Building>")
    ids = [column(model(nameless, building(faces(1))), "id")[0] for _ in range(2)]
    assert ids[0] == ids[1]
    assert ids[0].startswith("x")
    assert aside(model(nameless, nameless)) == {ids[0]: "its id stands more than once; the first counts"}


def relief(side: int = 12) -> str:
    corners = [(84_980.0 + 10 * x, 446_980.0 + 10 * y) for x in range(side) for y in range(side)]
    triangles = [
        ring
        for x, y in corners
        for ring in (
            [(x, y, x - 84_980), (x + 10, y, x - 84_970), (x + 10, y + 10, x - 84_970)],
            [(x, y, x - 84_980), (x + 10, y + 10, x - 84_970), (x, y + 10, x - 84_980)],
        )
    ]
    patches = "".join(
        nest(points(*ring), "gml:Triangle", "gml:exterior", "gml:LinearRing", "gml:posList")
        for ring in triangles
    )
    tin = nest(
        patches,
        "dem:reliefComponent", "dem:TINRelief", "dem:tin", "gml:TriangulatedSurface", "gml:trianglePatches",
    )  # fmt: skip
    grid = '<dem:reliefComponent><dem:RasterRelief gml:id="grid"/></dem:reliefComponent>'
    return member(nest(tin + grid, 'dem:ReliefFeature gml:id="d"'))


def test_a_relief_of_triangles_is_the_ground(model: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citygml, "_TRIANGLES_AT_ONCE", 50)
    data = model(relief(), *(building(faces(n), f"h{n}") for n in range(4)))
    assert data.terrain is not None
    lon, lat = to_lonlat("EPSG:28992", 85_020.0, 447_020.0)
    assert float(data.terrain.raster.sample(lon, lat)) == pytest.approx(40, abs=0.3)
    assert data.terrain.source.source == "town.gml (CityGML)"
    assert aside(data) == {"grid": "no layer takes a RasterRelief"}


def test_a_folder_of_files_is_one_model(tmp_path: Path) -> None:
    for theme, content in (
        ("bldg", building(faces())),
        ("dem", relief()),
        ("fld", building(faces(1), "flood")),
    ):
        (tmp_path / "udx" / theme / "deep").mkdir(parents=True)
        (tmp_path / "udx" / theme / "deep" / "a.gml").write_text(gml(content), encoding="utf-8")
    data = read(tmp_path)
    assert column(data, "id") == ["b"]
    assert data.terrain is not None
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(SourceFileError, match=r"holds no \.gml file"):
        read(plain)
    for n in range(2):
        (plain / f"{n}.gml").write_text(gml(building(faces(n), f"h{n}")), encoding="utf-8")
    assert column(read(plain), "id") == ["h0", "h1"]


# Pictures


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (2, 2), (9, 9, 9)).save(content, "PNG")
    return content.getvalue()


def appearance(ring: str, uv: str, image: str = "look/a.png", *, third: bool = False) -> str:
    inside = (
        f"<app:textureCoordinates>{uv}</app:textureCoordinates><app:ring>#{ring}</app:ring>"
        if third
        else f'<app:textureCoordinates ring="#{ring}">{uv}</app:textureCoordinates>'
    )
    return (
        "<app:appearanceMember><app:Appearance><app:surfaceDataMember><app:ParameterizedTexture>"
        f"<app:imageURI>{image}</app:imageURI><app:target><app:TexCoordList>{inside}</app:TexCoordList></app:target>"
        "</app:ParameterizedTexture></app:surfaceDataMember></app:Appearance></app:appearanceMember>"
    )


@pytest.mark.parametrize("third", [False, True], ids=["2.0", "3.0"])
@pytest.mark.parametrize("first", [False, True], ids=["after", "before"])
def test_pictures_lie_on_their_rings(tmp_path: Path, model: Read, *, third: bool, first: bool) -> None:
    (tmp_path / "look").mkdir()
    (tmp_path / "look" / "a.png").write_bytes(picture())
    look = appearance("h0_f5_r", "0 0 1 0 1 1 0 1 0 0", third=third)
    members = [member(gml_building(0, houses(1)[0])), look]
    data = model(*(reversed(members) if first else members))
    names = column(data, "lod2_textures")[0]
    assert [name is not None for name in names] == [False] * 5 + [True, False]
    assert column(data, "lod2_uv")[0] == [0, 0, 1, 0, 1, 1, 0, 1, 0, 0]
    assert list(data.files) == [f"layers/textures/{names[5]}"]


@pytest.mark.parametrize(
    ("ring", "uv", "image"),
    [
        ("h0_f5_r", "0 0 1 0", "look/a.png"),
        ("h0_f5_r", "0 0 1 0 1 1 0 1 0 nan", "look/a.png"),
        ("h0_f5_r", "0 0 1 0 1 1 0 1 0 0", "../../secret.png"),
        ("h0_f5_r", "0 0 1 0 1 1 0 1 0 0", "missing.png"),
    ],
)
def test_pictures_that_cannot_be_had_leave_the_face_plain(
    tmp_path: Path, model: Read, ring: str, uv: str, image: str
) -> None:
    (tmp_path / "look").mkdir()
    (tmp_path / "look" / "a.png").write_bytes(picture())
    (tmp_path.parent.parent / "secret.png").write_bytes(picture())
    data = model(member(gml_building(0, houses(1)[0])), appearance(ring, uv, image))
    assert column(data, "lod2_textures") == [None]
    assert any("picture" in remark for remark in data.remarks)
    assert not data.files


# Systems


def test_the_system_may_stand_at_each_geometry(model: Read) -> None:
    def at(number: int, system: str, shift: tuple[float, float]) -> str:
        moved = [[[x + shift[0], y + shift[1], z] for x, y, z in ring] for ring in rings(number)]
        inside = "".join(map(polygon, moved))
        return building(surfaces_of(inside, holder=f'gml:MultiSurface srsName="{system}"'), f"h{number}")

    data = model(
        at(0, "EPSG:28992", (0, 0)),
        at(1, "EPSG:7415", (0, 0)),
        at(2, "EPSG:32631", (508_000, 5_311_000)),
        system=None,
    )
    west, south, east, north = shapely.total_bounds(shapes(data))
    assert (east - west, north - south) < (0.2, 0.2)
    assert len(column(data, "id")) == 3
    with pytest.raises(UnknownCRSError, match=r"town\.gml: does not say its reference system \(srsName\)"):
        model(building(faces()), system=None)
    with pytest.raises(UnknownCRSError, match="srsName='the moon': not a known form"):
        model(building(faces()), system="the moon")
    assert column(model(building(faces()), system="the moon", crs="EPSG:7415"), "id") == ["b"]


def test_files_without_their_end_or_their_members_say_so(tmp_path: Path) -> None:
    path = tmp_path / "town.gml"
    whole = gml(building(faces()))
    path.write_text(whole.removesuffix(GML_TAIL), encoding="utf-8")
    with pytest.raises(SourceFileError, match="no well-formed XML, or cut off"):
        read(path)
    path.write_text(gml(), encoding="utf-8")
    with pytest.raises(SourceFileError, match="holds no city object"):
        read(path)
