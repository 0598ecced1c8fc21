import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shancheng.city import deltas
from shancheng.city.changes import changes_between, with_indices
from shancheng.city.deltas import delta_between, keep_delta
from shancheng.city.store import City
from shancheng.city.versions import FileState, LayerVersion
from shancheng.city.writing import write_layer
from shancheng.errors import StorageError

Make = Callable[..., pa.Table]
DAY = datetime(2025, 1, 1, tzinfo=UTC)


def version(number: int, sha256: str = "") -> LayerVersion:
    return LayerVersion("buildings", number, sha256 or f"{number:x}" * 64, 0, DAY, FileState(0, 0))


class History:
    """Versions of a layer, written one after the other."""

    def __init__(self, folder: Path, make: Make) -> None:
        self.folder, self.make = folder, make
        self.tables: list[pa.Table] = []
        self.next_index = 0

    def write(self, levels: dict[str, int]) -> None:
        ids = sorted(levels)
        old = self.tables[-1] if self.tables else None
        given = self.make(ids, levels=[levels[local_id] for local_id in ids])
        # The helper moves houses along with their row; here each stays where it is.
        given = given.drop_columns(["geometry", "bbox"])
        table, self.next_index = with_indices(given, old, self.next_index)
        self.tables.append(table)
        if old is not None:
            number = len(self.tables)
            changes = changes_between(old, table)
            keep_delta(self.folder, version(number - 1), version(number), (old, table), changes)

    def between(self, first: int, last: int) -> deltas.Delta | None:
        return delta_between(self.folder, "buildings", version(first).sha256, version(last).sha256)


@pytest.fixture
def history(tmp_path: Path, buildings: Make) -> History:
    return History(tmp_path, buildings)


def test_a_delta_holds_what_is_new_or_differs_and_what_is_gone(history: History) -> None:
    history.write({"a": 1, "b": 2, "c": 3})
    history.write({"b": 2, "c": 4, "d": 5})
    delta = history.between(1, 2)
    assert delta is not None
    assert delta.rows.column("id").to_pylist() == ["c", "d"]
    assert delta.rows.column("levels").to_pylist() == [4, 5]
    assert delta.rows.column("index").to_pylist() == [2, 3]
    assert delta.gone.tolist() == [0]
    assert delta.rows.schema.equals(history.tables[-1].schema)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3)), min_size=2, max_size=6))
def test_several_steps_lead_to_the_last_version(
    tmp_path: Path, buildings: Make, versions: list[dict[str, int]]
) -> None:
    history = History(Path(tempfile.mkdtemp(dir=tmp_path)), buildings)
    for levels in versions:
        history.write(levels)
    delta = history.between(1, len(versions))
    assert delta is not None
    then = {row["index"]: row for row in history.tables[0].to_pylist()}
    for index in delta.gone.tolist():
        then.pop(index, None)
    then |= {row["index"]: row for row in delta.rows.to_pylist()}
    assert then == {row["index"]: row for row in history.tables[-1].to_pylist()}
    assert len(delta.rows) == len(set(delta.rows.column("index").to_pylist()))


def test_a_layer_may_return_to_what_it_was(tmp_path: Path, buildings: Make) -> None:
    one, two = (with_indices(buildings(["a"], levels=[level]), None, 0)[0] for level in (1, 2))
    first, second = version(1, "a" * 64), version(2, "b" * 64)
    keep_delta(tmp_path, first, second, (one, two), changes_between(one, two))
    keep_delta(tmp_path, second, replace(first, version=3), (two, one), changes_between(two, one))
    there, back = (
        delta_between(tmp_path, "buildings", *pair)
        for pair in ((first.sha256, second.sha256), (second.sha256, first.sha256))
    )
    assert there is not None
    assert back is not None
    assert (there.rows.column("levels").to_pylist(), back.rows.column("levels").to_pylist()) == ([2], [1])
    assert delta_between(tmp_path, "buildings", first.sha256, first.sha256) is None


def test_a_missing_or_damaged_step_is_no_delta(history: History) -> None:
    for level in range(1, 5):
        history.write({"a": level})
    assert history.between(1, 4) is not None
    assert history.between(1, 7) is None
    assert delta_between(history.folder, "roads", version(1).sha256, version(2).sha256) is None
    paths = sorted((history.folder / ".index").glob("*.delta"))
    middle = next(path for path in paths if f"{version(2).sha256[:16]}-{version(3).sha256[:16]}" in path.name)
    whole = middle.read_bytes()
    for damaged in (whole[:-1], whole[:100] + b"x" + whole[101:], b"", b"f" * 64):
        middle.write_bytes(damaged)
        assert history.between(1, 4) is None
        assert history.between(3, 4) is not None
    middle.unlink()
    assert history.between(1, 4) is None


def test_hashes_that_begin_alike_are_told_apart(tmp_path: Path, buildings: Make) -> None:
    one, two = (with_indices(buildings(["a"], levels=[level]), None, 0)[0] for level in (1, 2))
    first, second = version(1, "a" * 64), version(2, "b" * 64)
    keep_delta(tmp_path, first, second, (one, two), changes_between(one, two))
    assert delta_between(tmp_path, "buildings", "a" * 63 + "0", second.sha256) is None
    assert delta_between(tmp_path, "buildings", first.sha256, "b" * 63 + "0") is None


def test_another_form_is_not_read(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.write({"a": 1})
    history.write({"a": 2})
    monkeypatch.setattr(deltas, "_FORMAT", b"2")
    assert history.between(1, 2) is None


def test_too_many_changes_leave_none(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deltas, "MOST_CHANGES", 2)
    history.write({"a": 1, "b": 1, "c": 1})
    history.write({"a": 2, "b": 2, "c": 2})
    history.write({"a": 3, "b": 3, "c": 2})
    assert history.between(1, 2) is None
    assert history.between(2, 3) is not None


def test_the_newest_stay(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deltas, "MOST_KEPT", 3)
    for level in range(1, 8):
        history.write({"a": level})
    assert len(list((history.folder / ".index").iterdir())) == 3
    assert history.between(3, 7) is None
    assert history.between(4, 7) is not None


def test_a_disk_that_refuses_undoes_nothing(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("no")

    history.write({"a": 1})
    monkeypatch.setattr(deltas, "write_atomically", refuse)
    history.write({"a": 2})
    assert history.between(1, 2) is None


def test_a_new_version_of_a_city_leaves_its_delta(town_folder: Path, buildings: Make) -> None:
    with City.open(town_folder, write=True) as city:
        source = city.manifest.layers["buildings"]
        before = city.layer_version("buildings")
        table = city.layer("buildings")
        names = pa.array([None if name == "House h2" else name for name in table.column("name").to_pylist()])
        at = table.schema.get_field_index("name")
        after = write_layer(city, "buildings", table.set_column(at, table.schema.field(at), names), source)
        delta = delta_between(town_folder / "layers", "buildings", before.sha256, after.sha256)
        assert delta is not None
        assert delta.rows.column("id").to_pylist() == ["h2"]
        last = write_layer(city, "buildings", buildings(["h1"]), source)
        both = delta_between(town_folder / "layers", "buildings", before.sha256, last.sha256)
        assert both is not None
        assert sorted(both.gone.tolist()) == [1, 2]
