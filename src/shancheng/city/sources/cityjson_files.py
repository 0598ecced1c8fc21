"""CityJSON on disk: one document, or a sequence (CityJSONSeq) of a header and a feature a line.

What a document says of all its features, its header, is checked here; features are left to ``cityjson.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import orjson

from shancheng.city.sources.cityjson_geometry import Json, Templates
from shancheng.city.sources.solids_city import ModelFacts
from shancheng.errors import SourceFileError
from shancheng.geo.arrays import Float32Array, FloatArray

__all__ = ["Header", "open_model", "uv_list", "vertex_list"]

_WHAT: Final = "CityJSON 1.0 to 2.0, or CityJSONSeq with a feature a line"
_LARGEST: Final = 1 << 30
_LONGEST_LINE: Final = 64 << 20
_LONGEST_HEADER: Final = 1 << 20
_SEQUENCES: Final = (".jsonl", ".ndjson", ".jsonseq")
_VERSIONS: Final = ("1.0", "1.1", "2.0")
_AXES: Final = 3


@dataclass(frozen=True, slots=True)
class Header:
    """What holds for all features of a file.

    Attributes:
        scale: With ``translate``, from whole numbers to coordinates, shape (3,).
        translate: Shape (3,).
        system: Name of the reference system as it stands in the file; empty where there is none.
        templates: Geometries that are used again and again.
        facts: Title, credit, date.
        remarks: What was assumed.
    """

    scale: FloatArray
    translate: FloatArray
    system: str
    templates: Templates
    facts: ModelFacts
    remarks: list[str] = field(default_factory=list)


def open_model(path: Path) -> tuple[Header, Iterator[Json]]:
    """The header of a file and its features one by one; a single document is one feature.

    A sequence may keep its header in a file beside it, as 3DBAG's tools write it: then either file is enough.

    Raises:
        SourceFileError: The file is missing, no CityJSON, of another version, too large, or cut off.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise SourceFileError(f"{path}: {what}; needed: a file of {_WHAT}")
    if path.suffix.lower() in _SEQUENCES:
        return _sequence(path, _first_line(path))
    document = _document(path)
    if document is None:
        return _sequence(path, _first_line(path))
    header = _header(path, document)
    if document.get("CityObjects"):
        return header, iter([document])
    beside = _features_beside(path)
    if not beside:
        return header, iter(())
    header.remarks.append(f"Features were read from {len(beside)} sequences beside {path.name}.")
    return header, chain.from_iterable(_features(one, skip=0) for one in beside)


# Sequences


def _first_line(path: Path) -> Json:
    """The first line as JSON; nothing where it is only the beginning of a document."""
    with path.open("rb") as file:
        return _as_object(file.readline(_LONGEST_LINE))


def _as_object(line: bytes) -> Json:
    try:
        value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _sequence(path: Path, first: Json) -> tuple[Header, Iterator[Json]]:
    if first.get("type") == "CityJSON":
        return _header(path, first), _features(path, skip=1)
    if first.get("type") != "CityJSONFeature":
        raise SourceFileError(f"{path}: its first line is no CityJSON header; needed: {_WHAT}")
    beside = _headers_beside(path)
    if len(beside) != 1:
        raise SourceFileError(
            f"{path}: begins with a feature, and {len(beside)} headers lie beside it; "
            "needed: the line of type CityJSON first, or exactly one file with it in the same folder"
        )
    other, document = beside[0]
    header = _header(other, document)
    header.remarks.append(f"The header of the sequence was read from {other.name}.")
    return header, _features(path, skip=0)


def _features(path: Path, skip: int) -> Iterator[Json]:
    with path.open("rb") as file:
        for number, line in enumerate(_lines(path, file), start=1):
            if number <= skip or not line.strip():
                continue
            try:
                feature = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise SourceFileError(f"{path}: line {number} is no JSON, or cut off ({error})") from error
            kind = feature.get("type") if isinstance(feature, dict) else None
            if kind != "CityJSONFeature":
                raise SourceFileError(f"{path}: line {number}: type={kind!r}: must be 'CityJSONFeature'")
            yield feature


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise SourceFileError(f"{path}: line {number} is longer than {_LONGEST_LINE >> 20} MB")
        yield line


def _headers_beside(path: Path) -> list[tuple[Path, Json]]:
    """Documents without objects in the same folder, which can only be headers."""
    found = []
    for other in sorted(path.parent.glob("*.json")):
        if other.is_file() and other.stat().st_size <= _LONGEST_HEADER:
            document = _as_object(other.read_bytes())
            if document.get("type") == "CityJSON" and not document.get("CityObjects"):
                found.append((other, document))
    return found


def _features_beside(path: Path) -> list[Path]:
    """Sequences in the same folder that begin with a feature."""
    others = [other for other in sorted(path.parent.iterdir()) if other.suffix.lower() in _SEQUENCES]
    return [
        other for other in others if other.is_file() and _first_line(other).get("type") == "CityJSONFeature"
    ]


# Documents


def _document(path: Path) -> Json | None:
    """The whole file as one document; None where it is a sequence under another suffix."""
    size = path.stat().st_size
    if size > _LARGEST:
        raise SourceFileError(
            f"{path}: {size >> 20} MB in one document, which has to be read at once; needed: at most "
            f"{_LARGEST >> 20} MB, or a sequence (CityJSONSeq), which is read feature by feature"
        )
    try:
        document = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        if _first_line(path).get("type") in ("CityJSON", "CityJSONFeature"):
            return None
        what = "is empty" if size == 0 else f"is no JSON, or cut off ({error})"
        raise SourceFileError(f"{path}: {what}; needed: {_WHAT}") from error
    kind = document.get("type") if isinstance(document, dict) else type(document).__name__
    if kind == "CityJSONFeature":
        return None
    if kind != "CityJSON":
        raise SourceFileError(f"{path}: type={str(kind)[:100]!r}: must be 'CityJSON'; needed: {_WHAT}")
    found: Json = document
    return found


def _header(path: Path, document: Json) -> Header:
    version = document.get("version")
    if not isinstance(version, str) or version[:3] not in _VERSIONS:
        raise SourceFileError(f"{path}: version={version!r}: must be one of {', '.join(_VERSIONS)}")
    scale, translate = _transform(path, document)
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    system = metadata.get("referenceSystem")
    return Header(
        scale=scale,
        translate=translate,
        system=system if isinstance(system, str) else "",
        templates=_templates(path, document),
        facts=_facts(metadata),
    )


def _transform(path: Path, document: Json) -> tuple[FloatArray, FloatArray]:
    transform = document.get("transform")
    if transform is None and str(document["version"]).startswith("1.0"):
        return np.ones(_AXES), np.zeros(_AXES)
    given = transform if isinstance(transform, dict) else {}
    scale, translate = (_triple(given.get(key)) for key in ("scale", "translate"))
    if scale is None or translate is None or not (scale != 0).all():
        raise SourceFileError(
            f"{path}: transform={_shown(transform)}: needs a scale and a translate of three numbers each"
        )
    return scale, translate


def _triple(value: object) -> FloatArray | None:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != _AXES or any(type(number) not in (int, float) for number in numbers):
        return None
    triple = np.array([float(number) for number in numbers])
    return triple if np.isfinite(triple).all() else None


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 100 else f"{text[:97]}..."  # noqa: PLR2004 - fits a line


def _templates(path: Path, document: Json) -> Templates:
    given = document.get("geometry-templates")
    if not isinstance(given, dict):
        return Templates()
    geometries = given.get("templates")
    vertices = vertex_list(path, given.get("vertices-templates"), "vertices-templates")
    return Templates(geometries if isinstance(geometries, list) else (), vertices)


def _facts(metadata: Json) -> ModelFacts:
    contact = metadata.get("pointOfContact")
    contact = contact if isinstance(contact, dict) else {}
    return ModelFacts(
        title=_word(metadata.get("title")),
        attribution=_word(contact.get("organization")) or _word(contact.get("contactName")),
        date=_word(metadata.get("referenceDate")),
    )


def _word(value: object) -> str:
    return value.strip()[:200] if isinstance(value, str) else ""


def vertex_list(path: Path, vertices: object, name: str = "vertices") -> FloatArray:
    """A list of lists of three numbers as an array, shape (n, 3).

    Raises:
        SourceFileError: It is something else.
    """
    return _table(path, vertices, _AXES, name)


def uv_list(path: Path, appearance: Json) -> Float32Array:
    """Places in pictures, shape (n, 2); with the same errors."""
    places = appearance.get("vertices-texture")
    return _table(path, places if places is not None else [], 2, "vertices-texture").astype(np.float32)


def _table(path: Path, rows: object, width: int, name: str) -> FloatArray:
    good = isinstance(rows, list) and all(type(row) is list for row in rows)
    if isinstance(rows, list) and good and set(map(len, rows)) <= {width}:
        try:
            flat = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=width * len(rows))
        except (TypeError, ValueError, OverflowError):
            pass
        else:
            return flat.reshape(-1, width)
    raise SourceFileError(f"{path}: {name}: must be a list of lists of {width} numbers")
