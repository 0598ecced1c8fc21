"""Which part of the application answers which path: API, tiles or page.

Tiles and the page are files and go to a bare ASGI handler; the API goes to FastAPI.
"""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Final

from shancheng.web.asgi import App, Receive, Scope, Send, send_whole
from shancheng.web.static_files import StaticFiles

__all__ = ["Site"]

NOT_BUILT: Final = Path(__file__).parent / "pages" / "not_built.html"
TILES: Final = "/tiles/"
# Pages of the built front end by their path.
PAGES: Final = {"/": "index.html", "/api/docs": "docs.html"}


class Site:
    """Sends each request to its part. ``tiles_folder`` and ``page_folder`` may appear later."""

    def __init__(self, api: App, tiles_folder: Path, page_folder: Path) -> None:
        self._api = api
        self._page_folder = page_folder
        self._tiles = StaticFiles(tiles_folder, immutable=_is_below_a_build)
        self._page = StaticFiles(page_folder, immutable=_is_hashed_asset)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        path: str = scope.get("path", "")
        if path in PAGES:
            await self._whole_page(PAGES[path], scope, receive, send)
        elif scope["type"] == "lifespan" or path == "/healthz" or path.startswith("/api/"):
            await self._api(scope, receive, send)
        elif path.startswith(TILES):
            await self._tiles.serve(path.removeprefix(TILES), scope, receive, send)
        else:
            await self._page.serve(path.removeprefix("/"), scope, receive, send)

    async def _whole_page(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        if (self._page_folder / name).is_file():
            await self._page.serve(name, scope, receive, send)
            return
        body = await asyncio.to_thread(NOT_BUILT.read_bytes)
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]
        await send_whole(send, HTTPStatus.SERVICE_UNAVAILABLE, headers, body)


def _is_below_a_build(relative: str) -> bool:
    """Everything in ``tiles/<build>/`` is written once; what lies directly in ``tiles/`` is replaced."""
    return "/" in relative


def _is_hashed_asset(relative: str) -> bool:
    """Vite puts a hash of the content into the names below ``assets/``."""
    return relative.startswith("assets/")
