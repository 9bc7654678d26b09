"""The local cloud's clock: real time plus what has been added to it.

Sessions expire, deliveries age and schedules fall due by this clock, so that a test can wait a day in a moment.
The times inside signatures are the client's own and are held against real time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from silolake.localcloud.store import Store


class Clock:
    """Tells the time of the local cloud; what was added to it is remembered in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'clock_ahead_s'").fetchone()
        self._ahead = timedelta(seconds=float(row[0]) if row else 0.0)

    def now(self) -> datetime:
        """The time, in UTC and aware of it."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> datetime:
        """Move on by ``seconds``, never back. Writes.

        Raises:
            ValueError: for a negative number of seconds.
        """
        if not seconds >= 0:
            raise ValueError(f"the clock cannot go back ({seconds} s)")
        ahead = self._ahead + timedelta(seconds=seconds)
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('clock_ahead_s', ?)", (str(ahead.total_seconds()),))
        self._ahead = ahead
        return self.now()
