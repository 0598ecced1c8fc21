"""Features of one layer as they come from the file, column by column."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import shapely

from shancheng.city.sources.osm_attributes import attributes_of
from shancheng.city.sources.osm_lines import lines_of
from shancheng.city.sources.osm_opl import Tags

__all__ = ["Rows", "Shapes", "points_of", "shapes_of"]

Shapes = npt.NDArray[Any]
_LINE: Final = (b"n", b"")


@dataclass
class Rows:
    """Features of one layer.

    Attributes:
        keys: What ``tags`` holds the raw words of.
        shapes: WKB of points and areas, and of lines the text that ``osm_lines.py`` parses; it begins with
            `n`, as no WKB does.
        added: Id, kind, tags and shape of features that ``flush`` has not yet put into the columns.
    """

    keys: tuple[str, ...] = ()
    ids: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    names_en: list[str | None] = field(default_factory=list)
    attributes: list[bytes | None] = field(default_factory=list)
    shapes: list[bytes] = field(default_factory=list)
    tags: dict[str, list[str | None]] = field(default_factory=dict)
    added: list[tuple[str, str, Tags, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tags = {key: [] for key in self.keys}

    def __len__(self) -> int:
        return len(self.ids)

    def flush(self) -> None:
        """Turn what was added into columns, a column at a time, and forget it."""
        if not self.added:
            return
        ids, kinds, tags, shapes = zip(*self.added, strict=True)
        self.added = []
        self.ids += ids
        self.kinds += kinds
        self.shapes += shapes
        self.names += [words.get("name") for words in tags]
        self.names_en += [words.get("name:en") for words in tags]
        self.attributes += attributes_of(tags)
        # Most words are in no tag of a whole block's features.
        said = set[str]().union(*tags)
        for key, column in self.tags.items():
            column.extend([words.get(key) for words in tags] if key in said else [None] * len(tags))

    def said(self, key: str) -> list[str | None]:
        """A word that few features have and no column holds, from the attributes."""
        sought = orjson.dumps(key)
        return [orjson.loads(text).get(key) if text and sought in text else None for text in self.attributes]

    def with_keys(self, keys: tuple[str, ...]) -> "Rows":
        """The same features with some of their words."""
        some = replace(self, keys=keys)
        some.tags = {key: self.tags[key] for key in keys}
        return some

    def joined(self, other: "Rows") -> "Rows":
        """These features and then the others; both have the same keys."""
        both = Rows(self.keys)
        for name in ("ids", "kinds", "names", "names_en", "attributes", "shapes"):
            setattr(both, name, getattr(self, name) + getattr(other, name))
        both.tags = {key: self.tags[key] + other.tags[key] for key in self.keys}
        return both

    def only(self, keep: Iterable[int]) -> "Rows":
        """Some of the features."""
        rows = list(keep)
        some = Rows(self.keys)
        for name in ("ids", "kinds", "names", "names_en", "attributes", "shapes"):
            column = getattr(self, name)
            setattr(some, name, [column[row] for row in rows])
        some.tags = {key: [column[row] for row in rows] for key, column in self.tags.items()}
        return some


def shapes_of(rows: Rows) -> Shapes:
    """The rows' geometries, shape (n,); lines may be empty."""
    if not rows.ids:
        return np.empty(0, dtype=object)
    is_line = np.array([shape[:1] in _LINE for shape in rows.shapes], dtype=bool)
    shapes = np.empty(len(rows), dtype=object)
    stored = np.asarray(rows.shapes, dtype=object)
    shapes[is_line] = lines_of(stored[is_line])
    shapes[~is_line] = shapely.from_wkb(stored[~is_line])
    return shapes


def points_of(rows: Rows) -> Shapes:
    """A point of each feature: its own, or one within the area or on the line."""
    shapes = shapes_of(rows)
    large = shapely.get_type_id(shapes) != shapely.GeometryType.POINT
    shapes[large] = shapely.point_on_surface(shapes[large])
    return shapes
