"""Pictures of a CityGML file: which ring lies where in which, by the ids of the rings.

Appearances may stand after the objects that they are for, so they are read first, in a pass of their own, and
only where the file has any.
"""

import itertools
from pathlib import Path
from typing import Final

import numpy as np

from shancheng.city.sources.citygml_stream import Element, local_name, released, stream
from shancheng.city.sources.solids_textures import Pictures
from shancheng.errors import SourceFileError
from shancheng.geo.arrays import Float32Array

__all__ = ["TEXTURE", "RingPictures"]

TEXTURE: Final = "ParameterizedTexture"
_MEMBERS: Final = (
    "cityObjectMember",
    "featureMember",
    "appearanceMember",
    "X3DMaterial",
    "Triangle",
    TEXTURE,
)
_MOST_RINGS: Final = 20_000_000


class RingPictures:
    """Pictures and places in them by the ids of rings; the first that a file gives for a ring counts.

    ``any_there`` says whether the word `TEXTURE` stands in the file at all.
    """

    def __init__(self, path: Path, pictures: Pictures, *, any_there: bool) -> None:
        self._path = path
        self._pictures = pictures
        self._of_ring: dict[str, tuple[int, bytes]] = {}
        if any_there:
            for _, element in stream(path, _MEMBERS):
                if local_name(element) == TEXTURE:
                    self._take(element)
                released(element)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._of_ring)

    def of_ring(self, ring: str) -> tuple[int, Float32Array]:
        """Number of the picture, -1 for none, and u, v of each vertex, shape (n, 2)."""
        number, places = self._of_ring.get(ring, (-1, b""))
        return number, np.frombuffer(places, dtype=np.float32).reshape(-1, 2)

    def _take(self, texture: Element) -> None:
        image = next((one.text for one in texture.iter("{*}imageURI") if one.text), None)
        if image is None:
            return
        number = self._pictures.number(image.strip())
        for places in texture.iter("{*}TexCoordList"):
            self._take_list(number, places)

    def _take_list(self, number: int, places: Element) -> None:
        """Coordinates name their ring in an attribute (2.0), or the ring follows as an element (3.0)."""
        coordinates = list(places.iter("{*}textureCoordinates"))
        rings = [one.get("ring") for one in coordinates]
        if coordinates and rings[0] is None:
            rings = [one.text for one in places.iter("{*}ring")]
        for one, ring in itertools.zip_longest(coordinates, rings):
            if one is not None and ring:
                self._keep(number, ring.strip().removeprefix("#"), one.text or "")

    def _keep(self, number: int, ring: str, text: str) -> None:
        try:
            uv = np.array(text.split(), dtype=np.float32)
        except ValueError:
            return
        if len(uv) % 2 == 0 and ring not in self._of_ring:
            self._of_ring[ring] = (number, uv.tobytes())
        if len(self._of_ring) > _MOST_RINGS:
            raise SourceFileError(f"{self._path}: more than {_MOST_RINGS:,} rings with pictures")
