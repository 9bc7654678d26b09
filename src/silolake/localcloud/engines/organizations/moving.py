"""Moves that are made and not yet in effect: policies and stack sets see an account where it hung, for a while.

AWS is eventually consistent here and says no time. At once, unless the owner asks for delay: see ``disturbing``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
"""

from __future__ import annotations

import sqlite3
import threading
from datetime import datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from silolake.localcloud.engines.organizations import creation, tree
from silolake.localcloud.engines.organizations.events import tell
from silolake.localcloud.ticking import Ticker

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

_TICKERS: WeakKeyDictionary[LocalCloud, Ticker] = WeakKeyDictionary()
_MAKING = threading.Lock()


def begin(cloud: LocalCloud, connection: sqlite3.Connection, account: str, old_path: str) -> None:
    """Note, within the move's own transaction, from where an account is moved and when that is in effect. Writes."""
    due = cloud.clock.now() + cloud.disturbances.delay_of(account)
    # Moved once more before the first move is in effect, it is seen where it hung first.
    connection.execute(
        "INSERT INTO org_moves VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE SET due_at = excluded.due_at",
        (account, old_path, due.isoformat()),
    )


def settle(cloud: LocalCloud) -> datetime | None:
    """Put the moves in effect that are due, and tell who listens; when the next one is. Writes."""
    while True:
        with cloud.store.write() as connection:
            row = connection.execute("SELECT * FROM org_moves ORDER BY due_at LIMIT 1").fetchone()
            if row is None:
                return None
            due = datetime.fromisoformat(row["due_at"])
            if due > cloud.clock.now():
                return due
            connection.execute("DELETE FROM org_moves WHERE account = ?", (row["account"],))
            now = tree.placement(connection, row["account"]).path
        tell(cloud, row["account"], row["path"], now)


def follow(cloud: LocalCloud) -> None:
    """Settle what is due, and see to it that the rest is once it is."""
    if settle(cloud) is not None:
        _ticker(cloud).wake()


def _ticker(cloud: LocalCloud) -> Ticker:
    with _MAKING:
        if cloud not in _TICKERS:
            _TICKERS[cloud] = Ticker(cloud, "moves of accounts", lambda: settle(cloud))
        return _TICKERS[cloud]


def resume(cloud: LocalCloud) -> None:
    """Go on with accounts that were being made, and with moves that are not in effect. Writes."""
    creation.resume(cloud)
    follow(cloud)


def close(cloud: LocalCloud) -> None:
    """End the thread that waits for moves; what is not in effect is for the next process."""
    if cloud in _TICKERS:
        _TICKERS[cloud].close()
