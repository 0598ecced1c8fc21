"""Files of Overture Maps and what type each holds: one file, or a folder in the publisher's layout.

The seam for downloads: whoever has files elsewhere makes `OvertureFile`s with anything that Arrow reads from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shancheng.city.sources.overture_types import THEMES, type_by_columns, type_by_name
from shancheng.city.sources.vector_geoparquet import is_parquet, open_parquet
from shancheng.errors import SettingError, SourceFileError

__all__ = ["OvertureFile", "overture_files_for", "release_of", "wanted_types"]

MAX_FILES: Final = 20_000
_RELEASE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[.-]\w+)*")
_KNOWN: Final = (".parquet", ".json", ".geojson", ".geojsonl", ".geojsonseq", ".ndjson")


@dataclass(frozen=True)
class OvertureFile:
    """One file.

    Attributes:
        where: Names it in errors.
        source: A path, or a file-like object that Arrow reads from (`pyarrow.PythonFile`, `NativeFile`).
        kind: Its type, such as `building`; None where its features say theirs (GeoJSON).
    """

    where: str
    source: Any
    kind: str | None


def wanted_types(layers: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Theme and type of all that fills these layers, or any; what a download has to bring."""
    from shancheng.city.sources.overture_map import FILLS

    chosen = [kind for kind, fills in FILLS.items() if not layers or set(fills) & set(layers)]
    return [(THEMES[kind], kind) for kind in chosen]


def overture_files_for(path: Path) -> list[OvertureFile]:
    """The files below a folder (``theme=…/type=…/*.parquet``), or the one file; in the order of their names.

    Raises:
        SourceFileError: There are none.
        SettingError: A file does not say its type.
    """
    if path.is_file():
        return [_file(path)]
    if not path.is_dir():
        raise SourceFileError(f"{path}: no such file or folder; needed: files of Overture Maps")
    found = []
    for file in _files_below(path):
        found.append(_file(file))
        if len(found) > MAX_FILES:
            raise SourceFileError(f"{path}: more than {MAX_FILES:,} files")
    if not found:
        raise SourceFileError(f"{path}: holds no file of Overture Maps; needed: theme=…/type=…/*.parquet")
    return found


def _files_below(path: Path) -> Iterator[Path]:
    every = (file for file in path.rglob("*") if file.suffix in _KNOWN and file.is_file())
    return iter(sorted(every))


def _file(path: Path) -> OvertureFile:
    if path.stat().st_size == 0:
        raise SourceFileError(f"{path}: is empty; needed: a file of Overture Maps")
    return OvertureFile(str(path), path, _type(path) if is_parquet(path) else None)


def _type(path: Path) -> str:
    """By its folder or name, else by a column that says it, else by columns that only one type has."""
    named = type_by_name(path)
    if named is not None:
        return named
    with open_parquet(path, str(path)) as file:
        names = file.schema_arrow.names
        said = file.read_row_group(0, columns=["type"]).column(0).unique().to_pylist() if _says(file) else []
    found = said[0] if len(said) == 1 and said[0] in THEMES else type_by_columns(names)
    if found is None:
        raise SettingError(
            f"{path}: does not say which type of Overture it holds; needed: a folder type=…, "
            "or a name such as building.parquet"
        )
    return str(found)


def _says(file: Any) -> bool:  # noqa: ANN401 - a ParquetFile
    return "type" in file.schema_arrow.names and file.num_row_groups > 0


def release_of(path: Path) -> str:
    """The date of the release that a folder is named by; empty where none is."""
    for part in reversed(path.resolve().parts):
        if match := _RELEASE.fullmatch(part):
            return match[1]
    return ""
