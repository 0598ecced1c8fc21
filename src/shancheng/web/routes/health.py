"""Whether the server answers at all."""

from fastapi import APIRouter

from shancheng.web.models import Status

__all__ = ["router"]

router = APIRouter(tags=["server"])


@router.get("/healthz")
def health() -> Status:
    """Say that the server is up. Touches neither disk nor city."""
    return Status()
