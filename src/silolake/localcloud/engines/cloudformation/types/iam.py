"""Roles and policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

from __future__ import annotations

from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import (
    Act,
    Part,
    ResourceType,
    answering_id,
    asks,
    document,
    found_by,
    removed_by,
    tag_pairs,
)
from silolake.localcloud.engines.cloudformation.types.shapes import JSON, TAGS

_GONE = ("NoSuchEntity",)
_VERSIONS_KEPT = 5


def _create_role(act: Act) -> str:
    same = ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
    parameters: dict[str, Any] = {key: act.wanted[key] for key in same if key in act.wanted}
    parameters["RoleName"] = act.physical_id
    parameters["AssumeRolePolicyDocument"] = document(act.wanted["AssumeRolePolicyDocument"])
    if act.wanted.get("Tags"):
        parameters["Tags"] = act.wanted["Tags"]
    act.ask("iam:CreateRole", parameters)
    return act.physical_id


def _trust(act: Act) -> None:
    trust = document(act.wanted["AssumeRolePolicyDocument"])
    act.ask("iam:UpdateAssumeRolePolicy", {"RoleName": act.physical_id, "PolicyDocument": trust})


def _describe(act: Act) -> None:
    act.ask(
        "iam:UpdateRole",
        {
            "RoleName": act.physical_id,
            "Description": act.wanted.get("Description", ""),
            "MaxSessionDuration": act.wanted.get("MaxSessionDuration", 3600),
        },
    )


def _bound(act: Act) -> None:
    if "PermissionsBoundary" in act.wanted:
        boundary = act.wanted["PermissionsBoundary"]
        act.ask("iam:PutRolePermissionsBoundary", {"RoleName": act.physical_id, "PermissionsBoundary": boundary})
    elif "PermissionsBoundary" in act.before:
        act.ask_if_there("iam:DeleteRolePermissionsBoundary", {"RoleName": act.physical_id}, _GONE)


def _attach(act: Act) -> None:
    wanted, before = act.wanted.get("ManagedPolicyArns", []), act.before.get("ManagedPolicyArns", [])
    for arn in wanted:
        if act.is_forced or arn not in before:
            act.ask("iam:AttachRolePolicy", {"RoleName": act.physical_id, "PolicyArn": arn})
    for arn in before:
        if arn not in wanted:
            act.ask_if_there("iam:DetachRolePolicy", {"RoleName": act.physical_id, "PolicyArn": arn}, _GONE)


def _inline(act: Act) -> None:
    wanted = {each["PolicyName"]: each["PolicyDocument"] for each in act.wanted.get("Policies", [])}
    before = {each["PolicyName"]: each["PolicyDocument"] for each in act.before.get("Policies", [])}
    for name, policy in wanted.items():
        if act.is_forced or before.get(name) != policy:
            parameters = {"RoleName": act.physical_id, "PolicyName": name, "PolicyDocument": document(policy)}
            act.ask("iam:PutRolePolicy", parameters)
    for name in before:
        if name not in wanted:
            act.ask_if_there("iam:DeleteRolePolicy", {"RoleName": act.physical_id, "PolicyName": name}, _GONE)


def _tag_role(act: Act) -> None:
    put, gone = tag_pairs(act)
    if put:
        act.ask("iam:TagRole", {"RoleName": act.physical_id, "Tags": put})
    if gone:
        act.ask("iam:UntagRole", {"RoleName": act.physical_id, "TagKeys": gone})


def _delete_role(act: Act) -> None:
    for arn in act.wanted.get("ManagedPolicyArns", []):
        act.ask_if_there("iam:DetachRolePolicy", {"RoleName": act.physical_id, "PolicyArn": arn}, _GONE)
    for each in act.wanted.get("Policies", []):
        parameters = {"RoleName": act.physical_id, "PolicyName": each["PolicyName"]}
        act.ask_if_there("iam:DeleteRolePolicy", parameters, _GONE)
    act.ask("iam:DeleteRole", {"RoleName": act.physical_id})


def _role_attributes(act: Act) -> dict[str, Any]:
    role = act.ask("iam:GetRole", {"RoleName": act.physical_id})["Role"]
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


ROLE = ResourceType(
    name="AWS::IAM::Role",
    shape={
        "AssumeRolePolicyDocument!": JSON,
        "Description": str,
        "ManagedPolicyArns": [str],
        "MaxSessionDuration": int,
        "Path": str,
        "PermissionsBoundary": str,
        "Policies": [{"PolicyName!": str, "PolicyDocument!": JSON}],
        "RoleName": str,
        "Tags": TAGS,
    },
    identify=lambda act: act.name("RoleName", 64),
    create=_create_role,
    find=found_by(asks("iam:GetRole", RoleName="@id"), *_GONE),
    delete=removed_by(_delete_role, *_GONE),
    parts=(
        Part(("AssumeRolePolicyDocument",), _trust),
        Part(("Description", "MaxSessionDuration"), _describe),
        Part(("PermissionsBoundary",), _bound),
        Part(("ManagedPolicyArns",), _attach),
        Part(("Policies",), _inline),
        Part(("Tags",), _tag_role),
    ),
    made_with=("AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"),
    attributes=_role_attributes,
    attribute_names=("Arn", "RoleId"),
    replaced_by=("RoleName", "Path"),
    has_tags=True,
)


def _policy_arn(act: Act) -> str:
    path = str(act.wanted.get("Path", "/"))
    return f"arn:aws:iam::{act.account}:policy{path}{act.name('ManagedPolicyName')}"


def _create_policy(act: Act) -> str:
    parameters = {key: act.wanted[key] for key in ("Path", "Description") if key in act.wanted}
    parameters["PolicyName"] = act.physical_id.rsplit("/", 1)[1]
    parameters["PolicyDocument"] = document(act.wanted["PolicyDocument"])
    return str(act.ask("iam:CreatePolicy", parameters)["Policy"]["Arn"])


def _spare_versions(act: Act) -> list[str]:
    """The versions that are not the default, oldest first."""
    versions = act.ask("iam:ListPolicyVersions", {"PolicyArn": act.physical_id})["Versions"]
    spare = [each["VersionId"] for each in versions if not each["IsDefaultVersion"]]
    return sorted(spare, key=lambda version: int(version[1:]))


def _new_version(act: Act) -> None:
    spare = _spare_versions(act)
    if len(spare) + 1 >= _VERSIONS_KEPT:
        act.ask("iam:DeletePolicyVersion", {"PolicyArn": act.physical_id, "VersionId": spare[0]})
    policy = document(act.wanted["PolicyDocument"])
    act.ask("iam:CreatePolicyVersion", {"PolicyArn": act.physical_id, "PolicyDocument": policy, "SetAsDefault": True})


def _attach_roles(act: Act) -> None:
    wanted, before = act.wanted.get("Roles", []), act.before.get("Roles", [])
    for role in wanted:
        if act.is_forced or role not in before:
            act.ask("iam:AttachRolePolicy", {"RoleName": role, "PolicyArn": act.physical_id})
    for role in before:
        if role not in wanted:
            act.ask_if_there("iam:DetachRolePolicy", {"RoleName": role, "PolicyArn": act.physical_id}, _GONE)


def _delete_policy(act: Act) -> None:
    for role in act.wanted.get("Roles", []):
        act.ask_if_there("iam:DetachRolePolicy", {"RoleName": role, "PolicyArn": act.physical_id}, _GONE)
    for version in _spare_versions(act):
        act.ask("iam:DeletePolicyVersion", {"PolicyArn": act.physical_id, "VersionId": version})
    act.ask("iam:DeletePolicy", {"PolicyArn": act.physical_id})


def _policy_attributes(act: Act) -> dict[str, Any]:
    policy = act.ask("iam:GetPolicy", {"PolicyArn": act.physical_id})["Policy"]
    return {"PolicyArn": act.physical_id, "PolicyId": policy["PolicyId"]}


MANAGED_POLICY = ResourceType(
    name="AWS::IAM::ManagedPolicy",
    shape={
        "Description": str,
        "ManagedPolicyName": str,
        "Path": str,
        "PolicyDocument!": JSON,
        "Roles": [str],
    },
    identify=_policy_arn,
    create=_create_policy,
    find=found_by(asks("iam:GetPolicy", PolicyArn="@id"), *_GONE),
    delete=removed_by(_delete_policy, *_GONE),
    parts=(Part(("PolicyDocument",), _new_version), Part(("Roles",), _attach_roles)),
    made_with=("PolicyDocument",),
    attributes=_policy_attributes,
    attribute_names=("PolicyArn", "PolicyId"),
    replaced_by=("ManagedPolicyName", "Path", "Description"),
)


def _put_role_policy(act: Act) -> None:
    act.ask(
        "iam:PutRolePolicy",
        {
            "RoleName": act.wanted["RoleName"],
            "PolicyName": act.wanted["PolicyName"],
            "PolicyDocument": document(act.wanted.get("PolicyDocument", {})),
        },
    )


ROLE_POLICY = ResourceType(
    name="AWS::IAM::RolePolicy",
    shape={"PolicyName!": str, "RoleName!": str, "PolicyDocument!": JSON},
    identify=lambda act: f"{act.wanted['PolicyName']}|{act.wanted['RoleName']}",
    create=answering_id(_put_role_policy),
    update=_put_role_policy,
    find=found_by(asks("iam:GetRolePolicy", "RoleName", "PolicyName"), *_GONE),
    delete=removed_by(asks("iam:DeleteRolePolicy", "RoleName", "PolicyName"), *_GONE),
    replaced_by=("PolicyName", "RoleName"),
)
