"""Tiles follow the change feed: what changed is made anew, and what is done is never done twice.

The follower's cursor moves only when the pointer to the new build is in place. A crash before that leaves the
old tiles and the old cursor, so the next run begins again, with what the first one left (`reuse.py`); a crash
after it leaves a build that is up to date, and the next run only moves the cursor.
"""

from collections.abc import Iterator
from typing import Final

from shancheng.city.store import City
from shancheng.db import feed
from shancheng.errors import StorageError
from shancheng.progress import NullProgress, Progress
from shancheng.tiles.builds import BuildInfo, current_build
from shancheng.tiles.make import make_tiles, tile_layers
from shancheng.tiles.report import TilesReport

__all__ = ["FOLLOWER", "follow", "newest_change", "note_done"]

FOLLOWER: Final = "tiles"
_SUBJECTS: Final = ("layer.", "terrain.")
_PAGE: Final = 1_000


def follow(city: City, *, profile: str | None = None, progress: Progress | None = None) -> TilesReport | None:
    """Make the tiles anew if the feed tells of a change that they show, and note how far that was.

    Args:
        city: Opened for writing after its last change, by the owner of its lock.
        profile: How tiles are encoded; as they are, if left out.
        progress: Told now and then.

    Returns:
        What was made; None where tiles are as they should be.

    Raises:
        StorageError: The city was opened for reading, or the disk refused.
        TilesError: The terrain has voids.
    """
    if not city.writes:
        raise StorageError(f"{city.folder}: opened for reading; take the city's lock to follow its changes")
    listener = progress or NullProgress()
    done = feed.cursor(city.database, FOLLOWER)
    newest, changed = done, set[str]()
    for row in _rows_after(city, done):
        newest = row.seq
        if row.kind.startswith(_SUBJECTS) and row.subject in tile_layers(city):
            changed.add(row.subject)
    build = current_build(city)
    report = None
    if not _is_good(build, profile):
        listener.step(f"tiles: {', '.join(sorted(changed)) or 'none yet'} changed")
        report = make_tiles(
            city, profile=profile or (build.profile if build else "compact"), progress=progress
        )
    note_done(city, newest)
    return report


def newest_change(city: City) -> int:
    """Number of the last change in the feed: to be asked before tiles are made, for `note_done`."""
    newest = feed.cursor(city.database, FOLLOWER)
    for row in _rows_after(city, newest):
        newest = row.seq
    return newest


def note_done(city: City, seq: int) -> None:
    """Note that tiles show all changes up to that number."""
    if seq > feed.cursor(city.database, FOLLOWER):
        with city.database.transaction() as connection:
            feed.advance(connection, FOLLOWER, seq)


def _is_good(build: BuildInfo | None, profile: str | None) -> bool:
    """Whether a build shows the city as it is, in that profile or any."""
    return build is not None and build.up_to_date and profile in (None, build.profile)


def _rows_after(city: City, seq: int) -> Iterator[feed.FeedRow]:
    """All rows of the feed after a number, oldest first."""
    while rows := feed.read(city.database, seq, _PAGE):
        yield from rows
        seq = rows[-1].seq
