import threading
import time
from collections.abc import Iterator

import pytest

from shancheng.tiles.mapping import mapped


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    def slow(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(mapped(slow, range(30), workers)) == [number * number for number in range(30)]
    assert list(mapped(slow, [], workers)) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_partitions_are_taken_as_they_are_needed(workers: int) -> None:
    taken: list[int] = []

    def partitions() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = mapped(lambda number: number, partitions(), workers)
    for _ in range(5):
        next(results)
    assert len(taken) <= 5 + 2 * workers + 1


def test_several_work_at_once() -> None:
    both = threading.Barrier(2, timeout=10)
    assert list(mapped(lambda _: both.wait() >= 0, range(4), 2)) == [True] * 4


@pytest.mark.parametrize("workers", [1, 3])
def test_a_failure_is_passed_on_and_ends_the_work(workers: int) -> None:
    done: list[int] = []

    def fail(number: int) -> int:
        if number == 3:
            raise RuntimeError("three")
        done.append(number)
        return number

    with pytest.raises(RuntimeError, match="three"):
        list(mapped(fail, range(1000), workers))
    assert len(done) < 50
