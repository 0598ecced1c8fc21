from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city.changes import Changes, changes_between, with_indices

Make = Callable[..., pa.Table]


def test_added_changed_and_removed(buildings: Make) -> None:
    old = buildings(["a", "b", "c"], name=["A", None, "C"], levels=[1, 2, 3])
    new = buildings(["b", "c", "d"], name=["B", None, "D"], levels=[2, 3, 4], height_m=[9.0, 9.0, 9.0])
    # The helper moves houses along with their row, so their geometry differs too.
    assert changes_between(old, new) == Changes(added=("d",), changed=("b", "c"), removed=("a",))


def test_every_kind_of_column_is_compared(buildings: Make) -> None:
    base = {"name": ["A", "B"], "levels": [1, 2], "kind": ["house", "house"], "roof_shape": [None, "flat"]}
    old = buildings(["a", "b"], **base)
    assert changes_between(old, buildings(["a", "b"], **base)).count == 0
    for name, values in {
        "name": ["A", None], "levels": [1, None], "kind": ["house", "hotel"], "roof_shape": [None, "gabled"],
        "height_m": [9.0, 9.5], "source": [None, "x"],
    }.items():  # fmt: skip
        new = buildings(["a", "b"], **{**base, name: values})
        assert changes_between(old, new).changed == ("b",), name


def test_a_new_column_changes_every_object(buildings: Make) -> None:
    old = buildings(["a", "b"])
    assert changes_between(old, old.append_column("owner", pa.array(["x", "y"]))).changed == ("a", "b")


def test_lists_are_compared() -> None:
    table = pa.table({"id": ["a", "b"], "azimuths_deg": pa.array([[1.0, 2.0], None], pa.list_(pa.float32()))})
    other = pa.table({"id": ["a", "b"], "azimuths_deg": pa.array([[1.0, 3.0], None], pa.list_(pa.float32()))})
    assert changes_between(table, table).count == 0
    assert changes_between(table, other).changed == ("a",)


_LIST = st.one_of(st.none(), st.lists(st.one_of(st.none(), st.integers(0, 2)), max_size=3))


@given(st.lists(st.tuples(_LIST, _LIST), max_size=12), st.integers(0, 3))
def test_lists_and_structs_are_compared_as_python_would(pairs: list[tuple[Any, Any]], cut: int) -> None:
    old, new = ([pair[side] for pair in pairs] for side in (0, 1))
    expected = [f"{row:02}" for row, (a, b) in enumerate(pairs) if a != b]
    for kind, wrapped in {
        pa.list_(pa.int8()): lambda values: values,
        pa.large_list(pa.int8()): lambda values: values,
        pa.struct([pa.field("a", pa.list_(pa.int8()))]): lambda values: [
            None if value is None else {"a": value} for value in values
        ],
        pa.list_(pa.struct([pa.field("a", pa.int8())])): lambda values: [
            None if value is None else [{"a": one} for one in value] for value in values
        ],
    }.items():
        tables = [
            pa.table({"id": [f"{row:02}" for row in range(len(side))], "x": pa.array(wrapped(side), kind)})
            for side in (old, new)
        ]
        # In pieces that begin somewhere in the middle of a buffer.
        pieces = [pa.concat_tables([table.slice(0, cut), table.slice(cut)]) for table in tables]
        assert changes_between(*pieces).changed == expected


def test_what_is_not_a_number_is_as_it_was() -> None:
    table = pa.table({"id": ["a", "b", "c"], "x": [np.nan, np.nan, 1.0]})
    other = pa.table({"id": ["a", "b", "c"], "x": [np.nan, 1.0, np.nan]})
    assert changes_between(table, other).changed == ("b", "c")


def test_another_type_changes_every_object() -> None:
    table = pa.table({"id": ["a", "b"], "x": [1, 2]})
    other = pa.table({"id": ["a", "b"], "x": [1.0, 2.0]})
    assert changes_between(table, other).changed == ("a", "b")


def test_rows_are_matched_whatever_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shancheng.city.changes._SLICE", 7)
    rng = np.random.default_rng(3)
    ids = np.array([f"{number:03}" for number in range(100)])
    values = rng.integers(0, 9, 100)
    changed = values.copy()
    changed[[3, 50, 98]] += 1
    order = rng.permutation(100)[:90]
    old, new = pa.table({"id": ids, "x": values}), pa.table({"id": ids[order], "x": changed[order]})
    found = changes_between(old, new)
    assert set(found.changed) == {ids[row] for row in (3, 50, 98) if row in order}
    assert list(found.removed) == sorted(set(ids) - set(ids[order]))


def test_ids_are_a_sequence() -> None:
    ids = changes_between(None, pa.table({"id": [f"{number:02}" for number in range(20, 0, -1)]})).added
    assert (len(ids), ids[0], ids[-1], ids[1:3]) == (20, "01", "20", ("02", "03"))
    assert ids == [f"{number:02}" for number in range(1, 21)]
    assert ids != "01"
    assert hash(ids) == hash(tuple(ids))
    assert repr(ids[:2]) == "('01', '02')"
    assert repr(ids).endswith("'10', …)")


def test_without_a_version_before_all_is_added(buildings: Make) -> None:
    assert changes_between(None, buildings(["b", "a"])) == Changes(added=("a", "b"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), min_size=1, max_size=5))
def test_an_index_is_kept_while_an_object_lives_and_never_given_twice(
    buildings: Make, versions: list[list[str]]
) -> None:
    old, smallest = None, 0
    given_to: dict[int, str] = {}
    for ids in versions:
        table, smallest = with_indices(buildings(ids), old, smallest)
        index = dict(zip(table.column("id").to_pylist(), table.column("index").to_pylist(), strict=True))
        before = (
            {}
            if old is None
            else dict(zip(*(old.column(n).to_pylist() for n in ("id", "index")), strict=True))
        )
        for local_id, number in index.items():
            assert number == before.get(local_id, number)
            if local_id not in before:
                assert number not in given_to
                given_to[number] = local_id
        assert smallest == len(given_to)
        old = table


def test_the_first_indices_are_dense(buildings: Make) -> None:
    table, smallest = with_indices(buildings(["a", "b", "c"]), None, 0)
    assert np.array_equal(table.column("index").to_numpy(), [0, 1, 2])
    assert (smallest, table.schema.field("index").type) == (3, pa.uint32())
