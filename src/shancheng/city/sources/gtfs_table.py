"""Tables of a GTFS feed: CSV by Arrow, every column as text, then turned into what the reference says it is.

Text first, because a file that says `25h` once in a million lines must neither be refused nor change a
column's type: such values become null, and are counted.
"""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from shancheng.city.arrow import AnyArray
from shancheng.errors import SourceFileError

__all__ = ["Feed", "Table", "pc", "read_table"]

pc: Any = pyarrow.compute
"""Its stubs refuse plain numbers and columns in chunks, which it takes."""

_MOST_COLUMNS: Final = 500
_MOST_HEADER: Final = 1 << 16
_BLOCK_BYTES: Final = 8 << 20
_BOM: Final = b"\xef\xbb\xbf"
_INTEGER: Final = r"^[+-]?[0-9]{1,9}$"
_REAL: Final = r"^[+-]?([0-9]{1,18}([.][0-9]{0,18})?|[.][0-9]{1,18})([eE][+-]?[0-9]{1,2})?$"
# Hours go on after midnight: 25:10:00 is ten past one of the next day. Three digits are more than four days.
_TIME: Final = r"^(?P<h>[0-9]{1,3}):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9])$"
_DATE: Final = r"^[12][0-9]{3}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$"


@dataclass
class Feed:
    """Where a feed is read from, and what was found to be wrong with it.

    Attributes:
        name: Of the feed, as the user gave it, for messages.
        remarks: What the user should know.
    """

    name: str
    remarks: list[str] = field(default_factory=list)

    def fail(self, file: str, what: str) -> SourceFileError:
        """An error that names feed and file."""
        return SourceFileError(f"{self.name}: {file}: {what}")


class Table:
    """One file of a feed, its columns as text without blanks around; an empty text is null."""

    def __init__(self, feed: Feed, file: str, columns: dict[str, AnyArray], n_rows: int) -> None:
        self._feed = feed
        self.file = file
        self._columns = columns
        self._n_rows = n_rows

    def __len__(self) -> int:
        return self._n_rows

    @property
    def names(self) -> list[str]:
        """Columns that the file has."""
        return list(self._columns)

    def text(self, name: str) -> AnyArray:
        """A column; all null where the file lacks it."""
        return self._columns.get(name, pa.nulls(self._n_rows, pa.string()))

    def integers(self, name: str, dtype: pa.DataType, low: int, high: int) -> AnyArray:
        """A column of whole numbers from ``low`` to ``high``; others are null."""
        text = self.text(name)
        number = pc.cast(_where(text, _INTEGER), pa.int64())
        fits = pc.and_(pc.greater_equal(number, low), pc.less_equal(number, high))
        return self._checked(name, text, pc.if_else(fits, number, None).cast(dtype))

    def reals(self, name: str, low: float, high: float) -> AnyArray:
        """A column of numbers from ``low`` to ``high``; others are null."""
        text = self.text(name)
        number = pc.cast(_where(text, _REAL), pa.float64())
        fits = pc.and_(pc.greater_equal(number, low), pc.less_equal(number, high))
        return self._checked(name, text, pc.if_else(fits, number, None))

    def seconds(self, name: str) -> AnyArray:
        """A column of times as seconds after the midnight of the service day, int32; others are null."""
        text = self.text(name)
        parts = pc.extract_regex(text, pattern=_TIME)
        h, m, s = (pc.struct_field(parts, part).cast(pa.int32()) for part in ("h", "m", "s"))
        return self._checked(name, text, pc.add(pc.add(pc.multiply(h, 3600), pc.multiply(m, 60)), s))

    def dates(self, name: str) -> AnyArray:
        """A column of days, YYYYMMDD; others are null."""
        text = self.text(name)
        instants = pc.strptime(_where(text, _DATE), format="%Y%m%d", unit="s", error_is_null=True)
        # Arrow takes the 30th of February for the 2nd of March.
        exists = pc.equal(pc.strftime(instants, format="%Y%m%d"), text)
        return self._checked(name, text, pc.if_else(exists, instants, None).cast(pa.date32()))

    def _checked(self, name: str, text: AnyArray, values: AnyArray) -> AnyArray:
        """Values, with a remark where a text was none."""
        wrong = pc.and_(pc.is_valid(text), pc.is_null(values))
        count = pc.sum(wrong).as_py() or 0
        if count:
            first = pc.index(wrong, True).as_py()
            shown = str(text[first].as_py())[:40]
            self._feed.remarks.append(
                f"{self.file}: {count:,} of {name} cannot be used and were left empty, "
                f"the first is {shown!r} in row {first + 1:,}"
            )
        return values


def read_table(feed: Feed, file: str, content: bytes | None, required: Sequence[str]) -> Table:
    """A file of a feed as columns of text; a file that is missing has no rows.

    Raises:
        SourceFileError: It is empty, no UTF-8 text, no table, or lacks a required column.
    """
    if content is None:
        return Table(feed, file, {}, 0)
    content = content.removeprefix(_BOM).lstrip(b"\r\n")
    _check_text(feed, file, content)
    names = _header(feed, file, content)
    missing = [name for name in required if name not in names]
    if missing:
        raise feed.fail(file, f"has no column {', '.join(missing)}; it has {', '.join(names)[:200]}")
    skipped = _Skipped()
    try:
        table = pyarrow.csv.read_csv(
            _buffer(content),
            read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows=1, block_size=_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skipped),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if _is_bare_header(content):
            return Table(feed, file, {name: pa.nulls(0, pa.string()) for name in names}, 0)
        raise feed.fail(file, f"is no table ({str(error)[:200]}); needed: CSV in UTF-8") from error
    if skipped.count:
        feed.remarks.append(
            f"{file}: {skipped.count:,} rows have not {len(names)} columns and were left out, "
            f"the first is {skipped.first!r}"
        )
    return Table(feed, file, {name: _trimmed(table.column(name)) for name in names}, len(table))


class _Skipped:
    """Rows with too few or too many columns."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def __call__(self, row: Any) -> Literal["skip"]:  # noqa: ANN401 - Arrow's InvalidRow
        self.count += 1
        self.first = self.first or row.text[:60]
        return "skip"


def _check_text(feed: Feed, file: str, content: bytes) -> None:
    """Refuse what is no UTF-8, a piece at a time: Arrow stumbles over it in rows that it hands back."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for first in range(0, len(content), _BLOCK_BYTES):
            decoder.decode(content[first : first + _BLOCK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise feed.fail(file, f"is no text ({error}); needed: CSV in UTF-8") from error


def _header(feed: Feed, file: str, content: bytes) -> list[str]:
    line = content[: _MOST_HEADER + 1].split(b"\n", 1)[0].split(b"\r", 1)[0]
    if not line.strip():
        raise feed.fail(file, "is empty; needed: a line with the names of the columns")
    if len(line) > _MOST_HEADER:
        raise feed.fail(file, "its first line is too long for names of columns")
    try:
        words = [word.strip() for word in next(csv.reader([line.decode()], skipinitialspace=True))]
    except (csv.Error, StopIteration, UnicodeDecodeError) as error:
        raise feed.fail(file, f"is no text ({error}); needed: CSV in UTF-8") from error
    if len(words) > _MOST_COLUMNS:
        raise feed.fail(file, f"{len(words):,} columns; at most {_MOST_COLUMNS} are taken")
    # A comma at the line's end names a column with nothing.
    names = [word or f"column {number}" for number, word in enumerate(words, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise feed.fail(file, f"the column {twice[0]!r} stands more than once")
    return names


def _is_bare_header(content: bytes) -> bool:
    """Arrow refuses a file that has only names; it is a table without rows."""
    return not content.replace(b"\r", b"\n").partition(b"\n")[2].strip()


def _buffer(content: bytes) -> Any:  # noqa: ANN401 - the stubs know only files
    return pa.BufferReader(content)


def _trimmed(column: Any) -> AnyArray:  # noqa: ANN401 - a chunked array
    text = pc.utf8_trim_whitespace(column.combine_chunks())
    trimmed: AnyArray = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    return trimmed


def _where(text: AnyArray, pattern: str) -> AnyArray:
    """The texts that look so; others are null."""
    alike: AnyArray = pc.if_else(
        pc.match_substring_regex(text, pattern=pattern), text, pa.scalar(None, pa.string())
    )
    return alike
