"""All tiles of a city, from its layers to `tiles/`; whatever happens on the way, a whole build stays there.

Callers own the city's lock: two builds at once would remove each other's leftovers.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from shancheng.city.ids import urn
from shancheng.city.store import City
from shancheng.db.files import check_free_space
from shancheng.errors import DiskFullError, SettingError, StorageError
from shancheng.progress import NullProgress, Progress
from shancheng.tiles.builds import (
    INPUT,
    POINTER,
    TILES_FOLDER,
    BuildInfo,
    current_build,
    next_name,
    pointed_to,
    put_in_place,
    unfinished_folder,
)
from shancheng.tiles.compiled import load_kernels
from shancheng.tiles.implicit import region
from shancheng.tiles.output import Output
from shancheng.tiles.profiles import Profile, profile_named
from shancheng.tiles.report import LayerReport, TilesReport
from shancheng.tiles.reuse import BUILDINGS, FORMAT, TERRAIN, Reuse
from shancheng.tiles.state import BuildState, clear_states, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BuildInfo", "current_build", "input_digest", "make_tiles", "tile_layers"]

DRAPED = ("water", "green", "roads", "rail", "bridges")

# Tiles and their gzip siblings take about one and a half times their layer's Parquet file, what is kept for
# the next build twice that file, terrain 3 bytes a sample; asked for is more, for no two layers are alike.
_BYTES_PER_LAYER_BYTE = 6
_BYTES_PER_SAMPLE = 6
_BYTES_AT_LEAST = 16 << 20

_Job = Callable[[Output, Progress], LayerReport]


def tile_layers(city: City) -> list[str]:
    """Names of the tilesets that the city can have, in the order they are made."""
    return [TERRAIN, *(name for name in (*DRAPED, BUILDINGS) if city.has_layer(name))]


def input_digest(city: City) -> str:
    """Hash of everything that tiles depend on: the city's data, and how we make tiles."""
    return hashlib.sha256(f"{FORMAT} {city.input_digest()}".encode()).hexdigest()


def make_tiles(
    city: City,
    *,
    profile: str = "compact",
    progress: Progress | None = None,
    layers: Sequence[str] | None = None,
    full: bool = False,
) -> TilesReport:
    """Build all tiles and put them in place of the old ones; what did not change is taken over from these.

    Args:
        city: Opened by the owner of its lock.
        profile: How tiles are encoded, a key of `PROFILES`.
        progress: Told now and then.
        layers: Only these, from `tile_layers`; such a build counts as out of date.
        full: Take over nothing; the files are the same.

    Raises:
        SettingError: There is no such profile or layer.
        DiskFullError: There is not enough free space.
        StorageError: The disk refused otherwise.
        TilesError: The terrain has voids.
    """
    started = time.perf_counter()
    chosen = profile_named(profile)
    names = _checked_names(city, layers)
    folder = city.folder / TILES_FOLDER
    check_free_space(folder, _bytes_needed(city, names))
    digest = input_digest(city) if layers is None else _digest_of_some(city, names)
    listener = progress or NullProgress()
    load_kernels(listener)
    previous = pointed_to(folder)
    before, recycled = (None, None) if full or previous is None else _builds_before(folder, previous)
    with _unfinished(folder, recycled) as unfinished:
        name = next_name(folder, digest)
        reuse = Reuse(
            city, folder, unfinished, name, chosen, previous=previous, before=before, recycled=recycled
        )
        report = TilesReport(name, digest, profile)
        for number, layer in enumerate(names):
            report.layers.append(_made(city, layer, chosen, reuse, _Part(listener, number, len(names))))
        reuse.leave()
        (unfinished / INPUT).write_bytes(orjson.dumps({"input_digest": digest, "profile": profile}))
        report.seconds = time.perf_counter() - started
        put_in_place(unfinished, name, _pointer(city, unfinished, report), report.to_json())
        clear_states(folder, reuse.kept)
    return report


def _builds_before(folder: Path, previous: str) -> tuple[BuildState | None, BuildState | None]:
    """What the build before left, and the one before that, whose folder may be built in."""
    before = read_state(folder, previous)
    if before is None:
        return None, None
    older = before.values["before"]
    if not older or not (folder / older).is_dir():
        return before, None
    return before, read_state(folder, older)


def _made(city: City, layer: str, profile: Profile, reuse: Reuse, told: "_Part") -> LayerReport:
    """A layer taken over, or else made."""
    report = reuse.take_over(layer)
    if report is None:
        report = _job(city, layer, profile, reuse)(reuse.output(layer), told)
        reuse.note(layer, report)
    told.step(layer, 1.0)
    return report


class _Part:
    """Progress of one layer as a part of all."""

    def __init__(self, whole: Progress, number: int, count: int) -> None:
        self.whole, self.number, self.count = whole, number, count

    def step(self, text: str, fraction: float | None = None) -> None:
        """Pass it on."""
        share = None if fraction is None else (self.number + fraction) / self.count
        self.whole.step(text, share)


def _checked_names(city: City, layers: Sequence[str] | None) -> list[str]:
    names = tile_layers(city)
    if layers is None:
        return names
    for layer in layers:
        if layer not in names:
            raise SettingError(f"layer={layer}: must be one of {', '.join(names)}")
    return [name for name in names if name in layers]


def _digest_of_some(city: City, names: list[str]) -> str:
    return hashlib.sha256(f"{input_digest(city)} {' '.join(names)}".encode()).hexdigest()


def _bytes_needed(city: City, names: list[str]) -> int:
    layers = sum(city.layer_path(name).stat().st_size for name in names if name != TERRAIN)
    samples = city.terrain().values.size if TERRAIN in names else 0
    return _BYTES_AT_LEAST + _BYTES_PER_LAYER_BYTE * layers + _BYTES_PER_SAMPLE * samples


def _job(city: City, layer: str, profile: Profile, reuse: Reuse) -> _Job:
    """What makes one layer's tileset."""
    # Late imports: what compiles kernels is loaded only when tiles are made.
    raster, root_cell = city.terrain(), city.manifest.root_cell
    if layer == TERRAIN:
        from shancheng.tiles.terrain import make_terrain

        credit = city.manifest.terrain.attribution
        return lambda to, told: make_terrain(
            raster, root_cell, to.folder, copyright=credit, progress=told, output=to
        )
    credit, prefix = city.manifest.layers[layer].attribution, urn(city.manifest.name, layer, "")
    if layer == BUILDINGS:
        from shancheng.tiles.buildings import make_buildings

        make = partial(make_buildings, city.layer_path(layer), raster, root_cell, profile=profile)
        return lambda to, told: make(
            to.folder, id_prefix=prefix, copyright=credit, progress=told, output=to, memory=reuse.memory()
        )
    from shancheng.tiles.draped import make_draped

    drape = partial(make_draped, city.layer(layer), layer, raster, root_cell)
    return lambda to, told: drape(to.folder, id_prefix=prefix, copyright=credit, progress=told, output=to)


def _pointer(city: City, unfinished: Path, report: TilesReport) -> dict[str, Any]:
    """`tiles/tileset.json`: a tileset whose root has the layers' tilesets as children."""
    children = []
    lowest, highest = [], []
    for layer in report.layers:
        root = orjson.loads((unfinished / layer.name / POINTER).read_bytes())["root"]
        lowest.append(root["boundingVolume"]["region"][4])
        highest.append(root["boundingVolume"]["region"][5])
        uri = f"{report.build}/{layer.name}/{POINTER}"
        children.append(
            {
                "boundingVolume": root["boundingVolume"],
                "geometricError": root["geometricError"],
                "content": {"uri": uri},
            }
        )
    error = 2 * max(child["geometricError"] for child in children) + 1
    root = {
        "boundingVolume": {"region": region(city.manifest.root_cell, min(lowest), max(highest))},
        "geometricError": error,
        "refine": "ADD",
        "children": children,
    }
    return {
        "asset": {"version": "1.1"},
        "geometricError": 2 * error,
        "root": root,
        "extras": {"build": report.build},
    }


@contextmanager
def _unfinished(folder: Path, recycled: BuildState | None) -> "Iterator[Path]":
    """A folder to build in, removed when the build fails; what the disk says becomes one of our errors."""
    try:
        own = unfinished_folder(folder, None if recycled is None else recycled.name)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
    except OSError as error:
        raise _storage_error(folder, error) from error


def _storage_error(folder: Path, error: OSError) -> StorageError:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{folder}: the disk is full; free some space")
    return StorageError(f"{error.filename or folder}: cannot be written: {error.strerror or error}")
