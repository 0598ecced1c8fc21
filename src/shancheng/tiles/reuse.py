"""What one build takes over from the build before: whole layers that are as they were, and single files.

A layer whose inputs are the same is taken over as it is; any other is made, but files that come out equal get
second names instead of being written (`output.py`), and buildings make only the tiles that changed
(`building_memory.py`). The folder of the build before last may be built in: it holds already what did not
change since, and would be deleted now.
"""

import hashlib
import shutil
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import orjson

from shancheng.city.deltas import delta_between
from shancheng.city.ids import urn
from shancheng.city.store import LAYERS_FOLDER, City
from shancheng.tiles.building_memory import BuildingMemory
from shancheng.tiles.output import Output, count_files, link_folder
from shancheng.tiles.profiles import Profile
from shancheng.tiles.report import LayerReport, SetAside
from shancheng.tiles.state import STATE_FOLDER, BuildState, copy_arrays, new_folder, write_state

__all__ = ["FORMAT", "Reuse"]

# Raised with every change of what tiles look like, so that older builds count as out of date.
FORMAT: Final = 2
TERRAIN: Final = "terrain"
BUILDINGS: Final = "buildings"
# Whatever of these changes may change a tile's bytes.
_TOOLS: Final = (
    "shancheng",
    "numpy",
    "numba",
    "shapely",
    "mapbox-earcut",
    "meshopt",
    "deflate",
    "pillow",
)


class Reuse:
    """One build and the ones before it.

    Args:
        city: What is built.
        tiles: Its folder of tiles.
        unfinished: The folder that is built in.
        name: Of the build.
        profile: How tiles are encoded.
        previous: Name of the build before, or None where there is none.
        before: What that left, or None: then nothing is taken over.
        recycled: What the build left whose folder `unfinished` was, or None where that is empty.
    """

    def __init__(
        self,
        city: City,
        tiles: Path,
        unfinished: Path,
        name: str,
        profile: Profile,
        *,
        previous: str | None,
        before: BuildState | None,
        recycled: BuildState | None,
    ) -> None:
        self._city, self._tiles, self._unfinished = city, tiles, unfinished
        self._name, self._number, self._profile = name, int(name.rpartition("-")[2]), profile
        self._previous, self._before, self._recycled = previous, before, recycled
        self._folder = new_folder(tiles, name)
        self._layers: dict[str, dict[str, Any]] = {}
        self._buildings: dict[str, Any] | None = None
        self._outputs: dict[str, Output] = {}
        self._memory: BuildingMemory | None = None

    def take_over(self, layer: str) -> LayerReport | None:
        """Take over a whole layer; None where it has to be made."""
        known = self._known(layer)
        if known is None or self._before is None or known["digest"] != self._digest(layer):
            return None
        buildings = self._before.values.get(BUILDINGS)
        if layer == BUILDINGS and not buildings:
            return None
        if not self._have_folder(layer, known):
            return None
        if layer == BUILDINGS and buildings:
            self._buildings = buildings
            copy_arrays(self._before.folder, self._folder, list(buildings["arrays"]))
        self._layers[layer] = known
        report = LayerReport(**known["report"])
        report.set_aside = [SetAside(**entry) for entry in known["set_aside"]]
        report.seconds = report.cpu_seconds = 0.0
        report.reused = report.tiles
        return report

    def output(self, layer: str) -> Output:
        """Where a layer is made that cannot be taken over."""
        folder = self._unfinished / layer
        known = self._known(layer)
        before = None if self._before is None or known is None else self._tiles / self._before.name / layer
        filled = layer == BUILDINGS and self._may_fill()
        if not filled:
            shutil.rmtree(folder, ignore_errors=True)
        output = Output(folder, before, filled=filled)
        self._outputs[layer] = output
        return output

    def memory(self) -> BuildingMemory:
        """What buildings may take over; asked for after `output`."""
        credit = self._city.manifest.layers[BUILDINGS].attribution
        layers = self._city.folder / LAYERS_FOLDER
        source = self._city.layer_version(BUILDINGS).sha256
        self._memory = BuildingMemory(
            heaps=self._tiles / STATE_FOLDER,
            folder=self._folder,
            build=self._name,
            number=self._number,
            source=source,
            ground=self._hash(),
            look=self._hash(self._profile.name, credit),
            before=self._before,
            recycled=self._recycled if self._outputs[BUILDINGS].filled else None,
            delta=partial(delta_between, layers, BUILDINGS, after=source),
        )
        return self._memory

    def note(self, layer: str, report: LayerReport) -> None:
        """Note what was made of a layer that was not taken over."""
        output = self._outputs[layer]
        self._layers[layer] = {
            "digest": self._digest(layer),
            "files": output.files,
            "bytes": output.bytes_raw + output.bytes_gzip,
            "report": report.values(),
            "set_aside": [entry.values() for entry in report.set_aside],
        }
        if self._memory is not None and layer == BUILDINGS:
            self._buildings = self._memory.left

    def leave(self) -> None:
        """Leave what the next build can use."""
        for entry in self._unfinished.iterdir():
            if entry.is_file():
                entry.unlink()
            elif entry.name not in self._layers:  # of a layer that there is no more
                shutil.rmtree(entry)
        values = {"before": self._previous, "layers": self._layers, BUILDINGS: self._buildings}
        write_state(self._folder, self._name, values)

    @property
    def kept(self) -> set[str]:
        """What has to stay in the folder of states."""
        heaps = {self._buildings["heap"]} if self._buildings else set()
        return {self._name, *heaps, *({self._previous} if self._previous else set())}

    def _known(self, layer: str) -> dict[str, Any] | None:
        found = None if self._before is None else self._before.values["layers"].get(layer)
        return found if isinstance(found, dict) else None

    def _may_fill(self) -> bool:
        return self._recycled is not None and BUILDINGS in self._recycled.values["layers"]

    def _have_folder(self, layer: str, known: dict[str, Any]) -> bool:
        """Have all files of a layer of the build before; False where they are not what they were."""
        assert self._before is not None
        target, wanted = self._unfinished / layer, (known["files"], known["bytes"])
        # The same inputs made the same files, whether or not they are second names of the same.
        recycled = {} if self._recycled is None else self._recycled.values["layers"].get(layer, {})
        if recycled.get("digest") == known["digest"] and count_files(target) == known["files"]:
            return True
        shutil.rmtree(target, ignore_errors=True)
        try:
            if link_folder(self._tiles / self._before.name / layer, target) == wanted:
                return True
        except FileNotFoundError:
            pass
        shutil.rmtree(target, ignore_errors=True)
        return False

    def _digest(self, layer: str) -> str:
        """Hash of all that a layer's tiles depend on."""
        manifest = self._city.manifest
        if layer == TERRAIN:
            return self._hash(manifest.terrain.attribution)
        return self._hash(
            layer,
            self._city.layer_version(layer).sha256,
            urn(manifest.name, layer, ""),
            manifest.layers[layer].attribution,
            self._profile.name if layer == BUILDINGS else "",
        )

    def _hash(self, *parts: str) -> str:
        root = self._city.manifest.root_cell
        common = [FORMAT, _tools(), self._city.terrain_sha256, root.west_deg, root.south_deg, root.side_deg]
        return hashlib.sha256(orjson.dumps([common, parts])).hexdigest()


@cache
def _tools() -> list[str]:
    return [_version_of(name) for name in _TOOLS]


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""  # copied into place by somebody, who then has to say `--full` after a change
