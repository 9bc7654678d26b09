"""Executions: started, stopped, tried again, found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.codepipeline import running
from silolake.localcloud.engines.codepipeline.access import on_pipeline, on_stage
from silolake.localcloud.engines.codepipeline.pipeline_operations import required
from silolake.localcloud.engines.codepipeline.plays import PLAYS
from silolake.localcloud.engines.codepipeline.records import (
    ABANDONED,
    FAILED,
    IN_PROGRESS,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    Execution,
    Pipeline,
    actions_of,
    executions_where,
    find_execution,
    latest_in_stage,
    put_action,
    set_execution,
    set_stage,
)
from silolake.localcloud.engines.codepipeline.starting import keep_new
from silolake.localcloud.errors import AwsError, NotPlayed


@PLAYS("StartPipelineExecution", access=on_pipeline)
def start_pipeline_execution(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html"""
    token = call.parameters.get("clientRequestToken", "")
    with call.cloud.store.write() as connection:
        pipeline = required(call, call.parameters["name"])
        for known in executions_where(connection, "pipeline = ? AND token = ?", pipeline.arn, token) if token else ():
            return {"pipelineExecutionId": known.id}
        more = {"variables": _variables(call, pipeline), "revisions": _revisions(call, pipeline), "token": token}
        begun = keep_new(connection, call.cloud, pipeline, ("StartPipelineExecution", call.caller.arn), **more)
    running.start(call.cloud, begun.id)
    return {"pipelineExecutionId": begun.id}


def _variables(call: Call, pipeline: Pipeline) -> dict[str, str]:
    declared = {each["name"]: each.get("defaultValue") for each in pipeline.body.get("variables") or ()}
    given = {each["name"]: each["value"] for each in call.parameters.get("variables") or ()}
    if unknown := sorted(given.keys() - declared.keys()):
        raise AwsError("ValidationException", f"Pipeline variable {unknown[0]} is not declared in the pipeline")
    found = {**declared, **given}
    if lacking := sorted(name for name, value in found.items() if value is None):
        raise AwsError("ValidationException", f"Pipeline variable {lacking[0]} has no default and was given no value")
    return {name: str(value) for name, value in found.items()}


def _revisions(call: Call, pipeline: Pipeline) -> dict[str, str]:
    sources = {each["name"] for each in pipeline.stages[0]["actions"]}
    found = {}
    for each in call.parameters.get("sourceRevisions") or ():
        if each["revisionType"] != "S3_OBJECT_VERSION_ID":
            raise NotPlayed(f"codepipeline:StartPipelineExecution with revisionType {each['revisionType']}")
        if each["actionName"] not in sources:
            raise AwsError("ValidationException", f"{each['actionName']} is no source action of the pipeline")
        found[each["actionName"]] = each["revisionValue"]
    return found


def _execution(call: Call, pipeline: Pipeline) -> Execution:
    with call.cloud.store.read() as connection:
        found = find_execution(connection, call.parameters["pipelineExecutionId"])
    if found is None or found.pipeline != pipeline.arn:
        raise AwsError(
            "PipelineExecutionNotFoundException",
            f"Pipeline '{pipeline.name}' has no execution '{call.parameters['pipelineExecutionId']}'",
        )
    return found


@PLAYS("GetPipelineExecution", access=on_pipeline)
def get_pipeline_execution(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineExecution.html"""
    pipeline = required(call, call.parameters["pipelineName"])
    found = _execution(call, pipeline)
    with call.cloud.store.read() as connection:
        sources = [each for each in actions_of(connection, found.id) if each.body.get("revision")]
    shown: dict[str, Any] = {
        "pipelineName": pipeline.name,
        "pipelineVersion": found.version,
        "pipelineExecutionId": found.id,
        "status": found.status,
        "artifactRevisions": [
            {
                "name": output["name"],
                "revisionId": each.body["revision"],
                "revisionSummary": each.body["summary"],
            }
            for each in sources
            for output in each.body["outputs"]
        ],
        "variables": [{"name": name, "resolvedValue": value} for name, value in found.variables.items()],
        "trigger": found.trigger,
        "executionMode": found.mode,
        "executionType": "STANDARD",
    }
    if words := found.summary or found.stop_reason:
        shown["statusSummary"] = words
    return {"pipelineExecution": shown}


@PLAYS("ListPipelineExecutions", access=on_pipeline)
def list_pipeline_executions(call: Call) -> dict[str, Any]:
    """Newest first. https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelineExecutions.html"""
    if call.parameters.get("filter"):
        raise NotPlayed("codepipeline:ListPipelineExecutions with filter")
    pipeline = required(call, call.parameters["pipelineName"])
    with call.cloud.store.read() as connection:
        found = executions_where(connection, "pipeline = ?", pipeline.arn)[::-1]
    shown, more = paged(found, call)
    return {"pipelineExecutionSummaries": [_summary(call, each) for each in shown], **more}


def paged(found: list[Any], call: Call) -> tuple[list[Any], dict[str, str]]:
    """A page of what has sequences, newest first; the token is the sequence of the last one shown.

    Raises:
        AwsError: ``InvalidNextTokenException``.
    """
    token, size = call.parameters.get("nextToken", ""), int(call.parameters.get("maxResults") or 100)
    if token and not token.isdecimal():
        raise AwsError("InvalidNextTokenException", f"{token!r} is no token of a page")
    rest = [each for each in found if not token or each.sequence < int(token)]
    shown = rest[:size]
    return shown, {"nextToken": str(shown[-1].sequence)} if len(rest) > size else {}


def _summary(call: Call, execution: Execution) -> dict[str, Any]:
    with call.cloud.store.read() as connection:
        sources = [each for each in actions_of(connection, execution.id) if each.body.get("revision")]
    shown: dict[str, Any] = {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "startTime": execution.started_at,
        "lastUpdateTime": execution.updated_at,
        "sourceRevisions": [
            {"actionName": each.action, "revisionId": each.body["revision"], "revisionSummary": each.body["summary"]}
            for each in sources
        ],
        "trigger": execution.trigger,
        "executionMode": execution.mode,
        "executionType": "STANDARD",
    }
    if execution.summary:
        shown["statusSummary"] = execution.summary
    if execution.stop_reason:
        shown["stopTrigger"] = {"reason": execution.stop_reason}
    return shown


@PLAYS("ListActionExecutions", access=on_pipeline)
def list_action_executions(call: Call) -> dict[str, Any]:
    """Newest first. https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListActionExecutions.html"""
    pipeline = required(call, call.parameters["pipelineName"])
    wanted = call.parameters.get("filter") or {}
    if "latestInPipelineExecution" in wanted:
        raise NotPlayed("codepipeline:ListActionExecutions with latestInPipelineExecution")
    with call.cloud.store.read() as connection:
        executions = {each.id: each for each in executions_where(connection, "pipeline = ?", pipeline.arn)}
        only = wanted.get("pipelineExecutionId")
        runs = [
            run for name in executions if only in (None, name) for run in actions_of(connection, name, current=False)
        ]
    shown, more = paged(sorted(runs, key=lambda each: each.sequence, reverse=True), call)
    details = [
        {
            "pipelineExecutionId": run.execution,
            "actionExecutionId": run.id,
            "pipelineVersion": executions[run.execution].version,
            "stageName": run.stage,
            "actionName": run.action,
            "startTime": run.body["started_at"],
            "lastUpdateTime": run.body["updated_at"],
            "status": run.status,
            "output": {
                "outputArtifacts": [
                    {"name": each["name"], "s3location": {"bucket": each["bucket"], "key": each["key"]}}
                    for each in run.body["outputs"]
                ],
                "executionResult": result_of(run.body),
                "outputVariables": run.body.get("variables", {}),
            },
        }
        for run in shown
    ]
    return {"actionExecutionDetails": [_timed(each) for each in details], **more}


def _timed(detail: dict[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(detail[name]) for name in ("startTime", "lastUpdateTime")}
    return {**detail, **times}


def result_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an action started elsewhere, and how that ended."""
    result: dict[str, Any] = {"externalExecutionId": body.get("external") or None}
    if body.get("summary"):
        result["externalExecutionSummary"] = body["summary"]
    if body.get("code"):
        result["errorDetails"] = {"code": body["code"], "message": body["message"]}
    return result


@PLAYS("StopPipelineExecution", access=on_pipeline)
def stop_pipeline_execution(call: Call) -> dict[str, Any]:
    """What goes on is waited for, or abandoned: what an abandoned action began elsewhere goes on there.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StopPipelineExecution.html
    """
    abandon, reason, now = (
        bool(call.parameters.get("abandon")),
        call.parameters.get("reason", ""),
        call.cloud.clock.now(),
    )
    with call.cloud.store.write() as connection:
        pipeline = required(call, call.parameters["pipelineName"])
        found = _execution(call, pipeline)
        if found.status == STOPPING and not abandon:
            raise AwsError("DuplicatedStopRequestException", f"Pipeline execution '{found.id}' is already stopping")
        if found.status not in (IN_PROGRESS, STOPPING):
            raise AwsError(
                "PipelineExecutionNotStoppableException", f"Pipeline execution '{found.id}' is {found.status}"
            )
        if not abandon:
            set_execution(connection, found.id, now, status=STOPPING, stop_reason=reason)
            return {"pipelineExecutionId": found.id}
        set_execution(connection, found.id, now, status=STOPPED, stop_reason=reason, waits_for="")
        for run in actions_of(connection, found.id):
            if run.status == IN_PROGRESS:
                put_action(connection, run.with_(ABANDONED, updated_at=now.isoformat()))
        connection.execute(
            "UPDATE codepipeline_stages SET status = ? WHERE execution = ? AND status = ?",
            (STOPPED, found.id, IN_PROGRESS),
        )
    return {"pipelineExecutionId": found.id}


@PLAYS("RetryStageExecution", access=on_stage)
def retry_stage_execution(call: Call) -> dict[str, Any]:
    """The actions of the stage that failed are performed again, or all of its actions.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_RetryStageExecution.html
    """
    stage, everything = call.parameters["stageName"], call.parameters["retryMode"] == "ALL_ACTIONS"
    with call.cloud.store.write() as connection:
        pipeline = required(call, call.parameters["pipelineName"])
        found = _execution(call, pipeline)
        if stage not in {each["name"] for each in pipeline.stages}:
            raise AwsError("StageNotFoundException", f"Pipeline '{pipeline.name}' has no stage '{stage}'")
        latest = latest_in_stage(connection, pipeline.arn, stage)
        if latest is None or latest[0] != found.id:
            raise AwsError(
                "NotLatestPipelineExecutionException", f"'{found.id}' is not the latest execution in stage '{stage}'"
            )
        if latest[1] not in (FAILED, STOPPED) or found.status not in (FAILED, STOPPED):
            raise AwsError("StageNotRetryableException", f"Stage '{stage}' has not failed in execution '{found.id}'")
        if found.version != pipeline.version:
            raise AwsError("StageNotRetryableException", "The pipeline was changed since the execution began")
        for run in actions_of(connection, found.id):
            if run.stage == stage and (everything or run.status != SUCCEEDED):
                connection.execute("UPDATE codepipeline_actions SET is_current = 0 WHERE id = ?", (run.id,))
        set_stage(connection, found, stage, IN_PROGRESS)
        set_execution(connection, found.id, call.cloud.clock.now(), status=IN_PROGRESS, stop_reason="")
    running.start(call.cloud, found.id)
    return {"pipelineExecutionId": found.id}
