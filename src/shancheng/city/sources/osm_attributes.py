"""What of an object's tags is kept beside the columns: `attributes`, one JSON object, bounded in size.

All tags are kept, also those that columns were made from, since the mapper's own words say more. Left out are
the name, which has its columns; what the mapping community notes for itself; and how people can be reached: a
city's twin needs no one's telephone.
"""

import functools
from collections.abc import Sequence
from typing import Final

import orjson

from shancheng.city.sources.osm_opl import Tags

__all__ = ["MOST_BYTES", "attributes_of"]

MOST_BYTES: Final = 2048
_LEFT_OUT: Final = frozenset(
    {"", "attribution", "comment", "created_by", "image", "name", "name:en", "noname", "todo"}
)
# Of the mapping community, and of people; `contact` and the owner are people even at a shop.
_LEFT_OUT_BEFORE_COLON: Final = frozenset(
    {"FIXME", "contact", "fixme", "import", "note", "owner", "source", "tiger", "was"}
)
_WAYS_TO_REACH: Final = (
    *("e-mail", "email", "fax", "phone", "telephone"),
    *("facebook", "instagram", "linkedin", "telegram", "twitter", "wechat", "whatsapp"),
)


def attributes_of(objects: Sequence[Tags]) -> list[bytes | None]:
    """The tags that are kept of each object, as JSON; None where there are none.

    Where they come to more than 2,048 bytes, the shortest are kept: a description gives way to a level.
    """
    left_out = {key for key in set[str]().union(*objects) if not _is_kept(key)}
    kept = [
        tags if left_out.isdisjoint(tags) else {key: tags[key] for key in tags if key not in left_out}
        for tags in objects
    ]
    texts: list[bytes | None] = [orjson.dumps(tags) if tags else None for tags in kept]
    for row, text in enumerate(texts):
        if text is not None and len(text) > MOST_BYTES:
            texts[row] = _shortened(kept[row])
    return texts


def _shortened(tags: Tags) -> bytes:
    kept: Tags = {}
    size = 2
    for key, value in sorted(tags.items(), key=lambda item: (len(item[0]) + len(item[1]), item)):
        size += len(orjson.dumps({key: value}))  # its braces stand for the comma
        if size > MOST_BYTES:
            break
        kept[key] = value
    return orjson.dumps({key: value for key, value in tags.items() if key in kept})


@functools.lru_cache(maxsize=10_000)
def _is_kept(key: str) -> bool:
    words = key.split(":")
    # `operator:phone` and `phone_1` are telephones as well.
    reaches = any(word == "mobile" or word.startswith(_WAYS_TO_REACH) for word in words)
    return not reaches and key not in _LEFT_OUT and words[0] not in _LEFT_OUT_BEFORE_COLON
