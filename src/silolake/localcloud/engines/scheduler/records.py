"""Groups, schedules and invocations, as they lie in the store. Times lie there in UTC, so that they sort as texts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from silolake import schedules
from silolake.localcloud.errors import AwsError

PRINCIPAL, DEFAULT = "scheduler.amazonaws.com", "default"
PENDING, SUCCEEDED, FAILED, EXPIRED = "PENDING", "SUCCEEDED", "FAILED", "EXPIRED"
_JUST_BEFORE = timedelta(microseconds=1)


def invalid(message: str) -> AwsError:
    """A request that makes no sense."""
    return AwsError("ValidationException", message)


def kept(moment: datetime) -> str:
    """A time as it lies in the store."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def group_arn(account: str, region: str, name: str) -> str:
    """The ARN that a group has or would have."""
    return f"arn:aws:scheduler:{region}:{account}:schedule-group/{name}"


def schedule_arn(account: str, region: str, group: str, name: str) -> str:
    """The ARN that a schedule has or would have."""
    return f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{name}"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of schedules."""

    arn: str
    account: str
    region: str
    name: str
    tags: Mapping[str, str]
    token: str
    created_at: datetime
    modified_at: datetime

    def shown(self) -> dict[str, Any]:
        """As ``GetScheduleGroup`` answers it."""
        return {
            "Arn": self.arn,
            "Name": self.name,
            "State": "ACTIVE",
            "CreationDate": self.created_at,
            "LastModificationDate": self.modified_at,
        }


def find_group(connection: sqlite3.Connection, arn: str) -> Group | None:
    """A group. Reads only."""
    row = connection.execute("SELECT * FROM scheduler_groups WHERE arn = ?", (arn,)).fetchone()
    return _group(row) if row else None


def _group(row: sqlite3.Row) -> Group:
    return Group(**{**_timed(row), "tags": json.loads(row["tags"])})


def groups_of(connection: sqlite3.Connection, account: str, region: str) -> list[Group]:
    """An account's groups, but for the default one. Reads only."""
    query = "SELECT * FROM scheduler_groups WHERE account = ? AND region = ?"
    return [_group(row) for row in connection.execute(query, (account, region)).fetchall()]


def _timed(row: sqlite3.Row) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(row[name]) for name in ("created_at", "modified_at")}
    return {**dict(row), **times}


def put_group(connection: sqlite3.Connection, group: Group) -> None:
    """Keep a group. Writes."""
    connection.execute(
        "INSERT OR REPLACE INTO scheduler_groups VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            group.arn, group.account, group.region, group.name, json.dumps(group.tags), group.token,
            kept(group.created_at), kept(group.modified_at),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule.

    Attributes:
        body: as ``CreateSchedule`` was asked, times as ISO 8601.
        due_at: when it is due next; ``None`` where it is not, because it is disabled or over.
    """

    arn: str
    account: str
    region: str
    group: str
    name: str
    body: Mapping[str, Any]
    token: str
    due_at: datetime | None
    created_at: datetime
    modified_at: datetime

    @property
    def is_enabled(self) -> bool:
        """Whether it invokes its target."""
        return bool(self.body["State"] == "ENABLED")

    @property
    def target(self) -> Mapping[str, Any]:
        """What it invokes, as whom, and how patiently."""
        target: Mapping[str, Any] = self.body["Target"]
        return target

    def due_after(self, moment: datetime) -> datetime | None:
        """The first time after a moment at which it is due.

        A rate without a StartDate begins at once: when it was made, or changed last.
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
        """
        if not self.is_enabled:
            return None
        expression = schedules.parse(self.body["ScheduleExpression"], self.body["ScheduleExpressionTimezone"])
        start = self.body.get("StartDate")
        due = expression.next_after(moment, datetime.fromisoformat(start) if start else self.modified_at)
        end = self.body.get("EndDate")
        return None if due is None or (end and due > datetime.fromisoformat(end)) else due

    def first_due(self) -> datetime | None:
        """When it is due first, now that it was made or changed."""
        return self.due_after(self.modified_at - _JUST_BEFORE)

    def shown(self) -> dict[str, Any]:
        """As ``GetSchedule`` answers it."""
        dates = {
            name: datetime.fromisoformat(self.body[name]) for name in ("StartDate", "EndDate") if name in self.body
        }
        return {
            **self.body,
            **dates,
            "Arn": self.arn,
            "GroupName": self.group,
            "Name": self.name,
            "CreationDate": self.created_at,
            "LastModificationDate": self.modified_at,
        }


def find_schedule(connection: sqlite3.Connection, arn: str) -> Schedule | None:
    """A schedule. Reads only."""
    row = connection.execute("SELECT * FROM scheduler_schedules WHERE arn = ?", (arn,)).fetchone()
    return _schedule(row) if row else None


def schedules_where(connection: sqlite3.Connection, where: str, *values: str) -> list[Schedule]:
    """Schedules, those that are due first coming first. Reads only.

    Args:
        where: a condition of ours on the table's columns.
    """
    query = f"SELECT * FROM scheduler_schedules WHERE {where} ORDER BY due_at, arn"
    return [_schedule(row) for row in connection.execute(query, values).fetchall()]


def _schedule(row: sqlite3.Row) -> Schedule:
    values = _timed(row)
    group, due, body = values.pop("group_name"), values.pop("due_at"), json.loads(values.pop("body"))
    return Schedule(**values, group=group, body=body, due_at=datetime.fromisoformat(due) if due else None)


def put_schedule(connection: sqlite3.Connection, schedule: Schedule) -> None:
    """Keep a schedule, and when it is due next. Writes."""
    connection.execute(
        "INSERT OR REPLACE INTO scheduler_schedules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            schedule.arn, schedule.account, schedule.region, schedule.group, schedule.name, json.dumps(schedule.body),
            schedule.token, kept(schedule.due_at) if schedule.due_at else "", kept(schedule.created_at),
            kept(schedule.modified_at),
        ),
    )  # fmt: skip


def remove_schedule(connection: sqlite3.Connection, arn: str) -> None:
    """Remove a schedule, and what it has not invoked yet; what it has invoked stays told. Writes."""
    connection.execute("DELETE FROM scheduler_schedules WHERE arn = ?", (arn,))
    connection.execute("DELETE FROM scheduler_invocations WHERE schedule = ? AND status = ?", (arn, PENDING))
