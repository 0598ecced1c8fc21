"""A file from the network to the disk: resumed where it stopped, checked, and in place only when whole.

While it comes it is ``NAME.part``, with ``NAME.part.json`` saying which version of the file it is a part of.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from shancheng.city.fetch.http import LINE_ERRORS, Pool, reason
from shancheng.db.files import check_free_space, flush_folder, write_atomically
from shancheng.errors import DownloadError, StorageError
from shancheng.progress import Progress

__all__ = ["download", "next_block", "storing"]

_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class _Version:
    """What tells one version of a remote file from another."""

    size: int
    etag: str
    modified: str


def download(url: str, path: Path, pool: Pool, progress: Progress, *, limit: int) -> Path:
    """Bring a file here, unless it is here.

    A file that is there is taken as whole: it got its name only after its size, and its hash where the server
    states one, were right.

    Args:
        url: Of the file.
        path: Where to.
        pool: Sends the requests.
        progress: Told how far it is.
        limit: Refused when larger, in bytes.

    Returns:
        ``path``.

    Raises:
        MissingDownloadError: The server has no such file.
        DownloadError: The line keeps breaking, the server refuses, or what came is not what was promised.
        DiskFullError, StorageError: It cannot be written.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    stalled = 0
    while True:
        before = _size(part)
        try:
            known = _known(part)
            if known is not None and before == known.size:  # stopped just before the end
                return _put_in_place(url, part, path)
            if _receive(url, part, pool, progress, limit=limit):
                return _put_in_place(url, part, path)
        except LINE_ERRORS as error:
            # A try that brought something on is no failed one.
            stalled = 0 if _size(part) > before else stalled + 1
            if stalled >= pool.tries:
                raise DownloadError(
                    f"{url}: {reason(error)}; {_size(part):,} bytes are kept, run it again to go on"
                ) from error
            time.sleep(pool.pause_s * 2**stalled)


def _receive(url: str, part: Path, pool: Pool, progress: Progress, *, limit: int) -> bool:
    """Bring what is missing; False where the part was of another version and everything starts anew."""
    known = _known(part)
    offset = _size(part) if known is not None else 0
    headers = {"Accept-Encoding": "identity"}
    if known is not None and offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": known.etag or known.modified}
    with pool.stream(url, headers) as answer:
        version = _version(url, answer)
        if version.size > limit:
            raise DownloadError(f"{url}: {version.size:,} bytes, more than the {limit:,} that are taken")
        resumed = answer.status == 206 and version == known  # noqa: PLR2004
        if answer.status == 416 or (answer.status == 206 and not resumed):  # noqa: PLR2004
            _forget(part)
            return False
        if not resumed:
            _begin(part, version)
        _append(part, answer, version, progress, start=offset if resumed else 0)
    return True


def _append(part: Path, answer: Any, version: _Version, progress: Progress, *, start: int) -> None:  # noqa: ANN401
    size = start
    name = part.name.removesuffix(".part")
    with storing(part), part.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        while block := next_block(answer):
            size += len(block)
            if size > version.size:
                raise DownloadError(f"{name}: more than the {version.size:,} bytes that were promised")
            file.write(block)
            progress.step(f"downloading {name}", size / max(version.size, 1))
        file.flush()
        os.fsync(file.fileno())
    if size < version.size:
        raise ConnectionError(f"the line broke after {size:,} of {version.size:,} bytes")


def next_block(answer: Any) -> bytes:  # noqa: ANN401 - urllib3's response
    """The next block; nothing where the line broke, which the size tells afterwards."""
    try:
        return bytes(answer.read(_BLOCK))
    except LINE_ERRORS:
        return b""


@contextmanager
def storing(part: Path) -> Iterator[None]:
    """What the disk says is no matter of the line."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{part}: cannot be written: {error.strerror or error}") from error


def _begin(part: Path, version: _Version) -> None:
    check_free_space(part.parent, version.size)
    with storing(part):
        part.write_bytes(b"")
    write_atomically(_notes(part), json.dumps(asdict(version)).encode())


def _put_in_place(url: str, part: Path, path: Path) -> Path:
    known = _known(part)
    assert known is not None
    # An object stored in one piece has the MD5 of its content as its ETag; others have another form.
    etag = known.etag.strip('"').lower()
    if len(etag) == 32 and set(etag) <= set("0123456789abcdef"):  # noqa: PLR2004
        found = _md5(part)
        if found != etag:
            _forget(part)
            raise DownloadError(f"{url}: damaged on the way: its MD5 is {found}, the server says {etag}")
    part.replace(path)
    _notes(part).unlink(missing_ok=True)
    flush_folder(path.parent)
    return path


def _version(url: str, answer: Any) -> _Version:  # noqa: ANN401 - urllib3's response
    headers = answer.headers
    total = headers.get("Content-Range", "").rpartition("/")[2] if answer.status != 200 else ""  # noqa: PLR2004
    length = total or headers.get("Content-Length", "")
    if not length.isdecimal():
        raise DownloadError(f"{url}: the server does not say how large the file is")
    return _Version(int(length), headers.get("ETag", ""), headers.get("Last-Modified", ""))


def _known(part: Path) -> _Version | None:
    """What the part on the disk is a part of; None where that is not known, or cannot be asked for."""
    try:
        known = _Version(**json.loads(_notes(part).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    weak = known.etag.startswith("W/")
    return known if part.exists() and not weak and (known.etag or known.modified) else None


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StorageError(f"{part}: cannot be looked at: {error.strerror}") from error


def _md5(path: Path) -> str:
    """Against damage on the way, not against ill will: for that there is TLS."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
