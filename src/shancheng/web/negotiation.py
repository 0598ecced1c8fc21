"""Which encoding of a file a client gets, and whether it has the file already.

Source:
    RFC 9110, 12.5.3 (Accept-Encoding, quality values) and 13.1.2 (If-None-Match, weak comparison).
"""

from collections.abc import Collection, Sequence
from typing import Final

__all__ = ["IDENTITY", "choose_encoding", "matches_etag"]

IDENTITY: Final = "identity"
# Smaller first; the order decides between equal quality values.
PREFERENCE: Final = ("br", "gzip", IDENTITY)


def choose_encoding(accept_encoding: Sequence[str], available: Collection[str]) -> str:
    """The best acceptable encoding among those that exist.

    Args:
        accept_encoding: Values of the request's Accept-Encoding headers.
        available: Encodings that exist beside the plain file, as ``br``.

    Returns:
        One of ``available`` or ``identity``. Where the client refuses everything that exists, ``identity``:
        RFC 9110 lets a server ignore the field then, and a readable answer helps more than a 406.
    """
    quality = _qualities(accept_encoding)
    candidates = [name for name in PREFERENCE if name in available]
    best = max(candidates, key=lambda name: quality.get(name, quality.get("*", 0.0)), default=IDENTITY)
    best_quality = quality.get(best, quality.get("*", 0.0))
    # A plain file is always acceptable, at the least weight, unless the client says otherwise.
    plain_quality = quality.get(IDENTITY, 0.0)
    return best if best_quality > 0.0 and best_quality >= plain_quality else IDENTITY


def matches_etag(if_none_match: Sequence[str], etag: str) -> bool:
    """Whether one of the client's tags is this one, or it sent ``*``."""
    tags = [tag.strip().removeprefix("W/") for value in if_none_match for tag in value.split(",")]
    return "*" in tags or etag in tags


def _qualities(values: Sequence[str]) -> dict[str, float]:
    """Encoding to quality, 0 to 1; what cannot be read counts as refused."""
    found: dict[str, float] = {}
    for part in ",".join(values).lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            found["gzip" if name == "x-gzip" else name] = _quality(parameters)
    return found


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                value = float(parameter[2:])
            except ValueError:
                return 0.0
            return value if 0.0 <= value <= 1.0 else 0.0
    return 1.0
