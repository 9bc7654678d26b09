"""What IAM must allow.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.codebuild.records import PRINCIPAL, find_project, project_arn
from silolake.localcloud.engines.iam.passing import pass_role_access
from silolake.localcloud.engines.iam.tags import tag_context


def on_account(call: Call) -> tuple[Access, ...]:
    """Operations that name no project."""
    return (Access(f"codebuild:{call.operation}", "*", call.account),)


def on_projects(names: Callable[[Call], Iterable[str]]) -> Callable[[Call], tuple[Access, ...]]:
    """Operations on projects; those on builds are allowed on their projects."""

    def access(call: Call) -> tuple[Access, ...]:
        return tuple(_on_project(call, name) for name in dict.fromkeys(names(call)))

    return access


def _on_project(call: Call, name: str) -> Access:
    arn = name if name.startswith("arn:") else project_arn(call.account, call.region, name)
    with call.cloud.store.read() as connection:
        project = find_project(connection, arn)
    owner = arn.split(":")[4] if arn.count(":") >= 5 else call.account
    tags = [{"Key": each["key"], "Value": each["value"]} for each in call.parameters.get("tags") or ()]
    return Access(f"codebuild:{call.operation}", arn, owner, tag_context(tags), tags=project.tags if project else {})


def with_role(call: Call) -> tuple[Access, ...]:
    """Operations that may hand a role to a project."""
    found = [_on_project(call, call.parameters["name"])]
    if role := call.parameters.get("serviceRole"):
        found.append(pass_role_access(call, role, PRINCIPAL))
    return tuple(found)


def project_of_build(name: str) -> str:
    """The project's name in a build's id or ARN.

    >>> project_of_build("arn:aws:codebuild:us-east-1:111111111111:build/ship:2f")
    'ship'
    """
    return name.rpartition("build/")[2].partition(":")[0]
