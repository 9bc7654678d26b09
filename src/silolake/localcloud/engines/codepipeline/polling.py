"""Polling of sources whose ``PollForSourceChanges`` is not false, by the local cloud's clock.

https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-about-starting.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codepipeline.records import PRINCIPAL, Pipeline, find_pipeline
from silolake.localcloud.engines.codepipeline.starting import keep_new
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError

_EVERY = timedelta(minutes=1)
Start = Callable[[LocalCloud, str], None]


def set_polls(connection: sqlite3.Connection, cloud: LocalCloud, pipeline: Pipeline) -> bool:
    """Note which of a pipeline's sources are polled; whether there are any. Writes."""
    wanted = {
        each["name"]
        for each in pipeline.stages[0]["actions"]
        if each["configuration"].get("PollForSourceChanges", "true") == "true"
    }
    due = (cloud.clock.now() + _EVERY).isoformat()
    connection.execute("DELETE FROM codepipeline_polls WHERE pipeline = ?", (pipeline.arn,))
    connection.executemany(
        "INSERT INTO codepipeline_polls VALUES (?, ?, ?, '')", [(pipeline.arn, name, due) for name in wanted]
    )
    return bool(wanted)


def poll(cloud: LocalCloud, start: Start) -> datetime | None:
    """Look at the sources that are due, and start what changed; when the next is due. Writes."""
    now = cloud.clock.now()
    with cloud.store.read() as connection:
        due = connection.execute("SELECT * FROM codepipeline_polls WHERE due_at <= ?", (now.isoformat(),)).fetchall()
    for row in due:
        _look(cloud, row, start)
    with cloud.store.read() as connection:
        (soonest,) = connection.execute("SELECT min(due_at) FROM codepipeline_polls").fetchone()
    return datetime.fromisoformat(soonest) if soonest else None


def _look(cloud: LocalCloud, row: sqlite3.Row, start: Start) -> None:
    with cloud.store.read() as connection:
        pipeline = find_pipeline(connection, row["pipeline"])
    found = _newest(cloud, pipeline, row["action"]) if pipeline else ""
    begun = ""
    with cloud.store.write() as connection:
        pipeline = find_pipeline(connection, row["pipeline"])
        if pipeline is None:
            return
        seen = row["seen"] or _last_taken(connection, pipeline.arn, row["action"]) or found
        if found not in ("", seen, _last_taken(connection, pipeline.arn, row["action"])):
            detail = f"{pipeline.name}/{row['action']}"
            begun = keep_new(connection, cloud, pipeline, ("PollForSourceChanges", detail)).id
        connection.execute(
            "UPDATE codepipeline_polls SET due_at = ?, seen = ? WHERE pipeline = ? AND action = ?",
            ((cloud.clock.now() + _EVERY).isoformat(), found or seen, pipeline.arn, row["action"]),
        )
    if begun:
        start(cloud, begun)


def _newest(cloud: LocalCloud, pipeline: Pipeline, action: str) -> str:
    """The newest version of a source's object; empty where the role may not see it or there is none."""
    configuration = next(each["configuration"] for each in pipeline.stages[0]["actions"] if each["name"] == action)
    asked = {"Bucket": configuration["S3Bucket"], "Key": configuration["S3ObjectKey"]}
    try:
        role = assume_as_service(cloud, PRINCIPAL, pipeline.body["roleArn"], "polling", pipeline.arn)
        found = cloud.invoke(role, "s3", "HeadObject", asked, pipeline.region)
    except AwsError:
        return ""
    return str(found.get("VersionId", ""))


def _last_taken(connection: sqlite3.Connection, pipeline: str, action: str) -> str:
    row = connection.execute(
        "SELECT json_extract(a.body, '$.revision') FROM codepipeline_actions a"
        " JOIN codepipeline_executions e ON e.id = a.execution WHERE e.pipeline = ? AND a.action = ?"
        " AND a.status = 'Succeeded' ORDER BY a.sequence DESC LIMIT 1",
        (pipeline, action),
    ).fetchone()
    return str(row[0] or "") if row else ""
