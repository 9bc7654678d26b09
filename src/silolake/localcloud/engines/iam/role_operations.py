"""Roles and their trust."""

from __future__ import annotations

from typing import Any

from silolake.limits import TRUST_POLICY
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam import documents, permissions
from silolake.localcloud.engines.iam.access import on_account, on_new_role, on_role, on_roles
from silolake.localcloud.engines.iam.plays import PLAYS
from silolake.localcloud.engines.iam.roles import (
    SERVICE_LINKED_PATH,
    NewRole,
    Role,
    plant_role,
    require_role,
    roles_of,
    shown,
    uproot_role,
)
from silolake.localcloud.engines.iam.tags import as_list, put_tags, remove_tags
from silolake.localcloud.engines.iam.validation import check_max_session, check_name, check_path, paged
from silolake.localcloud.errors import AwsError


@PLAYS(
    "CreateRole",
    access=on_new_role,
    differs="A trust policy keeps naming a role that was deleted; AWS replaces its ARN by its id.",
)
def create_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
    asked = call.parameters
    name, path, duration_s = asked["RoleName"], asked.get("Path", "/"), asked.get("MaxSessionDuration", 3600)
    check_name("roleName", name, 64)
    check_path(path)
    check_max_session(duration_s)
    if path.startswith(SERVICE_LINKED_PATH):
        raise AwsError("InvalidInput", "The path /aws-service-role/ is reserved for service linked roles.")
    with call.cloud.store.write() as connection:
        _check_trust(call, asked["AssumeRolePolicyDocument"], name)
        if boundary := asked.get("PermissionsBoundary"):
            require_boundary(call, boundary)
        new = NewRole(
            call.account,
            name,
            asked["AssumeRolePolicyDocument"],
            path=path,
            description=asked.get("Description"),
            max_session_s=duration_s,
            boundary=asked.get("PermissionsBoundary", ""),
        )
        arn = plant_role(connection, new, call.cloud.clock.now())
        put_tags(connection, arn, asked.get("Tags", []))
        return {"Role": shown(require_role(connection, call.account, name))}


def _check_trust(call: Call, document: str, role: str) -> None:
    with call.cloud.store.read() as connection:
        documents.check_trust(connection, document, f"trust policy of role {role}")
    if documents.size(document) > TRUST_POLICY:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY}", 409)


def require_boundary(call: Call, policy_arn: str) -> None:
    """Refuse a boundary that does not exist. Reads only.

    Raises:
        AwsError: ``NoSuchEntity``.
    """
    with call.cloud.store.read() as connection:
        if permissions.document_of(connection, policy_arn) is None:
            raise AwsError("NoSuchEntity", f"Scope ARN: {policy_arn} does not exist or is not attachable.", 404)


def changeable_role(call: Call) -> Role:
    """The role that a call names, to be changed. Reads only.

    Raises:
        AwsError: ``NoSuchEntity``, or ``UnmodifiableEntity`` for a service-linked role.
    """
    with call.cloud.store.read() as connection:
        role = require_role(connection, call.account, call.parameters["RoleName"])
    if role.is_service_linked:
        raise AwsError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
        )
    return role


@PLAYS("GetRole", access=on_role, differs="RoleLastUsed is not answered.")
def get_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html"""
    with call.cloud.store.read() as connection:
        return {"Role": shown(require_role(connection, call.account, call.parameters["RoleName"]))}


@PLAYS("ListRoles", access=on_roles)
def list_roles(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html"""
    with call.cloud.store.read() as connection:
        found = roles_of(connection, call.account, call.parameters.get("PathPrefix", "/"))
    # ListRoles leaves these out, "to optimize performance"; GetRole has them.
    left_out = ("Tags", "PermissionsBoundary")
    entries = [{name: value for name, value in shown(role).items() if name not in left_out} for role in found]
    return paged("Roles", entries, "RoleName", call.parameters)


@PLAYS("UpdateRole", access=on_role)
def update_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html"""
    asked = call.parameters
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        duration_s = asked.get("MaxSessionDuration", role.max_session_s)
        check_max_session(duration_s)
        connection.execute(
            "UPDATE iam_roles SET description = ?, max_session_s = ? WHERE arn = ?",
            (asked.get("Description", role.description), duration_s, role.arn),
        )
    return {}


@PLAYS("UpdateRoleDescription", access=on_role)
def update_role_description(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRoleDescription.html"""
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        connection.execute(
            "UPDATE iam_roles SET description = ? WHERE arn = ?", (call.parameters["Description"], role.arn)
        )
        return {"Role": shown(require_role(connection, call.account, role.name))}


@PLAYS("UpdateAssumeRolePolicy", access=on_role)
def update_assume_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html"""
    document = call.parameters["PolicyDocument"]
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        _check_trust(call, document, role.name)
        connection.execute("UPDATE iam_roles SET trust = ? WHERE arn = ?", (document, role.arn))


@PLAYS("DeleteRole", access=on_role)
def delete_role(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html"""
    with call.cloud.store.write() as connection:
        role = changeable_role(call)
        if connection.execute("SELECT 1 FROM iam_attachments WHERE role = ?", (role.arn,)).fetchone():
            raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
        if connection.execute("SELECT 1 FROM iam_inline_policies WHERE role = ?", (role.arn,)).fetchone():
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
        uproot_role(connection, role.arn)


@PLAYS("TagRole", access=on_role)
def tag_role(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html"""
    with call.cloud.store.write() as connection:
        put_tags(connection, changeable_role(call).arn, call.parameters["Tags"])


@PLAYS("UntagRole", access=on_role)
def untag_role(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagRole.html"""
    with call.cloud.store.write() as connection:
        remove_tags(connection, changeable_role(call).arn, call.parameters["TagKeys"])


@PLAYS("ListRoleTags", access=on_role)
def list_role_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html"""
    with call.cloud.store.read() as connection:
        role = require_role(connection, call.account, call.parameters["RoleName"])
    return paged("Tags", as_list(role.tags), "Key", call.parameters)


@PLAYS("ListAccountAliases", access=on_account, differs="No account has an alias: CreateAccountAlias is not played.")
def list_account_aliases(_: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html"""
    return {"AccountAliases": [], "IsTruncated": False}


@PLAYS(
    "ListInstanceProfilesForRole",
    access=on_role,
    differs="No role has one: instance profiles are not played.",
)
def list_instance_profiles_for_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfilesForRole.html"""
    with call.cloud.store.read() as connection:
        require_role(connection, call.account, call.parameters["RoleName"])
    return {"InstanceProfiles": [], "IsTruncated": False}
