"""Columns that only grow: what was there stays, whatever happens while more is added."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shancheng.tiles.heap import ColumnState, Heap

LAYOUT: dict[str, tuple[Any, tuple[int, ...]]] = {
    "a": (np.int64, ()),
    "b": (np.float32, (2,)),
    "c": (np.uint8, ()),
}


def fill(heap: Heap, first: int, count: int) -> None:
    numbers = np.arange(first, first + count)
    heap.append(a=numbers, b=np.stack([numbers, -numbers], axis=1))


def assert_holds(heap: Heap, count: int) -> None:
    assert np.array_equal(heap.view("a"), np.arange(count))
    assert heap.view("b").dtype == np.float32
    assert np.array_equal(heap.view("b")[:, 1], -np.arange(count))
    assert heap.view("c").shape == (0,)


@pytest.mark.parametrize("in_folder", [False, True])
def test_what_is_added_is_there(tmp_path: Path, *, in_folder: bool) -> None:
    heap = Heap.in_folder(tmp_path, LAYOUT) if in_folder else Heap.in_memory(LAYOUT)
    assert_holds(heap, 0)
    fill(heap, 0, 3)
    early = heap.view("a")
    fill(heap, 3, 4)
    assert_holds(heap, 7)
    assert early.tolist() == [0, 1, 2]


def test_mapped_columns_are_read_only(tmp_path: Path) -> None:
    heap = Heap.in_folder(tmp_path, LAYOUT)
    fill(heap, 0, 3)
    with pytest.raises(ValueError, match="read-only"):
        heap.view("a")[0] = 7


def test_a_heap_is_opened_again_and_goes_on(tmp_path: Path) -> None:
    heap = Heap.in_folder(tmp_path, LAYOUT)
    fill(heap, 0, 3)
    for first in (3, 5):
        again = Heap.reopened(tmp_path, LAYOUT, heap.states())
        assert again is not None
        assert_holds(again, first)
        fill(again, first, 2)
        assert_holds(again, first + 2)
        heap = again


def test_an_older_state_holds_while_others_add(tmp_path: Path) -> None:
    heap = Heap.in_folder(tmp_path, LAYOUT)
    fill(heap, 0, 3)
    states = heap.states()
    other = Heap.reopened(tmp_path, LAYOUT, states)
    assert other is not None
    fill(other, 3, 100)
    other.states()
    again = Heap.reopened(tmp_path, LAYOUT, states)
    assert again is not None
    assert_holds(again, 3)
    # What the other one added is not known, and is overwritten.
    fill(again, 3, 1)
    assert_holds(again, 4)
    assert (tmp_path / "a").stat().st_size == 4 * 8


def test_damage_is_seen(tmp_path: Path) -> None:
    heap = Heap.in_folder(tmp_path, LAYOUT)
    fill(heap, 0, 3)
    states = heap.states()
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[:-1] + b"x")
    assert Heap.reopened(tmp_path, LAYOUT, states) is None
    (tmp_path / "a").write_bytes(whole[:-1])
    assert Heap.reopened(tmp_path, LAYOUT, states) is None
    (tmp_path / "a").write_bytes(whole)
    assert Heap.reopened(tmp_path, LAYOUT, states) is not None
    (tmp_path / "a").unlink()
    assert Heap.reopened(tmp_path, LAYOUT, states) is None
    assert Heap.reopened(tmp_path, {"a": LAYOUT["a"]}, states) is None


def test_a_touched_file_is_read_once(tmp_path: Path) -> None:
    heap = Heap.in_folder(tmp_path, LAYOUT)
    fill(heap, 0, 3)
    states = heap.states()
    os.utime(tmp_path / "a", ns=(5, 5))
    again = Heap.reopened(tmp_path, LAYOUT, states)
    assert again is not None
    new = again.states()
    assert ColumnState(**new["a"]).mtime_ns == 5
    assert ColumnState(**new["b"]) == ColumnState(**states["b"])
