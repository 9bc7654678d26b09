"""What a role is granted: inline policies, attached policies, its boundary."""

from __future__ import annotations

from typing import Any

from silolake.iam import PolicyKind
from silolake.limits import MANAGED_POLICIES_PER_ROLE, ROLE_INLINE_POLICIES
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam import documents
from silolake.localcloud.engines.iam.access import on_role
from silolake.localcloud.engines.iam.permissions import document_of
from silolake.localcloud.engines.iam.plays import PLAYS
from silolake.localcloud.engines.iam.role_operations import changeable_role, require_boundary
from silolake.localcloud.engines.iam.roles import require_role
from silolake.localcloud.engines.iam.validation import check_name, paged
from silolake.localcloud.errors import AwsError


@PLAYS("PutRolePolicy", access=on_role)
def put_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"""
    name, document = call.parameters["PolicyName"], call.parameters["PolicyDocument"]
    check_name("policyName", name, 128)
    documents.check(document, PolicyKind.IDENTITY, name)
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        others = connection.execute(
            "SELECT document FROM iam_inline_policies WHERE role = ? AND name <> ?", (role.arn, name)
        )
        if sum(documents.size(other) for (other,) in others) + documents.size(document) > ROLE_INLINE_POLICIES:
            raise AwsError(
                "LimitExceeded",
                f"Maximum policy size of {ROLE_INLINE_POLICIES} bytes exceeded for role {role.name}",
                409,
            )
        connection.execute("INSERT OR REPLACE INTO iam_inline_policies VALUES (?, ?, ?)", (role.arn, name, document))


@PLAYS("GetRolePolicy", access=on_role)
def get_role_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html"""
    name = call.parameters["PolicyName"]
    with call.cloud.store.read() as connection:
        role = require_role(connection, call.account, call.parameters["RoleName"])
        row = connection.execute(
            "SELECT document FROM iam_inline_policies WHERE role = ? AND name = ?", (role.arn, name)
        ).fetchone()
    if row is None:
        raise _no_inline_policy(name)
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": documents.quoted(row["document"])}


@PLAYS("DeleteRolePolicy", access=on_role)
def delete_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html"""
    name = call.parameters["PolicyName"]
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        removed = connection.execute("DELETE FROM iam_inline_policies WHERE role = ? AND name = ?", (role.arn, name))
        if not removed.rowcount:
            raise _no_inline_policy(name)


def _no_inline_policy(name: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)


@PLAYS("ListRolePolicies", access=on_role)
def list_role_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html"""
    with call.cloud.store.read() as connection:
        role = require_role(connection, call.account, call.parameters["RoleName"])
        rows = connection.execute("SELECT name FROM iam_inline_policies WHERE role = ?", (role.arn,)).fetchall()
    return paged("PolicyNames", [name for (name,) in rows], "", call.parameters)


@PLAYS("AttachRolePolicy", access=on_role)
def attach_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html"""
    policy = call.parameters["PolicyArn"]
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        owner = policy.split(":")[4] if policy.count(":") >= 5 else ""
        if owner not in ("aws", call.account) or document_of(connection, policy) is None:
            raise AwsError("NoSuchEntity", f"Policy {policy} does not exist or is not attachable.", 404)
        if "/aws-service-role/" in policy:
            raise AwsError("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
        attached = {
            row["policy"]
            for row in connection.execute("SELECT policy FROM iam_attachments WHERE role = ?", (role.arn,))
        }
        if len(attached | {policy}) > MANAGED_POLICIES_PER_ROLE:
            raise AwsError(
                "LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES_PER_ROLE}", 409
            )
        connection.execute("INSERT OR IGNORE INTO iam_attachments VALUES (?, ?)", (role.arn, policy))


@PLAYS("DetachRolePolicy", access=on_role)
def detach_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html"""
    policy = call.parameters["PolicyArn"]
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        removed = connection.execute("DELETE FROM iam_attachments WHERE role = ? AND policy = ?", (role.arn, policy))
        if not removed.rowcount:
            raise AwsError("NoSuchEntity", f"Policy {policy} was not found.", 404)


@PLAYS("ListAttachedRolePolicies", access=on_role)
def list_attached_role_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html"""
    prefix = call.parameters.get("PathPrefix", "/")
    with call.cloud.store.read() as connection:
        role = require_role(connection, call.account, call.parameters["RoleName"])
        rows = connection.execute("SELECT policy FROM iam_attachments WHERE role = ?", (role.arn,)).fetchall()
    entries = [
        {"PolicyName": arn.rsplit("/", 1)[1], "PolicyArn": arn}
        for (arn,) in rows
        if arn.split(":policy", 1)[1].startswith(prefix)
    ]
    return paged("AttachedPolicies", entries, "PolicyArn", call.parameters)


@PLAYS("PutRolePermissionsBoundary", access=on_role)
def put_role_permissions_boundary(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html"""
    boundary = call.parameters["PermissionsBoundary"]
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        require_boundary(call, boundary)
        connection.execute("UPDATE iam_roles SET boundary = ? WHERE arn = ?", (boundary, role.arn))


@PLAYS("DeleteRolePermissionsBoundary", access=on_role)
def delete_role_permissions_boundary(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePermissionsBoundary.html"""
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        if not role.boundary:
            raise AwsError("NoSuchEntity", f"The role with name {role.name} has no permissions boundary.", 404)
        connection.execute("UPDATE iam_roles SET boundary = '' WHERE arn = ?", (role.arn,))
