"""Sources by name. To add one, add a file here and a line below, or an entry point in another package."""

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from shancheng.city.sources.base import SOURCES_GROUP, CityData, Source
from shancheng.progress import Progress

__all__ = ["SOURCES"]


def _osm(path: Path, progress: Progress) -> CityData:
    # Late, as with every source: each brings a library of its own.
    from shancheng.city.sources.osm import read

    return read(path, progress)


def _late(entry: EntryPoint) -> Source:
    """A source of another package, which is imported when it is first asked to read."""

    def read(path: Path, progress: Progress) -> CityData:
        source: Source = entry.load()
        return source(path, progress)

    return read


SOURCES: Final[dict[str, Source]] = {
    **{entry.name: _late(entry) for entry in entry_points(group=SOURCES_GROUP)},
    "osm": _osm,
}
"""What ``city create`` can read; our own names cannot be taken over by another package."""
