"""The whole web application: guard around site around API."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from shancheng import __version__
from shancheng.web.asgi import App
from shancheng.web.errors import install_handlers
from shancheng.web.guard import Guard
from shancheng.web.hosts import HostPolicy
from shancheng.web.models import ErrorAnswer
from shancheng.web.routes import city, health
from shancheng.web.service import CityService
from shancheng.web.settings import WebSettings
from shancheng.web.site import Site

__all__ = ["create_api", "create_app"]

DESCRIPTION: Final = (
    "One city: what is in it, each of its objects, and where its 3D Tiles are. "
    "Longitude and latitude are WGS-84 degrees; heights are metres, above what their name says. "
    'Every error is {"error": {"code", "message"}}.'
)
WORTH_COMPRESSING_BYTES: Final = 1024


def create_app(service: CityService, settings: WebSettings) -> App:
    """The ASGI application of one city.

    Args:
        service: The city that is served.
        settings: Names that it answers to and where the built page lies.

    Raises:
        SettingError: An allowed host is no host.
    """
    policy = HostPolicy.of(settings.host, settings.port, settings.allowed_hosts)
    site = Site(create_api(service), service.tiles_folder, settings.page_folder)
    return Guard(site, policy)


def create_api(service: CityService | None) -> FastAPI:
    """The JSON API alone; without a service it only describes itself."""
    refused: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorAnswer, "description": "Refused"}}
    api = FastAPI(
        title="Shancheng",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=refused,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.service = service
    api.add_middleware(GZipMiddleware, minimum_size=WORTH_COMPRESSING_BYTES)
    install_handlers(api)
    for module in (health, city):
        api.include_router(module.router)
    return api
