"""A zipped Shapefile, unpacked within limits before any other library sees it."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from shancheng.errors import SettingError, SourceFileError

__all__ = ["MAX_TOTAL_BYTES", "unpack_shapefile"]

MAX_ENTRIES: Final = 10_000
MAX_TOTAL_BYTES: Final = 8 << 30
"""A Shapefile's parts are numbered in 32 bits of 16-bit words: no more than this is one."""
_SMALL_BYTES: Final = 64 << 20
_MAX_RATIO: Final = 200
"""Tables of blanks shrink a hundredfold; a bomb a thousandfold."""
_PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_BLOCK: Final = 1 << 20
STEM: Final = "source"
_FAULTS: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    RuntimeError, OSError, EOFError, ValueError, LookupError, OverflowError,
)  # fmt: skip
"""What unpacking raises; an archive with a password is a RuntimeError."""


def unpack_shapefile(path: Path, folder: Path, table: str | None = None) -> Path:
    """Write the parts of the Shapefile in an archive to a folder, under a name of our own.

    Args:
        path: A zip archive.
        folder: An empty folder.
        table: Name of the Shapefile where there are several, without its ending.

    Raises:
        SourceFileError: It is no archive, is damaged, holds no Shapefile, or unpacks to too much.
        SettingError: It holds several, and none is named.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _parts(path, archive, table)
            for ending, entry in parts.items():
                _copy(path, archive, entry, folder / f"{STEM}{ending}")
    except _FAULTS as error:
        raise SourceFileError(f"{path}: cannot be unpacked ({error}); needed: a whole zip archive") from error
    return folder / f"{STEM}.shp"


def _parts(path: Path, archive: zipfile.ZipFile, table: str | None) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise SourceFileError(f"{path}: {len(entries):,} entries; at most {MAX_ENTRIES:,} are looked through")
    stems = sorted(
        {_stem(entry.filename) for entry in _visible(entries) if _ending(entry.filename) == ".shp"}
    )
    if not stems:
        raise SourceFileError(f"{path}: holds no .shp; another format has to be unpacked first")
    chosen = _chosen(path, stems, table)
    parts = {
        _ending(entry.filename): entry
        for entry in _visible(entries)
        if _stem(entry.filename) == chosen and _ending(entry.filename) in _PARTS
    }
    _check_sizes(path, parts.values())
    return parts


def _chosen(path: Path, stems: list[str], table: str | None) -> str:
    names = [PurePosixPath(stem).name for stem in stems]
    if table is not None and table in names:
        return stems[names.index(table)]
    if table is None and len(stems) == 1:
        return stems[0]
    raise SettingError(f"table={table!r}: {path} holds {', '.join(names)}; name one of these with --table")


def _visible(entries: list[zipfile.ZipInfo]) -> Iterator[zipfile.ZipInfo]:
    return (entry for entry in entries if not entry.is_dir() and not entry.filename.startswith("__MACOSX"))


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _check_sizes(path: Path, entries: Any) -> None:  # noqa: ANN401 - any collection of entries
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise SourceFileError(f"{path}: unpacks to {total:,} bytes; at most {MAX_TOTAL_BYTES:,} are taken")
    for entry in entries:
        if entry.file_size > _SMALL_BYTES and entry.file_size > _MAX_RATIO * max(entry.compress_size, 1):
            raise SourceFileError(
                f"{path}: {entry.filename} grows from {entry.compress_size:,} to {entry.file_size:,} bytes; "
                f"more than {_MAX_RATIO}-fold is taken for a bomb"
            )


def _copy(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """What an archive says of sizes may be a lie; what comes out is counted."""
    written = 0
    with archive.open(entry) as packed, target.open("wb") as file:
        while block := packed.read(_BLOCK):
            written += len(block)
            if written > entry.file_size:
                raise SourceFileError(f"{path}: {entry.filename} is larger than the archive says")
            file.write(block)
