"""Managed policies, their versions, and what they grant."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from house import House, allow, deny, document

from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.passing import pass_role_access
from silolake.localcloud.engines.iam.permissions import grants
from silolake.localcloud.errors import AwsError

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def _policy(house: House, name: str, *statements: dict[str, Any]) -> str:
    made = house.ask(house.management, "iam:CreatePolicy", PolicyName=name, PolicyDocument=document(*statements))
    return str(made["Policy"]["Arn"])


def test_the_default_version_is_the_one_that_holds(house: House) -> None:
    me = house.management
    arn = _policy(house, "reader", allow("iam:ListRoles"))
    caller = house.cloud.as_role(house.make_role(me, "runner"), "test")
    house.ask(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=arn)
    assert house.code(caller, "iam:ListRoles") == ""
    made = house.ask(
        me, "iam:CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document(deny("iam:*")), SetAsDefault=False
    )["PolicyVersion"]
    assert made["VersionId"] == "v2" and house.code(caller, "iam:ListRoles") == ""
    house.ask(me, "iam:SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert house.code(caller, "iam:ListRoles") == "AccessDenied"
    assert house.code(me, "iam:DeletePolicyVersion", PolicyArn=arn, VersionId="v2") == "DeleteConflict"
    house.ask(me, "iam:DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    listed = house.ask(me, "iam:ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in listed] == [("v2", True)]
    text = house.ask(me, "iam:GetPolicyVersion", PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert unquote(text) == document(deny("iam:*"))
    assert house.code(me, "iam:GetPolicyVersion", PolicyArn=arn, VersionId="v1") == "NoSuchEntity"


def test_version_numbers_are_never_used_again_and_there_are_five(house: House) -> None:
    me = house.management
    arn = _policy(house, "reader", allow("s3:*"))
    another = {"PolicyArn": arn, "PolicyDocument": document(allow("s3:Get*"))}
    made = [house.ask(me, "iam:CreatePolicyVersion", **another)["PolicyVersion"]["VersionId"] for _ in range(4)]
    assert made == ["v2", "v3", "v4", "v5"]
    assert house.code(me, "iam:CreatePolicyVersion", **another) == "LimitExceeded"
    house.ask(me, "iam:DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    assert house.ask(me, "iam:CreatePolicyVersion", **another)["PolicyVersion"]["VersionId"] == "v6"


def test_a_policy_in_use_stays(house: House) -> None:
    me = house.management
    arn = _policy(house, "reader", allow("s3:*"))
    house.make_role(me, "runner")
    house.ask(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=arn)
    house.ask(me, "iam:PutRolePermissionsBoundary", RoleName="runner", PermissionsBoundary=arn)
    shown = house.ask(me, "iam:GetPolicy", PolicyArn=arn)["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (1, 1)
    entities = house.ask(me, "iam:ListEntitiesForPolicy", PolicyArn=arn)["PolicyRoles"]
    assert [each["RoleName"] for each in entities] == ["runner"]
    assert house.code(me, "iam:DeletePolicy", PolicyArn=arn) == "DeleteConflict"
    house.ask(me, "iam:DetachRolePolicy", RoleName="runner", PolicyArn=arn)
    assert house.code(me, "iam:DeletePolicy", PolicyArn=arn) == "DeleteConflict"
    house.ask(me, "iam:DeleteRolePermissionsBoundary", RoleName="runner")
    house.ask(me, "iam:DeletePolicy", PolicyArn=arn)
    assert house.code(me, "iam:GetPolicy", PolicyArn=arn) == "NoSuchEntity"


def test_the_policies_of_aws_are_there_and_nobody_changes_them(house: House) -> None:
    me = house.management
    assert house.ask(me, "iam:GetPolicy", PolicyArn=ADMINISTRATOR)["Policy"]["AttachmentCount"] == 1
    names = {each["PolicyName"] for each in house.ask(me, "iam:ListPolicies", Scope="AWS")["Policies"]}
    assert {"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess"} <= names
    assert house.code(me, "iam:DeletePolicy", PolicyArn=ADMINISTRATOR) == "AccessDenied"
    assert house.ask(me, "iam:ListPolicies", Scope="Local")["Policies"] == []


def test_a_boundary_caps_what_a_role_is_granted(house: House) -> None:
    me = house.management
    edge = _policy(house, "edge", allow("iam:GetRole"))
    arn = house.make_role(me, "runner", allow("iam:*"), PermissionsBoundary=edge)
    caller = house.cloud.as_role(arn, "test")
    assert house.code(caller, "iam:GetRole", RoleName="runner") == ""
    refused = house.refusal(caller, "iam:ListRoles")
    assert refused is not None and "no permissions boundary allows" in refused.message


def test_grants_name_the_policy_and_the_role_they_come_from(house: House) -> None:
    me = house.management
    arn = house.make_role(me, "runner", allow("s3:*"), Path="/lake/run/")
    house.ask(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=ADMINISTRATOR)
    with house.cloud.store.read() as connection:
        found = grants(connection, arn)
        assert [policy.name for policy in found.identity] == [
            f"rights, inline policy of role /lake/run/runner in {me.account}",
            f"AdministratorAccess, attached to role /lake/run/runner in {me.account}",
        ]
        assert found.boundary is None
        assert grants(connection, f"arn:aws:iam::{me.account}:role/runner").identity == ()
        assert grants(connection, "").identity == ()


def test_no_more_than_ten_policies_are_attached(house: House) -> None:
    me = house.management
    house.make_role(me, "runner")
    arns = [_policy(house, f"p{number}", allow("s3:*")) for number in range(11)]
    for arn in arns[:10]:
        house.ask(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=arn)
    house.ask(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=arns[0])
    assert house.code(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=arns[10]) == "LimitExceeded"
    first = house.ask(me, "iam:ListAttachedRolePolicies", RoleName="runner", MaxItems=9)
    assert first["IsTruncated"] and len(first["AttachedPolicies"]) == 9


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("two words", document(allow("s3:*")), "ValidationError"),
        ("x", "{}", "MalformedPolicyDocument"),
        ("x", document({**allow("s3:*"), "Principal": "*"}), "MalformedPolicyDocument"),
        ("x", document(allow("s3:*", [f"arn:aws:s3:::{n:060}" for n in range(90)])), "LimitExceeded"),
    ],
)
def test_a_policy_that_aws_would_not_take_is_not_taken(house: House, name: str, text: str, code: str) -> None:
    assert house.code(house.management, "iam:CreatePolicy", PolicyName=name, PolicyDocument=text) == code


def test_policies_are_attached_within_their_account(organized: House) -> None:
    arn = _policy(organized, "reader", allow("s3:*"))
    admin = organized.admin(organized.member("ewr"))
    organized.make_role(admin, "runner")
    assert organized.code(admin, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=arn) == "NoSuchEntity"
    reserved = "arn:aws:iam::aws:policy/aws-service-role/AWSOrganizationsServiceTrustPolicy"
    assert organized.code(admin, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=reserved) == "PolicyNotAttachable"


def test_handing_a_role_to_a_service_is_a_right_of_its_own(house: House) -> None:
    me = house.management
    role = house.make_role(me, "job", Path="/lake/")
    hand = house.make_role(
        me,
        "hand",
        allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}),
    )
    call = Call("glue", "CreateJob", {}, house.cloud.as_role(hand, "test"), "us-east-1", house.cloud, "request")
    assert house.cloud.decide(call.caller, pass_role_access(call, role, "glue.amazonaws.com"))
    assert not house.cloud.decide(call.caller, pass_role_access(call, role, "lambda.amazonaws.com"))
    with pytest.raises(AwsError, match="Cross-account pass role"):
        pass_role_access(call, "arn:aws:iam::999999999999:role/job", "glue.amazonaws.com")
