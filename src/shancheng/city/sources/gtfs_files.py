"""The files of a GTFS feed, from a folder or a zip archive, read within limits.

Nothing is unpacked to the disk: files are known by their names alone, so what else an archive holds is never
looked at.
"""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from shancheng.errors import SourceFileError

__all__ = ["FILES", "NEEDED", "read_files"]

FILES: Final = (
    "agency.txt",
    "attributions.txt",
    "calendar.txt",
    "calendar_dates.txt",
    "feed_info.txt",
    "frequencies.txt",
    "routes.txt",
    "shapes.txt",
    "stop_times.txt",
    "stops.txt",
    "trips.txt",
)
"""What is read; other files of a feed are left alone."""
_MUST: Final = ("stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
NEEDED: Final = (
    "a GTFS feed, a zip archive or a folder with stops.txt, routes.txt, trips.txt and stop_times.txt"
)

MAX_ENTRIES: Final = 10_000
MAX_BYTES: Final = 4 << 30
"""Of all files together: the feed of a large country comes to half of it."""
_SMALL_BYTES: Final = 16 << 20
_MAX_RATIO: Final = 200
"""Timetables shrink twentyfold; a bomb a thousandfold."""
_BLOCK: Final = 1 << 20
_ENCRYPTED: Final = 1
_FAULTS: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    RuntimeError, OSError, EOFError, ValueError, LookupError, OverflowError,
)  # fmt: skip
"""What reading a damaged archive raises, whatever the damage."""


def read_files(path: Path) -> dict[str, bytes]:
    """Contents of a feed's files by name; optional ones may be missing.

    Raises:
        SourceFileError: It is no feed, is damaged, encrypted or unpacks to too much.
    """
    if path.is_dir():
        files = _from_folder(path)
    elif path.is_file():
        try:
            with zipfile.ZipFile(path) as archive:
                files = _from_archive(path, archive)
        except _FAULTS as error:
            raise SourceFileError(f"{path}: cannot be unpacked ({error}); needed: {NEEDED}") from error
    else:
        raise SourceFileError(f"{path}: no such file; needed: {NEEDED}")
    missing = [name for name in _MUST if name not in files]
    if missing:
        raise SourceFileError(f"{path}: holds no {', '.join(missing)}; needed: {NEEDED}")
    return files


def _from_folder(path: Path) -> dict[str, bytes]:
    found = [path / name for name in FILES if (path / name).is_file()]
    try:
        total = sum(file.stat().st_size for file in found)
        _check_total(path, total)
        return {file.name: file.read_bytes() for file in found}
    except OSError as error:
        raise SourceFileError(f"{path}: cannot be read ({error.strerror})") from error


def _from_archive(path: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise SourceFileError(f"{path}: {len(entries):,} entries; at most {MAX_ENTRIES:,} are looked through")
    chosen = _chosen(path, entries)
    _check_total(path, sum(entry.file_size for entry in chosen.values()))
    for entry in chosen.values():
        _check_entry(path, entry)
    return {name: _unpacked(path, archive, entry) for name, entry in chosen.items()}


def _chosen(path: Path, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The feed's files: those beside the first `stops.txt`, since some archives hold one folder with all."""
    visible = [entry for entry in entries if not entry.is_dir() and not entry.filename.startswith("__MACOSX")]
    folders = [
        PurePosixPath(entry.filename).parent
        for entry in visible
        if PurePosixPath(entry.filename).name == "stops.txt"
    ]
    if not folders:
        inner = [entry.filename for entry in visible if entry.filename.lower().endswith(".zip")]
        hint = f"; {inner[0]} has to be unpacked first" if inner else ""
        raise SourceFileError(f"{path}: holds no stops.txt{hint}; needed: {NEEDED}")
    if len(folders) > 1:
        raise SourceFileError(f"{path}: holds {len(folders)} times stops.txt; needed: one feed")
    chosen: dict[str, zipfile.ZipInfo] = {}
    for entry in visible:
        place = PurePosixPath(entry.filename)
        if place.parent == folders[0] and place.name in FILES:
            if place.name in chosen:
                raise SourceFileError(f"{path}: holds {place.name} twice; needed: one feed")
            chosen[place.name] = entry
    return chosen


def _check_total(path: Path, total: int) -> None:
    if total > MAX_BYTES:
        raise SourceFileError(f"{path}: its files come to {total:,} bytes; at most {MAX_BYTES:,} are taken")


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise SourceFileError(f"{path}: {entry.filename} has a password; needed: a feed without one")
    if entry.file_size > _SMALL_BYTES and entry.file_size > _MAX_RATIO * max(entry.compress_size, 1):
        raise SourceFileError(
            f"{path}: {entry.filename} grows from {entry.compress_size:,} to {entry.file_size:,} bytes; "
            f"more than {_MAX_RATIO}-fold is taken for a bomb"
        )


def _unpacked(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """What an archive says of sizes may be a lie; what comes out is counted."""
    content = bytearray()
    with archive.open(entry) as packed:
        while block := packed.read(_BLOCK):
            content += block
            if len(content) > entry.file_size:
                raise SourceFileError(f"{path}: {entry.filename} is larger than the archive says")
    return bytes(content)
