"""Whether a built-in city on the disk may be made anew without asking."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from shancheng.city.freshness import Freshness, freshness_of
from shancheng.city.manifest import LayerSource
from shancheng.city.store import City
from shancheng.city.writing import write_layer
from shancheng.errors import OlderSchemaError

Town = Callable[..., None]
OSM = LayerSource("OSM", "ODbL-1.0", "© OSM", "surveyed")


def make_older(folder: Path) -> None:
    toml = folder / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("schema_version = 2", "schema_version = 1"))


def touch(folder: Path, table: pa.Table) -> None:
    with City.open(folder, write=True) as city:
        write_layer(city, "buildings", table, OSM)


def test_what_this_version_makes_is_current(town_folder: Path) -> None:
    assert freshness_of(town_folder) is Freshness.CURRENT


def test_an_older_recipe_is_replaced_unless_somebody_added_to_it(
    town_folder: Path, town: Town, buildings: Callable[..., pa.Table]
) -> None:
    town(version="2")
    assert freshness_of(town_folder) is Freshness.REPLACEABLE
    touch(town_folder, buildings(["mine"]))
    assert freshness_of(town_folder) is Freshness.OUTDATED


def test_a_new_layer_counts_as_added(town_folder: Path, town: Town) -> None:
    town(version="2")
    with City.open(town_folder, write=True) as city:
        places = city.layer("places").drop_columns(["population", "rank"])
        write_layer(city, "sensors", places, OSM)
    assert freshness_of(town_folder) is Freshness.OUTDATED


def test_an_older_program_likewise_but_then_it_cannot_be_served(town_folder: Path) -> None:
    make_older(town_folder)
    assert freshness_of(town_folder) is Freshness.REPLACEABLE
    with (town_folder / "layers" / "places.parquet").open("ab") as file:
        file.write(b"edited")
    with pytest.raises(OlderSchemaError, match=r"city create town ... --replace"):
        freshness_of(town_folder)


def test_a_database_of_version_1_is_understood(town_folder: Path) -> None:
    make_older(town_folder)
    with sqlite3.connect(town_folder / "shancheng.db") as database:
        for column in ("how", "source", "inputs", "added", "changed", "removed"):
            database.execute(f"ALTER TABLE layer_versions DROP COLUMN {column}")
    database.close()
    assert freshness_of(town_folder) is Freshness.REPLACEABLE
    with sqlite3.connect(town_folder / "shancheng.db") as database:
        database.execute("UPDATE layer_versions SET version = 2 WHERE layer = 'places'")
    database.close()
    with pytest.raises(OlderSchemaError):
        freshness_of(town_folder)


def test_what_is_not_built_in_is_nobody_elses_business(town_folder: Path, tmp_path: Path, town: Town) -> None:
    town(version="2")
    copied = Path(shutil.copytree(town_folder, tmp_path / "mine"))
    assert freshness_of(copied) is Freshness.CURRENT
    assert freshness_of(tmp_path / "nowhere") is Freshness.CURRENT
    (town_folder / "city.toml").write_text("oops = ")
    assert freshness_of(town_folder) is Freshness.CURRENT


def test_without_a_database_nobody_can_tell(town_folder: Path, town: Town) -> None:
    town(version="2")
    (town_folder / "shancheng.db").unlink()
    assert freshness_of(town_folder) is Freshness.OUTDATED
