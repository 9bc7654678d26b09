"""Query executions as they are remembered: queued, running, then one of three ends.

Only ``QUEUED`` becomes ``RUNNING``, and only what is unfinished gets an end, so a query that was stopped stays so
whatever its thread still does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from silolake.localcloud.engines.athena.errors import SYSTEM, ErrorType, QueryFailed

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
UNFINISHED = (QUEUED, RUNNING)


@dataclass(frozen=True, slots=True)
class Execution:
    """One query execution.

    Attributes:
        body: the members of the API's ``QueryExecution`` that are known from the beginning.
        state: one of the five.
        reason: the ``StateChangeReason``; empty for one that went well.
        error: the ``AthenaError``; empty for one that did not fail.
        statistics: by the API's names.
        columns: ``ColumnInfo`` of its result.
        update_count: the rows it wrote, or ``None``.
    """

    sequence: int
    id: str
    account: str
    region: str
    workgroup: str
    body: Mapping[str, Any]
    state: str
    reason: str
    error: Mapping[str, Any]
    statistics: Mapping[str, Any]
    columns: Sequence[Mapping[str, Any]]
    update_count: int | None
    submitted_at: datetime
    completed_at: datetime | None

    @property
    def is_finished(self) -> bool:
        """Whether it reached one of its three ends."""
        return self.state not in UNFINISHED

    @property
    def output_location(self) -> str:
        """Where its result file is, or will be."""
        return str(self.body["ResultConfiguration"]["OutputLocation"])

    def shown(self) -> dict[str, Any]:
        """As ``GetQueryExecution`` answers it."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted_at}
        if self.completed_at is not None:
            status["CompletionDateTime"] = self.completed_at
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.error:
            status["AthenaError"] = dict(self.error)
        return {
            **self.body,
            "QueryExecutionId": self.id,
            "WorkGroup": self.workgroup,
            "Status": status,
            "Statistics": dict(self.statistics) or self._until_it_ended(),
        }

    def _until_it_ended(self) -> dict[str, Any]:
        """What is told of a query that failed or was stopped; nothing of one that is under way."""
        if self.completed_at is None:
            return {}
        took = round((self.completed_at - self.submitted_at).total_seconds() * 1000)
        return {"EngineExecutionTimeInMillis": took, "DataScannedInBytes": 0, "TotalExecutionTimeInMillis": took}


@dataclass(frozen=True, slots=True)
class Stopped:
    """A query that was stopped, and why."""

    reason: str = "Query cancelled by user"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query that went well leaves behind.

    Attributes:
        columns: ``ColumnInfo`` of its result.
        update_count: the rows it wrote, or ``None``.
        statistics: by the API's names.
    """

    columns: Sequence[Mapping[str, Any]]
    update_count: int | None
    statistics: Mapping[str, Any]


def submit(connection: sqlite3.Connection, execution: Execution, token: str, asked: str) -> None:
    """Remember a query that waits. Writes.

    Args:
        token: the ``ClientRequestToken``; empty where there is none.
        asked: everything the call asked for, to be compared when the token comes again.
    """
    connection.execute(
        "INSERT INTO athena_executions (id, account, region, workgroup, token, asked, body, state, reason, error, "
        "statistics, columns, submitted_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', '{}', '{}', '[]', ?, '')",
        (
            execution.id,
            execution.account,
            execution.region,
            execution.workgroup,
            token,
            asked,
            json.dumps(execution.body),
            QUEUED,
            execution.submitted_at.isoformat(),
        ),
    )


def find(connection: sqlite3.Connection, account: str, region: str, identity: str) -> Execution | None:
    """A query execution of an account, or ``None``. Reads only."""
    row = connection.execute(
        "SELECT * FROM athena_executions WHERE id = ? AND account = ? AND region = ?", (identity, account, region)
    ).fetchone()
    return _execution(row) if row else None


def begin(connection: sqlite3.Connection, identity: str) -> bool:
    """Let a waiting query run; false if it was stopped meanwhile. Writes."""
    found = connection.execute(
        "UPDATE athena_executions SET state = ? WHERE id = ? AND state = ?", (RUNNING, identity, QUEUED)
    )
    return found.rowcount == 1


def succeed(connection: sqlite3.Connection, identity: str, outcome: Outcome, at: datetime) -> bool:
    """End a running query well; false if it was stopped meanwhile. Writes."""
    found = connection.execute(
        "UPDATE athena_executions SET state = ?, columns = ?, update_count = ?, statistics = ?, completed_at = ? "
        "WHERE id = ? AND state = ?",
        (
            SUCCEEDED,
            json.dumps(list(outcome.columns)),
            outcome.update_count,
            json.dumps(dict(outcome.statistics)),
            at.isoformat(),
            identity,
            RUNNING,
        ),
    )
    return found.rowcount == 1


def fail(connection: sqlite3.Connection, identity: str, failure: QueryFailed, at: datetime) -> None:
    """End an unfinished query badly. Writes."""
    error = {
        "ErrorCategory": failure.category,
        "ErrorType": int(failure.kind),
        "Retryable": failure.category == SYSTEM,
        "ErrorMessage": failure.reason,
    }
    _end(connection, identity, (FAILED, failure.reason, json.dumps(error)), at)


def cancel(
    connection: sqlite3.Connection, identity: str, at: datetime, reason: str = "Query cancelled by user"
) -> None:
    """Stop an unfinished query. Writes."""
    _end(connection, identity, (CANCELLED, reason, "{}"), at)


def end_interrupted(connection: sqlite3.Connection, mine: frozenset[str], at: datetime) -> None:
    """End what was unfinished when the local cloud went down, but not ``mine``, which run in this process. Writes."""
    rows = connection.execute("SELECT id FROM athena_executions WHERE state IN (?, ?)", UNFINISHED).fetchall()
    reason = "Internal error: the query was interrupted. Please run it again."
    for row in rows:
        if row["id"] not in mine:
            fail(connection, row["id"], QueryFailed(reason, ErrorType.INTERNAL, SYSTEM), at)


def _end(connection: sqlite3.Connection, identity: str, end: tuple[str, str, str], at: datetime) -> None:
    connection.execute(
        "UPDATE athena_executions SET state = ?, reason = ?, error = ?, completed_at = ? "
        "WHERE id = ? AND state IN (?, ?)",
        (*end, at.isoformat(), identity, *UNFINISHED),
    )


def _execution(row: sqlite3.Row) -> Execution:
    return Execution(
        row["sequence"],
        row["id"],
        row["account"],
        row["region"],
        row["workgroup"],
        json.loads(row["body"]),
        row["state"],
        row["reason"],
        json.loads(row["error"]),
        json.loads(row["statistics"]),
        json.loads(row["columns"]),
        row["update_count"],
        datetime.fromisoformat(row["submitted_at"]),
        datetime.fromisoformat(row["completed_at"]) if row["completed_at"] else None,
    )
