"""Overture's features as GeoJSON, into the columns that its GeoParquet has.

A feature whose properties are of another kind than the schema's is set aside with the property and its value.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import shapely

from shancheng.city.sources.overture_map import FILLS
from shancheng.city.sources.overture_types import COLUMNS, THEMES, type_by_name
from shancheng.city.sources.vector_opened import Rows
from shancheng.errors import SourceFileError

__all__ = ["MAX_BYTES", "read_features"]

MAX_BYTES: Final = 1 << 30
_LOW, _HIGH = -(2**31), 2**31 - 1
"""Whole numbers of the schema have 32 bits."""
_SHOWN: Final = 60
_OUTSIDE: Final = ("theme", "type", "id", "bbox")
"""What stands in properties or beside them, depending on who wrote the file; none of it is an attribute."""


class _Mismatch(Exception):  # noqa: N818 - it never leaves this file
    """A value is of another kind than the schema's; ``layer`` is the one that the feature would be of."""

    layer = "buildings"


def read_features(path: Path) -> tuple[Iterator[tuple[str, Rows]], list[tuple[str, str, str]]]:
    """Features of a file by type, and those that cannot be used: layer, id and reason.

    Args:
        path: A Feature, a FeatureCollection, or one feature a line.

    Raises:
        SourceFileError: The file is too large or no GeoJSON.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise SourceFileError(
            f"{path}: {size:,} bytes of GeoJSON; at most {MAX_BYTES:,}, use GeoParquet for more"
        )
    bad: list[tuple[str, str, str]] = []
    named = type_by_name(path)
    rows: dict[str, list[tuple[dict[str, Any], Any, str]]] = defaultdict(list)
    for number, feature in enumerate(_features(path), 1):
        try:
            kind, row = _row(feature, named)
        except _Mismatch as error:
            bad.append((error.layer, _name(feature, number), str(error)))
            continue
        rows[kind].append(row)
    return ((kind, _rows(kind, found)) for kind, found in rows.items()), bad


def _features(path: Path) -> list[Any]:
    content = path.read_bytes().lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        document = orjson.loads(content)
    except ValueError as error:
        lines = _lines(content)
        if lines is None:
            raise SourceFileError(
                f"{path}: no GeoJSON ({error}); needed: features of Overture Maps"
            ) from error
        return lines
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        if isinstance(features, list):
            return features
    if isinstance(document, dict) and document.get("type") == "Feature":
        return [document]
    raise SourceFileError(
        f"{path}: neither a Feature nor a FeatureCollection; needed: features of Overture Maps"
    )


def _lines(content: bytes) -> list[Any] | None:
    try:
        found = [orjson.loads(line) for line in content.splitlines() if line.strip(b" \t\r\x1e")]
    except ValueError:
        return None
    return found if all(isinstance(one, dict) and one.get("type") == "Feature" for one in found) else None


def _name(feature: Any, number: int) -> str:  # noqa: ANN401 - what JSON holds
    found = feature.get("id") if isinstance(feature, dict) else None
    return found if isinstance(found, str) and found else f"feature {number}"


def _row(feature: Any, named: str | None) -> tuple[str, tuple[dict[str, Any], Any, str]]:  # noqa: ANN401
    if not isinstance(feature, dict):
        raise _Mismatch("no object; needed: a Feature")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise _Mismatch("has no properties")
    kind = properties.get("type", named)
    if not isinstance(kind, str) or kind not in THEMES:
        raise _Mismatch(f"type={_shown(kind)}: no type of Overture; needed: one of {', '.join(THEMES)}")
    theme = properties.get("theme", THEMES[kind])
    if theme != THEMES[kind]:
        raise _Mismatch(f"theme={_shown(theme)}: of type {kind} it must be {THEMES[kind]}")
    wanted = COLUMNS.get(kind, {})
    said = {**properties, "id": feature.get("id", properties.get("id"))}
    try:
        values = {name: _value(said.get(name), dtype, name) for name, dtype in wanted.items()}
    except _Mismatch as error:
        error.layer = FILLS[kind][0]
        raise
    rest = {name: value for name, value in properties.items() if name not in wanted and name not in _OUTSIDE}
    return kind, (values, feature.get("geometry"), orjson.dumps(rest).decode() if rest else "")


def _value(value: Any, dtype: Any, name: str) -> Any:  # noqa: ANN401
    """A value as the schema has it, for Arrow."""
    if value is None:
        return None
    if pa.types.is_map(dtype):
        items = _of(value, dict, name, dtype).items()
        return [(key, _value(item, dtype.item_type, f"{name}.{key}")) for key, item in items]
    if pa.types.is_struct(dtype):
        record = _of(value, dict, name, dtype)
        return {
            field.name: _value(record.get(field.name), field.type, f"{name}.{field.name}") for field in dtype
        }
    if pa.types.is_list(dtype):
        return [_value(item, dtype.value_type, name) for item in _of(value, list, name, dtype)]
    return _single(value, dtype, name)


def _single(value: Any, dtype: Any, name: str) -> Any:  # noqa: ANN401
    if pa.types.is_boolean(dtype):
        return _of(value, bool, name, dtype)
    if isinstance(value, bool):
        raise _mismatch(value, name, dtype)
    if pa.types.is_integer(dtype):
        number = _of(value, int, name, dtype)
        if not _LOW <= number <= _HIGH:
            raise _mismatch(value, name, dtype)
        return number
    return _of(value, (int, float) if pa.types.is_floating(dtype) else str, name, dtype)


def _of(value: Any, kind: Any, name: str, dtype: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, kind):
        raise _mismatch(value, name, dtype)
    return value


def _mismatch(value: Any, name: str, dtype: Any) -> _Mismatch:  # noqa: ANN401
    return _Mismatch(
        f"{name}={_shown(value)}: needed: {_WORDS.get(str(dtype), str(dtype).partition('<')[0])}"
    )


_WORDS: Final = {"string": "text", "double": "a number", "int32": "a whole number", "bool": "true or false"}


def _shown(value: Any) -> str:  # noqa: ANN401
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _rows(kind: str, found: list[tuple[dict[str, Any], Any, str]]) -> Rows:
    columns: dict[str, Any] = {
        name: pa.array([values[name] for values, _, _ in found], dtype)
        for name, dtype in COLUMNS.get(kind, {}).items()
    }
    rest = [text or None for _, _, text in found]
    if any(rest):
        columns["properties"] = pa.ExtensionArray.from_storage(pa.json_(), pa.array(rest, pa.string()))
    shapes = [_shape(geometry) for _, geometry, _ in found]
    return Rows(columns, np.array([*shapes, None], dtype=object)[:-1], None)


def _shape(geometry: Any) -> Any:  # noqa: ANN401 - a shape, or None
    if not isinstance(geometry, dict):
        return None
    try:
        return shapely.from_geojson(orjson.dumps(geometry), on_invalid="ignore")
    except (shapely.errors.GEOSException, TypeError, ValueError):
        return None
