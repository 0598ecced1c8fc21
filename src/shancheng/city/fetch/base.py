"""Where open data lies, and what a download leaves: the value types of this package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shancheng.city.sources.base import SourceOptions
from shancheng.errors import SettingError

__all__ = ["ENDPOINTS", "Endpoints", "Fetched", "endpoints_from"]


@dataclass(frozen=True)
class Endpoints:
    """Addresses of the publishers, or of mirrors in their form."""

    glo30: str = "https://copernicus-dem-30m.s3.amazonaws.com"
    overture: str = "https://overturemaps-us-west-2.s3.us-west-2.amazonaws.com"
    overpass: str = "https://overpass-api.de/api/interpreter"


ENDPOINTS: Final = Endpoints()
_SETTINGS: Final = {
    "glo30": "SHANCHENG_GLO30_URL",
    "overture": "SHANCHENG_OVERTURE_URL",
    "overpass": "SHANCHENG_OVERPASS_URL",
}


@dataclass(frozen=True)
class Fetched:
    """A download that is whole.

    Attributes:
        source: Name of the source that reads it; `elevation` for files that go into the terrain.
        paths: What was downloaded.
        options: What the source has to be told.
        licence: Of the data.
        attribution: Who is to be credited.
        date: Of the data where its publisher states one, else of the download; ISO 8601.
        notes: What the user should know.
    """

    source: str
    paths: tuple[Path, ...]
    licence: str
    attribution: str
    date: str
    options: SourceOptions = field(default_factory=SourceOptions)
    notes: str = ""


def endpoints_from(environment: Mapping[str, str]) -> Endpoints:
    """The publishers' addresses, or those that the environment names.

    Raises:
        SettingError: One is no http or https address.
    """
    given = {}
    for name, setting in _SETTINGS.items():
        if address := environment.get(setting):
            if not address.startswith(("https://", "http://")):
                raise SettingError(f"{setting}={address}: must begin with https:// or http://")
            given[name] = address.rstrip("/")
    return Endpoints(**given)
