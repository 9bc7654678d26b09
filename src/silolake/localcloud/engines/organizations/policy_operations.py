"""Service control and resource control policies."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake.iam import PolicyKind, PolicyMalformed, compile_policy
from silolake.localcloud.call import Call
from silolake.localcloud.engines.organizations.access import Reach, access, put_tags
from silolake.localcloud.engines.organizations.nodes import Organization, organization_of, random_text
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.policy_types import (
    CHARACTERS,
    DEFAULTS,
    PER_ORGANIZATION,
    RESOURCE_CONTROL,
    SERVICE_CONTROL,
)
from silolake.localcloud.errors import AwsError, NotPlayed

_KINDS = {SERVICE_CONTROL: PolicyKind.SCP, RESOURCE_CONTROL: PolicyKind.RCP}
_AWS_IDS = frozenset(each.id for each in DEFAULTS.values())


def require_played_type(call: Call, kind: str) -> None:
    """Refuse, by name, a policy type that is not played.

    Raises:
        NotPlayed: such as ``TAG_POLICY``.
    """
    if kind not in DEFAULTS:
        raise NotPlayed(f"organizations:{call.operation} with {kind}")


def require_policy(connection: sqlite3.Connection, organization: Organization, policy: str) -> sqlite3.Row:
    """A policy by its id. Reads only.

    Raises:
        AwsError: ``PolicyNotFoundException``.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM org_policies WHERE id = ? AND organization = ?", (policy, organization.id)
    ).fetchone()
    if row is None:
        raise AwsError("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
    return row


def policy_summary(organization: Organization, row: sqlite3.Row) -> dict[str, Any]:
    """A policy without its content, as the list operations answer it."""
    return {
        "Id": row["id"],
        "Arn": organization.policy_arn(row["type"], row["id"]),
        "Name": row["name"],
        "Description": row["description"],
        "Type": row["type"],
        "AwsManaged": row["id"] in _AWS_IDS,
    }


def _shown(connection: sqlite3.Connection, organization: Organization, policy: str) -> dict[str, Any]:
    row = require_policy(connection, organization, policy)
    return {"Policy": {"PolicySummary": policy_summary(organization, row), "Content": row["content"]}}


def _check_content(kind: str, name: str, content: str) -> None:
    longest = CHARACTERS[kind]
    if len(content) > longest:
        raise AwsError(
            "ConstraintViolationException",
            f"The policy has {len(content)} characters, and the limit is {longest}.",
            Reason="POLICY_CONTENT_LIMIT_EXCEEDED",
        )
    try:
        compile_policy(content, _KINDS[kind], name)
    except PolicyMalformed as error:
        raise AwsError("MalformedPolicyDocumentException", str(error)) from error


def _check_name(connection: sqlite3.Connection, organization: Organization, row: tuple[str, str, str]) -> None:
    """Refuse a name that another policy of the type has."""
    kind, name, own_id = row
    if connection.execute(
        "SELECT 1 FROM org_policies WHERE organization = ? AND type = ? AND name = ? AND id <> ?",
        (organization.id, kind, name, own_id),
    ).fetchone():
        raise AwsError("DuplicatePolicyException", "A policy with the same name already exists.")


@PLAYS("CreatePolicy", access=access(Reach.DELEGABLE))
def create_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html"""
    asked, kind, name = call.parameters, call.parameters["Type"], call.parameters["Name"]
    require_played_type(call, kind)
    _check_content(kind, name, asked["Content"])
    policy = f"p-{random_text(8)}"
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        _check_name(connection, organization, (kind, name, policy))
        (known,) = connection.execute(
            "SELECT count(*) FROM org_policies WHERE organization = ? AND type = ?", (organization.id, kind)
        ).fetchone()
        if known >= PER_ORGANIZATION[kind]:
            raise AwsError(
                "ConstraintViolationException",
                "You have exceeded the number of policies that you can have in an organization.",
                Reason="POLICY_NUMBER_LIMIT_EXCEEDED",
            )
        connection.execute(
            "INSERT INTO org_policies VALUES (?, ?, ?, ?, ?, ?)",
            (policy, organization.id, kind, name, asked.get("Description", ""), asked["Content"]),
        )
        put_tags(connection, organization, policy, asked.get("Tags"))
        return _shown(connection, organization, policy)


@PLAYS("UpdatePolicy", access=access(Reach.DELEGABLE, "PolicyId"))
def update_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html"""
    asked = call.parameters
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        row = _require_own(connection, organization, asked["PolicyId"])
        name, content = asked.get("Name", row["name"]), asked.get("Content", row["content"])
        _check_content(row["type"], name, content)
        _check_name(connection, organization, (row["type"], name, row["id"]))
        connection.execute(
            "UPDATE org_policies SET name = ?, description = ?, content = ? WHERE organization = ? AND id = ?",
            (name, asked.get("Description", row["description"]), content, organization.id, row["id"]),
        )
        return _shown(connection, organization, row["id"])


def _require_own(connection: sqlite3.Connection, organization: Organization, policy: str) -> sqlite3.Row:
    if policy in _AWS_IDS:
        raise AwsError(
            "InvalidInputException",
            "You specified a policy that is managed by AWS and can't be modified.",
            Reason="IMMUTABLE_POLICY",
        )
    return require_policy(connection, organization, policy)


@PLAYS("DeletePolicy", access=access(Reach.DELEGABLE, "PolicyId"))
def delete_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeletePolicy.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        row = _require_own(connection, organization, call.parameters["PolicyId"])
        mine = (organization.id, row["id"])
        if connection.execute("SELECT 1 FROM org_attachments WHERE organization = ? AND policy = ?", mine).fetchone():
            raise AwsError(
                "PolicyInUseException",
                "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts "
                "before performing this operation.",
            )
        connection.execute("DELETE FROM org_tags WHERE organization = ? AND resource = ?", mine)
        connection.execute("DELETE FROM org_policies WHERE organization = ? AND id = ?", mine)


@PLAYS("DescribePolicy", access=access(Reach.READ, "PolicyId"))
def describe_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribePolicy.html"""
    with call.cloud.store.read() as connection:
        return _shown(connection, organization_of(connection, call.account), call.parameters["PolicyId"])


@PLAYS("ListPolicies", access=access(Reach.READ))
def list_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPolicies.html"""
    kind = call.parameters["Filter"]
    require_played_type(call, kind)
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        rows = connection.execute(
            "SELECT * FROM org_policies WHERE organization = ? AND type = ?", (organization.id, kind)
        ).fetchall()
    return paged(call, "Policies", [policy_summary(organization, row) for row in rows])
