"""The partition in plain Python: slow, and easy to believe."""

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.uint64]
LevelArray = npt.NDArray[np.uint8]


def assign(
    code: CodeArray, deepest: LevelArray, rank: CodeArray, capacity: int, slack: int, max_level: int
) -> tuple[IntArray, IntArray, CodeArray, IntArray]:
    """As `partition_parallel.assign`."""
    order: list[int] = []
    tiles: list[tuple[int, int, int]] = []

    def visit(level: int, items: list[int]) -> None:
        tiles.append((level, int(code[items[0]]) >> 2 * (max_level - level), len(order)))
        stay = _keep(items, deepest, rank, level, capacity, slack) if level < max_level else set(items)
        order.extend(item for item in items if item in stay)
        for quadrant in range(4):
            shift = 2 * (max_level - level - 1)
            child = [i for i in items if i not in stay and int(code[i]) >> shift & 3 == quadrant]
            if child:
                visit(level + 1, child)

    visit(0, list(range(len(code))))
    level, tile_code, start = zip(*tiles, strict=True)
    return (
        np.array(order, dtype=np.int64),
        np.array(level, dtype=np.int64),
        np.array(tile_code, dtype=np.uint64),
        np.array([*start, len(order)], dtype=np.int64),
    )


def _keep(
    items: list[int], deepest: LevelArray, rank: CodeArray, level: int, capacity: int, slack: int
) -> set[int]:
    """The items that stay in a tile of this level."""
    if len(items) <= 1.5 * capacity:
        return set(items)
    stuck = [item for item in items if deepest[item] <= level]
    movable = sorted((item for item in items if deepest[item] > level), key=lambda item: int(rank[item]))
    room = capacity - len(stuck)
    if room <= 0 or room >= len(movable):
        return {*stuck, *(movable if room > 0 else [])}
    limit = _roundest(int(rank[movable[max(room - slack, 1) - 1]]), int(rank[movable[room]]))
    return {*stuck, *(item for item in movable if int(rank[item]) < limit)}


def _roundest(low: int, high: int) -> int:
    """As `partition_parallel.roundest`: of the numbers from `low + 1` to `high`."""
    zeros = next(zeros for zeros in range(64, -1, -1) if (high >> zeros) << zeros > low)
    return (high >> zeros) << zeros
