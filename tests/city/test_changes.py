from collections.abc import Callable

import numpy as np
import pyarrow as pa
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
