"""Boundaries of CityJSON flattened: nested lists of places in a list of vertices become polygons."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shancheng.city.sources.solids import Surfaces, object_of_polygon
from shancheng.city.sources.solids_batch import Batch, CityObject, best_lod
from shancheng.city.sources.solids_kinds import SURFACE_CODES
from shancheng.geo.arrays import Float32Array, FloatArray, IntArray

__all__ = ["Flattener", "Pool", "Templates", "Window"]

_INSTANCE: Final = "GeometryInstance"
_LINES: Final = "MultiLineString"
# Which of several geometries of one level is taken: the first of these.
_ORDER: Final = {
    "Solid": 0,
    "MultiSolid": 1,
    "CompositeSolid": 1,
    "CompositeSurface": 2,
    "MultiSurface": 3,
    _INSTANCE: 4,
    _LINES: 5,
}
_SOLIDS: Final = ("Solid", "MultiSolid", "CompositeSolid")
_MOST_FROM_TEMPLATES: Final = 20_000_000
_MATRIX_SIDE: Final = 4

Json = dict[str, Any]
Picture = tuple[int, list[Any]]
"""Number of a picture, -1 for none, and a place in the list of u, v for each vertex."""


class _ProblemError(Exception):
    """A geometry is not made as its type says: its object is set aside with these words."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Geometries that are used again and again: as they stand in the file, with their own vertices (n, 3)."""

    geometries: Sequence[Any] = ()
    vertices: FloatArray = field(default_factory=lambda: np.empty((0, 3)))


@dataclass(frozen=True, slots=True)
class Pool:
    """Vertices of a file, or of some features of a sequence one after the other.

    Attributes:
        vertices: In the units of the reference system, shape (n, 3).
        geodetic: The same as longitude, latitude, metres above the geoid.
        uv: Places in pictures, shape (m, 2).
    """

    vertices: FloatArray
    geodetic: FloatArray
    uv: Float32Array


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a pool that the boundaries of a file or feature point into.

    Attributes:
        vertices: First vertex, and how many.
        uv: First u, v, and how many.
        textures: Number of the picture of each texture.
        theme: Of the textures that the file prefers.
    """

    vertices: tuple[int, int]
    uv: tuple[int, int] = (0, 0)
    textures: Sequence[int] = ()
    theme: str = ""


@dataclass(slots=True)
class _Places:
    """Places in a pool, in runs: what is to be added to each run, and how far it may reach."""

    values: list[Any] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    windows: list[tuple[int, int]] = field(default_factory=list)

    def extend(self, values: Sequence[Any], window: tuple[int, int]) -> None:
        self.values.extend(values)
        self.counts.append(len(values))
        self.windows.append(window)

    def resolved(self) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Places in the pool, 0 for bad ones; and which are bad."""
        values, bad = _integers(self.values)
        first, limit = np.array(self.windows, dtype=np.int64).reshape(-1, 2).T
        bad = bad | (values < 0) | (values >= np.repeat(limit, self.counts))
        return np.where(bad, 0, values + np.repeat(first, self.counts)), bad


@dataclass(slots=True)
class Flattener:
    """Gathers objects with their polygons until `take` is asked for them.

    Attributes:
        templates: Of the whole file.
        place: Takes coordinates to longitude, latitude, metres above the geoid; shape (n, 3) both.
        counts: What was left out, for the user.
    """

    templates: Templates
    place: Callable[[FloatArray], FloatArray]
    counts: Counter[str]
    _pool: Pool = field(init=False)
    _window: Window = field(init=False)
    _batch: Batch = field(default_factory=Batch)
    _places: _Places = field(default_factory=_Places)
    _uv_places: _Places = field(default_factory=_Places)
    _instances: list[FloatArray] = field(default_factory=list)
    _n_instanced: int = 0

    def __len__(self) -> int:
        """How many vertices stand in rings by now."""
        return len(self._places.values)

    def open(self, pool: Pool) -> None:
        """What follows points into this pool; what was added before must have been taken."""
        assert not self._places.values
        self._pool = pool

    def look(self, window: Window) -> None:
        """What follows points into this part of the pool."""
        self._window = window

    def add(self, one: CityObject, geometries: object) -> None:
        """Add an object with the best of its geometries; what is wrong with them stands in ``problem``."""
        self._batch.objects.append(one)
        self._batch.object_polygons.append(0)
        self.join(one, geometries)

    def join(self, one: CityObject, geometries: object) -> bool:
        """Add geometry to the object that was added last; False where there is none or it is wrong."""
        try:
            chosen = self._chosen(geometries)
            if chosen is None:
                return False
            geometry, lod = chosen
            if geometry["type"] == _LINES:
                one.lines = self._lines(geometry)
            else:
                self._flatten(geometry)
                one.solid = one.solid or self._template(geometry)["type"] in _SOLIDS
            one.lod = one.lod or lod
        except _ProblemError as problem:
            one.problem = one.problem or str(problem)
            return False
        return True

    def take(self) -> tuple[list[CityObject], Surfaces]:
        """All objects that were added, and their polygons in longitude, latitude, metres above the geoid."""
        batch = self._batch
        places, bad = self._places.resolved()
        pool = np.concatenate([self._pool.geodetic, *self._instances, np.zeros((1, 3))])
        surfaces = batch.surfaces(pool[places], self._uv())
        for row in np.unique(object_of_polygon(surfaces)[surfaces.polygon_of_vertex[bad]]).tolist():
            one = batch.objects[row]
            one.problem = one.problem or "its boundaries point outside the list of vertices"
        self._batch, self._places, self._uv_places, self._instances = Batch(), _Places(), _Places(), []
        return batch.objects, surfaces

    # One geometry

    def _chosen(self, geometries: object) -> tuple[Json, str | None] | None:
        """The geometry of the best level, and that level; None where there is none at all."""
        if geometries is None or geometries == []:
            return None
        if not isinstance(geometries, list):
            raise _ProblemError("its geometry is no list")
        known = [one for one in geometries if isinstance(one, dict) and str(one.get("type")) in _ORDER]
        if not known:
            types = sorted({str(one.get("type")) for one in geometries if isinstance(one, dict)})
            raise _ProblemError(f"its geometry is {', '.join(types) or 'nothing that is known'}, not faces")
        faces = [one for one in known if one["type"] != _LINES] or known
        levels = [_level(self._template(one)) for one in faces]
        best = best_lod(levels)
        taken = [one for one, level in zip(faces, levels, strict=True) if best in (None, level)]
        return min(taken, key=lambda one: _ORDER[one["type"]]), best

    def _template(self, geometry: Json) -> Json:
        """The geometry itself, or the template that it is an instance of."""
        if geometry["type"] != _INSTANCE:
            return geometry
        number = geometry.get("template")
        if type(number) is not int or not 0 <= number < len(self.templates.geometries):
            raise _ProblemError(
                f"template={number!r}: the file has {len(self.templates.geometries)} templates"
            )
        template = self.templates.geometries[number]
        if not isinstance(template, dict) or template.get("type") not in tuple(_ORDER)[:5]:
            raise _ProblemError(f"template={number}: is no geometry of faces")
        return template

    def _flatten(self, geometry: Json) -> None:
        if geometry["type"] != _INSTANCE:
            self._append(geometry, self._window.vertices, self._pictures(geometry))
            return
        vertices = self.place(self._instance(geometry))
        first = len(self._pool.geodetic) + sum(map(len, self._instances))
        self._instances.append(vertices)
        self._append(self._template(geometry), (first, len(vertices)), None)

    def _append(self, geometry: Json, window: tuple[int, int], pictures: list[Picture] | None) -> None:
        try:
            polygons, inner = _shells(geometry["type"], geometry["boundaries"])
            kinds = self._semantics(geometry, len(polygons))
            if not (all(polygons) and all(map(all, polygons))):
                polygons, kinds, pictures = self._with_rings(polygons, kinds, pictures)
            rings = list(chain.from_iterable(polygons))
            flat = list(chain.from_iterable(rings))
            sizes, counts = list(map(len, rings)), list(map(len, polygons))
        except (TypeError, KeyError, IndexError) as error:
            raise _ProblemError(f"its boundaries are not nested as those of a {geometry['type']}") from error
        self.counts["inner shells were left out"] += inner
        batch = self._batch
        self._append_pictures(pictures, len(counts), len(flat))
        batch.ring_sizes += sizes
        batch.polygon_rings += counts
        batch.object_polygons[-1] += len(counts)
        batch.semantics += kinds
        self._places.extend(flat, window)

    def _with_rings(
        self, polygons: list[Any], kinds: list[int], pictures: list[Picture] | None
    ) -> tuple[list[Any], list[int], list[Picture] | None]:
        """Without empty rings, and without polygons that have no outline."""
        kept = [number for number, polygon in enumerate(polygons) if polygon and polygon[0]]
        self.counts["polygons without an outline were left out"] += len(polygons) - len(kept)
        rings = [[ring for ring in polygons[number] if ring] for number in kept]
        left = None if pictures is None else [pictures[number] for number in kept]
        return rings, [kinds[number] for number in kept], left

    def _semantics(self, geometry: Json, n_polygons: int) -> list[int]:
        semantics = geometry.get("semantics")
        if not isinstance(semantics, dict) or semantics.get("values") is None:
            return [0] * n_polygons
        try:
            codes = [SURFACE_CODES.get(surface["type"], 0) for surface in semantics["surfaces"]] + [0]
            values, _ = _shells(geometry["type"], semantics["values"])
            kinds = [codes[-1 if value is None else value] for value in values or [None] * n_polygons]
        except (TypeError, KeyError, IndexError):
            kinds = []
        if len(kinds) != n_polygons:
            self.counts["geometries have semantics that do not fit their faces"] += 1
            return [0] * n_polygons
        return kinds

    def _instance(self, geometry: Json) -> FloatArray:
        """Vertices of a template where its instance stands, in the units of the reference system."""
        self._n_instanced += len(self.templates.vertices)
        if self._n_instanced > _MOST_FROM_TEMPLATES:
            raise _ProblemError(f"the file makes more than {_MOST_FROM_TEMPLATES:,} vertices from templates")
        anchor = self._vertices_at(geometry.get("boundaries"))
        try:
            side = (_MATRIX_SIDE, _MATRIX_SIDE)
            affine = np.array(geometry.get("transformationMatrix"), dtype=np.float64).reshape(side)
        except (TypeError, ValueError):
            affine = np.full((_MATRIX_SIDE, _MATRIX_SIDE), np.nan)
        if len(anchor) != 1 or not np.isfinite(affine).all():
            raise _ProblemError("its instance of a template needs one vertex and a matrix of 16 numbers")
        placed: FloatArray = self.templates.vertices @ affine[:3, :3].T + affine[:3, 3] + anchor
        return placed

    def _lines(self, geometry: Json) -> list[FloatArray]:
        boundaries = geometry.get("boundaries")
        return [
            self.place(self._vertices_at(line))
            for line in (boundaries if isinstance(boundaries, list) else [])
        ]

    def _vertices_at(self, line: object) -> FloatArray:
        """Vertices of the window by their places, in the units of the reference system."""
        places, bad = _integers(line if isinstance(line, list) else [None])
        first, limit = self._window.vertices
        if bad.any() or (places < 0).any() or (places >= limit).any():
            raise _ProblemError("its boundaries point outside the list of vertices")
        vertices: FloatArray = self._pool.vertices[first + places]
        return vertices

    # Pictures

    def _pictures(self, geometry: Json) -> list[Picture] | None:
        """Picture and places in it for each polygon; None where the geometry has none."""
        themes, textures = geometry.get("texture"), self._window.textures
        if not textures or not isinstance(themes, dict) or not themes:
            return None
        theme = themes.get(self._window.theme) or next(iter(themes.values()))
        try:
            polygons, _ = _shells(geometry["type"], geometry["boundaries"])
            values, _ = _shells(geometry["type"], theme["values"])
            return [self._picture(*pair) for pair in zip(polygons, values, strict=True)]
        except (TypeError, KeyError, IndexError, ValueError):
            self.counts["geometries have pictures that do not fit their faces"] += 1
            return None

    def _picture(self, polygon: Sequence[Any], values: Sequence[Any]) -> Picture:
        """All rings of a polygon lie in one picture, with a place for each vertex; else it has none."""
        number = values[0][0] if values else None
        size = sum(map(len, polygon))
        if number is None:
            return -1, [-1] * size
        fits = len(values) == len(polygon) and all(
            one[0] == number and len(one) == len(ring) + 1 for one, ring in zip(values, polygon, strict=True)
        )
        if not fits or not 0 <= number < len(self._window.textures):
            self.counts["faces have pictures that do not fit their rings"] += 1
            return -1, [-1] * size
        return self._window.textures[number], list(chain.from_iterable(one[1:] for one in values))

    def _append_pictures(self, pictures: list[Picture] | None, n_polygons: int, n_vertices: int) -> None:
        places = self._uv_places
        if pictures is None:
            self._batch.textures += [-1] * n_polygons
            if places.values:
                places.extend([-1] * n_vertices, (0, 0))
            return
        if not places.values:
            places.extend([-1] * len(self._places.values), (0, 0))
        self._batch.textures += [number for number, _ in pictures]
        places.extend(list(chain.from_iterable(uv for _, uv in pictures)), self._window.uv)

    def _uv(self) -> Float32Array | None:
        """u, v of each vertex, NaN where it has none; None where no polygon has a picture."""
        if max(self._batch.textures, default=-1) < 0:
            return None
        places, bad = self._uv_places.resolved()
        uv: Float32Array = np.concatenate([self._pool.uv, np.zeros((1, 2), np.float32)])[places]
        uv[bad] = np.nan
        return uv


def _shells(kind: str, nested: Any) -> tuple[list[Any], int]:  # noqa: ANN401 - JSON
    """What stands for each polygon of the outer shells, and how many inner shells there are."""
    if kind == "Solid":
        return (nested[0] or [], len(nested) - 1) if nested else ([], 0)
    if kind in _SOLIDS:
        outer = [polygon for shells in nested if shells for polygon in shells[0] or ()]
        return outer, sum(len(shells) - 1 for shells in nested if shells)
    return nested or [], 0


def _level(geometry: Json) -> str:
    """The level as a word: `2` for 2 and 2.0, `2.2` for 2.2."""
    lod = geometry.get("lod")
    return f"{lod:g}" if isinstance(lod, int | float) else str(lod)


def _integers(values: Sequence[Any]) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Whole numbers, 0 for what is none; and which are none."""
    try:
        array = np.array(values) if len(values) else np.empty(0, dtype=np.int64)
    except (ValueError, OverflowError):
        array = np.empty(0, dtype=object)
    if array.dtype == np.int64 and array.ndim == 1:
        return array, np.zeros(len(array), dtype=np.bool_)
    good = [type(value) is int and abs(value) < 1 << 62 for value in values]
    integers = [value if fine else 0 for value, fine in zip(values, good, strict=True)]
    return np.array(integers, dtype=np.int64), ~np.array(good, dtype=np.bool_)
