"""What the API knows of a city, kept in step with its folder.

Another process may replace layers or tiles while we serve. Before each answer the modification times of the
files that matter are compared with those at the last look, some microseconds of work, and the city is opened
anew when one differs.
"""

import logging
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from shancheng.city.describe import describe
from shancheng.city.history import history_of
from shancheng.city.ids import ObjectId, parse_urn, urn_prefix
from shancheng.city.index import search
from shancheng.city.objects import find_object
from shancheng.city.store import City
from shancheng.errors import NotFoundError, ShanchengError
from shancheng.geo.geoid import undulation_m
from shancheng.geo.raster import Raster
from shancheng.tiles.make import current_build
from shancheng.web.home import default_home
from shancheng.web.labels import LABELLED_LAYERS, best_labels, labels_of_layer
from shancheng.web.models import CityInfo, CityObject, Hit, Label, VersionInfo, Versions
from shancheng.web.plain import plain

__all__ = ["CityService"]

logger = logging.getLogger("shancheng.web")

FloatArray = npt.NDArray[np.float64]
WATCHED: Final = ("city.toml", "terrain.tif", "tiles/tileset.json")


class CityService:
    """One city folder behind the API. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] = ()
        self._snapshot: _Snapshot | None = None

    @property
    def tiles_folder(self) -> Path:
        """Where the tiles are; it may not exist yet."""
        return self._folder / "tiles"

    def describe(self) -> CityInfo:
        """The city: extent, first view, layers, tilesets."""
        return self._current().description

    def versions(self, layer: str | None, limit: int, after: int) -> Versions:
        """The versions of the layers, newest first, from place ``after`` on.

        Args:
            layer: Only of this one.
            limit: How many at most.
            after: How many to leave out.
        """
        entries = [e for e in history_of(self._folder) if layer in (None, e.record.version.layer)]
        page = [VersionInfo.model_validate(entry.to_json()) for entry in entries[after : after + limit]]
        return Versions(items=page, next=str(after + limit) if len(entries) > after + limit else None)

    def city_object(self, text: str) -> CityObject:
        """One object with its columns.

        Args:
            text: Its URN, or ``<layer>:<local id>``.

        Raises:
            NotFoundError: No object has that id.
            IdError: The text is no id.
        """
        return self._current().city_object(text)

    def search(self, query: str, limit: int) -> list[Hit]:
        """Objects whose name or id matches, best first."""
        return self._current().search(query, limit)

    def labels(self) -> list[Label]:
        """The names on the map, best rank first."""
        return self._current().labels

    def _current(self) -> "_Snapshot":
        seen = _fingerprint(self._folder)
        with self._lock:
            if self._snapshot is None:
                self._snapshot, self._seen = _Snapshot(self._folder), seen
            elif seen != self._seen:
                self._snapshot, self._seen = self._look_again(self._snapshot), seen
            return self._snapshot

    def _look_again(self, old: "_Snapshot") -> "_Snapshot":
        """The city as it is now; as it was, where what is there now cannot be read."""
        try:
            return _Snapshot(self._folder)
        except ShanchengError as error:
            logger.warning("%s; the city is served as it was before", error)
            return old


class _Snapshot:
    """The city as it was at one look at its folder."""

    def __init__(self, folder: Path) -> None:
        self.city = City.open(folder)
        # Opening may have written to the database; serving reads files alone, so nothing stays open.
        self.city.close()

    @cached_property
    def description(self) -> CityInfo:
        manifest, build = self.city.manifest, current_build(self.city)
        known = plain(describe(self.city))
        if manifest.home is None:
            lon, lat = manifest.extent.centre
            ground_m = self.ground(np.array([lon]), np.array([lat]))[0]
            known["home"] = default_home(manifest.extent, float(ground_m))
        tilesets = {} if build is None else _tilesets(build.path)
        return CityInfo.model_validate(
            {**known, "tilesets": tilesets, "build": None if build is None else build.name}
        )

    @cached_property
    def labels(self) -> list[Label]:
        found: list[Label] = []
        for layer in LABELLED_LAYERS:
            if self.city.has_layer(layer):
                prefix = urn_prefix(self.city.manifest.name, layer)
                found += labels_of_layer(prefix, layer, self.city.layer(layer), self.ground)
        return best_labels(found)

    def city_object(self, text: str) -> CityObject:
        wanted = self._id_of(text)
        row = None
        if wanted.city == self.city.manifest.name and self.city.has_layer(wanted.layer):
            row = find_object(self.city, wanted.layer, wanted.local_id)
        if row is None:
            raise NotFoundError(f"{text[:200]}: no such object in the city {self.city.manifest.name}")
        urn = urn_prefix(wanted.city, wanted.layer) + wanted.local_id
        return CityObject.model_validate({**plain(row), "id": urn, "layer": wanted.layer})

    def search(self, query: str, limit: int) -> list[Hit]:
        hits = search(self.city, query, limit)
        lon, lat = (
            np.array([getattr(hit, axis) for hit in hits], dtype=np.float64) for axis in ("lon", "lat")
        )
        ground_m = self.ground(lon, lat).tolist()
        return [
            Hit.model_validate({**plain(hit), "ellipsoidal_height_m": height_m})
            for hit, height_m in zip(hits, ground_m, strict=True)
        ]

    def ground(self, lon_deg: FloatArray, lat_deg: FloatArray) -> FloatArray:
        """Ellipsoidal height of the ground."""
        height_m: FloatArray = self._terrain.sample(lon_deg, lat_deg) + undulation_m(lon_deg, lat_deg)
        return height_m

    @cached_property
    def _terrain(self) -> Raster:
        return self.city.terrain()

    def _id_of(self, text: str) -> ObjectId:
        if text.startswith("urn:"):
            return parse_urn(text)
        return parse_urn(f"urn:shancheng:{self.city.manifest.name}:{text}")


def _fingerprint(folder: Path) -> tuple[object, ...]:
    paths = [folder / name for name in WATCHED]
    try:
        with os.scandir(folder / "layers") as entries:
            paths += sorted(Path(entry.path) for entry in entries if entry.name.endswith(".parquet"))
    except OSError:
        pass  # no layers: opening the city says so
    return tuple(_state(path) for path in paths)


def _state(path: Path) -> tuple[str, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return path.name, status.st_mtime_ns, status.st_size, status.st_ino


def _tilesets(build: Path) -> dict[str, str]:
    """Name to address of every tileset in a build."""
    return {
        path.parent.name: f"/tiles/{build.name}/{path.parent.name}/tileset.json"
        for path in sorted(build.glob("*/tileset.json"))
    }
