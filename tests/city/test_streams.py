import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city import streams
from shancheng.city.changes import with_indices
from shancheng.city.create import create_city
from shancheng.city.geoparquet import read_layer, sorted_by_id, write_layer_file
from shancheng.city.schema import LAYERS, layer_table, validate_layer
from shancheng.city.sources.base import CityData
from shancheng.city.store import City
from shancheng.city.streams import write_layer_stream
from shancheng.city.writing import write_layer
from shancheng.errors import LayerSchemaError


def places(ids: list[str], kinds: list[str] | str = "city") -> pa.Table:
    points = shapely.points(np.linspace(7, 8, len(ids)), np.full(len(ids), 43.0))
    return layer_table("places", geometry=points, id=ids, kind=kinds, provenance="surveyed", rank=1)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations([f"n{number}" for number in range(60)]),
    st.lists(st.integers(0, 60), max_size=6).map(sorted),
    st.sampled_from([5, 16, 60, 100]),
)
def test_a_stream_makes_the_file_that_a_table_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: list[str], cuts: list[int], run_rows: int
) -> None:
    monkeypatch.setattr(streams, "RUN_ROWS", run_rows)
    monkeypatch.setattr(streams, "_BATCH_ROWS", 4)
    table = places(ids, [("city", "town")[number % 2] for number in range(60)])
    whole, smallest = with_indices(sorted_by_id(validate_layer("places", table)), None, 0)
    write_layer_file(tmp_path / "whole.parquet", whole)
    edges = [0, *cuts, 60]
    pieces = (table.slice(a, b - a) for a, b in pairwise(edges))
    assert write_layer_stream(tmp_path / "stream.parquet", "places", pieces) == smallest == 60
    assert (tmp_path / "stream.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"stream.parquet", "whole.parquet"}


def test_a_stream_of_nothing_is_an_empty_layer(tmp_path: Path) -> None:
    for name, tables in {"none": [], "empty": [places([])]}.items():
        assert write_layer_stream(tmp_path / name, "places", tables) == 0
        assert read_layer(tmp_path / name, "places").schema.equals(LAYERS["places"])


@pytest.mark.parametrize("run_rows", [2, 100])
def test_an_id_that_stands_twice_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_rows: int
) -> None:
    monkeypatch.setattr(streams, "RUN_ROWS", run_rows)
    tables = [places(["a", "d"]), places(["c", "b"]), places(["e", "c"])]
    with pytest.raises(LayerSchemaError, match=r"places.id: 'c' stands more than once"):
        write_layer_stream(tmp_path / "places.parquet", "places", tables)
    assert list(tmp_path.iterdir()) == []


def test_tables_of_different_columns_are_refused(tmp_path: Path, buildings: Callable[..., pa.Table]) -> None:
    other = buildings(["b"]).append_column("owner", pa.array(["x"]))
    with pytest.raises(LayerSchemaError, match="tables differ"):
        write_layer_stream(tmp_path / "buildings.parquet", "buildings", [buildings(["a"]), other])


def test_a_stream_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RUN_ROWS", 2)
    path = tmp_path / "places.parquet"
    write_layer_stream(path, "places", [places(["a"])])
    before = path.read_bytes()

    def broken() -> Iterator[pa.Table]:
        yield places(["a", "b", "c", "d"])
        raise RuntimeError("the source ended")

    with pytest.raises(RuntimeError, match="the source ended"):
        write_layer_stream(path, "places", broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


STREAM = """
import sys, resource
from itertools import pairwise
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_streams import places
from shancheng.city.sources.base import CityData
from shancheng.city.store import City
from shancheng.city.streams import write_layer_stream
from shancheng.city.writing import write_layer
from shancheng.city import streams
streams.RUN_ROWS, streams._BATCH_ROWS = 20_000, 1_000
def tables(count):
    for first in range(0, count, 10_000):
        yield places([f"n{(number * 7919) % 1_000_003:07}" for number in range(first, first + 10_000)])
write_layer_stream(Path(sys.argv[2]), "places", tables(int(sys.argv[3])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_layer(tmp_path: Path) -> None:
    assert resource.RLIMIT_AS  # the measure is a Unix one
    found = []
    for count in (100_000, 500_000):
        command = [sys.executable, "-c", STREAM, str(Path(__file__).parent), str(tmp_path / "p"), str(count)]
        found.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    small, large = found
    # As one table the larger one would take 100 MB more.
    assert large - small < 40


def test_a_city_is_made_from_a_stream_as_from_a_table(
    tmp_path: Path, town: Callable[..., None], city_data: CityData, buildings: Callable[..., pa.Table]
) -> None:
    table = buildings(["c", "a", "b"])
    for name, data in {
        "table": replace(city_data, layers={**city_data.layers, "buildings": table}),
        "stream": replace(
            city_data,
            layers={"places": city_data.layers["places"]},
            streams={"buildings": iter([table.slice(0, 2), table.slice(2)])},
        ),
    }.items():
        town(data)
        city, _ = create_city(tmp_path / name, "town")
        with city:
            assert city.layer_names() == ["buildings", "places"]
            assert city.layer_version("buildings").rows == 3
            assert city.manifest.layers["buildings"] == city_data.layer_sources["buildings"]
    files = [(tmp_path / name / "town/layers/buildings.parquet").read_bytes() for name in ("table", "stream")]
    assert files[0] == files[1]
    with City.open(tmp_path / "stream" / "town", write=True) as city:
        # New objects get indices behind those that the stream's were given.
        write_layer(city, "buildings", buildings(["a", "d"]), city.manifest.layers["buildings"])
        assert city.layer("buildings").column("index").to_pylist() == [0, 3]
