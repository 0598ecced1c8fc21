"""City objects as their readers find them, gathered until there are enough to be worked on at once."""

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shancheng.city.sources.solids import GROUND, ROOF, Surfaces, object_of_polygon, reduced, vector_areas
from shancheng.geo.arrays import Float32Array, FloatArray

__all__ = ["Batch", "CityObject", "best_lod", "handedness", "without_collector"]

_SURE: Final = 0.6
_LOD: Final = re.compile(r"\s*([0-4](?:\.[0-9])?)\s*")
_DETAILED: Final = 3.0


@dataclass(slots=True)
class CityObject:
    """One object of a model.

    Attributes:
        id: The model's own.
        type: As CityJSON calls it, `Building`, `BuildingPart`; CityGML's names are the same but for a few.
        attributes: As they stand in the file.
        parent: Id of the object that this is a part of.
        lod: Of the geometry that was taken, `2.2`; None where it has none.
        solid: Whether its source calls the geometry a solid.
        lines: Lines of a network, each of shape (n, 3), where it has no surfaces.
        problem: Why its geometry could not be read; empty where it could, or where there is none.
    """

    id: str
    type: str
    attributes: dict[str, Any]
    parent: str | None = None
    lod: str | None = None
    solid: bool = False
    lines: list[FloatArray] = field(default_factory=list)
    problem: str = ""


@dataclass(slots=True)
class Batch:
    """Objects and how their polygons are made up, in lists that grow. Vertices are the reader's affair.

    Attributes:
        objects: In the order of their polygons.
        object_polygons: How many polygons each object has.
        polygon_rings: How many rings each polygon has, its outline first.
        ring_sizes: How many vertices each ring has.
        semantics: Of each polygon, a number of `SURFACE_CODES`.
        textures: Number of a picture of each polygon, -1 for none.
    """

    objects: list[CityObject] = field(default_factory=list)
    object_polygons: list[int] = field(default_factory=list)
    polygon_rings: list[int] = field(default_factory=list)
    ring_sizes: list[int] = field(default_factory=list)
    semantics: list[int] = field(default_factory=list)
    textures: list[int] = field(default_factory=list)

    def surfaces(self, xyz: FloatArray, uv: Float32Array | None = None) -> Surfaces:
        """All polygons as arrays, with the coordinates of their vertices."""
        return Surfaces.from_counts(
            xyz, self.ring_sizes, self.polygon_rings, self.object_polygons, self.semantics, self.textures, uv
        )


def best_lod(lods: Iterable[str]) -> str | None:
    """The level to take: the highest below 3, else the lowest from 3 on; None where none is a level.

    Level 3 has what a city's view cannot show; its walls and roofs serve where nothing simpler is there.
    """
    known = [text for text in lods if _number(text) is not None]
    simple = [text for text in known if (_number(text) or 0) < _DETAILED]
    if simple:
        return max(simple, key=_number)  # type: ignore[arg-type]  # those without a number are gone
    return min(known, key=_number, default=None)  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def _number(text: str) -> float | None:
    match = _LOD.fullmatch(text)
    return float(match[1]) if match else None


@contextmanager
def without_collector() -> Iterator[None]:
    """No search for reference cycles while a model is read.

    JSON and XML become millions of small lists and none of them is part of a cycle; looking through them all
    again and again takes more time than reading them (20,000 houses: 0.88 s of CPU time instead of 0.19 s).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def handedness(surfaces: Surfaces, solid: npt.NDArray[np.bool_]) -> int:
    """Whether faces look outward with the axes as they stand: 1, or -1 where they do with x and y swapped.

    Roofs look up and grounds down; of a solid without semantics the volume tells. 0 where most objects do not
    agree, or none tells.

    Args:
        surfaces: In any unit; degrees do.
        solid: Which objects their source calls solids, shape (n_objects,).
    """
    areas = vector_areas(surfaces)
    owner = object_of_polygon(surfaces)
    facing = np.where(surfaces.semantics == ROOF, areas[:, 2], 0.0)
    facing -= np.where(surfaces.semantics == GROUND, areas[:, 2], 0.0)
    told = reduced(np.add, np.nan_to_num(facing), surfaces.object_start, 0.0)
    first = surfaces.xyz[surfaces.ring_start[surfaces.polygon_start[:-1]]]
    anchor = first[surfaces.object_start[:-1].clip(max=max(len(first) - 1, 0))] if len(first) else first
    cones = np.einsum("ij,ij->i", first - anchor[owner], areas) if len(first) else np.empty(0)
    volume = reduced(np.add, np.nan_to_num(cones), surfaces.object_start, 0.0)
    votes = np.where(told != 0, np.sign(told), np.where(solid, np.sign(volume), 0.0))
    total, count = float(votes.sum()), float(np.abs(votes).sum())
    return int(np.sign(total)) if count and abs(total) > _SURE * count else 0
