import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shancheng.city import store, writing
from shancheng.city.geoparquet import write_layer_file
from shancheng.city.manifest import LayerSource
from shancheng.city.store import City
from shancheng.city.terrain import write_terrain
from shancheng.city.writing import write_layer
from shancheng.db import feed
from shancheng.db.lock import CityLock
from shancheng.errors import (
    LayerChangedError,
    LayerSchemaError,
    NewerSchemaError,
    NotACityError,
    NotFoundError,
    StorageError,
)
from shancheng.geo.raster import Raster

Make = Callable[..., pa.Table]
OSM = LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed")


def rewrite(folder: Path, table: pa.Table, layer: str = "buildings") -> None:
    write_layer_file(folder / "layers" / f"{layer}.parquet", table)


def fed(city: City, kind: str) -> list[feed.FeedRow]:
    return [row for row in feed.read(city.database, 0) if row.kind == kind]


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_city_tells_what_it_has(town_folder: Path) -> None:
    with City.open(town_folder) as city:
        assert city.layer_names() == ["buildings", "places"]
        assert city.has_layer("places")
        assert not city.has_layer("roads")
        assert city.layer("buildings").num_rows == 3
        assert city.layer("buildings", ["id"]).to_pydict() == {"id": ["h1", "h2", "h3"]}
        version = city.layer_version("buildings")
        assert (version.version, version.rows, len(version.sha256)) == (1, 3, 64)
        assert city.terrain().shape == (20, 20)
        assert city.terrain() is city.terrain()
        assert city.set_aside() == []
        with pytest.raises(
            NotFoundError, match=r"layer='roads': town has no such layer; it has buildings, places"
        ):
            city.layer("roads")


def test_opening_for_reading_writes_nothing(town_folder: Path, buildings: Make) -> None:
    rewrite(town_folder, buildings(["h1", "new"]))
    before = snapshot(town_folder)
    with City.open(town_folder, write=False) as city:
        assert not city.writes
        assert city.layer("buildings").num_rows == 2
        assert city.layer_version("buildings").rows == 2
        assert city.layer_version("buildings").version == 1
        city.input_digest()
        city.terrain()
    assert snapshot(town_folder) == before


def test_a_folder_that_is_read_only_can_be_read(town_folder: Path) -> None:
    for path in [*town_folder.rglob("*"), town_folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with City.open(town_folder) as city:
            assert city.layer("buildings").num_rows == 3
    finally:
        for path in [town_folder, *town_folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_the_owner_takes_a_changed_layer_over(town_folder: Path, buildings: Make) -> None:
    rewrite(town_folder, buildings(["h1", "new"]))
    with CityLock(town_folder), City.open(town_folder) as city:
        assert city.writes
        assert city.layer_version("buildings").version == 2
        (row,) = fed(city, "layer.adopted")
        assert (row.subject, row.payload["version"], row.payload["rows"]) == ("buildings", 2, 2)
        assert row.payload["sha256"] == city.layer_version("buildings").sha256
    with CityLock(town_folder), City.open(town_folder) as city:
        assert city.layer_version("buildings").version == 2
        assert len(fed(city, "layer.adopted")) == 1


def test_without_the_lock_a_city_is_opened_for_reading(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder) as city:
        assert not city.writes
        with pytest.raises(StorageError, match="opened for reading; take the city's lock"):
            write_layer(city, "buildings", buildings(["x"]), OSM)


def test_a_changed_layer_that_fits_no_more_is_refused_by_name(town_folder: Path, buildings: Make) -> None:
    pq.write_table(buildings(["h1"]).drop_columns(["height_m"]), town_folder / "layers" / "buildings.parquet")
    for write in (True, False):
        with pytest.raises(
            LayerChangedError, match=r"buildings.parquet: was changed and cannot be taken over: .*height_m"
        ):
            City.open(town_folder, write=write)
    (town_folder / "layers" / "buildings.parquet").write_text("oops")
    with pytest.raises(LayerChangedError, match=r"buildings.parquet: not a Parquet file"):
        City.open(town_folder)
    (town_folder / "layers" / "buildings.parquet").unlink()
    with pytest.raises(LayerChangedError, match=r"buildings.parquet: is missing"):
        City.open(town_folder)


def test_a_changed_terrain_is_taken_over_or_refused(town_folder: Path) -> None:
    with City.open(town_folder) as city:
        before, raster = city.terrain_sha256, city.terrain()
    higher = Raster(
        raster.values + 1, raster.west_deg, raster.north_deg, raster.step_lon_deg, raster.step_lat_deg
    )
    write_terrain(town_folder / "terrain.tif", higher)
    with City.open(town_folder, write=True) as city:
        assert city.terrain_sha256 != before
        assert [row.subject for row in fed(city, "terrain.adopted")] == ["terrain"]
    (town_folder / "terrain.tif").write_text("oops")
    with pytest.raises(LayerChangedError, match=r"terrain.tif: was changed and cannot be taken over"):
        City.open(town_folder)


def test_a_copied_folder_is_the_same_city(town_folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(town_folder, copied, copy_function=shutil.copyfile)
    os.utime(copied / "layers" / "buildings.parquet", ns=(1, 1))
    with City.open(town_folder) as city, City.open(copied, write=True) as copy:
        assert copy.input_digest() == city.input_digest()
        assert copy.layer_version("buildings").version == 1
        assert fed(copy, "layer.adopted") == []
    with City.open(copied) as copy:
        assert copy.layer_version("buildings").state.mtime_ns == 1


def test_a_folder_without_its_database_gets_one(town_folder: Path) -> None:
    for path in town_folder.glob("shancheng.db*"):
        path.unlink()
    with City.open(town_folder, write=False) as city:
        assert city.layer_version("buildings").version == 0
        digest = city.input_digest()
    with City.open(town_folder, write=True) as city:
        assert city.layer_version("buildings").version == 1
        assert city.input_digest() == digest


def test_a_new_version_of_a_layer_tells_what_changed(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder, write=True) as city:
        old = city.layer("buildings")
        changed = buildings(["h1", "h2", "h4"], height_m=[9.0, 30.0, 9.0])
        version = write_layer(city, "buildings", changed, OSM)
        assert version.version == 2
        assert city.layer_version("buildings") == version
        (row,) = fed(city, "layer.written")[-1:]
        assert row.payload["ids"] == {"added": ["h4"], "changed": ["h2"], "removed": ["h3"]}
        index = dict(
            zip(*(city.layer("buildings").column(n).to_pylist() for n in ("id", "index")), strict=True)
        )
        assert index == {"h1": 0, "h2": 1, "h4": 3}
        assert old.column("index").to_pylist() == [0, 1, 2]
    with City.open(town_folder, write=True) as city:
        assert city.manifest.layers["buildings"] == OSM
        assert city.layer_version("buildings") == version
        write_layer(city, "buildings", buildings(["h3"]), OSM)
        assert city.layer("buildings").column("index").to_pylist() == [4]


def test_a_city_can_get_a_layer_it_did_not_have(town_folder: Path, city_data: Any) -> None:
    with City.open(town_folder, write=True) as city:
        places = city_data.layers["places"]
        landmarks = places.drop_columns(["population"]).append_column(
            "height_m", pa.array([99.0], pa.float32())
        )
        write_layer(city, "landmarks", landmarks, OSM)
    with City.open(town_folder) as city:
        assert city.layer_names() == ["buildings", "landmarks", "places"]
        assert city.layer_version("landmarks").version == 1


def test_a_wrong_table_changes_nothing(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder, write=True) as city:
        before = city.input_digest()
        with pytest.raises(LayerSchemaError, match="height_m"):
            write_layer(city, "buildings", buildings(["x"]).drop_columns(["height_m"]), OSM)
    with City.open(town_folder) as city:
        assert city.input_digest() == before


@pytest.mark.parametrize(("module", "at"), [(store, "write_atomically"), (writing, "record")])
def test_a_crash_while_writing_leaves_a_city_that_opens(
    town_folder: Path, buildings: Make, monkeypatch: pytest.MonkeyPatch, module: ModuleType, at: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with City.open(town_folder, write=True) as city:
        monkeypatch.setattr(module, at, die)
        with pytest.raises(KeyboardInterrupt):
            write_layer(city, "buildings", buildings(["h1", "h9"]), OSM)
    monkeypatch.undo()
    with City.open(town_folder, write=True) as city:
        assert city.layer("buildings").column("id").to_pylist() == ["h1", "h9"]
        assert city.layer_version("buildings").version == 2
        assert len(fed(city, "layer.adopted")) == 1
        write_layer(city, "buildings", buildings(["h9", "hA"]), OSM)
        # Index 2 was given to h3 before the crash and is not given again.
        assert city.layer("buildings").column("index").to_pylist()[1] >= 3


def test_the_digest_follows_what_tiles_are_made_from(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder, write=True) as city:
        digests = {city.input_digest()}
        write_layer(city, "buildings", buildings(["h1"]), OSM)
        digests.add(city.input_digest())
    toml = town_folder / "city.toml"
    toml.write_text(toml.read_text().replace("west = 106.495", "west = 106.494"))
    with City.open(town_folder) as city:
        digests.add(city.input_digest())
    assert len(digests) == 3


def test_what_is_no_city(tmp_path: Path, town_folder: Path) -> None:
    with pytest.raises(NotACityError, match="no such folder"):
        City.open(tmp_path / "nowhere")
    with pytest.raises(NotACityError, match="no city"):
        City.open(tmp_path)
    toml = town_folder / "city.toml"
    toml.write_text(toml.read_text().replace("schema_version = 2", "schema_version = 9"))
    with pytest.raises(NewerSchemaError, match="schema_version=9"):
        City.open(town_folder)


def test_a_newer_or_foreign_database_is_refused(town_folder: Path) -> None:
    with City.open(town_folder, write=True) as city, city.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(NewerSchemaError, match=r"shancheng.db: schema_version=99"):
        City.open(town_folder)
    (town_folder / "shancheng.db").write_bytes(b"no database at all")
    with pytest.raises(StorageError, match=r"shancheng.db: cannot be read"):
        City.open(town_folder)


def test_leftovers_of_a_killed_writer_are_cleared_by_the_owner(town_folder: Path) -> None:
    leftover = town_folder / "layers" / ".buildings.parquet.0123.tmp"
    leftover.write_text("half")
    City.open(town_folder, write=False).close()
    assert leftover.exists()
    City.open(town_folder, write=True).close()
    assert not leftover.exists()
