"""The one way work is spread: a function mapped over partitions, results in the order of the partitions.

Threads do here, for kernels and codecs let go of the interpreter. Whoever outgrows one machine puts a
cluster's `map` in its place.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["mapped"]

Partition = TypeVar("Partition")
Result = TypeVar("Result")


def mapped(
    function: Callable[[Partition], Result], partitions: Iterable[Partition], workers: int
) -> Iterator[Result]:
    """Results of a function, one for each partition, in their order.

    Args:
        function: Called in several threads at once where there are several workers.
        partitions: Taken as they are needed, so what a generator yields is not all in memory.
        workers: How many partitions are worked on at once; one or two each wait ahead.
    """
    if workers == 1:
        yield from map(function, partitions)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for partition in partitions:
                waiting.append(pool.submit(function, partition))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
