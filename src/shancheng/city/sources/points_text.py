"""Delimited text in batches of text columns: encoding, delimiter and header are found out, and told.

Everything comes out as text; what a column means is decided by ours, never by its first value.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.city.sources.points_cells import CELL_COLUMNS, looks_like_cells
from shancheng.city.sources.vector_text import Encoding, encoding_of
from shancheng.errors import SourceFileError

__all__ = ["MAX_LINE", "TextBatch", "TextTable", "open_text"]

MAX_LINE: Final = 1 << 20
MAX_COLUMNS: Final = 1_000
MAX_ROWS: Final = 100_000_000
MAX_FIELD: Final = 131_072
"""Characters of one value; that of the csv module, which reads a forgotten quotation mark up to here."""
BATCH_ROWS: Final = 65_536
DELIMITERS: Final = (",", ";", "\t")
_SAMPLE: Final = 1 << 20


@dataclass(frozen=True)
class TextBatch:
    """Rows: text columns by name, empty text as null, and the line on which each row ends; shape (n,)."""

    columns: dict[str, Any]
    lines: npt.NDArray[np.int64]


@dataclass
class TextTable:
    """A text that is open.

    Attributes:
        names: Of its columns.
        remarks: What was found out and could be otherwise.
        bad: Rows that do not fit the header, by their name; filled while rows are read.
    """

    path: Path
    names: list[str]
    delimiter: str
    encoding: Encoding
    has_header: bool
    remarks: list[str] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)

    def batches(self) -> Iterator[TextBatch]:
        """All rows.

        Raises:
            SourceFileError: A line is too long, a quotation mark is not closed, or bytes are no text.
        """
        with _text(self.path, self.encoding) as file:
            reader = csv.reader(_lines(file, self.path), delimiter=self.delimiter, strict=True)
            every = _rows(reader, self.path)
            if self.has_header:
                next(every, None)
            rows, lines, total = [], [], 0
            for row in every:
                if not row:
                    continue
                total += 1
                if len(row) != len(self.names):
                    self._note(reader.line_num, len(row))
                    continue
                rows.append(row)
                lines.append(reader.line_num)
                if len(rows) == BATCH_ROWS:
                    yield self._batch(rows, lines)
                    rows, lines = [], []
                if total > MAX_ROWS:
                    raise SourceFileError(f"{self.path}: more than {MAX_ROWS:,} rows")
            if rows:
                yield self._batch(rows, lines)

    def _note(self, line: int, fields: int) -> None:
        self.bad[f"line {line}"] = f"{fields} fields, where the header has {len(self.names)}"

    def _batch(self, rows: list[list[str]], lines: list[int]) -> TextBatch:
        arrays = (
            pa.array([value or None for value in column], pa.string()) for column in zip(*rows, strict=True)
        )
        return TextBatch(dict(zip(self.names, arrays, strict=True)), np.array(lines, dtype=np.int64))


def open_text(path: Path) -> TextTable:
    """Find out how a text is written, by its first megabyte.

    Raises:
        SourceFileError: It is no text, or has no header.
    """
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
        whole = not file.read(1)
    if b"\0" in sample and not sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceFileError(f"{path}: holds zero bytes and is no text; needed: CSV, or Parquet")
    encoding = encoding_of(sample, whole=whole)
    if encoding is None:
        raise SourceFileError(f"{path}: neither UTF-8 nor GB18030; needed: a text in UTF-8")
    with _text(path, encoding) as file:
        first = next(_lines(file, path), "")
    if not first.strip():
        raise SourceFileError(f"{path}: its first line is empty; needed: a header with the names of columns")
    delimiter = max(DELIMITERS, key=first.count)
    header = [
        name.strip() for name in next(_rows(csv.reader([first], delimiter=delimiter, strict=True), path))
    ]
    return _described(path, header, delimiter, encoding)


def _described(path: Path, header: list[str], delimiter: str, encoding: Encoding) -> TextTable:
    cells = looks_like_cells(header)
    names = list(CELL_COLUMNS) if cells else header
    if len(names) > MAX_COLUMNS:
        raise SourceFileError(f"{path}: {len(names):,} columns; at most {MAX_COLUMNS:,} are read")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceFileError(
            f"{path}: the column {twice[0]!r} stands twice in the header; needed: different names"
        )
    table = TextTable(path, names, delimiter, encoding, has_header=not cells)
    if encoding.why:
        table.remarks.append(f"{path}: {encoding.why}")
    if delimiter != ",":
        table.remarks.append(f"{path}: columns are separated by {delimiter!r}")
    if cells:
        table.remarks.append(
            f"{path}: has no header; read with the columns of OpenCelliD ({', '.join(names)})"
        )
    return table


def _text(path: Path, encoding: Encoding) -> IO[str]:
    return path.open("r", encoding=encoding.name, newline="")


def _lines(file: IO[str], path: Path) -> Iterator[str]:
    """Lines, none of them longer than the limit: a file without line ends is not read whole."""
    number = 0
    try:
        while line := file.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise SourceFileError(f"{path}: line {number} has more than {MAX_LINE:,} characters")
            yield line
    except UnicodeDecodeError as error:
        raise SourceFileError(
            f"{path}: line {number + 1} or later is not {error.encoding} ({error.reason})"
        ) from error


def _rows(reader: Any, path: Path) -> Iterator[list[str]]:  # noqa: ANN401 - of the csv module
    try:
        yield from reader
    except csv.Error as error:
        raise SourceFileError(
            f"{path}: line {reader.line_num}: {error}; "
            "needed: quotation marks that are closed, and doubled inside"
        ) from error
