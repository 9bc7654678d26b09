"""Pipelines, executions, and what their actions did, as they lie in the store."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

PRINCIPAL = "codepipeline.amazonaws.com"
IN_PROGRESS, STOPPING, STOPPED = "InProgress", "Stopping", "Stopped"
SUCCEEDED, FAILED, SUPERSEDED, ABANDONED = "Succeeded", "Failed", "Superseded", "Abandoned"
GOING_ON = (IN_PROGRESS, STOPPING)


def pipeline_arn(account: str, region: str, name: str) -> str:
    """The ARN that a pipeline has or would have."""
    return f"arn:aws:codepipeline:{region}:{account}:{name}"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline, at one of its versions.

    Attributes:
        body: its declaration, as ``GetPipeline`` answers it.
    """

    arn: str
    account: str
    region: str
    name: str
    version: int
    body: Mapping[str, Any]
    tags: Mapping[str, str]
    created_at: datetime
    updated_at: datetime

    @property
    def stages(self) -> list[Mapping[str, Any]]:
        """Its stages, in order."""
        return list(self.body["stages"])

    @property
    def mode(self) -> str:
        """How its executions get along with each other."""
        return str(self.body["executionMode"])


def find_pipeline(connection: sqlite3.Connection, arn: str, version: int | None = None) -> Pipeline | None:
    """A pipeline at its newest version, or another. Reads only."""
    row = connection.execute("SELECT * FROM codepipeline_pipelines WHERE arn = ?", (arn,)).fetchone()
    if row is None:
        return None
    wanted = row["version"] if version is None else version
    kept = connection.execute(
        "SELECT body FROM codepipeline_versions WHERE pipeline = ? AND version = ?", (arn, wanted)
    ).fetchone()
    if kept is None:
        return None
    times = {name: datetime.fromisoformat(row[name]) for name in ("created_at", "updated_at")}
    values: dict[str, Any] = {**dict(row), **times, "version": wanted, "tags": json.loads(row["tags"])}
    return Pipeline(**values, body={**json.loads(kept["body"]), "version": wanted})


def pipelines_of(connection: sqlite3.Connection, account: str, region: str) -> list[Pipeline]:
    """An account's pipelines. Reads only."""
    query = "SELECT arn FROM codepipeline_pipelines WHERE account = ? AND region = ?"
    found = (find_pipeline(connection, arn) for (arn,) in connection.execute(query, (account, region)).fetchall())
    return [each for each in found if each]


def put_pipeline(connection: sqlite3.Connection, pipeline: Pipeline) -> None:
    """Keep a new version of a pipeline. Writes."""
    connection.execute(
        "INSERT INTO codepipeline_pipelines VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (arn) DO UPDATE SET version = excluded.version, updated_at = excluded.updated_at",
        (
            pipeline.arn, pipeline.account, pipeline.region, pipeline.name, pipeline.version,
            json.dumps(pipeline.tags), pipeline.created_at.isoformat(), pipeline.updated_at.isoformat(),
        ),
    )  # fmt: skip
    connection.execute(
        "INSERT INTO codepipeline_versions VALUES (?, ?, ?)",
        (pipeline.arn, pipeline.version, json.dumps(pipeline.body)),
    )


def set_tags(connection: sqlite3.Connection, arn: str, tags: Mapping[str, str]) -> None:
    """Replace a pipeline's tags. Writes."""
    connection.execute("UPDATE codepipeline_pipelines SET tags = ? WHERE arn = ?", (json.dumps(tags), arn))


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a pipeline.

    Attributes:
        version: of the pipeline, as it began.
        trigger: ``triggerType`` and ``triggerDetail``.
        variables: those of the pipeline, by name.
        revisions: the version of a source's object that was asked for, by action.
        waits_for: the stage that it cannot enter yet; empty if it is not waiting.
    """

    id: str
    pipeline: str
    version: int
    mode: str
    status: str
    trigger: Mapping[str, str]
    variables: Mapping[str, str]
    revisions: Mapping[str, str]
    started_at: datetime
    updated_at: datetime
    summary: str = ""
    waits_for: str = ""
    stop_reason: str = ""
    token: str = ""
    sequence: int = 0


def find_execution(connection: sqlite3.Connection, identity: str) -> Execution | None:
    """An execution. Reads only."""
    found = executions_where(connection, "id = ?", identity)
    return found[0] if found else None


def executions_where(connection: sqlite3.Connection, where: str, *values: Any) -> list[Execution]:
    """Executions, oldest first. Reads only.

    Args:
        where: a condition of ours on the table's columns.
    """
    query = f"SELECT * FROM codepipeline_executions WHERE {where} ORDER BY sequence"
    return [_execution(row) for row in connection.execute(query, values).fetchall()]


def _execution(row: sqlite3.Row) -> Execution:
    values: dict[str, Any] = dict(row)
    for name in ("trigger", "variables", "revisions"):
        values[name] = json.loads(values[name])
    for name in ("started_at", "updated_at"):
        values[name] = datetime.fromisoformat(values[name])
    return Execution(**values)


def insert_execution(connection: sqlite3.Connection, execution: Execution) -> None:
    """Keep a new execution. Writes."""
    connection.execute(
        "INSERT INTO codepipeline_executions (id, pipeline, version, mode, status, summary, trigger, variables,"
        " revisions, waits_for, stop_reason, token, started_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            execution.id, execution.pipeline, execution.version, execution.mode, execution.status, execution.summary,
            json.dumps(execution.trigger), json.dumps(execution.variables), json.dumps(execution.revisions),
            execution.waits_for, execution.stop_reason, execution.token, execution.started_at.isoformat(),
            execution.updated_at.isoformat(),
        ),
    )  # fmt: skip


def set_execution(connection: sqlite3.Connection, identity: str, now: datetime, **columns: str) -> None:
    """Change what became of an execution: ``status``, ``summary``, ``waits_for``, ``stop_reason``. Writes."""
    names = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE codepipeline_executions SET updated_at = ?, {names} WHERE id = ?",
        (now.isoformat(), *columns.values(), identity),
    )


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One action of one execution, as often as it was tried.

    Attributes:
        id: also the token by which what it starts is started once.
        is_current: a retry has not taken its place.
        body: ``started_at``, ``updated_at``, ``external``, ``summary``, ``code`` and ``message`` of an error,
            ``outputs`` (name, bucket, key), ``variables``, ``namespace``, ``revision``.
    """

    id: str
    execution: str
    stage: str
    action: str
    status: str
    body: Mapping[str, Any] = field(default_factory=dict)
    is_current: bool = True
    sequence: int = 0

    def with_(self, status: str = "", **members: Any) -> ActionRun:
        """The same, changed."""
        return replace(self, status=status or self.status, body={**self.body, **members})


def new_action_id() -> str:
    """An id for one try of one action."""
    return str(uuid.uuid4())


def actions_of(connection: sqlite3.Connection, execution: str, *, current: bool = True) -> list[ActionRun]:
    """What an execution's actions did, oldest first. Reads only.

    Args:
        current: leave out what a retry has taken the place of.
    """
    query = f"SELECT * FROM codepipeline_actions WHERE execution = ? {'AND is_current' if current else ''}"
    rows = connection.execute(f"{query} ORDER BY sequence", (execution,)).fetchall()
    return [ActionRun(**{**dict(row), "body": json.loads(row["body"]), "is_current": bool(row[5])}) for row in rows]


def put_action(connection: sqlite3.Connection, action: ActionRun) -> None:
    """Keep what became of an action. Writes."""
    connection.execute(
        "INSERT INTO codepipeline_actions (id, execution, stage, action, is_current, status, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET is_current = excluded.is_current,"
        " status = excluded.status, body = excluded.body",
        (
            action.id, action.execution, action.stage, action.action, int(action.is_current), action.status,
            json.dumps(action.body),
        ),
    )  # fmt: skip


def set_stage(connection: sqlite3.Connection, execution: Execution, stage: str, status: str) -> None:
    """Note where an execution stands in a stage. Writes."""
    connection.execute(
        "INSERT INTO codepipeline_stages (execution, pipeline, stage, status) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (execution, stage) DO UPDATE SET status = excluded.status",
        (execution.id, execution.pipeline, stage, status),
    )


def latest_in_stage(connection: sqlite3.Connection, pipeline: str, stage: str) -> tuple[str, str] | None:
    """The execution that entered a stage last, and how it stands there. Reads only."""
    row = connection.execute(
        "SELECT execution, status FROM codepipeline_stages WHERE pipeline = ? AND stage = ?"
        " ORDER BY sequence DESC LIMIT 1",
        (pipeline, stage),
    ).fetchone()
    return (row["execution"], row["status"]) if row else None
