"""Sources by name: entry points of the group ``shancheng.sources``, our own among them."""

from dataclasses import fields
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from shancheng.city.sources.base import SOURCES_GROUP, CityData, Source, SourceOptions
from shancheng.errors import SettingError
from shancheng.progress import Progress

__all__ = ["read_source", "source_named", "source_names"]

_OWN = "shancheng."


def source_names() -> list[str]:
    """Names of all sources, in the order of the alphabet; none is imported for it."""
    return sorted(_entries())


def source_named(name: str) -> Source:
    """A source; its library is imported now.

    Raises:
        SettingError: There is none of that name, or what its package offers is no source.
    """
    entry = _entries().get(name)
    if entry is None:
        raise SettingError(f"source={name!r}: must be one of {', '.join(source_names())}")
    try:
        source = entry.load()
    except ImportError as error:
        raise SettingError(f"source={name!r}: cannot be loaded ({error})") from error
    if not isinstance(source, Source):
        raise SettingError(f"source={name!r}: {entry.value} is no Source")
    return source


def read_source(name: str, path: Path, options: SourceOptions, progress: Progress) -> CityData:
    """Read a file with the source of that name.

    Raises:
        SettingError: There is no such source, or it does not understand one of the options.
        SourceFileError, UnknownCRSError: The file cannot be used.
    """
    source = source_named(name)
    plain = SourceOptions()
    for option in fields(SourceOptions):
        if getattr(options, option.name) != getattr(plain, option.name) and option.name not in source.options:
            understood = ", ".join(sorted(source.options)) or "none"
            what = f"{name} does not understand this option; it knows {understood}"
            raise SettingError(f"{option.name}: {what}")
    return source.read(path, options, progress)


def _entries() -> dict[str, EntryPoint]:
    """Entry points by name; another package cannot take over one of our own names."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=SOURCES_GROUP):
        if entry.name not in found or entry.value.startswith(_OWN):
            found[entry.name] = entry
    return found
