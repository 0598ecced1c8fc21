"""CityJSON 1.0 to 2.0 and CityJSONSeq as a source: solids as they are, and areas of roads, water and green.

Files are read in ``cityjson_files.py``, boundaries in ``cityjson_geometry.py``; what becomes of objects is
the same as for CityGML (``solids_city.py``). Here features are taken apart into objects, each parent directly
before its parts.
"""

from collections.abc import Iterable, Iterator, Sized
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np

from shancheng.city.sources.base import CityData, Source, SourceOptions
from shancheng.city.sources.cityjson_files import Header, open_model, uv_list, vertex_list
from shancheng.city.sources.cityjson_geometry import Flattener, Json, Pool, Window
from shancheng.city.sources.solids_batch import CityObject, without_collector
from shancheng.city.sources.solids_city import LAYERS, OPTIONS, CityBuilder
from shancheng.city.sources.solids_crs import NamedSystem, Placement, given_system, named_system
from shancheng.city.sources.solids_kinds import MERGED, PARTS
from shancheng.city.sources.solids_textures import Pictures
from shancheng.errors import SourceFileError, UnknownCRSError
from shancheng.geo.arrays import FloatArray
from shancheng.progress import Progress

__all__ = ["SOURCE", "read"]

_AT_ONCE: Final = 1_000_000
"""Vertices in rings that are worked on together: some hundred megabytes at most."""
_POOL: Final = 200_000
"""Vertices of features of a sequence that are placed together."""


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a city model.

    Args:
        path: ``.json``, or ``.jsonl`` for a sequence.
        options: ``crs`` where the file names none, and what all sources of solids know.
        progress: Told what is being read.

    Returns:
        Layers of what the model holds, pictures, and the ground where it has a relief of triangles.

    Raises:
        SourceFileError: The file cannot be used.
        UnknownCRSError: It names no reference system, or its coordinates do not lie where that is used.
    """
    progress.step(f"reading {path.name}", None)
    with without_collector():
        header, features = open_model(path)
        reader = _Reader(path, header, options)
        count = 0
        for group in _grouped(path, features):
            reader.take(group)
            count += len(group)
            progress.step(f"reading {path.name}: {count} features", None)
        return reader.finish()


def _grouped(path: Path, features: Iterable[Json]) -> Iterator[list[Json]]:
    """Some features at a time, so that their vertices are placed together."""
    group: list[Json] = []
    size = 0
    for feature in features:
        if not isinstance(feature.get("CityObjects"), dict):
            raise SourceFileError(f"{path}: CityObjects: must be an object of city objects by their ids")
        vertices = feature.get("vertices")
        group.append(feature)
        size += len(vertices) if isinstance(vertices, list) else 0
        if size >= _POOL:
            yield group
            group, size = [], 0
    if group:
        yield group


class _Reader:
    """Takes features and gives the city."""

    def __init__(self, path: Path, header: Header, options: SourceOptions) -> None:
        self._path = path
        self._header = header
        self._pictures = Pictures(path.parent)
        self._city = CityBuilder(path, "CityJSON", options, self._pictures, facts=header.facts)
        self._placement = Placement(str(path), _system(path, header, options), x_first=True)
        self._flat = Flattener(header.templates, self._placed, self._city.counts)

    def take(self, features: list[Json]) -> None:
        """Take some features, as they stand in the file."""
        for feature, window in zip(features, self._open(features), strict=True):
            self._flat.look(window)
            objects = feature["CityObjects"]
            for family in _families(objects):
                self._add(objects, family)
                if len(self._flat) > _AT_ONCE:
                    self._city.add(*self._flat.take())
        self._city.add(*self._flat.take())

    def finish(self) -> CityData:
        """The city, after the last feature."""
        return self._city.finish([*self._header.remarks, *self._placement.remarks])

    def _placed(self, xyz: FloatArray) -> FloatArray:
        return self._placement.geodetic(xyz, lambda: 0)

    def _open(self, features: list[Json]) -> list[Window]:
        """Place the vertices of all features at once; the part that belongs to each."""
        vertices = [vertex_list(self._path, feature.get("vertices")) for feature in features]
        looks = [_appearance(feature) for feature in features]
        uv = [uv_list(self._path, look) for look in looks]
        xyz = np.concatenate(vertices) * self._header.scale + self._header.translate
        self._flat.open(Pool(xyz, self._placed(xyz), np.concatenate(uv)))
        return [
            Window(span, uv_span, self._textures(look), str(look.get("default-theme-texture", "")))
            for span, uv_span, look in zip(_spans(vertices), _spans(uv), looks, strict=True)
        ]

    def _textures(self, look: Json) -> list[int]:
        """Numbers of the pictures of a list of textures; what is no texture has no file either."""
        textures = look.get("textures")
        images = [
            str(one.get("image", "")) if isinstance(one, dict) else ""
            for one in (textures if isinstance(textures, list) else [])
        ]
        return [self._pictures.number(image) for image in images]

    def _add(self, objects: Json, family: list[str]) -> None:
        """Add an object and what belongs to it, the parent first."""
        shell: CityObject | None = None
        for identity in family:
            given = objects[identity]
            kind = _type(given)
            if kind is None:
                self._city.refuse("CityObject", identity, "has no type")
            elif kind in MERGED:
                self._merge(shell, identity, kind, given)
            elif self._city.has_layer(kind, identity):
                shell = _city_object(identity, kind, given)
                self._flat.add(shell, given.get("geometry"))

    def _merge(self, shell: CityObject | None, identity: str, kind: str, given: Json) -> None:
        """Join an installation to the object before it, which it is a part of, where that has geometry."""
        of_shell = shell is not None and shell.lod is not None and shell.id in _parents(given)
        if shell is None or not of_shell or not self._flat.join(shell, given.get("geometry")):
            self._city.refuse(
                kind, identity, "what it is attached to has no faces right before it, or it has none"
            )


def _system(path: Path, header: Header, options: SourceOptions) -> NamedSystem:
    """The user's word before the file's."""
    if options.crs is not None:
        if header.system and named_system(header.system) != given_system(options.crs):
            header.remarks.append(
                f"{path.name} names {header.system[:200]}; {options.crs} was used, as asked."
            )
        return given_system(options.crs)
    if not header.system:
        raise UnknownCRSError(
            f"{path}: does not say its reference system (metadata.referenceSystem); "
            "give it with --crs, such as --crs EPSG:7415"
        )
    system = named_system(header.system)
    if system is None:
        raise UnknownCRSError(
            f"{path}: referenceSystem={header.system[:200]!r}: not a known form; "
            "needed: one like https://www.opengis.net/def/crs/EPSG/0/7415, or --crs EPSG:7415"
        )
    return system


def _appearance(feature: Json) -> Json:
    appearance = feature.get("appearance")
    return appearance if isinstance(appearance, dict) else {}


def _spans(arrays: Iterable[Sized]) -> list[tuple[int, int]]:
    """Where each of some arrays begins when they stand one after the other, and how long it is."""
    sizes = list(map(len, arrays))
    return list(zip(accumulate(sizes, initial=0), sizes, strict=False))


def _families(objects: Json) -> Iterator[list[str]]:
    """Objects with their descendants: a parent directly before what is attached to it, then its parts.

    Each object comes once, whatever the lists of children say; a part whose parent is missing comes alone.
    """
    seen: set[str] = set()
    roots = [identity for identity, one in objects.items() if not any(up in objects for up in _parents(one))]
    for root in (*roots, *objects):
        if root in seen:
            continue
        family, waiting = [], [root]
        while waiting:
            identity = waiting.pop()
            if identity not in seen:
                seen.add(identity)
                family.append(identity)
                waiting += _children(objects, identity)
        yield family


def _parents(one: object) -> list[str]:
    parents = one.get("parents") if isinstance(one, dict) else None
    return [up for up in parents if isinstance(up, str)] if isinstance(parents, list) else []


def _children(objects: Json, identity: str) -> list[str]:
    """Children in the order in which a stack gives them back: what is attached first."""
    children = objects[identity].get("children") if isinstance(objects[identity], dict) else None
    if not isinstance(children, list):
        return []
    known = [child for child in reversed(children) if isinstance(child, str) and child in objects]
    return sorted(known, key=lambda child: _type(objects[child]) in MERGED)


def _type(one: object) -> str | None:
    kind = one.get("type") if isinstance(one, dict) else None
    return kind if isinstance(kind, str) else None


def _city_object(identity: str, kind: str, given: Json) -> CityObject:
    attributes = given.get("attributes")
    attributes = dict(attributes) if isinstance(attributes, dict) else {}
    parents = _parents(given)
    if parents:
        attributes["parents"] = parents
    return CityObject(identity, kind, attributes, parent=parents[0] if parents and kind in PARTS else None)


SOURCE = Source(
    "cityjson",
    "CityJSON 1.0 to 2.0 and CityJSONSeq (.json, .jsonl)",
    LAYERS,
    read,
    OPTIONS,
)
