"""Colours as mappers write them → `#rrggbb`."""

import re
from typing import Final

__all__ = ["colour_of"]

_HEX: Final = re.compile(r"#?(?:[0-9a-f]{3}|[0-9a-f]{6})")
# The sixteen of HTML 4, and those of CSS that lines are painted in.
_WORDS: Final = {
    "aqua": "#00ffff",
    "black": "#000000",
    "blue": "#0000ff",
    "brown": "#a52a2a",
    "cyan": "#00ffff",
    "darkblue": "#00008b",
    "darkgreen": "#006400",
    "darkorange": "#ff8c00",
    "darkred": "#8b0000",
    "deepskyblue": "#00bfff",
    "fuchsia": "#ff00ff",
    "gold": "#ffd700",
    "gray": "#808080",
    "green": "#008000",
    "grey": "#808080",
    "indigo": "#4b0082",
    "lightblue": "#add8e6",
    "lightgreen": "#90ee90",
    "lime": "#00ff00",
    "magenta": "#ff00ff",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "orange": "#ffa500",
    "orchid": "#da70d6",
    "pink": "#ffc0cb",
    "purple": "#800080",
    "red": "#ff0000",
    "silver": "#c0c0c0",
    "skyblue": "#87ceeb",
    "teal": "#008080",
    "turquoise": "#40e0d0",
    "violet": "#ee82ee",
    "white": "#ffffff",
    "yellow": "#ffff00",
}


def colour_of(text: str | None) -> str | None:
    """A colour as `#rrggbb`, in small letters; None where the words are no colour.

    Source:
        OpenStreetMap wiki, “Key:colour”; W3C, “CSS Color Module”.
    """
    if text is None:
        return None
    word = text.split(";", 1)[0].strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if not _HEX.fullmatch(word):
        return None
    digits = word.removeprefix("#")
    return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))  # noqa: PLR2004
