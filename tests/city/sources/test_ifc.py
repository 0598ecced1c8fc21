import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ifcopenshell
import ifcopenshell.guid
import numpy as np
import pyproj
import pytest
import shapely

from shancheng.city.schema import SURFACES
from shancheng.city.sources import ifc, read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.errors import ShanchengError, SourceFileError, UnknownCRSError
from shancheng.geo.frame import LocalFrame
from shancheng.geo.geoid import undulation_m
from shancheng.progress import NullProgress

LON, LAT, ELEVATION_M = 106.5795, 29.5662, 240.0
LENGTH, THICKNESS, HEIGHT = 10.0, 0.3, 3.0


def read(path: Path, **options: Any) -> CityData:
    return read_source("ifc", path, SourceOptions(**options), NullProgress())


class House:
    """A file with one building, two storeys and a wall on each, written entity by entity."""

    def __init__(
        self, schema: str = "IFC4", *, unit: float = 1.0, north: tuple[float, float] = (0, 1)
    ) -> None:
        self.file = file = ifcopenshell.file(schema=schema)
        self.unit = unit
        prefix = None if unit == 1.0 else "MILLI"
        length = file.createIfcSIUnit(None, "LENGTHUNIT", prefix, "METRE")
        units = file.createIfcUnitAssignment([length])
        direction = file.createIfcDirection([float(part) for part in north])
        origin = file.createIfcAxis2Placement3D(self._point(0, 0, 0))
        self.context = file.createIfcGeometricRepresentationContext(None, "Model", 3, 1e-5, origin, direction)
        self.project = self._rooted("IfcProject", RepresentationContexts=[self.context], UnitsInContext=units)
        self.site = self._rooted("IfcSite", ObjectPlacement=self._place(None, 0))
        self.building = self._rooted("IfcBuilding", Name="Haus", ObjectPlacement=self._place(self.site, 0))
        self.storeys = [
            self._rooted("IfcBuildingStorey", Name=name, ObjectPlacement=self._place(self.building, z))
            for name, z in (("EG", 0), ("OG", HEIGHT))
        ]
        self._joined(self.project, [self.site])
        self._joined(self.site, [self.building])
        self._joined(self.building, self.storeys)
        self.walls = [self._wall(storey) for storey in self.storeys]

    def on_earth(self) -> "House":
        self.site.RefLatitude, self.site.RefLongitude = _angle(LAT), _angle(LON)
        self.site.RefElevation = ELEVATION_M / self.unit
        return self

    def on_grid(self, crs: str, east: float, north: float, axis: tuple[float, float] = (1, 0)) -> "House":
        system = self.file.createIfcProjectedCRS(crs)
        self.file.createIfcMapConversion(
            self.context, system, east, north, ELEVATION_M, float(axis[0]), float(axis[1]), None
        )
        return self

    def write(self, path: Path) -> Path:
        self.file.write(str(path))
        return path

    def _rooted(self, kind: str, **values: Any) -> Any:
        return self.file.create_entity(kind, GlobalId=ifcopenshell.guid.new(), **values)

    def _point(self, *xyz: float) -> Any:
        return self.file.createIfcCartesianPoint([float(value) / self.unit for value in xyz])

    def _place(self, parent: Any, z: float) -> Any:
        relative = self.file.createIfcAxis2Placement3D(self._point(0, 0, z))
        return self.file.createIfcLocalPlacement(parent.ObjectPlacement if parent else None, relative)

    def _joined(self, whole: Any, parts: list[Any]) -> None:
        self._rooted("IfcRelAggregates", RelatingObject=whole, RelatedObjects=parts)

    def _wall(self, storey: Any) -> Any:
        file = self.file
        middle = file.createIfcAxis2Placement2D(
            file.createIfcCartesianPoint([LENGTH / 2 / self.unit, THICKNESS / 2 / self.unit])
        )
        sides = LENGTH / self.unit, THICKNESS / self.unit
        profile = file.createIfcRectangleProfileDef("AREA", None, middle, *sides)
        up = file.createIfcDirection([0.0, 0.0, 1.0])
        solid = file.createIfcExtrudedAreaSolid(
            profile, file.createIfcAxis2Placement3D(self._point(0, 0, 0)), up, HEIGHT / self.unit
        )
        body = file.createIfcShapeRepresentation(self.context, "Body", "SweptSolid", [solid])
        shape = file.createIfcProductDefinitionShape(None, None, [body])
        wall = self._rooted(
            "IfcWall", Name="Wand", ObjectPlacement=self._place(storey, 0), Representation=shape
        )
        self._rooted("IfcRelContainedInSpatialStructure", RelatingStructure=storey, RelatedElements=[wall])
        return wall


def _angle(degrees: float) -> list[int]:
    total = round(degrees * 3600e6)
    whole, rest = divmod(total, 3600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    return [whole, minutes, *divmod(rest, 1_000_000)]


def corners_enu(data: CityData, row: int, lon: float = LON, lat: float = LAT) -> Any:
    """Corners of a solid around the site, east, north, up."""
    wkb = data.layers["buildings"].column("lod2_geometry")[row].as_py()
    lonlath = shapely.get_coordinates(shapely.from_wkb(wkb), include_z=True)
    undulation = float(np.ravel(undulation_m([lon], [lat]))[0])
    return LocalFrame(lon, lat, ELEVATION_M + undulation).enu_from_geodetic(*lonlath.T)


def rows_by_name(data: CityData) -> dict[str, int]:
    return {name: row for row, name in enumerate(data.layers["buildings"].column("name").to_pylist())}


@pytest.mark.parametrize("schema", ["IFC4", "IFC2X3"])
@pytest.mark.parametrize("unit", [1.0, 0.001])
def test_a_building_by_storey_and_element(tmp_path: Path, schema: str, unit: float) -> None:
    house = House(schema, unit=unit).on_earth()
    data = read(house.write(tmp_path / "a.ifc"))
    rows = data.layers["buildings"].to_pylist()
    assert [(row["kind"], row["name"], row["levels"]) for row in rows] == [
        ("building", "Haus", 2), ("storey", "EG", None), ("storey", "OG", None),
    ]  # fmt: skip
    assert [row["parent_id"] for row in rows] == [None, *[house.building.GlobalId] * 2]
    assert [(row["min_height_m"], row["height_m"]) for row in rows] == [
        pytest.approx(span, abs=1e-3) for span in ((0, 6), (0, 3), (3, 6))
    ]
    assert rows[0]["lod2_geometry"] is None
    elements = data.layers["building_elements"].to_pylist()
    assert {(row["kind"], row["storey_id"]) for row in elements} == {
        ("IfcWall", storey.GlobalId) for storey in house.storeys
    }
    assert {row["id"] for row in elements} == {wall.GlobalId for wall in house.walls}
    assert set(elements[0]["lod2_semantics"]) == {SURFACES.index("WallSurface")}


@pytest.mark.parametrize(("north", "along"), [((0, 1), (1, 0)), ((1, 0), (0, 1)), ((-1, 0), (0, -1))])
def test_the_site_and_true_north_place_it(
    tmp_path: Path, north: tuple[float, float], along: tuple[float, float]
) -> None:
    """A wall along the model's x: with true north along x it runs northward."""
    data = read(House(north=north).on_earth().write(tmp_path / "a.ifc"))
    enu = corners_enu(data, rows_by_name(data)["OG"])
    far = enu[np.hypot(enu[:, 0], enu[:, 1]).argmax(), :2]
    assert far / np.hypot(*far) == pytest.approx(along, abs=THICKNESS / LENGTH + 1e-6)
    assert np.hypot(*far) == pytest.approx(np.hypot(LENGTH, THICKNESS), abs=2e-3)
    assert [enu[:, 2].min(), enu[:, 2].max()] == pytest.approx([3, 6], abs=2e-3)


def test_solids_look_outward(tmp_path: Path) -> None:
    data = read(House().on_earth().write(tmp_path / "a.ifc"))
    enu = corners_enu(data, rows_by_name(data)["EG"]).reshape(-1, 4, 3)
    volume = np.einsum("ij,ij->", enu[:, 0], np.cross(enu[:, 1], enu[:, 2])) / 6
    assert volume == pytest.approx(LENGTH * THICKNESS * HEIGHT, rel=1e-3)


@pytest.mark.parametrize("axis", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8)])
def test_a_map_conversion_places_it(tmp_path: Path, axis: tuple[float, float]) -> None:
    east, north = 652_000.0, 3_271_000.0
    data = read(House().on_grid("EPSG:32648", east, north, axis).write(tmp_path / "a.ifc"))
    wkb = data.layers["buildings"].column("lod2_geometry")[rows_by_name(data)["EG"]].as_py()
    lonlath = shapely.get_coordinates(shapely.from_wkb(wkb), include_z=True)
    change = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:32648", always_xy=True)
    x, y = change.transform(*lonlath[:, :2].T)
    wanted = [east + LENGTH * axis[0], north + LENGTH * axis[1]]
    assert np.hypot(x - wanted[0], y - wanted[1]).min() < 1e-3
    above = lonlath[:, 2] - undulation_m(lonlath[:, 0], lonlath[:, 1])
    assert above.min() == pytest.approx(ELEVATION_M, abs=1e-3)
    assert data.remarks == ("placed by its grid, EPSG:32648",)


def test_nothing_says_where_it_stands(tmp_path: Path) -> None:
    path = House().write(tmp_path / "a.ifc")
    with pytest.raises(UnknownCRSError, match=r"a.ifc: says neither a map conversion nor"):
        read(path)
    with pytest.raises(UnknownCRSError, match="EPSG:99999"):
        read(House().on_grid("EPSG:99999", 0, 0).write(tmp_path / "b.ifc"))


def test_coordinates_of_a_system_that_the_user_names(tmp_path: Path) -> None:
    data = read(House().write(tmp_path / "a.ifc"), crs="EPSG:32648")
    assert data.remarks == ("its coordinates were taken as EPSG:32648",)


def looped(content: bytes, house: House) -> bytes:
    """A placement that is relative to itself; the library dies of it."""
    number = house.building.ObjectPlacement.id()
    above = house.site.ObjectPlacement.id()
    return content.replace(
        f"#{number}=IFCLOCALPLACEMENT(#{above},".encode(), f"#{number}=IFCLOCALPLACEMENT(#{number},".encode()
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda _content, _house: b"", "0 bytes"),
        (lambda _content, _house: b"\0" * 999, "does not begin with ISO-10303-21"),
        (lambda content, _house: content[: len(content) // 2], "is truncated"),
        (lambda content, _house: content.replace(b"IFC4", b"IFC9"), "cannot be read as IFC"),
        (lambda content, _house: content.replace(b"IFCWALL(", b"IFCWALL(("), "cannot be read as IFC"),
        (lambda content, _house: content.replace(b"3000.", b"NAN").replace(b"3.)", b"1.E99)"), "absurd|no "),
        (looped, "cannot be read as IFC: the file is damaged"),
    ],
)
def test_files_that_are_damaged(tmp_path: Path, spoil: Callable[[bytes, House], bytes], message: str) -> None:
    house = House().on_earth()
    path = house.write(tmp_path / "a.ifc")
    spoiled = spoil(path.read_bytes(), house)
    assert spoiled != path.read_bytes()
    path.write_bytes(spoiled)
    with pytest.raises(SourceFileError, match=message):
        read(path)


def test_no_building_at_all(tmp_path: Path) -> None:
    house = House().on_earth()
    for wall in house.walls:
        house.file.remove(wall)
    with pytest.raises(SourceFileError, match="holds no element with a shape"):
        read(house.write(tmp_path / "a.ifc"))


def test_too_many_triangles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ifc, "_MAX_TRIANGLES", 5)
    with pytest.raises(SourceFileError, match="more than 5 triangles"):
        read(House().on_earth().write(tmp_path / "a.ifc"))


def test_bytes_at_random_give_a_city_or_one_clear_error(tmp_path: Path) -> None:
    whole = House().on_earth().write(tmp_path / "a.ifc").read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(6):
        content = bytearray(whole)
        for at in rng.integers(300, len(content) - 40, 2):
            content[at] = int(rng.integers(32, 127))
        path = tmp_path / "b.ifc"
        path.write_bytes(content)
        try:
            data = read(path)
        except ShanchengError:
            continue
        assert data.layers["buildings"].num_rows > 0


@pytest.mark.shared_data
def test_the_house_of_the_institute(shared_data: Path) -> None:
    data = read(shared_data / "ifc" / "FZK_Haus.ifc")
    rows = rows_by_name(data)
    assert set(rows) == {"FZK-Haus", "Erdgeschoss", "Dachgeschoss"}
    building = data.layers["buildings"].to_pylist()[rows["FZK-Haus"]]
    # 12 m × 10 m, and the roof hangs over; the ridge lies at 6.52 m.
    assert building["height_m"] == pytest.approx(6.52, abs=0.01)
    assert json.loads(building["attributes"])["Pset_BuildingCommon"]["YearOfConstruction"] == "2008"
    kinds = data.layers["building_elements"].column("kind").to_pylist()
    counts = {"IfcWallStandardCase": 13, "IfcWindow": 11, "IfcDoor": 5, "IfcSlab": 4}
    assert {kind: kinds.count(kind) for kind in counts} == counts
    assert building["bbox"]["xmin"] < 8.43655 < building["bbox"]["xmax"]


@pytest.mark.shared_data
def test_a_file_with_one_door(shared_data: Path) -> None:
    data = read(shared_data / "ifc" / "py3dtiles_simple.ifc")
    assert data.layers["building_elements"].column("kind").to_pylist() == ["IfcDoor"]
    assert data.layers["buildings"].num_rows == 2
