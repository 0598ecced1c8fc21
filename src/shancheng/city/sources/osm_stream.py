"""One pass over an OpenStreetMap file: every object that may concern us, with its tags and its geometry.

osmium reads, joins ways with the places of their nodes, assembles areas and filters, all in C++. Only areas
become Python objects, for their WKB; everything else comes from the text that osmium writes beside it
(``osm_opl.py``). What an object means is left to ``osm_read.py``.
"""

import ctypes
import re
import struct
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import osmium
import shapely
from osmium.filter import EntityFilter, IdFilter, KeyFilter
from osmium.osm import AREA, NODE, RELATION, WAY

from shancheng.city.sources.osm_opl import OPL_FORMAT, Tags, read_blocks, tags_of
from shancheng.city.sources.osm_pbf import check_pbf
from shancheng.errors import SourceFileError, StorageError
from shancheng.geo.bounds import Bounds

__all__ = ["BROKEN", "Header", "Sink", "read_areas", "read_header", "read_objects"]

_NODE_KEYS: Final = (
    "aerialway",
    "amenity",
    "communication:mobile_phone",
    "highway",
    "historic",
    "man_made",
    "place",
    "public_transport",
    "railway",
    "telecom",
    "tourism",
)
_AREA_KEYS: Final = (
    "aerialway",
    "amenity",
    "boundary",
    "building",
    "building:part",
    "communication:mobile_phone",
    "highway",
    "historic",
    "landuse",
    "leisure",
    "man_made",
    "natural",
    "public_transport",
    "railway",
    "telecom",
    "tourism",
    "waterway",
)
# `route` is what ferries have; ways of other routes are found by their rails and roads.
_WAY_KEYS: Final = (*_AREA_KEYS, "route")
# osmium knows more forms; of these two it is known what broken and hostile files do.
_SUFFIXES: Final = (".osm", ".xml")
BROKEN: Final = b""
"""Stands for an area whose rings do not fit together."""
# Nodes with these keys are many, and most are crossings, benches and signals: only some are for us.
_NODE: Final = re.compile(
    rb"highway=(?:bus_stop|elevator)|amenity=(?:bus_station|ferry_terminal)|railway=(?:station|halt|stop|tram_stop)"
    rb"|(?:aerialway|mobile_phone|historic|man_made|place|public_transport|telecom|tourism)="
)
_N, _W = b"nw"
_ONE_POLYGON: Final = struct.pack("<BII", 1, 6, 1)
"""osmium writes a MultiPolygon even of one; what follows is the polygon's own WKB."""
_FAULTS: Final = (RuntimeError, ValueError, OSError, LookupError, osmium.InvalidLocationError)
"""What osmium raises, whatever is wrong with a file."""
_POINT: Final = struct.Struct("<BIdd")
_POINT_TYPE: Final = 1


@dataclass(frozen=True)
class Header:
    """What a file says of itself; ``bounds`` is None where it does not say."""

    bounds: Bounds | None
    date: str


class Sink(Protocol):
    """Who takes the objects: all nodes, then all ways, then all relations, in blocks.

    ``area`` is WKB of what a way or a relation encloses; `BROKEN` where osmium could not assemble it, None
    where it is no area.
    """

    def node(self, local_id: str, tags: Tags, point: bytes | None) -> None:
        """Take a node, `n6`, with WKB of its place."""

    def way(self, local_id: str, tags: Tags, nodes: bytes, area: bytes | None) -> None:
        """Take a way, `w123`, with its nodes as text for ``osm_lines.py``."""

    def relation(self, local_id: str, tags: Tags, members: bytes, area: bytes | None) -> None:
        """Take a relation, `r45`, with its members as text for ``osm_opl.py``."""

    def end_block(self) -> None:
        """Be told that some tens of thousands have been handed over."""


def read_header(path: Path) -> Header:
    """What the file says of itself.

    Raises:
        SourceFileError: It is missing or of another kind.
    """
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; needed: an OpenStreetMap extract (.osm.pbf)")
    if path.suffix == ".pbf":
        check_pbf(path)
    elif path.suffix not in _SUFFIXES:
        raise SourceFileError(
            f"{path}: cannot be read as OpenStreetMap data (its name ends in {path.suffix!r}); "
            "needed: a whole .osm.pbf file, or .osm in XML"
        )
    with _osmium_errors(path), osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
        header = reader.header()
        box = header.box()
        date = header.get("osmosis_replication_timestamp", "")[:10]
        if not box.valid():
            return Header(None, date)
        low, high = box.bottom_left, box.top_right
        return Header(Bounds(low.lon, low.lat, high.lon, high.lat), date)


def read_objects(path: Path, sink: Sink) -> None:
    """Hand all objects that may concern us to a sink.

    Raises:
        SourceFileError: The file is truncated or of another kind.
        StorageError: The text has no place in the temporary folder; it is about five times the file.
    """
    with _osmium_errors(path), tempfile.TemporaryDirectory(prefix="shancheng-osm-") as folder:
        text = Path(folder) / "objects.opl"
        with _text_writer(text) as writer:
            areas = _wkb_of(_stream(path, writer))
        for block in read_blocks(text):
            _hand_over(block, areas, sink)


def read_areas(path: Path, way_ids: Collection[int]) -> dict[str, bytes]:
    """Areas of some closed ways that have no tags of their own, so that osmium makes none: WKB by local id.

    It takes another pass over the file.
    """
    wanted = IdFilter([number for number in way_ids if number > 0])  # files of editors have others too
    ways: Any = osmium.FileProcessor(str(path)).with_locations().with_filter(EntityFilter(WAY))
    line_of = osmium.geom.WKBFactory().create_linestring
    found = {}
    with _osmium_errors(path):
        for way in ways.with_filter(wanted):
            with suppress(RuntimeError, osmium.InvalidLocationError):  # nodes that are not in the file
                line = shapely.from_wkb(bytes.fromhex(line_of(way)))
                area = shapely.polygonize([line])
                if line.is_ring and not area.is_empty:
                    found[f"w{way.id}"] = bytes(shapely.to_wkb(area.geoms[0], byte_order=1))
    return found


@contextmanager
def _osmium_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise SourceFileError(
            f"{path}: cannot be read as OpenStreetMap data ({error}); needed: a whole .osm.pbf file"
        ) from error


@contextmanager
def _text_writer(text: Path) -> Iterator[Any]:
    """A writer of text. One that has failed, on a full disk or at an odd place, is never destroyed.

    Its destructor would try to write again and end the whole process; so a reference is given away.
    """
    writer = osmium.SimpleWriter(osmium.io.File(str(text), OPL_FORMAT), overwrite=True)
    try:
        yield writer
    finally:
        try:
            writer.close()
        except _FAULTS as error:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer))
            if isinstance(error, osmium.InvalidLocationError):
                misplaced = "a node lies outside of longitudes and latitudes"
                raise ValueError(misplaced) from error  # noqa: TRY004 - the type tells which fault it was
            raise StorageError(f"{text.parent}: cannot be written ({error}); needed for a while") from error


def _stream(path: Path, writer: Any) -> Any:  # noqa: ANN401 - osmium is untyped
    # Filters run in C++ and in this order; the writer sees what the three let pass.
    nodes, ways, areas = KeyFilter(*_NODE_KEYS), KeyFilter(*_WAY_KEYS), KeyFilter(*_AREA_KEYS)
    nodes.enable_for(NODE)
    ways.enable_for(WAY)
    areas.enable_for(AREA)
    return (
        osmium.FileProcessor(str(path))
        .with_areas(KeyFilter(*_AREA_KEYS))
        .with_filter(EntityFilter(NODE | WAY | RELATION | AREA))
        .with_filter(nodes)
        .with_filter(ways)
        .with_filter(areas)
        .with_filter(writer)
        .with_filter(EntityFilter(AREA))
    )


def _wkb_of(areas: Any) -> dict[bytes, bytes]:  # noqa: ANN401 - osmium is untyped
    """WKB of areas by the local id of the way or relation that they come from."""
    polygon = osmium.geom.WKBFactory().create_multipolygon
    found = {}
    for area in areas:
        # osmium numbers the area of way 7 as 14, and that of relation 7 as 15.
        number = area.id
        local_id = b"r%d" % (number >> 1) if number & 1 else b"w%d" % (number >> 1)
        try:
            wkb = bytes.fromhex(polygon(area))
        except RuntimeError:
            # osmium gives an empty area where the rings do not fit.
            found[local_id] = BROKEN
        else:
            found[local_id] = wkb.removeprefix(_ONE_POLYGON)
    return found


def _hand_over(block: list[bytes], areas: dict[bytes, bytes], sink: Sink) -> None:
    # No word holds a space, osmium escapes it; the last field still ends the line.
    rows = [line.split(b" ", 2) for line in block if line[0] != _N or _NODE.search(line)]
    for (name, _, last), tags in zip(rows, tags_of([fields[1] for fields in rows]), strict=True):
        kind = name[0]
        if kind == _W:
            sink.way(name.decode(), tags, last[1:-1], areas.get(name))
        elif kind == _N:
            sink.node(name.decode(), tags, _point(last))
        else:
            sink.relation(name.decode(), tags, last[1:-1], areas.get(name))
    sink.end_block()


def _point(place: bytes) -> bytes | None:
    """A node's line ends in `x7.42 y43.73`, without the numbers where its place is not known."""
    x, y = (text[1:] for text in place.split())
    return _POINT.pack(1, _POINT_TYPE, float(x), float(y)) if x and y else None
