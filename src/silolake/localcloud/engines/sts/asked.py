"""What ``AssumeRole`` is asked, read once for both the decision and the session."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from silolake import limits
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.tags import as_mapping
from silolake.localcloud.errors import AwsError

_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG = re.compile(r"[\w .:/=+\-@]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """A session that is asked for.

    Attributes:
        tags: new session tags.
        inherited: the caller's own transitive tags, which stay.
        transitive: the keys of all tags that the next session will inherit in its turn.
        source_identity: the new one, or the caller's own, which stays; empty if there is none.
    """

    role_arn: str
    session_name: str
    external_id: str
    tags: Mapping[str, str]
    inherited: Mapping[str, str]
    transitive: tuple[str, ...]
    source_identity: str


def read_asked(connection: sqlite3.Connection, call: Call) -> Asked:
    """What a call of ``AssumeRole`` asks. Reads only.

    Raises:
        AwsError: the parameters, or the caller, do not allow it.
    """
    given = call.parameters
    name, tags = given["RoleSessionName"], as_mapping(given.get("Tags", ()))
    _check_name("roleSessionName", name)
    _check_tags(given.get("Tags", ()), tags)
    if call.caller.principal.kind == "root":
        raise AwsError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    rows = connection.execute("SELECT key FROM sts_transitive_tags WHERE access_key = ?", (call.caller.access_key,))
    own = call.caller.principal.tags
    inherited = {key: own[key] for (key,) in rows.fetchall() if key in own}
    transitive = tuple(given.get("TransitiveTagKeys", ()))
    if unknown := [key for key in transitive if key not in tags]:
        raise AwsError("ValidationError", f"The transitive tag key {unknown[0]} is not among the session's tags.")
    if {key.lower() for key in tags} & {key.lower() for key in inherited}:
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.",
        )
    return Asked(
        role_arn=given["RoleArn"],
        session_name=name,
        external_id=given.get("ExternalId", ""),
        tags=tags,
        inherited=inherited,
        transitive=(*inherited, *transitive),
        source_identity=_source_identity(call),
    )


def _source_identity(call: Call) -> str:
    """Once set it stays through a chain of roles and cannot be changed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    """
    wanted, had = call.parameters.get("SourceIdentity", ""), call.caller.principal.source_identity
    if wanted:
        _check_name("sourceIdentity", wanted)
        if wanted.lower().startswith("aws:"):
            raise AwsError("ValidationError", "A source identity must not begin with aws:.")
    if wanted and had and wanted != had:
        raise AwsError("AccessDenied", "The source identity of a session cannot be changed.", 403)
    return wanted or had


def _check_name(parameter: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at '{parameter}' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]* and have 2 to 64 characters",
        )


def _check_tags(given: object, tags: Mapping[str, str]) -> None:
    if isinstance(given, (list, tuple)) and len({key.lower() for key in tags}) < len(given):
        raise AwsError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if len(tags) > limits.SESSION_TAGS:
        raise AwsError("ValidationError", f"A session has at most {limits.SESSION_TAGS} tags.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or not _TAG.fullmatch(key) or not _TAG.fullmatch(value):
            raise AwsError("ValidationError", f"The session tag {key!r} is not valid.")
        if key.lower().startswith("aws:"):
            raise AwsError("ValidationError", "A session tag's key must not begin with aws:.")
