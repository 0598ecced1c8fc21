"""What the city is, what is in it, and one object of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from shancheng.web.models import CityInfo, CityObject, ErrorAnswer, Hits, Labels, Versions
from shancheng.web.routes.service import Service

__all__ = ["router"]

MAX_QUERY = 200
MAX_HITS = 100
MAX_ID = 500
MAX_LAYER = 50
MAX_VERSIONS = 1000

router = APIRouter(prefix="/api", tags=["city"])


@router.get("/city")
def city(service: Service) -> CityInfo:
    """Describe the city: extent, first view, layers with their sources, and where its tilesets are."""
    return service.describe()


@router.get("/city/versions")
def versions(
    service: Service,
    layer: Annotated[
        str | None, Query(max_length=MAX_LAYER, description="Only of this layer; `terrain` is one.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_VERSIONS)] = 100,
    after: Annotated[int, Query(ge=0, description="`next` of the answer before.")] = 0,
) -> Versions:
    """List the versions of the layers, newest first: when, from where, what changed."""
    return service.versions(layer, limit, after)


@router.get("/objects/{id:path}", responses={404: {"model": ErrorAnswer}})
def city_object(
    service: Service,
    object_id: Annotated[
        str,
        Path(
            alias="id",
            max_length=MAX_ID,
            description="`urn:shancheng:<city>:<layer>:<local id>`, or `<layer>:<local id>` for short.",
        ),
    ],
) -> CityObject:
    """Give one object with the columns of its layer; its geometry as GeoJSON in longitude and latitude."""
    return service.city_object(object_id)


@router.get("/search")
def search(
    service: Service,
    q: Annotated[
        str, Query(max_length=MAX_QUERY, description="Part of a name, Chinese or English, or an id.")
    ],
    limit: Annotated[int, Query(ge=1, le=MAX_HITS)] = 20,
) -> Hits:
    """Find objects by name or id, best first."""
    return Hits(items=service.search(q, limit))


@router.get("/labels")
def labels(service: Service) -> Labels:
    """Give the names to write on the map: landmarks, districts, places and bridges."""
    return Labels(items=service.labels())
