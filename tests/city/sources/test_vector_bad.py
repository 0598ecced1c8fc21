"""The source `vector` and bad input: a clear error or a set-aside row, never anything else."""

import http.server
import json
import socketserver
import sqlite3
import struct
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.sources import vector_shapes, vector_zip
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.vector import read
from shancheng.errors import InputError, SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.progress import NullProgress

LON, LAT = 106.55, 29.56
FORMATS = ("parquet", "geojson", "geojsonl", "gpkg", "shp", "fgb")
SQUARE = shapely.box(LON, LAT, LON + 0.001, LAT + 0.001)


def load(path: Path, **options: Any) -> CityData:
    return read(path, SourceOptions(**{"layer": "buildings", **options}), NullProgress())


def write(path: Path, shapes: Any, crs: str | None = None, **columns: Any) -> Path:
    """A file of any format; GeoParquet without a named system is longitude and latitude."""
    wkb = pa.array([None if shape is None else shapely.to_wkb(shape) for shape in shapes], pa.binary())
    table = pa.table({**columns, "geometry": wkb})
    if path.suffix == ".parquet":
        column: dict[str, Any] = {"encoding": "WKB"}
        geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
        pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    else:
        kinds = {shape.geom_type for shape in shapes if shape is not None}
        kind = kinds.pop() if len(kinds) == 1 else "Unknown"
        pyogrio.write_arrow(table, path, geometry_name="geometry", geometry_type=kind, crs=crs or "EPSG:4326")
    return path


def reasons(data: CityData) -> list[str]:
    return [one.reason for one in data.set_aside]


# --- files


@pytest.mark.parametrize("ending", FORMATS)
def test_missing_empty_and_folders(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with pytest.raises(SourceFileError, match="no such file; needed: a local file, GeoParquet"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(SourceFileError, match="is empty"):
        load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SourceFileError, match="is a folder"):
        load(path)


@pytest.mark.parametrize("share", [0.03, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("ending", FORMATS)
def test_truncated(tmp_path: Path, ending: str, share: float) -> None:
    shapes = shapely.box(LON + 0.001 * np.arange(200), LAT, LON + 0.001 * np.arange(200) + 5e-4, LAT + 5e-4)
    path = write(tmp_path / f"a.{ending}", shapes, height=np.arange(200.0) + 1, name=["n"] * 200)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    try:
        data = load(path)
    except SourceFileError as error:
        message = str(error)
    else:
        message = path.name
        # Formats that are read row by row give what is there, and name what is cut off.
        assert ending in ("geojsonl", "shp", "fgb", "gpkg")
        assert data.layers["buildings"].num_rows < 200 or ending == "gpkg"
    assert path.name in message


@pytest.mark.parametrize("ending", FORMATS)
def test_of_another_kind(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    for content in (b"hello, world\n" * 100, b"\x89PNG\r\n\x1a\n" + bytes(100), b"<gml></gml>", bytes(5000)):
        path.write_bytes(content)
        with pytest.raises(
            SourceFileError, match="of no known format by its first bytes; needed: GeoParquet"
        ):
            load(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_right_name_and_wrong_content_goes_by_content(tmp_path: Path, ending: str) -> None:
    source = write(tmp_path / "a.gpkg", [SQUARE])
    path = tmp_path / f"b.{ending}"
    path.write_bytes(source.read_bytes())
    assert load(path).layers["buildings"].num_rows == 1


# One feature a line: none is an empty file, which is refused.
@pytest.mark.parametrize("ending", [one for one in FORMATS if one != "geojsonl"])
def test_no_rows_give_an_empty_layer(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a.{ending}", [])
    data = load(path)
    assert data.layers["buildings"].num_rows == 0
    assert data.extent is None


# --- coordinates


def test_swapped_axes_are_refused_and_never_turned(tmp_path: Path) -> None:
    turned = shapely.box(LAT, LON, LAT + 0.001, LON + 0.001)
    with pytest.raises(SourceFileError, match=r"lon=29.5605, lat=106.5505: the axes look swapped"):
        load(write(tmp_path / "a.geojson", [turned] * 3))


def test_swapped_axes_of_a_system_with_an_area(tmp_path: Path) -> None:
    turned = shapely.box(1_200_000, 2_600_000, 1_200_100, 2_600_100)
    with pytest.raises(SourceFileError, match=r"x=1200050, y=2600050: the axes look swapped"):
        load(write(tmp_path / "a.gpkg", [turned], "EPSG:2056"))
    with pytest.raises(SourceFileError, match="the axes look swapped"):
        load(write(tmp_path / "b.gpkg", [shapely.box(30.0, 110.0, 30.1, 110.1)], "EPSG:4490"))


def test_swapped_axes_where_the_user_says_what_to_expect(tmp_path: Path) -> None:
    path = write(tmp_path / "a.geojson", [shapely.box(43.73, 7.42, 43.731, 7.421)])
    with pytest.raises(SourceFileError, match="the axes look swapped"):
        load(path, bounds=Bounds(7.4, 43.7, 7.5, 43.8))
    assert load(path).layers["buildings"].num_rows == 1


def test_a_wrong_system_is_told_by_its_numbers(tmp_path: Path) -> None:
    metres = shapely.box(2_600_000, 1_200_000, 2_600_100, 1_200_100)
    with pytest.raises(SourceFileError, match=r"lon=2600050.*no longitude and latitude.*--crs"):
        load(write(tmp_path / "a.geojson", [metres]))
    with pytest.raises(SourceFileError, match=r"far outside the area of EPSG:2056 \(5.96 to 10.49 E"):
        load(write(tmp_path / "a.gpkg", [SQUARE], "EPSG:2056"))


def test_single_impossible_rows_are_set_aside(tmp_path: Path) -> None:
    astray = shapely.box(200, LAT, 201, LAT + 1)
    data = load(write(tmp_path / "a.geojson", [SQUARE, SQUARE, astray], id=["a", "b", "c"]))
    assert data.layers["buildings"].num_rows == 2
    assert [(one.id, one.reason[:38]) for one in data.set_aside] == [
        ("c", "a coordinate is outside longitude -180")
    ]


# --- shapes


def ring(*points: tuple[float, float]) -> Any:
    return shapely.Polygon([(LON + x * 1e-3, LAT + y * 1e-3) for x, y in points])


def with_corner(value: float) -> Any:
    with np.errstate(invalid="ignore"):
        return shapely.Polygon([(LON, LAT), (value, LAT), (LON, LAT + 1)])


BAD_SHAPES: list[tuple[str, Any, str]] = [
    ("no geometry", None, "no geometry, or one that cannot be read"),
    ("empty", shapely.Polygon(), "its geometry is empty"),
    ("point", shapely.Point(LON, LAT), "a Point cannot stand in buildings; needed: Polygon, MultiPolygon"),
    ("line", shapely.LineString([(LON, LAT), (LON, LAT + 1)]), "a LineString cannot stand in buildings"),
    (
        "collection",
        shapely.GeometryCollection([SQUARE, shapely.Point(LON, LAT)]),
        "a GeometryCollection cannot",
    ),
    ("zero area", ring((0, 0), (1, 0), (2, 0), (0, 0)), "its outline has no area"),
    ("one point", ring((0, 0), (0, 0), (0, 0), (0, 0)), "its outline has no area"),
    ("NaN", with_corner(np.nan), "a coordinate is not a number"),
    ("infinite", with_corner(np.inf), "a coordinate is not a number"),
]


@pytest.mark.parametrize(("name", "shape", "reason"), BAD_SHAPES, ids=[one[0] for one in BAD_SHAPES])
def test_bad_shapes_are_set_aside(tmp_path: Path, name: str, shape: Any, reason: str) -> None:
    data = load(write(tmp_path / "a.parquet", [SQUARE, shape], id=["good", name]))
    assert data.layers["buildings"].column("id").to_pylist() == ["good"]
    assert [(one.id, one.reason.startswith(reason)) for one in data.set_aside] == [(name, True)]


def test_mixed_geometry_keeps_what_fits(tmp_path: Path) -> None:
    shapes = [
        SQUARE,
        shapely.MultiPolygon([SQUARE]),
        shapely.Point(LON, LAT),
        shapely.MultiPoint([(LON, LAT)]),
    ]
    path = write(tmp_path / "a.parquet", shapes, id=list("abcd"))
    assert load(path).layers["buildings"].column("id").to_pylist() == ["a", "b"]
    assert load(path, layer="sensors").layers["sensors"].column("id").to_pylist() == ["c", "d"]


def test_self_intersecting_outlines_are_kept_for_the_tiles_to_mend(tmp_path: Path) -> None:
    bow_tie = ring((0, 0), (1, 1), (1, 0), (0, 1), (0, 0))
    spike = ring((0, 0), (2, 0), (2, 1), (1, -1), (0, 1), (0, 0))
    data = load(write(tmp_path / "a.parquet", [bow_tie, spike]))
    assert data.layers["buildings"].num_rows == 2
    assert data.set_aside == []


def test_lines_without_length(tmp_path: Path) -> None:
    line = shapely.LineString([(LON, LAT), (LON, LAT)])
    assert reasons(load(write(tmp_path / "a.parquet", [line]), layer="roads")) == ["its line has no length"]


def test_a_million_corners_are_set_aside(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 1_000_001)
    circle = shapely.Polygon(np.column_stack([LON + np.cos(angle) / 100, LAT + np.sin(angle) / 100]))
    data = load(write(tmp_path / "a.parquet", [circle, SQUARE]))
    assert reasons(data) == [f"more than {vector_shapes.MAX_VERTICES:,} corners"]
    assert data.layers["buildings"].num_rows == 1


def test_a_crossing_outline_without_area_is_not_mended_for_ever(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    points = rng.random((20_000, 2)) * 1e-3 + (LON, LAT)
    there = np.concatenate([points, points[::-1]])
    data = load(write(tmp_path / "a.parquet", [shapely.Polygon(there)]))
    assert reasons(data) == ["its outline has no area"]


def test_bytes_that_are_no_wkb(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [SQUARE])
    table = pq.read_table(path)
    bad = [
        b"",
        b"\x01",
        shapely.to_wkb(SQUARE)[:-3],
        b"\x01\x03\x00\x00\x00\xff\xff\xff\x7f",
        shapely.to_wkb(SQUARE),
    ]
    wider = pa.table({"geometry": pa.array(bad)}).replace_schema_metadata(table.schema.metadata)
    pq.write_table(wider, path)
    data = load(path)
    assert data.layers["buildings"].num_rows == 1
    assert reasons(data) == ["no geometry, or one that cannot be read"] * 4


def test_many_bad_rows_are_counted_in_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shancheng.city.sources.vector_build.MAX_LISTED", 5)
    data = load(write(tmp_path / "a.parquet", [None] * 100))
    assert len(data.set_aside) == 6
    assert data.set_aside[-1].reason == "95 more rows: no geometry, or one that cannot be read"


# --- GDAL's own ways


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("key", ["crs", "\\u0063rs"])
def test_a_link_to_a_system_is_never_followed(
    tmp_path: Path, visited: tuple[str, list[str]], key: str
) -> None:
    url, asked = visited
    path = write(tmp_path / "a.geojson", [SQUARE])
    link = json.dumps({"type": "link", "properties": {"href": f"{url}/crs", "type": "ogcwkt"}})
    path.write_text(path.read_text().replace('"features"', f'"{key}": {link}, "features"', 1))
    with pytest.raises(SourceFileError, match="its crs is of type 'link'; needed: type 'name'"):
        load(path)
    assert load(path, crs="EPSG:4326").layers["buildings"].num_rows == 1
    assert asked == []


def test_a_text_that_names_another_file_opens_nothing(tmp_path: Path) -> None:
    other = write(tmp_path / "other.geojson", [SQUARE])
    pipeline = {"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {other}"}
    layer = f"<OGRVRTLayer name='other'><SrcDataSource>{other}</SrcDataSource></OGRVRTLayer>"
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    for text in (json.dumps(pipeline), vrt, f'{{"type":"Topology","objects":{{}},"arcs":[],"x":"{other}"}}'):
        path = tmp_path / "a.geojson"
        path.write_text(text)
        with pytest.raises(SourceFileError):
            load(path)


def test_names_that_mean_something_to_gdal_are_just_names(tmp_path: Path) -> None:
    for name in ("a!b.gpkg", "vsicurl_http:x.gpkg", "a?b.geojson", "sp ace #1.gpkg", "zip.zip.geojson"):
        path = write(tmp_path / f"plain{Path(name).suffix}", [SQUARE]).rename(tmp_path / name)
        assert load(path).layers["buildings"].num_rows == 1
    for name in ("/vsicurl/http://127.0.0.1:9/a.geojson", "http://127.0.0.1:9/a.geojson", "PG:dbname=x"):
        with pytest.raises(SourceFileError, match="no such file"):
            load(Path(name))


def test_a_geopackage_whose_table_is_an_endless_view(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [SQUARE])
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE a RENAME TO b")
        database.execute(
            "CREATE VIEW a AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
            "SELECT x AS fid, geometry FROM n, b"
        )
    database.close()
    with pytest.raises(SourceFileError, match="'a' is a view, which may never end"):
        load(path)


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path / "a.geojson", [SQUARE], name=["cafe"])
    path.write_bytes(path.read_bytes().replace(b"cafe", b"caf\xe9"))
    with pytest.raises(SourceFileError, match=r"a.geojson: cannot be read as GeoJSON \(.*(?i:utf)"):
        load(path)
    parquet = tmp_path / "a.parquet"
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 1)), pa.py_buffer(b"\xe9"))
    table = pq.read_table(write(parquet, [SQUARE])).append_column("name", bad)
    pq.write_table(table, parquet)
    with pytest.raises(SourceFileError, match=r"a.parquet: cannot be read as Parquet \(.*UTF8"):
        load(parquet)


def test_json_that_is_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    for text in ('{"a":' * 100_000, "[" * 100_000, '{"type":"FeatureCollection","x":' + "[" * 100_000):
        path.write_text(text)
        with pytest.raises(SourceFileError):
            load(path)


def test_broken_geo_metadata(tmp_path: Path) -> None:
    good = pa.table({"geometry": pa.array([shapely.to_wkb(SQUARE)])})
    path = tmp_path / "a.parquet"
    column: dict[str, Any] = {"encoding": "WKB"}
    for geo in (
        "{",
        "[]",
        "{}",
        '{"primary_column": "geometry"}',
        json.dumps({"primary_column": "shape", "columns": {"shape": column}}),
        json.dumps({"primary_column": "geometry", "columns": {"geometry": {"encoding": "TWKB"}}}),
        json.dumps(
            {"primary_column": "geometry", "columns": {"geometry": {**column, "encoding": "polygon"}}}
        ),
    ):
        pq.write_table(good.replace_schema_metadata({"geo": geo}), path)
        with pytest.raises(SourceFileError, match=r"a.parquet"):
            load(path)
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(SourceFileError, match="holds no geometry; needed: GeoParquet"):
        load(path)
    unknown = {"primary_column": "geometry", "columns": {"geometry": {**column, "crs": {"type": "odd"}}}}
    pq.write_table(good.replace_schema_metadata({"geo": json.dumps(unknown)}), path)
    with pytest.raises(UnknownCRSError, match="not a known system"):
        load(path)


# --- zip


def zipped(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_zip_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = zipped(tmp_path / "a.shp.zip", {"a.shp": bytes(100 << 20), "a.dbf": b"x"})
    with pytest.raises(SourceFileError, match="more than 200-fold is taken for a bomb"):
        load(big)
    monkeypatch.setattr(vector_zip, "MAX_TOTAL_BYTES", 1000)
    with pytest.raises(SourceFileError, match="unpacks to 2,000 bytes; at most 1,000 are taken"):
        load(zipped(tmp_path / "b.zip", {"a.shp": bytes(2000)}, zipfile.ZIP_STORED))
    monkeypatch.setattr(vector_zip, "MAX_ENTRIES", 3)
    with pytest.raises(SourceFileError, match="5 entries; at most 3 are looked through"):
        load(zipped(tmp_path / "c.zip", {f"{n}.shp": b"" for n in range(5)}))


def test_archives_that_lie_or_hold_something_else(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"holds no .shp; another format has to be unpacked first"):
        load(zipped(tmp_path / "a.zip", {"a.geojson": b"{}"}))
    with pytest.raises(SettingError, match="holds a, b; name one of these with --table"):
        load(zipped(tmp_path / "b.zip", {"a.shp": b"", "x/b.shp": b""}))
    with pytest.raises(SourceFileError, match=r"b.zip"):
        load(tmp_path / "b.zip", table="b")
    path = zipped(tmp_path / "c.zip", {"a.shp": bytes(1000)})
    content = bytearray(path.read_bytes())
    content[60:70] = b"x" * 10
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=r"c.zip: cannot be unpacked"):
        load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SourceFileError, match=r"c.zip: cannot be unpacked"):
        load(path)


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    write(tmp_path / "a.shp", [SQUARE])
    parts = {
        f"../../{tmp_path.name}/evil{end}": (tmp_path / f"a{end}").read_bytes()
        for end in (".shp", ".shx", ".dbf", ".prj")
    }
    data = load(zipped(tmp_path / "b.zip", parts))
    assert data.layers["buildings"].num_rows == 1
    assert not list(tmp_path.glob("evil*"))


# --- random damage


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("ending", ["parquet", "geojson", "geojsonl", "gpkg", "shp", "fgb", "zip"])
def test_damaged_files_never_raise_anything_else(tmp_path: Path, ending: str, data: st.DataObject) -> None:
    path = tmp_path / f"a.{ending}"
    whole = tmp_path / f"whole.{ending}"
    if not whole.exists():
        plain = write(
            tmp_path / f"plain.{'shp' if ending == 'zip' else ending}", [SQUARE] * 3, height=[1.0, 2.0, 3.0]
        )
        parts = (
            {f"a{end}": plain.with_suffix(end).read_bytes() for end in (".shp", ".shx", ".dbf", ".prj")}
            if ending == "zip"
            else {}
        )
        (zipped(whole, parts) if parts else plain.rename(whole))
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(
        content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content
    )
    try:
        found = load(path, crs="EPSG:4326")
    except InputError as error:
        message = str(error)
    else:
        message = path.name
        assert found.layers["buildings"].num_rows <= 3
    assert path.name in message
