"""What is recorded of the files that a city is made from."""

from pathlib import Path

import pytest

from shancheng.city import inputs
from shancheng.city.inputs import SourceInput, dem_record, input_record
from shancheng.city.sources.base import SourceOptions
from shancheng.city.sources.dem_file import DemFile
from shancheng.errors import SourceFileError
from shancheng.geo.bounds import Bounds


def test_options_are_recorded_as_they_were_given(tmp_path: Path) -> None:
    path = tmp_path / "houses.gpkg"
    path.write_bytes(b"houses")
    options = SourceOptions(
        crs="EPSG:4490", datum="gcj02", columns={"name": "NAME", "height_m": "H"}, bounds=Bounds(1, 2.5, 3, 4)
    )
    record = input_record(SourceInput("vector", path, options, ("buildings",)))
    assert (record.kind, record.file, record.size) == ("vector", "houses.gpkg", 6)
    assert record.options == {
        "crs": "EPSG:4490", "datum": "gcj02", "columns": "height_m=H,name=NAME", "bounds": "1,2.5,3,4",
        "layer": "buildings",
    }  # fmt: skip
    assert input_record(SourceInput("vector", path)).options == {}
    dem = dem_record(DemFile(path, encoding="terrarium", tile=(10, 906, 404)))
    assert (dem.kind, dem.options) == ("dem", {"encoding": "terrarium", "tile": "10/906/404"})


def folder_of(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "data"
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_folder_is_what_its_files_are(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, a="1", deep__b="22")
    record = input_record(SourceInput("citygml", folder))
    assert (record.file, record.size) == ("data", 3)
    again = input_record(SourceInput("citygml", folder_of(tmp_path / "elsewhere", deep__b="22", a="1")))
    assert again == record
    (folder / "a").write_text("3")
    assert input_record(SourceInput("citygml", folder)).sha256 != record.sha256
    (folder / "a").rename(folder / "c")
    (folder / "c").write_text("1")
    assert input_record(SourceInput("citygml", folder)).sha256 != record.sha256


def test_a_folder_with_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_MAX_FILES", 2)
    folder = folder_of(tmp_path, a="1", b="2", c="3")
    with pytest.raises(SourceFileError, match="holds more than 2 files"):
        input_record(SourceInput("citygml", folder))
