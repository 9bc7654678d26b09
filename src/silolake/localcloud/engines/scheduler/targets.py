"""What a schedule may invoke, and invoking it as the schedule's role.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.scheduler.records import PRINCIPAL, invalid
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError, NotPlayed

_PIPELINE = re.compile(r"arn:aws:codepipeline:[a-z0-9-]+:\d{12}:(?P<name>[A-Za-z0-9.@\-_]+)")
_PROJECT = re.compile(r"arn:aws:codebuild:[a-z0-9-]+:\d{12}:project/(?P<name>[A-Za-z0-9\-_]+)")
_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"


@dataclass(frozen=True, slots=True)
class _Universal:
    """A call that the ARN of a universal target names.

    Attributes:
        required: the parameter that must be said.
        token: the one by which the call is performed once.
        others: the rest of what may be said.
    """

    service: str
    operation: str
    required: str
    token: str
    others: tuple[str, ...]


_UNIVERSALS = {
    "codebuild:startBuild": _Universal("codebuild", "StartBuild", "ProjectName", "IdempotencyToken", (
        "SourceVersion", "EnvironmentVariablesOverride", "BuildspecOverride", "SourceTypeOverride",
        "SourceLocationOverride", "ArtifactsOverride", "LogsConfigOverride", "TimeoutInMinutesOverride",
        "EncryptionKeyOverride", "ImageOverride", "ComputeTypeOverride",
    )),
    "codepipeline:startPipelineExecution": _Universal(
        "codepipeline", "StartPipelineExecution", "Name", "ClientRequestToken", ("Variables", "SourceRevisions")
    ),
}  # fmt: skip
_PLAYED = ("Arn", "RoleArn", "RetryPolicy", "Input")


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a target is.

    Attributes:
        token: the parameter by which the call is performed once, however often it is sent.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    token: str


def check_target(target: Mapping[str, Any]) -> None:
    """Refuse a target that nobody here can be asked for.

    Raises:
        AwsError: ``ValidationException``.
        NotPlayed: a target that is not played, by its name.
    """
    for member, value in target.items():
        if member not in _PLAYED and value:
            raise NotPlayed(f"scheduler with Target.{member}")
    asked_of(target)
    policy = target.get("RetryPolicy") or {}
    if not 0 <= policy.get("MaximumRetryAttempts", 185) <= 185:
        raise invalid("RetryPolicy.MaximumRetryAttempts must be between 0 and 185")
    if not 60 <= policy.get("MaximumEventAgeInSeconds", 86_400) <= 86_400:
        raise invalid("RetryPolicy.MaximumEventAgeInSeconds must be between 60 and 86400")


def asked_of(target: Mapping[str, Any], context: Mapping[str, str] | None = None) -> Asked:
    """The call that a target is.

    Args:
        context: what stands for ``<aws.scheduler.scheduled-time>`` and its like in the input.

    Raises:
        AwsError: ``ValidationException``; the input is not what the call takes.
        NotPlayed: a target that is not played, by its name.
    """
    arn = target["Arn"]
    if pipeline := _PIPELINE.fullmatch(arn):
        return Asked("codepipeline", "StartPipelineExecution", {"name": pipeline["name"]}, "clientRequestToken")
    if project := _PROJECT.fullmatch(arn):
        return Asked("codebuild", "StartBuild", {"projectName": project["name"]}, "idempotencyToken")
    known = _UNIVERSALS.get(arn.removeprefix(_UNIVERSAL)) if arn.startswith(_UNIVERSAL) else None
    if known is None:
        raise NotPlayed(f"scheduler with the target {arn}")
    text = target.get("Input") or "{}"
    for name, value in (context or {}).items():
        text = text.replace(f"<{name}>", value)
    return Asked(known.service, known.operation, _small(_said(text, known)), _small_name(known.token))


def _said(text: str, known: _Universal) -> Mapping[str, Any]:
    """What an input says, spelled as Scheduler spells parameters: every name begins large."""
    try:
        said = json.loads(text)
    except ValueError as error:
        raise invalid(f"Invalid RequestJson provided. Reason: {error}") from error
    if not isinstance(said, Mapping):
        raise invalid("Invalid RequestJson provided. Reason: it is not an object")
    names = (known.required, known.token, *known.others)
    for name in said:
        if name not in names:
            raise invalid(f"Invalid RequestJson provided. Reason: {name} is none of {', '.join(names)}")
    if not said.get(known.required):
        raise invalid(f"Invalid RequestJson provided. Reason: {known.required} must be said")
    return said


def _small(said: Any) -> Any:
    """Parameters as these two services spell them: every name begins small."""
    match said:
        case Mapping():
            return {_small_name(name): _small(value) for name, value in said.items()}
        case list():
            return [_small(each) for each in said]
        case _:
            return said


def _small_name(name: str) -> str:
    return name[:1].lower() + name[1:]


def invoke(cloud: LocalCloud, schedule: str, target: Mapping[str, Any], context: Mapping[str, str]) -> str:
    """Invoke a target, once for each execution id; what it answered. Writes what the call writes.

    Args:
        schedule: the schedule's ARN.
        context: see ``asked_of``; holds the execution id.

    Raises:
        AwsError: the role cannot be assumed, or may not, or the call failed.
    """
    role = assume_as_service(cloud, PRINCIPAL, target["RoleArn"], context["aws.scheduler.execution-id"], schedule)
    asked = asked_of(target, context)
    parameters = {asked.token: context["aws.scheduler.execution-id"], **asked.parameters}
    answer = cloud.invoke(role, asked.service, asked.operation, parameters, schedule.split(":")[3])
    return str(answer.get("pipelineExecutionId") or answer.get("build", {}).get("arn", ""))


def is_worth_another_try(error: AwsError) -> bool:
    """Whether the same call may succeed later: a limit or a breakdown, and no refusal."""
    if isinstance(error, NotPlayed):
        return False
    return error.status >= 500 or "Throttl" in error.code or "LimitExceeded" in error.code
