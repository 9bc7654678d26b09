"""What a project may be: what is played is kept, what is not is refused by name.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from silolake.localcloud.engines.codebuild.records import invalid
from silolake.localcloud.errors import NotPlayed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SOURCES, _ARTIFACTS = ("NO_SOURCE", "S3", "CODEPIPELINE"), ("NO_ARTIFACTS", "S3", "CODEPIPELINE")
_CONTAINERS = ("LINUX_CONTAINER", "ARM_CONTAINER")
_PLAIN = ("name", "description", "sourceVersion", "serviceRole", "encryptionKey", "tags", "concurrentBuildLimit")
_SOURCE_MEMBERS = ("type", "location", "buildspec", "sourceIdentifier")
_ARTIFACT_MEMBERS = (
    "type", "location", "path", "namespaceType", "name", "packaging", "encryptionDisabled", "artifactIdentifier",
)  # fmt: skip
_ENVIRONMENT_MEMBERS = ("type", "image", "computeType", "environmentVariables", "imagePullCredentialsType")
_SHORTEST_MIN, _LONGEST_MIN, _LONGEST_QUEUED_MIN = 5, 2_160, 480


def project_of(asked: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """A project as it is kept, from what ``CreateProject`` or ``UpdateProject`` asks in the end.

    Raises:
        AwsError: ``InvalidInputException``.
        NotPlayed: a way of building that is not played.
    """
    if not _NAME.fullmatch(asked["name"]):
        raise invalid(f"Project name does not match pattern: {_NAME.pattern}")
    refuse_beside(asked, (*_PLAIN, "source", "artifacts", "environment", "cache", "logsConfig", "timeoutInMinutes",
                          "queuedTimeoutInMinutes"), operation)  # fmt: skip
    if (asked.get("cache") or {}).get("type", "NO_CACHE") != "NO_CACHE":
        raise NotPlayed(f"codebuild:{operation} with cache {asked['cache']['type']}")
    source, artifacts = checked_source(asked["source"], operation), checked_artifacts(asked["artifacts"], operation)
    check_pair(source, artifacts)
    return {
        **{member: asked[member] for member in _PLAIN if asked.get(member)},
        "source": source,
        "artifacts": artifacts,
        "environment": _environment(asked["environment"], operation),
        "cache": {"type": "NO_CACHE"},
        "logsConfig": checked_logs(asked.get("logsConfig") or {}, operation),
        "timeoutInMinutes": minutes(asked.get("timeoutInMinutes") or 60, _LONGEST_MIN),
        "queuedTimeoutInMinutes": minutes(asked.get("queuedTimeoutInMinutes") or 480, _LONGEST_QUEUED_MIN),
    }


def refuse_beside(given: Mapping[str, Any], played: Collection[str], what: str) -> None:
    """Refuse the members that are not played and say something.

    Raises:
        NotPlayed: the first of them, by name.
    """
    for member, value in given.items():
        if member not in played and value:
            raise NotPlayed(f"codebuild:{what} with {member}")


def checked_source(source: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """Where the source comes from.

    Raises:
        AwsError: ``InvalidInputException``; it names nothing.
        NotPlayed: a kind that is not played.
    """
    kind, location, spec = source["type"], source.get("location", ""), source.get("buildspec", "")
    if kind not in _SOURCES:
        raise NotPlayed(f"codebuild:{operation} with source type {kind}")
    refuse_beside(source, _SOURCE_MEMBERS, f"{operation} with a source")
    if spec.startswith("arn:"):
        raise NotPlayed(f"codebuild:{operation} with a buildspec in S3")
    if kind == "NO_SOURCE" and not is_inline(spec):
        raise invalid("Invalid project source: with NO_SOURCE the buildspec must be given inline")
    if kind == "S3" and not all(location.partition("/")[::2]):
        raise invalid("Invalid project source: location must be a valid S3 source, bucket/path/object.zip")
    if kind == "S3" and location.endswith("/"):
        raise NotPlayed(f"codebuild:{operation} with a folder of S3 as source")
    if kind != "S3" and location:
        raise invalid(f"Invalid project source: location must be empty for {kind}")
    return {member: source[member] for member in _SOURCE_MEMBERS if source.get(member)}


def is_inline(buildspec: str) -> bool:
    """Whether it is a buildspec itself, not the name of a file that holds one."""
    return "\n" in buildspec.strip() or buildspec.lstrip().startswith("{")


def checked_artifacts(artifacts: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """Where what is built goes.

    Raises:
        AwsError: ``InvalidInputException``; it names nothing.
        NotPlayed: a kind that is not played.
    """
    if artifacts["type"] not in _ARTIFACTS:
        raise invalid(f"Invalid artifacts type: {artifacts['type']}")
    refuse_beside(artifacts, _ARTIFACT_MEMBERS, f"{operation} with artifacts")
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise invalid("Invalid artifacts: location must be the name of a bucket")
    return {member: artifacts[member] for member in _ARTIFACT_MEMBERS if artifacts.get(member)}


def check_pair(source: Mapping[str, Any], artifacts: Mapping[str, Any]) -> None:
    """A pipeline's project takes its source from the pipeline and gives what it makes to it.

    Raises:
        AwsError: ``InvalidInputException``.
    """
    if (source["type"] == "CODEPIPELINE") != (artifacts["type"] == "CODEPIPELINE"):
        raise invalid("Invalid artifacts: CODEPIPELINE artifacts go with a CODEPIPELINE source, and with no other")


def _environment(given: Mapping[str, Any], operation: str) -> dict[str, Any]:
    if given["type"] not in _CONTAINERS:
        raise NotPlayed(f"codebuild:{operation} with environment type {given['type']}")
    refuse_beside(given, _ENVIRONMENT_MEMBERS, f"{operation} with an environment")
    found = {member: given[member] for member in _ENVIRONMENT_MEMBERS if given.get(member)}
    return {**found, "environmentVariables": variables(given.get("environmentVariables") or (), operation)}


def variables(given: Collection[Mapping[str, Any]], operation: str) -> list[dict[str, str]]:
    """Environment variables.

    Raises:
        AwsError: ``InvalidInputException``; a name that a shell cannot have, or the same twice.
        NotPlayed: a value that is looked up elsewhere.
    """
    found: dict[str, dict[str, str]] = {}
    for each in given:
        name, kind = each["name"], each.get("type", "PLAINTEXT")
        if kind != "PLAINTEXT":
            raise NotPlayed(f"codebuild:{operation} with an environment variable of type {kind}")
        if not _VARIABLE.fullmatch(name):
            raise invalid(f"Invalid environment variable name: {name}")
        if name in found:
            raise invalid(f"Duplicate environment variable name: {name}")
        found[name] = {"name": name, "value": each["value"], "type": kind}
    return list(found.values())


def checked_logs(given: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """Where the log goes beside the local cloud's own files.

    Raises:
        AwsError: ``InvalidInputException``; S3 logs without a place.
        NotPlayed: members that are not played.
    """
    refuse_beside(given, ("cloudWatchLogs", "s3Logs"), operation)
    s3 = given.get("s3Logs") or {"status": "DISABLED"}
    refuse_beside(s3, ("status", "location", "encryptionDisabled"), f"{operation} with s3Logs")
    if s3["status"] == "ENABLED" and not s3.get("location"):
        raise invalid("Invalid logs config: S3 logs need a location, bucket/prefix")
    return {"cloudWatchLogs": given.get("cloudWatchLogs") or {"status": "ENABLED"}, "s3Logs": s3}


def minutes(value: int, longest: int) -> int:
    """A time-out.

    Raises:
        AwsError: ``InvalidInputException``; outside what AWS allows.
    """
    if not _SHORTEST_MIN <= value <= longest:
        raise invalid(f"Invalid timeout: the value must be between {_SHORTEST_MIN} and {longest} minutes")
    return value
