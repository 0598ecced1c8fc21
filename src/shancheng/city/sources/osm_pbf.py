"""A look at a PBF file before osmium reads it: osmium trusts its words.

One with a zero byte in it makes osmium read past the end of its memory, and one that is no UTF-8 stops the
text that it writes for us.

Only frames and tables of words are looked at, which costs one unpacking of the file. What is damaged
otherwise, osmium says itself.

Source: OpenStreetMap wiki, “PBF Format”; Protocol Buffers, “Encoding”.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import deflate

from shancheng.errors import SourceFileError

__all__ = ["check_pbf"]

Fields = Iterator[tuple[int, int | bytes]]

_MOST_HEADER_BYTES: Final = 64 << 10
_MOST_BLOB_BYTES: Final = 32 << 20
"""Limits of the format."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_SHIFT: Final = 63
_TYPE, _SIZE = 1, 3
_RAW, _RAW_SIZE, _ZLIB = 1, 2, 3
_WORDS: Final = 1
_DATA: Final = b"OSMData"
_KNOWN: Final = (b"OSMHeader", _DATA)
_WORD_TAG: Final = 0x0A
_MORE: Final = 0x80
"""Set in all bytes of a number but its last."""
_EMPTY_WORD: Final = b"\n\0"
"""An empty word as its field stands in a table; every table begins with one."""


def check_pbf(path: Path) -> None:
    """Refuse a file with words that are no text, or whose frames are damaged.

    Raises:
        SourceFileError: It is one.
    """
    try:
        with path.open("rb") as file:
            for kind, blob in _blobs(file):
                if kind == _DATA:
                    _check_words(blob)
    except (_DamagedError, struct.error, UnicodeDecodeError, OSError) as error:
        raise SourceFileError(
            f"{path}: cannot be read as OpenStreetMap data ({error}); needed: a whole .osm.pbf file"
        ) from error


class _DamagedError(Exception):
    """What is wrong with a file; never leaves this module."""


def _blobs(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and unpacked content of each block."""
    while length := file.read(4):
        (size,) = struct.unpack(">I", length)
        if size > _MOST_HEADER_BYTES:
            raise _DamagedError("no PBF, or a damaged one")
        header = dict(_fields(_read(file, size)))
        kind, data_size = header.get(_TYPE), header.get(_SIZE)
        if kind not in _KNOWN or not isinstance(data_size, int) or not isinstance(kind, bytes):
            raise _DamagedError("a block is none of OSMHeader and OSMData")
        if data_size > _MOST_BLOB_BYTES:
            raise _DamagedError(f"a block of {data_size:,} bytes; at most {_MOST_BLOB_BYTES:,} are allowed")
        yield kind, _unpacked(dict(_fields(_read(file, data_size))))


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise _DamagedError("truncated")
    return data


def _unpacked(blob: dict[int, int | bytes]) -> bytes:
    raw, packed = blob.get(_RAW), blob.get(_ZLIB)
    if isinstance(raw, bytes):
        return raw
    if not isinstance(packed, bytes):
        raise _DamagedError("a block is packed otherwise than by zlib")
    size = blob.get(_RAW_SIZE)
    if not isinstance(size, int) or size > _MOST_BLOB_BYTES:
        raise _DamagedError(f"a block of {size!r} bytes; at most {_MOST_BLOB_BYTES:,} are allowed")
    try:
        return bytes(deflate.zlib_decompress(packed, size))
    except deflate.DeflateError as error:
        raise _DamagedError(f"a block cannot be unpacked: {error}") from error


def _check_words(block: bytes) -> None:
    """Refuse tables with words that are no text or hold a zero byte."""
    for number, table in _fields(block):
        if number == _WORDS and isinstance(table, bytes) and not _is_plain(table):
            _walk(table)


def _is_plain(table: bytes) -> bool:
    """Whether a table is sound as a whole: then its words need not be gone through.

    Between words stand a tag and a length, which are ASCII where a word is no longer than 127 bytes; so the
    whole is UTF-8 only when all words are. No zero may follow that of the empty word in front.
    """
    if not table.startswith(_EMPTY_WORD) or table.find(b"\0", len(_EMPTY_WORD)) >= 0:
        return False
    try:
        table.decode()
    except UnicodeDecodeError:
        return False
    return True


def _walk(table: bytes) -> None:
    """Go from word to word, to know which zeros are lengths and where long words begin."""
    place = begin = empty = 0
    end = len(table) - 1  # a tag and a length at least
    while place < end and table[place] == _WORD_TAG:
        size = table[place + 1]
        if size < _MORE:
            empty += size == 0
            place += 2 + size
        else:
            size, start = _varint(table, place + 1)
            table[begin:place].decode()
            place = begin = start + size
            table[start:place].decode()
    if place != len(table):
        raise _DamagedError("a table of words that is none")
    table[begin:].decode()
    if table.count(0) != empty:
        raise _DamagedError("a word holds a zero byte")


def _fields(data: bytes) -> Fields:
    """Numbers and values of a message's fields."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(data, place)
        elif kind in {_FIXED32, _FIXED64}:
            size = 4 if kind == _FIXED32 else 8
        else:
            raise _DamagedError("a message that is none")
        if place + size > len(data):
            raise _DamagedError("a message is truncated")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift <= _MOST_SHIFT:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < _MORE:
            return value, place
    raise _DamagedError("a number without an end")
