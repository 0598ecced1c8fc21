"""What a city keeps in SQLite, its change feed, its lock, and files that are written whole or not at all."""

from shancheng.db.database import Database
from shancheng.db.feed import FeedEntry, FeedRow
from shancheng.db.files import check_free_space, sha256_file, write_atomically
from shancheng.db.lock import CityLock, LockOwner, lock_owner

__all__ = [
    "CityLock",
    "Database",
    "FeedEntry",
    "FeedRow",
    "LockOwner",
    "check_free_space",
    "lock_owner",
    "sha256_file",
    "write_atomically",
]
