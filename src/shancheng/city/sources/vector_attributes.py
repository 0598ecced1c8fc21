"""Columns of a table as JSON text, one object a row: what a source says beyond what our layers hold.

Works on whole Arrow columns, nested ones included; no row becomes a Python object, but for text that claims
to be JSON itself.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from shancheng.city.sources.vector_arrow import Array, Mask, mask_of, offsets_of, only_where, pc

__all__ = ["MAX_ATTRIBUTES_BYTES", "bytes_in", "fragments", "json_text", "map_fragments", "objects", "sized"]


MAX_ATTRIBUTES_BYTES: Final = 65_536
"""Longest text of one row; a row that says more keeps its own columns and loses the rest."""
_JSON_NAME: Final = "arrow.json"
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_text(column: Array) -> Array | None:
    """Each value as JSON text, null where it is null; None for a type that JSON cannot hold (bytes)."""
    text, mark = _text(column)
    return _joined(mark, text, mark) if mark and text is not None else text


def _text(column: Array) -> tuple[Array | None, str]:
    """Values as JSON, and the mark that still has to stand around each: one join less for plain text."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        known = kind.extension_name == _JSON_NAME
        return (_embedded(column.storage), "") if known else _text(column.storage)
    if pa.types.is_dictionary(kind):
        return _text(column.dictionary_decode())
    if pa.types.is_map(kind):
        return _map_text(column), ""
    if pa.types.is_struct(kind):
        return _struct_text(column), ""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _list_text(column), ""
    return _plain_text(column)


def _plain_text(column: Array) -> tuple[Array | None, str]:
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string()), ""
    if pa.types.is_floating(kind):
        wide = column.cast(pa.float64()) if pa.types.is_float16(kind) else column
        return only_where(pc.is_finite(wide), wide).cast(pa.string()), ""
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.string()), ""
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return None, ""
    try:
        return _escaped(column.cast(pa.string())), '"'
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None, ""


def _escaped(text: Array) -> Array:
    """Text with what JSON wants escaped."""
    found = bytes_in(text)
    if found[ord("\\")]:
        text = pc.replace_substring(text, "\\", "\\\\")
    if found[ord('"')]:
        text = pc.replace_substring(text, '"', '\\"')
    for code in np.flatnonzero(found[:0x20]).tolist():
        text = pc.replace_substring(text, chr(code), _SHORT.get(chr(code), f"\\u{code:04x}"))
    return text


def bytes_in(text: Array) -> Mask:
    """Which bytes stand anywhere in a column, shape (256,). In UTF-8 those below 128 stand for themselves."""
    found = np.zeros(256, dtype=bool)
    _, offsets, data = text.buffers()
    if len(text) and data is not None:
        ends = np.frombuffer(offsets, dtype=np.int32)[text.offset : text.offset + len(text) + 1]
        found[np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]] = True
    return found


def _joined(*parts: Array) -> Array:
    """Parts of each row one after another; null where one of them is."""
    return pc.binary_join_element_wise(*parts, "")


def _embedded(text: Array) -> Array:
    """Text of which its writer says that it is JSON; what is not becomes a JSON string."""
    known: dict[str, str] = {}
    for value in text.unique().to_pylist():
        if value is not None:
            known[value] = _checked(value)
    return pa.array([None if value is None else known[value] for value in text.to_pylist()], pa.string())


def _checked(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text)).decode()
    except ValueError:
        return orjson.dumps(text).decode()


def _list_text(column: Array) -> Array | None:
    plain = (
        column.cast(pa.list_(column.type.value_type)) if pa.types.is_fixed_size_list(column.type) else column
    )
    inner = json_text(plain.flatten())
    if inner is None:
        return None
    return _joined("[", _join_lists(inner, plain), "]")


def _join_lists(inner: Array, column: Array) -> Array:
    """The texts of each list with commas between; null where the list is."""
    offsets: Array = pa.array(offsets_of(column))
    whole = pa.ListArray.from_arrays(offsets, pc.fill_null(inner, "null"))
    text = pc.binary_join(whole, ",")
    return only_where(column.is_valid(), text) if column.null_count else text


def _struct_text(column: Array) -> Array | None:
    fields = {column.type.field(i).name: pc.struct_field(column, i) for i in range(column.type.num_fields)}
    if not fields:
        return only_where(column.is_valid(), pa.repeat("{}", len(column)))
    text = objects(fragments(fields), len(column))
    return only_where(column.is_valid(), pc.fill_null(text, "{}"))


def _map_text(column: Array) -> Array | None:
    text = objects({"": map_fragments(column)}, len(column))
    return only_where(column.is_valid(), pc.fill_null(text, "{}"))


def map_fragments(column: Array, without: Collection[str] = ()) -> Array:
    """``,"key":value`` of a map's entries; null where none is left.

    Args:
        column: A map of text to anything.
        without: Keys to leave out.
    """
    starts = column.offsets.to_numpy()
    keys, items = (part[starts[0] : starts[-1]] for part in (column.keys, column.items))
    values = json_text(items)
    wanted = (
        pc.invert(pc.is_null(keys)) if values is None else pc.and_(pc.is_valid(keys), pc.is_valid(values))
    )
    if without:
        wanted = pc.and_(wanted, pc.invert(pc.is_in(keys, pa.array(list(without), keys.type))))
    keep = mask_of(wanted) & np.repeat(mask_of(column.is_valid()), np.diff(starts))
    pairs = _joined('"', _escaped(keys.cast(pa.string())), '":', "null" if values is None else values)
    kept_before = np.concatenate([[0], np.cumsum(keep)]).astype(np.int32)
    offsets: Array = pa.array(kept_before[starts - starts[0]])
    text = pc.binary_join(pa.ListArray.from_arrays(offsets, pairs.filter(pa.array(keep))), ",")
    return _joined(",", only_where(pc.greater(pc.binary_length(text), 0), text))


def fragments(columns: Mapping[str, Array]) -> dict[str, Array]:
    """``,"name":value`` of each column, null where the value is; what JSON cannot hold is left out."""
    found: dict[str, Array] = {}
    for name, column in columns.items():
        text, mark = _text(column)
        if text is not None:
            found[name] = _joined(f",{orjson.dumps(_clean(name)).decode()}:{mark}", text, mark)
    return found


def _clean(name: str) -> str:
    """Names come from files: lone surrogates cannot be written as UTF-8."""
    return re.sub("[\ud800-\udfff]", "�", name)


def objects(parts: Mapping[str, Array], n_rows: int) -> Array:
    """One JSON object a row from its fragments; null where it would be empty. Shape (n,)."""
    if not parts:
        return pa.nulls(n_rows, pa.string())
    # The comma that the first one brings along becomes the brace. Arrow's own skipping of nulls loses rows
    # in which all parts are null.
    inside = _joined(*(pc.fill_null(part, "") for part in parts.values()))
    opened = pc.binary_replace_slice(inside.view(pa.binary()), start=0, stop=1, replacement=b"{")
    return only_where(pc.greater(pc.binary_length(inside), 0), _joined(opened.view(pa.string()), "}"))


def sized(text: Array) -> tuple[Array, int]:
    """The text without the rows that say too much, and how many those are."""
    long = pc.greater(pc.binary_length(text), MAX_ATTRIBUTES_BYTES)
    n_long = int(pc.sum(long).as_py() or 0)
    return (only_where(pc.invert(long), text), n_long) if n_long else (text, 0)
