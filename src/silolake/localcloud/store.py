"""What the local cloud remembers: one SQLite file, committed before a call is answered.

Write-ahead logging with ``synchronous=NORMAL`` keeps every committed transaction through a ``kill -9``
of the process (https://www.sqlite.org/wal.html); a loss of power may lose the last ones.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from silolake.errors import StateCorrupt
from silolake.localcloud.belongings import is_ours

FORMAT = 1
"""Raised whenever a release cannot read what an earlier one wrote."""

_META = "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT"


class Store:
    """The state of every engine, in ``<directory>/state.sqlite``.

    Readers never wait; writers take turns. A write inside a write of the same thread joins it, so an engine
    may call another engine and still be whole or not at all.

    Args:
        directory: where the file lies; made by the caller.
        schemas: each engine's ``CREATE TABLE IF NOT EXISTS`` statements.

    Raises:
        StateCorrupt: the file is not ours, is damaged, or belongs to another format; it is left as it was.
    """

    def __init__(self, directory: Path, schemas: tuple[str, ...]) -> None:
        self.path = directory / "state.sqlite"
        self._mine = threading.local()
        self._turn = threading.RLock()
        self._connections: list[sqlite3.Connection] = []
        self._opening = threading.Lock()
        try:
            self._check()
            with self.write() as connection:
                connection.execute(_META)
                for schema in schemas:
                    for statement in schema.split(";"):
                        if statement.strip():
                            connection.execute(statement)
                connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (str(FORMAT),))
        except sqlite3.DatabaseError as error:
            self.close()
            further = "remove everything with silolake reset --all" if is_ours(directory) else "name another directory"
            raise StateCorrupt(
                f"{self.path} cannot be read ({error})",
                f"It was left as it is. Put a good copy in its place, or {further}",
            ) from error

    def _check(self) -> None:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        # Read-only: merely choosing a journal mode would write into a file that may not be ours.
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(" ".join(verdict.split()))
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and "meta" not in tables:
                raise sqlite3.DatabaseError("it is not silolake's")
            found = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone() if tables else None
        if found and found[0] != str(FORMAT):
            raise sqlite3.DatabaseError(f"it is of format {found[0]}, this release reads format {FORMAT}")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            # Closed from another thread at the end, hence check_same_thread; used by one thread only.
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            self._mine.connection = connection
            self._mine.depth = 0
            with self._opening:
                self._connections.append(connection)
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection to read from; what the thread itself has begun to write is seen."""
        yield self._connection()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed when the block ends well, rolled back when it raises. Writes."""
        connection = self._connection()
        with self._turn:
            if self._mine.depth:
                self._mine.depth += 1
                try:
                    yield connection
                finally:
                    self._mine.depth -= 1
                return
            connection.execute("BEGIN IMMEDIATE")
            self._mine.depth = 1
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._mine.depth = 0

    def close(self) -> None:
        """Close every thread's connection."""
        with self._opening:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
