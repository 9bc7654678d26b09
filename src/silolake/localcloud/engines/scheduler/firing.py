"""Each due time becomes one invocation, and each invocation one call of its target, by the local cloud's clock.

A due time is noted in the transaction that moves the schedule on to its next one, so it is noted once; the call carries
the invocation's id as its token, so what was called before a kill is not called again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.scheduler.records import (
    EXPIRED,
    FAILED,
    PENDING,
    SUCCEEDED,
    Schedule,
    find_schedule,
    kept,
    put_schedule,
    schedules_where,
)
from silolake.localcloud.engines.scheduler.targets import invoke, is_worth_another_try
from silolake.localcloud.errors import AwsError
from silolake.localcloud.ticking import Ticker

_LONGEST_PAUSE_S = 300
_TOLD = 10_000
"""How many invocations are told of; the oldest go first."""
_TICKERS: WeakKeyDictionary[LocalCloud, Ticker] = WeakKeyDictionary()
_OPENING = threading.Lock()


def ticker(cloud: LocalCloud) -> Ticker:
    """What fires the schedules of one local cloud."""
    with _OPENING:
        if cloud not in _TICKERS:
            _TICKERS[cloud] = Ticker(cloud, "schedules", lambda: fire(cloud))
        return _TICKERS[cloud]


def resume(cloud: LocalCloud) -> None:
    """Go on firing; what fell due meanwhile is late, and not lost."""
    with cloud.store.read() as connection:
        any_ = connection.execute(
            "SELECT 1 FROM scheduler_schedules WHERE due_at <> '' UNION ALL"
            " SELECT 1 FROM scheduler_invocations WHERE status = ?",
            (PENDING,),
        ).fetchone()
    if any_:
        ticker(cloud).wake()


def close(cloud: LocalCloud) -> None:
    """Fire no more."""
    ticker(cloud).close()
    _TICKERS.pop(cloud, None)


def fire(cloud: LocalCloud) -> datetime | None:
    """Note what is due, invoke what is noted; when something is due next. Writes."""
    with cloud.store.read() as connection:
        due = schedules_where(connection, "due_at <> '' AND due_at <= ?", kept(cloud.clock.now()))
    for schedule in due:
        _note(cloud, schedule.arn)
    for row in _pending(cloud):
        if ticker(cloud).is_closing:
            return None
        _invoke(cloud, row)
    with cloud.store.read() as connection:
        soonest = connection.execute(
            "SELECT min(at) FROM (SELECT min(due_at) AS at FROM scheduler_schedules WHERE due_at <> '' UNION ALL"
            " SELECT min(attempt_at) FROM scheduler_invocations WHERE status = ?)",
            (PENDING,),
        ).fetchone()[0]
    return datetime.fromisoformat(soonest) if soonest else None


def _pending(cloud: LocalCloud) -> list[sqlite3.Row]:
    with cloud.store.read() as connection:
        return connection.execute(
            "SELECT * FROM scheduler_invocations WHERE status = ? AND attempt_at <= ? ORDER BY due_at, sequence",
            (PENDING, kept(cloud.clock.now())),
        ).fetchall()


def _note(cloud: LocalCloud, arn: str) -> None:
    """Note every due time of a schedule up to now, and move it on. Writes.

    Times that were missed are invoked late, unless they are older than the retry policy lets an event become.
    """
    with cloud.store.write() as connection:
        schedule, now = find_schedule(connection, arn), cloud.clock.now()
        if schedule is None or schedule.due_at is None:
            return
        due: datetime | None = schedule.due_at
        oldest = now - _age(schedule)
        if due is not None and due < oldest:
            words = f"Times from {kept(due)} to {kept(oldest)} were older than MaximumEventAgeInSeconds allows"
            _insert(connection, schedule, due, (EXPIRED, words))
            due = schedule.due_after(oldest)
        while due is not None and due <= now:
            _insert(connection, schedule, due, (PENDING, ""))
            due = schedule.due_after(due)
        if due is None and schedule.body["ActionAfterCompletion"] == "DELETE":
            connection.execute("DELETE FROM scheduler_schedules WHERE arn = ?", (arn,))
        else:
            put_schedule(connection, replace(schedule, due_at=due))
        connection.execute(
            "DELETE FROM scheduler_invocations WHERE status <> ? AND sequence <="
            " (SELECT max(sequence) FROM scheduler_invocations) - ?",
            (PENDING, _TOLD),
        )


def _age(schedule: Schedule) -> timedelta:
    policy = schedule.target["RetryPolicy"]
    return timedelta(seconds=policy["MaximumEventAgeInSeconds"])


def _insert(connection: sqlite3.Connection, schedule: Schedule, due: datetime, said: tuple[str, str]) -> None:
    retries, expires_at = schedule.target["RetryPolicy"]["MaximumRetryAttempts"], kept(due + _age(schedule))
    connection.execute(
        "INSERT INTO scheduler_invocations (id, schedule, due_at, target, most_retries, expires_at, attempts,"
        " attempt_at, status, said) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        (
            str(uuid.uuid4()), schedule.arn, kept(due), json.dumps(schedule.target), retries, expires_at,
            kept(due), *said,
        ),
    )  # fmt: skip


def _invoke(cloud: LocalCloud, row: sqlite3.Row) -> None:
    """Call a target once, and note what came of it. Writes."""
    with cloud.store.read() as connection:
        if connection.execute("SELECT 1 FROM scheduler_invocations WHERE id = ?", (row["id"],)).fetchone() is None:
            # Its schedule was removed meanwhile.
            return
    attempts = row["attempts"] + 1
    context = {
        "aws.scheduler.schedule-arn": row["schedule"],
        "aws.scheduler.scheduled-time": f"{datetime.fromisoformat(row['due_at']):%Y-%m-%dT%H:%M:%SZ}",
        "aws.scheduler.execution-id": row["id"],
        "aws.scheduler.attempt-number": str(attempts),
    }
    status, attempt_at = SUCCEEDED, row["attempt_at"]
    try:
        said = invoke(cloud, row["schedule"], json.loads(row["target"]), context)
    except AwsError as error:
        said, next_at = str(error), cloud.clock.now() + timedelta(seconds=min(2**attempts, _LONGEST_PAUSE_S))
        again = is_worth_another_try(error) and attempts <= row["most_retries"] and kept(next_at) <= row["expires_at"]
        status, attempt_at = (PENDING, kept(next_at)) if again else (FAILED, attempt_at)
    with cloud.store.write() as connection:
        connection.execute(
            "UPDATE scheduler_invocations SET status = ?, attempts = ?, attempt_at = ?, said = ? WHERE id = ?",
            (status, attempts, attempt_at, said, row["id"]),
        )


def invocations(cloud: LocalCloud, schedule: str, limit: int) -> list[dict[str, Any]]:
    """What became of a schedule's due times, newest first. Reads only.

    Args:
        schedule: its ARN; of every schedule if it is empty.
    """
    with cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT schedule, due_at, status, attempts, said, id FROM scheduler_invocations"
            " WHERE ? IN ('', schedule) ORDER BY due_at DESC, sequence DESC LIMIT ?",
            (schedule, limit),
        ).fetchall()
    return [dict(row) for row in rows]
