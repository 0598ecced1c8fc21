from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest

from shancheng.web.plain import plain


@dataclass(frozen=True)
class Point:
    x: float
    name: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        (float("nan"), None),
        (float("-inf"), None),
        ("山城", "山城"),
        (b"\x00\xff", "AP8="),
        (datetime(2026, 11, 24, 7, 30, tzinfo=UTC), "2026-11-24T07:30:00Z"),
        (np.float32(0.5), 0.5),
        (np.float32("nan"), None),
        (np.uint8(7), 7),
        (np.array([1.0, np.nan]), [1.0, None]),
        ((1, [float("nan")]), [1, [None]]),
        ({1: Point(0.5, "a")}, {"1": {"x": 0.5, "name": "a"}}),
    ],
)
def test_every_value_becomes_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert orjson.loads(orjson.dumps(plain(value))) == expected
