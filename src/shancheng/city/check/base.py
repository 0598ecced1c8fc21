"""What a check is given and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from shancheng.city.ids import urn
from shancheng.city.store import City
from shancheng.geo.arrays import FloatArray
from shancheng.geo.ellipsoid import SEMI_MAJOR_M
from shancheng.geo.raster import Raster

__all__ = ["EXAMPLES", "Answer", "Check", "Example", "Layer", "Subject", "answer"]

EXAMPLES: Final = 20
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Example:
    """One feature that a check is about."""

    id: str
    text: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Answer:
    """What a check found.

    Attributes:
        check: Its name.
        layer: Of the features.
        title: What was looked for, in a phrase.
        looked_at: Features that were looked at.
        found: Features of which it is true.
        tolerated: Share of those looked at up to which the city passes: real data is never perfect.
        skipped: Features that were not looked at, counted by reason.
        examples: The worst of them.
        figures: Numbers that belong to it.
    """

    check: str
    layer: str
    title: str
    looked_at: int
    found: int
    tolerated: float
    skipped: dict[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no more was found than is tolerated."""
        return self.found <= self.tolerated * self.looked_at

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "passed": self.passed}


class Layer:
    """A layer's columns as they are asked for, and its geometry.

    Attributes:
        name: Of the layer.
        table: Without geometry.
        shapes: Geometries in degrees, shape (n,); None where the WKB cannot be read.
    """

    def __init__(self, city: City, name: str) -> None:
        from shancheng.city.schema import LAYERS

        self.name = name
        self.city_name = city.manifest.name
        blobs = {"geometry", "bbox", "attributes", "lod2_textures", "lod2_uv", "lod2_semantics"}
        self.table = city.layer(name, [column for column in LAYERS[name].names if column not in blobs])
        wkb = city.layer(name, ["geometry"]).column("geometry").to_numpy(zero_copy_only=False)
        self.shapes: Any = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)

    def __len__(self) -> int:
        return self.table.num_rows

    def numbers(self, name: str) -> FloatArray:
        """A column of numbers, NaN for null, shape (n,)."""
        return np.asarray(self.table.column(name).to_numpy(), dtype=np.float64)

    def words(self, name: str) -> npt.NDArray[Any]:
        """A column of texts, None for null, shape (n,)."""
        column: Any = self.table.column(name)
        if isinstance(column.type, pa.DictionaryType):
            column = column.cast(pa.string())
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)

    def is_null(self, name: str) -> BoolArray:
        """Where a column holds nothing, shape (n,)."""
        missing: Any = pc.is_null(self.table.column(name))
        return np.asarray(missing.to_numpy(), dtype=bool)

    @cached_property
    def places(self) -> FloatArray:
        """A point of each feature, shape (n, 2); NaN where it has none."""
        bounds = np.asarray(shapely.bounds(self.shapes), dtype=np.float64).reshape(-1, 4)
        return np.column_stack([(bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2])

    def example(self, row: int, text: str) -> Example:
        """A row as an example."""
        local = str(self.table.column("id")[row].as_py())
        lon, lat = (float(value) for value in np.nan_to_num(self.places[row]))
        return Example(urn(self.city_name, self.name, local), text, round(lon, 6), round(lat, 6))


class Subject:
    """A city whose layers are read when a check first asks for them."""

    def __init__(self, city: City) -> None:
        self.city = city
        self._layers: dict[str, Layer] = {}

    def has(self, name: str) -> bool:
        """Whether the city has that layer."""
        return self.city.has_layer(name)

    def layer(self, name: str) -> Layer:
        """A layer, read once."""
        if name not in self._layers:
            self._layers[name] = Layer(self.city, name)
        return self._layers[name]

    @cached_property
    def terrain(self) -> Raster:
        """Elevations above the geoid."""
        return self.city.terrain()

    @cached_property
    def metres_per_degree(self) -> FloatArray:
        """Of longitude and latitude at the middle of the city; lengths come out within a percent."""
        metres = np.radians(1.0) * SEMI_MAJOR_M
        return np.array([metres * np.cos(np.radians(self.city.manifest.extent.centre[1])), metres])

    def in_metres(self, shapes: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - shapely's arrays
        """Geometries on a plane, for areas and distances."""
        scale = self.metres_per_degree
        return np.asarray(shapely.transform(shapes, lambda xy: xy * scale), dtype=object)


Check = Callable[[Subject], list[Answer]]


def answer(
    layer: Layer,
    check: str,
    title: str,
    rows: Sequence[int] | IntArray,
    texts: Callable[[int], str],
    *,
    looked_at: int,
    tolerated: float = 0.0,
    skipped: dict[str, int] | None = None,
    figures: dict[str, float] | None = None,
) -> Answer:
    """An answer about rows, the worst first; ``texts`` says of the k-th of them what is the matter."""
    examples = tuple(layer.example(int(row), texts(k)) for k, row in enumerate(rows[:EXAMPLES]))
    left_out = {reason: count for reason, count in (skipped or {}).items() if count}
    return Answer(
        check, layer.name, title, looked_at, len(rows), tolerated, left_out, examples, figures or {}
    )
