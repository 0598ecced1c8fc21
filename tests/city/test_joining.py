"""One layer from two sources: rows, columns, licences."""

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from shancheng.city.joining import join_data, join_sources, join_tables
from shancheng.city.manifest import LayerSource
from shancheng.city.sources.base import CityData, ColumnUse, SetAside
from shancheng.errors import LayerSchemaError, SourceFileError

Make = Callable[..., pa.Table]
A = LayerSource("A", "ODbL-1.0", "© A", "surveyed", "https://a.org", "2019", "About A.")
B = LayerSource("B", "CC-BY-4.0", "© B", "modelled", "", "2024-05", "About B.")


def test_every_source_is_named_once() -> None:
    joined = join_sources([A, B])
    assert joined == LayerSource(
        "A; B",
        "ODbL-1.0; CC-BY-4.0",
        "© A; © B",
        "modelled",
        "https://a.org",
        "2019/2024-05",
        "About A. About B.",
    )
    assert join_sources([joined, B]) == joined
    assert join_sources([A]) == A
    assert join_sources([A, replace(A, date="")]) == A


def test_rows_keep_what_they_say_of_their_source(buildings: Make) -> None:
    old = buildings(["h1", "h2"], source=["cadastre", None])
    joined = join_tables("buildings", [old, buildings(["h9"])], [A, B])
    assert joined.column("source").to_pylist() == ["cadastre", "A", "B"]
    assert joined.column("index").to_pylist() == [0, 1, 2]
    assert joined.schema.field("kind").type == old.schema.field("kind").type


def test_extra_columns_are_kept_where_they_go_together(buildings: Make) -> None:
    old = buildings(["h1"]).append_column("owner", pa.array(["x"]))
    joined = join_tables("buildings", [old, buildings(["h2"])], [A, B])
    assert joined.column("owner").to_pylist() == ["x", None]
    other = buildings(["h2"]).append_column("owner", pa.array([[1.0]]))
    with pytest.raises(LayerSchemaError, match="buildings: the columns of the two do not go together"):
        join_tables("buildings", [old, other], [A, B])


def test_an_id_that_stands_twice_is_refused(buildings: Make) -> None:
    with pytest.raises(LayerSchemaError, match="'h1' stands more than once"):
        join_tables("buildings", [buildings(["h1"]), buildings(["h1"])], [A, B])


def test_all_that_sources_say_is_joined(buildings: Make) -> None:
    use = ColumnUse("name", "NAME", guessed=True)
    one = CityData(
        {"buildings": buildings(["h1"])}, {"buildings": A}, set_aside=[SetAside("buildings", "x", "broken")],
        files={"tables/a": b"1"}, column_use=(use,), remarks=("datum",),
    )  # fmt: skip
    two = CityData(
        {"buildings": buildings(["h2"])}, {"buildings": B}, set_aside=[SetAside("buildings", "y", "broken")],
        files={"tables/a": b"1", "tables/b": b"2"}, column_use=(use,), remarks=("datum", "version"),
    )  # fmt: skip
    joined = join_data([one, two], ["one", "two"])
    assert [entry.id for entry in joined.set_aside] == ["x", "y"]
    assert joined.files == {"tables/a": b"1", "tables/b": b"2"}
    assert (joined.column_use, joined.remarks) == ((use,), ("datum", "version"))
    assert joined.layer_sources["buildings"].source == "A; B"
    with pytest.raises(SourceFileError, match="two: also brings tables/a, with other content"):
        join_data([one, replace(two, files={"tables/a": b"2"})], ["one", "two"])
