"""What the server was asked for, read once by the command line and passed down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PACKAGED_PAGE", "WebSettings"]

PACKAGED_PAGE: Final = Path(__file__).parent / "static"


@dataclass(frozen=True)
class WebSettings:
    """Where the server listens, under which names it answers, and where the built page lies.

    ``allowed_hosts`` are further names for the Host header, ``name`` or ``name:port``.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    page_folder: Path = PACKAGED_PAGE
