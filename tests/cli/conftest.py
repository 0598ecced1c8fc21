"""Gives the tests of this folder the program and the small city of ``tests/fakes``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakes"))

from outside_source import outside_source  # noqa: F401 -- after the path, as below
from small_city import (  # noqa: F401 -- after the path; fixtures are found by their names
    shancheng,
    small_city,
    small_dem,
    small_osm,
    up,
    write_dem,
    write_osm,
)
