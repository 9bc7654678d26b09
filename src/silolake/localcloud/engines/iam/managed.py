"""Managed policies as they lie in the store, AWS's own among them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.aws_managed import AWS_MANAGED, AwsManaged
from silolake.localcloud.engines.iam.tags import as_list, tags_of
from silolake.localcloud.errors import AwsError

_AWS_MADE_AT = datetime(2015, 2, 6, 18, 39, 46, tzinfo=UTC)
"""When AWS made AdministratorAccess; answered for every policy of its own."""


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A managed policy.

    Attributes:
        default_version: the version that is in force, ``v1``.
        description: ``None`` where none was given.
        tags: its tags.
    """

    arn: str
    name: str
    path: str
    id: str
    description: str | None
    default_version: str
    created_at: datetime
    updated_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


def find_policy(connection: sqlite3.Connection, arn: str) -> ManagedPolicy:
    """A managed policy by its ARN. Reads only.

    Raises:
        AwsError: ``NoSuchEntity``.
    """
    if known := AWS_MANAGED.get(arn):
        return _aws_own(known)
    row = connection.execute("SELECT * FROM iam_policies WHERE arn = ?", (arn,)).fetchone()
    if row is None:
        raise AwsError("NoSuchEntity", f"Policy {arn} was not found.", 404)
    return _own(connection, row)


def require_own_policy(connection: sqlite3.Connection, call: Call) -> ManagedPolicy:
    """The policy that a call names, to be changed: one of the caller's account. Reads only.

    Raises:
        AwsError: ``NoSuchEntity``, or ``AccessDenied`` for a policy of AWS's own.
    """
    arn = call.parameters["PolicyArn"]
    if arn in AWS_MANAGED:
        raise AwsError("AccessDenied", f"Policy {arn} is managed by AWS and cannot be changed.", 403)
    policy = find_policy(connection, arn)
    if arn.split(":")[4] != call.account:
        raise AwsError("NoSuchEntity", f"Policy {arn} was not found.", 404)
    return policy


def known_policies(connection: sqlite3.Connection, account: str, scope: str) -> list[ManagedPolicy]:
    """The policies an account can attach. Reads only.

    Args:
        scope: ``All``, ``AWS`` or ``Local``.
    """
    aws = [_aws_own(each) for each in AWS_MANAGED.values()] if scope != "Local" else []
    rows = connection.execute("SELECT * FROM iam_policies WHERE account = ?", (account,)).fetchall()
    return [*aws, *(_own(connection, row) for row in rows)] if scope != "AWS" else aws


def versions_of(connection: sqlite3.Connection, arn: str) -> list[tuple[dict[str, Any], str]]:
    """A policy's versions as IAM answers them, each with its document, newest first. Reads only."""
    if known := AWS_MANAGED.get(arn):
        version = {"VersionId": known.version, "IsDefaultVersion": True, "CreateDate": _AWS_MADE_AT}
        return [(version, known.document)]
    rows = connection.execute(
        "SELECT v.version, v.document, v.created_at, v.version = p.default_version AS is_default"
        " FROM iam_policy_versions v JOIN iam_policies p ON p.arn = v.policy WHERE p.arn = ?"
        " ORDER BY CAST(substr(v.version, 2) AS INTEGER) DESC",
        (arn,),
    )
    return [
        (
            {
                "VersionId": row["version"],
                "IsDefaultVersion": bool(row["is_default"]),
                "CreateDate": datetime.fromisoformat(row["created_at"]),
            },
            row["document"],
        )
        for row in rows
    ]


def shown_policy(connection: sqlite3.Connection, policy: ManagedPolicy, account: str) -> dict[str, Any]:
    """A managed policy as ``GetPolicy`` answers it to an account, whose own roles alone are counted. Reads only."""
    (attached,) = connection.execute(
        "SELECT count(*) FROM iam_attachments a JOIN iam_roles r ON r.arn = a.role"
        " WHERE a.policy = ? AND r.account = ?",
        (policy.arn, account),
    ).fetchone()
    (bounding,) = connection.execute(
        "SELECT count(*) FROM iam_roles WHERE boundary = ? AND account = ?", (policy.arn, account)
    ).fetchone()
    answer: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounding,
        "IsAttachable": "/aws-service-role/" not in policy.arn,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }
    if policy.description is not None:
        answer["Description"] = policy.description
    if policy.tags:
        answer["Tags"] = as_list(policy.tags)
    return answer


def _own(connection: sqlite3.Connection, row: sqlite3.Row) -> ManagedPolicy:
    return ManagedPolicy(
        arn=row["arn"],
        name=row["name"],
        path=row["path"],
        id=row["id"],
        description=row["description"],
        default_version=row["default_version"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        tags=tags_of(connection, row["arn"]),
    )


def _aws_own(policy: AwsManaged) -> ManagedPolicy:
    return ManagedPolicy(
        policy.arn, policy.name, policy.path, policy.id, policy.description, policy.version, _AWS_MADE_AT, _AWS_MADE_AT
    )
