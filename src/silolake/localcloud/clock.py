"""The local cloud's clock: real time plus what has been added to it.

Sessions expire, deliveries age and schedules fall due by this clock, so that a test can wait a day in a moment.
The times inside signatures are the client's own and are held against real time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from silolake.localcloud.store import Store

_REMEMBERED = 1000


class Clock:
    """Tells the time of the local cloud; what was added to it, and when, is remembered in the store.

    Attributes:
        listeners: called after the clock was moved.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.listeners: list[Callable[[], None]] = []
        with store.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'clock'").fetchone()
        # Real time of each advance, in seconds since 1970, and how far ahead the clock was from then on.
        self._advances: list[tuple[float, float]] = [(at, ahead) for at, ahead in json.loads(row[0])] if row else []

    def now(self) -> datetime:
        """The time, in UTC and aware of it."""
        return datetime.now(UTC) + self._ahead

    @property
    def _ahead(self) -> timedelta:
        return timedelta(seconds=self._advances[-1][1] if self._advances else 0.0)

    def told(self, real: datetime) -> datetime:
        """What this clock told when real time was ``real``; a time to come is as far ahead as now."""
        at = real.timestamp()
        passed = list(takewhile(lambda advance: advance[0] <= at, self._advances))
        return real + timedelta(seconds=passed[-1][1] if passed else 0.0)

    def client_now(self, issued_at: datetime) -> datetime:
        """The time by the watch of a client that got its session when this clock told ``issued_at``.

        A client writes real times. What was added since it got its session has passed for it too; what was added
        before, its watch never knew of.
        """
        at = issued_at.timestamp()
        passed = list(takewhile(lambda advance: sum(advance) <= at, self._advances))
        return self.now() - timedelta(seconds=passed[-1][1] if passed else 0.0)

    def advance(self, seconds: float) -> datetime:
        """Move on by ``seconds``, never back. Writes.

        Raises:
            ValueError: for a negative number of seconds, or one that leads past the end of the calendar.
        """
        if not seconds >= 0:
            raise ValueError(f"the clock cannot go back ({seconds} s)")
        try:
            now, ahead = datetime.now(UTC), self._ahead + timedelta(seconds=seconds)
            # A session may be issued then, for a day at most, and its end must be a date too.
            _ = now + ahead + timedelta(days=366)
        except OverflowError:
            raise ValueError(f"{seconds} seconds lead past the end of the calendar") from None
        advances = [*self._advances, (now.timestamp(), ahead.total_seconds())][-_REMEMBERED:]
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (json.dumps(advances),))
        self._advances = advances
        for listener in tuple(self.listeners):
            listener()
        return self.now()
