"""Build projects.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_CodeBuild.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import Act, ResourceType, answering_id
from silolake.localcloud.engines.cloudformation.types.shapes import TAGS

_SOURCE = {"Type!": str, "Location": str, "BuildSpec": str, "SourceIdentifier": str}
_ARTIFACTS = {
    "Type!": str,
    "Location": str,
    "Path": str,
    "NamespaceType": str,
    "Name": str,
    "Packaging": str,
    "EncryptionDisabled": bool,
    "ArtifactIdentifier": str,
}
_ENVIRONMENT = {
    "Type!": str,
    "Image!": str,
    "ComputeType!": str,
    "EnvironmentVariables": [{"Name!": str, "Value!": str, "Type": str}],
    "ImagePullCredentialsType": str,
    "PrivilegedMode": bool,
}
_LOGS = {
    "CloudWatchLogs": {"Status!": str, "GroupName": str, "StreamName": str},
    "S3Logs": {"Status!": str, "Location": str, "EncryptionDisabled": bool},
}
# What an update does not mention stays as it was, so what is gone from the template is said to be as at first.
_AT_FIRST = {
    "description": "",
    "sourceVersion": "",
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
    "encryptionKey": "",
    "logsConfig": {},
    "concurrentBuildLimit": 0,
    "tags": [],
}


def camel(value: Any) -> Any:
    """Properties as the API spells them: ``BuildSpec`` is ``buildspec``, the rest begins small."""
    match value:
        case Mapping():
            return {_spelled(key): camel(each) for key, each in value.items()}
        case list():
            return [camel(each) for each in value]
        case _:
            return value


def _spelled(name: str) -> str:
    return "buildspec" if name == "BuildSpec" else name[0].lower() + name[1:]


def _project(act: Act) -> dict[str, Any]:
    return {**camel(act.wanted), "name": act.physical_id}


def _update(act: Act) -> None:
    act.ask("codebuild:UpdateProject", {**_AT_FIRST, **_project(act)})


def _find(act: Act) -> str:
    found = act.ask("codebuild:BatchGetProjects", {"names": [act.physical_id]})["projects"]
    return act.physical_id if found else ""


def _delete(act: Act) -> None:
    act.ask("codebuild:DeleteProject", {"name": act.physical_id})


def _attributes(act: Act) -> dict[str, Any]:
    return {"Arn": f"arn:aws:codebuild:{act.region}:{act.account}:project/{act.physical_id}", "Id": act.physical_id}


PROJECT = ResourceType(
    name="AWS::CodeBuild::Project",
    shape={
        "Name": str,
        "Description": str,
        "Source!": _SOURCE,
        "SourceVersion": str,
        "Artifacts!": _ARTIFACTS,
        "Environment!": _ENVIRONMENT,
        "ServiceRole!": str,
        "TimeoutInMinutes": int,
        "QueuedTimeoutInMinutes": int,
        "EncryptionKey": str,
        "LogsConfig": _LOGS,
        "ConcurrentBuildLimit": int,
        "Cache": {"Type!": str},
        "Tags": TAGS,
    },
    identify=lambda act: act.name("Name", 150),
    create=answering_id(lambda act: act.ask("codebuild:CreateProject", _project(act))),
    update=_update,
    find=_find,
    delete=_delete,
    attributes=_attributes,
    attribute_names=("Arn", "Id"),
    replaced_by=("Name",),
    has_tags=True,
)
