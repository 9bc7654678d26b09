"""Projects: made, changed, found, removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.codebuild.access import on_account, on_projects, with_role
from silolake.localcloud.engines.codebuild.plays import PLAYS
from silolake.localcloud.engines.codebuild.projects import project_of
from silolake.localcloud.engines.codebuild.records import (
    PRINCIPAL,
    Project,
    find_project,
    invalid,
    not_found,
    project_arn,
    projects_of,
    put_project,
)
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError

_PAGE = 100
RUNS_HERE = (
    "A build's commands run on this machine as the user who runs the local cloud, in a clean directory of their own "
    "and not in a container: image and computeType are kept and answered, and choose nothing."
)


def _check_role(call: Call, arn: str, body: dict[str, Any]) -> None:
    """CodeBuild takes no role that it cannot assume.

    https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html#troubleshooting-assume-role
    """
    try:
        assume_as_service(call.cloud, PRINCIPAL, body["serviceRole"], "AWSCodeBuild", arn)
    except AwsError as error:
        message = f"CodeBuild is not authorized to perform: sts:AssumeRole on {body['serviceRole']}"
        raise invalid(message) from error


@PLAYS("CreateProject", access=with_role, differs=RUNS_HERE)
def create_project(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html"""
    body, now = project_of(call.parameters, call.operation), call.cloud.clock.now()
    arn = project_arn(call.account, call.region, body["name"])
    _check_role(call, arn, body)
    made = Project(arn, call.account, call.region, body["name"], body, 0, now, now)
    with call.cloud.store.write() as connection:
        if find_project(connection, arn):
            raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {arn}")
        put_project(connection, made)
    return {"project": made.shown()}


@PLAYS("UpdateProject", access=with_role)
def update_project(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_UpdateProject.html"""
    with call.cloud.store.write() as connection:
        present = find_project(connection, project_arn(call.account, call.region, call.parameters["name"]))
        if present is None:
            raise not_found(f"Project cannot be found: {call.parameters['name']}")
        body = project_of({**present.body, **call.parameters}, call.operation)
        _check_role(call, present.arn, body)
        changed = replace(present, body=body, modified_at=call.cloud.clock.now())
        put_project(connection, changed)
    return {"project": changed.shown()}


@PLAYS("DeleteProject", access=on_projects(lambda call: (call.parameters["name"],)))
def delete_project(call: Call) -> None:
    """Its builds stay. https://docs.aws.amazon.com/codebuild/latest/APIReference/API_DeleteProject.html"""
    name = call.parameters["name"]
    arn = name if name.startswith("arn:") else project_arn(call.account, call.region, name)
    with call.cloud.store.write() as connection:
        connection.execute("DELETE FROM codebuild_projects WHERE arn = ?", (arn,))


@PLAYS("BatchGetProjects", access=on_projects(lambda call: call.parameters["names"]))
def batch_get_projects(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetProjects.html"""
    found, missing = [], []
    with call.cloud.store.read() as connection:
        for name in call.parameters["names"]:
            arn = name if name.startswith("arn:") else project_arn(call.account, call.region, name)
            project = find_project(connection, arn)
            if project:
                found.append(project.shown())
            else:
                missing.append(name)
    return {"projects": found, "projectsNotFound": missing}


@PLAYS("ListProjects", access=on_account)
def list_projects(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListProjects.html"""
    with call.cloud.store.read() as connection:
        found = projects_of(connection, call.account, call.region)
    keys: dict[str, Callable[[Project], str]] = {
        "NAME": lambda each: each.name,
        "CREATED_TIME": lambda each: f"{each.created_at.isoformat()} {each.name}",
        "LAST_MODIFIED_TIME": lambda each: f"{each.modified_at.isoformat()} {each.name}",
    }
    key, descending = keys[call.parameters.get("sortBy", "NAME")], call.parameters.get("sortOrder") == "DESCENDING"
    last = call.parameters.get("nextToken", "")
    rest = [each for each in found if not last or (key(each) < last if descending else key(each) > last)]
    shown = sorted(rest, key=key, reverse=descending)[:_PAGE]
    more = {"nextToken": key(shown[-1])} if len(rest) > _PAGE else {}
    return {"projects": [each.name for each in shown], **more}
