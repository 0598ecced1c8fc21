"""How text is encoded where a file does not say: tried out, never assumed, and told to the user."""

from dataclasses import dataclass
from typing import Final

__all__ = ["Encoding", "encoding_of"]

_BOM: Final = b"\xef\xbb\xbf"
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
_MOSTLY: Final = 0.8


@dataclass(frozen=True)
class Encoding:
    """An encoding by Python's name, and in words why; no words where the file is plain UTF-8."""

    name: str
    why: str = ""


def encoding_of(sample: bytes, *, whole: bool) -> Encoding | None:
    """UTF-8, UTF-16 with its mark, or GB18030 (of which GBK and GB2312 are parts); None where none fits.

    GB18030 takes nearly any bytes, Latin text with accents among them; it counts where nearly all that is not
    ASCII becomes one of the 7,445 characters of GB2312, which hold all common ones.

    Args:
        sample: The beginning of a file.
        whole: Whether that is all; else its last characters may be cut.
    """
    if sample.startswith(_WIDE):
        return Encoding("utf-16", "UTF-16 by its byte order mark")
    if _decodes(sample, "utf-8", whole=whole) is not None:
        return Encoding("utf-8-sig" if sample.startswith(_BOM) else "utf-8")
    text = _decodes(sample, "gb18030", whole=whole)
    if text is None:
        return None
    other = "".join(mark for mark in text if not mark.isascii())
    common = len(other.encode("gb2312", errors="ignore")) / 2
    if common < _MOSTLY * len(other):
        return None
    return Encoding("gb18030", "no UTF-8, but Chinese in GB18030")


def _decodes(sample: bytes, name: str, *, whole: bool) -> str | None:
    for cut in range(1 if whole else 4):
        try:
            return sample[: len(sample) - cut].decode(name)
        except UnicodeDecodeError:
            continue
    return None
