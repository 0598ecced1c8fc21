"""Versions keep their dates: a city as it was, what is listed of it, and what is let go."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shancheng.city import kept, versions
from shancheng.city.history import history_of, prune
from shancheng.city.manifest import LayerSource
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.city.store import City
from shancheng.city.versions import read_versions
from shancheng.city.writing import write_ground, write_layer
from shancheng.errors import LayerChangedError, NotFoundError, SettingError, StorageError
from shancheng.geo.raster import Raster

Make = Callable[..., pa.Table]
OSM = LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed")
SURVEY = LayerSource("City survey", "CC-BY-4.0", "The city", "surveyed")


def put(folder: Path, table: pa.Table, source: LayerSource = OSM, layer: str = "buildings") -> datetime:
    """Write a layer; a moment before it was recorded."""
    before = datetime.now(UTC)
    with City.open(folder, write=True) as city:
        write_layer(city, layer, table, source)
    return before


def raised(raster: Raster, metres: float) -> Raster:
    place = (raster.west_deg, raster.north_deg, raster.step_lon_deg, raster.step_lat_deg)
    return Raster(raster.values + metres, *place)


def test_every_version_can_be_looked_at(town_folder: Path, buildings: Make) -> None:
    first = put(town_folder, buildings(["h1", "h2"], height_m=[9.0, 30.0]))
    second = put(town_folder, buildings(["h2", "h9"]), SURVEY)
    with City.open(town_folder, at=first) as city:
        assert city.at == first
        assert not city.writes
        assert city.layer("buildings").column("id").to_pylist() == ["h1", "h2", "h3"]
        assert city.layer_version("buildings").version == 1
        assert city.manifest.layers["buildings"].source == "by hand"
        assert city.set_aside() == []
    with City.open(town_folder, at=second) as city:
        assert city.layer("buildings").column("height_m").to_pylist() == [9.0, 30.0]
        assert city.manifest.layers["buildings"] == OSM
    with City.open(town_folder, at=datetime.now(UTC)) as now, City.open(town_folder) as city:
        assert now.layer("buildings").column("id").to_pylist() == ["h2", "h9"]
        assert now.input_digest() == city.input_digest()


def test_a_replaced_file_costs_no_space(town_folder: Path, buildings: Make) -> None:
    inode = (town_folder / "layers" / "buildings.parquet").stat().st_ino
    put(town_folder, buildings(["h1"]))
    assert (town_folder / "layers" / ".versions" / "buildings-1.parquet").stat().st_ino == inode


def test_without_hard_links_it_is_copied(
    town_folder: Path, buildings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(kept.os, "link", refuse)
    first = put(town_folder, buildings(["h1"]))
    with City.open(town_folder, at=first) as city:
        assert city.layer("buildings").num_rows == 3
    assert [path.name for path in (town_folder / "layers" / ".versions").iterdir()] == ["buildings-1.parquet"]


def test_a_layer_that_was_added_later_is_not_there_before(town_folder: Path, city_data: CityData) -> None:
    places = city_data.layers["places"]
    later = places.drop_columns(["population", "rank"])
    before = put(town_folder, later, layer="sensors")
    with City.open(town_folder, at=before) as city:
        assert city.layer_names() == ["buildings", "places"]
        with pytest.raises(NotFoundError, match="layer='sensors'"):
            city.layer("sensors")
    with City.open(town_folder) as city:
        assert city.layer_names() == ["buildings", "places", "sensors"]


def test_the_ground_has_versions_too(town_folder: Path, city_data: CityData) -> None:
    ground = city_data.terrain
    assert ground is not None
    before = datetime.now(UTC)
    higher = ElevationData(
        raised(ground.raster, 5), replace(ground.source, source="Lidar", provenance="surveyed")
    )
    with City.open(town_folder, write=True) as city:
        old = city.terrain()
        assert write_ground(city, higher).version == 2
        assert city.terrain().values[0, 0] == old.values[0, 0] + 5
        assert write_ground(city, higher).version == 2
    with City.open(town_folder, at=before) as city:
        assert city.terrain().values.tolist() == old.values.tolist()
        assert city.manifest.terrain.source == "by hand"
    with City.open(town_folder) as city:
        assert city.manifest.terrain.source == "Lidar"
        assert city.terrain_version.version == 2


def test_before_the_first_version_there_was_no_city(town_folder: Path) -> None:
    long_ago = datetime(1990, 1, 1, tzinfo=UTC)
    with pytest.raises(
        NotFoundError, match=r"was not there yet at 1990-01-01 00:00:00\+00:00; its first version is of 20"
    ):
        City.open(town_folder, at=long_ago)


def test_a_time_without_a_zone_is_refused(town_folder: Path) -> None:
    with pytest.raises(SettingError, match=r"at=2026-11-24 .*: must carry a time zone"):
        City.open(town_folder, at=datetime(2026, 11, 24, 12))  # noqa: DTZ001 - what is refused


def test_versions_follow_one_another_though_the_clock_was_set_back(
    town_folder: Path, buildings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(days=1)

    monkeypatch.setattr(versions, "datetime", Yesterday)
    put(town_folder, buildings(["h1"]))
    first, second = (
        entry.record.version.changed_at
        for entry in reversed(history_of(town_folder))
        if entry.record.version.layer == "buildings"
    )
    assert second - first == timedelta(microseconds=1)


def test_the_same_again_is_no_new_version(town_folder: Path, buildings: Make) -> None:
    put(town_folder, buildings(["h1", "h2"]))
    put(town_folder, buildings(["h1", "h2"]).take([1, 0]))
    assert [entry.record.version.version for entry in history_of(town_folder)].count(2) == 1
    put(town_folder, buildings(["h1", "h2"]), SURVEY)
    assert read_versions(town_folder / "shancheng.db")["buildings"].version == 3


def test_the_history_says_when_from_where_and_what_changed(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder, write=True) as city:
        write_layer(
            city,
            "buildings",
            buildings(["h1", "h2", "h4"], height_m=[9.0, 30.0, 9.0]),
            OSM,
            how="added",
            inputs=[{"kind": "osm", "file": "town.osm.pbf"}],
        )
    newest, *rest = history_of(town_folder)
    assert (newest.record.version.layer, newest.record.version.version) == ("buildings", 2)
    assert (newest.record.how, newest.record.source) == ("added", "OSM")
    assert newest.record.inputs == ({"kind": "osm", "file": "town.osm.pbf"},)
    assert (newest.record.added, newest.record.changed, newest.record.removed) == (1, 1, 1)
    assert (newest.current, newest.kept) == (True, True)
    assert datetime.now(UTC) - newest.record.version.changed_at < timedelta(minutes=1)
    told = {(entry.record.version.layer, entry.record.how, entry.record.added) for entry in rest}
    assert told == {("buildings", "created", 3), ("places", "created", 1), ("terrain", "created", 0)}
    assert [entry.current for entry in rest if entry.record.version.layer == "buildings"] == [False]


def test_pruning_deletes_files_and_keeps_what_is_known(town_folder: Path, buildings: Make) -> None:
    moments = [put(town_folder, buildings([f"h{number}"])) for number in range(4)]
    with City.open(town_folder, write=True) as city:
        gone = prune(city, 2)
        assert sorted(entry.record.version.version for entry in gone) == [1, 2, 3]
        assert prune(city, 2) == []
    entries = [e for e in history_of(town_folder) if e.record.version.layer == "buildings"]
    assert [(e.record.version.version, e.kept) for e in entries] == [
        (5, True), (4, True), (3, False), (2, False), (1, False),
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match=r"version 2 of buildings, of 20.* is kept no more"):
        City.open(town_folder, at=moments[1])
    with City.open(town_folder, at=datetime.now(UTC)) as city:
        assert city.layer("buildings").column("id").to_pylist() == ["h3"]


def test_pruning_lets_go_of_pictures_that_nobody_shows(town_folder: Path, buildings: Make) -> None:
    textures = town_folder / "layers" / "textures"
    textures.mkdir()
    names = [f"{letter * 64}.jpg" for letter in "abc"]
    for name in names:
        (textures / name).write_bytes(b"x")
    for name in names:
        put(town_folder, buildings(["h1"], lod2_textures=[[name, None]]))
    with City.open(town_folder, write=True) as city:
        prune(city, 2)
    assert sorted(path.name for path in textures.iterdir()) == names[1:]


def test_pruning_needs_a_number_and_the_owner(town_folder: Path) -> None:
    with City.open(town_folder, write=True) as city, pytest.raises(SettingError, match=r"keep=0: must be 1"):
        prune(city, 0)
    with City.open(town_folder, write=False) as city, pytest.raises(StorageError, match="opened for reading"):
        prune(city, 1)


def test_a_kept_file_that_was_changed_is_not_shown(town_folder: Path, buildings: Make) -> None:
    before = put(town_folder, buildings(["h1"]))
    path = town_folder / "layers" / ".versions" / "buildings-1.parquet"
    shutil.copyfile(town_folder / "layers" / "buildings.parquet", path)
    with pytest.raises(NotFoundError, match="version 1 of buildings"):
        City.open(town_folder, at=before)


def test_a_copied_folder_has_the_same_past(town_folder: Path, tmp_path: Path, buildings: Make) -> None:
    before = put(town_folder, buildings(["h1"]))
    copied = tmp_path / "copy"
    shutil.copytree(town_folder, copied, copy_function=shutil.copyfile)
    for path in copied.rglob("*.parquet"):
        os.utime(path, ns=(1, 1))
    with City.open(copied, at=before) as city:
        assert city.layer("buildings").num_rows == 3


def test_a_crash_before_the_record_leaves_the_version_before_in_the_past(
    town_folder: Path, buildings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shancheng.city import writing

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = datetime.now(UTC)
    monkeypatch.setattr(writing, "record", die)
    with City.open(town_folder, write=True) as city, pytest.raises(KeyboardInterrupt):
        write_layer(city, "buildings", buildings(["h1", "h9"]), SURVEY)
    monkeypatch.undo()
    with City.open(town_folder, write=True) as city:
        assert city.manifest.layers["buildings"] == SURVEY
    newest = history_of(town_folder)[0]
    # The kept file tells what changed, though the process that knew it is dead.
    assert (newest.record.how, newest.record.added, newest.record.removed) == ("adopted", 1, 2)
    with City.open(town_folder, at=before) as city:
        assert city.layer("buildings").column("id").to_pylist() == ["h1", "h2", "h3"]


def test_data_brings_its_source_along(town_folder: Path, buildings: Make) -> None:
    """A crash between the layer's file and city.toml must not leave data under another licence."""
    toml = (town_folder / "city.toml").read_bytes()
    put(town_folder, buildings(["h7"]), SURVEY)
    (town_folder / "city.toml").write_bytes(toml)
    (town_folder / "shancheng.db").unlink()
    with City.open(town_folder, write=False) as city:
        assert city.manifest.layers["buildings"] == SURVEY
    with City.open(town_folder, write=True) as city:
        assert city.manifest.layers["buildings"] == SURVEY
    assert "City survey" in (town_folder / "city.toml").read_text(encoding="utf-8")


def test_a_damaged_file_is_named_even_in_the_past(town_folder: Path, buildings: Make) -> None:
    before = put(town_folder, buildings(["h1"]))
    path = town_folder / "layers" / ".versions" / "buildings-1.parquet"
    state = path.stat()
    path.write_bytes(b"x" * state.st_size)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(LayerChangedError, match=r"buildings-1.parquet: not a Parquet file"):
        City.open(town_folder, at=before)
