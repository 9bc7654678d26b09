"""Managed policies and their versions."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake.iam import PolicyKind
from silolake.limits import MANAGED_POLICY, VERSIONS_PER_POLICY
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam import documents
from silolake.localcloud.engines.iam.access import on_account, on_new_policy, on_policy
from silolake.localcloud.engines.iam.ids import unique_id
from silolake.localcloud.engines.iam.managed import (
    find_policy,
    known_policies,
    require_own_policy,
    shown_policy,
    versions_of,
)
from silolake.localcloud.engines.iam.plays import PLAYS
from silolake.localcloud.engines.iam.tags import as_list, put_tags, remove_tags
from silolake.localcloud.engines.iam.validation import check_name, check_path, paged
from silolake.localcloud.errors import AwsError


def _check_document(document: str, name: str) -> None:
    documents.check(document, PolicyKind.IDENTITY, name)
    if documents.size(document) > MANAGED_POLICY:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_POLICY}", 409)


@PLAYS("CreatePolicy", access=on_new_policy)
def create_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""
    asked = call.parameters
    name, path, document = asked["PolicyName"], asked.get("Path", "/"), asked["PolicyDocument"]
    check_name("policyName", name, 128)
    check_path(path)
    _check_document(document, name)
    arn = f"arn:aws:iam::{call.account}:policy{path}{name}"
    now = call.cloud.clock.now().isoformat()
    with call.cloud.store.write() as connection:
        try:
            connection.execute(
                "INSERT INTO iam_policies VALUES (?, ?, ?, ?, ?, ?, 'v1', 2, ?, ?)",
                (arn, call.account, name, path, unique_id("ANPA"), asked.get("Description"), now, now),
            )
        except sqlite3.IntegrityError as error:
            message = f"A policy called {name} already exists. Duplicate names are not allowed."
            raise AwsError("EntityAlreadyExists", message, 409) from error
        connection.execute("INSERT INTO iam_policy_versions VALUES (?, 'v1', ?, ?)", (arn, document, now))
        put_tags(connection, arn, asked.get("Tags", []))
        return {"Policy": shown_policy(connection, find_policy(connection, arn), call.account)}


@PLAYS("GetPolicy", access=on_policy)
def get_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html"""
    with call.cloud.store.read() as connection:
        return {"Policy": shown_policy(connection, find_policy(connection, call.parameters["PolicyArn"]), call.account)}


@PLAYS("ListPolicies", access=on_account)
def list_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html"""
    asked = call.parameters
    with call.cloud.store.read() as connection:
        known = known_policies(connection, call.account, asked.get("Scope", "All"))
        entries = [shown_policy(connection, policy, call.account) for policy in known]
    found = [
        {name: value for name, value in entry.items() if name != "Tags"}
        for entry in entries
        if entry["Path"].startswith(asked.get("PathPrefix", "/"))
        and (entry["AttachmentCount"] or not asked.get("OnlyAttached", False))
    ]
    return paged("Policies", found, "Arn", asked)


@PLAYS("DeletePolicy", access=on_policy)
def delete_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html"""
    with call.cloud.store.write() as connection:
        arn = require_own_policy(connection, call).arn
        if connection.execute(
            "SELECT 1 FROM iam_attachments WHERE policy = ? UNION ALL SELECT 1 FROM iam_roles WHERE boundary = ?",
            (arn, arn),
        ).fetchone():
            raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
        if len(versions_of(connection, arn)) > 1:
            raise AwsError(
                "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.",
                409,
            )
        connection.execute("DELETE FROM iam_policy_versions WHERE policy = ?", (arn,))
        connection.execute("DELETE FROM iam_tags WHERE entity = ?", (arn,))
        connection.execute("DELETE FROM iam_policies WHERE arn = ?", (arn,))


@PLAYS("CreatePolicyVersion", access=on_policy)
def create_policy_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html"""
    asked, now = call.parameters, call.cloud.clock.now()
    with call.cloud.store.write() as connection:
        policy = require_own_policy(connection, call)
        _check_document(asked["PolicyDocument"], policy.name)
        if len(versions_of(connection, policy.arn)) >= VERSIONS_PER_POLICY:
            raise AwsError(
                "LimitExceeded",
                f"A managed policy can have up to {VERSIONS_PER_POLICY} versions. Before you create a new version, "
                "you must delete an existing version.",
                409,
            )
        row = connection.execute(
            "UPDATE iam_policies SET next_version = next_version + 1, updated_at = ? WHERE arn = ?"
            " RETURNING next_version - 1 AS number",
            (now.isoformat(), policy.arn),
        ).fetchone()
        version, is_default = f"v{row['number']}", bool(asked.get("SetAsDefault", False))
        connection.execute(
            "INSERT INTO iam_policy_versions VALUES (?, ?, ?, ?)",
            (policy.arn, version, asked["PolicyDocument"], now.isoformat()),
        )
        if is_default:
            connection.execute("UPDATE iam_policies SET default_version = ? WHERE arn = ?", (version, policy.arn))
    return {"PolicyVersion": {"VersionId": version, "IsDefaultVersion": is_default, "CreateDate": now}}


@PLAYS("GetPolicyVersion", access=on_policy)
def get_policy_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html"""
    arn, wanted = call.parameters["PolicyArn"], call.parameters["VersionId"]
    with call.cloud.store.read() as connection:
        find_policy(connection, arn)
        for version, document in versions_of(connection, arn):
            if version["VersionId"] == wanted:
                return {"PolicyVersion": {**version, "Document": documents.quoted(document)}}
    raise _no_version(arn, wanted)


@PLAYS("ListPolicyVersions", access=on_policy)
def list_policy_versions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html"""
    arn = call.parameters["PolicyArn"]
    with call.cloud.store.read() as connection:
        find_policy(connection, arn)
        entries = [version for version, _ in versions_of(connection, arn)]
    return paged("Versions", entries, "VersionId", call.parameters)


@PLAYS("DeletePolicyVersion", access=on_policy)
def delete_policy_version(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html"""
    wanted = call.parameters["VersionId"]
    with call.cloud.store.write() as connection:
        policy = require_own_policy(connection, call)
        if wanted == policy.default_version:
            raise AwsError("DeleteConflict", "Cannot delete the default version of a policy.", 409)
        removed = connection.execute(
            "DELETE FROM iam_policy_versions WHERE policy = ? AND version = ?", (policy.arn, wanted)
        )
        if not removed.rowcount:
            raise _no_version(policy.arn, wanted)


@PLAYS("SetDefaultPolicyVersion", access=on_policy)
def set_default_policy_version(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html"""
    wanted = call.parameters["VersionId"]
    with call.cloud.store.write() as connection:
        policy = require_own_policy(connection, call)
        if wanted not in {version["VersionId"] for version, _ in versions_of(connection, policy.arn)}:
            raise _no_version(policy.arn, wanted)
        connection.execute("UPDATE iam_policies SET default_version = ? WHERE arn = ?", (wanted, policy.arn))


def _no_version(arn: str, version: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Policy {arn} version {version} does not exist or is not attachable.", 404)


@PLAYS("ListEntitiesForPolicy", access=on_policy, differs="Roles alone; users and groups are not played.")
def list_entities_for_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html"""
    asked, arn = call.parameters, call.parameters["PolicyArn"]
    as_boundary = asked.get("PolicyUsageFilter") == "PermissionsBoundary"
    wanted = asked.get("EntityFilter", "Role") in ("Role", "LocalManagedPolicy", "AWSManagedPolicy")
    using = "r.boundary = ?" if as_boundary else "r.arn IN (SELECT role FROM iam_attachments WHERE policy = ?)"
    with call.cloud.store.read() as connection:
        find_policy(connection, arn)
        rows = connection.execute(
            f"SELECT r.name, r.id, r.path FROM iam_roles r WHERE r.account = ? AND {using}", (call.account, arn)
        ).fetchall()
    entries = [
        {"RoleName": row["name"], "RoleId": row["id"]}
        for row in rows
        if wanted and row["path"].startswith(asked.get("PathPrefix", "/"))
    ]
    return {**paged("PolicyRoles", entries, "RoleName", asked), "PolicyGroups": [], "PolicyUsers": []}


@PLAYS("TagPolicy", access=on_policy)
def tag_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagPolicy.html"""
    with call.cloud.store.write() as connection:
        put_tags(connection, require_own_policy(connection, call).arn, call.parameters["Tags"])


@PLAYS("UntagPolicy", access=on_policy)
def untag_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagPolicy.html"""
    with call.cloud.store.write() as connection:
        remove_tags(connection, require_own_policy(connection, call).arn, call.parameters["TagKeys"])


@PLAYS("ListPolicyTags", access=on_policy)
def list_policy_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyTags.html"""
    with call.cloud.store.read() as connection:
        policy = find_policy(connection, call.parameters["PolicyArn"])
    return paged("Tags", as_list(policy.tags), "Key", call.parameters)
