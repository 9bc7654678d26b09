"""Builds: started, stopped, found."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.codebuild import running
from silolake.localcloud.engines.codebuild.access import on_account, on_projects, project_of_build
from silolake.localcloud.engines.codebuild.place import place_of
from silolake.localcloud.engines.codebuild.plays import PLAYS
from silolake.localcloud.engines.codebuild.project_operations import RUNS_HERE
from silolake.localcloud.engines.codebuild.projects import (
    check_pair,
    checked_artifacts,
    checked_logs,
    checked_source,
    minutes,
    refuse_beside,
    variables,
)
from silolake.localcloud.engines.codebuild.records import (
    IN_PROGRESS,
    Build,
    Handed,
    Project,
    build_arn,
    builds_where,
    find_build,
    find_project,
    insert_build,
    invalid,
    not_found,
    project_arn,
)
from silolake.localcloud.errors import AwsError

_PLAYED = (
    "projectName", "sourceVersion", "environmentVariablesOverride", "buildspecOverride", "sourceTypeOverride",
    "sourceLocationOverride", "artifactsOverride", "logsConfigOverride", "timeoutInMinutesOverride",
    "encryptionKeyOverride", "imageOverride", "computeTypeOverride", "idempotencyToken",
)  # fmt: skip
_LONGEST_MIN, _PAGE = 2_160, 100
WHERE_LOGS_ARE = (
    "CloudWatch Logs is not played: logs.deepLink is the log's file in the local cloud's data directory, and the "
    "owner's door answers it too."
)
on_named_project = on_projects(lambda call: (call.parameters["projectName"],))


@PLAYS(
    "StartBuild",
    access=on_named_project,
    differs=f"{RUNS_HERE} {WHERE_LOGS_ARE} A phase that fails under on-failure CONTINUE still fails the build. "
    "runtime-versions chooses nothing: a build finds the Python that the local cloud runs. A time-out follows the "
    "local cloud's clock. A process that leaves its process group is not ended with its build.",
)
def start_build(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html"""
    return {"build": begin(call, Handed()).shown()}


def begin(call: Call, handed: Handed) -> Build:
    """Keep a new build and let it go on; the one that was begun before under the same token. Writes.

    Args:
        call: ``StartBuild``, authorized.
        handed: what a pipeline hands it.

    Raises:
        AwsError: there is no such project, or it cannot be built so.
        NotPlayed: a way of starting that is not played.
    """
    asked = call.parameters
    refuse_beside(asked, _PLAYED, call.operation)
    name = asked["projectName"]
    arn = name if name.startswith("arn:") else project_arn(call.account, call.region, name)
    token, digest = asked.get("idempotencyToken", ""), _digest(asked)
    with call.cloud.store.write() as connection:
        project = find_project(connection, arn)
        if project is None:
            raise not_found(f"Project cannot be found: {arn}")
        own = (project.account, project.region, project.name)
        for known in builds_where(connection, "account = ? AND region = ? AND project = ? AND token = ?", *own, token):
            if token and known.asked != digest:
                raise invalid("The idempotency token was used before with other parameters")
            if token:
                return known
        _check_room(project, len(builds_where(connection, "account = ? AND region = ? AND project = ? AND status = ?",
                                              *own, IN_PROGRESS)))  # fmt: skip
        body = _body(call, project, handed)
        build = Build(build_arn(*own[:2], body["id"]), *own, IN_PROGRESS, body, handed, token, digest)
        body["arn"], body["logs"]["deepLink"] = build.arn, place_of(call.cloud, build).log.as_uri()
        insert_build(connection, build)
        connection.execute("UPDATE codebuild_projects SET builds = builds + 1 WHERE arn = ?", (project.arn,))
    running.start(call.cloud, build)
    return build


def _digest(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _check_room(project: Project, going_on: int) -> None:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html, concurrentBuildLimit"""
    limit = project.body.get("concurrentBuildLimit")
    if limit and going_on >= limit:
        raise AwsError("AccountLimitExceededException", f"Project {project.name} has {going_on} builds already.")


def _body(call: Call, project: Project, handed: Handed) -> dict[str, Any]:
    """A new build as it is told, from the project and what the request says otherwise."""
    asked, shown = call.parameters, project.shown()
    source, artifacts = _source(call, shown), _artifacts(call, shown)
    check_pair(source, artifacts)
    if source["type"] == "CODEPIPELINE" and not handed.initiator:
        raise invalid("a project whose source is CODEPIPELINE is built by its pipeline alone")
    identity = str(uuid.uuid4())
    environment = dict(shown["environment"])
    own = {each["name"]: each for each in environment["environmentVariables"]}
    given = {each["name"]: each for each in variables(asked.get("environmentVariablesOverride") or (), call.operation)}
    environment["environmentVariables"] = list({**own, **given}.values())
    for member, override in {"image": "imageOverride", "computeType": "computeTypeOverride"}.items():
        environment[member] = asked.get(override) or environment[member]
    logs = checked_logs(asked.get("logsConfigOverride") or shown["logsConfig"], call.operation)
    version = asked.get("sourceVersion") or shown.get("sourceVersion", "")
    return {
        "id": f"{project.name}:{identity}",
        "buildNumber": project.builds + 1,
        "startTime": call.cloud.clock.now().isoformat(),
        "currentPhase": "SUBMITTED",
        "projectName": project.name,
        "phases": [],
        "source": source,
        **({"sourceVersion": version} if version else {}),
        "artifacts": artifacts,
        "cache": shown["cache"],
        "environment": environment,
        "serviceRole": shown["serviceRole"],
        "logs": {**logs, "groupName": f"/aws/codebuild/{project.name}", "streamName": identity},
        "timeoutInMinutes": minutes(asked.get("timeoutInMinutesOverride") or shown["timeoutInMinutes"], _LONGEST_MIN),
        "queuedTimeoutInMinutes": shown["queuedTimeoutInMinutes"],
        "initiator": handed.initiator or call.caller.arn.rpartition(":")[2].removeprefix("assumed-role/"),
        "encryptionKey": asked.get("encryptionKeyOverride") or shown["encryptionKey"],
        "exportedEnvironmentVariables": [],
    }


def _source(call: Call, shown: Mapping[str, Any]) -> dict[str, Any]:
    asked, source = call.parameters, dict(shown["source"])
    if kind := asked.get("sourceTypeOverride"):
        source = {"type": kind, "buildspec": source.get("buildspec", "")}
    for member, override in {"location": "sourceLocationOverride", "buildspec": "buildspecOverride"}.items():
        source[member] = asked.get(override) or source.get(member, "")
    return checked_source(source, call.operation)


def _artifacts(call: Call, shown: Mapping[str, Any]) -> dict[str, Any]:
    return checked_artifacts(call.parameters.get("artifactsOverride") or shown["artifacts"], call.operation)


@PLAYS("StopBuild", access=on_projects(lambda call: (project_of_build(_arn(call, call.parameters["id"])),)))
def stop_build(call: Call) -> dict[str, Any]:
    """Its processes are gone when this is answered.

    https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StopBuild.html
    """
    arn = _arn(call, call.parameters["id"])
    _require(call, arn)
    running.stop(call.cloud, arn, f"The build was stopped by {call.caller.arn}")
    return {"build": _require(call, arn).shown()}


def _arn(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else build_arn(call.account, call.region, name)


def _require(call: Call, arn: str) -> Build:
    with call.cloud.store.read() as connection:
        build = find_build(connection, arn)
    if build is None:
        raise not_found(f"Build cannot be found: {arn}")
    return build


@PLAYS(
    "BatchGetBuilds",
    access=on_projects(lambda call: (project_of_build(_arn(call, each)) for each in call.parameters["ids"])),
    differs=WHERE_LOGS_ARE,
)
def batch_get_builds(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetBuilds.html"""
    with call.cloud.store.read() as connection:
        found = {each: find_build(connection, _arn(call, each)) for each in call.parameters["ids"]}
    shown = [build.shown() for build in found.values() if build]
    return {"builds": shown, "buildsNotFound": [name for name, build in found.items() if build is None]}


@PLAYS("ListBuilds", access=on_account)
def list_builds(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuilds.html"""
    with call.cloud.store.read() as connection:
        found = builds_where(connection, "account = ? AND region = ?", call.account, call.region)
    return _listed(call, found)


@PLAYS("ListBuildsForProject", access=on_named_project)
def list_builds_for_project(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildsForProject.html"""
    name = call.parameters["projectName"].rpartition("project/")[2]
    with call.cloud.store.read() as connection:
        known = find_project(connection, project_arn(call.account, call.region, name))
        found = builds_where(connection, "account = ? AND region = ? AND project = ?", call.account, call.region, name)
    if known is None and not found:
        raise not_found(f"Project cannot be found: {name}")
    return _listed(call, found)


def _listed(call: Call, builds: list[Build]) -> dict[str, Any]:
    """A page, newest first unless it is asked otherwise; the token is the sequence of the last build shown."""
    given, descending = call.parameters.get("nextToken", ""), call.parameters.get("sortOrder") != "ASCENDING"
    if given and not given.isdecimal():
        raise invalid(f"{given!r} is no token of a page")
    if descending:
        builds = [each for each in reversed(builds) if not given or each.sequence < int(given)]
    else:
        builds = [each for each in builds if not given or each.sequence > int(given)]
    shown = builds[:_PAGE]
    more = {"nextToken": str(shown[-1].sequence)} if len(builds) > _PAGE else {}
    return {"ids": [each.body["id"] for each in shown], **more}
