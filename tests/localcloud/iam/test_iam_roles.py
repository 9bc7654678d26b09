"""Roles: made, changed, held to their limits, and gone."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from house import House, allow, deny, document, trusts

TRUST_GLUE = document(trusts({"Service": "glue.amazonaws.com"}))
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def test_a_role_is_what_it_was_made_to_be(house: House) -> None:
    me = house.management
    made = house.ask(
        me,
        "iam:CreateRole",
        RoleName="runner",
        Path="/lake/run/",
        AssumeRolePolicyDocument=TRUST_GLUE,
        Description="runs notebooks",
        MaxSessionDuration=7200,
        PermissionsBoundary=ADMINISTRATOR,
        Tags=[{"Key": "lake", "Value": "nyc"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{me.account}:role/lake/run/runner"
    assert made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 21
    assert json.loads(unquote(made["AssumeRolePolicyDocument"])) == json.loads(TRUST_GLUE)
    assert house.ask(me, "iam:GetRole", RoleName="runner")["Role"] == made
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMINISTRATOR
    listed = house.ask(me, "iam:ListRoles", PathPrefix="/lake/")["Roles"]
    assert [role["RoleName"] for role in listed] == ["runner"] and "Tags" not in listed[0]
    house.ask(me, "iam:UpdateRole", RoleName="runner", MaxSessionDuration=3600)
    after = house.ask(me, "iam:GetRole", RoleName="runner")["Role"]
    assert (after["MaxSessionDuration"], after["Description"]) == (3600, "runs notebooks")
    house.ask(me, "iam:UntagRole", RoleName="runner", TagKeys=["lake"])
    assert house.ask(me, "iam:ListRoleTags", RoleName="runner")["Tags"] == []


def test_a_role_goes_when_nothing_hangs_on_it(house: House) -> None:
    me = house.management
    house.make_role(me, "runner", allow("s3:*"))
    house.ask(me, "iam:AttachRolePolicy", RoleName="runner", PolicyArn=ADMINISTRATOR)
    assert house.code(me, "iam:DeleteRole", RoleName="runner") == "DeleteConflict"
    house.ask(me, "iam:DetachRolePolicy", RoleName="runner", PolicyArn=ADMINISTRATOR)
    assert house.code(me, "iam:DeleteRole", RoleName="runner") == "DeleteConflict"
    house.ask(me, "iam:DeleteRolePolicy", RoleName="runner", PolicyName="rights")
    house.ask(me, "iam:DeleteRole", RoleName="runner")
    assert house.code(me, "iam:GetRole", RoleName="runner") == "NoSuchEntity"


def test_a_session_of_a_role_that_is_gone_may_do_nothing(house: House) -> None:
    me = house.management
    arn = house.make_role(me, "runner", allow("iam:ListRoles"))
    session = house.assume(me, arn)
    assert house.code(session, "iam:ListRoles") == ""
    house.ask(me, "iam:DeleteRolePolicy", RoleName="runner", PolicyName="rights")
    assert house.code(session, "iam:ListRoles") == "AccessDenied"
    house.ask(me, "iam:DeleteRole", RoleName="runner")
    assert house.code(session, "iam:ListRoles") == "AccessDenied"


def test_role_names_are_unique_whatever_their_case(house: House) -> None:
    house.make_role(house.management, "runner")
    again = house.refusal(
        house.management, "iam:CreateRole", RoleName="Runner", AssumeRolePolicyDocument=TRUST_GLUE, Path="/other/"
    )
    assert again is not None and (again.code, again.status) == ("EntityAlreadyExists", 409)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"RoleName": "a b"}, "ValidationError"),
        ({"RoleName": "x" * 65}, "ValidationError"),
        ({"Path": "lake/"}, "ValidationError"),
        ({"Path": "/aws-service-role/x/"}, "InvalidInput"),
        ({"MaxSessionDuration": 60}, "ValidationError"),
        ({"MaxSessionDuration": 43_201}, "ValidationError"),
        ({"AssumeRolePolicyDocument": "{"}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": document(allow("sts:AssumeRole"))}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": document(trusts("999999999999"))}, "MalformedPolicyDocument"),
        (
            {"AssumeRolePolicyDocument": document(trusts("arn:aws:iam::999999999999:role/x"))},
            "MalformedPolicyDocument",
        ),
        (
            {"AssumeRolePolicyDocument": document(trusts({"Service": [f"s{n}.amazonaws.com" for n in range(150)]}))},
            "LimitExceeded",
        ),
        ({"PermissionsBoundary": "arn:aws:iam::aws:policy/None"}, "NoSuchEntity"),
        ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "LimitExceeded"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "InvalidInput"),
    ],
)
def test_a_role_that_aws_would_not_make_is_not_made(house: House, parameters: dict[str, Any], code: str) -> None:
    given = {"RoleName": "runner", "AssumeRolePolicyDocument": TRUST_GLUE, **parameters}
    assert house.code(house.management, "iam:CreateRole", **given) == code
    assert house.code(house.management, "iam:GetRole", RoleName=given["RoleName"]) == "NoSuchEntity"


def test_inline_policies_share_one_limit_that_white_space_does_not_count_towards(house: House) -> None:
    me = house.management
    house.make_role(me, "runner")
    half = document(allow("s3:GetObject", [f"arn:aws:s3:::bucket-{n:04}/*" for n in range(180)]))
    assert 5_120 < len("".join(half.split())) < 10_240
    spaced = half.replace(",", ", " + " " * 90)
    house.ask(me, "iam:PutRolePolicy", RoleName="runner", PolicyName="one", PolicyDocument=spaced)
    second = {"RoleName": "runner", "PolicyName": "two", "PolicyDocument": half}
    assert house.code(me, "iam:PutRolePolicy", **second) == "LimitExceeded"
    house.ask(me, "iam:PutRolePolicy", **{**second, "PolicyName": "one"})
    assert house.ask(me, "iam:ListRolePolicies", RoleName="runner")["PolicyNames"] == ["one"]
    kept = house.ask(me, "iam:GetRolePolicy", RoleName="runner", PolicyName="one")["PolicyDocument"]
    assert unquote(kept) == half


def test_service_linked_roles_are_changed_by_nobody(organized: House) -> None:
    admin = organized.admin(organized.member("ewr"))
    named = {"RoleName": "AWSServiceRoleForOrganizations"}
    for operation, more in {
        "iam:DeleteRole": {},
        "iam:UpdateRole": {"Description": "mine"},
        "iam:PutRolePolicy": {"PolicyName": "x", "PolicyDocument": document(allow("*"))},
        "iam:UpdateAssumeRolePolicy": {"PolicyDocument": TRUST_GLUE},
        "iam:TagRole": {"Tags": [{"Key": "a", "Value": "b"}]},
    }.items():
        assert organized.code(admin, operation, **named, **more) == "UnmodifiableEntity", operation


def test_a_service_linked_role_is_made_for_services_that_are_played(house: House) -> None:
    service = "member.org.stacksets.cloudformation.amazonaws.com"
    made = house.ask(house.management, "iam:CreateServiceLinkedRole", AWSServiceName=service)["Role"]
    assert made["Path"] == f"/aws-service-role/{service}/"
    again = house.code(house.management, "iam:CreateServiceLinkedRole", AWSServiceName=service)
    assert again == "InvalidInput"
    other = house.code(house.management, "iam:CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com")
    assert other == "NotPlayed"


@pytest.mark.parametrize("operation", ["CreateUser", "CreateAccessKey", "SimulatePrincipalPolicy", "CreateGroup"])
def test_what_is_not_played_is_refused_by_name(house: House, operation: str) -> None:
    error = house.refusal(house.management, f"iam:{operation}")
    assert error is not None and error.code == "NotPlayed" and operation in error.message


def test_roles_come_in_pages(house: House) -> None:
    names = [f"role-{number:02}" for number in range(7)]
    for name in names:
        house.make_role(house.management, name, Path="/many/")
    asked = {"PathPrefix": "/many/", "MaxItems": 3}
    first = house.ask(house.management, "iam:ListRoles", **asked)
    assert first["IsTruncated"] and len(first["Roles"]) == 3
    seen = [role["RoleName"] for role in first["Roles"]]
    house.ask(house.management, "iam:DeleteRole", RoleName="role-01")
    second = house.ask(house.management, "iam:ListRoles", **asked, Marker=first["Marker"])
    third = house.ask(house.management, "iam:ListRoles", **asked, Marker=second["Marker"])
    seen += [role["RoleName"] for part in (second, third) for role in part["Roles"]]
    assert seen == names and not third["IsTruncated"]
    assert house.code(house.management, "iam:ListRoles", Marker="not a marker") == "ValidationError"


def test_what_was_acknowledged_is_there_after_a_restart(house: House) -> None:
    arn = house.make_role(house.management, "runner", allow("iam:GetRole"))
    house.cloud.close()
    again = House(house.cloud.directory)
    try:
        assert again.ask(again.cloud.as_role(arn, "s"), "iam:GetRole", RoleName="runner")["Role"]["Arn"] == arn
    finally:
        again.cloud.close()


def test_a_deny_with_a_boundary_condition_holds(house: House) -> None:
    me = house.management
    boundary = house.ask(me, "iam:CreatePolicy", PolicyName="edge", PolicyDocument=document(allow("s3:*")))["Policy"]
    maker = house.make_role(
        me,
        "maker",
        allow("iam:CreateRole", Condition={"StringEquals": {"iam:PermissionsBoundary": boundary["Arn"]}}),
        deny("iam:CreateRole", "arn:aws:iam::*:role/lake/*"),
    )
    caller = house.cloud.as_role(maker, "test")
    asked = {"RoleName": "made", "AssumeRolePolicyDocument": TRUST_GLUE}
    assert house.code(caller, "iam:CreateRole", **asked) == "AccessDenied"
    bounded = {**asked, "PermissionsBoundary": boundary["Arn"]}
    assert house.code(caller, "iam:CreateRole", **bounded, Path="/lake/") == "AccessDenied"
    assert house.code(caller, "iam:CreateRole", **bounded, Tags=[{"Key": "a", "Value": "b"}]) == "AccessDenied"
    assert house.code(caller, "iam:CreateRole", **bounded) == ""
