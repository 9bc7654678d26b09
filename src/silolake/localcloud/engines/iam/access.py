"""What IAM must allow before one of its own operations.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.iam.aws_managed import AWS_MANAGED
from silolake.localcloud.engines.iam.roles import Role, find_role, role_arn
from silolake.localcloud.engines.iam.tags import tag_context, tags_of

_KNOW_THE_BOUNDARY = frozenset(
    {"PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "DeleteRolePermissionsBoundary"}
)


def on_account(call: Call) -> tuple[Access, ...]:
    """Operations that name no resource."""
    return (Access(f"iam:{call.operation}", "*", call.account),)


def on_new_role(call: Call) -> tuple[Access, ...]:
    """``CreateRole``: and ``TagRole`` where it is born with tags."""
    asked = call.parameters
    arn = role_arn(call.account, asked.get("Path", "/"), asked["RoleName"])
    context = tag_context(asked.get("Tags"))
    if boundary := asked.get("PermissionsBoundary"):
        context["iam:PermissionsBoundary"] = (boundary,)
    create = Access("iam:CreateRole", arn, call.account, context)
    if not asked.get("Tags"):
        return (create,)
    return (create, Access("iam:TagRole", arn, call.account, tag_context(asked["Tags"])))


def on_role(call: Call) -> tuple[Access, ...]:
    """Operations on a role that is named by ``RoleName``."""
    asked = call.parameters
    with call.cloud.store.read() as connection:
        role = find_role(connection, call.account, asked["RoleName"])
    context = tag_context(asked.get("Tags"), asked.get("TagKeys"))
    if policy := asked.get("PolicyArn"):
        context["iam:PolicyARN"] = (policy,)
    boundary = role.boundary if role and call.operation in _KNOW_THE_BOUNDARY else asked.get("PermissionsBoundary")
    if boundary:
        context["iam:PermissionsBoundary"] = (boundary,)
    return (_access(call, role, context),)


def _access(call: Call, role: Role | None, context: dict[str, tuple[str, ...]]) -> Access:
    arn = role.arn if role else role_arn(call.account, "/", call.parameters["RoleName"])
    tags = role.tags if role else {}
    context.update({f"iam:ResourceTag/{key}": (value,) for key, value in tags.items()})
    return Access(f"iam:{call.operation}", arn, call.account, context, tags=tags)


def on_roles(call: Call) -> tuple[Access, ...]:
    """``ListRoles``: the roles beneath a path."""
    prefix = call.parameters.get("PathPrefix", "/")
    return (Access("iam:ListRoles", role_arn(call.account, prefix, ""), call.account),)


def on_new_policy(call: Call) -> tuple[Access, ...]:
    """``CreatePolicy``: and ``TagPolicy`` where it is born with tags."""
    asked = call.parameters
    arn = f"arn:aws:iam::{call.account}:policy{asked.get('Path', '/')}{asked['PolicyName']}"
    context = tag_context(asked.get("Tags"))
    create = Access("iam:CreatePolicy", arn, call.account, context)
    return (create, Access("iam:TagPolicy", arn, call.account, context)) if asked.get("Tags") else (create,)


def on_policy(call: Call) -> tuple[Access, ...]:
    """Operations on a managed policy that is named by ``PolicyArn``.

    A policy of AWS's own belongs to nobody's account, so the caller's own policies decide.
    """
    arn = call.parameters["PolicyArn"]
    with call.cloud.store.read() as connection:
        tags = {} if arn in AWS_MANAGED else tags_of(connection, arn)
    context = tag_context(call.parameters.get("Tags"), call.parameters.get("TagKeys"))
    context.update({f"iam:ResourceTag/{key}": (value,) for key, value in tags.items()})
    return (Access(f"iam:{call.operation}", arn, call.account, context, tags=tags),)


def on_new_service_linked_role(call: Call) -> tuple[Access, ...]:
    """``CreateServiceLinkedRole``: a role whose name the service chooses."""
    service = call.parameters["AWSServiceName"]
    arn = role_arn(call.account, f"/aws-service-role/{service}/", "*")
    return (Access("iam:CreateServiceLinkedRole", arn, call.account, {"iam:AWSServiceName": (service,)}),)
