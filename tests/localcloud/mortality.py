"""Kills the local cloud between two commits, as ``kill -9`` would: what was committed stays, nothing else does.

Every engine keeps its state in the one store, so a death is a commit that never begins; from then on nothing is
written by any thread.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from silolake.localcloud.cloud import LocalCloud


class Killed(BaseException):
    """Not an ``Exception``: nobody may handle a kill."""


class Mortal:
    """Lets a local cloud commit so often, and no more.

    Attributes:
        commits: how many there have been.
    """

    def __init__(self, cloud: LocalCloud, allowed: int | None) -> None:
        self.commits = 0
        self._allowed, self._write = allowed, cloud.store.write
        self._mine, self._guard = threading.local(), threading.Lock()
        cloud.store.write = self.write  # type: ignore[method-assign]

    @property
    def is_dead(self) -> bool:
        return self._allowed is not None and self.commits >= self._allowed

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        depth = getattr(self._mine, "depth", 0)
        if depth == 0 and self.is_dead:
            raise Killed
        self._mine.depth = depth + 1
        try:
            with self._write() as connection:
                yield connection
                if depth == 0 and self.is_dead:
                    raise Killed
                if depth == 0:
                    with self._guard:
                        self.commits += 1
        finally:
            self._mine.depth = depth
