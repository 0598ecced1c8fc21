"""Pictures that a city model names: found beside the file, checked, and named by their hash.

Only files in the model's own folder are read: a model from elsewhere must not carry other files of this
machine into a city, nor make it ask the network.
"""

import hashlib
import io
import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

__all__ = ["Pictures"]

_FOLDER: Final = "layers/textures"
_KEPT: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_TURNED: Final = ("TIFF", "BMP", "GIF")
"""Formats that browsers do not show, or not all: kept as PNG."""
_LARGEST_BYTES: Final = 64 << 20
_ALL_BYTES: Final = 1 << 30
_LARGEST_SIDE: Final = 16_384
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")


@dataclass(slots=True)
class Pictures:
    """The pictures of a model. Each has a number from the moment it is named, and is read when it is used.

    Attributes:
        folder: Of the file that names them now; nothing outside is read.
        files: Content by path below the city's folder.
        problems: Why pictures were not taken, and how many.
    """

    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    _numbers: dict[tuple[Path, str], int] = field(default_factory=dict)
    _uris: list[tuple[Path, str]] = field(default_factory=list)
    _names: dict[int, str | None] = field(default_factory=dict)
    _bytes: int = 0

    def number(self, uri: str) -> int:
        """The number of a picture by its address in the file."""
        where = (self.folder, uri)
        found = self._numbers.get(where)
        if found is None:
            found = self._numbers[where] = len(self._uris)
            self._uris.append(where)
        return found

    def name(self, number: int) -> str | None:
        """Its name in ``layers/textures/``; None where it cannot be had, which is counted once."""
        if number not in self._names:
            self._names[number] = self._taken(*self._uris[number])
        return self._names[number]

    def names(self) -> list[str | None]:
        """Names of all pictures by their number; None for those that were not used or cannot be had."""
        return [self._names.get(number) for number in range(len(self._uris))]

    def _taken(self, folder: Path, uri: str) -> str | None:
        content = self._read(folder, uri)
        if content is None:
            return None
        kept = _checked(content)
        if kept is None:
            self.problems["no picture that can be shown"] += 1
            return None
        suffix, content = kept
        name = f"{hashlib.sha256(content).hexdigest()}.{suffix}"
        if f"{_FOLDER}/{name}" not in self.files:
            if self._bytes + len(content) > _ALL_BYTES:
                self.problems[f"more than {_ALL_BYTES >> 20} MB of pictures"] += 1
                return None
            self._bytes += len(content)
            self.files[f"{_FOLDER}/{name}"] = content
        return name

    def _read(self, folder: Path, uri: str) -> bytes | None:
        if _SCHEME.match(uri):
            self.problems["an address elsewhere, which is not fetched"] += 1
            return None
        try:
            root = folder.resolve()
            path = (root / uri.replace("\\", "/")).resolve()
            if not path.is_relative_to(root):
                self.problems["outside the file's folder"] += 1
            elif not path.is_file():
                self.problems["missing"] += 1
            elif path.stat().st_size > _LARGEST_BYTES:
                self.problems[f"larger than {_LARGEST_BYTES >> 20} MB"] += 1
            else:
                return path.read_bytes()
        except (OSError, ValueError, RuntimeError):  # a name with a null byte; a ring of links
            self.problems["missing"] += 1
        return None


def _checked(content: bytes) -> tuple[str, bytes] | None:
    """Suffix and content as they are kept; None where it is no picture, or too large to be unpacked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=[*_KEPT, *_TURNED]) as image:
                if max(image.size) > _LARGEST_SIDE:
                    return None
                if image.format in _KEPT:
                    return _KEPT[image.format], content
                turned = io.BytesIO()
                image.convert("RGBA" if "A" in image.getbands() else "RGB").save(turned, "PNG")
                return "png", turned.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None
    except Warning:
        return None
