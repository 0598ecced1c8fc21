"""Values of a file's columns as the types of ours: a column's type is ours, never that of its first value.

Each function takes an Arrow column of any type and says which values it could not use.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shancheng.city.heights import parse_length_m
from shancheng.city.sources.vector_arrow import Array, Mask, mask_of, only_where, pc
from shancheng.city.sources.vector_attributes import bytes_in, json_text
from shancheng.geo.arrays import FloatArray

__all__ = [
    "Values",
    "angles",
    "colours",
    "directions",
    "lengths",
    "lists",
    "measures",
    "numbers",
    "spelled",
    "texts",
    "times",
    "truths",
    "words",
]


_NUMBER: Final = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$"
_COLOUR: Final = r"^#?[0-9a-fA-F]{6}$"
_NO: Final = ("", "no", "n", "false", "f", "0", "0.0", "none", "null", "否", "无")
# Under a building but on the ground: the building covers the way, the way covers nothing.
_AT_GRADE: Final = ("building_passage", "avalanche_protector")
_SEPARATORS: Final = re.compile(r"[;,/|、，；\s]+")
_BLANKS: Final = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"
_HIGH: Final = 0x80
"""From here on bytes are parts of other characters, among which there are blanks too."""
_MOST_ITEMS: Final = 360


@dataclass(frozen=True)
class Values:
    """A column in one of our types, and which of its values were said but could not be used, shape (n,)."""

    column: Any
    rejected: Mask


def texts(column: Array) -> Array:
    """Text without blanks around it, null where nothing is left; nested values as JSON."""
    plain = _decoded(column)
    if _is_text(plain.type):
        text = plain.cast(pa.string())
    elif (
        pa.types.is_nested(plain.type)
        or pa.types.is_binary(plain.type)
        or pa.types.is_large_binary(plain.type)
    ):
        text = json_text(plain)
    else:
        text = _plain_cast(plain)
    if text is None:
        return pa.nulls(len(column), pa.string())
    found = bytes_in(text)
    if found[list(_BLANKS)].any() or found[_HIGH:].any():
        text = pc.utf8_trim_whitespace(text)
    length = pc.binary_length(text)
    return text if pc.all(pc.greater(length, 0)).as_py() else only_where(pc.greater(length, 0), text)


def words(column: Array) -> list[str | None]:
    """Text as Python strings, for rules that take a source's raw words."""
    found: list[str | None] = texts(column).to_pylist()
    return found


def measures(column: Array) -> FloatArray | list[str | None]:
    """Numbers as they are, NaN where there is none; anything else as words, which may name their unit."""
    plain = _decoded(column)
    return _as_floats(plain) if _is_number(plain.type) else words(plain)


def numbers(column: Array, low: float = -np.inf, high: float = np.inf) -> Values:
    """Numbers within a range, NaN elsewhere; text counts where all of it is one number."""
    plain = _decoded(column)
    if _is_number(plain.type):
        values = _as_floats(plain)
        said = _said(plain) & ~np.isnan(values)
    else:
        text = texts(plain)
        fits = pc.match_substring_regex(text, _NUMBER)
        values = _as_floats(only_where(fits, text).cast(pa.float64()))
        said = _said(text)
    return _ranged(values, said, low, high)


def lengths(column: Array, low: float = -np.inf, high: float = np.inf) -> Values:
    """Metres within a range, NaN elsewhere; text may name another unit, as in `40 ft`."""
    plain = _decoded(column)
    if _is_number(plain.type):
        return numbers(plain, low, high)
    text = texts(plain)
    return _ranged(_once_each(text, parse_length_m), _said(text), low, high)


def spelled(column: Array, spell: Callable[[str | None], str | None]) -> Values:
    """Words as we spell them, null for those that we do not know."""
    text = texts(column)
    coded = text.dictionary_encode()
    known = pa.array([*(spell(word) for word in coded.dictionary.to_pylist()), None], pa.string())
    found = known.take(pc.fill_null(coded.indices, len(known) - 1))
    return Values(found, _said(text) & ~_said(found))


def directions(column: Array, read: Callable[[str | None], float]) -> Values:
    """Degrees clockwise from north, NaN elsewhere: numbers from 0 to 360, or words that are read."""
    plain = _decoded(column)
    if _is_number(plain.type):
        return numbers(plain, 0.0, 360.0)
    text = texts(plain)
    return _ranged(_once_each(text, read), _said(text), 0.0, 360.0)


def truths(column: Array) -> npt.NDArray[np.bool_]:
    """True where anything is said but no."""
    plain = _decoded(column)
    if _is_number(plain.type) or pa.types.is_boolean(plain.type):
        values = _as_floats(plain.cast(pa.float64()) if pa.types.is_boolean(plain.type) else plain)
        return np.asarray(np.nan_to_num(values) != 0)
    text = pc.utf8_lower(pc.fill_null(texts(plain), ""))
    said = pc.is_in(text, pa.array([*_NO, *_AT_GRADE]))
    return ~mask_of(said)


def times(column: Array) -> Values:
    """Instants in UTC; of text, ISO 8601 dates and times. A time without a zone is taken as UTC."""
    plain = _decoded(column)
    wanted = pa.timestamp("us", tz="UTC")
    if pa.types.is_timestamp(plain.type) or pa.types.is_date(plain.type):
        naive = plain if getattr(plain.type, "tz", None) else plain.cast(pa.timestamp("us"))
        return Values(naive.cast(wanted, safe=False), np.zeros(len(column), dtype=bool))
    text = texts(plain)
    parsed = [_instant(value) for value in text.to_pylist()]
    return Values(
        pa.array(parsed, wanted), _said(text) & np.array([one is None for one in parsed], dtype=bool)
    )


def lists(column: Array) -> Array:
    """Lists of text; of plain text, what stands between `;` or `、`."""
    plain = _decoded(column)
    if pa.types.is_list(plain.type) or pa.types.is_large_list(plain.type):
        return plain.cast(pa.list_(pa.string()))
    text = texts(plain)
    split = pc.split_pattern_regex(text, r"\s*[;、；|]\s*", max_splits=_MOST_ITEMS)
    return split.cast(pa.list_(pa.string()))


def angles(column: Array) -> Values:
    """Lists of degrees clockwise from north, 0 to 360: a number, a list, or text like `0;120;240`."""
    plain = _decoded(column)
    if pa.types.is_list(plain.type) or pa.types.is_large_list(plain.type):
        rows = plain.to_pylist()
    elif _is_number(plain.type):
        rows = [None if np.isnan(value) else [value] for value in _as_floats(plain)]
    else:
        rows = [None if value is None else _SEPARATORS.split(value) for value in words(plain)]
    found = [_directions(row) for row in rows]
    bad = np.array(
        [row is not None and one is None for row, one in zip(rows, found, strict=True)], dtype=bool
    )
    return Values(pa.array(found, pa.list_(pa.float32())), bad)


def colours(column: Array) -> Values:
    """Colours as `#rrggbb` in small letters; the sharp may be missing."""
    text = texts(column)
    fits = pc.match_substring_regex(text, _COLOUR)
    small = pc.utf8_lower(pc.utf8_ltrim(text, "#"))
    colour = pc.binary_join_element_wise("#", only_where(fits, small), "")
    return Values(colour, _said(text) & ~mask_of(fits))


def _decoded(column: Array) -> Array:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _decoded(column.storage)
    return column.dictionary_decode() if pa.types.is_dictionary(kind) else column


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _plain_cast(column: Array) -> Array | None:
    try:
        if pa.types.is_floating(column.type):
            column = only_where(pc.is_finite(column), column)
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None


def _as_floats(column: Array) -> FloatArray:
    return np.asarray(
        pc.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
    )


def _said(column: Array) -> Mask:
    return mask_of(column.is_valid())


def _ranged(values: FloatArray, said: Mask, low: float, high: float) -> Values:
    with np.errstate(invalid="ignore"):
        good = (values >= low) & (values <= high) & np.isfinite(values)
    return Values(np.where(good, values, np.nan), said & ~good)


def _once_each(text: Array, parse: Callable[[str], float]) -> FloatArray:
    """Each word is parsed once, however many rows say it."""
    coded = text.dictionary_encode()
    known = np.array([*(parse(word) for word in coded.dictionary.to_pylist()), np.nan])
    codes = pc.fill_null(coded.indices, len(known) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(known[codes], dtype=np.float64)


def _instant(text: str | None) -> Any:  # noqa: ANN401 - a datetime, or None
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _directions(row: Sequence[Any] | None) -> list[float] | None:
    if row is None or not 0 < len(row) <= _MOST_ITEMS:
        return None
    try:
        values = [float(value) for value in row if value not in ("", None)]
    except (TypeError, ValueError):
        return None
    return values if values and all(0 <= value <= 360 for value in values) else None  # noqa: PLR2004 - a circle
