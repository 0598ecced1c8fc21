"""Pictures on buildings: those that a tile needs, cut out, put on one sheet and made small enough to send.

The pictures of a tile are packed onto one JPEG, each as the rectangle of it that faces use. A picture that is
repeated along a face cannot share a sheet, so each of those gets one of its own. Nothing here trusts a file:
formats, sizes and what decoding may cost are bounded, and a picture that cannot be read is left out and
counted. The same meshes and pictures give the same bytes.
"""

import io
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shancheng.tiles.meshes import NO_PICTURE, Meshes
from shancheng.tiles.sheets import Layout, packed

__all__ = ["Pictures", "Sheet"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_FORMATS = ("JPEG", "PNG", "WEBP")
_MAX_BYTES = 64 << 20
# Such a picture takes 150 MB while it is read.
_MAX_PIXELS = 50_000_000
# JPEG's own scale; 80 shows no blocks on walls, 90 takes half as much again.
_QUALITY = 80
_LONGEST = 1024
# Sides of pictures that are repeated, so that a tile with many of them stays small.
_REPEATED_SIDES = ((8, 512), (32, 256))
_REPEATED_SIDE = 128
# Places this far outside a picture are on its edge; farther, the picture is repeated.
_BEYOND = 0.05
# What a face shows whose picture turns out to be damaged: the colour of bare walls, as sRGB.
_BARE = (237, 234, 230)
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One picture in a tile and what lies on it.

    Attributes:
        jpeg: The file.
        repeated: Whether it goes on beyond its edges.
        triangles: Which of the meshes' triangles, rising, shape (k,).
        uv: Place of each of the meshes' vertices, right and down, shape (v, 2): uint16 steps of 1/65535, or
            float32 where it is repeated; only those of the triangles mean something.
    """

    jpeg: bytes
    repeated: bool
    triangles: IntArray
    uv: npt.NDArray[np.uint16] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a layer.

    Attributes:
        folder: Where they lie, or None where a layer has none.
        unreadable: Names of those that could not be read so far; threads may add at once.
    """

    folder: Path | None = None
    unreadable: set[str] = field(default_factory=set)

    @property
    def notes(self) -> dict[str, int]:
        """For the layer's report."""
        return {"pictures that cannot be read": len(self.unreadable)} if self.unreadable else {}

    def sheets(self, meshes: Meshes) -> list[Sheet]:
        """Sheets for all triangles of some meshes whose picture can be read."""
        sizes = [self._size(name) for name in meshes.pictures]
        known = np.array([*(size is not None for size in sizes), False])
        chosen = np.flatnonzero(known[meshes.picture] & (meshes.picture != NO_PICTURE))
        picture = meshes.picture[chosen]
        corners = _corners(meshes)[chosen]
        low, high = _reach(meshes.uv[corners], picture, len(sizes))
        repeated = (low.min(axis=1) < -_BEYOND) | (high.max(axis=1) > 1 + _BEYOND)
        single = ~repeated[picture]
        sheets = []
        if single.any():
            used = np.unique(picture[single])
            parts = [
                _Part.of(meshes.pictures[k], size, low[k], high[k])
                for k in used.tolist()
                if (size := sizes[k]) is not None
            ]
            jpeg, uv = self._packed(parts, meshes.uv, corners[single], np.searchsorted(used, picture[single]))
            sheets.append(Sheet(jpeg, False, chosen[single], uv))
        several = np.unique(picture[~single]).tolist()
        side = next((side for most, side in _REPEATED_SIDES if len(several) <= most), _REPEATED_SIDE)
        down = (meshes.uv * [1, -1] + [0, 1]).astype(np.float32)
        for k in several:
            jpeg = self._alone(meshes.pictures[k], side)
            sheets.append(Sheet(jpeg, True, chosen[picture == k], down))
        return sheets

    def _packed(
        self, parts: list["_Part"], uv: npt.NDArray[np.float32], corners: IntArray, part: IntArray
    ) -> tuple[bytes, npt.NDArray[np.uint16]]:
        """A sheet with all parts, and the places in it of the corners of triangles that lie on them."""
        layout = packed(np.array([one.wanted for one in parts]))
        sheet = Image.new("RGB", layout.size, _BARE)
        for one, box in zip(parts, layout.boxes.tolist(), strict=True):
            self._draw(one, box, sheet)
        result = np.zeros((len(uv), 2), np.uint16)
        vertices, first = np.unique(corners, return_index=True)
        of_vertex = part[first // 3]
        result[vertices] = _on_sheet(uv[vertices].astype(np.float64), parts, of_vertex, layout)
        return _jpeg(sheet), result

    def _draw(self, part: "_Part", box: list[int], sheet: Image.Image) -> None:
        """Cut a part out of its picture and put it on the sheet, with a seam of its own edge around it."""
        x, y, width, height = box
        left, upper, right, lower = part.box
        needed = (
            math.ceil(part.size[0] * width / (right - left)),
            math.ceil(part.size[1] * height / (lower - upper)),
        )
        try:
            with self._opened(part.name, needed) as picture:
                # A JPEG may be decoded at a half, a quarter or an eighth of its size.
                across, down = (picture.size[axis] / part.size[axis] for axis in range(2))
                cut = (left * across, upper * down, right * across, lower * down)
                small = _plain(picture).resize((width, height), Image.Resampling.BOX, cut)
        except _DAMAGE:
            self.unreadable.add(part.name)
            return
        seam = (Layout.SEAM, Layout.SEAM)
        framed = np.pad(np.asarray(small), (seam, seam, (0, 0)), "edge")
        sheet.paste(Image.fromarray(framed), (x - Layout.SEAM, y - Layout.SEAM))

    def _alone(self, name: str, side: int) -> bytes:
        """A whole picture whose sides are powers of two, as older clients want those that are repeated."""
        try:
            with self._opened(name, (side, side)) as picture:
                width, height = (1 << (min(pixels, side).bit_length() - 1) for pixels in picture.size)
                small = _plain(picture).resize((width, height), Image.Resampling.BOX)
        except _DAMAGE:
            self.unreadable.add(name)
            small = Image.new("RGB", (1, 1), _BARE)
        return _jpeg(small)

    def _size(self, name: str) -> tuple[int, int] | None:
        """Width and height of a picture, or None where it must not be read."""
        try:
            with self._opened(name) as picture:
                return picture.size
        except _DAMAGE:
            self.unreadable.add(name)
            return None

    @contextmanager
    def _opened(self, name: str, size: tuple[int, int] | None = None) -> Iterator[Image.Image]:
        """A picture whose head is read; with a size, decoded no larger than it must be."""
        path = (self.folder or Path()) / name
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{name}: more than {_MAX_BYTES} bytes")
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.size[0] * picture.size[1] > _MAX_PIXELS:
                raise ValueError(f"{name}: more than {_MAX_PIXELS} pixels")
            if size is not None:
                picture.draft("RGB", size)
            yield picture


@dataclass(frozen=True, slots=True)
class _Part:
    """The rectangle of a picture that faces use.

    Attributes:
        name: Of the picture.
        size: Of the picture, pixels.
        box: Left, upper, right, lower edge in it, pixels.
    """

    name: str
    size: tuple[int, int]
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, name: str, size: tuple[int, int], low: FloatArray, high: FloatArray) -> "_Part":
        """The rectangle around places from `low` to `high`, right and up."""
        width, height = size
        left, right = _pixels(low[0], high[0], width)
        upper, lower = _pixels(1 - high[1], 1 - low[1], height)
        return cls(name, size, (left, upper, right, lower))

    @property
    def wanted(self) -> tuple[int, int]:
        """Width and height it would like to have."""
        width, height = self.box[2] - self.box[0], self.box[3] - self.box[1]
        scale = min(1.0, _LONGEST / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))


def _pixels(low: float, high: float, count: int) -> tuple[int, int]:
    """First pixel and the one after the last of a stretch of a picture, at least one of them."""
    first = min(max(math.floor(low * count), 0), count - 1)
    return first, min(max(math.ceil(high * count), first + 1), count)


def _corners(meshes: Meshes) -> IntArray:
    """Vertices of all triangles, counted from the first of all, shape (t, 3)."""
    base = np.repeat(meshes.vertex_start[:-1], np.diff(meshes.triangle_start))
    corners: IntArray = meshes.triangles + base[:, None]
    return corners


def _reach(
    uv: npt.NDArray[np.float32], picture: npt.NDArray[np.int32], count: int
) -> tuple[FloatArray, FloatArray]:
    """Least and greatest u and v on each picture, shape (count, 2), of triangles' corners (t, 3, 2)."""
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, picture, uv.min(axis=1))
    np.maximum.at(high, picture, uv.max(axis=1))
    return low, high


def _on_sheet(uv: FloatArray, parts: list[_Part], part: IntArray, layout: Layout) -> npt.NDArray[np.uint16]:
    """Places in pictures, right and up, as places on their sheet, right and down."""
    size = np.array([one.size for one in parts], np.float64)[part]
    box = np.array([one.box for one in parts], np.float64)[part]
    target = layout.boxes.astype(np.float64)[part]
    pixel = np.column_stack([uv[:, 0], 1 - uv[:, 1]]) * size
    share = np.clip((pixel - box[:, :2]) / (box[:, 2:] - box[:, :2]), 0, 1)
    place = (target[:, :2] + share * target[:, 2:]) / layout.size
    return np.rint(place * 65_535).astype(np.uint16)


def _plain(picture: Image.Image) -> Image.Image:
    """Red, green and blue; what shines through shows the colour of bare walls."""
    if picture.mode in ("RGBA", "LA", "PA", "P", "La", "RGBa") or "transparency" in picture.info:
        behind = Image.new("RGBA", picture.size, (*_BARE, 255))
        return Image.alpha_composite(behind, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY, subsampling=2)
    return out.getvalue()
