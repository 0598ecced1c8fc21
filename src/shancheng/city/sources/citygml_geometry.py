"""Geometry of CityGML objects gathered: of each the faces of its best level, and where its pictures lie."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from shancheng.city.sources.citygml_faces import (
    POLYGONS,
    Face,
    Level,
    each_once,
    face_of,
    identity_of,
    levels_of,
    tags_of,
)
from shancheng.city.sources.citygml_positions import (
    AXES,
    backwards,
    numbers_of,
    positions_of,
    rings_of,
    text_of,
)
from shancheng.city.sources.citygml_stream import Element
from shancheng.city.sources.citygml_textures import RingPictures
from shancheng.city.sources.solids import Surfaces
from shancheng.city.sources.solids_batch import Batch, CityObject, best_lod
from shancheng.geo.arrays import Float32Array, IntArray

__all__ = ["GeometryReader"]

_LINE_TAGS: Final = [f"{{*}}lod{level}{form}" for level in range(5) for form in ("MultiCurve", "Network")]
_IMPLICIT_TAGS: Final = [f"{{*}}lod{level}ImplicitRepresentation" for level in range(5)]
_LINES: Final = tags_of("LineString", "LineStringSegment")


@dataclass(slots=True)
class GeometryReader:
    """Gathers objects and the texts of their rings until `take` is asked for them.

    Attributes:
        pictures: Of the file's rings.
        flat: Whether coordinates of two dimensions stand somewhere in the file.
        counts: What was left out, for the user.
    """

    pictures: RingPictures
    flat: bool
    counts: Counter[str]
    _batch: Batch = field(default_factory=Batch)
    _texts: list[str] = field(default_factory=list)
    _ring_ids: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """How many rings were added by now."""
        return len(self._texts)

    def add(self, one: CityObject, element: Element, feature: Element) -> None:
        """Add an object with the polygons of its best level.

        Args:
            one: What is known of it; its level and what is wrong are set.
            element: Its element, without its parts.
            feature: The whole feature: surfaces may be shared within it.
        """
        batch, before = self._batch, len(self._batch.polygon_rings)
        levels = levels_of(element)
        while (best := best_lod(levels)) is not None and len(batch.polygon_rings) == before:
            level = levels.pop(best)
            one.lod, one.solid = best, level.solid
            self.counts["inner shells were left out"] += level.inner
            for face in self._faces(level, feature):
                self._append(face)
        batch.objects.append(one)
        batch.object_polygons.append(len(batch.polygon_rings) - before)
        if len(batch.polygon_rings) == before:
            one.lod = None
            self._add_lines(one, element)

    def take(self) -> tuple[list[CityObject], Surfaces]:
        """All objects that were added, and their polygons as they stand in the file."""
        batch = self._batch
        xyz, sizes = positions_of(self._texts)
        batch.ring_sizes = sizes.tolist()
        surfaces = batch.surfaces(xyz, self._places(sizes) if self.pictures else None)
        self._batch, self._texts, self._ring_ids = Batch(), [], []
        return batch.objects, surfaces

    # Faces

    def _faces(self, level: Level, feature: Element) -> list[Face]:
        """Faces of a level, each once, with the meaning of the surface that holds or names it."""
        faces, named = level.faces, level.named
        if named:
            for face in faces:
                code = named.pop(identity_of(face.polygon) or "", 0)
                face.code = face.code or code
        if named:
            # What is pointed at is no polygon of this level: a composite, or a face of another object.
            known = {face.polygon for face in faces}
            for element in feature.iter():
                code = named.pop(identity_of(element) or "", -1)
                if code >= 0:
                    inner = element.iter(*POLYGONS)
                    faces += [face_of(polygon, code) for polygon in inner if polygon not in known]
            self.counts["faces are those of another object and were left out"] += len(named)
        # Faces stand twice only where a solid and its boundary surfaces both hold them.
        return each_once(faces) if level.holds_twice() else faces

    def _append(self, face: Face) -> None:
        texts = face.texts
        if len(texts) != 1 or self.pictures or self.flat:
            rings = rings_of(face.polygon)
            texts = [text_of(ring) for ring in rings]
            if self.pictures:
                self._ring_ids += [identity_of(ring) or "" for ring in rings]
        if face.turned:
            texts = [backwards(text) for text in texts]
        if texts:
            self._texts += texts
            self._batch.polygon_rings.append(len(texts))
            self._batch.semantics.append(face.code)
            self._batch.textures.append(-1)

    def _add_lines(self, one: CityObject, element: Element) -> None:
        lines = [line for group in element.iter(*_LINE_TAGS) for line in group.iter(*_LINES)]
        parsed = [numbers_of(text_of(line)) for line in lines]
        one.lines = [np.array(line).reshape(-1, AXES) for line in parsed if len(line) % AXES == 0]
        if not lines and next(element.iter(*_IMPLICIT_TAGS), None) is not None:
            one.problem = "its geometry is implicit, a prototype at a place, which is not read"

    def _places(self, sizes: IntArray) -> Float32Array:
        """u, v of each vertex, NaN where it has none; the batch learns which polygon has which picture."""
        uv = np.full((int(sizes.sum()), 2), np.nan, dtype=np.float32)
        ends = np.cumsum(sizes).tolist()
        ring = 0
        for number, count in enumerate(self._batch.polygon_rings):
            mine = range(ring, ring + count)
            found = [self.pictures.of_ring(self._ring_ids[one]) for one in mine]
            ring += count
            fits = all(len(places) == sizes[one] for one, (_, places) in zip(mine, found, strict=True))
            if found[0][0] >= 0 and fits and len({picture for picture, _ in found}) == 1:
                self._batch.textures[number] = found[0][0]
                for one, (_, places) in zip(mine, found, strict=True):
                    uv[ends[one] - len(places) : ends[one]] = places
            elif found[0][0] >= 0:
                self.counts["faces have pictures that do not fit their rings"] += 1
        return uv
