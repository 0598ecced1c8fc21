"""Cities that the package carries: a name, a title and a function that makes the data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shancheng.city.manifest import Title
from shancheng.city.sources.base import CityData
from shancheng.progress import Progress

__all__ = ["BUILTIN", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How a built-in city is made. ``build`` gives the same data each time for one ``version``.

    ``version`` says which data the recipe makes: raise it when they change, so that an existing city is told
    from a new one.
    """

    name: str
    title: Title
    build: Callable[[Progress | None], CityData]
    version: str = "1"


def _build_chongqing(progress: Progress | None) -> CityData:
    # Imported late: the recipe computes much at import, and naming the city must not wait for it.
    from shancheng.city.builtin.chongqing.recipe import build

    return build(progress)


BUILTIN: Final[dict[str, Recipe]] = {
    "chongqing": Recipe(
        name="chongqing", title=Title(zh="重庆", en="Chongqing"), build=_build_chongqing, version="2"
    ),
}
