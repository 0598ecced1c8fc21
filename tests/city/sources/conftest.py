"""Reading the extract under construction, for the tests of OpenStreetMap."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shancheng.city.sources import read_source
from shancheng.city.sources.base import CityData, SourceOptions
from shancheng.progress import NullProgress


@pytest.fixture
def read_osm(osm_file: Any, tmp_path: Path) -> Callable[[], CityData]:
    """Write the extract under construction and read it."""
    path = tmp_path / "a.osm.pbf"
    return lambda: read_source("osm", osm_file.write(path), SourceOptions(), NullProgress())
