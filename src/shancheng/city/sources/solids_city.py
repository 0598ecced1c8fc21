"""From batches of city objects to the data of a city: what CityJSON and CityGML do alike."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from shancheng.city.manifest import LayerSource, Title
from shancheng.city.schema import SURVEYED, validate_layer
from shancheng.city.sources.base import CityData, ElevationData, SetAside, SourceOptions
from shancheng.city.sources.solids import Plane, Surfaces, without_objects
from shancheng.city.sources.solids_batch import CityObject
from shancheng.city.sources.solids_kinds import INNER, LAYER_OF
from shancheng.city.sources.solids_measured import Measured, measure
from shancheng.city.sources.solids_relief import elevation_of_triangles, triangles_bounds
from shancheng.city.sources.solids_tables import TABLE_OF, is_green
from shancheng.city.sources.solids_textures import Pictures
from shancheng.errors import SourceFileError
from shancheng.geo.arrays import FloatArray
from shancheng.geo.bounds import Bounds

__all__ = ["LAYERS", "OPTIONS", "CityBuilder", "ModelFacts"]

LAYERS: Final = ("buildings", "bridges", "roads", "rail", "green", "water")
OPTIONS: Final = frozenset({"crs", "bounds", "licence", "attribution", "provenance"})
_RELIEF: Final = "TINRelief"
_MOST_TRIANGLES: Final = 20_000_000
_TRIANGLE: Final = 3
_WAYS: Final = ("roads", "rail")
_STRAY: Final = 3.0
_STRAY_DEG: Final = 0.02


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a file says of itself: its title, who is to be credited, the day it speaks of."""

    title: str = ""
    attribution: str = ""
    licence: str = ""
    date: str = ""


@dataclass(slots=True)
class CityBuilder:
    """Takes batches of objects, and gives the city.

    Attributes:
        path: The file, for names and errors.
        form: `CityJSON` or `CityGML`.
        options: Of the user; `crs` is the reader's to use.
        pictures: Those that the file names.
        counts: What was mended or left out, for the user.
    """

    path: Path
    form: str
    options: SourceOptions
    pictures: Pictures
    counts: Counter[str] = field(default_factory=Counter)
    set_aside: list[SetAside] = field(default_factory=list)
    facts: ModelFacts = field(default_factory=ModelFacts)
    _tables: dict[str, list[pa.Table]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _triangles: list[FloatArray] = field(default_factory=list)
    _n_triangles: int = 0
    _n_objects: int = 0

    def refuse(self, kind: str, identity: str, reason: str) -> None:
        """Set an object aside that its reader could not read."""
        self._n_objects += 1
        self.set_aside.append(SetAside(LAYER_OF.get(kind, kind), identity, reason))

    def has_layer(self, kind: str, identity: str) -> bool:
        """Whether objects of a type go into a layer or the ground; those that do not are set aside."""
        if kind in LAYER_OF or kind == _RELIEF:
            return True
        inner = kind in INNER or kind.startswith("Interior")
        self.refuse(kind, identity, "lies inside a building" if inner else f"no layer takes a {kind}")
        return False

    def add(self, objects: Sequence[CityObject], surfaces: Surfaces) -> None:
        """Take a batch: n objects and their polygons in longitude, latitude, metres above the geoid."""
        if not objects:
            return
        for one in objects:
            one.lines = [line for line in one.lines if len(line) > 1 and np.isfinite(line[:, :2]).all()]
            if one.lines and LAYER_OF.get(one.type) not in _WAYS:
                one.lines, one.problem = [], "its geometry is lines, not faces"
        self._n_objects += len(objects)
        relief = np.array([one.type == _RELIEF for one in objects], dtype=np.bool_)
        self._take_relief(surfaces, np.flatnonzero(relief))
        surfaces = without_objects(surfaces, relief)
        plane = _plane(surfaces.xyz)
        lon, lat, elevation = surfaces.xyz.T
        in_plane = replace(
            surfaces,
            xyz=np.column_stack([plane.from_lonlat(lon, lat), elevation]),
            texture=self._with_pictures(surfaces),
        )
        found = measure(objects, in_plane, plane)
        self.counts.update(found.counts)
        self._add_tables(found, self._wanted(found))

    def add_triangles(self, triangles: FloatArray) -> None:
        """Take triangles of a relief: longitude, latitude, metres above the geoid, shape (n, 3, 3).

        Raises:
            SourceFileError: They are too many.
        """
        self._n_triangles += len(triangles)
        if self._n_triangles > _MOST_TRIANGLES:
            raise SourceFileError(
                f"{self.path}: a relief of over {_MOST_TRIANGLES:,} triangles; needed: fewer, or a raster"
            )
        self._triangles.append(triangles)

    def finish(self, remarks: Sequence[str]) -> CityData:
        """All layers, the ground where the file has one, and what the user should know.

        Args:
            remarks: What the reader has to say.

        Raises:
            SourceFileError: Nothing in the file could be taken over.
        """
        layers = {layer: _joined(layer, self._tables[layer]) for layer in LAYERS if self._tables.get(layer)}
        told = tuple(dict.fromkeys([*remarks, *self._told()]))
        source = self._source(told)
        terrain = self._terrain(layers, source)
        if not layers and terrain is None:
            raise SourceFileError(self._nothing())
        extent = _extent_of(layers) if layers else self._relief_bounds()
        title = self.facts.title
        return CityData(
            layers=layers,
            layer_sources=dict.fromkeys(layers, source),
            title=Title(zh=title, en=title) if title else None,
            extent=extent,
            set_aside=self.set_aside,
            terrain=terrain,
            files=self.pictures.files,
            remarks=told,
        )

    # Batches

    def _take_relief(self, surfaces: Surfaces, rows: npt.NDArray[np.intp]) -> None:
        for row in rows.tolist():
            first, last = surfaces.object_start[row : row + 2]
            sizes = np.diff(surfaces.ring_start)[surfaces.polygon_start[first:last]]
            start = surfaces.ring_start[surfaces.polygon_start[first:last][sizes == _TRIANGLE]]
            self.counts["faces of the relief are no triangles and were left out"] += len(sizes) - len(start)
            self.add_triangles(surfaces.xyz[start[:, None] + np.arange(_TRIANGLE)])

    def _with_pictures(self, surfaces: Surfaces) -> npt.NDArray[np.int32]:
        """Numbers of pictures, -1 where a picture cannot be had or a vertex has no place in it."""
        if surfaces.uv is None:
            return np.full_like(surfaces.texture, -1)
        texture = surfaces.texture.copy()
        texture[surfaces.polygon_of_vertex[~np.isfinite(surfaces.uv).all(axis=1)]] = -1
        used = np.unique(texture[texture >= 0]).tolist()
        texture[np.isin(texture, [number for number in used if self.pictures.name(number) is None])] = -1
        lost = int(((surfaces.texture >= 0) & (texture < 0)).sum())
        self.counts["faces lost their picture and show a plain colour"] += lost
        return texture

    def _wanted(self, found: Measured) -> npt.NDArray[np.bool_]:
        """Rows to take; the others are set aside or lie outside the bounds."""
        wanted = np.zeros(len(found.objects), dtype=np.bool_)
        outside = self._outside(found)
        for row, one in enumerate(found.objects):
            if one.type == _RELIEF:
                continue
            reason = found.reasons[row] or self._objection(one)
            if reason:
                self.set_aside.append(SetAside(LAYER_OF[one.type], one.id, reason))
            else:
                wanted[row] = not outside[row]
        self.counts["objects lie outside the bounds and were left out"] += int((outside & ~wanted).sum())
        return wanted

    def _objection(self, one: CityObject) -> str:
        layer = LAYER_OF[one.type]
        if layer == "green" and not is_green(one):
            return "its use of land is not known to be green"
        if (layer, one.id) in self._seen:
            return "its id stands more than once; the first counts"
        self._seen.add((layer, one.id))
        return ""

    def _outside(self, found: Measured) -> npt.NDArray[np.bool_]:
        bounds = self.options.bounds
        if bounds is None:
            return np.zeros(len(found.objects), dtype=np.bool_)
        box = shapely.box(bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg)
        has_place = np.array([reason == "" for reason in found.reasons], dtype=np.bool_)
        return np.asarray(has_place & ~shapely.intersects(found.shapes, box))

    def _add_tables(self, found: Measured, wanted: npt.NDArray[np.bool_]) -> None:
        layer_of = np.array([LAYER_OF.get(one.type, "") for one in found.objects])
        names = self.pictures.names()
        common = {"provenance": self.options.provenance or SURVEYED, "source": self.path.name}
        for layer in LAYERS:
            rows = np.flatnonzero(wanted & (layer_of == layer))
            if len(rows):
                self._tables.setdefault(layer, []).append(TABLE_OF[layer](found, rows, names, common))

    # The end

    def _source(self, told: Sequence[str]) -> LayerSource:
        facts, options = self.facts, self.options
        return LayerSource(
            source=f"{self.path.name} ({self.form})",
            licence=options.licence or facts.licence or "as stated by its publisher",
            attribution=options.attribution or facts.attribution or facts.title or self.path.name,
            provenance=options.provenance or SURVEYED,
            date=facts.date,
            notes=" ".join(told),
        )

    def _terrain(self, layers: dict[str, pa.Table], source: LayerSource) -> ElevationData | None:
        if not self._triangles:
            return None
        triangles = np.concatenate(self._triangles)
        extent = _bounds_of(layers) if layers else self._relief_bounds()
        if extent is None:
            return None
        terrain, why = elevation_of_triangles(triangles, extent, replace(source, notes=""))
        if terrain is None:
            self.set_aside.append(SetAside(_RELIEF, f"{len(triangles)} triangles", why))
        return terrain

    def _relief_bounds(self) -> Bounds | None:
        triangles = np.concatenate(self._triangles)
        triangles = triangles[np.isfinite(triangles).all(axis=(1, 2))]
        return triangles_bounds(triangles) if len(triangles) else None

    def _nothing(self) -> str:
        if not self._n_objects and not self._n_triangles:
            return f"{self.path}: holds no city object; needed: {self.form} with buildings or other objects"
        reasons = Counter(f"{entry.layer}: {entry.reason}" for entry in self.set_aside)
        first = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(3))
        outside = "" if self.options.bounds is None else " within the bounds"
        return f"{self.path}: none of its {self._n_objects} city objects can be used{outside}" + (
            f" ({first})" if first else ""
        )

    def _told(self) -> list[str]:
        told = [f"{count} {what}." for what, count in self.counts.items() if count]
        return told + [
            f"{count} pictures were not taken: {why}." for why, count in self.pictures.problems.items()
        ]


def _plane(geodetic: FloatArray) -> Plane:
    known = geodetic[np.isfinite(geodetic).all(axis=1)]
    if len(known) == 0:
        return Plane(0.0, 0.0)
    lon, lat = np.median(known[:, :2], axis=0)
    return Plane(float(lon), float(lat))


def _joined(layer: str, tables: list[pa.Table]) -> pa.Table:
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    place = table.column_names.index("index")
    index = pa.array(np.arange(table.num_rows, dtype=np.uint32))
    return validate_layer(layer, table.set_column(place, table.schema.field("index"), index))


def _edges_of(layers: dict[str, pa.Table]) -> FloatArray:
    """West, south, east, north of everything, shape (n, 4)."""
    boxes: list[Any] = [table.column("bbox").combine_chunks() for table in layers.values()]
    names = ("xmin", "ymin", "xmax", "ymax")
    return np.concatenate([np.column_stack([box.field(name).to_numpy() for name in names]) for box in boxes])


def _bounds_of(layers: dict[str, pa.Table]) -> Bounds:
    edges = _edges_of(layers)
    return Bounds(*edges[:, :2].min(axis=0).tolist(), *edges[:, 2:].max(axis=0).tolist())


def _extent_of(layers: dict[str, pa.Table]) -> Bounds | None:
    """The box around everything; None where a few objects lie so far away that they cannot be meant."""
    edges = _edges_of(layers)
    low, high = np.percentile((edges[:, :2] + edges[:, 2:]) / 2, [1, 99], axis=0)
    whole = edges[:, 2:].max(axis=0) - edges[:, :2].min(axis=0)
    return _bounds_of(layers) if (whole <= _STRAY * (high - low) + _STRAY_DEG).all() else None
