"""Pipelines: made, changed, found, removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.codepipeline import running
from silolake.localcloud.engines.codepipeline.access import declaring, on_account, on_named_resource, on_pipeline
from silolake.localcloud.engines.codepipeline.plays import PLAYS
from silolake.localcloud.engines.codepipeline.polling import set_polls
from silolake.localcloud.engines.codepipeline.records import (
    PRINCIPAL,
    Pipeline,
    find_pipeline,
    pipeline_arn,
    pipelines_of,
    put_pipeline,
    set_tags,
)
from silolake.localcloud.engines.codepipeline.starting import keep_new
from silolake.localcloud.engines.codepipeline.structure import checked, invalid_structure
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError
from silolake.localcloud.paging import page

ACTIONS = (
    "Actions played: Source S3, Build and Test CodeBuild, Deploy CloudFormation (CREATE_UPDATE, CHANGE_SET_REPLACE, "
    "CHANGE_SET_EXECUTE, DELETE_ONLY). Other actions, conditions, triggers and other Regions are refused by name."
)


def required(call: Call, name: str, version: int | None = None) -> Pipeline:
    """A pipeline that is there. Reads only.

    Raises:
        AwsError: ``PipelineNotFoundException`` or ``PipelineVersionNotFoundException``.
    """
    arn = pipeline_arn(call.account, call.region, name)
    with call.cloud.store.read() as connection:
        found, known = find_pipeline(connection, arn, version), find_pipeline(connection, arn)
    if known is None:
        message = f"Account '{call.account}' does not have a pipeline with name '{name}'"
        raise AwsError("PipelineNotFoundException", message)
    if found is None:
        raise AwsError("PipelineVersionNotFoundException", f"Pipeline '{name}' has no version {version}")
    return found


def _check_role(call: Call, body: dict[str, Any], arn: str) -> None:
    try:
        assume_as_service(call.cloud, PRINCIPAL, body["roleArn"], "AWSCodePipeline", arn)
    except AwsError as error:
        message = f"CodePipeline is not authorized to perform AssumeRole on role {body['roleArn']}"
        raise invalid_structure(message) from error


@PLAYS("CreatePipeline", access=declaring, differs=ACTIONS)
def create_pipeline(call: Call) -> dict[str, Any]:
    """A new pipeline starts at once.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_CreatePipeline.html
    """
    body, tags, now = (
        checked(call.parameters["pipeline"], call.region, call.operation),
        _tags(call),
        call.cloud.clock.now(),
    )
    arn = pipeline_arn(call.account, call.region, body["name"])
    _check_role(call, body, arn)
    body["version"] = 1
    made = Pipeline(arn, call.account, call.region, body["name"], 1, body, tags, now, now)
    with call.cloud.store.write() as connection:
        if find_pipeline(connection, arn):
            raise AwsError("PipelineNameInUseException", f"A pipeline with the name '{made.name}' already exists")
        put_pipeline(connection, made)
        polls = set_polls(connection, call.cloud, made)
        lacking = [each["name"] for each in body.get("variables") or () if "defaultValue" not in each]
        begun = None if lacking else keep_new(connection, call.cloud, made, ("CreatePipeline", call.caller.arn))
    if begun:
        running.start(call.cloud, begun.id)
    if polls:
        running.yard(call.cloud).ticker.wake()
    return {"pipeline": body, "tags": call.parameters.get("tags") or []}


def _tags(call: Call) -> dict[str, str]:
    return {each["key"]: each["value"] for each in call.parameters.get("tags") or ()}


@PLAYS("UpdatePipeline", access=declaring, differs=ACTIONS)
def update_pipeline(call: Call) -> dict[str, Any]:
    """What goes on ends as it began, at its own version.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_UpdatePipeline.html
    """
    body = checked(call.parameters["pipeline"], call.region, call.operation)
    with call.cloud.store.write() as connection:
        present = required(call, body["name"])
        _check_role(call, body, present.arn)
        body["version"] = present.version + 1
        changed = replace(present, body=body, version=body["version"], updated_at=call.cloud.clock.now())
        put_pipeline(connection, changed)
        polls = set_polls(connection, call.cloud, changed)
    if polls:
        running.yard(call.cloud).ticker.wake()
    return {"pipeline": body}


@PLAYS("GetPipeline", access=on_pipeline)
def get_pipeline(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipeline.html"""
    found = required(call, call.parameters["name"], call.parameters.get("version"))
    metadata = {"pipelineArn": found.arn, "created": found.created_at, "updated": found.updated_at}
    return {"pipeline": found.body, "metadata": metadata}


@PLAYS("DeletePipeline", access=on_pipeline)
def delete_pipeline(call: Call) -> None:
    """What goes on is left where it is; its history goes with it.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_DeletePipeline.html
    """
    arn = pipeline_arn(call.account, call.region, call.parameters["name"])
    with call.cloud.store.write() as connection:
        connection.execute("DELETE FROM codepipeline_pipelines WHERE arn = ?", (arn,))


@PLAYS("ListPipelines", access=on_account)
def list_pipelines(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelines.html"""
    with call.cloud.store.read() as connection:
        found = pipelines_of(connection, call.account, call.region)
    try:
        size = int(call.parameters.get("maxResults") or 1000)
        shown, token = page(found, lambda each: each.name, call.parameters.get("nextToken"), size)
    except ValueError as error:
        raise AwsError("InvalidNextTokenException", str(error)) from error
    summaries = [
        {
            "name": each.name,
            "version": each.version,
            "pipelineType": each.body["pipelineType"],
            "executionMode": each.mode,
            "created": each.created_at,
            "updated": each.updated_at,
        }
        for each in shown
    ]
    return {"pipelines": summaries, "nextToken": token}


def _tagged(call: Call) -> Pipeline:
    arn = call.parameters["resourceArn"]
    with call.cloud.store.read() as connection:
        found = find_pipeline(connection, arn)
    if found is None or found.account != call.account:
        raise AwsError("ResourceNotFoundException", f"There is no resource {arn}")
    return found


@PLAYS("ListTagsForResource", access=on_named_resource)
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListTagsForResource.html"""
    return {"tags": [{"key": key, "value": value} for key, value in _tagged(call).tags.items()]}


@PLAYS("TagResource", access=on_named_resource)
def tag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_TagResource.html"""
    with call.cloud.store.write() as connection:
        found = _tagged(call)
        set_tags(connection, found.arn, {**found.tags, **_tags(call)})
    return {}


@PLAYS("UntagResource", access=on_named_resource)
def untag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_UntagResource.html"""
    with call.cloud.store.write() as connection:
        found, gone = _tagged(call), call.parameters["tagKeys"]
        set_tags(connection, found.arn, {key: value for key, value in found.tags.items() if key not in gone})
    return {}
