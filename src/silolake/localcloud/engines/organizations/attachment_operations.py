"""Policy types that are enabled, and what policies are attached to."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.organizations.access import Reach, access
from silolake.localcloud.engines.organizations.attaching import attach_default_everywhere, enabled_types
from silolake.localcloud.engines.organizations.nodes import Node, Organization, find_node, organization_of
from silolake.localcloud.engines.organizations.organization_operations import shown_root
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.policy_operations import (
    policy_summary,
    require_played_type,
    require_policy,
)
from silolake.localcloud.engines.organizations.policy_types import DEFAULTS, PER_TARGET, RESOURCE_CONTROL
from silolake.localcloud.errors import AwsError


@PLAYS("EnablePolicyType", access=access(Reach.DELEGABLE, "RootId"))
def enable_policy_type(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html"""
    kind = call.parameters["PolicyType"]
    require_played_type(call, kind)
    with call.cloud.store.write() as connection:
        organization = _rooted(connection, call)
        if kind in enabled_types(connection, organization):
            raise AwsError("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
        connection.execute("INSERT INTO org_policy_types VALUES (?, ?)", (organization.id, kind))
        attach_default_everywhere(connection, organization, kind)
        return {"Root": shown_root(connection, organization)}


@PLAYS("DisablePolicyType", access=access(Reach.DELEGABLE, "RootId"))
def disable_policy_type(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisablePolicyType.html"""
    kind = call.parameters["PolicyType"]
    require_played_type(call, kind)
    with call.cloud.store.write() as connection:
        organization = _rooted(connection, call)
        _require_enabled(connection, organization, kind)
        connection.execute("DELETE FROM org_policy_types WHERE organization = ? AND type = ?", (organization.id, kind))
        # Attachments are lost; enabling the type again attaches AWS's own policy alone.
        connection.execute("DELETE FROM org_attachments WHERE organization = ? AND type = ?", (organization.id, kind))
        return {"Root": shown_root(connection, organization)}


def _rooted(connection: sqlite3.Connection, call: Call) -> Organization:
    organization = organization_of(connection, call.account)
    if call.parameters["RootId"] != organization.root:
        raise AwsError("RootNotFoundException", "We can't find a root with the RootId that you specified.")
    return organization


def _require_enabled(connection: sqlite3.Connection, organization: Organization, kind: str) -> None:
    if kind not in enabled_types(connection, organization):
        raise AwsError(
            "PolicyTypeNotEnabledException",
            "This operation can be performed only for enabled policy types. To enable a policy type, call "
            "EnablePolicyType.",
        )


def _require_target(connection: sqlite3.Connection, organization: Organization, target: str) -> Node:
    found = find_node(connection, organization, target)
    if found is None:
        raise AwsError("TargetNotFoundException", "You specified a target that doesn't exist.")
    return found


@PLAYS("AttachPolicy", access=access(Reach.DELEGABLE, "PolicyId", "TargetId"))
def attach_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        policy = require_policy(connection, organization, call.parameters["PolicyId"])
        target = _require_target(connection, organization, call.parameters["TargetId"])
        kind = policy["type"]
        _require_enabled(connection, organization, kind)
        attached = _attached(connection, organization, target.id, kind)
        if policy["id"] in attached:
            raise AwsError(
                "DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target."
            )
        if len(attached) >= PER_TARGET[kind]:
            raise AwsError(
                "ConstraintViolationException",
                f"You have attached the maximum number of policies of type {kind} to the specified target.",
                Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            )
        connection.execute(
            "INSERT INTO org_attachments VALUES (?, ?, ?, ?)", (organization.id, target.id, kind, policy["id"])
        )


def _attached(connection: sqlite3.Connection, organization: Organization, target: str, kind: str) -> set[str]:
    rows = connection.execute(
        "SELECT policy FROM org_attachments WHERE organization = ? AND target = ? AND type = ?",
        (organization.id, target, kind),
    )
    return {policy for (policy,) in rows}


@PLAYS("DetachPolicy", access=access(Reach.DELEGABLE, "PolicyId", "TargetId"))
def detach_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        policy = require_policy(connection, organization, call.parameters["PolicyId"])
        target = _require_target(connection, organization, call.parameters["TargetId"])
        attached = _attached(connection, organization, target.id, policy["type"])
        if policy["id"] not in attached:
            raise AwsError(
                "PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root."
            )
        if policy["id"] == DEFAULTS[RESOURCE_CONTROL].id:
            raise AwsError(
                "InvalidInputException", "You can't detach RCPFullAWSAccess.", Reason="NON_DETACHABLE_POLICY"
            )
        if len(attached) == 1:
            raise AwsError(
                "ConstraintViolationException",
                "You cannot detach the last policy of this type from the specified target.",
                Reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            )
        connection.execute(
            "DELETE FROM org_attachments WHERE organization = ? AND target = ? AND policy = ?",
            (organization.id, target.id, policy["id"]),
        )


@PLAYS("ListPoliciesForTarget", access=access(Reach.READ, "TargetId"))
def list_policies_for_target(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html"""
    kind = call.parameters["Filter"]
    require_played_type(call, kind)
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        target = _require_target(connection, organization, call.parameters["TargetId"])
        rows = connection.execute(
            "SELECT p.* FROM org_attachments a JOIN org_policies p ON p.organization = a.organization"
            " AND p.id = a.policy WHERE a.organization = ? AND a.target = ? AND a.type = ?",
            (organization.id, target.id, kind),
        ).fetchall()
    return paged(call, "Policies", [policy_summary(organization, row) for row in rows])


@PLAYS("ListTargetsForPolicy", access=access(Reach.READ, "PolicyId"))
def list_targets_for_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTargetsForPolicy.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        policy = require_policy(connection, organization, call.parameters["PolicyId"])
        rows = connection.execute(
            "SELECT target FROM org_attachments WHERE organization = ? AND policy = ?", (organization.id, policy["id"])
        ).fetchall()
        nodes = [_require_target(connection, organization, target) for (target,) in rows]
    entries = [{"TargetId": node.id, "Arn": node.arn, "Name": node.name, "Type": node.kind} for node in nodes]
    return paged(call, "Targets", entries, key="TargetId")
