"""What stands beside the layers: pictures in ``layers/textures/``, named by their hash, and ``tables/``."""

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc

from shancheng.city.geoparquet import open_layer
from shancheng.db.files import flush_folder
from shancheng.errors import SourceFileError, StorageError

__all__ = ["TABLES_FOLDER", "TEXTURES_FOLDER", "pictures_of", "write_files"]

TEXTURES_FOLDER: Final = "layers/textures"
TABLES_FOLDER: Final = "tables"
_ALLOWED: Final = re.compile(
    r"layers/textures/[0-9a-f]{64}\.(jpg|png|webp)|tables(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){1,4}"
)
_TEXTURES: Final = "lod2_textures"


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a source's files below a city's folder; a picture that is there is left alone.

    All are on the disk before the first one gets its name, with one flush for the lot.

    Raises:
        SourceFileError: A source wants to write elsewhere.
        StorageError: The system refused.
    """
    wrong = [path for path in files if not _ALLOWED.fullmatch(path)]
    if wrong:
        raise SourceFileError(
            f"{wrong[0]!r}: a source may write {TEXTURES_FOLDER}/<sha256>.jpg|png|webp, {TABLES_FOLDER}/..."
        )
    places: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            target = folder / path
            if path.startswith(TEXTURES_FOLDER) and target.exists() and target.stat().st_size == len(content):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            places[target] = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
            places[target].write_bytes(content)
        _flush(places.values())
        for target, temporary in places.items():
            temporary.replace(target)
        for parent in {target.parent for target in places}:
            flush_folder(parent)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        for temporary in places.values():
            temporary.unlink(missing_ok=True)


def pictures_of(layer_file: Path) -> set[str]:
    """Names of the pictures that a layer's file refers to."""
    with open_layer(layer_file) as file:
        if _TEXTURES not in file.schema_arrow.names:
            return set()
        names: set[str] = set()
        for group in range(file.num_row_groups):
            column: Any = file.read_row_group(group, columns=[_TEXTURES]).column(0)
            flat: Any = pc.list_flatten(column)
            names |= {str(name) for name in flat.unique().drop_null().to_pylist()}
    return names


def _flush(paths: Iterable[Path]) -> None:
    if hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
