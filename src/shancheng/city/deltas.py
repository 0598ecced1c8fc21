"""What changed from one version of a layer to the next, kept beside it, so that followers read only that.

A delta is derived: without it a follower compares the whole layer. It carries its own hash and the hashes of
both versions, and is believed only where all three fit.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shancheng.city.changes import Changes
from shancheng.city.versions import LayerVersion
from shancheng.db.files import write_atomically
from shancheng.errors import StorageError

__all__ = ["Delta", "delta_between", "keep_delta"]

DELTAS_FOLDER: Final = ".index"
MOST_CHANGES: Final = 10_000
MOST_SHARE: Final = 10
"""A version in which more than this many objects and more than one in so many differ is read as a whole."""
MOST_KEPT: Final = 16
_FORMAT: Final = b"1"
_NAME: Final = "{layer}.{before:.16}-{after:.16}.delta"
_DIGEST_CHARACTERS: Final = 64

Indices = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference between two versions of a layer.

    Attributes:
        rows: Objects that are new or differ, as they are now, with all columns of the layer.
        gone: Values of ``index`` of objects that are there no more, shape (k,).
    """

    rows: pa.Table
    gone: Indices


def keep_delta(
    layers: Path,
    before: LayerVersion,
    after: LayerVersion,
    tables: tuple[pa.Table, pa.Table],
    changes: Changes,
) -> None:
    """Note what differs between two versions; of the notes before, the newest few stay.

    Args:
        layers: The city's folder of layers.
        before: The version that was replaced.
        after: The one that replaced it.
        tables: Both.
        changes: From the one to the other.
    """
    old, new = tables
    if changes.count > max(MOST_CHANGES, new.num_rows // MOST_SHARE):
        return
    gone = _with_ids(old.select(["id", "index"]), changes.removed).column("index").to_numpy()
    rows = _with_ids(new, [*changes.added, *changes.changed])
    folder = layers / DELTAS_FOLDER
    name = _NAME.format(layer=after.layer, before=before.sha256, after=after.sha256)
    # Nothing is lost without it, so a disk that refuses does not undo the version that stands.
    with suppress(StorageError, OSError):
        folder.mkdir(exist_ok=True)
        write_atomically(folder / name, _encoded(rows, gone, before.sha256, after.sha256))
        _forget_old(folder, after.layer)


def delta_between(layers: Path, layer: str, before: str, after: str) -> Delta | None:
    """What leads from one version of a layer to another, over as many steps as there are.

    Args:
        layers: The city's folder of layers.
        layer: Its name.
        before: SHA-256 of the one version's file.
        after: Of the other's.

    Returns:
        None where a step is missing or damaged.
    """
    way = _path_between(_steps(layers / DELTAS_FOLDER, layer), before[:16], after[:16])
    deltas = []
    place = before
    for step in map(_read, way):
        if step is None or step.before != place:
            return None
        deltas.append(step.delta)
        place = step.after
    return _composed(deltas) if deltas and place == after else None


@dataclass(frozen=True, slots=True)
class _Step:
    before: str
    after: str
    delta: Delta


def _with_ids(table: pa.Table, ids: object) -> pa.Table:
    wanted = pa.array(list(ids), pa.string())  # type: ignore[call-overload]  # any iterable of texts
    return table.filter(pc.is_in(table.column("id"), value_set=wanted)).combine_chunks()


def _encoded(rows: pa.Table, gone: Indices, before: str, after: str) -> bytes:
    metadata = {
        **(rows.schema.metadata or {}),
        b"format": _FORMAT,
        b"before": before.encode(),
        b"after": after.encode(),
        b"gone": base64.b64encode(gone.astype("<u4").tobytes()),
    }
    sink = pa.BufferOutputStream()
    marked = rows.unify_dictionaries().replace_schema_metadata(metadata)
    with pa.ipc.new_file(sink, marked.schema) as writer:
        writer.write_table(marked)
    body = sink.getvalue().to_pybytes()
    return hashlib.sha256(body).hexdigest().encode() + body


def _read(path: Path) -> _Step | None:
    """A step; None where it is missing, damaged or of another form."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, body = data[:_DIGEST_CHARACTERS], memoryview(data)[_DIGEST_CHARACTERS:]
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    with pa.ipc.open_file(pa.py_buffer(body)) as file:
        table = file.read_all()
    metadata = table.schema.metadata or {}
    if metadata.get(b"format") != _FORMAT:
        return None
    gone = np.frombuffer(base64.b64decode(metadata[b"gone"]), "<u4")
    delta = Delta(table.replace_schema_metadata(None), gone)
    return _Step(metadata[b"before"].decode(), metadata[b"after"].decode(), delta)


def _steps(folder: Path, layer: str) -> dict[str, list[tuple[str, Path]]]:
    """Steps of a layer by the version that they start from, each with where it leads."""
    found: dict[str, list[tuple[str, Path]]] = {}
    for path in _files(folder, layer):
        before, _, after = path.suffixes[-2][1:].partition("-")
        found.setdefault(before, []).append((after, path))
    return found


def _files(folder: Path, layer: str) -> Iterator[Path]:
    return folder.glob(_NAME.format(layer=layer, before="*", after="*"))


def _path_between(steps: dict[str, list[tuple[str, Path]]], before: str, after: str) -> list[Path]:
    """The shortest way, breadth first: layers do return to what they were."""
    ways: dict[str, list[Path]] = {before: []}
    queue = [before]
    for place in queue:
        for following, path in steps.get(place, []):
            if following not in ways:
                ways[following] = [*ways[place], path]
                queue.append(following)
    return ways.get(after, [])


def _composed(deltas: list[Delta]) -> Delta:
    """Several steps as one: of each object, what the last step that knows it says."""
    if len(deltas) == 1:
        return deltas[0]
    seen: Indices = np.empty(0, np.uint32)
    rows: list[pa.Table] = []
    gone: list[Indices] = []
    for delta in reversed(deltas):
        index = delta.rows.column("index").to_numpy()
        rows.append(delta.rows.filter(pa.array(~np.isin(index, seen))))
        gone.append(delta.gone[~np.isin(delta.gone, seen)])
        seen = np.concatenate([seen, index, delta.gone])
    return Delta(pa.concat_tables(rows, promote_options="default"), np.concatenate(gone))


def _forget_old(folder: Path, layer: str) -> None:
    newest_first = sorted(_files(folder, layer), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in newest_first[MOST_KEPT:]:
        path.unlink(missing_ok=True)
