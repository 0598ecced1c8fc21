"""CityGML 1.0 to 3.0 as a source, PLATEAU's with it: solids as they are, areas of roads, water and green.

Files are streamed (``citygml_stream.py``): memory holds a batch of features and what the city keeps of them.
What becomes of objects is the same as for CityJSON (``solids_city.py``). A folder is read as one model: with
a `udx` folder in it, as PLATEAU publishes them, the themes of it that we know.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from shancheng.city.sources.base import CityData, Source, SourceOptions
from shancheng.city.sources.citygml_attributes import attributes_of
from shancheng.city.sources.citygml_faces import identity_of
from shancheng.city.sources.citygml_geometry import GeometryReader
from shancheng.city.sources.citygml_positions import positions_of
from shancheng.city.sources.citygml_stream import (
    Element,
    check_prologue,
    local_name,
    released,
    stream,
    words_in,
)
from shancheng.city.sources.citygml_textures import TEXTURE, RingPictures
from shancheng.city.sources.solids_batch import CityObject, handedness, without_collector
from shancheng.city.sources.solids_city import LAYERS, OPTIONS, CityBuilder, ModelFacts
from shancheng.city.sources.solids_crs import NamedSystem, Placement, given_system, named_system
from shancheng.city.sources.solids_kinds import PARTS
from shancheng.city.sources.solids_textures import Pictures
from shancheng.errors import SourceFileError, UnknownCRSError
from shancheng.geo.arrays import FloatArray
from shancheng.progress import Progress

__all__ = ["SOURCE", "read"]

_RINGS_AT_ONCE: Final = 30_000
_TRIANGLES_AT_ONCE: Final = 50_000
_FLAT: Final = ('srsDimension="2"', "srsDimension='2'")
_RELIEF: Final = "TINRelief"
_MEMBERS: Final = ("cityObjectMember", "featureMember", "appearanceMember", "Triangle", _RELIEF)
_PART_TAGS: Final = [f"{{*}}{name}" for name in sorted(PARTS)]
_WITH_PARTS: Final = frozenset({"Building", "Bridge"})
_INNER_TAGS: Final = [
    f"{{*}}{name}"
    for name in (
        "interiorRoom",
        "interiorBuildingInstallation",
        "interiorBridgeRoom",
        "interiorBridgeInstallation",
        "buildingRoom",
        "buildingSubdivision",
        "buildingFurniture",
        "bridgeRoom",
        "bridgeFurniture",
    )
]
_NAMING_SYSTEMS: Final = [
    f"{{*}}{name}" for name in ("Envelope", "Solid", "MultiSurface", "CompositeSurface", "MultiCurve")
]
# Themes of PLATEAU's `udx` folder that hold what a layer takes; the others are plans, risks and furniture.
_THEMES: Final = ("bldg", "brid", "dem", "luse", "rwy", "squr", "tran", "trk", "veg", "wtr", "wwy")
_CORNERS: Final = 3


def read(path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a city model.

    Args:
        path: ``.gml`` or ``.xml``, or a folder of them.
        options: ``crs`` where the file names none, and what all sources of solids know.
        progress: Told what is being read.

    Returns:
        Layers of what the model holds, pictures, and the ground where it has a relief of triangles.

    Raises:
        SourceFileError: A file cannot be used.
        UnknownCRSError: One names no reference system, or its coordinates do not lie where that is used.
    """
    pictures = Pictures(path.parent)
    city = CityBuilder(path, "CityGML", options, pictures)
    placements: dict[str, Placement] = {}
    with without_collector():
        for file in _files(path):
            progress.step(f"reading {file.name}", None)
            pictures.folder = file.parent
            _Reader(file, options, city, placements).run(progress)
        return city.finish([remark for one in placements.values() for remark in one.remarks])


def _files(path: Path) -> list[Path]:
    """The files of a model, in the order of their names."""
    if not path.is_dir():
        return [path]
    udx = path / "udx"
    if udx.is_dir():
        found = [one for theme in _THEMES for one in sorted((udx / theme).rglob("*.gml"))]
    else:
        found = sorted(path.rglob("*.gml"))
    if not found:
        raise SourceFileError(
            f"{path}: holds no .gml file; needed: CityGML files, in it or in the themes of a folder udx"
        )
    return found


class _Reader:
    """Reads one file into a city."""

    def __init__(
        self, path: Path, options: SourceOptions, city: CityBuilder, placements: dict[str, Placement]
    ) -> None:
        check_prologue(path)
        self._path = path
        self._crs = options.crs
        self._city = city
        self._placements = placements
        words = words_in(path, (TEXTURE, *_FLAT))
        rings = RingPictures(path, city.pictures, any_there=TEXTURE in words)
        self._geometry = GeometryReader(rings, bool(words.intersection(_FLAT)), city.counts)
        self._triangles: list[str] = []
        self._file_system = ""
        self._placement: Placement | None = None

    def run(self, progress: Progress) -> None:
        """Read the file to its end."""
        in_relief, count = False, 0
        for event, element in stream(self._path, _MEMBERS, (_RELIEF,)):
            name = local_name(element)
            if event == "start":
                self._look_around(element)
                in_relief = True
            elif name == _RELIEF:
                in_relief = False
            elif name == "Triangle":
                if in_relief:
                    self._take_triangle(element)
            else:
                self._look_around(element)
                self._take_member(element, name)
                count += 1
                if count % 1000 == 0:
                    progress.step(f"reading {self._path.name}: {count} members", None)
        self._flush()

    def _look_around(self, element: Element) -> None:
        """What the root says of all members: it stands before the first."""
        if self._file_system:
            return
        root = element.getroottree().getroot()
        envelope = root.find("{*}boundedBy/{*}Envelope")
        self._file_system = (envelope.get("srsName") if envelope is not None else "") or " "
        name = root.find("{*}name")
        if name is not None and name.text and not self._city.facts.title:
            self._city.facts = ModelFacts(title=name.text.strip()[:200])

    # Features

    def _take_member(self, member: Element, name: str) -> None:
        if name != "appearanceMember":
            if len(member):
                self._take(member[0])
            else:
                self._city.counts["members point at objects elsewhere, which were not read"] += 1
        released(member)

    def _take(self, feature: Element) -> None:
        kind, identity = local_name(feature), identity_of(feature) or _hashed(feature)
        if kind == "ReliefFeature":
            self._refuse_other_relief(feature)
        elif self._city.has_layer(kind, identity):
            self._use(self._system_of(feature))
            parts: list[Element] = []
            if kind in _WITH_PARTS:
                self._drop_inside(feature)
                parts = list(feature.iter(*_PART_TAGS))
            for part in parts:
                part.getparent().remove(part)
            self._add(feature, feature, identity, None)
            for part in parts:
                self._add(part, feature, identity_of(part) or _hashed(part), identity)
            if len(self._geometry) >= _RINGS_AT_ONCE:
                self._flush()

    def _add(self, element: Element, feature: Element, identity: str, parent: str | None) -> None:
        attributes = attributes_of(element)
        if parent is not None:
            attributes["parents"] = [parent]
        one = CityObject(identity, local_name(element), attributes, parent)
        self._geometry.add(one, element, feature)

    def _drop_inside(self, feature: Element) -> None:
        for inner in list(feature.iter(*_INNER_TAGS)):
            identity = identity_of(inner[0]) if len(inner) else None
            self._city.refuse(local_name(inner), identity or "", "lies inside a building")
            inner.getparent().remove(inner)

    def _refuse_other_relief(self, feature: Element) -> None:
        for component in feature.iter("{*}MassPointRelief", "{*}BreaklineRelief", "{*}RasterRelief"):
            kind = local_name(component)
            self._city.refuse(kind, identity_of(component) or "", f"no layer takes a {kind}")

    # Relief

    def _take_triangle(self, triangle: Element) -> None:
        text = next((one.text for one in triangle.iter("{*}posList")), None)
        if not self._triangles:
            above = (one.get("srsName") for one in triangle.iterancestors())
            self._use(next((name for name in above if name), self._file_system))
        self._triangles.append(text or "")
        released(triangle)
        if len(self._triangles) >= _TRIANGLES_AT_ONCE:
            self._flush()

    def _flush_triangles(self) -> None:
        xyz, sizes = positions_of(self._triangles)
        self._triangles = []
        start = np.cumsum(sizes) - sizes
        # A ring repeats its first corner at its end.
        whole = (sizes == _CORNERS) | (sizes == _CORNERS + 1)
        self._city.counts["faces of the relief are no triangles and were left out"] += int((~whole).sum())
        triangles = xyz[start[whole][:, None] + np.arange(_CORNERS)]
        assert self._placement is not None
        geodetic = self._placement.geodetic(triangles.reshape(-1, _CORNERS), lambda: _upward(triangles))
        self._city.add_triangles(geodetic.reshape(triangles.shape))

    # Places

    def _system_of(self, feature: Element) -> str:
        """Name of the system of a feature's own, else of the file."""
        if self._crs is None:
            for element in feature.iter(*_NAMING_SYSTEMS):
                name: str | None = element.get("srsName")
                if name:
                    return name
        return self._file_system

    def _use(self, name: str) -> None:
        """What follows has coordinates in the system of that name."""
        placement = self._placements.get(name)
        if placement is None:
            system = self._named(name)
            # Several names may mean one system: the order of its axes is settled once.
            known = [one for one in self._placements.values() if one.system == system]
            placement = known[0] if known else Placement(str(self._path), system, x_first=False)
            if self._crs is not None and name.strip() and named_system(name) != system:
                placement.remarks.append(
                    f"{self._path.name} names {name[:200]}; {self._crs} was used, as asked."
                )
            self._placements[name] = placement
        if placement is not self._placement:
            self._flush()
            self._placement = placement

    def _named(self, name: str) -> NamedSystem:
        if self._crs is not None:
            return given_system(self._crs)
        if not name.strip():
            raise UnknownCRSError(
                f"{self._path}: does not say its reference system (srsName); "
                "give it with --crs, such as --crs EPSG:25832"
            )
        system = named_system(name)
        if system is None:
            raise UnknownCRSError(
                f"{self._path}: srsName={name[:200]!r}: not a known form; needed: one like "
                "http://www.opengis.net/def/crs/EPSG/0/6697, or --crs EPSG:6697"
            )
        return system

    def _flush(self) -> None:
        """Hand over what was gathered."""
        if self._triangles:
            self._flush_triangles()
        objects, surfaces = self._geometry.take()
        if not objects:
            return
        assert self._placement is not None
        place = self._placement.geodetic
        solid = np.array([one.solid for one in objects], dtype=np.bool_)
        geodetic = _once_each(surfaces.xyz, lambda xyz: place(xyz, lambda: handedness(surfaces, solid)))
        for one in objects:
            one.lines = [place(line, lambda: 0) for line in one.lines]
        self._city.add(objects, replace(surfaces, xyz=geodetic))


def _once_each(xyz: FloatArray, place: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Places of vertices, each computed once: several faces share a corner, and GML repeats it for each."""
    bits = np.ascontiguousarray(xyz).view(np.uint64)
    # Odd multipliers mix the coordinates; what falls together by chance or malice is found and done in full.
    mixed = (
        bits[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ bits[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F) ^ bits[:, 2]
    )
    _, first, number = np.unique(mixed, return_index=True, return_inverse=True)
    if not np.array_equal(xyz[first][number], xyz, equal_nan=True):
        return place(xyz)
    return place(xyz[first])[number]


def _hashed(feature: Element) -> str:
    """An id for what has none: of where it lies, so that it is the same whenever the file is read."""
    digest = hashlib.sha256()
    for positions in feature.iter("{*}posList", "{*}pos"):
        digest.update((positions.text or "").encode())
    return f"x{digest.hexdigest()[:16]}"


def _upward(triangles: FloatArray) -> int:
    """1 where triangles of a relief look up with the axes as they stand, -1 where they look down, else 0."""
    one, two = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    signs = np.sign(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    total = float(np.nansum(signs))
    return int(np.sign(total)) if abs(total) > len(triangles) / 2 else 0


SOURCE = Source(
    "citygml",
    "CityGML 1.0 to 3.0, PLATEAU included (.gml, or a folder)",
    LAYERS,
    read,
    OPTIONS,
)
