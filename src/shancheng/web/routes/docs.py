"""The page that documents the API, made from its OpenAPI description on the server.

It needs no script, so it works under the strict content policy and without any other server.
"""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse

from shancheng.web.docs_page import render

__all__ = ["router"]

STYLE: Final = Path(__file__).parents[1] / "pages" / "plain.css"

router = APIRouter(prefix="/api", include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The API's documentation as a page."""
    return HTMLResponse(render(request.app.openapi()))


@router.get("/plain.css")
def style() -> FileResponse:
    """The style of the pages that need no front end."""
    return FileResponse(STYLE, media_type="text/css")
