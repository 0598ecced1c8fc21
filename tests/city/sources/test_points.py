"""The source `points`: CSV and Parquet of points, OpenCelliD, encodings, and bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.sources import points_text, read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.city.sources.points import LAYERS_OF_POINTS, read
from shancheng.errors import InputError, SettingError, SourceFileError, UnknownCRSError
from shancheng.geo.bounds import Bounds
from shancheng.geo.gcj02 import gcj02_from_wgs84
from shancheng.progress import NullProgress

CELL_HEADER = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal"
CELLS = (
    "LTE,460,0,1234,5678,0,106.5516,29.5630,1000,10,1,1459692342,1459692342,-85\n"
    "UMTS,460,1,77,5679,,106.56,29.5,500,3,1,1459692342,1459692342,0\n"
)


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """``table(text, **options)``: a CSV file, read."""

    def load(content: str | bytes, **options: Any) -> CityData:
        path = tmp_path / "a.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read(path, SourceOptions(**{"layer": "sensors", **options}), NullProgress())

    return load


def rows(data: CityData) -> list[dict[str, Any]]:
    (layer,) = data.layers.values()
    found: list[dict[str, Any]] = layer.to_pylist()
    return found


def place(row: dict[str, Any]) -> tuple[float, float]:
    point = shapely.from_wkb(row["geometry"])
    return point.x, point.y


def set_aside(data: CityData) -> list[tuple[str, str]]:
    return [(one.id, one.reason) for one in data.set_aside]


# --- what is read


def test_base_stations_with_lists_of_azimuths(table: Any) -> None:
    data = table(
        "site_id,lon,lat,azimuth,height,downtilt,frequency_hz,power_dbm,vendor\n"
        "s1,106.55,29.56,0;120;240,30 m,6,3.5e9,46,甲\n"
        "s2,106.56,29.57,90,,,3500,,\n",
        layer="base_stations",
    )
    first, second = rows(data)
    assert (first["id"], first["azimuths_deg"], first["height_m"]) == ("s1", [0.0, 120.0, 240.0], 30.0)
    assert (first["downtilt_deg"], first["frequency_hz"], first["power_dbm"]) == (6.0, 3.5e9, 46.0)
    assert place(first) == (106.55, 29.56)
    assert orjson.loads(first["attributes"]) == {"vendor": "甲"}
    # Megahertz are no hertz; nobody multiplies by a guess.
    assert second["frequency_hz"] is None
    assert orjson.loads(second["attributes"]) == {"frequency_hz": "3500"}
    assert any(
        "base_stations.frequency_hz: 1 values cannot be used, such as '3500'" in one for one in data.remarks
    )


@pytest.mark.parametrize("header", [True, False])
def test_cells_of_opencellid(table: Any, header: bool) -> None:  # noqa: FBT001
    data = table(f"{CELL_HEADER}\n{CELLS}" if header else CELLS, layer=None)
    first, second = rows(data)
    assert list(data.layers) == ["base_stations"]
    assert (first["id"], first["kind"], first["provenance"]) == ("LTE-460-0-1234-5678", "LTE", "approximate")
    assert second["id"] == "UMTS-460-1-77-5679"
    assert place(first) == (106.5516, 29.5630)
    kept = orjson.loads(first["attributes"])
    assert {"mcc", "net", "area", "cell", "range", "samples", "averageSignal", "created"} <= set(kept)
    assert kept["range"] == "1000"
    assert "unit" not in orjson.loads(second["attributes"])
    assert (
        any("has no header; read with the columns of OpenCelliD" in one for one in data.remarks) is not header
    )
    assert data.layer_sources["base_stations"].provenance == "approximate"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(table: Any, delimiter: str) -> None:
    data = table(
        delimiter.join(("id", "lng", "Latitude")) + "\n" + delimiter.join(("a", "106.5", "29.5")) + "\r\n"
    )
    assert place(rows(data)[0]) == (106.5, 29.5)
    assert any("separated by" in one for one in data.remarks) is (delimiter != ",")


@pytest.mark.parametrize(
    ("encoding", "remark"),
    [("utf-8", None), ("utf-8-sig", None), ("gb18030", "GB18030"), ("utf-16", "byte order mark")],
)
def test_encodings(table: Any, encoding: str, remark: str | None) -> None:
    data = table(
        "名称,经度,纬度\n解放碑,106.5774,29.5582\n洪崖洞,106.5789,29.5637\n".encode(encoding),
        layer="landmarks",
    )
    assert [row["name"] for row in rows(data)] == ["解放碑", "洪崖洞"]
    assert {one.ours: one.theirs for one in data.column_use} == {"lon": "经度", "lat": "纬度", "name": "名称"}
    assert (
        any(remark in one for one in data.remarks)
        if remark
        else not any("GB18030" in one for one in data.remarks)
    )


def test_other_encodings_are_refused(table: Any) -> None:
    with pytest.raises(SourceFileError, match="neither UTF-8 nor GB18030"):
        table("name,lon,lat\nBürgermeister-Müller-Straße,1,2\n".encode("latin-1"))


def test_projected_coordinates_need_a_system(table: Any) -> None:
    text = "x,y\n2600000,1200000\n"
    with pytest.raises(
        UnknownCRSError, match=r"its columns x and y do not say their reference system.*--crs"
    ):
        table(text)
    assert place(rows(table(text, crs="EPSG:2056"))[0]) == pytest.approx((7.43863, 46.95108), abs=1e-5)
    named = table("e,n\n2600000,1200000\n", crs="EPSG:2056", columns={"x": "e", "y": "n"})
    assert place(rows(named)[0]) == pytest.approx((7.43863, 46.95108), abs=1e-5)
    degrees = table("x,y\n106.5,29.5\n", columns={"lon": "x", "lat": "y"})
    assert place(rows(degrees)[0]) == (106.5, 29.5)


def test_chinese_datums(table: Any) -> None:
    lon, lat = (float(one) for one in gcj02_from_wgs84(106.55, 29.56))
    data = table(f"经度,纬度\n{lon:.9f},{lat:.9f}\n", datum="gcj02")
    assert place(rows(data)[0]) == pytest.approx((106.55, 29.56), abs=1e-8)
    assert not any("taken as WGS-84" in one for one in data.remarks)
    assert any("taken as WGS-84" in one for one in table("经度,纬度\n106.5,29.5\n").remarks)


@pytest.mark.parametrize("layer", LAYERS_OF_POINTS)
def test_every_layer_of_points(table: Any, layer: str) -> None:
    data = table("id,name,lon,lat,population,rank,lines\na,甲,106.5,29.5,1000,2,1;2\n", layer=layer)
    assert rows(data)[0]["name"] == "甲"
    assert data.set_aside == []


def test_other_layers_are_refused(table: Any) -> None:
    with pytest.raises(
        SettingError, match="'buildings' is no layer of points; name one with --layer: base_stations"
    ):
        table("lon,lat\n1,2\n", layer="buildings")
    with pytest.raises(SettingError, match="does not say what it holds"):
        table("lon,lat\n1,2\n", layer=None)


def test_a_columns_type_is_never_that_of_its_first_value(table: Any) -> None:
    data = table("id,lon,lat,code\n007,106.5,29.5,1\n8,106.6,29.5,0x1F\n9,106.7,29.5,1e3\n")
    assert [row["id"] for row in rows(data)] == ["007", "8", "9"]
    assert [orjson.loads(row["attributes"]) for row in rows(data)] == [
        {"code": "1"},
        {"code": "0x1F"},
        {"code": "1e3"},
    ]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "id": ["a", "b", "c"],
        "lon": [106.5, 106.6, None],
        "lat": ["29.5", "x", "29.5"],
        "azimuths": [[0.0, 120.0], None, [7]],
    }
    pq.write_table(pa.table(columns), path)
    data = read(path, SourceOptions(layer="base_stations"), NullProgress())
    assert [(row["id"], row["azimuths_deg"]) for row in rows(data)] == [("a", [0.0, 120.0])]
    assert set_aside(data) == [
        ("row 2", "lat='x': must be a number"),
        ("row 3", "lon='None': must be a number"),
    ]
    pq.write_table(pa.table({"geometry": [b""]}).replace_schema_metadata({"geo": "{}"}), path)
    with pytest.raises(SettingError, match=r"is GeoParquet.*add it with the source `vector`"):
        read(path, SourceOptions(layer="sensors"), NullProgress())


def test_bounds(table: Any) -> None:
    data = table("id,lon,lat\na,106.5,29.5\nb,107.5,29.5\n", bounds=Bounds(106, 29, 107, 30))
    assert [row["id"] for row in rows(data)] == ["a"]
    assert any("1 rows lie outside the bounds asked for" in one for one in data.remarks)


def test_batches(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_text, "BATCH_ROWS", 10)
    text = "".join(f"{n},{106 + n * 1e-4:.4f},29.5\n" for n in range(95))
    data = table(f"id,lon,lat\n{text}bad,106.5\n")
    assert [row["id"] for row in rows(data)] == [str(n) for n in range(95)]
    assert set_aside(data) == [("line 97", "2 fields, where the header has 3")]


def test_the_source_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("lon,lat\n1,2\n")
    data = read_source("points", tmp_path / "a.csv", SourceOptions(layer="sensors"), NullProgress())
    assert data.layers["sensors"].num_rows == 1


# --- bad input


def test_bad_rows_are_set_aside_by_line(table: Any) -> None:
    data = table(
        'id,lon,lat\na,106.5,29.5\nb,,29.5\nc,abc,29.5\nd,106.5,NaN\n\ne,1e999,29.5\nf,106.5,29.5,extra\n"g\n2",106.6,29.5\nh,106.5,95\n'
    )
    assert [row["id"] for row in rows(data)] == ["a", "g\n2"]
    assert set_aside(data) == [
        ("line 3", "lon='None': must be a number"),
        ("line 4", "lon='abc': must be a number"),
        ("line 5", "lat='NaN': must be a number"),
        ("line 7", "lon='1e999': must be a number"),
        ("h", "a coordinate is outside longitude -180 to 180 or latitude -90 to 90"),
        ("line 8", "4 fields, where the header has 3"),
    ]


def test_decimal_commas_are_refused(table: Any) -> None:
    with pytest.raises(
        SourceFileError, match=r"line 3: lon=106,57: a decimal comma; needed: a point, 106.57"
    ):
        table("lon;lat\n106.5;29.5\n106,57;29,55\n")
    with pytest.raises(SourceFileError, match="line 2: height_m=30,5: a decimal comma"):
        table('id,lon,lat,height\na,106.5,29.5,"30,5"\n', layer="base_stations")


def test_swapped_axes(table: Any) -> None:
    with pytest.raises(SourceFileError, match=r"lon=29.55, lat=106.55: the axes look swapped"):
        table("lon,lat\n29.5,106.5\n29.6,106.6\n")


def test_no_header_or_no_coordinates(table: Any) -> None:
    with pytest.raises(
        SettingError, match=r"no column for lon and lat; name them with --column lon=.*; it has 106.5, 29.5"
    ):
        table("106.5,29.5\n106.6,29.5\n")
    with pytest.raises(SettingError, match="has no such column; it has a, b"):
        table("a,b\n1,2\n", columns={"lon": "c"})
    assert table("lon,lat\n").layers["sensors"].num_rows == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; needed: CSV"),
        (b"\n\nlon,lat\n", "its first line is empty; needed: a header"),
        (b"lon,lat,lon\n1,2,3\n", "the column 'lon' stands twice in the header"),
        (b'lon,lat,"x\n1,2,3\n', "quotation marks that are closed"),
        (b'lon,lat,x\n1,2,"3\n4,5,6\n', "line 3: .*quotation marks that are closed"),
        (b'lon,lat,x\n1,2,"3"4\n', "line 2: .*quotation marks that are closed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "holds zero bytes and is no text"),
        (
            b"lon,lat\n" + b"1" * (points_text.MAX_LINE + 5) + b"\n",
            "line 2 has more than 1,048,576 characters",
        ),
        (b"a," * 1500 + b"b\n", "1,501 columns; at most 1,000"),
        (b"lon,lat\n1,2\n" + b"3,4\n" * 300_000 + b"\xe9\n", "is not utf-8"),
        (b"lon,lat,x\n1,2," + b"x" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_broken_texts(table: Any, content: bytes, message: str) -> None:
    with pytest.raises(SourceFileError, match=message):
        table(content)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SourceFileError, match="needed: a local file, CSV"):
            read(path, SourceOptions(layer="sensors"), NullProgress())


def test_a_text_without_end_is_cut_off(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_text, "MAX_ROWS", 100)
    with pytest.raises(SourceFileError, match="more than 100 rows"):
        table("lon,lat\n" + "1,2\n" * 200)


# --- random input

_CELL = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=8),
    st.sampled_from(["", "0;120", "106,5", '"', "é"]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.lists(
        st.sampled_from(["id", "lon", "lat", "name", "height", "azimuth", "x", "y", "层数"]),
        min_size=1,
        max_size=7,
    ),
    body=st.lists(st.lists(_CELL, max_size=7), max_size=8),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16", "utf-8-sig"]),
)
def test_random_tables(
    table: Any, header: list[str], body: list[list[str]], delimiter: str, encoding: str
) -> None:
    text = "\n".join(delimiter.join(row) for row in [header, *body])
    try:
        data = table(text.encode(encoding, errors="replace"), layer="base_stations")
    except InputError:
        return
    coordinates = np.array([place(row) for row in rows(data)]).reshape(-1, 2)
    assert (np.abs(coordinates) <= (180, 90)).all()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=400))
def test_random_bytes(table: Any, content: bytes) -> None:
    try:
        data = table(b"lon,lat,name\n1,2,a\n" + content)
    except InputError:
        return
    assert data.layers["sensors"].num_rows >= 1
