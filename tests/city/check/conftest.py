"""A town whose faults are put in by hand, one by one."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shancheng.city import create
from shancheng.city.check.base import Answer
from shancheng.city.check.run import CityReport, check_city
from shancheng.city.sources.base import CityData, ElevationData
from shancheng.geo.raster import Raster

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fakes"))
from plain_town import GROUND_M  # after the path


@pytest.fixture
def report(tmp_path: Path, town: Callable[..., None], city_data: CityData) -> Callable[..., CityReport]:
    """``report(buildings=table, …)``: what the checks say of a town of these layers on level ground."""

    def run(*, steep: bool = False, **layers: pa.Table) -> CityReport:
        values = np.full((20, 20), GROUND_M, dtype=np.float32)
        if steep:
            values += 40 * np.arange(20, dtype=np.float32)[None, :]
        assert city_data.terrain is not None
        terrain = ElevationData(Raster(values, 106.49, 29.51, 0.001, 0.001), city_data.terrain.source)
        source = city_data.layer_sources["buildings"]
        sources = dict.fromkeys(layers, source)
        town(replace(city_data, layers=layers, layer_sources=sources, terrain=terrain))
        city, _ = create.create_city(tmp_path / "home", "town", replace=True)
        with city:
            return check_city(city)

    return run


@pytest.fixture
def found(report: Callable[..., CityReport]) -> Callable[..., Answer]:
    """``found(check, layer=table)``: one check's answer."""

    def run(check: str, layer: str | None = None, **layers: Any) -> Answer:
        answers = [entry for entry in report(**layers).answers if entry.check == check]
        return next(entry for entry in answers if layer in {None, entry.layer})

    return run
