"""GeoJSON, GeoPackage, Shapefile and FlatGeobuf, read by GDAL (pyogrio) in batches of Arrow.

GDAL opens what a file's content tells it to: a text that calls itself `.geojson` can name other files and
addresses. So a file's first bytes must be those of its format, GDAL sees it under a name of ours and, where
it offers that, with one driver only, and its way to the network is closed.
"""

import re
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyogrio

from shancheng.city.sources.vector_geojson import bad_lines, count_lines, geojson_crs, is_lines
from shancheng.city.sources.vector_opened import BATCH_ROWS, MAX_COLUMNS, Box, Opened, Rows, looked_at
from shancheng.city.sources.vector_shapes import read_wkb
from shancheng.city.sources.vector_text import encoding_of
from shancheng.city.sources.vector_zip import STEM, unpack_shapefile
from shancheng.errors import SettingError, SourceFileError
from shancheng.geo.crs import LONLAT

__all__ = ["FORMATS", "format_of", "open_gdal"]

GEOJSON, LINES, GEOPACKAGE, SHAPEFILE, ZIP, FLATGEOBUF = (
    "GeoJSON", "GeoJSONSeq", "GPKG", "ESRI Shapefile", "zip", "FlatGeobuf",
)  # fmt: skip
_TEXTS: Final = (GEOJSON, LINES)
FORMATS: Final = (
    "GeoParquet, GeoJSON (also one feature a line), GeoPackage, Shapefile (also .zip), FlatGeobuf"
)

_OFFLINE: Final = {
    # A proxy that nobody can be: curl fails at once, whatever address a file names.
    "GDAL_HTTP_PROXY": "http://127.0.0.1:0",
    "GDAL_HTTP_MAX_RETRY": "0",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    # A damaged index is told, not made anew beside the user's file.
    "SHAPE_RESTORE_SHX": "NO",
}
_SQLITE: Final = b"SQLite format 3\0"
_APPLICATIONS: Final = (b"GPKG", b"GP10", b"GP11")
_SHP: Final = b"\x00\x00\x27\x0a"
_FGB: Final = b"fgb\x03fgb"
_SIDECARS: Final = (".shx", ".dbf", ".prj", ".cpg")
_HEAD: Final = 4_096
_SAMPLE: Final = 4 << 20
_MOST_WARNINGS: Final = 5
_ENDING: Final = {
    GEOJSON: ".geojson",
    LINES: ".geojsonl",
    GEOPACKAGE: ".gpkg",
    SHAPEFILE: ".shp",
    FLATGEOBUF: ".fgb",
}


def format_of(path: Path) -> str | None:
    """Which of these formats a file is, by its first bytes; None where it is none of them."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_SQLITE):
        return GEOPACKAGE if head[68:72] in _APPLICATIONS else None
    if head.startswith(_SHP):
        return SHAPEFILE
    if head.startswith(_FGB):
        return FLATGEOBUF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZIP
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if text.startswith((b"{", b"\x1e")):
        return LINES if is_lines(path) else GEOJSON
    return None


@contextmanager
def open_gdal(path: Path, kind: str, *, table: str | None = None, crs: str | None = None) -> Iterator[Opened]:
    """A file of one of these formats, ready to be read in batches.

    Args:
        path: A local file.
        kind: As `format_of` says.
        table: Which of its tables, where it has several.
        crs: The system that the user names; then what GeoJSON says of its own is not looked at.

    Raises:
        SourceFileError: It is damaged, or holds no features.
        SettingError: It holds several tables, and none is named.
    """
    pyogrio.set_gdal_config_options(_OFFLINE)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shancheng-vector-")))
        yield _opened(_Reader(path, kind, stack), folder, table, crs)


def _opened(reader: "_Reader", folder: Path, table: str | None, crs: str | None) -> Opened:
    path, kind = reader.path, reader.kind
    if kind in _TEXTS:
        # Only the driver's own prefix keeps others from taking the file for theirs.
        reader.name = f"{kind}:{_linked(path, folder, kind)}"
        said = crs or (geojson_crs(path) if kind == GEOJSON else LONLAT)
        return reader.opened(said, "says that its reference system is unknown (its crs is null)")
    if kind == GEOPACKAGE:
        _check_geopackage(path)
    shapefile = kind in (ZIP, SHAPEFILE)
    place = unpack_shapefile(path, folder, table) if kind == ZIP else _linked(path, folder, kind)
    reader.name = str(place)
    if shapefile:
        reader.encoding = _dbf_encoding(place)
    else:
        reader.layer = _table(reader, table)
    with reader.faults():
        found = pyogrio.read_info(reader.name, layer=reader.layer, force_feature_count=False)
    return reader.opened(found["crs"], "has no .prj" if shapefile else "does not say its reference system")


def _linked(path: Path, folder: Path, kind: str) -> Path:
    """The file and what stands beside it under a name of ours; a user's can mean an archive or address."""
    target = folder / f"{STEM}{_ENDING[kind]}"
    target.symlink_to(path.resolve())
    if kind == SHAPEFILE:
        beside = {other.name.lower(): other for other in path.resolve().parent.iterdir()}
        for ending in _SIDECARS:
            found = beside.get(f"{path.stem}{ending}".lower())
            if found is not None:
                (folder / f"{STEM}{ending}").symlink_to(found)
    return target


def _table(reader: "_Reader", table: str | None) -> str | None:
    """The table to read: the one with geometry, or the one that is named."""
    path = reader.path
    with reader.faults():
        tables = [str(entry[0]) for entry in pyogrio.list_layers(reader.name) if entry[1] is not None]
    if not tables:
        raise SourceFileError(f"{path}: holds no table of features")
    if table is None and len(tables) == 1:
        return tables[0]
    if table not in tables:
        raise SettingError(
            f"table={table!r}: {path} holds {', '.join(tables[:30])}; name one of these with --table"
        )
    return table


def _check_geopackage(path: Path) -> None:
    """A view can be a question that never ends; tables are only read.

    Source:
        OGC GeoPackage 1.3, 1.1.1: its own tables are tables; feature tables may be views, which are refused.
    """
    try:
        # `immutable` leaves the file and its folder as they are.
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.text_factory = partial(str, encoding="utf-8", errors="replace")
            own = _own_views(database)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged file's own words are in the message
        raise SourceFileError(f"{path}: cannot be read as GPKG ({error}); needed: a whole file") from error
    if own:
        raise SourceFileError(f"{path}: {own[0]!r} is a view, which may never end; needed: a table")


def _own_views(database: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'view' LIMIT 1000"
    views = {str(row[0]) for row in database.execute(query)}
    own = [name for name in sorted(views) if name.lower().startswith(("gpkg_", "rtree_", "sqlite_"))]
    if own:
        return own
    rows = database.execute("SELECT table_name FROM gpkg_contents LIMIT 10000")
    return sorted(views & {str(row[0]) for row in rows})


def _dbf_encoding(place: Path) -> str | None:
    """How a Shapefile's text is encoded where it does not say; None where it does, or where it is UTF-8."""
    table = place.with_suffix(".dbf")
    if place.with_suffix(".cpg").exists() or not table.exists():
        return None
    with table.open("rb") as file:
        sample = file.read(_SAMPLE)
    # Byte 29 names a code page, 0 none; text begins after the header, whose length stands in bytes 8 and 9.
    if len(sample) < 32 or sample[29]:  # noqa: PLR2004
        return None
    start = int.from_bytes(sample[8:10], "little")
    found = encoding_of(sample[start:], whole=len(sample) < _SAMPLE)
    return found.name if found else None


class _Reader:
    """One table of one file, as GDAL is asked for it.

    Texts are parsed as a whole when they are opened, so the stream that tells the columns is read to its end
    too; other formats are opened again with a box.
    """

    def __init__(self, path: Path, kind: str, stack: ExitStack) -> None:
        self.path, self.kind = path, kind
        self.name = str(path)
        self.layer: str | None = None
        self.encoding: str | None = None
        self._stack = stack
        self._hidden: set[str] = set()

    def opened(self, crs: str | None, needed: str) -> Opened:
        """The columns are known from here on, and the first batch is read."""
        opened = Opened(
            str(self.path), pa.schema([]), crs, needed, lambda box: self._batches(stream, box, opened)
        )
        stream = self._stream(None, opened)
        fields = [one for one in stream.schema if one.name not in self._hidden]
        if len(fields) > MAX_COLUMNS:
            raise SourceFileError(f"{self.path}: {len(fields):,} columns; at most {MAX_COLUMNS:,} are read")
        opened.schema, opened.fid = pa.schema(fields), stream.fid
        if self.encoding not in (None, "utf-8"):
            opened.remarks.append(f"{self.path}: text is read as {self.encoding}, which its bytes fit")
        return opened

    @contextmanager
    def faults(self) -> Iterator[None]:
        """What GDAL says of a bad file, as an error that names the file; its warnings are nobody's."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (RuntimeError, ValueError, OSError, pa.ArrowException) as error:
            text = " ".join(str(error).replace(self.name, self.path.name).split())[:500]
            raise SourceFileError(
                f"{self.path}: cannot be read as {self.kind} ({text}); needed: a whole file"
            ) from error

    def _stream(self, box: Box | None, opened: Opened) -> "_Stream":
        said = _Said(opened)
        with self.faults(), said.listening():
            asked = pyogrio.open_arrow(
                self.name,
                layer=self.layer,
                encoding=self.encoding,
                bbox=box,
                batch_size=BATCH_ROWS,
                return_fids=self.kind in (GEOPACKAGE, *_TEXTS),
                use_pyarrow=True,
            )
            meta, batches = self._stack.enter_context(asked)
        stream = _Stream(self, meta, batches, said)
        self._hidden = {stream.geometry}
        if self.kind in _TEXTS and stream.fid is not None and stream.is_numbered():
            # GDAL's own count, not the file's ids.
            self._hidden.add(stream.fid)
            stream.fid = None
        return stream

    def _batches(self, stream: "_Stream", box: Box | None, opened: Opened) -> Iterator[Rows]:
        if box is not None and self.kind not in _TEXTS:
            stream = self._stream(box, opened)
        rows = 0
        for batch in stream:
            rows += len(batch)
            column = batch.column(stream.geometry)
            wkb = column.storage if isinstance(column, pa.ExtensionArray) else column
            columns = {name: batch.column(name) for name in batch.schema.names if name not in self._hidden}
            yield Rows(columns, read_wkb(wkb), wkb)
        if self.kind == LINES and count_lines(self.path) > rows:
            # GDAL leaves out lines that are no JSON.
            opened.lost.update({f"line {number}": reason for number, reason in bad_lines(self.path)})


class _Stream:
    """Batches of a table; the first one is read at once."""

    def __init__(self, reader: _Reader, meta: dict[str, Any], batches: Any, said: "_Said") -> None:  # noqa: ANN401
        self.geometry = str(meta["geometry_name"] or "wkb_geometry")
        self.schema: pa.Schema = batches.schema
        fid = str(meta["fid_column"] or "")
        self.fid = fid if fid in self.schema.names else None
        self._reader, self._batches, self._said = reader, batches, said
        self._first = self._next()

    def is_numbered(self) -> bool:
        """Whether the first rows are counted 0, 1, 2, ..."""
        if self._first is None or self.fid is None:
            return True
        numbers = self._first.column(self.fid).to_numpy(zero_copy_only=False)
        return bool(np.array_equal(numbers, np.arange(len(numbers))))

    def __iter__(self) -> Iterator[Any]:
        batch, self._first = self._first, None
        while batch is not None:
            yield batch
            batch = self._next()

    def _next(self) -> Any:  # noqa: ANN401 - a RecordBatch, or None at the end
        with self._reader.faults(), self._said.listening():
            try:
                batch = self._batches.read_next_batch()
            except StopIteration:
                return None
            return looked_at(batch)


class _Said:
    """Collects GDAL's warnings as remarks, the first few of them."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._known: set[str] = set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for one in caught:
            text = re.sub(r"\s+", " ", str(one.message))[:200]
            if text not in self._known and len(self._known) < _MOST_WARNINGS:
                self._known.add(text)
                self._opened.remarks.append(f"{self._opened.where}: {text}")
