"""How a route reaches the city that the application serves."""

from typing import Annotated, cast

from fastapi import Depends, Request

from shancheng.web.service import CityService

__all__ = ["Service"]


def _service_of(request: Request) -> CityService:
    return cast("CityService", request.app.state.service)


Service = Annotated[CityService, Depends(_service_of)]
