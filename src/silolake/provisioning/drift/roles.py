"""Roles: whom they trust, and what they may.

A role of the lake is the lake's whole: a policy that was put into it or attached to it beside the declared ones is a
change of it, which CloudFormation's own drift detection does not look for.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import json
from typing import Any

from silolake.cloud import Cloud
from silolake.provisioning.drift.documents import canonical
from silolake.provisioning.drift.facets import Facet, Kind, listed, same_document, tags_of, tell_document
from silolake.provisioning.drift.templates import Resource

_SESSION_S = 3600


def _about(cloud: Cloud, role: Resource) -> dict[str, Any]:
    found: dict[str, Any] = cloud.call("iam", "get_role", RoleName=role.id)["Role"]
    return found


def _is_there(cloud: Cloud, role: Resource) -> bool:
    # IAM knows a role's path by the role: of one that is gone GetRole is judged by a name without a path, and denied to
    # whoever may read a path alone. So the path is listed.
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
    listed = cloud.pages("iam", "list_roles", "Roles", PathPrefix=role.properties.get("Path", "/"))
    return any(each["RoleName"] == role.id for each in listed)


def _trust(cloud: Cloud, role: Resource, _: Any) -> None:
    document = json.dumps(role.properties["AssumeRolePolicyDocument"])
    cloud.call("iam", "update_assume_role_policy", RoleName=role.id, PolicyDocument=document)


def _settings(role: Resource) -> dict[str, Any]:
    said = role.properties
    return {
        "Description": said.get("Description", ""),
        "MaxSessionDuration": said.get("MaxSessionDuration", _SESSION_S),
    }


def _read_settings(cloud: Cloud, role: Resource) -> dict[str, Any]:
    found = _about(cloud, role)
    return {"Description": found.get("Description", ""), "MaxSessionDuration": found.get("MaxSessionDuration")}


def _put_settings(cloud: Cloud, role: Resource, _: Any) -> None:
    cloud.call("iam", "update_role", RoleName=role.id, **_settings(role))


def _boundary(cloud: Cloud, role: Resource) -> str:
    return str(_about(cloud, role).get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))


def _bound(cloud: Cloud, role: Resource, _: Any) -> None:
    wanted = role.properties.get("PermissionsBoundary", "")
    if wanted:
        cloud.call("iam", "put_role_permissions_boundary", RoleName=role.id, PermissionsBoundary=wanted)
    else:
        cloud.call("iam", "delete_role_permissions_boundary", RoleName=role.id)


def _attached(cloud: Cloud, role: Resource) -> list[str]:
    found = cloud.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role.id)
    return sorted(each["PolicyArn"] for each in found)


def _attach(cloud: Cloud, role: Resource, found: Any) -> None:
    wanted = role.properties.get("ManagedPolicyArns", [])
    for arn in wanted:
        cloud.call("iam", "attach_role_policy", RoleName=role.id, PolicyArn=arn)
    for arn in found or ():
        if arn not in wanted:
            cloud.call("iam", "detach_role_policy", RoleName=role.id, PolicyArn=arn)


def _inline_wanted(role: Resource) -> dict[str, Any]:
    return {each["PolicyName"]: canonical(each["PolicyDocument"]) for each in role.properties.get("Policies", ())}


def _inline(cloud: Cloud, role: Resource) -> dict[str, Any]:
    return {
        name: canonical(cloud.call("iam", "get_role_policy", RoleName=role.id, PolicyName=name)["PolicyDocument"])
        for name in cloud.pages("iam", "list_role_policies", "PolicyNames", RoleName=role.id)
    }


def _put_inline(cloud: Cloud, role: Resource, found: Any) -> None:
    for each in role.properties.get("Policies", ()):
        document = json.dumps(each["PolicyDocument"])
        cloud.call("iam", "put_role_policy", RoleName=role.id, PolicyName=each["PolicyName"], PolicyDocument=document)
    for name in found or ():
        if name not in _inline_wanted(role):
            cloud.call("iam", "delete_role_policy", RoleName=role.id, PolicyName=name)


def _tell_inline(wanted: Any, found: Any) -> tuple[str, str]:
    expected, instead = [], []
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) == found.get(name):
            continue
        if name not in found:
            expected.append(f"a policy {name}")
        elif name not in wanted:
            instead.append(f"a policy {name} beside them")
        else:
            one, other = tell_document(wanted[name], found[name])
            expected.append(one)
            instead.append(other)
    return "; ".join(filter(None, expected)), "; ".join(filter(None, instead)) or "without it"


def _tags(cloud: Cloud, role: Resource) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in _about(cloud, role).get("Tags", ())}


def _put_tags(cloud: Cloud, role: Resource, _: Any) -> None:
    cloud.call("iam", "tag_role", RoleName=role.id, Tags=listed(tags_of(role)))


def make_role(cloud: Cloud, role: Resource) -> None:
    """Make a role anew, bare: its policies are put into it afterwards. Writes."""
    said = role.properties
    cloud.call(
        "iam",
        "create_role",
        RoleName=role.id,
        Path=said.get("Path", "/"),
        AssumeRolePolicyDocument=json.dumps(said["AssumeRolePolicyDocument"]),
        Tags=listed(tags_of(role)),
        **_settings(role),
    )


def _same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted)


ROLE = Kind(
    "AWS::IAM::Role",
    "role",
    (
        Facet(
            "trust",
            lambda role: role.properties["AssumeRolePolicyDocument"],
            lambda cloud, role: _about(cloud, role)["AssumeRolePolicyDocument"],
            _trust,
            same_document,
            tell_document,
        ),
        Facet("settings", _settings, _read_settings, _put_settings),
        Facet("permissions boundary", lambda role: role.properties.get("PermissionsBoundary", ""), _boundary, _bound),
        Facet(
            "managed policies",
            lambda role: sorted(role.properties.get("ManagedPolicyArns", [])),
            _attached,
            _attach,
            _same,
        ),
        Facet("inline policies", _inline_wanted, _inline, _put_inline, _same, _tell_inline),
        Facet("tags", tags_of, _tags, _put_tags),
    ),
    _is_there,
    make_role,
    lambda role: f"role{role.properties.get('Path', '/')}{role.id}",
)
