"""Positions of CityGML as numbers: texts of rings and lines, in whatever form GML has them."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import orjson

from shancheng.city.sources.citygml_faces import POS_LIST, tags_of
from shancheng.city.sources.citygml_stream import Element, local_name
from shancheng.geo.arrays import FloatArray, IntArray

__all__ = ["AXES", "backwards", "numbers_of", "positions_of", "rings_of", "text_of"]

AXES: Final = 3
_POSITIONS: Final = tags_of("pos", "coordinates")
_RINGS: Final = tags_of("LinearRing")


def rings_of(polygon: Element) -> list[Element]:
    """Rings with positions, the outline first."""
    rings = list(polygon.iter(*_RINGS))
    if len(rings) > 1:
        rings.sort(key=lambda ring: local_name(ring.getparent()) == "interior")
    return rings


def text_of(element: Element) -> str:
    """Coordinates of a ring or line, three a vertex; 0 for a height that is not given."""
    found = next(element.iter(*POS_LIST), None)
    if found is None:
        texts = [one.text or "" for one in element.iter(*_POSITIONS)]
        text = " ".join(texts).replace(",", " ")
    else:
        text = found.text or ""
    if _dimension(found if found is not None else element) == "2":
        numbers = text.split()
        text = " ".join(f"{x} {y} 0" for x, y in zip(numbers[::2], numbers[1::2], strict=False))
    return text


def _dimension(element: Element) -> str | None:
    """What the element or the nearest around it says."""
    for one in (element, *element.iterancestors()):
        found: str | None = one.get("srsDimension")
        if found is not None:
            return found
    return None


def backwards(text: str) -> str:
    """The same positions from the last to the first."""
    numbers = text.split()
    return " ".join(
        chain.from_iterable(numbers[at : at + AXES] for at in range(len(numbers) - AXES, -1, -AXES))
    )


# Numbers


def positions_of(texts: Sequence[str]) -> tuple[FloatArray, IntArray]:
    """Vertices of rings, shape (n, 3), and how many each has; NaN where a text is no list of positions."""
    rings = _parsed(texts)
    rings = [ring if ring and len(ring) % AXES == 0 else [np.nan] * AXES for ring in rings]
    sizes = np.fromiter(map(len, rings), dtype=np.int64, count=len(rings))
    flat = np.fromiter(chain.from_iterable(rings), dtype=np.float64, count=int(sizes.sum()))
    return flat.reshape(-1, AXES), sizes // AXES


def _parsed(texts: Sequence[str]) -> list[list[float]]:
    """Numbers of each text; where they are plain, reading them as JSON is several times faster."""
    try:
        rings: Any = orjson.loads(
            "[[" + "],[".join([text.strip().replace(" ", ",") for text in texts]) + "]]"
        )
        if len(rings) == len(texts) and set(map(type, chain.from_iterable(rings))) <= {int, float}:
            return list(rings)
    except (orjson.JSONDecodeError, TypeError):
        pass
    return [numbers_of(text) for text in texts]


def numbers_of(text: str) -> list[float]:
    """Numbers of one text; none where a word is no number."""
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []
