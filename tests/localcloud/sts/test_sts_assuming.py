"""Assuming roles: who is let in, and what stays with the session."""

from __future__ import annotations

from typing import Any

import pytest
from house import House, allow, document, trusts

FOR_TAIL = {"StringEquals": {"sts:ExternalId": "tail"}}
ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def _caller(house: House, account: str, name: str = "caller", *more: dict[str, Any]) -> Any:
    arn = house.make_role(house.admin(account), name, allow("sts:*"), *more)
    return house.cloud.as_role(arn, "test")


@pytest.fixture
def two(organized: House) -> tuple[House, str, str]:
    """A house with two accounts."""
    return organized, organized.member("ewr"), organized.member("jfk")


@pytest.mark.parametrize(
    ("trust", "parameters", "code"),
    [
        (trusts("@ewr"), {}, ""),
        (trusts("arn:aws:iam::@ewr:root"), {}, ""),
        (trusts("arn:aws:iam::@ewr:role/caller"), {}, ""),
        (trusts("arn:aws:iam::@ewr:role/OrganizationAccountAccessRole"), {}, "AccessDenied"),
        (trusts("@jfk"), {}, "AccessDenied"),
        (trusts({"Service": "glue.amazonaws.com"}), {}, "AccessDenied"),
        (trusts("@ewr", Condition=FOR_TAIL), {"ExternalId": "tail"}, ""),
        (
            trusts("@ewr", Condition=FOR_TAIL),
            {"ExternalId": "nose"},
            "AccessDenied",
        ),
        (trusts("@ewr", Condition=FOR_TAIL), {}, "AccessDenied"),
        (trusts("@ewr", Condition={"StringLike": {"sts:RoleSessionName": "run-*"}}), {}, "AccessDenied"),
        (trusts("@ewr"), {"Tags": [{"Key": "run", "Value": "1"}]}, "AccessDenied"),
        (trusts("@ewr", ALL), {"Tags": [{"Key": "run", "Value": "1"}]}, ""),
        (trusts("@ewr"), {"SourceIdentity": "commit"}, "AccessDenied"),
        (trusts("@ewr", ALL), {"SourceIdentity": "commit"}, ""),
        (
            trusts("@ewr", ALL, Condition={"StringLike": {"aws:RequestTag/tenant": "?*"}}),
            {"Tags": [{"Key": "tenant", "Value": "acme"}]},
            "",
        ),
        (trusts("@ewr", ALL, Condition={"StringLike": {"aws:RequestTag/tenant": "?*"}}), {}, "AccessDenied"),
        (
            trusts("@ewr", ALL, Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["tenant"]}}),
            {"Tags": [{"Key": "tenant", "Value": "acme"}, {"Key": "admin", "Value": "yes"}]},
            "AccessDenied",
        ),
    ],
)
def test_the_trust_policy_decides_who_comes_from_another_account(
    two: tuple[House, str, str], trust: dict[str, Any], parameters: dict[str, Any], code: str
) -> None:
    house, ewr, jfk = two
    caller = _caller(house, ewr)
    text = document(trust).replace("@ewr", ewr).replace("@jfk", jfk)
    target = house.make_role(house.admin(jfk), "target", trust=text)
    asked = {"RoleArn": target, "RoleSessionName": "next", **parameters}
    assert house.code(caller, "sts:AssumeRole", **asked) == code


def test_both_accounts_must_allow(two: tuple[House, str, str]) -> None:
    house, ewr, jfk = two
    weak = house.cloud.as_role(house.make_role(house.admin(ewr), "weak", allow("s3:*")), "test")
    target = house.make_role(house.admin(jfk), "target", trust=document(trusts(ewr)))
    refused = house.refusal(weak, "sts:AssumeRole", RoleArn=target, RoleSessionName="next")
    assert refused is not None and refused.code == "AccessDenied" and refused.status == 403
    assert "no identity-based policy allows the sts:AssumeRole action" in refused.message


def test_a_role_that_does_not_exist_looks_like_one_that_may_not_be_assumed(two: tuple[House, str, str]) -> None:
    house, ewr, jfk = two
    refused = house.refusal(
        house.admin(ewr), "sts:AssumeRole", RoleArn=f"arn:aws:iam::{jfk}:role/none", RoleSessionName="next"
    )
    assert refused is not None and refused.code == "AccessDenied" and "not authorized" in refused.message


def test_a_session_says_who_it_is_and_has_the_roles_tags_beneath_its_own(house: House) -> None:
    me = house.management
    arn = house.make_role(
        me,
        "runner",
        allow("sts:*"),
        trust=document(trusts(me.account, ALL)),
        Path="/lake/run/",
        Tags=[{"Key": "lake", "Value": "nyc"}, {"Key": "stage", "Value": "dev"}],
    )
    answer = house.ask(
        me,
        "sts:AssumeRole",
        RoleArn=arn,
        RoleSessionName="run-1",
        SourceIdentity="c0ffee",
        Tags=[{"Key": "stage", "Value": "prod"}],
    )
    session_arn = f"arn:aws:sts::{me.account}:assumed-role/runner/run-1"
    assert answer["AssumedRoleUser"]["Arn"] == session_arn
    assert answer["SourceIdentity"] == "c0ffee" and answer["PackedPolicySize"] > 0
    keys = answer["Credentials"]
    session = house.cloud.sessions.find(keys["AccessKeyId"])
    assert session is not None and session.secret == keys["SecretAccessKey"] and session.token == keys["SessionToken"]
    principal = session.caller.principal
    assert principal.arn == arn and dict(principal.tags) == {"lake": "nyc", "stage": "prod"}
    role_id = house.ask(me, "iam:GetRole", RoleName="runner")["Role"]["RoleId"]
    assert house.ask(session.caller, "sts:GetCallerIdentity") == {
        "UserId": f"{role_id}:run-1",
        "Account": me.account,
        "Arn": session_arn,
    }
    assert house.ask(me, "sts:GetAccessKeyInfo", AccessKeyId=keys["AccessKeyId"]) == {"Account": me.account}


def test_the_source_identity_stays_through_a_chain_and_cannot_be_changed(house: House) -> None:
    me = house.management
    open_trust = document(trusts(me.account, ALL))
    first = house.make_role(me, "first", allow("sts:*"), trust=open_trust)
    second = house.make_role(me, "second", trust=open_trust)
    narrow = house.make_role(me, "narrow", trust=document(trusts(me.account)))
    inside = house.assume(me, first, SourceIdentity="c0ffee")
    assert house.assume(inside, second).principal.source_identity == "c0ffee"
    assert house.assume(inside, second, SourceIdentity="c0ffee").principal.source_identity == "c0ffee"
    asked = {"RoleSessionName": "next"}
    assert house.code(inside, "sts:AssumeRole", RoleArn=second, SourceIdentity="other", **asked) == "AccessDenied"
    assert house.code(inside, "sts:AssumeRole", RoleArn=narrow, **asked) == "AccessDenied"


def test_transitive_tags_are_inherited_and_the_others_are_not(house: House) -> None:
    me = house.management
    open_trust = document(trusts(me.account, ALL))
    first = house.make_role(me, "first", allow("sts:*"), trust=open_trust)
    second = house.make_role(me, "second", allow("sts:*"), trust=open_trust)
    plain = house.make_role(me, "plain", trust=document(trusts(me.account)))
    tags = [{"Key": "tenant", "Value": "acme"}, {"Key": "run", "Value": "1"}]
    inside = house.assume(me, first, Tags=tags, TransitiveTagKeys=["tenant"])
    deeper = house.assume(house.assume(inside, second), second)
    assert dict(deeper.principal.tags) == {"tenant": "acme"}
    asked = {"RoleArn": second, "RoleSessionName": "next"}
    other = [{"Key": "Tenant", "Value": "other"}]
    assert house.code(inside, "sts:AssumeRole", **asked, Tags=other) == "InvalidParameterValue"
    assert house.code(inside, "sts:AssumeRole", **{**asked, "RoleArn": plain}) == "AccessDenied"
    assert house.code(me, "sts:AssumeRole", **asked, TransitiveTagKeys=["none"]) == "ValidationError"


def test_a_session_policy_narrows_and_never_widens(house: House) -> None:
    me = house.management
    arn = house.make_role(me, "runner", allow(["iam:GetRole", "iam:ListRolePolicies"]))
    only = document(allow(["iam:GetRole", "iam:ListRoles"]))
    inside = house.assume(me, arn, Policy=only)
    assert house.code(inside, "iam:GetRole", RoleName="runner") == ""
    refused = house.refusal(inside, "iam:ListRolePolicies", RoleName="runner")
    assert refused is not None and "no session policy allows" in refused.message
    assert house.code(inside, "iam:ListRoles") == "AccessDenied"
    managed = house.ask(me, "iam:CreatePolicy", PolicyName="narrow", PolicyDocument=only)["Policy"]["Arn"]
    inside = house.assume(me, arn, PolicyArns=[{"arn": managed}])
    assert house.code(inside, "iam:GetRole", RoleName="runner") == ""
    assert house.code(inside, "iam:ListRolePolicies", RoleName="runner") == "AccessDenied"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"RoleSessionName": "a b"}, "ValidationError"),
        ({"RoleSessionName": "x"}, "ValidationError"),
        ({"DurationSeconds": 899}, "ValidationError"),
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"SourceIdentity": "aws:me"}, "ValidationError"),
        ({"Policy": document(allow("s3:*", ["arn:aws:s3:::x" + "y" * 2048]))}, "ValidationError"),
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/None"}]}, "MalformedPolicyDocument"),
        ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": "x"}, {"Key": "A", "Value": "y"}]}, "InvalidParameterValue"),
        ({"Tags": [{"Key": f"k{n}", "Value": "v" * 250} for n in range(20)]}, "PackedPolicyTooLarge"),
        ({"SerialNumber": "123456789", "TokenCode": "123456"}, "NotPlayed"),
    ],
)
def test_a_session_that_aws_would_not_issue_is_not_issued(house: House, parameters: dict[str, Any], code: str) -> None:
    me = house.management
    arn = house.make_role(me, "runner", trust=document(trusts(me.account, ALL)), MaxSessionDuration=43_200)
    given = {"RoleArn": arn, "RoleSessionName": "next", **parameters}
    assert house.code(me, "sts:AssumeRole", **given) == code


def test_credentials_end_when_they_say(house: House) -> None:
    me = house.management
    arn = house.make_role(me, "runner")
    answer = house.ask(me, "sts:AssumeRole", RoleArn=arn, RoleSessionName="next", DurationSeconds=900)
    left = answer["Credentials"]["Expiration"] - house.cloud.clock.now()
    assert 890 < left.total_seconds() <= 900


def test_the_chain_of_trust_within_one_account_still_asks_the_role(organized: House) -> None:
    admin = organized.admin(organized.member("ewr"))
    arn = organized.make_role(admin, "runner", trust=document(trusts({"Service": "glue.amazonaws.com"})))
    refused = organized.refusal(admin, "sts:AssumeRole", RoleArn=arn, RoleSessionName="next")
    assert refused is not None and refused.code == "AccessDenied" and "role trust policy" in refused.message


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("GetSessionToken", {}, "AccessDenied"),
        ("GetAccessKeyInfo", {"AccessKeyId": "ASIA"}, "ValidationError"),
        ("AssumeRoleWithWebIdentity", {}, "NotPlayed"),
        ("AssumeRoleWithSAML", {}, "NotPlayed"),
    ],
)
def test_what_a_session_of_a_role_cannot_ask(
    house: House, operation: str, parameters: dict[str, str], code: str
) -> None:
    assert house.code(house.management, f"sts:{operation}", **parameters) == code


def test_a_refusal_is_in_the_decision_log_with_the_statement_that_nearly_matched(two: tuple[House, str, str]) -> None:
    house, ewr, jfk = two
    target = house.make_role(house.admin(jfk), "target", trust=document(trusts(ewr, Sid="Tail", Condition=FOR_TAIL)))
    assert house.code(house.admin(ewr), "sts:AssumeRole", RoleArn=target, RoleSessionName="next") == "AccessDenied"
    (newest,) = house.cloud.decisions.find(denied_only=True, limit=1)
    assert newest["resource"] == target
    assert "Tail" in newest["decision"]["text"] and "sts:ExternalId" in newest["decision"]["text"]
    missing = f"arn:aws:iam::{jfk}:role/none"
    assert house.code(house.admin(ewr), "sts:AssumeRole", RoleArn=missing, RoleSessionName="next") == "AccessDenied"
    (newest,) = house.cloud.decisions.find(denied_only=True, limit=1)
    assert newest["resource"] == missing
