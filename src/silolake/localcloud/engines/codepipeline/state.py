"""``GetPipelineState``: every stage and action as it stands.

https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineState.html
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.codepipeline.access import on_pipeline
from silolake.localcloud.engines.codepipeline.execution_operations import result_of
from silolake.localcloud.engines.codepipeline.pipeline_operations import required
from silolake.localcloud.engines.codepipeline.plays import PLAYS
from silolake.localcloud.engines.codepipeline.records import (
    IN_PROGRESS,
    STOPPING,
    Pipeline,
    executions_where,
    find_execution,
    latest_in_stage,
)


@PLAYS("GetPipelineState", access=on_pipeline, differs="Transitions are always enabled; entityUrl is not answered.")
def get_pipeline_state(call: Call) -> dict[str, Any]:
    """Reads only."""
    pipeline = required(call, call.parameters["name"])
    with call.cloud.store.read() as connection:
        stages = [_stage(connection, pipeline, each) for each in pipeline.stages]
    return {
        "pipelineName": pipeline.name,
        "pipelineVersion": pipeline.version,
        "stageStates": stages,
        "created": pipeline.created_at,
        "updated": pipeline.updated_at,
    }


def _stage(connection: sqlite3.Connection, pipeline: Pipeline, stage: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "stageName": stage["name"],
        "inboundTransitionState": {"enabled": True},
        "actionStates": [_action(connection, pipeline, stage["name"], each["name"]) for each in stage["actions"]],
    }
    waiting = executions_where(connection, "pipeline = ? AND waits_for = ?", pipeline.arn, stage["name"])
    if waiting:
        shown["inboundExecutions"] = [{"pipelineExecutionId": each.id, "status": IN_PROGRESS} for each in waiting]
        shown["inboundExecution"] = shown["inboundExecutions"][-1]
    latest = latest_in_stage(connection, pipeline.arn, stage["name"])
    if latest:
        execution = find_execution(connection, latest[0])
        stops = execution is not None and execution.status == STOPPING and latest[1] == IN_PROGRESS
        shown["latestExecution"] = {"pipelineExecutionId": latest[0], "status": STOPPING if stops else latest[1]}
    return shown


def _action(connection: sqlite3.Connection, pipeline: Pipeline, stage: str, action: str) -> dict[str, Any]:
    row = connection.execute(
        "SELECT a.* FROM codepipeline_actions a JOIN codepipeline_executions e ON e.id = a.execution"
        " WHERE e.pipeline = ? AND a.stage = ? AND a.action = ? ORDER BY a.sequence DESC LIMIT 1",
        (pipeline.arn, stage, action),
    ).fetchone()
    if row is None:
        return {"actionName": action}
    body = json.loads(row["body"])
    told = result_of(body)
    latest: dict[str, Any] = {
        "actionExecutionId": row["id"],
        "status": row["status"],
        "lastStatusChange": datetime.fromisoformat(body["updated_at"]),
        "summary": body.get("summary") or None,
        "externalExecutionId": told["externalExecutionId"],
        "errorDetails": told.get("errorDetails"),
    }
    shown: dict[str, Any] = {"actionName": action, "latestExecution": latest}
    if body.get("revision"):
        shown["currentRevision"] = {
            "revisionId": body["revision"],
            "revisionChangeId": body["revision"],
            "created": datetime.fromisoformat(body["started_at"]),
        }
    return shown
