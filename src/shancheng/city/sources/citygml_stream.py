"""Streaming CityGML safely: elements as they end, in memory that does not grow with the file.

What can make a small file large is refused before anything is parsed: documents with a DOCTYPE, from which
entities come. Depth and length of texts are limited by libxml2; how much may stand in one member, here.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from lxml import etree

from shancheng.errors import SourceFileError

__all__ = ["Element", "check_prologue", "local_name", "released", "stream", "words_in"]

Element = Any
"""An lxml element; the library is untyped."""

_WHAT: Final = "CityGML 1.0, 2.0 or 3.0"
_NAMESPACE: Final = "http://www.opengis.net/citygml/"
_LONGEST_PROLOGUE: Final = 1 << 20
_LARGEST_MEMBER: Final = 64 << 20
_CHUNK: Final = 4 << 20
_BOMS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
_LONGEST_BOM: Final = 3

_local: dict[str, str] = {}


def local_name(element: Element) -> str:
    """Name of an element without its namespace."""
    tag = element.tag
    name = _local.get(tag)
    if name is None:
        name = str(tag).rpartition("}")[2]
        if len(_local) < 10_000:  # noqa: PLR2004 - the names of all schemas are fewer; a hostile file has more
            _local[tag] = name
    return name


def check_prologue(path: Path) -> None:
    """Look at what stands before the root element.

    Raises:
        SourceFileError: The file is missing, empty, no XML, or has a DOCTYPE.
    """
    if not path.is_file():
        raise SourceFileError(f"{path}: no such file; needed: {_WHAT}")
    with path.open("rb") as file:
        head = file.read(_LONGEST_PROLOGUE)
    if not head.strip():
        raise SourceFileError(f"{path}: is empty; needed: {_WHAT}")
    text = _decoded(head).lstrip()
    while text.startswith(("<?", "<!--")):
        end = "?>" if text.startswith("<?") else "-->"
        _, found, text = text.partition(end)
        text = text.lstrip()
        if not found:
            break
    if text.startswith("<!"):
        raise SourceFileError(
            f"{path}: has a DOCTYPE, from which entities may grow without end; needed: {_WHAT} without one"
        )
    if not text.startswith("<") or not (text[1:2].isalpha() or text[1:2] == "_"):
        raise SourceFileError(f"{path}: is no XML with a root element; needed: {_WHAT}")


def words_in(path: Path, words: Sequence[str]) -> set[str]:
    """Those of some words that stand anywhere in a file."""
    found: set[str] = set()
    rest = b""
    longest = 2 * max(map(len, words))
    with path.open("rb") as file:
        encoding = _encoding(file.read(_LONGEST_BOM))
        file.seek(0)
        forms = {word: word.encode(encoding) for word in words}
        while chunk := file.read(_CHUNK):
            window = rest + chunk
            found |= {word for word, form in forms.items() if word not in found and form in window}
            rest = window[-longest:]
    return found


def stream(path: Path, tags: Iterable[str], starts: Iterable[str] = ()) -> Iterator[tuple[str, Element]]:
    """Elements of those names as they end; those of ``starts`` as they start too.

    Args:
        path: Checked by `check_prologue`.
        tags: Local names; the caller gives each element back with `released`.
        starts: Local names.

    Raises:
        SourceFileError: It is no well-formed XML, its root is no CityModel, or too much stands between two
            elements of those names.
    """
    names = {*tags, *starts, "CityModel"}
    with path.open("rb") as file:
        metered = _Metered(path, file)
        events = etree.iterparse(
            metered,
            events=("start", "end"),
            tag=[f"{{*}}{name}" for name in sorted(names)],
            load_dtd=False,
            no_network=True,
            resolve_entities=False,
            remove_comments=True,
            remove_pis=True,
            huge_tree=False,
        )
        try:
            yield from _checked(path, events, metered, frozenset(starts))
        except etree.XMLSyntaxError as error:
            raise SourceFileError(
                f"{path}: is no well-formed XML, or cut off ({error}); needed: {_WHAT}"
            ) from error


def _checked(
    path: Path,
    events: Any,  # noqa: ANN401 - lxml is untyped
    metered: "_Metered",
    starts: frozenset[str],
) -> Iterator[tuple[str, Element]]:
    known = False
    for event, element in events:
        name = local_name(element)
        if not known:
            _check_root(path, element.getroottree())
            known = True
        if event == "end":
            metered.since = 0
            if name != "CityModel":
                yield event, element
        elif name in starts:
            yield event, element
    if not known:
        root = events.root
        found = "nothing" if root is None else f"{root.tag}"
        raise SourceFileError(f"{path}: its root is {found[:200]}: must be a CityModel; needed: {_WHAT}")


def _check_root(path: Path, tree: Any) -> None:  # noqa: ANN401 - lxml is untyped
    root = tree.getroot()
    if tree.docinfo.internalDTD is not None:
        raise SourceFileError(f"{path}: has a DOCTYPE; needed: {_WHAT} without one")
    if local_name(root) != "CityModel" or _NAMESPACE not in root.tag:
        raise SourceFileError(f"{path}: its root is {root.tag[:200]}: must be a CityModel; needed: {_WHAT}")


def released(element: Element) -> None:
    """Free an element and everything before it in its parent."""
    element.clear(keep_tail=False)
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


class _Metered:
    """A file that gives no more than a member's worth between two elements that were taken."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self.since = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        content = self._file.read(size)
        self.since += len(content)
        if self.since > _LARGEST_MEMBER:
            raise SourceFileError(
                f"{self._path}: more than {_LARGEST_MEMBER >> 20} MB in one member; needed: {_WHAT}, "
                "with each building in a cityObjectMember of its own"
            )
        return content


def _encoding(head: bytes) -> str:
    """How a file that begins so is read here: as UTF-16 where it says so, else as bytes."""
    return next((encoding for mark, encoding in _BOMS if head.startswith(mark)), "latin-1")


def _decoded(head: bytes) -> str:
    return head.decode(_encoding(head), errors="replace").removeprefix("\ufeff")
